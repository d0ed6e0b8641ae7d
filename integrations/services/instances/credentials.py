"""The stored credentials of an instance: a client that has them, and what is noted of how they fare."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from django.db import transaction
from django.views.decorators.debug import sensitive_variables

from integrations.crypto import SealedValueError
from integrations.models import IntegrationInstance
from integrations.models.audit import Action
from integrations.psa.base import Credentials, FailureKind, PSAClient, PSAError, Zone, ZoneMoved
from integrations.psa.registry import provider_for
from integrations.services.audit import Actor, Batch, instance_change
from integrations.services.instances.budget import note_budget

Found = TypeVar("Found")


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


@sensitive_variables("stored")
def client_for(instance: IntegrationInstance) -> PSAClient:
    """A client with the stored credentials.

    Raises CredentialsMissing, CredentialsUnreadable, and PSAError for an odd address.
    """
    if not instance.credentials:
        raise CredentialsMissing
    stored = open_credentials(instance)
    try:
        credentials = Credentials(username=instance.username, **stored)
    except TypeError as error:  # a row without its secrets, as a fixture makes it
        raise CredentialsUnreadable from error
    return provider_for(instance.psa).client(credentials, api_url=instance.api_url)


def open_credentials(instance: IntegrationInstance) -> dict[str, Any]:
    """The stored secrets by name. Raises CredentialsUnreadable."""
    try:
        return instance.credentials.reveal()  # type: ignore[no-any-return]  # a Sealed, says the field
    except SealedValueError as error:
        raise CredentialsUnreadable from error


def with_current_zone(instance: IntegrationInstance, work: Callable[[PSAClient], Found]) -> Found:
    """Do something with a client; when the tenant has moved, store its new zone and do it again there.

    A refusal of the credentials is noted and closes this door for everybody, until they are changed or a
    person has them checked. What is known of the request budget then is kept. Raises PSAError (RefusedBefore
    where the door is closed), and what ``work`` raises. ``work`` has to bear being done twice.
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
            note_budget(instance, client)
    raise AssertionError  # the loop returns or raises


def _take_over_zone(instance: IntegrationInstance, zone: Zone) -> IntegrationInstance:
    with transaction.atomic(durable=True):
        instance = IntegrationInstance.objects.locked().get(pk=instance.pk)
        before = instance.snapshot()
        remember_zone(instance, zone)
        if instance.zone:  # a Platform was chosen: it is the new one now, or every later check would fail
            instance.zone = zone.key
        instance.save()
        portal = Actor("The portal", f"moved by {provider_for(instance.psa).name}")
        Batch(portal).record([instance_change(Action.INSTANCE_MOVED, instance, before, instance.snapshot())])
    return instance


def remember_zone(instance: IntegrationInstance, zone: Zone) -> None:
    """Put the zone that the PSA named on the (unsaved) instance."""
    instance.zone_name, instance.api_url, instance.web_url = zone.name, zone.api_url, zone.web_url
    if zone.database_id is not None:
        instance.database_id = zone.database_id


def _record_refusal(instance: IntegrationInstance) -> None:
    """Note that the PSA refused the credentials of this instance, unless they were changed meanwhile."""
    with transaction.atomic(durable=True):
        current = IntegrationInstance.objects.locked().get(pk=instance.pk)
        if (current.username, current.secrets_set) == (instance.username, instance.secrets_set):
            current.status = IntegrationInstance.Status.REFUSED
            current.refused_tries += 1
            current.save(update_fields=["status", "refused_tries", "updated_at"])
