"""Refresh Options: read the tenant's picklists and companies, and keep a copy of what was last seen.

Written page by page, so that a killed refresh loses nothing; what is unchanged is not written. Only after the
last page, in one last transaction, do new companies become options and are others said to be outside the
filter or no longer there. The network is never asked inside a transaction.
"""

from __future__ import annotations

import datetime as dt
import uuid
from collections.abc import Sequence
from dataclasses import replace

from django.db import transaction
from django.utils import timezone

from integrations.database.bulk import renew_statistics
from integrations.models import AuditEvent, Company, IntegrationInstance
from integrations.models.audit import Action
from integrations.models.bases import known_time
from integrations.models.drift import Kind
from integrations.psa.base import CompanyMetadata, PSAClient, PSAError
from integrations.psa.registry import provider_for
from integrations.services.companies.absence import (
    mapped_companies,
)
from integrations.services.companies.changes import summarize
from integrations.services.companies.duplicates import name_keys
from integrations.services.companies.fields import store_details
from integrations.services.companies.filter_rows import rows_of
from integrations.services.companies.filters import conditions_of, is_new_filter
from integrations.services.companies.outcome import RefreshBraked, RefreshOutcome
from integrations.services.companies.reading import (
    Progress,
    Reading,
    read_changes,
    read_everything,
    read_names,
)
from integrations.services.companies.store import store_fields
from integrations.services.companies.take_over import Taken, Wish, take_over
from integrations.services.companies.warnings import (
    aside_warning,
    count_warning,
    details_warning,
    empty_warning,
    field_warning,
    gone_warning,
    keep_warning,
)
from integrations.services.expectations.held import (
    end_hold,
    is_held,
)
from integrations.services.instances.credentials import with_current_zone
from integrations.services.instances.failures import note_failed_read, note_good_read

DATED = (
    "last_refreshed_at", "last_full_read_at", "remote_read_at", "read_warnings", "failing_since",
    "failed_reads", "next_refresh_at", "user_field_read", "filters_read",
    "offered_before", "offered_lost", "updated_at",
)  # fmt: skip
FULL_READ_EVERY = dt.timedelta(hours=24)
CHANGES_OF_READS = (
    Action.FILTER_CHANGED, Action.FILTER_PUT_BACK, Action.USER_FIELD_CHANGED, Action.USER_FIELD_PUT_BACK,
)  # fmt: skip
BESIDE = 5  # requests of a full read for the fields, the tenant's own ones, owners, countries and categories
SLACK = dt.timedelta(hours=1)  # a schedule's turn comes some seconds sooner or later than the one before


def refresh_options(
    instance: IntegrationInstance,
    progress: Progress,
    *,
    full: bool = False,
    accept_shrink: bool = False,
    taken: str = "",
    gone: Sequence[str] = (),
    scheduled: bool = False,
) -> RefreshOutcome:
    """Read fields, picklists and companies of the instance and store them.

    Everything is read where that costs hardly more than the changes since the last read, once a day, and when
    ``full`` demands it; otherwise changes are. ``accept_shrink`` takes over whatever comes, ``taken`` what a
    person saw would go (`HeldRefresh.key`); ``gone`` are ids of which a person said that they are gone, also
    where the read does not tell. ``scheduled`` tells that the schedule asks, which tries again
    within the hour after a failure that may pass. Raises PSAError, RefreshBraked, and what ``progress``
    raises (JobLost, JobCancelled). Repeatable: run again after any failure.
    """
    try:
        return with_current_zone(
            instance,
            lambda client: _refresh(
                instance,
                client,
                progress,
                full=full or accept_shrink or bool(taken or gone),
                wish=Wish(accept_shrink, taken, frozenset(gone)),
                scheduled=scheduled,
            ),
        )
    except (PSAError, RefreshBraked) as failure:
        note_failed_read(instance, failure, scheduled=scheduled)
        raise


def _refresh(
    instance: IntegrationInstance,
    client: PSAClient,
    progress: Progress,
    *,
    full: bool,
    wish: Wish,
    scheduled: bool,
) -> RefreshOutcome:
    started = timezone.now()
    # The filter first: if it is saved between these two lines, the instance tells, and it is read again.
    conditions = conditions_of(instance)
    instance = IntegrationInstance.objects.get(pk=instance.pk)
    progress.report_progress(0, None, "Reading fields and picklists")
    options = _store_metadata(instance, client.company_metadata(), progress, started)
    reading = Reading(instance, client, progress, conditions, started, user_field=instance.user_field)
    # Changes alone would not show what made a result wait, and so say that it is over.
    due = full or is_held(instance) or _must_read_everything(instance, started, scheduled=scheduled)
    if due or not read_changes(reading):
        if instance.user_field != instance.user_field_read:
            _forget_user_values(instance, progress)
        read_everything(reading, with_names=due)
        if due or reading.details is not None:  # where everything is read for its price, they would double it
            read_names(reading)
    return _conclude(reading, options, wish)


def _store_metadata(
    instance: IntegrationInstance, metadata: CompanyMetadata, progress: Progress, now: dt.datetime
) -> int:
    """Keep fields and options as far as they could be read, and what is odd about them; how many options."""
    with transaction.atomic(durable=True):
        progress.assert_held()
        options = store_fields(instance, metadata)
        current = IntegrationInstance.objects.locked().get(pk=instance.pk)
        warned = keep_warning(current, "fields", field_warning(metadata, now))
        if warned or current.awaits_choice:
            current.awaits_choice = False
            current.save(update_fields=["awaits_choice", "read_warnings", "updated_at"])
    return options


def _conclude(reading: Reading, options: int, wish: Wish) -> RefreshOutcome:
    """After the last page: tell options from what is outside the filter or gone, and date the read.

    Raises RefreshBraked where the result has to wait for a person; then it was kept for them.
    """
    keys = reading.keys = name_keys(reading.instance, reading.keys)
    read_at = reading.client.server_time() or reading.started
    with transaction.atomic(durable=True):
        reading.progress.assert_held()
        current = IntegrationInstance.objects.locked().get(pk=reading.instance.pk)
        is_first = current.last_full_read_at is None
        taken = take_over(current, reading, keys, wish, is_first=is_first)
        if isinstance(taken, Taken):
            if reading.incomplete is None or wish.accept:
                end_hold(current)
            _date(current, reading, read_at, wish)
            summarize(
                current, reading.started, full=reading.full, read=reading.number, created=reading.created,
                is_first=is_first,
            )  # fmt: skip
            found = _outcome(current, reading, options, taken)
            outcome: RefreshOutcome | RefreshBraked = replace(
                found, not_taken=bool(wish.taken) and is_held(current)
            )
        else:
            outcome = taken
    if isinstance(outcome, RefreshBraked):
        raise outcome
    renew_statistics(reading.created, Company)
    return outcome


def _date(current: IntegrationInstance, reading: Reading, read_at: dt.datetime, wish: Wish) -> None:
    """Put on the instance that a read came to its end, and what it has to say."""
    _warn(current, reading, wish)
    if reading.details is not None:
        store_details(current, reading.details, reading.parents)
    current.last_refreshed_at = reading.started
    if reading.full:
        current.last_full_read_at = reading.started
        current.user_field_read = reading.instance.user_field
        current.filters_read = rows_of(reading.conditions)
    if reading.full or reading.incomplete is None:  # what did not come is asked for again
        current.remote_read_at = read_at
    note_good_read(current)
    current.save(update_fields=DATED)


def _outcome(current: IntegrationInstance, reading: Reading, options: int, taken: Taken) -> RefreshOutcome:
    offered = current.companies.present().count()
    return RefreshOutcome(
        full=reading.full,
        read=reading.number,
        created=max(reading.created, taken.counts[Kind.NEW]),  # a read that waited has stored them already
        changed=reading.changed + taken.changed,
        missing=taken.counts[Kind.GONE],
        left_filter=taken.counts[Kind.LEFT],
        entered=taken.counts[Kind.ENTERED],
        back=taken.counts[Kind.BACK],
        outside_filter=mapped_companies(current).filter(in_filter=False, missing_since=None).count(),
        options=options,
        offered=offered,
        price=reading.client.requests_for(offered) + BESIDE,
        since=None if reading.full else reading.since,
        psa=provider_for(current.psa).name,
        filtered=bool(reading.conditions),
        unread=reading.unread,
        outdated=is_new_filter(current),
        warnings=tuple(each.text for each in (*current.field_warnings, *current.company_warnings)),
        name_keys=reading.keys,
    )


def _warn(current: IntegrationInstance, reading: Reading, wish: Wish) -> None:
    """Put what this read could not take over on the instance, and take off what is in order again."""
    now, psa = reading.started, provider_for(current.psa).name
    if reading.details is not None:
        keep_warning(current, "details", details_warning(reading.details, now))
    keep_warning(current, "user_field", gone_warning(psa, reading.gone_field, now))
    has_companies, is_filtered = current.companies.offered().exists(), bool(reading.conditions)
    empty = empty_warning(psa, has_companies=has_companies, is_filtered=is_filtered, now=now)
    keep_warning(current, "empty", empty)
    came = None if reading.full else reading.seen | reading.outside - reading.set_aside.keys()
    keep_warning(current, "companies", aside_warning(current, reading.set_aside, came, now))
    if not reading.full and reading.incomplete is None:
        return  # of a complete read's warning a read of changes knows nothing
    incomplete = None if wish.accept else reading.incomplete
    lacking: dict[str, str] = {}
    if incomplete is not None:
        ids = set(reading.asked) - reading.seen - reading.outside
        rows = current.companies.present().filter(remote_id__in=ids)
        lacking = dict(rows.values_list("remote_id", "name"))
        if wish.gone and not lacking:
            incomplete = None  # a person has said of all of them that they are gone
    keep_warning(current, "count", count_warning(psa, incomplete, lacking, now))


def _forget_user_values(instance: IntegrationInstance, progress: Progress) -> None:
    """Another user-defined field is to be read: no company keeps a value of the one before."""
    with transaction.atomic(durable=True):
        progress.assert_held()
        instance.companies.exclude(user_value="").update(user_value="")
        IntegrationInstance.objects.filter(pk=instance.pk).update(user_field_read="")
    instance.user_field_read = ""


def _must_read_everything(instance: IntegrationInstance, now: dt.datetime, *, scheduled: bool) -> bool:
    """Whether a day has passed since everything was read, or will have before the schedule's next turn."""
    last = known_time(instance.last_full_read_at, now)
    read = instance.remote_read_at, instance.last_refreshed_at
    if any(at is not None and known_time(at, now) is None for at in read):
        return True  # a clock was wrong: what has changed since then is not known
    if last is None or is_new_filter(instance):
        return True
    if instance.user_field != instance.user_field_read:
        return True
    if not scheduled:
        return now - last > FULL_READ_EVERY
    interval = dt.timedelta(hours=instance.refresh_every_hours)
    return now - last > FULL_READ_EVERY - SLACK or now - last + interval > FULL_READ_EVERY + SLACK


def refiltered(batch: uuid.UUID) -> list[IntegrationInstance]:
    """The configurations of which a batch changed or put back what is read, and that can be read anew."""
    changed = AuditEvent.objects.filter(batch=batch).of(*CHANGES_OF_READS)
    there = IntegrationInstance.objects.present().exclude(credentials="")
    readable = there.exclude(status=IntegrationInstance.Status.REFUSED)
    return list(readable.filter(pk__in=changed.order_by().values("instance")).order_by("pk"))
