"""Mappings: which company of which instance an organization is, and what was proposed for it."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping, Sequence
from operator import attrgetter
from typing import TYPE_CHECKING, Any, cast

from django.conf import settings
from django.db import models
from django.utils import timezone
from django.utils.functional import cached_property

from integrations.database.bulk import insert_rows, update_rows
from integrations.database.transactions import transaction_required
from integrations.models.bases import somebody
from integrations.models.companies import Company, CompanyRef
from integrations.models.instances import IntegrationInstance
from integrations.models.organizations import Organization
from integrations.models.review_reasons import AS_THEY_ARE, Finding, ReviewReason, findings

if TYPE_CHECKING:
    from django.contrib.auth.models import User


class MappingSource(models.TextChoices):
    CHOSEN = "chosen", "Chosen by hand"
    SUGGESTED = "suggested", "Suggested and accepted"
    IMPORTED = "imported", "Imported"


def in_percent(share: float) -> str:
    """A share from 0 to 1 as whole percents; 0.999 is not called 100 %."""
    return f"{min(int(share * 100), 99) if share < 1 else 100} %"


# What changes of a mapping after it was made.
CHANGING_FIELDS = (
    "instance_id", "company_id", "source", "confidence", "reasons", "matcher_version", "confirmed_by_id",
    "confirmed_by_name", "confirmed_at", "confirmed_name", "kept_despite", "version", "removed_at",
    "removed_with_instance",
)  # fmt: skip


class MappingQuerySet(models.QuerySet["OrganizationMapping"]):
    def present(self) -> MappingQuerySet:
        """Those in force."""
        return self.filter(removed_at=None)

    def in_tables(self) -> MappingQuerySet:
        """Those in force that the table of their instance shows: not those of deleted organizations."""
        # Few are deleted, and an index holds them: leaving them out reads no organization of the others.
        return self.present().exclude(organization__in=Organization.objects.deleted().order_by().values("pk"))

    @transaction_required
    def locked(self) -> MappingQuerySet:
        """Locked until the transaction ends, in the order in which everybody locks mappings."""
        return self.order_by("organization_id").select_for_update(of=("self",))

    def with_names(self) -> MappingQuerySet:
        """Each with its organization, company and instance."""
        return self.select_related("organization", "company", "instance")

    def write(self, mappings: Iterable[OrganizationMapping]) -> None:
        """Write rows, in two calls however many; those that exist are locked by the caller.

        New ones do not learn their ids. Raises django.db.IntegrityError.
        """
        values, mappings = attrgetter(*CHANGING_FIELDS), list(mappings)
        if new := [row for row in mappings if not row.pk]:
            names = (*CHANGING_FIELDS, "organization_id", "psa")
            insert_rows(self.model, names, ((*values(row), row.organization_id, row.psa) for row in new))
        if changed := [row for row in mappings if row.pk]:
            update_rows(self.model, CHANGING_FIELDS, ((*values(row), row.pk) for row in changed))


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
    confirmed_by = somebody()
    confirmed_by_name = models.CharField(
        max_length=150, blank=True, help_text="Who it was by a restored file, where there is no such account."
    )
    confirmed_at = models.DateTimeField()
    kept_despite = models.CharField(
        "kept despite",
        max_length=60,
        blank=True,
        db_default="",
        default="",
        help_text="Reasons for a review that somebody has seen and kept it nevertheless, while they last.",
    )
    version = models.PositiveIntegerField(default=1)
    removed_at = models.DateTimeField(null=True, blank=True)
    removed_with_instance = models.BooleanField(default=False)

    objects = MappingQuerySet.as_manager()

    class Meta:
        verbose_name = "mapping"
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
                fields=[
                    "instance",
                    "removed_at",
                    "psa",
                    "company",
                    "organization",
                    "confirmed_name",
                    "kept_despite",
                ],
                name="mapping_and_kept",
            )
        ]

    def __str__(self) -> str:
        return f"{self.organization} = {self.company}"

    @classmethod
    def of(cls, organization: int, psa: str) -> OrganizationMapping:
        """The row of an organization (its id) that was never mapped in the PSA; unsaved, of version 0.

        With all values in their order: to have Django look for each by its name takes twice as long.
        """
        own = {"organization_id": organization, "psa": psa, "version": 0}
        row: OrganizationMapping = cast("Any", cls)(*(own.get(name, value) for name, value in _UNMAPPED))
        return row

    @property
    def review_reasons(self) -> list[ReviewReason]:
        """Why it needs review; empty when it does not."""
        return [finding.reason for finding in self.findings]

    @cached_property
    def findings(self) -> list[Finding]:
        """The same with since when and what became what; `find_all` reads those of many rows at once."""
        return findings([self]).get(self.pk, [])

    @property
    def kept_reasons(self) -> list[ReviewReason]:
        """What would ask for a review, had nobody kept it nevertheless."""
        if not self.kept_despite:
            return []
        return [reason for reason in ReviewReason if reason.warning in self.kept_despite.split()]

    @property
    def is_in_force(self) -> bool:
        """Whether the organization is mapped; the same for one row as ``present()`` for many."""
        return self.removed_at is None

    def assign(
        self,
        company: Company | CompanyRef,
        *,
        by: User | None,
        at: dt.datetime,
        source: str,
        confidence: float | None = None,
        reasons: Sequence[str] = (),
        matcher_version: str = "",
        by_name: str = "",
        known_as: str | None = None,
    ) -> None:
        """Map the organization to the company, in its instance, whatever stood there before; unsaved.

        ``by`` stands for it since ``at`` (None: a command, or the person ``by_name`` who has no account
        here), and knew the company by the name ``known_as``; otherwise by its present one.
        """
        self.instance_id, self.company_id = company.instance_id, company.pk
        if isinstance(company, Company):
            self.company = company
        self.source, self.confidence, self.reasons = source, confidence, list(reasons)
        self.matcher_version = matcher_version
        self.confirmed_name = company.name if known_as is None else known_as
        self.kept_despite = ""
        self.confirm(by, at, by_name)
        self.restore()

    def remove(self, at: dt.datetime, *, with_instance: bool = False) -> None:
        """Take the mapping out of force; ``with_instance`` when its instance is deleted; unsaved."""
        self.removed_at, self.removed_with_instance = at, with_instance
        self.version += 1

    def restore(self) -> None:
        """Bring the mapping into force as it is; unsaved."""
        self.removed_at, self.removed_with_instance = None, False
        self.version += 1

    def confirm(self, by: User | None, at: dt.datetime, by_name: str = "") -> None:
        """Note who stands for the mapping from now on; None for a command, or the person ``by_name``."""
        # By the id: to put the account itself there takes a tenth of the time of a save of thousands.
        self.confirmed_by_id, self.confirmed_by_name = (by.pk, "") if by else (None, by_name)
        self.confirmed_at = at

    def keep(self, by: User | None, at: dt.datetime) -> None:
        """Note that it is right as it is, whatever asks for a review now; unsaved."""
        self.confirmed_name = self.company.name
        self.kept_despite = " ".join(reason.warning for reason in AS_THEY_ARE if reason.holds(self))
        self.confirm(by, at)
        self.version += 1

    def forget_kept(self) -> bool:
        """Forget the reasons that have ceased: one that comes back asks anew. Whether any had; unsaved."""
        lasting = " ".join(reason.warning for reason in self.kept_reasons if reason.holds(self))
        ceased, self.kept_despite = lasting != self.kept_despite, lasting
        return ceased

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
            "kept_despite": self.kept_despite,
            "removed": self.removed_at is not None,
            "version": self.version,
            "confirmed_by": self.confirmed_by_id,
            "confirmed_by_name": self.confirmed_by_name,
            "confirmed_at": self.confirmed_at.isoformat(),
        }

    def put_back(
        self,
        state: Mapping[str, Any],
        company: Company | CompanyRef,
        people: Mapping[int, User],
        at: dt.datetime,
    ) -> None:
        """Make it what ``snapshot()`` said, with the ``company`` that it named; unsaved.

        ``people`` are the accounts that still exist. What was out of force is so again, since ``at``.
        """
        if "confirmed_at" in state:
            by, by_name = people.get(state["confirmed_by"]), state.get("confirmed_by_name", "")
            confirmed_at = dt.datetime.fromisoformat(state["confirmed_at"])
        else:  # history of before 0007 does not know it
            by, by_name, confirmed_at = self.confirmed_by, self.confirmed_by_name, self.confirmed_at
        self.assign(
            company,
            by=by,
            at=confirmed_at,
            source=state["source"],
            confidence=state["confidence"],
            reasons=state["reasons"],
            matcher_version=state["matcher_version"],
            by_name=by_name,
            known_as=state.get("confirmed_name", ""),
        )
        self.kept_despite = state.get("kept_despite", "")  # history of before 0036 does not know it
        self.removed_at = at if state["removed"] else None


# What a row has before anything is known of it, in the order of its columns.
_UNMAPPED = tuple(
    (column.attname, column.get_default()) for column in OrganizationMapping._meta.concrete_fields
)


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
    match_kind = models.CharField(
        max_length=60, blank=True, db_default="", default="", help_text="On what a suggestion rests."
    )
    seen_version = models.PositiveIntegerField(default=0)
    replaced = models.JSONField(
        null=True,
        blank=True,
        editable=False,
        help_text="The suggestion in whose place another company was chosen, for undo.",
    )
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        verbose_name = "unsaved proposal"
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

    def explain(self, *reasons: str) -> None:
        """Give these reasons instead of those that it was made with; unsaved."""
        self.reasons = list(reasons)


class RejectedMatch(models.Model):
    """A pair that a person said no to: never proposed again, in any instance, until it is taken back.

    ``company_name`` is kept beside the company, so that the same company of another tenant, which has another
    row there, is not proposed either.
    """

    organization = models.ForeignKey(Organization, on_delete=models.CASCADE, related_name="rejected_matches")
    company = models.ForeignKey(Company, on_delete=models.CASCADE, related_name="rejected_matches")
    company_name = models.CharField(max_length=300)
    rejected_by = somebody()
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
    ignored_by = somebody()
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

    @property
    def ignorer(self) -> str:
        """The user name of whoever ignored it; "" where that is not known."""
        return self.ignored_by.get_username() if self.ignored_by else self.ignored_by_name
