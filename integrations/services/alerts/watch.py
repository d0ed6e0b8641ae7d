"""Opening and closing alerts: what stands is compared with what was told, and the difference is written.

An alert, the messages that are owed for it and its event for the webhooks are one transaction, so that a
worker that is killed leaves all of it or nothing, and nothing is told twice.
"""

from __future__ import annotations

import datetime as dt
import logging
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from django.db import InterfaceError, OperationalError, transaction
from django.db.models import Count, Max
from django.utils import timezone

from integrations.database.bulk import insert_rows
from integrations.database.transactions import wait_for_turn
from integrations.models import Alert, AlertKind
from integrations.models.audit import Action
from integrations.services.alerts.causes import (
    Cause,
    is_settled,
    standing_causes,
    unmapped_causes,
    untold_moments,
)
from integrations.services.alerts.queue import queue_opening, queue_over
from integrations.services.audit import Actor, Batch, Change
from integrations.services.webhooks.outbox import ALERT

PORTAL = Actor("The portal", "alerts")
MOMENTS = (AlertKind.DRIFT_FOUND, AlertKind.IMPORT_FINISHED, AlertKind.NEW_PLACE)
# What comes and goes is told now and then, not each time: after this rest, which doubles within a day.
COMES_BACK, LONGEST_REST, A_DAY = dt.timedelta(minutes=10), dt.timedelta(hours=2), dt.timedelta(days=1)
_TURN = 7_301_549  # any number that nothing else waits by
_OVER = {
    AlertKind.CREDENTIALS_REFUSED: "The credentials are no longer refused.",
    AlertKind.REFRESH_FAILED: "A refresh has come to its end.",
    AlertKind.EXPECTATION_BROKEN: "It holds again, or is no longer expected.",
    AlertKind.ORGANIZATION_UNMAPPED: "All of them are mapped, ignored or gone.",
    AlertKind.KEY_ENDING: "It has ended, was revoked, or ends later.",
}
HELD_OVER = "It was taken or left, or a later refresh had nothing to ask."

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Difference:
    """What is to be written: causes without an open alert, open alerts without a cause, and other texts."""

    begun: list[Cause]
    over: list[Alert]
    told_else: list[tuple[Alert, str]]  # what stands, and how it is by now

    def __bool__(self) -> bool:
        return bool(self.begun or self.over or self.told_else)


def watch() -> int:
    """Open an alert for what began, close those of what is over, and queue the messages; how many changed.

    Repeatable at any moment and by several workers at once.
    """
    if not _difference(timezone.now()):
        return 0  # the usual case takes no lock
    with transaction.atomic():
        wait_for_turn(_TURN)
        now = timezone.now()
        found = _difference(now)
        steps = [(alert.cause, partial(_close, alert, now)) for alert in found.over]
        steps += [(cause.key, partial(_open, cause, now)) for cause in found.begun]
        changes = [change for cause, step in steps for change in _written(cause, step)]
        for alert, text in found.told_else:
            Alert.objects.filter(pk=alert.pk).update(text=text)
        Batch(PORTAL).record([change for change in changes if change is not None])
    return len(changes)


def _written(cause: str, step: Callable[[], Change | None]) -> list[Change | None]:
    """Take one step; nothing where that failed, which keeps no other alert from being told."""
    try:
        with transaction.atomic():
            return [step()]
    except (OperationalError, InterfaceError):  # the database's trouble and not this cause's
        raise
    except Exception:
        logger.exception("The alert %s could not be written. All others are.", cause)
        return []


def _difference(now: dt.datetime) -> Difference:
    open_alerts = list(Alert.objects.filter(closed_at=None).select_related("instance"))
    causes = standing_causes(now)
    told, standing = {alert.cause for alert in open_alerts}, {cause.key for cause in causes}
    over = [
        alert
        for alert in open_alerts
        if (
            is_settled(alert)
            if alert.kind == AlertKind.ORGANIZATION_UNMAPPED
            else alert.cause not in standing
        )
    ]
    begun = [cause for cause in causes if cause.key not in told]
    resting = _resting([cause.key for cause in begun], now) if begun else set()
    begun = [cause for cause in begun if cause.key not in resting]
    texts = {cause.key: cause.text for cause in causes}
    told_else = [
        (alert, texts[alert.cause])
        for alert in open_alerts
        if texts.get(alert.cause, alert.text) != alert.text
    ]
    return Difference([*begun, *unmapped_causes(now), *untold_moments(now)], over, told_else)


def _resting(causes: list[str], now: dt.datetime) -> set[str]:
    """Those of the causes that were over so often, and so lately, that they are not told again yet."""
    late = Alert.objects.filter(cause__in=causes, closed_at__gt=now - A_DAY, closed_at__lte=now)
    told = late.order_by().values("cause").annotate(times=Count("pk"), last=Max("closed_at"))
    rests = {row["cause"]: COMES_BACK * 2 ** min(row["times"] - 1, 10) for row in told}
    return {row["cause"] for row in told if now - row["last"] < min(rests[row["cause"]], LONGEST_REST)}


def _open(cause: Cause, now: dt.datetime) -> Change | None:
    is_moment = cause.kind in MOMENTS
    last = Alert.objects.filter(cause=cause.key).aggregate(turn=Max("turn"))["turn"] or 0
    alert = Alert.objects.create(
        kind=cause.kind,
        cause=cause.key,
        turn=last + 1,
        instance=cause.instance,
        person_id=cause.person_id,
        title=cause.title[:300],
        text=cause.text,
        path=cause.path,
        opened_at=now,
        closed_at=now if is_moment else None,
    )
    links = ((alert.pk, pk) for pk in cause.organizations)  # perhaps all of a first list
    insert_rows(Alert.organizations.through, ("alert_id", "organization_id"), links)
    queue_opening(alert, now)
    return _change(Action.ALERT_OPENED, alert)


def _close(alert: Alert, now: dt.datetime) -> Change | None:
    gone = alert.instance is not None and alert.instance.is_deleted
    alert.closed_at = now
    over = HELD_OVER if alert.cause.startswith("held:") else _OVER[alert.known_kind]
    alert.over_text = "The configuration was deleted." if gone else over
    alert.save(update_fields=["closed_at", "over_text"])
    # An organization that is restored is told anew: nobody has mapped it or decided not to.
    Alert.organizations.through.objects.filter(alert=alert).exclude(organization__deleted_at=None).delete()
    queue_over(alert, now)
    return _change(Action.ALERT_CLOSED, alert)


def _change(action: Action, alert: Alert) -> Change | None:
    """The event of it, for history and webhooks; None for what concerns one person only."""
    if alert.known_kind.is_personal:
        return None
    told = {
        "kind": alert.kind,
        "text": alert.over_text if action is Action.ALERT_CLOSED else alert.text,
        "path": alert.path,
        "opened_at": alert.opened_at.isoformat(),
        "closed_at": alert.closed_at.isoformat() if alert.closed_at else None,
    }
    return Change(action, ALERT, str(alert.key), alert.title, None, told, alert.instance)
