"""Background work: waking a worker for a job, and what the worker does with it."""

from __future__ import annotations

import logging
import uuid
from collections.abc import Callable
from typing import Any

from django.contrib.auth.models import User
from django.db import transaction
from django.utils import timezone
from django_tasks import task

from integrations.models import IntegrationInstance, Job
from integrations.psa.base import PSAError
from integrations.services import jobs, refresh, suggestions

logger = logging.getLogger(__name__)


def enqueue_refresh(
    instance: IntegrationInstance, user: User | None, *, full: bool = False, accept_shrink: bool = False
) -> Job:
    """The open refresh of the instance, made and put in the queue when there is none."""
    with transaction.atomic():
        job, created = jobs.open_job(
            Job.Kind.REFRESH_OPTIONS, instance, user, {"full": full, "accept_shrink": accept_shrink}
        )
        if created:
            run_job.enqueue(str(job.key))
    return job


def enqueue_suggestions(instance: IntegrationInstance, user: User, *, include_inactive: bool = False) -> Job:
    """This person's open Suggest Values for the instance, made and put in the queue when there is none."""
    with transaction.atomic():
        job, created = jobs.open_job(
            Job.Kind.SUGGEST_MAPPINGS, instance, user, {"include_inactive": include_inactive}
        )
        if created:
            run_job.enqueue(str(job.key))
    return job


def requeue_neglected() -> int:
    """Wake a worker for every job that nobody is at; returns how many."""
    found = jobs.neglected(timezone.now())
    for job in found:
        logger.warning("Nobody is at job %s (%s); a worker is woken for it.", job.pk, job.kind)
        run_job.enqueue(str(job.key))
    return len(found)


@task()
def run_job(key: str) -> None:
    """Claim the job and do it. Its row tells how it ended; only a programming error is raised."""
    run = jobs.claim(uuid.UUID(key))
    if run is None:
        return
    with run:
        try:
            message, result = WORK[Job.Kind(run.job.kind)](run)
        except jobs.JobCancelled:
            run.finish(Job.State.CANCELLED, message="Cancelled. Nothing was added or marked missing.")
        except jobs.JobLost:
            logger.warning("Job %s was taken over by another worker.", run.job.pk)
        except PSAError as error:
            logger.warning("Job %s failed: %s", run.job.pk, error.technical)
            run.finish(Job.State.FAILED, error=error.user_text)
        except refresh.ShrinkRefused as error:
            run.finish(Job.State.FAILED, error=str(error), result={"confirm": "shrink"})
        except Exception:
            run.finish(
                Job.State.FAILED,
                error="The portal made a mistake here. The log of the worker has the details.",
            )
            raise
        else:
            run.finish(Job.State.DONE, message=message, result=result)
            if result.get("outdated"):
                enqueue_refresh(run.job.instance, run.job.created_by, full=True)


def _refresh_options(run: jobs.JobRun) -> tuple[str, dict[str, Any]]:
    outcome = refresh.refresh_options(run.job.instance, run, **run.job.options)
    return outcome.sentence(), {"full": outcome.full, "outdated": outcome.outdated}


def _suggest_mappings(run: jobs.JobRun) -> tuple[str, dict[str, Any]]:
    user = run.job.created_by
    if user is None:  # the account was deleted while the job waited
        return "The account that asked for suggestions is gone.", {}
    summary = suggestions.propose_mappings(user, run.job.instance, progress=run.progress, **run.job.options)
    return summary.sentence(), {"tiers": summary.tiers}


WORK: dict[Job.Kind, Callable[[jobs.JobRun], tuple[str, dict[str, Any]]]] = {
    Job.Kind.REFRESH_OPTIONS: _refresh_options,
    Job.Kind.SUGGEST_MAPPINGS: _suggest_mappings,
}
