"""How many examples a property draws, and which: the profiles that hypothesis works under."""

from __future__ import annotations

import tempfile
from pathlib import Path

from hypothesis import HealthCheck, configuration, settings

# A file full of these is no text and is refused whole (tests/files/test_foreign.py).
CONTROL_SIGNS = "".join(map(chr, {*range(32)} - {*b"\t\n\r"}))
USUAL = 100  # examples of a property that does not say how many, where no more are asked for

# Not in the project's folder: pytest stops at a `.hypothesis` folder that it was not told to skip.
configuration.set_hypothesis_home_dir(Path(tempfile.gettempdir(), "portal-tests-hypothesis"))
# The same examples each time and everywhere; with `make explore` new ones, and ten times as many. No database
# of failures, which would draw something else here than elsewhere; no deadline, as the machine may be busy.
for profile, more in (("repeatable", 1), ("explore", 10)):
    settings.register_profile(
        profile,
        max_examples=USUAL * more,
        derandomize=profile == "repeatable",
        database=None,
        deadline=None,
        print_blob=True,
        suppress_health_check=[HealthCheck.too_slow],
    )
settings.load_profile("repeatable")


def examples(count: int, *unchecked: HealthCheck) -> settings:
    """Settings of a property that draws ``count`` examples, and more by as much as the loaded profile does.

    ``unchecked`` are health checks that do not hold for it.
    """
    profile = settings()
    return settings(
        max_examples=count * profile.max_examples // USUAL,
        suppress_health_check=[*profile.suppress_health_check, *unchecked],
    )
