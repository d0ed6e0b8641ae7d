"""The file of a backup: a tar of ``manifest.json`` and the database as its own tool writes it."""

from __future__ import annotations

import hashlib
import json
import os
import tarfile
import tempfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import IO, Any

MANIFEST, CONTENT = "manifest.json", "database"
CHUNK = 1024 * 1024
# What reading a file that is cut, damaged or of something else may raise.
DAMAGED = (tarfile.TarError, KeyError, ValueError, TypeError, AttributeError, EOFError, zlib.error)


class BackupFailed(Exception):
    """It was not made, not right, or not restored; the text says why and what to do."""


@dataclass(frozen=True)
class Manifest:
    """What a backup holds: rows and sums by table, and the SHA-256 of each other part by its name."""

    made_at: str
    vendor: str
    tables: dict[str, list[int]]
    sha256: dict[str, str] = field(default_factory=dict)  # earlier versions wrote none
    migrations: list[str] = field(default_factory=list)  # "app.name" of each; earlier versions wrote none

    @property
    def rows(self) -> int:
        """How many rows there are in all."""
        return sum(count for count, _ in self.tables.values())

    def differences(self, other: dict[str, list[int]]) -> list[str]:
        """The tables in which something else is."""
        return sorted(name for name in {*self.tables, *other} if self.tables.get(name) != other.get(name))


def write(path: Path, manifest: Manifest, content: Path) -> None:
    """Write the file, readable for its owner alone, and wait until it is on the disk."""
    described = content.with_name(MANIFEST)
    described.write_text(json.dumps(asdict(manifest)), encoding="utf-8")
    with tarfile.open(path, "w") as archive:
        archive.add(described, MANIFEST)
        archive.add(content, CONTENT)
    path.chmod(0o600)
    to_disk(path)


@contextmanager
def opened(path: Path, vendor: str, folder: Path) -> Iterator[tuple[Manifest, Path]]:
    """What is in the file, once it was looked through: its database unpacked into ``folder`` meanwhile.

    Raises BackupFailed.
    """
    try:
        unpacked = tempfile.TemporaryDirectory(dir=folder, prefix=".restore-")
    except OSError as error:
        raise BackupFailed(f"Nothing was restored: no room to unpack in {folder} ({error}).") from error
    with unpacked as name:
        content = Path(name, CONTENT)
        try:
            with tarfile.open(path) as archive:
                manifest = _described(_part(archive, MANIFEST).read())
                if manifest.vendor != vendor:
                    raise BackupFailed(f"{path} is of {manifest.vendor}; this portal's database is {vendor}.")
                found = _unpack(_part(archive, CONTENT), content)
        except FileNotFoundError:
            raise BackupFailed(f"There is no file {path}.") from None
        except (*DAMAGED, OSError) as error:
            told = str(error).partition("\n")[0].rstrip(":") or type(error).__name__
            raise BackupFailed(f"{path} is no whole backup ({told}). Take another one.") from error
        if manifest.sha256 and manifest.sha256.get(CONTENT) != found:
            raise BackupFailed(
                f"{path} is no whole backup (it was changed after it was made: its database has another "
                "SHA-256). Take another one."
            )
        yield manifest, content


def _described(text: bytes) -> Manifest:
    described: dict[str, Any] = json.loads(text)
    if not isinstance(described["tables"], dict) or not isinstance(described.get("sha256", {}), dict):
        raise TypeError("its manifest is of another form")
    known = {each.name for each in fields(Manifest)}  # a later version may tell more
    return Manifest(**{name: value for name, value in described.items() if name in known})


def _part(archive: tarfile.TarFile, name: str) -> IO[bytes]:
    part = archive.extractfile(archive.getmember(name))
    if part is None:
        raise ValueError(f"{name} is no file")
    return part


def _unpack(source: IO[bytes], target: Path) -> str:
    """Copy it; its SHA-256. What the disk refuses is no fault of the backup."""
    digest = hashlib.sha256()
    try:
        file = os.fdopen(os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb")
    except OSError as error:
        raise BackupFailed(f"Nothing was restored: {error}") from error
    with file:
        while chunk := source.read(CHUNK):
            digest.update(chunk)
            try:
                file.write(chunk)
            except OSError as error:
                raise BackupFailed(f"Nothing was restored: no room in {target.parent} ({error}).") from error
    return digest.hexdigest()


def sha256_of(path: Path) -> str:
    """Of a whole file, in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def to_disk(path: Path) -> None:
    """Wait until a file, or the names in a folder, would outlive a power cut."""
    number = os.open(path, os.O_RDONLY)
    try:
        os.fsync(number)
    finally:
        os.close(number)
