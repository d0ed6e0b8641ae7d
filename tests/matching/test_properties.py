"""What must hold for any lists at all."""

import random

from hypothesis import given
from hypothesis import strategies as st

from integrations.matching import Company, Organization, Suggestion, Tier, explain, suggest
from integrations.matching.model import fitted_model
from integrations.matching.names import read_name
from integrations.matching.preparation import company_record, organization_record, prepare
from integrations.matching.rules import judge
from integrations.matching.view import View
from tests.support.properties import examples

HEADS = ["Tarnbrook", "Wrenford", "Quillfeather", "Calder", "Holt", "Ashport", "Brindle", "Kelso"]
MIDDLES = ["", " & Sons", " Family", " Bros", " of Merton", " 41", " - Ashport", " (Kelso)"]
TRADES = ["", " Dental", " Joinery", " Law", " Lawn", " Holdings", " Roofing", " Svcs"]
ENDS = ["", " LLC", ", Inc.", " Ltd", " (do not use)"]
DOMAINS = ["", "", "tarnbrook.com", "wrenford.co.uk", "gmail.com", "holt.net"]
PHONES = ["", "", "555-201-3344", "+1 555 201 3344", "5559998877"]
CITIES = ["", "Ashport", "Kelso", "Merton"]

names = st.builds(
    lambda *parts: "".join(parts),
    st.sampled_from(HEADS),
    st.sampled_from(MIDDLES),
    st.sampled_from(TRADES),
    st.sampled_from(ENDS),
)
records = st.tuples(names, st.sampled_from(DOMAINS), st.sampled_from(PHONES), st.sampled_from(CITIES))
lists = st.lists(records, min_size=0, max_size=12)


def _organizations(rows: list[tuple[str, str, str, str]]) -> list[Organization]:
    return [Organization(f"o{i:02}", n, d, p, c) for i, (n, d, p, c) in enumerate(rows)]


def _companies(rows: list[tuple[str, str, str, str]]) -> list[Company]:
    return [Company(f"c{i:02}", n, d, p, c) for i, (n, d, p, c) in enumerate(rows)]


def _by_id(answers: list[Suggestion]) -> dict[str, Suggestion]:
    return {answer.organization_id: answer for answer in answers}


@examples(40)
@given(lists, lists, st.randoms(use_true_random=False))
def test_the_order_of_the_lists_does_not_matter(
    ours: list[tuple[str, str, str, str]], theirs: list[tuple[str, str, str, str]], order: random.Random
) -> None:
    organizations, companies = _organizations(ours), _companies(theirs)
    expected = _by_id(suggest(organizations, companies))
    order.shuffle(organizations)
    order.shuffle(companies)
    answers = suggest(organizations, companies)
    assert [a.organization_id for a in answers] == [o.id for o in organizations]
    assert _by_id(answers) == expected


@examples(60)
@given(lists, lists, st.booleans())
def test_every_answer_is_complete_and_no_company_is_given_twice(
    ours: list[tuple[str, str, str, str]], theirs: list[tuple[str, str, str, str]], several: bool
) -> None:
    answers = suggest(_organizations(ours), _companies(theirs), several_to_one=several)
    assert len(answers) == len(ours)
    given_away = [a.company_id for a in answers if a.company_id is not None]
    if not several:
        assert len(set(given_away)) == len(given_away)
    for answer in answers:
        assert answer.reasons
        assert all(answer.reasons)
        assert 0.0 <= answer.confidence <= 1.0
        assert (answer.company_id is not None) == answer.is_suggested
        assert all(alternative.reasons for alternative in answer.alternatives)
        assert answer.company_id not in {alternative.company_id for alternative in answer.alternatives}
        if answer.tier is Tier.AMBIGUOUS:
            assert answer.alternatives


@examples(40)
@given(lists, lists)
def test_a_marked_company_is_never_suggested(
    ours: list[tuple[str, str, str, str]], theirs: list[tuple[str, str, str, str]]
) -> None:
    marked = {c.id for c in _companies(theirs) if "do not use" in c.name}
    answers = suggest(_organizations(ours), _companies(theirs))
    assert not marked & {a.company_id for a in answers}


@examples(40)
@given(lists, lists, st.integers(1, 4))
def test_an_unrelated_company_never_changes_a_sure_answer(
    ours: list[tuple[str, str, str, str]], theirs: list[tuple[str, str, str, str]], more: int
) -> None:
    organizations, companies = _organizations(ours), _companies(theirs)
    before = _by_id(suggest(organizations, companies))
    unrelated = [Company(f"x{i}", f"Vuzmog{i} Xylqip{i}") for i in range(more)]
    after = _by_id(suggest(organizations, [*companies, *unrelated]))
    for key, answer in before.items():
        if answer.tier is Tier.SURE:
            assert (after[key].company_id, after[key].tier) == (answer.company_id, Tier.SURE)


@examples(60)
@given(records, records)
def test_exchanging_the_sides_of_a_pair_gives_the_same_score(
    one: tuple[str, str, str, str], two: tuple[str, str, str, str]
) -> None:
    def score(left: tuple[str, str, str, str], right: tuple[str, str, str, str]) -> list[float]:
        (ours,), (theirs,) = _organizations([left]), _companies([right])
        prepared = prepare([organization_record(ours)], [company_record(theirs)], also=[(0, 0)])
        return [
            round(float(z), 6)
            for z in fitted_model().pair_score(prepared.features, judge(View(prepared.features)))
        ]

    assert score(one, two) == score(two, one)


@examples(150)
@given(st.text(max_size=60))
def test_any_text_is_a_name(text: str) -> None:
    parsed = read_name(text, [])
    assert all(word for form in parsed.forms for word in form.words)


@examples(40)
@given(
    st.lists(st.text(max_size=30), min_size=1, max_size=5),
    st.lists(st.text(max_size=30), min_size=1, max_size=5),
    st.text(max_size=20),
)
def test_any_texts_are_answered_and_explained(ours: list[str], theirs: list[str], field: str) -> None:
    organizations = [Organization(f"o{i}", n, field, field, field, field, field) for i, n in enumerate(ours)]
    companies = [Company(f"c{i}", n, field, field, field, field, field) for i, n in enumerate(theirs)]
    answers = suggest(organizations, companies)
    assert all(answer.reasons for answer in answers)
    explanation = explain("o0", "c0", organizations, companies)
    assert explanation.reasons
    assert explanation.verdict


@examples(40)
@given(st.sampled_from(HEADS), st.sampled_from(TRADES))
def test_a_name_with_legal_form_reads_like_the_name_without(head: str, trade: str) -> None:
    plain = read_name(head + trade)
    for ending in (" LLC", ", Inc.", " Pty Ltd", " GmbH"):
        assert read_name(head + trade + ending).forms[0].words == plain.forms[0].words
