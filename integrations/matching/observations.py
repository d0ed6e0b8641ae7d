"""What speaks for and against one pair, in words and with the records' own values."""

from dataclasses import dataclass

from integrations.matching.reasons import not_sure
from integrations.matching.records import Company, Kind, Organization, Tier
from integrations.matching.rules import Strength, rules_for
from integrations.matching.vocabulary import Reals

#: Observations of either side that are shown.
MOST = 3
#: Reasons of a name that speak for the pair.
_FOR = ("same ", "names share", "the domain", "what one name adds", '"')
_AGAINST_ALTHOUGH = ("same name but for spelling", "same name but for singular")
_CONTACTS = (
    ("same domain", "domains differ", "domain", "web_address"),
    ("same telephone number", "telephone numbers differ", "phone", "phone"),
    ("same postal code", "postal codes differ", "postal_code", "postal_code"),
    ("same city", "cities differ", "city", "city"),
)


@dataclass(frozen=True, slots=True)
class Observations:
    """Up to three sentences for and against a pair, and what would make it sure (empty when it is)."""

    in_favour: tuple[str, ...]
    against: tuple[str, ...]
    to_be_sure: str


def _with_values(reason: str, ours: Organization, theirs: Company) -> tuple[bool, str] | None:
    """A reason about a contact with what the records hold, and whether it speaks for the pair."""
    for same, different, left, right in _CONTACTS:
        if reason.startswith(different):
            return False, f"{reason}: {getattr(ours, left)} / {getattr(theirs, right)}"
        if reason.startswith(same):
            return True, reason if left == "domain" else f"{reason}: {getattr(ours, left)}"
    return None


def observe(
    reasons: tuple[str, ...],
    features: Reals,
    ours: Organization,
    theirs: Company,
    next_company: tuple[str, float] | None,
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Sentences for and against the pair. ``next_company``: the name and confidence of the best other one."""
    against = [rule.because for rule in rules_for(features) if rule.strength is not Strength.DOUBTS]
    in_favour: list[str] = []
    for reason in reasons:
        told = _with_values(reason, ours, theirs)
        if told is not None:
            (in_favour if told[0] else against).append(told[1])
        elif reason.startswith(_AGAINST_ALTHOUGH) or not reason.startswith(_FOR):
            against.append(reason)
        else:
            in_favour.append(reason)
    if next_company is None:
        in_favour.append("no other company comes near")
    else:
        name, confidence = next_company
        against.append(f'another company comes near: "{name}" ({confidence:.2f})')
    against.extend(doubt for doubt in not_sure(features) if doubt not in against)
    return tuple(in_favour[:MOST]), tuple(against[:MOST])


def what_makes_sure(tier: Tier, kind: Kind, features: Reals) -> str:
    """What would have to be known for the pair to be sure; empty when it is."""
    if tier is Tier.SURE:
        return ""
    for rule in rules_for(features):
        return f"{rule.release[0].upper()}{rule.release[1:]} would let it be suggested."
    if kind in (Kind.SPELLING, Kind.SPELLING_AND_CONTACT):
        return "A domain, telephone number or postal code that agrees would make it sure."
    if kind in (Kind.PART, Kind.PART_AND_CONTACT):
        return "The same name on both sides would make it sure, or an id that both records hold."
    return "A domain or telephone number that agrees, and no other company near, would make it sure."
