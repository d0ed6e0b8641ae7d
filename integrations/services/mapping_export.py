"""Exporting the mappings in force, for other programs and for people with a spreadsheet."""

from __future__ import annotations

import csv
import datetime as dt
import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass, fields
from typing import Protocol

from integrations.models import IntegrationInstance, OrganizationMapping
from integrations.services.spreadsheet import make_harmless


class NoSuchInstance(Exception):
    """No configuration has this name; ``names`` are those that there are."""

    def __init__(self, name: str, names: list[str]) -> None:
        known = ", ".join(f"“{each}”" for each in names) or "none yet"
        super().__init__(f"There is no configuration “{name}”. There are: {known}.")
        self.names = names


class Writable(Protocol):
    """Where the lines go."""

    def write(self, text: str, /) -> object:
        """Take the text."""


@dataclass(frozen=True, slots=True)
class ExportedMapping:
    """One mapping as other programs get it; the names are the columns and keys of the file.

    ``name`` is the organization's, ``company_id`` the PSA's own id, which may be "0012" or no number at all.
    ``confidence`` is 0 to 1, None where a person chose without a suggestion; ``confirmed_at`` is UTC in ISO
    form.
    """

    organization_id: int
    external_id: str
    name: str
    instance: str
    company_id: str
    company_name: str
    source: str
    confidence: float | None
    confirmed_by: str
    confirmed_at: str


def export_mappings(instance_name: str = "") -> Iterator[ExportedMapping]:
    """The mappings in force of all configurations, or of the one with this name, by organization name.

    Rows are read as they are asked for. Raises NoSuchInstance.
    """
    instances = IntegrationInstance.objects.present()
    if instance_name:
        named = instances.filter(name__iexact=instance_name)
        if not named:
            raise NoSuchInstance(instance_name, list(instances.values_list("name", flat=True)))
        instances = named
    return _rows([instance.pk for instance in instances])


def _rows(instances: list[int]) -> Iterator[ExportedMapping]:
    mappings = (
        OrganizationMapping.objects.present()
        .filter(instance__in=instances, organization__deleted_at=None)
        .select_related("organization", "instance", "company", "confirmed_by")
        .order_by("organization__name", "organization_id", "psa")
    )
    for mapping in mappings.iterator(chunk_size=1_000):
        person = mapping.confirmed_by
        yield ExportedMapping(
            organization_id=mapping.organization_id,
            external_id=mapping.organization.external_id,
            name=mapping.organization.name,
            instance=mapping.instance.name,
            company_id=mapping.company.remote_id,
            company_name=mapping.company.name,
            source=mapping.source,
            confidence=None if mapping.confidence is None else round(mapping.confidence, 4),
            confirmed_by="" if person is None else person.get_username(),
            confirmed_at=mapping.confirmed_at.astimezone(dt.UTC).isoformat(timespec="seconds"),
        )


def write_csv(mappings: Iterator[ExportedMapping], out: Writable) -> int:
    """Write a header and a row a mapping, formulas made harmless; returns how many."""
    columns = [field.name for field in fields(ExportedMapping)]
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(columns)
    count = 0
    for mapping in mappings:
        count += 1
        values = (getattr(mapping, column) for column in columns)
        writer.writerow([make_harmless(value) if isinstance(value, str) else value for value in values])
    return count


def write_json(mappings: Iterator[ExportedMapping], out: Writable) -> int:
    """Write an array with one object a line; returns how many. Texts stay as they are: nothing runs them."""
    count = 0
    out.write("[")
    for count, mapping in enumerate(mappings, start=1):
        out.write(("\n" if count == 1 else ",\n") + json.dumps(asdict(mapping), ensure_ascii=False))
    out.write("\n]\n")
    return count
