"""Expectations: what people want to be true of a configuration, and a refresh result that waits for a person.

``Expectation`` is what is expected and, beside it, how that was when it was noted last. ``HeldRefresh`` is a
result that an expectation keeps from being taken over, with the companies that would go.
"""

from __future__ import annotations

import uuid
from typing import Any

from django.db import models
from django.db.models import Q

from integrations.models.bases import somebody
from integrations.models.companies import Company
from integrations.models.drift import RecordChange
from integrations.models.instances import IntegrationInstance


class ExpectationKind(models.TextChoices):
    """What can be expected. The names are those of the API, of files and of events."""

    MAPPED = "mapped", "Mapped at least"
    UNMAPPED = "unmapped", "Unmapped at most"
    FEWER = "fewer", "Fewer companies than last time at most"
    CREDENTIALS = "credentials", "Credentials are not refused"
    REFRESHED = "refreshed", "Refreshed within"
    INBOX = "inbox", "Open in the inbox at most"

    @property
    def may_brake(self) -> bool:
        """Whether the result of a refresh can break it, and so can wait for a person because of it."""
        return self in {self.MAPPED, self.FEWER, self.INBOX}

    @property
    def has_limit(self) -> bool:
        """Whether a number belongs to it."""
        return self != self.CREDENTIALS


def sentence(kind: ExpectationKind, limit: int, days: int) -> str:
    """What is expected, in words and without a full stop."""
    number, kinds = f"{limit:,}", ExpectationKind
    plural = "" if limit == 1 else "s"
    for_long = f" for more than {'a day' if days == 1 else f'{days} days'}" if days else ""
    return {
        kinds.MAPPED: f"At least {number} % of the organizations are mapped",
        kinds.UNMAPPED: f"At most {number} organization{plural} unmapped{for_long}",
        kinds.FEWER: f"At most {number} % fewer companies than last time",
        kinds.CREDENTIALS: "The credentials are not refused",
        kinds.REFRESHED: f"Refreshed within {'an hour' if limit == 1 else number + ' hours'}",
        kinds.INBOX: f"At most {number} open in the inbox",
    }[kind]


class Expectation(models.Model):
    """What is expected of a configuration, of one kind, and how that was when it was noted last.

    ``limit`` is a percentage, hours or a number of rows, as the kind says; ``days`` belongs to UNMAPPED.
    ``broken_since`` is set from when it was first noted as broken until it is noted to hold (or is no longer
    expected): not knowing ends nothing.
    """

    class Effect(models.TextChoices):
        OFF = "off", "Not expected"
        WARN = "warn", "Warn"
        BRAKE = "brake", "Brake"

    class State(models.TextChoices):
        UNKNOWN = "unknown", "Not known yet"
        HOLDS = "holds", "Holds"
        WARNS = "warns", "Warns"
        BRAKES = "brakes", "Brakes"

        @property
        def is_broken(self) -> bool:
            """Whether what is expected is not so."""
            return self in {self.WARNS, self.BRAKES}

    instance = models.ForeignKey(IntegrationInstance, on_delete=models.CASCADE, related_name="expectations")
    kind = models.CharField(max_length=20, choices=ExpectationKind.choices)
    effect = models.CharField(max_length=10, choices=Effect.choices)
    limit = models.PositiveIntegerField(default=0)
    days = models.PositiveSmallIntegerField(default=0)
    state = models.CharField(max_length=10, choices=State.choices, default=State.UNKNOWN, editable=False)
    since = models.DateTimeField(null=True, blank=True, editable=False)
    broken_since = models.DateTimeField(null=True, blank=True, editable=False)
    text = models.CharField(max_length=500, blank=True, editable=False)

    class Meta:
        ordering = ["instance", "pk"]
        constraints = [
            models.UniqueConstraint(fields=["instance", "kind"], name="one_expectation_of_a_kind"),
        ]
        indexes = [
            models.Index(fields=["id"], condition=Q(broken_since__isnull=False), name="expectation_broken"),
        ]

    def __str__(self) -> str:
        return f"{self.instance}: {self.get_kind_display()}"

    @property
    def known_kind(self) -> ExpectationKind:
        """Its kind."""
        return ExpectationKind(self.kind)

    @property
    def sentence(self) -> str:
        """What is expected, in words."""
        return sentence(self.known_kind, self.limit, self.days)


class HeldRefresh(models.Model):
    """The result of a complete read that waits for a person; nobody is gone because of it.

    ``reasons`` are {"kind", "text"} of the expectations that it would break; ``before`` companies were
    offered. ``opened`` are the mappings that would be open in the inbox beside those to companies that go, as
    [mapping, company, why]. Who leaves it (``left_at``) says that it is wrong: it stays here, so that the
    same result does not ask again, until a read is taken over. Who takes it (``taken_at``) saw the mappings
    ``touched``, as [company, mapping]. ``key`` follows all of that: whoever names it has seen it as it is.
    """

    key = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    instance = models.OneToOneField(
        IntegrationInstance, on_delete=models.CASCADE, related_name="held_refresh"
    )
    at = models.DateTimeField()
    reasons = models.JSONField(default=list)
    before = models.PositiveIntegerField(default=0)
    left_at = models.DateTimeField(null=True, blank=True)
    left_by = somebody()
    opened = models.JSONField(default=list, db_default=models.Value([], output_field=models.JSONField()))
    touched = models.JSONField(default=list, db_default=models.Value([], output_field=models.JSONField()))
    taken_at = models.DateTimeField(null=True, blank=True)
    taken_by = somebody()

    class Meta:
        ordering = ["instance"]
        verbose_name = "refresh that waits"
        verbose_name_plural = "refreshes that wait"

    def __str__(self) -> str:
        return f"{self.instance}, {self.at:%Y-%m-%d %H:%M}"

    @property
    def waits(self) -> bool:
        """Whether nobody has said yet what is to become of it."""
        return self.left_at is None

    def text_of(self, kind: ExpectationKind) -> str:
        """Why it waits, as far as this kind is concerned; "" where it is not."""
        return next((each["text"] for each in self.reasons if each["kind"] == kind.value), "")

    def snapshot(self) -> dict[str, Any]:
        """What the audit keeps of it."""
        return {"read_at": self.at.isoformat(), "reasons": [each["text"] for each in self.reasons]}


class HeldCompany(models.Model):
    """A company that would go with a held result: gone, or outside the filter."""

    held = models.ForeignKey(HeldRefresh, on_delete=models.CASCADE, related_name="companies")
    company = models.ForeignKey(Company, on_delete=models.CASCADE, related_name="+")
    kind = models.CharField(max_length=30, choices=RecordChange.Kind.choices)

    class Meta:
        ordering = ["pk"]
        verbose_name = "company that would go"
        verbose_name_plural = "companies that would go"
        constraints = [models.UniqueConstraint(fields=["held", "company"], name="company_is_held_once")]

    def __str__(self) -> str:
        return f"{self.company}: {self.get_kind_display()}"
