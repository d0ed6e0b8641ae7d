"""Both lists as arrays, so that all pairs are compared at once.

A *form* is one reading of a name (see ``names``); a record has one or more. Words, domains, telephone numbers
and the like become numbers: equal numbers, equal texts. -1 stands for nothing.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import chain, repeat

import numpy as np

from integrations.matching.contacts import Contact
from integrations.matching.names import Form, ParsedName
from integrations.matching.vocabulary import NOTHING, Flags, Ids, Vocabulary

#: More words of one form are not compared.
MOST_WORDS = 12
MOST_QUALIFIERS = 4
MOST_CITY_WORDS = 3
MOST_JOINED = 3
#: More forms of one name are not compared.
MOST_FORMS = 6
_NO_WORDS: tuple[int, ...] = ()


@dataclass(slots=True)  # not frozen: thousands are made a press, and freezing doubles the cost
class Record:
    """One organization or company after reading."""

    id: str
    name: ParsedName
    contact: Contact
    is_active: bool = True


@dataclass(slots=True)
class ContactColumns:
    """What the R records of one list hold beside their names."""

    domain: Ids
    domain_label: Ids
    label_texts: list[str]
    phone: Ids
    phone_block: Ids  # all but the last two digits
    phone_texts: list[str]
    postal_code: Ids
    city: Ids
    state: Ids
    city_words: Ids  # (R, C)


@dataclass(slots=True)
class Table:
    """One list as arrays. R records, F forms; a form's words are padded with -1 on the right."""

    records: Sequence[Record]
    first_form: Ids  # (R + 1): forms of record r are first_form[r]:first_form[r + 1]
    form_record: Ids  # (F)
    form_kind: Ids  # (F)
    words: Ids  # (F, W) distinct words in order
    word_count: Ids  # (F)
    joins: Ids  # (F, W - 1) word that two neighbours give when written together, where it occurs at all
    qualifier: Ids  # (F, Q)
    joined: Ids  # (F, J) words behind an "and"
    squash: Ids  # (F) the form as written, without legal form and spaces
    word_set: Ids  # (F) the words whatever their order
    repeats: Ids  # (F) the words that stand more than once
    apostrophes: Ids  # (F) the words written with an apostrophe
    end_apostrophes: Ids  # (F) those that end with it: "Hayes'"
    squash_texts: list[str]  # (F) squash as text
    joined_texts: list[str]  # (F) canonical words without spaces
    contacts: ContactColumns
    classes: Ids  # (R) bit mask of legal classes
    whole: Ids  # the whole text, letters and digits only
    initials: list[tuple[str, ...]]

    @property
    def size(self) -> int:
        """Number of records."""
        return len(self.records)


@dataclass(slots=True)
class Numbering:
    """Numbers for all texts that are only compared for equality; shared by both tables."""

    texts: dict[str, int]
    classes: dict[str, int]

    def column(self, texts: Sequence[str]) -> Ids:
        """The number of each text; -1 for an empty one."""
        known = self.texts
        for text in dict.fromkeys(texts):
            if text:
                known.setdefault(text, len(known))
        return np.fromiter(map(known.get, texts, repeat(NOTHING)), np.int32, len(texts))

    def mask(self, classes: Iterable[str]) -> int:
        """Legal classes as bits (the 31st and later classes share one)."""
        bits = 0
        for kind in classes:
            bits |= 1 << min(self.classes.setdefault(kind, len(self.classes)), 30)
        return bits


def _padded(rows: Sequence[Sequence[int]], width: int) -> Ids:
    """Rows of different length as one array, filled with -1."""
    width = max(1, width)
    lengths = np.fromiter(map(len, rows), np.int64, len(rows))
    flat = np.fromiter(chain.from_iterable(rows), np.int32, int(lengths.sum()))
    array = np.full((len(rows), width), NOTHING, np.int32)
    if not flat.size:
        return array
    array[np.arange(width) < lengths[:, None]] = flat
    return array


def _numbered(words: tuple[str, ...], ids: dict[str, int], most: int) -> Sequence[int]:
    """The numbers of the first words."""
    return [ids.setdefault(word, len(ids)) for word in words[:most]] if words else _NO_WORDS


def _in_order(words: tuple[str, ...]) -> str:
    """Words as one text whatever their order."""
    return " ".join(sorted(words)) if words else ""


def _ending_so(apostrophes: tuple[str, ...]) -> str:
    """The words that end with their apostrophe, as one text."""
    return " ".join(sorted(word for word in apostrophes if word.endswith("'"))) if apostrophes else ""


def number_contacts(
    contacts: Sequence[Contact], vocabulary: Vocabulary, numbering: Numbering
) -> ContactColumns:
    """Number the fields beside the names of one list."""
    ids, column = vocabulary.ids, numbering.column
    number = ids.setdefault
    cities = [sorted(c.city_words)[:MOST_CITY_WORDS] if c.city_words else [] for c in contacts]
    return ContactColumns(
        domain=column([c.domain for c in contacts]),
        domain_label=column([c.domain_label for c in contacts]),
        label_texts=[c.domain_label for c in contacts],
        phone=column(["tel:" + c.phone if c.phone else "" for c in contacts]),
        phone_block=column(["block:" + c.phone[:-2] if c.phone else "" for c in contacts]),
        phone_texts=[c.phone for c in contacts],
        postal_code=column(["zip:" + c.postal_code if c.postal_code else "" for c in contacts]),
        city=column([c.city for c in contacts]),
        state=column([c.state for c in contacts]),
        city_words=_padded([[number(w, len(ids)) for w in city] for city in cities], MOST_CITY_WORDS),
    )


def build(records: Sequence[Record], vocabulary: Vocabulary, numbering: Numbering) -> Table:
    """Number everything of one list. The joins are filled by ``link_joins`` once both lists are numbered."""
    ids = vocabulary.ids
    number = ids.setdefault
    first: list[int] = [0]
    form_record: list[int] = []
    forms: list[Form] = []
    words: list[list[int]] = []
    qualifiers: list[Sequence[int]] = []
    sets: list[str] = []
    initials: list[tuple[str, ...]] = []
    for position, record in enumerate(records):
        own = record.name.forms[:MOST_FORMS]
        for form in own:
            distinct = form.words if len(form.words) == 1 else tuple(dict.fromkeys(form.words))[:MOST_WORDS]
            form_record.append(position)
            words.append([number(word, len(ids)) for word in distinct])
            qualifiers.append(_numbered(form.qualifier, ids, MOST_QUALIFIERS))
            sets.append(" ".join(sorted(distinct + form.repeats if form.repeats else distinct)))
        forms.extend(own)
        known_by = own[0].initials if len(own) == 1 else {word for form in own for word in form.initials}
        initials.append(tuple(sorted(known_by)))
        first.append(len(form_record))
    column = numbering.column
    return Table(
        records=records,
        first_form=np.array(first, np.int32),
        form_record=np.array(form_record, np.int32),
        form_kind=np.array([form.kind for form in forms], np.int32),
        words=_padded(words, MOST_WORDS),
        word_count=np.array([len(row) for row in words], np.int32),
        joins=np.zeros((0, 0), np.int32),
        qualifier=_padded(qualifiers, MOST_QUALIFIERS),
        joined=_padded([_numbered(form.joined, ids, MOST_JOINED) for form in forms], MOST_JOINED),
        squash=column([form.squash for form in forms]),
        word_set=column(sets),
        repeats=column([_in_order(form.repeats) for form in forms]),
        apostrophes=column([_in_order(form.apostrophes) for form in forms]),
        end_apostrophes=column([_ending_so(form.apostrophes) for form in forms]),
        squash_texts=[form.squash for form in forms],
        joined_texts=["".join(form.words) for form in forms],
        contacts=number_contacts([record.contact for record in records], vocabulary, numbering),
        classes=np.array([numbering.mask(record.name.classes) for record in records], np.int32),
        whole=column([record.name.squash for record in records]),
        initials=initials,
    )


def link_joins(table: Table, vocabulary: Vocabulary) -> None:
    """Find, for every two neighbouring words, the one word they give together ("nail" "com" -> "nailcom")."""
    texts, ids = vocabulary.texts, vocabulary.ids
    width = table.words.shape[1]
    joins = np.full((len(table.words), max(1, width - 1)), NOTHING, np.int32)
    several = np.flatnonzero(table.word_count > 1)
    left = table.words[several, :-1]
    right = table.words[several, 1:]
    both = right >= 0
    pairs = left[both].astype(np.int64) << 32 | right[both].astype(np.int64)
    unique, inverse = np.unique(pairs, return_inverse=True)
    found = np.fromiter(
        (ids.get(texts[pair >> 32] + texts[pair & 0xFFFFFFFF], NOTHING) for pair in unique.tolist()),
        np.int32,
        len(unique),
    )
    rows = np.full(left.shape, NOTHING, np.int32)
    rows[both] = found[inverse]
    if several.size:
        joins[several] = rows
    table.joins = joins


def occurrences(table: Table, size: int) -> Ids:
    """In how many records of a list each word stands in a full or second name."""
    keep: Flags = table.form_kind <= 1
    rows = np.repeat(table.form_record[keep], table.words.shape[1])
    flat = table.words[keep].ravel()
    used = flat >= 0
    pairs = np.unique(rows[used].astype(np.int64) * max(size, 1) + flat[used])
    return np.bincount(pairs % max(size, 1), minlength=size).astype(np.int32)
