"""The cases of ``other_hands`` and ``more_hands`` come out as they must."""

from dataclasses import replace

import pytest

from integrations.matching import Company, Organization, Suggestion, Tier, suggest
from tests.matching.more_hands import more_hands
from tests.matching.other_hands import ALL_HANDS, IT, LOOK, SURE, Hand, Written


def _organization(written: Written) -> Organization:
    name, fields = (written, {}) if isinstance(written, str) else written
    return replace(Organization("ours", name), **fields)


def _company(number: int, written: Written) -> Company:
    name, fields = (written, {}) if isinstance(written, str) else written
    return replace(Company(f"c{number}", name), **fields)  # type: ignore[arg-type]


def records_of(case: Hand) -> tuple[Organization, list[Company]]:
    """The case's organization and its companies."""
    companies = [_company(number, written) for number, written in enumerate(case.companies)]
    return _organization(case.ours), companies


def answer_to(case: Hand) -> Suggestion:
    """The answer for the case's organization among its companies."""
    organization, companies = records_of(case)
    return suggest([organization], companies)[0]


@pytest.mark.parametrize(
    "case",
    [*ALL_HANDS, *(pytest.param(case, marks=pytest.mark.exhaustive) for case in more_hands())],
    ids=lambda c: f"{c.kind}: {c.ours} | {c.companies[0]}",
)
def test_names_by_other_hands(case: Hand) -> None:
    answer = answer_to(case)
    if case.verdict in (IT, SURE):
        assert answer.company_id == "c0", answer
        assert case.verdict == IT or answer.tier is Tier.SURE, answer
    elif case.verdict == LOOK:
        assert answer.tier is not Tier.SURE, answer
    else:
        assert not answer.is_suggested, answer
