"""Connecting an instance: check the credentials with the PSA, then store them."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from typing import Any, TypeVar

from django.contrib.auth.models import User
from django.db import transaction
from django.db.models import Q
from django.utils import timezone
from django.views.decorators.debug import sensitive_variables

from integrations.crypto import SealedValueError
from integrations.database.integrity import refine_integrity_error
from integrations.models import IntegrationInstance
from integrations.models.audit import Action
from integrations.psa.base import (
    CheckStep,
    ConnectionReport,
    Credentials,
    FailureKind,
    PSAClient,
    PSAError,
    StepState,
    Zone,
    ZoneMoved,
)
from integrations.psa.registry import provider_for
from integrations.services.audit import Actor, Batch, Change, instance_change
from integrations.services.conflicts import ChangedMeanwhile

Found = TypeVar("Found")
MOST_NAMES = 5  # of people who can mend a connection


class NameTaken(Exception):
    """Another configuration of the PSA has this name."""


class CredentialsUnreadable(PSAError):
    """The stored credentials cannot be opened: their key has left the key ring, or the row is damaged."""

    kind = FailureKind.INVALID_REQUEST

    def __init__(self) -> None:
        super().__init__(
            "The stored credentials cannot be opened with the portal's encryption keys. Put the key that "
            "sealed them back into PORTAL_ENCRYPTION_KEYS, or enter the credentials again.",
            "the stored credentials cannot be opened with the configured keys",
        )


class CredentialsMissing(PSAError):
    """The configuration was imported without its secrets."""

    kind = FailureKind.INVALID_REQUEST

    def __init__(self) -> None:
        super().__init__(
            "No credentials are stored for this configuration yet. Enter them under Connection and save.",
            "no credentials are stored",
        )


class RefusedBefore(PSAError):
    """The PSA has refused the stored credentials, and nobody has changed them or tried them again since."""

    kind = FailureKind.CREDENTIALS

    def __init__(self) -> None:
        super().__init__(
            "The stored credentials were refused, so nothing was sent: too many refusals lock the API user. "
            "Correct the credentials under Connection, or press Try once more there.",
            "the credentials were refused before; nothing was sent",
        )


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
def client_for(instance: IntegrationInstance) -> PSAClient:
    """A client with the stored credentials.

    Raises CredentialsMissing, CredentialsUnreadable, and PSAError for an odd address.
    """
    if not instance.credentials:
        raise CredentialsMissing
    stored = _open_credentials(instance)
    try:
        credentials = Credentials(username=instance.username, **stored)
    except TypeError as error:  # a row without its secrets, as a fixture makes it
        raise CredentialsUnreadable from error
    return provider_for(instance.psa).client(credentials, api_url=instance.api_url)


def _open_credentials(instance: IntegrationInstance) -> dict[str, Any]:
    try:
        return instance.credentials.reveal()  # type: ignore[no-any-return]  # a Sealed, says the field
    except SealedValueError as error:
        raise CredentialsUnreadable from error


@sensitive_variables("stored")
def is_connected_with(instance: IntegrationInstance, details: ConnectionDetails) -> bool:
    """Whether the PSA has accepted these credentials, so that storing them again would change nothing."""
    if instance.status != IntegrationInstance.Status.CONNECTED or not instance.credentials:
        return False
    try:
        stored = _open_credentials(instance)
    except CredentialsUnreadable:
        return False
    return (instance.username, instance.zone) == (details.username, details.zone) and (
        {**stored, **details.secrets} == stored
    )


def with_current_zone(instance: IntegrationInstance, work: Callable[[PSAClient], Found]) -> Found:
    """Do something with a client; when the tenant has moved, store its new zone and do it again there.

    A refusal of the credentials is noted and closes this door for everybody, until they are changed or a
    person has them checked. Raises PSAError (RefusedBefore where the door is closed), and what ``work``
    raises. ``work`` has to bear being done twice.
    """
    if IntegrationInstance.objects.filter(pk=instance.pk, status=IntegrationInstance.Status.REFUSED).exists():
        raise RefusedBefore
    for may_move in (True, False):
        client = client_for(instance)
        try:
            return work(client)
        except ZoneMoved as moved:
            if moved.zone is None or not may_move:
                raise
            instance = _take_over_zone(instance, moved.zone)
        except PSAError as error:
            if error.kind is FailureKind.CREDENTIALS:
                _record_refusal(instance)
            raise
        finally:
            client.close()
    raise AssertionError  # the loop returns or raises


def _take_over_zone(instance: IntegrationInstance, zone: Zone) -> IntegrationInstance:
    with transaction.atomic(durable=True):
        instance = IntegrationInstance.objects.locked().get(pk=instance.pk)
        before = instance.snapshot()
        _remember_zone(instance, zone)
        if instance.zone:  # a Platform was chosen: it is the new one now, or every later check would fail
            instance.zone = zone.key
        instance.save()
        portal = Actor("The portal", f"moved by {provider_for(instance.psa).name}")
        Batch(portal).record([instance_change(Action.INSTANCE_MOVED, instance, before, instance.snapshot())])
    return instance


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
            secrets = {**_open_credentials(instance), **secrets}
        client = provider.client(Credentials(username=details.username, **secrets))
    except PSAError as error:
        return ConnectionOutcome(_not_asked(error), None)
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


def _not_asked(error: PSAError) -> ConnectionReport:
    """The report of a check that failed before anything was sent."""
    step = CheckStep("credentials", "Credentials can be sent", StepState.FAILED, error.user_text)
    return ConnectionReport((step,), error=error)


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


def record_check(instance: IntegrationInstance, report: ConnectionReport, now: dt.datetime) -> None:
    """Put what a check found on the (unsaved) instance: status, steps, and the zone when it was found."""
    kind = report.error.kind if report.error else None
    if report.passed:
        instance.status, instance.refused_tries = IntegrationInstance.Status.CONNECTED, 0
    elif kind is FailureKind.CREDENTIALS:
        instance.status = IntegrationInstance.Status.REFUSED
        instance.refused_tries += 1
    else:
        instance.status = IntegrationInstance.Status.ATTENTION
    if report.passed and report.zone is not None:
        _remember_zone(instance, report.zone)
        instance.zone = report.platform
    instance.last_check = report_as_json(report)
    instance.last_checked_at = now


def _remember_zone(instance: IntegrationInstance, zone: Zone) -> None:
    instance.zone_name, instance.api_url, instance.web_url = zone.name, zone.api_url, zone.web_url
    if zone.database_id is not None:
        instance.database_id = zone.database_id


def report_as_json(report: ConnectionReport) -> dict[str, Any]:
    """The report as the instance keeps it and the page shows it."""
    return {
        "steps": [{**asdict(step), "state": step.state.value} for step in report.steps],
        "budget": asdict(report.budget) if report.budget else None,
        "companies": report.company_count,
        "moved_from": report.moved_from,
        "better_zone": report.better_zone,
        "passed": report.passed,
    }


def check_connection(
    batch: Batch, instance: IntegrationInstance, *, unless_refused: bool = False
) -> ConnectionReport:
    """Check the stored credentials now and remember what was found; a moved zone is taken over.

    ``unless_refused`` is for whoever has not read that they were refused, and for what acts by itself: then
    the report tells that nothing was sent, and nothing is remembered.
    """
    refused = IntegrationInstance.objects.filter(pk=instance.pk, status=IntegrationInstance.Status.REFUSED)
    if unless_refused and refused.exists():
        return _not_asked(RefusedBefore())
    try:
        client = client_for(instance)
    except PSAError as error:
        report = _not_asked(error)
    else:
        try:
            report = client.check(instance.zone)
        finally:
            client.close()
    with transaction.atomic(durable=True):
        instance = IntegrationInstance.objects.locked().get(pk=instance.pk)
        before = instance.snapshot()
        record_check(instance, report, timezone.now())
        instance.save()
        after = instance.snapshot()
        if before != after:
            batch.record([instance_change(Action.INSTANCE_CHECKED, instance, before, after)])
    return report


def _record_refusal(instance: IntegrationInstance) -> None:
    """Note that the PSA refused the credentials of this instance, unless they were changed meanwhile."""
    with transaction.atomic(durable=True):
        current = IntegrationInstance.objects.locked().get(pk=instance.pk)
        if (current.username, current.secrets_set) == (instance.username, instance.secrets_set):
            current.status = IntegrationInstance.Status.REFUSED
            current.refused_tries += 1
            current.save(update_fields=["status", "refused_tries", "updated_at"])


def who_can_mend() -> list[str]:
    """The names of a few people who may change credentials, for whoever may not."""
    owners = User.objects.filter(Q(groups__name="Owners") | Q(is_superuser=True), is_active=True)
    names = owners.distinct().order_by("is_superuser", "username")[:MOST_NAMES]
    return [person.get_full_name() or person.get_username() for person in names]
