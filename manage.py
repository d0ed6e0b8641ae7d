#!/usr/bin/env python
"""Django's command line."""

import os
import sys
from typing import NoReturn

from portal.listen import check_command_line


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
    """Run one management command; a closed pipe and Ctrl-C end it in one line.

    What a command writes, it writes in transactions: what was under way is not there.
    """
    try:
        check_command_line(sys.argv[1:])
    except ValueError as error:
        end(str(error), 1)
    offline = works_on_files_alone(sys.argv[1:])
    os.environ.setdefault(
        "DJANGO_SETTINGS_MODULE", "portal.settings_offline" if offline else "portal.settings"
    )
    from django.core.exceptions import ImproperlyConfigured
    from django.core.management import execute_from_command_line

    try:
        execute_from_command_line(sys.argv)
        sys.stdout.flush()
    except BrokenPipeError:
        # The rest in the buffer would fail once more when Python ends.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        end("Nobody reads the output any more. What was under way was not written.", 141)
    except ImproperlyConfigured as error:  # a sentence for whoever runs the portal
        end(str(error), 1)
    except KeyboardInterrupt:
        end("Stopped. What was under way was not written.", 130)


def end(text: str, code: int) -> NoReturn:
    """Say why, and end as a shell expects it."""
    sys.stderr.write(f"{text}\n")
    sys.exit(code)


if __name__ == "__main__":
    main()
