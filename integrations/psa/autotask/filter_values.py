"""The values of a filter as people type them, and back.

A date means a whole day in one time zone, the portal's: "is on or before 2026-01-31" includes that day, "is
after" begins with the next one. What is stored and sent is a moment, so the day is written as its first or
its last moment, whichever the operation needs.
"""

from __future__ import annotations

import datetime as dt
import math
import re
from collections.abc import Sequence
from decimal import Decimal

from integrations.psa.autotask.filter_operations import kind_of, label_for, operations_for
from integrations.psa.autotask.queries import MAX_OR_CONDITIONS
from integrations.psa.fields import CompanyField, FilterCondition, FilterValue, InvalidFilterValue, Operation

MAX_VALUES = MAX_OR_CONDITIONS
MAX_VALUE_LENGTH = 500

FROM_DAY, TO_DAY = frozenset({"gte", "lt"}), frozenset({"lte", "gt"})
"""Operations whose bound is the first moment of a day, and those whose bound is its last."""

# The last moment of a day that a SQL Server datetime can hold: it counts in steps of 3 1/3 ms, and would
# round 999 ms up into the next day.
LAST_MOMENT = dt.timedelta(milliseconds=3)

_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_QUOTED = re.compile(r'\s*(?:"((?:[^"]|"")*)"|["“”]([^"“”]*)["“”])\s*(?:[,;\n]|$)')
_PLAIN = re.compile(r"\s*([^,;\n]*)(?:[,;\n]|$)")

Scalar = str | int | float | bool


# --- reading --------------------------------------------------------------------------------------


def parse_value(field: CompanyField, operation: str, raw: str, zone: dt.tzinfo = dt.UTC) -> FilterValue:
    """The value of one filter row from what a person typed.

    Several values are separated by commas, semicolons or lines; one that holds such a sign stands in
    quotation marks. Raises ``InvalidFilterValue`` with a sentence for the form, also when ``operation`` does
    not suit.
    """
    text = raw.strip()
    known = _operation(field, operation)
    if known.takes == "many":
        return parse_values(field, operation, split_values(text), zone)
    return parse_values(field, operation, [text] if text else [], zone)


def parse_values(
    field: CompanyField, operation: str, parts: Sequence[str], zone: dt.tzinfo = dt.UTC
) -> FilterValue:
    """The value of one filter row from one text for each value. Raises ``InvalidFilterValue``."""
    known = _operation(field, operation)
    given = [part.strip() for part in parts if part.strip()]
    if known.takes == "none":
        if given:
            raise InvalidFilterValue(f"“{known.label}” takes no value. Leave it empty.")
        return None
    if known.takes == "one":
        return _one(field, operation, given[0] if given else "", zone)
    if not given:
        raise InvalidFilterValue("Enter at least one value; separate several by commas.")
    if len(given) > MAX_VALUES:
        raise InvalidFilterValue(f"Autotask takes at most {MAX_VALUES} values in one filter.")
    return tuple(dict.fromkeys(_one(field, operation, part, zone) for part in given))


def split_values(text: str) -> list[str]:
    """The parts of a list without their quotation marks. Raises ``InvalidFilterValue`` for an open one."""
    parts: list[str] = []
    position = 0
    while position < len(text):
        quoted = _QUOTED.match(text, position)
        found = quoted or _PLAIN.match(text, position)
        if found is None:  # cannot be: the plain form takes anything
            break
        part = found[1].strip() if quoted is None else (quoted[1] or quoted[2] or "").replace('""', '"')
        if quoted is None and part[:1] in {'"', "“"} and sum(part.count(sign) for sign in '"“”') % 2:
            raise InvalidFilterValue("A quotation mark is not closed. Put it before and after the value.")
        parts.append(part.strip())
        position = found.end()
    return [part for part in parts if part]


def _operation(field: CompanyField, operation: str) -> Operation:
    for known in operations_for(field):
        if known.key == operation:
            return known
    raise InvalidFilterValue(f"{label_for(field)} cannot be compared that way. Choose an operation.")


def _one(field: CompanyField, operation: str, text: str, zone: dt.tzinfo) -> Scalar:
    if not text:
        raise InvalidFilterValue("Enter a value.")
    if len(text) > MAX_VALUE_LENGTH:
        raise InvalidFilterValue(f"The value is longer than {MAX_VALUE_LENGTH} characters.")
    if not text.isprintable():
        raise InvalidFilterValue("The value holds a character that cannot be searched for.")
    match kind_of(field):
        case "choice":
            return _choice(field, text)
        case "boolean":
            return _truth(text)
        case "moment":
            return _moment(text, operation, zone)
        case "whole":
            return _whole(text, f"{label_for(field)}: the value must be an integer, such as 1.")
        case "number":
            return _number(text)
        case _:
            return text


def _choice(field: CompanyField, text: str) -> int | str:
    """A choice by its value, or by its label where just one has it (of several, the active one).

    The value comes first, for that is what is shown of a saved row; another spelling of a label comes last.
    """
    for option in field.options:
        if str(option.value) == text:
            return option.value
    named = [option for option in field.options if option.label.casefold() == text.casefold()]
    named = named or [option for option in field.options if same_label(option.label, text)]
    active = [option for option in named if option.is_active]
    if len(active or named) == 1:
        return (active or named)[0].value
    if named:
        numbers = ", ".join(str(option.value) for option in named)
        raise InvalidFilterValue(f"{text} is the name of several: {numbers}. Enter the number that is meant.")
    example = next((option for option in field.options if isinstance(option.value, int)), None)
    hint = f"such as {example.value} for {example.label}." if example else "such as 1."
    return _whole(text, f"{label_for(field)}: the value must be an integer, {hint}")


def same_label(left: str, right: str) -> bool:
    """Equal but for case and for the two spellings Cancelation and Cancellation."""
    return left.casefold().replace("ll", "l") == right.casefold().replace("ll", "l")


def _whole(text: str, problem: str) -> int:
    if not re.fullmatch(r"[+-]?[0-9]{1,18}", text):
        raise InvalidFilterValue(problem)
    return int(text)


def _number(text: str) -> float:
    problem = "Enter a number, such as 12.5."
    if not re.fullmatch(r"[+-]?[0-9]{1,18}(\.[0-9]{1,18})?", text):
        raise InvalidFilterValue(problem)
    value = float(text)
    if not math.isfinite(value):
        raise InvalidFilterValue(problem)
    return value


def _truth(text: str) -> bool:
    match text.casefold():
        case "yes" | "true" | "1":
            return True
        case "no" | "false" | "0":
            return False
        case _:
            raise InvalidFilterValue("Enter yes or no.")


def _moment(text: str, operation: str, zone: dt.tzinfo) -> str:
    try:
        if _DAY.fullmatch(text):
            first, last = _day(dt.date.fromisoformat(text), zone)
            return _wire(last if operation in TO_DAY else first)
        if _DAY.match(text):
            moment = dt.datetime.fromisoformat(text)
            return _wire(moment.replace(tzinfo=zone) if moment.tzinfo is None else moment)
    except (ValueError, OverflowError):
        pass
    raise InvalidFilterValue(
        f"Enter a date such as 2026-01-31, or a date and time in {zone_name(zone)} such as 2026-01-31 08:30."
    )


def _day(day: dt.date, zone: dt.tzinfo) -> tuple[dt.datetime, dt.datetime]:
    """The first and the last moment of a day; it may have 23 or 25 hours."""
    next_day = dt.datetime.combine(day + dt.timedelta(days=1), dt.time(), zone).astimezone(dt.UTC)
    return dt.datetime.combine(day, dt.time(), zone), next_day - LAST_MOMENT


def _wire(moment: dt.datetime) -> str:
    precision = "milliseconds" if moment.microsecond else "seconds"
    return moment.astimezone(dt.UTC).isoformat(timespec=precision).replace("+00:00", "Z")


def zone_name(zone: dt.tzinfo) -> str:
    """What people call a time zone: ``Europe/Berlin``, ``UTC``."""
    return str(zone)


# --- and back -------------------------------------------------------------------------------------


def texts_of(condition: FilterCondition, zone: dt.tzinfo = dt.UTC) -> tuple[str, ...]:
    """Each value of a row as a person would type it; what ``parse_values`` reads back."""
    value = condition.value
    if value is None:
        return ()
    values = value if isinstance(value, tuple) else (value,)
    return tuple(_typed(each, condition.operation, zone) for each in values)


def text_of(condition: FilterCondition, zone: dt.tzinfo = dt.UTC) -> str:
    """The value of a row as a person would type it; what ``parse_value`` reads back."""
    texts = texts_of(condition, zone)
    if not isinstance(condition.value, tuple):
        return "".join(texts)
    return ", ".join(_quoted(text) for text in texts)


def _quoted(text: str) -> str:
    if re.search(r'[,;\n"“”]', text):
        return '"' + text.replace('"', '""') + '"'
    return text


def _typed(value: Scalar, operation: str, zone: dt.tzinfo) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, str) and operation in FROM_DAY | TO_DAY:
        return day_or_moment(value, operation, zone)
    return f"{Decimal(str(value)):f}" if isinstance(value, float) else str(value)


def day_or_moment(text: str, operation: str, zone: dt.tzinfo) -> str:
    """A stored moment as the day that it stands for, or as date and time; other texts as they are."""
    if not _DAY.match(text):
        return text
    try:
        moment = dt.datetime.fromisoformat(text)
        local = (moment.replace(tzinfo=dt.UTC) if moment.tzinfo is None else moment).astimezone(zone)
        first, last = _day(local.date(), zone)
    except (ValueError, OverflowError):
        return text
    # Compared in UTC: a time of day that comes twice equals nothing in another time zone.
    if local.astimezone(dt.UTC) == (last if operation in TO_DAY else first).astimezone(dt.UTC):
        return local.date().isoformat()
    precision = "milliseconds" if local.microsecond else "seconds" if local.second else "minutes"
    if local.fold:  # the second time of an hour that comes twice
        return local.isoformat(" ", precision)
    return local.replace(tzinfo=None).isoformat(" ", precision)
