"""Messages that are owed: who is to be told what, and when. Written together with the alert itself."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from typing import Any

from django.conf import settings
from django.contrib.auth.models import User
from django.db import transaction
from django.db.models import Q, QuerySet
from django.utils import timezone

from integrations.database.transactions import transaction_required
from integrations.models import Alert, AlertChannel, AlertMessage, AlertNotice, AlertReader
from integrations.services.alerts.wishes import How, Wish, hears, may_see, next_digest, people_for, wishes_for

Status = AlertMessage.Status


@transaction_required
def queue_opening(alert: Alert, now: dt.datetime) -> None:
    """Owe the alert to everybody who wants to hear of it, and to the rooms that are told of its kind."""
    if settings.MAIL_IS_SET_UP:
        _owe(alert, list(people_for(alert)), now, is_over=False)
    if not alert.known_kind.is_personal:
        for channel in AlertChannel.objects.filter(is_active=True):
            if hears(channel, alert):
                _put(AlertMessage(channel=channel, next_attempt_at=now), alert, is_over=False)


@transaction_required
def queue_over(alert: Alert, now: dt.datetime) -> None:
    """Owe the end of the alert to those who were told of it, or are about to be.

    Who has it muted and was not told yet is told neither.
    """
    told = AlertMessage.objects.filter(notices__alert=alert, notices__is_over=False).order_by("pk")
    people = list(User.objects.filter(pk__in=told.values("user"), is_active=True))
    wishes = wishes_for(alert, people, now)
    held = told.filter(user__in=[pk for pk, wish in wishes.items() if wish.muted_until])
    spared = _drop(alert, held)
    if settings.MAIL_IS_SET_UP:
        _owe(alert, [person for person in people if person.pk not in spared], now, is_over=True)
    for channel in AlertChannel.objects.filter(pk__in=told.values("channel"), is_active=True):
        _put(AlertMessage(channel=channel, next_attempt_at=now), alert, is_over=True)


def _drop(alert: Alert, messages: Iterable[AlertMessage]) -> set[int | None]:
    """Take the alert out of messages that have not arrived and nobody is sending; whose they were."""
    dropped: set[int | None] = set()
    for message in messages:
        if _idle(timezone.now()).filter(pk=message.pk).first() is not None:
            message.notices.filter(alert=alert).delete()
            if not message.notices.exists():
                message.delete()
            dropped.add(message.user_id)
    return dropped


def _owe(
    alert: Alert, people: list[User], now: dt.datetime, *, is_over: bool, together: bool = False
) -> None:
    readers = AlertReader.objects.in_bulk([each.pk for each in people], field_name="user_id")
    for pk, wish in wishes_for(alert, people, now).items():
        message = _message_for(pk, readers.get(pk), wish, now, together=together)
        if message is not None:
            _put(message, alert, is_over=is_over)


def _message_for(
    user_id: int, reader: AlertReader | None, wish: Wish, now: dt.datetime, *, together: bool
) -> AlertMessage | None:
    """The message by which the person is told: a new one, or their digest; None where they want none.

    What waits for the end of a mute goes in one mail then, and so does what is sent ``together`` now.
    """
    begins = wish.muted_until or now
    if wish.how == How.NEVER:
        return None
    if wish.how == How.AT_ONCE and begins == now and not together:
        return AlertMessage(user_id=user_id, next_attempt_at=now)
    due = next_digest(reader, begins) if wish.how == How.DIGEST else begins
    unsent = AlertMessage.objects.select_for_update().filter(
        user_id=user_id, is_digest=True, status=Status.WAITING, attempts=0, next_attempt_at=due
    )
    return unsent.first() or AlertMessage(user_id=user_id, is_digest=True, next_attempt_at=due)


def _put(message: AlertMessage, alert: Alert, *, is_over: bool) -> None:
    if message.pk is None:
        message.save()
    AlertNotice.objects.get_or_create(message=message, alert=alert, is_over=is_over)


@transaction_required
def plan_anew(user: User) -> None:
    """Let what is owed to the person and nobody is sending right now follow their wishes as they are now.

    What they have just muted waits until then, and what they want no more is not sent. What failed before and
    is wanted as before goes on as the same mail; of the rest, what is to go at once goes in one mail.
    """
    now = timezone.now()
    unsent = {message.pk: message for message in _idle(now).filter(user=user, is_test=False)}
    notices = AlertNotice.objects.filter(message__in=unsent).select_related("alert").order_by("pk")
    moved = [notice for notice in notices if not _stays(unsent[notice.message_id], notice.alert, user, now)]
    AlertNotice.objects.filter(pk__in=[notice.pk for notice in moved]).delete()
    AlertMessage.objects.filter(pk__in=unsent, notices=None).delete()
    for notice in moved:
        if may_see(user, notice.alert):
            _owe(notice.alert, [user], now, is_over=notice.is_over, together=len(moved) > 1)


def _idle(now: dt.datetime) -> QuerySet[AlertMessage]:
    """What waits, and no worker is at, locked; tried before or not."""
    nobody = Q(claim=None) | Q(next_attempt_at__lte=now)
    return AlertMessage.objects.select_for_update().filter(nobody, status=Status.WAITING)


def _stays(message: AlertMessage, alert: Alert, user: User, now: dt.datetime) -> bool:
    """Whether the mail was tried already and is wanted as it was."""
    wished = Wish(How.DIGEST if message.is_digest else How.AT_ONCE)
    return message.attempts > 0 and may_see(user, alert) and wishes_for(alert, [user], now)[user.pk] == wished


@transaction_required
def forget_for_move(channel: AlertChannel) -> None:
    """Owe the new address of a room only what still stands: ends and tests were for those at the old one."""
    unsent = [message.pk for message in _idle(timezone.now()).filter(channel=channel)]
    news = Q(notices__is_over=False, notices__alert__closed_at=None)
    AlertMessage.objects.filter(pk__in=unsent).exclude(pk__in=AlertMessage.objects.filter(news)).delete()


def owe_test(receiver: User | AlertChannel) -> AlertMessage:
    """Owe a message to the person or the room that says that messages arrive; one at a time.

    One that failed and waits is tried again now.
    """
    is_room = isinstance(receiver, AlertChannel)
    to: dict[str, Any] = {"channel": receiver} if is_room else {"user": receiver}
    with transaction.atomic():
        now = timezone.now()
        waiting = AlertMessage.objects.filter(is_test=True, status=Status.WAITING, **to).first()
        _idle(now).filter(pk=waiting.pk if waiting else 0).update(next_attempt_at=now)
        return waiting or AlertMessage.objects.create(is_test=True, next_attempt_at=now, **to)
