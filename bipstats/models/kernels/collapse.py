"""Equal rows become one with a count: of runs in the rows' own order, or, where that gains little, of any order."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]
_ROWS_IN_CACHE = 8192
_MIXER = np.uint64(0x9E3779B97F4A7C15)  # 2^64 over the golden ratio, odd


@dataclass(frozen=True, slots=True)
class EqualRows:
    """Groups of equal rows among n.

    Attributes
    ----------
    order : (n,) integer array or None
        Rows with the equal ones next to each other; None: they are as they stand.
    starts : (g,) integer array
        Place of each group's first row in `order`.
    n : int
    """

    order: Ints | None
    starts: Ints
    n: int

    @property
    def first(self) -> Ints:
        """A row of each group, (g,)."""
        return self.starts if self.order is None else self.order[self.starts]

    @property
    def counts(self) -> Ints:
        """Rows of each group, (g,)."""
        return np.diff(self.starts, append=self.n)

    def sums(self, values: NDArray[Any]) -> NDArray[Any]:
        """Sum values (n,) by group, (g,)."""
        return np.add.reduceat(values if self.order is None else values[self.order], self.starts)


def equal_rows(columns: Sequence[NDArray[Any]]) -> EqualRows:
    """Find rows that are equal in every column; a NaN equals nothing.

    Parameters
    ----------
    columns : sequence of (n,) arrays
        Numbers; labels as codes. One or more, n of one or more.

    Returns
    -------
    EqualRows

    Notes
    -----
    First each row is compared with the one before, which is all that rows in the order of persons and time
    need. If more than half of the rows are left, equal ones may stand apart: rows are then sorted by a hash
    and compared again, provided that the hashes promise to halve them. Equality never rests on the hash.
    """
    n = len(columns[0])
    starts = _run_starts(columns, None)
    if 2 * len(starts) > n:
        hashes = _hashes(columns)
        order = np.argsort(hashes)
        distinct = np.count_nonzero(np.diff(hashes[order])) + 1
        if 2 * distinct <= n:
            return EqualRows(order, _run_starts(columns, order), n)
    return EqualRows(None, starts, n)


def single_rows(n: int) -> EqualRows:
    """Every row by itself."""
    return EqualRows(None, np.arange(n), n)


def _run_starts(columns: Sequence[NDArray[Any]], order: Ints | None) -> Ints:
    """Places whose row differs from the row before, the first included."""
    n = len(columns[0])
    begins = np.ones(n, bool)
    for low in range(0, n - 1, _ROWS_IN_CACHE):
        # In pieces, so that columns that lie interleaved in memory are read once.
        rows: Any = slice(low, low + _ROWS_IN_CACHE + 1)
        differs = begins[rows][1:]
        differs[:] = False
        rows = rows if order is None else order[rows]
        for column in columns:
            part = column[rows]
            differs |= part[1:] != part[:-1]
            if differs.all():
                break
    return np.flatnonzero(begins)


def _hashes(columns: Sequence[NDArray[Any]]) -> NDArray[np.uint64]:
    """One number a row, the same for equal rows."""
    mixed = np.zeros(len(columns[0]), np.uint64)
    for column in columns:
        # Adding zero makes -0.0 the 0.0 that it equals.
        values = column.astype(np.float64) + 0.0 if column.dtype.kind == "f" else column.astype(np.int64)
        mixed ^= values.view(np.uint64)
        mixed *= _MIXER
        mixed ^= mixed >> np.uint64(32)
    return mixed
