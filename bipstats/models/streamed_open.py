"""What the first passes tell: the design, the rows used, how clusters lie, and where the search begins."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from bipstats.core.columns import missing_values, nothing_left
from bipstats.core.covariance import cluster_columns
from bipstats.core.design import Design
from bipstats.errors import ModelError
from bipstats.models.hazard_rows import HazardSpecification, place_knots, refuse_full_periods
from bipstats.models.inputs import no_events
from bipstats.models.streamed_clusters import Lying, compare_runs, runs_block, runs_ended
from bipstats.models.streamed_passes import Stream
from bipstats.models.streamed_rows import Layout
from bipstats.models.streamed_scan import Reading, Scan, named, scan_block, together
from bipstats.models.streamed_start import Start, known_design, start


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
    design : Design
    lies : dict of str to Lying
        How clusters lie, where it is known.
    start : Start
    collapse : bool
        Whether many rows that stand together are equal.
    """

    flow: tuple[tuple[str, int], ...]
    n_rows: int
    n_events: int
    levels: tuple[object, ...]
    periods: tuple[object, ...]
    knots: tuple[float, ...]
    design: Design
    lies: dict[str, Lying]
    start: Start
    collapse: bool


def open_rows(stream: Stream, design: Design | None, sample: int, *, fitted: bool) -> Opened:
    """Scan all rows, refuse what cannot be fitted, and fit a sample where that is wanted."""
    reading = stream.reading
    share = sample / max(stream.parts.n_rows(), 1)
    scan = stream.total(scan_block, reading.columns, reading, share, ended=named, title="what there is")
    _refuse_incomplete(scan, reading)
    used = (scan.events > 0) if reading.by_period else np.ones(len(scan.rows), bool)
    _refuse_lost(stream, scan, used)
    levels = () if scan.periods is None else tuple(scan.periods.values[scan.rows > 0].tolist())
    _refuse_full(reading, scan, levels)
    periods = () if scan.periods is None else tuple(scan.periods.values[scan.events > 0].tolist())
    smooth = reading.period is not None and not reading.by_period
    knots = place_knots(periods, specification_of(reading)) if smooth else ()
    design = known_design(reading.formula, scan, used) if design is None else design
    blank = np.zeros(max(len(knots) - 1, 0) + len(design.names))
    effects = periods if reading.by_period else ()
    layout = Layout(reading, design, effects, knots, blank, blank + 1.0, False)
    tallies = [
        counts[used] if reading.by_period else counts.sum(keepdims=True)
        for counts in (scan.rows, scan.events)
    ]
    n_rows = int(scan.rows[used].sum())
    return Opened(
        _flow(scan, n_rows),
        n_rows,
        int(scan.events.sum()),
        levels,
        periods,
        knots,
        design,
        {name: Lying(lie) for name, own in scan.identifiers.items() if (lie := own.lie()) is not None},
        start(together(scan.sample), layout, *tallies, fitted=fitted),
        2 * scan.repeated[0] <= scan.repeated[1],
    )


def _flow(scan: Scan, n_rows: int) -> tuple[tuple[str, int], ...]:
    lost = scan.n - scan.n_missing - n_rows
    reasons = (("with missing values", scan.n_missing), ("in periods without events", lost))
    return (("given", scan.n), *(reason for reason in reasons if reason[1]))


def _refuse_incomplete(scan: Scan, reading: Reading) -> None:
    """Refuse missing values that are not to be dropped, and data in which nothing is left."""
    if scan.incomplete and reading.missing != "drop":
        holes = {name: scan.holes[name] for name in reading.complete if name in scan.holes}
        raise missing_values(holes, scan.incomplete, scan.read, reading.missing)
    if scan.incomplete == scan.read:
        raise nothing_left(scan.read)
    if not scan.events.any():
        raise no_events(reading.event, scan.read - scan.incomplete)


def specification_of(reading: Reading) -> HazardSpecification:
    """What was asked for, as the baseline's functions take it."""
    assert reading.period is not None
    return HazardSpecification(
        reading.formula,
        reading.event,
        reading.period,
        reading.exposure,
        reading.link,
        reading.missing,
        reading.baseline,
    )


def _refuse_full(reading: Reading, scan: Scan, levels: tuple[object, ...]) -> None:
    seen = scan.rows > 0
    if reading.by_period:
        refuse_full_periods(scan.rows[seen], scan.events[seen], levels)
    elif reading.period is None and scan.events.sum() == scan.rows.sum():
        raise ModelError(
            f"the outcome {reading.event!r} is 1 in all {int(scan.rows.sum()):,} rows; nothing can be estimated."
        )


def needed_columns(stream: Stream) -> list[str]:
    """Columns by which the covariance sums scores."""
    if stream.vcov == "robust":
        return [] if stream.unit is None else [stream.unit]
    return cluster_columns(stream.vcov)


def _refuse_lost(stream: Stream, scan: Scan, used: Any) -> None:
    for name in needed_columns(stream):
        lost = int(scan.lost[name][used].sum())
        if lost:
            raise ModelError(
                f"column {name!r}, used by vcov=, is missing in {lost:,} rows. Fill or drop them."
            )


def lies_of(stream: Stream, opened: Opened) -> dict[str, Lying]:
    """How the clusters of each column lie; those that the first pass cannot tell are compared one by one."""
    lies = dict(opened.lies)
    reading = stream.reading
    complete = reading.complete if any(what == "with missing values" for what, _ in opened.flow) else ()
    period, periods = (reading.period, opened.periods) if reading.by_period else (None, ())
    for name in reading.identifiers:
        if name in lies:
            continue
        columns = tuple(dict.fromkeys([name, *complete, *([period] if period else [])]))
        args = (name, complete, period, periods)
        lies[name] = stream.step(lambda columns=columns, args=args: _compared(stream, columns, *args))  # type: ignore[misc]
    for name in needed_columns(stream):
        if lies[name].lie == "scattered":
            raise ModelError(lies[name].message)
    return lies


def _compared(stream: Stream, columns: tuple[str, ...], name: str, *args: object) -> Lying:
    found = stream.total(runs_block, columns, name, *args, ended=runs_ended, title="clusters")
    return compare_runs(found, name)
