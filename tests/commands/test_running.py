"""``serve``: real processes that are kept running, and of which none is left behind."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command

from integrations.management import supervisor
from integrations.management.supervisor import Child, ChildFailed, Supervisor
from tests.support.migrated import copy_migrated_file

ROOT = Path(__file__).resolve().parents[2]
PATIENCE = 40.0  # seconds; only a broken run waits that long


def until(condition: Callable[[], bool], what: str) -> None:
    """Wait for something that another process does."""
    deadline = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < deadline, f"not within {PATIENCE:.0f} s: {what}"
        time.sleep(0.02)


def processes_with(text: str) -> dict[int, str]:
    """The running processes whose environment holds the text: their command lines by process id."""
    found = {}
    for folder in Path("/proc").iterdir():
        if not folder.name.isdecimal():
            continue
        try:
            if text.encode() in (folder / "environ").read_bytes():
                command = (folder / "cmdline").read_bytes().replace(b"\0", b" ").decode().strip()
                if command:  # one that has ended but was not waited for yet has none
                    found[int(folder.name)] = command
        except OSError:  # it ended meanwhile, or is not ours to look at
            continue
    return found


def ignores_sigterm(number: int) -> bool:
    """Whether the process has come so far as to ignore the signal."""
    try:
        status = Path(f"/proc/{number}/status").read_text(encoding="utf-8")
    except OSError:
        return False
    ignored = next(line.split()[1] for line in status.splitlines() if line.startswith("SigIgn"))
    return bool(int(ignored, 16) & (1 << (signal.SIGTERM - 1)))


needs_proc = pytest.mark.skipif(not Path("/proc/self/environ").exists(), reason="looks into /proc (Linux)")


# --- the supervisor -------------------------------------------------------------------------------------


@pytest.fixture
def brisk(monkeypatch: pytest.MonkeyPatch) -> None:
    """A supervisor that looks every 20 ms and waits half a second."""
    monkeypatch.setattr(supervisor, "RESTART_PAUSE", 0.02)
    monkeypatch.setattr(supervisor, "STOP_PATIENCE", 0.5)
    monkeypatch.setattr(supervisor, "LEFTOVER_PATIENCE", 0.2)


@pytest.fixture
def mark(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[str]:
    """Something in the environment by which this test's processes are known; none is left at its end."""
    text = f"SUPERVISED={tmp_path}"
    monkeypatch.setenv("SUPERVISED", str(tmp_path))
    yield text
    assert processes_with(text) == {}


def python(name: str, code: str) -> Child:
    return Child(name, [sys.executable, "-S", "-c", code])


SLEEPER = "import time; time.sleep(60)"
STUBBORN = (
    "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print(flush=True); time.sleep(60)"
)
WITH_A_CHILD = (
    "import subprocess, sys, time\n"
    "subprocess.Popen([sys.executable, '-S', '-c', 'import time; time.sleep(60)'])\n"
    "time.sleep(60)"
)


def run_beside(running: Supervisor, work: Callable[[], None]) -> None:
    """Run the supervisor in this thread and do something meanwhile; a failure of it stops the supervisor."""
    failures: list[BaseException] = []

    def guarded() -> None:
        try:
            work()
        except BaseException as failure:  # told below, in the test's own thread
            failures.append(failure)
            running.stop()

    thread = threading.Thread(target=guarded)
    thread.start()
    running.run()
    thread.join()
    if failures:
        raise failures[0]


@pytest.mark.process
@needs_proc
def test_a_dead_child_is_started_again_and_the_others_are_left_alone(brisk: None, mark: str) -> None:
    kept, killed = python("kept", SLEEPER), python("killed", SLEEPER)
    running = Supervisor([kept, killed])
    seen = []

    def kill_one() -> None:
        until(lambda: killed.process is not None and len(processes_with(mark)) >= 2, "both run")
        assert kept.process is not None
        assert killed.process is not None
        first, other = killed.process, kept.process.pid
        first.kill()
        until(lambda: killed.process is not first, "a new one")
        seen.append(kept.process.pid == other)
        running.stop()

    run_beside(running, kill_one)
    assert seen == [True]


@pytest.mark.process
@needs_proc
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_ends_the_children_and_what_they_started(
    brisk: None, mark: str, number: signal.Signals
) -> None:
    before = signal.getsignal(number)
    running = Supervisor([python("one", SLEEPER), python("two", WITH_A_CHILD)])

    def send() -> None:
        until(lambda: len(processes_with(mark)) == 3, "the grandchild runs")
        os.kill(os.getpid(), number)

    run_beside(running, send)
    assert processes_with(mark) == {}
    assert signal.getsignal(number) is before


@pytest.mark.process
@needs_proc
def test_what_a_killed_child_leaves_behind_is_ended_before_it_starts_again(brisk: None, mark: str) -> None:
    parent = python("parent", WITH_A_CHILD)
    running = Supervisor([parent])
    orphans: list[int] = []
    left: list[int] = []

    def kill_the_parent() -> None:
        until(lambda: parent.process is not None and len(processes_with(mark)) == 2, "both run")
        assert parent.process is not None
        first = parent.process
        orphans.extend(set(processes_with(mark)) - {first.pid})
        first.kill()
        until(lambda: parent.process is not first and len(processes_with(mark)) == 2, "both run again")
        left.extend(set(orphans) & set(processes_with(mark)))
        running.stop()

    run_beside(running, kill_the_parent)
    assert len(orphans) == 1
    assert left == []


@pytest.mark.process
@needs_proc
def test_a_stubborn_grandchild_is_killed_when_its_parent_has_stopped(brisk: None, mark: str) -> None:
    start = f"import subprocess, sys; subprocess.Popen([sys.executable, '-S', '-c', {STUBBORN!r}])"
    running = Supervisor([python("parent", f"{start}; {SLEEPER}")])

    def stop() -> None:
        until(lambda: any(map(ignores_sigterm, processes_with(mark))), "the grandchild ignores SIGTERM")
        running.stop()

    run_beside(running, stop)
    until(lambda: processes_with(mark) == {}, "the kernel has cleared it away")


@pytest.mark.process
@needs_proc
def test_a_child_that_does_not_stop_is_killed(brisk: None, mark: str) -> None:
    stubborn = python("stubborn", STUBBORN)
    running = Supervisor([stubborn])

    def stop() -> None:
        until(lambda: any(map(ignores_sigterm, processes_with(mark))), "it ignores SIGTERM")
        running.stop()

    run_beside(running, stop)
    assert stubborn.process is not None
    assert stubborn.process.returncode == -signal.SIGKILL


@pytest.mark.process
@needs_proc
def test_a_child_that_cannot_live_ends_all(brisk: None, mark: str) -> None:
    with pytest.raises(ChildFailed, match=r"broken ends right after its start \(code 3\)"):
        Supervisor([python("fine", SLEEPER), python("broken", "raise SystemExit(3)")]).run()
    assert processes_with(mark) == {}


# --- the command ----------------------------------------------------------------------------------------


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def answers(address: str) -> bool:
    try:
        urllib.request.urlopen(address, timeout=5).close()  # noqa: S310  # our own
    except (urllib.error.URLError, ConnectionError, TimeoutError):
        return False
    return True


@needs_proc
@pytest.mark.process
def test_serve_keeps_the_portal_running_and_neither_ctrl_c_nor_a_kill_leaves_a_process(
    tmp_path: Path,
) -> None:
    mark, port, simulator_port = f"PORTAL_DATA_DIR={tmp_path}", free_port(), free_port()
    tenants = tmp_path / "tenants.json"
    tenants.write_text(
        '[{"username": "api@a.example", "secret": "s", "tracking_identifier": "t"}]', encoding="utf-8"
    )
    environment = {
        **{name: value for name, value in os.environ.items() if not name.startswith("DJANGO_")},
        "PORTAL_ENVIRONMENT": "test",
        "PORTAL_DATA_DIR": str(tmp_path),
        "SECRET_KEY": "serve-" + "k3y" * 20,
        "PORTAL_ENCRYPTION_KEYS": "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=",
    }

    def start() -> subprocess.Popen[bytes]:
        with (tmp_path / "log").open("ab") as log:
            return subprocess.Popen(
                [
                    sys.executable, "manage.py", "serve", "--bind", f"127.0.0.1:{port}", "--web-processes",
                    "1", "--simulator", str(tenants), "--simulator-port", str(simulator_port),
                ],
                cwd=ROOT, env=environment, stdout=subprocess.PIPE, stderr=log, start_new_session=True,
            )  # fmt: skip

    copy_migrated_file(tmp_path / "portal.sqlite3")
    process = start()

    def running(word: str) -> set[int]:
        return {number for number, command in processes_with(mark).items() if f"manage.py {word}" in command}

    try:
        until(lambda: answers(f"http://127.0.0.1:{port}/accounts/login/"), "the portal answers")
        until(lambda: len(running("worker")) == 1, "a worker runs")
        assert len(running("autotask_simulator")) == 1
        (killed,) = running("worker")
        os.kill(killed, signal.SIGKILL)
        until(lambda: bool(running("worker") - {killed}), "another worker runs")

        left = set(processes_with(mark)) - {process.pid}
        process.kill()
        process.communicate()
        process = start()  # at once, as a service manager does it
        until(lambda: not left & set(processes_with(mark)), "what the killed one has started ends")
        until(lambda: answers(f"http://127.0.0.1:{port}/accounts/login/"), "the portal answers again")
        os.killpg(process.pid, signal.SIGINT)  # as a terminal does it
        output, _ = process.communicate(timeout=PATIENCE)
    finally:
        for number in processes_with(mark):  # nothing, unless the test has failed
            os.kill(number, signal.SIGKILL)
        process.wait()
    text = (tmp_path / "log").read_text(encoding="utf-8")
    assert process.returncode == 0, text
    assert output.decode().splitlines()[-1] == "Stopped."
    assert "worker 1 ended with code -9; it is started again." in text
    assert processes_with(mark) == {}


def test_serve_refuses_a_simulator_in_production(
    db: None, settings: object, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr("integrations.management.commands.serve.call_command", lambda *_, **__: None)
    monkeypatch.setattr(
        "integrations.management.commands.serve.Supervisor.run", lambda _: pytest.fail("started")
    )
    settings.IN_PRODUCTION = True  # type: ignore[attr-defined]
    settings.DATA_DIR = tmp_path  # type: ignore[attr-defined]
    with pytest.raises(CommandError, match="A simulator does not belong into production"):
        call_command("serve", "--simulator", str(tmp_path / "tenants.json"))


def test_serve_ends_with_an_error_when_a_process_cannot_be_kept(
    settings: object, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def broken(_: Supervisor) -> None:
        raise ChildFailed("web ends right after its start (code 1).")

    monkeypatch.setattr("integrations.management.commands.serve.call_command", lambda *_, **__: None)
    monkeypatch.setattr("integrations.management.commands.serve.Supervisor.run", broken)
    settings.DATA_DIR = tmp_path  # type: ignore[attr-defined]
    with pytest.raises(CommandError, match=r"web ends right after its start \(code 1\)"):
        call_command("serve")
