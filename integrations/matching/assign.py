"""Give every organization at most one company and every company to at most one organization."""

import numpy as np
import scipy.sparse as sp
from scipy.sparse.csgraph import connected_components

from integrations.matching.candidates import Longs
from integrations.matching.vocabulary import Reals

#: Pairs below this score (log-odds) take no part.
FLOOR = -2.5
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


def _exact(rows: Longs, columns: Longs, score: Reals, members: Longs) -> list[int]:
    from scipy.optimize import linear_sum_assignment  # slow to load, and most presses need it late or never

    own_rows, row_index = np.unique(rows[members], return_inverse=True)
    own_columns, column_index = np.unique(columns[members], return_inverse=True)
    gain = np.zeros((len(own_rows), len(own_columns)))
    pair_at = np.full(gain.shape, -1, np.int64)
    gain[row_index, column_index] = score[members] - FLOOR
    pair_at[row_index, column_index] = members
    chosen = pair_at[linear_sum_assignment(gain, maximize=True)]
    return [int(pair) for pair in chosen if pair >= 0]


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
    chosen: list[int] = order[starts[sizes == 1]].tolist()
    for start, size in zip(starts[sizes > 1].tolist(), sizes[sizes > 1].tolist(), strict=True):
        members = order[start : start + size]
        largest = max(len(np.unique(rows[members])), len(np.unique(columns[members])))
        solve = _exact if largest <= LARGEST_EXACT else _greedy
        chosen.extend(solve(rows, columns, score, members))
    return np.array(sorted(chosen), np.int64)
