"""Settings of the processes that work on one database together: the test suite's, with a short lease."""

import os

from tests.support.settings import *  # noqa: F403

JOB_LEASE_SECONDS = float(os.environ.get("TEST_LEASE_SECONDS", "2"))  # type: ignore[assignment]
