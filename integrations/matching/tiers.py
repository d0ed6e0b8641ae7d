"""From confidence to a tier: how sure a pair must be, by what speaks for and against it."""

from dataclasses import dataclass

import numpy as np

from integrations.matching.context import CONTEXT, EQUAL, SOME
from integrations.matching.features import FEATURES
from integrations.matching.model import Model, Scores
from integrations.matching.records import Tier
from integrations.matching.vocabulary import Flags, Reals

#: ``domain_same`` of a domain that one record of each list holds is 1, that of a shared one at most .71.
_ALMOST_OWN = 0.8
#: ``heaviest_open`` from which an unmatched word tells more than "group" or "center" does.
_TELLING_WORD = 0.3
#: ``information`` of one word that eight names in a thousand hold.
_LITTLE_INFORMATION = 0.2
#: ``worst_partner`` of two other letters in a word of eight letters or fewer.
_SHORT_WORD_LOST = 0.3
#: ``omission`` of a name that lacks half of its weight on the other side, and of one that lacks a light word;
#: ``apostrophe_differs`` is above a half where the apostrophe is the last sign of a word.
_HALF, _SOME_WEIGHT = 0.5, 0.1
#: Least confidence of *likely* where a name is initials or holds another trade.
STRICT = 0.85
_PLACES_DIFFERENT = ("postal_code_different", "city_different", "state_different")
_CONTACTS_SAME = ("domain_same", "phone_same", "postal_code_same", "city_same")
_CONTACTS_DIFFERENT = (
    "domain_different",
    "phone_different",
    *_PLACES_DIFFERENT,
)

_FEATURE = {name: position for position, name in enumerate(FEATURES)}
_CONTEXT = {name: position for position, name in enumerate(CONTEXT)}


@dataclass(frozen=True, slots=True)
class Signs:
    """What the tiers look at beside the confidence, for P pairs."""

    other_word: Flags  # an ordinary word, a family or two letters of a short word differ: never suggested
    doubtful: Flags  # never *sure*
    clear: Flags  # nothing of what false pairs of middling confidence have: *likely* from less on
    own_phone: Flags  # the number of these two records alone: *likely* from still less on
    strict: Flags  # *likely* only from ``STRICT`` on
    apostrophe: Flags  # *likely* only from the confidence of *sure* on


def signs_of(features: Reals, context: Reals) -> Signs:
    """The signs of P pairs.

    Among labelled pairs of middling confidence nearly all false ones leave out a word of trade, differ in an
    ending, have a contact against them or are as good as a rival; pairs with none of these are ``clear``.
    Branches of one company share a domain and differ in telephone and in what each adds to the name.
    """

    def some(*names: str) -> Flags:
        chosen: Reals = features[:, [_FEATURE[name] for name in names]]
        found: Flags = chosen.max(1) > 0
        return found

    def above(name: str, least: float) -> Flags:
        found: Flags = np.greater(features[:, _FEATURE[name]], least)
        return found

    def context_of(name: str) -> Reals:
        column: Reals = context[:, _CONTEXT[name]]
        return column

    contact = some("domain_same", "phone_same")
    supported = contact | some("domain_is_name")
    # one ordinary or short word in common: the name hardly tells anything
    hardly_named = ~above("information", _LITTLE_INFORMATION) & ~contact
    shared_domain = some("domain_same") & ~above("domain_same", _ALMOST_OWN)
    adds = above("heaviest_open", _TELLING_WORD)
    branch = (some("phone_different") & (shared_domain | adds)) | (shared_domain & adds)
    left_out = some("structural_omission", "known_word_swapped", "acronym", "addition_alone") & ~contact
    # two letters of a short word are another word as often as a misspelling
    guessed = some("two_edits") & above("worst_partner", _SHORT_WORD_LOST)
    # "Price" and "Price's" in front are two families, "Banks & Banks" is not "Banks"
    other_word = some("ordinary_word_swapped", "inflected", "repeated_word")
    # an ordinary word in common with a name that has a telling one: "Bistro" and "Holt & Calder Bistro"
    guessed |= hardly_named & adds & ~some("acronym")
    # one word in common, behind the other's own: at the end of a name stands what it does, not whose it is
    guessed |= some("one_word") & some("first_word_omitted") & above("omission", _HALF) & ~some("acronym")
    # nothing but the beginning of a word in common
    guessed |= some("only_typos") & ~some("exact_information", "one_edit", "two_edits")
    # another trade on either side: one owner's two companies share a domain or an address
    other_trade = some("structural_omission") & some("contradiction") | some("trades_differ")
    other_trade &= ~some("phone_same", "one_edit")
    # a namesake in another place with another telephone or domain
    elsewhere = some("phone_different", "domain_different") & some(*_PLACES_DIFFERENT)
    elsewhere &= ~some(*_CONTACTS_SAME)
    # each adds something telling of its own and has its own number: two branches of one owner
    both_add = above("contradiction_weight", _TELLING_WORD) & ~some("one_edit", "two_edits", "only_typos")
    branches = (
        (both_add | some("addition_conflict")) & some("phone_different") & ~some("phone_near", "acronym")
    )
    # "Acme Realty" with the telephone of Acme is another company of its owner; where a second contact agrees
    # with a number that nobody else has, it is as often Acme itself
    own_phone = above("phone_same", _ALMOST_OWN)
    sister = context_of("organization_adds_structural") > 0
    sister &= ~(own_phone & some("domain_same", "postal_code_same", "city_same"))
    strict = sister.copy()
    # the initials of a part of a name fit many names
    strict |= some("acronym") & some("exact_information") & ~supported
    apostrophe = above("apostrophe_differs", _HALF) & ~contact
    # one telephone number serves many sites of an owner whose name is on all of them
    site = above("omission", _HALF) & some("one_word")
    site |= above("omission", _SOME_WEIGHT) & some("worst_partner", "contradiction")
    site &= ~some("domain_same")
    contradicted = some(*_CONTACTS_DIFFERENT) & ~some(*_CONTACTS_SAME)
    contradicted |= some("phone_different") & some("domain_same", "contradiction")
    contradicted |= some("contradiction") & ~some("one_edit") & ~contact
    look_alike = some("structural_omission", "inflected", "known_word_swapped")
    return Signs(
        other_word=((other_word | guessed | elsewhere) & ~supported) | other_trade | branches,
        doubtful=left_out | branch | hardly_named | apostrophe | site | some("addition_conflict"),
        clear=~(look_alike | contradicted | shared_domain | hardly_named) & (context_of("ahead") > 0),
        own_phone=own_phone & ~sister & (context_of("ahead") > 0),
        strict=strict,
        apostrophe=apostrophe,
    )


def tiers_of(model: Model, features: Reals, scores: Scores, alone: Reals, twin: Flags) -> list[Tier]:
    """The tier each pair would have if it were the answer.

    ``alone``: the confidence without rivals. ``twin``: another company fits the organization as well, or
    another organization the company.
    """
    confidence = scores.confidence
    context = scores.context
    # that its equal went to another organization does not make a company the right one
    twin = twin | (context[:, _CONTEXT["equal_rival"]] > 0) | (context[:, _CONTEXT["ahead"]] < EQUAL)
    near = (context[:, _CONTEXT["ahead_of_free"]] < SOME) | (context[:, _CONTEXT["company_ahead"]] < SOME)
    signs = signs_of(features, context)
    least = np.select(
        [signs.apostrophe, signs.strict, signs.own_phone, signs.clear],
        [model.sure, STRICT, model.likely_own_phone, model.likely_clear],
        model.likely,
    )
    likely = confidence >= least
    shown = likely & ~twin & ~signs.other_word
    numbers = np.select(
        [
            shown & (confidence >= model.sure) & ~signs.doubtful,
            shown,
            (alone >= model.likely) & near & ~signs.other_word,
        ],
        [0, 1, 2],
        3,
    )
    tiers = (Tier.SURE, Tier.LIKELY, Tier.AMBIGUOUS, Tier.NONE)
    return [tiers[number] for number in numbers.tolist()]
