"""The ids of other tools in a file of organizations: what they are, and whose."""

from __future__ import annotations

from collections.abc import Collection

from integrations.files.json_reader import json_value
from integrations.files.text import clean_text
from integrations.models import Organization, OrganizationIdentifier
from integrations.models.identifiers import KnownId
from integrations.services.organizations.values import ValueProblem

Kind = OrganizationIdentifier.Kind
SOURCE_LENGTH = 60
VALUE_LENGTH = 200
MOST = 50  # of one organization


def ids_from_text(text: str) -> list[KnownId]:
    """The ids in a cell of an exported file. Raises ValueProblem."""
    try:
        listed = json_value(text)
        found = sorted(
            {KnownId(**{name: clean_text(value) for name, value in each.items()}) for each in listed}
        )
    except (ValueError, TypeError, AttributeError, RecursionError) as error:
        raise ValueProblem("identifiers must be as the portal exports them, or empty") from error
    for each in found:
        if each.kind not in Kind or not each.value or not each.source:
            raise ValueProblem("identifiers must be as the portal exports them, or empty")
        if len(each.value) > VALUE_LENGTH or len(each.source) > SOURCE_LENGTH:
            raise ValueProblem(
                f"identifiers hold one that is too long ({VALUE_LENGTH} characters are allowed)"
            )
    if len(found) > MOST:
        raise ValueProblem(f"identifiers are {len(found)}; {MOST} are allowed")
    return found


def known_external_ids(values: Collection[str]) -> set[str]:
    """Which of these texts are external ids of organizations that are there."""
    present = Organization.objects.present().filter(external_id__in=values)
    return set(present.values_list("external_id", flat=True))
