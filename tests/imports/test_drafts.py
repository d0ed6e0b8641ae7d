"""A file on its way in: kept for one person, read as they say, and imported from what they have seen."""

from __future__ import annotations

import datetime as dt
import html
import re
from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.utils import timezone

from integrations import tasks
from integrations.models import (
    ImportDraft,
    ImportDraftPart,
    ImportReport,
    IntegrationInstance,
    Job,
    Organization,
    RememberedReading,
)
from integrations.services.audit import Actor
from integrations.services.drafts import NotAsSeen, import_draft, keep, remembered
from integrations.services.imports.background import FOREGROUND_LIMIT_BYTES
from integrations.services.operations import delete_expired
from tests.support.rows import make_company, make_instance
from tests.support.simulated import make_organization

ClientOf = Callable[[User], Client]
pytestmark = pytest.mark.django_db
UPLOAD = "/organizations/upload/"
FILE = "Ref;Firm;Town\nA-1;Quillback Marina;Erie\nA-2;Rosefinch Press;Akron\n"


def upload(client: Client, content: str | bytes = FILE, name: str = "firms.csv", to: str = UPLOAD) -> str:
    """Choose the file and press Continue; the address of its first step."""
    data = content.encode() if isinstance(content, str) else content
    answer: Any = client.post(to, {"file": SimpleUploadedFile(name, data), "look": "1", "rows": "all"})
    assert answer.status_code == 302, answer.content.decode()
    return str(answer.headers["Location"])


def fields_of(page: str) -> dict[str, str]:
    """What a form of the page would send: the chosen option of each select, the value of each input."""
    sent = {}
    for name, options in re.findall(r'<select [^>]*?name="([^"]+)".*?>(.*?)</select>', page, re.DOTALL):
        chosen = re.findall(r'<option value="([^"]*)" selected', options)
        sent[name] = html.unescape(chosen[0]) if chosen else ""
    return sent


def columns_of(page: str) -> dict[str, str]:
    """The columns of the second step and what each is taken for."""
    names = [html.unescape(name) for name in re.findall(r'data-label="Column"><div>([^<]*?)\s*<', page)]
    sent = fields_of(page)
    return {name: sent[f"column-{number}"] for number, name in enumerate(names)}


def text(answer: Any) -> str:
    return html.unescape(answer.content.decode())


def test_three_steps_and_the_import_without_choosing_the_file_again(
    member: User, client_of: ClientOf
) -> None:
    client = client_of(member)
    step = upload(client)
    first = text(client.get(step))
    for found in ("Found: UTF-8", "Found: Semicolon", "Found: 1", "Quillback Marina", "Rosefinch Press"):
        assert found in first
    assert client.post(step, {}).headers["Location"] == f"{step}columns/"
    second = text(client.get(f"{step}columns/"))
    assert columns_of(second)["Town"] == "city"
    chosen = fields_of(second) | {"column-0": "external_id", "column-1": "name"}
    third = client.post(f"{step}columns/", chosen, follow=True)
    assert third.redirect_chain[-1][0] == f"{step}check/"
    assert "Nothing is written yet" in text(third)
    assert not Organization.objects.exists()


def test_what_is_proposed_is_imported_from_the_last_step(member: User, client_of: ClientOf) -> None:
    client = client_of(member)
    step = upload(client, "name,external_id,city,fax\nQuillback Marina,Q1,Erie,1\n")
    client.post(f"{step}columns/", fields_of(text(client.get(f"{step}columns/"))))
    page = text(client.get(f"{step}check/"))
    assert "1 new, 0 changed" in page
    assert "Import these rows" in page
    download = re.findall(r'href="(/imports/[^"]+rows.csv)"', page)[0]
    assert b"".join(client.get(download)).count(b"Quillback") == 1
    assert client.get(f"{step}check/").status_code == 200
    assert not Organization.objects.exists()
    done = client.post(f"{step}check/", {"import": "1"}, follow=True)
    assert done.redirect_chain[-1][0].startswith("/imports/")
    row = Organization.objects.get()
    assert (row.name, row.external_id, row.city) == ("Quillback Marina", "Q1", "Erie")
    assert not ImportDraft.objects.exists()
    back = client.get(step)
    assert back.status_code == 404
    assert "This file is not kept any more" in text(back), "what the browser's Back leads to"


def test_bad_rows_are_left_out_only_when_the_button_has_said_so(member: User, client_of: ClientOf) -> None:
    client = client_of(member)
    step = upload(client, "name,external_id\nQuillback Marina,Q1\n,Q2\n")
    client.post(f"{step}columns/", fields_of(text(client.get(f"{step}columns/"))))
    page = text(client.get(f"{step}check/"))
    assert "1 with errors" in page
    assert "Import the good rows, leave 1 out" in page
    client.post(f"{step}check/", {"import": "1"})
    assert not Organization.objects.exists()
    assert ImportDraft.objects.exists()  # to be said otherwise
    client.post(f"{step}check/", {"good": "1"})
    assert Organization.objects.get().name == "Quillback Marina"


def test_a_field_taken_twice_and_a_missing_name_are_asked_about(member: User, client_of: ClientOf) -> None:
    client = client_of(member)
    step = upload(client, "name,city,town hall\nQuillback Marina,Erie,Akron\n")
    sent = fields_of(text(client.get(f"{step}columns/")))
    twice = client.post(f"{step}columns/", sent | {"column-2": "city"})
    assert twice.status_code == 422
    assert "“city” or “town hall”" in text(twice)
    none = client.post(f"{step}columns/", sent | {"column-0": ""})
    assert none.status_code == 422
    assert 'no column "name"' in text(none)
    assert not ImportReport.objects.exists()


def test_what_is_it_can_be_said_otherwise(member: User, client_of: ClientOf) -> None:
    client = client_of(member)
    step = upload(client, "report of May\nname|city\nQuillback Marina|Erie\n")
    again = client.post(step, {"delimiter": ";", "header_line": "1", "again": "1"}, follow=True)
    assert ImportDraft.objects.get().reading["shape"] == {"delimiter": ";", "header_line": 1}
    assert "name|city" in text(again)
    client.post(step, {"delimiter": "|", "header_line": "2"})
    assert columns_of(text(client.get(f"{step}columns/"))) == {"name": "name", "city": "city"}
    assert client.post(step, {"header_line": "0"}).status_code == 422


def test_a_file_that_cannot_be_read_says_why_on_its_first_step(member: User, client_of: ClientOf) -> None:
    client = client_of(member)
    step = upload(client, b"\x89PNG\r\n\x1a\n" + bytes(range(256)) * 4, "logo.png")
    page = text(client.get(step))
    assert 'role="alert"' in page
    assert "Nothing was written" in page
    assert client.get(f"{step}columns/").headers["Location"] == step


def test_changing_anything_voids_what_was_checked(member: User, client_of: ClientOf) -> None:
    client = client_of(member)
    step = upload(client, "name,city\nQuillback Marina,Erie\n")
    sent = fields_of(text(client.get(f"{step}columns/")))
    client.post(f"{step}columns/", sent)
    assert ImportDraft.objects.get().checked
    client.post(step, {"delimiter": ","})
    assert ImportDraft.objects.get().checked is None
    assert client.post(f"{step}check/", {"import": "1"}).headers["Location"] == f"{step}columns/"
    assert not Organization.objects.exists()


def test_the_same_columns_are_read_as_the_last_time(member: User, owner: User, client_of: ClientOf) -> None:
    client = client_of(member)
    step = upload(client, "name,city,phone\nQuillback Marina,Erie,1\n")
    sent = fields_of(text(client.get(f"{step}columns/"))) | {"column-1": ""}
    client.post(f"{step}columns/", sent)
    client.post(f"{step}check/", {"good": "1"})
    moment = dt.datetime(2026, 5, 12, 9, tzinfo=dt.UTC)
    RememberedReading.objects.update(used_at=moment)
    again = upload(client, "Name,PHONE,city\nRosefinch Press,2,Akron\n", "june.csv")
    page = text(client.get(f"{again}columns/"))
    assert "As on <time" in page
    assert "2026-05-12" in re.sub(r"<[^>]+>", "", page)
    assert columns_of(page) == {"Name": "name", "PHONE": "phone", "city": ""}
    client.post(f"{again}anew/")
    assert columns_of(text(client.get(f"{again}columns/")))["city"] == "city"
    other = upload(client_of(owner), "name,city,phone\nRosefinch Press,Akron,2\n")
    assert "As on" not in text(client_of(owner).get(other))


def test_a_draft_is_its_owners_alone(
    member: User, owner: User, reader: User, stranger: User, client_of: ClientOf
) -> None:
    step = upload(client_of(member))
    for other in (owner, reader, stranger):
        for address in (step, f"{step}columns/", f"{step}check/"):
            assert client_of(other).get(address).status_code == 404
            assert client_of(other).post(address, {"import": "1"}).status_code == 404
        for address in (f"{step}discard/", f"{step}anew/"):
            assert client_of(other).post(address).status_code == 404
    member.groups.clear()
    assert client_of(member).get(step).status_code == 404
    assert ImportDraft.objects.exists()


def test_a_draft_can_be_discarded_and_its_pages_write_nothing_by_get(
    member: User, client_of: ClientOf
) -> None:
    client = client_of(member)
    step = upload(client)
    assert client.get(f"{step}discard/").status_code == 405
    client.post(f"{step}discard/")
    assert (ImportDraft.objects.count(), ImportDraftPart.objects.count()) == (0, 0)


def test_few_files_are_kept_of_a_person_and_none_for_long(
    member: User, owner: User, client_of: ClientOf, monkeypatch: pytest.MonkeyPatch
) -> None:
    upload(client_of(owner))
    for _ in range(keep.FILES_KEPT + 2):
        upload(client_of(member))
    assert ImportDraft.objects.filter(owner=member).count() == keep.FILES_KEPT
    assert ImportDraft.objects.filter(owner=owner).count() == 1
    monkeypatch.setattr(keep, "BYTES_KEPT", len(FILE) * 2)
    upload(client_of(member))
    assert ImportDraft.objects.filter(owner=member).count() == 2
    ImportDraft.objects.filter(owner=member).update(made_at=timezone.now() - dt.timedelta(days=3))
    delete_expired()
    assert [draft.owner for draft in ImportDraft.objects.all()] == [owner]


def test_few_readings_are_remembered_of_a_person(
    member: User, client_of: ClientOf, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(remembered, "READINGS_KEPT", 2)
    client = client_of(member)
    for extra in ("fax", "note", "colour"):
        step = upload(client, f"name,{extra}\nQuillback Marina,1\n")
        client.post(f"{step}columns/", fields_of(text(client.get(f"{step}columns/"))))
        client.post(f"{step}check/", {"import": "1"})
    assert RememberedReading.objects.filter(user=member).count() == 2


def test_a_large_file_is_checked_and_imported_by_a_worker(member: User, client_of: ClientOf) -> None:
    client = client_of(member)
    rows = "".join(f"Firm {number},{'x' * 200}\n" for number in range(3_000))
    assert len(rows) > FOREGROUND_LIMIT_BYTES
    step = upload(client, f"name,note\n{rows}")
    client.post(f"{step}columns/", fields_of(text(client.get(f"{step}columns/"))))
    job = Job.objects.get()
    assert "hx-trigger" in text(client.get(f"{step}check/"))
    tasks.do_job(job.key)
    assert "3,000 new" in text(client.get(f"{step}check/", headers={"HX-Request": "true"}))
    assert not Organization.objects.exists()
    client.post(f"{step}check/", {"import": "1"})
    assert not ImportDraft.objects.exists()
    tasks.do_job(Job.objects.latest("pk").key)
    assert Organization.objects.count() == 3_000


def test_mappings_of_a_configuration_take_the_same_steps(
    main: IntegrationInstance, member: User, reader: User, client_of: ClientOf
) -> None:
    make_company(main, 7, "Quillback Marina LLC")
    make_organization("Quillback Marina")
    client = client_of(member)
    address = f"/integrations/autotask/{main.pk}/mappings/upload/"
    step = upload(client, "name,company id\nQuillback Marina,7\n", "mappings.csv", address)
    page = text(client.get(f"{step}columns/"))
    assert "Change mappings that name another company now" in page
    client.post(f"{step}columns/", fields_of(page))
    assert "1 new, 0 changed" in text(client.get(f"{step}check/"))
    client.post(f"{step}check/", {"import": "1"})
    assert main.mappings.get().company.remote_id == "7"
    assert ImportReport.objects.latest("pk").instance == main


def test_a_draft_of_a_configuration_that_was_deleted_is_not_there(member: User, client_of: ClientOf) -> None:
    gone = make_instance("Gone")
    client = client_of(member)
    step = upload(client, to=f"/integrations/autotask/{gone.pk}/mappings/upload/")
    IntegrationInstance.objects.filter(pk=gone.pk).update(deleted_at=timezone.now())
    assert client.get(step).status_code == 404


# --- who is active, and who is there already ----------------------------------------------------------------


def test_a_word_that_nobody_knows_is_asked_about_and_said(member: User, client_of: ClientOf) -> None:
    client = client_of(member)
    rows = "Quillback Marina,Inactive\nRosefinch Press,Zzyzx\nSandpiper Inn,Active\n"
    step = upload(client, f"name,status\n{rows}")
    page = text(client.get(f"{step}columns/"))
    assert "Found: inactive" in page
    assert "Say what it means" in page
    sent = fields_of(page)
    client.post(f"{step}columns/", sent)
    assert "1 with errors" in text(client.get(f"{step}check/"))
    words = re.findall(r'data-label="Says">([^<]+)<', page)
    client.post(f"{step}columns/", sent | {f"word-{words.index('Zzyzx')}": "inactive"})
    assert "3 new" in text(client.get(f"{step}check/"))
    client.post(f"{step}check/", {"import": "1"})
    active = dict(Organization.objects.values_list("name", "is_active"))
    assert active == {"Quillback Marina": False, "Rosefinch Press": False, "Sandpiper Inn": True}
    # And the next file of this kind asks no more.
    again = upload(client, "name,status\nTurnstone Bakery,Zzyzx\n")
    assert "Say what it means" not in text(client.get(f"{again}columns/")).split("Means</th>")[0]
    client.post(f"{again}columns/", fields_of(text(client.get(f"{again}columns/"))))
    assert "1 new" in text(client.get(f"{again}check/"))


TWICE = """name,city,domain
Quillback Marina LLC,Erie,quillback.example
Rosefinch Press,Akron,
Rosefinch Press Inc.,Kent,
Sandpiper Inn,Kent,
"""


def test_possible_duplicates_are_shown_and_decided(member: User, client_of: ClientOf) -> None:
    there = make_organization("Quillback Marina", city="Erie", domain="quillback.example")
    client = client_of(member)
    step = upload(client, TWICE)
    client.post(f"{step}columns/", fields_of(text(client.get(f"{step}columns/"))))
    page = text(client.get(f"{step}check/"))
    assert re.search(r"Quillback Marina \(\d+ %\)", page)
    assert "Rosefinch Press on line 3" in page
    assert fields_of(page) == {"same-2": "ask", "same-4": "ask"}
    client.post(f"{step}check/", {"decide": "1", "same-2": "same", "same-4": "other"})
    page = text(client.get(f"{step}check/"))
    assert "3 new, 1 changed" in page
    assert fields_of(page) == {"same-2": "same", "same-4": "other"}
    client.post(f"{step}check/", {"decide": "1", "same-2": "same", "same-4": "same"})
    assert "2 new, 1 changed" in text(client.get(f"{step}check/"))
    client.post(f"{step}check/", {"import": "1"})
    there.refresh_from_db()
    assert there.name == "Quillback Marina LLC"
    names = sorted(Organization.objects.present().values_list("name", flat=True))
    assert names == ["Quillback Marina LLC", "Rosefinch Press", "Sandpiper Inn"]


def test_what_is_said_of_lines_that_are_no_duplicates_counts_for_nothing(
    member: User, client_of: ClientOf
) -> None:
    client = client_of(member)
    step = upload(client, "name\nSandpiper Inn\n")
    client.post(f"{step}columns/", fields_of(text(client.get(f"{step}columns/"))))
    client.post(f"{step}check/", {"decide": "1", "same-2": "same", "same-x": "other"})
    assert ImportDraft.objects.get().decisions == {}
    assert "1 new" in text(client.get(f"{step}check/"))


def test_only_what_this_page_has_shown_is_imported_by_its_button(member: User, client_of: ClientOf) -> None:
    client = client_of(member)
    step = upload(client)
    first = {f"column-{place}": field for place, field in enumerate(("external_id", "name", "city"))}
    client.post(f"{step}columns/", first | {"profile": ""})
    [seen] = re.findall(r'name="seen" value="([^"]+)"', text(client.get(f"{step}check/")))
    client.post(f"{step}columns/", first | {"column-2": "state", "profile": ""})  # in another tab
    answer = client.post(f"{step}check/", {"import": "1", "seen": seen}, follow=True)
    assert not Organization.objects.exists()
    assert "This press imported nothing" in text(answer)
    [seen] = re.findall(r'name="seen" value="([^"]+)"', text(answer))
    client.post(f"{step}check/", {"import": "1", "seen": seen})
    assert set(Organization.objects.values_list("city", "state")) == {("", "Erie"), ("", "Akron")}


def test_two_presses_at_once_import_once(member: User, client_of: ClientOf) -> None:
    client = client_of(member)
    step = upload(client)
    fields = {f"column-{place}": field for place, field in enumerate(("", "name", "city"))}
    client.post(f"{step}columns/", fields | {"profile": ""})
    draft = ImportDraft.objects.get()
    second = ImportDraft.objects.get()  # as the second press has read it, before the first was done
    import_draft(draft, Actor("Tess", "test"), member, tasks.enqueue_file_import, keep_good=False)
    with pytest.raises(NotAsSeen):
        import_draft(second, Actor("Tess", "test"), member, tasks.enqueue_file_import, keep_good=False)
    assert ImportReport.objects.filter(verdict=ImportReport.Verdict.WRITTEN).count() == 1
    assert Organization.objects.count() == 2


def test_ids_that_organizations_have_are_known_under_any_heading(member: User, client_of: ClientOf) -> None:
    """By its values: the file says another name for Quillback, which stays the one that has the id."""
    quillback = make_organization("Quillback Marina", external_id="ORG-1202")
    rosefinch = make_organization("Rosefinch Press", external_id="ORG-0077")
    client = client_of(member)
    content = (
        "Pier;Firm;Town\nORG-1202;Quillback Yachting;Erie\nORG-0077;Rosefinch Press;Akron\n"
        "ORG-2000;Turnstone Bakery;Kent\n"
    )
    step = upload(client, content)
    client.post(step, {})
    page = text(client.get(f"{step}columns/"))
    assert columns_of(page)["Pier"] == "external_id"
    assert "Its values are external ids of your organizations" in page
    third = client.post(f"{step}columns/", fields_of(page) | {"column-1": "name"}, follow=True)
    told = " ".join(re.sub(r"<[^>]+>", "", text(third)).split())
    assert "1 new, 2 changed" in told
    rosefinch.external_id = "OTHER"
    rosefinch.save()
    assert ImportDraft.objects.get().reading["columns"]["Pier"] == "external_id", "as it was seen"
    quillback.refresh_from_db()
    assert quillback.name == "Quillback Marina"

    rows = "A-1;Sandpiper Inn;Erie\nORG-1202;Turnstone;Kent\nA-3;Dunlin;Lima\n"
    strange = upload(client, f"Pier;Firm;Town\n{rows}")
    client.post(strange, {})
    assert columns_of(text(client.get(f"{strange}columns/")))["Pier"] == ""
