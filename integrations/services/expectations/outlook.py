"""How a configuration stands: each expectation with its state, since when, and a sentence. The one truth."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from dataclasses import dataclass, replace

from integrations.models import Expectation, ExpectationKind, HeldRefresh, IntegrationInstance
from integrations.models.expectations import sentence
from integrations.services.expectations.measures import Measured, measure
from integrations.services.expectations.terms import Terms, terms_in

State = Expectation.State


@dataclass(frozen=True)
class Outlook:
    """One expectation and how it stands. ``since`` is None where nobody has noted it yet."""

    kind: ExpectationKind
    terms: Terms
    state: Expectation.State
    text: str
    since: dt.datetime | None = None
    value: int | None = None
    total: int | None = None

    @property
    def is_broken(self) -> bool:
        """Whether what is expected is not so."""
        return self.state.is_broken

    @property
    def sentence(self) -> str:
        """What is expected, in words."""
        return sentence(self.kind, self.terms.limit, self.terms.days)


@dataclass(frozen=True)
class Standing:
    """How an instance stands, the rows in which that was noted last, and the result that waits, if any."""

    instance: IntegrationInstance
    rows: list[Expectation]
    held: HeldRefresh | None
    outlook: list[Outlook]


def standing(instances: Iterable[IntegrationInstance], now: dt.datetime) -> list[Standing]:
    """How these instances stand at this moment; what was noted of them is read at once."""
    several = list(instances)
    rows: dict[int, list[Expectation]] = {each.pk: [] for each in several}
    for row in Expectation.objects.filter(instance__in=several).order_by("pk"):
        rows[row.instance_id].append(row)
    held = {each.instance_id: each for each in HeldRefresh.objects.filter(instance__in=several)}
    return [_standing(each, rows[each.pk], held.get(each.pk), now) for each in several]


def standing_of(instance: IntegrationInstance, now: dt.datetime) -> Standing:
    """How the instance stands at this moment."""
    return standing([instance], now)[0]


def outlook_of(instance: IntegrationInstance, now: dt.datetime) -> list[Outlook]:
    """Each expectation of the instance and how it stands at this moment, in the order of the kinds."""
    return standing_of(instance, now).outlook


def _standing(
    instance: IntegrationInstance, rows: list[Expectation], held: HeldRefresh | None, now: dt.datetime
) -> Standing:
    noted = {row.known_kind: row for row in rows}
    outlook = []
    for kind, terms in terms_in(rows).items():
        measured, row = _seen(kind, instance, terms, held, now), noted.get(kind)
        since = row.since if row is not None and row.state == measured.state else None
        numbers = (measured.value, measured.total)
        outlook.append(Outlook(kind, terms, measured.state, measured.text, since, *numbers))
    return Standing(instance, rows, held, outlook)


def _seen(
    kind: ExpectationKind,
    instance: IntegrationInstance,
    terms: Terms,
    held: HeldRefresh | None,
    now: dt.datetime,
) -> Measured:
    """A result that waits because of it tells more than the numbers that it was kept out of."""
    measured = measure(kind, instance, terms, now)
    told = held.text_of(kind) if held is not None else ""
    if held is None:
        return measured
    waits = "The result waits for a person." if held.waits else "The result was left."
    if kind is ExpectationKind.REFRESHED and measured.value is not None:
        return replace(measured, text=f"{measured.text} There was a later one. {waits}")
    if not told:
        return measured
    return Measured(State.BRAKES, f"{told} {waits}", measured.value, measured.total)
