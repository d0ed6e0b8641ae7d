"""Alerts: people are told what went wrong, once a cause, and when it is over."""

from integrations.services.alerts.edit import (
    LONGEST_MUTE,
    ChannelSpec,
    Wishes,
    change_channel,
    create_channel,
    delete_channel,
    mute,
    save_wishes,
)
from integrations.services.alerts.outbox import has_work, work
from integrations.services.alerts.overview import KindWish, Overview, channel_messages, overview_of, wishes_of
from integrations.services.alerts.queue import owe_test
from integrations.services.alerts.watch import watch
from integrations.services.alerts.wishes import How

__all__ = [
    "LONGEST_MUTE", "ChannelSpec", "How", "KindWish", "Overview", "Wishes", "change_channel",
    "channel_messages", "create_channel", "delete_channel", "has_work", "mute", "overview_of", "owe_test",
    "save_wishes", "watch", "wishes_of", "work",
]  # fmt: skip
