"""What a read could not take over, kept on the configuration until a later read finds it in order.

Each kind of warning is a text with details: ``fields`` (what is odd about the tenant's fields and picklists,
or why they could not be read), ``details`` (names that belong to them), ``user_field`` (the one to be read
with the companies is gone), ``companies`` (those set aside for an impossible value), ``count`` (companies
that the PSA counts and does not give), ``empty`` (there is no company to map to).
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Mapping, Sequence
from typing import Any

from integrations.models import IntegrationInstance
from integrations.psa.base import CompanyMetadata, FieldDetails, IncompleteRead, SetAside
from integrations.psa.fields import USER_DEFINED

MOST_DETAILS = 50  # that are kept of a warning; how many more there are is kept as a number


def keep_warning(instance: IntegrationInstance, kind: str, warning: dict[str, Any] | None) -> bool:
    """Put a warning in place of the last one of its kind, or clear that; whether anything differs.

    The (unsaved) instance keeps the moment at which the very same warning was first given.
    """
    before = instance.read_warnings.get(kind)
    if warning is not None and before is not None and before | {"at": ""} == warning | {"at": ""}:
        return False
    others = {name: each for name, each in instance.read_warnings.items() if name != kind}
    instance.read_warnings = others if warning is None else {**others, kind: warning}
    return warning is not None or before is not None


def field_warning(metadata: CompanyMetadata, now: dt.datetime) -> dict[str, Any] | None:
    """What to say of the fields as they were just read; None when they are in order."""
    if metadata.error is not None:
        text = (
            "Fields and picklists could not be read, so those of the last good read are used. "
            f"{metadata.error.user_text}"
        )
        return _warning(text, (), now)
    if metadata.oddities:
        text = "Some entries of the fields were left out or put right when they were read."
        return _warning(text, metadata.oddities, now)
    return None


def details_warning(details: FieldDetails, now: dt.datetime) -> dict[str, Any] | None:
    """What to say of the tenant's own fields and of names as they were just read; None if all is in order."""
    if not details.oddities:
        return None
    text = "Some names that belong to the fields could not be read; those of the last good read are used."
    return _warning(text, details.oddities, now)


def gone_warning(psa: str, name: str, now: dt.datetime) -> dict[str, Any] | None:
    """What to say of the PSA's user-defined field that was to be read with the companies and is gone."""
    if not name:
        return None
    text = (
        f"The user-defined field “{name.removeprefix(USER_DEFINED)}” is not in {psa} any more, so it was "
        "not read with the companies. Choose another one under Company filter, or none."
    )
    return _warning(text, (), now)


def aside_warning(
    instance: IntegrationInstance,
    set_aside: Mapping[str, str],
    read: Collection[str] | None,
    now: dt.datetime,
) -> dict[str, Any] | None:
    """What to say of companies that were set aside, by id in sentences; None when there are none.

    ``read`` are the ids that came in order, of a read of changes: an earlier warning holds for all others.
    None: everything was read, and nothing of an earlier warning holds.
    """
    before = instance.read_warnings.get("companies")
    kept: dict[str, str] = {}
    more = 0
    if read is not None and before is not None:
        named = zip(before["ids"], before["details"], strict=True)
        kept = {key: text for key, text in named if key not in read}
        more = before["more"]
    sentences = kept | dict(set_aside)
    if not sentences:
        return None
    number = len(sentences) + more
    text = (
        f"{'One company holds' if number == 1 else f'{number:,} companies hold'} an impossible value and "
        "could not be read; what was known before stays. Correct it there, then press Refresh Options."
    )
    shown = dict(list(sentences.items())[:MOST_DETAILS])
    warning = _warning(text, tuple(shown.values()), now, number - len(shown))
    return warning | {"ids": list(shown)}


def set_aside_sentences(rows: Sequence[SetAside]) -> dict[str, str]:
    """Each company that was set aside in a sentence, by its id (or by its name, if the id is odd)."""
    return {row.id or row.name: row.sentence for row in rows}


def count_warning(
    psa: str, incomplete: IncompleteRead | None, lacking: Mapping[str, str], now: dt.datetime
) -> dict[str, Any] | None:
    """What to say of companies that the PSA (by its name) counts and does not give; None if there are none.

    ``lacking`` are known ones among those that did not come, names by id; those that the warning names are
    kept, as a person may say of them, and of no others, that they are gone.
    """
    if incomplete is None:
        return None
    text = (
        f"{psa} counts {incomplete.counted:,} companies but gives {incomplete.given:,}, also when asked "
        "again. What came was taken over, and no company was said to be gone: what did not come may only be "
        "hidden from this API user. Look at its security level."
    )
    warning = _warning(text, [f"{name} did not come." for name in lacking.values()], now)
    return warning | {"ids": list(lacking)[:MOST_DETAILS]}


def empty_warning(
    psa: str, *, has_companies: bool, is_filtered: bool, now: dt.datetime
) -> dict[str, Any] | None:
    """What to say where a read leaves no company to map to; None where there are some."""
    if has_companies:
        return None
    if is_filtered:
        text = (
            "The company filter leaves no company, so nothing can be suggested or mapped. Change the filter."
        )
    else:
        text = (
            f"{psa} gives this API user no company, so nothing can be suggested or mapped. Look at its "
            "security level and lines of business."
        )
    return _warning(text, (), now)


def _warning(text: str, details: Sequence[str], now: dt.datetime, more: int = 0) -> dict[str, Any]:
    """As the instance keeps it."""
    shown = list(details[:MOST_DETAILS])
    return {"at": now.isoformat(), "text": text, "details": shown, "more": more + len(details) - len(shown)}
