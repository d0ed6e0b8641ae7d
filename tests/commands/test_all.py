"""What holds for every management command of the portal."""

from __future__ import annotations

import functools
import io
import re
from contextlib import redirect_stdout
from pathlib import Path

import pytest
from django.core.management import load_command_class

TESTS = Path(__file__).resolve().parents[1]
COMMANDS = sorted(
    path.stem
    for path in (TESTS.parent / "integrations" / "management" / "commands").glob("*.py")
    if path.stem != "__init__"
)


@pytest.mark.parametrize("name", COMMANDS)
def test_help_shows_an_example(name: str) -> None:
    shown = io.StringIO()
    command = load_command_class("integrations", name)
    with redirect_stdout(shown), pytest.raises(SystemExit) as end:
        command.create_parser("manage.py", name).parse_args(["--help"])
    assert end.value.code == 0
    text = " ".join(shown.getvalue().split())
    assert re.search(rf"[Ee]xamples?: .*manage\.py {name}\b", text), text


@functools.cache
def _other_tests() -> list[str]:
    return [
        path.read_text(encoding="utf-8")
        for path in TESTS.rglob("test_*.py")
        if path.name != Path(__file__).name
    ]


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_has_a_test_that_runs_it(name: str) -> None:
    calls = re.compile(
        rf"""(call_command|manage|run|_manage|Popen)\(\s*\[?[^)]*["']{name}["']|["']{name}["']"""
    )
    assert any(calls.search(text) for text in _other_tests()), f"no test runs {name}"
