"""Connecting an instance: check the credentials with the PSA, then store them; delete and restore."""

from __future__ import annotations

import datetime as dt
from dataclasses import asdict, dataclass, field
from typing import Any

from django.db import IntegrityError, transaction
from django.utils import timezone

from integrations.models import IntegrationInstance, OrganizationMapping
from integrations.psa.base import (
    CheckStep,
    ConnectionReport,
    Credentials,
    FailureKind,
    PSAClient,
    StepState,
)
from integrations.psa.registry import provider_for
from integrations.services.audit import Actor, Batch, Change

RESTORABLE_FOR = dt.timedelta(days=30)


class NameTaken(Exception):
    """Another configuration of the PSA has this name."""


class NotRestorable(Exception):
    """The configuration was deleted too long ago, or its name is in use again."""


@dataclass(frozen=True)
class ConnectionDetails:
    """What the connection form holds. ``secrets`` are the newly entered ones; the others are kept."""

    psa: str
    name: str
    username: str
    zone: str = ""
    description: str = ""
    is_default: bool = False
    secrets: dict[str, str] = field(default_factory=dict, repr=False)


@dataclass(frozen=True)
class ConnectionOutcome:
    """The check's report, and the stored instance when it passed."""

    report: ConnectionReport
    instance: IntegrationInstance | None
    created: bool = False


def client_for(instance: IntegrationInstance) -> PSAClient:
    """A client with the stored credentials. Raises crypto.SealedValueError when they cannot be opened."""
    credentials = Credentials(username=instance.username, **instance.credentials.reveal())
    return provider_for(instance.psa).client(credentials, api_url=instance.api_url)


def connect_instance(
    actor: Actor, details: ConnectionDetails, instance: IntegrationInstance | None = None
) -> ConnectionOutcome:
    """Check the connection and, only when every step passed, store it.

    The network is asked before the transaction begins. Raises NameTaken.
    """
    stored = instance.credentials.reveal() if instance else {}
    secrets = {**stored, **details.secrets}
    client = provider_for(details.psa).client(Credentials(username=details.username, **secrets))
    try:
        report = _same_tenant(client.check(details.zone), instance, details)
    finally:
        client.close()
    if not report.passed:
        return ConnectionOutcome(report, None)
    created = instance is None
    instance = _store(actor, details, secrets, report, instance)
    return ConnectionOutcome(report, instance, created)


def _same_tenant(
    report: ConnectionReport, instance: IntegrationInstance | None, details: ConnectionDetails
) -> ConnectionReport:
    """Refuse credentials of another Autotask for an instance whose companies and mappings are at stake."""
    if (
        not report.passed
        or instance is None
        or report.zone is None
        or instance.database_id in {None, report.zone.database_id}
        or instance.username == details.username
        or not instance.companies.exists()
    ):
        return report
    step = CheckStep(
        "tenant",
        "Same tenant as before",
        StepState.FAILED,
        "These credentials open another database than the one that this configuration's companies came from.",
        "Add them as a new configuration; the mappings of this one stay true to their own tenant.",
    )
    return ConnectionReport((*report.steps, step), report.zone, report.budget, report.company_count)


def _store(
    actor: Actor,
    details: ConnectionDetails,
    secrets: dict[str, str],
    report: ConnectionReport,
    instance: IntegrationInstance | None,
) -> IntegrationInstance:
    batch = Batch(actor)
    try:
        with transaction.atomic():
            if instance is None:
                instance, before = IntegrationInstance(psa=details.psa), None
            else:
                instance = IntegrationInstance.objects.select_for_update().get(pk=instance.pk)
                before = instance.snapshot()
            instance.name = details.name
            instance.description = details.description
            instance.username = details.username
            instance.zone = details.zone
            instance.credentials = secrets
            now = timezone.now()
            instance.secrets_set = {
                **instance.secrets_set,
                **{name: {"at": now.isoformat(), "by": actor.name} for name in details.secrets},
            }
            remember_check(instance, report, now)
            _make_default(instance, details.is_default)
            instance.save()
            batch.record(
                [
                    Change(
                        "instance connected" if before is None else "instance changed",
                        "instance",
                        str(instance.pk),
                        instance.name,
                        before,
                        instance.snapshot(),
                        instance,
                    )
                ]
            )
    except IntegrityError as error:
        if "instance_name_is_unique" in str(error) or "lower" in str(error).lower():
            raise NameTaken(details.name) from error
        raise
    return instance


def _make_default(instance: IntegrationInstance, wanted: bool) -> None:
    """One default a PSA: the first instance becomes it by itself, a new one takes it from the old."""
    others = IntegrationInstance.objects.present().filter(psa=instance.psa).exclude(pk=instance.pk)
    if wanted:
        others.filter(is_default=True).update(is_default=False)
    instance.is_default = wanted or not others.filter(is_default=True).exists()


def remember_check(instance: IntegrationInstance, report: ConnectionReport, now: dt.datetime) -> None:
    """Put what a check found on the (unsaved) instance: status, steps, and the zone when it was found."""
    kind = report.error.kind if report.error else None
    if report.passed:
        instance.status = IntegrationInstance.Status.CONNECTED
    elif kind is FailureKind.CREDENTIALS:
        instance.status = IntegrationInstance.Status.REFUSED
    else:
        instance.status = IntegrationInstance.Status.ATTENTION
    if report.passed and report.zone is not None:
        instance.zone_name = report.zone.name
        instance.api_url = report.zone.api_url
        instance.web_url = report.zone.web_url
        instance.database_id = report.zone.database_id
    instance.last_check = report_as_json(report)
    instance.last_checked_at = now


def report_as_json(report: ConnectionReport) -> dict[str, Any]:
    """The report as the instance keeps it and the page shows it."""
    return {
        "steps": [{**asdict(step), "state": step.state.value} for step in report.steps],
        "budget": asdict(report.budget) if report.budget else None,
        "companies": report.company_count,
        "moved_from": report.moved_from,
        "passed": report.passed,
    }


def test_connection(actor: Actor, instance: IntegrationInstance) -> ConnectionReport:
    """Check the stored credentials now and remember what was found; a moved zone is taken over."""
    client = client_for(instance)
    try:
        report = client.check(instance.zone)
    finally:
        client.close()
    with transaction.atomic():
        instance = IntegrationInstance.objects.select_for_update().get(pk=instance.pk)
        before = instance.snapshot()
        remember_check(instance, report, timezone.now())
        instance.save()
        after = instance.snapshot()
        if before != after:
            change = Change(
                "instance checked", "instance", str(instance.pk), instance.name, before, after, instance
            )
            Batch(actor).record([change])
    return report


def delete_instance(actor: Actor, instance: IntegrationInstance) -> int:
    """Delete an instance softly, with its mappings; returns how many mappings went with it."""
    now = timezone.now()
    with transaction.atomic():
        instance = IntegrationInstance.objects.select_for_update().get(pk=instance.pk, deleted_at=None)
        mappings = list(
            instance.mappings.present().select_related("organization").select_for_update(of=("self",))
        )
        changes = [
            Change(
                "instance deleted",
                "instance",
                str(instance.pk),
                instance.name,
                instance.snapshot(),
                None,
                instance,
            )
        ]
        for mapping in mappings:
            before = mapping.snapshot()
            mapping.removed_at, mapping.removed_with_instance = now, True
            mapping.version += 1
            changes.append(_mapping_change("mapping removed with its instance", mapping, before))
        OrganizationMapping.objects.bulk_update(
            mappings, ["removed_at", "removed_with_instance", "version"], batch_size=500
        )
        instance.proposals.all().delete()
        instance.deleted_at, instance.is_default = now, False
        instance.deleted_by_id = actor.user.pk if actor.user else None
        instance.save(update_fields=["deleted_at", "deleted_by", "is_default", "updated_at"])
        Batch(actor).record(changes)
    return len(mappings)


def restore_instance(actor: Actor, instance: IntegrationInstance) -> tuple[int, int]:
    """Bring a deleted instance back within 30 days.

    Returns how many mappings came back, and how many did not because their organization was mapped
    elsewhere since. Raises NotRestorable.
    """
    with transaction.atomic():
        instance = IntegrationInstance.objects.select_for_update().get(pk=instance.pk)
        if instance.deleted_at is None or instance.deleted_at < timezone.now() - RESTORABLE_FOR:
            raise NotRestorable("It was deleted more than 30 days ago, or it is not deleted.")
        present = IntegrationInstance.objects.present().filter(psa=instance.psa)
        if present.filter(name__iexact=instance.name).exists():
            raise NotRestorable(
                f"Another configuration is called “{instance.name}” now. Rename that one first."
            )
        taken_along = instance.mappings.filter(removed_with_instance=True).exclude(removed_at=None)
        mappings = list(taken_along.select_related("organization").select_for_update(of=("self",)))
        lost = instance_mappings_elsewhere(instance)
        changes = []
        for mapping in mappings:
            before = mapping.snapshot()
            mapping.removed_at, mapping.removed_with_instance = None, False
            mapping.version += 1
            changes.append(_mapping_change("mapping restored with its instance", mapping, before))
        OrganizationMapping.objects.bulk_update(
            mappings, ["removed_at", "removed_with_instance", "version"], batch_size=500
        )
        instance.deleted_at = instance.deleted_by_id = None
        instance.is_default = not present.filter(is_default=True).exists()
        instance.save(update_fields=["deleted_at", "deleted_by", "is_default", "updated_at"])
        changes.append(
            Change(
                "instance restored",
                "instance",
                str(instance.pk),
                instance.name,
                None,
                instance.snapshot(),
                instance,
            )
        )
        Batch(actor).record(changes)
    return len(mappings), lost


def instance_mappings_elsewhere(instance: IntegrationInstance) -> int:
    """How many mappings the instance had when it was deleted that belong to another instance now."""
    from integrations.models import AuditEvent

    organizations = AuditEvent.objects.filter(
        instance=instance, action="mapping removed with its instance", at__gte=instance.deleted_at
    ).values_list("target_id", flat=True)
    return (
        OrganizationMapping.objects.present()
        .filter(organization_id__in=[int(key) for key in organizations], psa=instance.psa)
        .exclude(instance=instance)
        .count()
    )


def _mapping_change(action: str, mapping: OrganizationMapping, before: dict[str, Any] | None) -> Change:
    return Change(
        action,
        "mapping",
        str(mapping.organization_id),
        mapping.organization.name,
        before,
        mapping.snapshot(),
        mapping.instance,
    )
