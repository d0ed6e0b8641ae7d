"""The audit: who changed what, when and from where. Rows are only ever added."""

from __future__ import annotations

import datetime as dt
import uuid

from django.db import models

from integrations.models.bases import AppendOnly, AppendOnlyQuerySet, somebody

DECIDED = ("mapping", "organization", "review", "review_case")  # what people decide row by row
MOST_STEPS = 50  # of one person within some minutes


class AuditQuerySet(AppendOnlyQuerySet["AuditEvent"]):
    def of(self, *actions: AuditEvent.Action) -> AuditQuerySet:
        """Those of these actions."""
        return self.filter(action__in=[action.text for action in actions])

    def last_step(self, person: int, since: dt.datetime, instance: int | None = None) -> AuditQuerySet:
        """The newest decision of this person about mappings that still stands, as the events of its batch.

        What was taken back is passed over, and so is the undo itself; what an undo of the undo brought back
        stands again. Only what came since then, and in this configuration if one is given.
        """
        where = {"instance__isnull": False} if instance is None else {"instance": instance}
        theirs = self.filter(actor=person, at__gte=since, target_type__in=DECIDED, **where)
        newest = theirs.values_list("batch", "undoes").annotate(newest=models.Max("pk")).order_by("-newest")
        undoes = {batch: undone for batch, undone, _ in newest[:MOST_STEPS]}
        if not undoes:  # as on most pages; to write the SQL of a query that finds nothing takes long, too
            return self.none()
        undone = set(self.filter(undoes__in=undoes).order_by().values_list("undoes", flat=True).distinct())
        for batch, undone_by_it in undoes.items():
            depth, above = 0, undone_by_it
            while above is not None:
                depth, above = depth + 1, undoes.get(above)
            if batch not in undone and depth % 2 == 0:
                return self.filter(batch=batch)
        return self.none()

    def is_undo(self, batch: uuid.UUID) -> bool:
        """Whether the batch took something back: an undo of an undo did not."""
        depth = -1
        above: uuid.UUID | None = batch
        while above is not None:
            depth, above = depth + 1, self.filter(batch=above).values_list("undoes", flat=True).first()
        return depth % 2 == 1


class AuditEvent(AppendOnly):
    """One change. ``batch`` joins what one press of a button did; ``before`` and ``after`` hold no secret.

    ``action`` is an Action's text; ``known_action`` is the Action.
    """

    class Action(models.TextChoices):
        """What was done: by this name in the code, by its text in the table, the API, feeds and files.

        A text is never changed, since history never is.
        """

        MAPPING_CREATED = "mapping.created", "mapping created"
        MAPPING_CHANGED = "mapping.changed", "mapping changed"
        MAPPING_MOVED = "mapping.moved", "mapping moved"
        MAPPING_REMOVED = "mapping.removed", "mapping removed"
        MAPPING_CONFIRMED = "mapping.confirmed", "mapping confirmed"
        MAPPING_IMPORTED = "mapping.imported", "mapping imported"
        MAPPING_CHANGE_UNDONE = "mapping.change_undone", "mapping change undone"
        MAPPING_TAKEN_ALONG = "mapping.removed_with_instance", "mapping removed with its instance"
        MAPPING_BROUGHT_BACK = "mapping.restored_with_instance", "mapping restored with its instance"
        MAPPING_HIDDEN = "mapping.removed_with_organization", "mapping removed with its organization"
        MAPPING_SHOWN = "mapping.restored_with_organization", "mapping restored with its organization"

        REVIEW_NEEDED = "review.needed", "review needed"
        REVIEW_SETTLED = "review.settled", "review settled"
        REVIEW_IGNORED = "review.ignored", "review put off"
        REVIEW_ASSIGNED = "review.assigned", "review assigned"
        REVIEW_CHANGE_UNDONE = "review.change_undone", "review change undone"

        MATCH_REJECTED = "match.rejected", "match rejected"
        MATCH_ALLOWED = "match.allowed", "match allowed again"
        ORGANIZATION_IGNORED = "organization.ignored", "organization ignored"
        ORGANIZATION_REOPENED = "organization.reopened", "organization no longer ignored"

        ORGANIZATION_ADDED = "organization.added", "organization added"
        ORGANIZATION_IMPORTED = "organization.imported", "organization imported"
        ORGANIZATION_UPDATED = "organization.updated_by_import", "organization updated by import"
        ORGANIZATION_CHANGED = "organization.changed", "organization changed"
        IDENTIFIERS_CHANGED = "organization.identifiers_changed", "organization identifiers changed"
        IDENTIFIERS_PUT_BACK = "organization.identifiers_put_back", "organization identifiers put back"
        ORGANIZATION_MERGED = "organization.merged", "organization merged"
        ORGANIZATION_DELETED = "organization.deleted", "organization deleted"
        ORGANIZATION_RESTORED = "organization.restored", "organization restored"
        ORGANIZATION_DELETED_BY_UNDO = "organization.deleted_by_undo", "organization deleted by undo"
        ORGANIZATION_RESTORED_BY_UNDO = "organization.restored_by_undo", "organization restored by undo"
        ORGANIZATION_CHANGE_UNDONE = "organization.change_undone", "organization change undone"

        INSTANCE_CONNECTED = "instance.connected", "instance connected"
        INSTANCE_IMPORTED = "instance.imported", "instance imported"
        INSTANCE_CHANGED = "instance.changed", "instance changed"
        INSTANCE_CHECKED = "instance.checked", "instance checked"
        INSTANCE_MOVED = "instance.moved", "instance moved"
        INSTANCE_DELETED = "instance.deleted", "instance deleted"
        INSTANCE_RESTORED = "instance.restored", "instance restored"
        INSTANCE_DELETED_BY_UNDO = "instance.deleted_by_undo", "instance deleted by undo"
        INSTANCE_RESTORED_BY_UNDO = "instance.restored_by_undo", "instance restored by undo"
        INSTANCE_CHANGE_UNDONE = "instance.change_undone", "instance change undone"

        FILTER_CHANGED = "filter.changed", "company filter changed"
        FILTER_PUT_BACK = "filter.put_back", "company filter put back"
        SCHEDULE_CHANGED = "schedule.changed", "schedule changed"
        SCHEDULE_PUT_BACK = "schedule.put_back", "schedule put back"
        CATCH_ALL_CHANGED = "catch_all.changed", "catch-all company changed"
        CATCH_ALL_PUT_BACK = "catch_all.put_back", "catch-all company put back"
        USER_FIELD_CHANGED = "user_field.changed", "user-defined field changed"
        USER_FIELD_PUT_BACK = "user_field.put_back", "user-defined field put back"
        EXPECTATIONS_CHANGED = "expectations.changed", "expectations changed"
        EXPECTATIONS_PUT_BACK = "expectations.put_back", "expectations put back"
        EXPECTATION_BROKEN = "expectation.broken", "expectation broken"
        EXPECTATION_RESTORED = "expectation.restored", "expectation holds again"
        HELD_TAKEN = "held_refresh.taken", "held refresh taken"
        HELD_LEFT = "held_refresh.left", "held refresh left"
        ABSENCE_ACCEPTED = "absence.accepted", "missing companies accepted as gone"

        TOKEN_CREATED = "token.created", "token created"
        TOKEN_REVOKED = "token.revoked", "token revoked"
        WEBHOOK_CREATED = "webhook.created", "webhook created"
        WEBHOOK_CHANGED = "webhook.changed", "webhook changed"
        WEBHOOK_KEY_RENEWED = "webhook.key_renewed", "webhook key renewed"
        WEBHOOK_OLD_KEY_DROPPED = "webhook.old_key_dropped", "webhook old key dropped"
        WEBHOOK_PAUSED = "webhook.paused", "webhook paused"
        WEBHOOK_RESUMED = "webhook.resumed", "webhook resumed"
        WEBHOOK_DELETED = "webhook.deleted", "webhook deleted"
        DELIVERY_SENT_AGAIN = "delivery.sent_again", "delivery sent again"

        ALERT_OPENED = "alert.opened", "alert opened"
        ALERT_CLOSED = "alert.closed", "alert over"
        ALERT_CHANNEL_ADDED = "alert_channel.added", "alert channel added"
        ALERT_CHANNEL_CHANGED = "alert_channel.changed", "alert channel changed"
        ALERT_CHANNEL_DELETED = "alert_channel.deleted", "alert channel deleted"

        SOURCE_ADDED = "source.added", "source added"
        SOURCE_CHANGED = "source.changed", "source changed"
        SOURCE_REFRESHED = "source.refreshed", "source refreshed"
        SOURCE_DELETED = "source.deleted", "source deleted"

        REPORTS_FORGOTTEN = "reports.forgotten", "import reports forgotten"
        KEYS_ROTATED = "keys.rotated", "encryption keys rotated"
        SIGN_INS_FORGOTTEN = "sign_in.log_shortened", "old sign-ins forgotten"
        SIGN_IN_UNLOCKED = "sign_in.unlocked", "sign-in unlocked"

        @property
        def text(self) -> str:
            """What the table, the API and feeds call it."""
            return str(self.label)

    at = models.DateTimeField(auto_now_add=True)
    actor = somebody(on_delete=models.DO_NOTHING, db_constraint=False)
    actor_name = models.CharField(max_length=200)
    origin = models.CharField(max_length=100, help_text="The address or the command that it came from.")
    batch = models.UUIDField(default=uuid.uuid4)
    action = models.CharField(max_length=60)
    target_type = models.CharField(max_length=40)
    target_id = models.CharField(max_length=40)
    target_name = models.CharField(max_length=300)
    instance = models.ForeignKey(
        "integrations.IntegrationInstance",
        null=True,
        blank=True,
        on_delete=models.DO_NOTHING,
        db_constraint=False,
        related_name="audit_events",
    )
    before = models.JSONField(null=True, blank=True)
    after = models.JSONField(null=True, blank=True)
    undoes = models.UUIDField(null=True, blank=True, help_text="The batch that this change takes back.")

    objects = AuditQuerySet.as_manager()

    class Meta:
        verbose_name = "change"
        ordering = ["-at", "-pk"]
        indexes = [
            models.Index(fields=["batch", "id"], name="audit_batch_in_order"),
            models.Index(fields=["actor_name", "-id"], name="audit_actor"),
            models.Index(fields=["undoes"], name="audit_undoes", condition=models.Q(undoes__isnull=False)),
            models.Index(fields=["target_type", "target_id"], name="audit_target"),
            models.Index(fields=["instance", "-at"], name="audit_instance"),
            models.Index(fields=["instance", "-id"], name="audit_instance_in_order"),
            models.Index(fields=["at"], name="audit_at"),
        ]

    def __str__(self) -> str:
        return f"{self.action} {self.target_name}"

    @property
    def known_action(self) -> Action | None:
        """The action that its text names; None for a text of another version of the portal."""
        return action_of(self.action)


Action = AuditEvent.Action
_BY_TEXT = {action.text: action for action in Action}


def action_of(text: str) -> Action | None:
    """The action of this text; None for one of another version of the portal."""
    return _BY_TEXT.get(text)
