"""The portal's processes: a worker that keeps house, the web command, the queue that a setting names."""

from __future__ import annotations

import datetime as dt
import importlib.util
import json
import subprocess
import sys
import threading
from typing import Any

import pytest
from django.core.management import call_command
from django.db import OperationalError
from django.utils import timezone
from django_tasks_db.models import DBTaskResult

from integrations import tasks
from integrations.management.processes import web_command, worker_command
from integrations.management.worker_maintenance import WorkerMaintenance
from integrations.models import IntegrationInstance, Job, Worker
from integrations.services.jobs import run as jobs
from integrations.services.jobs import workers
from integrations.services.operations.cleanup import delete_expired
from integrations.simulators.autotask.server import Simulator
from tests.support.processes import ROOT, environment, read_settings, run_python
from tests.support.rows import make_instance


@pytest.fixture
def plain(db: None) -> IntegrationInstance:
    return make_instance()


def test_a_worker_is_seen_while_it_works_and_gone_after_a_clean_stop(db: None) -> None:
    workers.record_heartbeat("machine:1")
    first = Worker.objects.get()
    workers.record_heartbeat("machine:1")
    again = Worker.objects.get()
    assert (again.pk, again.started_at) == (first.pk, first.started_at)
    assert again.seen_at > first.seen_at
    Worker.objects.update(seen_at=timezone.now() - Worker.SILENT_AFTER - dt.timedelta(seconds=1))
    assert not Worker.objects.alive().exists()
    workers.unregister("machine:1")
    assert not Worker.objects.exists()


class MaintenanceFirst(WorkerMaintenance):
    """One round before the work instead of a thread beside it.

    The tests' database in memory has no waiting between connections; a real one has.
    """

    def __enter__(self) -> WorkerMaintenance:
        self.beat()
        self.round()
        assert Worker.objects.alive().count() == 1
        return self

    def __exit__(self, *_: object) -> None:
        workers.unregister(self.name)


@pytest.mark.django_db(transaction=True)  # a worker closes connections that stand in a transaction
def test_a_worker_does_what_is_due_and_takes_up_what_was_left(
    simulator: Simulator, instance: IntegrationInstance, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A round wakes a job whose worker was killed; the queue then does it, and the schedule has a plan."""
    monkeypatch.setattr("integrations.management.commands.worker.WorkerMaintenance", MaintenanceFirst)
    job, _ = jobs.open_job(Job.Kind.REFRESH_OPTIONS, instance, None, {})
    assert jobs.claim(job.key) is not None
    ago = timezone.now() - 2 * jobs.lease_length()
    Job.objects.update(lease_until=ago, heartbeat_at=ago)

    call_command("worker", "--batch", "--interval", "0", verbosity=0)

    job.refresh_from_db()
    assert (job.state, job.attempts) == (Job.State.DONE, 2), job.error
    instance.refresh_from_db()
    assert instance.next_refresh_at is not None
    assert not Worker.objects.exists()


@pytest.mark.django_db(transaction=True)  # its thread has a connection of its own
def test_maintenance_goes_on_until_the_worker_stops() -> None:
    """The thread itself: rounds while the worker works, none after it, and then the worker is gone."""
    rounds: list[int] = []
    seen = threading.Event()

    def step() -> None:
        rounds.append(1)
        if len(rounds) == 3:
            seen.set()

    maintenance = WorkerMaintenance(every=0.001, steps=(step,))
    workers.record_heartbeat(maintenance.name)
    with maintenance:
        assert seen.wait(60)
        assert Worker.objects.exists()
    done = len(rounds)
    assert not Worker.objects.exists()
    assert seen.wait(0.01)
    assert len(rounds) == done


@pytest.mark.django_db(transaction=True)  # a worker closes connections that stand in a transaction
def test_a_step_that_fails_does_not_keep_the_others_from_being_done(caplog: pytest.LogCaptureFixture) -> None:
    done: list[str] = []

    def away() -> None:
        raise OperationalError("the database is away")

    def mistaken() -> None:
        raise LookupError("a mistake")

    WorkerMaintenance(steps=(away, mistaken, lambda: done.append("beat"))).round()
    assert done == ["beat"]
    assert "could not reach the database" in caplog.text
    assert "A step of the maintenance failed" in caplog.text


def test_what_nobody_needs_any_more_is_cleared_away(plain: IntegrationInstance) -> None:
    now = timezone.now()
    old, kept = now - dt.timedelta(days=91), now - dt.timedelta(days=80)
    for kind, finished in ((Job.Kind.REFRESH_OPTIONS, old), (Job.Kind.CHECK_CONNECTION, kept)):
        Job.objects.create(kind=kind, instance=plain, state="done", finished_at=finished)
    waiting = tasks.enqueue_refresh(plain, None)
    Job.objects.filter(pk=waiting.pk).update(created_at=old)
    DBTaskResult.objects.update(enqueued_at=now - dt.timedelta(days=8))  # still to be done: stays
    Worker.objects.create(name="gone", started_at=old, seen_at=old)
    assert delete_expired() == 2
    assert {job.kind for job in Job.objects.all()} == {"check_connection", "refresh_options"}
    assert DBTaskResult.objects.count() == 1
    DBTaskResult.objects.update(status="RUNNING")  # its worker was killed a week ago
    assert delete_expired() == 1


@pytest.mark.process
def test_serve_and_the_service_manager_start_the_same_processes() -> None:
    command = web_command("0.0.0.0:8000", 3, 5)
    assert command[command.index("--bind") + 1] == "0.0.0.0:8000"
    assert command[command.index("--workers") + 1] == "3"
    assert worker_command()[-2:] == [str(ROOT / "manage.py"), "worker"]
    helped = subprocess.run(
        [sys.executable, str(ROOT / "manage.py"), "web", "--help"],
        env=environment(), capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert "--web-processes" in helped.stdout


# --- the queue that a setting names -------------------------------------------------------------------


QUEUE = "__import__('json').dumps([s.TASKS, s.INSTALLED_APPS])"


@pytest.mark.process
def test_the_database_is_the_queue_unless_a_setting_says_redis() -> None:
    configured, apps = json.loads(read_settings(QUEUE).stdout)
    assert configured["default"]["BACKEND"] == "django_tasks_db.DatabaseBackend"
    assert "django_tasks_db" in apps
    configured, apps = json.loads(
        read_settings(QUEUE, TASKS_BACKEND="rq", REDIS_URL="redis://127.0.0.1:1/0").stdout
    )
    assert configured["default"]["BACKEND"] == "django_tasks_rq.RQBackend"
    assert {"django_rq", "django_tasks_rq"} <= set(apps)


@pytest.mark.process
@pytest.mark.parametrize(
    ("values", "said"),
    [({"TASKS_BACKEND": "celery"}, "database or rq"), ({"TASKS_BACKEND": "rq"}, "REDIS_URL is not set")],
)
def test_a_wrong_queue_stops_the_start(values: dict[str, str], said: str) -> None:
    ended = read_settings(QUEUE, **values)
    assert ended.returncode != 0
    assert said in ended.stderr


@pytest.mark.process
@pytest.mark.skipif(
    importlib.util.find_spec("django_tasks_rq") is None,
    reason="django-tasks-rq is not installed (requirements-scale.txt)",
)
def test_the_redis_queue_loads_by_settings_alone() -> None:
    program = (
        "import django; django.setup(); from django_tasks import task_backends;"
        "from integrations.tasks import run_job;"
        "print(type(task_backends['default']).__name__, run_job.backend)"
    )
    ended = run_python(program, TASKS_BACKEND="rq", REDIS_URL="redis://127.0.0.1:1/0")
    assert ended.stdout.strip() == "RQBackend default", ended.stderr


def test_a_queue_outside_the_database_hears_of_a_job_only_when_it_is_committed(
    plain: IntegrationInstance,
    settings: Any,
    django_capture_on_commit_callbacks: object,
) -> None:
    settings.TASKS_BACKEND = "rq"
    with django_capture_on_commit_callbacks() as callbacks:  # type: ignore[operator]
        tasks.enqueue_refresh(plain, None)
        assert DBTaskResult.objects.count() == 0
    assert len(callbacks) == 1
    callbacks[0]()
    assert DBTaskResult.objects.count() == 1
