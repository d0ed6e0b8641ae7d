"""``manage.py create_api_token``: a token for another program, printed once."""

from __future__ import annotations

import datetime as dt
import json
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone
from django.views.decorators.debug import sensitive_variables

from integrations.management.output import (
    WRONG_USE,
    chosen_instances,
    command_actor,
    keep_output_private,
    with_example,
)
from integrations.models import ApiToken, Right
from integrations.models.tokens import parse_networks
from integrations.services.audit import Batch
from integrations.services.read_api import LONGEST_DAYS, TokenSpec, create_token

LONGEST_NAME = 100


class Command(BaseCommand):
    """The token, which belongs to the portal, goes to the standard output; wrong use ends with 2."""

    help = (
        "Make a token for another program. It is printed once and kept nowhere; put it straight into a file "
        "or a secret store. Tokens are listed and revoked in the browser."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("name", metavar="NAME", help="which program will use it")
        parser.add_argument(
            "--right", action="append", default=[], choices=[right.value for right in Right],
            help="what it may read; repeat for more",
        )  # fmt: skip
        parser.add_argument("--all-rights", action="store_true", help="it may read everything")
        parser.add_argument(
            "--instance", action="append", default=[], metavar="NAME",
            help="only this configuration; repeat for more (default: all)",
        )  # fmt: skip
        parser.add_argument(
            "--days", type=int, metavar="N", help=f"valid for (default: 365, at most {LONGEST_DAYS})"
        )
        parser.add_argument(
            "--from", action="append", default=[], metavar="RANGE", dest="networks",
            help="only from this address or range, like 10.0.0.0/8; repeat for more (default: from anywhere)",
        )  # fmt: skip
        parser.add_argument("--format", choices=["table", "json"], default="table")
        with_example(parser, "create_api_token Billing --right resolve --days 365 > billing.token")

    @sensitive_variables("plain")
    def handle(self, **options: Any) -> None:
        """Make the token and print it."""
        keep_output_private(self)
        token, plain = create_token(Batch(command_actor("create_api_token")), _spec(options))
        if options["format"] == "json":
            self.stdout.write(json.dumps(_row(token) | {"token": plain}, indent=1))
        else:
            self.stdout.write(plain)
            self.stderr.write(_sentence(token))


def _spec(options: dict[str, Any]) -> TokenSpec:
    name, days = options["name"].strip(), options["days"]
    if not 0 < len(name) <= LONGEST_NAME:
        raise CommandError(f"A name has 1 to {LONGEST_NAME} characters.", returncode=WRONG_USE)
    if bool(options["right"]) == options["all_rights"]:
        raise CommandError("Give either --right (as often as needed) or --all-rights.", returncode=WRONG_USE)
    if days is not None and not 1 <= days <= LONGEST_DAYS:
        raise CommandError(f"--days must lie between 1 and {LONGEST_DAYS}.", returncode=WRONG_USE)
    instances = chosen_instances(options["instance"], every=False) if options["instance"] else []
    rights = tuple(Right) if options["all_rights"] else tuple(Right(right) for right in options["right"])
    expires_at = timezone.now() + dt.timedelta(days=days) if days else None
    try:
        networks = parse_networks(" ".join(options["networks"]))
    except ValueError as error:
        raise CommandError(str(error), returncode=WRONG_USE) from error
    return TokenSpec(name, rights, instances, expires_at, for_portal=True, networks=networks)


def _row(token: ApiToken) -> dict[str, Any]:
    return {
        "name": token.name,
        "prefix": token.prefix,
        "rights": token.rights,
        "instances": [instance.name for instance in token.instances.all()] if token.limited else "all",
        "networks": token.networks or "all",
        "expires_at": token.expires_at.isoformat(),
    }


def _sentence(token: ApiToken) -> str:
    row = _row(token)
    where = "all configurations" if row["instances"] == "all" else ", ".join(row["instances"])
    networks = f" from {', '.join(token.networks)}" if token.networks else ""
    until = f"until {timezone.localtime(token.expires_at):%Y-%m-%d}"
    return f"{token.prefix}… may read {', '.join(token.rights)} in {where}{networks}, {until}."
