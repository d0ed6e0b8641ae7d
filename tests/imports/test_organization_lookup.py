"""Which organization a row means, also when the same file comes a second time."""

from __future__ import annotations

import csv
import io
import random
import uuid
from typing import NamedTuple

import pytest
from django.utils import timezone
from hypothesis import HealthCheck, assume, example, given
from hypothesis import strategies as st

from integrations.models import AuditEvent, Organization
from integrations.services.audit import Actor, Batch
from integrations.services.history import undo as undoing
from integrations.services.imports.organizations import import_organizations
from integrations.services.imports.reports import ImportOptions, Outcome, Report, Verdict
from tests.support.properties import examples

pytestmark = pytest.mark.django_db
ACTOR = Actor("Tess", "test")
IMPORTED, UPDATED, SKIPPED, FAILED = Outcome.IMPORTED, Outcome.UPDATED, Outcome.SKIPPED, Outcome.FAILED
NAMES = ("Acme", "acme", "Beta", "Core")
IDS = ("", "1", "2", "3")
KEYS = tuple(str(uuid.UUID(int=number)) for number in range(1, 6))
# The portal of a test has at most four organizations, so that nothing has this one.
UNKNOWN = KEYS[4]
HEADER = ("name", "external_id", "portal_key", "city")


class There(NamedTuple):
    """An organization that is there; ``into`` is the place of the one that it was merged into."""

    name: str
    external_id: str = ""
    deleted: bool = False
    into: int | None = None


class Row(NamedTuple):
    """A row of the file."""

    name: str
    external_id: str = ""
    portal_key: str = ""
    city: str = ""


PORTALS = st.lists(
    st.builds(
        There,
        st.sampled_from(NAMES),
        st.sampled_from(IDS),
        st.sampled_from((False, False, False, True)),
        st.sampled_from((None, None, 0, 1)),
    ),
    max_size=4,
)
FILES = st.lists(
    st.builds(
        Row,
        st.sampled_from((*NAMES, "=1+1")),
        st.sampled_from(IDS),
        st.sampled_from(("", *KEYS)),
        st.sampled_from(("", "Lima", "Troy")),
    ),
    min_size=1,
    max_size=8,
)
SHARED = HealthCheck.function_scoped_fixture


def seed_shared_portal(portal: list[There]) -> None:
    """These organizations and no others; each has the key of its place, and an external id if it is free."""
    Organization.objects.all().delete()
    made: list[Organization] = []
    taken = set()
    for key, there in zip(KEYS, portal, strict=False):
        external_id = there.external_id if there.deleted or there.external_id not in taken else ""
        if not there.deleted:
            taken.add(external_id)
        is_merged = there.deleted and there.into is not None and there.into < len(made)
        made.append(
            Organization.objects.create(
                key=key,
                name=there.name,
                external_id=external_id,
                deleted_at=timezone.now() if there.deleted else None,
                merged_into=made[there.into or 0] if is_merged else None,
            )
        )


def run(rows: list[Row], *, dry_run: bool = False, keep_good: bool = True) -> Report:
    text = io.StringIO()
    csv.writer(text).writerows([HEADER, *rows])
    stream = io.BytesIO(text.getvalue().encode())
    return import_organizations(Batch(ACTOR), stream, ImportOptions(dry_run, keep_good))


def outcomes(report: Report) -> list[Outcome]:
    return [row.outcome for row in report.rows]


def everything() -> list[tuple[object, ...]]:
    """All that an import can change."""
    fields = ("pk", "key", "updated_at", "deleted_at", *Organization.EDITABLE)
    return list(Organization.objects.order_by("pk").values_list(*fields))


def values() -> list[tuple[object, ...]]:
    """What the present organizations are."""
    fields = ("key", *Organization.EDITABLE)
    return list(Organization.objects.present().order_by("key").values_list(*fields))


def told(portal: list[There], *rows: Row) -> list[tuple[Outcome, str]]:
    """What the rows do to the portal, and that the second time they do nothing."""
    seed_shared_portal(portal)
    first = run(list(rows))
    before = everything()
    second = run(list(rows))
    assert everything() == before
    assert outcomes(second) == [SKIPPED if each in {IMPORTED, UPDATED} else each for each in outcomes(first)]
    return [(row.outcome, row.message) for row in first.rows]


NEW = (IMPORTED, "new organization")


# --- whatever comes ---------------------------------------------------------------------------------------


@pytest.mark.exhaustive
@examples(40, SHARED)
@given(portal=PORTALS, rows=FILES, keep_good=st.booleans())
@example(  # "acme" is found by its name alone, and so is another row's namesake no more
    portal=[There("Acme", "3")],
    rows=[Row("acme", "", UNKNOWN), Row("Acme", "2"), Row("Beta", "", UNKNOWN)],
    keep_good=True,
)
@example(  # the id of the refused first row belongs to an organization that the second row gives another one
    portal=[There("Acme"), There("Beta", "2"), There("Core", "2", deleted=True, into=0)],
    rows=[Row("Core", "2", KEYS[2]), Row("Beta", "3", KEYS[1])],
    keep_good=True,
)
def test_the_same_file_again_changes_nothing(portal: list[There], rows: list[Row], keep_good: bool) -> None:
    seed_shared_portal(portal)
    checked = run(rows, dry_run=True, keep_good=keep_good)
    first = run(rows, keep_good=keep_good)
    assert list(checked.rows) == list(first.rows)
    before, events = everything(), AuditEvent.objects.count()
    second = run(rows, keep_good=keep_good)
    written = {IMPORTED, UPDATED} if first.verdict is Verdict.WRITTEN else set()
    assert outcomes(second) == [SKIPPED if each in written else each for each in outcomes(first)]
    assert (everything(), AuditEvent.objects.count()) == (before, events)
    assert list(run(rows, keep_good=keep_good).rows) == list(second.rows)


@pytest.mark.exhaustive
@examples(40, SHARED)
@given(portal=PORTALS, rows=FILES, chance=st.randoms(use_true_random=False))
@example([There("Acme", "3")], [Row("acme", "", UNKNOWN), Row("Acme", "2")], random.Random(1))
def test_what_went_in_whole_changes_nothing_in_any_other_order(
    portal: list[There], rows: list[Row], chance: random.Random
) -> None:
    # Without merged ones: where a row above has its id or name, a row of such a one is refused, not skipped.
    seed_shared_portal([there._replace(into=None) for there in portal])
    failed = {row.line for row in run(rows, dry_run=True).rows if row.outcome is FAILED}
    good = [row for line, row in enumerate(rows, start=2) if line not in failed]
    assume(good)
    first = run(good, keep_good=False)
    assume(not first.failed)
    before = everything()
    chance.shuffle(good)
    assert set(outcomes(run(good, keep_good=False))) == {SKIPPED}
    assert everything() == before


@pytest.mark.exhaustive
@examples(40, SHARED)
@given(portal=PORTALS, rows=FILES)
@example([There("Acme", "1")], [Row("Acme", "2", KEYS[0]), Row("Beta", "1")])
@example([There("Acme", "1"), There("Beta", "2")], [Row("Acme", "3", KEYS[0]), Row("Beta", "1", KEYS[1])])
def test_an_import_is_taken_back_whole_and_done_again(portal: list[There], rows: list[Row]) -> None:
    seed_shared_portal(portal)
    before = values()
    report = run(rows)
    after = values()
    assume(before != after)
    assert report.batch
    undone = undoing.undo_batch(ACTOR, report.batch)
    assert (undone.left, values()) == ([], before)
    again = undoing.undo_batch(ACTOR, undone.batch)
    assert (again.left, values()) == ([], after)


# --- rule by rule -----------------------------------------------------------------------------------------


def test_a_foreign_key_is_no_id_of_its_own_for_a_row_that_is_found_by_its_name() -> None:
    assert told(
        [There("Acme", "3")], Row("acme", "", UNKNOWN), Row("Acme", "2"), Row("Beta", "", UNKNOWN)
    ) == [
        (UPDATED, "changes name"),
        (FAILED, "has the same name as line 2; namesakes need an external id each"),
        (FAILED, "has the same portal key as line 2"),
    ]
    assert told([There("Acme", "3")], Row("Acme", "2"), Row("acme", "", UNKNOWN)) == [
        NEW,
        (FAILED, "2 organizations have this name; it cannot be told which is meant"),
    ]


def test_a_name_that_a_row_above_gave_up_means_nobody() -> None:
    portal = [There("Acme", "1")]
    assert told(portal, Row("Beta", "1"), Row("Acme")) == [(UPDATED, "changes name"), NEW]
    assert told(portal, Row("Acme"), Row("Beta", "1")) == [
        (SKIPPED, "nothing differs from what is there"),
        (FAILED, "means the same organization as line 2"),
    ]


def test_an_external_id_that_a_row_above_gave_up_belongs_to_nobody() -> None:
    portal = [There("Acme", "1"), There("Beta", "2")]
    change = (UPDATED, "changes external id")
    moved = Row("Acme", "3", KEYS[0])
    assert told(portal, moved, Row("Core", "1")) == [change, NEW]
    assert told(portal, moved, Row("Beta", "1", KEYS[1])) == [change, change]
    assert told(portal, moved, Row("Acme", "1")) == [change, NEW]


def test_a_refused_row_keeps_what_it_may_mean() -> None:
    twins = [There("Acme"), There("Acme")]
    ambiguous = (FAILED, "2 organizations have this name; it cannot be told which is meant")
    kept = (
        "changes the name or external id of an organization that line 2 may mean; correct that line, or put "
        "this one above it"
    )
    assert told(twins, Row("Acme"), Row("Beta", "", KEYS[0])) == [ambiguous, (FAILED, kept)]
    assert told(twins, Row("Acme"), Row("Acme", "1", KEYS[0])) == [
        ambiguous,
        (UPDATED, "changes external id"),
    ]
    assert told(twins, Row("Acme"), Row("acme", "", KEYS[0], "Lima")) == [
        ambiguous,
        (UPDATED, "changes name, city"),
    ]
    assert told(twins, Row("Acme", "1"), Row("Acme", "2", KEYS[0]))[1] == (FAILED, kept)
    assert told(twins, Row("Beta", "", KEYS[0]), Row("Acme", "1")) == [
        (UPDATED, "changes name"),
        (UPDATED, "changes external id"),
    ]
    two = [There("Acme", "1"), There("Beta", "2")]
    taken = (FAILED, "another organization has this external id")
    assert told(two, Row("Acme", "2", KEYS[0]), Row("Beta", "3", KEYS[1])) == [taken, (FAILED, kept)]
    assert told(two, Row("Acme", "2", KEYS[0]), Row("Core", "2", KEYS[1])) == [
        taken,
        (UPDATED, "changes name"),
    ]
    assert told(two, Row("Beta", "3", KEYS[1]), Row("Acme", "2", KEYS[0])) == [
        (UPDATED, "changes external id"),
        (UPDATED, "changes external id"),
    ]


def test_a_refused_row_keeps_its_new_ids() -> None:
    twins = [There("Acme"), There("Acme")]
    ambiguous = "2 organizations without an external id have this name; it cannot be told which is meant"
    rows = (Row("Acme", "1", UNKNOWN), Row("Beta", "1"), Row("Beta", "", UNKNOWN), Row("Core"))
    assert told(twins, *rows) == [
        (FAILED, ambiguous),
        (FAILED, "has the same external id as line 2"),
        (FAILED, "has the same portal key as line 2"),
        NEW,
    ]


def test_a_row_that_cannot_be_read_keeps_nothing() -> None:
    rows = (Row("=1+1", "2", KEYS[0]), Row("Acme", "2", KEYS[0]))
    (outcome, _), below = told([There("Acme", "1")], *rows)
    assert (outcome, below) == (FAILED, (UPDATED, "changes external id"))


def test_who_is_meant_by_a_row_above_is_not_meant_by_a_name_as_well() -> None:
    assert told([There("Acme")], Row("Acme", "", KEYS[0]), Row("Acme", "", UNKNOWN)) == [
        (SKIPPED, "nothing differs from what is there"),
        NEW,
    ]
    assert told([There("Acme"), There("Acme")], Row("Acme", "", KEYS[0]), Row("Acme", "", UNKNOWN)) == [
        (SKIPPED, "nothing differs from what is there"),
        (FAILED, "2 organizations have this name; it cannot be told which is meant"),
    ]


@pytest.mark.parametrize("typed", ["Cafe\u0301 Lumen", "Cafe\u00ad\u0301 Lumen", "\u200bCAFÉ  Lumen"])
def test_a_name_means_who_has_it_however_its_letters_were_typed(typed: str) -> None:
    """Accents as signs of their own, as macOS writes them, and signs that nobody sees."""
    [(outcome, message)] = told([There("Café Lumen")], Row(typed, city="Lima"))
    assert (outcome, message) in {(UPDATED, "changes city"), (UPDATED, "changes name, city")}
    assert told([], Row("Café Lumen"), Row(typed)) == [
        NEW,
        (SKIPPED, "repeats line 2")
        if "É" not in typed
        else (FAILED, "has the same name as line 2; namesakes need an external id each"),
    ]
    assert told([There("Cafe\u0301 Lumen")], Row("Café Lumen")) == [(UPDATED, "changes name")]
