"""Webhooks: making, changing, pausing and deleting them; every write is audited."""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection
from dataclasses import dataclass, field
from typing import Any

from django.db import transaction
from django.utils import timezone
from django.views.decorators.debug import sensitive_variables

from integrations.crypto import SealedValueError
from integrations.models import Webhook, WebhookDelivery, WebhookEvent
from integrations.models.audit import Action
from integrations.services.audit import STREAMED_TARGETS, Batch, Change, State
from integrations.services.read_api.changes import latest_position
from integrations.services.webhooks.keys import new_key, old_keys, replaced, signing_keys
from integrations.services.webhooks.send import check_address


class KeysUnreadable(Exception):
    """The signing keys cannot be opened with the portal's keys; the text says what to do."""

    def __init__(self) -> None:
        super().__init__("The signing keys cannot be opened. Make a new key for this webhook.")


class NotToBeSent(Exception):
    """The delivery cannot be sent again now; the text says why."""


@dataclass(frozen=True)
class WebhookSpec:
    """What a webhook shall be. No ``url``: it stays where it is."""

    name: str
    url: str = field(repr=False)
    events: Collection[WebhookEvent]


@sensitive_variables("key")
def create_webhook(batch: Batch, spec: WebhookSpec) -> tuple[Webhook, str]:
    """Make a webhook that hears of what happens from now on; returns it and its signing key, shown once.

    Raises AddressRefused.
    """
    check_address(spec.url)
    key = new_key()
    with transaction.atomic():
        webhook = Webhook(created_by=batch.actor.account, position=latest_position(STREAMED_TARGETS))
        _apply(webhook, spec)
        webhook.secret = {"key": key}
        webhook.save()
        _record(batch, Action.WEBHOOK_CREATED, webhook, None, webhook.snapshot())
    return webhook, key


def change_webhook(batch: Batch, webhook: Webhook, spec: WebhookSpec) -> bool:
    """Change name, address or events; False when nothing differs. Raises AddressRefused."""
    if spec.url:
        check_address(spec.url)
    with transaction.atomic():
        webhook = Webhook.objects.select_for_update().get(pk=webhook.pk)
        before, moves = webhook.snapshot(), webhook.is_moved_by(spec.url)
        _apply(webhook, spec)
        after = webhook.snapshot()
        if after == before and not moves:
            return False
        webhook.rests_until = None
        webhook.save(update_fields=["name", "host", "address", "events", "rests_until"])
        # Another path at the same host is a change too, of which nothing else can be told.
        told = after | {"address_replaced": True} if moves else after
        _record(batch, Action.WEBHOOK_CHANGED, webhook, before, told)
    return True


@sensitive_variables("key")
def renew_key(batch: Batch, webhook: Webhook) -> str:
    """Give the webhook a new signing key, shown once; those before sign beside it for a day each.

    Where the old one cannot be opened any more, the new one signs alone.
    """
    key = new_key()
    with transaction.atomic():
        webhook = Webhook.objects.select_for_update().get(pk=webhook.pk)
        webhook.secret = replaced(_secret(webhook), key, timezone.now())
        webhook.save(update_fields=["secret"])
        _record(batch, Action.WEBHOOK_KEY_RENEWED, webhook, webhook.snapshot(), webhook.snapshot())
    return key


def drop_old_key(batch: Batch, webhook: Webhook) -> bool:
    """Let the newest key sign alone from now on, as after a leak; False when it does already.

    Raises KeysUnreadable.
    """
    with transaction.atomic():
        webhook = Webhook.objects.select_for_update().get(pk=webhook.pk)
        secret = _secret(webhook)
        if not secret:
            raise KeysUnreadable
        if len(signing_keys(secret, timezone.now())) < 2:
            return False
        webhook.secret = {"key": secret["key"]}
        webhook.save(update_fields=["secret"])
        _record(batch, Action.WEBHOOK_OLD_KEY_DROPPED, webhook, webhook.snapshot(), webhook.snapshot())
    return True


def old_key_ends(webhook: Webhook) -> dt.datetime | None:
    """When the first of the keys before the newest stops signing; None where none signs or can be opened."""
    return min((until for _, until in old_keys(_secret(webhook), timezone.now())), default=None)


@sensitive_variables()
def _secret(webhook: Webhook) -> dict[str, Any]:
    try:
        return dict(webhook.secret.reveal())
    except SealedValueError:
        return {}


def set_active(batch: Batch, webhook: Webhook, active: bool) -> None:
    """Pause a webhook, or let it hear again of what happens from then on."""
    with transaction.atomic():
        webhook = Webhook.objects.select_for_update().get(pk=webhook.pk)
        if webhook.is_active == active:
            return
        before = webhook.snapshot()
        webhook.is_active = active
        if active:
            webhook.position, webhook.rests_until = latest_position(STREAMED_TARGETS), None
        webhook.save(update_fields=["is_active", "position", "rests_until"])
        action = Action.WEBHOOK_RESUMED if active else Action.WEBHOOK_PAUSED
        _record(batch, action, webhook, before, webhook.snapshot())


def delete_webhook(batch: Batch, webhook: Webhook) -> None:
    """Delete a webhook with its delivery log."""
    with transaction.atomic():
        webhook = Webhook.objects.select_for_update().get(pk=webhook.pk)
        _record(batch, Action.WEBHOOK_DELETED, webhook, webhook.snapshot(), None)
        webhook.delete()


def send_again(batch: Batch, delivery: WebhookDelivery) -> None:
    """Put a delivery back into the queue, with the same event id. Raises NotToBeSent."""
    with transaction.atomic():
        delivery = WebhookDelivery.objects.select_for_update().get(pk=delivery.pk)
        webhook = delivery.webhook
        if not webhook.is_active:
            raise NotToBeSent("The webhook is paused. Resume it first.")
        if delivery.status == WebhookDelivery.Status.WAITING and delivery.claim is not None:
            raise NotToBeSent("It is being sent at this moment.")
        delivery.status, delivery.attempts = WebhookDelivery.Status.WAITING, 0
        delivery.claim, delivery.next_attempt_at = None, timezone.now()
        delivery.save(update_fields=["status", "attempts", "claim", "next_attempt_at"])
        Webhook.objects.filter(pk=webhook.pk).update(rests_until=None)
        facts = {"event_id": str(delivery.event_id)}
        _record(batch, Action.DELIVERY_SENT_AGAIN, webhook, None, webhook.snapshot() | facts)


def _apply(webhook: Webhook, spec: WebhookSpec) -> None:
    webhook.name = spec.name
    if spec.url:
        webhook.move_to(spec.url)
    webhook.events = [event.value for event in WebhookEvent if event in spec.events]


def _record(batch: Batch, action: Action, webhook: Webhook, before: State, after: State) -> None:
    batch.record([Change(action, "webhook", str(webhook.pk), webhook.name, before, after)])
