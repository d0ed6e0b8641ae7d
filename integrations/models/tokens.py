"""API tokens: what another program shows to be let in, kept as a digest only."""

from __future__ import annotations

import datetime as dt
from typing import Any

from django.conf import settings
from django.db import models
from django.utils import timezone

from integrations.models.instances import IntegrationInstance


class Right(models.TextChoices):
    """What a token may read. The instances that it is limited to are readable with any of them."""

    ORGANIZATIONS = "organizations", "Organizations"
    COMPANIES = "companies", "Companies"
    MAPPINGS = "mappings", "Mappings and their changes"
    HISTORY = "history", "History"
    RESOLVE = "resolve", "Resolve an organization to its company"


class ApiToken(models.Model):
    """One token. ``prefix`` finds it and may be shown; ``digest`` is SHA-256 (hex) of the whole token.

    The token holds 256 random bits, so that a fast digest without salt is enough. ``limited`` says that only
    ``instances`` may be read: a flag of its own, because otherwise a token would widen to everything when
    its last instance is removed for good.
    """

    class State(models.TextChoices):
        ACTIVE = "active", "Active"
        EXPIRED = "expired", "Expired"
        REVOKED = "revoked", "Revoked"

    name = models.CharField(max_length=100)
    prefix = models.CharField(max_length=20, unique=True, editable=False)
    digest = models.CharField(max_length=64, editable=False)
    rights = models.JSONField(default=list)
    limited = models.BooleanField(default=False)
    instances = models.ManyToManyField(IntegrationInstance, blank=True, related_name="api_tokens")
    created_at = models.DateTimeField(auto_now_add=True)
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.SET_NULL, related_name="+"
    )
    expires_at = models.DateTimeField(null=True, blank=True)
    last_used_at = models.DateTimeField(null=True, blank=True, editable=False)
    revoked_at = models.DateTimeField(null=True, blank=True, editable=False)

    class Meta:
        ordering = ["-created_at", "-pk"]
        verbose_name = "API token"
        constraints = [models.CheckConstraint(condition=~models.Q(name=""), name="token_has_a_name")]

    def __str__(self) -> str:
        return self.name

    def state_at(self, now: dt.datetime) -> State:
        """Whether it opens the door at this moment."""
        if self.revoked_at is not None:
            return self.State.REVOKED
        if self.expires_at is not None and self.expires_at <= now:
            return self.State.EXPIRED
        return self.State.ACTIVE

    @property
    def state(self) -> State:
        """Whether it opens the door now."""
        return self.state_at(timezone.now())

    @property
    def right_labels(self) -> list[str]:
        """Its rights in the words of the page; a right that the portal no longer knows is left out."""
        return [right.label for right in Right if right.value in self.rights]

    def snapshot(self) -> dict[str, Any]:
        """What the audit may know: neither the token nor its digest. Needs a saved row."""
        return {
            "name": self.name,
            "prefix": self.prefix,
            "rights": list(self.rights),
            "instances": sorted(instance.pk for instance in self.instances.all()) if self.limited else "all",
            "expires_at": self.expires_at.isoformat() if self.expires_at else None,
            "revoked": self.revoked_at is not None,
        }
