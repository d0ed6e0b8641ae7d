"""The demo's data: always the same, as messy as life, and in agreement with itself."""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from integrations.demo.data import (
    TENANTS,
    Row,
    demo_companies,
    demo_organizations,
    demo_truth,
)
from integrations.demo.dirty_names import SPELLINGS
from integrations.demo.words import ACQUIRED_PLACES, MAIN_PLACES
from integrations.simulators.autotask.company_fields import find_field
from integrations.simulators.autotask.picklists import DEFAULT_PICKLISTS

ROOT = Path(__file__).resolve().parents[2]
PLACES = {(place.city, place.state): place for place in (*MAIN_PLACES, *ACQUIRED_PLACES)}

PRINT_DIGEST = """
import hashlib, json
from integrations.demo.data import demo_companies, demo_organizations
rows = [demo_organizations(), demo_companies("main"), demo_companies("acquired")]
print(hashlib.sha256(json.dumps(rows).encode()).hexdigest())
"""


def names(tenant: str) -> list[str]:
    return [str(row["companyName"]) for row in demo_companies(tenant)]


def by_id(tenant: str) -> dict[object, Row]:
    return {row["id"]: row for row in demo_companies(tenant)}


def digits(text: object) -> str:
    return "".join(sign for sign in str(text) if sign.isdigit())[-10:]


def test_sizes() -> None:
    assert len(demo_organizations()) == 300
    assert len(demo_companies("main")) == 1_500
    assert len(demo_companies("acquired")) == 200


@pytest.mark.process
def test_other_processes_make_the_same_rows() -> None:
    rows = [demo_organizations(), demo_companies("main"), demo_companies("acquired")]
    expected = hashlib.sha256(json.dumps(rows).encode()).hexdigest()
    for hash_seed in ("1", "2"):
        output = subprocess.run(
            [sys.executable, "-c", PRINT_DIGEST],
            cwd=ROOT,
            env={"PYTHONHASHSEED": hash_seed},
            capture_output=True,
            text=True,
            check=True,
        )
        assert output.stdout.strip() == expected


def test_a_caller_cannot_spoil_the_data_of_the_next() -> None:
    demo_organizations()[0]["name"] = "spoiled"
    demo_companies("main")[0]["companyName"] = "spoiled"
    assert demo_organizations()[0]["name"] != "spoiled"
    assert demo_companies("main")[0]["companyName"] == TENANTS["main"]


@pytest.mark.parametrize("tenant", TENANTS)
def test_ids_are_unique_and_ascend_from_the_provider_itself(tenant: str) -> None:
    ids = [row["id"] for row in demo_companies(tenant)]
    assert ids[0] == 0
    assert ids == sorted(set(ids), key=int)  # type: ignore[arg-type]
    assert names(tenant)[0] == TENANTS[tenant]


@pytest.mark.parametrize("tenant", TENANTS)
def test_every_value_fits_the_field_it_names(tenant: str) -> None:
    for row in demo_companies(tenant):
        for name, value in row.items():
            field = find_field(name)
            assert field is not None, name
            assert not field.length or len(str(value)) <= field.length, (name, value)
            if field.is_picklist and value is not None:
                assert value in {choice.value for choice in DEFAULT_PICKLISTS[field.name]}, (name, value)
        assert row["companyName"]
        assert row["phone"]


@pytest.mark.parametrize("tenant", TENANTS)
def test_every_company_type_of_a_live_tenant_occurs(tenant: str) -> None:
    counts = Counter(row["companyType"] for row in demo_companies(tenant))
    assert set(counts) == {1, 2, 3, 4, 6, 7, 8}
    assert counts[1] > len(demo_companies(tenant)) / 5


@pytest.mark.parametrize("tenant", TENANTS)
def test_addresses_agree_with_themselves(tenant: str) -> None:
    for row in demo_companies(tenant):
        place = PLACES[str(row["city"]), str(row["state"])]
        assert row["postalCode"] in {"", *place.postal_codes}
        assert digits(row["phone"])[3:6] in {"555", "000"}, (
            "a number outside the exchange that reaches nobody"
        )
    for row in demo_organizations():
        if row["city"]:
            assert row["postal_code"] in PLACES[str(row["city"]), str(row["state"])].postal_codes


@pytest.mark.parametrize("tenant", TENANTS)
def test_parents_exist_and_are_not_their_own(tenant: str) -> None:
    known = by_id(tenant)
    children = [row for row in known.values() if row["parentCompanyID"] is not None]
    assert children
    for child in children:
        parent = known[child["parentCompanyID"]]
        assert parent["id"] != child["id"]
        assert parent["parentCompanyID"] is None
        assert str(child["companyName"]).startswith(str(parent["companyName"]).split(",")[0][:8])


@pytest.mark.parametrize("tenant", TENANTS)
def test_times_are_in_order(tenant: str) -> None:
    rows = demo_companies(tenant)
    created = [str(row["createDate"]) for row in rows]
    assert created == sorted(created)
    assert all(str(row["createDate"]) <= str(row["lastTrackedModifiedDateTime"]) for row in rows)
    assert all(value.endswith("Z") for value in created)


def test_the_messes_of_real_life_are_there() -> None:
    main = names("main")
    lowered = Counter(name.lower() for name in main)
    for sign in ("(OLD)", "DO NOT USE", " dba ", "d/b/a", "(formerly ", "[Managed]", "zz", "&", "Svcs", "'"):
        assert any(sign in name for name in main), sign
    assert any(name != name.strip() or "  " in name for name in main), "blanks"
    assert any(name.isupper() and len(name) > 10 for name in main), "capitals"
    assert any(not name.isascii() for name in main), "accents"
    assert any(name.startswith("=") for name in main), "what a spreadsheet takes for a formula"
    assert any("<" in name for name in main), "what a careless page takes for markup"
    assert sum(count > 1 for count in lowered.values()) >= 10, "twins"
    assert not any(word in name for name in main for word in ("Company 17", "Lorem"))
    inactive = [row for row in demo_companies("main") if not row["isActive"]]
    assert 0.1 < len(inactive) / 1_500 < 0.4
    assert sum(digits(row["phone"]) == "0" * 10 for row in demo_companies("main")) > 10, "placeholders"
    assert any(not row["webAddress"] for row in demo_companies("main"))


def test_every_kind_of_spelling_has_its_example() -> None:
    kinds = {truth.kind for truth in demo_truth()}
    assert kinds >= {kind for _, kind, _, _ in SPELLINGS}
    assert kinds >= {
        "old double", "head office", "branch", "twin", "undecidable twin", "rebranded", "left",
        "no counterpart",
    }  # fmt: skip


def test_the_truth_names_companies_that_exist_and_each_only_once() -> None:
    external_ids = [row["external_id"] for row in demo_organizations()]
    assert len(set(external_ids)) == len(external_ids)
    truths = demo_truth()
    assert {truth.external_id for truth in truths} == set(external_ids)
    known = {tenant: by_id(tenant) for tenant in TENANTS}
    answered = [(truth.tenant, truth.company_id) for truth in truths if truth.company_id is not None]
    assert len(set(answered)) == len(answered)
    for tenant, company_id in answered:
        assert known[tenant][company_id]["companyType"] in {1, 6}
    for truth in truths:
        assert (truth.company_id is None) == (truth.kind in {"no counterpart", "undecidable twin"})


def test_some_organizations_are_customers_of_both() -> None:
    homes = Counter(truth.external_id for truth in demo_truth())
    assert sum(count == 2 for count in homes.values()) == 12
    assert Counter(truth.tenant for truth in demo_truth())["acquired"] == 40


def test_twins_share_a_name_and_differ_in_their_town() -> None:
    known = by_id("main")
    decidable = [truth for truth in demo_truth() if truth.kind == "twin" and truth.tenant == "main"]
    assert decidable
    organizations = {row["external_id"]: row for row in demo_organizations()}
    for truth in decidable:
        right = known[truth.company_id]
        twins = [row for row in known.values() if row["companyName"] == right["companyName"]]
        assert len(twins) >= 2
        assert [row["id"] for row in twins if row["city"] == organizations[truth.external_id]["city"]] == [
            truth.company_id
        ]


def test_an_undecidable_organization_shows_nothing_but_its_name() -> None:
    undecidable = {truth.external_id for truth in demo_truth() if truth.kind == "undecidable twin"}
    for row in demo_organizations():
        if row["external_id"] in undecidable:
            assert not any(row[name] for name in ("domain", "phone", "city", "state", "postal_code"))


@pytest.mark.large
def test_a_large_tenant_keeps_the_proportions() -> None:
    assert len(demo_organizations(5_000, 20_000)) == 5_000
    large = demo_companies("main", 5_000, 20_000)
    assert len(large) == 20_000
    assert len({row["companyName"] for row in large}) > 18_000


@pytest.mark.parametrize(("organizations", "companies"), [(0, 10), (10, 19)])
def test_impossible_sizes_are_refused(organizations: int, companies: int) -> None:
    with pytest.raises(ValueError, match="twice as many"):
        demo_organizations(organizations, companies)


def test_an_unknown_tenant_is_refused() -> None:
    with pytest.raises(KeyError):
        demo_companies("nobody")
