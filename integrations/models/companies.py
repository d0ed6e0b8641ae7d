"""Companies as an instance's PSA last answered them, and the picklist options of that tenant."""

from __future__ import annotations

import datetime as dt
from typing import NamedTuple

from django.db import models
from django.db.models.functions import Concat, Lower

from integrations.models.instances import IntegrationInstance

MSP_COMPANY_ID = "0"  # the id of the MSP itself


class CompanyRef(NamedTuple):
    """What a mapping takes of a company; whole rows of thousands would cost more than all the rest."""

    pk: int
    name: str
    instance_id: int


class CompanyQuerySet(models.QuerySet["Company"]):
    def present(self) -> CompanyQuerySet:
        """Those that the last complete read returned."""
        return self.filter(missing_since=None, in_filter=True, is_pending=False)

    def offered(self) -> CompanyQuerySet:
        """Those that an organization can be mapped to: present, and not the MSP itself."""
        return self.present().exclude(remote_id=MSP_COMPANY_ID)

    def free(self) -> CompanyQuerySet:
        """Those that no organization is mapped to, deleted ones aside."""
        return self.filter(~models.Exists(_holding()))

    def with_holder(self) -> CompanyQuerySet:
        """Each with ``taken_by``: the name of the first organization that is mapped to it, or None."""
        name = _holding().order_by("mappings__pk").values("mappings__organization__name")[:1]
        return self.annotate(**{Company.HOLDER: models.Subquery(name)})

    def usable(self) -> CompanyQuerySet:
        """Those to which tickets can go: known, active and still in the PSA, whatever the filter."""
        return self.filter(is_active=True, is_pending=False, missing_since=None)

    def search(self, text: str) -> CompanyQuerySet:
        """Those whose name, number, web address or city contains the text, and the one with this id."""
        return self.filter(models.Q(remote_id=text) | models.Q(searched__icontains=text))


def _holding() -> models.QuerySet[Company]:
    """The company of the row around it, once for each mapping in force of an organization that is there."""
    return Company.objects.filter(
        pk=models.OuterRef("pk"),
        mappings__isnull=False,
        mappings__removed_at=None,
        mappings__organization__deleted_at=None,
    )


class Company(models.Model):
    """The last seen copy of a company.

    Never deleted: ``missing_since`` says when a complete read first lacked it.
    """

    class Place(models.TextChoices):
        """Where it is, as far as the last reads tell."""

        INSIDE = "inside_filter", "Inside the filter"
        OUTSIDE = "outside_filter", "Outside the filter"
        GONE = "gone", "No longer in Autotask"

    instance = models.ForeignKey(IntegrationInstance, on_delete=models.CASCADE, related_name="companies")
    remote_id = models.CharField(max_length=40)
    name = models.CharField(max_length=300)
    number = models.CharField(max_length=100, blank=True)
    company_type = models.BigIntegerField(null=True, blank=True)
    is_active = models.BooleanField(default=True)
    web_address = models.CharField(max_length=300, blank=True)
    phone = models.CharField(max_length=50, blank=True)
    city = models.CharField(max_length=100, blank=True)
    state = models.CharField(max_length=100, blank=True)
    postal_code = models.CharField(max_length=50, blank=True)
    parent_id = models.CharField(max_length=40, blank=True)
    tax_id = models.CharField("tax id", max_length=100, blank=True, default="", db_default="")
    user_value = models.CharField(
        "user-defined value",
        max_length=300,
        blank=True,
        default="",
        db_default="",
        help_text="Of the user-defined field that the configuration reads with the companies.",
    )
    modified_at = models.DateTimeField(null=True, blank=True)
    seen_at = models.DateTimeField()
    in_filter = models.BooleanField(
        default=True, help_text="False when the company exists but the company filter leaves it out."
    )
    missing_since = models.DateTimeField(null=True, blank=True)
    is_pending = models.BooleanField(
        default=False,
        help_text="Found by a read that did not come to its end yet; not offered before one does.",
    )
    has_twin = models.BooleanField(
        default=False, editable=False, help_text="Another company of the tenant has the same name."
    )

    # One text to look in, made by the database. A line break parts the values: no search has one. PostgreSQL
    # finds any part of it by the trigram index of migration 0013, SQLite reads one column and not four.
    searched = models.GeneratedField(
        expression=Concat(
            "name",
            models.Value("\n"),
            "number",
            models.Value("\n"),
            "web_address",
            models.Value("\n"),
            "city",
        ),
        output_field=models.TextField(),
        db_persist=True,
    )

    HOLDER = "taken_by"
    taken_by: str | None  # set by ``with_holder()`` alone

    objects = CompanyQuerySet.as_manager()

    class Meta:
        ordering = ["name", "pk"]
        verbose_name_plural = "companies"
        constraints = [
            models.UniqueConstraint(fields=["instance", "remote_id"], name="company_is_unique_in_instance"),
        ]
        indexes = [
            models.Index("instance", Lower("name"), name="company_name_lower"),
            models.Index(fields=["instance", "missing_since"], name="company_missing"),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def is_own(self) -> bool:
        """True for company 0, the MSP itself."""
        return self.remote_id == MSP_COMPANY_ID

    @property
    def place(self) -> Place:
        """Inside the filter, outside it, or gone: only of a company that the PSA no longer has."""
        if self.missing_since is not None:
            return self.Place.GONE
        return self.Place.INSIDE if self.in_filter else self.Place.OUTSIDE

    @property
    def last_seen_at(self) -> dt.datetime:
        """When it was last read: a complete read that finds a copy true does not write it."""
        full = self.instance.last_full_read_at
        if full is None or not self.in_filter or self.missing_since is not None or self.is_pending:
            return self.seen_at
        return max(self.seen_at, full)

    @property
    def is_usable(self) -> bool:
        """Whether tickets can go there; the same for one row as ``usable()`` for many."""
        return self.is_active and not self.is_pending and self.missing_since is None


class FilterOption(models.Model):
    """One value of one picklist field of an instance's tenant."""

    instance = models.ForeignKey(IntegrationInstance, on_delete=models.CASCADE, related_name="options")
    field = models.CharField(max_length=100)
    value = models.CharField(max_length=200)
    label = models.CharField(max_length=200)
    is_active = models.BooleanField(default=True)
    is_system = models.BooleanField(default=False)
    sort_order = models.BigIntegerField(default=0)

    class Meta:
        verbose_name = "picklist value"
        ordering = ["instance", "field", "sort_order", "pk"]
        constraints = [
            models.UniqueConstraint(fields=["instance", "field", "value"], name="option_is_unique_in_field"),
        ]

    def __str__(self) -> str:
        return f"{self.value} {self.label}"
