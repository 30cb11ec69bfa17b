"""From (start, stop] rows to time at risk by piece of a baseline that is constant between cuts."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import pandas as pd

from bipstats.core.columns import Floats, Ints, Missing, complete_rows, group_codes, numbers, require_columns
from bipstats.core.covariance import Vcov, cluster_columns
from bipstats.core.design import Design, fit_design, formula_columns
from bipstats.errors import ModelError, OptionError
from bipstats.models.binomial_rows import CountedRows, Flags, counted_rows
from bipstats.models.identify import standardise
from bipstats.models.inputs import Times, check_overlap, event_column, event_indicator, read_times
from bipstats.models.kernels.mixture import MixtureProblem
from bipstats.models.kernels.mixture_rows import channel
from bipstats.models.mixture_fit import ChannelTerms, MixtureRows, unit_frame
from bipstats.models.mixture_rows import DelayedEntry, late_entry_error, refuse_unidentified

_PIECE, _EVENT, _TIME = "piece of time", "ends in event", "time at risk"


@dataclass(frozen=True, slots=True)
class PiecewiseSpecification:
    """What was asked for; enough to prepare the same rows again."""

    formula: str
    cuts: tuple[float, ...]
    start: str | None
    stop: str
    event: str
    id: str | None
    missing: Missing
    delayed_entry: DelayedEntry = "raise"
    points: int = 1

    @property
    def edges(self) -> Floats:
        """Beginnings of the pieces, and infinity."""
        return np.array([0.0, *self.cuts, np.inf])

    @property
    def labels(self) -> tuple[str, ...]:
        """Names of the pieces."""
        edges = [f"{edge:g}" for edge in (0.0, *self.cuts)]
        closed = [f"{low}-{high}" for low, high in pairwise(edges)]
        return (*closed, f"{edges[-1]}+")


def read_cuts(cuts: object) -> tuple[float, ...]:
    """Ascending positive times, or an `OptionError`."""
    try:
        values = np.asarray(cuts, dtype=float)
    except (TypeError, ValueError):
        values = np.array([np.nan])
    wrong = (
        values.ndim != 1
        or not np.isfinite(values).all()
        or (values <= 0).any()
        or (np.diff(values) <= 0).any()
    )
    if wrong:
        raise OptionError(f"cuts={cuts!r} are no ascending list of positive times, e.g. cuts=[13, 26, 52].")
    return tuple(values.tolist())


@dataclass(frozen=True, slots=True)
class PiecewiseRows:
    """Rows ready for the search.

    Attributes
    ----------
    rows : MixtureRows
    design : Design
    pieces : tuple of int
        Those with events, in order; the first is the reference.
    """

    rows: MixtureRows
    design: Design
    pieces: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class _Split:
    """Rows cut at the pieces' borders.

    Attributes
    ----------
    source, piece : (m,) integer arrays
    time : (m,) array
    """

    source: Ints
    piece: Ints
    time: Floats


def _split(times: Times, edges: Floats) -> _Split:
    low = np.maximum(times.start[:, None], edges[:-1])
    high = np.minimum(times.stop[:, None], edges[1:])
    source, piece = np.nonzero(high > low)
    return _Split(source, piece, (high - low)[source, piece])


def prepare_piecewise(
    spec: PiecewiseSpecification, data: pd.DataFrame, vcov: Vcov, design: Design | None, *, mixed: bool
) -> PiecewiseRows:
    """Check and cut rows, add up time at risk of equal ones, and build the design (or reuse one).

    Parameters
    ----------
    spec : PiecewiseSpecification
    data : pandas.DataFrame
    vcov
        As given by the user.
    design : Design, optional
    mixed : bool
        Whether units have an intercept of their own, which late entry then bears on.
    """
    given = _read(spec, data, vcov)
    id, covariates = given.id, formula_columns(spec.formula)
    counted, lost = _counted(given, _split(given.times, spec.edges), [id, *cluster_columns(vcov)], covariates)
    codes = group_codes(counted.data, id, "id=")
    used = np.unique(counted.data[_PIECE])
    level = np.searchsorted(used, counted.data[_PIECE])
    if design is None:
        design, matrix = fit_design(spec.formula, counted.data)
    else:
        matrix = design.matrix(counted.data)
    scaled = standardise(matrix, design.names, level, "piece of time")
    events = counted.count * counted.data[_EVENT].to_numpy(float)
    parts = [_Part(scaled.x, level, events, counted.weight, codes)]
    if mixed:
        refuse_unidentified(codes, level, events, id, "piece of time")
        late = given.first[given.times.start[given.first] > 0]
        if len(late) and spec.delayed_entry == "raise":
            raise late_entry_error(len(late), len(given.first), id)
        if len(late) and spec.delayed_entry == "condition":
            known = counted.data.assign(code=codes).drop_duplicates(id).set_index(id)["code"]
            late = late[given.frame[id].iloc[late].isin(known.index)]
            unit = known.loc[given.frame[id].iloc[late]].to_numpy(np.int64)
            x = (design.matrix(given.frame.iloc[late]) - scaled.centre) / scaled.scale
            parts.append(
                _before(
                    _split(Times(np.zeros(len(late)), given.times.start[late]), spec.edges), x, unit, used
                )
            )
    n_units = int(codes.max()) + 1
    names = tuple(f"time[{spec.labels[piece]}]" for piece in used[1:])
    flow = (
        ("given", len(data)),
        ("with missing values", len(data) - len(given.frame)),
        ("wholly in pieces without events", lost),
    )
    rows = MixtureRows(
        _problem(parts, len(used), n_units),
        (ChannelTerms("", (*names, *design.names), -scaled.centre / scaled.scale, 1 / scaled.scale),),
        unit_frame(counted.data, id, vcov, np.unique(codes, return_index=True)[1].astype(np.int64)),
        id,
        len(given.frame) - lost,
        int(given.event.sum()),
        tuple((what, count) for what, count in flow if count),
    )
    return PiecewiseRows(rows, design, tuple(used.tolist()))


@dataclass(frozen=True, slots=True)
class _Given:
    """Complete rows.

    Attributes
    ----------
    frame : pandas.DataFrame
        Covariates, clusters and the id.
    id : str
    times : Times
    event : (n,) boolean array
    first : (G,) integer array
        The first row of each unit.
    """

    frame: pd.DataFrame
    id: str
    times: Times
    event: Flags
    first: Ints


def _read(spec: PiecewiseSpecification, data: pd.DataFrame, vcov: Vcov) -> _Given:
    covariates, clusters = formula_columns(spec.formula), cluster_columns(vcov)
    history = [*([] if spec.start is None else [spec.start]), spec.stop, event_column(spec.event)]
    require_columns(data, covariates)
    require_columns(data, history, "an argument")
    require_columns(data, clusters, "vcov=")
    complete, _ = complete_rows(data, [*covariates, *history], spec.missing)
    complete = complete.reset_index(drop=True)
    unit, id = _units(complete, spec.id)
    times = read_times(complete, spec.start, spec.stop)
    if (times.start < 0).any():
        raise ModelError(f"{int((times.start < 0).sum()):,} rows begin before time zero.")
    order = np.lexsort((times.start, unit))
    check_overlap(unit, times, order, id)
    own = unit if spec.id is None else complete[id]
    frame = complete[list(dict.fromkeys([*covariates, *clusters]))].assign(**{id: own})
    first = order[np.unique(unit[order], return_index=True)[1].astype(np.int64)]
    return _Given(frame, id, times, event_indicator(complete, spec.event), first)


def _units(data: pd.DataFrame, id: str | None) -> tuple[Ints, str]:
    """Codes of the units and the column's name; each row is its own where there is none."""
    if id is None:
        return np.arange(len(data)), "row"
    return group_codes(data, id, "id="), id


def _counted(
    given: _Given, cut: _Split, identifiers: list[str], covariates: tuple[str, ...]
) -> tuple[CountedRows, int]:
    """Time at risk by unit, piece and covariates in pieces that have events, and rows that lie in none."""
    last = np.flatnonzero(np.diff(cut.source, append=-1) != 0)
    ends = np.zeros(len(cut.source), bool)
    ends[last] = given.event[cut.source[last]]
    keep = np.isin(cut.piece, np.unique(cut.piece[ends]))
    pieces = given.frame.iloc[cut.source[keep]].assign(
        **{_PIECE: cut.piece[keep], _EVENT: ends[keep], _TIME: cut.time[keep]}
    )
    needed = [*covariates, _PIECE, _EVENT]
    counted, _ = counted_rows(
        pieces.reset_index(drop=True), needed, identifiers, _TIME, "raise", collapse=True
    )
    return counted, len(given.event) - len(np.unique(cut.source[keep]))


@dataclass(frozen=True, slots=True)
class _Part:
    """Time at risk of one kind: from entry on, or before it.

    Attributes
    ----------
    x : (n, p) array
    level : (n,) integer array
    events, time : (n,) arrays
    unit : (n,) integer array
    """

    x: Floats
    level: Ints
    events: Floats
    time: Floats
    unit: Ints


def _before(cut: _Split, x: Floats, unit: Ints, used: Ints) -> _Part:
    """Time before entry, with the covariates of the first row and no event."""
    keep = np.isin(cut.piece, used)
    source = cut.source[keep]
    level = np.searchsorted(used, cut.piece[keep])
    return _Part(x[source], level, np.zeros(len(source)), cut.time[keep], unit[source])


def _problem(parts: list[_Part], n_levels: int, n_units: int) -> MixtureProblem:
    """All time together, and that before entry again by itself."""
    whole = _Part(
        np.concatenate([part.x for part in parts]),
        np.concatenate([part.level for part in parts]),
        np.concatenate([part.events for part in parts]),
        np.concatenate([part.time for part in parts]),
        np.concatenate([part.unit for part in parts]),
    )
    whole_rows, *before = [
        channel(
            part.x, part.level, part.events, part.time, np.zeros(len(part.x)), "log", part.unit,
            n_levels=n_levels, n_units=n_units,
        )
        for part in (whole, *parts[1:])
    ]  # fmt: skip
    return MixtureProblem((whole_rows,), tuple(before), n_units)


def checked_times(times: object, longest: float) -> Floats:
    """Times of a prediction, ascending or not, none beyond what was seen."""
    values = np.atleast_1d(np.asarray(times, dtype=float))
    if not (np.isfinite(values) & (values >= 0)).all():
        raise ModelError(f"times={times!r} must be zero or more.")
    if (values > longest).any():
        raise ModelError(f"times go to {values.max():g}, but nobody was seen after {longest:g}.")
    return values


def longest_time(data: pd.DataFrame, stop: str) -> float:
    """The last time at risk."""
    return float(numbers(data[stop].dropna()).max())
