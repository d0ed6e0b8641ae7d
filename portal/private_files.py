"""What the portal writes to disk is for its own user alone."""

from __future__ import annotations

import os
import stat
from pathlib import Path

from django.core.exceptions import ImproperlyConfigured

OTHERS = stat.S_IRWXG | stat.S_IRWXO
NEEDED = ("static", "static/staticfiles.json", "metrics")  # in the folder of the portal's data
# Beside a SQLite file, which lends them its mode when they are made.
BESIDE = ("", "-wal", "-shm", "-journal")


def make_files_private() -> None:
    """From now on this process, and all that it starts, makes files for its own user alone."""
    os.umask(OTHERS)


def make_folder(path: Path) -> None:
    """Make the folder where it is missing. Raises ImproperlyConfigured when that cannot be."""
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ImproperlyConfigured(
            f"PORTAL_DATA_DIR names {path}, which is no folder and cannot be made one "
            f"({os.strerror(error.errno or 0)}). Make it, for the user that the portal runs as."
        ) from error


def refuse_files_of_others(folder: Path) -> None:
    """Raises ImproperlyConfigured where somebody else has left what the portal needs, and it cannot be read.

    So root does, who runs the portal's commands once. What else lies in the folder is nobody's business.
    """
    for path in (folder, *(folder / name for name in NEEDED)):
        try:
            owner = path.stat().st_uid
        except FileNotFoundError:
            continue
        if not os.access(path, os.R_OK | os.X_OK if path.is_dir() else os.R_OK):
            raise ImproperlyConfigured(_whose(path, owner, folder))


def _whose(path: Path, owner: int, folder: Path) -> str:
    return (
        f"{path} cannot be read by this user (it belongs to user {owner}): run the portal's commands as its "
        f"owner, or give the whole folder to the portal's user: chown -R USER {folder}"
    )


def keep_private(database: Path) -> None:
    """Close a SQLite file, and what SQLite keeps beside it, to other users of the machine.

    Raises ImproperlyConfigured for a file of somebody else. One that cannot even be read does not become ours
    by waiting, as one that cannot be written may; SQLite says the same of both.
    """
    for path in (database.with_name(f"{database.name}{ending}") for ending in BESIDE):
        try:
            mode = stat.S_IMODE(path.stat().st_mode)
            if mode & OTHERS:
                path.chmod(mode & ~OTHERS)
            if not os.access(path, os.R_OK):
                raise ImproperlyConfigured(_whose(path, path.stat().st_uid, path.parent))
        except FileNotFoundError:
            continue
        except PermissionError as error:
            raise ImproperlyConfigured(
                f"{path} can be read by other users of this machine, and belongs to somebody else: run the "
                "portal as its owner, or chmod 600 it."
            ) from error


def close_output(number: int) -> None:
    """Close the file that this output of the process goes to, if it is a file, to other users.

    The shell made it before the portal ran, readable for everybody by its own habit.
    """
    mode = os.fstat(number).st_mode
    if stat.S_ISREG(mode) and stat.S_IMODE(mode) & OTHERS:
        os.fchmod(number, stat.S_IMODE(mode) & ~OTHERS)
