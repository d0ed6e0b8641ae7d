"""Signed messages to other programs."""

from integrations.services.webhooks.edit import (
    NotToBeSent,
    WebhookSpec,
    change_webhook,
    create_webhook,
    delete_webhook,
    renew_key,
    send_again,
    set_active,
)
from integrations.services.webhooks.outbox import has_work, work
from integrations.services.webhooks.review_notices import note_reviews
from integrations.services.webhooks.send import check_address

__all__ = [
    "NotToBeSent", "WebhookSpec", "change_webhook", "check_address", "create_webhook", "delete_webhook",
    "has_work", "note_reviews", "renew_key", "send_again", "set_active", "work",
]  # fmt: skip
