"""What somebody had before them when they pressed: a decision settles what was shown, and nothing newer.

A mapping's version tells of colleagues alone. What a refresh brought, or an edit of the organization, changes
the reasons for a review and not the version. So each row that can be decided has a key of all of it, in the
inbox and in the review of the table. What a whole table showed is told by how far the records had come.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from hashlib import blake2b
from typing import Any, Protocol

from django.db import connection
from django.db.models import Max, QuerySet, Value

from integrations.database.among import Among
from integrations.database.query_cache import cached_rows
from integrations.database.transactions import transaction_required
from integrations.models import (
    AuditEvent,
    Company,
    IntegrationInstance,
    Organization,
    OrganizationMapping,
    RecordChange,
)
from integrations.models.mappings import MappingQuerySet
from integrations.models.review_reasons import find_all


class Seen(Protocol):
    """Tells which of these mappings, locked, are still what somebody saw."""

    def unchanged(self, mappings: list[OrganizationMapping]) -> list[OrganizationMapping]: ...


@dataclass(frozen=True)
class SeenRows:
    """Rows that a page showed, by their keys (`row_keys`)."""

    keys: Collection[str]

    def unchanged(self, mappings: list[OrganizationMapping]) -> list[OrganizationMapping]:
        """Those whose key is among them."""
        find_all((each for each in mappings if "findings" not in each.__dict__), dated=False)
        keys, seen = row_keys(mappings), frozenset(self.keys)
        return [each for each in mappings if keys[each.pk] in seen]


@dataclass(frozen=True)
class SeenTable:
    """A table on many pages, as it was when the records had come so far: the ids of their newest rows."""

    change: int
    event: int

    @classmethod
    def now(cls) -> SeenTable:
        """How far they have come."""
        return cls(
            RecordChange.objects.aggregate(newest=Max("pk"))["newest"] or 0,
            AuditEvent.objects.aggregate(newest=Max("pk"))["newest"] or 0,
        )

    @classmethod
    def read(cls, text: str) -> SeenTable | None:
        """What a form says (``str()`` of it); None where it says nothing that can be read."""
        parts = text.split("-")
        if len(parts) != 2 or not all(each.isascii() and each.isdecimal() for each in parts):
            return None
        return cls(*(int(each[:18]) for each in parts))

    def __str__(self) -> str:
        return f"{self.change}-{self.event}"

    def unchanged(self, mappings: list[OrganizationMapping]) -> list[OrganizationMapping]:
        """Those of which no record was written since."""
        newer = RecordChange.objects.filter(pk__gt=self.change).order_by()
        companies = set(newer.exclude(company=None).values_list("company", flat=True))
        organizations = set(newer.exclude(organization=None).values_list("organization", flat=True))
        told = AuditEvent.objects.filter(pk__gt=self.event, target_type="mapping").order_by()
        organizations.update(int(pk) for pk in told.values_list("target_id", flat=True))
        return [
            each
            for each in mappings
            if each.company_id not in companies and each.organization_id not in organizations
        ]


def row_keys(mappings: Iterable[OrganizationMapping]) -> dict[int, str]:
    """By the id of each mapping a text of it as it is shown: another one as soon as anything of it changed.

    The id, the version, and a digest of why it has to be looked at and of the newest change of its records.
    """
    rows = list(mappings)
    unread = [each for each in rows if "findings" not in each.__dict__]
    find_all(unread)
    proposed = {why.company for each in rows for why in each.findings if why.company}
    of_companies = _newest("company", {each.company_id for each in rows} | proposed)
    of_organizations = _newest("organization", {each.organization_id for each in rows})
    keys = {}
    for each in rows:
        told = [
            (
                why.reason.value,
                why.before,
                why.after,
                why.organization,
                why.company,
                of_companies.get(why.company or 0),
            )
            for why in each.findings
        ]
        newest = of_companies.get(each.company_id), of_organizations.get(each.organization_id)
        digest = blake2b(repr((each.company_id, newest, told)).encode(), digest_size=8).hexdigest()
        keys[each.pk] = f"{each.pk}:{each.version}-{digest}"
    return keys


def pair_key(organization: int, company: int) -> str:
    """The same of an organization and a company (ids) that are compared, mapped to each other or not."""
    newest = {row["of"]: row["newest"] for row in cached_rows(_newest_of_two, (organization, company))}
    return "-".join(str(newest.get(each) or 0) for each in ("organization", "company"))


def _newest_of_two(organization: int, company: int) -> QuerySet[Any, Any]:
    """The ids of their newest changes, by ``of``: each step of the review asks."""
    changes = RecordChange.objects.order_by()
    ours = changes.filter(organization=organization).values(of=Value("organization"))
    theirs = changes.filter(company=company).values(of=Value("company"))
    return ours.annotate(newest=Max("pk")).union(theirs.annotate(newest=Max("pk")), all=True)


def _newest(record: str, ids: Collection[int]) -> dict[int, int]:
    """The id of the newest change of each of these records that has one."""
    rows = RecordChange.objects.filter(Among(record, ids)).order_by()
    return dict(rows.values_list(record).annotate(newest=Max("pk")))


# Enough to tell why to look at a mapping, and to write down what was decided; the rest is read when asked.
_ASKED = {
    "id", "instance_id", "remote_id", "name", "is_active", "in_filter", "missing_since", "deleted_at",
}  # fmt: skip
_UNASKED = tuple(
    f"{record}__{column.attname}"
    for record, model in (("organization", Organization), ("company", Company))
    for column in model._meta.concrete_fields
    if column.attname not in _ASKED
)


@transaction_required
def lock_mappings(wanted: MappingQuerySet) -> list[OrganizationMapping]:
    """These mappings with their names, locked together with all that may change why to look at them.

    In the order of locks that everybody keeps: the instances, the organizations, the companies, the mappings.
    A refresh, or an edit of an organization, that is under way is waited for: what it brings is seen here or
    dated later.
    """
    places = list(wanted.order_by().values_list("instance", "organization", "company"))
    instances, organizations, companies = ({place[side] for place in places} for side in range(3))
    of = {
        each.pk: each for each in IntegrationInstance.objects.locked().filter(pk__in=instances).order_by("pk")
    }
    for model, pks in ((Organization, organizations), (Company, companies)):
        if not connection.features.has_select_for_update:
            break  # the transaction has locked the whole database
        some = model._default_manager.filter(Among("pk", pks))
        list(some.select_for_update(no_key=True).order_by("pk").values_list("pk"))
    # Without what nobody asks of them: of thousands, to read it takes longer than to decide them.
    rows = wanted.locked().select_related("organization", "company")
    mappings = list(rows.defer(*_UNASKED))
    for mapping in mappings:
        mapping.instance = of[mapping.instance_id]  # read once, not with each row
    return mappings
