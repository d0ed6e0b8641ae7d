"""Reader of company pages: rows to companies, cleaned of what nobody wants to see or store."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, field

from integrations.psa.autotask.json_values import (
    MAX_ID,
    as_list,
    as_object,
    as_whole,
    get,
    has,
    kind_name,
    picklist_number,
    unexpected,
)
from integrations.psa.autotask.text import clean_and_cut
from integrations.psa.base import RemoteCompany, SetAside, UnexpectedAnswer

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
    "taxID",
    "lastTrackedModifiedDateTime",
)
MODIFIED_FIELD = "lastTrackedModifiedDateTime"

MAX_NEXT_URL = 2048
"""Characters of a next page's address; servers of this make refuse longer ones."""

NAME_LIMIT = 300
USER_VALUE_LIMIT = 300
NO_NAME = "(no name)"
NO_YEARS = (dt.MINYEAR, dt.MAXYEAR)  # a date's absence, and in some time zones no date at all
_NO_DATE = ("modification date not understood",)
_TEXT_LIMITS = {
    "companyNumber": ("number", 100),
    "webAddress": ("web address", 255),
    "phone": ("phone", 50),
    "city": ("city", 100),
    "state": ("state", 100),
    "postalCode": ("postal code", 50),
    "taxID": ("tax id", 100),
}


@dataclass(frozen=True, slots=True)
class CompanyRows:
    """One page of a query: its ids as numbers, whether a next page is named, and where.

    ``next_url`` is empty where there is none, or none that can be followed; ``more`` tells these apart.
    ``unidentified`` are rows whose id cannot be read. The others are read by ``companies``, so that the next
    page can be asked for before; they are as many as ``ids``.
    """

    ids: tuple[int, ...]
    next_url: str = ""
    more: bool = False
    rows: tuple[dict[str, object], ...] = field(default=(), repr=False)
    unidentified: tuple[SetAside, ...] = ()

    def companies(
        self, first: int | None = None, *, user_field: str = ""
    ) -> tuple[tuple[RemoteCompany, ...], tuple[SetAside, ...]]:
        """The ``first`` companies of the page, or all, and those of them that have to be set aside.

        ``user_field`` is the name of the user-defined field whose value is wanted, as Autotask spells it.
        """
        found: list[RemoteCompany] = []
        aside: list[SetAside] = []
        for number, row in zip(self.ids[:first], self.rows[:first], strict=True):
            try:
                found.append(_company(row, user_field))
            except UnexpectedAnswer as error:
                aside.append(SetAside(str(number), _shown_name(row), error.technical))
        return tuple(found), (*aside, *self.unidentified)


def read_page(data: object, *, limit: int = 500) -> CompanyRows:
    """One page of a company query; at most ``limit`` rows, no id twice."""
    answer = as_object(data, "query answer")
    items = as_list(get(answer, "items"), "items", limit)
    details = as_object(get(answer, "pageDetails"), "pageDetails")
    next_url = get(details, "nextPageUrl")
    rows: list[dict[str, object]] = []
    ids: list[int] = []
    unidentified: list[SetAside] = []
    for item in items:
        try:
            row = as_object(item, "row")
            ids.append(as_whole(get(row, "id"), "id"))
        except UnexpectedAnswer as error:
            unidentified.append(SetAside("", _shown_name(item), error.technical))
        else:
            rows.append(row)
    if len(set(ids)) != len(ids):
        unexpected("a page holds the same id twice")
    if len(unidentified) > 1 and not rows:
        unexpected(f"a page without any id that can be read; the last: {unidentified[-1].reason}")
    usable = isinstance(next_url, str) and len(next_url) <= MAX_NEXT_URL
    return CompanyRows(
        tuple(ids),
        str(next_url) if usable else "",
        more=bool(next_url),
        rows=tuple(rows),
        unidentified=tuple(unidentified),
    )


def _shown_name(row: object) -> str:
    """The name of a row that cannot be read, as far as it has one."""
    name = get(row, "companyName") if isinstance(row, dict) else None
    return (clean_and_cut(name, 100, "name")[0] if isinstance(name, str) else "") or NO_NAME


def _company(row: dict[str, object], user_field: str) -> RemoteCompany:
    raw_name = get(row, "companyName")
    if raw_name is None and not has(row, "companyName"):
        unexpected("a company without companyName")
    if raw_name is not None and not isinstance(raw_name, str):
        unexpected(f"companyName is {kind_name(raw_name)}")
    name, notes = clean_and_cut(raw_name or "", NAME_LIMIT, "name")
    if not name:
        name, notes = NO_NAME, (*notes, "Autotask holds no name")
    texts: dict[str, str] = {}
    for key, (label, limit) in _TEXT_LIMITS.items():
        texts[key], more = _optional_text(get(row, key), key, label, limit)
        notes += more
    company_type = get(row, "companyType")
    parent = get(row, "parentCompanyID")
    user_value, more = _user_value(row, user_field)
    notes += more
    modified, more = _moment(get(row, MODIFIED_FIELD))
    return RemoteCompany(
        id=str(as_whole(get(row, "id"), "id")),
        name=name,
        number=texts["companyNumber"],
        company_type=None if company_type is None else _type_number(company_type),
        is_active=_active(get(row, "isActive")),
        web_address=texts["webAddress"],
        phone=texts["phone"],
        city=texts["city"],
        state=texts["state"],
        postal_code=texts["postalCode"],
        tax_id=texts["taxID"],
        user_value=user_value,
        parent_id="" if parent is None else str(as_whole(parent, "parentCompanyID")),
        modified_at=modified,
        notes=notes + more,
    )


def _optional_text(value: object, field: str, label: str, limit: int) -> tuple[str, tuple[str, ...]]:
    if value is None or value == "":
        return "", ()
    if isinstance(value, int) and not isinstance(value, bool) and abs(value) <= MAX_ID:
        return str(value), ()  # postal codes have been seen as numbers
    if not isinstance(value, str):
        unexpected(f"{field} is {kind_name(value)}, not text")
    return clean_and_cut(value, limit, label)


def _user_value(row: dict[str, object], user_field: str) -> tuple[str, tuple[str, ...]]:
    """The value of a user-defined field, which is text or null whatever the field's type."""
    held = get(row, "userDefinedFields")
    if not user_field or held is None:
        return "", ()
    for entry in as_list(held, "userDefinedFields", 1000):
        if isinstance(entry, dict) and str(get(entry, "name")).casefold() == user_field.casefold():
            return _optional_text(get(entry, "value"), "userDefinedFields", user_field, USER_VALUE_LIMIT)
    return "", ()


def _type_number(value: object) -> int:
    if isinstance(value, str):
        value = picklist_number(value)
    return as_whole(value, "companyType", lowest=-(2**31), highest=2**31)


def _active(value: object) -> bool:
    if value is None:
        return True  # Autotask's default for a company
    if value in (0, 1):
        return bool(value)
    return unexpected(f"isActive is {kind_name(value)}")


def _moment(value: object) -> tuple[dt.datetime | None, tuple[str, ...]]:
    """An ISO moment in UTC. One odd date must not stop a read of 20,000 companies, so it becomes a note."""
    if value is None or value == "":
        return None, ()
    if not isinstance(value, str):
        unexpected(f"{MODIFIED_FIELD} is {kind_name(value)}, not text")
    try:
        moment = dt.datetime.fromisoformat(value)
        moment = moment.replace(tzinfo=dt.UTC) if moment.tzinfo is None else moment.astimezone(dt.UTC)
        if moment.year in NO_YEARS:
            return None, _NO_DATE
    except (ValueError, OverflowError):
        return None, _NO_DATE
    return moment, ()
