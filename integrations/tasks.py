"""Background work: waking a worker for a job, and what the worker does with it."""

from __future__ import annotations

import logging
import threading
import time
import uuid
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

from django.conf import settings
from django.contrib.auth.models import User
from django.core.cache import cache
from django.core.files import File
from django.db import transaction
from django.utils import timezone
from django_tasks import task

from integrations.database.faults import fault_of
from integrations.database.patience import is_passing, keep_trying
from integrations.models import ImportReport, ImportSource, IntegrationInstance, Job
from integrations.psa.base import PSAError, StepState
from integrations.services import alerts
from integrations.services.audit import Actor, Batch
from integrations.services.companies import RefreshBraked, refiltered, refresh_options
from integrations.services.drift import compare_refreshes, compare_unfinished, note_occurrences
from integrations.services.expectations import note_expectations
from integrations.services.imports import (
    ImportOptions,
    enqueue_upload,
    import_companies,
    import_file,
    open_report,
)
from integrations.services.instances import check_connection, start_due_runs
from integrations.services.jobs import JobCancelled, JobLost, JobRun, claim, open_job, release, stalled_jobs
from integrations.services.saved_sources import (
    SourceFailed,
    open_refresh,
    refresh_source,
    start_due_sources,
)
from integrations.services.suggestions import propose_mappings
from integrations.services.webhooks import has_work, note_reviews, work

logger = logging.getLogger(__name__)
memory_spent = threading.Event()  # a job took all it may; the process should go when its call has ended
SCHEDULE = "schedule"  # what starts a job that nobody asked for
MISTAKE = "The portal made a mistake here. The log of the worker has the details."
TOO_LARGE = "It needed more memory than a job may have. Whoever runs this portal can raise JOB_MEMORY_MB."


class WorkFailed(Exception):
    """A job came to an end that people have to look at; the text is for them."""


def _wake(job: Job) -> None:
    """Put a call for the job in the queue, so that it counts if and only if the transaction at hand does.

    The queue in the database is part of the transaction; another one must not hear of a job that a worker
    cannot see yet.
    """
    if settings.TASKS_BACKEND == "database":
        run_job.enqueue(str(job.key))
    else:
        transaction.on_commit(partial(_call, job))


def _call(job: Job) -> None:
    """Put the call in a queue beside the database; where that is away, housekeeping does it later."""
    try:
        run_job.enqueue(str(job.key))
    except Exception as error:
        if not is_passing(error):
            raise
        logger.warning("Job %s waits until the queue is back: %s", job.pk, error)


def enqueue_refresh(
    instance: IntegrationInstance,
    user: User | None,
    *,
    full: bool = False,
    accept_shrink: bool = False,
    taken: str = "",
    gone: Sequence[str] = (),
    origin: str = "the portal",
) -> Job:
    """The open refresh of the instance, made and queued where there is none; one that waits takes it up."""
    options: dict[str, Any] = {"full": full, "accept_shrink": accept_shrink}
    others = {"taken": taken, "gone": list(gone), "scheduled": origin == SCHEDULE}
    options |= {name: wished for name, wished in others.items() if wished}
    with transaction.atomic():
        job, created = open_job(Job.Kind.REFRESH_OPTIONS, instance, user, options, origin)
        if created:
            _wake(job)
        elif full or accept_shrink or taken or gone:
            wishes = {name: wished for name, wished in options.items() if wished}
            waiting = Job.objects.filter(pk=job.pk, state=Job.State.WAITING)
            waiting.update(options=job.options | wishes)
    return job


def refresh_refiltered(batch: uuid.UUID, user: User | None, *, origin: str = "the portal") -> list[Job]:
    """Read everything anew wherever the batch changed the company filter."""
    return [enqueue_refresh(instance, user, full=True, origin=origin) for instance in refiltered(batch)]


def enqueue_suggestions(instance: IntegrationInstance, user: User, *, include_inactive: bool = False) -> Job:
    """This person's open Suggest Values for the instance, made and put in the queue when there is none."""
    with transaction.atomic():
        job, created = open_job(
            Job.Kind.SUGGEST_MAPPINGS, instance, user, {"include_inactive": include_inactive}
        )
        if created:
            _wake(job)
    return job


def enqueue_check(instance: IntegrationInstance, user: User | None, *, origin: str = "the portal") -> Job:
    """The open connection check of the instance, made and put in the queue when there is none."""
    with transaction.atomic():
        job, created = open_job(Job.Kind.CHECK_CONNECTION, instance, user, {}, origin)
        if created:
            _wake(job)
    return job


def enqueue_company_import(
    instance: IntegrationInstance, user: User, actor: Actor, options: dict[str, Any]
) -> tuple[Job, bool]:
    """The open import of the instance's companies, and whether it was made now, with its report."""
    with transaction.atomic():
        job, created = open_job(Job.Kind.IMPORT_ORGANIZATIONS, instance, user, options)
        if created:
            open_report(job, ImportReport.Kind.COMPANIES, actor, batch=job.key)
            _wake(job)
    return job, created


def enqueue_file_import(
    kind: ImportReport.Kind,
    file: File[bytes],
    actor: Actor,
    user: User,
    options: ImportOptions,
    instance: IntegrationInstance | None = None,
) -> Job:
    """Store an uploaded file and let a worker import it; the job's key is that of its report."""
    with transaction.atomic():
        job = enqueue_upload(kind, file, actor, user, options, instance)
        _wake(job)
    return job


def enqueue_source_refresh(source: ImportSource, user: User | None, *, origin: str = "the portal") -> Job:
    """The open refresh of the saved source, made and put in the queue when there is none."""
    with transaction.atomic():
        job, created = open_refresh(source, user, origin)
        if created:
            _wake(job)
    return job


def start_again(job: Job, user: User) -> Job:
    """Start an ended job of the same kind and options once more, in this person's name.

    That a shrink is right was said about the companies of then; it is asked again.
    """
    if job.instance is None:
        raise LookupError(f"{job} cannot be started again.")
    if job.kind == Job.Kind.REFRESH_OPTIONS:
        return enqueue_refresh(job.instance, user, full=bool(job.options.get("full")))
    if job.kind == Job.Kind.CHECK_CONNECTION:
        return enqueue_check(job.instance, user)
    if job.kind == Job.Kind.IMPORT_ORGANIZATIONS:
        actor = Actor.person(user, "the jobs page")
        return enqueue_company_import(job.instance, user, actor, job.options)[0]
    return enqueue_suggestions(job.instance, user, include_inactive=bool(job.options.get("include_inactive")))


def start_due() -> int:
    """Start what the schedules ask for now; returns how many turns this worker took."""

    def start(kind: Job.Kind, instance: IntegrationInstance) -> None:
        enqueue = enqueue_refresh if kind == Job.Kind.REFRESH_OPTIONS else enqueue_check
        enqueue(instance, None, origin=SCHEDULE)

    def look(source: ImportSource) -> None:
        enqueue_source_refresh(source, None, origin=SCHEDULE)

    now = timezone.now()
    return start_due_runs(now, start) + start_due_sources(now, look)


def note_what_happened() -> int:
    """Note what began or ended at configurations since the last look; returns how many."""
    return note_occurrences(timezone.now())


def requeue_neglected() -> int:
    """Wake a worker for every job that nobody is at and no call is queued for; returns how many."""
    found = stalled_jobs(timezone.now(), queued_calls())
    for job in found:
        logger.warning("Nobody is at job %s (%s); a worker is woken for it.", job.pk, job.kind)
        _wake(job)
    return len(found)


def queued_calls() -> set[str]:
    """The keys of the jobs for which a call waits in the queue."""
    if settings.TASKS_BACKEND == "database":
        from django_tasks_db.models import DBTaskResult

        ready = DBTaskResult.objects.ready().filter(task_path=run_job.module_path)
        calls = [given["args"] for given in ready.values_list("args_kwargs", flat=True)]
    else:
        import django_rq

        calls = [job.args for job in django_rq.get_queue("default").get_jobs()]
    return {str(arguments[0]) for arguments in calls if arguments}


def _fail_calls(key: uuid.UUID) -> None:
    """The call for a job whose process was ended has failed; a queue in Redis finds that by itself."""
    if settings.TASKS_BACKEND == "database":
        from django_tasks_db.models import DBTaskResult

        cut = DBTaskResult.objects.filter(task_path=run_job.module_path, status="RUNNING")
        cut.filter(args_kwargs__args=[str(key)]).update(status="FAILED", finished_at=timezone.now())


_WEBHOOKS_WOKEN, _ALERTS_WOKEN = "webhooks-woken", "alerts-woken"
_WOKEN_FOR = 120  # seconds; longer than a call waits and works, usually


def wake_webhooks() -> bool:
    """Wake a worker for the webhooks when something is owed to one and no call for it is under way.

    The mark in the cache only spares the queue: two calls at once do no harm, and a lost one is made again.
    """
    now = time.time()
    # With the moment in it: what a wrong clock has put there would stay until that clock is right.
    woken = 0 <= now - cache.get(_WEBHOOKS_WOKEN, 0.0) < _WOKEN_FOR
    if woken or not has_work(timezone.now()):
        return False
    cache.set(_WEBHOOKS_WOKEN, now, timeout=_WOKEN_FOR)
    deliver_webhooks.enqueue()
    return True


@task()
def deliver_webhooks() -> None:
    """Queue what is owed to the webhooks and send what is due, for some seconds."""
    try:
        work()
    finally:
        cache.delete(_WEBHOOKS_WOKEN)


def wake_alerts() -> bool:
    """Open and close alerts, and wake a worker for what is to be sent, also where the former fails."""
    try:
        alerts.watch()
    finally:
        wakes = alerts.has_work(timezone.now()) and cache.add(_ALERTS_WOKEN, 1, timeout=_WOKEN_FOR)
        if wakes:
            deliver_alerts.enqueue()
    return wakes


@task()
def deliver_alerts() -> None:
    """Send the alerts that are due, for some seconds."""
    try:
        alerts.work()
    finally:
        cache.delete(_ALERTS_WOKEN)


class JobFailed(Exception):
    """What a job failed for, which its row tells people: raised so that its call in the queue failed, too."""

    is_told = True  # by the line that tells how the job ended (portal/logs.py)


@task()
def run_job(key: str) -> None:
    """Do the job that a call in the queue is for. Raises JobFailed, and what ``do_job`` raises."""
    failed = do_job(uuid.UUID(key))
    if failed:
        raise JobFailed(failed)


def do_job(key: uuid.UUID) -> str:
    """Claim the job and do it; what it failed for, "" otherwise. Its row tells how it ended.

    Only a programming error is raised.
    """
    run = claim(key)
    if run is None:
        return ""
    began = time.monotonic()
    with run:
        try:
            message, result = WORK[Job.Kind(run.job.kind)](run)
        except JobCancelled:
            run.finish(Job.State.CANCELLED, message="Cancelled. Nothing was added or marked missing.")
            _log_end(run, "was cancelled", began)
        except JobLost:
            logger.warning("Job %s was taken over by another worker.", run.job.pk)
        except MemoryError:
            _fail(run, TOO_LARGE, began)
            memory_spent.set()
            raise
        except Exception as error:
            if fault_of(error):
                logger.warning("Job %s meets a database that is %s.", run.job.pk, fault_of(error))
                keep_trying(partial(_give_back, run), f"Job {run.job.pk} cannot be given back")
            elif (told := _failure(error)) is not None:
                _fail(run, told, began, **({"confirm": "shrink"} if isinstance(error, RefreshBraked) else {}))
                return told
            else:
                _fail(run, MISTAKE, began)
                raise
        else:
            run.finish(Job.State.DONE, message=message, result=result)
            _log_end(run, "is done", began, logging.INFO)
            if result.get("outdated"):
                enqueue_refresh(run.instance, run.job.created_by, full=True)
    return ""


def _failure(error: Exception) -> str | None:
    """What people are told of a failure that is no mistake of the portal's; None for one that is."""
    if isinstance(error, PSAError):
        logger.warning("What the PSA said: %s", error.technical)
        return error.user_text
    return str(error) if isinstance(error, WorkFailed | RefreshBraked) else None


def _fail(run: JobRun, error: str, began: float, **result: str) -> None:
    run.finish(Job.State.FAILED, error=error, result=result)
    _log_end(run, f"failed: {error.rstrip('.')}", began)


def _log_end(run: JobRun, ended: str, began: float, level: int = logging.WARNING) -> None:
    """One line for each job, which says what it was about; the queue knows its key alone."""
    job, seconds = run.job, time.monotonic() - began
    logger.log(level, "Job %s (%s, %s) %s, after %.1f s", job.pk, job.kind, job.subject, ended, seconds)


def _give_back(run: JobRun) -> bool:
    """Let the job wait again, for a worker that finds the database in order."""
    with transaction.atomic():
        given = run.give_back()
        if given:
            _wake(run.job)
    return given


def end_run(key: uuid.UUID, token: uuid.UUID, state: Job.State, sentence: str) -> bool:
    """Say how a job ended whose process was ended, in its row and in the report that it had; True.

    What it had written before that is said as it is: an import that came to its end is done.
    """
    with transaction.atomic():
        job = Job.objects.select_for_update().filter(key=key, lease_token=token).first()
        if job is None:
            return True  # it has ended by itself, or another worker has it
        _fail_calls(key)
        run = JobRun(job, token)
        report = ImportReport.objects.select_for_update().filter(key=key).first()
        if report is not None and report.verdict != ImportReport.Verdict.RUNNING:
            return run.finish(Job.State.DONE, message=report.sentence, result={"report": str(key)}) or True
        if report is not None:
            whole = job.kind == Job.Kind.IMPORT_FILE
            kept = "Nothing was written." if whole else "What was written before that stays."
            report.end(ImportReport.Verdict.STOPPED, f"{sentence} {kept}")
        told = {"error" if state == Job.State.FAILED else "message": sentence}
        run.finish(state, result={"report": str(key)} if report else None, **told)
    return True


def hand_on(key: uuid.UUID, token: uuid.UUID) -> bool:
    """Wake another worker for a job whose process has died; True."""
    with transaction.atomic():
        job = release(key, token)
        if job is not None:
            _fail_calls(key)
            _wake(job)
    return True


def _refresh_options(run: JobRun) -> tuple[str, dict[str, Any]]:
    try:
        outcome = refresh_options(run.instance, run, **run.job.options)
        compare_refreshes(run.instance, outcome.name_keys)
        note_reviews()
    except (RefreshBraked, PSAError):
        compare_unfinished(run.instance)  # what its pages brought counts already
        raise
    finally:  # also what keeps a result from being taken over
        note_expectations(timezone.now(), run.instance.pk)
    told = {"full": outcome.full, "outdated": outcome.outdated, "price": outcome.price}
    return outcome.sentence(), {**told, "warnings": list(outcome.warnings)}


def _suggest_mappings(run: JobRun) -> tuple[str, dict[str, Any]]:
    user = run.job.asker
    if user is None:
        raise WorkFailed("While it waited, the account that asked was closed or lost the right to it.")
    summary = propose_mappings(user, run.instance, progress=run.report_progress, **run.job.options)
    return summary.sentence(), {"tiers": summary.tiers}


def _check_connection(run: JobRun) -> tuple[str, dict[str, Any]]:
    actor = Actor(run.job.starter or "the portal", "background job", run.job.created_by)
    report = check_connection(Batch(actor), run.instance, unless_refused=True)
    if report.passed:
        return "The connection works.", {}
    failed = [step for step in report.steps if step.state is StepState.FAILED]
    raise WorkFailed(" ".join(step.sentence for step in failed))


def _import(work: Callable[[JobRun], ImportReport], run: JobRun) -> tuple[str, dict[str, Any]]:
    report = work(run)
    if report.verdict == ImportReport.Verdict.STOPPED:
        raise WorkFailed(report.sentence)
    return report.sentence, {"report": str(report.key)}


def _refresh_source(run: JobRun) -> tuple[str, dict[str, Any]]:
    try:
        return refresh_source(run), {}
    except SourceFailed as error:
        raise WorkFailed(str(error)) from error


WORK: dict[Job.Kind, Callable[[JobRun], tuple[str, dict[str, Any]]]] = {
    Job.Kind.REFRESH_OPTIONS: _refresh_options,
    Job.Kind.SUGGEST_MAPPINGS: _suggest_mappings,
    Job.Kind.CHECK_CONNECTION: _check_connection,
    Job.Kind.IMPORT_ORGANIZATIONS: partial(_import, import_companies),
    Job.Kind.IMPORT_FILE: partial(_import, import_file),
    Job.Kind.REFRESH_SOURCE: _refresh_source,
}
