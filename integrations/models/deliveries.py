"""Messages on their way out of the portal: what every kind of them has in common."""

from __future__ import annotations

import datetime as dt
import uuid
from urllib.parse import urlsplit

from django.db import models

from integrations.crypto import SealedValueError
from integrations.fields import EncryptedJSONField


class Receiver(models.Model):
    """Who is sent to at an address that is a secret by itself.

    ``address`` holds it under "url": many receivers are opened by their path alone, so pages, history, admin
    and API tell the ``host`` only.
    """

    key = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    host = models.CharField(max_length=260, editable=False, help_text="What is shown of the address.")
    address = EncryptedJSONField(row_key="key")

    class Meta:
        abstract = True

    def move_to(self, url: str) -> None:
        """Send to this address from now on; unsaved."""
        self.host, self.address = urlsplit(url).netloc, {"url": url}

    def is_moved_by(self, url: str) -> bool:
        """Whether this is another address than the stored one, which may be one that no key opens any more.

        "" keeps what is stored.
        """
        if not url:
            return False
        try:
            return bool(self.address.reveal().get("url") != url)
        except SealedValueError:
            return True


class Delivery(models.Model):
    """One message to one receiver, and how sending it went (services/deliveries.py).

    Claimed by a conditional update: while ``claim`` is set and ``next_attempt_at`` lies ahead, a worker is at
    it; a worker that was killed lets the time pass, and another one takes it up.
    """

    MOST_ATTEMPTS = 10
    CLAIM_LASTS = dt.timedelta(seconds=60)  # longer than an attempt can take

    class Status(models.TextChoices):
        WAITING = "waiting", "Waiting"
        DELIVERED = "delivered", "Delivered"
        FAILED = "failed", "Given up"

    status = models.CharField(max_length=20, choices=Status.choices, default=Status.WAITING)
    attempts = models.PositiveSmallIntegerField(default=0)
    claim = models.UUIDField(null=True, blank=True, editable=False)
    next_attempt_at = models.DateTimeField()
    error = models.CharField(max_length=500, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)
    last_attempt_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        abstract = True
