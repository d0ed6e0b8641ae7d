"""“Why is my company missing?”: where a company is that somebody does not find among the options."""

from __future__ import annotations

import enum
from collections.abc import Collection, Sequence
from dataclasses import dataclass

from integrations.models import Company, IntegrationInstance
from integrations.psa.base import FilterCondition, PSAClient, PSAError, RemoteCompany
from integrations.services.companies.filters import conditions_of, filter_fields, filter_text
from integrations.services.instances.credentials import with_current_zone
from portal.time_zone import in_text

MOST_FINDINGS = 15


class NextStep(enum.StrEnum):
    """Where to go from a finding; the page makes a link of it."""

    CHOOSE = "choose"
    FILTER = "filter"
    REFRESH = "refresh"
    HOLDER = "holder"
    INSTANCE = "instance"
    NONE = ""


@dataclass(frozen=True)
class Finding:
    """A company that the text fits, in words why it is offered or not, and where to go next."""

    name: str
    remote_id: str
    instance: IntegrationInstance
    sentence: str
    offered: bool
    next_step: NextStep = NextStep.NONE
    holder: str = ""


@dataclass(frozen=True)
class MissingCompanyAnswer:
    """What was found here and, asked live, in the PSA; ``error`` when the PSA could not be asked."""

    findings: tuple[Finding, ...]
    asked_live: bool
    error: str = ""


def find_missing_company(instance: IntegrationInstance, text: str) -> MissingCompanyAnswer:
    """Look for a company by name or id: in this instance's copies, in the other instances, then live.

    Writes nothing. Remote failures come back as ``error``.
    """
    found = _search(instance, text)
    here = [_stored(company, instance) for company in found]
    elsewhere = [
        _stored(company, instance)
        for other in IntegrationInstance.objects.present().filter(psa=instance.psa).exclude(pk=instance.pk)
        for company in _search(other, text)
    ]
    live: list[Finding] = []
    error = ""
    try:
        live = _live(instance, text, found)
    except PSAError as failure:
        error = failure.user_text
    # What Autotask answers now knows better than what the last refresh lacked.
    unique = {(finding.instance.pk, finding.remote_id): finding for finding in (*here, *live, *elsewhere)}
    return MissingCompanyAnswer(tuple(unique.values())[:MOST_FINDINGS], not error, error)


def _live(instance: IntegrationInstance, text: str, stored: Sequence[Company]) -> list[Finding]:
    """What Autotask answers now and the portal does not offer, each asked whether the filter lets it pass."""
    known = {company.remote_id for company in stored if not company.missing_since}
    asked = [company.remote_id for company in stored if company.missing_since]
    asked += [text] if text.isdecimal() and text not in known else []
    conditions = conditions_of(instance)

    def ask(client: PSAClient) -> list[Finding]:
        found: list[RemoteCompany] = [*client.companies_by_id(asked).companies.values()] if asked else []
        found += client.sample_companies([FilterCondition("companyName", "contains", text)], MOST_FINDINGS)
        unread = {company.id: company for company in found if company.id not in known}
        passing: Collection[str] = unread
        if unread and conditions:
            passing = client.ids_in_filter(conditions, list(unread))
        return [_unread(instance, company, key in passing) for key, company in unread.items()]

    return with_current_zone(instance, ask)


def _search(instance: IntegrationInstance, text: str) -> list[Company]:
    return list(
        instance.companies.filter(is_pending=False)  # of a read that did not end nothing is told
        .search(text)
        .select_related("instance")
        .with_holder()
        .order_by("name", "pk")[:MOST_FINDINGS]
    )


def _stored(company: Company, asked_in: IntegrationInstance) -> Finding:
    """Why a company that was read before is offered or not."""
    holder = company.taken_by or ""
    offered, step = False, NextStep.NONE
    if company.is_own:
        sentence = "It is your own company (id 0), which is never offered for a customer."
    elif company.missing_since:
        sentence = (
            f"The complete read of {in_text(company.missing_since)} no longer returned it: it was deleted or "
            "merged, or this API user may not see it any more. If you can open it in Autotask, check the "
            "security level and the lines of business of the API user."
        )
        step = NextStep.REFRESH
    elif not company.in_filter:
        sentence, step = _left_out(company.instance, company.company_type, ""), NextStep.FILTER
    elif holder:
        sentence, offered, step = f"It is mapped to {holder}.", True, NextStep.HOLDER
    elif not company.is_active:
        sentence = "It is inactive in Autotask. It can be chosen by hand, but it is not suggested."
        offered, step = True, NextStep.CHOOSE
    else:
        sentence, offered, step = "It is among the options and can be chosen.", True, NextStep.CHOOSE
    if company.instance_id != asked_in.pk:
        sentence = f"It is in the other configuration “{company.instance.name}”. {sentence}"
        step = NextStep.INSTANCE
    return Finding(company.name, company.remote_id, company.instance, sentence, offered, step, holder)


def _unread(instance: IntegrationInstance, company: RemoteCompany, passes: bool) -> Finding:
    """Why a company that Autotask answers now is not among the options."""
    inactive = "" if company.is_active else ", inactive"
    if passes:
        why = "it is newer than the last refresh" if instance.last_full_read_at else "no read has ended yet"
        sentence = f"It exists in Autotask{inactive}, but {why}."
        step = NextStep.REFRESH
    else:
        sentence, step = _left_out(instance, company.company_type, inactive), NextStep.FILTER
    return Finding(company.name, company.id, instance, sentence, offered=False, next_step=step)


def _left_out(instance: IntegrationInstance, company_type: int | None, inactive: str) -> str:
    """That the company filter leaves a company out: what it is, and what the filter wants."""
    label = _type_label(instance, company_type)
    kind = f" as {label}{inactive}" if label else inactive
    wanted = "; ".join(filter_text(instance))
    wants = f" The filter wants: {wanted}." if wanted else ""
    return f"It exists in Autotask{kind}, but the company filter leaves it out.{wants}"


def _type_label(instance: IntegrationInstance, company_type: int | None) -> str:
    if company_type is None:
        return ""
    options = {
        option.value: option.label
        for field in filter_fields(instance, {"companyType"})
        if field.name.lower() == "companytype"
        for option in field.options
    }
    return options.get(company_type, str(company_type))
