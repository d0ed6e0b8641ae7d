"""Who acts at this moment, and from where: a door says so, and whoever writes down what happened asks here.

Rights and second factors are changed by pages of ours, of the sign-in library, of the admin, and by commands.
What they all change is seen where rows are saved (watch.py), which knows nothing of requests.
"""

from __future__ import annotations

import contextlib
import getpass
import sys
from collections.abc import Callable, Iterator
from contextvars import ContextVar
from dataclasses import dataclass
from pathlib import Path

from django.contrib.auth.models import User

from integrations.services.audit import Actor


@dataclass(frozen=True)
class Presence:
    """Somebody at a browser. ``session`` is what the table calls their session; "" where there is none.

    ``look_again`` is called when they have changed their own access and stay where they are.
    """

    person: User | None
    address: str
    browser: str = ""
    session: str = ""
    look_again: Callable[[User], None] = lambda person: None

    @property
    def actor(self) -> Actor:
        """The same for the history."""
        return Actor.person(self.person, self.address) if self.person else Actor("Somebody", self.address)


_present: ContextVar[Callable[[], Presence] | None] = ContextVar("present", default=None)


@contextlib.contextmanager
def present(who: Callable[[], Presence]) -> Iterator[None]:
    """For the time of a request: who acts is asked only when something is written down."""
    token = _present.set(who)
    try:
        yield
    finally:
        _present.reset(token)


def presence() -> Presence:
    """Who acts now; outside of any request nobody at a browser, but a command of this machine's user."""
    who = _present.get()
    return who() if who else Presence(None, command())


def command() -> str:
    """What runs outside of any request, and as which user of the operating system."""
    try:
        user = getpass.getuser()
    except (KeyError, OSError):  # a container whose user has no name
        user = "an operator"
    name = sys.argv[1] if Path(sys.argv[0]).name in {"manage.py", "django-admin"} and sys.argv[1:] else ""
    return f"command {name or Path(sys.argv[0]).name or 'python'} by {user}"[:100]
