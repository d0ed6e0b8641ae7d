"""Reader of the fields and picklists of companies: one odd entry never hides the others.

What cannot be used is left out and named, what is only untidy is put right and named. The rest of the
portal can therefore tell a field that the tenant does not have from one that could not be read.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from integrations.psa.autotask.json_values import (
    MAX_ID,
    as_object,
    as_whole,
    get,
    kind_name,
    picklist_number,
    unexpected,
)
from integrations.psa.autotask.text import clean_and_cut
from integrations.psa.base import (
    CompanyField,
    CompanyMetadata,
    PicklistOption,
    UnexpectedAnswer,
)
from integrations.psa.fields import USER_DEFINED

MAX_FIELDS = 2000
MAX_OPTIONS = 20_000
MAX_ODDITIES = 50
MAX_USER_FIELD_NAME = 90

_FLAGS: dict[object, bool] = {True: True, False: False, "1": True, "0": False, "true": True, "false": False}


@dataclass(frozen=True, slots=True)
class LabelPage:
    """Some choices of a reference, and whether there are more."""

    options: tuple[PicklistOption, ...]
    more: bool = False


@dataclass(slots=True)
class _Notes:
    """What was odd in an answer, and the fields of which something may be lacking because of it."""

    sentences: list[str] = field(default_factory=list)
    unsure: set[str] = field(default_factory=set)

    def add(self, sentence: str, unsure: str = "") -> None:
        if len(self.sentences) < MAX_ODDITIES:
            self.sentences.append(sentence)
        if unsure:
            self.unsure.add(unsure)


def read_fields(data: object) -> CompanyMetadata:
    """Every field of an entity from ``entityInformation/fields``, picklists included.

    Raises ``UnexpectedAnswer`` when there is no field at all.
    """
    entries = get(as_object(data, "fields answer"), "fields")
    if not isinstance(entries, list):
        unexpected(f"fields is {kind_name(entries)}, not a list")
    notes = _Notes()
    fields: dict[str, CompanyField] = {}
    for entry in entries[:MAX_FIELDS]:
        described = _field(entry, notes)
        if described is None:
            continue
        if described.name.lower() in fields:
            notes.add(f"The field {described.name} is described twice; the first description is used.")
            continue
        fields[described.name.lower()] = described
    if len(entries) > MAX_FIELDS:
        notes.add(f"Only the first {MAX_FIELDS:,} of {len(entries):,} fields are used.")
    if not fields:
        unexpected("no field at all")
    return CompanyMetadata(tuple(fields.values()), tuple(notes.sentences), frozenset(notes.unsure))


def _field(entry: object, notes: _Notes) -> CompanyField | None:
    name = get(entry, "name") if isinstance(entry, dict) else None
    if not isinstance(entry, dict) or not isinstance(name, str):
        notes.add("A field without a name is left out.")
        return None
    # Field names travel back in queries; what has not the known form is not offered.
    if not name.isascii() or not name.isidentifier() or len(name) > 100:
        shown = clean_and_cut(name, 60, "name")[0]
        notes.add(f"The field “{shown}” has a name that cannot be asked for, and is left out.")
        return None
    data_type = get(entry, "dataType")
    if not isinstance(data_type, str):
        notes.add(f"The field {name} has no known type, and is left out.", name)
        return None
    is_picklist = _flag(entry, "isPickList", name, notes, missing=False)
    return CompanyField(
        name=name,
        data_type=clean_and_cut(data_type, 30, "dataType")[0].lower(),
        is_queryable=_flag(entry, "isQueryable", name, notes, missing=True),
        is_picklist=is_picklist,
        is_reference=_flag(entry, "isReference", name, notes, missing=False),
        reference=_short_text(entry, "referenceEntityType"),
        length=_number(entry, "length", name, notes),
        options=_options(get(entry, "picklistValues"), name, notes) if is_picklist else (),
    )


def read_user_fields(data: object) -> CompanyMetadata:
    """The fields that the tenant has added, from ``entityInformation/userDefinedFields``; perhaps none."""
    entries = get(as_object(data, "user-defined fields answer"), "fields")
    if not isinstance(entries, list):
        unexpected(f"fields is {kind_name(entries)}, not a list")
    notes = _Notes()
    fields: dict[str, CompanyField] = {}
    for entry in entries[:MAX_FIELDS]:
        described = _user_field(entry, notes)
        if described is not None:
            fields.setdefault(described.name.casefold(), described)
    return CompanyMetadata(tuple(fields.values()), tuple(notes.sentences), frozenset(notes.unsure))


def _user_field(entry: object, notes: _Notes) -> CompanyField | None:
    raw = get(entry, "name") if isinstance(entry, dict) else None
    if not isinstance(entry, dict) or not isinstance(raw, str):
        notes.add("A user-defined field without a name is left out.")
        return None
    shown = clean_and_cut(raw, 60, "name")[0]
    # The name travels back in queries as it is; one that has to be cleaned could not.
    if clean_and_cut(raw, MAX_USER_FIELD_NAME, "name")[0] != raw or not raw:
        notes.add(f"The user-defined field “{shown}” has a name that cannot be asked for, and is left out.")
        return None
    name = f"{USER_DEFINED}{raw}"
    is_picklist = _flag(entry, "isPickList", shown, notes, missing=False)
    return CompanyField(
        name=name,
        data_type=(_short_text(entry, "type") or _short_text(entry, "dataType") or "string").lower(),
        is_queryable=_flag(entry, "isQueryable", shown, notes, missing=True),
        is_picklist=is_picklist,
        options=_options(get(entry, "picklistValues"), name, notes) if is_picklist else (),
        label=_short_text(entry, "label") or raw,
    )


def read_labels(data: object, *, names: tuple[str, ...] = ("name",)) -> LabelPage:
    """The labels of a page of what companies refer to: the values of ``names``, joined, by id.

    Raises ``UnexpectedAnswer`` for anything that is no page; rows that are odd are left out.
    """
    answer = as_object(data, "query answer")
    items = get(answer, "items")
    if not isinstance(items, list):
        unexpected(f"items is {kind_name(items)}, not a list")
    details = get(answer, "pageDetails")
    options: list[PicklistOption] = []
    for item in items[:500]:
        number = get(item, "id") if isinstance(item, dict) else None
        if not isinstance(item, dict) or isinstance(number, bool) or not isinstance(number, int):
            continue
        label = " ".join(text for name in names if (text := _short_text(item, name)))
        if label and abs(number) <= MAX_ID:
            active = get(item, "isActive")
            options.append(PicklistOption(number, label[:200], is_active=active is not False))
    more = isinstance(details, dict) and bool(get(details, "nextPageUrl"))
    return LabelPage(tuple(options), more=more)


def _short_text(entry: dict[str, object], key: str) -> str:
    value = get(entry, key)
    return clean_and_cut(value, 100, key)[0] if isinstance(value, str) else ""


def _flag(entry: dict[str, object], key: str, owner: str, notes: _Notes, *, missing: bool) -> bool:
    value = get(entry, key)
    if value is None:
        return missing
    known = value.strip().lower() if isinstance(value, str) else value
    # A number 1 equals True as a key; anything that cannot be a key is none of them.
    if isinstance(known, bool | int | str) and known in _FLAGS:
        return _FLAGS[known]
    notes.add(f"{owner}: {key} is {kind_name(value)}, not true or false.")
    return missing


def _number(entry: dict[str, object], key: str, owner: str, notes: _Notes) -> int:
    value = get(entry, key)
    if value is None:
        return 0
    if isinstance(value, str):
        value = picklist_number(value)
    if isinstance(value, bool) or not isinstance(value, int):
        notes.add(f"{owner}: {key} is {kind_name(value)}, not a whole number.")
    elif abs(value) <= 2**31:
        return value
    else:
        notes.add(f"{owner}: {key} is out of range.")
    return 0


def _options(values: object, owner: str, notes: _Notes) -> tuple[PicklistOption, ...]:
    if values is None:
        # It may have none; that those of before are gone is not said by it.
        notes.unsure.add(owner)
        return ()
    if not isinstance(values, list):
        notes.add(f"{owner}: its values are {kind_name(values)}, not a list.", owner)
        return ()
    options: dict[int | str, PicklistOption] = {}
    for entry in values[:MAX_OPTIONS]:
        option = _option(entry, owner, notes)
        if option is None:
            continue
        # A value listed twice (under two parent values) is one value; an active entry wins.
        known = options.get(option.value)
        if known is None or (option.is_active and not known.is_active):
            options[option.value] = option
    if len(values) > MAX_OPTIONS:
        notes.add(f"{owner}: only the first {MAX_OPTIONS:,} of {len(values):,} values are used.", owner)
    return tuple(sorted(options.values(), key=lambda option: option.sort_order))


def _option(entry: object, owner: str, notes: _Notes) -> PicklistOption | None:
    raw = get(entry, "value") if isinstance(entry, dict) else None
    if not isinstance(entry, dict) or isinstance(raw, bool) or not isinstance(raw, int | str) or raw == "":
        label = get(entry, "label") if isinstance(entry, dict) else None
        shown = f"“{clean_and_cut(label, 60, 'label')[0]}”" if isinstance(label, str) else "without a label"
        notes.add(
            f"{owner}: the value {shown} is left out, for it is {kind_name(raw) if raw != '' else 'empty'}.",
            owner,
        )
        return None
    try:
        value = picklist_number(raw) if isinstance(raw, str) else as_whole(raw, "value", lowest=-MAX_ID)
    except UnexpectedAnswer:
        notes.add(f"{owner}: a value is left out, for it is out of range.", owner)
        return None
    if value == "":
        notes.add(f"{owner}: a value is left out, for it is empty.", owner)
        return None
    label = get(entry, "label")
    if label is not None and not isinstance(label, str):
        notes.add(f"{owner}: the label of {value} is {kind_name(label)}, not text.")
    text = clean_and_cut(label, 200, "label")[0] if isinstance(label, str) else ""
    return PicklistOption(
        value=value,
        label=text or str(value),
        is_active=_flag(entry, "isActive", f"{owner} {value}", notes, missing=True),
        is_system=_flag(entry, "isSystem", f"{owner} {value}", notes, missing=False),
        sort_order=_number(entry, "sortOrder", f"{owner} {value}", notes),
    )
