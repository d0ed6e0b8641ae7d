"""Workers: saying that one is there, and that it has gone."""

from __future__ import annotations

import os
import socket
from typing import Any

from django.utils import timezone

from integrations.models import Worker


def worker_name() -> str:
    """Machine and process: unique among the workers of one database."""
    return f"{socket.gethostname()}:{os.getpid()}"


def record_heartbeat(name: str, keys: str = "", *, kept_house: bool = False) -> None:
    """Say that the worker is there, by what its keys are known, and whether a round of its house ended."""
    now = timezone.now()
    values: dict[str, Any] = {"seen_at": now, "keys": keys} | ({"kept_house_at": now} if kept_house else {})
    if not Worker.objects.filter(name=name).update(**values):
        Worker.objects.update_or_create(name=name, defaults={**values, "started_at": now})


def unregister(name: str) -> None:
    """Say that the worker has stopped."""
    Worker.objects.filter(name=name).delete()
