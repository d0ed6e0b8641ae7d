"""The examples of ``specification`` hold."""

from dataclasses import replace

import pytest

from integrations.matching import Company, Organization, Suggestion, Tier, suggest
from tests.matching.specification import (
    ALL_PAIRS,
    BACKGROUND,
    CHOICES,
    DIFFERENT,
    OPEN,
    SAME,
    SURE,
    Case,
    Choice,
)

OTHERS = [Company(f"other-{number}", name) for number, name in enumerate(BACKGROUND)]

ALLOWED = {
    SURE: {Tier.SURE},
    SAME: {Tier.SURE, Tier.LIKELY},
    OPEN: {Tier.LIKELY, Tier.AMBIGUOUS, Tier.NONE},
    DIFFERENT: {Tier.AMBIGUOUS, Tier.NONE},
}


def _answer(organization: Organization, companies: list[Company]) -> Suggestion:
    (answer,) = suggest([organization], [*OTHERS, *companies])
    return answer


@pytest.mark.parametrize("case", ALL_PAIRS, ids=lambda c: f"{c.organization} | {c.company}")
def test_pair(case: Case) -> None:
    company = replace(Company("the-one", case.company), **case.theirs)  # type: ignore[arg-type]
    answer = _answer(Organization("ours", case.organization, **case.ours), [company])
    assert answer.tier in ALLOWED[case.verdict], (case.why, answer)
    assert answer.company_id in (None, "the-one"), (case.why, answer)
    assert answer.reasons


@pytest.mark.parametrize("choice", CHOICES, ids=lambda c: f"{c.organization} | {' | '.join(c.companies)}")
def test_choice(choice: Choice) -> None:
    fields = choice.theirs or ({},) * len(choice.companies)
    companies = [
        replace(Company(f"choice-{number}", name), **own)  # type: ignore[arg-type]
        for number, (name, own) in enumerate(zip(choice.companies, fields, strict=True))
    ]
    answer = _answer(Organization("ours", choice.organization, **choice.ours), companies)
    if choice.answer is None:
        assert answer.tier is Tier.AMBIGUOUS, (choice.why, answer)
        assert {alternative.company_id for alternative in answer.alternatives[:2]} <= {
            company.id for company in companies
        }
    else:
        assert answer.company_id == f"choice-{choice.answer}", (choice.why, answer)


def test_the_specification_is_large_and_without_repetition() -> None:
    pairs = [(c.organization, c.company, tuple(c.ours.items()), tuple(c.theirs.items())) for c in ALL_PAIRS]
    assert len(set(pairs)) == len(pairs)
    assert len(pairs) + len(CHOICES) >= 200
    assert all(c.why for c in ALL_PAIRS)


def test_an_organization_with_its_exact_name_claims_no_misspelling() -> None:
    companies = [Company("c1", "Velgrivex Therapeutics Ltd."), Company("c2", "Velgriven Therapeutics, Inc.")]
    named = [Organization("o1", "Velgrivex Ltd."), Organization("o2", "Velgriven Therapeutics")]
    longer, exact = suggest(named, companies)
    assert (longer.company_id, longer.tier) == ("c1", Tier.LIKELY)
    assert (exact.company_id, exact.tier) == ("c2", Tier.SURE)
