"""Reports of imports: what became of each row of a file, kept until somebody needs it again."""

from __future__ import annotations

import uuid

from django.db import models

from integrations.models.bases import somebody
from integrations.models.instances import IntegrationInstance
from integrations.models.jobs import Job


class ImportReport(models.Model):
    """One import and how it ended. Its rows lie compressed in parts (services/imports/reports.py).

    ``batch`` takes back what was written. ``cursor`` is how far an import in the background has come: the key
    of the last company that it has dealt with.
    """

    class Kind(models.TextChoices):
        ORGANIZATIONS = "organizations", "Organizations"
        MAPPINGS = "mappings", "Mappings"
        CONFIGURATIONS = "configurations", "Configurations"
        COMPANIES = "companies", "Organizations from companies"

    class Verdict(models.TextChoices):
        RUNNING = "running", "Running"
        CHECKED = "checked", "Checked only"
        WRITTEN = "written", "Written"
        REFUSED = "refused", "Nothing written"
        STOPPED = "stopped", "Stopped"

    key = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    kind = models.CharField(max_length=20, choices=Kind.choices)
    verdict = models.CharField(max_length=20, choices=Verdict.choices)
    sentence = models.TextField(blank=True)
    file_name = models.CharField(max_length=200, blank=True)
    instance = models.ForeignKey(
        IntegrationInstance, null=True, blank=True, on_delete=models.SET_NULL, related_name="import_reports"
    )
    actor = somebody()
    actor_name = models.CharField(max_length=200)
    origin = models.CharField(max_length=100)
    at = models.DateTimeField(auto_now_add=True)
    facts = models.JSONField(default=dict, blank=True, help_text="What else the page tells: label and text.")
    counts = models.JSONField(default=dict, blank=True)
    pairs = models.JSONField(
        default=list, blank=True, help_text="Rows that may be the same as another, and undecided."
    )
    batch = models.UUIDField(null=True, blank=True)
    cursor = models.BigIntegerField(default=0, editable=False)

    class Meta:
        verbose_name = "import"
        ordering = ["-pk"]

    def __str__(self) -> str:
        return f"{self.get_kind_display()} ({self.get_verdict_display().lower()})"

    @property
    def was_written(self) -> bool:
        """False where the counts only say what would have become of the rows."""
        return self.verdict not in {self.Verdict.CHECKED, self.Verdict.REFUSED}

    @property
    def has_changes(self) -> bool:
        """Whether a row changed something, or would have; without one nothing was written."""
        return bool(self.counts.get("imported") or self.counts.get("updated"))

    def end(self, verdict: Verdict, sentence: str) -> None:
        """Say how it ended, in words."""
        self.verdict, self.sentence = verdict, sentence
        self.save(update_fields=["verdict", "sentence"])


class ImportReportPart(models.Model):
    """Some rows of a report in the order of the file: a compressed JSON array, and their outcomes counted."""

    report = models.ForeignKey(ImportReport, on_delete=models.CASCADE, related_name="parts")
    number = models.PositiveIntegerField()
    content = models.BinaryField()
    counts = models.JSONField(default=dict)

    class Meta:
        ordering = ["report", "number"]
        constraints = [
            models.UniqueConstraint(fields=["report", "number"], name="report_part_is_unique"),
        ]

    def __str__(self) -> str:
        return f"{self.report}, part {self.number}"


class ImportFilePart(models.Model):
    """A piece of an uploaded file that a worker, perhaps of another machine, is to import; compressed.

    Goes when the job has ended.
    """

    job = models.ForeignKey(Job, on_delete=models.CASCADE, related_name="file_parts")
    number = models.PositiveIntegerField()
    content = models.BinaryField()

    class Meta:
        ordering = ["job", "number"]
        constraints = [
            models.UniqueConstraint(fields=["job", "number"], name="file_part_is_unique"),
        ]

    def __str__(self) -> str:
        return f"{self.job}, part {self.number}"
