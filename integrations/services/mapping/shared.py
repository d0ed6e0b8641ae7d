"""Several organizations on one company: right for branches of one customer, and a slip everywhere else."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass

from django.contrib.auth.models import User

from integrations.models import Company, IntegrationInstance, Organization
from integrations.services.mapping.ticked import ticked_proposals

Wanted = tuple[
    int, str, int, str
]  # an organization's id and name, and those of the company it is to be mapped to


@dataclass(frozen=True)
class SharedCompany:
    """A company that several organizations would be mapped to, one of them newly; by name."""

    name: str
    organizations: tuple[str, ...]

    @classmethod
    def by_saving(cls, user: User, instance: IntegrationInstance) -> list[SharedCompany]:
        """What Save Mappings would newly put on a company that is or becomes another organization's."""
        ticked = ticked_proposals(user, instance, None)
        return _shared(
            instance,
            [
                (each.organization_id, each.organization_name, each.company_id, each.company_name or "")
                for each in ticked
                if each.company_id is not None
            ],
        )

    @classmethod
    def by_accepting(
        cls, instance: IntegrationInstance, organization: Organization, company: Company
    ) -> list[SharedCompany]:
        """The same for one organization, as a step of the review saves it."""
        return _shared(instance, [(organization.pk, organization.name, company.pk, company.name)])


def _shared(instance: IntegrationInstance, wanted: Iterable[Wanted]) -> list[SharedCompany]:
    goes_to = {organization: company for organization, _, company, _ in wanted}
    names = {company: name for _, _, company, name in wanted}
    on_company: dict[int, dict[int, str]] = defaultdict(dict)
    news = set()
    standing = instance.mappings.in_tables().filter(company__in=names)
    stands = {}
    for organization, name, company in standing.values_list("organization", "organization__name", "company"):
        stands[organization] = company
        if goes_to.get(organization, company) == company:  # and does not leave it by this save
            on_company[company][organization] = name
    for organization, name, company, _ in wanted:
        on_company[company][organization] = name
        if stands.get(organization) != company:
            news.add(company)
    return [
        SharedCompany(names[company], tuple(sorted(on_company[company].values())))
        for company in sorted(news)
        if len(on_company[company]) > 1
    ]
