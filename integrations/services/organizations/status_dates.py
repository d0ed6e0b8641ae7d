"""Dates in a status column, as programs and people write them in five languages."""

from __future__ import annotations

import datetime as dt
import re
from functools import lru_cache

# Programs write their first day for "none": 0000-00-00, 0001-01-01, 1899-12-30, 1900-01-00, 1970-01-01.
LAST_NO_YEAR = 1970
_BY_YEAR = re.compile(r"(\d{4})(?:[-/.](\d{1,2})[-/.](\d{1,2})|(\d{2})(\d{2}))(?!\d)")
_BY_DAY = re.compile(r"(\d{1,2})[-/.](\d{1,2})[-/.](\d{4}|\d{2})(?!\d)")
_WEEKDAY = r"(?:[^\W\d]+\.?,?\s+)?"
_DAY_FIRST = re.compile(
    _WEEKDAY
    + r"(\d{1,2})(?:st|nd|rd|th|er|e)?[\s.-]+(?:de\s+)?([^\W\d_]+)\.?[\s,.-]+(?:de\s+)?(\d{4}|\d{2})(?!\d)"
)
_MONTH_FIRST = re.compile(_WEEKDAY + r"([^\W\d_]+)\.?\s+(\d{1,2})(?:st|nd|rd|th)?,?\s+(\d{4})(?!\d)")
# How the names of months begin, without accents.
_MONTHS = (
    ("jan", "ene"), ("feb", "fev"), ("mar", "mrz", "mae", "maa", "mrt"), ("apr", "avr", "abr"),
    ("may", "mai", "mei"), ("jun", "juin"), ("jul", "juil"), ("aug", "aou", "ago"), ("sep", "set"),
    ("oct", "okt"), ("nov",), ("dec", "dez", "dic"),
)  # fmt: skip


@lru_cache(10_000)
def read_dates(text: str) -> tuple[dt.date | None, ...]:
    """The days that the text can mean, folded text without accents; () where it is no date.

    None stands for "no day", as programs write it. Two where day and month may be either way round.
    """
    if found := _BY_YEAR.match(text):
        year, *rest = (int(part) for part in found.groups() if part)
        return _days(year, [(rest[0], rest[1])])
    if found := _BY_DAY.match(text):
        first, second = int(found[1]), int(found[2])
        return _days(_year(found[3]), [(second, first), (first, second)])
    if found := _DAY_FIRST.match(text):
        return _days(_year(found[3]), [(_month(found[2]), int(found[1]))])
    if found := _MONTH_FIRST.match(text):
        return _days(_year(found[3]), [(_month(found[1]), int(found[2]))])
    return ()


def _days(year: int, ways: list[tuple[int, int]]) -> tuple[dt.date | None, ...]:
    if year <= LAST_NO_YEAR:
        return (None,)
    days: list[dt.date | None] = []
    for month, day in ways:
        try:
            read = dt.date(year, month, day)
        except ValueError:
            continue
        if read not in days:
            days.append(read)
    return tuple(days)


def _year(digits: str) -> int:
    year = int(digits)
    return year if len(digits) == 4 else year + (1900 if year >= 70 else 2000)


def _month(name: str) -> int:
    """The month whose name begins so; 0 for none."""
    for number, beginnings in enumerate(_MONTHS, start=1):
        if name.startswith(beginnings):
            return number
    return 0
