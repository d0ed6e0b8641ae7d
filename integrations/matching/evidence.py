"""Evidence beside the names: domain, telephone, address."""

from dataclasses import dataclass

import numpy as np
from rapidfuzz.distance import OSA, Prefix
from rapidfuzz.process import cpdist

from integrations.matching.candidates import Longs
from integrations.matching.tables import Table
from integrations.matching.vocabulary import Flags, Ids, Reals

#: A domain label and a name that begin alike for this many letters, and what that is worth.
_LABEL_PREFIX = 6
_LABEL_PREFIX_VALUE = 0.6
_SAME_LABEL_VALUE = 0.8


@dataclass(slots=True)
class Counts:
    """How many records of either list hold a domain or telephone number; words that are a city somewhere."""

    shared: Ids
    city_word: Flags


def count_contacts(left: Table, right: Table, texts: int, words: int) -> Counts:
    """Count both lists: a contact that several records of one list share is weak evidence."""

    def held(one: Ids, two: Ids) -> Ids:
        return np.maximum(
            np.bincount(one[one >= 0], minlength=texts), np.bincount(two[two >= 0], minlength=texts)
        )

    city_word = np.zeros(words + 1, bool)
    for table in (left, right):
        city_word[table.contacts.city_words[table.contacts.city_words >= 0]] = True
    city_word[-1] = False
    shared = np.maximum(
        held(left.contacts.domain, right.contacts.domain), held(left.contacts.phone, right.contacts.phone)
    )
    return Counts(shared.astype(np.int32), city_word)


def label_is_name(left: Table, rows: Longs, forms: Longs, right: Table, columns: Longs) -> Reals:
    """How far the domain label of the right is the name of the left: 1 equal, .6 one begins the other."""
    value = np.zeros(len(rows))
    labelled = np.flatnonzero(right.contacts.domain_label[columns] >= 0)
    if not labelled.size:
        return value
    labels = [right.contacts.label_texts[i] for i in columns[labelled].tolist()]
    names = [left.squash_texts[i] for i in forms[labelled].tolist()]
    prefix = cpdist(labels, names, scorer=Prefix.similarity, dtype=np.float64)
    label_length = np.fromiter(map(len, labels), np.float64, len(labels))
    name_length = np.fromiter(map(len, names), np.float64, len(names))
    shorter = np.minimum(label_length, name_length)
    found = np.where((prefix == shorter) & (shorter >= _LABEL_PREFIX), _LABEL_PREFIX_VALUE, 0.0)
    value[labelled] = np.where((prefix == label_length) & (label_length == name_length), 1.0, found)
    return value


def _near_numbers(left: Table, rows: Longs, right: Table, columns: Longs, different: Flags) -> Reals:
    """1 where different telephone numbers are of one switchboard, or one is mistyped or lacks its area."""
    value: Reals = (
        different & (left.contacts.phone_block[rows] == right.contacts.phone_block[columns])
    ).astype(float)
    other = np.flatnonzero(different & (value == 0))
    if other.size:
        ours = [left.contacts.phone_texts[i] for i in rows[other].tolist()]
        theirs = [right.contacts.phone_texts[i] for i in columns[other].tolist()]
        edits = cpdist(ours, theirs, scorer=OSA.distance, score_cutoff=1, dtype=np.int32)
        local = [a.endswith(b) or b.endswith(a) for a, b in zip(ours, theirs, strict=True)]
        value[other[(edits <= 1) | np.array(local, bool)]] = 1.0
    return value


def contact_features(
    columns_of: dict[str, Reals], left: Table, rows: Longs, right: Table, columns: Longs, counts: Counts
) -> None:
    """Domain, telephone and address."""

    def compare(name: str) -> tuple[Flags, Flags]:
        ours, theirs = getattr(left.contacts, name)[rows], getattr(right.contacts, name)[columns]
        both = (ours >= 0) & (theirs >= 0)
        return both & (ours == theirs), both & (ours != theirs)

    for name in ("domain", "phone"):
        same, different = compare(name)
        frequency = counts.shared[np.where(same, getattr(left.contacts, name)[rows], 0)]
        columns_of[f"{name}_same"] = same / np.sqrt(np.maximum(frequency, 1))
        columns_of[f"{name}_different"] = different.astype(float)
    for name in ("postal_code", "city"):
        same, different = compare(name)
        columns_of[f"{name}_same"] = same.astype(float)
        columns_of[f"{name}_different"] = different.astype(float)
    columns_of["state_different"] = compare("state")[1].astype(float)
    # "Jakarta" is "Jakarta Pusat" or a part of it; and people of one postal code name their town as they like
    ours, theirs = left.contacts.city_words[rows], right.contacts.city_words[columns]
    both = (ours[:, :, None] == theirs[:, None, :]) & (ours[:, :, None] >= 0)
    within = (both.any(2) | (ours < 0)).all(1) | (both.any(1) | (theirs < 0)).all(1)
    columns_of["city_different"][within | (columns_of["postal_code_same"] > 0)] = 0.0
    columns_of["state_different"][columns_of["postal_code_same"] > 0] = 0.0
    same_label, _ = compare("domain_label")
    named = np.maximum(columns_of["domain_is_name"], _SAME_LABEL_VALUE * same_label)
    # where the names are the same, the domain says nothing that they do not
    same_name = (columns_of["same_words"] > 0) & (columns_of["inflected"] == 0)
    told = (columns_of["domain_same"] > 0) | same_name
    columns_of["domain_is_name"] = np.where(told, 0.0, named)
    columns_of["phone_near"] = _near_numbers(left, rows, right, columns, columns_of["phone_different"] > 0)
    alike = np.minimum(columns_of["alike"], 1.0)
    contact = np.maximum(columns_of["domain_same"], columns_of["phone_same"])
    columns_of["evidence_despite_name"] = contact * (1 - alike)
    columns_of["evidence_with_name"] = np.maximum(contact, columns_of["postal_code_same"]) * alike
    columns_of["place_with_name"] = columns_of["city_same"] * columns_of["same_words"]
    columns_of["all_contacts_different"] = columns_of["domain_different"] * columns_of["phone_different"]
