"""From a block of rows to the sums that a binomial fit is made of."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from bipstats.core.columns import Floats, Ints, holes_by_column, numbers
from bipstats.core.design import Design
from bipstats.models.binomial_rows import CountedRows, Flags, counted_rows
from bipstats.models.hazard_rows import log_exposure, natural_spline
from bipstats.models.identify import centre_and_scale, moments
from bipstats.models.inputs import events_among, read_counts, read_weights
from bipstats.models.kernels import binomial
from bipstats.models.kernels.binomial import BinomialProblem, binomial_problem
from bipstats.models.kernels.newton import Evaluation
from bipstats.models.streamed_clusters import ScoreTable, Way, score_table
from bipstats.models.streamed_scan import Reading

_DISTINCT = 2**17
"""Values of a column that are told apart in the search for separation."""


@dataclass(frozen=True, slots=True)
class Layout:
    """How a row becomes a row of the problem.

    Attributes
    ----------
    reading : Reading
    design : Design
    periods : tuple
        With an effect each, in order; empty: one intercept, and every row counts.
    knots : tuple of float
        Of a smooth baseline.
    centre, scale : (p,) arrays
        Of the columns of the baseline and the design.
    collapse : bool
        Whether equal rows of a block become one.
    """

    reading: Reading
    design: Design
    periods: tuple[object, ...]
    knots: tuple[float, ...]
    centre: Floats
    scale: Floats
    collapse: bool

    @property
    def n_levels(self) -> int:
        """Effects of levels: of the periods, or the one intercept."""
        return max(len(self.periods), 1)

    @property
    def n_baseline(self) -> int:
        """Columns of a smooth baseline."""
        return max(len(self.knots) - 1, 0)

    @property
    def n_params(self) -> int:
        """Level effects and slopes."""
        return self.n_levels + len(self.centre)


@dataclass(frozen=True, slots=True)
class Block:
    """Rows of one block that say something.

    Attributes
    ----------
    rows : CountedRows
    event : (n,) boolean array
    problem : BinomialProblem
    """

    rows: CountedRows
    event: Flags
    problem: BinomialProblem


def block(frame: pd.DataFrame, layout: Layout, identifiers: tuple[str, ...] = ()) -> Block:
    """Leave out rows that are incomplete or in periods without events, and build the problem of the rest."""
    reading = layout.reading
    holes = holes_by_column(frame, reading.complete)
    if holes:
        frame = frame[~np.logical_or.reduce(list(holes.values()))]
    level = np.zeros(len(frame), np.int64)
    if layout.periods:
        level = _positions(frame[reading.period], layout.periods)
        if level.min(initial=0) < 0:
            frame, level = frame[level >= 0], level[level >= 0]
    rows = _counted(frame, reading, layout.collapse and not identifiers)
    if len(rows.data) < len(frame):
        level = (
            _positions(rows.data[reading.period], layout.periods)
            if layout.periods
            else level[: len(rows.data)]
        )
    event = events_among(rows.data, reading.event) if len(rows.data) else np.zeros(0, bool)
    x = _matrix(rows.data, layout)
    centre_and_scale(x, layout.centre, layout.scale)
    problem = _problem(x, level, rows, event, layout)
    return Block(rows, event, problem)


def _counted(frame: pd.DataFrame, reading: Reading, collapse: bool) -> CountedRows:
    if collapse and len(frame):
        return counted_rows(
            frame, reading.complete, (), reading.weights, "raise", collapse=True, counts=reading.counts
        )[0]
    count = read_counts(frame, reading.counts)
    weight = read_weights(frame, reading.weights) if len(frame) else np.empty(0)
    return CountedRows(frame, count, weight * count)


def _positions(column: pd.Series, periods: tuple[object, ...]) -> Ints:
    """Place of each row's period; -1 where it has no effect."""
    known = pd.Index(list(periods))
    if isinstance(column.dtype, pd.CategoricalDtype):
        return known.get_indexer(column.cat.categories)[column.cat.codes.to_numpy()].astype(np.int64)
    values = numbers(column)
    places = np.minimum(np.searchsorted(known, values), len(known) - 1)
    return np.where(known.to_numpy(float)[places] == values, places, -1)


def _matrix(rows: pd.DataFrame, layout: Layout) -> Floats:
    matrix = layout.design.matrix(rows)
    if not layout.knots:
        return matrix
    return np.hstack([natural_spline(numbers(rows[layout.reading.period]), layout.knots), matrix])


def _problem(x: Floats, level: Ints, rows: CountedRows, event: Flags, layout: Layout) -> BinomialProblem:
    offset = log_exposure(rows.data, layout.reading.exposure) if len(event) else np.empty(0)
    made = binomial_problem(x, level, rows.weight * event, rows.weight, offset, layout.reading.link)
    missing = layout.n_levels - made.by_level.shape[0]
    if missing:  # levels that are not in this block
        made.by_level.resize(layout.n_levels, len(level))
    return made


@dataclass(frozen=True, slots=True)
class Sums:
    """Log-likelihood, score and information of some rows."""

    loglik: float
    gradient: Floats
    information: Floats

    def __add__(self, other: Sums) -> Sums:
        """Join with other rows."""
        return Sums(
            self.loglik + other.loglik,
            self.gradient + other.gradient,
            self.information + other.information,
        )

    @property
    def evaluation(self) -> Evaluation:
        """As the search takes it."""
        return Evaluation(self.loglik, self.gradient, self.information)


def newton_block(frame: pd.DataFrame, layout: Layout, params: Floats) -> Sums:
    """Sums of one block with the observed information."""
    return _sums(block(frame, layout).problem, params, observed=True)


def _sums(problem: BinomialProblem, params: Floats, *, observed: bool) -> Sums:
    with np.errstate(all="ignore"):  # numbers out of range end the search
        at = binomial.evaluate(params, problem, observed=observed)
    return Sums(at.loglik, at.gradient, at.information)


@dataclass(frozen=True, slots=True)
class Final:
    """Sums at the maximum with the expected information, and score sums by cluster.

    Attributes
    ----------
    sums : Sums
    tables : tuple of ScoreTable
    n_rows : int
        As they stand in the data.
    """

    sums: Sums
    tables: tuple[ScoreTable, ...]
    n_rows: int

    def __add__(self, other: Final) -> Final:
        """Join with the rows that follow."""
        tables = tuple(own + theirs for own, theirs in zip(self.tables, other.tables, strict=True))
        return Final(self.sums + other.sums, tables, self.n_rows + other.n_rows)


def final_block(
    frame: pd.DataFrame, layout: Layout, params: Floats, ways: tuple[Way, ...], counted: tuple[Way, ...]
) -> Final:
    """Sums of one block; clusters of the ways in `counted` are counted only."""
    named = tuple(dict.fromkeys(name for way in (*ways, *counted) for name in way.columns))
    made = block(frame, layout, named)
    problem = made.problem

    def scores(group: Ints) -> Floats:
        return binomial.score_sums(params, problem, group)

    def single(group: Ints) -> Floats:
        # n equal rows s are one row n s here, and n s s' in a sandwich of single rows.
        return scores(group) / np.sqrt(made.rows.count)[:, None]

    def none(group: Ints) -> Floats:
        return np.empty((int(group.max()) + 1, 0))

    tables = [
        score_table(made.rows.data, scores if way.columns else single, layout.n_params, way) for way in ways
    ]
    for way in counted:
        there = made.rows.data[list(way.columns)].notna().all(axis=1)
        tables.append(score_table(made.rows.data[there], none, 0, way))
    return Final(_sums(problem, params, observed=False), tuple(tables), int(made.rows.count.sum()))


def final_ended(found: Final, label: str) -> Final:
    """What is left of the tables when a part ends."""
    return Final(found.sums, tuple(table.ended() for table in found.tables), found.n_rows)


@dataclass(frozen=True, slots=True)
class Look:
    """Moments of the columns, and values of some with and without the event.

    Attributes
    ----------
    n : int
    mean, squares, low, high : (p,) arrays
        Squares: summed, of deviations.
    tables : tuple of pandas.DataFrame
        Distinct values of each set of columns: ``level, value, successes, trials``.
    """

    n: int
    mean: Floats
    squares: Floats
    low: Floats
    high: Floats
    tables: tuple[pd.DataFrame, ...]

    def __add__(self, other: Look) -> Look:
        """Join with other rows (Chan, Golub & LeVeque 1983)."""
        n = self.n + other.n
        apart = other.mean - self.mean
        return Look(
            n,
            self.mean + apart * (other.n / max(n, 1)),
            self.squares + other.squares + apart**2 * (self.n * other.n / max(n, 1)),
            np.minimum(self.low, other.low),
            np.maximum(self.high, other.high),
            tuple(
                _distinct(pd.concat(pair, ignore_index=True))
                for pair in zip(self.tables, other.tables, strict=True)
            ),
        )


def look_block(frame: pd.DataFrame, layout: Layout, sets: tuple[tuple[int, ...], ...]) -> Look:
    """Look at one block as it stands: a layout with centres of zero and scales of one."""
    problem = block(frame, layout).problem
    x = problem.x
    mean, spread = moments(x)
    counts = {"level": problem.level, "successes": problem.successes, "trials": problem.trials}
    tables = [_distinct(pd.DataFrame({"value": _value(x, places), **counts})) for places in sets]
    low, high = x.min(axis=0, initial=np.inf), x.max(axis=0, initial=-np.inf)
    return Look(len(x), mean, spread**2 * len(x), low, high, tuple(tables))


def _value(x: Floats, places: tuple[int, ...]) -> Floats:
    """Values of a column; of a factor's columns the number of the level, zero for the reference."""
    if len(places) == 1:
        return x[:, places[0]]
    return x[:, list(places)] @ np.arange(1.0, len(places) + 1)


def _distinct(table: pd.DataFrame) -> pd.DataFrame:
    """Equal rows as one; of very many, those at the ends, which decide about separation."""
    found = table.groupby(["level", "value"], as_index=False, sort=True)[["successes", "trials"]].sum()
    if len(found) <= _DISTINCT:
        return found
    sides = [found[found["successes"] > 0], found[found["trials"] > found["successes"]]]
    ends = [end for side in sides for end in (side.groupby("level").head(1), side.groupby("level").tail(1))]
    return found.loc[np.unique(np.concatenate([end.index for end in ends]))].reset_index(drop=True)


@dataclass(frozen=True, slots=True)
class Triangle:
    """Triangular factor of rows, whose columns have all their lengths and angles; (q, q)."""

    r: Floats

    def __add__(self, other: Triangle) -> Triangle:
        """Factor both together."""
        return Triangle(np.asarray(np.linalg.qr(np.vstack([self.r, other.r]), mode="r")))


def triangle_block(frame: pd.DataFrame, layout: Layout) -> Triangle:
    """Factor one block's levels, one column each, beside its covariates."""
    problem = block(frame, layout).problem
    rows = np.hstack([problem.by_level.T.toarray(), problem.x])
    return Triangle(np.asarray(np.linalg.qr(rows, mode="r")))
