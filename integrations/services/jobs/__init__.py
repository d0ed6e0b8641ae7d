"""Background work: claimed, watched, listed."""

from integrations.services.jobs.listing import JobQuery, list_jobs, reachable
from integrations.services.jobs.run import (
    JobCancelled,
    JobLost,
    JobRun,
    claim,
    open_job,
    shown_job,
    stalled_jobs,
)
from integrations.services.jobs.workers import record_heartbeat, unregister, worker_name

__all__ = [
    "JobCancelled", "JobLost", "JobQuery", "JobRun", "claim", "list_jobs", "open_job", "reachable",
    "record_heartbeat", "shown_job", "stalled_jobs", "unregister", "worker_name",
]  # fmt: skip
