"""Companies that a refresh brought and that fit better than the mapped one, or that a gone one became.

The matcher weighs only what may matter: companies that came, or have another name, and the organizations
with the same name (but for legal form, short forms and order) or the same domain. All else costs a glance.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import NamedTuple

from integrations import matching
from integrations.database.among import Among
from integrations.matching.contacts import read_domain
from integrations.matching.records import Tier
from integrations.models import (
    Company,
    IntegrationInstance,
    Organization,
    OrganizationMapping,
    RecordChange,
    RefreshSummary,
)
from integrations.models.drift import Changed
from integrations.services.suggestions.suggest import company_record, organization_record

Kind = RecordChange.Kind
CAME = (Kind.NEW, Kind.BACK, Kind.ENTERED, Kind.RENAMED, Kind.READDRESSED)
MOST = 2_000  # organizations that the matcher is asked about after one refresh
FEW = 500


class _Mapped(NamedTuple):
    """An organization and the company that it is mapped to."""

    organization: int
    name: str
    domain: str
    company: int
    company_name: str
    is_gone: bool


def better_companies(
    instance: IntegrationInstance, summaries: Iterable[RefreshSummary], name_keys: Mapping[str, str]
) -> list[Changed]:
    """Which companies that these refreshes brought are surer for an organization than its mapped one.

    For an organization whose company is gone, also a likely one. ``name_keys`` are those of names that are
    known already: to read tens of thousands anew takes seconds.
    """
    came = list(
        instance.companies.offered()
        .filter(is_active=True, changes__refresh__in=summaries, changes__kind__in=CAME)
        .distinct()
    )
    gone = set(
        instance.companies.filter(changes__refresh__in=summaries, changes__kind=Kind.GONE)
        .order_by()
        .values_list("pk", flat=True)
    )
    if not came and not gone:
        return []
    candidates = _candidates(instance, came, gone, name_keys)
    return _weighed(instance, candidates) if candidates else []


def _candidates(
    instance: IntegrationInstance, came: list[Company], gone: set[int], name_keys: Mapping[str, str]
) -> dict[_Mapped, set[Company]]:
    """The companies that came and share a name or a domain with an organization that is mapped."""

    def called(name: str) -> set[Company]:
        known = name_keys.get(name)
        if known is None and _beginning(name) in beginnings:
            known = matching.name_key(name)
        return by_key.get(known or "", set())

    mapped = OrganizationMapping.objects.in_tables().filter(instance=instance).order_by("pk")
    lost = [
        _Mapped(*row, is_gone=True)
        for row in (mapped.filter(Among("company", gone)) if gone else mapped.none()).values_list(
            "organization", "organization__name", "organization__domain", "company", "company__name"
        )
    ]
    by_key, by_domain, beginnings = defaultdict(set), defaultdict(set), set()
    for company in [*came, *_namesakes(instance, lost)]:
        known = name_keys.get(company.name)
        by_key[matching.name_key(company.name) if known is None else known].add(company)
        by_domain[read_domain(company.web_address)[0]].add(company)
        beginnings.add(_beginning(company.name))
    by_key.pop("", None)
    by_domain.pop("", None)
    others = mapped.values_list("organization", "organization__name", "organization__domain", "company")
    standing = (
        _Mapped(*row, "", is_gone=False)
        for row in others.iterator()
        if row[3] not in gone
        # Most are passed over at once: their names are known, and nothing that came is called so.
        and (row[1] not in name_keys or name_keys[row[1]] in by_key or (row[2] and by_domain))
    )
    found: dict[_Mapped, set[Company]] = {}
    for row in (*lost, *standing):
        near = set(by_domain.get(read_domain(row.domain)[0], ())) if row.domain and by_domain else set()
        for name in (row.name, row.company_name) if row.is_gone else (row.name,):
            near |= called(name)
        near = {company for company in near if company.pk != row.company}
        if near:
            found[row] = near
        if len(found) >= MOST:
            break
    return found


def _beginning(name: str) -> str:
    """The first word of a name, by which most pairs are passed over without reading the names."""
    words = name.casefold().removeprefix("the ").split(maxsplit=1)
    return "".join(sign for sign in words[0] if sign.isalnum())[:4] if words else ""


def _namesakes(instance: IntegrationInstance, gone: list[_Mapped]) -> list[Company]:
    """Offered companies that are called as one that is gone, or as its organization."""
    names = sorted({name for row in gone for name in (row.name, row.company_name)})
    found: list[Company] = []
    for start in range(0, len(names), FEW):
        found += instance.companies.offered().filter(is_active=True, name__in=names[start : start + FEW])
    return found


def _weighed(instance: IntegrationInstance, candidates: Mapping[_Mapped, set[Company]]) -> list[Changed]:
    """Those of the candidates that the matcher prefers to what is mapped."""
    organizations = Organization.objects.in_bulk([row.organization for row in candidates])
    standing = [row.company for row in candidates if not row.is_gone]
    companies = {company.pk: company for found in candidates.values() for company in found}
    companies |= Company.objects.in_bulk([pk for pk in standing if pk not in companies])
    suggestions = matching.suggest(
        [organization_record(row) for row in organizations.values()],
        [company_record(row) for row in companies.values()],
        several_to_one=True,
    )
    by_organization = {int(each.organization_id): each for each in suggestions}
    known = _known(instance, candidates)
    changes = []
    for row, found in candidates.items():
        suggestion = by_organization[row.organization]
        wanted = suggestion.best_candidate if row.is_gone else suggestion.company_id
        enough = (Tier.SURE, Tier.LIKELY, Tier.AMBIGUOUS) if row.is_gone else (Tier.SURE,)
        if wanted is None or suggestion.tier not in enough or int(wanted) not in {each.pk for each in found}:
            continue
        if (row.organization, int(wanted)) not in known:
            company = companies[int(wanted)]
            changes.append(Changed(Kind.BETTER, company.pk, "", company.name, row.organization))
    return changes


def _known(instance: IntegrationInstance, candidates: Iterable[_Mapped]) -> set[tuple[int, int]]:
    """The pairs that the inbox shows already."""
    ours = [row.organization for row in candidates]
    told = RecordChange.objects.of_organizations().filter(kind=Kind.BETTER, held_instance=instance.pk)
    told = told.filter(organization__in=ours)
    return set(told.values_list("organization", "company"))
