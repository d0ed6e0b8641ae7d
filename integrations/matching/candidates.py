"""Which pairs are worth comparing: those whose names share rare pieces, and those that share a key."""

from collections.abc import Callable, Iterable

import numpy as np
import numpy.typing as npt
import scipy.sparse as sp

from integrations.matching.tables import Numbering, Table
from integrations.matching.vocabulary import Ids, Vocabulary

Longs = Ids

#: Candidates a record gets by shared pieces; fewer on long lists.
NEAREST, NEAREST_LONG, LONG_LIST = 12, 8, 40_000
#: Lowest cosine of shared pieces.
LEAST_COSINE = 0.12
#: Multiplications spent on shared pieces per record of the first list; the most common pieces go first.
WORK_PER_RECORD = 2_000
BLOCK = 512
#: A candidate must reach this share of the record's best cosine.
LEAST_SHARE = 0.3
_COSINE_STEPS = (1 << 20) - 2
_COLUMN_BITS = (1 << 34) - 1
#: Weight of a three-letter piece beside a whole word.
PIECE_SHARE = 0.5
#: A key that more companies share than this says nothing about any of them.
MOST_SHARED_NAME, MOST_SHARED_CONTACT, MOST_SHARED_INITIALS = 25, 8, 10
SHORTEST_LABEL = 4
LONGEST_SHORT_NAME = 6


def _three_letter_pieces(texts: list[str]) -> tuple[Longs, Longs, int]:
    """Three-letter pieces of every word, with its ends marked: word ids, piece ids, number of pieces."""
    if not texts:
        return np.zeros(0, np.int64), np.zeros(0, np.int64), 0
    longest = min(max(len(text) for text in texts), 24)
    padded = np.array(["^" + text[:longest] + "$" for text in texts], dtype=f"U{longest + 2}")
    codes = padded.view(np.uint32).reshape(len(texts), longest + 2).astype(np.int64)
    pieces = (codes[:, :-2] << 42) | (codes[:, 1:-1] << 21) | codes[:, 2:]
    real = codes[:, 2:] > 0
    words = np.repeat(np.arange(len(texts)), real.sum(1))
    _, ids = np.unique(pieces[real], return_inverse=True)
    return words, ids, int(ids.max()) + 1 if ids.size else 0


def _membership(table: Table, words: int) -> sp.csr_matrix:
    """Records by words: 1 where a word stands in any form of the record."""
    rows = np.repeat(table.form_record, table.words.shape[1])
    flat = table.words.ravel()
    used = flat >= 0
    matrix = sp.csr_matrix(
        (np.ones(int(used.sum()), np.float32), (rows[used], flat[used])), shape=(table.size, words)
    )
    matrix.data[:] = 1.0
    return matrix


def _pieces_of(table: Table, words: int, pieces: sp.csr_matrix) -> sp.csr_matrix:
    member = _membership(table, words)
    spread = member @ pieces
    np.minimum(spread.data, 2.0, out=spread.data)
    spread.data *= PIECE_SHARE
    return sp.csr_matrix(sp.hstack([member, spread], format="csr", dtype=np.float32))


def _affordable(left: sp.csr_matrix, right: sp.csr_matrix) -> npt.NDArray[np.bool_]:
    """Which columns to use: rarest first, until the product has cost its budget."""
    ours = np.bincount(left.indices, minlength=left.shape[1])
    theirs = np.bincount(right.indices, minlength=right.shape[1])
    order = np.argsort(ours + theirs, kind="stable")
    spent = np.cumsum((ours * theirs)[order])
    keep = np.zeros(left.shape[1], bool)
    keep[order[spent <= WORK_PER_RECORD * max(left.shape[0], 1_000)]] = True
    return keep


def _scaled(matrix: sp.csr_matrix, weight: npt.NDArray[np.float32]) -> sp.csr_matrix:
    """Columns weighted, rows brought to length one."""
    data = matrix.data * weight[matrix.indices]
    counts = np.diff(matrix.indptr)
    rows = np.repeat(np.arange(matrix.shape[0]), counts)
    length = np.sqrt(np.bincount(rows, weights=data * data, minlength=matrix.shape[0]))
    length[length == 0] = 1.0
    data = (data / length[rows]).astype(np.float32)
    return sp.csr_matrix((data, matrix.indices, matrix.indptr), shape=matrix.shape)


def _nearest(
    left: sp.csr_matrix, right: sp.csr_matrix, most: int, step: Callable[[int], None]
) -> tuple[Longs, Longs]:
    """The ``most`` best columns of each row of left @ right.T, by cosine; ties by column."""
    transposed = right.T.tocsr()
    rows, columns = [], []
    for start in range(0, left.shape[0], BLOCK):
        block = (left[start : start + BLOCK] @ transposed).tocsr()
        block_rows = np.repeat(np.arange(block.shape[0]), np.diff(block.indptr))
        best = np.zeros(block.shape[0], np.float32)
        np.maximum.at(best, block_rows, block.data)
        near = block.data > np.maximum(LEAST_COSINE, LEAST_SHARE * best)[block_rows]
        # row, cosine (best first) and column in one number: a plain sort is many times faster than three keys
        rank = _COSINE_STEPS - (block.data[near] * _COSINE_STEPS).astype(np.int64)
        keys = np.sort((block_rows[near] << 54) | (rank << 34) | block.indices[near])
        sorted_rows = keys >> 54
        begin = np.searchsorted(sorted_rows, np.arange(block.shape[0]))
        kept = np.arange(len(keys)) - begin[sorted_rows] < most
        rows.append(sorted_rows[kept] + start)
        columns.append(keys[kept] & _COLUMN_BITS)
        step(start)
    if not rows:
        return np.zeros(0, np.int64), np.zeros(0, np.int64)
    return np.concatenate(rows).astype(np.int64), np.concatenate(columns).astype(np.int64)


def _join(
    left_keys: Ids | Longs,
    left_rows: Ids | Longs,
    right_keys: Ids | Longs,
    right_rows: Ids | Longs,
    most: int,
) -> tuple[Longs, Longs]:
    """All pairs of records with an equal key, except keys that over ``most`` records of the right share."""
    ours, theirs = left_keys >= 0, right_keys >= 0
    left_keys, left_rows = left_keys[ours], left_rows[ours]
    right_keys, right_rows = right_keys[theirs], right_rows[theirs]
    order = np.argsort(right_keys, kind="stable")
    right_keys, right_rows = right_keys[order], right_rows[order]
    begin = np.searchsorted(right_keys, left_keys, "left")
    counts = np.searchsorted(right_keys, left_keys, "right") - begin
    counts[counts > most] = 0
    total = int(counts.sum())
    offset = np.arange(total) - np.repeat(np.cumsum(counts) - counts, counts)
    return (
        np.repeat(left_rows, counts).astype(np.int64),
        right_rows[np.repeat(begin, counts) + offset].astype(np.int64),
    )


def _initials(table: Table, numbering: Numbering) -> tuple[Longs, Longs]:
    """Numbers of the acronyms of every record, and the records."""
    keys = [numbering.texts.get(text, -1) for own in table.initials for text in own]
    counts = [len(own) for own in table.initials]
    return np.array(keys, np.int64), np.repeat(np.arange(table.size), counts)


def _short_names(table: Table) -> tuple[Longs, Longs]:
    """Forms that may themselves be an acronym: one or two words of two to six letters in all."""
    lengths = np.fromiter((len(text) for text in table.squash_texts), np.int64, len(table.squash_texts))
    short = (table.word_count <= 2) & (lengths >= 2) & (lengths <= LONGEST_SHORT_NAME)
    return np.where(short, table.squash, -1).astype(np.int64), table.form_record.astype(np.int64)


def _exact(left: Table, right: Table, numbering: Numbering) -> Iterable[tuple[Longs, Longs]]:
    """Pairs by equal keys."""
    ours, theirs = left.form_record, right.form_record
    yield _join(left.squash, ours, right.squash, theirs, MOST_SHARED_NAME)
    yield _join(left.word_set, ours, right.word_set, theirs, MOST_SHARED_NAME)
    own, other = np.arange(left.size), np.arange(right.size)
    yield _join(left.contacts.domain, own, right.contacts.domain, other, MOST_SHARED_CONTACT)
    yield _join(left.contacts.phone, own, right.contacts.phone, other, MOST_SHARED_CONTACT)
    for one, two, turned in ((left, right, False), (right, left, True)):
        label = np.array([len(text) >= SHORTEST_LABEL for text in one.contacts.label_texts], bool)
        keys = np.where(label, one.contacts.domain_label, -1)
        found = _join(keys, np.arange(one.size), two.squash, two.form_record, MOST_SHARED_CONTACT)
        yield found[::-1] if turned else found
        keys, rows = _short_names(one)
        found = _join(keys, rows, *_initials(two, numbering), MOST_SHARED_INITIALS)
        yield found[::-1] if turned else found


def candidates(
    left: Table, right: Table, vocabulary: Vocabulary, numbering: Numbering, step: Callable[[int], None]
) -> tuple[Longs, Longs]:
    """Pairs of records worth comparing, sorted and without repetition. ``step`` receives the records done."""
    if not left.size or not right.size or not vocabulary.texts:
        return np.zeros(0, np.int64), np.zeros(0, np.int64)
    words = len(vocabulary.texts)
    word_ids, piece_ids, count = _three_letter_pieces(vocabulary.texts)
    pieces = sp.csr_matrix(
        (np.ones(len(word_ids), np.float32), (word_ids, piece_ids)), shape=(words, max(count, 1))
    )
    ours, theirs = _pieces_of(left, words, pieces), _pieces_of(right, words, pieces)
    frequency = np.bincount(ours.indices, minlength=ours.shape[1]) + np.bincount(
        theirs.indices, minlength=ours.shape[1]
    )
    rarity = (np.log((left.size + right.size + 1) / (frequency + 1.0)) + 1).astype(np.float32)
    keep = _affordable(ours, theirs)
    ours, theirs = _scaled(ours, rarity), _scaled(theirs, rarity)
    if not keep.all():
        ours, theirs = ours[:, keep], theirs[:, keep]
    most = NEAREST if max(left.size, right.size) < LONG_LIST else NEAREST_LONG
    found = [_nearest(ours, theirs, most, step), *_exact(left, right, numbering)]
    pairs = np.unique(np.concatenate([rows * right.size + columns for rows, columns in found]))
    return pairs // right.size, pairs % right.size
