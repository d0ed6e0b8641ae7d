"""The sessions of browsers: whose, since when, from where. What one holds is sealed (portal/sessions.py)."""

from __future__ import annotations

import datetime as dt
from importlib import import_module
from typing import Any

from django.conf import settings
from django.contrib.sessions.base_session import AbstractBaseSession
from django.db import models
from django.utils import timezone

CLOCKS_MAY_DIFFER = dt.timedelta(minutes=5)  # of several web machines


class BrowserSessionQuerySet(models.QuerySet["BrowserSession"]):
    """Sessions."""

    def live(self) -> BrowserSessionQuerySet:
        """Those that go on now.

        One that was seen in the future is from before the clock was set back: none of its limits would hold.
        """
        now = timezone.now()
        return self.filter(
            expire_date__gt=now,
            seen_at__gt=now - settings.SESSION_IDLE,
            seen_at__lt=now + CLOCKS_MAY_DIFFER,
            started_at__lt=now + CLOCKS_MAY_DIFFER,
        )

    def of(self, person_id: int) -> BrowserSessionQuerySet:
        """Where somebody is signed in, and where their sign-in has begun."""
        return self.filter(models.Q(person_id=person_id) | models.Q(coming_id=person_id))


class BrowserSession(AbstractBaseSession):
    """One browser. ``session_key`` is a digest of the key in its cookie, which is stored nowhere.

    ``person`` is empty until somebody has signed in; ``started_at`` is then the moment of the sign-in. Whose
    sign-in has begun here and waits for a second factor is ``coming``: it ends with what it began with.
    """

    person = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        null=True,
        blank=True,
        on_delete=models.CASCADE,
        related_name="browser_sessions",
    )
    coming = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.CASCADE, related_name="+"
    )
    started_at = models.DateTimeField(default=timezone.now)
    seen_at = models.DateTimeField(default=timezone.now)
    address = models.CharField(max_length=100, blank=True)
    browser = models.CharField(max_length=200, blank=True)

    objects = BrowserSessionQuerySet.as_manager()  # type: ignore[misc, assignment]  # another in its parent

    class Meta:
        verbose_name = "session"
        ordering = ["-seen_at"]

    def __str__(self) -> str:
        return f"{self.browser or 'A browser'} at {self.address or 'an unknown address'}"

    @classmethod
    def get_session_store_class(cls) -> Any:
        """The store that can open it."""
        return import_module(settings.SESSION_ENGINE).SessionStore
