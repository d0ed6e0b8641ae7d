"""``manage.py unlock_login USERNAME``: forget somebody's failed sign-ins."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from integrations.management.output import WRONG_USE, command_actor, with_example
from integrations.services.audit import Batch
from portal.unlock import UnknownUser, unlock_login


class Command(BaseCommand):
    """Ends with 2 for an unknown user name."""

    help = "Let somebody sign in again who mistyped too often. Other people's limits stay."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("username", metavar="USERNAME", help="in any letter case")
        with_example(parser, "unlock_login olivia")

    def handle(self, **options: Any) -> None:
        try:
            failures = unlock_login(Batch(command_actor("unlock_login")), options["username"])
        except UnknownUser as error:
            raise CommandError(
                f"Nobody has the user name “{options['username']}”.", returncode=WRONG_USE
            ) from error
        self.stdout.write(
            f"{failures:,} failed sign-in{'' if failures == 1 else 's'} of {options['username']} forgotten."
        )
