"""What the cells of an organization's row say: its values, whether it left, and other tools' ids of it."""

from __future__ import annotations

import re
import uuid
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field

from integrations.files.formulas import is_formula, unescape_formula
from integrations.files.named_rows import FileRow
from integrations.files.odd_cells import ERRORS, says_nothing, whole_text
from integrations.files.text import clean_text
from integrations.models import Organization, OrganizationIdentifier
from integrations.models.identifiers import KnownId
from integrations.services.imports.known_ids import VALUE_LENGTH, ids_from_text
from integrations.services.imports.profiles import PROFILES
from integrations.services.organizations.status import Meaning, status_meaning
from integrations.services.organizations.values import LABELS, ValueProblem, read_value

Kind = OrganizationIdentifier.Kind
ID_KINDS = tuple(Kind.values)
ANY_FILE = "an imported file"
INACTIVE, ACTIVE = "inactive", "active"
# What a spreadsheet takes for a number, and cuts short.
_NUMBERED = frozenset({"external_id", "phone", "postal_code", *ID_KINDS})
MEANINGS = (ACTIVE, INACTIVE)  # what a person may say that a word means
_TENANT_NAME = re.compile(r"[\w-]+\.(?:mail\.)?onmicrosoft\.(?:com|us|de|cn)", re.IGNORECASE)


@dataclass(slots=True)
class Said:
    """What a row says. ``ids`` is None where it says nothing of them; ``all_ids``: it says all there are."""

    values: dict[str, str | bool] = field(default_factory=dict)
    ids: list[KnownId] = field(default_factory=list)
    all_ids: list[KnownId] | None = None
    problems: list[str] = field(default_factory=list)
    left: str = ""  # in the file's own words why it is inactive


class CellReader:
    """Reads the rows of one file; counts what is worth telling of all of them."""

    def __init__(self, profile: str = "", meanings: Mapping[str, str] | None = None) -> None:
        known = PROFILES.get(profile)
        self.told_by = known.label if known else ANY_FILE
        self._id_kind = known.id_kind if known else Kind.SOURCE_ID
        self._meanings = {clean_text(word).casefold(): meaning for word, meaning in (meanings or {}).items()}
        self.left: Counter[str] = Counter()
        self.stayed: Counter[str] = Counter()
        self.odd_ids: Counter[str] = Counter()
        self.empty: Counter[str] = Counter()
        self.tenant_names = 0

    def read(self, row: FileRow) -> Said:
        """What the row says, with everything that is wrong with it."""
        said = Said(problems=[row.problem] if row.problem else [])
        for name, cell in self._told(said, row).items():
            if name in LABELS:
                self._read_value(said, name, cell, row)
            elif name in ID_KINDS and (text := clean_text(_plain(cell, row))):
                self._note_id(said, name, text)
            elif name == "identifiers" and cell.strip():
                try:
                    said.all_ids = ids_from_text(_plain(cell, row))
                except ValueProblem as problem:
                    said.problems.append(str(problem))
        external_id = str(said.values.get("external_id") or "")
        if external_id and self._id_kind != Kind.SOURCE_ID:
            self._note_id(said, self._id_kind, external_id)
        if "name" not in said.values and not any(each.startswith("name ") for each in said.problems):
            said.problems.insert(0, "name is empty")
        self._read_status(said, row)
        return said

    def _told(self, said: Said, row: FileRow) -> dict[str, str]:
        """The cells that hold a value, by field; of our own exports all of them do."""
        if row.cells.get("portal_key", "").strip():
            return dict(row.cells)
        told = {}
        for name, cell in row.cells.items():
            text = clean_text(cell)
            whole = whole_text(text) if name in _NUMBERED else text
            if says_nothing(text):
                self.empty[text] += 1
            elif text in ERRORS:
                said.problems.append(f"{_label(name)} holds the spreadsheet's error {text}; mend it there")
            elif whole is None:
                said.problems.append(
                    f"{_label(name)} is {_quoted(text)}, a number that a spreadsheet has cut short; "
                    "show the column as text or whole numbers there and save the file again"
                )
            else:
                told[name] = cell if whole == text else whole
        return told

    def _read_value(self, said: Said, name: str, cell: str, row: FileRow) -> None:
        try:
            text = text_of(name, cell, row)
            if name == "domain" and (found := _TENANT_NAME.fullmatch(clean_text(text).rpartition("@")[2])):
                self.tenant_names += 1
                self._note_id(said, Kind.TENANT_DOMAIN, found[0].lower())
                return
            value = read_value(name, text)
        except ValueProblem as problem:
            said.problems.append(str(problem))
        else:
            if value is not None:
                said.values[name] = value

    def _note_id(self, said: Said, kind: str, text: str) -> None:
        """Take the id, if it is one of its kind; what is none is counted and left aside."""
        value = read_id(kind, text)
        if value:
            said.ids.append(KnownId(kind, self.told_by, value))
        elif kind != Kind.SOURCE_ID:
            self.odd_ids[text[:40]] += 1

    def _read_status(self, said: Said, row: FileRow) -> None:
        """Inactive by one column is inactive, whatever the others say."""
        told: list[bool] = []
        for name, column, cell in row.several:
            text = clean_text(_plain(cell, row))
            is_active = self.meaning_of(name, text) if text else None
            if not text or (is_active is None and says_nothing(text)):
                continue
            if is_active is None and name != "organization_type":
                said.problems.append(
                    f"{column} says {_quoted(text)}, which is neither known as active nor as inactive"
                )
            elif is_active is not None:
                told.append(is_active)
                if not is_active:
                    said.left = said.left or f"{column} is {_quoted(text)}"
                    self.left[f"{column}: {text[:40]}"] += 1
                elif status_meaning(text) in {Meaning.ACTIVE, Meaning.LATER}:
                    self.stayed[f"{column}: {text[:40]}"] += 1
        if told:
            said.values["is_active"] = all(told)

    def meaning_of(self, field_name: str, text: str) -> bool | None:
        """Whether the cell says that the organization is active; None where nobody knows."""
        if chosen := self._meanings.get(text.casefold()):
            return chosen == ACTIVE
        meaning = status_meaning(text)
        if meaning in {Meaning.ACTIVE, Meaning.INACTIVE}:
            stays = meaning is Meaning.ACTIVE
            return None if stays and field_name == "organization_type" else stays
        if field_name == "organization_type" or meaning is Meaning.UNKNOWN:
            return None
        if field_name == "is_inactive":
            return meaning in {Meaning.NO, Meaning.LATER}
        return None if meaning in {Meaning.DATE, Meaning.LATER} else meaning is Meaning.YES

    def facts(self) -> dict[str, str]:
        """What was understood of all rows, for the report."""
        told: dict[str, str] = {}
        if self.left:
            told["Taken as inactive"] = _counted(self.left)
        if self.stayed:
            told["Taken as active"] = _counted(self.stayed)
        if self.empty:
            told["Taken as empty"] = _counted(self.empty)
        if self.tenant_names:
            told["Microsoft’s own names"] = (
                f"{self.tenant_names:,} (onmicrosoft.com): kept as the tenant’s name, not as a web domain"
            )
        if self.odd_ids:
            told["Ids left out"] = f"{_counted(self.odd_ids)}: not written as ids of their kind are"
        return told


def read_id(kind: str, text: str) -> str:
    """The id in its one form; "" for what is none of the kind."""
    if kind == Kind.TENANT_ID:
        try:
            return str(uuid.UUID(text))
        except ValueError:
            return ""
    if kind == Kind.AUTOTASK_COMPANY_ID:
        return text if text.isascii() and text.isdecimal() and 0 < int(text) < 10**18 else ""
    return text if len(text) <= VALUE_LENGTH else ""


def is_same_value(name: str, ours: object, theirs: object) -> bool:
    """Whether two values of a field say the same, however a number, code or domain is written."""
    if ours == theirs or not isinstance(ours, str) or not isinstance(theirs, str) or not ours or not theirs:
        return ours == theirs
    if name == "phone":
        return _phone_key(ours) == _phone_key(theirs)
    if name == "postal_code":
        ours, theirs = (re.sub(r"[\s-]+", "", each) for each in (ours, theirs))
    return name in {"postal_code", "domain"} and ours.casefold() == theirs.casefold()


def _phone_key(text: str) -> tuple[bool, str]:
    """Its digits, and whether a country is in front: that may be another number than without one."""
    bare = re.sub(r"[^\da-z]", "", text.casefold().replace("(0)", ""))
    return text.lstrip().startswith(("+", "00")), bare.removeprefix("00")


def text_of(name: str, cell: str, row: FileRow) -> str:
    """The cell's text, as it was before an export made it harmless. Raises ValueProblem."""
    text = _plain(cell, row)
    if "\n" in text.strip() or "\r" in text.strip():
        raise ValueProblem(f"{LABELS[name]} holds a line break; is a quotation mark missing?")
    # A telephone number such as "+1 614-555-0100" is no formula; its reader sees to the rest.
    if (
        not row.is_exact
        and text == cell
        and name != "phone"
        and (is_formula(cell) or is_formula(clean_text(cell)))
    ):
        raise ValueProblem(
            f"{LABELS[name]} begins with {_first_sign(cell)}, which a spreadsheet takes for a formula; "
            "if that is meant, put an apostrophe (') in front"
        )
    return text


def changed_fields(organization: Organization, values: Mapping[str, str | bool]) -> list[str]:
    """The fields whose values say something else than what is there."""
    before = organization.snapshot()
    return [name for name, value in values.items() if not is_same_value(name, before[name], value)]


def _label(name: str) -> str:
    return LABELS.get(name, name.replace("_", " "))


def _plain(cell: str, row: FileRow) -> str:
    return cell if row.is_exact else unescape_formula(cell)


def _first_sign(cell: str) -> str:
    names = {"\t": "a tab", "\r": "a line end", "\n": "a line end"}
    return names.get(cell[0]) or f'"{clean_text(cell)[0]}"'


def _quoted(text: str) -> str:
    return f"“{text}”" if len(text) <= 60 else f"“{text[:60]}…”"


def _counted(words: Counter[str]) -> str:
    shown = [f"{word} ({count:,})" for word, count in words.most_common(8)]
    more = len(words) - len(shown)
    return ", ".join(shown) + (f" and {more} more" if more > 0 else "")
