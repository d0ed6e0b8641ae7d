"""The life of a job: made once, claimed once, kept by a lease, ended by the run that holds it."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.management import call_command
from django.db import IntegrityError, transaction
from django.utils import timezone
from django_tasks_db.models import DBTaskResult

from integrations import tasks
from integrations.models import IntegrationInstance, Job
from integrations.services.jobs import run as jobs
from integrations.simulators.autotask.server import Simulator
from tests.support.rows import make_instance


@pytest.fixture
def plain(db: None) -> IntegrationInstance:
    """A configuration that no test here connects with."""
    instance = IntegrationInstance(psa="autotask", name="Plain", username="user@example.com")
    instance.credentials = {"secret": "s", "tracking_identifier": "t"}
    instance.save()
    return instance


@pytest.fixture
def job(plain: IntegrationInstance) -> Job:
    """A waiting refresh."""
    return jobs.open_job(Job.Kind.REFRESH_OPTIONS, plain, None, {})[0]


def let_lease_expire(job: Job) -> None:
    ago = timezone.now() - jobs.lease_length() - dt.timedelta(seconds=1)
    Job.objects.filter(pk=job.pk).update(lease_until=ago, heartbeat_at=ago, created_at=ago)


def test_an_instance_has_one_open_job_of_a_kind(plain: IntegrationInstance, job: Job) -> None:
    again, created = jobs.open_job(Job.Kind.REFRESH_OPTIONS, plain, None, {"full": True})
    assert (again.pk, created) == (job.pk, False)
    with pytest.raises(IntegrityError), transaction.atomic():
        Job.objects.create(kind=Job.Kind.REFRESH_OPTIONS, instance=plain, state=Job.State.RUNNING)
    job.request_cancel()
    assert jobs.open_job(Job.Kind.REFRESH_OPTIONS, plain, None, {})[1]


def test_a_job_is_claimed_once(job: Job) -> None:
    run = jobs.claim(job.key)
    assert run is not None
    assert jobs.claim(job.key) is None
    job.refresh_from_db()
    assert (job.state, job.attempts, job.lease_token) == (Job.State.RUNNING, 1, run.token)
    assert not job.stalled


def test_an_expired_lease_can_be_taken_over_and_the_first_run_is_out(job: Job) -> None:
    first = jobs.claim(job.key)
    assert first is not None
    let_lease_expire(job)
    job.refresh_from_db()
    assert job.stalled

    second = jobs.claim(job.key)

    assert second is not None
    with pytest.raises(jobs.JobLost):
        first.report_progress(5, 10)
    with pytest.raises(jobs.JobLost), transaction.atomic():
        first.assert_held()
    assert not first.finish(Job.State.DONE, message="from the first")
    second.report_progress(7, 10, "Reading")
    job.refresh_from_db()
    assert (job.done, job.message, job.attempts) == (7, "Reading", 2)


def test_a_run_whose_lease_expired_goes_on_while_nobody_took_it_over(job: Job) -> None:
    run = jobs.claim(job.key)
    assert run is not None
    let_lease_expire(job)
    run.report_progress(3, 10)
    job.refresh_from_db()
    assert not job.stalled


def test_three_tries_that_do_not_end_are_a_failure(job: Job) -> None:
    for _ in range(Job.MAX_ATTEMPTS):
        assert jobs.claim(job.key) is not None
        let_lease_expire(job)
    assert jobs.claim(job.key) is None
    job.refresh_from_db()
    assert job.state == Job.State.FAILED
    assert "three tries" in job.error
    assert job.finished_at is not None
    assert jobs.stalled_jobs(timezone.now()) == []


def test_cancelling_ends_a_waiting_job_at_once_and_asks_a_running_one(
    job: Job, plain: IntegrationInstance
) -> None:
    job.request_cancel()
    job.refresh_from_db()
    assert job.state == Job.State.CANCELLED
    assert jobs.claim(job.key) is None

    other, _ = jobs.open_job(Job.Kind.REFRESH_OPTIONS, plain, None, {})
    run = jobs.claim(other.key)
    assert run is not None
    other.request_cancel()
    with pytest.raises(jobs.JobCancelled):
        run.report_progress(1, 2)
    assert run.finish(Job.State.CANCELLED)


def test_cancelling_an_ended_job_changes_nothing(job: Job) -> None:
    run = jobs.claim(job.key)
    assert run is not None
    run.finish(Job.State.DONE, message="Done.")
    job.request_cancel()
    job.refresh_from_db()
    assert (job.state, job.cancel_requested) == (Job.State.DONE, False)


def test_very_long_messages_are_cut(job: Job) -> None:
    run = jobs.claim(job.key)
    assert run is not None
    run.report_progress(1, 1, "x" * 2000)
    assert run.finish(Job.State.FAILED, error="e" * 5000, message="m" * 2000)
    job.refresh_from_db()
    assert (len(job.message), len(job.error)) == (500, 5000)


# --- the queue ----------------------------------------------------------------------------------------


def test_pressing_twice_wakes_one_worker(plain: IntegrationInstance, owner: User) -> None:
    first = tasks.enqueue_refresh(plain, owner)
    second = tasks.enqueue_refresh(plain, owner)
    assert first.pk == second.pk
    assert DBTaskResult.objects.count() == 1


def test_a_running_job_whose_worker_went_silent_is_woken_once_a_lease(job: Job) -> None:
    assert tasks.requeue_neglected() == 0
    assert jobs.claim(job.key) is not None
    assert tasks.requeue_neglected() == 0
    let_lease_expire(job)

    assert [tasks.requeue_neglected() for _ in range(3)] == [1, 0, 0]
    assert DBTaskResult.objects.count() == 1
    let_lease_expire(job)
    assert tasks.requeue_neglected() == 0  # its call still waits for a worker
    DBTaskResult.objects.update(status="RUNNING")  # which was killed with the call
    assert tasks.requeue_neglected() == 1


def test_a_queue_that_nobody_empties_does_not_grow(db: None) -> None:
    """Workers were away for a while: what waits is in the queue once, however often somebody looks."""
    for number in range(30):
        tasks.enqueue_refresh(make_instance(f"Waiting {number}"), None)
    long_ago = timezone.now() - 10 * jobs.lease_length()
    for _ in range(5):
        Job.objects.update(created_at=long_ago, heartbeat_at=None)
        assert tasks.requeue_neglected() == 0
    assert DBTaskResult.objects.count() == 30


def test_a_waiting_job_that_no_worker_came_for_is_woken(job: Job) -> None:
    """A worker killed between taking the call and claiming the job leaves it waiting without a call."""
    let_lease_expire(job)
    Job.objects.filter(pk=job.pk).update(heartbeat_at=None, lease_until=None)
    assert [tasks.requeue_neglected() for _ in range(2)] == [1, 0]


@pytest.mark.django_db(transaction=True)  # a worker closes connections that stand in a transaction
def test_a_worker_does_what_was_queued(
    simulator: Simulator, instance: IntegrationInstance, owner: User
) -> None:
    job = tasks.enqueue_refresh(instance, owner, full=True)

    call_command("db_worker", "--batch", "--no-startup-delay", "--interval", "0", verbosity=0)

    job.refresh_from_db()
    assert job.state == Job.State.DONE, job.error
    assert instance.companies.count() == 15
    assert DBTaskResult.objects.get().status == "SUCCESSFUL"


@pytest.mark.django_db(transaction=True)  # a worker closes connections that stand in a transaction
def test_the_call_for_a_job_that_failed_has_failed(
    simulator: Simulator, instance: IntegrationInstance, owner: User, caplog: pytest.LogCaptureFixture
) -> None:
    simulator.inject("server-error")
    job = tasks.enqueue_refresh(instance, owner)
    call_command("db_worker", "--batch", "--no-startup-delay", "--interval", "0", verbosity=0)
    job.refresh_from_db()
    call = DBTaskResult.objects.get()
    assert (job.state, call.status) == (Job.State.FAILED, "FAILED")
    assert call.exception_class_path == "integrations.tasks.JobFailed"
    told = [record for record in caplog.records if record.levelname in {"WARNING", "ERROR"}]
    assert [record.exc_info for record in told if record.name == "django_tasks"] == []
    assert f"Job {job.pk} (refresh_options, Main) failed" in caplog.text


def test_the_call_of_a_process_that_was_ended_has_failed(job: Job) -> None:
    for state, ended in (("waiting", tasks.hand_on), ("failed", tasks.end_run)):
        DBTaskResult.objects.all().delete()
        Job.objects.filter(pk=job.pk).update(state="waiting", attempts=0)
        tasks.run_job.enqueue(str(job.key))
        other = tasks.run_job.enqueue("another")
        DBTaskResult.objects.update(status="RUNNING")
        run = jobs.claim(job.key)
        assert run is not None
        ended(job.key, run.token, *(("failed", "It hung.") if state == "failed" else ()))
        found = dict(DBTaskResult.objects.exclude(status="READY").values_list("status", "args_kwargs"))
        assert found["FAILED"]["args"] == [str(job.key)]
        assert found["RUNNING"]["args"] == [other.args[0]]


def test_a_call_for_a_job_that_ended_or_is_gone_does_nothing(job: Job) -> None:
    job.request_cancel()
    tasks.do_job(job.key)
    job.refresh_from_db()
    assert job.state == Job.State.CANCELLED
    job.delete()
    tasks.do_job(job.key)


def test_a_mistake_of_the_portal_fails_the_job_for_people_and_is_raised_for_the_log(
    job: Job, plain: IntegrationInstance
) -> None:
    IntegrationInstance.objects.filter(pk=plain.pk).update(psa="no-such-psa")
    with pytest.raises(LookupError):
        tasks.do_job(job.key)
    job.refresh_from_db()
    assert job.state == Job.State.FAILED
    assert "log of the worker" in job.error


def test_every_kind_of_job_has_a_longest_time(settings: Any) -> None:
    assert set(settings.JOB_SECONDS) == set(Job.Kind)
