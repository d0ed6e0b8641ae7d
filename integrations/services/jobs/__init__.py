"""Background work: claimed, watched, listed."""

from integrations.services.jobs.held import REPORTS, HeldJob, Pulse, read_report
from integrations.services.jobs.listing import JobQuery, list_jobs, reachable
from integrations.services.jobs.run import (
    JobCancelled,
    JobLost,
    JobRun,
    cancelled_runs,
    claim,
    open_job,
    release,
    shown_job,
    stalled_jobs,
)
from integrations.services.jobs.workers import record_heartbeat, unregister, worker_name

__all__ = [
    "REPORTS", "HeldJob", "JobCancelled", "JobLost", "JobQuery", "JobRun", "Pulse", "cancelled_runs", "claim",
    "list_jobs", "open_job", "reachable", "read_report", "record_heartbeat", "release", "shown_job",
    "stalled_jobs", "unregister", "worker_name",
]  # fmt: skip
