"""What happened to configurations, noted by comparing how things are with what was noted last.

The state is compared, not the act that caused it: whatever brought it about, and whenever a worker is killed,
the next comparison finds what was not noted yet.
"""

from __future__ import annotations

import datetime as dt

from django.db import transaction
from django.db.models import OuterRef, Q, Subquery

from integrations.models import IntegrationInstance, Occurrence
from integrations.models.drift import OccurrenceQuerySet
from integrations.models.instances import InstanceQuerySet
from integrations.services.audit import serialize_followed_events

CREDENTIALS = "credentials"
Kind = Occurrence.Kind


def occurrences_after(position: int, most: int = 1_000) -> OccurrenceQuerySet:
    """The next occurrences after the one with this id, with their configurations, the oldest first."""
    return Occurrence.objects.after(position).select_related("instance")[:most]


def note_occurrences(now: dt.datetime) -> int:
    """Note what began or ended since the last look; returns how many.

    Repeatable at any moment and by several workers at once.
    """
    found = list(_untold_credentials().values_list("pk", flat=True))
    if not found:
        return 0  # the usual case takes no lock
    with transaction.atomic():
        list(IntegrationInstance.objects.locked().filter(pk__in=found).order_by("pk").only("pk"))
        untold = list(_untold_credentials().filter(pk__in=found))  # another worker may have been faster
        serialize_followed_events()
        for instance in untold:
            _note_credentials(instance, now)
    return len(untold)


def _untold_credentials() -> InstanceQuerySet:
    """Where it was noted last that the PSA refuses the credentials, and it does not, or the reverse."""
    last = Occurrence.objects.filter(instance=OuterRef("pk"), cause=CREDENTIALS).order_by("-pk")
    told = Q(told=Kind.CREDENTIALS_REFUSED)
    refused = Q(status=IntegrationInstance.Status.REFUSED)
    present = IntegrationInstance.objects.present().annotate(told=Subquery(last.values("kind")[:1]))
    return present.filter(refused & (Q(told=None) | ~told) | ~refused & told)


def _note_credentials(instance: IntegrationInstance, now: dt.datetime) -> None:
    refused = instance.status == IntegrationInstance.Status.REFUSED
    text = (
        f"The credentials of {instance.name} are refused; nothing is read until they are corrected."
        if refused
        else f"The credentials of {instance.name} are no longer refused."
    )
    kind = Kind.CREDENTIALS_REFUSED if refused else Kind.CREDENTIALS_ACCEPTED
    Occurrence.objects.create(at=now, instance=instance, kind=kind, cause=CREDENTIALS, text=text[:500])
