"""Ids by which other tools know an organization, beside its external id, each with the tool that told it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from django.db import models

from integrations.models.organizations import Organization


class KnownId(NamedTuple):
    """An id of an organization: which kind, the tool that it came from, and the id itself."""

    kind: str
    source: str
    value: str

    def named(self) -> dict[str, str]:
        """Its parts by name."""
        return {"kind": self.kind, "source": self.source, "value": self.value}


class IdentifierQuerySet(models.QuerySet["OrganizationIdentifier"]):
    def present(self) -> IdentifierQuerySet:
        """Those of organizations that were not deleted."""
        return self.filter(organization__deleted_at=None)

    def by_organization(self, organizations: Iterable[int]) -> dict[int, list[KnownId]]:
        """What is known of each of these organizations, in one order everywhere; without those of nothing."""
        found: dict[int, list[KnownId]] = {}
        rows = self.filter(organization__in=list(organizations)).order_by()
        for pk, *known in rows.values_list("organization_id", "kind", "source", "value"):
            found.setdefault(pk, []).append(KnownId(*known))
        return {pk: sorted(known) for pk, known in found.items()}  # databases sort texts differently


class OrganizationIdentifier(models.Model):
    """One id. Several organizations may have the same: two sites of one customer, one company in Autotask.

    Stays with an organization that is deleted, and comes back with it.
    """

    class Kind(models.TextChoices):
        TENANT_ID = "tenant_id", "Microsoft tenant id"
        TENANT_DOMAIN = "tenant_domain", "Microsoft tenant’s own name"
        AUTOTASK_COMPANY_ID = "autotask_company_id", "Autotask company id"
        SOURCE_ID = "source_id", "Id in that tool"

    organization = models.ForeignKey(Organization, on_delete=models.CASCADE, related_name="identifiers")
    kind = models.CharField(max_length=30, choices=Kind.choices)
    value = models.CharField(max_length=200)
    source = models.CharField(max_length=60, help_text="The tool or file that told it, as people call it.")
    created_at = models.DateTimeField(auto_now_add=True)

    objects = IdentifierQuerySet.as_manager()

    class Meta:
        verbose_name = "id in another tool"
        verbose_name_plural = "ids in other tools"
        ordering = ["organization", "kind", "source", "value"]
        constraints = [
            models.UniqueConstraint(
                fields=["organization", "kind", "source", "value"], name="identifier_is_unique"
            ),
            models.CheckConstraint(condition=~models.Q(value=""), name="identifier_has_a_value"),
        ]
        indexes = [models.Index(fields=["kind", "value"], name="identifier_value")]

    def __str__(self) -> str:
        return f"{self.get_kind_display()} {self.value} ({self.source})"

    @property
    def known(self) -> KnownId:
        """It, as a value."""
        return KnownId(self.kind, self.source, self.value)
