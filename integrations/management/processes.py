"""The command lines of the portal's processes, the same for ``serve`` and for a service manager."""

from __future__ import annotations

import sys

from django.conf import settings
from django.core.management.base import CommandParser

MANAGE = [sys.executable, str(settings.BASE_DIR / "manage.py")]


def add_web_options(parser: CommandParser) -> None:
    """The options that ``serve`` and ``web`` share."""
    parser.add_argument("--bind", default="127.0.0.1:8000", metavar="ADDRESS:PORT")
    parser.add_argument("--web-processes", type=int, default=2, metavar="N")
    parser.add_argument("--threads", type=int, default=4, metavar="N", help="threads of each web process")


def web_command(bind: str, processes: int, threads: int) -> list[str]:
    """gunicorn with the portal in it.

    A connection is kept for 15 seconds: with gunicorn's two, people who read for three seconds met
    connections that were being closed.
    """
    return [
        sys.executable, "-m", "gunicorn", "portal.wsgi:application", "--chdir", str(settings.BASE_DIR),
        "--bind", bind, "--workers", str(processes), "--worker-class", "gthread", "--threads", str(threads),
        "--no-control-socket", "--timeout", "120", "--graceful-timeout", "10",
        "--keep-alive", "15", "--log-level", "warning",
        # Otherwise a header could say where the application is mounted, and so change all addresses.
        "--forwarder-headers", "",
        # Whom of the proxies to believe is decided in one place (portal/proxies.py), not here.
        "--forwarded-allow-ips", "",
        "--logger-class", "portal.server_log.EscapingLogger",
    ]  # fmt: skip


def worker_command() -> list[str]:
    """One background worker."""
    return [*MANAGE, "worker"]
