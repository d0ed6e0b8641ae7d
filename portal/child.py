"""Calling a function in a process of its own, with caps on time and memory that the system holds.

For what reads a stranger's file with native code: two far cells of a workbook make such a reader allocate
until the machine gives up, or abort. The child inherits no environment, so it holds none of the portal's
secrets, and answers in JSON, which can hold nothing but values. Standard library alone, so that every layer
may use it.
"""

from __future__ import annotations

import importlib
import json
import os
import resource
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import IO, Any

MEGABYTE = 1024 * 1024
TELLS_OF_MEMORY = (b"memory allocation of", b"bad_alloc", b"MemoryError", b"out of memory")
TOLD_BYTES = 4000


class ChildFailed(Exception):
    """The function did not come to its end: its process died, for a reason that the system tells."""


class ChildTooLong(ChildFailed):
    """It took longer than it may."""


class ChildTooLarge(ChildFailed):
    """It needed more memory than it may."""


class ChildRaised(ChildFailed):
    """The function raised an exception; ``kind`` is the name of its class, the text is the exception's."""

    def __init__(self, kind: str, text: str) -> None:
        super().__init__(text)
        self.kind = kind


def call_in_child(
    function: Callable[..., Any],
    *arguments: Any,
    file: IO[bytes] | None = None,
    seconds: float,
    megabytes: int,
) -> Any:
    """What the function returns when a fresh process calls it with these arguments.

    The function stands in a module by its name; arguments and result are what JSON holds (a tuple comes back
    as a list). ``file``, one of the operating system's, becomes the child's ``sys.stdin.buffer``, at its
    present position. ``seconds`` are those of the clock, ``megabytes`` what the child may write to, Python
    itself (about 10) with it. Raises ChildTooLong, ChildTooLarge, ChildRaised, and ChildFailed for any other
    end.
    """
    request = request_of(function, arguments, seconds, megabytes)
    with (
        tempfile.TemporaryFile() as asked,
        tempfile.TemporaryFile() as told,
        tempfile.TemporaryFile() as said,
    ):
        asked.write(json.dumps(request).encode())
        asked.seek(0)
        files = (asked.fileno(), told.fileno())
        command = [sys.executable, "-I", str(Path(__file__).resolve()), *map(str, files)]
        child = subprocess.Popen(  # noqa: S603  # our own command
            command, stdin=file if file is not None else subprocess.DEVNULL, stdout=said, stderr=said,
            env={"LC_ALL": "C.UTF-8"}, pass_fds=files,
        )  # fmt: skip
        try:
            code = child.wait(seconds)
        except subprocess.TimeoutExpired:
            raise ChildTooLong(f"It took longer than {seconds:g} seconds.") from None
        finally:
            child.kill()
            child.wait()
        told.seek(0)
        return _result(code, told.read(), end_of(said), megabytes)


def request_of(
    function: Callable[..., Any], arguments: tuple[Any, ...], seconds: float, megabytes: int
) -> dict[str, Any]:
    """What a child is asked, as JSON holds it: to call the function, and the caps under which it does."""
    return {
        "path": sys.path,
        "module": function.__module__,
        "name": function.__qualname__,
        "arguments": arguments,
        "seconds": int(seconds) + 1,
        "megabytes": megabytes,
    }


def end_of(stream: IO[bytes]) -> bytes:
    """The last of what a child has said."""
    stream.seek(max(0, stream.seek(0, os.SEEK_END) - TOLD_BYTES))
    return stream.read()


def _result(code: int, told: bytes, said: bytes, megabytes: int) -> Any:
    """What a child told that ended with this code. A memory cap shows in many ways."""
    if code != 0 or not told:
        raise death(code, said, megabytes)
    answer = json.loads(told)
    if "raised" in answer:
        raise raised(answer, megabytes)
    return answer["returned"]


def raised(answer: dict[str, Any], megabytes: int) -> ChildFailed:
    """What a child tells that the function has raised, as it stands for whoever asked."""
    if answer["raised"] == "MemoryError":
        return too_large(megabytes)
    return ChildRaised(answer["raised"], answer["text"])


def death(code: int, said: bytes, megabytes: int) -> ChildFailed:
    """Why a child ended with this code before it had answered."""
    if code == -signal.SIGXCPU:
        return ChildTooLong("It took more of the processor's time than it may.")
    if code == -signal.SIGKILL or any(sign in said for sign in TELLS_OF_MEMORY):
        return too_large(megabytes)
    return ChildFailed(f"Its process ended with code {code}.")


def too_large(megabytes: int) -> ChildTooLarge:
    """It met the cap on memory, however that showed."""
    return ChildTooLarge(f"It needed more than {megabytes} MB of memory.")


def function_of(request: dict[str, Any]) -> Any:
    """In the child: the function that is asked for, once the caps hold."""
    resource.setrlimit(resource.RLIMIT_CPU, (request["seconds"], request["seconds"]))
    limit_memory(request["megabytes"])
    found: Any = importlib.import_module(request["module"])
    for name in request["name"].split("."):
        found = getattr(found, name)
    return found


def limit_memory(megabytes: int) -> None:
    """Let this process write to so much memory and no more; what asks for more meets MemoryError.

    Of data, not of addresses (RLIMIT_AS): libraries reserve far more of those than they ever use.
    """
    resource.setrlimit(resource.RLIMIT_DATA, (megabytes * MEGABYTE, megabytes * MEGABYTE))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))  # a dump would hold what the process had read


def _main(asked: int, told: int) -> None:
    """The child: read what to do from the one file, do it under the caps, answer into the other."""
    with open(asked, "rb") as file:  # a descriptor, not a path
        request = json.load(file)
    sys.path[:] = request["path"]
    try:
        answer = json.dumps({"returned": function_of(request)(*request["arguments"])})
    except Exception as error:  # whatever it is, the caller is told
        answer = json.dumps({"raised": type(error).__name__, "text": str(error)})
    with open(told, "wb") as file:
        file.write(answer.encode())


if __name__ == "__main__":
    _main(int(sys.argv[1]), int(sys.argv[2]))
