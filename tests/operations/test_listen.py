"""What ``--bind`` may say, told before anything else is looked at."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from portal.listen import check_command_line, read_bind
from tests.support.processes import ROOT


@pytest.mark.parametrize(
    ("bind", "read"),
    [
        ("127.0.0.1:8000", ("127.0.0.1", 8000)),
        ("portal-7.msp.example:1", ("portal-7.msp.example", 1)),
        ("[::1]:65535", ("::1", 65535)),
        (":8080", ("", 8080)),
        ("unix:/tmp/web.sock", None),
    ],
)
def test_an_address_and_a_socket_are_read(bind: str, read: tuple[str, int] | None) -> None:
    assert read_bind(bind) == read
    check_command_line(["web", "--threads", "4", f"--bind={bind}"])


@pytest.mark.parametrize(
    "bind",
    ["nonsense", "", "127.0.0.1", "127.0.0.1:", "127.0.0.1:0", "127.0.0.1:65536", "127.0.0.1:٨٠٠٠",
     "::1:8000", "[::1:8000", "http://127.0.0.1:8000", "127.0.0.1:8000/", "this machine:8000", "me@here:80",
     "unix:", "unix:/no/such/folder/web.sock"],
)  # fmt: skip
@pytest.mark.parametrize("command", ["serve", "web"])
def test_what_is_neither_is_refused_with_an_example(command: str, bind: str) -> None:
    with pytest.raises(ValueError, match="--bind takes") as refusal:
        check_command_line([command, "--bind", bind])
    assert repr(bind) in str(refusal.value)


def test_other_commands_and_what_stands_wrong_beside_it_are_left_to_django() -> None:
    check_command_line([])
    check_command_line(["worker", "--bind", "nonsense"])
    check_command_line(["serve", "--unknown", "--workers", "many"])
    check_command_line(["serve", "--bind"])


@pytest.mark.process
def test_a_senseless_address_is_told_before_a_setting_is_read(tmp_path: Path) -> None:
    ended = subprocess.run(
        [sys.executable, ROOT / "manage.py", "serve", "--bind", "nonsense"], cwd=tmp_path,
        env={"PYTHONPROFILEIMPORTTIME": "1"}, capture_output=True, text=True, check=False, timeout=60,
    )  # fmt: skip
    said = [line for line in ended.stderr.splitlines() if not line.startswith("import time:")]
    assert said == ["--bind takes ADDRESS:PORT, as in 127.0.0.1:8000 or [::1]:8000, not 'nonsense'."]
    assert ended.returncode == 1
    assert "| django" not in ended.stderr
