"""Signed messages to other programs."""

from integrations.services.webhooks.edit import (
    KeysUnreadable,
    NotToBeSent,
    WebhookSpec,
    change_webhook,
    create_webhook,
    delete_webhook,
    drop_old_key,
    old_key_ends,
    renew_key,
    send_again,
    set_active,
)
from integrations.services.webhooks.outbox import has_work, work
from integrations.services.webhooks.review_notices import note_reviews
from integrations.services.webhooks.send import check_address

__all__ = [
    "KeysUnreadable", "NotToBeSent", "WebhookSpec", "change_webhook", "check_address", "create_webhook",
    "delete_webhook", "drop_old_key", "has_work", "note_reviews", "old_key_ends", "renew_key", "send_again",
    "set_active", "work",
]  # fmt: skip
