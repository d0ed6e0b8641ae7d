"""From rows to candidate pairs with features: the part that does not depend on the fitted model."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np

from integrations.matching.candidates import Longs, candidates
from integrations.matching.contacts import domain_in_name, read_contact
from integrations.matching.evidence import Counts, count_contacts
from integrations.matching.features import FEATURES, SIDED, compare
from integrations.matching.names import Form, ParsedName, read_name
from integrations.matching.records import Company, Organization
from integrations.matching.tables import Numbering, Record, Table, build, link_joins, occurrences
from integrations.matching.vocabulary import Flags, Ids, Reals, Vocabulary

#: Names kept parsed between two presses of the button; a name takes about one kilobyte.
KEPT_NAMES = 50_000
#: Pairs compared at a time; bounds the memory.
CHUNK = 20_000

cached_name = lru_cache(KEPT_NAMES)(read_name)


@dataclass(slots=True)
class Prepared:
    """Both lists as tables, and the pairs worth comparing with their features."""

    left: Table
    right: Table
    vocabulary: Vocabulary
    counts: Counts
    rows: Longs
    columns: Longs
    features: Reals
    sided: Reals
    left_forms: Ids  # the readings that were compared
    right_forms: Ids

    def forms(self, pair: int) -> tuple[Form, Form]:
        """The readings that were compared of one pair."""
        row, column = self.rows[pair], self.columns[pair]
        return (
            self.left.records[row].name.forms[self.left_forms[pair] - self.left.first_form[row]],
            self.right.records[column].name.forms[self.right_forms[pair] - self.right.first_form[column]],
        )

    def keep(self, pairs: Flags) -> "Prepared":
        """The same lists with some of the pairs."""
        chosen = ("rows", "columns", "features", "sided", "left_forms", "right_forms")
        return replace(self, **{name: getattr(self, name)[pairs] for name in chosen})


def organization_record(organization: Organization) -> Record:
    """Read one organization."""
    o = organization
    domain = o.domain or domain_in_name(o.name)
    contact = read_contact(domain, o.phone, o.city, o.state, o.postal_code, o.street)
    return Record(o.id, cached_name(o.name), contact)


def company_record(company: Company) -> Record:
    """Read one company."""
    c = company
    domain = c.web_address or domain_in_name(c.name)
    contact = read_contact(domain, c.phone, c.city, c.state, c.postal_code, c.street)
    return Record(c.id, cached_name(c.name), contact, c.is_active)


def parsed(name: str) -> ParsedName:
    """A name, read now or before."""
    return cached_name(name)


def prepare(
    ours: Sequence[Record],
    theirs: Sequence[Record],
    also: Sequence[tuple[int, int]] = (),
    step: Callable[[float], None] = lambda share: None,
) -> Prepared:
    """Number both lists, find candidates and compare them.

    ``also``: further pairs of positions to compare. ``step`` receives the share of the work done, 0 to 1.
    """
    vocabulary, numbering = Vocabulary(), Numbering({}, {})
    left, right = build(ours, vocabulary, numbering), build(theirs, vocabulary, numbering)
    words = len(vocabulary.ids)
    vocabulary.weigh(occurrences(left, words), occurrences(right, words), left.size + right.size)
    link_joins(left, vocabulary)
    link_joins(right, vocabulary)
    step(0.2)
    rows, columns = candidates(
        left, right, vocabulary, numbering, lambda done: step(0.2 + 0.4 * done / max(left.size, 1))
    )
    if also:
        more = np.array(also, np.int64)
        pairs = np.unique(np.concatenate([rows * right.size + columns, more[:, 0] * right.size + more[:, 1]]))
        rows, columns = pairs // right.size, pairs % right.size
    named_rows, named_columns = np.diff(left.first_form) > 0, np.diff(right.first_form) > 0
    named = named_rows[rows] & named_columns[columns]  # a name without letters has nothing to compare
    rows, columns = rows[named], columns[named]
    counts = count_contacts(left, right, len(numbering.texts), words)
    # by columns, so that what reads single features needs no copy
    features = np.empty((len(rows), len(FEATURES)), np.float32, order="F")
    sided = np.empty((len(rows), len(SIDED)), np.float32)
    forms = np.empty((2, len(rows)), np.int32)
    for start in range(0, len(rows), CHUNK):
        part = slice(start, start + CHUNK)
        compared = compare(left, rows[part], right, columns[part], vocabulary, counts)
        features[part], sided[part] = compared.features, compared.sided
        forms[0, part], forms[1, part] = compared.left_form, compared.right_form
        step(0.6 + 0.3 * start / len(rows))
    return Prepared(left, right, vocabulary, counts, rows, columns, features, sided, forms[0], forms[1])
