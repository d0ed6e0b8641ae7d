"""Uploaded files that somebody looks at before they are imported, and how such files were read before."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING

from django.conf import settings
from django.db import models

from integrations.models.imports import ImportReport
from integrations.models.instances import IntegrationInstance
from integrations.models.jobs import Job

if TYPE_CHECKING:
    from django.contrib.auth.models import AnonymousUser, User


class ImportDraftQuerySet(models.QuerySet["ImportDraft"]):
    def of(self, user: User | AnonymousUser) -> ImportDraftQuerySet:
        """Those of this person, whose configurations are still there."""
        gone = models.Q(instance__isnull=False) & models.Q(instance__deleted_at__isnull=False)
        return self.filter(owner=user.pk).exclude(gone)


class ImportDraft(models.Model):
    """A file between its upload and its import. Belongs to one person and ends by itself.

    ``reading`` and ``overwrite`` are what the person chose about it (services/imports/reports.py: Reading),
    ``decisions`` what they said of
    possible duplicates, by line, and ``duplicates`` those pairs. ``remembered_at`` is when such a file was
    last imported, where the reading comes from there. ``source`` is the saved source that the file
    comes from. ``checked`` is the key of the report that says what
    the import would do; None when it was not asked, or something was changed since.
    """

    key = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    owner = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="import_drafts"
    )
    kind = models.CharField(max_length=20, choices=ImportReport.Kind.choices)
    instance = models.ForeignKey(
        IntegrationInstance, null=True, blank=True, on_delete=models.CASCADE, related_name="import_drafts"
    )
    source = models.ForeignKey(
        "integrations.ImportSource", null=True, blank=True, on_delete=models.CASCADE, related_name="drafts"
    )
    file_name = models.CharField(max_length=200, blank=True)
    size = models.PositiveBigIntegerField(default=0, help_text="Bytes of the file.")
    reading = models.JSONField(default=dict, blank=True)
    overwrite = models.BooleanField(default=False)
    decisions = models.JSONField(default=dict, blank=True)
    duplicates = models.JSONField(default=list, blank=True)
    remembered_at = models.DateTimeField(null=True, blank=True)
    checked = models.UUIDField(null=True, blank=True)
    made_at = models.DateTimeField(auto_now_add=True)

    objects = ImportDraftQuerySet.as_manager()

    class Meta:
        verbose_name = "file that waits to be imported"
        verbose_name_plural = "files that wait to be imported"
        ordering = ["-pk"]

    def __str__(self) -> str:
        return self.file_name or "a file without a name"

    def is_for(self, user: User | AnonymousUser) -> bool:
        """Whether this person still has the rights to import it."""
        rights = Job.RIGHTS_FOR_FILES.get(self.kind, Job.USUAL_RIGHTS)
        return self.owner_id == user.pk and user.has_perms([f"integrations.{right}" for right in rights])


class ImportDraftPart(models.Model):
    """A piece of a draft's file; compressed."""

    draft = models.ForeignKey(ImportDraft, on_delete=models.CASCADE, related_name="parts")
    number = models.PositiveIntegerField()
    content = models.BinaryField()

    class Meta:
        ordering = ["draft", "number"]
        constraints = [
            models.UniqueConstraint(fields=["draft", "number"], name="draft_part_is_unique"),
        ]

    def __str__(self) -> str:
        return f"{self.draft}, part {self.number}"


class RememberedReading(models.Model):
    """How a person had files of these columns read the last time that they imported one.

    ``shape`` is a digest of the kind and of what the columns are called.
    """

    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="remembered_readings"
    )
    kind = models.CharField(max_length=20, choices=ImportReport.Kind.choices)
    shape = models.CharField(max_length=64)
    reading = models.JSONField(default=dict, blank=True)
    file_name = models.CharField(max_length=200, blank=True)
    used_at = models.DateTimeField()

    class Meta:
        verbose_name = "remembered columns of a file"
        verbose_name_plural = "remembered columns of files"
        ordering = ["-used_at", "-pk"]
        constraints = [
            models.UniqueConstraint(fields=["user", "kind", "shape"], name="reading_is_remembered_once"),
        ]

    def __str__(self) -> str:
        return f"Files like {self.file_name or 'one without a name'}"
