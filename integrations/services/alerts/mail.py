"""Alerts by e-mail: plain text, sent by the mail server that EMAIL_URL names.

Names of customers stand in subjects: they are one line each before they get here, and Django refuses a header
with a line end. The Message-ID is the message's key, the same in every attempt.
"""

from __future__ import annotations

import smtplib
import ssl
from email.utils import parseaddr

from django.conf import settings
from django.core.mail import EmailMessage
from django.core.mail.message import sanitize_address
from django.urls import reverse
from django.utils.encoding import punycode
from django.views.decorators.debug import sensitive_variables

from integrations.files.text import clean_text
from integrations.models import AlertMessage
from integrations.services.alerts.telling import Told, absolute
from integrations.services.webhooks.send import SendingFailed

LONGEST_SUBJECT = 150  # characters
NO_ADDRESS = "The account's e-mail address is none that mail can be sent to."
_AUTOMATIC = {"Auto-Submitted": "auto-generated", "X-Auto-Response-Suppress": "All"}


@sensitive_variables()
def send_mail(address: str, message: AlertMessage, told: Told, answers: AlertMessage | None = None) -> None:
    """Hand the message to the mail server, which then owes it. Raises SendingFailed.

    ``answers`` is the message that this one says the end of; mail programs show them together.
    """
    headers = {"Message-ID": message_id(message), **_AUTOMATIC}
    if answers is not None:
        headers |= {"In-Reply-To": message_id(answers), "References": message_id(answers)}
    if not is_address(address):
        raise SendingFailed(NO_ADDRESS, for_all=False)
    mail = EmailMessage(
        subject=clean_text(f"[Portal] {told.subject}")[:LONGEST_SUBJECT],
        body=mail_text(told),
        from_email=settings.DEFAULT_FROM_EMAIL,
        to=[address],
        headers=headers,
    )
    reason, status, for_all = "", None, True
    try:
        mail.send()
    except smtplib.SMTPRecipientsRefused as error:
        status = min((code for code, _ in error.recipients.values()), default=0)
        reason, for_all = _refusal(status), False
    except smtplib.SMTPDataError as error:  # by then server and account are well: it is about this mail
        reason, status, for_all = f"The mail server answered {error.smtp_code}.", error.smtp_code, False
    except ssl.SSLCertVerificationError:
        reason = "The mail server's certificate is not valid. Nothing was sent."
    except smtplib.SMTPNotSupportedError:
        reason = "The mail server does not offer what EMAIL_URL asks for: TLS, or a user name."
    except ValueError:
        reason = "EMAIL_URL or EMAIL_FROM holds what mail servers do not take."
    except smtplib.SMTPAuthenticationError:
        reason = "The mail server does not accept the user name and password in EMAIL_URL."
    except smtplib.SMTPSenderRefused:
        reason = "The mail server does not accept the sender in EMAIL_FROM."
    except smtplib.SMTPResponseException as error:
        reason = f"The mail server answered {error.smtp_code}."
    except (smtplib.SMTPException, OSError) as error:
        reason = f"The mail server could not be reached ({type(error).__name__})."
    if reason:  # raised out here: the frames of the library hold the password
        raise SendingFailed(reason, status=status, for_all=for_all)


def _refusal(status: int) -> str:
    if status < 500:
        return f"The mail server does not take mail for this address now (it answered {status})."
    return "The mail server does not take this e-mail address."


def is_address(address: str) -> bool:
    """Whether it is one e-mail address, as the headers of a mail take it."""
    try:
        return "@" in sanitize_address(address, "utf-8")
    except Exception:  # the parser of the standard library raises many kinds for what is none
        return False


def message_id(message: AlertMessage) -> str:
    """The same for each attempt, whichever machine makes it."""
    domain = parseaddr(settings.DEFAULT_FROM_EMAIL)[1].rpartition("@")[2]
    return f"<{message.key}@{punycode(domain)}>"


def mail_text(told: Told) -> str:
    """The body."""
    parts = []
    for item in told.items:
        lines = [item.title] if told.is_digest or item.is_over else []
        parts.append("\n".join(filter(None, [*lines, item.text, item.url])))
    settings_url = absolute(reverse("integrations:alert_settings"))
    foot = "Which alerts you get: " + (settings_url or "in the portal, under Alerts.")
    return "\n\n".join([*parts, "-- ", foot]) + "\n"
