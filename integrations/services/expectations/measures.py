"""How each expectation stands, worked out of the rows alone, without a memory of its own.

Nothing is said of a configuration that was never read, of what a wrong clock has dated, or of a share of
nothing: that is not known.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Collection
from dataclasses import dataclass

from django.db.models import Exists, OuterRef

from integrations.models import (
    AuditEvent,
    Expectation,
    IntegrationInstance,
    Organization,
    OrganizationMapping,
    RecordChange,
)
from integrations.models.audit import Action
from integrations.models.bases import known_time
from integrations.models.drift import NO
from integrations.models.expectations import ExpectationKind
from integrations.models.organizations import OrganizationQuerySet
from integrations.models.review_reasons import needs_review
from integrations.services.expectations.limits import is_too_little, too_many_lost
from integrations.services.expectations.terms import Terms

Kind, State = ExpectationKind, Expectation.State
# What makes an organization open work again, from that moment on, beside losing its mapping.
OPENED_AGAIN = (
    Action.ORGANIZATION_REOPENED, Action.ORGANIZATION_RESTORED, Action.ORGANIZATION_RESTORED_BY_UNDO,
)  # fmt: skip


@dataclass(frozen=True)
class Measured:
    """How one kind stands: ``value`` of ``total``, where there are such numbers, and a sentence."""

    state: Expectation.State
    text: str
    value: int | None = None
    total: int | None = None


def measure(kind: ExpectationKind, instance: IntegrationInstance, terms: Terms, now: dt.datetime) -> Measured:
    """How the expectation stands now; a result that waits (`held`) is not looked at."""
    if kind is not Kind.CREDENTIALS and instance.last_refreshed_at is None:
        return _unknown("The companies were not read yet.")
    return _MEASURES[kind](instance, terms, now)


def _unknown(text: str) -> Measured:
    return Measured(State.UNKNOWN, text)


def _judged(*, broken: bool, text: str, value: int, total: int | None = None) -> Measured:
    return Measured(State.WARNS if broken else State.HOLDS, text, value, total)


# --- mapped, and not ----------------------------------------------------------------------------------


def mapped_here(instance: IntegrationInstance) -> tuple[int, int]:
    """How many organizations are mapped to a company that the PSA has, of how many that should be.

    That is those mapped in the instance and the unmapped ones of its PSA: not the ignored, nor those mapped
    in another configuration.
    """
    here = OrganizationMapping.objects.in_tables().filter(instance=instance).order_by()
    there = here.filter(company__missing_since=None).count()
    return there, here.count() + Organization.objects.unmapped_in(instance.psa).count()


def _mapped(instance: IntegrationInstance, terms: Terms, now: dt.datetime) -> Measured:
    value, total = mapped_here(instance)
    if not total:
        return _unknown("There is no organization to map.")
    broken = is_too_little(value, total, terms.limit)
    return _judged(broken=broken, text=f"{mapped_text(value, total)}.", value=value, total=total)


def mapped_text(value: int, total: int) -> str:
    """How many, and which share that is, which is not rounded up to what it does not reach."""
    tenths = value * 1000 // total if total else 0
    share = f"{tenths // 10}.{tenths % 10} %"
    return f"{value:,} of {total:,} organizations ({share}) are mapped to a company that is there"


def unmapped_for(psa: str, days: int, now: dt.datetime) -> OrganizationQuerySet:
    """The organizations that have been unmapped in the PSA for longer than so many days, without a break."""
    unmapped = Organization.objects.unmapped_in(psa)
    if not days:
        return unmapped
    since = now - dt.timedelta(days=days)
    had_one = OrganizationMapping.objects.filter(organization=OuterRef("pk"), psa=psa, removed_at__gt=since)
    came_back = RecordChange.objects.filter(
        organization=OuterRef("pk"), kind=RecordChange.Kind.ORGANIZATION_INACTIVE, after=NO, at__gt=since
    )
    reopened = AuditEvent.objects.filter(target_type="organization", at__gt=since).of(*OPENED_AGAIN)
    ids = {int(each) for each in reopened.order_by().values_list("target_id", flat=True)}
    long = unmapped.filter(created_at__lte=since).exclude(Exists(had_one)).exclude(Exists(came_back))
    return long.exclude(pk__in=ids) if ids else long


def _unmapped(instance: IntegrationInstance, terms: Terms, now: dt.datetime) -> Measured:
    value = unmapped_for(instance.psa, terms.days, now).count()
    if terms.days:
        days = "a day" if terms.days == 1 else f"{terms.days} days"
        text = f"{_organizations(value)} unmapped for more than {days}."
    else:
        text = f"{_organizations(value)} unmapped."
    return _judged(broken=value > terms.limit, text=text, value=value)


def _organizations(number: int) -> str:
    few = {0: "No organization is", 1: "1 organization is"}
    return few.get(number, f"{number:,} organizations are")


# --- companies, credentials, refreshes, the inbox -----------------------------------------------------


def lost_text(before: int, lost: int) -> str:
    """How many companies did not come."""
    return f"{lost:,} of {before:,} companies were not returned this time"


def _fewer(instance: IntegrationInstance, terms: Terms, now: dt.datetime) -> Measured:
    before, lost = instance.offered_before, instance.offered_lost
    if not before:
        return _unknown("No read was compared with one before it yet.")
    if lost is None:
        return Measured(
            State.HOLDS, "A person wanted the last read as it is: fewer were expected.", total=before
        )
    broken = too_many_lost(before, lost, terms.limit)
    number = f"{lost:,}" if lost else "none"
    text = f"In the last read {number} of {before:,} companies {'was' if lost < 2 else 'were'} missing."
    return _judged(broken=broken, text=text, value=lost, total=before)


def _credentials(instance: IntegrationInstance, terms: Terms, now: dt.datetime) -> Measured:
    statuses = IntegrationInstance.Status
    if instance.status == statuses.UNVERIFIED:
        return _unknown("The credentials were not checked yet.")
    if instance.status == statuses.REFUSED:
        return Measured(State.WARNS, "The credentials are refused.")
    return Measured(State.HOLDS, "The credentials are not refused.")


def _refreshed(instance: IntegrationInstance, terms: Terms, now: dt.datetime) -> Measured:
    last = known_time(instance.last_refreshed_at, now)
    if last is None:
        return _unknown("A clock was wrong: the last refresh lies ahead.")
    hour, ago = dt.timedelta(hours=1), max(now - last, dt.timedelta())
    hours, begun = ago // hour, -(-ago // hour)  # half an hour more than allowed is more than allowed
    more = "more than " if begun > hours else ""
    text = f"The last refresh was {more}{'1 hour' if hours == 1 else f'{hours:,} hours'} ago."
    if not hours:
        text = "The last refresh was less than an hour ago."
    return _judged(broken=begun > terms.limit, text=text, value=begun)


def open_in_inbox(instance: IntegrationInstance, excused: Collection[int] = ()) -> int:
    """How many mappings of the instance have to be looked at: what the inbox shows.

    But for those to ``excused`` companies, by id.
    """
    rows = OrganizationMapping.objects.in_tables().filter(needs_review(), instance=instance)
    if not excused:
        return rows.count()
    return sum(company not in excused for company in rows.order_by().values_list("company", flat=True))


def _inbox(instance: IntegrationInstance, terms: Terms, now: dt.datetime) -> Measured:
    value = open_in_inbox(instance)
    few = {0: "No mapping is", 1: "1 mapping is"}
    text = f"{few.get(value, f'{value:,} mappings are')} open in the inbox."
    return _judged(broken=value > terms.limit, text=text, value=value)


_MEASURES: dict[ExpectationKind, Callable[[IntegrationInstance, Terms, dt.datetime], Measured]] = {
    Kind.MAPPED: _mapped,
    Kind.UNMAPPED: _unmapped,
    Kind.FEWER: _fewer,
    Kind.CREDENTIALS: _credentials,
    Kind.REFRESHED: _refreshed,
    Kind.INBOX: _inbox,
}
