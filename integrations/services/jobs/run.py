"""A job's life: made, claimed, kept by a lease, ended.

The Job row is the truth; the queue only wakes a worker.
"""

from __future__ import annotations

import datetime as dt
import logging
import threading
import time
import uuid
from collections.abc import Collection
from typing import Any

from django.conf import settings
from django.contrib.auth.models import User
from django.db import IntegrityError, connection, transaction
from django.db.models import F, Q
from django.utils import timezone

from integrations.database.faults import fault_of
from integrations.database.integrity import broken_constraint
from integrations.database.limits import limit_thread
from integrations.database.transactions import free_rows, transaction_required
from integrations.models import IntegrationInstance, Job
from integrations.models.bases import CLOCKS_DIFFER
from integrations.models.jobs import JobQuerySet
from integrations.services.jobs.held import tell_begun, tell_ended

ONE_OPEN = ("one_open_job_per_kind_and_instance", "one_open_suggestion_per_person")
TELL_EVERY = 2.0  # seconds
FAULTS_FORGIVEN_FOR = dt.timedelta(hours=1)

logger = logging.getLogger(__name__)


class JobLost(Exception):
    """Another worker holds the job now, or it is gone; this run must stop without writing."""


class JobCancelled(Exception):
    """Somebody asked to stop the job."""


def lease_length() -> dt.timedelta:
    """How long a run may stay silent before another worker takes the job up."""
    return dt.timedelta(seconds=settings.JOB_LEASE_SECONDS)


def shown_job(instance: IntegrationInstance, user: User) -> Job | None:
    """The latest job of the instance that this person is told of on the setup page."""
    return Job.objects.filter(instance=instance).shown_to(user.pk).order_by("-pk").first()


def open_job(
    kind: Job.Kind,
    instance: IntegrationInstance,
    user: User | None,
    options: dict[str, Any],
    origin: str = "the portal",
) -> tuple[Job, bool]:
    """The waiting or running job of this kind for the instance, and whether it was made now.

    Suggestions are a person's own; every other kind is one an instance. ``origin`` says what started it when
    it was not a person.
    """
    same = Job.objects.open().filter(kind=kind, instance=instance)
    if kind is Job.Kind.SUGGEST_MAPPINGS:
        same = same.filter(created_by=user)
    existing = same.first()
    if existing:
        return existing, False
    try:
        with transaction.atomic():
            job = Job.objects.create(
                kind=kind,
                instance=instance,
                created_by=user,
                started_by=user.get_username() if user else origin,
                options=options,
            )
            return job, True
    except IntegrityError as error:
        if broken_constraint(error) not in ONE_OPEN:
            raise
        return same.get(), False  # somebody pressed the button in the same moment


def claim(key: uuid.UUID) -> JobRun | None:
    """Take the job if it is waiting or its lease has run out; None when there is nothing to take.

    A job that was taken up three times and never ended is marked failed instead.
    """
    now, token = timezone.now(), uuid.uuid4()
    claimed = (
        Job.objects.claimable(now)
        .filter(key=key, attempts__lt=Job.MAX_ATTEMPTS)
        .update(
            state=Job.State.RUNNING,
            lease_token=token,
            lease_until=now + lease_length(),
            heartbeat_at=now,
            started_at=now,
            attempts=F("attempts") + 1,
            done=0,
            message="",
        )
    )
    if claimed:
        return JobRun(Job.objects.select_related("instance", "created_by").get(key=key), token)
    Job.objects.claimable(now).filter(key=key, attempts__gte=Job.MAX_ATTEMPTS).update(
        state=Job.State.FAILED,
        finished_at=now,
        lease_token=None,
        error="Stopped after three tries that did not come to an end. The log of the worker says why.",
    )
    return None


def stalled_jobs(now: dt.datetime, queued: Collection[str] = ()) -> list[Job]:
    """Jobs that nobody is at: their worker has gone silent, or no worker came for a waiting one.

    Each is named once a lease length, and not at all while a call for it (``queued``, by key) is in the
    queue: a busy queue must not fill with calls for the same jobs. What somebody else holds is passed over.
    """
    silent_since = now - lease_length()
    claimable = Job.objects.claimable(now)
    nobody_at = claimable.filter(
        Q(heartbeat_at__lt=silent_since)
        | Q(heartbeat_at__gt=now + CLOCKS_DIFFER)
        | Q(heartbeat_at=None) & (Q(created_at__lt=silent_since) | Q(created_at__gt=now + CLOCKS_DIFFER))
    )
    if not nobody_at.exists():
        return []
    with transaction.atomic():
        found = [job for job in free_rows(nobody_at) if str(job.key) not in queued]
        Job.objects.filter(pk__in=[job.pk for job in found]).update(heartbeat_at=now)
    return found


def cancelled_runs(tokens: list[uuid.UUID]) -> set[uuid.UUID]:
    """Those of these runs that somebody has asked to stop."""
    asked = Job.objects.filter(state=Job.State.RUNNING, lease_token__in=tokens, cancel_requested=True)
    return {token for token in asked.values_list("lease_token", flat=True) if token}


def release(key: uuid.UUID, token: uuid.UUID) -> Job | None:
    """Let go of a job whose process has died, so that it can be taken up at once; None where it has ended."""
    held = Job.objects.filter(key=key, state=Job.State.RUNNING, lease_token=token)
    ago = timezone.now() - dt.timedelta(seconds=1)
    return Job.objects.get(key=key) if held.update(lease_until=ago) else None


class JobRun:
    """One worker's hold on a job. As a context manager it renews the lease in the background."""

    def __init__(self, job: Job, token: uuid.UUID) -> None:
        self.job = job
        self.token = token
        self._noted: int | None = None
        self._stop = threading.Event()
        self._keeper = threading.Thread(target=self._keep, name=f"lease-{job.pk}", daemon=True)

    @property
    def instance(self) -> IntegrationInstance:
        """The configuration that the job works for; only a file may be imported for the whole portal."""
        if self.job.instance is None:
            raise LookupError(f"Job {self.job.pk} has no configuration.")
        return self.job.instance

    def __enter__(self) -> JobRun:
        tell_begun(self.job.key, self.job.kind, self.token)
        self._keeper.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._keeper.join()
        tell_ended(self.token)

    def _keep(self) -> None:
        """Renew the lease three times within its length, on a database connection of this thread.

        Sooner where there is something to tell of a long transaction.
        """
        every = lease_length().total_seconds() / 3
        renewed = time.monotonic()
        with limit_thread("probe"):
            while not self._stop.wait(min(TELL_EVERY, every)):
                noted, self._noted = self._noted, None
                if (noted is not None or time.monotonic() - renewed >= every) and self._renew(noted):
                    renewed = time.monotonic()

    def _renew(self, noted: int | None) -> bool:
        """Renew the lease; False when it could not be: the next round tries again, a lapse is safe."""
        try:
            values = {"lease_until": timezone.now() + lease_length(), "heartbeat_at": timezone.now()}
            self._mine().update(**values, **({} if noted is None else {"done": noted}))
        except Exception as error:
            told = error if fault_of(error) is None else None  # what passes needs no traceback every 2 s
            logger.warning("The lease of job %s could not be renewed: %s", self.job.pk, error, exc_info=told)
            return False
        finally:
            connection.close()
        return True

    def _mine(self) -> JobQuerySet:
        return Job.objects.filter(pk=self.job.pk, state=Job.State.RUNNING, lease_token=self.token)

    @transaction_required
    def assert_held(self) -> None:
        """Keep others from taking the job until the transaction ends. Raises JobLost, JobCancelled."""
        job = self._mine().select_for_update().first()
        if job is None:
            raise JobLost(f"Job {self.job.pk} is no longer held by this run.")
        if job.cancel_requested:
            raise JobCancelled

    def report_progress(self, done: int, total: int | None, message: str = "") -> None:
        """Tell how far the work is, and renew the lease. Raises JobLost, JobCancelled."""
        now = timezone.now()
        values: dict[str, Any] = {
            "done": done,
            "total": total,
            "heartbeat_at": now,
            "lease_until": now + lease_length(),
        }
        if message:
            values["message"] = message[:500]
        if not self._mine().filter(cancel_requested=False).update(**values):
            with transaction.atomic():
                self.assert_held()

    def note_progress(self, done: int) -> None:
        """Tell how far the work is from inside a transaction, whose own writes nobody would see yet.

        SQLite has one writer at a time, so there it is not told.
        """
        if connection.vendor != "sqlite":
            self._noted = done

    def give_back(self) -> bool:
        """Let the job wait again: the database was at fault, so within an hour this try counts for none."""
        waiting: dict[str, Any] = {
            "state": Job.State.WAITING, "lease_token": None, "lease_until": None, "heartbeat_at": None,
        }  # fmt: skip
        if timezone.now() - self.job.created_at < FAULTS_FORGIVEN_FOR:
            waiting["attempts"] = F("attempts") - 1
        return bool(self._mine().update(**waiting))

    def finish(
        self, state: Job.State, *, error: str = "", message: str = "", result: dict[str, Any] | None = None
    ) -> bool:
        """End the job; False when another run holds it by now."""
        return bool(
            self._mine().update(
                state=state,
                finished_at=timezone.now(),
                error=error,
                message=message[:500],
                result=result or {},
                lease_token=None,
                lease_until=None,
            )
        )
