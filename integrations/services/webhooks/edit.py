"""Webhooks: making, changing, pausing and deleting them; every write is audited."""

from __future__ import annotations

import secrets
from collections.abc import Collection
from dataclasses import dataclass, field

from django.db import transaction
from django.utils import timezone
from django.views.decorators.debug import sensitive_variables

from integrations.crypto import SealedValueError
from integrations.models import Webhook, WebhookDelivery, WebhookEvent
from integrations.models.audit import Action
from integrations.services.audit import STREAMED_TARGETS, Batch, Change, State
from integrations.services.read_api.changes import latest_position
from integrations.services.webhooks.send import check_address

KEY_BYTES = 32
KEY_MARK = "whk_"


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
    key = _new_key()
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
        before, moves = webhook.snapshot(), _moves(webhook, spec.url)
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


def _moves(webhook: Webhook, url: str) -> bool:
    """Whether this is another address than the stored one, which may be one that no key opens any more."""
    if not url:
        return False
    try:
        return bool(webhook.address.reveal().get("url") != url)
    except SealedValueError:
        return True


@sensitive_variables("key")
def renew_key(batch: Batch, webhook: Webhook) -> str:
    """Give the webhook a new signing key, which replaces the old one at once and is shown once."""
    key = _new_key()
    with transaction.atomic():
        webhook = Webhook.objects.select_for_update().get(pk=webhook.pk)
        webhook.secret = {"key": key}
        webhook.save(update_fields=["secret"])
        _record(batch, Action.WEBHOOK_KEY_RENEWED, webhook, webhook.snapshot(), webhook.snapshot())
    return key


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


def _new_key() -> str:
    return KEY_MARK + secrets.token_urlsafe(KEY_BYTES)


def _apply(webhook: Webhook, spec: WebhookSpec) -> None:
    webhook.name = spec.name
    if spec.url:
        webhook.move_to(spec.url)
    webhook.events = [event.value for event in WebhookEvent if event in spec.events]


def _record(batch: Batch, action: Action, webhook: Webhook, before: State, after: State) -> None:
    batch.record([Change(action, "webhook", str(webhook.pk), webhook.name, before, after)])
