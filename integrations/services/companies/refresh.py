"""Refresh Options: read the tenant's picklists and companies, and keep a copy of what was last seen.

Written page by page, so that a killed refresh loses nothing; what is unchanged is not written. Only after a
complete read, in one last transaction, do new companies become options and are others said to be outside the
filter or no longer there. The network is never asked inside a transaction.
"""

from __future__ import annotations

import datetime as dt
import logging
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from django.db import transaction
from django.db.models import Exists, OuterRef
from django.utils import timezone

from integrations.database.bulk import renew_statistics
from integrations.models import (
    Company,
    IntegrationInstance,
    MappingProposal,
    OrganizationMapping,
)
from integrations.models.companies import MSP_COMPANY_ID, CompanyQuerySet
from integrations.psa.base import (
    CompanyPage,
    FoundCompanies,
    PSAClient,
    SetAside,
)
from integrations.services.companies.absence import mark_absent, mark_offered, store_outside
from integrations.services.companies.duplicates import flag_duplicate_names, name_keys
from integrations.services.companies.filters import conditions_of
from integrations.services.companies.store import store_companies, store_fields
from integrations.services.instances.connect import with_current_zone

logger = logging.getLogger(__name__)

FULL_READ_EVERY = dt.timedelta(hours=24)
CLOCK_MARGIN = dt.timedelta(minutes=10)
SHRINK_LIMIT = 0.30
ASKED_BY_ID = 2_000  # at most, in four requests: companies that a complete read of the filter lacked
SHRINK_MATTERS_FROM = 10  # companies: below that, 30 % is one or two ordinary deletions, unless none is left


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
    changed meanwhile: then it has to be read once more. ``missing`` are those newly found to be gone,
    ``left_filter`` those that exist and are newly outside the filter, ``outside_filter`` the mapped ones
    among all that are outside it.
    """

    full: bool
    read: int
    created: int
    changed: int
    missing: int
    left_filter: int
    outside_filter: int
    options: int
    outdated: bool = False

    def sentence(self) -> str:
        """For the page and the command."""
        parts = [f"{self.read:,} companies read", f"{self.created:,} new", f"{self.changed:,} changed"]
        if self.full:
            parts.append(f"{self.missing:,} no longer there")
        if self.left_filter:
            parts.append(f"{self.left_filter:,} now outside the filter")
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
    full = full or accept_shrink or _needs_full_read(instance, started)
    progress.report_progress(0, None, "Reading fields and picklists")
    metadata = client.company_metadata()
    with transaction.atomic(durable=True):
        progress.assert_held()
        options = store_fields(instance, metadata)
    since = None if full or instance.last_refreshed_at is None else instance.last_refreshed_at - CLOCK_MARGIN
    known = list(instance.companies.present().values_list("remote_id", flat=True)) if since is None else []
    pages = client.companies(conditions, modified_since=since, known_ids=known)
    read = _store_pages(instance, pages, progress, started)
    asked: list[str] = []
    found = FoundCompanies({})
    if full:
        if not accept_shrink and not _filters_changed_since_full_read(instance):
            _refuse_shrink(instance, read.seen)
        asked = _ids_to_ask(instance, read.seen)
        found = client.companies_by_id(asked)
        read.seen.update(_set_aside(instance, found.set_aside))
    keys = name_keys(instance)
    with transaction.atomic(durable=True):
        progress.assert_held()
        current = IntegrationInstance.objects.locked().get(pk=instance.pk)
        mark_offered(current, read.seen)
        missing = left = outside = 0
        if full:
            found_outside = store_outside(current, found, started)
            gone = set(asked) if conditions else None
            missing, left = mark_absent(current, read.seen | found.companies.keys(), gone, started)
            left += found_outside
            outside = _mapped(current).filter(in_filter=False, missing_since=None).count()
        flag_duplicate_names(current, keys)
        current.last_refreshed_at = started
        if full:
            current.last_full_read_at = started
        current.save(update_fields=["last_refreshed_at", "last_full_read_at", "updated_at"])
        outdated = _filters_changed_since_full_read(current)
    renew_statistics(read.created, Company)
    return RefreshOutcome(
        full, read.number, read.created, read.changed, missing, left, outside, options, outdated
    )


def _needs_full_read(instance: IntegrationInstance, now: dt.datetime) -> bool:
    """Deletions and companies that fall out of the filter only show in a full read."""
    last = instance.last_full_read_at
    return last is None or now - last > FULL_READ_EVERY or _filters_changed_since_full_read(instance)


def _filters_changed_since_full_read(instance: IntegrationInstance) -> bool:
    changed, read = instance.filters_changed_at, instance.last_full_read_at
    return changed is not None and (read is None or changed > read)


@dataclass
class _Read:
    """What a read of pages has brought so far; ``seen`` are the ids, those of companies set aside too."""

    seen: set[str] = field(default_factory=set)
    number: int = 0
    created: int = 0
    changed: int = 0


def _store_pages(
    instance: IntegrationInstance, pages: Iterable[CompanyPage], progress: Progress, started: dt.datetime
) -> _Read:
    """Store every page as it comes."""
    read = _Read()
    for page in pages:
        with transaction.atomic(durable=True):
            progress.assert_held()
            created, changed = store_companies(instance, page.companies, started)
        read.created, read.changed = read.created + created, read.changed + changed
        read.seen.update(company.id for company in page.companies)
        read.seen.update(_set_aside(instance, page.set_aside))
        read.number += len(page.companies)
        progress.report_progress(read.number, page.total, "Reading companies")
    return read


def _set_aside(instance: IntegrationInstance, rows: Sequence[SetAside]) -> list[str]:
    """The ids of companies that could not be read; they are there all the same, their copies stay."""
    for row in rows:
        logger.warning("company set aside in %s: %s", instance, row.sentence)
    return [row.id for row in rows if row.id]


def _refuse_shrink(instance: IntegrationInstance, seen: Collection[str]) -> None:
    """Raise ShrinkRefused when far fewer of the companies that were there came back."""
    before = instance.companies.present().values_list("remote_id", flat=True)
    lacking, number = sum(remote_id not in seen for remote_id in before), len(before)
    shrunk = number >= SHRINK_MATTERS_FROM and lacking > number * SHRINK_LIMIT
    if shrunk or 1 < number == lacking:
        raise ShrinkRefused(number, lacking)


def _mapped(instance: IntegrationInstance) -> CompanyQuerySet:
    """The companies that an organization is mapped to."""
    in_force = OrganizationMapping.objects.present().filter(company=OuterRef("pk"))
    return instance.companies.filter(Exists(in_force))


def _ids_to_ask(instance: IntegrationInstance, seen: Collection[str]) -> list[str]:
    """Ids that the read lacked and that are asked for: the filter leaves them out, or they are gone.

    First those that matter whatever their number (the MSP itself, the catch-all company, what is mapped or
    proposed), then those that were there last time, then those said to be gone; at most ``ASKED_BY_ID`` of
    these two.
    """
    proposed = MappingProposal.objects.filter(company=OuterRef("pk"))
    matter = [MSP_COMPANY_ID, *filter(None, [instance.catch_all_id])]
    matter += _mapped(instance).values_list("remote_id", flat=True)
    matter += instance.companies.filter(Exists(proposed)).values_list("remote_id", flat=True)
    others = [
        remote_id
        for remote_id in (
            *instance.companies.present().order_by("pk").values_list("remote_id", flat=True),
            *instance.companies.filter(missing_since__isnull=False)
            .order_by("-missing_since", "pk")
            .values_list("remote_id", flat=True),
        )
        if remote_id not in seen
    ]
    wanted = [remote_id for remote_id in matter if remote_id not in seen]
    return list(dict.fromkeys([*wanted, *others[:ASKED_BY_ID]]))
