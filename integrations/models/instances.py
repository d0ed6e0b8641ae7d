"""Integration instances: one tenant of one PSA, with its credentials and its company filter."""

from __future__ import annotations

import datetime as dt
import uuid
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, NamedTuple

from django.db import models
from django.db.models.functions import Lower
from django.urls import reverse

from integrations.fields import EncryptedJSONField
from integrations.models.bases import DeletableQuerySet, somebody

USER_DEFINED = "udf:"  # how the name of a field begins that the tenant has added

if TYPE_CHECKING:
    from django.contrib.auth.models import AbstractBaseUser, AnonymousUser

    from integrations.models.companies import Company


LARGEST_ID = 2**63 - 1  # that a database can keep; an address may hold any number


class ReadWarning(NamedTuple):
    """What reads could not take over since ``at``; ``more`` counts what ``details`` does not name."""

    kind: str
    at: dt.datetime
    text: str
    details: list[str]
    more: int


class InstanceQuerySet(DeletableQuerySet["IntegrationInstance"]):
    def find(self, user: AbstractBaseUser | AnonymousUser, psa: str, pk: int) -> IntegrationInstance | None:
        """The one of this PSA with this id, if it is there and the person may see it."""
        if pk > LARGEST_ID:
            return None
        # Each page asks this; `first` would write an order for the one row.
        return next(iter(self.visible_to(user).present().filter(psa=psa, pk=pk).order_by()[:1]), None)

    def has_name(self, psa: str, name: str, *, but: int = 0) -> bool:
        """Whether one of the PSA has this name, whatever its case; ``but`` is an id not to look at."""
        same = models.Q(models.lookups.Exact(Lower("name"), Lower(models.Value(name))))
        return self.present().filter(same, psa=psa).exclude(pk=but).exists()

    def listed(self, user: AbstractBaseUser | AnonymousUser, psa: str) -> InstanceQuerySet:
        """Every one of the PSA that the person may see, by its name and tenant alone."""
        names = ("psa", "name", "is_default", "database_id")
        return self.visible_to(user).present().filter(psa=psa).only(*names)


class IntegrationInstance(models.Model):
    """One tenant of one PSA; in the interface a *configuration*.

    ``zone`` is the platform that was chosen ("" means: detect from the user name), ``api_url`` where the
    tenant was found. ``credentials`` holds what only the PSA may see; ``secrets_set`` says when and by whom
    each of them was set. ``last_check`` is the step list of the last connection check, with the
    request budget as it was last told (services/instances/budget.py). ``next_refresh_at``
    and ``next_check_at`` are when the schedule acts next (services/instances/schedule.py); None: not planned.
    ``user_field`` is the user-defined field to read with the companies, ``user_field_read`` the one whose
    values they have.
    """

    class Status(models.TextChoices):
        UNVERIFIED = "unverified", "Not verified"
        CONNECTED = "connected", "Connected"
        REFUSED = "refused", "Credentials refused"
        ATTENTION = "attention", "Needs attention"

    key = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    psa = models.CharField(max_length=30)
    name = models.CharField(max_length=100)
    description = models.CharField(max_length=300, blank=True)
    is_default = models.BooleanField(
        "use as default", default=False, help_text="Used by other tools when they name no configuration."
    )
    zone = models.CharField(max_length=60, blank=True)
    zone_name = models.CharField(max_length=60, blank=True)
    api_url = models.CharField(max_length=300, blank=True)
    web_url = models.CharField(max_length=300, blank=True)
    database_id = models.BigIntegerField(null=True, blank=True)
    username = models.CharField(max_length=200)
    credentials = EncryptedJSONField(row_key="key")
    secrets_set = models.JSONField(default=dict, blank=True, editable=False)
    status = models.CharField(max_length=20, choices=Status.choices, default=Status.UNVERIFIED)
    refused_tries = models.PositiveIntegerField(
        default=0,
        db_default=0,
        editable=False,
        help_text="Refusals since the credentials last worked.",
    )
    last_check = models.JSONField(default=dict, blank=True, editable=False)
    last_checked_at = models.DateTimeField(null=True, blank=True)
    last_refreshed_at = models.DateTimeField(null=True, blank=True)
    last_full_read_at = models.DateTimeField(null=True, blank=True)
    remote_read_at = models.DateTimeField(
        null=True,
        blank=True,
        editable=False,
        help_text="When the last read began by the PSA's own clock: changes are asked for since then.",
    )
    awaits_choice = models.BooleanField(
        default=False,
        db_default=False,
        editable=False,
        help_text="Connected, and nobody has said yet which companies to read; the schedule waits for that.",
    )
    failing_since = models.DateTimeField(
        null=True, blank=True, editable=False, help_text="The first failure since the last good read."
    )
    failed_reads = models.PositiveIntegerField(
        default=0, db_default=0, editable=False, help_text="Failures since the last good read."
    )
    read_warnings = models.JSONField(
        default=dict,
        db_default=models.Value({}, output_field=models.JSONField()),
        blank=True,
        editable=False,
        help_text="What the last reads could not take over, by kind (services/companies/warnings.py).",
    )
    offered_before = models.PositiveIntegerField(
        null=True,
        blank=True,
        editable=False,
        help_text="Companies that were offered before the last read that was compared with one before it.",
    )
    offered_lost = models.PositiveIntegerField(
        null=True,
        blank=True,
        editable=False,
        help_text="How many of them that read did not find; empty where a person wanted it so.",
    )
    filters_changed_at = models.DateTimeField(null=True, blank=True, editable=False)
    filters_read = models.JSONField(
        null=True,
        blank=True,
        editable=False,
        help_text="The filter's rows at the last full read; empty where an older release has read.",
    )
    refresh_every_hours = models.PositiveSmallIntegerField(default=24, help_text="0 turns the schedule off.")
    check_daily = models.BooleanField(default=True)
    next_refresh_at = models.DateTimeField(null=True, blank=True, editable=False)
    next_check_at = models.DateTimeField(null=True, blank=True, editable=False)
    catch_all_id = models.CharField(
        "catch-all company",
        max_length=40,
        blank=True,
        help_text="Its id in the PSA: the company for organizations without a mapping, if asked for.",
    )
    company_fields = models.JSONField(default=list, blank=True, editable=False)
    user_field = models.CharField("user-defined field", max_length=100, blank=True, default="", db_default="")
    user_field_read = models.CharField(max_length=100, blank=True, default="", db_default="", editable=False)
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)
    deleted_at = models.DateTimeField(null=True, blank=True, editable=False)
    deleted_by = somebody(editable=False)

    objects = InstanceQuerySet.as_manager()

    class Meta:
        verbose_name = "configuration"
        ordering = ["psa", "-is_default", "name"]
        constraints = [
            models.UniqueConstraint(
                fields=["psa"],
                condition=models.Q(is_default=True, deleted_at=None),
                name="one_default_instance_per_psa",
            ),
            models.UniqueConstraint(
                "psa",
                Lower("name"),
                condition=models.Q(deleted_at=None),
                name="instance_name_is_unique",
                violation_error_message="Another configuration has this name.",
            ),
            models.CheckConstraint(condition=~models.Q(name=""), name="instance_has_a_name"),
            models.CheckConstraint(
                condition=models.Q(refresh_every_hours__lte=24 * 31), name="refresh_at_least_every_month"
            ),
        ]
        permissions = [("map_organizations", "Can map organizations, refresh options and edit filters")]

    def __str__(self) -> str:
        return self.name

    def get_absolute_url(self) -> str:
        """The setup page."""
        return reverse("integrations:setup", args=[self.psa, self.pk])

    def catch_all_company(self) -> Company | None:
        """The catch-all company as the last read saw it; None where there is none or it was never read."""
        if not self.catch_all_id:
            return None
        return self.companies.filter(remote_id=self.catch_all_id, is_pending=False).first()

    def warnings_of(self, *kinds: str) -> list[ReadWarning]:
        """The warnings of these kinds that stand, in this order."""
        found = [(kind, self.read_warnings[kind]) for kind in kinds if kind in self.read_warnings]
        return [
            ReadWarning(
                kind, dt.datetime.fromisoformat(each["at"]), each["text"], each["details"], each["more"]
            )
            for kind, each in found
        ]

    @property
    def field_warnings(self) -> list[ReadWarning]:
        """About fields and picklists; shown where the filter is."""
        return self.warnings_of("fields", "details", "user_field")

    @property
    def company_warnings(self) -> list[ReadWarning]:
        """About companies; shown where the result of a refresh is."""
        return self.warnings_of("empty", "companies", "count")

    @property
    def user_field_name(self) -> str:
        """The user-defined field to read with the companies, as people call it; perhaps empty."""
        return self._label(self.user_field)

    @property
    def user_value_name(self) -> str:
        """The user-defined field whose values the companies have, as people call it; perhaps empty."""
        return self._label(self.user_field_read)

    def _label(self, name: str) -> str:
        labels = {each["name"]: each.get("label") for each in self.company_fields}
        return labels.get(name) or name.removeprefix(USER_DEFINED)

    def same_tenant(self, listed: Iterable[IntegrationInstance]) -> list[IntegrationInstance]:
        """The other ones ``listed`` of the same tenant: the PSA named the same database for them."""
        if self.database_id is None:
            return []
        return [each for each in listed if each.pk != self.pk and each.database_id == self.database_id]

    @property
    def is_deleted(self) -> bool:
        """Whether it was deleted, softly."""
        return self.deleted_at is not None

    @property
    def budget_at(self) -> dt.datetime | None:
        """When the PSA told the request budget that ``last_check`` holds; None where it holds none."""
        budget = self.last_check.get("budget")
        if not budget:
            return None
        return dt.datetime.fromisoformat(budget["told_at"]) if "told_at" in budget else self.last_checked_at

    def snapshot(self) -> dict[str, Any]:
        """What the audit may know: never a credential, only when it was set."""
        names = ("name", "description", "is_default", "zone", "api_url", "username", "status")
        return {name: getattr(self, name) for name in names} | {"secrets_set": self.secrets_set}


class CompanyFilter(models.Model):
    """One row of an instance's company filter; all rows must hold.

    Of rows with the same ``group`` it is enough that one holds; such rows stand behind one another.
    """

    instance = models.ForeignKey(IntegrationInstance, on_delete=models.CASCADE, related_name="filters")
    position = models.PositiveSmallIntegerField(default=0)
    group = models.PositiveSmallIntegerField(
        null=True, blank=True, help_text="Of the rows with the same number, one has to hold."
    )
    field = models.CharField(max_length=100)
    operation = models.CharField(max_length=20)
    value = models.JSONField(null=True, blank=True)

    class Meta:
        verbose_name = "row of a company filter"
        verbose_name_plural = "rows of company filters"
        ordering = ["instance", "position", "pk"]
        constraints = [
            models.UniqueConstraint(fields=["instance", "position"], name="one_filter_per_position"),
        ]

    def __str__(self) -> str:
        return f"{self.field} {self.operation} {self.value}"
