"""Whether a program's answer is only one page of many: it names the next, or counts more than it holds."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

_WORD = re.compile(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])")
# With "next" in front: where the next page is, "nextPageUrl", "@odata.nextLink", "links.next".
_WHERE = frozenset(
    {"odata", "page", "url", "uri", "link", "href", "token", "cursor", "offset", "marker", "start"}
)
_COUNTED = frozenset({"count", "results", "records", "items", "elements", "rows", "size", "odata"})
_MORE = (frozenset({"has", "more"}), frozenset({"has", "next"}), frozenset({"has", "next", "page"}))
_NAME_SHOWN = 100


@dataclass
class Pages:
    """What is said beside the rows of further ones."""

    next: str = ""  # the path that names a next page
    totals: dict[str, int] = field(default_factory=dict)  # by path

    def note(self, path: tuple[str, ...], value: object) -> None:
        """Look at a member that lies in no list; ``path`` are its names."""
        words = frozenset(word.lower() for word in _WORD.findall(path[-1][:_NAME_SHOWN]))
        shown = ".".join(path)[:_NAME_SHOWN]
        if isinstance(value, dict):
            value = any(isinstance(part, str) and part for part in value.values())  # {"next": {"href": "…"}}
            is_next = words == {"next"} and value
        elif isinstance(value, bool):
            is_next = (value and words in _MORE) or (not value and words in ({"last"}, {"is", "last"}))
        else:
            is_next = bool(value) and "next" in words and words <= _WHERE | {"next"}
            if isinstance(value, int) and ("total" in words or words == {"odata", "count"}):
                if words <= _COUNTED | {"total"}:
                    self.totals[shown] = value
                elif words == {"total", "pages"} and value > 1:
                    is_next = True
        if is_next:
            self.next = self.next or shown

    def notes(self, held: int) -> list[str]:
        """What to tell of a file that holds so many rows."""
        more = next((path for path, total in self.totals.items() if total > held), "")
        if not more and not self.next:
            return []
        what = f"{held:,} of {self.totals[more]:,} rows" if more else "some of the rows"
        return [f"These are only {what} (“{more or self.next}”): fetch all pages, or import each of them."]
