"""“Why is my company missing?”: where a company is that somebody does not find among the options."""

from __future__ import annotations

from dataclasses import dataclass

from django.db.models import OuterRef, Subquery

from integrations.models import Company, IntegrationInstance, OrganizationMapping
from integrations.psa.base import FilterCondition, PSAError, RemoteCompany
from integrations.services.connections import client_for
from integrations.services.filters import filter_fields

MOST_FINDINGS = 15


@dataclass(frozen=True)
class Finding:
    """A company that the text fits, and in words why it is offered or not."""

    name: str
    remote_id: str
    instance: IntegrationInstance
    sentence: str
    offered: bool


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
    here = [_stored(company) for company in _search(instance, text)]
    elsewhere = [
        _stored(company)
        for other in IntegrationInstance.objects.present().filter(psa=instance.psa).exclude(pk=instance.pk)
        for company in _search(other, text)
    ]
    known = {finding.remote_id for finding in here}
    live: list[Finding] = []
    error = ""
    client = None
    try:
        client = client_for(instance)
        found: list[RemoteCompany] = []
        if text.isdecimal():
            found += client.companies_by_id([text]).values()
        found += client.sample_companies([FilterCondition("companyName", "contains", text)], MOST_FINDINGS)
        live = [_unread(instance, company) for company in found if company.id not in known]
    except PSAError as failure:
        error = failure.user_text
    finally:
        if client is not None:
            client.close()
    unique = {(finding.instance.pk, finding.remote_id): finding for finding in (*here, *live, *elsewhere)}
    return MissingCompanyAnswer(tuple(unique.values())[:MOST_FINDINGS], not error, error)


def _search(instance: IntegrationInstance, text: str) -> list[Company]:
    holder = OrganizationMapping.objects.present().filter(company=OuterRef("pk")).order_by("pk")
    return list(
        instance.companies.search(text)
        .select_related("instance")
        .annotate(holder=Subquery(holder.values("organization__name")[:1]))
        .order_by("name", "pk")[:MOST_FINDINGS]
    )


def _stored(company: Company) -> Finding:
    """Why a company that was read before is offered or not."""
    holder = getattr(company, "holder", None)
    offered = False
    if company.is_own:
        sentence = "It is your own company (id 0), which is never offered for a customer."
    elif company.missing_since:
        sentence = (
            f"The complete read of {company.missing_since:%Y-%m-%d} no longer returned it: deleted, "
            "merged, hidden from this API user, or outside the company filter."
        )
    elif not company.in_filter:
        sentence = (
            "It exists, but the company filter leaves it out. Change the filter and refresh the options."
        )
    elif holder:
        sentence, offered = f"It is mapped to {holder}.", True
    elif not company.is_active:
        sentence = "It is inactive in Autotask. It can be chosen by hand, but it is not suggested."
        offered = True
    else:
        sentence, offered = "It is among the options and can be chosen.", True
    return Finding(company.name, company.remote_id, company.instance, sentence, offered)


def _unread(instance: IntegrationInstance, company: RemoteCompany) -> Finding:
    """Why a company that Autotask answers now is not among the options."""
    state = "" if company.is_active else ", inactive"
    label = _type_label(instance, company.company_type)
    kind = f" ({label}{state})" if label else f"{' (inactive)' if state else ''}"
    rows = list(instance.filters.all())
    if rows:
        sentence = f"It exists in Autotask{kind}, but it was not read: the company filter leaves it out."
    else:
        sentence = f"It exists in Autotask{kind}, but it is newer than the last refresh. Refresh the options."
    return Finding(company.name, company.id, instance, sentence, offered=False)


def _type_label(instance: IntegrationInstance, company_type: int | None) -> str:
    if company_type is None:
        return ""
    options = {
        option.value: option.label
        for field in filter_fields(instance)
        if field.name.lower() == "companytype"
        for option in field.options
    }
    return options.get(company_type, str(company_type))
