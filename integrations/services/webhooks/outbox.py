"""Deliveries: what is owed to each webhook, and sending it.

The audit is the outbox: a change and its event are written in one transaction, so nothing is lost when a
process is killed. A worker turns the events after a webhook's position into deliveries and moves the position
in one transaction; then it sends them one by one, outside any. A message can arrive twice, never not at all:
receivers tell repetitions by the event id.
"""

from __future__ import annotations

import datetime as dt
import json
import logging
import time
from collections.abc import Iterable, Iterator
from dataclasses import asdict
from itertools import groupby, islice
from typing import Any

from django.conf import settings
from django.core.serializers.json import DjangoJSONEncoder
from django.db import transaction
from django.db.models import Min, Q, QuerySet
from django.utils import timezone

from integrations.crypto import SealedValueError
from integrations.models import AuditEvent, Company, Organization, Webhook, WebhookDelivery, WebhookEvent
from integrations.services.deliveries import claim_next, end_attempt, has_come, put_off
from integrations.services.expectations.note import TARGET_TYPE as EXPECTATION
from integrations.services.read_api.changes import MAPPING, described
from integrations.services.read_api.scope import Scope
from integrations.services.webhooks import review_notices
from integrations.services.webhooks.keys import signing_keys
from integrations.services.webhooks.send import Message, SendingFailed, send

EVENTS_AT_ONCE = 1_000
CHANGES_PER_DELIVERY = 100
LONGEST_REST = 60.0  # seconds that a silent receiver is spared
KEPT_FOR = dt.timedelta(days=30)
ALERT = "alert"  # the target of an alert's events
UNREADABLE = (
    "The signing key or the address cannot be opened. "
    "Make a new key for this webhook and enter the address anew."
)

_EVENT_OF = {
    MAPPING: WebhookEvent.MAPPING_CHANGED,
    review_notices.TARGET_TYPE: WebhookEvent.MAPPING_REVIEW,
    ALERT: WebhookEvent.ALERT_CHANGED,
    EXPECTATION: WebhookEvent.EXPECTATION_CHANGED,
}

logger = logging.getLogger(__name__)


def has_work(now: dt.datetime) -> bool:
    """Whether a worker would find something to do."""
    last = Webhook.objects.filter(is_active=True).aggregate(last=Min("position"))["last"]
    if last is None:
        return False
    return _due(now).exists() or _events_after(last).exists()


def work(seconds: float = 20.0) -> int:
    """Queue what is owed and send what is due, for this long at most; returns how many were sent."""
    ends = time.monotonic() + seconds
    review_notices.note_reviews()
    forget_old(timezone.now())
    while time.monotonic() < ends and queue_deliveries():
        pass
    sent = 0
    while time.monotonic() < ends and send_next():
        sent += 1
    return sent


# --- queueing ---------------------------------------------------------------------------------------


def queue_deliveries() -> int:
    """Turn the next events of every active webhook into deliveries; returns how many events were taken."""
    taken = 0
    for pk in Webhook.objects.filter(is_active=True).values_list("pk", flat=True):
        with transaction.atomic():
            webhook = Webhook.objects.select_for_update().filter(pk=pk, is_active=True).first()
            if webhook is None:  # paused or deleted meanwhile
                continue
            events = list(_events_after(webhook.position).order_by("pk")[:EVENTS_AT_ONCE])
            if not events:
                continue
            WebhookDelivery.objects.bulk_create(_deliveries(webhook, events), batch_size=100)
            webhook.position = events[-1].pk
            webhook.save(update_fields=["position"])
        taken += len(events)
    return taken


def _events_after(position: int) -> QuerySet[AuditEvent]:
    return AuditEvent.objects.filter(pk__gt=position, target_type__in=_EVENT_OF).select_related("instance")


def _deliveries(webhook: Webhook, events: Iterable[AuditEvent]) -> Iterator[WebhookDelivery]:
    """One message for what happened in one press of a button, at most a hundred changes in each."""
    now = timezone.now()
    for (target_type, batch), group in groupby(events, key=lambda event: (event.target_type, event.batch)):
        kind = _EVENT_OF[target_type]
        if kind.value not in webhook.events:
            continue
        while part := list(islice(group, CHANGES_PER_DELIVERY)):
            delivery = WebhookDelivery(webhook=webhook, event=kind.value, next_attempt_at=now)
            payload = {
                "id": delivery.event_id,
                "type": kind.value,
                "timestamp": now,
                "event": kind.value,  # this and the next as before there was a standard
                "created_at": now,
                "batch": batch,
                "changes": _changes(kind, part),
            }
            delivery.payload = json.loads(json.dumps(payload, cls=DjangoJSONEncoder))
            yield delivery


def _changes(kind: WebhookEvent, events: list[AuditEvent]) -> list[dict[str, Any]]:
    if kind is WebhookEvent.MAPPING_CHANGED:
        return [asdict(change) for change in described(events, Scope())]
    if kind is WebhookEvent.ALERT_CHANGED:
        return [_alert(event) for event in events]
    if kind is WebhookEvent.EXPECTATION_CHANGED:
        return [_expectation(event) for event in events]
    companies = Company.objects.in_bulk({event.after["company"] for event in events if event.after})
    organizations = Organization.objects.in_bulk({int(event.target_id) for event in events})
    found = []
    for event in events:
        state = event.after or {}
        company, instance = companies.get(state.get("company", 0)), event.instance
        found.append(
            {
                "position": event.pk,
                "at": event.at,
                "action": event.action,
                "organization_id": int(event.target_id),
                "organization_name": event.target_name,
                "external_id": getattr(organizations.get(int(event.target_id)), "external_id", ""),
                "instance_id": instance.pk if instance else None,
                "instance_name": instance.name if instance else "",
                "company_id": company.remote_id if company else "",
                "company_name": state.get("company_name", ""),
                "reasons": state.get("reasons", []),
            }
        )
    return found


def _alert(event: AuditEvent) -> dict[str, Any]:
    state, instance = event.after or {}, event.instance
    path = state.get("path", "")
    return {
        "position": event.pk,
        "at": event.at,
        "action": event.action,
        "alert_id": event.target_id,
        "kind": state.get("kind", ""),
        "title": event.target_name,
        "text": state.get("text", ""),
        "url": f"{settings.PORTAL_URL}{path}" if settings.PORTAL_URL else "",
        "instance_id": instance.pk if instance else None,
        "instance_name": instance.name if instance else "",
        "opened_at": state.get("opened_at"),
        "closed_at": state.get("closed_at"),
    }


def _expectation(event: AuditEvent) -> dict[str, Any]:
    state, instance = event.after or {}, event.instance
    names = ("expectation", "effect", "limit", "days", "state", "since", "text")
    return {
        "position": event.pk,
        "at": event.at,
        "action": event.action,
        "title": event.target_name,
        **{name: state.get(name) for name in names},
        "instance_id": instance.pk if instance else None,
        "instance_name": instance.name if instance else "",
    }


# --- sending ----------------------------------------------------------------------------------------


def _due(now: dt.datetime) -> QuerySet[WebhookDelivery]:
    return (
        WebhookDelivery.objects.filter(
            has_come("next_attempt_at", now),
            status=WebhookDelivery.Status.WAITING,
            webhook__is_active=True,
        )
        .filter(Q(webhook__rests_until=None) | has_come("webhook__rests_until", now, LONGEST_REST))
        .order_by("pk")
    )


def send_next() -> bool:
    """Claim the next delivery that is due and send it; False when none is due."""
    delivery = _claimed(timezone.now())
    if delivery is None:
        return False
    try:
        keys = signing_keys(delivery.webhook.secret.reveal(), timezone.now())
        body = json.dumps(delivery.payload, ensure_ascii=False, separators=(",", ":")).encode()
        url = delivery.webhook.address.reveal()["url"]
        status = send(url, Message(str(delivery.event_id), delivery.event, body, keys))
    except (SealedValueError, KeyError):
        _failed(delivery, SendingFailed(UNREADABLE))
    except SendingFailed as failure:
        _failed(delivery, failure)
    else:
        end_attempt(delivery, status=WebhookDelivery.Status.DELIVERED, response_code=status, error="")
        Webhook.objects.filter(pk=delivery.webhook_id).exclude(rests_until=None).update(rests_until=None)
    return True


def _claimed(now: dt.datetime) -> WebhookDelivery | None:
    """Take the next delivery, so that no two workers are at it."""
    return claim_next(_due(now), now)


def _failed(delivery: WebhookDelivery, failure: SendingFailed) -> None:
    logger.warning(
        "Webhook %s, delivery %s, attempt %d: %s",
        delivery.webhook_id, delivery.event_id, delivery.attempts, failure,
    )  # fmt: skip
    wait = put_off(delivery, str(failure), response_code=failure.status)
    if failure.for_all:
        rest = min(wait, dt.timedelta(seconds=LONGEST_REST))
        Webhook.objects.filter(pk=delivery.webhook_id).update(rests_until=timezone.now() + rest)


def forget_old(now: dt.datetime) -> int:
    """Delete deliveries that ended more than thirty days ago; returns how many."""
    ended = WebhookDelivery.objects.exclude(status=WebhookDelivery.Status.WAITING)
    return ended.filter(created_at__lt=now - KEPT_FOR).delete()[0]
