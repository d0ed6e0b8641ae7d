"""What a complete read makes of each company: an option, outside the filter, or gone.

Gone is said only of a company that the PSA no longer has. A mapping to one stays as it is;
``models.mappings.ReviewReason`` tells that it needs a look.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Sequence
from typing import Any

from django.db.models import Exists, OuterRef, Q

from integrations.database.transactions import transaction_required
from integrations.models import Company, IntegrationInstance, MappingProposal, OrganizationMapping
from integrations.models.companies import MSP_COMPANY_ID, CompanyQuerySet
from integrations.models.drift import Changed, Kind
from integrations.services.companies.changes import of_kind
from integrations.services.companies.store import CHUNK

ASKED_BY_ID = 2_000  # at most, in four requests: companies that a complete read of the filter lacked


def mapped_companies(instance: IntegrationInstance) -> CompanyQuerySet:
    """The companies that an organization is mapped to."""
    in_force = OrganizationMapping.objects.present().filter(company=OuterRef("pk"))
    return instance.companies.filter(Exists(in_force))


@transaction_required
def forget_ceased_reasons(instance: IntegrationInstance) -> None:
    """Mappings were kept although their company was inactive, say: where it is no longer, that is over."""
    kept = instance.mappings.present().exclude(kept_despite="").select_related("company")
    for mapping in kept.locked():
        if mapping.forget_kept():
            mapping.save(update_fields=["kept_despite"])


def ids_to_ask(instance: IntegrationInstance, seen: Collection[str], *, narrowed: bool) -> list[str]:
    """Ids that a complete read lacked and that are asked for: the filter leaves them out, or they are gone.

    First those that matter whatever their number (the MSP itself, the catch-all company, what is mapped or
    proposed), then those that were there last time, then those said to be gone; at most ``ASKED_BY_ID`` of
    these two. Where no filter ``narrowed`` the read, nobody is asked for who was gone before: had they come
    back, they would have been read.
    """
    proposed = MappingProposal.objects.filter(company=OuterRef("pk"))
    rows = instance.companies.all()
    gone = rows.filter(missing_since__isnull=False).order_by("-missing_since", "pk")
    if not narrowed:
        rows, gone = rows.filter(missing_since=None), gone.none()
    own = [MSP_COMPANY_ID, *filter(None, [instance.catch_all_id])]
    matter = own if narrowed else list(rows.filter(remote_id__in=own).values_list("remote_id", flat=True))
    matter += mapped_companies(instance).filter(pk__in=rows).values_list("remote_id", flat=True)
    matter += rows.filter(Exists(proposed)).values_list("remote_id", flat=True)
    others = [
        remote_id
        for remote_id in (
            *instance.companies.present().order_by("pk").values_list("remote_id", flat=True),
            *gone.values_list("remote_id", flat=True),
        )
        if remote_id not in seen
    ]
    wanted = [remote_id for remote_id in matter if remote_id not in seen]
    return list(dict.fromkeys([*wanted, *others[:ASKED_BY_ID]]))


def mark_offered(instance: IntegrationInstance, seen: Collection[str], *, is_first: bool) -> list[Changed]:
    """What was seen is there and in the filter; which newly are, but for all of a first read."""
    other = Q(is_pending=True) | Q(in_filter=False) | Q(missing_since__isnull=False)
    rows = instance.companies.filter(other).values_list(
        "pk", "remote_id", "name", "is_pending", "missing_since"
    )
    found = [row for row in rows if row[1] in seen]
    _update([pk for pk, *_ in found], is_pending=False, in_filter=True, missing_since=None)
    return [
        Changed(Kind.NEW if pending else Kind.BACK if missing else Kind.ENTERED, pk, "", name)
        for pk, _, name, pending, missing in found
        if not is_first
    ]


def mark_outside(instance: IntegrationInstance, outside: Collection[str]) -> list[Changed]:
    """What exists and is outside the filter; which of them were inside before."""
    other = Q(is_pending=True) | Q(in_filter=True) | Q(missing_since__isnull=False)
    rows = instance.companies.filter(other).values_list("pk", "remote_id", "is_pending", "in_filter", "name")
    left = [row for row in rows if row[1] in outside]
    _update([pk for pk, *_ in left], is_pending=False, in_filter=False, missing_since=None)
    return of_kind(Kind.LEFT, {row[0]: row[4] for row in left if row[3] and not row[2]})


def mark_absent(
    instance: IntegrationInstance, there: Collection[str], asked: Collection[str] | None, started: dt.datetime
) -> list[Changed]:
    """Tell of all companies that are not ``there``: gone, or outside the filter; which newly are.

    ``asked`` are the ids that were asked for by themselves: who is not there then is gone. None: there is no
    filter, so that whoever the read lacks is gone.
    """
    pending: list[int] = []
    gone: dict[int, str] = {}
    outside: dict[int, str] = {}
    for pk, remote_id, is_pending, is_gone, in_filter, name in instance.companies.annotate(
        is_gone=Q(missing_since__isnull=False)
    ).values_list("pk", "remote_id", "is_pending", "is_gone", "in_filter", "name"):
        if remote_id in there:
            continue
        if is_pending:
            pending.append(pk)  # an odd read found it, and no complete one has; never an option
        elif asked is None or remote_id in asked:
            gone |= {} if is_gone else {pk: name}
        elif in_filter and not is_gone:
            outside[pk] = name
    for start in range(0, len(pending), CHUNK):
        Company.objects.filter(pk__in=pending[start : start + CHUNK]).delete()
    _update(list(gone), missing_since=started)
    _update(list(outside), in_filter=False)
    return [*of_kind(Kind.GONE, gone), *of_kind(Kind.LEFT, outside)]


def untick_absent(instance: IntegrationInstance) -> None:
    """Take the ticks off what Save Mappings would leave: a company that is gone, or suggested and outside."""
    outside = Q(company__in_filter=False, kind=MappingProposal.Kind.SUGGESTED)
    absent = outside | Q(company__missing_since__isnull=False)
    ticked = MappingProposal.objects.filter(absent, instance=instance, selected=True)
    keys = list(ticked.order_by().values_list("pk", flat=True))
    for start in range(0, len(keys), CHUNK):
        MappingProposal.objects.filter(pk__in=keys[start : start + CHUNK]).update(selected=False)


def _update(keys: Sequence[int], **values: Any) -> None:
    """Write the same values into many companies; SQLite takes so many ids at a time."""
    for start in range(0, len(keys), CHUNK):
        Company.objects.filter(pk__in=keys[start : start + CHUNK]).update(**values)
