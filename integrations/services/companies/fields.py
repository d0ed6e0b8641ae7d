"""What belongs to a tenant's fields and costs requests of its own: its own fields, names of owners, parents.

It is read with everything else, once a full read. What could not be read stays as it was known, and a read of
changes, which does not ask for it, leaves it alone.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import asdict
from typing import Any

from integrations.database.transactions import transaction_required
from integrations.models import IntegrationInstance
from integrations.psa.base import CompanyField, FailureKind, FieldDetails, PicklistOption, PSAClient, PSAError
from integrations.psa.fields import USER_DEFINED
from integrations.services.companies.options import write_options

COMPANY = "company"  # the PSA's word, in lower case, for a reference to another company
MOST_PARENTS = 2_000
VOIDING = frozenset({FailureKind.CREDENTIALS, FailureKind.MOVED_ZONE, FailureKind.DESTINATION})


def read_details(client: PSAClient) -> FieldDetails:
    """The tenant's own fields and labels. What keeps them from being read does not void a read of companies.

    Raises PSAError where every other call would fail, too.
    """
    try:
        return client.field_details()
    except PSAError as error:
        if error.kind in VOIDING:
            raise
        said = f"The user-defined fields and names could not be read. {error.user_text}"
        return FieldDetails(oddities=(said,), unsure=frozenset({USER_DEFINED}))


def read_parents(instance: IntegrationInstance, client: PSAClient) -> dict[str, str]:
    """The names, by id, of the companies that are parents: as they are kept, or as the PSA tells.

    Raises PSAError where every other call would fail, too.
    """
    kept = instance.companies.exclude(parent_id="").order_by("parent_id")
    wanted = list(kept.values_list("parent_id", flat=True).distinct()[:MOST_PARENTS])
    names = dict(instance.companies.filter(remote_id__in=wanted).values_list("remote_id", "name"))
    unknown = [remote_id for remote_id in wanted if remote_id not in names]
    if unknown:
        try:
            found = client.companies_by_id(unknown).companies
        except PSAError as error:
            if error.kind in VOIDING:
                raise
        else:
            names |= {remote_id: company.name for remote_id, company in found.items()}
    return names


def has_field(details: FieldDetails, name: str) -> bool:
    """Whether the tenant has this user-defined field, or may have it."""
    known = {field.name.casefold() for field in details.user_defined}
    return USER_DEFINED in details.unsure or name.casefold() in known


@transaction_required
def store_details(instance: IntegrationInstance, details: FieldDetails, parents: Mapping[str, str]) -> None:
    """Keep the tenant's own fields behind the others, and labels as options of what refers to them."""
    described = [each for each in instance.company_fields if not is_own(each["name"])]
    own = [each for each in instance.company_fields if is_own(each["name"])]
    labelled: list[CompanyField] = []
    given: set[str] = set()  # fields of which every value was read
    if USER_DEFINED not in details.unsure:
        gone = {each["name"] for each in own}
        own = [without_options(field) for field in details.user_defined]
        labelled += details.user_defined
        given |= gone.union(field.name for field in details.user_defined) - details.unsure
    families = tuple(
        PicklistOption(int(remote_id), name)
        for remote_id, name in sorted(parents.items(), key=lambda pair: pair[1].casefold())
        if remote_id.isdecimal()
    )
    labels: dict[str, tuple[PicklistOption, ...]] = {**details.labels, COMPANY: families}
    for each in described:
        options = labels.get(each["reference"].lower()) if each.get("reference") else None
        if options is not None and not each["is_picklist"]:
            labelled.append(CompanyField(each["name"], each["data_type"], options=options))
            given.add(each["name"])
    write_options(instance, labelled, given)
    if [*described, *own] != instance.company_fields:
        instance.company_fields = [*described, *own]
        IntegrationInstance.objects.filter(pk=instance.pk).update(company_fields=instance.company_fields)


def is_own(name: str) -> bool:
    """Whether a field is one that the tenant has added."""
    return name.startswith(USER_DEFINED)


def without_options(field: CompanyField) -> dict[str, Any]:
    """A field as the instance keeps it; its options have rows of their own."""
    values = asdict(field)
    values.pop("options")
    return values


def kept_fields(instance: IntegrationInstance, fields: Collection[CompanyField]) -> list[dict[str, Any]]:
    """The fields as they were just read, and the tenant's own as they are known."""
    own = [each for each in instance.company_fields if is_own(each["name"])]
    return [*map(without_options, fields), *own]
