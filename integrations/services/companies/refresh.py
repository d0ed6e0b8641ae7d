"""Refresh Options: read the tenant's picklists and companies, and keep a copy of what was last seen.

Written page by page, so that a killed refresh loses nothing. Only after a complete read, in one last
transaction, do new companies become options and are others marked missing. The network is never asked
inside a transaction.
"""

from __future__ import annotations

import datetime as dt
import logging
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Protocol

from django.db import transaction
from django.db.models import Q
from django.utils import timezone

from integrations.database.bulk import renew_statistics
from integrations.models import Company, FilterOption, IntegrationInstance
from integrations.psa.base import CompanyMetadata, CompanyPage, PSAClient, RemoteCompany, SetAside
from integrations.services.companies.filters import conditions_of
from integrations.services.instances.connect import with_current_zone

logger = logging.getLogger(__name__)

FULL_READ_EVERY = dt.timedelta(hours=24)
CLOCK_MARGIN = dt.timedelta(minutes=10)
SHRINK_LIMIT = 0.30
SHRINK_MATTERS_FROM = 10  # companies: below that, 30 % is one or two ordinary deletions, unless none is left

COPIED = (
    "name", "number", "company_type", "is_active", "web_address", "phone", "city", "state", "postal_code",
    "parent_id", "modified_at",
)  # fmt: skip


class ShrinkRefused(Exception):
    """A complete read returned far fewer companies than the last one; a person must confirm it."""

    def __init__(self, before: int, missing: int) -> None:
        self.before, self.missing = before, missing
        super().__init__(
            f"{missing} of {before} companies were not returned this time. Nothing was marked missing. "
            "If this is right (after a clean-up, say), confirm it; otherwise check what the API user may see."
        )


class Progress(Protocol):
    """What a long piece of work reports to; a job's run, or a command's bar."""

    def report_progress(self, done: int, total: int | None, message: str = "") -> None: ...
    def assert_held(self) -> None: ...


@dataclass(frozen=True)
class RefreshOutcome:
    """What a refresh found.

    ``full`` tells whether missing companies could show in it, ``outdated`` that the company filter was
    changed meanwhile: then it has to be read once more.
    """

    full: bool
    read: int
    created: int
    changed: int
    missing: int
    outside_filter: int
    options: int
    outdated: bool = False

    def sentence(self) -> str:
        """For the page and the command."""
        parts = [f"{self.read:,} companies read", f"{self.created:,} new", f"{self.changed:,} changed"]
        if self.full:
            parts.append(f"{self.missing:,} no longer there")
        if self.outside_filter:
            parts.append(f"{self.outside_filter:,} mapped outside the filter")
        return ", ".join(parts) + "."


def refresh_options(
    instance: IntegrationInstance, progress: Progress, *, full: bool = False, accept_shrink: bool = False
) -> RefreshOutcome:
    """Read fields, picklists and companies of the instance and store them.

    An incremental read (companies modified since the last one) is used between daily full reads; ``full``
    demands a full one. Raises PSAError, ShrinkRefused, and what ``progress`` raises (JobLost, JobCancelled).
    Repeatable: run again after any failure.
    """
    return with_current_zone(
        instance, lambda client: _refresh(instance, client, progress, full=full, accept_shrink=accept_shrink)
    )


def _refresh(
    instance: IntegrationInstance, client: PSAClient, progress: Progress, *, full: bool, accept_shrink: bool
) -> RefreshOutcome:
    started = timezone.now()
    # The filter first: if it is saved between these two lines, the instance tells, and it is read again.
    conditions = conditions_of(instance)
    instance = IntegrationInstance.objects.get(pk=instance.pk)
    before = instance.companies.present().count()
    full = full or accept_shrink or _needs_full_read(instance, started)
    progress.report_progress(0, None, "Reading fields and picklists")
    metadata = client.company_metadata()
    with transaction.atomic(durable=True):
        progress.assert_held()
        options = _store_fields(instance, metadata)
    since = None if full or instance.last_refreshed_at is None else instance.last_refreshed_at - CLOCK_MARGIN
    known = list(instance.companies.present().values_list("remote_id", flat=True)) if since is None else []
    pages = client.companies(conditions, modified_since=since, known_ids=known)
    read, created, changed = _store_pages(instance, pages, progress, started)
    outside: Mapping[str, RemoteCompany] = {}
    if full:
        if not accept_shrink and not _filters_changed_since_full_read(instance):
            _refuse_shrink(instance, started, before)
        found = client.companies_by_id(_mapped_but_unseen(instance, started))
        outside = found.companies
        _note_set_aside(instance, found.set_aside, started)
    with transaction.atomic(durable=True):
        progress.assert_held()
        current = IntegrationInstance.objects.locked().get(pk=instance.pk)
        missing = _conclude(current, outside.values(), started, full=full)
        current.companies.all().mark_twins()
        current.last_refreshed_at = started
        if full:
            current.last_full_read_at = started
        current.save(update_fields=["last_refreshed_at", "last_full_read_at", "updated_at"])
        outdated = _filters_changed_since_full_read(current)
    renew_statistics(created, Company)
    return RefreshOutcome(full, read, created, changed, missing, len(outside), options, outdated)


def _needs_full_read(instance: IntegrationInstance, now: dt.datetime) -> bool:
    """Deletions and companies that fall out of the filter only show in a full read."""
    last = instance.last_full_read_at
    return last is None or now - last > FULL_READ_EVERY or _filters_changed_since_full_read(instance)


def _filters_changed_since_full_read(instance: IntegrationInstance) -> bool:
    changed, read = instance.filters_changed_at, instance.last_full_read_at
    return changed is not None and (read is None or changed > read)


def _store_fields(instance: IntegrationInstance, metadata: CompanyMetadata) -> int:
    """Keep field metadata and picklist options; an option that the tenant no longer has becomes inactive.

    What could not be read stays as it was known.
    """
    fields = metadata.fields
    if not fields:
        return 0
    rows = [
        FilterOption(
            instance=instance,
            field=field.name,
            value=str(option.value),
            label=option.label[:200],
            is_active=option.is_active,
            is_system=option.is_system,
            sort_order=option.sort_order,
        )
        for field in fields
        for option in field.options
    ]
    FilterOption.objects.bulk_create(
        rows,
        update_conflicts=True,
        unique_fields=["instance", "field", "value"],
        update_fields=["label", "is_active", "is_system", "sort_order"],
        batch_size=500,
    )
    answered = {(row.field, row.value) for row in rows}
    gone = [
        option.pk
        for option in instance.options.filter(is_active=True)
        if (option.field, option.value) not in answered and option.field not in metadata.unsure
    ]
    instance.options.filter(pk__in=gone).update(is_active=False)
    described: list[dict[str, Any]] = []
    for field in fields:
        values = asdict(field)
        values.pop("options")
        described.append(values)
    IntegrationInstance.objects.filter(pk=instance.pk).update(company_fields=described)
    return len(rows)


def _store_pages(
    instance: IntegrationInstance, pages: Iterable[CompanyPage], progress: Progress, started: dt.datetime
) -> tuple[int, int, int]:
    """Store every page as it comes; returns how many were read, new and changed."""
    read = created = changed = 0
    for page in pages:
        with transaction.atomic(durable=True):
            progress.assert_held()
            new, different = _store_companies(instance, page.companies, started)
        created, changed = created + new, changed + different
        _note_set_aside(instance, page.set_aside, started)
        read += len(page.companies)
        progress.report_progress(read, page.total, "Reading companies")
    return read, created, changed


def _note_set_aside(instance: IntegrationInstance, rows: Sequence[SetAside], seen_at: dt.datetime) -> None:
    """Companies that could not be read are there all the same: their copies stay as they are."""
    for row in rows:
        logger.warning("company set aside in %s: %s", instance, row.sentence)
    if rows:
        instance.companies.filter(remote_id__in=[row.id for row in rows]).update(seen_at=seen_at)


def _store_companies(
    instance: IntegrationInstance, companies: Collection[RemoteCompany], seen_at: dt.datetime
) -> tuple[int, int]:
    """Insert or update copies; returns how many are new and how many differ from the last copy.

    New ones are pending, and none is brought back or left out: ``_conclude`` does that.
    """
    known = {
        remote_id: (pk, held)
        for pk, remote_id, *held in instance.companies.filter(
            remote_id__in=[company.id for company in companies]
        ).values_list("pk", "remote_id", *COPIED)
    }
    rows: list[Company] = []  # new, or different from the last copy
    unchanged: list[int] = []
    for company in companies:
        values = [getattr(company, name) for name in COPIED]
        pk, held = known.get(company.id, (0, None))
        if held == values:
            unchanged.append(pk)
        else:
            copied = dict(zip(COPIED, values, strict=True))
            rows.append(
                Company(instance=instance, remote_id=company.id, seen_at=seen_at, is_pending=True, **copied)
            )
    Company.objects.filter(pk__in=unchanged).update(seen_at=seen_at)
    Company.objects.bulk_create(
        rows,
        update_conflicts=True,
        unique_fields=["instance", "remote_id"],
        update_fields=[*COPIED, "seen_at"],
        batch_size=500,
    )
    different = len(known) - len(unchanged)
    return len(rows) - different, different


# --- after a complete read ----------------------------------------------------------------------------


def _refuse_shrink(instance: IntegrationInstance, started: dt.datetime, before: int) -> None:
    """Raise ShrinkRefused when far fewer of the companies that were there came back."""
    lacking = instance.companies.present().filter(seen_at__lt=started).count()
    shrunk = before >= SHRINK_MATTERS_FROM and lacking > before * SHRINK_LIMIT
    if shrunk or 1 < before == lacking:
        raise ShrinkRefused(before, lacking)


def _mapped_but_unseen(instance: IntegrationInstance, started: dt.datetime) -> list[str]:
    """Ids of mapped companies that the read lacked: the filter may leave them out, or they are gone."""
    return list(
        instance.companies.filter(seen_at__lt=started, mappings__removed_at=None)
        .exclude(mappings=None)
        .values_list("remote_id", flat=True)
        .distinct()
    )


def _conclude(
    instance: IntegrationInstance, outside: Collection[RemoteCompany], started: dt.datetime, *, full: bool
) -> int:
    """What was seen becomes an option; after a full read the rest is missing. Returns how many are, newly."""
    instance.companies.filter(
        Q(is_pending=True) | Q(in_filter=False) | Q(missing_since__isnull=False), seen_at=started
    ).update(is_pending=False, in_filter=True, missing_since=None)
    if not full:
        return 0
    _store_companies(instance, outside, started)
    instance.companies.filter(remote_id__in=[company.id for company in outside]).update(
        is_pending=False, in_filter=False, missing_since=None
    )
    unseen = instance.companies.filter(seen_at__lt=started)
    unseen.filter(is_pending=True).delete()  # an odd read found them, and no complete one has; never options
    return unseen.filter(missing_since=None).update(missing_since=started)
