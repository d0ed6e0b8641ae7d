#!/usr/bin/env python
"""Django's command line."""

import os
import sys


def works_on_files_alone(arguments: list[str]) -> bool:
    """Whether a command line (without the program's name) needs no database and no secret.

    Such a command runs in a plain checkout, where no setting is made. Every other one refuses to start
    without the portal's settings.
    """
    command, rest = (arguments[0], arguments[1:]) if arguments else ("", [])
    if command == "autotask_simulator":
        return True
    return command == "suggest_mappings" and any(
        word in {"--organizations", "-h", "--help"} or word.startswith("--organizations=") for word in rest
    )


def main() -> None:
    """Run one management command."""
    offline = works_on_files_alone(sys.argv[1:])
    os.environ.setdefault(
        "DJANGO_SETTINGS_MODULE", "portal.settings_offline" if offline else "portal.settings"
    )
    from django.core.management import execute_from_command_line

    execute_from_command_line(sys.argv)


if __name__ == "__main__":
    main()
