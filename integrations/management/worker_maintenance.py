"""What every worker does beside its jobs: a heartbeat, waking jobs and webhooks, starting what is due.

Each step is safe with any number of workers: what must happen once is claimed by a conditional update.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable

from django.db import Error as DatabaseError
from django.db import close_old_connections, connection

from integrations.services.jobs import record_heartbeat, unregister, worker_name
from integrations.services.operations import delete_expired
from integrations.tasks import requeue_neglected, start_due, wake_webhooks

logger = logging.getLogger(__name__)

EVERY = 5.0  # seconds between two rounds
DELETE_EXPIRED_EVERY = 3600.0


class WorkerMaintenance:
    """A thread beside the work, as a context manager. A database that is away is tried again next round."""

    def __init__(self, every: float = EVERY, steps: tuple[Callable[[], object], ...] | None = None) -> None:
        self.name = worker_name()
        self.every = every
        self.steps = steps or (
            lambda: record_heartbeat(self.name),
            requeue_neglected,
            start_due,
            wake_webhooks,
            self._delete_expired,
        )
        self._deleted_at = 0.0
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="maintenance", daemon=True)

    def __enter__(self) -> WorkerMaintenance:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join(self.every)
        try:
            unregister(self.name)
        except DatabaseError:
            logger.warning("The worker could not say that it has stopped; its row ages by itself.")

    def _run(self) -> None:
        try:
            while not self._stop.is_set():
                self.round()
                self._stop.wait(self.every)
        finally:
            connection.close()

    def round(self) -> None:
        """One round; a step that fails is logged and does not keep the others from being done."""
        close_old_connections()
        for step in self.steps:
            try:
                step()
            except DatabaseError:
                logger.exception("The maintenance of a worker could not reach the database.")
                close_old_connections()
            except Exception:  # a mistake in one step must not end the heartbeat of a healthy worker
                logger.exception("A step of the maintenance failed.")

    def _delete_expired(self) -> None:
        if self._deleted_at and time.monotonic() - self._deleted_at < DELETE_EXPIRED_EVERY:
            return
        self._deleted_at = time.monotonic()
        delete_expired()
