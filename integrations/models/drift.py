"""Drift: what happened to a configuration that people may want to be told of."""

from __future__ import annotations

from django.db import models
from django.utils import timezone

from integrations.models.instances import IntegrationInstance


class OccurrenceQuerySet(models.QuerySet["Occurrence"]):
    def after(self, position: int) -> OccurrenceQuerySet:
        """Those that were noted after this one (its id), the oldest first."""
        return self.filter(pk__gt=position).order_by("pk")


class Occurrence(models.Model):
    """Something began or ended at a configuration. Rows are only added, in the order of their ids.

    ``cause`` is the same for what began and what ended it, within one configuration: "credentials",
    "expectation:mapped". ``text`` is a sentence for people, ``details`` numbers and names for programs;
    neither holds a secret.
    """

    class Kind(models.TextChoices):
        DRIFT_FOUND = "drift.found", "Drift found"
        EXPECTATION_BROKEN = "expectation.broken", "Expectation broken"
        EXPECTATION_RESTORED = "expectation.restored", "Expectation holds again"
        CREDENTIALS_REFUSED = "credentials.refused", "Credentials refused"
        CREDENTIALS_ACCEPTED = "credentials.accepted", "Credentials accepted again"

    at = models.DateTimeField(default=timezone.now)
    instance = models.ForeignKey(IntegrationInstance, on_delete=models.CASCADE, related_name="occurrences")
    kind = models.CharField(max_length=40, choices=Kind.choices)
    cause = models.CharField(max_length=80)
    text = models.CharField(max_length=500)
    details = models.JSONField(default=dict, blank=True)

    objects = OccurrenceQuerySet.as_manager()

    class Meta:
        ordering = ["-pk"]
        indexes = [models.Index(fields=["instance", "cause", "-id"], name="occurrence_of_cause")]

    def __str__(self) -> str:
        return self.text
