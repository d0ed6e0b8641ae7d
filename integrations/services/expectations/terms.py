"""What is expected of a configuration: read, changed, and put back."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.db import transaction

from integrations.database.transactions import transaction_required
from integrations.models import Expectation, ExpectationKind, HeldRefresh, IntegrationInstance
from integrations.models.audit import Action
from integrations.models.expectations import sentence
from integrations.services.audit import Batch, Change, instance_change
from integrations.services.conflicts import ChangedMeanwhile
from integrations.services.expectations.limits import still_breaks

Effect, Kind = Expectation.Effect, ExpectationKind
LONGEST_DAYS = 365
# From and to what the number of each kind goes; percents, rows, hours.
LIMITS = {
    Kind.MAPPED: (1, 100),
    Kind.UNMAPPED: (0, 100_000),
    Kind.FEWER: (0, 99),
    Kind.CREDENTIALS: (0, 0),
    Kind.REFRESHED: (1, 24 * 62),
    Kind.INBOX: (0, 100_000),
}


@dataclass(frozen=True)
class Terms:
    """What is expected of one kind: the number, and for UNMAPPED the days; and what is done when it fails."""

    effect: Expectation.Effect
    limit: int = 0
    days: int = 0

    @classmethod
    def read(cls, kind: ExpectationKind, told: Any) -> Terms:
        """From what a file or the history holds. Raises ValueError, with a sentence, for anything odd."""
        if not isinstance(told, Mapping) or told.get("effect") not in (Effect.WARN, Effect.BRAKE):
            raise ValueError(f"{kind.value} needs an effect, “warn” or “brake”")
        if told["effect"] == Effect.BRAKE and not kind.may_brake:
            raise ValueError(f"{kind.value} can warn, and not brake: no refresh breaks it")
        if missing := [name for name in _numbers(kind) if name not in told]:  # 0 is the strictest of all
            raise ValueError(f"{kind.value} needs its {' and '.join(missing)}")
        (low, high), limit, days = LIMITS[kind], told.get("limit", 0), told.get("days", 0)
        if type(limit) is not int or not low <= limit <= high:
            raise ValueError(f"the limit of {kind.value} must be a whole number from {low} to {high}")
        if type(days) is not int or not 0 <= days <= (LONGEST_DAYS if kind is Kind.UNMAPPED else 0):
            raise ValueError(f"the days of {kind.value} do not fit")
        return cls(Effect(told["effect"]), limit, days)


def _numbers(kind: ExpectationKind) -> tuple[str, ...]:
    """The numbers that belong to an expectation of the kind."""
    limit = ("limit",) if kind.has_limit else ()
    return (*limit, "days") if kind is Kind.UNMAPPED else limit


Expected = dict[ExpectationKind, Terms]  # of all kinds that are expected, in the order of the kinds
# The brake that every configuration has as long as nobody changes it.
ALWAYS: Expected = {Kind.FEWER: Terms(Effect.BRAKE, 30)}
# What the form proposes for a kind that is not expected.
USUAL: Expected = ALWAYS | {
    Kind.MAPPED: Terms(Effect.WARN, 95),
    Kind.UNMAPPED: Terms(Effect.WARN, 0, 7),
    Kind.CREDENTIALS: Terms(Effect.WARN),
    Kind.REFRESHED: Terms(Effect.WARN, 48),
    Kind.INBOX: Terms(Effect.WARN, 20),
}


def terms_of(instance: IntegrationInstance) -> Expected:
    """What is expected of the instance now."""
    return terms_in(instance.expectations.all())


def terms_in(rows: Any) -> Expected:
    """What the rows of one instance expect."""
    said: Expected = {row.known_kind: Terms(Effect(row.effect), row.limit, row.days) for row in rows}
    every = ALWAYS | said
    return {kind: every[kind] for kind in Kind if kind in every and every[kind].effect != Effect.OFF}


def as_told(expected: Mapping[ExpectationKind, Terms]) -> dict[str, dict[str, Any]]:
    """The expectations as history and files hold them."""
    told: dict[str, dict[str, Any]] = {}
    for kind in Kind:
        if (terms := expected.get(kind)) is not None:
            numbers = {name: getattr(terms, name) for name in _numbers(kind)}
            told[kind.value] = {"effect": terms.effect.value, **numbers}
    return told


def read_expected(told: Any) -> Expected:
    """The reverse of ``as_told``. Raises ValueError, with a sentence."""
    if not isinstance(told, Mapping):
        raise ValueError("must be an object by kind")  # noqa: TRY004  # as all else that is odd
    if unknown := set(told) - set(Kind.values):
        raise ValueError(f"there is no kind “{min(map(str, unknown))[:40]}”")
    return {kind: Terms.read(kind, told[kind.value]) for kind in Kind if kind.value in told}


def in_words(expected: Mapping[ExpectationKind, Terms]) -> str:
    """The expectations as people read them, each with what is done if it is not so."""
    told = [
        f"{sentence(kind, terms.limit, terms.days)} ({terms.effect.value})"
        for kind, terms in expected.items()
    ]
    return "; ".join(told) or "nothing"


def as_rows(expected: Mapping[ExpectationKind, Terms]) -> list[list[Any]]:
    """The expectations as files hold them: [kind, effect, limit, days], as far as the kind has them."""
    return [[kind, *values.values()] for kind, values in as_told(expected).items()]


def read_rows(rows: Any) -> Expected:
    """The reverse of ``as_rows``. Raises ValueError, with a sentence."""
    if not isinstance(rows, list) or not all(isinstance(row, list) and row for row in rows):
        raise ValueError("must be a JSON list of [kind, effect, limit, days]")  # as all else
    names = ("effect", "limit", "days")
    if long := next((row for row in rows if len(row) > 1 + len(names)), None):
        raise ValueError(f"“{str(long[0])[:40]}” has more than an effect, a limit and days")
    if len({str(row[0]) for row in rows}) < len(rows):
        raise ValueError("a kind stands twice")
    return read_expected({str(row[0]): dict(zip(names, row[1:], strict=False)) for row in rows})


def mark_of(expected: Mapping[ExpectationKind, Terms]) -> str:
    """A short text by which a form tells what its person saw."""
    return hashlib.sha256(json.dumps(as_told(expected)).encode()).hexdigest()[:16]


def save_expectations(
    batch: Batch,
    instance: IntegrationInstance,
    wanted: Mapping[ExpectationKind, Terms],
    *,
    seen: str | None = None,
) -> bool:
    """Expect this and nothing else of the instance; False when nothing differs. Audited.

    Raises ChangedMeanwhile where ``seen``, the mark of what its person saw, is no longer true.
    """
    with transaction.atomic():
        instance = IntegrationInstance.objects.locked().get(pk=instance.pk, deleted_at=None)
        present = terms_of(instance)
        if seen is not None and seen != mark_of(present):
            raise ChangedMeanwhile
        if as_told(present) == as_told(wanted):
            return False
        batch.record([_write(Action.EXPECTATIONS_CHANGED, instance, wanted)])
    return True


@transaction_required
def put_back_expectations(
    instance: IntegrationInstance, before: dict[str, Any], after: dict[str, Any]
) -> Change | None:
    """Put them back in a locked instance; what to record, or None if they are not ``after`` any more."""
    if _snapshot(instance) != after:
        return None
    return _write(Action.EXPECTATIONS_PUT_BACK, instance, read_expected(before["expectations"]))


def _write(action: Action, instance: IntegrationInstance, wanted: Mapping[ExpectationKind, Terms]) -> Change:
    before = _snapshot(instance)
    rows = {row.known_kind: row for row in instance.expectations.all()}
    for kind in Kind:
        terms, row = wanted.get(kind), rows.get(kind)
        if terms is None:
            if row is not None or kind in ALWAYS:  # its row says that it was given up, and what it was
                last = Terms(Effect.OFF, row.limit, row.days) if row else ALWAYS[kind]
                _set(instance, kind, Terms(Effect.OFF, last.limit, last.days))
        else:
            _set(instance, kind, terms)
    _judge_anew(instance, wanted)
    return instance_change(action, instance, before, _snapshot(instance))


def _judge_anew(instance: IntegrationInstance, wanted: Mapping[ExpectationKind, Terms]) -> None:
    """A held result waits only for what still brakes it; for nothing, no more: the next read tells."""
    held = HeldRefresh.objects.filter(instance=instance).first()
    if held is None:
        return
    braking = {kind.value: terms.limit for kind, terms in wanted.items() if terms.effect == Effect.BRAKE}
    kept = [
        each for each in held.reasons if each["kind"] in braking and still_breaks(each, braking[each["kind"]])
    ]
    if not kept:
        held.delete()
    elif kept != held.reasons:
        HeldRefresh.objects.filter(pk=held.pk).update(reasons=kept)


def _set(instance: IntegrationInstance, kind: ExpectationKind, terms: Terms) -> None:
    values = {"effect": terms.effect, "limit": terms.limit, "days": terms.days}
    Expectation.objects.update_or_create(instance=instance, kind=kind, defaults=values)


def _snapshot(instance: IntegrationInstance) -> dict[str, Any]:
    return {"expectations": as_told(terms_of(instance))}
