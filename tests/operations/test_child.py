"""A function in a process of its own: it answers, and neither its time, memory nor death is the caller's."""

from __future__ import annotations

import os
import signal
import sys
import tempfile
import time
from typing import Any

import pytest

from portal.child import ChildFailed, ChildRaised, ChildTooLarge, ChildTooLong, call_in_child

pytestmark = pytest.mark.process


def add(one: int, other: int) -> dict[str, Any]:
    return {"sum": one + other, "process": os.getpid(), "secrets": sorted(os.environ)}


def read() -> int:
    return len(sys.stdin.buffer.read())


def fill_memory() -> int:
    return len(bytearray(2_000_000_000))


def fill_memory_slowly() -> int:
    pieces: list[bytes] = []
    while True:
        pieces.append(bytes(1_000_000))


def sleep_long() -> None:
    time.sleep(60)


def turn_for_ever() -> None:
    while True:
        pass


def refuse() -> None:
    raise LookupError("There is no sheet of that name.")


def die() -> None:
    os.kill(os.getpid(), signal.SIGSEGV)


def abort_like_a_native_reader() -> None:
    sys.stderr.write("memory allocation of 17179869184 bytes failed\n")
    sys.stderr.flush()
    os.abort()


def test_it_answers_from_another_process_that_knows_no_secret(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SECRET_KEY", "not for children")
    answered = call_in_child(add, 2, 40, seconds=30, megabytes=200)
    assert answered["sum"] == 42
    assert answered["process"] != os.getpid()
    assert "SECRET_KEY" not in answered["secrets"]


def test_it_reads_a_file_from_where_it_stands() -> None:
    with tempfile.TemporaryFile() as file:
        file.write(b"x" * 100_000)
        file.seek(10)
        assert call_in_child(read, file=file, seconds=30, megabytes=200) == 99_990


@pytest.mark.parametrize("function", [fill_memory, fill_memory_slowly, abort_like_a_native_reader])
def test_what_needs_too_much_memory_is_told_so(function: Any) -> None:
    with pytest.raises(ChildTooLarge, match="200 MB"):
        call_in_child(function, seconds=30, megabytes=200)


@pytest.mark.parametrize("function", [sleep_long, turn_for_ever])
def test_what_takes_too_long_is_ended(function: Any) -> None:
    began = time.monotonic()
    with pytest.raises(ChildTooLong):
        call_in_child(function, seconds=1.0, megabytes=200)
    assert time.monotonic() - began < 20


def test_what_it_raises_is_told_by_kind_and_text() -> None:
    with pytest.raises(ChildRaised, match="no sheet of that name") as raised:
        call_in_child(refuse, seconds=30, megabytes=200)
    assert raised.value.kind == "LookupError"


def test_its_death_is_told() -> None:
    with pytest.raises(ChildFailed, match="-11"):
        call_in_child(die, seconds=30, megabytes=200)
