"""Give every organization at most one company and every company to at most one organization."""

import numpy as np
import scipy.sparse as sp
from scipy.sparse.csgraph import connected_components, min_weight_full_bipartite_matching

from integrations.matching.candidates import Longs
from integrations.matching.vocabulary import Reals

#: Pairs below this score (log-odds) take no part.
FLOOR = -2.5
#: What the last column is worth less than the first, in log-odds: less than any real difference.
TIE = 1e-7
#: A larger knot of competing pairs is solved greedily, best score first.
LARGEST_EXACT = 400


def _greedy(rows: Longs, columns: Longs, score: Reals, members: Longs) -> list[int]:
    taken_rows, taken_columns, chosen = set(), set(), []
    for pair in members[np.lexsort((columns[members], rows[members], -score[members]))].tolist():
        row, column = int(rows[pair]), int(columns[pair])
        if row not in taken_rows and column not in taken_columns:
            taken_rows.add(row)
            taken_columns.add(column)
            chosen.append(pair)
    return chosen


def _exact(rows: Longs, columns: Longs, score: Reals, members: Longs) -> Longs:
    """The best choice among ``members``, which may be many knots at once.

    Each row may also stay alone, in a column of its own that is worth nothing; weights are shifted by one,
    because a sparse weight of nought means that there is no pair. Of equally good choices the earlier columns
    are taken.
    """
    own_rows, row_index = np.unique(rows[members], return_inverse=True)
    own_columns, column_index = np.unique(columns[members], return_inverse=True)
    height, width = len(own_rows), len(own_columns)
    alone = np.arange(height)
    gain = np.concatenate([score[members] - FLOOR - TIE * column_index / width, np.zeros(height)]) + 1.0
    at = (np.concatenate([row_index, alone]), np.concatenate([column_index, width + alone]))
    weights = sp.csr_matrix((gain, at), shape=(height, width + height))
    matched_rows, matched_columns = min_weight_full_bipartite_matching(weights, maximize=True)
    paired = matched_columns < width
    keys = row_index.astype(np.int64) * width + column_index
    order = np.argsort(keys)
    found = np.searchsorted(
        keys[order], matched_rows[paired].astype(np.int64) * width + matched_columns[paired]
    )
    result: Longs = members[order[found]]
    return result


def assign(rows: Longs, columns: Longs, score: Reals) -> Longs:
    """Positions of the chosen pairs: no row or column twice, the sum of scores above ``FLOOR`` greatest."""

    worth = np.flatnonzero(score > FLOOR)
    if not worth.size:
        return np.zeros(0, np.int64)
    height, width = int(rows.max()) + 1, int(columns.max()) + 1
    graph = sp.coo_matrix(
        (np.ones(len(worth), np.int8), (rows[worth], columns[worth] + height)), shape=(height + width,) * 2
    )
    _, label = connected_components(graph, directed=False)
    order = worth[np.argsort(label[rows[worth]], kind="stable")]
    labels = label[rows[order]]
    starts = np.flatnonzero(np.append(True, labels[1:] != labels[:-1]))
    sizes = np.diff(np.append(starts, len(order)))
    chosen: list[int] = []
    small = np.ones(len(order), bool)
    for knot in np.flatnonzero(sizes > LARGEST_EXACT).tolist():
        part = slice(starts[knot], starts[knot] + sizes[knot])
        members = order[part]
        if max(len(np.unique(rows[members])), len(np.unique(columns[members]))) > LARGEST_EXACT:
            small[part] = False
            chosen.extend(_greedy(rows, columns, score, members))
    if small.any():
        chosen.extend(_exact(rows, columns, score, order[small]).tolist())
    return np.array(sorted(chosen), np.int64)
