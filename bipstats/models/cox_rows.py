"""From a frame to a Cox problem: rows checked, merged where exact, dropped where never at risk, and counted."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from bipstats.core.columns import Floats, Ints, Missing, complete_rows, group_codes, require_columns
from bipstats.core.covariance import Vcov, cluster_columns
from bipstats.core.design import Design, formula_columns, learn_design
from bipstats.models.identify import standardise
from bipstats.models.inputs import (
    Times,
    check_overlap,
    equal_to_previous,
    event_column,
    event_indicator,
    read_offset,
    read_times,
    read_weights,
)
from bipstats.models.kernels.cox import CoxProblem, cox_problem, risk_sets
from bipstats.models.kernels.separation import Risks
from bipstats.models.separation import refuse_monotone, refuse_never_at_risk

Ties = Literal["efron", "breslow"]
Flags = NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class CoxSpecification:
    """What was asked for; enough to prepare the same rows again."""

    formula: str
    start: str | None
    stop: str
    event: str
    id: str | Sequence[str] | None
    strata: str | Sequence[str] | None
    weights: str | None
    offset: str | None
    ties: Ties
    missing: Missing

    @property
    def fixed(self) -> list[str]:
        """Columns besides the covariates that must not change within merged rows."""
        return [*self.strata_columns, *(name for name in (self.weights, self.offset) if name is not None)]

    @property
    def strata_columns(self) -> list[str]:
        """Columns whose values, crossed, are the strata."""
        return [self.strata] if isinstance(self.strata, str) else list(self.strata or ())

    @property
    def id_columns(self) -> list[str]:
        """Columns that say which rows belong together."""
        return [self.id] if isinstance(self.id, str) else list(self.id or ())

    @property
    def columns(self) -> list[str]:
        """Columns besides the covariates that must be complete."""
        start = [] if self.start is None else [self.start]
        return [*start, self.stop, event_column(self.event), *self.fixed]


@dataclass(frozen=True, slots=True)
class CoxRows:
    """Rows at risk, ready for the kernel.

    Attributes
    ----------
    problem : CoxProblem
        In centred and scaled covariates.
    centre, scale : (p,) arrays
    design : Design
    data : pandas.DataFrame
        Identifiers, clusters, strata, weights and offset of the problem's rows.
    id : str, list of str or None
    n_complete : int
        Rows before merging.
    n_ids : int or None
    flow : tuple of (str, int)
    strata_levels : tuple
    followed_to : float
        Last time at which anyone is at risk.
    """

    problem: CoxProblem
    centre: Floats
    scale: Floats
    design: Design
    data: pd.DataFrame
    id: str | Sequence[str] | None
    n_complete: int
    n_ids: int | None
    flow: tuple[tuple[str, int], ...]
    strata_levels: tuple[object, ...]
    followed_to: float


@dataclass(frozen=True, slots=True)
class _Spells:
    """Rows with their times and events, side by side, and how many rows of the data each was (None: one)."""

    data: pd.DataFrame
    times: Times
    event: Flags
    count: Ints | None = None

    def take(self, first: Ints, last: Ints, count: Ints) -> _Spells:
        """Join runs of so many rows: start of the first, everything else of the last."""
        times = Times(self.times.start[first], self.times.stop[last])
        return _Spells(self.data.iloc[last], times, self.event[last], count)


def prepare(spec: CoxSpecification, data: pd.DataFrame, vcov: Vcov, design: Design | None) -> CoxRows:
    """Check, merge and drop rows, then build the design (or reuse one) and the risk sets."""
    covariates = formula_columns(spec.formula)
    require_columns(data, covariates)
    require_columns(data, spec.columns, "an argument")
    complete, n_missing = complete_rows(data, [*covariates, *spec.columns], spec.missing)
    event = event_indicator(complete, spec.event)
    spells = _Spells(complete, read_times(complete, spec.start, spec.stop), event)
    n_ids = None
    clusters = cluster_columns(vcov)
    require_columns(complete, clusters, "vcov=")
    if spec.id is not None:
        spells, n_ids = _merged(spells, spec, [*covariates, *spec.fixed, *clusters])
    strata, strata_levels = crossed_levels(spells.data, spec.strata_columns, "strata=")
    sets = risk_sets(spells.times.start, spells.times.stop, spells.event, strata)
    used = np.flatnonzero(sets.last > sets.first)
    if design is None:  # learnt before rows never at risk go, so that every level of the data is known
        design = learn_design(spec.formula, spells.data, spells.count)
    matrix = design.matrix(spells.data, used if len(used) < len(spells.data) else None)
    idle = np.flatnonzero(sets.last <= sets.first)
    refuse_never_at_risk(matrix, lambda: design.matrix(spells.data, idle), design.names)
    # Covariates live on in the matrix alone.
    rows = spells.data[list(dict.fromkeys([*spec.id_columns, *spec.fixed, *clusters]))].iloc[used]
    died, strata, sets = spells.event[used], strata[used], sets.take(used)
    refuse_monotone(design.names, Risks(matrix, sets, np.flatnonzero(died)), references=design.references)
    covariate = standardise(matrix, design.names, strata, "stratum")
    problem = cox_problem(
        covariate.x,
        sets,
        died,
        read_weights(rows, spec.weights),
        read_offset(rows, spec.offset),
        efron=spec.ties == "efron",
    )
    flow = _flow(len(data), n_missing, len(complete) - len(spells.data), len(spells.data) - len(used))
    return CoxRows(
        problem,
        covariate.centre,
        covariate.scale,
        design,
        rows,
        spec.id,
        len(complete),
        n_ids,
        flow,
        strata_levels,
        float(spells.times.stop.max()),
    )


def _merged(spells: _Spells, spec: CoxSpecification, columns: list[str]) -> tuple[_Spells, int]:
    """Join touching rows of one id that are equal in `columns` and have no event between them."""
    assert spec.id is not None
    ids = group_codes(spells.data, spec.id, "id=")
    n_ids = int(ids.max()) + 1
    # An id may be at risk in several strata at once (stacked causes): within each it has one row at a time.
    if spec.strata_columns:
        ids = ids + n_ids * group_codes(spells.data, spec.strata_columns, "strata=")
    order = _by_id_and_time(ids, spells.times.start)
    check_overlap(ids, spells.times, order, spec.id)
    start, stop, event = spells.times.start, spells.times.stop, spells.event
    if order is not None:
        ids, start, stop, event = ids[order], start[order], stop[order], event[order]
    joined = (ids[1:] == ids[:-1]) & (start[1:] == stop[:-1]) & ~event[:-1]
    for name in dict.fromkeys(columns):
        if not joined.any():
            return spells, n_ids
        joined &= equal_to_previous(spells.data[name], order)
    first = np.flatnonzero(np.concatenate([[True], ~joined]))
    last = np.flatnonzero(np.concatenate([~joined, [True]]))
    count = last - first + 1
    if order is not None:
        first, last = order[first], order[last]
    return spells.take(first, last, count), n_ids


def _by_id_and_time(ids: Ints, start: Floats) -> Ints | None:
    """Order of the rows by id and start; None if they lie so already."""
    step = np.diff(ids)
    if np.all((step > 0) | ((step == 0) & (start[1:] >= start[:-1]))):
        return None
    return np.lexsort((start, ids))


def crossed_levels(rows: pd.DataFrame, columns: list[str], role: str) -> tuple[Ints, tuple[object, ...]]:
    """Codes and levels of a column (tuples where several are crossed); one level of nothing for no column."""
    if not columns:
        return np.zeros(len(rows), np.int64), ("",)
    codes = group_codes(rows, columns, role)
    _, first = np.unique(codes, return_index=True)
    values = rows[columns].iloc[first]
    return codes, tuple(
        values[columns[0]] if len(columns) == 1 else values.itertuples(index=False, name=None)
    )


def _flow(given: int, missing: int, merged: int, idle: int) -> tuple[tuple[str, int], ...]:
    left = (("with missing values", missing), ("merged into the row before", merged), ("never at risk", idle))
    return (("given", given), *((what, count) for what, count in left if count))
