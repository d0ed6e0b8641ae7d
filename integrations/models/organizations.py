"""Organizations: our customers, as our other tools know them."""

from __future__ import annotations

import uuid
from collections.abc import Collection
from typing import TYPE_CHECKING, Any

from django.apps import apps
from django.db import models
from django.db.models.functions import Lower

from integrations.database.transactions import transaction_required
from integrations.models.bases import DeletableQuerySet

if TYPE_CHECKING:
    from integrations.models.instances import IntegrationInstance


def row_in(instance: int) -> models.Q:
    """Which organizations have a row in the mapping table of the instance (its id): the one rule.

    Those that are active or mapped there, and were not deleted. Asked of organizations that are joined with
    their ``mapping`` (``with_mapping``). What shows, counts, ticks or saves rows derives from it.
    """
    return models.Q(deleted_at=None) & (models.Q(is_active=True) | models.Q(mapping__instance=instance))


def is_ignored(psa: str) -> models.Exists:
    """Which organizations somebody decided not to map in the PSA."""
    ignored = apps.get_model("integrations", "IgnoredOrganization")  # its module needs this one
    return models.Exists(ignored._default_manager.filter(organization=models.OuterRef("pk"), psa=psa))


def is_unmapped(psa: str) -> models.Q:
    """Which organizations are *unmapped* in the PSA: without a mapping, and not ignored. The one rule.

    Asked of organizations that are joined with their ``mapping`` (``with_mapping``). A suggestion, or a
    choice that is not saved, maps nothing. The overview, the table's tab and the API's answer mean this by
    the word.
    """
    return models.Q(mapping__isnull=True) & ~models.Q(is_ignored(psa))


class OrganizationQuerySet(DeletableQuerySet["Organization"]):
    def deleted(self) -> OrganizationQuerySet:
        """Those that were deleted, or merged into another one; they have no row in any mapping table."""
        return self.filter(deleted_at__isnull=False)

    def with_mapping(self, psa: str) -> OrganizationQuerySet:
        """Joined with the mapping in force that each has in the PSA, if any, as ``mapping``."""
        in_force = models.Q(mappings__psa=psa, mappings__removed_at=None)
        return self.annotate(mapping=models.FilteredRelation("mappings", condition=in_force))

    def with_row(self, instance: int, psa: str) -> OrganizationQuerySet:
        """Those that have a row in the mapping table of the instance (its id), which is one of the PSA."""
        return self.with_mapping(psa).filter(row_in(instance))

    def unmapped_in(self, psa: str) -> OrganizationQuerySet:
        """The open work: active ones that are unmapped in the PSA, as ``is_unmapped`` says."""
        return self.present().with_mapping(psa).filter(is_unmapped(psa), is_active=True)

    def ignored_in(self, psa: str) -> OrganizationQuerySet:
        """Active ones that are deliberately not mapped in the PSA."""
        left_out = models.Q(mapping=None) & models.Q(is_ignored(psa))
        return self.present().with_mapping(psa).filter(left_out, is_active=True)

    def merged(self) -> OrganizationQuerySet:
        """Those that were deleted by merging them into another one."""
        return self.deleted().exclude(merged_into=None)

    def end_of_merges(self) -> dict[int, int]:
        """What each of these that was merged became in the end, by primary keys, deleted or not."""
        into: dict[int, int] = dict(self.merged().values_list("pk", "merged_into_id"))
        merged, known = list(into), dict(into)
        while unread := set(into.values()) - known.keys():
            step = Organization.objects.merged().filter(pk__in=unread)
            into = dict(step.values_list("pk", "merged_into_id"))
            known |= into
        ends = {}
        for pk in merged:
            passed, end = {pk}, known[pk]
            while end in known and end not in passed:
                passed.add(end)
                end = known[end]
            ends[pk] = end
        return ends

    @transaction_required
    def rewrite(self, organizations: Collection[Organization]) -> None:
        """Write the editable values of many rows that exist, and whether they are deleted.

        Belongs in a transaction that has locked the rows. External ids may pass from one to another: they are
        given up first, so that no order is needed. Raises django.db.IntegrityError.
        """
        held = dict(
            self.present()
            .filter(pk__in=[row.pk for row in organizations])
            .exclude(external_id="")
            .values_list("pk", "external_id")
        )
        given_up = [
            row.pk
            for row in organizations
            if row.pk in held and (row.is_deleted or row.external_id != held[row.pk])
        ]
        if given_up:
            self.filter(pk__in=given_up).update(external_id="")
        # An upsert by the primary key: a seventh of the time of `bulk_update`, whose CASE expressions grow
        # with rows times fields.
        self.bulk_create(
            organizations,
            update_conflicts=True,
            unique_fields=["pk"],
            update_fields=[*Organization.EDITABLE, "deleted_at", "updated_at"],
            batch_size=500,
        )

    def search(self, text: str) -> OrganizationQuerySet:
        """Those whose name, external id, domain or city contains the text."""
        condition = models.Q()
        for field in ("name", "external_id", "domain", "city"):
            condition |= models.Q(**{f"{field}__icontains": text})
        return self.filter(condition)


class Organization(models.Model):
    """One of our customers. Deleting is soft: ``deleted_at`` is set and the row can be restored.

    ``merged_into`` is the organization that it became when it was deleted, if it was merged; while it is not
    deleted it says nothing.

    ``key`` names it in exported files: namesakes stay apart, and an emptied portal gets the same ones back.
    """

    key = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    name = models.CharField(max_length=200)
    external_id = models.CharField(
        max_length=100,
        blank=True,
        help_text="Its id in the tool that the list came from; unique where given.",
    )
    domain = models.CharField(max_length=253, blank=True, help_text="For example example.com.")
    phone = models.CharField(max_length=50, blank=True)
    city = models.CharField(max_length=100, blank=True)
    state = models.CharField(max_length=100, blank=True)
    postal_code = models.CharField(max_length=30, blank=True)
    is_active = models.BooleanField("active", default=True)
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)
    deleted_at = models.DateTimeField(null=True, blank=True, editable=False)
    merged_into = models.ForeignKey(
        "self", null=True, blank=True, editable=False, on_delete=models.SET_NULL, related_name="merged"
    )

    objects = OrganizationQuerySet.as_manager()

    class Meta:
        ordering = ["name", "pk"]
        constraints = [
            models.CheckConstraint(condition=~models.Q(name=""), name="organization_has_a_name"),
            models.UniqueConstraint(
                "external_id",
                condition=~models.Q(external_id="") & models.Q(deleted_at=None),
                name="organization_external_id_is_unique",
                violation_error_message="Another organization has this external id.",
            ),
        ]
        indexes = [
            models.Index(Lower("name"), name="organization_name_lower"),
            # Few are deleted or inactive: they are found, or left out, without reading the others.
            models.Index(
                fields=["id"], condition=models.Q(deleted_at__isnull=False), name="organization_deleted"
            ),
            models.Index(fields=["id"], condition=models.Q(is_active=False), name="organization_inactive"),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def is_deleted(self) -> bool:
        """Whether it was deleted, softly."""
        return self.deleted_at is not None

    # What an import, a form and the audit may touch.
    EDITABLE = ("name", "external_id", "domain", "phone", "city", "state", "postal_code", "is_active")

    def snapshot(self) -> dict[str, Any]:
        """The editable values, for the audit."""
        return {name: getattr(self, name) for name in self.EDITABLE}

    def has_row_in(self, instance: IntegrationInstance) -> bool:
        """Whether the instance's mapping table has a row for it, as the database knows it."""
        return Organization.objects.with_row(instance.pk, instance.psa).filter(pk=self.pk).exists()
