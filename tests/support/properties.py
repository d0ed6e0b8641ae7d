"""How many examples a property draws, under the profiles of tests/conftest.py."""

from __future__ import annotations

from hypothesis import HealthCheck, settings

USUAL = 100  # examples of a property that does not say how many, where no more are asked for


def examples(count: int, *unchecked: HealthCheck) -> settings:
    """Settings of a property that draws ``count`` examples, and more by as much as the loaded profile does.

    ``unchecked`` are health checks that do not hold for it.
    """
    profile = settings()
    return settings(
        max_examples=count * profile.max_examples // USUAL,
        suppress_health_check=[*profile.suppress_health_check, *unchecked],
    )
