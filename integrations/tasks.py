"""Background work: waking a worker for a job, and what the worker does with it."""

from __future__ import annotations

import logging
import uuid

from django.contrib.auth.models import User
from django.db import transaction
from django.utils import timezone
from django_tasks import task

from integrations.models import IntegrationInstance, Job
from integrations.psa.base import PSAError
from integrations.services import jobs, refresh

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
            outcome = refresh.refresh_options(run.job.instance, run, **run.job.options)
        except jobs.JobCancelled:
            run.finish(Job.State.CANCELLED, message="Cancelled. No company was added or marked missing.")
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
            run.finish(Job.State.DONE, message=outcome.sentence(), result={"full": outcome.full})
            if outcome.outdated:
                enqueue_refresh(run.job.instance, run.job.created_by, full=True)
