"""What needs no comparison: existing mappings, stored identifiers, names accepted before, rejections."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from integrations.matching.preparation import company_record, organization_record, prepare
from integrations.matching.records import (
    Alternative,
    Company,
    Kind,
    Knowledge,
    Organization,
    Suggestion,
    Tier,
)
from integrations.matching.tiers import agree
from integrations.matching.words import squashed

MAPPED = "already mapped by a person"
SAME_ID = "the organization's record holds this company's id"
SAME_TENANT = "both records hold the same Microsoft tenant id"
SAME_NUMBER = "both records hold the same number"
#: Confidence in a company that an identifier names although the names differ.
OTHER_NAME_CONFIDENCE = 0.9
ACCEPTED_NAME = "a person accepted a company of this name for it before"


@dataclass(frozen=True, slots=True)
class Known:
    """A company that knowledge names, and why; ``by_identifier``: a name that agrees has to confirm it."""

    company_id: str
    reason: str
    by_identifier: bool = False


@dataclass(slots=True)
class KnownAnswers:
    """Settled organizations: their company and why; and those where knowledge names several companies."""

    answers: dict[str, Known] = field(default_factory=dict)
    contested: dict[str, tuple[tuple[str, ...], str]] = field(default_factory=dict)


def _by_key(pairs: Iterable[tuple[str, str]]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for key, company_id in pairs:
        if key:
            found.setdefault(key, []).append(company_id)
    return found


def _told(knowledge: Knowledge, key: str, names: Mapping[str, str]) -> tuple[list[str], str]:
    """The companies on offer that other tools told for the organization, and who says so."""
    told = [pair for pair in knowledge.told_ids.get(key, ()) if pair[0] in names]
    tools = list(dict.fromkeys(tool for _, tool in told))
    reason = " and ".join(tools) + (" say so" if len(tools) > 1 else " says so")
    return [company_id for company_id, _ in told], reason


def _refused(knowledge: Knowledge, names: Mapping[str, str], organization_id: str, company_id: str) -> bool:
    if (organization_id, company_id) in knowledge.rejected:
        return True
    refused = knowledge.rejected_names.get(organization_id)
    return bool(refused) and names[company_id] in {squashed(name) for name in refused or ()}


def apply_known_answers(
    organizations: Sequence[Organization],
    offered: Sequence[Company],
    knowledge: Knowledge,
    *,
    several_to_one: bool,
) -> KnownAnswers:
    """Answer from knowledge alone. ``offered``: companies that may be proposed, without the mapped ones.

    Existing mappings are answered whether or not their company is offered. Of two organizations that claim
    the same company by an identifier neither gets it, unless ``several_to_one``: both are left to comparison.
    """
    settled = KnownAnswers()
    if knowledge == Knowledge():
        return settled
    names = {company.id: squashed(company.name) for company in offered}
    by_number = _by_key((squashed(company.number), company.id) for company in offered)
    by_tenant = _by_key((squashed(company.tenant_id), company.id) for company in offered)
    by_name = _by_key((names[company.id], company.id) for company in offered) if knowledge.aliases else {}
    claims: dict[str, list[tuple[str, str, bool]]] = {}
    for organization in organizations:
        key = organization.id
        if key in knowledge.mapped:
            settled.answers[key] = Known(knowledge.mapped[key], MAPPED)
            continue
        own_id = knowledge.company_ids.get(key, "")
        tenant = squashed(knowledge.tenant_ids.get(key, ""))
        number = squashed(knowledge.numbers.get(key, ""))
        accepted = [c for name in knowledge.aliases.get(key, ()) for c in by_name.get(squashed(name), [])]
        for found, reason, by_identifier in (
            (*_told(knowledge, key, names), True),
            ([own_id] if own_id in names else [], SAME_ID, True),
            (by_tenant.get(tenant, []) if tenant else [], SAME_TENANT, True),
            (by_number.get(number, []) if number else [], SAME_NUMBER, True),
            (accepted, ACCEPTED_NAME, False),
        ):
            allowed = sorted({c for c in found if not _refused(knowledge, names, key, c)})
            if len(allowed) == 1:
                claims.setdefault(allowed[0], []).append((key, reason, by_identifier))
                break
            if allowed:
                settled.contested[key] = (tuple(allowed), reason)
                break
    for company_id, claimants in claims.items():
        if len(claimants) == 1 or several_to_one:
            for key, reason, by_identifier in claimants:
                settled.answers[key] = Known(company_id, reason, by_identifier)
    return settled


def refused_pairs(
    organizations: Sequence[Organization], offered: Sequence[Company], knowledge: Knowledge
) -> set[tuple[int, int]]:
    """Positions of pairs that a person has said no to, by id or by the company's name."""
    if not knowledge.rejected and not knowledge.rejected_names:
        return set()
    positions = {company.id: position for position, company in enumerate(offered)}
    by_name: dict[str, list[int]] = {}
    if knowledge.rejected_names:
        for position, company in enumerate(offered):
            by_name.setdefault(squashed(company.name), []).append(position)
    rejected: dict[str, list[str]] = {}
    for organization_id, company_id in knowledge.rejected:
        rejected.setdefault(organization_id, []).append(company_id)
    refused: set[tuple[int, int]] = set()
    for row, organization in enumerate(organizations):
        for company_id in rejected.get(organization.id, ()):
            if company_id in positions:
                refused.add((row, positions[company_id]))
        for name in knowledge.rejected_names.get(organization.id, ()):
            refused.update((row, position) for position in by_name.get(squashed(name), ()))
    return refused


def contested_suggestions(settled: KnownAnswers) -> dict[str, Suggestion]:
    """Answers where knowledge names several companies for one organization."""
    answers = {}
    for key, (ids, reason) in settled.contested.items():
        share = 1 / len(ids)
        alternatives = tuple(Alternative(company_id, share, (reason,)) for company_id in ids)
        figures = ", ".join(f"{share:.2f}" for _ in ids)
        reasons = (f"{len(ids)} companies fit equally well ({figures})", reason)
        answers[key] = Suggestion(key, None, share, Tier.AMBIGUOUS, reasons, alternatives)
    return answers


def known_suggestions(
    settled: KnownAnswers, organizations: Sequence[Organization], offered: Sequence[Company]
) -> dict[str, Suggestion]:
    """Answers from knowledge: an id says which company; sure only where the name agrees too."""
    answers = {
        key: Suggestion(key, known.company_id, 1.0, Tier.SURE, (known.reason,), kind=Kind.IDENTIFIER)
        for key, known in settled.answers.items()
    }
    by_id = {key: known for key, known in settled.answers.items() if known.by_identifier}
    if not by_id:
        return answers
    ours = {o.id: o for o in organizations if o.id in by_id}
    theirs = {c.id: c for c in offered}
    keys = [key for key in by_id if key in ours and by_id[key].company_id in theirs]
    left = [organization_record(ours[key]) for key in keys]
    right = [company_record(theirs[by_id[key].company_id]) for key in keys]
    prepared = prepare(left, right, also=[(position, position) for position in range(len(keys))])
    agreeing = dict.fromkeys(range(len(keys)), False)
    own = np.flatnonzero(prepared.rows == prepared.columns)
    names_agree = agree(prepared.features[own])
    agreeing.update(zip(prepared.rows[own].tolist(), names_agree.tolist(), strict=True))
    for position, key in enumerate(keys):
        if agreeing[position]:
            continue
        names = f'the names differ: "{ours[key].name}" / "{theirs[by_id[key].company_id].name}"'
        answers[key] = replace(
            answers[key],
            confidence=OTHER_NAME_CONFIDENCE,
            tier=Tier.LIKELY,
            reasons=(by_id[key].reason, names),
        )
    return answers
