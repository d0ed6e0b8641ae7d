"""Which function puts each action back, and which right that needs: the modules beside this one register."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple

from integrations.models import AuditEvent
from integrations.models.audit import Action
from integrations.services.audit import Batch

CHANGED_SINCE = "changed again since"
GONE = "no longer there"
# Puts back what events of one batch did, the newest first, and records that; tells of each why it was left
# as it is, "" when it was not. Runs in a transaction that has locked the events' configurations.
PutBack = Callable[[Batch, Sequence[AuditEvent]], Iterable[str]]


class Undoing(NamedTuple):
    """How an action is put back, and the right that this needs, without "integrations."."""

    put_back: PutBack
    right: str


REGISTER: dict[Action, Undoing] = {}


def puts_back(right: str, *actions: Action) -> Callable[[PutBack], PutBack]:
    """Register the function for these actions."""

    def register(put_back: PutBack) -> PutBack:
        REGISTER.update(dict.fromkeys(actions, Undoing(put_back, right)))
        return put_back

    return register
