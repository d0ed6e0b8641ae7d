"""Sources that stay: looked at by hand and by schedule, through the outbound door, and what changed since."""

from __future__ import annotations

import datetime as dt
import html
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.utils import timezone
from pytest_httpserver import HTTPServer

from integrations import tasks
from integrations.models import (
    AuditEvent,
    ImportDraft,
    ImportSource,
    ImportSourceRun,
    IntegrationInstance,
    Job,
    Organization,
)
from integrations.services.imports.sources import TYPES, SourceFailed, source_of, web
from tests.support.rows import make_company
from tests.support.simulated import make_organization

ClientOf = Callable[[User], Client]
pytestmark = pytest.mark.django_db
SIGNATURE = "sv-2026-sig-Qz81pLx0"
MAY = "name,external_id,city\nQuillback Marina,Q1,Erie\nRosefinch Press,Q2,Akron\nSandpiper Inn,Q3,Kent\n"
JUNE = "name,external_id,city\nQuillback Marina,Q1,Erie\nRosefinch Print,Q2,Akron\nTurnstone Bakery,Q4,Kent\n"


@pytest.fixture
def server(settings: Any) -> Iterator[HTTPServer]:
    """Another program on this machine, whose address the setting allows."""
    with HTTPServer(port=0) as serving:
        settings.SOURCE_ALLOWED_HOSTS = [f"{serving.host}:{serving.port}"]
        yield serving


def url_of(server: HTTPServer) -> str:
    return server.url_for("/export/customers.csv") + f"?sig={SIGNATURE}"


def serve(server: HTTPServer, content: str, status: int = 200, **headers: str) -> None:
    server.clear()
    server.expect_request("/export/customers.csv").respond_with_data(content, status, headers=headers)


def add(client: Client, **values: Any) -> ImportSource:
    """Fill in the form; the worker then looks at the file."""
    data = {"name": "Partners", "what": "organizations", "refresh_every_hours": "24", **values}
    answer: Any = client.post("/sources/add/", data)
    assert answer.status_code == 302, text(answer)
    work()
    return ImportSource.objects.latest("pk")


def work() -> None:
    """What workers do that are woken."""
    for job in Job.objects.open():
        tasks.do_job(job.key)


def text(answer: Any) -> str:
    return html.unescape(answer.content.decode())


def test_two_looks_show_what_is_new_renamed_and_gone(
    server: HTTPServer, member: User, client_of: ClientOf
) -> None:
    client = client_of(member)
    serve(server, MAY)
    source = add(client, url=url_of(server))
    page = text(client.get(f"/sources/{source.pk}/"))
    assert "It was the first look" in page
    serve(server, JUNE)
    client.post(f"/sources/{source.pk}/refresh/")
    work()
    page = text(client.get(f"/sources/{source.pk}/"))
    assert "1 new, 1 renamed, 1 left" in page
    for told in ("Turnstone Bakery", "Rosefinch Press is now <strong>Rosefinch Print", "Sandpiper Inn"):
        assert told in page
    assert not Organization.objects.exists()
    client.post(f"/sources/{source.pk}/refresh/")
    work()
    assert "Nothing changed" in text(client.get(f"/sources/{source.pk}/"))


def test_its_rows_are_imported_after_seeing_what_will_happen(
    server: HTTPServer, member: User, client_of: ClientOf
) -> None:
    client = client_of(member)
    serve(server, MAY)
    source = add(client, url=url_of(server))
    gone = make_organization("Longspur Garage")
    step = client.post(f"/sources/{source.pk}/import/", follow=True)
    assert "3 new, 0 changed" in text(step)
    client.post(step.redirect_chain[-1][0], {"import": "1"})
    assert Organization.objects.present().count() == 4
    serve(server, JUNE)
    client.post(f"/sources/{source.pk}/refresh/")
    work()
    step = client.post(f"/sources/{source.pk}/import/", follow=True)
    assert "1 new, 1 changed" in text(step)
    client.post(step.redirect_chain[-1][0], {"import": "1"})
    names = set(Organization.objects.present().values_list("name", flat=True))
    assert names == {"Quillback Marina", "Rosefinch Print", "Sandpiper Inn", "Turnstone Bakery", gone.name}


def test_the_schedule_looks_by_itself_and_says_so(
    server: HTTPServer, member: User, client_of: ClientOf
) -> None:
    serve(server, MAY)
    source = add(client_of(member), url=url_of(server), refresh_every_hours="6")
    assert tasks.start_due() == 0
    serve(server, JUNE)
    ImportSource.objects.update(next_refresh_at=timezone.now() - dt.timedelta(minutes=1))
    assert tasks.start_due() == 1
    assert tasks.start_due() == 0
    work()
    run = source.runs.latest("pk")
    assert (run.actor, run.actor_name, run.new) == (None, "schedule", 1)
    event = AuditEvent.objects.of(AuditEvent.Action.SOURCE_REFRESHED).latest("pk")
    assert (event.actor, event.actor_name, event.target_type) == (None, "schedule", "source")
    source.refresh_from_db()
    assert source.next_refresh_at is not None
    assert source.next_refresh_at > timezone.now() + dt.timedelta(hours=5)
    by_hand = add(client_of(member), name="By hand", url=url_of(server), refresh_every_hours="0")
    assert by_hand.next_refresh_at is None


def test_a_failure_is_told_and_what_was_found_stays(
    server: HTTPServer, member: User, client_of: ClientOf
) -> None:
    client = client_of(member)
    serve(server, MAY)
    source = add(client, url=url_of(server))
    for content, status, told in (
        ("moved", 302, "redirect"),
        ("no", 403, "Has its address expired?"),
        ("oops", 500, "answered 500"),
        ("", 200, "empty file"),
        ("a\nb\n", 200, 'no column "name"'),
    ):
        serve(server, content, status)
        client.post(f"/sources/{source.pk}/refresh/")
        work()
        page = text(client.get(f"/sources/{source.pk}/"))
        assert told in page
        assert "It was the first look" in page
    assert Job.objects.latest("pk").state == "failed"
    assert len(source.parts.all()) == 1
    serve(server, MAY)
    client.post(f"/sources/{source.pk}/refresh/")
    work()
    source.refresh_from_db()
    assert (source.last_error, source.failing_since) == ("", None)


def test_no_more_than_the_cap_is_read(
    server: HTTPServer, member: User, client_of: ClientOf, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(web, "MOST_BYTES", 50)
    serve(server, MAY)
    source = add(client_of(member), url=url_of(server))
    assert "larger than any answer should be" in source.last_error


@pytest.mark.parametrize(
    "url",
    [
        "http://files.example/list.csv",
        "https://127.0.0.1/list.csv",
        "https://10.0.0.9:8443/list.csv",
        "https://localhost/list.csv",
        "https://user:word@files.example/list.csv",
        "ftp://files.example/list.csv",
        "list.csv",
    ],
)
def test_an_address_that_the_portal_would_not_fetch_is_refused(
    url: str, member: User, client_of: ClientOf
) -> None:
    data = {"name": "Partners", "what": "organizations", "refresh_every_hours": "1", "url": url}
    answer = client_of(member).post("/sources/add/", data)
    assert answer.status_code == 422
    assert url not in text(answer)
    assert not ImportSource.objects.exists()


def test_a_host_that_is_no_longer_allowed_is_not_asked(
    server: HTTPServer, member: User, client_of: ClientOf, settings: Any
) -> None:
    serve(server, MAY)
    source = add(client_of(member), url=url_of(server))
    settings.SOURCE_ALLOWED_HOSTS = []
    asked = len(server.log)
    client_of(member).post(f"/sources/{source.pk}/refresh/")
    work()
    source.refresh_from_db()
    assert "Only https is allowed" in source.last_error
    assert len(server.log) == asked


def test_the_address_is_sealed_and_shown_as_its_host_only(
    server: HTTPServer, member: User, owner: User, client_of: ClientOf, caplog: pytest.LogCaptureFixture
) -> None:
    client = client_of(member)
    serve(server, "oops", 500)
    source = add(client, url=url_of(server))
    stored = ImportSource.objects.filter(pk=source.pk).values_list("address", flat=True)[0]
    assert SIGNATURE not in str(stored)
    pages = ["/sources/", f"/sources/{source.pk}/", f"/sources/{source.pk}/edit/", "/jobs/", "/history/"]
    for page in pages:
        shown = text(client.get(page))
        assert SIGNATURE not in shown, page
        assert "customers.csv" not in shown, page
    assert server.host in text(client.get(f"/sources/{source.pk}/"))
    told = [*AuditEvent.objects.values_list("before", "after"), *Job.objects.values_list("options", "error")]
    assert SIGNATURE not in str(told)
    own = [record for record in caplog.records if record.name != "werkzeug"]  # the server's own log
    assert own
    assert not [record for record in own if SIGNATURE in record.getMessage()]
    kept = {"name": "Renamed", "refresh_every_hours": "2", "url": ""}
    client.post(f"/sources/{source.pk}/edit/", kept)
    source.refresh_from_db()
    assert (source.name, source.refresh_every_hours) == ("Renamed", 2)
    assert source.address.reveal()["url"] == url_of(server)


def test_an_uploaded_file_is_compared_with_the_next_one(member: User, client_of: ClientOf) -> None:
    client = client_of(member)
    source = add(client, file=SimpleUploadedFile("may.csv", MAY.encode()))
    assert (source.type, source.refresh_every_hours, source.file_name) == ("kept", 0, "may.csv")
    june = SimpleUploadedFile("june.csv", JUNE.encode())
    page = client.post(f"/sources/{source.pk}/upload/", {"file": june}, follow=True)
    assert "1 new, 1 renamed, 1 left" in text(page)
    bad = SimpleUploadedFile("bad.csv", b"x\n1\n")
    page = client.post(f"/sources/{source.pk}/upload/", {"file": bad}, follow=True)
    assert "The file before it was kept" in text(page)
    step = client.post(f"/sources/{source.pk}/import/", follow=True)
    assert "3 new, 0 changed" in text(step)


def test_mappings_of_a_configuration_can_be_a_source(
    main: IntegrationInstance, member: User, client_of: ClientOf
) -> None:
    make_company(main, 7, "Quillback Marina LLC")
    make_organization("Quillback Marina")
    client = client_of(member)
    file = SimpleUploadedFile("map.csv", b"name,company id\nQuillback Marina,7\n")
    source = add(client, what=str(main.pk), file=file)
    assert source.instance == main
    moved = SimpleUploadedFile("map.csv", b"name,company id\nQuillback Marina,8\n")
    page = client.post(f"/sources/{source.pk}/upload/", {"file": moved}, follow=True)
    assert "0 new, 1 renamed, 0 left" in text(page)
    IntegrationInstance.objects.filter(pk=main.pk).update(deleted_at=timezone.now())
    assert client.get(f"/sources/{source.pk}/").status_code == 404


def test_who_may_look_and_who_may_change(
    member: User, owner: User, reader: User, stranger: User, client_of: ClientOf
) -> None:
    source = add(client_of(member), file=SimpleUploadedFile("may.csv", MAY.encode()))
    own = f"/sources/{source.pk}/"
    for user, looks, changes in (
        (owner, 200, True), (member, 200, True), (reader, 200, False), (stranger, 404, False),
    ):  # fmt: skip
        client = client_of(user)
        assert client.get("/sources/").status_code == looks
        assert client.get(own).status_code == looks
        assert ("Import these rows" in text(client.get(own))) is changes
        for page in (f"{own}edit/", f"{own}delete/", "/sources/add/"):
            assert (client.get(page).status_code == 200) is changes
        if not changes:
            for page in ("refresh/", "upload/", "import/", "delete/", "edit/"):
                assert client.post(f"{own}{page}").status_code == 404
    assert client_of(member).get(f"{own}refresh/").status_code == 405
    client_of(member).post(f"{own}delete/")
    assert not ImportSource.objects.exists()
    assert not ImportSourceRun.objects.exists()
    told = [event.action for event in AuditEvent.objects.filter(target_type="source").order_by("pk")]
    assert told == ["source added", "source refreshed", "source deleted"]


def test_the_seam_gives_every_type_a_label_and_refuses_an_unknown_one(member: User) -> None:
    assert all(each.label for each in TYPES.values())
    with pytest.raises(SourceFailed, match="no sources of the type"):
        source_of(ImportSource(name="x", kind="organizations", type="fax"))


def test_a_draft_of_a_source_teaches_it_how_it_is_read(member: User, client_of: ClientOf) -> None:
    client = client_of(member)
    source = add(client, file=SimpleUploadedFile("may.csv", MAY.encode()))
    client.post(f"/sources/{source.pk}/import/")
    step = f"/imports/files/{ImportDraft.objects.get().key}/"
    client.post(f"{step}columns/", {"column-0": "name", "column-1": "external_id", "column-2": ""})
    client.post(f"{step}check/", {"import": "1"})
    source.refresh_from_db()
    assert source.reading["columns"] == {"name": "name", "external_id": "external_id", "city": ""}
