"""Alerts: what people are told of, who wants to hear what and how, and the messages that went out."""

from __future__ import annotations

import datetime as dt
import uuid
from typing import Any

from django.conf import settings
from django.db import models
from django.urls import reverse

from integrations.models.bases import somebody
from integrations.models.deliveries import Delivery, Receiver
from integrations.models.instances import IntegrationInstance
from integrations.models.organizations import Organization


class AlertKind(models.TextChoices):
    """What people can be told of."""

    CREDENTIALS_REFUSED = "credentials.refused", "Credentials are refused"
    REFRESH_FAILED = "refresh.failed", "A refresh failed twice in a row"
    EXPECTATION_BROKEN = "expectation.broken", "An expectation is broken, or a refresh waits for you"
    DRIFT_FOUND = "drift.found", "A refresh found mappings to look at"
    ORGANIZATION_UNMAPPED = "organization.unmapped", "New organizations have no mapping"
    IMPORT_FINISHED = "import.finished", "An import in the background is finished"
    KEY_ENDING = "key.ending", "An API token or a signing key is about to end"
    NEW_PLACE = "sign_in.new_place", "You signed in from a new place"

    @property
    def is_of_a_configuration(self) -> bool:
        """Whether each configuration has its own, so that it can be chosen for each."""
        return self in {
            self.CREDENTIALS_REFUSED,
            self.REFRESH_FAILED,
            self.EXPECTATION_BROKEN,
            self.DRIFT_FOUND,
        }

    @property
    def is_personal(self) -> bool:
        """Whether it is told to the person whom it is about and to nobody else, who cannot silence it."""
        return self == self.NEW_PLACE


class Alert(models.Model):
    """One cause that people are told of: when it began, and when it was over.

    ``cause`` names what it is about; it has at most one open alert, and ``turn`` counts how often it came
    back. What is a moment and no state (an import, a sign-in) is over as it is opened, and nobody is told
    that. Title and text are sentences for people, in plain text and without secrets; ``path`` is where in the
    portal to look. ``person`` is whom a personal one is about.
    """

    key = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    kind = models.CharField(max_length=40, choices=AlertKind.choices)
    cause = models.CharField(max_length=120)
    turn = models.PositiveIntegerField(default=1)
    instance = models.ForeignKey(
        IntegrationInstance, null=True, blank=True, on_delete=models.CASCADE, related_name="alerts"
    )
    person = somebody(on_delete=models.CASCADE)
    organizations = models.ManyToManyField(Organization, blank=True, related_name="alerts")
    title = models.CharField(max_length=300)
    text = models.TextField(blank=True)
    path = models.CharField(max_length=300, blank=True)
    opened_at = models.DateTimeField()
    closed_at = models.DateTimeField(null=True, blank=True)
    over_text = models.CharField(max_length=300, blank=True)

    class Meta:
        ordering = ["-pk"]
        constraints = [
            models.UniqueConstraint(fields=["cause", "turn"], name="alert_turn_is_unique"),
            models.UniqueConstraint(
                fields=["cause"], condition=models.Q(closed_at=None), name="one_open_alert_per_cause"
            ),
        ]
        indexes = [models.Index(fields=["id"], condition=models.Q(closed_at=None), name="alert_open")]

    def __str__(self) -> str:
        return self.title

    @property
    def known_kind(self) -> AlertKind:
        """Its kind."""
        return AlertKind(self.kind)

    @property
    def has_ended(self) -> bool:
        """Whether what it tells of stood for a while and is over; a moment is told however old it is."""
        return self.closed_at is not None and bool(self.over_text)


class AlertChannel(Receiver):
    """A room of a chat that is told: of which kinds, and of one configuration or all.

    Whoever knows its address can write there. ``rests_until`` spares one that does not answer.
    """

    class Service(models.TextChoices):
        TEAMS = "teams", "Microsoft Teams"
        SLACK = "slack", "Slack"

    name = models.CharField(max_length=100)
    service = models.CharField(max_length=20, choices=Service.choices)
    kinds = models.JSONField(default=list)
    instance = models.ForeignKey(
        IntegrationInstance, null=True, blank=True, on_delete=models.CASCADE, related_name="alert_channels"
    )
    is_active = models.BooleanField("active", default=True)
    rests_until = models.DateTimeField(null=True, blank=True, editable=False)
    failing_since = models.DateTimeField(null=True, blank=True, editable=False)
    last_error = models.CharField(max_length=500, blank=True, editable=False)
    created_at = models.DateTimeField(auto_now_add=True)
    created_by = somebody()

    class Meta:
        verbose_name = "room of a chat"
        verbose_name_plural = "rooms of chats"
        ordering = ["name", "pk"]
        constraints = [models.CheckConstraint(condition=~models.Q(name=""), name="alert_channel_has_a_name")]

    def __str__(self) -> str:
        return self.name

    def get_absolute_url(self) -> str:
        """Its page with what was sent."""
        return reverse("integrations:alert_channel", args=[self.pk])

    @property
    def kind_labels(self) -> list[str]:
        """Its kinds in the words of the page."""
        return [str(kind.label) for kind in AlertKind if kind.value in self.kinds]

    def snapshot(self) -> dict[str, Any]:
        """What the audit may know: of the address its host."""
        return {
            "name": self.name,
            "service": self.service,
            "address": self.host,
            "alerts": list(self.kinds),
            "configuration": self.instance.name if self.instance else "all",
            "is_active": self.is_active,
        }


class AlertReader(models.Model):
    """How a person is told: when their digest comes, in which time zone, and whether their mail arrives."""

    user = models.OneToOneField(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="alert_reader"
    )
    digest_hour = models.PositiveSmallIntegerField(default=8)
    time_zone = models.CharField(max_length=60, blank=True, help_text="Empty: the portal's own.")
    failing_since = models.DateTimeField(null=True, blank=True, editable=False)
    last_error = models.CharField(max_length=500, blank=True, editable=False)

    class Meta:
        verbose_name = "digest, and mail that does not arrive"
        verbose_name_plural = "digests, and mail that does not arrive"
        ordering = ["user"]
        constraints = [
            models.CheckConstraint(
                condition=models.Q(digest_hour__lt=24), name="digest_at_an_hour_of_the_day"
            )
        ]

    def __str__(self) -> str:
        return f"Alerts of {self.user}"


class AlertPreference(models.Model):
    """How a person wants to hear of a kind, in one configuration or in all that say nothing of their own.

    ``how`` is empty where only ``muted_until`` is said; ``kind`` is empty where all kinds are muted.
    """

    class How(models.TextChoices):
        AT_ONCE = "at_once", "At once"
        DIGEST = "digest", "In the digest"
        NEVER = "never", "Not by e-mail"

    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="alert_preferences"
    )
    instance = models.ForeignKey(
        IntegrationInstance, null=True, blank=True, on_delete=models.CASCADE, related_name="+"
    )
    kind = models.CharField(max_length=40, choices=AlertKind.choices, blank=True)
    how = models.CharField(max_length=20, choices=How.choices, blank=True)
    muted_until = models.DateTimeField(null=True, blank=True)

    class Meta:
        verbose_name = "what a person chose to hear"
        verbose_name_plural = "what people chose to hear"
        ordering = ["user", "pk"]
        constraints = [
            models.UniqueConstraint(fields=["user", "instance", "kind"], name="one_alert_preference"),
            models.UniqueConstraint(
                fields=["user", "kind"],
                condition=models.Q(instance=None),
                name="one_alert_preference_for_all",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.user}: {self.kind or 'everything'} of {self.instance or 'all configurations'}"

    def is_muted(self, now: dt.datetime) -> bool:
        """Whether nothing of it is to be sent at this moment."""
        return self.muted_until is not None and self.muted_until > now


class AlertMessage(Delivery):
    """One message to a person or a room: an alert, that it is over, or a digest of several.

    ``key`` stays the same in every attempt: it is the mail's Message-ID. A digest takes up more until it is
    first sent. ``is_test`` is what somebody asked for by the test button, without any alert.
    """

    MOST_ATTEMPTS = 30  # five days: mail servers are away for a weekend
    CLAIM_LASTS = dt.timedelta(seconds=90)  # above the deadline of a mail (portal/smtp.py)

    key = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        null=True,
        blank=True,
        on_delete=models.CASCADE,
        related_name="alert_messages",
    )
    channel = models.ForeignKey(
        AlertChannel, null=True, blank=True, on_delete=models.CASCADE, related_name="messages"
    )
    is_digest = models.BooleanField(default=False)
    is_test = models.BooleanField(default=False)

    class Meta:
        verbose_name = "message about an alert"
        verbose_name_plural = "messages about alerts"
        ordering = ["-pk"]
        constraints = [
            models.CheckConstraint(
                condition=models.Q(user=None) ^ models.Q(channel=None), name="alert_message_has_one_receiver"
            )
        ]
        indexes = [
            models.Index(fields=["status", "next_attempt_at"], name="alert_message_due"),
            models.Index(fields=["user", "-id"], name="alert_messages_of_a_person"),
            models.Index(fields=["channel", "-id"], name="alert_messages_of_a_channel"),
        ]

    def __str__(self) -> str:
        return f"Message {self.key}"


class AlertNotice(models.Model):
    """That a message tells of an alert: that it was opened, or (``is_over``) that it is over."""

    message = models.ForeignKey(AlertMessage, on_delete=models.CASCADE, related_name="notices")
    alert = models.ForeignKey(Alert, on_delete=models.CASCADE, related_name="notices")
    is_over = models.BooleanField(default=False)

    class Meta:
        ordering = ["pk"]
        constraints = [
            models.UniqueConstraint(fields=["message", "alert", "is_over"], name="alert_is_told_once")
        ]

    def __str__(self) -> str:
        return f"{'Over: ' if self.is_over else ''}{self.alert}"
