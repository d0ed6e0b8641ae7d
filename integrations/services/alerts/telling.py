"""What a message says, before it is put into the form of mail or of a chat: plain sentences."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

from django.conf import settings

from integrations.models import Alert, AlertMessage, AlertNotice
from portal.time_zone import by_clock

TEST_TITLE = "A test of the portal's alerts"
TEST_TEXT = "Somebody pressed the test button. Messages arrive here."


@dataclass(frozen=True)
class Item:
    """One alert in a message: plain text, without markup. ``url`` is empty where none is known."""

    title: str
    text: str
    url: str
    is_over: bool = False


@dataclass(frozen=True)
class Told:
    """A whole message: one line that says what it is about, and its items."""

    subject: str
    items: tuple[Item, ...]
    is_digest: bool = False


def told_by(message: AlertMessage, notices: list[AlertNotice], zone: dt.tzinfo) -> Told:
    """What the message says with these of its notices, to somebody whose clock shows the time of ``zone``."""
    if message.is_test:
        return Told(TEST_TITLE, (Item(TEST_TITLE, TEST_TEXT, absolute("")),))
    items = tuple(_item(notice, zone) for notice in notices)
    if len(items) > 1:
        return Told(f"{len(items)} alerts from the portal", items, is_digest=True)
    return Told(items[0].title, items)


def _item(notice: AlertNotice, zone: dt.tzinfo) -> Item:
    alert = notice.alert
    title = by_clock(alert.title, zone)
    text = by_clock(alert.over_text if notice.is_over else alert.text, zone)
    if notice.is_over:
        return Item(f"Over: {title}", text, absolute(alert.path), is_over=True)
    return Item(title, text, absolute(alert.path))


def still_told(notices: list[AlertNotice]) -> list[AlertNotice]:
    """The notices that are still news: no beginning of what is over, unless the same message tells the end.

    A message that failed for hours would come after the one that says the end, and be believed.
    """
    ended = {notice.alert_id for notice in notices if notice.is_over}
    return [
        notice
        for notice in notices
        if notice.is_over or notice.alert_id in ended or not notice.alert.has_ended
    ]


def absolute(path: str) -> str:
    """The address of a page as somebody outside the portal needs it; "" where PORTAL_URL is not known."""
    return f"{settings.PORTAL_URL}{path}" if settings.PORTAL_URL else ""


def first_message(alert: Alert, message: AlertMessage) -> AlertMessage | None:
    """The message that told the same receiver that the alert was opened, if one has."""
    told = AlertMessage.objects.filter(notices__alert=alert, notices__is_over=False, is_digest=False)
    told = told.filter(status=AlertMessage.Status.DELIVERED)
    return told.filter(user=message.user_id, channel=message.channel_id).exclude(pk=message.pk).first()
