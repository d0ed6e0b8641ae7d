"""Which companies of a tenant are called the same, by the matcher's own equality of names."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from integrations import matching
from integrations.models import IntegrationInstance
from integrations.models.companies import MSP_COMPANY_ID
from integrations.models.drift import Changed
from integrations.services.companies.changes import changed_twins

STEP = 500  # ids a statement


def note_name_keys(keys: dict[str, str], names: Iterable[str]) -> None:
    """Add the keys of names that are not among ``keys`` yet."""
    keys.update((name, matching.name_key(name)) for name in names if name not in keys)


def name_keys(instance: IntegrationInstance, known: Mapping[str, str]) -> dict[str, str]:
    """The key of every company's name; reading tens of thousands takes seconds, so do it before a lock."""
    keys = dict(known)
    note_name_keys(keys, instance.companies.order_by().values_list("name", flat=True).distinct())
    return keys


def flag_duplicate_names(
    instance: IntegrationInstance, keys: Mapping[str, str] | None = None
) -> list[Changed]:
    """Note which offered companies have the same name but for legal form, short forms and order.

    Returns which of them newly have, or no longer.

    ``keys`` are those of ``name_keys``, as far as they are known already.
    """
    known = keys or {}
    by_key: dict[str, list[int]] = {}
    for pk, name in instance.companies.offered().order_by().values_list("pk", "name"):
        key = known.get(name)
        if key is None:
            key = matching.name_key(name)
        if key:
            by_key.setdefault(key, []).append(pk)
    twins = {pk for pks in by_key.values() if len(pks) > 1 for pk in pks}
    flagged = set(instance.companies.filter(has_twin=True).order_by().values_list("pk", flat=True))
    for pks, has_twin in ((flagged - twins, False), (twins - flagged, True)):
        rows = sorted(pks)
        for start in range(0, len(rows), STEP):
            part = instance.companies.filter(pk__in=rows[start : start + STEP])
            part.exclude(remote_id=MSP_COMPANY_ID).update(has_twin=has_twin)
    return [*changed_twins(twins - flagged, has_twin=True), *changed_twins(flagged - twins, has_twin=False)]
