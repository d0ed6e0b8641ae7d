"""The jobs page: what is told of each job, to whom, and who may stop one or start it again."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries

from integrations import tasks
from integrations.models import IntegrationInstance, Job, Worker
from integrations.services.audit import Batch
from integrations.services.instances import delete as deletion
from integrations.services.jobs import run as jobs
from integrations.templatetags.portal import duration
from tests.conftest import make_user
from tests.support.rows import make_instance
from tests.support.simulated import actor_of

SignIn = Callable[[User], Client]
PAGE = "/jobs/"


@pytest.fixture
def plain(db: None) -> IntegrationInstance:
    return make_instance()


def make_job(instance: IntegrationInstance, state: str, **values: object) -> Job:
    now = timezone.now()
    ended = {"finished_at": now} if state not in Job.OPEN else {}
    return Job.objects.create(
        **{"kind": Job.Kind.REFRESH_OPTIONS, "instance": instance, "state": state, **ended, **values}
    )


def test_each_state_is_told_with_who_started_it(
    plain: IntegrationInstance, reader: User, client_of: SignIn
) -> None:
    now = timezone.now()
    make_job(plain, "failed", error="The zone did not answer.", started_by="olivia")
    make_job(plain, "done", message="1,204 companies read.", started_by="schedule")
    make_job(
        plain, "running", started_by="marcus", done=3200, total=20114, message="Reading companies",
        started_at=now - dt.timedelta(seconds=16), heartbeat_at=now, lease_until=now + jobs.lease_length(),
    )  # fmt: skip

    html = client_of(reader).get(PAGE).content.decode()

    for text in ("The zone did not answer.", "olivia", "1,204 companies read.", "schedule", "marcus"):
        assert text in html
    assert "3,200 of 20,114" in html
    assert "200 a second" in html
    assert "about 1 min left" in html
    assert 'hx-trigger="every 2s"' in html
    assert "Try again" not in html  # a reader looks only
    assert ">Cancel<" not in html


def test_a_page_without_open_jobs_stops_asking(
    plain: IntegrationInstance, reader: User, client_of: SignIn
) -> None:
    make_job(plain, "done")
    client = client_of(reader)
    assert "hx-trigger" not in client.get(PAGE).content.decode()
    fragment = client.get(PAGE, headers={"HX-Request": "true"}).content.decode()
    assert "<html" not in fragment
    assert 'id="jobs"' in fragment


def test_filters_are_in_the_address_and_nonsense_is_ignored(
    plain: IntegrationInstance, reader: User, client_of: SignIn
) -> None:
    other = make_instance("Other")
    make_job(plain, "failed", error="First failure")
    make_job(other, "failed", error="Second failure")
    make_job(other, "done", message="All well", kind=Job.Kind.CHECK_CONNECTION)
    client = client_of(reader)

    assert b"All well" not in client.get(PAGE, {"state": "failed"}).content
    only_other = client.get(PAGE, {"state": "failed", "instance": str(other.pk)}).content
    assert b"Second failure" in only_other
    assert b"First failure" not in only_other
    assert b"First failure" not in client.get(PAGE, {"kind": "check_connection"}).content
    assert b"No job fits this choice" in client.get(PAGE, {"state": "waiting"}).content
    nonsense = client.get(f"{PAGE}?state=%3Cb%3E&instance=x&page=-1")
    assert nonsense.status_code == 200
    assert b"First failure" in nonsense.content


def test_an_empty_page_says_what_starts_the_first_job(reader: User, client_of: SignIn) -> None:
    assert b"No jobs yet" in client_of(reader).get(PAGE).content


def test_waiting_jobs_without_a_worker_are_a_warning(
    plain: IntegrationInstance, reader: User, client_of: SignIn
) -> None:
    make_job(plain, "waiting")
    client = client_of(reader)
    assert b"No background worker" in client.get(PAGE).content
    Worker.objects.create(name="here", started_at=timezone.now(), seen_at=timezone.now())
    assert b"No background worker" not in client.get(PAGE).content


def test_jobs_of_deleted_configurations_and_strangers(
    plain: IntegrationInstance, owner: User, stranger: User, client_of: SignIn
) -> None:
    job = make_job(plain, "failed")
    assert client_of(stranger).get(PAGE).status_code == 404
    assert Client().get(PAGE).status_code == 302
    deletion.delete_instance(Batch(actor_of(owner)), plain)
    client = client_of(owner)
    assert b"No jobs yet" in client.get(PAGE).content
    assert client.post(reverse("integrations:jobs_retry", args=[job.pk])).status_code == 404


def test_a_member_cancels_and_starts_again(
    plain: IntegrationInstance, member: User, client_of: SignIn
) -> None:
    job = tasks.enqueue_refresh(plain, None, full=True, accept_shrink=True)
    client = client_of(member)
    back = client.post(reverse("integrations:jobs_cancel", args=[job.pk]), {"state": "waiting"})
    assert back.headers["Location"] == f"{PAGE}?state=waiting"
    job.refresh_from_db()
    assert job.state == Job.State.CANCELLED

    client.post(reverse("integrations:jobs_retry", args=[job.pk]))

    again = Job.objects.open().get()
    assert (again.created_by, again.starter) == (member, "marcus")
    # That the shrink was right was said about the companies of then: it is asked again.
    assert again.options == {"full": True, "accept_shrink": False}


def test_readers_change_nothing_and_get_writes_nothing(
    plain: IntegrationInstance, reader: User, member: User, client_of: SignIn
) -> None:
    job = make_job(plain, "failed")
    for name in ("jobs_cancel", "jobs_retry"):
        address = reverse(f"integrations:{name}", args=[job.pk])
        assert client_of(reader).post(address).status_code == 404
        assert client_of(member).get(address).status_code == 405
    assert Job.objects.count() == 1


def test_suggestions_are_stopped_and_repeated_by_their_own_person_only(
    plain: IntegrationInstance, member: User, owner: User, client_of: SignIn
) -> None:
    job = tasks.enqueue_suggestions(plain, member)
    address = reverse("integrations:jobs_cancel", args=[job.pk])
    assert client_of(owner).post(address).status_code == 404
    # The button of the setup page means the person's own job, too.
    client_of(owner).post(reverse("integrations:job_cancel", args=[plain.psa, plain.pk]))
    job.refresh_from_db()
    assert job.state == Job.State.WAITING
    client_of(member).post(address)
    job.refresh_from_db()
    assert job.state == Job.State.CANCELLED
    assert client_of(owner).post(reverse("integrations:jobs_retry", args=[job.pk])).status_code == 404


def test_what_is_done_is_not_started_again(
    plain: IntegrationInstance, member: User, client_of: SignIn
) -> None:
    job = make_job(plain, "done")
    assert client_of(member).post(reverse("integrations:jobs_retry", args=[job.pk])).status_code == 404
    assert client_of(member).post(reverse("integrations:jobs_cancel", args=[job.pk])).status_code == 302


def test_the_number_of_queries_does_not_grow_with_the_jobs(
    plain: IntegrationInstance, client_of: SignIn, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    for number in range(60):
        make_job(plain, "failed", created_by=make_user(f"person-{number}") if number < 5 else None)
    client = client_of(make_user("looker", "Members"))
    client.get(PAGE)
    with django_assert_max_num_queries(12):
        assert client.get(PAGE).status_code == 200


def test_the_setup_page_stops_asking_when_the_job_is_done(
    plain: IntegrationInstance, member: User, client_of: SignIn
) -> None:
    address = reverse("integrations:job", args=[plain.psa, plain.pk])
    job = tasks.enqueue_refresh(plain, member)
    client = client_of(member)
    waiting = client.get(address).content.decode()
    assert 'hx-trigger="every 1s"' in waiting
    assert "Waiting for a worker" in waiting
    assert "<noscript><a href=" in waiting
    run = jobs.claim(job.key)
    assert run is not None
    Job.objects.filter(pk=job.pk).update(started_at=timezone.now() - dt.timedelta(seconds=10))
    run.report_progress(500, 1500, "Reading companies")
    running = client.get(address).content.decode()
    assert "500 of 1,500" in running
    assert "50 a second" in running
    assert "about 20 s left" in running
    run.finish(Job.State.DONE, message="1,500 companies read.")
    done = client.get(address)
    assert b"hx-trigger" not in done.content
    assert done.headers["HX-Trigger"] == "options-refreshed"


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(0, "0 s"), (59.4, "59 s"), (60, "1 min"), (3599, "1 h"), (3660, "1 h 1 min"), (7200, "2 h")],
)
def test_lengths_of_time_in_words(seconds: float, words: str) -> None:
    assert duration(dt.timedelta(seconds=seconds)) == words
