"""Alerts in the forms of chats: an Adaptive Card for Microsoft Teams, Block Kit for Slack.

Whatever a name holds is shown and never read as markup: cards use text runs, which know no Markdown, and
Slack gets ``plain_text`` alone. The forms are those of https://learn.microsoft.com/adaptive-cards (version
1.4, what Teams shows everywhere) and https://docs.slack.dev/reference/block-kit.
"""

from __future__ import annotations

import json
from typing import Any

from django.views.decorators.debug import sensitive_variables

from integrations.crypto import SealedValueError
from integrations.models import AlertChannel
from integrations.services.alerts.telling import Item, Told
from integrations.services.webhooks.send import SendingFailed, post_and_read

SLACK_HEADER, SLACK_TEXT = 150, 3000  # characters that Slack takes
MOST_ITEMS = 20
TEAMS_FAILED = b"Webhook message delivery failed"  # what its connectors answer with 200
UNREADABLE = "The address cannot be opened with the portal's keys. Enter it anew."


@sensitive_variables()
def send_to_channel(channel: AlertChannel, told: Told) -> None:
    """Post the message to the room. Raises SendingFailed."""
    try:
        url = channel.address.reveal()["url"]
    except (SealedValueError, KeyError):
        url = ""
    if not url:
        raise SendingFailed(UNREADABLE)
    form = teams_message if channel.service == AlertChannel.Service.TEAMS else slack_message
    body = json.dumps(form(told), ensure_ascii=False, separators=(",", ":")).encode()
    _, answer = post_and_read(url, body, {"Content-Type": "application/json"})
    if TEAMS_FAILED in answer:
        raise SendingFailed("Teams took the message and could not deliver it.")


def teams_message(told: Told) -> dict[str, Any]:
    """A message with one card, as incoming webhooks and workflows of Teams take it."""
    body: list[dict[str, Any]] = []
    for item in told.items[:MOST_ITEMS]:
        body.append(
            _run(item.title, weight="Bolder", size="Medium", color="Good" if item.is_over else "Default")
        )
        if item.text:
            body.append(_run(item.text))
    card: dict[str, Any] = {
        "$schema": "http://adaptivecards.io/schemas/adaptive-card.json",
        "type": "AdaptiveCard",
        "version": "1.4",
        "fallbackText": told.subject,
        "body": body,
    }
    if url := _url(told):
        card["actions"] = [{"type": "Action.OpenUrl", "title": "Open the portal", "url": url}]
    attachment = {
        "contentType": "application/vnd.microsoft.card.adaptive",
        "contentUrl": None,
        "content": card,
    }
    return {"type": "message", "attachments": [attachment]}


def _run(text: str, **look: str) -> dict[str, Any]:
    return {"type": "RichTextBlock", "inlines": [{"type": "TextRun", "text": text, **look}]}


def slack_message(told: Told) -> dict[str, Any]:
    """A message for an incoming webhook of Slack; ``text`` is what notifications show."""
    blocks: list[dict[str, Any]] = []
    for item in told.items[:MOST_ITEMS]:
        blocks.append({"type": "header", "text": _plain(item.title, SLACK_HEADER)})
        if item.text:
            blocks.append({"type": "section", "text": _plain(item.text, SLACK_TEXT)})
    if url := _url(told):
        button = {"type": "button", "text": _plain("Open the portal", 75), "url": url, "action_id": "open"}
        blocks.append({"type": "actions", "elements": [button]})
    return {"text": _escaped(told.subject), "mrkdwn": False, "blocks": blocks}


def _plain(text: str, most: int) -> dict[str, Any]:
    cut = text if len(text) <= most else text[: most - 1] + "…"
    return {"type": "plain_text", "text": cut, "emoji": False}


def _escaped(text: str) -> str:
    """Slack reads these three also where it reads no markup: they begin mentions and links."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _url(told: Told) -> str:
    items: tuple[Item, ...] = told.items
    return items[0].url if items else ""
