"""What one mapping does, and that nothing else does it by hand."""

from __future__ import annotations

import ast
import datetime as dt
from pathlib import Path

import pytest
from django.contrib.auth.models import User

from integrations.models import Company, IntegrationInstance, Organization, OrganizationMapping
from integrations.models.companies import CompanyRef
from integrations.models.mappings import CHANGING_FIELDS, MappingSource
from integrations.models.review_reasons import AS_THEY_ARE, ReviewReason, needs_review
from tests.support.rows import make_company, make_instance
from tests.support.sources import tree_of

ROOT = Path(__file__).resolve().parents[2] / "integrations"
AT = dt.datetime(2026, 3, 1, 9, 30, tzinfo=dt.UTC)
LATER = AT + dt.timedelta(days=1)
# Set by its methods alone. (Its instance may be filled in where the row was read already.)
OWN = {*CHANGING_FIELDS, "company", "confirmed_by"}


@pytest.fixture
def company(db: None) -> Company:
    return make_company(make_instance("Main"), 101, "Abbott & Co")


@pytest.fixture
def mapping(company: Company) -> OrganizationMapping:
    organization = Organization.objects.create(name="Abbott")
    return OrganizationMapping(organization=organization, psa="autotask", version=0)


def test_assigning_says_everything_anew(
    mapping: OrganizationMapping, company: Company, owner: User, member: User
) -> None:
    mapping.assign(
        company, by=owner, at=AT, source=MappingSource.SUGGESTED, confidence=0.9, reasons=("domain",),
        matcher_version="7",
    )  # fmt: skip
    mapping.save()
    assert (mapping.instance, mapping.company, mapping.confirmed_name) == (
        company.instance, company, "Abbott & Co",
    )  # fmt: skip
    assert (mapping.confidence, mapping.reasons, mapping.matcher_version) == (0.9, ["domain"], "7")
    assert (mapping.confirmer, mapping.confirmed_at, mapping.version) == (owner.username, AT, 1)
    other = make_company(make_instance("Other"), 7, "Abbott Ltd")
    mapping.remove(AT, with_instance=True)
    mapping.assign(
        CompanyRef(other.pk, other.name, other.instance_id), by=member, at=LATER, source=MappingSource.CHOSEN
    )
    mapping.save()
    mapping.refresh_from_db()
    assert (mapping.instance, mapping.company, mapping.confirmed_name) == (
        other.instance, other, "Abbott Ltd",
    )  # fmt: skip
    assert (mapping.source, mapping.confidence, mapping.reasons, mapping.matcher_version) == (
        "chosen", None, [], "",
    )  # fmt: skip
    assert (mapping.confirmer, mapping.confirmed_at) == (member.username, LATER)
    assert (mapping.is_in_force, mapping.removed_with_instance, mapping.version) == (True, False, 3)


def test_removing_and_restoring_keep_all_but_the_version(
    mapping: OrganizationMapping, company: Company, owner: User
) -> None:
    mapping.assign(company, by=owner, at=AT, source=MappingSource.CHOSEN)
    before = mapping.snapshot()
    mapping.remove(LATER, with_instance=True)
    assert (mapping.is_in_force, mapping.removed_at, mapping.removed_with_instance) == (False, LATER, True)
    mapping.restore()
    assert (mapping.is_in_force, mapping.removed_with_instance) == (True, False)
    assert mapping.snapshot() == {**before, "version": before["version"] + 2}


@pytest.mark.parametrize("was_in_force", [True, False])
def test_a_snapshot_is_put_back(
    mapping: OrganizationMapping, company: Company, owner: User, *, was_in_force: bool
) -> None:
    mapping.assign(company, by=owner, at=AT, source=MappingSource.IMPORTED, known_as="Abbot")
    if not was_in_force:
        mapping.remove(AT)
    state = mapping.snapshot()
    other = make_company(company.instance, 102, "Another")
    mapping.assign(other, by=None, at=LATER, source=MappingSource.CHOSEN)
    mapping.put_back(state, company, {owner.pk: owner}, LATER)
    assert mapping.snapshot() == {**state, "version": state["version"] + 2}
    mapping.put_back(state, company, {}, LATER)
    assert mapping.confirmer == "", "the account is gone, and nobody else is named"


@pytest.mark.parametrize("is_active", [True, False])
@pytest.mark.parametrize("in_filter", [True, False])
@pytest.mark.parametrize("missing_since", [None, AT])
@pytest.mark.parametrize("known_as", [None, "", "Abbot"])
def test_one_mapping_needs_review_for_what_many_do(
    mapping: OrganizationMapping,
    company: Company,
    *,
    known_as: str | None,
    missing_since: dt.datetime | None,
    is_active: bool,
    in_filter: bool,
) -> None:
    company.missing_since, company.is_active, company.in_filter = missing_since, is_active, in_filter
    company.save()
    mapping.assign(company, by=None, at=AT, source=MappingSource.CHOSEN, known_as=known_as)
    mapping.save()
    expected = [
        reason
        for reason, holds in zip(
            AS_THEY_ARE,
            (missing_since is not None, not is_active, not in_filter, known_as == "Abbot"),
            strict=True,
        )
        if holds
    ]
    assert mapping.review_reasons == expected
    for reason in ReviewReason:
        assert OrganizationMapping.objects.filter(reason.q()).exists() is (reason in expected)
        assert Organization.objects.filter(reason.q("mappings__")).exists() is (reason in expected)
    assert OrganizationMapping.objects.filter(needs_review()).exists() is bool(expected)


# A new row begins with the version 0, which assign() makes 1.
MADE_BY_HAND = (OWN | {"instance"}) - {"version"}
READING = (".filter", ".exclude", ".values", ".annotate", ".get", ".first", ".exists")


def _makes_a_mapping(function: ast.expr) -> bool:
    """OrganizationMapping(...), or what writes through its manager: create, update, bulk_update …"""
    called = ast.unparse(function)
    return "OrganizationMapping" in called and not called.endswith(READING)


def test_no_field_of_a_mapping_is_set_by_hand_elsewhere() -> None:
    """Neither as an attribute, nor when a row is made, nor by a list of names."""
    found = []
    for path in sorted(ROOT.rglob("*.py")):
        if "migrations" in path.parts or path == ROOT / "models" / "mappings.py":
            continue
        text = path.read_text(encoding="utf-8")
        names_the_model = "OrganizationMapping" in text
        for node in ast.walk(tree_of(path)):
            if isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store) and node.attr in OWN:
                found.append((path.name, node.lineno, node.attr))
            elif names_the_model and isinstance(node, ast.Call) and _makes_a_mapping(node.func):
                found += [
                    (path.name, node.lineno, each.arg) for each in node.keywords if each.arg in MADE_BY_HAND
                ]
    assert not found


def test_the_places_that_write_mappings_are_found() -> None:
    call = ast.parse("OrganizationMapping.objects.filter(pk=1).update(removed_at=None)").body[0]
    assert isinstance(call, ast.Expr)
    assert isinstance(call.value, ast.Call)
    assert _makes_a_mapping(call.value.func)


def test_many_are_written_at_once(mapping: OrganizationMapping, company: Company, owner: User) -> None:
    mapping.assign(company, by=owner, at=AT, source=MappingSource.CHOSEN)
    OrganizationMapping.objects.write([mapping])
    (row,) = OrganizationMapping.objects.present()
    row.remove(LATER)
    OrganizationMapping.objects.write([row])
    assert not OrganizationMapping.objects.present().exists()
    assert IntegrationInstance.objects.get(pk=company.instance_id).mappings.get().version == 2
