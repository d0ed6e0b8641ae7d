"""The requests that were received, for tests and for people who look on."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

KEPT_REQUESTS = 20_000  # enough for any test; a simulator that runs for days must not grow
SECRET_HEADERS = ("secret", "apiintegrationcode", "authorization")


@dataclass(slots=True)
class ReceivedRequest:
    """One received request. Times are monotonic seconds; ``status`` is None until answered, 0 when dropped.

    ``headers`` have lower-case names; those that hold secrets hold "accepted" or "refused" instead.
    ``sent`` counts the bytes of the answer's body.
    """

    number: int
    zone: int
    method: str
    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    body: str
    started: float
    ended: float | None = None
    status: int | None = None
    sent: int = 0
    tenant: str = ""

    @property
    def route(self) -> str:
        """The path in lower case."""
        return self.path.lower().rstrip("/")

    def as_json(self) -> dict[str, object]:
        """What the control endpoint tells about it."""
        return {name: getattr(self, name) for name in self.__slots__}


@dataclass
class RequestLog:
    """The latest received requests in the order of their arrival. Safe to use from several threads."""

    _entries: deque[ReceivedRequest] = field(default_factory=lambda: deque(maxlen=KEPT_REQUESTS))
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _count: int = 0

    def __len__(self) -> int:
        return len(self.all())

    def __iter__(self) -> Iterator[ReceivedRequest]:
        return iter(self.all())

    def __getitem__(self, index: int) -> ReceivedRequest:
        return self.all()[index]

    def all(self) -> tuple[ReceivedRequest, ...]:
        """All entries now."""
        with self._lock:
            return tuple(self._entries)

    def to(self, path: str, method: str = "") -> tuple[ReceivedRequest, ...]:
        """The requests whose path contains ``path`` (any casing) and whose verb is ``method``, if given."""
        return tuple(
            entry
            for entry in self.all()
            if path.lower() in entry.route and method.upper() in {"", entry.method}
        )

    def clear(self) -> None:
        """Forget all entries."""
        with self._lock:
            self._entries.clear()

    def begin(
        self,
        *,
        zone: int,
        method: str,
        path: str,
        query: Mapping[str, str],
        headers: Mapping[str, str],
        body: bytes,
        tenant: str,
    ) -> ReceivedRequest:
        """Enter a request that has just been read; ``headers`` are already without secrets."""
        with self._lock:
            self._count += 1
            entry = ReceivedRequest(
                number=self._count,
                zone=zone,
                method=method,
                path=path,
                query=query,
                headers=headers,
                body=body.decode("utf-8", "replace"),
                started=time.monotonic(),
                tenant=tenant,
            )
            self._entries.append(entry)
            return entry
