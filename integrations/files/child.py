"""Values from a process of its own, one after the other: what reads a stranger's file with native code.

Beside portal/child.py, whose caps and exceptions these are: there one answer comes at the end, here values
come as they are asked for, over a pipe that holds few of them, so that neither side keeps them all.
"""

from __future__ import annotations

import json
import os
import select
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Generator, Iterator
from typing import IO, Any

from portal.child import ChildTooLong, death, end_of, function_of, raised, request_of, too_large

MAX_VALUE = 32_000_000  # bytes of one value as JSON: the most that this side ever holds
_READ = 65_536
_START = (
    "import json, sys; request = json.loads(sys.argv[1]); sys.path[:] = request['path']; "
    "from integrations.files.child import main; main(request)"
)


def values_from_child(
    function: Callable[..., Iterator[Any]],
    *arguments: Any,
    file: IO[bytes],
    seconds: float,
    megabytes: int,
) -> Generator[Any, None, None]:
    """What the iterator gives that the function returns in a fresh process, which knows no environment.

    The function stands in a module by its name; arguments and values are what JSON holds. ``file``, one of
    the operating system's, becomes the child's ``sys.stdin.buffer``. ``seconds`` are those that anybody waits
    for the child, and that it may compute; ``megabytes`` what it may write to. The child and all that it
    started end with the generator. Raises ChildTooLong, ChildTooLarge, ChildRaised, and ChildFailed for any
    other end.
    """
    request = request_of(function, arguments, seconds, megabytes)
    with tempfile.TemporaryFile() as said:
        child = subprocess.Popen(  # noqa: S603  # our own command
            [sys.executable, "-I", "-c", _START, json.dumps(request)],
            stdin=file, stdout=subprocess.PIPE, stderr=said,
            env={"LC_ALL": "C.UTF-8"}, start_new_session=True,
        )  # fmt: skip
        try:
            yield from _values(child, said, seconds, megabytes)
        finally:
            _end(child)


def _values(
    child: subprocess.Popen[bytes], said: IO[bytes], seconds: float, megabytes: int
) -> Generator[Any, None, None]:
    for line in _lines(child, seconds, megabytes):
        told = json.loads(line)
        if "value" in told:
            yield told["value"]
        elif "raised" in told:
            raise raised(told, megabytes)
        else:
            return
    raise death(_code(child), end_of(said), megabytes)


def _code(child: subprocess.Popen[bytes]) -> int:
    """How it ended, the signal's number as a negative one; it stays, so that nobody else gets its number."""
    ended = os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)
    if ended is None:
        raise AssertionError("waiting returns when it has ended")
    return ended.si_status if ended.si_code == os.CLD_EXITED else -ended.si_status


def _lines(child: subprocess.Popen[bytes], seconds: float, megabytes: int) -> Iterator[bytes]:
    """What the child writes, line by line, as long as waiting for it does not take too long."""
    if child.stdout is None:
        raise AssertionError("it was started with a pipe")
    pipe, left, held = child.stdout.fileno(), seconds, bytearray()
    poll = select.poll()
    poll.register(pipe, select.POLLIN | select.POLLHUP)
    while True:
        began = time.monotonic()
        ready = poll.poll(max(0.0, left) * 1000)
        left -= time.monotonic() - began
        if not ready:
            raise ChildTooLong(f"It took longer than {seconds:g} seconds.")
        piece = os.read(pipe, _READ)
        if not piece:
            return
        held += piece
        if b"\n" in piece:
            *lines, rest = held.split(b"\n")
            yield from map(bytes, lines)
            held = rest
        if len(held) > MAX_VALUE:
            raise too_large(megabytes)


def _end(child: subprocess.Popen[bytes]) -> None:
    """End the child with its group; one that has ended already may have left others behind."""
    try:
        os.killpg(child.pid, signal.SIGKILL)
    except ProcessLookupError:
        pass  # nobody is left of it
    finally:
        child.wait()
        if child.stdout is not None:
            child.stdout.close()


def main(request: dict[str, Any]) -> None:
    """The child: iterate under the caps, and write a line for each value and one for the end."""
    try:
        for value in function_of(request)(*request["arguments"]):
            _write({"value": value})
        told: dict[str, Any] = {}
    except BaseException as error:  # panics of native code too: the caller is told
        told = {"raised": type(error).__name__, "text": str(error)[:1000]}
    _write(told)


def _write(told: dict[str, Any]) -> None:
    sys.stdout.buffer.write(json.dumps(told, separators=(",", ":")).encode() + b"\n")
    sys.stdout.buffer.flush()
