"""A process that has set Django up with a portal's settings and does what it is told, each time in a copy.

To set up takes nearly a second of the processor, which is more than most commands take.
"""

from __future__ import annotations

import json
import os
import random
import selectors
import subprocess
import sys
import tempfile
import traceback
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NoReturn

ROOT = Path(__file__).resolve().parents[2]
PATIENCE = 300.0  # seconds


@dataclass
class Warm:
    """Such a process, which is started when there is something to do; whoever has it ends it."""

    environment: dict[str, str]
    _process: subprocess.Popen[str] | None = field(default=None, init=False)

    @property
    def number(self) -> int:
        """By which the machine knows the process; 0 while there is none."""
        return self._process.pid if self._process is not None else 0

    def manage(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run a command of ``manage.py``, whatever it ends with."""
        return self._do({"arguments": ["manage.py", *arguments]})

    def run(self, program: str) -> subprocess.CompletedProcess[str]:
        """Run a Python program, whatever it ends with."""
        return self._do({"arguments": ["-c"], "program": program})

    def end(self) -> None:
        """Let it end; it has nothing under way."""
        if self._process is not None:
            assert self._process.stdin is not None
            assert self._process.stdout is not None
            self._process.stdin.close()
            self._process.wait(30)
            self._process.stdout.close()
            self._process = None

    def _do(self, task: dict[str, Any]) -> subprocess.CompletedProcess[str]:
        if self._process is None:
            self._process = subprocess.Popen(
                [sys.executable, "-c", "from tests.support.warm import serve; serve()"], cwd=ROOT,
                env={**self.environment, "PYTHONPATH": str(ROOT)}, text=True,
                stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            )  # fmt: skip
        process = self._process
        assert process.stdin is not None
        with tempfile.TemporaryDirectory() as name:
            paths = Path(name, "out"), Path(name, "err")
            process.stdin.write(json.dumps({**task, "paths": [str(path) for path in paths]}) + "\n")
            process.stdin.flush()
            code = self._code(process)
            out, err = (path.read_text(encoding="utf-8", errors="replace") for path in paths)
        return subprocess.CompletedProcess(task["arguments"], code, out, err)

    def _code(self, process: subprocess.Popen[str]) -> int:
        assert process.stdout is not None
        with selectors.DefaultSelector() as selector:
            selector.register(process.stdout, selectors.EVENT_READ)
            if not selector.select(PATIENCE):
                process.kill()
                raise subprocess.TimeoutExpired(process.args, PATIENCE)
        answer = process.stdout.readline()
        assert answer, "the process did not start: what it said stands above"
        return int(answer)


def serve() -> None:
    """Do what is asked for, to the end of the input; answer each time with the code that it ended with."""
    import django

    django.setup()
    for line in sys.stdin:
        child = os.fork()  # no other thread runs here, and no connection is open
        if child == 0:
            _do_in_this_process(json.loads(line))
        _, status = os.waitpid(child, 0)
        print(os.waitstatus_to_exitcode(status), flush=True)  # noqa: T201  # the answer


def _do_in_this_process(task: dict[str, Any]) -> NoReturn:
    for number, path in enumerate([os.devnull, *task["paths"]]):
        mode = os.O_RDONLY if number == 0 else os.O_WRONLY | os.O_CREAT | os.O_TRUNC
        os.dup2(os.open(path, mode, 0o600), number)
    random.seed()  # or each copy would draw the same
    sys.argv = task["arguments"]
    code = 0
    try:
        if "program" in task:
            exec(compile(task["program"], "<program>", "exec"), {"__name__": "__main__"})  # noqa: S102
        else:
            from manage import main

            main()
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else int(end.code is not None)
        if isinstance(end.code, str):
            sys.stderr.write(f"{end.code}\n")
    except BaseException:  # as a process of its own tells it
        traceback.print_exc()
        code = 1
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)
