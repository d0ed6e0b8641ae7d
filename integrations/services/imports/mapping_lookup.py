"""Which organization, configuration and company a row of a mapping file means.

The organization: the one with the row's portal key; else the one with its external id, or, where the name
agrees, the one of which a tool told that id; without one the only one of its name (the portal's own id may
tell namesakes apart); without a name the one with the portal's id.
The company: the one with the PSA's id, whose name must then be the one given, if one is given; without an id
the only one of the name. What cannot be told for certain raises RowFailed: a wrong mapping is worse than
none.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterable

from integrations.files.text import name_key, whole_number
from integrations.models import Company, IntegrationInstance, Organization, OrganizationIdentifier
from integrations.services.imports.mapping_rows import MappingRow
from integrations.services.imports.rows import RowFailed, RowSkipped

COMPANY_FACTS = ("instance", "remote_id", "name", "is_active", "is_pending", "missing_since")
AMBIGUOUS = -1
TOOLS_IDS = ("source_id", "tenant_id")
Companies = dict[int | tuple[int, str], Company]
Keys = dict[uuid.UUID, int]


class MappingLookup:
    """Knows the names and ids of organizations and companies; ``only`` limits it to one configuration.

    Made inside a transaction that writes, with ``lock``: the configurations stay locked until it ends.
    """

    def __init__(self, only: IntegrationInstance | None, *, lock: bool) -> None:
        self._only = only
        # Locked in the order of their keys, as everybody does who changes the mappings of several.
        present = IntegrationInstance.objects.present().order_by("pk")
        if lock:
            present = present.select_for_update()
        if only is not None:
            present = present.filter(psa=only.psa)
        self._instances: dict[str, list[IntegrationInstance]] = {}
        for each in present:
            self._instances.setdefault(each.name.casefold(), []).append(each)
        self._by_external_id: dict[str, int] = {}
        self._by_name: dict[str, int] = {}
        self._names: dict[int, str] = {}
        rows = Organization.objects.present().values_list("pk", "name", "external_id")
        for pk, name, external_id in rows.iterator(chunk_size=2_000):
            key = name_key(name)
            self._by_name[key] = AMBIGUOUS if key in self._by_name else pk
            self._names[pk] = key
            if external_id:
                self._by_external_id[external_id] = pk
        self._by_tools_id: dict[str, int] = {}
        told = OrganizationIdentifier.objects.present().filter(kind__in=TOOLS_IDS)
        for value, pk in told.values_list("value", "organization_id").iterator(chunk_size=2_000):
            same = self._by_tools_id.setdefault(value, pk)
            self._by_tools_id[value] = pk if same == pk else AMBIGUOUS
        self._companies_by_name: dict[int, dict[str, int]] = {}

    def keys(self, rows: Iterable[MappingRow]) -> Keys:
        """The present organizations with the portal keys of these rows."""
        wanted = {row.portal_key for row in rows if row.portal_key is not None}
        if not wanted:
            return {}
        return dict(Organization.objects.present().filter(key__in=wanted).values_list("key", "pk"))

    def instance(self, wanted: MappingRow) -> IntegrationInstance:
        """The configuration that the row belongs to. Raises RowFailed, RowSkipped."""
        if self._only is not None:
            if wanted.instance and wanted.instance.casefold() != self._only.name.casefold():
                raise RowSkipped(f"belongs to “{wanted.instance}”, and only “{self._only.name}” is imported")
            return self._only
        if not wanted.instance:
            raise RowFailed("names no configuration; name one for the whole import")
        found = self._instances.get(wanted.instance.casefold(), [])
        if len(found) != 1:
            raise RowFailed(
                f"{'several configurations are' if found else 'no configuration is'} called "
                f"“{wanted.instance}”"
            )
        return found[0]

    def organization(self, wanted: MappingRow, keys: Keys) -> int:
        """The organization's primary key. Raises RowFailed when it is unknown or cannot be told."""
        if wanted.portal_key in keys:
            keyed = keys[wanted.portal_key]
            if wanted.name and self._names[keyed] != name_key(wanted.name):
                raise RowFailed("the organization with this portal key has another name here")
            return keyed
        if wanted.external_id:
            pk = self._by_external_id.get(wanted.external_id)
            # An id that another tool told has to be confirmed by the name.
            if (
                pk is None
                and wanted.name
                and self._by_tools_id.get(wanted.external_id, AMBIGUOUS) != AMBIGUOUS
            ):
                pk = self._by_tools_id[wanted.external_id]
            if pk is None:
                raise RowFailed(f"no organization has the external id “{wanted.external_id}”")
            if wanted.name and self._names[pk] != name_key(wanted.name):
                raise RowFailed(
                    f"the organization with the external id “{wanted.external_id}” has another name here"
                )
            return pk
        own = whole_number(wanted.organization_id) or 0
        if not wanted.name:
            if not wanted.organization_id:
                raise RowFailed("names no organization")
            if own not in self._names:
                raise RowFailed(f"no organization has the id {wanted.organization_id}")
            return own
        found = self._by_name.get(name_key(wanted.name))
        if found is None:
            raise RowFailed("no organization has this name")
        if found != AMBIGUOUS:
            return found
        if self._names.get(own) == name_key(wanted.name):
            return own
        raise RowFailed("several organizations have this name; give the external id or the organization id")

    def companies(self, rows: Iterable[tuple[MappingRow, IntegrationInstance]]) -> Companies:
        """The companies that these rows name: by our key, and by configuration and the PSA's id."""
        ids: dict[int, set[str]] = {}
        keys: set[int] = set()
        for wanted, instance in rows:
            if wanted.company_id:
                ids.setdefault(instance.pk, set()).add(wanted.company_id)
            elif wanted.company_name:
                keys.add(self._by_company_name(instance).get(name_key(wanted.company_name), AMBIGUOUS))
        companies = Company.objects.only(*COMPANY_FACTS)
        found: Companies = {**companies.in_bulk(keys)}
        for instance_id, wanted_ids in ids.items():
            for company in companies.filter(instance=instance_id, remote_id__in=wanted_ids):
                found[instance_id, company.remote_id] = company
        return found

    def _by_company_name(self, instance: IntegrationInstance) -> dict[str, int]:
        """The companies of the configuration that an organization can be mapped to, by name."""
        if instance.pk not in self._companies_by_name:
            names: dict[str, int] = {}
            rows = Company.objects.filter(instance=instance, is_pending=False, missing_since=None)
            for pk, name in rows.exclude(remote_id="0").values_list("pk", "name").iterator(chunk_size=2_000):
                key = name_key(name)
                names[key] = AMBIGUOUS if key in names else pk
            self._companies_by_name[instance.pk] = names
        return self._companies_by_name[instance.pk]

    def company(self, wanted: MappingRow, instance: IntegrationInstance, companies: Companies) -> Company:
        """The company. Raises RowFailed when it is unknown, cannot be told, or is no option; RowSkipped."""
        if wanted.company_id:
            company = companies.get((instance.pk, wanted.company_id))
            if company is None or company.is_pending:
                raise RowFailed(
                    f"“{instance.name}” has no company with the id {wanted.company_id}; "
                    "refresh its options first"
                )
            if wanted.company_name and name_key(wanted.company_name) != name_key(company.name):
                raise RowFailed(
                    f"the company with the id {wanted.company_id} is called “{company.name}”, not "
                    f"“{wanted.company_name}”; leave one of the two cells empty"
                )
        elif wanted.company_name:
            known = self._by_company_name(instance).get(name_key(wanted.company_name))
            if known is None:
                raise RowFailed(f"“{instance.name}” has no company “{wanted.company_name}”")
            if known == AMBIGUOUS:
                raise RowFailed(f"several companies are called “{wanted.company_name}”; give the company id")
            company = companies[known]
        else:
            raise RowSkipped("names no company")
        if company.is_own:
            raise RowFailed("company 0 is the MSP itself")
        if company.missing_since is not None:
            raise RowFailed(f"“{company.name}” is no longer in Autotask")
        return company
