"""Readers of Autotask's answers: bytes to checked values, or ``UnexpectedAnswer``.

The other side is not trusted. Every reader takes any JSON value and either returns what it promises or
raises ``UnexpectedAnswer``; no other exception leaves this module. Key names are compared without
regard to case, because Autotask's own interface descriptions disagree about it.
"""

from __future__ import annotations

import datetime as dt
import json
from dataclasses import dataclass, field
from typing import NoReturn

from integrations.psa.autotask.text import clean_and_cut, clean_text
from integrations.psa.base import (
    CompanyField,
    PicklistOption,
    RemoteCompany,
    RequestBudget,
    UnexpectedAnswer,
)

MAX_ID = 2**63 - 1
MAX_FIELDS = 2000
MAX_OPTIONS = 20_000

# The fields of a company that the portal keeps; ``IncludeFields`` asks for exactly these.
COMPANY_FIELDS: tuple[str, ...] = (
    "id",
    "companyName",
    "companyNumber",
    "companyType",
    "isActive",
    "webAddress",
    "phone",
    "city",
    "state",
    "postalCode",
    "parentCompanyID",
    "lastTrackedModifiedDateTime",
)
MODIFIED_FIELD = "lastTrackedModifiedDateTime"

NAME_LIMIT = 300
NO_NAME = "(no name)"
_TEXT_LIMITS = {
    "companyNumber": ("number", 100),
    "webAddress": ("web address", 255),
    "phone": ("phone", 50),
    "city": ("city", 100),
    "state": ("state", 100),
    "postalCode": ("postal code", 50),
}


def unexpected(what: str) -> NoReturn:
    """Raise ``UnexpectedAnswer`` with the page's standard sentence and ``what`` for the log."""
    raise UnexpectedAnswer(
        "Autotask's answer was not what its interface describes, so nothing of it was used. Try again in a "
        "few minutes; if it stays, check the chosen Platform.",
        what,
    )


# --- JSON -----------------------------------------------------------------------------------------


def read_json(body: bytes, *, max_depth: int = 24) -> object:
    """Parse ``body``; refuses anything but UTF-8 JSON nested at most ``max_depth`` deep."""
    if not body.strip():
        unexpected("empty body")
    try:
        data: object = json.loads(body.decode("utf-8-sig"), parse_constant=_no_constant)
    except (ValueError, RecursionError) as error:
        reason = type(error).__name__
    else:
        if _depth(data, max_depth) > max_depth:
            unexpected(f"JSON nested deeper than {max_depth}")
        return data
    looks = "HTML" if body.lstrip()[:1] == b"<" else "not JSON"
    return unexpected(f"body is {looks} ({reason}, {len(body)} bytes)")


def _no_constant(name: str) -> NoReturn:
    raise ValueError(name)


def _depth(data: object, limit: int) -> int:
    """Nesting depth of ``data``, counted no further than ``limit`` + 1."""
    depth, level = 0, [data]
    while level and depth <= limit:
        below: list[object] = []
        found = False
        for value in level:
            if isinstance(value, dict):
                found = True
                below += [item for item in value.values() if isinstance(item, dict | list)]
            elif isinstance(value, list):
                found = True
                below += [item for item in value if isinstance(item, dict | list)]
        depth += found
        level = below
    return depth


def _object(data: object, what: str) -> dict[str, object]:
    if not isinstance(data, dict):
        unexpected(f"{what} is {_kind(data)}, not an object")
    return data


def _list(data: object, what: str, limit: int) -> list[object]:
    if not isinstance(data, list):
        unexpected(f"{what} is {_kind(data)}, not a list")
    if len(data) > limit:
        unexpected(f"{what} has {len(data)} entries, more than {limit}")
    return data


def _get(data: dict[str, object], name: str) -> object:
    """The value of ``name``, whatever its case; None when it is absent."""
    if name in data:
        return data[name]
    wanted = name.lower()
    for key, value in data.items():
        if key.lower() == wanted:
            return value
    return None


def _has(data: dict[str, object], name: str) -> bool:
    return name in data or name.lower() in {key.lower() for key in data}


def _kind(value: object) -> str:
    return "null" if value is None else type(value).__name__


def _whole(value: object, what: str, *, lowest: int = 0, highest: int = MAX_ID) -> int:
    if isinstance(value, bool) or not isinstance(value, int):
        unexpected(f"{what} is {_kind(value)}, not a whole number")
    if not lowest <= value <= highest:
        unexpected(f"{what} is out of range")
    return value


def _text(value: object, what: str, limit: int) -> str:
    if value is None:
        return ""
    if not isinstance(value, str):
        unexpected(f"{what} is {_kind(value)}, not text")
    return clean_and_cut(value, limit, what)[0]


def _flag(value: object, what: str, *, missing: bool) -> bool:
    if value is None:
        return missing
    if not isinstance(value, bool):
        unexpected(f"{what} is {_kind(value)}, not true or false")
    return value


# --- small answers --------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class ZoneAnswer:
    """What ``zoneInformation`` said; ``url`` has not passed the destination rule yet."""

    url: str
    name: str = ""
    web_url: str = ""
    database_id: int | None = None


def read_zone(data: object) -> ZoneAnswer:
    """The zone of a user name: ``{"zoneName", "url", "webUrl", "ci"}``; only ``url`` is indispensable."""
    answer = _object(data, "zone answer")
    url = _get(answer, "url")
    if not isinstance(url, str) or not url or len(url) > 500:
        unexpected("zone answer without a url")
    web_url, database_id = _get(answer, "webUrl"), _get(answer, "ci")
    return ZoneAnswer(
        url=url,
        name=_text(_get(answer, "zoneName"), "zoneName", 60),
        web_url=_text(web_url, "webUrl", 200),
        database_id=None if database_id is None else _whole(database_id, "ci"),
    )


def read_version(data: object) -> str:
    """Autotask's own version ("2026.3.1"); every part may be missing, the object may not."""
    answer = _object(data, "version answer")
    parts = [_get(answer, name) for name in ("majorVersion", "minorVersion", "build")]
    if not any(parts):
        unexpected("version answer without a version")
    return ".".join(clean_text(str(part))[:20] for part in parts if isinstance(part, str | int))


def read_budget(data: object) -> RequestBudget:
    """The request budget from ``ThresholdInformation``."""
    answer = _object(data, "threshold answer")
    return RequestBudget(
        used=_whole(_get(answer, "currentTimeframeRequestCount"), "currentTimeframeRequestCount"),
        limit=_whole(_get(answer, "externalRequestThreshold"), "externalRequestThreshold", lowest=1),
        timeframe_minutes=_whole(
            _get(answer, "requestThresholdTimeframe"), "requestThresholdTimeframe", lowest=1, highest=100_000
        ),
    )


def read_access(data: object) -> str:
    """What this API user may query of an entity: ``all``, ``restricted``, ``none`` or ``unknown``.

    The help page documents 0, 1 and 2; live systems answer words. Both are understood.
    """
    info = _object(_get(_object(data, "entity answer"), "info"), "info")
    if _get(info, "canQuery") is False:
        return "none"
    access = _get(info, "userAccessForQuery")
    if isinstance(access, bool):
        unexpected("userAccessForQuery is true or false")
    if isinstance(access, int):
        return {0: "none", 1: "restricted", 2: "all"}.get(access, "unknown")
    if isinstance(access, str) and access.lower() in {"all", "restricted", "none"}:
        return access.lower()
    if access is None or isinstance(access, str):
        return "unknown"
    return unexpected(f"userAccessForQuery is {_kind(access)}")


def read_count(data: object) -> int:
    """``queryCount``: how many rows hold a filter."""
    return _whole(_get(_object(data, "count answer"), "queryCount"), "queryCount", highest=10**9)


def read_errors(data: object) -> tuple[str, ...]:
    """The server's own words in an error answer (``errors``, else ``Message``), cleaned; empty if none.

    Never raises: it runs where something has already failed.
    """
    if not isinstance(data, dict):
        return ()
    errors = _get(data, "errors")
    found = errors if isinstance(errors, list) else [errors]
    words = [clean_text(text[:2000])[:500] for text in found[:10] if isinstance(text, str)]
    message = _get(data, "Message")
    if not any(words) and isinstance(message, str):
        words = [clean_text(message[:2000])[:500]]
    return tuple(word for word in words if word)


# --- fields and picklists -------------------------------------------------------------------------


def read_fields(data: object) -> tuple[CompanyField, ...]:
    """Every field of an entity from ``entityInformation/fields``, picklists included."""
    entries = _list(_get(_object(data, "fields answer"), "fields"), "fields", MAX_FIELDS)
    fields: dict[str, CompanyField] = {}
    for entry in entries:
        described = _field(_object(entry, "field"))
        if described.name.lower() in fields:
            unexpected("a field name appears twice")
        fields[described.name.lower()] = described
    if not fields:
        unexpected("no field at all")
    return tuple(fields.values())


def _field(entry: dict[str, object]) -> CompanyField:
    name = _get(entry, "name")
    # Field names travel back in queries, so only names of the known form are taken.
    if not isinstance(name, str) or not name.isascii() or not name.isidentifier() or len(name) > 100:
        unexpected("a field has no usable name")
    is_picklist = _flag(_get(entry, "isPickList"), "isPickList", missing=False)
    values = _get(entry, "picklistValues")
    length = _get(entry, "length")
    return CompanyField(
        name=name,
        data_type=_text(_get(entry, "dataType"), "dataType", 30).lower(),
        is_queryable=_flag(_get(entry, "isQueryable"), "isQueryable", missing=True),
        is_picklist=is_picklist,
        is_reference=_flag(_get(entry, "isReference"), "isReference", missing=False),
        length=0 if length is None else _whole(length, "length", lowest=-1, highest=2**31),
        options=() if values is None or not is_picklist else _options(values),
    )


def _options(values: object) -> tuple[PicklistOption, ...]:
    options: dict[int | str, PicklistOption] = {}
    for entry in _list(values, "picklistValues", MAX_OPTIONS):
        option = _option(_object(entry, "picklist value"))
        # A value listed twice (under two parent values) is one value; an active entry wins.
        known = options.get(option.value)
        if known is None or (option.is_active and not known.is_active):
            options[option.value] = option
    return tuple(sorted(options.values(), key=lambda option: option.sort_order))


def _option(entry: dict[str, object]) -> PicklistOption:
    raw = _get(entry, "value")
    if isinstance(raw, bool) or not isinstance(raw, int | str):
        unexpected(f"a picklist value is {_kind(raw)}")
    if isinstance(raw, str):
        value: int | str = _picklist_number(raw)
    else:
        value = _whole(raw, "picklist value", lowest=-MAX_ID)
    order = _get(entry, "sortOrder")
    return PicklistOption(
        value=value,
        label=_text(_get(entry, "label"), "label", 200) or str(value),
        is_active=_flag(_get(entry, "isActive"), "isActive", missing=True),
        is_system=_flag(_get(entry, "isSystem"), "isSystem", missing=False),
        sort_order=0 if order is None else _whole(order, "sortOrder", lowest=-(2**31), highest=2**31),
    )


def _picklist_number(text: str) -> int | str:
    """Metadata gives values as text ("7"), rows as integers (7): an integer wherever it is one."""
    digits = text.strip()
    sign = digits.startswith("-")
    body = digits[sign:]
    if body.isascii() and body.isdigit() and len(body) <= 18:
        return int(digits)
    return clean_and_cut(text, 200, "picklist value")[0]


# --- companies ------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class CompanyRows:
    """One page of a query: its ids as numbers, and the next page's address or ``""``.

    The rows themselves are read by ``companies``, so that the next page can be asked for before.
    """

    ids: tuple[int, ...]
    next_url: str = ""
    rows: tuple[dict[str, object], ...] = field(default=(), repr=False)

    def companies(self, first: int | None = None) -> tuple[RemoteCompany, ...]:
        """The ``first`` companies of the page, or all. Raises ``UnexpectedAnswer``."""
        return tuple(_company(row) for row in self.rows[:first])


def read_page(data: object, *, limit: int = 500) -> CompanyRows:
    """One page of a company query; at most ``limit`` rows, no id twice."""
    answer = _object(data, "query answer")
    items = _list(_get(answer, "items"), "items", limit)
    details = _object(_get(answer, "pageDetails"), "pageDetails")
    next_url = _get(details, "nextPageUrl")
    if next_url is not None and (not isinstance(next_url, str) or len(next_url) > 20_000):
        unexpected(f"nextPageUrl is {_kind(next_url)} or too long")
    rows = tuple(_object(item, "row") for item in items)
    ids = tuple(_whole(_get(row, "id"), "id") for row in rows)
    if len(set(ids)) != len(ids):
        unexpected("a page holds the same id twice")
    return CompanyRows(ids, next_url or "", rows)


def _company(row: dict[str, object]) -> RemoteCompany:
    raw_name = _get(row, "companyName")
    if raw_name is None and not _has(row, "companyName"):
        unexpected("a company without companyName")
    if raw_name is not None and not isinstance(raw_name, str):
        unexpected(f"companyName is {_kind(raw_name)}")
    name, notes = clean_and_cut(raw_name or "", NAME_LIMIT, "name")
    if not name:
        name, notes = NO_NAME, (*notes, "Autotask holds no name")
    texts: dict[str, str] = {}
    for key, (label, limit) in _TEXT_LIMITS.items():
        texts[key], more = _optional_text(_get(row, key), key, label, limit)
        notes += more
    company_type = _get(row, "companyType")
    parent = _get(row, "parentCompanyID")
    modified, more = _moment(_get(row, MODIFIED_FIELD))
    return RemoteCompany(
        id=str(_whole(_get(row, "id"), "id")),
        name=name,
        number=texts["companyNumber"],
        company_type=None if company_type is None else _type_number(company_type),
        is_active=_active(_get(row, "isActive")),
        web_address=texts["webAddress"],
        phone=texts["phone"],
        city=texts["city"],
        state=texts["state"],
        postal_code=texts["postalCode"],
        parent_id="" if parent is None else str(_whole(parent, "parentCompanyID")),
        modified_at=modified,
        notes=notes + more,
    )


def _optional_text(value: object, field: str, label: str, limit: int) -> tuple[str, tuple[str, ...]]:
    if value is None or value == "":
        return "", ()
    if isinstance(value, int) and not isinstance(value, bool) and abs(value) <= MAX_ID:
        return str(value), ()  # postal codes have been seen as numbers
    if not isinstance(value, str):
        unexpected(f"{field} is {_kind(value)}, not text")
    return clean_and_cut(value, limit, label)


def _type_number(value: object) -> int:
    if isinstance(value, str):
        value = _picklist_number(value)
    return _whole(value, "companyType", lowest=-(2**31), highest=2**31)


def _active(value: object) -> bool:
    if value is None:
        return True  # Autotask's default for a company
    if value in (0, 1):
        return bool(value)
    return unexpected(f"isActive is {_kind(value)}")


def _moment(value: object) -> tuple[dt.datetime | None, tuple[str, ...]]:
    """An ISO moment in UTC. One odd date must not stop a read of 20,000 companies, so it becomes a note."""
    if value is None or value == "":
        return None, ()
    if not isinstance(value, str):
        unexpected(f"{MODIFIED_FIELD} is {_kind(value)}, not text")
    try:
        moment = dt.datetime.fromisoformat(value)
        moment = moment.replace(tzinfo=dt.UTC) if moment.tzinfo is None else moment.astimezone(dt.UTC)
    except (ValueError, OverflowError):
        return None, ("modification date not understood",)
    return moment, ()
