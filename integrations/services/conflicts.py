"""What every service says when a colleague was faster."""

from __future__ import annotations


class ChangedMeanwhile(Exception):
    """Somebody else has changed the row since it was shown; nothing was written."""
