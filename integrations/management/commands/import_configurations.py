"""``manage.py import_configurations FILE``: whole configurations; secrets never come from the file."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandParser
from django.views.decorators.debug import sensitive_variables

from integrations.management.import_command import add_import_arguments, refuse, run_import
from integrations.management.output import command_actor, with_example
from integrations.services.audit import Batch
from integrations.services.imports import ImportOptions, Secrets, import_configurations

VARIABLE = "PORTAL_IMPORT_SECRETS"
MOST_CHARACTERS = 1_000_000


class Command(BaseCommand):
    """Ends with 0 when every row is good, 1 when rows failed, 2 when the file as a whole was refused."""

    help = (
        "Import configurations (instances with their filters and schedules) from a file of "
        "export_configurations. Secrets are a JSON object by configuration name, like "
        '{"Main": {"secret": "...", "tracking_identifier": "..."}}, '
        f"from the environment variable {VARIABLE} or, with --secrets-stdin, from the standard input. They "
        "are checked with Autotask first. A new configuration without secrets is stored as not verified."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        add_import_arguments(parser)
        parser.add_argument(
            "--secrets-stdin", action="store_true", help="read the secrets from the standard input"
        )
        with_example(
            parser,
            "import_configurations configurations.json --dry-run",
            "import_configurations configurations.json --secrets-stdin < secrets.json",
        )

    def handle(self, **options: Any) -> None:
        if options["secrets_stdin"] and options["file"] == "-":
            refuse("The standard input cannot hold both the file and the secrets.")
        secrets = read_secrets(from_stdin=options["secrets_stdin"])
        actor, name = command_actor("import_configurations"), Path(options["file"]).name
        run_import(
            self,
            options,
            lambda stream, _: import_configurations(
                Batch(actor),
                stream,
                secrets,
                ImportOptions(options["dry_run"], options["keep_good"], file_name=name),
            ),
        )


@sensitive_variables()
def read_secrets(*, from_stdin: bool) -> Secrets:
    """The secrets by configuration name. A text that is no such object is refused without showing it."""
    text = sys.stdin.read(MOST_CHARACTERS) if from_stdin else os.environ.get(VARIABLE, "")
    if not text.strip():
        return {}
    try:
        secrets = json.loads(text)
    except (ValueError, RecursionError):
        secrets = None
    if not isinstance(secrets, dict) or not all(
        isinstance(values, dict) and all(isinstance(value, str) for value in values.values())
        for values in secrets.values()
    ):
        refuse("The secrets must be a JSON object of objects of texts, by configuration name.")
    return secrets
