"""Sending what is owed: mail and messages to rooms, one by one, outside any transaction."""

from __future__ import annotations

import datetime as dt
import logging
import time

from django.conf import settings
from django.contrib.auth.models import User
from django.db import InterfaceError, OperationalError
from django.db.models import Q, QuerySet
from django.utils import timezone

from integrations.models import Alert, AlertChannel, AlertMessage, AlertNotice, AlertPreference, AlertReader
from integrations.services.alerts.causes import is_past
from integrations.services.alerts.chat import send_to_channel
from integrations.services.alerts.edit import LONGEST_MUTE
from integrations.services.alerts.mail import send_mail
from integrations.services.alerts.telling import Told, first_message, still_told, told_by
from integrations.services.alerts.wishes import hears, may_see, zone_of
from integrations.services.deliveries import claim_next, end_attempt, has_come, put_off
from integrations.services.webhooks.send import SendingFailed

Status = AlertMessage.Status
LONGEST_REST = dt.timedelta(seconds=60)  # that a silent receiver is spared
PERMANENT_ATTEMPTS = 8  # within three hours: what is answered for good may be a mistake that is mended soon
PASSING = frozenset({408, 425, 429})
A_DAY = dt.timedelta(days=1)
KEPT_FOR = dt.timedelta(days=90)
NOT_SET_UP = "Mail is not set up: whoever runs the portal has to set EMAIL_URL."
NOT_ALLOWED = "Not sent: it is not this person's to see any more."
NOT_WANTED = "Not sent: the channel is not told of this any more."
NO_NEWS = "Not sent: it was over by then."

logger = logging.getLogger(__name__)


class _NothingToSay(Exception):
    """Nothing of the message may be told any more, or is news; the text says which."""


def has_work(now: dt.datetime) -> bool:
    """Whether a worker would find something to send."""
    return _due(now, mail=True).exists()


def work(seconds: float = 20.0) -> int:
    """Send what is due for this long at most; returns how many messages were tried.

    When the mail server does not answer, the other mails are left to the next call.
    """
    ends, tried, mail = time.monotonic() + seconds, 0, True
    while time.monotonic() < ends:
        message = claim_next(_due(timezone.now(), mail=mail), timezone.now())
        if message is None:
            break
        tried += 1
        failure = _tried(message)
        if failure is not None and failure.for_all and message.user_id is not None:
            mail = False
    return tried


def _tried(message: AlertMessage) -> SendingFailed | None:
    """Send the message; one that cannot be made or noted is put off and holds up no other."""
    try:
        return _send(message)
    except (OperationalError, InterfaceError):  # the database's trouble and not this message's
        raise
    except Exception as error:
        kind = type(error).__name__  # no more: the text may quote an address or a password
        logger.error("Alert message %s broke: %s", message.pk, kind)  # noqa: TRY400
        put_off(message, f"It could not be sent ({kind}). The log of the portal tells when.")
        return None


def _due(now: dt.datetime, *, mail: bool) -> QuerySet[AlertMessage]:
    rest = LONGEST_REST.total_seconds()
    rested = Q(channel__rests_until=None) | has_come("channel__rests_until", now, rest)
    receivers = Q(channel__is_active=True) & rested
    if mail:
        receivers |= Q(channel=None)
    # What was tried waits for hours at most; the rest perhaps for the digest after the end of a mute.
    first = has_come("next_attempt_at", now, (LONGEST_MUTE + 2 * A_DAY).total_seconds())
    come = Q(first, attempts=0) | Q(has_come("next_attempt_at", now), attempts__gt=0)
    waiting = AlertMessage.objects.filter(come, status=Status.WAITING)
    return waiting.filter(receivers).order_by("pk")


def _send(message: AlertMessage) -> SendingFailed | None:
    """Send the claimed message and write down how that went."""
    notices = list(message.notices.select_related("alert__instance"))
    try:
        if message.channel is not None:
            _post(message.channel, message, notices)
        else:
            _mail(message, notices)
    except _NothingToSay as nothing:
        end_attempt(message, status=Status.FAILED, error=str(nothing))
    except SendingFailed as failure:
        _note_failure(message, failure)
        return failure
    else:
        if end_attempt(message, status=Status.DELIVERED, error=""):
            _note_arrival(message)
    return None


def _news(message: AlertMessage, notices: list[AlertNotice]) -> list[AlertNotice]:
    """What of it is still to be told. Raises _NothingToSay."""
    told = still_told(notices)
    news = [notice for notice in told if not is_past(notice.alert, later=message.is_digest)]
    if not news and not message.is_test:
        raise _NothingToSay(NO_NEWS)
    return news


def _post(channel: AlertChannel, message: AlertMessage, notices: list[AlertNotice]) -> None:
    wanted = [notice for notice in notices if hears(channel, notice.alert)]
    if not wanted and not message.is_test:
        raise _NothingToSay(NOT_WANTED)
    send_to_channel(channel, told_by(message, _news(message, wanted), zone_of(None)))


def _mail(message: AlertMessage, notices: list[AlertNotice]) -> None:
    user = message.user
    if user is None or not user.is_active:
        raise _NothingToSay(NOT_ALLOWED)
    if not settings.MAIL_IS_SET_UP:
        raise SendingFailed(NOT_SET_UP)
    if not user.email:
        raise SendingFailed("This account has no e-mail address.", for_all=False)
    seen = [notice for notice in notices if may_see(user, notice.alert)]
    if not seen and not message.is_test:
        raise _NothingToSay(NOT_ALLOWED)
    seen = _news(message, seen)
    told: Told = told_by(message, seen, zone_of(AlertReader.objects.filter(user=user).first()))
    is_end = len(seen) == 1 and seen[0].is_over and not message.is_digest
    send_mail(user.email, message, told, first_message(seen[0].alert, message) if is_end else None)


def _note_failure(message: AlertMessage, failure: SendingFailed) -> None:
    to = f"channel {message.channel_id}" if message.channel_id else f"person {message.user_id}"
    logger.warning("Alert message %s to %s, attempt %d: %s", message.pk, to, message.attempts, failure)
    most = PERMANENT_ATTEMPTS if _is_permanent(message, failure) else None
    wait, now, error = put_off(message, str(failure), most_attempts=most), timezone.now(), str(failure)[:500]
    if message.user is not None:
        if not User.objects.filter(pk=message.user.pk).exists():  # deleted while it was sent
            return
        reader, _ = AlertReader.objects.get_or_create(user=message.user)
        same = AlertReader.objects.filter(pk=reader.pk)
        same.update(last_error=error)
        same.filter(failing_since=None).update(failing_since=now)
        return
    rooms = AlertChannel.objects.filter(messages=message.pk)
    rooms.update(last_error=error)
    rooms.filter(failing_since=None).update(failing_since=now)
    if failure.for_all:
        rooms.update(rests_until=now + min(wait, LONGEST_REST))


def _is_permanent(message: AlertMessage, failure: SendingFailed) -> bool:
    """Whether the answer says that it will be the same tomorrow: RFC 5321, 4.2.1; RFC 9110, 15.5."""
    status = failure.status or 0
    return status >= 500 if message.channel_id is None else 400 <= status < 500 and status not in PASSING


def _note_arrival(message: AlertMessage) -> None:
    well = {"failing_since": None, "last_error": ""}
    if message.channel_id is None:
        AlertReader.objects.filter(user=message.user_id).exclude(failing_since=None).update(**well)
    else:
        broken = Q(failing_since__isnull=False) | Q(rests_until__isnull=False)
        AlertChannel.objects.filter(broken, pk=message.channel_id).update(rests_until=None, **well)


def forget_old(now: dt.datetime) -> int:
    """Delete messages that ended and alerts that were over more than ninety days ago, and mutes that ended.

    Returns how many rows.
    """
    before = now - KEPT_FOR
    ended = AlertMessage.objects.exclude(status=Status.WAITING).filter(created_at__lt=before)
    over = Alert.objects.filter(closed_at__lt=before).exclude(notices__message__status=Status.WAITING)
    mutes = AlertPreference.objects.filter(how="", muted_until__lt=now)
    return sum(rows.delete()[0] for rows in (ended, over, mutes))
