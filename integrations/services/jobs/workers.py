"""Workers: saying that one is there, and that it has gone."""

from __future__ import annotations

import os
import socket

from django.utils import timezone

from integrations.models import Worker


def worker_name() -> str:
    """Machine and process: unique among the workers of one database."""
    return f"{socket.gethostname()}:{os.getpid()}"


def record_heartbeat(name: str) -> None:
    """Say that the worker is there."""
    now = timezone.now()
    if not Worker.objects.filter(name=name).update(seen_at=now):
        Worker.objects.update_or_create(name=name, defaults={"seen_at": now, "started_at": now})


def unregister(name: str) -> None:
    """Say that the worker has stopped."""
    Worker.objects.filter(name=name).delete()
