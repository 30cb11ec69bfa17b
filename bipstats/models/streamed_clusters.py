"""Clusters of rows that are never held: how they lie, and score sums by cluster in bounded memory.

Few clusters have a table of sums, wherever their rows stand. Of many, a sum can be squared and forgotten once no row
of its cluster can follow: where clusters are contiguous, when the next one begins; where each lies in one part only,
when the part ends. How they lie is checked before, on every row.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any, Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from bipstats.core.columns import Floats, Ints, holes_by_column, listed
from bipstats.core.covariance import Meat, group_sums
from bipstats.errors import ModelError

FEW = 65_536
"""Clusters of which a table of sums is kept."""
_RUNS = 2**25
"""Runs of identifiers that are compared with each other: eight bytes each."""
_TABLE = 2**25
"""Numbers in a table of sums."""

Lie = Literal["few", "sorted", "contiguous", "apart by part", "scattered"]
"""How the rows of clusters lie. Scattered: many clusters, whose rows stand in several places."""


@dataclass(frozen=True, slots=True)
class Identifiers:
    """One column of identifiers, block by block; missing ones are left out.

    Attributes
    ----------
    few : pandas.Index or None
        Distinct values; None once there are more than `FEW`.
    first, last : object
        Values of the first and last row.
    rising : bool
        No value is below the one before.
    """

    few: pd.Index | None
    first: Any
    last: Any
    rising: bool

    def __add__(self, other: Identifiers) -> Identifiers:
        """Join with the rows that follow."""
        if self.first is None or other.first is None:
            return other if self.first is None else self
        few = None if self.few is None or other.few is None else self.few.union(other.few)
        return Identifiers(
            None if few is None or len(few) > FEW else few,
            self.first,
            other.last,
            self.rising and other.rising and bool(self.last <= other.first),
        )

    def lie(self) -> Lie | None:
        """How the clusters lie, where that can be told from this alone."""
        if self.few is not None:
            return "few"
        return "sorted" if self.rising else None


def identifiers_of(column: pd.Series) -> Identifiers:
    """Look at the identifiers of one block."""
    values, _ = runs(column)
    if not len(values):
        return Identifiers(pd.Index([], dtype=values.dtype), None, None, True)
    rising = bool(np.all(values[1:] >= values[:-1]))
    return Identifiers(pd.Index(values).unique(), values[0], values[-1], rising)


def runs(column: pd.Series) -> tuple[NDArray[Any], Ints]:
    """Identifiers where they change, missing ones left out, and the places of these changes."""
    values = plain(column)
    there = np.flatnonzero(column.notna().to_numpy())
    values = values if len(there) == len(values) else values[there]
    new = np.ones(len(values), bool)
    new[1:] = values[1:] != values[:-1]
    return values[new], there[new]


def plain(column: pd.Series) -> NDArray[Any]:
    """Identifiers as numbers or objects."""
    if isinstance(column.dtype, np.dtype) and column.dtype.kind in "iufb":
        return column.to_numpy()
    return column.to_numpy(dtype=object)


@dataclass(frozen=True, slots=True)
class Runs:
    """Runs of equal identifiers, hashed; for the exact check that no identifier has two.

    Attributes
    ----------
    ids : tuple of (n,) arrays
        One array a part once the part has ended.
    labels : tuple of str
    n : int
        Runs; beyond what can be held there are no ids.
    """

    ids: tuple[NDArray[np.uint64], ...]
    labels: tuple[str, ...]
    n: int

    def __add__(self, other: Runs) -> Runs:
        """Join with the rows that follow."""
        n = self.n + other.n
        return Runs(self.ids + other.ids if n <= _RUNS else (), self.labels + other.labels, n)


def runs_block(
    frame: pd.DataFrame,
    column: str,
    complete: tuple[str, ...],
    period: str | None,
    periods: tuple[object, ...],
) -> Runs:
    """Identifiers of one block where they change, of complete rows in the periods used."""
    kept = np.ones(len(frame), bool) if period is None else frame[period].isin(list(periods)).to_numpy(bool)
    for lost in holes_by_column(frame, complete).values():
        kept &= ~lost
    values, _ = runs(frame[column][kept])
    hashed = pd.util.hash_array(values) if len(values) else np.empty(0, np.uint64)
    return Runs((hashed,), (), len(hashed))


def runs_ended(found: Runs, label: str) -> Runs:
    """Join the blocks of one part."""
    ids = np.concatenate(found.ids) if found.ids else np.empty(0, np.uint64)
    new = np.ones(len(ids), bool)
    new[1:] = ids[1:] != ids[:-1]
    return Runs((ids[new],), (label,), int(new.sum()) if found.ids else found.n)


@dataclass(frozen=True, slots=True)
class Lying:
    """How the clusters of one column lie.

    Attributes
    ----------
    lie : Lie
    n : int or None
        Distinct clusters, where they were counted.
    message : str
        What is wrong, where they are scattered.
    """

    lie: Lie
    n: int | None = None
    message: str = ""


def compare_runs(found: Runs, column: str) -> Lying:
    """Tell how clusters lie from all their runs."""
    if found.n > _RUNS or not found.ids:
        return Lying("scattered", None, _scattered(column, f"they change {found.n:,} times from row to row"))
    parts = [np.unique(ids) for ids in found.ids]
    together = np.concatenate(parts)
    distinct, inverse, n_parts = np.unique(together, return_inverse=True, return_counts=True)
    filled = [ids for ids in found.ids if len(ids)]
    going_on = sum(left[-1] == right[0] for left, right in pairwise(filled))
    n_runs = sum(len(ids) for ids in filled) - int(going_on)
    if n_runs == len(distinct):
        return Lying("contiguous", len(distinct))
    if len(together) == len(distinct):
        return Lying("apart by part", len(distinct))
    several = (n_parts > 1)[inverse]
    ends = np.cumsum([len(part) for part in parts])
    where = [
        label for label, own in zip(found.labels, np.split(several, ends[:-1]), strict=True) if own.any()
    ]
    what = f"{int((n_parts > 1).sum()):,} of {len(distinct):,} stand in several parts ({listed(where)})"
    return Lying("scattered", len(distinct), _scattered(column, what))


def _scattered(column: str, what: str) -> str:
    return (
        f"the clusters of {column!r} are more than {FEW:,}, and their rows do not stand together: {what}. Sort the "
        f"rows by {column!r}, or have all rows of a cluster in one part. For files that fit into memory: "
        f"pyarrow.parquet.write_table(pyarrow.parquet.read_table(path).sort_by({column!r}), new_path); for a dask data "
        f"frame: data.shuffle({column!r})."
    )


@dataclass(frozen=True, slots=True)
class Way:
    """One way of clustering.

    Attributes
    ----------
    columns : tuple of str
        One or two; none: each row is a cluster.
    lie : Lie
        Of the clusters that lie best.
    guide : int
        Place of their column.
    """

    columns: tuple[str, ...]
    lie: Lie
    guide: int = 0


@dataclass(frozen=True, slots=True)
class ScoreTable:
    """Score sums by cluster: those that may go on, and the squares of those that are complete.

    Attributes
    ----------
    way : Way
    keys : tuple of (G,) arrays
        Values of the columns.
    sums : (G, p) array
    meat : (p, p) array
    n : int
        Clusters that are complete.
    ends : tuple of two objects
        The guide's value in the first and in the last row.
    """

    way: Way
    keys: tuple[NDArray[Any], ...]
    sums: Floats
    meat: Floats
    n: int
    ends: tuple[Any, Any]

    def __add__(self, other: ScoreTable) -> ScoreTable:
        """Join with the rows that follow."""
        if not self._rows or not other._rows:
            return other if not self._rows else self
        keys = tuple(np.concatenate(pair) for pair in zip(self.keys, other.keys, strict=True))
        group, first = grouped(keys)
        sums = group_sums(np.vstack([self.sums, other.sums]), group) if len(group) else self.sums
        both = ScoreTable(
            self.way,
            tuple(key[first] for key in keys),
            sums,
            self.meat + other.meat,
            self.n + other.n,
            (self.ends[0], other.ends[1]),
        )
        return both._without_complete()

    @property
    def _rows(self) -> int:
        return self.n + len(self.sums)

    def _without_complete(self) -> ScoreTable:
        """Square and forget the sums of clusters that no row can follow."""
        if self.way.lie not in ("sorted", "contiguous"):
            if self.sums.size > _TABLE:
                raise ModelError(
                    f"the table of score sums by {' and '.join(self.way.columns)} has {self.sums.size:,} numbers, too "
                    f"many to keep. Sort the rows by {self.way.columns[self.way.guide]!r}."
                )
            return self
        guide = self.keys[self.way.guide]
        return self._closed((guide != self.ends[0]) & (guide != self.ends[1]))

    def _closed(self, complete: NDArray[np.bool_]) -> ScoreTable:
        done = self.sums[complete]
        return replace(
            self,
            keys=tuple(key[~complete] for key in self.keys),
            sums=self.sums[~complete],
            meat=self.meat + done.T @ done,
            n=self.n + int(complete.sum()),
        )

    def ended(self) -> ScoreTable:
        """What is left when a part ends."""
        return self.finished() if self.way.lie == "apart by part" else self

    def finished(self) -> ScoreTable:
        """What is left when the last row is read."""
        return self._closed(np.ones(len(self.sums), bool))

    def result(self) -> Meat:
        """Squared sums of all clusters."""
        last = self.finished()
        return Meat((last.meat + last.meat.T) / 2, last.n)


def score_table(rows: pd.DataFrame, scores: Any, size: int, way: Way) -> ScoreTable:
    """Sum one block's scores by cluster.

    Parameters
    ----------
    rows : pandas.DataFrame
    scores : callable
        Codes (n,) of groups 0..G-1 to their (G, size) score sums.
    size : int
    way : Way
    """
    nothing = np.zeros((size, size))
    if not len(rows):
        return ScoreTable(
            way, tuple(np.empty(0) for _ in way.columns), np.empty((0, size)), nothing, 0, (None, None)
        )
    if not way.columns:
        own = scores(np.arange(len(rows)))
        return ScoreTable(way, (), np.empty((0, size)), own.T @ own, len(rows), (None, None))
    keys = tuple(plain(rows[name]) for name in way.columns)
    group, first = grouped(keys)
    ends = (keys[way.guide][0], keys[way.guide][-1])
    made = ScoreTable(way, tuple(key[first] for key in keys), scores(group), nothing, 0, ends)
    return made._without_complete()


def grouped(keys: tuple[NDArray[Any], ...]) -> tuple[Ints, Ints]:
    """Codes 0..G-1 of equal rows of the keys, and the place of each group's first row."""
    code = np.zeros(len(keys[0]) if keys else 0, np.int64)
    for key in keys:
        own, values = pd.factorize(key)
        code = pd.factorize(code * len(values) + own)[0].astype(np.int64)
    first = np.full(int(code.max(initial=-1)) + 1, len(code))
    np.minimum.at(first, code, np.arange(len(code)))
    return code, first
