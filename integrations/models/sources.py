"""Sources that stay: files that are looked at again and again, and what was found each time."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from django.conf import settings
from django.db import models
from django.db.models.functions import Lower
from django.urls import reverse
from django.utils import timezone

from integrations.fields import EncryptedJSONField
from integrations.models.bases import somebody
from integrations.models.imports import ImportReport
from integrations.models.instances import IntegrationInstance
from integrations.models.jobs import Job

if TYPE_CHECKING:
    from django.contrib.auth.models import AnonymousUser, User


class ImportSource(models.Model):
    """A file that stays: at a web address, or uploaded again by hand.

    ``type`` is a key of services/imports/sources. ``address`` holds the web address under "url": its query
    may be all that opens it, so pages, history and admin tell the ``host`` only. ``reading`` says how the
    file is read. ``entries`` is what the last refresh saw: a compressed JSON object, names by ids.
    """

    key = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    name = models.CharField(max_length=100)
    kind = models.CharField(max_length=20, choices=ImportReport.Kind.choices)
    instance = models.ForeignKey(
        IntegrationInstance, null=True, blank=True, on_delete=models.CASCADE, related_name="import_sources"
    )
    type = models.CharField(max_length=20)
    host = models.CharField(
        max_length=260, blank=True, editable=False, help_text="What is shown of the address."
    )
    address = EncryptedJSONField(row_key="key", blank=True)
    file_name = models.CharField(max_length=200, blank=True)
    reading = models.JSONField(default=dict, blank=True)
    refresh_every_hours = models.PositiveSmallIntegerField(default=0, help_text="0 turns the schedule off.")
    next_refresh_at = models.DateTimeField(null=True, blank=True, editable=False)
    last_refreshed_at = models.DateTimeField(null=True, blank=True, editable=False)
    failing_since = models.DateTimeField(null=True, blank=True, editable=False)
    last_error = models.TextField(blank=True, editable=False)
    entries = models.BinaryField(default=bytes, editable=False)
    created_at = models.DateTimeField(auto_now_add=True)
    created_by = somebody()

    class Meta:
        verbose_name = "source"
        ordering = [Lower("name"), "pk"]
        constraints = [
            models.CheckConstraint(condition=~models.Q(name=""), name="source_has_a_name"),
            models.UniqueConstraint(
                Lower("name"),
                name="source_name_is_unique",
                violation_error_message="Another source has this name.",
            ),
            models.CheckConstraint(
                condition=models.Q(refresh_every_hours__lte=24 * 31), name="source_at_least_every_month"
            ),
        ]

    def __str__(self) -> str:
        return self.name

    def get_absolute_url(self) -> str:
        """Its page with what was found."""
        return reverse("integrations:source", args=[self.pk])

    @property
    def subject(self) -> str:
        """What comes from it, in words."""
        return f"mappings of {self.instance.name}" if self.instance else "organizations"

    def move_to(self, url: str) -> None:
        """Read this address from now on; unsaved."""
        self.host, self.address = urlsplit(url).netloc, {"url": url}

    def is_for(self, user: User | AnonymousUser) -> bool:
        """Whether this person may change it, and import what comes from it."""
        rights = Job.RIGHTS_FOR_FILES.get(self.kind, Job.USUAL_RIGHTS)
        return user.has_perms([f"integrations.{right}" for right in rights])

    def snapshot(self) -> dict[str, Any]:
        """What the audit may know: of the address its host."""
        return {
            "name": self.name,
            "kind": self.kind,
            "from": self.host or "an uploaded file",
            "refresh_every_hours": self.refresh_every_hours,
        }


class ImportSourcePart(models.Model):
    """A piece of the file as the last refresh found it; compressed."""

    source = models.ForeignKey(ImportSource, on_delete=models.CASCADE, related_name="parts")
    number = models.PositiveIntegerField()
    content = models.BinaryField()

    class Meta:
        ordering = ["source", "number"]
        constraints = [
            models.UniqueConstraint(fields=["source", "number"], name="source_part_is_unique"),
        ]

    def __str__(self) -> str:
        return f"{self.source}, part {self.number}"


class ImportSourceRun(models.Model):
    """One refresh of a source, and what had changed in the file since the one before.

    ``changes`` are at most some hundred of each kind, as names: new, renamed (from, to), left.
    """

    source = models.ForeignKey(ImportSource, on_delete=models.CASCADE, related_name="runs")
    at = models.DateTimeField(auto_now_add=True)
    actor = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.SET_NULL, related_name="+"
    )
    actor_name = models.CharField(max_length=200)
    is_first = models.BooleanField(default=False)
    rows = models.PositiveIntegerField(default=0)
    new = models.PositiveIntegerField(default=0)
    renamed = models.PositiveIntegerField(default=0)
    left = models.PositiveIntegerField(default=0)
    changes = models.JSONField(default=dict, blank=True)
    error = models.TextField(blank=True)

    class Meta:
        verbose_name = "refresh of a source"
        verbose_name_plural = "refreshes of sources"
        ordering = ["-pk"]

    def __str__(self) -> str:
        return f"{self.source}, {timezone.localtime(self.at):%Y-%m-%d %H:%M}"
