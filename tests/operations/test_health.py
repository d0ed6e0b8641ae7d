"""What operators ask: alive, ready, figures; and logs that lead from an error page to its cause."""

from __future__ import annotations

import datetime as dt
import json
import logging
import re
from collections.abc import Callable
from pathlib import Path

import psycopg
import pytest
from django.contrib.auth.models import User
from django.core.management import call_command
from django.db import OperationalError, connection
from django.db.migrations.executor import MigrationExecutor
from django.db.migrations.recorder import MigrationRecorder
from django.test import Client, override_settings
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries

from integrations import crypto, tasks
from integrations.models import Job, Worker
from integrations.services.jobs import workers
from integrations.services.operations import health as operations
from integrations.services.operations import metrics
from portal import logs
from portal.counters import RequestCounters, forget
from tests.support.processes import read_settings
from tests.support.rows import make_instance

TOKEN = "a-token-for-the-metrics-1"
LOOPBACK = "127.0.0.1"


# --- probes -------------------------------------------------------------------------------------------


def test_the_process_is_alive_without_database_host_name_or_https(client: Client) -> None:
    """No database fixture: a query would fail the test."""
    with override_settings(SECURE_SSL_REDIRECT=True):
        response = client.get("/healthz", headers={"host": "10.1.2.3"})
    assert (response.status_code, response.content) == (200, b"ok\n")
    assert "sessionid" not in response.cookies


def test_ready_means_database_migrations_and_a_worker(db: None, client: Client) -> None:
    alone = client.get("/readyz")
    assert alone.status_code == 503
    assert alone.json() == {
        "ready": False,
        "checks": {
            "database": "ok",
            "migrations": "ok",
            "keys": "ok",
            "disk": "ok",
            "clock": "ok",
            "worker": "none heard of for a minute",
        },
    }
    assert client.get("/readyz/web").status_code == 200  # staff need not be turned away for that
    workers.record_heartbeat("here")
    assert client.get("/readyz").json()["ready"] is True
    Worker.objects.update(seen_at=timezone.now() - dt.timedelta(minutes=2))
    assert client.get("/readyz").status_code == 503


def test_a_database_that_is_away_or_behind_is_not_ready(
    db: None, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away(*_: object) -> None:
        raise OperationalError("could not connect to server at 10.0.0.9")

    with monkeypatch.context() as patched:
        patched.setattr("django.db.backends.utils.CursorWrapper.execute", away)
        patched.setattr("django.db.connection.close", lambda: None)
        response = client.get("/readyz")
    assert response.status_code == 503
    assert response.json()["checks"] == {"database": "not reachable"}
    assert b"10.0.0.9" not in response.content

    monkeypatch.setattr(operations._Migrations, "applied", False)
    monkeypatch.setattr(MigrationExecutor, "migration_plan", lambda *_: ["one to do"])
    assert "prepare" in client.get("/readyz/web").json()["checks"]["migrations"]


def test_a_database_of_a_newer_version_is_told_and_staff_are_not_turned_away(
    db: None, client: Client, capsys: pytest.CaptureFixture[str]
) -> None:
    """In each upgrade the machines of before work on it for a while."""
    recorder = MigrationRecorder(connection)
    workers.record_heartbeat("here")
    recorder.record_applied("a_queue_of_before", "0999_future")
    recorder.record_applied("integrations", "0000_gone")
    assert client.get("/readyz").status_code == 200
    recorder.record_applied("integrations", "0999_future")
    told = client.get("/readyz")
    assert (told.status_code, "newer version" in told.json()["checks"]["migrations"]) == (503, True)
    assert client.get("/readyz/web").status_code == 200
    call_command("prepare", verbosity=0)
    assert "newer version of the portal than this code (integrations.0999_future)" in capsys.readouterr().err


def test_readiness_tells_of_keys_clocks_disk_and_housekeeping(
    db: None, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    def check(name: str) -> str:
        return str(client.get("/readyz").json()["checks"][name])

    make_instance("Main")
    workers.record_heartbeat("here", crypto.ring_mark(), kept_house=True)
    assert client.get("/readyz").status_code == 200

    Worker.objects.update(keys="of another machine")
    assert "other keys" in check("keys")
    Worker.objects.update(keys="")
    with override_settings(PORTAL_ENCRYPTION_KEYS=[crypto.new_key()]):
        assert "do not open" in check("keys")
        assert client.get("/readyz/web").status_code == 503  # this machine should get no staff

    ago = timezone.now() - dt.timedelta(minutes=3)
    Worker.objects.update(kept_house_at=ago, started_at=ago)
    assert "two minutes" in check("housekeeping")
    monkeypatch.setattr(operations, "LEAST_FREE", 2**60)
    assert "free" in check("disk")

    monkeypatch.setattr(operations, "clock_difference", lambda: -3600.0)
    assert check("clock") == "differs by 3600 seconds: see to NTP"


def test_a_worker_of_the_future_counts_as_none(db: None, client: Client) -> None:
    """A clock was a month ahead for a moment."""
    workers.record_heartbeat("here")
    Worker.objects.update(seen_at=timezone.now() + dt.timedelta(days=30))
    assert "none heard of" in client.get("/readyz").json()["checks"]["worker"]


# --- metrics ------------------------------------------------------------------------------------------


def test_metrics_are_for_this_machine_or_for_the_token(db: None, client: Client) -> None:
    def status(**headers: str) -> int:
        return client.get("/metrics", headers=headers, REMOTE_ADDR=LOOPBACK).status_code

    assert status() == 200
    assert client.get("/metrics", REMOTE_ADDR="192.0.2.1").status_code == 404
    assert status(x_forwarded_for="192.0.2.1") == 404  # a proxy on this machine
    with override_settings(METRICS_TOKEN=TOKEN):
        assert status() == 404
        assert status(authorization="Bearer wrong") == 404
        allowed = client.get(
            "/metrics", headers={"authorization": f"Bearer {TOKEN}"}, REMOTE_ADDR="192.0.2.1"
        )
        assert allowed.status_code == 200
        assert TOKEN.encode() not in allowed.content


def test_the_figures_are_those_of_the_database(
    db: None, client: Client, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    odd = make_instance('Quote " and \\ backslash', last_refreshed_at=timezone.now() - dt.timedelta(hours=2))
    make_instance("Second")
    tasks.enqueue_refresh(odd, None)
    Job.objects.create(kind="check_connection", instance=odd, state="failed", finished_at=timezone.now())
    workers.record_heartbeat("here")

    with django_assert_max_num_queries(11):
        text = client.get("/metrics", REMOTE_ADDR=LOOPBACK).content.decode()

    assert 'portal_jobs{kind="refresh_options",state="waiting"} 1' in text
    assert 'portal_jobs{kind="check_connection",state="failed"} 1' in text
    assert "portal_workers 1" in text
    assert 'instance="Quote \\" and \\\\ backslash"' in text
    age = re.search(r"portal_instance_data_age_seconds\{.*\} ([\d.]+)", text)
    assert age
    assert 7200 <= float(age[1]) < 7300
    for line in text.splitlines():
        assert re.fullmatch(r"# (HELP|TYPE) .+|[a-z_]+(\{.*\})? [-\d.e+]+", line), line


def test_a_held_table_hides_no_figures_but_its_own(db: None, client: Client) -> None:
    make_instance("Main")

    def hold(execute: Callable[..., object], sql: str, *rest: object) -> object:
        if 'FROM "integrations_job"' in sql:
            raise OperationalError("held") from psycopg.errors.LockNotAvailable("held")
        return execute(sql, *rest)

    with connection.execute_wrapper(hold):
        told = client.get("/metrics", REMOTE_ADDR=LOOPBACK)
    assert told.status_code == 200
    text = told.content.decode()
    assert "portal_jobs{" not in text
    assert "portal_workers 0" in text
    assert "portal_instance_up{" in text
    assert "portal_figures_held 1" in text


def test_every_process_of_the_machine_counts(tmp_path: Path, db: None) -> None:
    counters = RequestCounters(tmp_path)
    for seconds in (0.005, 0.02, 0.02, 60):
        counters.count("integrations:setup", 200, seconds)
    # Another process of this machine, and one whose file is being written at this moment.
    (tmp_path / "1.json").write_text(
        json.dumps({"requests|integrations:setup|200": 6, "seconds": 1.5, "under|0.05": 6})
    )
    (tmp_path / "2.json").write_text("{")

    text = metrics.metrics_text(counters.total())

    assert 'portal_http_requests_total{view="integrations:setup",status="200"} 10.0' in text
    assert 'portal_http_request_seconds_bucket{le="0.025"} 3' in text
    assert 'portal_http_request_seconds_bucket{le="0.05"} 9' in text
    assert 'portal_http_request_seconds_bucket{le="+Inf"} 10' in text
    assert "portal_http_request_seconds_sum 61.545" in text
    forget(tmp_path)
    assert not list(tmp_path.glob("*.json"))


# --- request ids and logs -----------------------------------------------------------------------------


def test_the_id_of_a_request_is_on_its_answer_its_error_page_and_its_log_lines(
    owner: User, client_of: Callable[[User], Client], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.handler.addFilter(logs.RequestIdFilter())
    client = client_of(owner)
    found, other = client.get("/no/such/page?q=private-text"), client.get("/no/such/page")
    known = found.headers["X-Request-ID"]
    assert re.fullmatch(r"[0-9a-f]{32}", known)
    assert known != other.headers["X-Request-ID"]
    assert known in found.content.decode()
    lines = [record for record in caplog.records if getattr(record, "request_id", "") == known]
    assert {record.name for record in lines} >= {"portal.requests", "django.request"}
    assert "private-text" not in caplog.text
    assert logs.request_id.get() == logs.NO_REQUEST


def test_an_error_page_leads_to_the_traceback_and_tells_no_secret(
    owner: User, client_of: Callable[[User], Client], monkeypatch: pytest.MonkeyPatch
) -> None:
    """What the console handler would write, as JSON, for a request that breaks with a secret in its form."""
    written: list[str] = []

    class Keep(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            written.append(self.format(record))

    handler = Keep()
    handler.addFilter(logs.RequestIdFilter())
    handler.setFormatter(logs.JsonFormatter())
    logging.getLogger().addHandler(handler)

    def breaks(*args: object, **kwargs: object) -> None:
        raise RuntimeError("something odd")

    monkeypatch.setattr("integrations.views.instances.connect_instance", breaks)
    client = client_of(owner)
    client.raise_request_exception = False
    form = {
        "name": "Main",
        "username": "u@example.com",
        "secret": "Heron-71-lantern",
        "tracking_identifier": "QV7X-ID",
    }
    try:
        broken = client.post("/integrations/autotask/add/", {f"connection-{key}": form[key] for key in form})
    finally:
        logging.getLogger().removeHandler(handler)

    assert broken.status_code == 500
    page, known = broken.content.decode(), broken.headers["X-Request-ID"]
    assert known in page
    lines = [json.loads(line) for line in written]
    told = [line for line in lines if line.get("request") == known and "exception" in line]
    assert told
    assert "RuntimeError: something odd" in told[0]["exception"]
    counted = next(line for line in lines if line["logger"] == "portal.requests")
    assert (counted["status"], counted["view"], counted["user"]) == (
        500,
        "integrations:instance_add",
        owner.pk,
    )
    for secret in ("Heron-71-lantern", "QV7X-ID"):
        assert secret not in page
        assert secret not in "\n".join(written)


@pytest.mark.parametrize("given", ["short", "with space and more", "x" * 65, "<script>alert(1)</script>"])
def test_a_harmless_id_is_taken_from_a_trusted_proxy_alone(db: None, client: Client, given: str) -> None:
    def answered(value: str) -> str:
        return client.get("/accounts/login/", headers={"x-request-id": value}).headers["X-Request-ID"]

    assert answered("proxy-4711-abc") != "proxy-4711-abc"
    with override_settings(BEHIND_TLS_PROXY=True):
        assert answered("proxy-4711-abc") == "proxy-4711-abc"
        assert answered(given) != given


def test_a_line_of_json_holds_the_extras_and_survives_odd_values() -> None:
    record = logging.LogRecord("portal", logging.INFO, "file.py", 1, "%s said\nthis", ("Zoë",), None)
    record.job, record.thing = 7, object()
    line = logs.JsonFormatter().format(record)
    assert "\n" not in line
    told = json.loads(line)
    assert (told["message"], told["job"]) == ("Zoë said\nthis", 7)
    assert "thing" not in told


@pytest.mark.process
@pytest.mark.parametrize(
    ("values", "said"),
    [({"LOG_FORMAT": "xml"}, "line or json"), ({"METRICS_TOKEN": "short"}, "METRICS_TOKEN is weak")],
)
def test_wrong_settings_stop_the_start(values: dict[str, str], said: str) -> None:
    ended = read_settings("s.LOG_FORMAT", **values)
    assert ended.returncode != 0
    assert said in ended.stderr


@pytest.mark.process
def test_the_layout_of_the_log_is_a_setting() -> None:
    layout = "s.LOGGING['handlers']['console']['formatter']"
    assert read_settings(layout, LOG_FORMAT="json").stdout.strip() == "json"
    assert read_settings(layout).stdout.strip() == "line"
