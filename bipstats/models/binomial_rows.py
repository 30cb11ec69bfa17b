"""From a frame to rows with counts: equal rows collapsed before any design is built, and levels that say nothing."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from bipstats.core.columns import Floats, Ints, Missing, complete_rows, group_codes, listed, require_columns
from bipstats.core.covariance import Cluster, Vcov, cluster_columns
from bipstats.errors import ModelError, OptionError
from bipstats.models.inputs import read_counts, read_weights
from bipstats.models.kernels.absorb import varying_rows
from bipstats.models.kernels.collapse import EqualRows, equal_rows, single_rows

Flags = NDArray[np.bool_]
Prepared = TypeVar("Prepared")


@dataclass(frozen=True, slots=True)
class CountedRows:
    """Distinct rows with what each stands for.

    Attributes
    ----------
    data : pandas.DataFrame
        The columns that the model reads.
    count : (n,) integer array
    weight : (n,) array
        Sum of case weights; the count where there are none.
    """

    data: pd.DataFrame
    count: Ints
    weight: Floats

    def given(self, n_missing: int) -> int:
        """Rows that there were, those left out included."""
        return int(self.count.sum()) + n_missing

    def take(self, kept: Flags) -> CountedRows:
        """Some of the rows."""
        if kept.all():
            return self
        return CountedRows(self.data[kept], self.count[kept], self.weight[kept])


def counted_rows(
    data: pd.DataFrame,
    columns: Sequence[str],
    identifiers: Sequence[str],
    weights: str | None,
    missing: Missing,
    *,
    collapse: bool,
    counts: str | None = None,
) -> tuple[CountedRows, int]:
    """Collapse equal rows, then leave out those with missing values.

    Parameters
    ----------
    data : pandas.DataFrame
    columns : sequence of str
        Existing columns that must be complete; rows that differ in one stay apart.
    identifiers : sequence of str
        Existing columns of units and clusters; rows that differ in one stay apart.
    weights : str or None
        Column of case weights, summed.
    missing : {"raise", "drop"}
    collapse : bool
    counts : str, optional
        Column that says how many equal rows a row stands for; such rows are meant below.

    Returns
    -------
    CountedRows
    n_missing : int
        Rows left out.
    """
    apart, summed = [*columns, *identifiers], [] if weights is None else [weights]
    weight, stands_for = read_weights(data, weights, holes=True), read_counts(data, counts)
    if collapse:
        keys = [_key(data[name]) for name in dict.fromkeys(apart)]
        same = equal_rows([*keys, *(_apart(np.where(data[name].isna(), -1, 0)) for name in summed)])
    else:
        same = single_rows(len(data))
    # Column by column: to choose columns of a frame copies all rows of them.
    columns_taken = {name: _take(data[name], same) for name in dict.fromkeys([*apart, *summed])}
    taken = pd.DataFrame(columns_taken, copy=False)
    complete, _ = complete_rows(taken, [*columns, *summed], missing)
    every = same.counts if counts is None else same.sums(stands_for)
    weight = every.astype(float) if weights is None else same.sums(weight * stands_for)
    count = _aligned(every, taken, complete)
    rows = CountedRows(complete, count, _aligned(weight, taken, complete))
    return rows, int(every.sum() - count.sum())


def _take(column: pd.Series, same: EqualRows) -> pd.api.extensions.ExtensionArray:
    """Values of a row of each group; no copy where every row is one."""
    return column.array if len(same.starts) == same.n else column.array.take(same.first)


def _aligned(values: NDArray, taken: pd.DataFrame, complete: pd.DataFrame) -> NDArray:
    """Values of the rows of `taken` that are left in `complete`."""
    return values if complete is taken else values[complete.index]


def _key(column: pd.Series) -> NDArray:
    """A column as numbers or codes that are equal where its values are; a missing value equals nothing."""
    if isinstance(column.dtype, np.dtype) and column.dtype.kind in "fiub":
        return column.to_numpy()
    if isinstance(column.dtype, pd.CategoricalDtype):
        return _apart(column.cat.codes.to_numpy())
    try:
        return _apart(pd.factorize(column)[0])
    except TypeError:  # lists, say; whoever reads the column refuses it by name
        return np.arange(len(column))


def _apart(codes: NDArray) -> NDArray:
    """Give every missing value, coded -1, a code of its own."""
    lost = codes < 0
    n_lost = int(np.count_nonzero(lost))
    if n_lost:
        codes = codes.astype(np.int64)
        codes[lost] = -1 - np.arange(n_lost)
    return codes


def counting_rows(prepare: Callable[[bool], Prepared], vcov: Vcov, unit: str | None) -> Prepared:
    """Prepare rows collapsed where that is exact; what is refused, is refused with counts of the data's rows.

    Parameters
    ----------
    prepare : callable
        Whether to collapse, to what is prepared.
    vcov : {"model", "robust"} or Cluster
    unit : str or None
        Column whose rows are one unit for robust errors; None: each row is, and has to stay one.
    """
    single = vcov == "robust" and unit is None
    if not (single or adjusts_rows(vcov)):
        with suppress(ModelError):
            return prepare(True)
    return prepare(False)


def adjusts_rows(vcov: Vcov) -> bool:
    """Whether the covariance adjusts residuals row by row, by their own weights: then equal rows have to stay apart."""
    return isinstance(vcov, Cluster) and vcov.small_sample == "CR2"


def written_out(data: pd.DataFrame, counts: str) -> pd.DataFrame:
    """Every row as often as its count says."""
    require_columns(data, [counts], "counts=")
    return data.take(np.repeat(np.arange(len(data)), read_counts(data, counts)))


def identifiers(vcov: Vcov, unit: str | None) -> list[str]:
    """Columns of units and clusters within which rows may be collapsed."""
    return [*([] if unit is None else [unit]), *cluster_columns(vcov)]


def read_absorb(absorb: str | Sequence[str] | None) -> tuple[str, ...]:
    """Names of the absorbed columns, or an `OptionError`."""
    given = () if absorb is None else absorb
    names = tuple(given) if isinstance(given, list | tuple) else (given,)
    if not all(isinstance(name, str) for name in names) or len(set(names)) != len(names):
        raise OptionError(f"absorb={absorb!r} is neither a column nor a list of different columns.")
    return names  # type: ignore[return-value]


@dataclass(frozen=True, slots=True)
class Informative:
    """Rows in levels where the outcome varies.

    Attributes
    ----------
    kept : (m,) boolean array
        Which of the m rows given are left.
    rows : CountedRows
    event : (n,) boolean array
    factors : dict of str to (n,) integer array
        Codes 0..L-1 of the levels that are left, by column.
    flow : tuple of (str, int)
        Rows left out, with the reason.
    """

    kept: Flags
    rows: CountedRows
    event: Flags
    factors: dict[str, Ints]
    flow: tuple[tuple[str, int], ...]


def informative_rows(
    rows: CountedRows, event: Flags, absorb: Sequence[str], periods: tuple[str, Ints] | None
) -> Informative:
    """Leave out levels of absorbed columns with one outcome only, and periods without events, until none is left.

    Parameters
    ----------
    rows : CountedRows
    event : (n,) boolean array
    absorb : sequence of str
    periods : (str, (n,) integer array) or None
        Column and codes of periods with an effect each.
    """
    codes = {name: group_codes(rows.data, name, "absorb=") for name in absorb}
    reasons = {name: f"in levels of {name} with one outcome only" for name in absorb}
    if periods is not None:
        codes = {periods[0]: periods[1], **codes}
        reasons[periods[0]] = "in periods without events"
    both_ways = [name in absorb for name in codes]
    found = varying_rows(list(codes.values()), both_ways, event, rows.count)
    if not found.kept.any():
        raise ModelError(
            f"the outcome varies within no level of {listed(list(absorb))}: nothing can be estimated. "
            "Absorb a coarser column."
        )
    return Informative(
        found.kept,
        rows.take(found.kept),
        event[found.kept],
        {name: np.unique(code[found.kept], return_inverse=True)[1] for name, code in codes.items()},
        tuple((reasons[name], count) for name, count in zip(codes, found.dropped, strict=True)),
    )
