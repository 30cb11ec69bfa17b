"""The hazard and the logit on rows that are never held: passes over the parts, and what is between them."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from os import PathLike
from typing import Any, TypeVar

import numpy as np
import pandas as pd

from bipstats.core.checkpoint import Steps
from bipstats.core.columns import Floats, Ints, missing_values, nothing_left, require_columns
from bipstats.core.covariance import (
    Cluster,
    Covariance,
    Meat,
    Vcov,
    cluster_columns,
    invert,
    needs_sums_only,
    sandwich,
)
from bipstats.core.design import Design, formula_columns, spline_columns
from bipstats.core.estimates import Estimates
from bipstats.core.result import Fit, report
from bipstats.core.stream import Addable, Parts
from bipstats.errors import ModelError, OptionError
from bipstats.models.binomial import level_transform
from bipstats.models.hazard_rows import HazardSpecification, baseline_of, place_knots, refuse_full_periods
from bipstats.models.identify import require_same_fit
from bipstats.models.inputs import no_events
from bipstats.models.kernels.newton import Evaluation, Optimum
from bipstats.models.kernels.threads import one_thread
from bipstats.models.search import find_maximum
from bipstats.models.streamed_checks import Looked, look
from bipstats.models.streamed_clusters import Lying, Way, compare_runs, runs_block, runs_ended
from bipstats.models.streamed_rows import Final, Layout, final_block, final_ended, newton_block
from bipstats.models.streamed_scan import Reading, Scan, named, scan_block, together
from bipstats.models.streamed_start import Start, known_design, start

SAMPLE = 2**19
"""Rows of the sample from whose fit the search begins."""
_TOLERANCE = 1e-9  # the step after a decrement of 1e-13 of the log-likelihood leaves an error of its square
T = TypeVar("T", bound=Addable)
S = TypeVar("S")


@dataclass(frozen=True, slots=True)
class Opened:
    """What the first pass told.

    Attributes
    ----------
    flow : tuple of (str, int)
    n_rows, n_events : int
        Of the rows used.
    levels, periods : tuple
        All periods, and those with events.
    knots : tuple of float
    rows, events : (K,) integer arrays
        By level that has an effect.
    design : Design
    lies : dict of str to Lying
        How clusters lie, where it is known.
    start : Start
    """

    flow: tuple[tuple[str, int], ...]
    n_rows: int
    n_events: int
    levels: tuple[object, ...]
    periods: tuple[object, ...]
    knots: tuple[float, ...]
    rows: Ints
    events: Ints
    design: Design
    lies: dict[str, Lying]
    start: Start


@dataclass(frozen=True, slots=True)
class StreamedPasses:
    """Passes that are done, as a checkpoint holds them.

    Attributes
    ----------
    key : str
    done : tuple
    """

    key: str
    done: tuple[Opened | Looked | Lying | Evaluation, ...]


@dataclass(frozen=True, slots=True)
class StreamedFit:
    """A fit on streamed rows.

    Attributes
    ----------
    estimates : Estimates
    design : Design
    fit : Fit
    clusters : dict of str to int
    levels, periods : tuple
    knots : tuple of float
    """

    estimates: Estimates
    design: Design
    fit: Fit
    clusters: dict[str, int]
    levels: tuple[object, ...]
    periods: tuple[object, ...]
    knots: tuple[float, ...]


NEEDS_ALL_ROWS = (
    "needs all rows at once, and streamed data are never held. Put a column of few levels into the formula as C(x), or "
    "fit on a frame in memory (a sample, or counts of equal rows)."
)


def refuse_in_stream(given: dict[str, bool], vcov: Vcov, formula: str) -> None:
    """Refuse what needs all rows at once.

    Parameters
    ----------
    given : dict of str to bool
        Arguments that do, and whether they were given.
    vcov : Vcov
    formula : str
    """
    for name, there in given.items():
        if there:
            raise OptionError(f"{name}= {NEEDS_ALL_ROWS}")
    if not needs_sums_only(vcov):
        raise OptionError(
            "CR2, the jackknife and the score bootstrap need the rows of each cluster many times over, and streamed data "
            "are read a few times. Use bip.cluster(..., small_sample=None, 'CR1' or 'CR1S'): with as many rows the "
            "clusters are hardly few; if they are, fit on counts of equal rows in memory."
        )
    for text in spline_columns(formula, ("cr",)).values():
        raise ModelError(
            f"Formula: {text!r} needs means of all rows, which streamed data do not have before a fit. Use "
            "bs(x, knots=[...])."
        )
    for text in spline_columns(formula, ("bs",)).values():
        if "df" in text:
            raise ModelError(
                f"Formula: {text!r} needs quantiles of all rows, which streamed data do not have before a fit. Say "
                "where the knots lie: bs(x, knots=[...])."
            )


def refuse_without_stream(progress: bool | None, checkpoint: object) -> None:
    """Refuse arguments that streamed data alone have a use for."""
    if checkpoint is not None or progress:
        raise OptionError(
            "progress= and checkpoint= are of data that are streamed: a path, a pyarrow dataset or a dask data frame. "
            "A frame in memory is fitted at once."
        )


class Stream:
    """Data with a reading of them, and the passes made.

    Parameters
    ----------
    reading : Reading
    parts : Parts
    vcov : Vcov
    unit : str or None
    shown : bool or None
        Whether a bar is drawn.
    checkpoint : str or path, optional
    """

    def __init__(
        self,
        reading: Reading,
        parts: Parts,
        vcov: Vcov,
        unit: str | None,
        shown: bool | None = None,
        checkpoint: str | PathLike[str] | None = None,
    ) -> None:
        self.reading, self.parts, self.vcov, self.unit, self.shown = reading, parts, vcov, unit, shown
        known = pd.DataFrame(columns=list(parts.names))
        require_columns(known, formula_columns(reading.formula))
        require_columns(known, reading.complete, "an argument")
        require_columns(known, reading.identifiers, "vcov=")
        parts.require(reading.columns)
        key = repr((reading, vcov, unit, parts.key))
        self.steps = Steps(StreamedPasses, hashlib.sha256(key.encode()).hexdigest(), checkpoint)
        self.n_passes = 0

    def total(
        self,
        function: Callable[..., T],
        columns: Sequence[str],
        *args: object,
        ended: Callable[[T, str], T] | None = None,
        title: str,
    ) -> T:
        """One pass."""
        self.n_passes += 1
        words = f"pass {self.n_passes}: {title}"
        return self.parts.total(function, columns, *args, ended=ended, title=words, shown=self.shown)

    def step(self, work: Callable[[], S]) -> S:
        """One step of the work, or what a checkpoint holds of it."""
        self.n_passes += self.steps.waiting > 0
        return self.steps.step(work)


def fit_stream(stream: Stream) -> StreamedFit:
    """Maximise the likelihood by Newton's method, one pass a step, and make the covariance."""
    reading = stream.reading
    opened = stream.step(lambda: _open(stream, None, fitted=True))
    layout = _layout(stream, opened)
    lies = _lies(stream, opened)
    begin = opened.start
    if begin.doubtful is not None:
        looked = stream.step(lambda: look(stream.total, layout, opened.n_rows, begin.doubtful or ()))
        layout = replace(layout, centre=looked.centre, scale=looked.scale)
    names, transform = _terms(opened, layout)

    def evaluate(params: Floats) -> Evaluation:
        return stream.step(
            lambda: stream.total(newton_block, reading.complete, layout, params, title="Newton").evaluation
        )

    best = find_maximum(
        _Frugal(evaluate),
        lambda params: evaluate(params).loglik,
        begin.params(layout.centre, layout.scale),
        names=names,
        n_events=opened.n_events,
        explain=lambda: None,
        tolerance=_TOLERANCE,
    )
    at, made, n_units = _finish(stream, layout, lies, best.params)
    estimates = report(names, transform @ best.params, made, transform)
    return _gathered(opened, estimates, made, at, n_units, best)


class _Frugal:
    """Evaluations for a search that ends with a step too short to change them: none is made after that step."""

    def __init__(self, evaluate: Callable[[Floats], Evaluation]) -> None:
        self._evaluate = evaluate
        self._last: tuple[Floats, Evaluation] | None = None

    def __call__(self, params: Floats) -> Evaluation:
        """Evaluate, or give the evaluation before the last step."""
        if self._last is not None:
            before, at = self._last
            rise = 0.5 * float(at.gradient @ (params - before))
            if 0 <= rise <= 1e-4 * _TOLERANCE * (1.0 + abs(at.loglik)):
                return at
        self._last = params, self._evaluate(params)
        return self._last[1]


def _gathered(
    opened: Opened, estimates: Estimates, made: Covariance, at: Evaluation, n_units: int | None, best: Optimum
) -> StreamedFit:
    fit = Fit(at.loglik, opened.n_rows, opened.n_events, n_units, best.iterations, opened.flow)
    return StreamedFit(
        estimates, opened.design, fit, made.clusters, opened.levels, opened.periods, opened.knots
    )


@dataclass(frozen=True, slots=True)
class Recovered:
    """Another covariance of a fit, on streamed rows."""

    made: Covariance
    transform: Floats
    flow: tuple[tuple[str, int], ...]


def recover_stream(
    stream: Stream, design: Design, names: tuple[str, ...], values: Floats, loglik: float
) -> Recovered:
    """Make another covariance for a fit; refuse data on which the fit does not recur."""
    opened = _open(stream, design, fitted=False)
    layout = _layout(stream, opened)
    own, transform = _terms(opened, layout)
    if own != names:
        raise ModelError(
            f"these are not the data of the fit: they have {len(own):,} terms, the fit has {len(names):,} (a period "
            "without events in one of them?). Give the same rows, unchanged."
        )
    working = np.linalg.solve(transform, values).astype(float)
    at, made, _ = _finish(stream, layout, _lies(stream, opened), working)
    require_same_fit(at, loglik)
    return Recovered(made, transform, opened.flow)


def _layout(stream: Stream, opened: Opened) -> Layout:
    periods = opened.periods if stream.reading.by_period else ()
    begin = opened.start
    return Layout(
        stream.reading, opened.design, periods, opened.knots, begin.centre, begin.scale, begin.collapse
    )


def _terms(opened: Opened, layout: Layout) -> tuple[tuple[str, ...], Floats]:
    """Names of what is reported, and how it comes from the working parameters."""
    baseline = _baseline_names(layout.reading, opened.periods, opened.knots)
    names = ("Intercept", *baseline, *opened.design.names)
    return names, level_transform(layout.n_levels, layout.centre, layout.scale)


def _baseline_names(
    reading: Reading, periods: tuple[object, ...], knots: tuple[float, ...]
) -> tuple[str, ...]:
    if reading.period is None:
        return ()
    none = pd.DataFrame({reading.period: np.empty(0)})
    made = baseline_of(_specification(reading), np.empty(0, np.int64), periods, none, knots)
    return (*made.level_names, *made.names)


def _specification(reading: Reading) -> HazardSpecification:
    assert reading.period is not None
    return HazardSpecification(
        reading.formula, reading.event, reading.period, reading.exposure, reading.link, reading.missing, reading.baseline
    )  # fmt: skip


def _open(stream: Stream, design: Design | None, *, fitted: bool) -> Opened:
    """Scan all rows, refuse what cannot be fitted, and fit the sample."""
    reading = stream.reading
    share = SAMPLE / max(stream.parts.n_rows(), 1)
    scan = stream.total(scan_block, reading.columns, reading, share, ended=named, title="what there is")
    if scan.n_missing and reading.missing != "drop":
        holes = {name: scan.holes[name] for name in reading.complete if name in scan.holes}
        raise missing_values(holes, scan.n_missing, scan.n, reading.missing)
    if scan.n_missing == scan.n:
        raise nothing_left(scan.n)
    if not scan.events.any():
        raise no_events(reading.event, scan.n)
    used = (scan.events > 0) if reading.by_period else np.ones(len(scan.rows), bool)
    _refuse_lost(stream, scan, used)
    levels = _levels(scan)
    some = scan.events[scan.rows > 0] > 0
    _refuse_full(reading, scan, levels)
    periods = tuple(level for level, own in zip(levels, some, strict=False) if own)
    knots = (
        () if reading.period is None or reading.by_period else place_knots(periods, _specification(reading))
    )
    design = known_design(reading.formula, scan, used) if design is None else design
    rows, events = (scan.rows[used], scan.events[used]) if reading.by_period else (scan.rows.sum(keepdims=True), scan.events.sum(keepdims=True))  # fmt: skip
    effects = periods if reading.by_period else ()
    blank = np.zeros(max(len(knots) - 1, 0) + len(design.names))
    layout = Layout(reading, design, effects, knots, blank, blank + 1.0, False)
    begin = start(together(scan.sample), layout, rows, events, fitted=fitted)
    n_rows = int(scan.rows[used].sum())
    flow = (
        ("given", scan.n),
        ("with missing values", scan.n_missing),
        ("in periods without events", scan.n - scan.n_missing - n_rows),
    )
    lies = {name: Lying(lie) for name, own in scan.identifiers.items() if (lie := own.lie()) is not None}
    counted = tuple((what, count) for what, count in flow if count)
    return Opened(
        counted, n_rows, int(scan.events.sum()), levels, periods, knots, rows, events, design, lies, begin
    )


def _levels(scan: Scan) -> tuple[object, ...]:
    """Periods that occur."""
    if scan.periods is None:
        return ()
    return tuple(scan.periods.values[scan.rows > 0].tolist())


def _refuse_full(reading: Reading, scan: Scan, levels: tuple[object, ...]) -> None:
    seen = scan.rows > 0
    if reading.by_period:
        refuse_full_periods(scan.rows[seen], scan.events[seen], levels)
    elif reading.period is None and scan.events.sum() == scan.rows.sum():
        raise ModelError(
            f"the outcome {reading.event!r} is 1 in all {int(scan.rows.sum()):,} rows; nothing can be estimated."
        )


def _needed(stream: Stream) -> list[str]:
    """Columns by which the covariance sums scores."""
    if stream.vcov == "robust":
        return [] if stream.unit is None else [stream.unit]
    return cluster_columns(stream.vcov)


def _refuse_lost(stream: Stream, scan: Scan, used: Any) -> None:
    for name in _needed(stream):
        lost = int(scan.lost[name][used].sum())
        if lost:
            raise ModelError(
                f"column {name!r}, used by vcov=, is missing in {lost:,} rows. Fill or drop them."
            )


def _lies(stream: Stream, opened: Opened) -> dict[str, Lying]:
    """How the clusters of each column lie; those that the first pass cannot tell are compared one by one."""
    lies = dict(opened.lies)
    reading = stream.reading
    complete = reading.complete if any(what == "with missing values" for what, _ in opened.flow) else ()
    period, periods = (reading.period, opened.periods) if reading.by_period else (None, ())
    for name in reading.identifiers:
        if name in lies:
            continue
        columns = tuple(dict.fromkeys([name, *complete, *([period] if period else [])]))
        lies[name] = stream.step(
            lambda name=name, columns=columns: compare_runs(
                stream.total(
                    runs_block, columns, name, complete, period, periods, ended=runs_ended, title="clusters"
                ),
                name,
            )
        )
    for name in _needed(stream):
        if lies[name].lie == "scattered":
            raise ModelError(lies[name].message)
    return lies


_BEST_FIRST = ("sorted", "contiguous", "apart by part")


def _ways(stream: Stream, lies: dict[str, Lying]) -> tuple[Way, ...]:
    """Ways in which scores are summed for the covariance."""
    needed = _needed(stream)
    if stream.vcov == "robust" and not needed:
        return (Way((), "few"),)
    ways = [Way((name,), lies[name].lie) for name in needed]
    if len(needed) == 2:
        own = [lies[name].lie for name in needed]
        best = next((lie for lie in _BEST_FIRST if lie in own), "few")
        ways.append(Way(tuple(needed), best, own.index(best)))  # type: ignore[arg-type]
    return tuple(ways)


def _finish(
    stream: Stream, layout: Layout, lies: dict[str, Lying], params: Floats
) -> tuple[Evaluation, Covariance, int | None]:
    """Last pass: expected information, score sums by cluster, and how many units there are."""
    ways, unit = _ways(stream, lies), stream.unit
    lie = None if unit is None else lies[unit].lie
    apart = unit is not None and lie != "scattered" and (unit,) not in [way.columns for way in ways]
    counted = (Way((unit,), lie),) if apart else ()  # type: ignore[arg-type]
    columns = stream.reading.columns
    with one_thread():
        last: Final = stream.total(
            final_block, columns, layout, params, ways, counted, ended=final_ended, title="errors"
        )
    tables = {table.way.columns: table.result() for table in last.tables}
    n_units = None if unit is None else tables[(unit,)].n if (unit,) in tables else lies[unit].n
    meats: dict[tuple[str, ...], Meat] = {way.columns: tables[way.columns] for way in ways}
    if stream.vcov == "robust":
        meats = {(): next(iter(meats.values()))}
    at = last.sums.evaluation
    made = sandwich(stream.vcov, invert(at.information), meats, unit, last.n_rows)
    return at, made, n_units


def identifiers_of(vcov: Vcov, unit: str | None) -> tuple[str, ...]:
    """Columns of units and clusters."""
    columns = cluster_columns(vcov) if isinstance(vcov, Cluster) else []
    return tuple(dict.fromkeys([*([] if unit is None else [unit]), *columns]))
