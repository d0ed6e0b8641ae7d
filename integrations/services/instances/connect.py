"""Connecting an instance: check the credentials with the PSA, then store them."""

from __future__ import annotations

from dataclasses import dataclass, field

from django.db import transaction
from django.utils import timezone
from django.views.decorators.debug import sensitive_variables

from integrations.database.integrity import refine_integrity_error
from integrations.models import IntegrationInstance
from integrations.models.audit import Action
from integrations.psa.base import CheckStep, ConnectionReport, Credentials, PSAError, StepState
from integrations.psa.registry import provider_for
from integrations.services.audit import Batch, Change, instance_change
from integrations.services.conflicts import ChangedMeanwhile
from integrations.services.instances.check import not_asked, record_check
from integrations.services.instances.credentials import CredentialsUnreadable, RefusedBefore, open_credentials


class NameTaken(Exception):
    """Another configuration of the PSA has this name."""


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


@sensitive_variables("stored")
def is_connected_with(instance: IntegrationInstance, details: ConnectionDetails) -> bool:
    """Whether the PSA has accepted these credentials, so that storing them again would change nothing."""
    if instance.status != IntegrationInstance.Status.CONNECTED or not instance.credentials:
        return False
    try:
        stored = open_credentials(instance)
    except CredentialsUnreadable:
        return False
    return (instance.username, instance.zone) == (details.username, details.zone) and (
        {**stored, **details.secrets} == stored
    )


@sensitive_variables("secrets")
def connect_instance(
    batch: Batch, details: ConnectionDetails, instance: IntegrationInstance | None = None
) -> ConnectionOutcome:
    """Check the connection and, only when every step passed, store it.

    The network is asked before the transaction begins. Raises NameTaken.
    """
    provider = provider_for(details.psa)
    try:
        if instance is not None and _are_refused(instance, details):
            raise RefusedBefore
        secrets = dict(details.secrets)
        if instance is not None and not secrets.keys() >= set(provider.form_class.SECRETS):
            secrets = {**open_credentials(instance), **secrets}
        client = provider.client(Credentials(username=details.username, **secrets))
    except PSAError as error:
        return ConnectionOutcome(not_asked(error), None)
    try:
        report = _same_tenant(client.check(details.zone), instance, details)
    finally:
        client.close()
    if not report.passed:
        return ConnectionOutcome(report, None)
    created = instance is None
    instance = _store(batch, details, secrets, report, instance)
    return ConnectionOutcome(report, instance, created)


def _are_refused(instance: IntegrationInstance, details: ConnectionDetails) -> bool:
    """Whether these are the very credentials that the PSA has refused, at the place that refused them."""
    same = (instance.username, instance.zone) == (details.username, details.zone) and not details.secrets
    return same and instance.status == IntegrationInstance.Status.REFUSED


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
    said = (
        "These credentials open another database than the one that this configuration's companies came from."
    )
    if report.zone.database_id is None:
        said = (
            "Nothing tells whether these credentials open the database that this configuration's companies "
        )
        said += "came from: Autotask did not name it."
    step = CheckStep(
        "tenant",
        "Same tenant as before",
        StepState.FAILED,
        said,
        "Add them as a new configuration; the mappings of this one stay true to their own tenant.",
    )
    return ConnectionReport((*report.steps, step), report.zone, report.budget, report.company_count)


@sensitive_variables("secrets")
def _store(
    batch: Batch,
    details: ConnectionDetails,
    secrets: dict[str, str],
    report: ConnectionReport,
    instance: IntegrationInstance | None,
) -> IntegrationInstance:
    with refine_integrity_error(_meanings(details.name)), transaction.atomic(durable=True):
        if instance is None:
            instance, before = IntegrationInstance(psa=details.psa), None
        else:
            instance = IntegrationInstance.objects.locked().get(pk=instance.pk)
            before = instance.snapshot()
        instance.name = details.name
        instance.description = details.description
        instance.username = details.username
        instance.zone = details.zone
        instance.credentials = secrets
        # Nothing is read before somebody has said which companies count.
        instance.awaits_choice = instance.last_full_read_at is None and instance.filters_changed_at is None
        now = timezone.now()
        instance.secrets_set = {
            **instance.secrets_set,
            **{name: {"at": now.isoformat(), "by": batch.actor.name} for name in details.secrets},
        }
        record_check(instance, report, now)
        others = _make_default(instance, details.is_default)
        instance.save()
        after = instance.snapshot()
        action = Action.INSTANCE_CONNECTED if before is None else Action.INSTANCE_CHANGED
        own = [instance_change(action, instance, before, after)] if before != after else []
        batch.record([*others, *own])
    return instance


def _meanings(name: str) -> dict[str, Exception]:
    """What it means when an instance cannot be stored: somebody else was faster by a moment."""
    return {
        "instance_name_is_unique": NameTaken(name),
        "one_default_instance_per_psa": ChangedMeanwhile(),
    }


def register_instance(batch: Batch, details: ConnectionDetails) -> IntegrationInstance:
    """Store a new instance without its secrets and without asking anybody, as not verified.

    Nothing is read for it before a person enters the credentials. Raises NameTaken.
    """
    instance = IntegrationInstance(
        psa=details.psa,
        name=details.name,
        description=details.description,
        username=details.username,
        zone=details.zone,
    )
    with refine_integrity_error(_meanings(details.name)), transaction.atomic():
        others = _make_default(instance, details.is_default)
        instance.save()
        change = instance_change(Action.INSTANCE_IMPORTED, instance, None, instance.snapshot())
        batch.record([*others, change])
    return instance


def _make_default(instance: IntegrationInstance, wanted: bool) -> list[Change]:
    """One default a PSA: the first instance becomes it by itself, a new one takes it from the old.

    Returns what that changed on the old one.
    """
    others = IntegrationInstance.objects.present().filter(psa=instance.psa).exclude(pk=instance.pk)
    changes = []
    if wanted:
        for other in others.filter(is_default=True).locked():
            before = other.snapshot()
            other.is_default = False
            other.save(update_fields=["is_default", "updated_at"])
            changes.append(instance_change(Action.INSTANCE_CHANGED, other, before, other.snapshot()))
    instance.is_default = wanted or not others.filter(is_default=True).exists()
    return changes
