"""What was done has a name in the code and a text that never changes, for rows old and new alike."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest
from django.contrib.auth.models import User

from integrations.models import AuditEvent, Occurrence, Organization, WebhookEvent
from integrations.models.alerts import AlertKind
from integrations.models.audit import Action, action_of
from integrations.services.audit import Batch, organization_change
from integrations.services.history.browse import Entry, HistoryQuery, chosen_events
from integrations.services.history.register import REGISTER
from integrations.services.history.undo import ORDER, NothingToUndo, rights_to_undo, undo_batch
from tests.support.simulated import actor_of
from tests.support.sources import tree_of

ROOT = Path(__file__).resolve().parents[2]
NOT_UNDONE = {
    "absence",  # the next read brings back who is there after all
    "token",
    "webhook",
    "delivery",
    "reports",
    "keys",
    "sign_in",
    "source",
    "alert",
    "alert_channel",
    "expectation",
    "held_refresh",
}
# Restoring a configuration has a page of its own; what Autotask answered cannot be unanswered.
GO_WITH_THEIR_ORGANIZATION = {Action.MAPPING_HIDDEN, Action.MAPPING_SHOWN}
TOLD_OF_REVIEWS = {Action.REVIEW_NEEDED, Action.REVIEW_SETTLED}
NOT_UNDONE_OF_INSTANCES = {
    Action.INSTANCE_CHECKED, Action.INSTANCE_MOVED, Action.INSTANCE_DELETED, Action.INSTANCE_RESTORED,
}  # fmt: skip


def old_row(owner: User, text: str, organization: Organization) -> AuditEvent:
    """A row as an earlier version of the portal wrote it."""
    return AuditEvent.objects.create(
        actor=owner,
        actor_name="olivia",
        origin="192.0.2.7",
        action=text,
        target_type="organization",
        target_id=str(organization.pk),
        target_name=organization.name,
        before={**organization.snapshot(), "city": "Leeds"},
        after=organization.snapshot(),
    )


def test_code_names_are_dotted_and_texts_are_those_of_the_feeds() -> None:
    for action in Action:
        noun, _, verb = action.value.partition(".")
        assert noun.isidentifier()
        assert verb.isidentifier()
        assert len(action.text) <= AuditEvent._meta.get_field("action").max_length  # type: ignore[operator]
        assert action_of(action.text) is action
    assert len({action.text for action in Action}) == len(Action)
    assert action_of("mapping.created") is None, "the name is not what is kept"


def test_no_action_is_named_by_a_literal() -> None:
    """They were 53."""
    # What webhooks, occurrences and alerts call what they tell of is theirs to name.
    others = {*WebhookEvent.values, *Occurrence.Kind.values, *AlertKind.values}
    named = {action.text for action in Action} | set(Action.values) - others
    found = [
        (path.name, node.lineno, node.value)
        for folder in (ROOT / "integrations", ROOT / "portal")
        for path in sorted(folder.rglob("*.py"))
        if "migrations" not in path.parts and path.name != "audit.py"
        for node in ast.walk(tree_of(path))
        if isinstance(node, ast.Constant) and node.value in named
    ]
    assert not found


def test_rows_old_and_new_are_the_same_to_everybody(owner: User) -> None:
    organization = Organization.objects.create(name="Acme", city="York")
    old = old_row(owner, "organization changed", organization)
    new = Batch(actor_of(owner))
    now = organization.snapshot()
    new.record([organization_change(Action.ORGANIZATION_CHANGED, organization, now, {**now, "city": "Hull"})])
    written = AuditEvent.objects.get(batch=new.key)
    assert written.action == old.action == "organization changed"
    assert written.known_action is old.known_action is Action.ORGANIZATION_CHANGED
    assert set(AuditEvent.objects.of(Action.ORGANIZATION_CHANGED)) == {old, written}
    assert set(chosen_events(HistoryQuery(text="organization changed"))) == {old, written}
    assert Entry(old).is_undoable
    assert rights_to_undo(AuditEvent.objects.filter(pk=old.pk)) == {"change_organization"}
    assert undo_batch(actor_of(owner), old.batch).restored == 1
    organization.refresh_from_db()
    assert organization.city == "Leeds"


def test_what_another_version_wrote_is_shown_and_left_alone(owner: User) -> None:
    organization = Organization.objects.create(name="Acme")
    event = old_row(owner, "organization painted", organization)
    assert event.known_action is None
    assert list(chosen_events(HistoryQuery(text="painted"))) == [event]
    assert not Entry(event).is_undoable
    assert not rights_to_undo(AuditEvent.objects.all())
    with pytest.raises(NothingToUndo):
        undo_batch(actor_of(owner), event.batch)


def test_everything_that_undo_knows_has_a_function_and_a_right() -> None:
    expected = {action for action in Action if action.value.partition(".")[0] not in NOT_UNDONE}
    assert set(REGISTER) == expected - NOT_UNDONE_OF_INSTANCES - GO_WITH_THEIR_ORGANIZATION - TOLD_OF_REVIEWS
    assert {undoing.put_back for undoing in REGISTER.values()} == set(ORDER)
    assert {undoing.right for undoing in REGISTER.values()} == {
        "map_organizations", "change_organization", "delete_organization",
        "change_integrationinstance", "delete_integrationinstance",
    }  # fmt: skip
