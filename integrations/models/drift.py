"""Drift: what of a company or an organization became something else, and what people make of it.

Nobody has to remember what a mapping was like when it was confirmed. `RecordChange` keeps each value that
became another one, and when: a mapping was confirmed with the value before the first change after that.
So undoing a confirmation brings back what it settled, and everything can be told anew from the rows.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache
from typing import TYPE_CHECKING, Any, NamedTuple

from django.db import models
from django.db.models import Exists, F, FilteredRelation, OuterRef, Q
from django.utils import timezone

from integrations.database.among import Among
from integrations.database.bulk import insert_rows
from integrations.database.transactions import transaction_required
from integrations.models.bases import somebody
from integrations.models.companies import Company
from integrations.models.instances import IntegrationInstance
from integrations.models.organizations import Organization

if TYPE_CHECKING:
    import datetime as dt

LATE = 50  # refreshes that count as late ones


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
        verbose_name = "what happened to a configuration"
        verbose_name_plural = "what happened to configurations"
        ordering = ["-pk"]
        indexes = [models.Index(fields=["instance", "cause", "-id"], name="occurrence_of_cause")]

    def __str__(self) -> str:
        return self.text


class RefreshSummaryQuerySet(models.QuerySet["RefreshSummary"]):
    def last_change(self, instance: IntegrationInstance) -> dt.datetime | None:
        """When a refresh last found other companies, or others in the filter; None: in none of late."""
        late = self.filter(instance=instance).order_by("-pk").values_list("at", "counts")[:LATE]
        return next((at for at, counts in late if counts), None)


class RefreshSummary(models.Model):
    """What one refresh of a configuration changed, by kinds (`RecordChange.Kind`), and how it ended.

    ``counts`` are numbers by kind. The changes themselves are `RecordChange` rows that name it.
    """

    instance = models.ForeignKey(IntegrationInstance, on_delete=models.CASCADE, related_name="summaries")
    at = models.DateTimeField()
    full = models.BooleanField(default=False)
    is_first = models.BooleanField(default=False)
    read = models.PositiveIntegerField(default=0)
    offered = models.PositiveIntegerField(default=0)
    counts = models.JSONField(default=dict, blank=True)
    compared = models.BooleanField(default=False, help_text="With the mappings, after the refresh.")

    objects = RefreshSummaryQuerySet.as_manager()

    class Meta:
        verbose_name = "what a refresh changed"
        verbose_name_plural = "what refreshes changed"
        ordering = ["-pk"]
        indexes = [models.Index(fields=["instance", "-id"], name="summary_of_instance")]

    def __str__(self) -> str:
        return f"{self.instance}, {timezone.localtime(self.at):%Y-%m-%d %H:%M}"


class Changed(NamedTuple):
    """One value that became another one, as it is to be kept."""

    kind: str
    company: int | None
    before: str = ""
    after: str = ""
    organization: int | None = None
    at: dt.datetime | None = None  # now, where it is not told


class RecordChangeQuerySet(models.QuerySet["RecordChange"]):
    @transaction_required
    def record(self, found: Iterable[Changed], at: dt.datetime) -> None:
        """Add the changes; earlier ones of the same value tell whether they still make a difference."""
        changes = list(found)
        if not changes:
            return
        previous = self._previous(changes)
        names = ("kind", "company_id", "organization_id", "before", "after", "at", "previous_at", "stands")
        insert_rows(
            self.model,
            names,
            (
                (
                    str(kind), company, organization, before[:300], after[:300], moment or at,
                    previous.get((kind, company, organization)), before != after,
                )
                for kind, company, before, after, organization, moment in changes
            ),
        )  # fmt: skip

    def _previous(self, changes: list[Changed]) -> dict[tuple[str, int | None, int | None], dt.datetime]:
        """When each value changed the last time; what those changes compare with is the newest value now."""
        found: dict[tuple[str, int | None, int | None], dt.datetime] = {}
        after = {_value_of(change): change.after[:300] for change in changes if change.kind in VALUES}
        for side in ("company", "organization"):
            ids = {getattr(change, side) for change in changes if change.kind in VALUES} - {None}
            if not ids:
                continue
            kinds = sorted({change.kind for change in changes if change.kind in VALUES})
            rows = self.filter(Among(side, ids), kind__in=kinds)
            flips: dict[bool, list[int]] = {True: [], False: []}
            for row in rows.order_by("pk").values_list(
                "pk", "kind", "company_id", "organization_id", "before", "at", "stands"
            ):
                pk, kind, company, organization, before, at, stands = row
                value = (kind, company, organization)
                if value in after:
                    found[value] = at
                    if stands != (before != after[value]):
                        flips[not stands].append(pk)
            for stands, keys in flips.items():
                if keys:
                    self.filter(Among("pk", keys)).update(stands=stands)
        return found

    def held(self) -> Any:
        """The changes of a company with each mapping to it that was confirmed before, by ``held_pk``.

        Of the changes of one value only the first after the confirmation, and only where it still differs.
        """
        rows = self._with_mapping("company__mappings").filter(_SINCE, kind__in=OF_COMPANY)
        return rows.filter(~Q(kind=JOINED) | _still_shared())

    def of_organizations(self) -> Any:
        """The same for changes of the organization, and for better companies, with its mapping."""
        rows = self._with_mapping("organization__mappings").filter(_SINCE, kind__in=OF_ORGANIZATION)
        return rows.filter(~Q(kind=BETTER) | _still_better())

    def _with_mapping(self, path: str) -> Any:
        """With what is asked of each mapping in force at the end of the path.

        As annotations: each further ``filter`` on the relation itself would join the mappings once more.
        """
        in_force = FilteredRelation(path, condition=Q(**{f"{path}__removed_at": None}))
        rows: Any = self.annotate(held=in_force)
        return rows.annotate(
            held_pk=F("held__pk"),
            held_at=F("held__confirmed_at"),
            held_company=F("held__company"),
            held_organization=F("held__organization"),
            held_instance=F("held__instance"),
            held_psa=F("held__psa"),
        )


class RecordChange(models.Model):
    """One value of a company or an organization that became another one.

    ``previous_at`` is when the same value changed before; so it is what mappings were confirmed with in
    between. ``stands``: the value ``before`` is not the present one. ``refresh`` is the summary that counts
    it: empty while the refresh that found it has not come to its end, and for what no refresh finds.
    """

    class Kind(models.TextChoices):
        NEW = "new", "New"
        RENAMED = "renamed", "Renamed"
        RETYPED = "retyped", "Type changed"
        READDRESSED = "readdressed", "Web address changed"
        INACTIVE = "inactive", "Made inactive"
        ACTIVE = "active", "Made active"
        LEFT = "left_filter", "Left the filter"
        ENTERED = "entered_filter", "Came into the filter"
        GONE = "gone", "Gone"
        BACK = "back", "Back again"
        TWIN = "twin", "Has a twin"
        JOINED = "joined", "Shared with another organization"
        BETTER = "better", "A better company"
        ORGANIZATION_RENAMED = "organization_renamed", "Organization renamed"
        ORGANIZATION_INACTIVE = "organization_inactive", "Organization made inactive"
        ORGANIZATION_READDRESSED = "organization_readdressed", "Web address of the organization changed"

    kind = models.CharField(max_length=30, choices=Kind.choices)
    company = models.ForeignKey(
        Company, null=True, blank=True, on_delete=models.CASCADE, related_name="changes", db_index=False
    )
    organization = models.ForeignKey(
        Organization, null=True, blank=True, on_delete=models.CASCADE, related_name="changes", db_index=False
    )
    before = models.CharField(max_length=300, blank=True)
    after = models.CharField(max_length=300, blank=True)
    at = models.DateTimeField()
    previous_at = models.DateTimeField(null=True, blank=True)
    stands = models.BooleanField(default=True)
    refresh = models.ForeignKey(
        RefreshSummary, null=True, blank=True, on_delete=models.CASCADE, related_name="changes"
    )

    objects = RecordChangeQuerySet.as_manager()

    class Meta:
        verbose_name = "value that became another"
        verbose_name_plural = "values that became others"
        ordering = ["pk"]
        indexes = [
            models.Index(fields=["company", "kind", "at"], name="change_of_company"),
            models.Index(fields=["organization", "kind", "at"], name="change_of_organization"),
        ]

    def __str__(self) -> str:
        return f"{self.get_kind_display()}: {self.before} → {self.after}"


Kind = RecordChange.Kind
JOINED, BETTER = Kind.JOINED, Kind.BETTER
# Values, of which one change follows the other; the others are told by themselves.
VALUES = frozenset(
    {
        Kind.RENAMED, Kind.RETYPED, Kind.READDRESSED, Kind.TWIN, Kind.ORGANIZATION_RENAMED,
        Kind.ORGANIZATION_INACTIVE, Kind.ORGANIZATION_READDRESSED,
    }
)  # fmt: skip
# What a mapping that was confirmed before has to be looked at for. A new name of the company is told by the
# mapping itself, which keeps the name that it was confirmed with.
OF_COMPANY = (Kind.RETYPED, Kind.READDRESSED, Kind.TWIN, Kind.JOINED)
OF_ORGANIZATION = (
    Kind.ORGANIZATION_RENAMED, Kind.ORGANIZATION_INACTIVE, Kind.ORGANIZATION_READDRESSED, Kind.BETTER,
)  # fmt: skip
YES, NO = "yes", "no"  # what TWIN and ORGANIZATION_INACTIVE change from and to
# Nobody looks again because a twin went, an organization is active again, or a value was filled in.
_TELLS = (
    ~Q(kind__in=(Kind.TWIN, Kind.ORGANIZATION_INACTIVE), before=YES)
    & (Q(kind__in=(JOINED, BETTER)) | ~Q(before=""))
)  # fmt: skip
_SINCE = (
    Q(_TELLS, stands=True, held_at__lt=F("at"))
    & (Q(previous_at=None) | Q(previous_at__lte=F("held_at")))
)  # fmt: skip


def _value_of(change: Changed) -> tuple[str, int | None, int | None]:
    return (change.kind, change.company, change.organization)


def _still_shared() -> Q:
    """The organization that came to the company is still there, and is not the one that is asked about."""
    newcomer = Organization.objects.present().filter(
        pk=OuterRef("organization"), mappings__company=OuterRef("company"), mappings__removed_at=None
    )
    return ~Q(organization=F("held_organization")) & Q(Exists(newcomer))


def _still_better() -> Q:
    """The better company is offered in the mapping's configuration, is another one, and nobody said no."""
    offered = Company.objects.offered().filter(pk=OuterRef("company"), is_active=True)
    said_no = Company.objects.filter(
        pk=OuterRef("company"), rejected_matches__organization=OuterRef("organization")
    )
    return (
        ~Q(company=F("held_company"))
        & Q(company__instance=F("held_instance"))
        & Q(Exists(offered))
        & ~Q(Exists(said_no))
    )


class ReviewCase(models.Model):
    """What was said of a mapping to be looked at, beside deciding it: who looks, and not before it changes.

    ``ignored_at`` holds as long as the mapping has this ``mapping_version`` and nothing more changed since.
    It is given to somebody until it is confirmed: what drifts after that is nobody's yet.
    """

    mapping = models.OneToOneField(
        "integrations.OrganizationMapping", on_delete=models.CASCADE, related_name="review_case"
    )
    ignored_at = models.DateTimeField(null=True, blank=True)
    ignored_by = somebody()
    mapping_version = models.PositiveIntegerField(default=0, help_text="Of the mapping when it was ignored.")
    assigned_to = somebody()
    assigned_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        verbose_name = "mapping given to somebody or put off"
        verbose_name_plural = "mappings given to somebody or put off"
        ordering = ["pk"]

    def __str__(self) -> str:
        return f"{self.mapping}"

    def snapshot(self) -> dict[str, Any]:
        """The values that the audit keeps and undo restores."""
        return {
            "ignored_at": self.ignored_at.isoformat() if self.ignored_at else None,
            "version": self.mapping_version,
            "assigned_to": self.assigned_to_id,
            "assigned_at": self.assigned_at.isoformat() if self.assigned_at else None,
            "person": self.assigned_to.get_username() if self.assigned_to else "",
        }


def quiet_mappings() -> models.QuerySet[ReviewCase, Any]:
    """The ids of the mappings that are ignored until something changes again, and nothing has."""
    return _quiet_mappings().all()


@cache  # to put it together takes longer than to ask it
def _quiet_mappings() -> models.QuerySet[ReviewCase, Any]:
    newer = RecordChange.objects.filter(at__gt=OuterRef(OuterRef("ignored_at")))
    # Asked of each case, so that a database begins with those: they are fewer than mappings.
    mappings = ReviewCase._meta.get_field("mapping").related_model._default_manager
    as_it_was = (
        mappings.filter(pk=OuterRef("mapping"), version=OuterRef("mapping_version"))
        .exclude(Exists(newer.filter(company=OuterRef("company"))))
        .exclude(Exists(newer.filter(organization=OuterRef("organization"))))
    )
    return ReviewCase.objects.filter(Exists(as_it_was), ignored_at__isnull=False).order_by().values("mapping")
