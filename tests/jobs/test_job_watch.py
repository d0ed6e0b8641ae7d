"""The process that does the jobs is replaced when it stops without a job, which no lease would show."""

from __future__ import annotations

import signal
import sys

import pytest

from integrations.management import job_watch
from integrations.management.job_watch import JobWatch

SILENT = "import time; time.sleep(120)"
GOES_ON = """
import os, time
for _ in range(20):
    os.write(int(os.environ["PORTAL_JOB_REPORTS"]), b'{"alive": true}\\n')
    time.sleep(0.05)
"""


@pytest.mark.process
@pytest.mark.django_db(transaction=True)  # a worker closes connections that stand in a transaction
def test_a_process_without_a_job_that_says_nothing_is_replaced(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(job_watch, "LOOK_EVERY", 0.05)
    monkeypatch.setattr(job_watch, "SILENT_AFTER", 0.5)
    assert JobWatch([sys.executable, "-c", SILENT])._run_once() == -signal.SIGKILL
    monkeypatch.setattr(job_watch, "SILENT_AFTER", 20.0)
    assert JobWatch([sys.executable, "-c", GOES_ON])._run_once() == 0
