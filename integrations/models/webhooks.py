"""Webhooks: who wants to hear of changes, what was sent, and which mappings were reported for review."""

from __future__ import annotations

import uuid
from typing import Any

from django.db import models
from django.urls import reverse

from integrations.fields import EncryptedJSONField
from integrations.models.bases import somebody
from integrations.models.deliveries import Delivery, Receiver
from integrations.models.mappings import OrganizationMapping


class WebhookEvent(models.TextChoices):
    """What a webhook can be told."""

    MAPPING_CHANGED = "mapping.changed", "A mapping was made, changed, moved or removed"
    MAPPING_REVIEW = "mapping.review", "A mapping needs review, or no longer does"
    EXPECTATION_CHANGED = "expectation.changed", "An expectation is broken, or holds again"
    ALERT_CHANGED = "alert.changed", "An alert begins, or is over"


class Webhook(Receiver):
    """A program that is told.

    ``position`` is the last audit event (its id) that was turned into deliveries; ``rests_until`` spares a
    receiver that does not answer; ``secret`` holds the signing key under "key".
    """

    name = models.CharField(max_length=100)
    secret = EncryptedJSONField(row_key="key")
    events = models.JSONField(default=list)
    is_active = models.BooleanField("active", default=True)
    position = models.BigIntegerField(default=0, editable=False)
    rests_until = models.DateTimeField(null=True, blank=True, editable=False)
    created_at = models.DateTimeField(auto_now_add=True)
    created_by = somebody()

    class Meta:
        ordering = ["name", "pk"]
        constraints = [models.CheckConstraint(condition=~models.Q(name=""), name="webhook_has_a_name")]

    def __str__(self) -> str:
        return self.name

    def get_absolute_url(self) -> str:
        """Its page with the delivery log."""
        return reverse("integrations:webhook", args=[self.pk])

    @property
    def event_labels(self) -> list[str]:
        """Its events in the words of the page."""
        return [event.label for event in WebhookEvent if event.value in self.events]

    def snapshot(self) -> dict[str, Any]:
        """What the audit may know: of the address its host, and nothing of the signing key."""
        return {
            "name": self.name,
            "address": self.host,
            "events": list(self.events),
            "is_active": self.is_active,
        }


class WebhookDelivery(Delivery):
    """One message to one webhook. ``event_id`` stays the same in every attempt."""

    webhook = models.ForeignKey(Webhook, on_delete=models.CASCADE, related_name="deliveries")
    event_id = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    event = models.CharField(max_length=40, choices=WebhookEvent.choices)
    payload = models.JSONField()
    response_code = models.PositiveSmallIntegerField(null=True, blank=True)

    class Meta:
        ordering = ["-pk"]
        verbose_name_plural = "webhook deliveries"
        indexes = [
            models.Index(fields=["status", "next_attempt_at"], name="delivery_due"),
            models.Index(fields=["webhook", "-id"], name="delivery_log"),
        ]

    def __str__(self) -> str:
        return f"{self.event} {self.event_id}"


class ReviewNotice(models.Model):
    """A mapping that was reported as needing review, with the reasons that were given then.

    Exists exactly as long as the mapping needs review, so that each need is reported once.
    """

    mapping = models.OneToOneField(
        OrganizationMapping, on_delete=models.CASCADE, related_name="review_notice"
    )
    reasons = models.JSONField(default=list)
    noted_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        verbose_name = "mapping reported for review"
        verbose_name_plural = "mappings reported for review"
        ordering = ["pk"]

    def __str__(self) -> str:
        return f"{self.mapping}: {', '.join(self.reasons)}"
