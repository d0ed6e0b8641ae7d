"""``refresh_options`` and ``validate_instances``, against a simulated Autotask."""

from __future__ import annotations

import csv
import io
import json
import threading
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.management import CommandError, call_command
from django.utils import timezone

from integrations.management.commands import refresh_options
from integrations.management.output import ProgressLine
from integrations.models import AuditEvent, IntegrationInstance, Job
from integrations.services.audit import Batch
from integrations.services.instances.delete import delete_instance
from integrations.services.jobs import run as jobs
from integrations.simulators.autotask.server import Simulator
from integrations.simulators.autotask.tenant import Tenant
from integrations.tasks import enqueue_refresh
from tests.support.simulated import SECRETS, actor_of


class Terminal(io.StringIO):
    """A stream that a person looks at."""

    def isatty(self) -> bool:
        return True


def run(command: str, *arguments: str, errors: io.StringIO | None = None) -> tuple[int, str, str]:
    """The exit code, what was printed, and what went to the error stream."""
    out, err = io.StringIO(), errors or io.StringIO()
    try:
        call_command(command, *arguments, stdout=out, stderr=err)
    except CommandError as error:
        return error.returncode, out.getvalue(), err.getvalue() + str(error)
    return 0, out.getvalue(), err.getvalue()


# --- refresh_options ------------------------------------------------------------------------------------


def test_refreshing_by_name_goes_through_a_job(instance: IntegrationInstance) -> None:
    code, out, err = run("refresh_options", "MAIN")
    assert (code, err) == (0, "")
    job = Job.objects.get()
    assert (job.state, job.attempts) == (Job.State.DONE, 1)
    assert instance.companies.count() == 15
    assert out.splitlines()[0].split() == ["Configuration", "Result", "Explanation"]
    assert out.splitlines()[1].startswith("Main           done    All 15 companies were read: 15 new.")


def test_all_are_refreshed_although_one_fails_and_it_says_which_and_why(
    refreshed: IntegrationInstance, second: IntegrationInstance, tenant: Tenant
) -> None:
    tenant.secret = "changed over there"
    code, out, err = run("refresh_options", "--all", "--format", "json")
    assert code == 1
    assert err == "1 of 2 not refreshed: Main."
    rows = {row["configuration"]: row for row in json.loads(out)}
    assert rows["Second"]["result"] == "done"
    assert rows["Main"]["result"] == "failed"
    assert "password" in rows["Main"]["explanation"]
    assert not any(secret in out + err for secret in SECRETS)


def test_full_reads_everything(refreshed: IntegrationInstance, tenant: Tenant) -> None:
    for number in range(1000, 1031):
        tenant.companies.put({"id": number, "companyName": f"Harbour {number}"})
    run("refresh_options", "Main", "--full")
    run("refresh_options", "Main")
    assert Job.objects.latest("pk").result["full"] is False
    run("refresh_options", "Main", "--full")
    assert Job.objects.latest("pk").result["full"] is True


def test_a_shrink_is_refused_until_it_is_accepted(refreshed: IntegrationInstance, tenant: Tenant) -> None:
    for number in range(101, 108):
        tenant.companies.remove(number)
    code, out, _ = run("refresh_options", "Main", "--full")
    assert code == 1
    assert "7 of 15 companies were not returned" in out
    assert refreshed.companies.filter(missing_since=None).count() == 15
    assert run("refresh_options", "Main", "--accept-shrink")[0] == 0
    assert refreshed.companies.filter(missing_since=None).count() == 8


def test_a_waiting_job_is_taken_up_with_what_is_asked(instance: IntegrationInstance, owner: User) -> None:
    waiting = enqueue_refresh(instance, owner)
    assert run("refresh_options", "Main", "--full")[0] == 0
    waiting.refresh_from_db()
    assert (waiting.state, waiting.options["full"]) == (Job.State.DONE, True)
    assert Job.objects.count() == 1


def test_a_refresh_that_a_worker_has_begun_is_waited_for_and_never_run_twice(
    instance: IntegrationInstance, simulator: Simulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = enqueue_refresh(instance, None)
    other = jobs.claim(job.key)
    assert other is not None
    looks = []

    def look(seconds: float) -> None:
        """In the place of waiting: the other worker's work goes on."""
        looks.append(seconds)
        assert len(simulator.requests) == requests_before
        other.report_progress(len(looks), 3)
        if len(looks) == 3:
            other.finish(Job.State.DONE, message="3 companies read.")

    requests_before = len(simulator.requests)
    monkeypatch.setattr(refresh_options, "sleep", look)
    code, out, _ = run("refresh_options", "Main", "--format", "csv")
    (row,) = csv.DictReader(io.StringIO(out))
    assert (code, row["result"], row["explanation"]) == (0, "done", "3 companies read.")
    assert len(looks) == 3
    assert Job.objects.count() == 1


def test_a_job_whose_worker_died_is_taken_over(instance: IntegrationInstance) -> None:
    job = enqueue_refresh(instance, None)
    assert jobs.claim(job.key) is not None
    Job.objects.filter(pk=job.pk).update(lease_until=timezone.now())
    assert run("refresh_options", "Main")[0] == 0
    job.refresh_from_db()
    assert (job.state, job.attempts) == (Job.State.DONE, 2)


def test_interrupting_asks_the_job_to_stop_and_begins_no_other(
    refreshed: IntegrationInstance, second: IntegrationInstance, monkeypatch: pytest.MonkeyPatch
) -> None:
    progress = jobs.JobRun.report_progress

    def interrupted(run_: jobs.JobRun, done: int, total: int | None, message: str = "") -> None:
        if done:
            interruptions[0]._note(2, None)  # Ctrl-C after the first page
        progress(run_, done, total, message)

    class Noted(refresh_options._Interruption):
        def __init__(self) -> None:
            super().__init__()
            interruptions.append(self)

    interruptions: list[Noted] = []
    monkeypatch.setattr(refresh_options, "_Interruption", Noted)
    monkeypatch.setattr(jobs.JobRun, "report_progress", interrupted)
    # It is asked on a connection of its own; inside this test's transaction it has to be this one.
    monkeypatch.setattr(refresh_options, "_ask_to_stop", Job.request_cancel)
    code, out, err = run("refresh_options", "--all", "--full", "--format", "json")
    assert (code, err) == (1, "2 of 2 not refreshed: Main, Second.")
    results = {row["configuration"]: row["result"] for row in json.loads(out)}
    assert results == {"Main": "cancelled", "Second": "not begun"}


def test_a_mistake_of_the_portal_is_told_and_the_next_one_goes_on(
    refreshed: IntegrationInstance,
    second: IntegrationInstance,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    from integrations.services.companies import refresh
    from integrations.services.companies.store import store_fields as store

    def broken(of: IntegrationInstance, fields: Any) -> int:
        if of.pk == refreshed.pk:
            raise ZeroDivisionError
        return store(of, fields)

    monkeypatch.setattr(refresh, "store_fields", broken)
    code, out, _ = run("refresh_options", "--all", "--format", "json")
    assert code == 1
    rows = {row["configuration"]: row for row in json.loads(out)}
    assert rows["Second"]["result"] == "done"
    assert "The portal made a mistake" in rows["Main"]["explanation"]
    assert "ZeroDivisionError" in caplog.text


# --- validate_instances ---------------------------------------------------------------------------------


def test_validating_all_says_which_passed_and_what_failed(
    refreshed: IntegrationInstance, second: IntegrationInstance, tenant: Tenant
) -> None:
    assert run("validate_instances", "--all")[0] == 0
    tenant.secret = "changed over there"
    code, out, err = run("validate_instances", "--all", "--format", "csv")
    assert (code, err) == (1, "1 of 2 did not pass: Main.")
    rows = {row["configuration"]: row for row in csv.DictReader(io.StringIO(out))}
    assert rows["Second"]["result"] == "passed"
    assert rows["Second"]["companies"] == "3"
    assert rows["Second"]["requests_used"].endswith(" of 10,000")
    assert rows["Main"]["result"] == "failed"
    assert rows["Main"]["explanation"].startswith("Credentials accepted: ")
    refreshed.refresh_from_db()
    assert refreshed.status == IntegrationInstance.Status.REFUSED
    event = AuditEvent.objects.filter(action="instance checked").latest("pk")
    assert event.actor is None
    assert event.origin == "command validate_instances"
    assert not any(secret in out + err for secret in SECRETS)


def test_json_has_every_step(instance: IntegrationInstance) -> None:
    code, out, _ = run("validate_instances", "Main", "--format", "json")
    (row,) = json.loads(out)
    assert code == 0
    assert {step["state"] for step in row["steps"]} <= {"passed", "warning"}
    assert len(row["steps"]) >= 4


def test_an_unreachable_autotask_is_a_row_like_any_other(
    instance: IntegrationInstance, simulator: Simulator
) -> None:
    simulator.stop()
    code, out, _ = run("validate_instances", "Main")
    assert code == 1
    assert "failed" in out


# --- both -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("command", ["refresh_options", "validate_instances"])
def test_a_wrong_choice_ends_with_2_and_says_what_there_is(
    command: str, refreshed: IntegrationInstance, second: IntegrationInstance, owner: User
) -> None:
    known = "Known are: “Main”, “Second”."
    for arguments, message in (
        ([], f"Name configurations, or give --all. {known}"),
        (["Main", "--all"], "Give names or --all, not both."),
        (["Main", "Mian"], f"No configuration is called “Mian”. {known}"),
    ):
        assert run(command, *arguments) == (2, "", message)
    delete_instance(Batch(actor_of(owner)), second)
    assert run(command, "Second")[2] == "No configuration is called “Second”. Known are: “Main”."


def test_a_name_twice_is_one_configuration(refreshed: IntegrationInstance) -> None:
    code, out, _ = run("validate_instances", "Main", " main ", "--format", "json")
    assert code == 0
    assert len(json.loads(out)) == 1


@pytest.mark.django_db
def test_no_configuration_at_all_is_no_failure_for_all_but_named_ones_are() -> None:
    assert run("validate_instances", "--all", "--format", "json") == (0, "[]\n", "")
    assert run("validate_instances", "Main")[2].endswith(
        "There is no configuration yet; add one in the browser."
    )


# --- progress -------------------------------------------------------------------------------------------


def test_progress_is_drawn_on_a_terminal_only(instance: IntegrationInstance, owner: User) -> None:
    terminal = Terminal()
    run("validate_instances", "Main", errors=terminal)
    assert terminal.getvalue().startswith("\r\x1b[K")
    assert "Main" in terminal.getvalue()
    assert terminal.getvalue().endswith("\r\x1b[K")
    assert run("validate_instances", "Main")[2] == ""


def test_a_line_shows_how_far_the_work_is() -> None:
    terminal = Terminal()
    line = ProgressLine("Main\x1b[2J", terminal)
    line.show(0, None, "Reading")
    line.show(500, 500, "Reading companies")
    line.clear()
    drawn = [part for part in terminal.getvalue().split("\r\x1b[K") if part]
    assert drawn == [
        "Main [2J: …  Reading",
        "Main [2J: [########################] 500 of 500  Reading companies",
    ]
    quiet = io.StringIO()
    ProgressLine("Main", quiet).show(1, 2)
    assert quiet.getvalue() == ""


@pytest.mark.django_db(transaction=True)
def test_the_progress_of_a_refresh_is_read_from_its_row() -> None:
    user = User.objects.create_user("olivia")
    instance = IntegrationInstance.objects.create(psa="autotask", name="Main", username="x")
    job = enqueue_refresh(instance, user)
    Job.objects.filter(pk=job.pk).update(done=40, total=100, message="Reading companies")
    terminal = Terminal()
    line = ProgressLine("Main", terminal)
    with refresh_options._drawn(job, line):
        deadline = threading.Event()
        for _ in range(40):
            if "40 of 100" in terminal.getvalue():
                break
            deadline.wait(0.05)
    assert "Main: [#########...............] 40 of 100  Reading companies" in terminal.getvalue()
