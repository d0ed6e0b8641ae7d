"""Every reason is true: each sentence is checked against the records, without the matcher's own features."""

import re
import unicodedata
from collections.abc import Iterator

import pytest

from integrations.matching import Alternative, Company, Organization, Suggestion, Tier, suggest
from integrations.matching.contacts import domain_in_name, read_contact
from integrations.matching.names import read_name
from integrations.matching.tiers import SURE_KINDS
from tests.benchmarks.matching.hard_cases import hard_sets
from tests.benchmarks.matching.labelled import company_of, organization_of
from tests.benchmarks.matching.synthetic import tenant
from tests.matching.more_hands import more_hands
from tests.matching.other_hands import ALL_HANDS
from tests.matching.test_other_hands import records_of

Lists = tuple[list[Organization], list[Company]]


def _lists() -> Iterator[Lists]:
    for case in [*ALL_HANDS, *more_hands()]:
        organization, companies = records_of(case)
        yield [organization], companies
    for left, right, _truth in hard_sets(3):
        yield [organization_of(row) for row in left], [company_of(row) for row in right]
    for seed in (5, 6):
        made = tenant(120, 250, seed, evidence=0.5)
        yield made.organizations, made.companies


def _letters(text: str) -> str:
    return "".join(c for c in unicodedata.normalize("NFKC", text).casefold() if c.isalnum())


def _quoted(reason: str) -> list[str]:
    return re.findall(r'"([^"]+)"', reason)


def _words(name: str) -> set[str]:
    return {word for form in read_name(name).forms for word in form.words}


def _every_form_has(name: str, word: str) -> bool:
    return all(word in form.words for form in read_name(name).forms)


def check_pair(reasons: tuple[str, ...], ours: Organization, theirs: Company) -> None:
    """Each sentence about the two records holds."""
    left = read_contact(
        ours.domain or domain_in_name(ours.name), ours.phone, ours.city, ours.state, ours.postal_code
    )
    right = read_contact(
        theirs.web_address or domain_in_name(theirs.name), theirs.phone, theirs.city, theirs.state,
        theirs.postal_code,
    )  # fmt: skip
    same_letters = _letters(ours.name) == _letters(theirs.name)
    facts = {
        "same name": same_letters,
        "same telephone number": left.phone == right.phone != "",
        "domains differ": bool(left.domain and right.domain) and left.domain != right.domain,
        "postal codes differ": bool(left.postal_code and right.postal_code)
        and left.postal_code != right.postal_code,
        "same postal code": left.postal_code == right.postal_code != "",
        "same city": left.city == right.city != "",
        "cities differ": bool(left.city and right.city) and left.city != right.city,
        f"same domain {left.domain}": left.domain == right.domain != "",
    }
    for reason in reasons:
        assert facts.get(reason, True), (reason, ours, theirs)
        assert not reason.startswith("same domain") or reason in facts, (reason, ours, theirs)
        if reason.startswith("telephone numbers differ"):
            assert "" != left.phone != right.phone != "", (reason, ours, theirs)
        if reason.startswith("same name but for"):
            assert ours.name != theirs.name, (reason, ours, theirs)
        for start, name, other in (
            ("only the organization has", ours.name, theirs.name),
            ("only the company has", theirs.name, ours.name),
        ):
            if reason.startswith(start):
                for word in _quoted(reason):
                    assert word in _words(name), (reason, ours, theirs)
                    assert not _every_form_has(other, word), (reason, ours, theirs)
        if reason.startswith("names share "):
            assert all(word in _words(ours.name) & _words(theirs.name) for word in _quoted(reason))


def check_answer(answer: Suggestion) -> None:
    """What is said of the tier agrees with the figures beside it."""
    first = answer.reasons[0]
    found = re.match(r"(\d+) companies fit equally well \(([\d., ]+)\)", first)
    if found:
        shown = [float(text) for text in found.group(2).split(", ")]
        assert len(shown) == int(found.group(1)) > 1
        assert min(shown) >= 0.5 * max(shown) - 0.01, answer
        for stated, alternative in zip(shown, answer.alternatives, strict=False):
            assert abs(stated - alternative.confidence) <= 0.006, answer
    close = re.match(r"no company is close enough: the best reaches ([\d.]+), and ([\d.]+) would", first)
    if close:
        assert float(close.group(1)) <= float(close.group(2)), answer
        assert abs(float(close.group(1)) - answer.confidence) <= 0.006, answer
    if answer.tier is Tier.NONE and answer.confidence >= 0.6:
        assert close or "another" in first, answer
    if answer.tier is Tier.SURE:
        assert answer.kind in SURE_KINDS, answer


@pytest.fixture(scope="module")
def answered() -> list[tuple[Organization, dict[str, Company], Suggestion]]:
    """All answers of all lists."""
    found: list[tuple[Organization, dict[str, Company], Suggestion]] = []
    for organizations, companies in _lists():
        by_id = {company.id: company for company in companies}
        answers = suggest(organizations, companies)
        found.extend((o, by_id, answer) for o, answer in zip(organizations, answers, strict=True))
    return found


def test_a_word_that_stands_twice_is_not_called_a_plural() -> None:
    company = Company("c", "Banks Supply")
    (answer,) = suggest([Organization("o", "Banks & Banks Supply")], [company])
    assert "a word stands twice in one name and once in the other" in answer.reasons[0]


def test_an_organization_alone_is_not_told_of_another_one() -> None:
    companies = [Company("c0", "Velmoor Ring Pub"), Company("c1", "Velmoor Rings Jewelry")]
    (answer,) = suggest([Organization("o", "Velmoor Ring")], companies)
    assert answer.tier is Tier.AMBIGUOUS
    assert not any("another organization" in reason for reason in answer.reasons), answer


def test_a_next_company_not_far_behind_is_said_to_be_near() -> None:
    companies = [Company("c0", "Velmoor Ring Pub"), Company("c1", "Velmoor Rings Jewelry")]
    (answer,) = suggest([Organization("o", "Velmoor Ring")], companies)
    near = re.search(r"taken alone they would reach ([\d.]+) and ([\d.]+)", answer.reasons[0])
    assert near, answer
    assert float(near.group(2)) > 0.3, answer


@pytest.mark.exhaustive
def test_every_sentence_about_a_pair_is_true(
    answered: list[tuple[Organization, dict[str, Company], Suggestion]],
) -> None:
    checked = 0
    for organization, companies, answer in answered:
        pairs = list(answer.alternatives)
        if answer.company_id is not None:
            pairs.append(Alternative(answer.company_id, answer.confidence, answer.reasons))
        for pair in pairs:
            check_pair(pair.reasons, organization, companies[pair.company_id])
            checked += len(pair.reasons)
    assert checked > 1000


@pytest.mark.exhaustive
def test_every_sentence_about_an_answer_is_true(
    answered: list[tuple[Organization, dict[str, Company], Suggestion]],
) -> None:
    tiers = {answer.tier for _organization, _companies, answer in answered}
    assert tiers == set(Tier)
    for _organization, _companies, answer in answered:
        check_answer(answer)
