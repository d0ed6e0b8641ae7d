"""What a refresh found, in words that say which read it was."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from portal.time_zone import in_text


class RefreshBraked(Exception):
    """What was read would break what is expected; the result waits for a person (services/expectations)."""

    def __init__(self, reasons: Sequence[str]) -> None:
        super().__init__(
            f"{' '.join(reasons)} Nothing was marked missing: the result waits until somebody has seen what "
            "would go, and takes it or leaves it. If it is not right, check what the API user may see."
        )


@dataclass(frozen=True)
class RefreshOutcome:
    """What a refresh found.

    ``full`` tells whether everything was read; otherwise only the changes ``since`` then were, and ``price``
    is about how many requests reading everything would take. ``offered`` is how many companies are there and
    inside the filter now. ``missing`` are those newly found to be gone, ``left_filter`` those that exist and
    are newly outside the filter, ``entered`` those known that are newly inside and ``back`` those that are
    there again; ``outside_filter`` the mapped ones among all that are outside it.
    ``unread`` are companies that are there and could not be read, ``not_taken`` tells that a person had taken
    a result that waits, and waits still, because of them. ``filtered`` tells that there is a company
    filter, ``psa`` is the name of the PSA. ``outdated`` tells that the company
    filter was changed meanwhile: then it has to be read once more. ``name_keys`` are the matcher's keys of
    all companies' names, for whoever compares them next.
    """

    full: bool
    read: int
    created: int
    changed: int
    missing: int
    left_filter: int
    outside_filter: int
    options: int
    offered: int
    price: int
    psa: str
    filtered: bool = False
    since: dt.datetime | None = None
    unread: int = 0
    not_taken: bool = False
    outdated: bool = False
    warnings: tuple[str, ...] = ()
    entered: int = 0
    back: int = 0
    name_keys: Mapping[str, str] = field(default_factory=dict, repr=False, compare=False)

    def sentence(self) -> str:
        """For the page, the command and the list of jobs."""
        found = self._found()
        if self.full and not self.read and not self.unread:
            text = self._none()
        elif self.full:
            text = f"{self._which()}: {found or 'nothing changed'}."
        elif found:
            text = f"Only changes since {_moment(self.since)} were read: {found}. {_count(self.offered)}."
        else:
            text = f"No changes since {_moment(self.since)}. {_count(self.offered)}."
        if self.outside_filter:
            text += f" Mapped outside the filter: {self.outside_filter:,}."
        if self.not_taken:
            text += " The result that was taken was not taken over, since this read lacks some companies."
        if not self.full:
            text += f" Companies deleted or merged in {self.psa} show only when everything is read."
        return text

    def _none(self) -> str:
        """That no company was there to read, and what to look at; what was there before is told too."""
        found = self._found()
        what = "No company matches the filter" if self.filtered else f"{self.psa} gave no company"
        look = "Change the filter" if self.filtered else "Look at what the API user may see"
        return f"{what}{f': {found}' if found else ''}. {look}, or no organization can be mapped."

    def _which(self) -> str:
        """That everything was read, and what everything is."""
        of_the_filter = " of the filter" if self.filtered else ""
        if self.unread:
            return f"{self.read:,} of {_count(self.read + self.unread)}{of_the_filter} were read"
        if self.read == 1:
            return f"The only company{of_the_filter} was read"
        return f"{'All ' if self.read else ''}{_count(self.read)}{of_the_filter} were read"

    def _found(self) -> str:
        """What differs from what was known; empty when nothing does."""
        parts = (
            (self.created, "new"),
            (self.changed, "changed"),
            (self.missing, "no longer there"),
            (self.back, "there again"),
            (self.entered, "now inside the filter"),
            (self.left_filter, "now outside the filter"),
        )
        return ", ".join(f"{number:,} {words}" for number, words in parts if number)


def _count(number: int) -> str:
    """So many companies."""
    return "1 company" if number == 1 else f"{number:,} companies"


def _moment(moment: dt.datetime | None) -> str:
    return "the last read" if moment is None else in_text(moment)
