"""Which column of a file is what: proposed by known tools, by names and by values, and chosen by people.

What two columns may mean alike is asked, never guessed: a wrong id gives one customer what is another's.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

from integrations.files.column_words import header_key, header_keys, header_words
from integrations.files.odd_cells import says_nothing
from integrations.files.text import clean_text
from integrations.models import ImportReport
from integrations.services.exports.mappings import COLUMNS as EXPORTED_MAPPING
from integrations.services.imports.column_names import (
    MAPPING_NAMES,
    ORGANIZATION_NAMES,
    OTHER_THINGS,
    PLACE_WRAPPERS,
    SAYS_NOTHING,
    WRAPPERS,
    Names,
)
from integrations.services.imports.leaving_names import says_when_left
from integrations.services.imports.looks import FEWEST, host_of, is_uuid, look_of
from integrations.services.imports.profiles import PROFILES, Profile, find_profile
from integrations.services.organizations.status import Meaning, status_meaning

Kind = ImportReport.Kind
FindIds = Callable[[Collection[str]], Collection[str]]
SAMPLES = 5
LONGEST_SAMPLE = 60
CHOSEN = "you chose it"
CHOSEN_WEIGHT = 9.0
NAMED = "named so"
KNOWN = "its values are external ids of your organizations"
NO_CHOICE: Mapping[str, str] = MappingProxyType({})

FIELDS: dict[Kind, dict[str, str]] = {
    Kind.ORGANIZATIONS: {
        "name": "Name",
        "external_id": "External id",
        "domain": "Domain",
        "phone": "Phone",
        "city": "City",
        "state": "State",
        "postal_code": "Postal code",
        "is_active": "Active (yes, no, or a status)",
        "is_inactive": "Inactive or archived (yes, no, or when)",
        "organization_type": "Type (“former” and its like are inactive)",
        "tenant_id": "Microsoft tenant id",
        "tenant_domain": "Microsoft tenant’s own name",
        "autotask_company_id": "Autotask company id",
        "source_id": "Its id in the tool that the file comes from",
        "portal_key": "Portal key",
        "identifiers": "Other tools’ ids (as exported)",
    },
    Kind.MAPPINGS: {
        field: field.replace("_", " ").capitalize() for field in ("organization_id", *EXPORTED_MAPPING)
    },
}
REQUIRED: dict[Kind, tuple[str, ...]] = {
    Kind.ORGANIZATIONS: ("name",),
    Kind.MAPPINGS: ("company_id", "company_name"),
}
STATUS_FIELDS = ("is_active", "is_inactive")
# Of these a file may have several: who left by one of them, has left.
SEVERAL_FIELDS = (*STATUS_FIELDS, "organization_type")
_PLACES = {"city", "state", "postal_code", "phone", "domain", *STATUS_FIELDS}
_NAMES: dict[Kind, dict[str, Names]] = {
    Kind.ORGANIZATIONS: ORGANIZATION_NAMES,
    Kind.MAPPINGS: {
        field: MAPPING_NAMES.get(field, Names(field.replace("_", " "))) for field in FIELDS[Kind.MAPPINGS]
    },
}
_PROFILE_FIELDS = {Kind.MAPPINGS: {"autotask_company_id": "company_id"}}
_LOOKS = {
    "external_id": "ids",
    "domain": "domains",
    "phone": "telephone numbers",
    "postal_code": "postal codes",
    "is_active": "a status",
}


@dataclass(frozen=True)
class Column:
    """A column of the file, as it is called there, and what it is; ``field`` is "" where it is not used."""

    name: str
    samples: tuple[str, ...]
    field: str
    why: str


@dataclass(frozen=True)
class Question:
    """Which of these columns is the field? ``proposed`` is one of them, "" for none."""

    field: str
    columns: tuple[str, ...]
    proposed: str
    text: str


@dataclass(frozen=True)
class ColumnPlan:
    """What the columns of a file are, in its order; open questions; and what makes it unreadable so far."""

    kind: Kind
    profile: str
    columns: tuple[Column, ...]
    questions: tuple[Question, ...]
    problems: tuple[str, ...]

    @property
    def unused(self) -> tuple[str, ...]:
        """The columns that are not used."""
        return tuple(column.name for column in self.columns if not column.field)

    @property
    def profile_label(self) -> str:
        """The tool that the file is from, in words; "" for none that is known."""
        return PROFILES[self.profile].label if self.profile else ""


@dataclass
class _Candidate:
    """What a column may be, and how plainly: a tool's own word for it beats ours, ours other tools'."""

    field: str = ""
    weight: float = 0.0
    why: str = ""


_INDEX = {
    kind: {
        key: (field, weight)
        for weight, which in ((1.0, "weak"), (2.0, "plain"), (3.0, "ours"))
        for field, known in reversed(names.items())
        for name in known.listed(which)
        for key in header_keys(name)
    }
    for kind, names in _NAMES.items()
}


def propose_columns(
    kind: Kind,
    names: Sequence[str],
    sample_rows: Iterable[Sequence[str]],
    *,
    profile: str = "",
    chosen: Mapping[str, str] = NO_CHOICE,
    meanings: Mapping[str, str] = NO_CHOICE,
    find_ids: FindIds | None = None,
) -> ColumnPlan:
    """What each of these columns is.

    ``sample_rows`` are some rows of the file, a cell a column. ``profile`` is a key of PROFILES, "" to find
    out. ``chosen`` says what a person wants, by column ("" to leave it out): that is done, and answers the
    question of its field. ``meanings`` says which words of a status mean "active" or "inactive". ``find_ids``
    tells which of some texts are external ids that organizations have.
    """
    rows = [list(row) for row in sample_rows]
    known_words = {clean_text(word).casefold() for word in meanings}
    return _Proposal(kind, distinct_names(names), rows, profile, chosen, known_words, find_ids).plan()


def distinct_names(names: Sequence[str]) -> list[str]:
    """The names of the columns, told apart: a second "Phone" is "Phone (2)", an unnamed one "Column 3"."""
    distinct: list[str] = []
    for number, name in enumerate(names, start=1):
        name = clean_text(name) or f"Column {number}"
        told, count = name, 1
        while told in distinct:
            count += 1
            told = f"{name} ({count})"
        distinct.append(told)
    return distinct


class _Proposal:
    """Works out the plan of one file."""

    def __init__(
        self,
        kind: Kind,
        names: list[str],
        rows: list[list[str]],
        profile: str,
        chosen: Mapping[str, str],
        known_words: set[str],
        find_ids: FindIds | None,
    ) -> None:
        self.find_ids = find_ids
        self.kind, self.names, self.known_words, self.rows = kind, names, known_words, rows
        self.values = [
            [
                cell
                for row in rows
                if (cell := "".join(row[place : place + 1]).strip()) and not says_nothing(cell)
            ]
            for place in range(len(names))
        ]
        self.problems: list[str] = []
        self.questions: list[Question] = []
        if profile and profile not in PROFILES:
            self.problems.append(f"No profile is called “{profile}”. Known are: {', '.join(PROFILES)}.")
            profile = ""
        self.profile = profile or find_profile(names)
        self.chosen = self._chosen(chosen)
        self.candidates = [self._candidate(place) for place in range(len(names))]

    def plan(self) -> ColumnPlan:
        for field in FIELDS[self.kind]:
            if field not in SEVERAL_FIELDS:
                self._settle(field)
        self._ask_about_status()
        self._look_for_known_ids()
        self._look_at_values()
        self._require()
        columns = []
        for name, values, each in zip(self.names, self.values, self.candidates, strict=True):
            samples = tuple(_shortened(value) for value in list(dict.fromkeys(values))[:SAMPLES])
            columns.append(Column(name, samples, each.field, each.why))
        return ColumnPlan(
            self.kind, self.profile, tuple(columns), tuple(self.questions), tuple(self.problems)
        )

    # --- what each column may be ----------------------------------------------------------------------------

    def _chosen(self, chosen: Mapping[str, str]) -> dict[int, str]:
        """What a person chose, by place; a name that is not written exactly so is found by its words."""
        by_key: dict[str, list[int]] = {}
        for place, name in enumerate(self.names):
            by_key.setdefault(header_key(name), []).append(place)
        found: dict[int, str] = {}
        for name, field in chosen.items():
            places = [self.names.index(name)] if name in self.names else by_key.get(header_key(name), [])
            if len(places) != 1:
                has = ", ".join(self.names[:20])
                self.problems.append(f"The file has no column “{_shortened(name)}”. Its columns are: {has}.")
            elif field and field not in FIELDS[self.kind]:
                known = ", ".join(FIELDS[self.kind])
                self.problems.append(f"A column cannot be “{_shortened(field)}”. It can be: {known}.")
            else:
                found[places[0]] = field
        return found

    def _candidate(self, place: int) -> _Candidate:
        name, values = self.names[place], self.values[place]
        if place in self.chosen:
            field, why = self.chosen[place], CHOSEN
            if field == "is_active" and _named(self.kind, name)[0] == "is_inactive":
                field, why = "is_inactive", f"{CHOSEN}; by its name, yes means inactive"
            return _Candidate(field, CHOSEN_WEIGHT, why)
        known = PROFILES.get(self.profile)
        if known is not None and any(header_key(each) == header_key(name) for each in known.columns):
            field = known.field_of(name)
            field = _PROFILE_FIELDS.get(self.kind, {}).get(field, field)
            field = field if field in FIELDS[self.kind] else ""
            return _Candidate(field, 5.0, _called_so(known, field))
        field, weight = _named(self.kind, name)
        why = NAMED if field else ""
        if field == "is_inactive":
            why = f"{NAMED}; yes means inactive"
        if field == "state" and values and all(map(_is_status_word, values)):
            field, why = "is_active", "its values say who is active"
        if field == "name" and values and weight < 3 and all(v.isdecimal() or is_uuid(v) for v in values):
            field, weight, why = "external_id", 0.5, "its values look like ids"
        return _Candidate(field, weight, why)

    # --- one column a field ---------------------------------------------------------------------------------

    def _settle(self, field: str) -> None:
        """Leave the field to one column, and ask where two fit it alike."""
        places = [place for place, each in enumerate(self.candidates) if each.field == field]
        if len(places) < 2:
            return
        most = max(self.candidates[place].weight for place in places)
        best = [place for place in places if self.candidates[place].weight == most]
        best = [place for place in best if self.values[place]] or best[:1]
        proposed = self._proposed(best)
        for place in places:
            if place != proposed:
                named = self.names[proposed]
                self.candidates[place] = _Candidate(why=f"“{named}” is taken as {self._label(field)}")
        if len(best) > 1 and (most == CHOSEN_WEIGHT or not self._say_the_same(best)):
            names = tuple(self.names[place] for place in best)
            listed = " or ".join(f"“{name}”" for name in names)
            said = "were both chosen" if most == CHOSEN_WEIGHT else "fit it alike"
            text = (
                f"Which column is the {self._label(field)}: {listed}? They {said}; "
                f"“{self.names[proposed]}” is proposed."
            )
            self.questions.append(Question(field, names, self.names[proposed], text))

    def _say_the_same(self, places: list[int]) -> bool:
        """Whether no row gives these columns different values: a website and its domain, an id twice."""
        for row in self.rows:
            given = {_comparable(row[place]) for place in places if place < len(row)} - {""}
            if len(given) > 1:
                return False
        return bool(self.rows)

    def _proposed(self, places: list[int]) -> int:
        known = PROFILES.get(self.profile)
        wanted = [header_key(name) for name in known.proposes] if known else []
        by_tool = [place for place in places if header_key(self.names[place]) in wanted]
        unmistakable = [place for place in places if all(map(is_uuid, self.values[place]))]
        return (by_tool or unmistakable or places)[0]

    def _label(self, field: str) -> str:
        label = FIELDS[self.kind][field].split(" (")[0]
        return label if label.split()[0] in {"Microsoft", "Autotask"} else label[0].lower() + label[1:]

    def _ask_about_status(self) -> None:
        """A column that should say who is active, in words that nobody knows, is asked about."""
        for place, each in enumerate(self.candidates):
            values = self.values[place]
            if each.field not in STATUS_FIELDS or not values or each.weight == CHOSEN_WEIGHT:
                continue
            if not any(self._is_known(value) for value in values):
                shown = ", ".join(f"“{_shortened(value)}”" for value in list(dict.fromkeys(values))[:3])
                name = self.names[place]
                text = (
                    f"Does “{name}” say who is active? Its values ({shown}) are not known here. "
                    "Leave it out, or say what they mean."
                )
                self.questions.append(Question(each.field, (name,), "", text))
                self.candidates[place] = _Candidate(why="its values are not known here")

    def _is_known(self, value: str) -> bool:
        return status_meaning(value) is not Meaning.UNKNOWN or value.casefold() in self.known_words

    # --- by values ------------------------------------------------------------------------------------------

    def _look_for_known_ids(self) -> None:
        """A column of ids that organizations have already is their external id, whatever it is called."""
        taken = any(each.field == "external_id" for each in self.candidates)
        if self.find_ids is None or taken or "external_id" not in FIELDS[self.kind]:
            return
        shares: list[tuple[float, int]] = []
        for place, each in enumerate(self.candidates):
            values = set(self.values[place])
            if each.field or each.weight == CHOSEN_WEIGHT or len(values) < FEWEST:
                continue
            known = len(self.find_ids(values))
            if known >= FEWEST and 2 * known >= len(values):
                shares.append((known / len(values), -place))
        if shares:
            self.candidates[-max(shares)[1]] = _Candidate("external_id", 0.4, KNOWN)

    def _look_at_values(self) -> None:
        """What names do not say, values may: an id, a domain, a telephone number, a postal code, a status."""
        if self.kind is not Kind.ORGANIZATIONS or self.profile:
            return
        taken = {each.field for each in self.candidates}
        looks: dict[str, list[int]] = {}
        for place, each in enumerate(self.candidates):
            words = header_words(self.names[place])
            if each.field or each.why or OTHER_THINGS & set(words):
                continue
            says_nothing = all(
                not (bare := word.rstrip("0123456789")) or bare in SAYS_NOTHING for word in words
            )
            look = look_of(self.values[place])
            if look == "postal_code" and not says_nothing and all(map(str.isdecimal, self.values[place])):
                continue
            if not look and says_nothing and _like_names(self.values[place]):
                look = "name"
            if look and look not in taken:
                looks.setdefault(look, []).append(place)
        for field, places in looks.items():
            if len(places) == 1:
                shown = _LOOKS.get(field, "names")
                self.candidates[places[0]] = _Candidate(field, 0.3, f"its values look like {shown}")

    def _require(self) -> None:
        fields = {each.field for each in self.candidates}
        required = REQUIRED[self.kind]
        if not fields & set(required):
            wanted = " or ".join(f'"{field.replace("_", " ")}"' for field in required)
            shown = ", ".join(self.names[:20])
            self.problems.append(f"The file has no column {wanted}. The columns are: {shown}.")


def _named(kind: Kind, name: str) -> tuple[str, float]:
    """The field that the name says, and how plainly."""
    index = _INDEX[kind]
    if found := index.get(header_key(name)):
        return found
    segments = name.split(".")
    for passed in range(1, len(segments)):  # "attributes.name", "address.city"
        outer, rest = segments[:passed], ".".join(segments[passed:])
        field, weight = index.get(header_key(rest), ("", 0.0))
        wrappers = PLACE_WRAPPERS if field in _PLACES else WRAPPERS
        if field and all(set(header_words(each)) <= wrappers for each in outer):
            return field, weight - 0.5
    words = header_words(name)
    for passed in range(1, len(words)):  # "Customer City", "Main Address Zip"
        field, weight = index.get("".join(words[passed:]), ("", 0.0))
        if field in _PLACES and set(words[:passed]) <= PLACE_WRAPPERS:
            return field, weight - 0.5
    if kind is Kind.ORGANIZATIONS and says_when_left(name, WRAPPERS):
        return "is_inactive", 1.5
    return "", 0.0


def _called_so(profile: Profile, field: str) -> str:
    if not field:
        return f"nothing of {profile.label} that is kept here"
    meaning = "; yes means inactive" if field == "is_inactive" else ""
    return f"{profile.label} calls it so{meaning}"


def _comparable(value: str) -> str:
    host = host_of(value).removeprefix("www.")
    return host or value.strip().casefold()


def _is_status_word(value: str) -> bool:
    return status_meaning(value) in {Meaning.ACTIVE, Meaning.INACTIVE}


def _like_names(values: Sequence[str]) -> bool:
    """Texts with letters that are hardly ever the same."""
    lettered = [value for value in values if sum(map(str.isalpha, value)) >= 3]
    return bool(values) and len(lettered) == len(values) and len(set(values)) * 4 >= len(values) * 3


def _shortened(text: str) -> str:
    text = clean_text(text)
    return text if len(text) <= LONGEST_SAMPLE else f"{text[:LONGEST_SAMPLE]}…"
