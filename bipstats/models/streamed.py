"""The hazard and the logit on rows that are never held: passes over the parts, and what is between them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from os import PathLike

import numpy as np
import pandas as pd

from bipstats.core.columns import Floats
from bipstats.core.covariance import (
    Covariance,
    Meat,
    Vcov,
    invert,
    sandwich,
)
from bipstats.core.design import Design
from bipstats.core.estimates import Estimates
from bipstats.core.parts import Parts
from bipstats.core.result import Fit, report
from bipstats.core.stream import open_parts
from bipstats.errors import ModelError
from bipstats.models.binomial import level_transform
from bipstats.models.hazard_rows import HazardSpecification, baseline_of, unit_of
from bipstats.models.identify import require_same_fit
from bipstats.models.kernels.newton import Evaluation, Optimum
from bipstats.models.search import find_maximum
from bipstats.models.streamed_checks import Looked, look
from bipstats.models.streamed_clusters import Lying, Way
from bipstats.models.streamed_open import Opened, lies_of, needed_columns, open_rows, specification_of
from bipstats.models.streamed_passes import Stream, identifiers_of
from bipstats.models.streamed_refusals import refuse_in_stream
from bipstats.models.streamed_rows import Final, Layout, final_block, final_ended, newton_block
from bipstats.models.streamed_scan import Reading
from bipstats.threads import one_thread

SAMPLE = 2**19
"""Rows of the sample from whose fit the search begins."""
_NEAR = 1e-9
"""Tolerance of a search from near the maximum: the step after a decrement of 1e-13 of the log-likelihood leaves an
error of its square. A search from the foot has that of rows in memory: it must go on until it is seen to run off."""
_FAR = 1e-14


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


def open_stream(
    reading: Reading,
    parts: Parts,
    vcov: Vcov,
    unit: str | None,
    shown: bool | None,
    checkpoint: str | PathLike[str] | None,
) -> Stream:
    """Check that the columns are there, and read what a checkpoint holds; see `Stream`."""
    return Stream(reading, parts, vcov, unit, shown, checkpoint, kind=StreamedPasses)


def stream_of_hazard(
    spec: HazardSpecification,
    data: object,
    vcov: Vcov,
    shown: bool | None = None,
    checkpoint: str | PathLike[str] | None = None,
) -> Stream:
    """Open the data of a hazard."""
    refuse_in_stream({"absorb": bool(spec.absorb)}, vcov, spec.formula)
    parts = open_parts(data)
    unit = unit_of(parts.names, spec.id)
    reading = Reading(
        spec.formula,
        spec.event,
        spec.period,
        spec.exposure,
        None,
        spec.link,
        spec.baseline,
        spec.missing,
        identifiers_of(vcov, unit),
        spec.counts,
    )
    return open_stream(reading, parts, vcov, unit, shown, checkpoint)


def fit_stream(stream: Stream) -> StreamedFit:
    """Maximise the likelihood by Newton's method, one pass a step, and make the covariance."""
    reading = stream.reading
    opened = stream.step(lambda: open_rows(stream, None, SAMPLE, fitted=True))
    layout = _layout(stream, opened)
    lies = lies_of(stream, opened)
    begin = opened.start
    if begin.doubtful is not None:
        looked = stream.step(lambda: look(stream.total, layout, opened.n_rows, begin.doubtful or ()))
        layout = replace(layout, centre=looked.centre, scale=looked.scale)
    names, transform = _terms(opened, layout)

    def evaluate(params: Floats) -> Evaluation:
        return stream.step(
            lambda: stream.total(newton_block, reading.needed, layout, params, title="Newton").evaluation
        )

    tolerance = _NEAR if begin.fitted else _FAR
    best = find_maximum(
        _Frugal(evaluate, tolerance),
        lambda params: evaluate(params).loglik,
        begin.params(layout.centre, layout.scale),
        names=names,
        n_events=opened.n_events,
        explain=lambda: None,
        tolerance=tolerance,
    )
    at, made, n_units = _finish(stream, layout, lies, best.params)
    estimates = report(names, transform @ best.params, made, transform)
    return _gathered(opened, estimates, made, at, n_units, best)


class _Frugal:
    """Evaluations for a search that ends with a step too short to change them: none is made after that step."""

    def __init__(self, evaluate: Callable[[Floats], Evaluation], tolerance: float) -> None:
        self._evaluate, self._tolerance = evaluate, tolerance
        self._last: tuple[Floats, Evaluation] | None = None

    def __call__(self, params: Floats) -> Evaluation:
        """Evaluate, or give the evaluation before the last step."""
        if self._last is not None:
            before, at = self._last
            rise = 0.5 * float(at.gradient @ (params - before))
            # A little below the search's own bound: what it does not call its last step is evaluated.
            if 0 <= rise <= 0.99e-4 * self._tolerance * (1.0 + abs(at.loglik)):
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
    opened = open_rows(stream, design, SAMPLE, fitted=False)
    layout = _layout(stream, opened)
    own, transform = _terms(opened, layout)
    if own != names:
        raise ModelError(
            f"these are not the data of the fit: they have {len(own):,} terms, the fit has {len(names):,} (a period "
            "without events in one of them?). Give the same rows, unchanged."
        )
    working = np.linalg.solve(transform, values).astype(float)
    at, made, _ = _finish(stream, layout, lies_of(stream, opened), working)
    require_same_fit(at, loglik)
    return Recovered(made, transform, opened.flow)


def _baseline_names(
    reading: Reading, periods: tuple[object, ...], knots: tuple[float, ...]
) -> tuple[str, ...]:
    if reading.period is None:
        return ()
    none = pd.DataFrame({reading.period: np.empty(0)})
    made = baseline_of(specification_of(reading), np.empty(0, np.int64), periods, none, knots)
    return (*made.level_names, *made.names)


def _layout(stream: Stream, opened: Opened) -> Layout:
    periods = opened.periods if stream.reading.by_period else ()
    begin = opened.start
    return Layout(
        stream.reading, opened.design, periods, opened.knots, begin.centre, begin.scale, opened.collapse
    )


def _terms(opened: Opened, layout: Layout) -> tuple[tuple[str, ...], Floats]:
    """Names of what is reported, and how it comes from the working parameters."""
    baseline = _baseline_names(layout.reading, opened.periods, opened.knots)
    names = ("Intercept", *baseline, *opened.design.names)
    return names, level_transform(layout.n_levels, layout.centre, layout.scale)


_BEST_FIRST = ("sorted", "contiguous", "apart by part")


def _ways(stream: Stream, lies: dict[str, Lying]) -> tuple[Way, ...]:
    """Ways in which scores are summed for the covariance."""
    needed = needed_columns(stream)
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
