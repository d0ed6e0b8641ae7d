"""Where sessions are kept: sealed rows, found by a digest of the key that only the browser's cookie holds.

Whoever reads the database can neither take a session over nor learn what it holds: how far a sign-in has
come, the secret of a second factor that is being set up, a form that waits for a password.
"""

from __future__ import annotations

import datetime as dt
import hashlib
from typing import Any

from allauth.account.utils import url_str_to_user_pk
from django.conf import settings
from django.contrib.auth import SESSION_KEY
from django.contrib.sessions.backends.db import SessionStore as DatabaseStore
from django.contrib.sessions.middleware import SessionMiddleware
from django.http import HttpRequest, HttpResponse
from django.utils import timezone

from integrations import crypto
from integrations.models import BrowserSession

SIGNED_IN_AT = "signed_in_at"  # seconds since 1970
WAITING_SIGN_IN = "account_login"  # where the library keeps a sign-in that waits for a second factor
SEEN_EVERY = dt.timedelta(minutes=1)  # how exactly "last seen" is kept


def name_of(session_key: str) -> str:
    """What the row of this session is called: 160 bits of a digest, which opens nothing."""
    return hashlib.sha256(session_key.encode()).hexdigest()[:40]


def _coming(data: dict[str, Any]) -> int | None:
    """Whose sign-in waits for a further proof in this session."""
    waiting = data.get(WAITING_SIGN_IN)
    person = waiting.get("user_pk") if isinstance(waiting, dict) else None
    return int(url_str_to_user_pk(person)) if person else None


class SessionStore(DatabaseStore):
    """Django's sessions in the database, sealed under the key ring and bound to their row.

    A session ends ``SESSION_IDLE`` after it was last seen, and ``SESSION_LENGTH`` after its sign-in whatever
    happens meanwhile.
    """

    def __init__(self, session_key: str | None = None) -> None:
        super().__init__(session_key)
        self.client = ("", "")  # address and browser; the middleware knows them
        self._found: BrowserSession | None = None

    @property
    def ends_in(self) -> tuple[int, int] | None:
        """The seconds until a signed-in session ends if nothing is done, and whatever is done.

        For the page, whose request is the last thing that was done; None where nobody is signed in.
        """
        found = self._found
        if found is None or found.person_id is None or self.session_key is None:
            return None
        now = timezone.now()
        seen = now if now - found.seen_at > SEEN_EVERY else found.seen_at
        at_the_latest = int((found.expire_date - now).total_seconds())
        return min(int((seen + settings.SESSION_IDLE - now).total_seconds()), at_the_latest), at_the_latest

    @classmethod
    def get_model_class(cls) -> type[BrowserSession]:
        """Our own rows."""
        return BrowserSession

    @property
    def seen_at(self) -> dt.datetime | None:
        """When the stored session was last seen; None for one that was not loaded."""
        return self._found.seen_at if self._found else None

    def load(self) -> dict[str, Any]:
        """What the session holds; nothing where it has ended."""
        self._found = BrowserSession.objects.live().filter(pk=name_of(self.session_key or "")).first()
        if self._found is None:
            self._session_key = None  # as Django's own store does
            return {}
        return self.decode(self._found.session_data)

    def exists(self, session_key: str) -> bool:
        """Whether there is a row for this key."""
        return BrowserSession.objects.filter(pk=name_of(session_key)).exists()

    def create_model_instance(self, data: dict[str, Any]) -> BrowserSession:
        """The row as it is to be stored."""
        now, key = timezone.now(), str(self.session_key)
        signed_in = data.get(SIGNED_IN_AT)
        started = self._found.started_at if self._found else now
        if signed_in is not None:
            started = dt.datetime.fromtimestamp(signed_in, dt.UTC)
        address, browser = (
            self.client if any(self.client) or not self._found else (self._found.address, self._found.browser)
        )
        return BrowserSession(
            session_key=name_of(key),
            session_data=self.encode(data),
            expire_date=min(self.get_expiry_date(), started + settings.SESSION_LENGTH),
            person_id=int(data[SESSION_KEY]) if SESSION_KEY in data else None,
            coming_id=_coming(data),
            started_at=started,
            seen_at=now,
            address=address[:100],
            browser=browser[:200],
        )

    def delete(self, session_key: str | None = None) -> None:
        """End the session."""
        key = session_key or self.session_key
        if key is not None:
            BrowserSession.objects.filter(pk=name_of(key)).delete()

    def encode(self, session_dict: dict[str, Any]) -> str:
        """Sealed for this session's row only."""
        return crypto.seal({"session": session_dict}, self._context())

    def decode(self, session_data: bytes | str) -> dict[str, Any]:
        """What was sealed; nothing where no key opens it, which ends the session."""
        try:
            opened = crypto.unseal(str(session_data), self._context())["session"]
        except crypto.SealedValueError:
            return {}
        return opened if isinstance(opened, dict) else {}

    def _context(self) -> str:
        return f"integrations.browsersession:{name_of(self.session_key or '')}:session_data"


class KnownBrowserMiddleware(SessionMiddleware):
    """Django's session middleware; a session also knows where it is used from, and when it was last."""

    def process_request(self, request: HttpRequest) -> None:
        """Give the request its session."""
        super().process_request(request)
        store = request.session
        assert isinstance(store, SessionStore)  # noqa: S101  # SESSION_ENGINE is ours
        store.client = (request.META.get("REMOTE_ADDR", ""), request.headers.get("User-Agent", ""))

    def process_response(self, request: HttpRequest, response: HttpResponse) -> HttpResponse:
        """Store what has changed, and once a minute that the session was seen."""
        answer = super().process_response(request, response)
        store = request.session
        assert isinstance(store, SessionStore)  # noqa: S101
        now = timezone.now()
        if store.session_key and store.seen_at and now - store.seen_at > SEEN_EVERY:
            row = BrowserSession.objects.filter(pk=name_of(store.session_key))
            address, browser = store.client
            row.update(seen_at=now, address=address[:100], browser=browser[:200])
        if ends_in := store.ends_in:
            answer.headers["Session-Ends-In"] = "{} {}".format(*ends_in)  # read by static/js/session.js
        return answer
