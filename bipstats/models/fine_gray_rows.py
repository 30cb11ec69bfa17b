"""From a frame to a Fine-Gray problem: one row a person, with covariates that do not change."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from bipstats.core.columns import Floats, Ints, Missing, complete_rows, group_codes, listed, require_columns
from bipstats.core.covariance import Cluster, Vcov
from bipstats.core.design import Design, fit_design, formula_columns
from bipstats.errors import ModelError
from bipstats.models.cox_rows import Ties
from bipstats.models.identify import standardise
from bipstats.models.inputs import (
    Times,
    check_overlap,
    equal_to_previous,
    event_column,
    event_indicator,
    is_level,
    read_times,
    read_weights,
)
from bipstats.models.kernels.cox import risk_sets
from bipstats.models.kernels.fine_gray import FineGrayProblem, fine_gray_problem
from bipstats.models.kernels.separation import Risks
from bipstats.models.separation import refuse_monotone


@dataclass(frozen=True, slots=True)
class FineGraySpecification:
    """What was asked for; enough to prepare the same rows again."""

    formula: str
    start: str | None
    stop: str
    event: str
    id: str | Sequence[str] | None
    weights: str | None
    ties: Ties
    censored: str | None
    missing: Missing

    @property
    def columns(self) -> list[str]:
        """Columns besides the covariates that must be complete."""
        optional = [name for name in (self.start, self.weights) if name is not None]
        return [*optional, self.stop, event_column(self.event)]


@dataclass(frozen=True, slots=True)
class FineGrayRows:
    """One row a person, ready for the kernel.

    Attributes
    ----------
    problem : FineGrayProblem
        In centred and scaled covariates.
    centre, scale : (p,) arrays
    design : Design
    data : pandas.DataFrame
        The rows of the problem, for identifiers of clusters.
    exits : dict of str to int
        Persons by what ended their time: the event, every competing exit, censoring.
    n_late : int
        Persons who come under observation after the first of all ends.
    n_complete : int
        Rows before they were joined.
    n_ids : int or None
    flow : tuple of (str, int)
    followed_to : float
        Last time at which anyone was under observation.
    risks : Risks
        In centred and scaled covariates.
    """

    problem: FineGrayProblem
    centre: Floats
    scale: Floats
    design: Design
    data: pd.DataFrame
    exits: dict[str, int]
    n_late: int
    n_complete: int
    n_ids: int | None
    flow: tuple[tuple[str, int], ...]
    followed_to: float
    risks: Risks


def prepare(
    spec: FineGraySpecification, data: pd.DataFrame, vcov: Vcov, design: Design | None
) -> FineGrayRows:
    """Check and join rows, then build the design (or reuse one), the weights and the risk sets."""
    covariates = formula_columns(spec.formula)
    require_columns(data, covariates)
    require_columns(data, spec.columns, "an argument")
    complete = _complete(spec, data, [*covariates, *spec.columns])
    times, exit = read_times(complete, spec.start, spec.stop), _exits(complete, spec)
    first = last = np.arange(len(complete))
    n_ids = None
    if spec.id is not None:
        clusters = list(vcov.columns) if isinstance(vcov, Cluster) else []
        require_columns(complete, clusters, "vcov=")
        fixed = [*covariates, *([spec.weights] if spec.weights else []), *clusters]
        first, last = _joined(spec, complete, times, exit, fixed)
        n_ids = len(last)
    rows, exit, times = complete.iloc[last], exit[last], Times(times.start[first], times.stop[last])
    if design is None:
        design, matrix = fit_design(spec.formula, rows)
    else:
        matrix = design.matrix(rows)
    risks = _risks(matrix, times, exit)
    refuse_monotone(design.names, risks, references=design.references)
    covariate = standardise(matrix, design.names, np.zeros(len(rows), np.int64), "sample")
    problem = fine_gray_problem(
        covariate.x, times.start, times.stop, exit, read_weights(rows, spec.weights),
        efron=spec.ties == "efron",
    )  # fmt: skip
    _check_weights(problem)
    flow = (
        ("given", len(data)),
        ("with missing values", len(data) - len(complete)),
        ("joined to one row per id", len(complete) - len(rows)),
    )
    return FineGrayRows(
        problem,
        covariate.centre,
        covariate.scale,
        design,
        rows,
        _ends(rows[event_column(spec.event)], exit),
        int((times.start >= times.stop.min()).sum()),
        len(complete),
        n_ids,
        tuple((what, count) for what, count in flow if count or what == "given"),
        float(times.stop.max()),
        replace(risks, x=covariate.x),
    )


def _risks(x: Floats, times: Times, exit: Ints) -> Risks:
    """Who is at risk of the event when: who leaves by a competing exit stays, with some weight."""
    stop = np.where(exit > 1, times.stop.max(), times.stop)
    sets = risk_sets(times.start, stop, exit == 1, np.zeros(len(x), np.int64))
    return Risks(x, sets, np.flatnonzero(exit == 1))


def _complete(spec: FineGraySpecification, data: pd.DataFrame, names: list[str]) -> pd.DataFrame:
    """Rows without missing values; of a person who lacks one all rows go, for the rest would be another spell."""
    complete, n_lost = complete_rows(data, names, spec.missing)
    if n_lost == 0 or spec.id is None:
        return complete
    ids = group_codes(data, spec.id, "id=")
    lost = ids[data[names].isna().any(axis=1).to_numpy()]
    return data[~np.isin(ids, lost)]


def _exits(data: pd.DataFrame, spec: FineGraySpecification) -> Ints:
    """0 censored, 1 the event, 2 a competing exit."""
    name = event_column(spec.event)
    if name == spec.event:
        raise ModelError(
            f"event={spec.event!r} names no exit: a Fine-Gray model needs a column with all ways out, "
            f'event="{name} == job"; where there is one way out only, use bip.cox.'
        )
    event = event_indicator(data, spec.event)
    if spec.censored is None:
        return np.where(event, 1, 2)
    try:
        censored = is_level(data[name], spec.censored)
    except ModelError as unknown:
        raise ModelError(
            f"censored={spec.censored!r}: {unknown} Name the level that ends a row without an exit, or give "
            "censored=None if nobody was censored."
        ) from None
    if (event & censored).any():
        raise ModelError(f"event={spec.event!r} and censored={spec.censored!r} are the same level.")
    return np.where(event, 1, np.where(censored, 0, 2))


def _joined(
    spec: FineGraySpecification, data: pd.DataFrame, times: Times, exit: Ints, fixed: list[str]
) -> tuple[Ints, Ints]:
    """First and last row of every person, whose rows must touch, differ in nothing and exit at the end only."""
    assert spec.id is not None
    ids = group_codes(data, spec.id, "id=")
    order = np.lexsort((times.start, ids))
    check_overlap(ids, times, order, spec.id)
    same = ids[order][1:] == ids[order][:-1]
    for name in dict.fromkeys(fixed):
        same_value = equal_to_previous(data[name], order)
        changed = same & ~same_value
        if changed.any():
            raise ModelError(_changing(name, spec, len(np.unique(ids[order][1:][changed])), ids))
    _refuse(
        same & (times.start[order][1:] > times.stop[order][:-1]), ids, order, spec.id, "have a gap in time"
    )
    _refuse(same & (exit[order][:-1] != 0), ids, order, spec.id, "go on after an exit")
    return order[np.concatenate([[True], ~same])], order[np.concatenate([~same, [True]])]


def _changing(name: str, spec: FineGraySpecification, n_changed: int, ids: Ints) -> str:
    id = spec.id if isinstance(spec.id, str) else list(spec.id or ())
    return (
        f"column {name!r} changes within {n_changed:,} of {int(ids.max()) + 1:,} {id!r}: those who left are kept at "
        "risk, and nobody knows what it would have been then. A Fine-Gray model takes what was known at the start.\n"
        f"  To mend: data.groupby({id!r})[{name!r}].transform('first') on rows in order of time;\n"
        "  effects of covariates that change: bip.cox for every exit, then bip.risk from a landmark."
    )


def _refuse(wrong: NDArray[np.bool_], ids: Ints, order: Ints, id: object, what: str) -> None:
    if wrong.any():
        rows = listed([str(row) for row in np.sort(order[1:][wrong])])
        raise ModelError(
            f"{len(np.unique(ids[order][1:][wrong])):,} of {int(ids.max()) + 1:,} {id!r} {what} (positions {rows}). "
            "A Fine-Gray model takes one unbroken time at risk each: keep the rows up to there, or leave them out."
        )


def _check_weights(problem: FineGrayProblem) -> None:
    """Refuse competing exits before a time at which all who are there have only just come."""
    lost = ~np.isfinite(problem.weight)
    if lost.any():
        entered = problem.entered
        alone = entered.times[(entered.hazard == 1.0)].max()
        raise ModelError(
            f"{int(lost.sum()):,} competing exits happen no later than {alone:g}, at which everybody under observation "
            "had only just entered: the probability of having entered before cannot be estimated, nor their weights.\n"
            f"  To mend: begin later, among those still there after {alone:g}."
        )


def _ends(column: pd.Series, exit: Ints) -> dict[str, int]:
    """Persons by what ended their time, the event first and censoring last."""
    counts: dict[str, int] = {}
    for code in (1, 2, 0):
        own = column[exit == code]
        counts |= {str(level): int(count) for level, count in own.value_counts(sort=False).items() if count}
    return counts
