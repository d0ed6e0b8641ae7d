"""Readers of Autotask's small answers: zone, version, budget, access, count, errors.

The other side is not trusted. Every reader takes any JSON value and either returns what it promises or
raises ``UnexpectedAnswer``; no other exception leaves this module, ``metadata`` or ``company_rows``.
"""

from __future__ import annotations

from dataclasses import dataclass

from integrations.psa.autotask.json_values import (
    MAX_ID,
    as_object,
    as_text,
    as_whole,
    get,
    picklist_number,
    unexpected,
)
from integrations.psa.autotask.text import clean_text
from integrations.psa.base import RequestBudget


@dataclass(frozen=True, slots=True)
class ZoneAnswer:
    """What ``zoneInformation`` said; ``url`` has not passed the destination rule yet."""

    url: str
    name: str = ""
    web_url: str = ""
    database_id: int | None = None


def read_zone(data: object) -> ZoneAnswer:
    """The zone of a user name: ``{"zoneName", "url", "webUrl", "ci"}``; only ``url`` is indispensable.

    The others are left out where they are odd: nobody is kept from connecting by them.
    """
    answer = as_object(data, "zone answer")
    url = get(answer, "url")
    if not isinstance(url, str) or not url or not url.isascii() or len(url) > 500:
        unexpected("zone answer without a url")
    name, web_url, database_id = get(answer, "zoneName"), get(answer, "webUrl"), get(answer, "ci")
    if isinstance(database_id, str):
        database_id = picklist_number(database_id)
    if isinstance(database_id, bool) or not isinstance(database_id, int) or not 0 <= database_id <= MAX_ID:
        database_id = None
    return ZoneAnswer(
        url=url,
        name=as_text(name, "zoneName", 60) if isinstance(name, str) else "",
        web_url=as_text(web_url, "webUrl", 200) if isinstance(web_url, str) else "",
        database_id=database_id,
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

    The help page (REST_EntityInformationCall) numbers none 0, all 1 and restricted 2; live systems answer
    words. Both are understood.
    """
    info = as_object(get(as_object(data, "entity answer"), "info"), "info")
    if get(info, "canQuery") is False:
        return "none"
    access = get(info, "userAccessForQuery")
    if isinstance(access, int) and not isinstance(access, bool):
        return {0: "none", 1: "all", 2: "restricted"}.get(access, "unknown")
    if isinstance(access, str) and access.lower() in {"all", "restricted", "none"}:
        return access.lower()
    return "unknown"  # the first company that is asked for settles it


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
