"""Several organizations on one company: right for branches of one customer, and a slip everywhere else."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.contrib.auth.models import User
from django.db.models import Q, QuerySet

from integrations.database.query_cache import cached_rows
from integrations.models import Company, IntegrationInstance, Organization
from integrations.services.mapping.rows import savable_rows

Wanted = tuple[int, int]  # the ids of an organization and of the company that it is to be mapped to
FEW = 500  # companies that a query may name one by one


@dataclass(frozen=True)
class SharedCompany:
    """A company that several organizations would be mapped to, one of them newly; by name."""

    name: str
    organizations: tuple[str, ...]

    @classmethod
    def by_saving(cls, user: User, instance: IntegrationInstance) -> list[SharedCompany]:
        """What Save Mappings would newly put on a company that is or becomes another organization's."""
        return _shared(instance, cached_rows(_wanted, (instance.pk, user.pk), (instance.psa,)))

    @classmethod
    def by_accepting(
        cls, instance: IntegrationInstance, organization: Organization, company: Company
    ) -> list[SharedCompany]:
        """The same for one organization, as a step of the review saves it."""
        return _shared(instance, [(organization.pk, company.pk)])


def _wanted(instance: int, user: int, psa: str) -> QuerySet[Any, Wanted]:
    """The ids alone: of thousands of rows few are told of, mostly none."""
    needed = Q(proposal__selected=True, proposal__company__isnull=False)
    return savable_rows(instance, user, psa, needed).order_by().values_list("pk", "proposal__company")


def _shared(instance: IntegrationInstance, wanted: Sequence[Wanted]) -> list[SharedCompany]:
    goes_to = dict(wanted)
    companies = set(goes_to.values())
    standing = instance.mappings.in_tables().order_by()
    if len(companies) <= FEW:
        standing = standing.filter(company__in=companies)
    stands = dict(standing.values_list("organization", "company"))
    on_company: dict[int, set[int]] = defaultdict(set)
    for organization, company in (stands | goes_to).items():  # as it will be when that is saved
        on_company[company].add(organization)
    news = {company for organization, company in wanted if stands.get(organization) != company}
    shared = sorted(company for company in news if len(on_company[company]) > 1)
    if not shared:
        return []
    company_names = dict(Company.objects.filter(pk__in=shared).values_list("pk", "name"))
    theirs = {organization for company in shared for organization in on_company[company]}
    names = dict(Organization.objects.filter(pk__in=theirs).values_list("pk", "name"))
    return [
        SharedCompany(company_names[company], tuple(sorted(names[each] for each in on_company[company])))
        for company in shared
    ]
