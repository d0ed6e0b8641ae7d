"""The import: each row gets its reason, and nothing is ever half-written."""

from __future__ import annotations

import csv
import datetime as dt
import io
import random
import threading
import uuid

import pytest
from django.conf import settings
from django.db import IntegrityError, connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from hypothesis import HealthCheck, example, given
from hypothesis import strategies as st

from integrations.files.shape import ImportRefused
from integrations.models import AuditEvent, Organization
from integrations.services.audit import Actor, Batch
from integrations.services.imports.organizations import _Planner, import_organizations
from integrations.services.imports.reports import ImportOptions, Outcome, Report, Verdict
from integrations.services.imports.rows import BATCH
from tests.support.properties import CONTROL_SIGNS, examples

pytestmark = pytest.mark.django_db

ACTOR = Actor("Tess", "test")
IMPORTED, UPDATED, SKIPPED, FAILED = Outcome.IMPORTED, Outcome.UPDATED, Outcome.SKIPPED, Outcome.FAILED


def run(content: str, *, dry_run: bool = False, keep_good: bool = False) -> Report:
    return import_organizations(Batch(ACTOR), io.BytesIO(content.encode()), ImportOptions(dry_run, keep_good))


def outcomes(report: Report) -> list[tuple[int, Outcome, str]]:
    return [(row.line, row.outcome, row.message) for row in report.rows]


def everything() -> list[tuple[object, ...]]:
    return list(Organization.objects.order_by("pk").values_list("pk", "updated_at", *Organization.EDITABLE))


def test_new_organizations_with_every_column() -> None:
    report = run(
        "name,external_id,domain,phone,city,state,postal_code,active\n"
        "Acme LLC,7,https://www.acme.com/,+1 614-555-0100,Columbus,OH,43215,yes\n"
        "Beta,,,,,,,no\n"
    )
    assert outcomes(report) == [
        (2, IMPORTED, "new organization"),
        (3, IMPORTED, "new organization, inactive: active is “no”"),
    ]
    assert report.verdict is Verdict.WRITTEN
    acme, beta = Organization.objects.order_by("name")
    assert acme.snapshot() == {
        "name": "Acme LLC", "external_id": "7", "domain": "acme.com", "phone": "+1 614-555-0100",
        "city": "Columbus", "state": "OH", "postal_code": "43215", "is_active": True,
    }  # fmt: skip
    assert not beta.is_active


def test_the_same_file_again_changes_nothing() -> None:
    content = "name,external_id,city\nAcme,7,Lima\nBeta,,Troy\n"
    run(content)
    before, events = everything(), AuditEvent.objects.count()
    report = run(content)
    assert outcomes(report) == [(line, SKIPPED, "nothing differs from what is there") for line in (2, 3)]
    assert everything() == before
    assert AuditEvent.objects.count() == events


def test_updates_by_external_id_and_by_name() -> None:
    by_id = Organization.objects.create(name="Acme", external_id="7", city="Lima", phone="614-555-0100")
    by_name = Organization.objects.create(name="Beta  Dental")
    adopted = Organization.objects.create(name="Gamma")
    created, changed = by_id.created_at, by_id.updated_at
    report = run("name,external_id,city\nAcme Inc,7,Troy\nBETA dental,,Erie\nGamma,9,\n")
    assert outcomes(report) == [
        (2, UPDATED, "changes name, city"),
        (3, UPDATED, "changes name, city"),
        (4, UPDATED, "changes external id"),
    ]
    for organization in (by_id, by_name, adopted):
        organization.refresh_from_db()
    assert (by_id.name, by_id.city, by_id.phone) == ("Acme Inc", "Troy", "614-555-0100"), "no phone column"
    assert (by_name.name, by_name.city) == ("BETA dental", "Erie")
    assert (adopted.external_id, adopted.city) == ("9", "")
    assert by_id.created_at == created
    assert by_id.updated_at > changed


def test_an_empty_cell_keeps_what_is_there() -> None:
    Organization.objects.create(name="Acme", external_id="7", city="Lima", is_active=False)
    report = run("name,external_id,city,active\nAcme,7,,\n")
    assert outcomes(report) == [(2, SKIPPED, "nothing differs from what is there")]


def test_a_namesake_with_another_external_id_is_another_organization() -> None:
    Organization.objects.create(name="Acme", external_id="7")
    assert outcomes(run("name,external_id\nAcme,8\n")) == [(2, IMPORTED, "new organization")]


def test_deleted_organizations_are_not_looked_at() -> None:
    Organization.objects.create(name="Acme", external_id="7", deleted_at=timezone.now())
    assert outcomes(run("name,external_id\nAcme,7\n")) == [(2, IMPORTED, "new organization")]
    assert Organization.objects.present().count() == 1


def test_two_namesakes_without_external_id_cannot_be_told_apart() -> None:
    Organization.objects.create(name="Acme")
    Organization.objects.create(name="ACME")
    report = run("name,external_id\nacme,\nAcme,9\n")
    assert outcomes(report) == [
        (2, FAILED, "2 organizations have this name; it cannot be told which is meant"),
        (
            3,
            FAILED,
            "2 organizations without an external id have this name; it cannot be told which is meant",
        ),
    ]


def test_rows_that_contradict_each_other() -> None:
    Organization.objects.create(name="Old name", external_id="50")
    report = run(
        "name,external_id,city\n"
        "Acme,1,Lima\n"
        "Acme,2,Troy\n"  # a namesake with an id of its own
        "Other,1,Lima\n"
        "acme,,Lima\n"
        "Acme,1,Lima\n"  # word for word
        "Beta,,\n"
        "Beta,3,\n"
        "Old name,,\n"
        "New name,50,\n",
        dry_run=True,
    )
    assert outcomes(report) == [
        (2, IMPORTED, "new organization"),
        (3, IMPORTED, "new organization"),
        (4, FAILED, "has the same external id as line 2"),
        (5, FAILED, "has the same name as line 2; namesakes need an external id each"),
        (6, SKIPPED, "repeats line 2"),
        (7, IMPORTED, "new organization"),
        (8, FAILED, "has the same name as line 7; namesakes need an external id each"),
        (9, SKIPPED, "nothing differs from what is there"),
        (10, FAILED, "means the same organization as line 9"),
    ]


def test_the_portal_key_of_an_export_tells_which_organization_is_meant() -> None:
    one, two = (Organization.objects.create(name="Twin") for _ in range(2))
    taken = Organization.objects.create(name="Taken", external_id="7")
    gone = Organization.objects.create(name="Gone", deleted_at=timezone.now())
    new = uuid.uuid4()
    report = run(
        "portal_key,name,external_id\n"
        f"{one.key},Twin One,\n"
        f"{two.key},Twin,\n"
        f"{new},New,9\n"
        f"{new},Again,\n"
        f"{two.key},Twice,\n"
        f"{gone.key},Gone,\n"
        f"{taken.key},Taken,7\n"
        "no key,Alpha,\n",
        keep_good=True,
    )
    assert outcomes(report) == [
        (2, UPDATED, "changes name"),
        (3, SKIPPED, "nothing differs from what is there"),
        (4, IMPORTED, "new organization"),
        (5, FAILED, "has the same portal key as line 4"),
        (6, FAILED, "has the same portal key as line 3"),
        (7, FAILED, "the organization with this portal key was deleted; restore it first"),
        (8, SKIPPED, "nothing differs from what is there"),
        (9, FAILED, "portal key must look like 5f0d6c2e-8d1b-4a55-9b0e-2f4f6f1a7c11"),
    ]
    assert Organization.objects.get(key=new).external_id == "9"
    stolen = run(f"portal_key,name,external_id\n{one.key},Twin One,7\n")
    assert outcomes(stolen) == [(2, FAILED, "another organization has this external id")]


def test_namesakes_with_a_portal_key_each_come_into_an_empty_portal() -> None:
    keys = [uuid.uuid4() for _ in range(3)]
    content = "name,portal_key\n" + "".join(f"Twin,{key}\n" for key in keys)
    assert run(content).counts == {IMPORTED: 3}
    assert set(Organization.objects.values_list("key", flat=True)) == set(keys)
    assert run(content).counts == {SKIPPED: 3}


def test_a_namesake_after_an_adoption_is_somebody_else() -> None:
    """Whether the file comes once or twice: the second row is no other organization the second time."""
    Organization.objects.create(name="Beta")
    content = "name,external_id\nBeta,1\nBeta,2\n"
    assert outcomes(run(content)) == [(2, UPDATED, "changes external id"), (3, IMPORTED, "new organization")]
    assert run(content).counts == {SKIPPED: 2}


FORMULA = "which a spreadsheet takes for a formula; if that is meant, put an apostrophe (') in front"
BAD_ROWS = {
    ",1": "name is empty",
    f"{'x' * 300},2": "name has 300 characters; 200 are allowed",
    "=HYPERLINK(1),3": f'name begins with "=", {FORMULA}',
    "\t=1,4": f"name begins with a tab, {FORMULA}",
    "\u200b@SUM,5": f'name begins with "@", {FORMULA}',
    "Acme,-6": f'external id begins with "-", {FORMULA}',
    "Acme,6,none": 'domain must look like example.com, not "none"',
    'Acme,7,a.com,"=1+1"': 'phone must be a telephone number, not "=1+1"',
    '"Ac\nme",8': "name holds a line break; is a quotation mark missing?",
    "Acme,9,a.com,,extra": (
        "has a value in column 5, which has no name; a cell that holds the delimiter needs quotation marks"
    ),
    ",10,none": 'name is empty; domain must look like example.com, not "none"',
}
HEADER = "name,external_id,domain,phone\n"


@pytest.mark.parametrize(("row", "message"), BAD_ROWS.items())
def test_each_bad_row_has_its_own_words_and_line(row: str, message: str) -> None:
    report = run(f"{HEADER}Good,100\n{row}\nBetter,101\n")
    assert list(report.rows)[1].line == 3
    assert list(report.rows)[1].outcome is FAILED
    assert list(report.rows)[1].message == message
    assert report.verdict is Verdict.REFUSED
    assert "Nothing was written, because 1 row failed" in report.sentence()
    assert not Organization.objects.exists()
    assert not AuditEvent.objects.exists()


def test_good_rows_are_kept_when_asked_for() -> None:
    report = run(f"{HEADER}Good,100\n{chr(10).join(BAD_ROWS)}\nBetter,101\n", keep_good=True)
    assert report.counts == {IMPORTED: 2, FAILED: len(BAD_ROWS)}
    assert report.verdict is Verdict.WRITTEN
    assert (
        report.sentence() == f"The good rows were written; {len(BAD_ROWS)} rows failed and changed nothing."
    )
    assert sorted(Organization.objects.values_list("name", flat=True)) == ["Better", "Good"]


@pytest.mark.parametrize("keep_good", [True, False])
def test_a_check_writes_nothing_and_tells_what_the_import_would_do(keep_good: bool) -> None:
    Organization.objects.create(name="Acme", external_id="7")
    before = everything()
    content = "name,external_id\nAcme Inc,7\nNew,8\n,9\n"
    checked = run(content, dry_run=True, keep_good=keep_good)
    assert checked.verdict is Verdict.CHECKED
    assert ("would write the others" if keep_good else "would write nothing") in checked.sentence()
    assert everything() == before
    assert not AuditEvent.objects.exists()
    assert list(run(content, keep_good=keep_good).rows) == list(checked.rows)


def test_an_exported_formula_comes_back_as_it_was() -> None:
    report = run("name,phone\n'=HYPERLINK(1),'+1 614-555-0100\n'@Home,\n'tis the Season,\n")
    assert report.verdict is Verdict.WRITTEN
    names = list(Organization.objects.order_by("pk").values_list("name", "phone"))
    assert names == [("=HYPERLINK(1)", "+1 614-555-0100"), ("@Home", ""), ("'tis the Season", "")]


def test_unseen_signs_do_not_get_in() -> None:
    run("name,city\n\u202eAc\u200bme\x07,Li\u2066ma\n")
    assert Organization.objects.get().snapshot()["name"] == "Acme"
    assert Organization.objects.get().city == "Lima"


def test_empty_rows_are_passed_over_and_a_file_of_a_header_is_refused() -> None:
    assert outcomes(run("name,city\n,\nAcme,\n")) == [(3, IMPORTED, "new organization")]
    with pytest.raises(ImportRefused, match="no rows below them"):
        run("name,city\n\n\n")


def test_a_file_that_breaks_off_late_leaves_nothing_behind() -> None:
    rows = "".join(f"Company {number}\n" for number in range(BATCH * 2))
    with pytest.raises(ImportRefused):
        run(f'name\n{rows}"never closed\n', keep_good=True)
    assert not Organization.objects.exists()
    assert not AuditEvent.objects.exists()


def test_a_failure_while_writing_leaves_nothing_behind(monkeypatch: pytest.MonkeyPatch) -> None:
    calls = []

    def record(self: Batch, changes: object) -> None:
        calls.append(1)
        if len(calls) == 2:
            raise RuntimeError("the disk is full")

    monkeypatch.setattr(Batch, "record", record)
    rows = "".join(f"Company {number}\n" for number in range(BATCH + 1))
    with pytest.raises(RuntimeError):
        run(f"name\n{rows}")
    assert len(calls) == 2
    assert not Organization.objects.exists()


def test_a_colleague_who_adds_the_same_id_meanwhile_wins(monkeypatch: pytest.MonkeyPatch) -> None:
    def collide(*args: object, **kwargs: object) -> None:
        for name in ("Acme", "Faster"):
            Organization.objects.create(name=name, external_id="7")

    monkeypatch.setattr(_Planner, "write", collide)
    with pytest.raises(ImportRefused, match="at the same moment"):
        run("name,external_id\nAcme,7\n")
    assert not Organization.objects.exists()


def test_another_fault_of_a_row_is_not_called_a_collision(monkeypatch: pytest.MonkeyPatch) -> None:
    def nameless(*args: object, **kwargs: object) -> None:
        Organization.objects.create(name="")

    monkeypatch.setattr(_Planner, "write", nameless)
    with pytest.raises(IntegrityError):
        run("name\nAcme\n")
    assert not Organization.objects.exists()


def test_the_audit_tells_who_changed_what_in_one_batch() -> None:
    Organization.objects.create(name="Acme", external_id="7", city="Lima")
    run("name,external_id,city\nAcme,7,Troy\nBeta,8,Erie\n")
    new, changed = sorted(AuditEvent.objects.all(), key=lambda event: event.action)
    assert new.batch == changed.batch
    assert (new.action, new.before, new.target_name) == ("organization imported", None, "Beta")
    assert changed.action == "organization updated by import"
    assert changed.before is not None
    assert changed.after is not None
    assert (changed.before["city"], changed.after["city"]) == ("Lima", "Troy")
    assert changed.target_id == str(Organization.objects.get(name="Acme").pk)
    assert (changed.actor_name, changed.origin) == ("Tess", "test")


def test_queries_follow_batches_not_rows() -> None:
    def queries(rows: int) -> int:
        content = "name,external_id\n" + "".join(f"Company {rows} {at},{rows}-{at}\n" for at in range(rows))
        with CaptureQueriesContext(connection) as captured:
            run(content)
        return len(captured)

    one, many = queries(1), queries(BATCH)
    assert many - one <= 12, "SQLite takes about a hundred rows a statement"


def test_updated_at_is_the_time_of_the_import() -> None:
    old = timezone.now() - dt.timedelta(days=9)
    Organization.objects.create(name="Acme")
    Organization.objects.update(updated_at=old)
    run("name,city\nAcme,Troy\n")
    assert Organization.objects.get().updated_at > old + dt.timedelta(days=8)


@pytest.mark.django_db(transaction=True)
@pytest.mark.skipif(
    settings.DATABASES["default"]["ENGINE"] != "integrations.database.postgres",
    reason="SQLite runs one writing transaction at a time, and its test database belongs to one thread",
)
def test_two_imports_at_once_add_nothing_twice() -> None:
    content = "name\n" + "".join(f"Company {number}\n" for number in range(1_200))
    reports: list[Report] = []

    def work() -> None:
        try:
            reports.append(run(content))
        finally:
            connection.close()

    workers = [threading.Thread(target=work) for _ in range(3)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join(timeout=30)
    assert Organization.objects.count() == 1_200
    assert sorted(report.counts[IMPORTED] for report in reports) == [0, 0, 1_200]


# --- whatever comes ---------------------------------------------------------------------------------------

FIXED_NAMES = (
    "Acme",
    "acme",
    "Beta",
    "Beta Dental",
    "",
    "  ",
    "=1+1",
    "'=1+1",
    "\t",
    "x" * 201,
    'A "B" C',
    "A,B",
)
NAMES = st.one_of(
    st.sampled_from(FIXED_NAMES),
    st.text(st.characters(exclude_categories=["Cs"], exclude_characters=CONTROL_SIGNS), max_size=12),
)
IDS = ("", "", "1", "2", "3", "old", "-4", "y" * 101, *map(str, range(10, 60)))
DOMAINS = ("", "acme.com", "https://acme.com/x", "nonsense", "=a.com")
KEYS = ("", "", "", "no key", *(str(uuid.UUID(int=number)) for number in range(1, 9)))
EXAMPLES, ROWS = 40, 250  # 10,000 rows in all


@examples(EXAMPLES, HealthCheck.function_scoped_fixture)
@example(cells=("Acme", "", "Acme"), seed=6355230, keep_good=False)  # a row in which nothing stands
@given(cells=st.tuples(NAMES, NAMES, NAMES), seed=st.integers(0, 2**32), keep_good=st.booleans())
def test_random_rows_never_half_write_and_each_gets_its_reason(
    cells: tuple[str, str, str], seed: int, keep_good: bool
) -> None:
    chance = random.Random(seed)
    names = [*FIXED_NAMES, *cells, *(f"Firm {number}" for number in range(40))]
    rows = [
        (chance.choice(names), chance.choice(IDS), chance.choice(DOMAINS), chance.choice(KEYS))
        for _ in range(ROWS)
    ]
    Organization.objects.all().delete()
    Organization.objects.create(name="Acme", external_id="old")
    Organization.objects.create(name="Beta")
    before = everything()
    text = io.StringIO()
    csv.writer(text).writerows([("name", "external_id", "domain", "portal_key"), *rows])

    report = run(text.getvalue(), keep_good=keep_good)

    assert len(report.rows) == sum(any(map(str.strip, row)) for row in rows)
    lines = [row.line for row in report.rows]
    assert lines == sorted(set(lines))
    assert all(row.message for row in report.rows)
    written = report.counts[IMPORTED] + report.counts[UPDATED]
    if report.failed and not keep_good:
        assert report.verdict is Verdict.REFUSED
        assert everything() == before
    else:
        assert report.verdict is Verdict.WRITTEN
        assert Organization.objects.count() == 2 + report.counts[IMPORTED]
        changed = [row for row in everything() if row not in before]
        assert len(changed) == written
        ids = [value for value in Organization.objects.values_list("external_id", flat=True) if value]
        assert len(set(ids)) == len(ids)
        # Only what failed before fails again: the good rows now say what is there.
        again = run(text.getvalue(), keep_good=keep_good, dry_run=True)
        assert [row.outcome for row in again.rows] == [
            FAILED if row.outcome is FAILED else SKIPPED for row in report.rows
        ]


class InterruptedFile(io.BytesIO):
    """A file during whose reading somebody else deletes an organization."""

    def read1(self, size: int | None = -1, /) -> bytes:
        if self.tell() > 8_000:
            Organization.objects.filter(name="Acme").update(deleted_at=timezone.now())
        return super().read1(size)


@pytest.mark.parametrize("dry_run", [True, False])
def test_an_organization_that_is_deleted_in_the_middle_is_not_written_in_the_shadow(dry_run: bool) -> None:
    Organization.objects.create(name="Acme", city="Troy")
    lines = "".join(f"Firm {number},Kent\n" for number in range(2_000))
    file = InterruptedFile(f"name,city\n{lines}Acme,Lima\n".encode())
    with pytest.raises(ImportRefused, match="changed organizations at the same moment"):
        import_organizations(Batch(ACTOR), file, ImportOptions(dry_run, keep_good=True))
    assert [row.city for row in Organization.objects.all()] == ["Troy"]
    assert not AuditEvent.objects.exists()
