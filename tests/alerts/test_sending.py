"""The queue of messages when servers, rooms, rows and clocks misbehave."""

from __future__ import annotations

import contextlib
import datetime as dt
import socket
import ssl
import time
from collections.abc import Iterator
from pathlib import Path
from threading import Event, Thread
from typing import Any

import pytest
import time_machine
from django.contrib.auth.models import User
from django.core.mail.backends.base import BaseEmailBackend
from django.utils import timezone
from pytest_httpserver import HTTPServer

from integrations.models import (
    AlertChannel,
    AlertKind,
    AlertMessage,
    AlertReader,
    IntegrationInstance,
    Occurrence,
    Organization,
)
from integrations.outbound.errors import AddressRefused
from integrations.services.alerts import (
    ChannelSpec,
    How,
    Wishes,
    change_channel,
    mute,
    owe_test,
    save_wishes,
    watch,
    work,
)
from integrations.services.alerts.mail import send_mail
from integrations.services.alerts.telling import Told
from integrations.services.audit import Batch
from integrations.services.webhooks.send import SendingFailed
from tests.alerts.conftest import MailServer, tell
from tests.alerts.test_forms_of_messages import make_channel, refuse
from tests.outbound.certificates import make_certificate
from tests.read_api.conftest import OPERATOR
from tests.support.rows import make_company, make_mapping
from tests.webhooks.test_webhooks import receiver

__all__ = ["receiver"]  # fixture
pytestmark = pytest.mark.django_db
HOUR = dt.timedelta(hours=1)


def mend(instance: IntegrationInstance) -> None:
    values = {"status": IntegrationInstance.Status.CONNECTED}
    IntegrationInstance.objects.filter(pk=instance.pk).update(**values)


def test_what_failed_until_it_was_over_is_not_told_after_its_end(
    main: IntegrationInstance, owner: User, mail_server: MailServer, receiver: HTTPServer
) -> None:
    receiver.expect_ordered_request("/room").respond_with_data("no", 503)
    receiver.expect_ordered_request("/room").respond_with_data("ok")
    make_channel(receiver.url_for("/room"))
    with time_machine.travel(timezone.now(), tick=False) as clock:
        mail_server.fails = "451 later"
        refuse(main)
        tell()
        AlertMessage.objects.update(next_attempt_at=timezone.now() + 5 * HOUR)
        mail_server.fails = ""
        mend(main)
        clock.shift(HOUR)
        tell()
        clock.shift(6 * HOUR)
        tell()
    assert mail_server.subjects == ["[Portal] Over: Main: the credentials are refused"]
    assert ["Over: Main" in request.data.decode() for request, _ in receiver.log] == [False, True]
    assert AlertMessage.objects.filter(error="Not sent: it was over by then.").count() == 2


@pytest.mark.parametrize("how", [None, How.NEVER])
def test_what_failed_before_follows_the_wishes_too(
    main: IntegrationInstance, owner: User, mail_server: MailServer, how: How | None
) -> None:
    with time_machine.travel(timezone.now(), tick=False) as clock:
        mail_server.fails = "451 later"
        refuse(main)
        tell()
        key = AlertMessage.objects.get().key
        save_wishes(owner, Wishes({AlertKind.REFRESH_FAILED: How.DIGEST}))
        assert AlertMessage.objects.get().key == key  # nothing else was said of it: the same mail again
        if how is None:
            mute(owner, main, None, timezone.now() + 48 * HOUR)
        else:
            save_wishes(owner, Wishes({AlertKind.CREDENTIALS_REFUSED: how}))
        mail_server.fails = ""
        clock.shift(HOUR)
        tell()
        assert mail_server.mails == []
        clock.shift(48 * HOUR)
        tell()
        assert len(mail_server.mails) == (how is None)


@pytest.mark.parametrize("ends", [True, False])
def test_what_waited_for_the_end_of_a_mute_is_one_mail(
    main: IntegrationInstance, owner: User, mail_server: MailServer, ends: bool
) -> None:
    save_wishes(owner, Wishes({AlertKind.DRIFT_FOUND: How.AT_ONCE}))
    firm = Organization.objects.create(name="Firm")
    make_mapping(
        firm, make_company(main, 1, "Firm Ltd"), owner, confirmed_name="Before"
    )  # is to be looked at
    kind = Occurrence.Kind.DRIFT_FOUND
    with time_machine.travel(timezone.now(), tick=False) as clock:
        mute(owner, None, None, timezone.now() + 30 * 24 * HOUR)
        for day in range(3):
            Occurrence.objects.create(instance=main, kind=kind, cause=f"refresh:{day}", at=timezone.now())
            watch()
            clock.shift(24 * HOUR)
        assert work() == 0
        if ends:
            clock.shift(30 * 24 * HOUR)
        else:
            mute(owner, None, None, None)
        tell()
    assert mail_server.subjects == ["[Portal] 3 alerts from the portal"]


def paths(receiver: HTTPServer) -> list[str]:
    return [request.path for request, _ in receiver.log]


def change(channel: AlertChannel, **values: Any) -> None:
    """Change the room, which keeps all that is not named."""
    kept = {
        "name": channel.name,
        "service": AlertChannel.Service(channel.service),
        "url": "",
        "kinds": [AlertKind(kind) for kind in channel.kinds],
    }
    change_channel(Batch(OPERATOR), channel, ChannelSpec(**{**kept, **values}))
    channel.refresh_from_db()


def test_a_room_that_is_resumed_is_told_what_stands_and_nothing_that_is_over(
    main: IntegrationInstance, other: IntegrationInstance, receiver: HTTPServer
) -> None:
    receiver.expect_request("/room").respond_with_data("ok")
    channel = make_channel(receiver.url_for("/room"))
    refuse(main)
    refuse(other, "Other")
    watch()
    change(channel, is_active=False)
    mend(main)
    tell()
    assert paths(receiver) == []
    change(channel, is_active=True)
    tell()
    (body,) = [request.data.decode() for request, _ in receiver.log]
    assert "Other: the credentials are refused" in body


@pytest.mark.parametrize("narrowed", ["kinds", "configuration", "address"])
def test_a_room_that_was_changed_gets_what_it_is_told_now(
    main: IntegrationInstance, other: IntegrationInstance, receiver: HTTPServer, narrowed: str
) -> None:
    for path in ("/old", "/new"):
        receiver.expect_request(path).respond_with_data("ok")
    channel = make_channel(receiver.url_for("/old"))
    refuse(main)
    tell()
    refuse(other, "Other")
    mend(main)
    watch()  # that Main is over, and that Other begins
    moves: dict[str, Any] = {
        "kinds": {"kinds": [AlertKind.KEY_ENDING]},
        "configuration": {"instance": main},
        "address": {"url": receiver.url_for("/new")},
    }
    change(channel, **moves[narrowed])
    work()
    assert paths(receiver) == {
        "kinds": ["/old"],
        "configuration": ["/old", "/old"],
        "address": ["/old", "/new"],
    }[narrowed]  # fmt: skip
    assert ("Other" in receiver.log[-1][0].data.decode()) is (narrowed == "address")


def test_a_room_of_one_configuration_hears_what_belongs_to_none(
    main: IntegrationInstance, other: IntegrationInstance, receiver: HTTPServer
) -> None:
    receiver.expect_request("/room").respond_with_data("ok")
    make_channel(receiver.url_for("/room"), instance=main)
    IntegrationInstance.objects.update(last_refreshed_at=timezone.now())
    refuse(other, "Other")
    with time_machine.travel(timezone.now(), tick=False) as clock:
        Organization.objects.create(name="New Firm")
        clock.shift(HOUR)
        tell()
    (body,) = [request.data.decode() for request, _ in receiver.log]
    assert "New Firm is new and has no mapping" in body


class BrokenBackend(BaseEmailBackend):
    """Fails as no mail server makes it fail."""

    def send_messages(self, messages: Any) -> int:
        raise TypeError("pass-word")


def test_a_message_that_breaks_holds_up_no_other(
    main: IntegrationInstance, owner: User, mail_server: MailServer, receiver: HTTPServer,
    settings: Any, caplog: pytest.LogCaptureFixture,
) -> None:  # fmt: skip
    receiver.expect_request("/room").respond_with_data("ok")
    settings.EMAIL_BACKEND = f"{__name__}.BrokenBackend"
    refuse(main)
    watch()
    make_channel(receiver.url_for("/room"))
    empty = AlertMessage.objects.create(  # as where its alert was deleted
        channel=AlertChannel.objects.get(), next_attempt_at=timezone.now()
    )
    owe_test(AlertChannel.objects.get())
    assert work() == 3
    assert paths(receiver) == ["/room"]
    broken = AlertMessage.objects.get(user=owner)
    assert (broken.status, broken.claim) == ("waiting", None)
    assert "TypeError" in broken.error
    assert "pass-word" not in caplog.text + broken.error
    empty.refresh_from_db()
    assert empty.status == AlertMessage.Status.FAILED


def test_what_is_no_address_is_told_to_its_account_alone(owner: User) -> None:
    message = AlertMessage(user=owner, is_test=True)
    for address in ("<>", "a@[", '"', "\ud800@b.example", "a@b.example, c@d.example", "a\n@b.example", "a@"):
        with pytest.raises(SendingFailed, match="is none that mail can be sent to") as failure:
            send_mail(address, message, Told("x", ()))
        assert not failure.value.for_all


def test_a_mailbox_that_is_full_holds_up_nobody_else(
    main: IntegrationInstance, owner: User, member: User, mail_server: MailServer
) -> None:
    refuse(main)
    mail_server.fails = "552 5.2.2 mailbox full"
    tell()
    assert sorted(AlertMessage.objects.values_list("attempts", flat=True)) == [1, 1]


@pytest.mark.parametrize(
    ("answer", "attempts", "told"),
    [
        ("550 5.1.1 no such user", 8, "The mail server does not take this e-mail address."),
        ("450 4.2.0 greylisted", 9, "does not take mail for this address now (it answered 450)"),
    ],
)
def test_what_is_answered_for_good_is_given_up_within_hours(
    main: IntegrationInstance, owner: User, mail_server: MailServer, receiver: HTTPServer,
    answer: str, attempts: int, told: str,
) -> None:  # fmt: skip
    mail_server.refuses = answer
    receiver.expect_request("/room").respond_with_data("gone", 404)
    make_channel(receiver.url_for("/room"))
    with time_machine.travel(timezone.now(), tick=False) as clock:
        refuse(main)
        watch()
        for _ in range(9):
            work()
            clock.shift(7 * HOUR)
    mail = AlertMessage.objects.get(user=owner)
    assert mail.attempts == attempts
    assert told in mail.error
    assert len(receiver.log) == 8


@pytest.fixture
def tls_server(tmp_path: Path, settings: Any) -> Iterator[None]:
    """A mail server with a certificate that nobody trusts."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    certificate, key = tmp_path / "certificate.pem", tmp_path / "key.pem"
    make_certificate(certificate, key, "mail.example")
    context.load_cert_chain(certificate, key)
    with socket.create_server(("127.0.0.1", 0)) as server:
        settings.EMAIL_PORT, settings.EMAIL_USE_SSL = server.getsockname()[1], True

        def answer() -> None:
            with contextlib.suppress(OSError), server.accept()[0] as connection:
                context.wrap_socket(connection, server_side=True)

        thread = Thread(target=answer, daemon=True)
        thread.start()
        yield
    thread.join(5)


def test_a_wrong_certificate_is_told_as_one(
    main: IntegrationInstance, owner: User, member: User, mail_server: MailServer, tls_server: None
) -> None:
    refuse(main)
    tell()
    assert "certificate is not valid" in AlertReader.objects.get().last_error
    assert sorted(AlertMessage.objects.values_list("attempts", flat=True)) == [0, 1]


def test_a_server_that_takes_no_password_is_told_as_one(
    main: IntegrationInstance, owner: User, mail_server: MailServer, settings: Any
) -> None:
    settings.EMAIL_HOST_USER, settings.EMAIL_HOST_PASSWORD = "portal", "pass-word"
    refuse(main)
    tell()
    assert "does not offer what EMAIL_URL asks for" in AlertReader.objects.get().last_error


def test_a_message_id_is_ascii_whatever_the_sender_is(
    main: IntegrationInstance, owner: User, mail_server: MailServer, settings: Any
) -> None:
    settings.DEFAULT_FROM_EMAIL = "Büro <portal@bücher.example>"
    refuse(main)
    tell()
    key = AlertMessage.objects.get().key
    assert mail_server.mails[0]["Message-ID"] == f"<{key}@xn--bcher-kva.example>"


@pytest.mark.parametrize("speaks_tls", [False, True])
def test_a_server_that_drips_is_left_after_a_while(
    owner: User, mail_server: MailServer, settings: Any, speaks_tls: bool
) -> None:
    """Each line comes in time, and there is no last one."""
    settings.EMAIL_TIMEOUT, settings.EMAIL_USE_SSL = 0.15, speaks_tls
    left = Event()
    with socket.create_server(("127.0.0.1", 0)) as server:
        settings.EMAIL_PORT = server.getsockname()[1]

        def drip() -> None:
            piece = bytes([22, 3, 3, 0x40, 0]) if speaks_tls else b"220-wait\r\n"  # the head of a record
            with server.accept()[0] as connection, contextlib.suppress(OSError):
                while not left.wait(0.02):
                    connection.sendall(piece[:1] if speaks_tls else piece)
                    piece = (piece[1:] or b"\0") if speaks_tls else piece

        thread = Thread(target=drip, daemon=True)
        thread.start()
        owe_test(owner)
        began = time.monotonic()
        work()
        took = time.monotonic() - began
        left.set()
    thread.join(5)
    assert took < 4
    assert "could not be reached" in AlertReader.objects.get().last_error


def test_teams_that_answers_well_and_could_not_deliver_is_asked_again(
    main: IntegrationInstance, receiver: HTTPServer
) -> None:
    failed = "Webhook message delivery failed with error: Microsoft Teams endpoint returned HTTP error 413"
    receiver.expect_request("/room").respond_with_data(failed)
    make_channel(receiver.url_for("/room"), "teams")
    refuse(main)
    tell()
    message = AlertMessage.objects.get()
    assert (message.status, "could not deliver" in message.error) == ("waiting", True)


def test_the_test_button_owes_one_mail_however_often_it_is_pressed(
    owner: User, mail_server: MailServer
) -> None:
    mail_server.fails = "451 later"
    for _ in range(3):
        owe_test(owner)
        assert work() == 1  # each press tries it
    mail_server.fails = ""
    owe_test(owner)
    work()
    assert AlertMessage.objects.count() == len(mail_server.mails) == 1


def test_a_clock_that_was_ahead_parks_no_message(
    main: IntegrationInstance, owner: User, mail_server: MailServer
) -> None:
    refuse(main)
    watch()
    mail_server.fails = "451 later"
    with time_machine.travel(timezone.now() + 365 * 24 * HOUR, tick=False):
        work()
    mail_server.fails = ""
    assert work() == 1
    assert len(mail_server.mails) == 1
    AlertMessage.objects.update(status="waiting", attempts=0, next_attempt_at=timezone.now() + 89 * 24 * HOUR)
    assert work() == 0  # so far ahead lies the end of a mute


def test_a_host_that_no_column_holds_is_refused() -> None:
    for host in ("a." * 124 + "example", "hooks.example:" + "0" * 260 + "443"):
        with pytest.raises(AddressRefused, match="253 letters"):
            make_channel(f"https://{host}/room")
