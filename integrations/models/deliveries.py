"""Messages on their way out of the portal: what every kind of them has in common."""

from __future__ import annotations

import datetime as dt

from django.db import models


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
