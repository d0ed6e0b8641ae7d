"""Answer for whole lists: which company each organization is, or that it cannot be told."""

import gc
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from integrations.matching.answers import answer_for
from integrations.matching.known_answers import (
    apply_known_answers,
    contested_suggestions,
    known_suggestions,
    refused_pairs,
)
from integrations.matching.preparation import company_record, organization_record, parsed, prepare
from integrations.matching.records import (
    Company,
    Knowledge,
    Organization,
    Progress,
    Suggestion,
)
from integrations.matching.scoring import score_pairs

#: The MSP's own record in Autotask: never anybody's customer.
OWN_COMPANY = "0"


def offered_companies(
    companies: Sequence[Company], knowledge: Knowledge, *, include_inactive: bool, several_to_one: bool
) -> list[Company]:
    """Companies that may be proposed at all, in the order of their ids."""
    taken = set() if several_to_one else set(knowledge.mapped.values())
    return sorted(
        (
            company
            for company in companies
            if company.id != OWN_COMPANY
            and company.id not in taken
            and (include_inactive or (company.is_active and not parsed(company.name).is_marked_inactive))
        ),
        key=lambda company: (company.id, company.name),
    )


@contextmanager
def _uncollected() -> Iterator[None]:
    """Pause the collector of cycles: what is read is kept, has none, and would be walked again and again.

    Afterwards everything counts as old, or the next object made would start a walk through all of it.
    """
    collects = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if collects:
            if not gc.get_freeze_count():  # nobody else has frozen what unfreezing would thaw
                gc.freeze()
                gc.unfreeze()
            gc.enable()


def suggest(
    organizations: Sequence[Organization],
    companies: Sequence[Company],
    *,
    knowledge: Knowledge | None = None,
    include_inactive: bool = False,
    several_to_one: bool = False,
    progress: Progress | None = None,
) -> list[Suggestion]:
    """For each organization, in the order given, the company it is, or that it cannot be told.

    The answer does not depend on the order of either list; ids are expected to be unique. Companies that are
    inactive or carry a mark such as "do not use" are proposed only with ``include_inactive``. No company is
    suggested twice unless ``several_to_one``. Company "0", the MSP itself, is never suggested.
    """
    with _uncollected():
        return _suggest(
            organizations,
            companies,
            knowledge=knowledge or Knowledge(),
            include_inactive=include_inactive,
            several_to_one=several_to_one,
            progress=progress,
        )


def _hidden_names(companies: Sequence[Company], shown: set[str]) -> dict[tuple[str, ...], str]:
    """The names, by their words, of companies that are not on offer because they are not in use."""
    hidden: dict[tuple[str, ...], str] = {}
    for company in companies:
        if company.id not in shown and company.id != OWN_COMPANY:
            name = parsed(company.name)
            if name.forms and (name.is_marked_inactive or not company.is_active):
                hidden.setdefault(name.forms[0].words, company.name)
    return hidden


def _suggest(
    organizations: Sequence[Organization],
    companies: Sequence[Company],
    *,
    knowledge: Knowledge,
    include_inactive: bool,
    several_to_one: bool,
    progress: Progress | None,
) -> list[Suggestion]:
    total = len(organizations)

    def step(share: float) -> None:
        if progress is not None:
            progress(min(int(share * total), total), total)

    step(0.0)
    offered = offered_companies(
        companies, knowledge, include_inactive=include_inactive, several_to_one=several_to_one
    )
    known = apply_known_answers(organizations, offered, knowledge, several_to_one=several_to_one)
    settled = {known.company_id for known in known.answers.values()}
    offered_before = offered
    if settled and not several_to_one:
        offered = [company for company in offered if company.id not in settled]
    answers = known_suggestions(known, organizations, offered_before) | contested_suggestions(known)
    asking = sorted((o for o in organizations if o.id not in answers), key=lambda o: (o.id, o.name))
    prepared = prepare(
        [organization_record(organization) for organization in asking],
        [company_record(company) for company in offered],
        step=step,
    )
    scored = score_pairs(prepared, refused_pairs(asking, offered, knowledge), several_to_one=several_to_one)
    step(0.92)
    mapped = frozenset(knowledge.mapped.values())
    hidden = _hidden_names(companies, {company.id for company in offered} | settled)
    for row, organization in enumerate(asking):
        answers[organization.id] = answer_for(scored, row, hidden, mapped)
    step(1.0)
    return [answers[organization.id] for organization in organizations]
