"""From a frame to rows with an outcome and one of several exposures, and what is refused."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
import pandas as pd

from bipstats.core.columns import (
    MANY,
    Floats,
    Ints,
    Missing,
    complete_rows,
    group_codes,
    labels,
    listed,
    numbers,
    require_columns,
    require_frame,
)
from bipstats.core.design import fit_design, formula_columns
from bipstats.effects.potential_means import Exposed, PotentialMeans
from bipstats.errors import ModelError
from bipstats.models.identify import standardise
from bipstats.models.inputs import read_weights
from bipstats.models.kernels import multinomial
from bipstats.models.kernels.newton import NoMaximum
from bipstats.threads import one_thread

Found = TypeVar("Found")

_FEWEST = 2
"""Rows per covariate that an exposure must have."""


@dataclass(frozen=True, slots=True)
class Rows:
    """Rows ready for an estimator.

    Attributes
    ----------
    exposed : Exposed
    names : tuple of str
        Terms of the covariates, without the column of ones.
    levels : tuple of str
        Exposures.
    unit : (n,) integer array
        Codes of what is independent.
    flow : dict of str to int
        Rows given and left out.
    """

    exposed: Exposed
    names: tuple[str, ...]
    levels: tuple[str, ...]
    unit: Ints
    flow: dict[str, int]


def read_rows(
    data: pd.DataFrame,
    outcome: str,
    covariates: str,
    exposure: str,
    *,
    id: str | None,
    weights: str | None,
    missing: Missing,
) -> Rows:
    """Read and check; covariates are centred and scaled, the column of ones comes first."""
    require_frame(data)
    named = formula_columns(covariates)
    require_columns(data, [outcome, *named])
    others = [name for name in (exposure, id, weights) if name is not None]
    require_columns(data, others, "an argument")
    if exposure in named:
        raise ModelError(f"{exposure!r} is the exposure and cannot be a covariate too.")
    kept, lost = complete_rows(data, [outcome, *named, *others], missing)
    found = labels(kept[exposure])
    _check_levels(exposure, found.levels)
    design, x = fit_design(covariates, kept)
    scaled = standardise(x, design.names, np.zeros(len(x), np.int64), "row").x
    counts = np.bincount(found.codes, minlength=len(found.levels))
    _refuse_small(exposure, found.levels, counts, x.shape[1] + 1)
    unit = np.arange(len(kept)) if id is None else group_codes(kept, id, "id=")
    exposed = Exposed(
        numbers(kept[outcome]),
        found.codes,
        np.hstack([np.ones((len(x), 1)), scaled]),
        np.array(read_weights(kept, weights)),
        len(found.levels),
    )
    flow = {"given": len(data), "with missing values": lost}
    return Rows(exposed, design.names, tuple(map(str, found.levels)), unit, flow)


def _check_levels(exposure: str, levels: tuple[object, ...]) -> None:
    if len(levels) < 2:
        raise ModelError(f"column {exposure!r} has one level; there is nothing to compare.")
    if len(levels) > MANY:
        raise ModelError(
            f"column {exposure!r} has {len(levels):,} levels; comparisons are of {MANY} at most."
        )


def _refuse_small(exposure: str, levels: tuple[object, ...], counts: Ints, n_terms: int) -> None:
    """Refuse exposures that so many covariates cannot be told within."""
    least = max(_FEWEST * n_terms, 10)
    small = [f"{level} ({count:,})" for level, count in zip(levels, counts, strict=True) if count < least]
    if small:
        raise ModelError(
            f"too few rows with {exposure} = {listed(small)}: with {n_terms:,} terms every level needs {least:,} or "
            "more. Merge it with another level, leave its rows out, or use fewer covariates."
        )


def trimmed(rows: Rows, least: float) -> Rows:
    """Leave out rows for which the chance of some exposure is below `least`, and count them."""
    if not least:
        return rows
    with one_thread():
        best = explained(rows, lambda exposed: multinomial.fit(exposed.choice))
    chance = multinomial.probabilities(best.params, rows.exposed.x)
    kept = chance.min(axis=1) >= least
    flow = {**rows.flow, f"with a chance below {least:g}": int((~kept).sum())}
    counts = np.bincount(rows.exposed.level[kept], minlength=len(rows.levels))
    _refuse_small("the exposure after trimming", rows.levels, counts, rows.exposed.x.shape[1])
    unit = np.unique(rows.unit[kept], return_inverse=True)[1]
    return Rows(rows.exposed.take(kept), rows.names, rows.levels, unit, flow)


def explained(rows: Rows, estimator: Callable[[Exposed], Found]) -> Found:
    """Run an estimator; where a model in it has no maximum, say what that means."""
    try:
        return estimator(rows.exposed)
    except NoMaximum:
        raise ModelError(
            "no overlap: a combination of covariates tells some exposure apart from the others without error, so that "
            f"its chance is 0 or 1 ({len(rows.names):,} terms, {len(rows.unit):,} rows). Merge levels of covariates or "
            "of the exposure, or leave out those who could not have had it."
        ) from None
    except np.linalg.LinAlgError:
        raise ModelError(
            "a covariate does not vary, or follows from the others, among the rows of some exposure (in the folds of "
            "cross-fitting: among those of the other folds). Merge its levels, or use fewer folds."
        ) from None


def balance(rows: Rows, found: PotentialMeans) -> pd.DataFrame:
    """Standardised differences of each exposure's covariate means from the target's, before and after weighting.

    Returns
    -------
    pandas.DataFrame
        ``term, level, before, after``, in standard deviations of the covariate over all rows.
    """
    exposed = rows.exposed
    x, weight, taken = exposed.x[:, 1:], exposed.weight, exposed.taken
    every = _mean(x, weight)
    spread = np.sqrt(_mean(x**2, weight) - every**2)
    pieces = []
    for k, level in enumerate(rows.levels):
        before = _mean(x, weight * taken[:, k]) - every
        after = _mean(x, found.balancing * taken[:, k]) - _mean(x, found.target)
        columns = {
            "term": list(rows.names),
            "level": level,
            "before": before / spread,
            "after": after / spread,
        }
        pieces.append(pd.DataFrame(columns))
    return pd.concat(pieces, ignore_index=True)


def _mean(values: Floats, weight: Floats) -> Floats:
    return np.asarray(weight @ values / weight.sum())


def effective(rows: Rows, found: PotentialMeans) -> Floats:
    """Kish's effective number of rows of each exposure, (K,): as many equally weighted ones say as much."""
    weight = found.balancing[:, None] * rows.exposed.taken
    return np.asarray(weight.sum(axis=0) ** 2 / (weight**2).sum(axis=0))


def overlap(rows: Rows, found: PotentialMeans, bins: int = 10) -> pd.DataFrame:
    """How the chances of each exposure are spread among those who had each.

    Returns
    -------
    pandas.DataFrame
        ``chance_of, level, low, high, share``: share of the rows with exposure `level` whose chance of `chance_of`
        lies between `low` and `high`; no rows where the estimator has no chances.
    """
    columns = ["chance_of", "level", "low", "high", "share"]
    if found.chance is None:
        return pd.DataFrame(
            {name: pd.Series(dtype=object if name in columns[:2] else float) for name in columns}
        )
    edges = np.linspace(0, 1, bins + 1)
    pieces = []
    for j, of in enumerate(rows.levels):
        for k, level in enumerate(rows.levels):
            own = rows.exposed.level == k
            counts = np.histogram(found.chance[own, j], edges)[0]
            pieces.append(
                pd.DataFrame(
                    {
                        "chance_of": of,
                        "level": level,
                        "low": edges[:-1],
                        "high": edges[1:],
                        "share": counts / own.sum(),
                    }
                )
            )
    return pd.concat(pieces, ignore_index=True)
