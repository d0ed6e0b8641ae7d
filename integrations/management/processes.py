"""The command lines of the portal's processes, the same for ``serve`` and for a service manager."""

from __future__ import annotations

import errno
import os
import signal
import socket
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from django.conf import settings
from django.core.management.base import CommandError, CommandParser

from portal.listen import read_bind

LEFT_PATIENCE, LEFT_PAUSE = 20.0, 0.2  # seconds
MANAGE = [sys.executable, str(settings.BASE_DIR / "manage.py")]


def add_web_options(parser: CommandParser) -> None:
    """The options that ``serve`` and ``web`` share."""
    parser.add_argument("--bind", default="127.0.0.1:8000", metavar="ADDRESS:PORT")
    parser.add_argument("--web-processes", type=int, default=2, metavar="N")
    parser.add_argument("--threads", type=int, default=4, metavar="N", help="threads of each web process")


def check_web_options(bind: str, processes: int, threads: int) -> None:
    """Raises CommandError with the reason when the web server cannot be there, before it tries long."""
    if processes < 1 or threads < 1:
        raise CommandError("The web server needs at least one process and one thread.")
    try:
        place = read_bind(bind)
    except ValueError as error:
        raise CommandError(str(error)) from error
    if place is None:
        return
    host, port = place
    try:
        found = socket.getaddrinfo(host or None, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
        with socket.socket(found[0][0], socket.SOCK_STREAM) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(found[0][4])
    except (OSError, UnicodeError) as error:
        raise CommandError(f"The web server cannot be at {bind}: {reason_of(error)}.") from error


def check_web_options_after(bind: str, processes: int, threads: int, left: Callable[[], bool]) -> None:
    """The same; an address that is in use is waited for as long as ``left`` says that it will be free.

    A ``serve`` that was killed ends nothing; what it started notices, and comes to its end.
    """
    ends = time.monotonic() + LEFT_PATIENCE
    while True:
        try:
            check_web_options(bind, processes, threads)
        except CommandError:
            if time.monotonic() >= ends or not left():
                raise
            time.sleep(LEFT_PAUSE)
        else:
            return


def reason_of(error: Exception) -> str:
    """Why an address cannot be had, and what to do."""
    if isinstance(error, UnicodeError | socket.gaierror):
        return "there is no such address. Name one of this machine, as in 127.0.0.1:8000"
    number = getattr(error, "errno", None)
    if number == errno.EADDRINUSE:
        return "another program listens there. End that, or choose another port"
    if number == errno.EADDRNOTAVAIL:
        return "this machine does not have that address"
    if number == errno.EACCES:
        return "this user may not listen there. Choose a port of 1024 or more"
    return os.strerror(number) if number else str(error)


@contextmanager
def ended_like_ctrl_c() -> Iterator[None]:
    """Meanwhile SIGTERM and a terminal that closes end a command as Ctrl-C does, which clears away first."""
    if threading.current_thread() is not threading.main_thread():
        yield  # signals are the main thread's alone
        return
    numbers = [each for each in (signal.SIGTERM, signal.SIGHUP) if signal.getsignal(each) != signal.SIG_IGN]
    before = {each: signal.signal(each, signal.default_int_handler) for each in numbers}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def web_command(bind: str, processes: int, threads: int) -> list[str]:
    """gunicorn with the portal in it.

    A connection is kept for 15 seconds: with gunicorn's two, people who read for three seconds met
    connections that were being closed.
    """
    return [
        sys.executable, "-m", "gunicorn", "portal.wsgi:application", "--chdir", str(settings.BASE_DIR),
        "--bind", bind, "--workers", str(processes), "--threads", str(threads),
        "--worker-class", "portal.web_worker.ProbedWorker", "--no-control-socket", "--timeout", "120",
        "--graceful-timeout", "10", "--keep-alive", "15", "--log-level", "warning",
        # Otherwise a header could say where the application is mounted, and so change all addresses.
        "--forwarder-headers", "",
        # Whom of the proxies to believe is decided in one place (portal/proxies.py), not here.
        "--forwarded-allow-ips", "",
        "--logger-class", "portal.server_log.EscapingLogger",
    ]  # fmt: skip


def worker_command() -> list[str]:
    """One background worker."""
    return [*MANAGE, "worker"]
