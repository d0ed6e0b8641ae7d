"""The audit: who changed what, when and from where. Rows are only ever added."""

from __future__ import annotations

import uuid
from typing import Any, NoReturn

from django.conf import settings
from django.db import models


class AppendOnlyError(Exception):
    """Something tried to change or delete history."""


class AuditQuerySet(models.QuerySet["AuditEvent"]):
    def update(self, **kwargs: Any) -> NoReturn:
        """Refused."""
        raise AppendOnlyError("The audit is append-only.")

    def delete(self) -> NoReturn:
        """Refused."""
        raise AppendOnlyError("The audit is append-only.")


class AuditEvent(models.Model):
    """One change. ``batch`` joins what one press of a button did; ``before`` and ``after`` hold no secret."""

    at = models.DateTimeField(auto_now_add=True)
    actor = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        null=True,
        blank=True,
        on_delete=models.DO_NOTHING,
        db_constraint=False,
        related_name="+",
    )
    actor_name = models.CharField(max_length=200)
    origin = models.CharField(max_length=100, help_text="The address or the command that it came from.")
    batch = models.UUIDField(default=uuid.uuid4)
    action = models.CharField(max_length=60)
    target_type = models.CharField(max_length=40)
    target_id = models.CharField(max_length=40)
    target_name = models.CharField(max_length=300)
    instance = models.ForeignKey(
        "integrations.IntegrationInstance",
        null=True,
        blank=True,
        on_delete=models.DO_NOTHING,
        db_constraint=False,
        related_name="audit_events",
    )
    before = models.JSONField(null=True, blank=True)
    after = models.JSONField(null=True, blank=True)
    undoes = models.UUIDField(null=True, blank=True, help_text="The batch that this change takes back.")

    objects = AuditQuerySet.as_manager()

    class Meta:
        ordering = ["-at", "-pk"]
        indexes = [
            models.Index(fields=["batch", "id"], name="audit_batch_in_order"),
            models.Index(fields=["actor_name", "-id"], name="audit_actor"),
            models.Index(fields=["undoes"], name="audit_undoes", condition=models.Q(undoes__isnull=False)),
            models.Index(fields=["target_type", "target_id"], name="audit_target"),
            models.Index(fields=["instance", "-at"], name="audit_instance"),
            models.Index(fields=["instance", "-id"], name="audit_instance_in_order"),
            models.Index(fields=["at"], name="audit_at"),
        ]

    def __str__(self) -> str:
        return f"{self.action} {self.target_name}"

    def save(self, *args: Any, **kwargs: Any) -> None:
        """Add the row; changing one is refused."""
        if self.pk is not None:
            raise AppendOnlyError("The audit is append-only.")
        super().save(*args, **kwargs)

    def delete(self, *args: Any, **kwargs: Any) -> NoReturn:
        """Refused."""
        raise AppendOnlyError("The audit is append-only.")
