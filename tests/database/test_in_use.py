"""The lock by which a restore notices who runs: shared by who shares the database, plain where it fails."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from django.core.exceptions import ImproperlyConfigured
from django.db import connection

import manage
from integrations.database import in_use
from integrations.database.in_use import hold, holding, is_held, is_in_use
from tests.support.processes import ROOT, environment


def test_who_shares_a_sqlite_file_shares_the_lock_whatever_the_data_folders(
    tmp_path: Path, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As containers do that have nothing else in common; also where a link leads to the file."""
    for name in ("one", "two", "shared"):
        (tmp_path / name).mkdir()
    (tmp_path / "two" / "link.sqlite3").symlink_to(tmp_path / "shared" / "portal.sqlite3")
    monkeypatch.setattr(connection, "vendor", "sqlite")
    monkeypatch.setattr(connection, "is_in_memory_db", lambda: False, raising=False)

    settings.DATA_DIR = tmp_path / "one"
    monkeypatch.setitem(connection.settings_dict, "NAME", str(tmp_path / "shared" / "portal.sqlite3"))
    with in_use.in_use():
        settings.DATA_DIR = tmp_path / "two"
        monkeypatch.setitem(connection.settings_dict, "NAME", str(tmp_path / "two" / "link.sqlite3"))
        assert is_in_use()
    assert not is_in_use()


@pytest.mark.parametrize("ask", [hold, is_held])
def test_what_is_no_file_says_what_to_do(ask: object, tmp_path: Path) -> None:
    (tmp_path / "a.lock").mkdir()
    with pytest.raises(ImproperlyConfigured, match=r"a\.lock cannot be opened .* Is a directory.*move"):
        ask(tmp_path / "a.lock")  # type: ignore[operator]


@pytest.mark.parametrize("ask", [hold, is_held])
def test_a_file_of_another_user_says_what_to_do(
    ask: object, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The tests may run as root, whom nothing is refused."""

    def refuse(*_: object) -> int:
        raise PermissionError(13, "Permission denied")

    (tmp_path / "a.lock").touch()
    monkeypatch.setattr(os, "open", refuse)
    with pytest.raises(ImproperlyConfigured, match=r"a\.lock cannot be opened .*chown"):
        ask(tmp_path / "a.lock")  # type: ignore[operator]


def test_a_disk_that_takes_no_changes_holds_nobody_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> int:
        raise OSError(30, "Read-only file system")

    monkeypatch.setattr(os, "open", refuse)
    with holding(tmp_path / "a.lock"):
        assert not is_held(tmp_path / "a.lock")


@pytest.mark.parametrize(
    ("command", "lock"),
    [("prepare", "prepare.lock"), ("worker", in_use.NAME), ("web", in_use.NAME), ("serve", "serve.lock")],
)
def test_no_command_shows_a_traceback_for_a_lock_that_it_cannot_have(
    command: str, lock: str, tmp_path: Path, settings: Any, monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    (tmp_path / lock).mkdir()
    settings.DATA_DIR = tmp_path
    monkeypatch.setattr(in_use, "_path", lambda: tmp_path / in_use.NAME)
    monkeypatch.setattr(sys, "argv", ["manage.py", command])
    with pytest.raises(SystemExit) as ended:
        manage.main()
    assert ended.value.code == 1
    assert f"{lock} cannot be opened for its lock" in capsys.readouterr().err


@pytest.mark.process
def test_a_missing_key_is_told_in_one_line() -> None:
    ended = subprocess.run(
        [sys.executable, "manage.py", "check"], cwd=ROOT,
        env=environment(DJANGO_SETTINGS_MODULE="portal.settings", PORTAL_ENCRYPTION_KEYS=""),
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert (ended.returncode, len(ended.stderr.splitlines())) == (1, 1), ended.stderr
    assert "PORTAL_ENCRYPTION_KEYS is not set" in ended.stderr
