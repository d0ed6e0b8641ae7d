"""What may not be outweighed: why a pair is not suggested, or not for sure, however good its score.

Each rule has a sentence for the reader and what would release it. A pair that a rule *forbids* is no rival to
others either; one that it *holds* is not suggested; one that it *doubts* is never *sure*.
"""

import enum
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from integrations.matching.view import ALMOST_OWN, LITTLE_INFORMATION, PLACES_DIFFERENT, TELLING_WORD, View
from integrations.matching.vocabulary import Flags, Ids, Reals

#: ``information`` of any word in common.
_ANY_INFORMATION = 0.05
#: ``worst_partner`` of two other letters in a word of eight letters or fewer.
_SHORT_WORD_LOST = 0.3
#: ``omission`` of a name that lacks half of its weight on the other side, and of one that lacks a light word;
#: ``apostrophe_differs`` is above a half where the apostrophe is the last sign of a word.
_HALF, _SOME_WEIGHT = 0.5, 0.1
#: ``omission`` of a name that lacks a word that tells no less than its one.
_MUCH_OMITTED = 0.3
_CONTACTS_SAME = ("domain_same", "phone_same", "postal_code_same", "city_same")


class Strength(enum.IntEnum):
    """What a rule does to a pair."""

    FORBIDS = 0
    HOLDS = 1
    DOUBTS = 2


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule.

    ``because`` completes "not suggested because ...", ``release`` completes "... would let it be suggested".
    """

    name: str
    strength: Strength
    because: str
    release: str
    applies: Callable[[View], Flags]


_CONTACT = "a domain or telephone number that agrees"


def _namesake_elsewhere(v: View) -> Flags:
    return (
        v.some("phone_different", "domain_different")
        & v.some(*PLACES_DIFFERENT)
        & ~v.some(*_CONTACTS_SAME)
        & ~v.supported
    )


def _other_trade(v: View) -> Flags:
    trade = v.some("structural_omission") & v.some("contradiction") | v.some("trades_differ")
    return trade & ~v.some("phone_same", "one_edit")


def _branches(v: View) -> Flags:
    both_add = v.above("contradiction_weight", TELLING_WORD) & ~v.some("one_edit", "two_edits", "only_typos")
    return both_add & v.some("phone_different") & ~v.some("phone_near", "acronym")


def _owners_domain(v: View) -> Flags:
    """ "Acme Leeds" and "Acme Derby" under acme.com; or one telephone, and each its own domain."""
    both_add = v.above("contradiction_weight", TELLING_WORD)
    both_add &= ~v.some("one_edit", "two_edits", "only_typos", "acronym")
    brand = v.some("domain_same") & v.some("same_first_word") & ~v.some("phone_same")
    return both_add & (brand | (v.some("phone_same") & v.some("domain_different")))


def _site(v: View) -> Flags:
    site = v.above("omission", _HALF) & v.some("one_word")
    site |= v.above("omission", _SOME_WEIGHT) & v.some("worst_partner", "contradiction")
    return site & ~v.some("domain_same")


def _branch(v: View) -> Flags:
    return (v.some("phone_different") & (v.shared_domain | v.adds)) | (v.shared_domain & v.adds)


RULES: tuple[Rule, ...] = (
    Rule(
        "numbers",
        Strength.FORBIDS,
        "each name has a number that the other lacks",
        "nothing but your own choice",
        lambda v: v.some("number_conflict"),
    ),
    Rule(
        "initials",
        Strength.FORBIDS,
        "each name has an initial or letter that the other lacks",
        "nothing but your own choice",
        lambda v: v.some("initials_differ"),
    ),
    Rule(
        "additions",
        Strength.FORBIDS,
        "each name adds a place or site of its own",
        "nothing but your own choice",
        lambda v: v.some("addition_conflict"),
    ),
    Rule(
        "bodies",
        Strength.FORBIDS,
        "they are two kinds of public bodies",
        "nothing but your own choice",
        lambda v: v.some("bodies_differ"),
    ),
    Rule(
        "ordinary words",
        Strength.FORBIDS,
        "they differ by an ordinary word, which is no misspelling",
        "nothing but your own choice",
        lambda v: v.some("ordinary_word_swapped"),
    ),
    Rule(
        "edge word",
        Strength.FORBIDS,
        "one name has a word at its beginning or end that the other lacks, and such a word can be the name",
        _CONTACT,
        lambda v: v.some("edge_word_omitted") & ~v.own_contact,
    ),
    Rule(
        "attested words",
        Strength.FORBIDS,
        "they differ by a letter in a surname or place, and a contact differs too",
        _CONTACT,
        lambda v: v.some("attested_word_swapped") & v.contradicted,
    ),
    Rule(
        "only telling word",
        Strength.FORBIDS,
        "the only word that tells is spelled differently, and a contact differs too",
        _CONTACT,
        lambda v: v.some("only_telling_word_swapped") & v.contradicted,
    ),
    Rule(
        "other word and more",
        Strength.FORBIDS,
        "the only word that tells is spelled differently, and a telling word is left out besides",
        _CONTACT,
        lambda v: (
            v.some("only_telling_word_swapped") & v.adds & v.some("omission", "contradiction") & ~v.supported
        ),
    ),
    Rule(
        "guessed abbreviation",
        Strength.FORBIDS,
        "the short form may as well stand for another word",
        _CONTACT,
        lambda v: v.some("abbreviation_guessed") & ~v.contact,
    ),
    Rule(
        "families",
        Strength.HOLDS,
        "the first word is singular on one side and plural or possessive on the other, as two families are",
        _CONTACT,
        lambda v: v.some("first_word_inflected") & ~v.supported,
    ),
    Rule(
        "repeated word",
        Strength.HOLDS,
        "a word stands twice in one name and once in the other",
        _CONTACT,
        lambda v: v.some("repeated_word") & ~v.supported,
    ),
    Rule(
        "second names",
        Strength.HOLDS,
        "each has a second name of its own, as businesses of one owner do",
        _CONTACT,
        lambda v: v.some("second_names_differ") & ~v.contact,
    ),
    Rule(
        "joined word",
        Strength.HOLDS,
        'one name goes on behind an "and", and what stands there can be the name',
        _CONTACT,
        lambda v: v.some("joined_word_omitted") & ~v.supported,
    ),
    Rule(
        "two letters",
        Strength.HOLDS,
        "two letters of a short word differ, which makes another word as often as a misspelling",
        _CONTACT,
        lambda v: v.some("two_edits") & v.above("worst_partner", _SHORT_WORD_LOST) & ~v.supported,
    ),
    Rule(
        "common word",
        Strength.HOLDS,
        "they share only common words",
        _CONTACT,
        lambda v: (
            (v.hardly_named & v.adds & ~v.some("acronym") | v.some("only_light_words_shared")) & ~v.supported
        ),
    ),
    Rule(
        "last word",
        Strength.HOLDS,
        "they share only a last word, which says what a company does, not whose it is",
        _CONTACT,
        lambda v: (
            v.some("one_word")
            & v.some("first_word_omitted")
            & v.above("omission", _HALF)
            & ~v.some("acronym")
            & ~v.supported
        ),
    ),
    Rule(
        "one word of several",
        Strength.HOLDS,
        "with its legal form one name is a single word, and the other has telling words behind it",
        _CONTACT,
        lambda v: (
            v.some("one_word")
            & v.above("omission", _MUCH_OMITTED)
            & v.some("legal_same", "legal_conflict")
            & ~v.some("acronym", "body_word_omitted")
            & ~v.supported
        ),
    ),
    Rule(
        "more than a trade",
        Strength.HOLDS,
        "one name adds the word of another body or trade and a telling word with it",
        _CONTACT,
        lambda v: v.some("structural_and_more_omitted") & ~v.some("acronym") & ~v.supported,
    ),
    Rule(
        "beginning of a word",
        Strength.HOLDS,
        "they share only the beginning of a word",
        _CONTACT,
        lambda v: v.some("only_typos") & ~v.some("exact_information", "one_edit", "two_edits") & ~v.supported,
    ),
    Rule(
        "elsewhere",
        Strength.HOLDS,
        "it is a namesake in another place with another telephone number or domain",
        _CONTACT,
        _namesake_elsewhere,
    ),
    Rule(
        "trades",
        Strength.HOLDS,
        "each has a trade of its own",
        "a telephone number that agrees",
        _other_trade,
    ),
    Rule(
        "branches",
        Strength.HOLDS,
        "each adds a word of its own and has its own telephone number, as branches do",
        "a telephone number that agrees",
        _branches,
    ),
    Rule(
        "owner's domain",
        Strength.HOLDS,
        "each adds a word of its own, and only one of domain and telephone number agrees, as of two sites",
        "a domain and a telephone number that agree",
        _owners_domain,
    ),
    Rule(
        "part of the name",
        Strength.DOUBTS,
        "a telling word is left out or exchanged",
        _CONTACT,
        lambda v: (
            v.some("structural_omission", "known_word_swapped", "acronym", "addition_alone") & ~v.contact
        ),
    ),
    Rule("branch", Strength.DOUBTS, "it may be a branch of the same owner", _CONTACT, _branch),
    Rule(
        "hardly named",
        Strength.DOUBTS,
        "the name is so common that it hardly tells anything",
        _CONTACT,
        lambda v: v.hardly_named,
    ),
    Rule(
        "site",
        Strength.DOUBTS,
        "it may be another site with the same telephone number",
        "a domain that agrees",
        _site,
    ),
    Rule(
        "apostrophe",
        Strength.DOUBTS,
        "an apostrophe at the end of a word may make it another family's",
        _CONTACT,
        lambda v: v.above("apostrophe_differs", _HALF) & ~v.contact,
    ),
    Rule(
        "article",
        Strength.DOUBTS,
        'before a small word "the" can belong to the name',
        _CONTACT,
        lambda v: v.some("article_before_small") & ~v.contact,
    ),
    Rule(
        "two known words",
        Strength.DOUBTS,
        "both spellings are a surname or a place",
        "nothing but your own choice",
        lambda v: v.some("attested_word_swapped", "known_word_swapped"),
    ),
    Rule(
        "one telling word",
        Strength.DOUBTS,
        "the only word that tells is spelled differently",
        "a domain or telephone number that no other record holds",
        lambda v: v.some("only_telling_word_swapped") & ~v.own_contact,
    ),
)


def exclusive_domain(view: View, judged: "Judged") -> Flags:
    """Pairs whose domain no other record of either list holds, and that nothing forbids or contradicts."""
    found = view.above("domain_same", ALMOST_OWN) & ~view.some("phone_different", "postal_code_different")
    # "Acme Realty" under the domain of Acme is another company of its owner
    sister = view.some("structural_omission", "trades_differ", "contradiction") & view.above(
        "information", _ANY_INFORMATION
    )
    return found & ~sister & ~judged.forbidden


@dataclass(slots=True)
class Judged:
    """What the rules make of P pairs."""

    forbidden: Flags
    held: Flags
    doubted: Flags


def spelled_elsewhere(view: View, judged: Judged, rows: Ids) -> Flags:
    """Pairs whose only telling word is spelled differently, where another company has it as it is.

    Beside "Emcor Group" nobody takes "Emcore" for a misspelling of "Emcor". ``rows``: the organization of
    each pair.
    """
    spelled = view.some("only_telling_word_swapped", "only_typos", "one_edit", "two_edits")
    exact = view.above("exact_information", LITTLE_INFORMATION) & ~spelled
    exact &= ~view.some("contradiction", "structural_omission", "only_light_words_shared", "acronym")
    exact &= ~judged.forbidden
    organizations = np.zeros(int(rows.max(initial=-1)) + 1, bool)
    organizations[rows[exact]] = True
    found: Flags = view.some("only_telling_word_swapped") & ~view.supported & organizations[rows]
    same = view.some("same_words") & ~view.some("addition_alone", "without_addition", "second_name")
    organizations[:] = False
    organizations[rows[same & ~judged.forbidden]] = True
    found |= spelled & ~view.some("same_words") & ~view.supported & organizations[rows]
    return found


def judge(view: View) -> Judged:
    """Apply all rules."""
    found = {strength: view.some("alike") & False for strength in Strength}
    for rule in RULES:
        found[rule.strength] |= rule.applies(view)
    return Judged(found[Strength.FORBIDS], found[Strength.HOLDS], found[Strength.DOUBTS])


def first_rules(features: Reals) -> list[Rule | None]:
    """For each pair the first rule that keeps it from being suggested."""
    view = View(features)
    first = np.full(len(features), len(RULES))
    for number in range(len(RULES) - 1, -1, -1):
        if RULES[number].strength is not Strength.DOUBTS:
            first[RULES[number].applies(view)] = number
    return [RULES[number] if number < len(RULES) else None for number in first.tolist()]


def rules_for(features: Reals) -> list[Rule]:
    """The rules that apply to one pair (a row of features), the strongest first."""
    view = View(np.atleast_2d(features))
    return [rule for rule in RULES if rule.applies(view)[0]]
