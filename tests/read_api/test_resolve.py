"""Resolve: the one question that other tools have."""

from __future__ import annotations

import pytest
from django.utils import timezone

from integrations.models import Company, IgnoredOrganization, Organization, OrganizationMapping, Right
from tests.read_api.conftest import Programs, World, make_company, make_instance, map_to, unmap
from tests.support.sweeps import first_few


@pytest.mark.parametrize(
    ("by", "value"),
    [
        ("external_id", "A-1"),
        ("external_id", " A-1 "),
        ("name", "Acme Dental"),
        ("name", "aCME   dENTAL"),
        ("domain", "acme.example"),
        ("domain", "ACME.example"),
        ("domain", "https://www.acme.example/contact"),
        ("domain", "info@acme.example"),
    ],
)
def test_an_organization_is_found_by_what_others_know(
    by: str, value: str, program: Programs, sample_rows: World
) -> None:
    answer = program(Right.RESOLVE).read("resolve", by=by, value=value)
    assert answer == {
        "organization": {
            "id": sample_rows.acme.pk, "name": "Acme Dental", "external_id": "A-1", "domain": "acme.example",
            "is_active": True,
        },
        "source": "mapping",
        "instance": {"id": sample_rows.main.pk, "name": "Main", "psa": "autotask"},
        "company": {"id": "101", "name": "ACME DENTAL LLC"},
        "needs_review": [],
        "reason": "",
    }  # fmt: skip
    assert program().read("resolve", by="id", value=str(sample_rows.acme.pk)) == answer


def test_letter_case_counts_in_no_script(program: Programs, sample_rows: World) -> None:
    Organization.objects.create(name="Ärzte Łódź Δ")
    answer = program().refused("resolve", 404, by="name", value="ÄRZTE łódź δ")
    assert answer["code"] == "unmapped"


@pytest.mark.parametrize(
    ("by", "value"),
    [
        ("id", "0"), ("id", "-1"), ("id", "999999"), ("id", "9" * 30), ("id", "١"), ("id", "Acme Dental"),
        ("external_id", "a-1"), ("name", "Acme"), ("name", "%"), ("name", "\x00"), ("name", " \u200b"),
        ("domain", "acme"), ("domain", "//"), ("domain", "[::1"), ("external_id", "A-1\x00"),
    ],
)  # fmt: skip
@pytest.mark.parametrize("fallback", first_few(["default", "fail"]))
def test_an_unknown_organization_is_never_guessed(
    by: str, value: str, fallback: str, program: Programs, sample_rows: World
) -> None:
    if value == "A-1\x00":  # control signs are not part of any id
        assert program().read("resolve", by=by, value=value)["organization"]["id"] == sample_rows.acme.pk
        return
    problem = program().refused("resolve", 404, by=by, value=value, fallback=fallback)
    assert problem["code"] == "unknown_organization"


@pytest.mark.parametrize(
    "query", [{}, {"by": "id"}, {"by": "colour", "value": "x"}, {"by": "id", "value": ""}]
)
def test_a_wrong_question_is_refused(query: dict[str, str], program: Programs) -> None:
    program().refused("resolve", 422, **query)


def test_several_that_fit_are_listed(program: Programs, sample_rows: World) -> None:
    twin = Organization.objects.create(name="ACME DENTAL", external_id="A-9")
    for fallback in ("fail", "default"):
        problem = program().refused("resolve", 409, by="name", value="acme dental", fallback=fallback)
        assert problem["code"] == "ambiguous"
        assert [each["id"] for each in problem["candidates"]] == [sample_rows.acme.pk, twin.pk]
    Organization.objects.bulk_create(Organization(name="Many", domain="many.example") for _ in range(30))
    problem = program().refused("resolve", 409, by="domain", value="many.example")
    assert len(problem["candidates"]) == 20


def test_the_caller_chooses_what_an_unmapped_one_is_answered_with(
    program: Programs, sample_rows: World
) -> None:
    asks, query = program(), {"by": "name", "value": "Cedar Bakery"}
    assert asks.refused("resolve", 404, **query)["code"] == "unmapped"
    assert asks.refused("resolve", 404, **query, fallback="fail")["code"] == "unmapped"
    answer = asks.read("resolve", **query, fallback="default")
    assert (answer["source"], answer["company"], answer["reason"]) == ("fallback", None, "unmapped")
    assert answer["instance"]["id"] == sample_rows.main.pk
    IgnoredOrganization.objects.create(organization=sample_rows.cedar, psa="autotask")
    assert asks.refused("resolve", 404, **query)["code"] == "ignored"
    assert asks.read("resolve", **query, fallback="default")["reason"] == "ignored"
    sample_rows.main.is_default = False
    sample_rows.main.save()
    assert asks.refused("resolve", 404, **query, fallback="default")["code"] == "no_default"


def test_a_cleared_mapping_is_none(program: Programs, sample_rows: World) -> None:
    unmap(sample_rows.acme.mappings.get())
    assert program().refused("resolve", 404, by="name", value="Acme Dental")["code"] == "unmapped"


def test_what_was_deleted_is_unknown(program: Programs, sample_rows: World) -> None:
    Organization.objects.filter(pk=sample_rows.acme.pk).update(deleted_at=timezone.now())
    assert program().refused("resolve", 404, by="external_id", value="A-1")["code"] == "unknown_organization"


def test_another_psa_is_another_question(program: Programs, sample_rows: World) -> None:
    query = {"by": "name", "value": "Acme Dental", "psa": "elsewhere"}
    assert program().refused("resolve", 404, **query)["code"] == "unmapped"
    assert program().refused("resolve", 404, **query, fallback="default")["code"] == "no_default"
    map_to(sample_rows.acme, make_company(make_instance("Third", psa="elsewhere"), "x", "Acme there"))
    assert program().read("resolve", **query)["company"]["id"] == "x"
    assert program().read("resolve", by="name", value="Acme Dental")["company"]["id"] == "101"


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"missing_since": timezone.now()}, "company_missing"),
        ({"is_active": False}, "company_inactive"),
        ({"in_filter": False}, "company_outside_filter"),
        ({"name": "Something else"}, "company_renamed"),
    ],
)
def test_a_doubtful_mapping_says_so(
    change: dict[str, object], reason: str, program: Programs, sample_rows: World
) -> None:
    Company.objects.filter(pk=sample_rows.acme_company.pk).update(**change)
    assert program().read("resolve", by="id", value=sample_rows.acme.pk)["needs_review"] == [reason]
    assert OrganizationMapping.objects.filter(removed_at=None).count() == 2


def test_a_limited_token_never_falls_back_for_what_is_mapped_elsewhere(
    program: Programs, sample_rows: World
) -> None:
    asks = program(instances=(sample_rows.main,))
    assert asks.read("resolve", by="name", value="Acme Dental")["company"]["id"] == "101"
    for fallback in ("fail", "default"):
        problem = asks.refused("resolve", 404, by="name", value="Birch Legal", fallback=fallback)
        assert problem["code"] == "unknown_organization"
    answer = asks.read("resolve", by="name", value="Cedar Bakery", fallback="default")
    assert (answer["source"], answer["instance"]["id"]) == ("fallback", sample_rows.main.pk)
    other = program(instances=(sample_rows.other,))
    problem = other.refused("resolve", 404, by="name", value="Cedar Bakery", fallback="default")
    assert problem["code"] == "no_default"  # the default lies outside what it may see
