"""The portal's settings in a process of their own, for tests of what the environment says."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
OURS = ("TASKS", "REDIS", "LOG_", "METRICS", "BEHIND")


def environment(**values: str) -> dict[str, str]:
    """This process's environment without settings of the portal that a test may be about."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(OURS)}
    return {**kept, "DJANGO_SETTINGS_MODULE": "tests.support.settings", **values}


def read_settings(expression: str, **values: str) -> subprocess.CompletedProcess[str]:
    """Print an expression over the settings (``s``) as they are with these variables."""
    return run_python(f"from django.conf import settings as s; print({expression})", **values)


def run_python(program: str, **values: str) -> subprocess.CompletedProcess[str]:
    """Run a program in the project with these variables."""
    return subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, env=environment(**values),
        capture_output=True, text=True, check=False,
    )  # fmt: skip
