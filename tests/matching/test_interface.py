"""The first things a caller relies on."""

import subprocess
import sys

import pytest

from integrations import matching
from integrations.matching import (
    Company,
    Kind,
    Knowledge,
    Organization,
    Tier,
    UnknownRecord,
    explain,
    suggest,
)

COMPANIES = [
    Company("0", "Own House Services"),
    Company("11", "Bramble & Finch Joinery, LLC", number="B-100"),
    Company("12", "Quillfeather Dental Studio"),
    Company("13", "Tarnbrook Haulage Ltd", is_active=False),
]


def test_the_answers_come_in_the_order_of_the_organizations() -> None:
    organizations = [
        Organization("b", "Quillfeather Dental Studio"),
        Organization("a", "Bramble and Finch Joinery"),
    ]
    answers = suggest(organizations, COMPANIES)
    assert [(a.organization_id, a.company_id, a.tier) for a in answers] == [
        ("b", "12", Tier.SURE),
        ("a", "11", Tier.SURE),
    ]


def test_the_own_company_is_never_suggested() -> None:
    (answer,) = suggest([Organization("a", "Own House Services")], COMPANIES)
    assert answer.company_id is None
    assert answer.reasons


def test_an_inactive_company_is_suggested_only_when_asked() -> None:
    organization = Organization("a", "Tarnbrook Haulage")
    (hidden,) = suggest([organization], COMPANIES)
    (shown,) = suggest([organization], COMPANIES, include_inactive=True)
    assert (hidden.company_id, shown.company_id) == (None, "13")


def test_a_rejected_pair_is_not_proposed_again() -> None:
    organization = Organization("a", "Quillfeather Dental Studio")
    (answer,) = suggest([organization], COMPANIES, knowledge=Knowledge(rejected=frozenset({("a", "12")})))
    assert answer.company_id is None


def test_an_existing_mapping_is_kept_and_takes_its_company() -> None:
    organizations = [Organization("a", "Something Else"), Organization("b", "Quillfeather Dental Studio")]
    first, second = suggest(organizations, COMPANIES, knowledge=Knowledge(mapped={"a": "12"}))
    assert (first.company_id, first.tier) == ("12", Tier.SURE)
    assert second.company_id is None


def test_a_company_number_decides_which_company_and_the_name_whether_it_is_sure() -> None:
    organizations = [Organization("a", "Zebra Holdings"), Organization("b", "Bramble & Finch Joinery")]
    other = suggest(organizations[:1], COMPANIES, knowledge=Knowledge(numbers={"a": "b100"}))[0]
    same = suggest(organizations[1:], COMPANIES, knowledge=Knowledge(numbers={"b": "b100"}))[0]
    assert (other.company_id, other.tier, other.kind) == ("11", Tier.LIKELY, Kind.IDENTIFIER)
    assert 'the names differ: "Zebra Holdings" / "Bramble & Finch Joinery, LLC"' in other.reasons
    assert (same.company_id, same.tier, same.kind) == ("11", Tier.SURE, Kind.IDENTIFIER)


def test_an_alias_that_was_accepted_before_decides() -> None:
    organization = Organization("a", "BFJ")
    knowledge = Knowledge(aliases={"a": ("Bramble & Finch Joinery, LLC",)})
    (answer,) = suggest([organization], COMPANIES, knowledge=knowledge)
    assert (answer.company_id, answer.tier) == ("11", Tier.SURE)


def test_progress_reaches_the_end() -> None:
    seen: list[tuple[int, int]] = []
    suggest(
        [Organization("a", "Anything")], COMPANIES, progress=lambda done, total: seen.append((done, total))
    )
    assert seen
    assert seen[-1][0] == seen[-1][1]


def test_explaining_an_unknown_record_is_refused() -> None:
    with pytest.raises(UnknownRecord):
        explain("a", "nope", [Organization("a", "Anything")], COMPANIES)


def test_an_explanation_shows_both_readings() -> None:
    organization = Organization("a", "Bramble and Finch Joinery")
    explanation = explain("a", "11", [organization], COMPANIES)
    assert explanation.organization.words == explanation.company.words == ("bramble", "finch", "joinery")
    assert explanation.company.legal_forms == ("llc",)
    assert explanation.reasons


@pytest.mark.process
def test_a_page_that_asks_nothing_loads_no_numpy() -> None:
    program = "import sys, integrations.matching as m; m.Tier.SURE; sys.exit('numpy' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0


def test_an_unknown_name_of_the_matcher_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="no_such_name"):
        matching.no_such_name  # noqa: B018


def test_words_written_together_are_not_said_to_be_missing() -> None:
    organization = Organization("a", "Quillfeather Daycare")
    (answer,) = suggest([organization], [Company("21", "Linbury Quillfeather Day Care")])
    reasons = [
        *answer.reasons,
        *(reason for alternative in answer.alternatives for reason in alternative.reasons),
    ]
    assert '"daycare" is "day care" written together' in reasons
    assert 'only the company has "linbury"' in reasons
    assert not any("only the organization has" in reason for reason in reasons)
