"""Readers of Autotask's answers, but for companies: zone, version, budget, access, errors, fields.

The other side is not trusted. Every reader takes any JSON value and either returns what it promises or
raises ``UnexpectedAnswer``; no other exception leaves this module or ``company_rows``.
"""

from __future__ import annotations

from dataclasses import dataclass

from integrations.psa.autotask.json_values import (
    MAX_ID,
    as_flag,
    as_list,
    as_object,
    as_text,
    as_whole,
    get,
    kind_name,
    unexpected,
)
from integrations.psa.autotask.text import clean_and_cut, clean_text
from integrations.psa.base import CompanyField, PicklistOption, RequestBudget

MAX_FIELDS = 2000
MAX_OPTIONS = 20_000


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
    answer = as_object(data, "zone answer")
    url = get(answer, "url")
    if not isinstance(url, str) or not url or not url.isascii() or len(url) > 500:
        unexpected("zone answer without a url")
    web_url, database_id = get(answer, "webUrl"), get(answer, "ci")
    return ZoneAnswer(
        url=url,
        name=as_text(get(answer, "zoneName"), "zoneName", 60),
        web_url=as_text(web_url, "webUrl", 200),
        database_id=None if database_id is None else as_whole(database_id, "ci"),
    )


def read_version(data: object) -> str:
    """Autotask's own version ("2026.3.1"); every part may be missing, the object may not."""
    answer = as_object(data, "version answer")
    parts = [get(answer, name) for name in ("majorVersion", "minorVersion", "build")]
    if not any(parts):
        unexpected("version answer without a version")
    return ".".join(clean_text(str(part))[:20] for part in parts if isinstance(part, str | int))


def read_budget(data: object) -> RequestBudget:
    """The request budget from ``ThresholdInformation``."""
    answer = as_object(data, "threshold answer")
    return RequestBudget(
        used=as_whole(get(answer, "currentTimeframeRequestCount"), "currentTimeframeRequestCount"),
        limit=as_whole(get(answer, "externalRequestThreshold"), "externalRequestThreshold", lowest=1),
        timeframe_minutes=as_whole(
            get(answer, "requestThresholdTimeframe"), "requestThresholdTimeframe", lowest=1, highest=100_000
        ),
    )


def read_access(data: object) -> str:
    """What this API user may query of an entity: ``all``, ``restricted``, ``none`` or ``unknown``.

    The help page documents 0, 1 and 2; live systems answer words. Both are understood.
    """
    info = as_object(get(as_object(data, "entity answer"), "info"), "info")
    if get(info, "canQuery") is False:
        return "none"
    access = get(info, "userAccessForQuery")
    if isinstance(access, bool):
        unexpected("userAccessForQuery is true or false")
    if isinstance(access, int):
        return {0: "none", 1: "restricted", 2: "all"}.get(access, "unknown")
    if isinstance(access, str) and access.lower() in {"all", "restricted", "none"}:
        return access.lower()
    if access is None or isinstance(access, str):
        return "unknown"
    return unexpected(f"userAccessForQuery is {kind_name(access)}")


def read_count(data: object) -> int:
    """``queryCount``: how many rows hold a filter."""
    return as_whole(get(as_object(data, "count answer"), "queryCount"), "queryCount", highest=10**9)


def read_errors(data: object) -> tuple[str, ...]:
    """The server's own words in an error answer (``errors``, else ``Message``), cleaned; empty if none.

    Never raises: it runs where something has already failed.
    """
    if not isinstance(data, dict):
        return ()
    errors = get(data, "errors")
    found = errors if isinstance(errors, list) else [errors]
    words = [clean_text(text[:2000])[:500] for text in found[:10] if isinstance(text, str)]
    message = get(data, "Message")
    if not any(words) and isinstance(message, str):
        words = [clean_text(message[:2000])[:500]]
    return tuple(word for word in words if word)


# --- fields and picklists -------------------------------------------------------------------------


def read_fields(data: object) -> tuple[CompanyField, ...]:
    """Every field of an entity from ``entityInformation/fields``, picklists included."""
    entries = as_list(get(as_object(data, "fields answer"), "fields"), "fields", MAX_FIELDS)
    fields: dict[str, CompanyField] = {}
    for entry in entries:
        described = _field(as_object(entry, "field"))
        if described is None:
            continue
        if described.name.lower() in fields:
            unexpected("a field name appears twice")
        fields[described.name.lower()] = described
    if not fields:
        unexpected("no field at all")
    return tuple(fields.values())


def _field(entry: dict[str, object]) -> CompanyField | None:
    name = get(entry, "name")
    if not isinstance(name, str):
        unexpected("a field without a name")
    # Field names travel back in queries; what has not the known form is not offered.
    if not name.isascii() or not name.isidentifier() or len(name) > 100:
        return None
    is_picklist = as_flag(get(entry, "isPickList"), "isPickList", missing=False)
    values = get(entry, "picklistValues")
    length = get(entry, "length")
    return CompanyField(
        name=name,
        data_type=as_text(get(entry, "dataType"), "dataType", 30).lower(),
        is_queryable=as_flag(get(entry, "isQueryable"), "isQueryable", missing=True),
        is_picklist=is_picklist,
        is_reference=as_flag(get(entry, "isReference"), "isReference", missing=False),
        length=0 if length is None else as_whole(length, "length", lowest=-1, highest=2**31),
        options=() if values is None or not is_picklist else _options(values),
    )


def _options(values: object) -> tuple[PicklistOption, ...]:
    options: dict[int | str, PicklistOption] = {}
    for entry in as_list(values, "picklistValues", MAX_OPTIONS):
        option = _option(as_object(entry, "picklist value"))
        # A value listed twice (under two parent values) is one value; an active entry wins.
        known = options.get(option.value)
        if known is None or (option.is_active and not known.is_active):
            options[option.value] = option
    return tuple(sorted(options.values(), key=lambda option: option.sort_order))


def _option(entry: dict[str, object]) -> PicklistOption:
    raw = get(entry, "value")
    if isinstance(raw, bool) or not isinstance(raw, int | str):
        unexpected(f"a picklist value is {kind_name(raw)}")
    if isinstance(raw, str):
        value: int | str = picklist_number(raw)
    else:
        value = as_whole(raw, "picklist value", lowest=-MAX_ID)
    order = get(entry, "sortOrder")
    return PicklistOption(
        value=value,
        label=as_text(get(entry, "label"), "label", 200) or str(value),
        is_active=as_flag(get(entry, "isActive"), "isActive", missing=True),
        is_system=as_flag(get(entry, "isSystem"), "isSystem", missing=False),
        sort_order=0 if order is None else as_whole(order, "sortOrder", lowest=-(2**31), highest=2**31),
    )


def picklist_number(text: str) -> int | str:
    """Metadata gives values as text ("7"), rows as integers (7): an integer wherever it is one."""
    digits = text.strip()
    sign = digits.startswith("-")
    body = digits[sign:]
    if body.isascii() and body.isdigit() and len(body) <= 18:
        return int(digits)
    return clean_and_cut(text, 200, "picklist value")[0]
