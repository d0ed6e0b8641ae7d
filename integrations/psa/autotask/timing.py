"""Time and chance, given from outside so that tests need not wait."""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Clock:
    """Where time and chance come from; tests give their own."""

    monotonic: Callable[[], float] = time.monotonic
    sleep: Callable[[float], None] = time.sleep
    rng: random.Random = field(default_factory=random.SystemRandom)


@dataclass(frozen=True, slots=True)
class Deadline:
    """A moment after which nothing more is waited for."""

    clock: Clock
    at: float

    @classmethod
    def after(cls, seconds: float, clock: Clock, within: Deadline | None = None) -> Deadline:
        """The moment ``seconds`` from now, or that of ``within`` when it comes first."""
        at = clock.monotonic() + seconds
        return cls(clock, at if within is None else min(at, within.at))

    @property
    def remaining(self) -> float:
        """Seconds left; zero or less when it has passed."""
        return self.at - self.clock.monotonic()
