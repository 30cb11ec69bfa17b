"""The first pass over rows that are never held: what there is, what is missing, and a sample."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from bipstats.core.columns import (
    Floats,
    Ints,
    Missing,
    holes_by_column,
    is_categorical,
    labels,
    numbers,
)
from bipstats.core.design import formula_columns, label_columns, spline_columns
from bipstats.errors import ModelError
from bipstats.models.binomial_rows import counted_rows
from bipstats.models.hazard_rows import BaselineKind, log_exposure, require_order
from bipstats.models.inputs import event_column, events_among, read_counts, read_weights
from bipstats.models.kernels.binomial import Link
from bipstats.models.streamed_clusters import Identifiers, identifiers_of

_TRIED = 4096


@dataclass(frozen=True, slots=True)
class Reading:
    """What is read of each row.

    Attributes
    ----------
    formula, event : str
        Right-hand side; column of 0/1 or ``"column == level"``.
    period, exposure, weights : str or None
    link : {"cloglog", "logit"}
    baseline : {"period"} or int
    missing : {"raise", "drop"}
    identifiers : tuple of str
        Columns of units and clusters.
    counts : str, optional
        Column that says how many equal rows a row stands for; such rows are meant by numbers of rows.
    """

    formula: str
    event: str
    period: str | None
    exposure: str | None
    weights: str | None
    link: Link
    baseline: BaselineKind
    missing: Missing
    identifiers: tuple[str, ...]
    counts: str | None = None

    @property
    def complete(self) -> tuple[str, ...]:
        """Columns in which a row must have a value."""
        others = (event_column(self.event), self.period, self.exposure, self.weights)
        return tuple(dict.fromkeys([*formula_columns(self.formula), *(name for name in others if name)]))

    @property
    def columns(self) -> tuple[str, ...]:
        """All columns."""
        return tuple(dict.fromkeys([*self.needed, *self.identifiers]))

    @property
    def needed(self) -> tuple[str, ...]:
        """Columns of which the likelihood is made."""
        return (*self.complete, *([] if self.counts is None else [self.counts]))

    @property
    def by_period(self) -> bool:
        """Whether each period has its effect, so that periods without events say nothing."""
        return self.period is not None and self.baseline == "period"


@dataclass(frozen=True, slots=True)
class Known:
    """Levels of a column that have been seen, in their order.

    Attributes
    ----------
    values : pandas.Index
    order : {"categories", "ordered", "values"}
        Their own, or sorted.
    """

    values: pd.Index
    order: str

    def with_others(self, other: Known, column: str, where: str) -> Known:
        """Levels of two parts; ordered categories must stand in one order."""
        if self.values.dtype == other.values.dtype and self.values.equals(other.values):
            return self
        if self.order == "values" or other.order == "values":
            return Known(self.values.union(other.values), "values")
        new = other.values[~other.values.isin(self.values)]
        known = Known(self.values.append(new), self.order)
        if self.order == "ordered" and (np.diff(known.values.get_indexer(other.values)) < 0).any():
            raise ModelError(
                f"{where or 'one part'}: the ordered categories of {column!r} stand in another order than in the parts "
                "before. Write all parts with one order."
            )
        return known


def coded(column: pd.Series) -> tuple[Ints, Known]:
    """Codes of a column without missing values, and the levels they stand for (unused categories among them)."""
    if isinstance(column.dtype, pd.CategoricalDtype):
        order = "ordered" if column.cat.ordered else "categories"
        return np.asarray(column.cat.codes, np.int64), Known(pd.Index(column.cat.categories), order)
    found = labels(column)
    kind = column.dtype if isinstance(column.dtype, np.dtype) else None
    return found.codes, Known(pd.Index(list(found.levels), dtype=kind, tupleize_cols=False), "values")


@dataclass(frozen=True, slots=True)
class Sample:
    """Some rows, with how many each stands for.

    Attributes
    ----------
    rows : pandas.DataFrame
    weight : (n,) array
    """

    rows: pd.DataFrame
    weight: Floats


@dataclass(frozen=True, slots=True)
class Scan:
    """What blocks of rows hold.

    Attributes
    ----------
    where : str
        The part.
    n, n_missing : int
        Rows, and those with missing values.
    read, incomplete : int
        The same as they stand in the data, where a row may stand for several.
    holes : dict of str to int
        Missing values by column, as they stand in the data.
    periods : Known or None
    rows, events : (K,) integer arrays
        By period, of complete rows.
    labelled : dict of str to bool
        Whether a column of the formula holds labels.
    levels : dict of str to Known
    present : dict of str to (K, L) boolean array
        Levels by period.
    spans : dict of str to (K, 2) array
        Least and largest value by period, of columns in splines.
    identifiers : dict of str to Identifiers
    lost : dict of str to (K,) integer array
        Missing identifiers by period.
    sample : tuple of Sample
        Some of the complete rows.
    repeated : (int, int)
        Distinct rows among some that stand together, and how many these are.
    """

    where: str
    n: int
    n_missing: int
    read: int
    incomplete: int
    holes: dict[str, int]
    periods: Known | None
    rows: Ints
    events: Ints
    labelled: dict[str, bool]
    levels: dict[str, Known]
    present: dict[str, NDArray[np.bool_]]
    spans: dict[str, Floats]
    identifiers: dict[str, Identifiers]
    lost: dict[str, Ints]
    sample: tuple[Sample, ...]
    repeated: tuple[int, int]

    def __add__(self, other: Scan) -> Scan:
        """Join with the rows that follow."""
        periods, left, right = _periods(self, other)
        levels = {**self.levels, **other.levels}
        present = {}
        for name in levels:
            mine, theirs = self.levels.get(name), other.levels.get(name)
            if mine is not None and theirs is not None:
                levels[name] = mine.with_others(theirs, name, other.where)
            present[name] = left.spread(self.present.get(name), mine, levels[name]) | right.spread(
                other.present.get(name), theirs, levels[name]
            )
        return replace(
            self,
            n=self.n + other.n,
            n_missing=self.n_missing + other.n_missing,
            read=self.read + other.read,
            incomplete=self.incomplete + other.incomplete,
            holes={name: self.holes.get(name, 0) + other.holes.get(name, 0) for name in {**self.holes, **other.holes}},
            periods=periods,
            rows=left.sums(self.rows) + right.sums(other.rows),
            events=left.sums(self.events) + right.sums(other.events),
            labelled=_same_kind(self, other),
            levels=levels,
            present=present,
            spans={
                name: _spans(left.spans(self, name), right.spans(other, name)) for name in self.spans | other.spans
            },
            identifiers={name: own + other.identifiers[name] for name, own in self.identifiers.items()},
            lost={name: left.sums(own) + right.sums(other.lost[name]) for name, own in self.lost.items()},
            sample=self.sample + other.sample,
            repeated=(self.repeated[0] + other.repeated[0], self.repeated[1] + other.repeated[1]),
        )  # fmt: skip


@dataclass(frozen=True, slots=True)
class _Moved:
    """Places of one part's periods among those of both."""

    place: Ints
    size: int

    def sums(self, values: Ints) -> Ints:
        moved = np.zeros(self.size, np.int64)
        moved[self.place] = values
        return moved

    def spread(self, values: NDArray[np.bool_] | None, known: Known | None, both: Known) -> NDArray[np.bool_]:
        moved = np.zeros((self.size, len(both.values)), bool)
        if values is not None and known is not None:
            moved[np.ix_(self.place, both.values.get_indexer(known.values))] = values
        return moved

    def spans(self, scan: Scan, name: str) -> Floats:
        moved = np.tile([np.inf, -np.inf], (self.size, 1))
        if name in scan.spans:
            moved[self.place] = scan.spans[name]
        return moved


def _periods(left: Scan, right: Scan) -> tuple[Known | None, _Moved, _Moved]:
    """Periods of both, with the places of each one's; a part of incomplete rows only has none."""
    one = right.periods if left.periods is None else left.periods
    if one is None:
        sizes = max(len(left.rows), len(right.rows))
        return None, _Moved(np.arange(len(left.rows)), sizes), _Moved(np.arange(len(right.rows)), sizes)
    both = one if right.periods is None else one.with_others(right.periods, "the periods", right.where)
    places = [
        np.empty(0, np.int64) if scan.periods is None else both.values.get_indexer(scan.periods.values)
        for scan in (left, right)
    ]
    return both, _Moved(places[0], len(both.values)), _Moved(places[1], len(both.values))


def _spans(left: Floats, right: Floats) -> Floats:
    return np.column_stack([np.minimum(left[:, 0], right[:, 0]), np.maximum(left[:, 1], right[:, 1])])


def _same_kind(left: Scan, right: Scan) -> dict[str, bool]:
    for name in left.labelled.keys() & right.labelled.keys():
        if left.labelled[name] != right.labelled[name]:
            raise ModelError(
                f"{right.where}: column {name!r} holds {'labels' if right.labelled[name] else 'numbers'}, in the parts "
                f"before {'labels' if left.labelled[name] else 'numbers'}. Make it one of the two."
            )
    return {**left.labelled, **right.labelled}


def scan_block(frame: pd.DataFrame, reading: Reading, share: float) -> Scan:
    """Look at one block of rows; of its complete ones, a share is sampled."""
    holes = holes_by_column(frame, reading.complete)
    rows, count = frame, read_counts(frame, reading.counts)
    n = int(count.sum())
    if holes:
        kept = ~np.logical_or.reduce(list(holes.values()))
        rows, count = frame[kept], count[kept]
    codes, periods = _coded_periods(rows, reading)
    size = 1 if periods is None else len(periods.values)
    event = events_among(rows, reading.event) if len(rows) else np.zeros(0, bool)
    names = formula_columns(reading.formula) if len(rows) else ()
    labelled = {name: is_categorical(rows[name]) for name in names}
    for name in names:
        if not labelled[name] and rows[name].dtype.kind not in "iub":
            numbers(rows[name])  # refuses infinite values
    if len(rows):
        read_weights(rows, reading.weights)
        log_exposure(rows, reading.exposure)
    levels, present = {}, {}
    for name in label_columns(reading.formula, rows) if len(rows) else ():
        own, levels[name] = coded(rows[name])
        n_levels = len(levels[name].values)
        there = np.bincount(codes * n_levels + own, minlength=size * n_levels) > 0
        present[name] = there.reshape(size, n_levels)
    return Scan(
        "",
        n,
        n - int(count.sum()),
        len(frame),
        len(frame) - len(rows),
        {name: int(lost.sum()) for name, lost in holes.items()},
        periods,
        np.bincount(codes, count, size).astype(np.int64),
        np.bincount(codes, count * event, size).astype(np.int64),
        labelled,
        levels,
        present,
        {name: _span(numbers(rows[name]), codes, size) for name in spline_columns(reading.formula) if len(rows)},
        {name: identifiers_of(rows[name]) for name in reading.identifiers},
        {name: np.bincount(codes[rows[name].isna().to_numpy()], minlength=size) for name in reading.identifiers},
        (_sampled(rows[list(reading.needed)], event, share),),
        _repeated(rows, reading),
    )  # fmt: skip


def _coded_periods(rows: pd.DataFrame, reading: Reading) -> tuple[Ints, Known | None]:
    if reading.period is None or not len(rows):
        return np.zeros(len(rows), np.int64), None
    require_order(rows[reading.period])
    codes, known = coded(rows[reading.period])
    return codes, replace(known, order="ordered") if known.order == "categories" else known


def _span(values: Floats, codes: Ints, size: int) -> Floats:
    found = np.tile([np.inf, -np.inf], (size, 1))
    np.minimum.at(found[:, 0], codes, values)
    np.maximum.at(found[:, 1], codes, values)
    return found


def _sampled(rows: pd.DataFrame, event: NDArray[np.bool_], share: float) -> Sample:
    """About a share of the rows, the same ones in every run: of the events as many as have room in its half.

    Events are rare and tell most: with all of them, and a few of the rest, the sample's fit is close to the whole one.
    """
    if share >= 1 or not len(rows):
        return Sample(rows.copy(), np.ones(len(rows)))
    quota, rng = max(int(len(rows) * share), 2), np.random.default_rng(len(rows))
    hits, misses = np.flatnonzero(event), np.flatnonzero(~event)
    n_hits = min(len(hits), quota // 2)
    n_misses = min(len(misses), quota - n_hits)
    places = np.concatenate(
        [rng.choice(hits, n_hits, replace=False), rng.choice(misses, n_misses, replace=False)]
    )
    each = [len(hits) / max(n_hits, 1), len(misses) / max(n_misses, 1)]
    return Sample(rows.iloc[places], np.repeat(each, [n_hits, n_misses]))


def named(scan: Scan, where: str) -> Scan:
    """A part's scan with the part's label."""
    return replace(scan, where=where, sample=(together(scan.sample),))


def together(samples: tuple[Sample, ...]) -> Sample:
    """One sample of several; empty ones, whose types tell nothing, are left out."""
    filled = [sample for sample in samples if len(sample.rows)]
    if len(filled) < 2:
        return (filled or samples)[0]
    rows = pd.concat([sample.rows for sample in filled], ignore_index=True)
    return Sample(rows, np.concatenate([sample.weight for sample in filled]))


def _repeated(rows: pd.DataFrame, reading: Reading) -> tuple[int, int]:
    """Distinct rows among some that stand together, and how many these are."""
    some = rows.iloc[:_TRIED]
    if not len(some):
        return 0, 0
    counted, _ = counted_rows(
        some, reading.complete, (), reading.weights, "raise", collapse=True, counts=reading.counts
    )
    return len(counted.data), len(some)
