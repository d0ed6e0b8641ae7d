"""Who hears of an alert, and how: by their rights, their wishes, and what they have muted."""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from django.contrib.auth.models import User
from django.db.models import Q, QuerySet
from django.utils import timezone

from integrations.models import (
    Alert,
    AlertChannel,
    AlertKind,
    AlertPreference,
    AlertReader,
    IntegrationInstance,
)

How = AlertPreference.How
BACKEND = "django.contrib.auth.backends.ModelBackend"
USUAL_HOUR = 8

# What a person needs to see an alert of the kind, and so to hear of it; "": nothing, it is about themselves.
RIGHTS = {
    AlertKind.CREDENTIALS_REFUSED: "view_integrationinstance",
    AlertKind.REFRESH_FAILED: "view_integrationinstance",
    AlertKind.EXPECTATION_BROKEN: "view_integrationinstance",
    AlertKind.DRIFT_FOUND: "view_integrationinstance",
    AlertKind.ORGANIZATION_UNMAPPED: "view_organization",
    AlertKind.IMPORT_FINISHED: "view_importreport",
    AlertKind.KEY_ENDING: "view_apitoken",
    AlertKind.NEW_PLACE: "",
}
# How those hear of it who have said nothing and can do something about it; all others do not.
USUAL = {
    AlertKind.CREDENTIALS_REFUSED: How.AT_ONCE,
    AlertKind.REFRESH_FAILED: How.AT_ONCE,
    AlertKind.EXPECTATION_BROKEN: How.AT_ONCE,
    AlertKind.DRIFT_FOUND: How.DIGEST,
    AlertKind.ORGANIZATION_UNMAPPED: How.DIGEST,
    AlertKind.IMPORT_FINISHED: How.NEVER,
    AlertKind.KEY_ENDING: How.DIGEST,
}


@dataclass(frozen=True)
class Wish:
    """How a person wants to hear of something, and until when they have muted it."""

    how: How
    muted_until: dt.datetime | None = None


def usual_for(kind: AlertKind, *, may_act: bool) -> How:
    """How somebody hears of the kind who has said nothing."""
    return USUAL[kind] if may_act else How.NEVER


def people_for(alert: Alert) -> QuerySet[User]:
    """Who may see the alert and has an e-mail address."""
    right = RIGHTS[alert.known_kind]
    may = User.objects.with_perm(f"integrations.{right}", backend=BACKEND) if right else User.objects.all()
    people = may.filter(is_active=True).exclude(email="")
    return people.filter(pk=alert.person_id or 0) if alert.known_kind.is_personal else people


def _may(user: User, kind: AlertKind) -> bool:
    return not RIGHTS[kind] or user.has_perm(f"integrations.{RIGHTS[kind]}")


def may_see(user: User, alert: Alert) -> bool:
    """Whether the person may see the alert at this moment."""
    if not _may(user, alert.known_kind):
        return False
    if alert.known_kind.is_personal and alert.person_id != user.pk:
        return False
    seen = IntegrationInstance.objects.visible_to(user).filter(pk=alert.instance_id or 0)
    return alert.instance_id is None or seen.exists()


def hears(channel: AlertChannel, alert: Alert) -> bool:
    """Whether the room is told of the alert: by its kind, and by its configuration where it has one."""
    if alert.kind not in channel.kinds or alert.known_kind.is_personal:
        return False
    return alert.instance_id is None or channel.instance_id in {None, alert.instance_id}


def visible_alerts(user: User) -> QuerySet[Alert]:
    """The alerts that the person may see."""
    kinds = [kind for kind in RIGHTS if _may(user, kind)]
    instances = IntegrationInstance.objects.visible_to(user)
    personal = [kind for kind in kinds if kind.is_personal]
    seen = Alert.objects.filter(Q(instance=None) | Q(instance__in=instances), kind__in=kinds)
    return seen.filter(~Q(kind__in=personal) | Q(person=user))


def wishes_for(alert: Alert, people: Collection[User], now: dt.datetime) -> dict[int, Wish]:
    """How each of these people wants to hear of the alert now, by their primary keys.

    What concerns a person alone comes at once whatever they said: it warns of somebody who may have said it
    in their place.
    """
    if alert.known_kind.is_personal:
        return {person.pk: Wish(How.AT_ONCE) for person in people}
    said = AlertPreference.objects.filter(user__in=people, kind__in=["", alert.kind]).filter(
        Q(instance=None) | Q(instance=alert.instance_id)
    )
    acting = User.objects.with_perm("integrations.map_organizations", backend=BACKEND)
    may_act = set(acting.filter(pk__in=[each.pk for each in people]).values_list("pk", flat=True))
    of: dict[int, list[AlertPreference]] = {}
    for row in said:
        of.setdefault(row.user_id, []).append(row)
    return {
        person.pk: _wish(
            of.get(person.pk, []), usual_for(alert.known_kind, may_act=person.pk in may_act), now
        )
        for person in people
    }


def _wish(rows: Iterable[AlertPreference], usual: How, now: dt.datetime) -> Wish:
    """What is said of one configuration counts before what is said of all."""
    rows = list(rows)
    said = [row for row in rows if row.how and row.kind]
    nearest = next((row for row in said if row.instance_id is not None), None) or next(iter(said), None)
    mutes = [row.muted_until for row in rows if row.muted_until and row.is_muted(now)]
    return Wish(How(nearest.how) if nearest else usual, max(mutes, default=None))


# --- the digest ---------------------------------------------------------------------------------------


def zone_of(reader: AlertReader | None) -> dt.tzinfo:
    """The person's time zone; the portal's where they named none, or one that this machine does not know."""
    try:
        return ZoneInfo(reader.time_zone) if reader and reader.time_zone else _portal_zone()
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return _portal_zone()


def _portal_zone() -> dt.tzinfo:
    return timezone.get_default_timezone()


def next_digest(reader: AlertReader | None, after: dt.datetime) -> dt.datetime:
    """When the person's next digest is due: once a day at their hour, as their clocks show it.

    An hour that a day does not have, because clocks go forward, is the one after it; of one that a day has
    twice the first counts.
    """
    zone, hour = zone_of(reader), reader.digest_hour if reader else USUAL_HOUR
    day = after.astimezone(zone).date()
    while (due := dt.datetime.combine(day, dt.time(hour), zone).astimezone(dt.UTC)) <= after:
        day += dt.timedelta(days=1)
    return due
