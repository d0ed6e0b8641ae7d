"""Deciding rows of the inbox, one or many, in one batch: what changed since it was shown is left and told."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field

from django.contrib.auth.models import User
from django.db import models, transaction
from django.db.models import F
from django.utils import timezone

from integrations.database.among import Among
from integrations.database.transactions import transaction_required
from integrations.models import Company, OrganizationMapping, ReviewCase
from integrations.models.audit import Action
from integrations.models.drift import quiet_mappings
from integrations.models.instances import InstanceQuerySet
from integrations.services.audit import Batch, Change
from integrations.services.mapping.assign import remove_locked, set_mapping
from integrations.services.mapping.save import confirm_locked
from integrations.services.mapping.seen import SeenRows, lock_mappings

CASE = "review_case"  # what such an event is about; its id is the organization's


class Decision(models.TextChoices):
    KEEP = "keep", "kept"
    UNMAP = "unmap", "unmapped"
    REMAP = "remap", "remapped"
    IGNORE = "ignore", "ignored until they change again"
    ASSIGN = "assign", "assigned"


@dataclass
class DecideOutcome:
    """How many rows were decided, and the organizations whose rows were left, having changed meanwhile."""

    done: int = 0
    left: list[str] = field(default_factory=list)


@transaction.atomic
def decide_cases(
    batch: Batch,
    instances: InstanceQuerySet,
    decision: Decision,
    seen: Collection[str],
    *,
    company: int | None = None,
    person: User | None = None,
) -> DecideOutcome:
    """Do with these mappings of the ``instances`` what was decided; ``seen`` are their keys (`row_keys`).

    A row that is not what was shown is left, and so is one that nothing asks to look at any more. REMAP takes
    the proposed ``company`` (its id), ASSIGN the ``person``, or nobody. Raises CompanyNotOffered,
    OrganizationDeleted, ChangedMeanwhile, Company.DoesNotExist.
    """
    pks = [int(key.partition(":")[0]) for key in seen]
    there = OrganizationMapping.objects.in_tables().filter(Among("pk", pks), instance__in=instances)
    rows = lock_mappings(there)
    fresh = [row for row in SeenRows(seen).unchanged(rows) if row.findings]
    done = {row.pk for row in fresh}
    outcome = DecideOutcome(len(fresh), [row.organization.name for row in rows if row.pk not in done])
    match decision:
        case Decision.KEEP:
            confirm_locked(batch, fresh)
        case Decision.UNMAP:
            remove_locked(batch, fresh)
        case Decision.REMAP:
            for row in fresh:
                wanted = Company.objects.get(pk=company or 0, instance=row.instance_id)
                set_mapping(batch, row.organization, wanted, seen_version=row.version)
        case Decision.IGNORE:
            _write(batch, fresh, Action.REVIEW_IGNORED, person=None)
        case Decision.ASSIGN:
            _write(batch, fresh, Action.REVIEW_ASSIGNED, person=person)
    return outcome


def _write(
    batch: Batch, mappings: Sequence[OrganizationMapping], action: Action, person: User | None
) -> None:
    """Note on each mapping that it is ignored for now, or given to the person."""
    known = {case.mapping_id: case for case in ReviewCase.objects.filter(mapping__in=mappings)}
    now, changes, cases = timezone.now(), [], []
    for mapping in mappings:
        case = known.get(mapping.pk) or ReviewCase(mapping=mapping)
        before = case.snapshot()
        if action is Action.REVIEW_IGNORED:
            case.ignored_at, case.ignored_by_id = now, getattr(batch.actor.account, "pk", None)
            case.mapping_version = mapping.version
        else:
            case.assigned_to, case.assigned_at = person, now
        cases.append(case)
        target = (CASE, str(mapping.organization_id), mapping.organization.name)
        changes.append(Change(action, *target, before, case.snapshot(), mapping.instance))
    ReviewCase.objects.bulk_create(
        cases,
        update_conflicts=True,
        unique_fields=["mapping"],
        update_fields=["ignored_at", "ignored_by", "mapping_version", "assigned_to", "assigned_at"],
        batch_size=500,
    )
    batch.record(changes)


@transaction_required
def end_assignments(batch: Batch, mappings: Iterable[OrganizationMapping]) -> None:
    """Let those of the mappings that settled by themselves be nobody's: what drifts later begins anew.

    What somebody decided stays as it was, for Undo to bring back; so does what is being decided right now.
    """
    of = {each.pk: each for each in mappings}
    given = ReviewCase.objects.filter(
        mapping__in=of,
        assigned_to__isnull=False,
        assigned_at__gte=F("mapping__confirmed_at"),
        mapping__removed_at=None,
        mapping__organization__deleted_at=None,
    ).exclude(mapping__in=quiet_mappings())
    cases = list(given.order_by("pk").select_for_update(of=("self",), skip_locked=True))
    changes = []
    for case in cases:
        mapping, before = of[case.mapping_id], case.snapshot()
        case.assigned_to, case.assigned_at = None, None
        target = (CASE, str(mapping.organization_id), mapping.organization.name)
        changes.append(Change(Action.REVIEW_ASSIGNED, *target, before, case.snapshot(), mapping.instance))
    ReviewCase.objects.bulk_update(cases, ["assigned_to", "assigned_at"], batch_size=500)
    batch.record(changes)
