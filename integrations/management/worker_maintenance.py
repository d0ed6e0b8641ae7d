"""What every worker does beside its jobs: a heartbeat, waking jobs and webhooks, starting what is due.

Each step is safe with any number of workers: what must happen once is claimed by a conditional update, and
what somebody else holds at the moment is passed over. The heartbeat has a thread of its own, which waits
for nobody.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable

from django.db import Error as DatabaseError
from django.db import close_old_connections, connection
from django.utils import timezone

from integrations.crypto import ring_mark
from integrations.database.faults import fault_of
from integrations.database.limits import limit_thread
from integrations.services.expectations import note_expectations
from integrations.services.jobs import record_heartbeat, unregister, worker_name
from integrations.services.operations import delete_expired
from integrations.tasks import (
    note_what_happened,
    requeue_neglected,
    start_due,
    wake_alerts,
    wake_webhooks,
)

logger = logging.getLogger(__name__)

EVERY = 5.0  # seconds between two rounds
DELETE_EXPIRED_EVERY = 3600.0
ALERTS_EVERY = 15.0
JOIN_PATIENCE = 5.0


class WorkerMaintenance:
    """Two threads beside the work, as a context manager. What meets a database that is away comes again."""

    def __init__(self, every: float = EVERY, steps: tuple[Callable[[], object], ...] | None = None) -> None:
        self.name = worker_name()
        self.every = every
        self.steps = steps or (
            requeue_neglected,
            start_due,
            note_what_happened,
            wake_webhooks,
            self._wake_alerts,
            self._delete_expired,
        )
        self._deleted_at = self._woken_at = 0.0
        self._stop = threading.Event()
        self._failing: set[str] = set()
        self._threads = [
            threading.Thread(target=self._repeat, args=(each, kind), name=name, daemon=True)
            for name, each, kind in (("heartbeat", self.beat, "probe"), ("maintenance", self.round, "worker"))
        ]

    def __enter__(self) -> WorkerMaintenance:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join(JOIN_PATIENCE)
        try:
            with limit_thread("probe"):
                unregister(self.name)
        except DatabaseError:
            logger.warning("The worker could not say that it has stopped; its row ages by itself.")

    def _repeat(self, work: Callable[[], object], kind: str) -> None:
        try:
            with limit_thread(kind):
                while not self._stop.is_set():
                    work()
                    self._stop.wait(self.every)
        finally:
            connection.close()

    def beat(self) -> None:
        """Say that the worker is there."""
        self._do(lambda: record_heartbeat(self.name, ring_mark()), "the heartbeat")

    def round(self) -> None:
        """One round of the steps; one that fails is logged and does not keep the others from being done."""
        done = [self._do(step, getattr(step, "__name__", "a step")) for step in self.steps]
        if all(done):
            self._do(lambda: record_heartbeat(self.name, ring_mark(), kept_house=True), "the end of a round")

    def _do(self, step: Callable[[], object], name: str) -> bool:
        """Do a step; whether it came to its end."""
        close_old_connections()
        try:
            step()
        except DatabaseError as error:
            # Told in full once, then in a line a round: a database that is away for an hour fills no disk.
            told = None if name in self._failing and fault_of(error) else error
            self._failing.add(name)
            logger.error(  # noqa: TRY400  # with a traceback the first time
                "The maintenance of a worker could not reach the database (%s): %s",
                name,
                error,
                exc_info=told,
            )
            connection.close_if_unusable_or_obsolete()
        except Exception:  # a mistake in one step must not end the heartbeat of a healthy worker
            logger.exception("A step of the maintenance failed.")
        else:
            self._failing.discard(name)
            return True
        return False

    def _wake_alerts(self) -> None:
        """A look takes many questions to the database, and nobody needs an alert within five seconds."""
        if self._woken_at and time.monotonic() - self._woken_at < ALERTS_EVERY:
            return
        note_expectations(timezone.now())
        wake_alerts()
        self._woken_at = time.monotonic()

    def _delete_expired(self) -> None:
        if self._deleted_at and time.monotonic() - self._deleted_at < DELETE_EXPIRED_EVERY:
            return
        delete_expired()
        self._deleted_at = time.monotonic()
