"""The sessions of browsers: whose, since when, from where. What one holds is sealed (portal/sessions.py)."""

from __future__ import annotations

from importlib import import_module
from typing import Any

from django.conf import settings
from django.contrib.sessions.base_session import AbstractBaseSession
from django.db import models
from django.utils import timezone


class BrowserSession(AbstractBaseSession):
    """One browser. ``session_key`` is a digest of the key in its cookie, which is stored nowhere.

    ``person`` is empty until somebody has signed in; ``started_at`` is then the moment of the sign-in.
    """

    person = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        null=True,
        blank=True,
        on_delete=models.CASCADE,
        related_name="browser_sessions",
    )
    started_at = models.DateTimeField(default=timezone.now)
    seen_at = models.DateTimeField(default=timezone.now)
    address = models.CharField(max_length=100, blank=True)
    browser = models.CharField(max_length=200, blank=True)

    class Meta:
        verbose_name = "browser session"
        ordering = ["-seen_at"]

    def __str__(self) -> str:
        return f"{self.browser or 'A browser'} at {self.address or 'an unknown address'}"

    @classmethod
    def get_session_store_class(cls) -> Any:
        """The store that can open it."""
        return import_module(settings.SESSION_ENGINE).SessionStore
