"""Which function puts each action back, and which right that needs: the modules beside this one register."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from integrations.models import AuditEvent
from integrations.models.audit import Action
from integrations.services.audit import Batch, Change

CHANGED_SINCE = "changed again since"
GONE = "no longer there"
Outcome = tuple[list[Change], list[tuple[str, str]]]  # what was put back; who was left as it is, and why
PutBack = Callable[[Batch, Sequence[AuditEvent]], Outcome]


@dataclass(frozen=True)
class Undoing:
    """How an action is put back, and the right that this needs, without "integrations."."""

    put_back: PutBack
    right: str


REGISTER: dict[Action, Undoing] = {}


def puts_back(right: str, *actions: Action) -> Callable[[PutBack], PutBack]:
    """Register the function for these actions. It is given events of the same batch, the newest first.

    It runs inside a transaction that has locked the configurations of the events.
    """

    def register(put_back: PutBack) -> PutBack:
        REGISTER.update(dict.fromkeys(actions, Undoing(put_back, right)))
        return put_back

    return register


def actions_of(put_back: PutBack) -> list[Action]:
    """The actions that the function puts back."""
    return [action for action, undoing in REGISTER.items() if undoing.put_back is put_back]
