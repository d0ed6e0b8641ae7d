"""What people choose: how they hear of what, what they mute; and the rooms of chats, which is audited."""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field

from django.contrib.auth.models import User
from django.db import transaction
from django.db.models import Q

from integrations.models import (
    AlertChannel,
    AlertKind,
    AlertPreference,
    AlertReader,
    IntegrationInstance,
)
from integrations.models.audit import Action
from integrations.services.alerts.queue import forget_for_move, plan_anew
from integrations.services.alerts.wishes import How
from integrations.services.audit import Batch, Change, State
from integrations.services.webhooks.send import check_address

LONGEST_MUTE = dt.timedelta(days=90)


def reader_of(user: User) -> AlertReader:
    """How the person is told; unsaved where they have chosen nothing yet."""
    return AlertReader.objects.filter(user=user).first() or AlertReader(user=user)


@dataclass(frozen=True)
class Wishes:
    """How a person wants to hear of kinds, in one configuration or (None) in all; None takes a wish back.

    ``digest`` is the hour and the time zone of their digest, None where it stays.
    """

    kinds: Mapping[AlertKind, How | None]
    instance: IntegrationInstance | None = None
    digest: tuple[int, str] | None = None


def save_wishes(user: User, wishes: Wishes) -> None:
    """Keep what the person wants; what waits for them is planned anew."""
    with transaction.atomic():
        if wishes.digest is not None:
            hour, zone = wishes.digest
            values = {"digest_hour": hour, "time_zone": zone}
            AlertReader.objects.update_or_create(user=user, defaults=values)
        for kind, how in wishes.kinds.items():
            row = _preference(user, wishes.instance, kind)
            row.how = how.value if how else ""
            _keep(row)
        plan_anew(user)


def mute(
    user: User, instance: IntegrationInstance | None, kind: AlertKind | None, until: dt.datetime | None
) -> None:
    """Send the person nothing of a kind (None: of any) in a configuration (None: in all) until then.

    What begins meanwhile and is over by then is not sent at all. ``until`` None ends it.
    """
    with transaction.atomic():
        row = _preference(user, instance, kind)
        row.muted_until = until
        _keep(row)
        plan_anew(user)


def _preference(user: User, instance: IntegrationInstance | None, kind: AlertKind | None) -> AlertPreference:
    User.objects.select_for_update(no_key=True).get(pk=user.pk)  # one at a time: two presses make one row
    names = {"user": user, "instance": instance, "kind": kind.value if kind else ""}
    return AlertPreference.objects.filter(**names).first() or AlertPreference(**names)


def _keep(row: AlertPreference) -> None:
    if row.how or row.muted_until:
        row.save()
    elif row.pk is not None:
        row.delete()


# --- rooms of chats -----------------------------------------------------------------------------------


@dataclass(frozen=True)
class ChannelSpec:
    """What a channel shall be. No ``url``: it stays where it is."""

    name: str
    service: AlertChannel.Service
    url: str = field(repr=False)
    kinds: Collection[AlertKind]
    instance: IntegrationInstance | None = None
    is_active: bool = True


def create_channel(batch: Batch, spec: ChannelSpec) -> AlertChannel:
    """Make a channel that hears of what begins from now on. Raises AddressRefused."""
    check_address(spec.url)
    with transaction.atomic():
        channel = AlertChannel(created_by=batch.actor.account)
        _apply(channel, spec)
        channel.save()
        _record(batch, Action.ALERT_CHANNEL_ADDED, channel, None, channel.snapshot())
    return channel


def change_channel(batch: Batch, channel: AlertChannel, spec: ChannelSpec) -> bool:
    """Change it as the form says; False when nothing differs. Raises AddressRefused."""
    if spec.url:
        check_address(spec.url)
    with transaction.atomic():
        channel = AlertChannel.objects.select_for_update(of=("self",)).get(pk=channel.pk)
        before, moves = channel.snapshot(), channel.is_moved_by(spec.url)
        _apply(channel, spec)
        after = channel.snapshot()
        if after == before and not moves:
            return False
        channel.rests_until = None
        channel.save()
        if moves:
            forget_for_move(channel)
        told = after | {"address_replaced": True} if moves else after
        _record(batch, Action.ALERT_CHANNEL_CHANGED, channel, before, told)
    return True


def delete_channel(batch: Batch, channel: AlertChannel) -> None:
    """Delete a channel with what was sent to it."""
    with transaction.atomic():
        _record(batch, Action.ALERT_CHANNEL_DELETED, channel, channel.snapshot(), None)
        channel.delete()


def _apply(channel: AlertChannel, spec: ChannelSpec) -> None:
    channel.name, channel.service, channel.instance = spec.name, spec.service.value, spec.instance
    channel.is_active = spec.is_active
    if spec.url:
        channel.move_to(spec.url)
    channel.kinds = [kind.value for kind in AlertKind if kind in spec.kinds]


def _record(batch: Batch, action: Action, channel: AlertChannel, before: State, after: State) -> None:
    batch.record([Change(action, "alert_channel", str(channel.pk), channel.name, before, after)])


# --- what a person has chosen --------------------------------------------------------------------------


def preferences_of(user: User) -> list[AlertPreference]:
    """What the person has said and muted, of configurations that they may still see."""
    seen = Q(instance=None) | Q(instance__in=IntegrationInstance.objects.visible_to(user).present())
    return list(AlertPreference.objects.filter(seen, user=user).select_related("instance"))
