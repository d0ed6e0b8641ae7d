"""From confidence to a tier: how sure a pair must be, by what speaks for and against it."""

from dataclasses import dataclass

import numpy as np

from integrations.matching.context import CONTEXT, SOME
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
_CONTACTS_SAME = ("domain_same", "phone_same", "postal_code_same", "city_same")
_CONTACTS_DIFFERENT = (
    "domain_different",
    "phone_different",
    "postal_code_different",
    "city_different",
    "state_different",
)

_FEATURE = {name: position for position, name in enumerate(FEATURES)}
_CONTEXT = {name: position for position, name in enumerate(CONTEXT)}


@dataclass(frozen=True, slots=True)
class Signs:
    """What the tiers look at beside the confidence, for P pairs."""

    other_word: Flags  # an ordinary word, a family or two letters of a short word differ: never suggested
    doubtful: Flags  # never *sure*
    clear: Flags  # nothing of what false pairs of middling confidence have: *likely* from less on


def signs_of(features: Reals, ahead: Reals) -> Signs:
    """The signs of P pairs. ``ahead``: log-odds by which each is ahead of its organization's next company.

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

    contact = some("domain_same", "phone_same")
    # one ordinary or short word in common: the name hardly tells anything
    hardly_named = ~above("information", _LITTLE_INFORMATION) & ~contact
    shared_domain = some("domain_same") & ~above("domain_same", _ALMOST_OWN)
    adds = above("heaviest_open", _TELLING_WORD)
    branch = (some("phone_different") & (shared_domain | adds)) | (shared_domain & adds)
    left_out = some("structural_omission", "known_word_swapped", "acronym", "addition_alone") & ~contact
    # two letters of a short word are another word as often as a misspelling
    guessed = some("two_edits") & above("worst_partner", _SHORT_WORD_LOST)
    # "Price" and "Price's" in front are two families
    other_word = some("ordinary_word_swapped", "first_word_inflected") | guessed
    contradicted = some(*_CONTACTS_DIFFERENT) & ~some(*_CONTACTS_SAME)
    contradicted |= some("phone_different") & some("domain_same", "contradiction")
    contradicted |= some("contradiction") & ~some("one_edit") & ~contact
    look_alike = some("structural_omission", "inflected", "known_word_swapped")
    return Signs(
        other_word=other_word & ~contact,
        doubtful=left_out | branch | hardly_named | some("addition_conflict"),
        clear=~(look_alike | contradicted | shared_domain | hardly_named) & (ahead > 0),
    )


def tiers_of(model: Model, features: Reals, scores: Scores, alone: Reals, contested: Flags) -> list[Tier]:
    """The tier each pair would have if it were the answer.

    ``alone``: the confidence without rivals. ``contested``: another organization has as good a claim to the
    pair's company.
    """
    confidence = scores.confidence
    context = scores.context
    twin = (context[:, _CONTEXT["equal_rival"]] > 0) | contested
    near = (context[:, _CONTEXT["ahead_of_free"]] < SOME) | (context[:, _CONTEXT["company_ahead"]] < SOME)
    signs = signs_of(features, context[:, _CONTEXT["ahead"]])
    likely = confidence >= np.where(signs.clear, model.likely_clear, model.likely)
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
