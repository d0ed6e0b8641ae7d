"""What must hold for whole tenants with namesakes, look-alikes and re-spelled names, for many of them."""

import random

import pytest

from integrations.matching import Company, Organization, Suggestion, Tier, suggest
from integrations.matching.model import fitted_model
from integrations.matching.preparation import company_record, organization_record, prepare
from integrations.matching.rules import judge
from integrations.matching.view import View
from integrations.matching.vocabulary import SMALLEST_LIST
from tests.benchmarks.matching.synthetic import SyntheticTenant, tenant

SEEDS = range(4)
SIZES = [(60, 160), (40, 80), (90, 130), (40, 150)]
TRADES = ["Dental", "Holdings", "Law", "Consulting", "Properties", "Group", "Services", "Roofing", "Realty"]


def _with_look_alikes(lists: SyntheticTenant, seed: int) -> SyntheticTenant:
    """Beside some companies stand a namesake elsewhere, a sister company and a name one letter apart."""
    rng = random.Random(seed)
    more: list[Company] = []
    for number, company in enumerate(rng.sample(lists.companies, len(lists.companies) // 5)):
        head = company.name.split()[0]
        for kind, name in (
            ("twin", company.name),
            ("sister", f"{head} {rng.choice(TRADES)}"),
            ("near", f"{head[:-1]}{rng.choice('aeiou')} {' '.join(company.name.split()[1:])}"),
        ):
            if rng.random() < 0.5:
                more.append(Company(f"{kind}{number}", name, city="Otherham", phone=f"555{number:07}"))
    return SyntheticTenant(lists.organizations, [*lists.companies, *more], lists.truth)


def _lists(seed: int) -> SyntheticTenant:
    """A tenant; every second one ends just below a step of the word weights."""
    lists = _with_look_alikes(tenant(*SIZES[seed % len(SIZES)], seed), seed)
    if seed % 2:
        return lists
    most = SMALLEST_LIST - len(lists.organizations)
    return SyntheticTenant(lists.organizations, lists.companies[-most:], lists.truth)


def _unrelated(rng: random.Random, number: int) -> Company:
    """A company with a first word nobody has; the trade, the city and the legal form are everybody's."""
    name = f"Xu{rng.choice('bdgkv')}oqy{rng.choice('mnrz')}ix{number} {rng.choice(TRADES)}"
    phone = str(rng.randrange(2_000_000_000, 9_999_999_999)) if rng.random() < 0.5 else ""
    return Company(
        f"unrelated{number}", name + rng.choice(["", " LLC", ", Inc."]), "", phone, rng.choice(["", "Merton"])
    )


def _by_id(answers: list[Suggestion]) -> dict[str, Suggestion]:
    return {answer.organization_id: answer for answer in answers}


@pytest.mark.parametrize("seed", SEEDS)
def test_unrelated_companies_never_change_a_sure_answer(seed: int) -> None:
    lists, rng = _lists(seed), random.Random(seed)
    before = _by_id(suggest(lists.organizations, lists.companies))
    assert sum(answer.tier is Tier.SURE for answer in before.values()) > len(lists.truth) / 4
    unrelated = [_unrelated(rng, number) for number in range(5)]
    for more in (unrelated[:1], unrelated):
        after = _by_id(suggest(lists.organizations, [*lists.companies, *more]))
        for key, answer in before.items():
            if answer.tier is Tier.SURE:
                assert (after[key].company_id, after[key].tier) == (answer.company_id, Tier.SURE)


@pytest.mark.parametrize("seed", SEEDS)
def test_the_order_of_whole_tenants_does_not_matter(seed: int) -> None:
    lists, rng = _lists(seed), random.Random(seed)
    expected = _by_id(suggest(lists.organizations, lists.companies))
    organizations, companies = list(lists.organizations), list(lists.companies)
    for _ in range(2):
        rng.shuffle(organizations)
        rng.shuffle(companies)
        assert _by_id(suggest(organizations, companies)) == expected


@pytest.mark.parametrize("seed", SEEDS)
def test_exchanging_the_sides_gives_every_pair_the_same_score(seed: int) -> None:
    """Organization and company with each other's fields, in lists exchanged as a whole."""
    lists = _lists(seed)
    turned_companies = [Company(o.id, o.name, o.domain, o.phone, o.city) for o in lists.organizations]
    turned_organizations = [
        Organization(c.id, c.name, c.web_address, c.phone, c.city) for c in lists.companies
    ]
    ours = [organization_record(one) for one in lists.organizations]
    theirs = [company_record(one) for one in lists.companies]
    there = prepare(ours, theirs)
    pairs = list(zip(there.rows.tolist(), there.columns.tolist(), strict=True))
    assert len(pairs) > len(lists.organizations)
    back = prepare(
        [organization_record(one) for one in turned_organizations],
        [company_record(one) for one in turned_companies],
        also=[(column, row) for row, column in pairs],
    )
    model = fitted_model()
    turned = dict(
        zip(
            zip(back.columns.tolist(), back.rows.tolist(), strict=True),
            model.pair_score(back.features, judge(View(back.features))).round(4).tolist(),
            strict=True,
        )
    )
    scores = model.pair_score(there.features, judge(View(there.features))).round(4).tolist()
    assert {pair: turned[pair] for pair in pairs} == dict(zip(pairs, scores, strict=True))


@pytest.mark.parametrize("seed", SEEDS)
def test_no_company_is_proposed_twice_and_every_answer_says_why(seed: int) -> None:
    lists = _lists(seed)
    doubled = [*lists.organizations, *(Organization(f"again{o.id}", o.name) for o in lists.organizations)]
    answers = suggest(doubled, lists.companies)
    given_away = [answer.company_id for answer in answers if answer.is_suggested]
    assert len(given_away) == len(set(given_away))
    assert all(answer.reasons and all(answer.reasons) for answer in answers)
    assert all(alternative.reasons for answer in answers for alternative in answer.alternatives)


def test_several_sites_get_one_company_only_where_that_is_asked_for() -> None:
    sites = [Organization("north", "Tarnbrook Joinery"), Organization("south", "Tarnbrook Joinery Ltd")]
    companies = [Company("one", "Tarnbrook Joinery, LLC"), Company("two", "Wrenford Masonry")]
    assert {answer.company_id for answer in suggest(sites, companies)} == {None}
    answers = suggest(sites, companies, several_to_one=True)
    assert [answer.company_id for answer in answers] == ["one", "one"]
