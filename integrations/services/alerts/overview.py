"""What a person sees on the page of alerts: what stands, what they were sent, and whether it arrives."""

from __future__ import annotations

from dataclasses import dataclass

from django.conf import settings
from django.contrib.auth.models import User
from django.core.paginator import Page, Paginator
from django.db.models import Prefetch, QuerySet
from django.utils import timezone

from integrations.models import (
    Alert,
    AlertChannel,
    AlertKind,
    AlertMessage,
    AlertNotice,
    AlertPreference,
    AlertReader,
    IntegrationInstance,
)
from integrations.services.alerts.edit import preferences_of, reader_of
from integrations.services.alerts.wishes import RIGHTS, How, usual_for, visible_alerts

OVER_SHOWN = 20
MESSAGES_PAGE = 50


@dataclass(frozen=True)
class Overview:
    """The page: ``mail`` is why the person gets no mail, "" where nothing is wrong that is known."""

    open: list[tuple[Alert, AlertPreference | None]]
    over: list[Alert]
    mutes: list[AlertPreference]
    messages: Page[AlertMessage]
    reader: AlertReader
    mail: str
    broken_channels: list[AlertChannel]


def overview_of(user: User, page: str | None = None) -> Overview:
    """What the person may see, the newest first."""
    now = timezone.now()
    mutes = [row for row in preferences_of(user) if row.is_muted(now)]
    alerts = visible_alerts(user).select_related("instance")
    return Overview(
        open=[(alert, _mute_of(alert, mutes)) for alert in alerts.filter(closed_at=None)],
        over=list(alerts.exclude(closed_at=None)[:OVER_SHOWN]),
        mutes=mutes,
        messages=_page(AlertMessage.objects.filter(user=user), page, visible_alerts(user)),
        reader=reader_of(user),
        mail=mail_state(user),
        broken_channels=_broken(user),
    )


def channel_messages(channel: AlertChannel, page: str | None = None) -> Page[AlertMessage]:
    """What was sent to a room, the newest first."""
    return _page(AlertMessage.objects.filter(channel=channel), page, Alert.objects.all())


def _page(messages: QuerySet[AlertMessage], page: str | None, alerts: QuerySet[Alert]) -> Page[AlertMessage]:
    """A page of messages with what they tell of these alerts; the rest was withheld when it was sent."""
    notices = AlertNotice.objects.filter(alert__in=alerts).select_related("alert")
    rows = messages.prefetch_related(Prefetch("notices", queryset=notices))
    return Paginator(rows, MESSAGES_PAGE).get_page(page)


def _mute_of(alert: Alert, mutes: list[AlertPreference]) -> AlertPreference | None:
    fitting = [
        row for row in mutes if row.kind in {"", alert.kind} and row.instance_id in {None, alert.instance_id}
    ]
    return max(fitting, key=lambda row: row.muted_until or timezone.now(), default=None)


def mail_state(user: User) -> str:
    """Why no mail reaches the person, and what to do; "" where nothing is known to be wrong."""
    if not settings.MAIL_IS_SET_UP:
        return "not set up"
    if not user.email:
        return "no address"
    return "failing" if reader_of(user).failing_since else ""


def _broken(user: User) -> list[AlertChannel]:
    if not user.has_perm("integrations.view_alertchannel"):
        return []
    return list(AlertChannel.objects.filter(is_active=True).exclude(failing_since=None))


@dataclass(frozen=True)
class KindWish:
    """What a person has said of a kind, and how they hear of it as long as they say nothing there."""

    kind: AlertKind
    usual: How
    said: How | None


def wishes_of(user: User, instance: IntegrationInstance | None) -> list[KindWish]:
    """The kinds that the person can hear of or not, in one configuration or (None) in all."""
    may_act = user.has_perm("integrations.map_organizations")
    said = {(row.instance_id, row.kind): How(row.how) for row in preferences_of(user) if row.how}
    found = []
    for kind, right in RIGHTS.items():
        elsewhere = instance is not None and not kind.is_of_a_configuration
        if kind.is_personal or elsewhere or not user.has_perm(f"integrations.{right}"):
            continue
        usual = usual_for(kind, may_act=may_act)
        if instance is not None:
            usual = said.get((None, kind.value), usual)
        found.append(KindWish(kind, usual, said.get((instance.pk if instance else None, kind.value))))
    return found
