"""Every way a call to Autotask fails, decided in one place: which failure, what to say, whether to retry.

Autotask answers almost every mistake with status 500 and ``{"errors": [...]}``, refused credentials with
an empty 401, and too many simultaneous calls with a text whose status is not certain. The text is
therefore read before the status.
"""

from __future__ import annotations

import random
from dataclasses import dataclass

from integrations.psa.autotask.settings import RetrySettings
from integrations.psa.base import (
    CredentialsRefused,
    DestinationRefused,
    FailureKind,
    InvalidRequest,
    PermissionRefused,
    PSAError,
    RateLimited,
    Unavailable,
    UnexpectedAnswer,
)

API_USER_PAGE = "Admin > Resources/Users (HR) > Resources/Users > the API user"
NEW_USER_NOTE = "A new API user may take up to five minutes to work."

BUSY_WAIT = 30.0
"""Seconds to name to the caller when the retries of a busy answer were in vain and no time was given."""

HOURLY_LIMIT_WAIT = 15 * 60.0
"""Seconds after which a used-up hour has usually given some room back (the window rolls)."""


class SignInRefused(CredentialsRefused):
    """A 401. Its body is empty: the secret, the tracking identifier, the user, or the zone may be wrong."""

    fields = ("username", "secret", "tracking_identifier")


class TrackingIdentifierRefused(CredentialsRefused):
    """The older answer that names the tracking identifier."""

    fields = ("tracking_identifier",)


class NotFound(UnexpectedAnswer):
    """There is no such path (404), or none with this verb (405)."""


class UnknownUser(CredentialsRefused):
    """Autotask knows no zone for the user name: it is misspelt, inactive, or not an API user."""

    fields = ("username",)


class CertificateRefused(DestinationRefused):
    """The other side could not prove that it is the host that was asked.

    ``may_be_opened``: as it is where a firewall of the office opens TLS and signs anew.
    """

    def __init__(self, user_text: str, technical: str, *, may_be_opened: bool = False) -> None:
        super().__init__(user_text, technical)
        self.may_be_opened = may_be_opened


class ProxyRefused(Unavailable):
    """The proxy of a setting could not be reached, or did not let the call through."""

    def __init__(self, user_text: str, technical: str, *, retryable: bool) -> None:
        super().__init__(user_text, technical)
        self.retryable = retryable


class PassingFault(Unavailable):
    """A 500 whose words are known to pass: the same call usually works a moment later."""


class HourUsedUp(RateLimited):
    """The hour's request budget is spent. Not retried within a call: seconds of waiting do not help."""


class PlatformMismatch(InvalidRequest):
    """The chosen platform is not the zone that Autotask names for the user name."""

    fields = ("zone",)


# What Autotask says, in lower case, and what it means whatever the status is.
_THREAD_WORDS = ("thread threshold", "itgenatr005")
_HOUR_WORDS = ("request threshold", "requests per hour", "threshold has been exceeded", "too many requests")
_UNKNOWN_USER_WORDS = ("zone information could not be determined",)
_PERMISSION_WORDS = ("adequate permissions", "does not have permission", "not authorized to")
_FIELD_WORDS = ("unable to find", "company entity")
_CREDENTIAL_WORDS = ("integrationcode is invalid", "integration code is invalid", "invalid integration code")

# Words of 500s that pass by themselves: of the database behind the service, and of the service at a loss. All
# words of a group have to occur.
_PASSING_WORDS = (
    ("deadlock",),
    ("timeout expired",),
    ("timeout period elapsed",),
    ("unexpected error", "contact", "support"),
)

# OpenSSL's X509_V_ERR_*: the issuer's certificate is not there (2, 20, 21), or one signed itself (18, 19).
_UNKNOWN_ISSUER = frozenset({2, 18, 19, 20, 21})
_OUT_OF_DATE = frozenset({9, 10})

_GATEWAY = frozenset({408, 502, 503, 504})


@dataclass(frozen=True, slots=True)
class FailedAnswer:
    """An answer that is no success, as far as the decision needs it. ``words`` are cleaned and redacted."""

    host: str
    status: int
    words: tuple[str, ...] = ()
    retry_after: float | None = None

    @property
    def technical(self) -> str:
        """One line for the log: host, status, the server's own words."""
        said = "; ".join(self.words)[:600]
        return f"{self.host} answered {self.status}" + (f": {said}" if said else "")


def failure_of(answer: FailedAnswer) -> PSAError:
    """The failure that ``answer`` stands for, with its text for the page and whether a retry may help."""
    return _by_words(answer) or _by_status(answer)


def _by_words(answer: FailedAnswer) -> PSAError | None:
    said = " ".join(answer.words).lower()
    if not said:
        return None
    if any(words in said for words in _THREAD_WORDS):
        return RateLimited(
            "Autotask is answering too many calls of this tracking identifier at the same time. "
            "Wait a moment and try again.",
            answer.technical,
            retry_after=answer.retry_after,
        )
    if any(words in said for words in _HOUR_WORDS):
        return HourUsedUp(
            "Autotask's limit for this hour is used up, by all integrations of this Autotask together. "
            "Try again in about 15 minutes.",
            answer.technical,
            retry_after=answer.retry_after or HOURLY_LIMIT_WAIT,
        )
    if any(words in said for words in _UNKNOWN_USER_WORDS):
        return unknown_user(answer.technical)
    if any(words in said for words in _CREDENTIAL_WORDS):
        return wrong_tracking_identifier(answer.technical)
    if answer.status in {200, 500} and any(all(word in said for word in group) for group in _PASSING_WORDS):
        return PassingFault(
            "Autotask ran into a fault of its own that usually passes. Try again in a few minutes.",
            answer.technical,
            retry_after=answer.retry_after,
        )
    if any(words in said for words in _PERMISSION_WORDS):
        return no_permission(answer.technical)
    if all(words in said for words in _FIELD_WORDS):
        return InvalidRequest(
            f"Autotask refused the request: {'; '.join(answer.words)[:300]} If the company filter names this "
            "field, take that row out or choose another field.",
            answer.technical,
        )
    return None


def _by_status(answer: FailedAnswer) -> PSAError:
    status = answer.status
    if status == 401:
        return credentials_refused(answer.technical)
    if status == 403:
        return no_permission(answer.technical)
    if status == 429:
        return RateLimited(
            "Autotask is too busy with calls: too many at the same time, or too many in this hour, by all "
            "integrations of this Autotask together. Try again in a few minutes.",
            answer.technical,
            retry_after=answer.retry_after,
        )
    if status in _GATEWAY or (status >= 500 and not answer.words):
        return unavailable(answer.technical)
    if answer.words and status not in {404, 405}:
        return InvalidRequest(
            f"Autotask refused the request: {'; '.join(answer.words)[:300]}",
            answer.technical,
        )
    if 300 <= status < 400:
        return UnexpectedAnswer(
            "Autotask's address sent the portal to another address. The portal follows no such redirection. "
            "Check the chosen Platform.",
            answer.technical,
        )
    kind = NotFound if status in {404, 405} else UnexpectedAnswer
    return kind(
        "Something answered at Autotask's address, but it does not know this interface. Check the chosen "
        "Platform, or try again later.",
        answer.technical,
    )


def credentials_refused(technical: str) -> SignInRefused:
    """A 401: the text says that nobody can tell which of the values is wrong."""
    return SignInRefused(
        "Autotask refused the credentials. It does not say which part is wrong: the password, the tracking "
        f"identifier, or an API user that is inactive or locked. {NEW_USER_NOTE}",
        technical,
    )


def wrong_tracking_identifier(technical: str) -> TrackingIdentifierRefused:
    """The older answer that names the tracking identifier."""
    return TrackingIdentifierRefused(
        "Autotask does not know this API Tracking Identifier. Compare it with the one on the API user's "
        "Security tab.",
        technical,
    )


def unknown_user(technical: str) -> UnknownUser:
    """Zone discovery knows no such user."""
    return UnknownUser(
        "Autotask does not know this API username. It is misspelt, or the user is inactive or not an API "
        "user.",
        technical,
    )


def no_permission(technical: str) -> PermissionRefused:
    """The credentials are right; the security level does not allow what was asked."""
    return PermissionRefused(
        "Autotask accepted the credentials, but this API user may not read companies. Give its security "
        "level access to companies in Autotask.",
        technical,
    )


def unavailable(technical: str) -> Unavailable:
    """No usable answer: dropped, refused, timed out, or a gateway error."""
    return Unavailable(
        "Autotask did not answer. It may be down for a moment, or the portal cannot reach it. "
        "Try again in a few minutes.",
        technical,
    )


def proxy_refused(host: str, status: int, technical: str) -> ProxyRefused:
    """The proxy answered ``status`` to the wish for a tunnel to ``host``."""
    if status == 407:
        text = (
            "The proxy asks for a user name and a password. They belong into HTTPS_PROXY, as in "
            "http://name:password@proxy.example:3128."
        )
    elif status in {401, 403}:
        text = (
            f"The proxy does not allow the portal to reach {host}. Whoever runs it can allow *.autotask.net."
        )
    else:
        text = f"The proxy could not reach {host} (it answered {status}). Try again in a few minutes."
    return ProxyRefused(text, technical, retryable=status >= 500)


def certificate_refused(host: str, verify_code: int, technical: str) -> CertificateRefused:
    """The certificate did not pass; ``verify_code`` is OpenSSL's number of the reason, 0 if not known."""
    why = "the certificate of the other side is not valid for it"
    if verify_code in _UNKNOWN_ISSUER:
        why = "the certificate of the other side was signed by an authority that the portal does not know"
    elif verify_code in _OUT_OF_DATE:
        why = "the certificate of the other side is out of date, or the clock of the portal is wrong"
    return CertificateRefused(
        f"The portal could not make sure that it is talking to {host}: {why}. Nothing was sent.",
        technical,
        may_be_opened=verify_code in _UNKNOWN_ISSUER,
    )


def out_of_time(technical: str) -> Unavailable:
    """The total deadline passed."""
    return Unavailable(
        "Autotask took too long to answer, so the portal stopped waiting. Try again in a few minutes.",
        technical,
    )


# --- retries --------------------------------------------------------------------------------------


def wait_before_retry(
    failure: PSAError, attempt: int, settings: RetrySettings, rng: random.Random
) -> float | None:
    """Seconds to wait before the next try, or None when the failure is final.

    ``attempt`` counts the tries made so far, from 1. Only busy servers and lost answers are tried again;
    a refused credential never is, because repeated failures lock the API user. Every call that this
    client makes only reads, so repeating one does no harm.
    """
    if not failure.retryable:
        return None
    if failure.kind is FailureKind.RATE:
        attempts, base = settings.rate_attempts, settings.rate_wait
    elif isinstance(failure, PassingFault):
        attempts, base = settings.passing_attempts, settings.passing_wait
    else:
        attempts, base = settings.unavailable_attempts, settings.unavailable_wait
    if attempt >= attempts or isinstance(failure, HourUsedUp):
        return None
    asked = failure.retry_after or 0.0
    if asked > settings.longest_wait:
        return None
    wait = min(base * 2.0 ** (attempt - 1), settings.longest_wait)
    return max(wait * rng.uniform(0.5, 1.0), asked)
