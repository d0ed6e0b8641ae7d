"""What ``--bind`` says, read without Django, so that a senseless one ends a command at once."""

from __future__ import annotations

import argparse
import re
from pathlib import Path

COMMANDS = {"serve", "web"}
UNIX = "unix:"
ADDRESS = re.compile(r"(?P<host>\[[0-9A-Fa-f:.%]+\]|[^\s:/\[\]@]*):(?P<port>[0-9]{1,5})")


def read_bind(bind: str) -> tuple[str, int] | None:
    """Host ("" for all addresses) and port; None for a socket in the file system.

    Raises ValueError with a sentence where it is neither.
    """
    if bind.startswith(UNIX):
        path = Path(re.sub(r"^unix:(//)?", "", bind))
        if not path.name or not path.parent.is_dir():
            raise ValueError(f"--bind takes unix:/FOLDER/SOCKET of a folder that is there, not {bind!r}.")
        return None
    found = ADDRESS.fullmatch(bind)
    if found is None or not 0 < int(found["port"]) < 65_536:
        raise ValueError(f"--bind takes ADDRESS:PORT, as in 127.0.0.1:8000 or [::1]:8000, not {bind!r}.")
    return found["host"].strip("[]"), int(found["port"])


def check_command_line(arguments: list[str]) -> None:
    """Of a whole command line, without the program's name. Raises ValueError as ``read_bind`` does.

    All else that may be wrong in it is for Django to tell.
    """
    if not arguments or arguments[0] not in COMMANDS:
        return
    parser = argparse.ArgumentParser(add_help=False, exit_on_error=False)
    parser.add_argument("--bind")
    try:
        given, _ = parser.parse_known_args(arguments[1:])
    except argparse.ArgumentError:  # nothing stands behind --bind
        return
    if given.bind is not None:
        read_bind(given.bind)
