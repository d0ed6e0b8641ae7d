"""Mappings: which company of which instance an organization is, and what was proposed for it."""

from __future__ import annotations

import datetime as dt
from functools import reduce
from operator import or_
from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.db import models
from django.utils import timezone

from integrations.models.companies import Company
from integrations.models.instances import IntegrationInstance
from integrations.models.organizations import Organization

if TYPE_CHECKING:
    from django.contrib.auth.models import User


class MappingSource(models.TextChoices):
    CHOSEN = "chosen", "Chosen by hand"
    SUGGESTED = "suggested", "Suggested and accepted"
    IMPORTED = "imported", "Imported"


def in_percent(share: float) -> str:
    """A share from 0 to 1 as whole percents; 0.999 is not called 100 %."""
    return f"{min(int(share * 100), 99) if share < 1 else 100} %"


def review_reasons(prefix: str = "") -> dict[str, models.Q]:
    """What puts a mapping back before a person; ``prefix`` leads to the mapping from another model."""

    def on(**conditions: Any) -> models.Q:
        return models.Q(**{f"{prefix}{name}": value for name, value in conditions.items()})

    return {
        "gone": on(company__missing_since__isnull=False),
        "inactive": on(company__is_active=False),
        "outside": on(company__in_filter=False),
        "renamed": ~on(confirmed_name="") & ~on(confirmed_name=models.F(f"{prefix}company__name")),
    }


def needs_review(prefix: str = "") -> models.Q:
    """Any of the reasons."""
    return reduce(or_, review_reasons(prefix).values())


class MappingQuerySet(models.QuerySet["OrganizationMapping"]):
    def present(self) -> MappingQuerySet:
        """Those in force."""
        return self.filter(removed_at=None)


class OrganizationMapping(models.Model):
    """An organization's place in one PSA. One row an organization and PSA, for ever.

    A cleared mapping keeps its row with ``removed_at`` set, and ``version`` only grows, so that a save can
    always tell whether the row is still what its author saw. ``removed_with_instance`` marks those that a
    deleted instance took along; restoring it brings them back.
    """

    organization = models.ForeignKey(Organization, on_delete=models.CASCADE, related_name="mappings")
    psa = models.CharField(max_length=30)
    instance = models.ForeignKey(IntegrationInstance, on_delete=models.CASCADE, related_name="mappings")
    company = models.ForeignKey(Company, on_delete=models.PROTECT, related_name="mappings")
    confirmed_name = models.CharField(
        max_length=300, blank=True, help_text="The company's name when the mapping was confirmed."
    )
    source = models.CharField(max_length=20, choices=MappingSource.choices, default=MappingSource.CHOSEN)
    confidence = models.FloatField(null=True, blank=True)
    reasons = models.JSONField(default=list, blank=True)
    matcher_version = models.CharField(max_length=40, blank=True)
    confirmed_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.SET_NULL, related_name="+"
    )
    confirmed_by_name = models.CharField(
        max_length=150, blank=True, help_text="Who it was by a restored file, where there is no such account."
    )
    confirmed_at = models.DateTimeField()
    version = models.PositiveIntegerField(default=1)
    removed_at = models.DateTimeField(null=True, blank=True)
    removed_with_instance = models.BooleanField(default=False)

    objects = MappingQuerySet.as_manager()

    class Meta:
        ordering = ["pk"]
        constraints = [
            models.UniqueConstraint(
                fields=["organization", "psa"], name="one_mapping_per_organization_and_psa"
            ),
            models.CheckConstraint(condition=models.Q(version__gte=1), name="mapping_version_is_positive"),
            models.CheckConstraint(
                condition=models.Q(confidence=None) | models.Q(confidence__range=(0, 1)),
                name="mapping_confidence_is_a_share",
            ),
        ]
        indexes = [
            # All that the counts above the table ask of a mapping: the rows themselves need not be read.
            models.Index(
                fields=["instance", "removed_at", "psa", "company", "organization", "confirmed_name"],
                name="mapping_in_force",
            )
        ]

    def __str__(self) -> str:
        return f"{self.organization} = {self.company}"

    def confirm(self, user: User | None, at: dt.datetime) -> None:
        """Note who stands for the mapping from now on; None for a command."""
        self.confirmed_by, self.confirmed_by_name, self.confirmed_at = user, "", at

    @property
    def confirmer(self) -> str:
        """The user name of who confirmed it, "" where nobody knows."""
        return self.confirmed_by.get_username() if self.confirmed_by else self.confirmed_by_name

    def snapshot(self) -> dict[str, Any]:
        """The values that the audit keeps and undo restores."""
        return {
            "instance": self.instance_id,
            "company": self.company_id,
            "source": self.source,
            "confidence": self.confidence,
            "reasons": self.reasons,
            "matcher_version": self.matcher_version,
            "confirmed_name": self.confirmed_name,
            "removed": self.removed_at is not None,
            "version": self.version,
            "confirmed_by": self.confirmed_by_id,
            "confirmed_by_name": self.confirmed_by_name,
            "confirmed_at": self.confirmed_at.isoformat(),
        }


class MappingProposal(models.Model):
    """What one person has before them but not saved yet, for one organization of one instance.

    A suggestion of the matcher (without a company when several fit, or none), a company chosen by hand, or
    the wish to clear the mapping (no company and not suggested). Kept in the database so that unsaved work
    survives a reload, another tab and a sign-out. ``seen_version`` is the mapping's version when the
    proposal was made (0: never mapped); saving refuses a row that has changed since.
    ``selected`` says whether Save Mappings takes it.
    """

    class Kind(models.TextChoices):
        SUGGESTED = "suggested", "Suggested"
        CHOSEN = "chosen", "Chosen"
        CLEARED = "cleared", "Cleared"

    user = models.ForeignKey(  # two indexes of its own would begin with it
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="proposals", db_index=False
    )
    instance = models.ForeignKey(IntegrationInstance, on_delete=models.CASCADE, related_name="proposals")
    organization = models.ForeignKey(Organization, on_delete=models.CASCADE, related_name="proposals")
    company = models.ForeignKey(
        Company, null=True, blank=True, on_delete=models.CASCADE, related_name="proposals"
    )
    kind = models.CharField(max_length=20, choices=Kind.choices)
    selected = models.BooleanField(default=False)
    moves = models.BooleanField(default=False, help_text="Takes the organization over from another instance.")
    tier = models.CharField(max_length=20, blank=True)
    confidence = models.FloatField(null=True, blank=True)
    reasons = models.JSONField(default=list, blank=True)
    rivals = models.JSONField(default=list, blank=True)
    matcher_version = models.CharField(max_length=40, blank=True)
    seen_version = models.PositiveIntegerField(default=0)
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        ordering = ["pk"]
        constraints = [
            models.UniqueConstraint(
                fields=["user", "instance", "organization"], name="one_proposal_per_user_and_organization"
            ),
            models.CheckConstraint(
                condition=~models.Q(kind="chosen", company=None), name="a_chosen_proposal_has_a_company"
            ),
        ]
        indexes = [
            # All that the counts above the table ask of a person's proposals.
            models.Index(
                fields=["user", "instance", "kind", "tier", "selected", "company"], name="proposals_counted"
            )
        ]

    def __str__(self) -> str:
        return f"{self.organization}: {self.company or 'none'}"


class RejectedMatch(models.Model):
    """A pair that a person said no to: never proposed again, in any instance, until it is taken back.

    ``company_name`` is kept beside the company, so that the same company of another tenant, which has another
    row there, is not proposed either.
    """

    organization = models.ForeignKey(Organization, on_delete=models.CASCADE, related_name="rejected_matches")
    company = models.ForeignKey(Company, on_delete=models.CASCADE, related_name="rejected_matches")
    company_name = models.CharField(max_length=300)
    rejected_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.SET_NULL, related_name="+"
    )
    rejected_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["-rejected_at", "-pk"]
        verbose_name_plural = "rejected matches"
        constraints = [
            models.UniqueConstraint(fields=["organization", "company"], name="a_pair_is_rejected_once"),
        ]

    def __str__(self) -> str:
        return f"{self.organization} is not {self.company_name}"


class IgnoredOrganization(models.Model):
    """An organization that is deliberately not mapped in a PSA; it stays out of the counts of open work."""

    organization = models.ForeignKey(Organization, on_delete=models.CASCADE, related_name="ignored_in")
    psa = models.CharField(max_length=30)
    ignored_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.SET_NULL, related_name="+"
    )
    ignored_by_name = models.CharField(
        max_length=150, blank=True, help_text="Who it was by a restored file, where there is no such account."
    )
    ignored_at = models.DateTimeField(default=timezone.now)

    class Meta:
        ordering = ["organization"]
        constraints = [
            models.UniqueConstraint(fields=["organization", "psa"], name="ignored_once_per_psa"),
        ]

    def __str__(self) -> str:
        return f"{self.organization} is ignored"
