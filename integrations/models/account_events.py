"""What happened to accounts: who came in or failed to, from where, with what; who may do what since when."""

from __future__ import annotations

import datetime as dt
from typing import ClassVar

from django.db import models
from django.utils import timezone

from integrations.models.bases import AppendOnly, AppendOnlyError, AppendOnlyQuerySet, somebody

KEPT_AT_LEAST = dt.timedelta(days=180)  # as the database's guard says, and as long as places are remembered


class AccountEventQuerySet(AppendOnlyQuerySet["AccountEvent"]):
    def of(self, person_id: int) -> AccountEventQuerySet:
        """What happened to one person's account."""
        return self.filter(person_id=person_id)

    def forget(self, before: dt.datetime, at_once: int) -> int:
        """Delete at most so many events that are older; returns how many. The one way out of the log.

        Raises AppendOnlyError where younger ones than KEPT_AT_LEAST are meant; the database refuses that too.
        """
        if before > timezone.now() - KEPT_AT_LEAST:
            raise AppendOnlyError
        keys = list(self.filter(at__lt=before).order_by("at").values_list("pk", flat=True)[:at_once])
        return models.QuerySet.delete(self.filter(pk__in=keys))[0] if keys else 0


class AccountEvent(AppendOnly):
    """One event of one account. Rows are only ever added, and deleted when they are old; the database refuses
    anything else.

    ``person`` is whose account it is, empty where somebody tried a name that nobody has: what was typed there
    may be a password and is not kept. ``by`` is who did it, empty for a command or somebody not signed in.
    ``address`` is the network address or the command; ``network`` what counts as one place.
    """

    class Kind(models.TextChoices):
        """What happened. A value is never changed, since the log never is."""

        SIGNED_IN = "sign_in.succeeded", "Signed in"
        NEW_PLACE = "sign_in.new_place", "Signed in from a new place"
        FAILED = "sign_in.failed", "Sign-in failed"
        LOCKED_OUT = "sign_in.locked_out", "Sign-in refused: too many attempts"
        REFUSED = "sign_in.refused", "Single sign-on refused"
        UNLOCKED = "sign_in.limit_lifted", "Sign-in unlocked"
        SIGNED_OUT = "sign_in.ended", "Signed out"
        PROVEN = "proof.given", "Proved once more who it is"
        NOT_PROVEN = "proof.failed", "Failed to prove once more who it is"
        FACTOR_ADDED = "factor.added", "Second factor added"
        FACTOR_REMOVED = "factor.removed", "Second factor removed"
        PASSWORD_CHANGED = "password.changed", "Password changed"  # none
        PASSWORD_REMOVED = "password.removed", "Password taken away"  # none
        PERSON_ADDED = "person.added", "Person added"
        PERSON_CHANGED = "person.changed", "Person changed"
        PERSON_DELETED = "person.deleted", "Person deleted"
        RIGHTS_CHANGED = "rights.changed", "Rights changed"
        TIE_ADDED = "tie.added", "Tied to single sign-on"
        TIE_REMOVED = "tie.removed", "Tie to single sign-on removed"
        TOKEN_MADE = "api_token.made", "API token made"  # none
        TOKEN_CHANGED = "api_token.changed", "API token changed"  # none
        TOKEN_REVOKED = "api_token.revoked", "API token revoked"  # none
        SESSIONS_ENDED = "sessions.ended", "Signed out elsewhere"
        LINK_MADE = "link.made", "One-time link made"

    # What somebody should look at who reads the log.
    ALARMING: ClassVar = (Kind.NEW_PLACE, Kind.FAILED, Kind.LOCKED_OUT, Kind.REFUSED, Kind.NOT_PROVEN)

    at = models.DateTimeField(default=timezone.now)
    kind = models.CharField(max_length=40)
    person = somebody(blank=False, on_delete=models.DO_NOTHING, db_constraint=False)
    person_name = models.CharField(max_length=200, blank=True)
    by = somebody(blank=False, on_delete=models.DO_NOTHING, db_constraint=False)
    by_name = models.CharField(max_length=200, blank=True)
    address = models.CharField(max_length=100, blank=True)
    network = models.CharField(max_length=50, blank=True)
    browser = models.CharField(max_length=200, blank=True)
    factor = models.CharField(max_length=100, blank=True, help_text="With what somebody came in or tried to.")
    detail = models.CharField(max_length=500, blank=True)

    objects = AccountEventQuerySet.as_manager()

    class Meta:
        verbose_name = "entry of the sign-in log"
        verbose_name_plural = "sign-in log"
        ordering = ["-pk"]
        indexes = [
            models.Index(fields=["person", "-id"], name="account_events_of_a_person"),
            models.Index(fields=["kind", "-id"], name="account_events_of_a_kind"),
            models.Index(fields=["at"], name="account_events_at"),
        ]

    def __str__(self) -> str:
        return f"{self.what}: {self.person_name or 'an unknown name'}"

    @property
    def what(self) -> str:
        """What happened, in words; its own value for a kind of another version of the portal."""
        return str(dict(self.Kind.choices).get(self.kind, self.kind))

    @property
    def is_alarming(self) -> bool:
        """Whether somebody should look at it."""
        return self.kind in self.ALARMING
