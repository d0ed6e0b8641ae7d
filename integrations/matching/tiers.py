"""From confidence to a tier: how sure a pair must be, by what speaks for and against it."""

from dataclasses import dataclass

import numpy as np

from integrations.matching.context import CONTEXT, EQUAL, SOME
from integrations.matching.model import Model, Scores
from integrations.matching.records import Kind, Tier
from integrations.matching.rules import Judged, judge
from integrations.matching.view import ALMOST_OWN, CONTACTS_DIFFERENT, View
from integrations.matching.vocabulary import Flags, Ids, Reals

#: Least confidence of *likely* where a name is initials or holds another trade.
STRICT = 0.9
#: The same where a name of one word stands beside a longer one.
PARTLY = 0.86
#: The same where an apostrophe at the end of a word may make it another family's.
FAMILY = 0.97
#: How far below what would be enough the confidence of a twin is at most.
A_LITTLE = 0.01
#: ``domain_is_name`` of a domain that is a name and not only its beginning.
WHOLE_LABEL = 0.99
#: ``apostrophe_differs`` is above a half where the apostrophe is the last sign of a word.
_HALF = 0.5
#: ``alike`` of names of which one leaves out no more than a light word.
_MOSTLY_ALIKE = 0.8
_CONTEXT = {name: position for position, name in enumerate(CONTEXT)}
_KINDS = tuple(Kind)
#: Kinds that earn *sure* on the labelled sets of other hands (``docs/matching.md``).
SURE_KINDS = frozenset(
    [
        Kind.IDENTIFIER,
        Kind.SAME_NAME,
        Kind.SAME_NAME_AND_CONTACT,
        Kind.SPELLING_AND_CONTACT,
        Kind.LETTERS_EXCHANGED,
    ]
)


@dataclass(frozen=True, slots=True)
class Signs:
    """What the tiers look at beside the confidence, for P pairs."""

    clear: Flags  # nothing of what false pairs of middling confidence have: *likely* from less on
    own_phone: (
        Flags  # a number of these two alone, or a public body's whole place: *likely* from still less on
    )
    strict: Flags  # *likely* only from ``STRICT`` on
    partly: Flags  # *likely* only from ``PARTLY`` on
    apostrophe: Flags  # *likely* only from ``FAMILY`` on


def kinds_of(view: View) -> Ids:
    """The kind of agreement of P pairs, as positions in ``Kind``.

    The postal code alone does not confirm a spelling: neighbours in one trade have it too.
    """
    whole = ~view.some("addition_alone", "second_name") & ~view.above("without_addition", 0.0)
    same = view.some("same_words") & whole
    left_out = view.some("small_word_omitted", "edge_word_omitted", "body_word_omitted", "given_name_omitted")
    spelling = view.some("only_typos", "one_edit", "two_edits") & ~view.some("contradiction", "omission")
    spelling &= whole & ~left_out
    contact = view.contact | view.some("postal_code_same")
    numbers: Ids = np.select(
        [
            same & contact,
            same,
            spelling & view.contact,
            spelling & view.some("letters_exchanged"),
            spelling,
            contact,
        ],
        [
            _KINDS.index(kind)
            for kind in (
                Kind.SAME_NAME_AND_CONTACT,
                Kind.SAME_NAME,
                Kind.SPELLING_AND_CONTACT,
                Kind.LETTERS_EXCHANGED,
                Kind.SPELLING,
                Kind.PART_AND_CONTACT,
            )
        ],
        _KINDS.index(Kind.PART),
    )
    return numbers


def agree(features: Reals) -> Flags:
    """Pairs whose names agree well enough to confirm what an identifier says."""
    view = View(features)
    kinds = kinds_of(view)
    parts = [_KINDS.index(kind) for kind in (Kind.PART, Kind.PART_AND_CONTACT)]
    whole = view.above("alike", _MOSTLY_ALIKE) & ~view.some("contradiction", "addition_alone")
    kept = ~judge(view).forbidden & ~view.some("attested_word_swapped", "only_telling_word_swapped")
    return (~np.isin(kinds, parts) | whole) & kept


def signs_of(view: View, context: Reals) -> Signs:
    """The signs of P pairs.

    Among labelled pairs of middling confidence nearly all false ones leave out a word of trade, differ in an
    ending, have a contact against them or are as good as a rival; pairs with none of these are ``clear``.
    """

    def context_of(name: str) -> Reals:
        column: Reals = context[:, _CONTEXT[name]]
        return column

    some = view.some
    # "Acme Realty" with the telephone of Acme is another company of its owner; where a second contact agrees
    # with a number that nobody else has, it is as often Acme itself
    # a domain that is the whole name of the other is as good as one that agrees
    own_phone = view.own_contact | (view.above("domain_is_name", WHOLE_LABEL) & ~some("phone_different"))
    sister = context_of("organization_adds_structural") > 0
    sister &= ~(view.above("phone_same", ALMOST_OWN) & some("domain_same", "postal_code_same", "city_same"))
    # the initials of a part of a name fit many names
    # one word in common beside a telling one: "SOS" need not be "SOS Hydration"
    partly = some("one_word") & view.adds & ~view.supported & ~some("body_word_omitted", "written_apart")
    strict = (
        sister
        | some("attested_word_swapped")
        | (some("acronym") & some("exact_information") & ~view.supported)
    )
    contradicted = some(*CONTACTS_DIFFERENT) & ~some(
        "domain_same", "phone_same", "postal_code_same", "city_same"
    )
    contradicted |= some("phone_different") & some("domain_same", "contradiction")
    contradicted |= some("contradiction") & ~some("one_edit") & ~view.contact
    look_alike = some("structural_omission", "inflected", "first_word_inflected", "known_word_swapped")
    ahead = context_of("ahead") > 0
    return Signs(
        clear=~(look_alike | contradicted | view.shared_domain | view.hardly_named) & ahead,
        own_phone=((own_phone & ~sister) | some("body_word_omitted", "given_name_omitted")) & ahead,
        strict=strict,
        partly=partly,
        apostrophe=view.above("apostrophe_differs", _HALF) & ~view.contact,
    )


@dataclass(frozen=True, slots=True)
class Beside:
    """What is known of P pairs beside features and scores."""

    view: View
    judged: Judged
    alone: Reals  # confidence without rivals
    twin: Flags  # another company fits the organization as well, or another organization the company
    short_form: Flags  # a short form in the name fits several companies
    kinds: Ids  # of agreement, see ``kinds_of``
    marked: Flags  # the organization's name carries a mark for one not in use


def tiers_of(model: Model, scores: Scores, beside: Beside) -> tuple[list[Tier], Reals]:
    """The tier each pair would have if it were the answer, and the confidence from which it is suggested.

    Lowers the confidence of a pair that a twin keeps from being suggested below that.
    """
    context = scores.context
    # that its equal went to another organization does not make a company the right one
    twin = beside.twin | (context[:, _CONTEXT["equal_rival"]] > 0) | (context[:, _CONTEXT["ahead"]] < EQUAL)
    twin |= beside.short_form
    near = (context[:, _CONTEXT["ahead_of_free"]] < SOME) | (context[:, _CONTEXT["company_ahead"]] < SOME)
    signs = signs_of(beside.view, context)
    held = beside.judged.forbidden | beside.judged.held
    least: Reals = np.select(
        [signs.apostrophe, signs.strict, signs.partly, signs.own_phone, signs.clear],
        [FAMILY, STRICT, PARTLY, model.likely_own_phone, model.likely_clear],
        model.likely,
    )
    confidence = scores.confidence
    confidence[twin] = np.minimum(confidence, least - A_LITTLE)[twin]
    shown = (confidence >= least) & ~held
    earns = np.isin(beside.kinds, [_KINDS.index(kind) for kind in SURE_KINDS])
    numbers = np.select(
        [
            shown & (confidence >= model.sure) & ~beside.judged.doubted & ~beside.marked & earns,
            shown,
            (beside.alone >= model.likely) & (near | beside.short_form) & ~held,
        ],
        [0, 1, 2],
        3,
    )
    tiers = (Tier.SURE, Tier.LIKELY, Tier.AMBIGUOUS, Tier.NONE)
    return [tiers[number] for number in numbers.tolist()], least
