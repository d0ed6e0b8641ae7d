"""A mail server on this machine, and people who are told."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from email import message_from_bytes, policy
from email.message import Message
from typing import Any

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, Envelope, Session

from integrations.services.alerts import watch, work
from tests.support.portal import free_port


class MailServer:
    """What it took, and how it answers: ``refuses`` is said to recipients, ``fails`` to whole messages."""

    def __init__(self) -> None:
        self.mails: list[Message] = []
        self.refuses = self.fails = ""
        self.after_taking: Callable[[], None] = lambda: None

    async def handle_RCPT(  # noqa: N802  # the library's name
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        """Take the recipient, or not."""
        if self.refuses:
            return self.refuses
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(  # noqa: N802  # the library's name
        self, server: SMTP, session: Session, envelope: Envelope
    ) -> str:
        """Take the message, or not."""
        if self.fails:
            return self.fails
        assert isinstance(envelope.content, bytes)
        self.mails.append(message_from_bytes(envelope.content, policy=policy.default))
        return "250 Taken"

    @property
    def subjects(self) -> list[str]:
        """Of the mails, in the order of their arrival."""
        return [str(mail["Subject"]).strip() for mail in self.mails]


@pytest.fixture(scope="session")
def running_mail_server() -> Iterator[tuple[MailServer, int]]:
    """One for all tests of the process."""
    handler, port = MailServer(), free_port()
    controller = Controller(handler, hostname="127.0.0.1", port=port)
    controller.start()
    try:
        yield handler, port
    finally:
        controller.stop()


@pytest.fixture
def mail_server(running_mail_server: tuple[MailServer, int], settings: Any) -> MailServer:
    """The mail server that the portal sends by."""
    handler, port = running_mail_server
    handler.__init__()  # type: ignore[misc]  # as new
    settings.EMAIL_BACKEND = "portal.smtp.EmailBackend"
    settings.EMAIL_HOST, settings.EMAIL_PORT, settings.EMAIL_TIMEOUT = "127.0.0.1", port, 5
    settings.DEFAULT_FROM_EMAIL = "Portal <portal@msp.example>"
    settings.MAIL_IS_SET_UP = True
    settings.PORTAL_URL = "https://portal.example"
    return handler


def tell() -> int:
    """What a worker does: look, and send what is due."""
    watch()
    return work()


def text_of(mail: Message) -> str:
    """The body."""
    return mail.get_payload(decode=True).decode()  # type: ignore[union-attr]


def to(mail: Message) -> str:
    """Whom it went to."""
    return str(mail["To"]).split("@", maxsplit=1)[0]


@pytest.fixture
def told(mail_server: MailServer) -> Callable[[], list[tuple[str, str]]]:
    """Look, send, and tell what arrived since the last time: to whom, and the subject."""

    def since() -> list[tuple[str, str]]:
        mail_server.mails.clear()
        tell()
        return sorted((to(mail), str(mail["Subject"]).strip()) for mail in mail_server.mails)

    return since
