"""Noting how expectations stand: what became broken is told once, and once that it holds again.

The state is compared with what was noted last, not the act that caused it: whatever brought it about, and
whenever a worker is killed, the next look finds what was not noted yet. Not knowing ends nothing.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable

from django.db import transaction

from integrations.models import Expectation, IntegrationInstance, Occurrence
from integrations.models.audit import Action
from integrations.services.audit import Actor, Batch, Change, serialize_followed_events
from integrations.services.expectations.outlook import Outlook, standing, standing_of
from integrations.services.expectations.terms import Terms, as_told

PORTAL = Actor("The portal", "expectations")
TARGET_TYPE = "expectation"  # of their events, which webhooks tell
GIVEN_UP = "It is no longer expected."
State = Expectation.State
LONGEST = 500  # signs of a text


def note_expectations(now: dt.datetime, only: int | None = None) -> int:
    """Note how the configurations stand (or one, its id), and what began or ended; at how many of them.

    Repeatable at any moment and by several workers at once. Where nothing differs, nothing is locked.
    """
    instances = IntegrationInstance.objects.present().order_by("pk")
    found = standing(instances if only is None else instances.filter(pk=only), now)
    return sum(_note(each.instance.pk, now) for each in found if _differs(each.rows, each.outlook))


def _differs(rows: Iterable[Expectation], outlook: Iterable[Outlook]) -> bool:
    """Whether something is not noted as it stands, or noted of what nobody expects any more."""
    noted, now = {row.known_kind: row for row in rows}, {each.kind: each for each in outlook}
    return any(kind not in noted or _is_news(noted[kind], each) for kind, each in now.items()) or any(
        _has_something(row) for kind, row in noted.items() if kind not in now
    )


def _is_news(row: Expectation, now: Outlook) -> bool:
    """Another state; and another number of what is broken, since its alert tells how it is by now."""
    return row.state != now.state or (now.is_broken and row.text != now.text[:LONGEST])


def _has_something(row: Expectation) -> bool:
    return row.broken_since is not None or row.state != State.UNKNOWN


@transaction.atomic
def _note(pk: int, now: dt.datetime) -> bool:
    """Write how the instance stands; False where another worker was faster."""
    instance = IntegrationInstance.objects.present().locked().filter(pk=pk).first()
    if instance is None:
        return False
    found = standing_of(instance, now)
    if not _differs(found.rows, found.outlook):
        return False
    noted = {row.known_kind: row for row in found.rows}
    changes: list[Change] = []
    for each in found.outlook:
        row = noted.pop(each.kind, None) or _row(instance, each)
        changes += _write(row, each.state, each.text, now)
    for row in noted.values():
        if _has_something(row):
            changes += _write(row, State.UNKNOWN, GIVEN_UP, now, given_up=True)
    if changes:
        serialize_followed_events()
        Occurrence.objects.bulk_create(_occurrence(instance, change, now) for change in changes)
        Batch(PORTAL).record(changes)
    return True


def _row(instance: IntegrationInstance, each: Outlook) -> Expectation:
    """The row of an expectation that is there without anybody's having said so."""
    effect, limit, days = each.terms.effect, each.terms.limit, each.terms.days
    return Expectation.objects.create(
        instance=instance, kind=each.kind, effect=effect, limit=limit, days=days
    )


def _write(
    row: Expectation, state: Expectation.State, text: str, now: dt.datetime, *, given_up: bool = False
) -> list[Change]:
    """Note the state; what to tell of it, if anything began or ended."""
    began = state.is_broken and row.broken_since is None
    ended = row.broken_since is not None and (given_up or state == State.HOLDS)
    if row.state != state:
        row.state, row.since = state, now
    row.text = text[:LONGEST]
    if began or ended:
        row.broken_since = now if began else None
    row.save(update_fields=["state", "since", "text", "broken_since"])
    if not began and not ended:
        return []
    return [_change(Action.EXPECTATION_BROKEN if began else Action.EXPECTATION_RESTORED, row, text)]


def _change(action: Action, row: Expectation, text: str) -> Change:
    """The event of it, with numbers and names for programs."""
    kind, terms = row.known_kind, Terms(Expectation.Effect(row.effect), row.limit, row.days)
    told = {
        "expectation": kind.value,
        **as_told({kind: terms})[kind.value],
        "state": row.state,
        "since": row.since.isoformat() if row.since else None,
        "text": text[:LONGEST],
    }
    return Change(action, TARGET_TYPE, str(row.pk), row.sentence, None, told, row.instance)


def _occurrence(instance: IntegrationInstance, change: Change, now: dt.datetime) -> Occurrence:
    broken = change.action is Action.EXPECTATION_BROKEN
    kind = Occurrence.Kind.EXPECTATION_BROKEN if broken else Occurrence.Kind.EXPECTATION_RESTORED
    details = dict(change.after or {})
    text = f"{instance.name}: {change.target_name}. {details.pop('text')}"
    cause = f"expectation:{details['expectation']}"
    return Occurrence(at=now, instance=instance, kind=kind, cause=cause, text=text[:LONGEST], details=details)
