"""History as people look at it: what was done, newest first, and how much went with each press of a button.

Pages go by keyset: a page is named by the event above or below it, so that the thousandth page costs what
the first one does and nothing slips between two pages while others work.
"""

from __future__ import annotations

import datetime as dt
import uuid
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace

from django.db.models import Count, Exists, OuterRef, Q
from django.utils import timezone

from integrations.models import AuditEvent
from integrations.models.audit import Action, AuditQuerySet, action_of
from integrations.services.history.register import REGISTER
from integrations.services.history.undo import UNDOABLE
from integrations.services.history.undo_instances import is_description

PAGE_SIZE = 50
NAMES_OFFERED = 200

KINDS: dict[str, tuple[str, Q]] = {
    "mapping": ("Mappings", Q(target_type="mapping")),
    "decision": ("Ignored and rejected", Q(target_type="organization", instance__isnull=False)),
    "organization": ("Organizations", Q(target_type="organization", instance=None)),
    "instance": ("Configurations and filters", Q(target_type="instance")),
    "source": ("Sources of imports", Q(target_type="source")),
    "review": ("Mappings that need review", Q(target_type__in=["review", "review_case"])),
    "expectation": ("Expectations", Q(target_type="expectation")),
    "alert": ("Alerts", Q(target_type__in=["alert", "alert_channel"])),
    "person": ("Sign-in and keys", Q(target_type__in=["user", "portal"])),
    "program": ("Tokens and webhooks", Q(target_type__in=["token", "webhook"])),
}


@dataclass(frozen=True)
class HistoryQuery:
    """What is looked for; "" and None mean everything.

    ``since`` and ``until`` are days, both included. ``older`` and ``newer`` are the event that the page
    begins below or ends above.
    """

    actor: str = ""
    kind: str = ""
    text: str = ""
    instance: int | None = None
    organization: int | None = None
    batch: uuid.UUID | None = None
    since: dt.date | None = None
    until: dt.date | None = None
    older: int | None = None
    newer: int | None = None

    @property
    def is_narrowed(self) -> bool:
        """Whether it chooses some of the events and not all."""
        return replace(self, older=None, newer=None) != HistoryQuery()


@dataclass
class Entry:
    """One event, and for the list of batches what else the same press of a button did."""

    event: AuditEvent
    size: int = 1
    actions: dict[str, int] = field(default_factory=dict)
    undone_at: dt.datetime | None = None
    undone_by: str = ""
    may_be_undone: bool = False  # by who looks; the door says so

    @property
    def is_batch(self) -> bool:
        """Whether it stands for several changes."""
        return self.size > 1

    @property
    def is_undoable(self) -> bool:
        """Whether a change of this kind can be taken back at all."""
        action = self.event.known_action
        return action in REGISTER and (action is not Action.INSTANCE_CHANGED or is_description(self.event))

    @property
    def rights_to_undo(self) -> set[str]:
        """The rights that taking it back needs; empty when nothing of it can be taken back."""
        known = {action_of(text) for text in self.actions or (self.event.action,)}
        if known == {Action.INSTANCE_CHANGED} and not is_description(self.event):
            return set()
        return {undoing.right for action, undoing in REGISTER.items() if action in known}


@dataclass(frozen=True)
class HistoryPage:
    """Entries, newest first; ``older`` and ``newer`` name the neighbouring pages, None where none is."""

    entries: Sequence[Entry]
    older: int | None
    newer: int | None


def chosen_events(query: HistoryQuery) -> AuditQuerySet:
    """The events that the query chooses, on all pages, in no order."""
    equal = {"actor_name": query.actor or None, "instance": query.instance, "batch": query.batch}
    events = AuditEvent.objects.filter(**{name: value for name, value in equal.items() if value is not None})
    if query.kind:
        events = events.filter(KINDS[query.kind][1])
    if query.text:
        events = events.filter(Q(target_name__icontains=query.text) | Q(action__icontains=query.text))
    if query.organization is not None:
        events = events.filter(
            target_type__in=["mapping", "organization", "review"], target_id=str(query.organization)
        )
    if query.since is not None:
        events = events.filter(at__gte=start_of(query.since))
    if query.until is not None:
        events = events.filter(at__lt=start_of(query.until + dt.timedelta(days=1)))
    return events


def start_of(day: dt.date) -> dt.datetime:
    """Midnight at which the day begins, in the portal's time zone."""
    return timezone.make_aware(dt.datetime.combine(day, dt.time()))


def history_page(query: HistoryQuery, size: int = PAGE_SIZE) -> HistoryPage:
    """One entry a batch; one an event where a single organization or batch is asked for."""
    events = chosen_events(query)
    single = query.organization is not None or query.batch is not None
    if not single:
        # Of each batch the last event that was chosen stands for all of it.
        later = chosen_events(query).filter(batch=OuterRef("batch"), pk__gt=OuterRef("pk"))
        events = events.filter(~Exists(later))
    rows, older, newer = _keyset(events.select_related("instance"), query, size)
    entries = [Entry(event) for event in rows]
    if not single:
        _count(entries, chosen_events(query))
    _tell_undone(entries)
    return HistoryPage(entries, older, newer)


def _keyset(
    events: AuditQuerySet, query: HistoryQuery, size: int
) -> tuple[list[AuditEvent], int | None, int | None]:
    """The page's events, newest first, with the keys of the pages below and above it."""
    if query.newer is not None:
        events = events.filter(pk__gt=query.newer)
    elif query.older is not None:
        events = events.filter(pk__lt=query.older)
    rows = list(events.order_by("-pk" if query.newer is None else "pk")[: size + 1])
    more, rows = len(rows) > size, rows[:size]
    if not rows:
        return [], None, None
    if query.newer is not None:
        return rows[::-1], rows[0].pk, rows[-1].pk if more else None
    return rows, rows[-1].pk if more else None, rows[0].pk if query.older is not None else None


def _count(entries: Iterable[Entry], events: AuditQuerySet) -> None:
    """How many events of each action the batches hold."""
    by_batch = {entry.event.batch: Counter[str]() for entry in entries}
    counted = events.filter(batch__in=by_batch).order_by().values_list("batch", "action")
    for batch, action, number in counted.annotate(number=Count("pk")):
        by_batch[batch][action] += number
    for entry in entries:
        entry.actions = dict(by_batch[entry.event.batch].most_common())
        entry.size = sum(entry.actions.values())


def _tell_undone(entries: Iterable[Entry]) -> None:
    """Which of the batches were taken back, or tried to be, by whom and when."""
    by_target = {(each.event.batch, each.event.target_type, each.event.target_id): each for each in entries}
    undos = AuditEvent.objects.filter(
        undoes__in={batch for batch, *_ in by_target}, target_id__in={key for *_, key in by_target}
    )
    names = ("undoes", "target_type", "target_id", "at", "actor_name")
    for *target, at, name in undos.order_by("pk").values_list(*names):
        entry = by_target.get(tuple(target))
        if entry is not None:
            entry.undone_at, entry.undone_by = at, name


def actor_names() -> list[str]:
    """Who appears in the history, for the filter."""
    names = AuditEvent.objects.order_by("actor_name").values_list("actor_name", flat=True).distinct()
    return list(names[:NAMES_OFFERED])


@dataclass(frozen=True)
class BatchSummary:
    """What one press of a button did as a whole, what it took back, and what took it back."""

    key: uuid.UUID
    first: AuditEvent
    size: int
    actions: dict[str, int]
    undoable: int
    undoes: uuid.UUID | None
    undone_by: list[AuditEvent]
    is_undone: bool  # all that can be taken back of it


def batch_summary(key: uuid.UUID) -> BatchSummary | None:
    """The batch as a whole; None when there is no such batch."""
    events = AuditEvent.objects.filter(batch=key)
    first = events.select_related("instance").order_by("pk").first()
    if first is None:
        return None
    counted = events.order_by().values_list("action").annotate(number=Count("pk"))
    actions = dict(sorted(counted, key=lambda pair: -pair[1]))
    undos = AuditEvent.objects.filter(undoes=key).order_by("batch", "pk")
    its_undo = undos.filter(target_type=OuterRef("target_type"), target_id=OuterRef("target_id"))
    first_of_each = {undo.batch: undo for undo in undos.order_by("-pk")[:100]}
    return BatchSummary(
        key=key,
        first=first,
        size=sum(actions.values()),
        actions=actions,
        undoable=events.filter(UNDOABLE).count(),
        undoes=first.undoes,
        undone_by=list(first_of_each.values()),
        is_undone=not events.filter(UNDOABLE).exclude(Exists(its_undo)).exists(),
    )
