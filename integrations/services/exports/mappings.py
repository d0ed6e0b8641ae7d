"""Exporting the mappings in force, for other programs and for people with a spreadsheet.

An organization that is deliberately not mapped has a row too: source "ignored", and no company. It names the
default configuration of its PSA, since it is ignored in all of them.
"""

from __future__ import annotations

import datetime as dt
import heapq
from collections.abc import Iterator, Sequence
from operator import itemgetter

from django.db.models import Exists, OuterRef

from integrations.files.writer import Row
from integrations.models import IgnoredOrganization, IntegrationInstance, OrganizationMapping
from integrations.services.exports.collation import by_code_point

IGNORED = "ignored"
COLUMNS = (
    "portal_key", "external_id", "name", "instance", "company_id", "company_name", "source", "confidence",
    "reasons", "matcher_version", "confirmed_name", "confirmed_by", "confirmed_at",
)  # fmt: skip


def export_mappings(instances: Sequence[IntegrationInstance] | None = None) -> Iterator[Row]:
    """What is mapped in these configurations (None: in all), and what is ignored there.

    By organization name, then by portal key: nothing depends on the order in which rows were added. Rows are
    read as they are asked for; ``company_id`` is the PSA's own id, which may be "0012" or no number at all,
    ``confidence`` is 0 to 1 or None, times are UTC in ISO form.
    """
    chosen = list(IntegrationInstance.objects.present()) if instances is None else instances
    return iter(heapq.merge(_mapped(chosen), _ignored(chosen), key=itemgetter("name", "portal_key")))


def _mapped(instances: Sequence[IntegrationInstance]) -> Iterator[Row]:
    mappings = (
        OrganizationMapping.objects.in_tables()
        .filter(instance__in=instances)
        .select_related("organization", "instance", "company", "confirmed_by")
        .order_by(by_code_point("organization__name"), "organization__key", "psa")
    )
    for mapping in mappings.iterator(chunk_size=1_000):
        yield {
            "portal_key": str(mapping.organization.key),
            "external_id": mapping.organization.external_id,
            "name": mapping.organization.name,
            "instance": mapping.instance.name,
            "company_id": mapping.company.remote_id,
            "company_name": mapping.company.name,
            "source": mapping.source,
            "confidence": None if mapping.confidence is None else round(mapping.confidence, 4),
            "reasons": mapping.reasons,
            "matcher_version": mapping.matcher_version,
            "confirmed_name": mapping.confirmed_name,
            "confirmed_by": mapping.confirmer,
            "confirmed_at": _utc(mapping.confirmed_at),
        }


def _ignored(instances: Sequence[IntegrationInstance]) -> Iterator[Row]:
    """Those that are not mapped all the same."""
    speakers: dict[str, str] = {}
    for instance in sorted(instances, key=lambda each: not each.is_default):
        speakers.setdefault(instance.psa, instance.name)
    mapped = OrganizationMapping.objects.present().filter(
        organization=OuterRef("organization"), psa=OuterRef("psa")
    )
    rows = (
        IgnoredOrganization.objects.filter(~Exists(mapped), psa__in=speakers, organization__deleted_at=None)
        .select_related("organization", "ignored_by")
        .order_by(by_code_point("organization__name"), "organization__key", "psa")
    )
    for row in rows.iterator(chunk_size=1_000):
        yield {
            **dict.fromkeys(COLUMNS, ""),
            "portal_key": str(row.organization.key),
            "external_id": row.organization.external_id,
            "name": row.organization.name,
            "instance": speakers[row.psa],
            "source": IGNORED,
            "confidence": None,
            "reasons": [],
            "confirmed_by": row.ignorer,
            "confirmed_at": _utc(row.ignored_at),
        }


def _utc(moment: dt.datetime) -> str:
    return moment.astimezone(dt.UTC).isoformat(timespec="seconds")
