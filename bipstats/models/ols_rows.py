"""From a frame to a least-squares problem, and its covariances."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from scipy.linalg import block_diag

from bipstats.core.columns import (
    Floats,
    Ints,
    Missing,
    complete_rows,
    group_codes,
    listed,
    numbers,
    require_columns,
)
from bipstats.core.covariance import Covariance, Vcov, covariance, group_sums, invert
from bipstats.core.cr2 import WorkingModel
from bipstats.core.design import Design, fit_design, formula_columns
from bipstats.core.few_clusters import Flags, Refit, Refits, told_apart
from bipstats.errors import ModelError
from bipstats.models.absorbing import refuse_absorbing
from bipstats.models.identify import standardise
from bipstats.models.inputs import read_weights
from bipstats.models.kernels.demean import demean, effects_rank, incidence
from bipstats.models.kernels.least_squares import LeastSquares, Solution, coefficients, cross_product

_MOST_EFFECTS = 1_000  # absorbed levels up to which CR2 takes them one by one
_LOST = 1e-9  # share of its spread below which a column has none left net of the effects


@dataclass(frozen=True, slots=True)
class OLSSpecification:
    """What was asked for; enough to prepare the same rows again."""

    outcome: str
    formula: str
    absorb: tuple[str, ...]
    weights: str | None
    missing: Missing


@dataclass(frozen=True, slots=True)
class Absorbed:
    """A column of fixed effects: how many levels, and how many of them with one row."""

    column: str
    n_levels: int
    n_single: int

    def __str__(self) -> str:
        single = f", {self.n_single:,} of them with one row" if self.n_single else ""
        return f"{self.column} ({self.n_levels:,} levels{single})"


@dataclass(frozen=True, slots=True)
class OLSRows:
    """Rows ready for the kernel.

    Attributes
    ----------
    specification : OLSSpecification
    problem : LeastSquares
        In centred and scaled covariates; net of absorbed effects.
    given : LeastSquares
        The same before the effects were taken out.
    codes : tuple of (n,) integer arrays
        Levels of the absorbed effects.
    names : tuple of str
    transform : (p, p) array
        Maps working to reported parameters.
    total : float
        Weighted sum of squares of the outcome around its mean.
    design : Design
    data : pandas.DataFrame
    absorbed : tuple of Absorbed
    flow : tuple of (str, int)
    """

    specification: OLSSpecification
    problem: LeastSquares
    given: LeastSquares
    codes: tuple[Ints, ...]
    names: tuple[str, ...]
    transform: Floats
    total: float
    design: Design
    data: pd.DataFrame
    absorbed: tuple[Absorbed, ...]
    flow: tuple[tuple[str, int], ...]


def prepare(spec: OLSSpecification, data: pd.DataFrame, design: Design | None) -> OLSRows:
    """Check the rows, build the design (or reuse one), and take the effects out."""
    covariates = formula_columns(spec.formula)
    require_columns(data, covariates)
    others = [spec.outcome, *spec.absorb, *([] if spec.weights is None else [spec.weights])]
    require_columns(data, others, "the model")
    rows, n_missing = complete_rows(data, [*covariates, *others], spec.missing)
    if design is None:
        design, matrix = fit_design(spec.formula, rows)
    else:
        matrix = design.matrix(rows)
    y, weight = numbers(rows[spec.outcome]), read_weights(rows, spec.weights)
    covariate = standardise(matrix, design.names, np.zeros(len(rows), np.int64), "row")
    x, transform, names = covariate.x, np.diag(1 / covariate.scale), design.names
    total = _total(y, weight, spec.outcome)
    codes = tuple(group_codes(rows, name, "absorb=") for name in spec.absorb)
    if np.isin(y, (0.0, 1.0)).all():
        for name, code in zip(spec.absorb, codes, strict=True):
            refuse_absorbing(rows, y == 1, code, spec.outcome, name)
    if not codes:  # a constant, which the reported intercept is less the slopes at the covariates' means
        x, names = np.column_stack([np.ones(len(rows)), x]), ("Intercept", *names)
        transform = block_diag(1.0, transform)
        transform[0, 1:] = -covariate.centre / covariate.scale
    given = LeastSquares(x, y, weight, x.shape[1] + _rank(codes, spec.absorb))
    if len(rows) <= given.n_params:
        raise ModelError(
            f"{len(rows):,} rows cannot tell {given.n_params:,} parameters (absorbed effects among them) apart and "
            "leave a residual. Use fewer terms or effects, or more rows."
        )
    flow = (("given", len(data)), ("with missing values", n_missing))
    return OLSRows(
        spec, _net(given, codes, names, spec), given, codes, names, transform, total, design, rows,
        tuple(_absorbed(name, code) for name, code in zip(spec.absorb, codes, strict=True)),
        tuple((what, count) for what, count in flow if count),
    )  # fmt: skip


def _total(y: Floats, weight: Floats, outcome: str) -> float:
    """Weighted sum of squares around the mean; a constant outcome is refused."""
    deviation = y - np.average(y, weights=weight)
    if np.abs(deviation).max() <= 1e-12 * np.abs(y).max():
        raise ModelError(
            f"the outcome {outcome!r} is {y[0]:g} in all {len(y):,} rows; nothing can be estimated."
        )
    return float(weight @ deviation**2)


def _absorbed(name: str, codes: Ints) -> Absorbed:
    count = np.bincount(codes)
    return Absorbed(name, len(count), int((count == 1).sum()))


def _rank(codes: tuple[Ints, ...], columns: tuple[str, ...]) -> int:
    try:
        return effects_rank(codes) if codes else 0
    except np.linalg.LinAlgError as trouble:
        raise ModelError(
            f"absorb={list(columns)!r}: {trouble}. Absorb fewer columns, or put the small ones into the formula."
        ) from None


def _net(
    given: LeastSquares, codes: tuple[Ints, ...], names: tuple[str, ...], spec: OLSSpecification
) -> LeastSquares:
    """Take the effects out; what has no variation besides them is refused by name."""
    if not codes:
        return given
    try:
        net = _demeaned(given, codes)
    except np.linalg.LinAlgError as trouble:
        raise ModelError(
            f"absorb={list(spec.absorb)!r}: {trouble}. Absorb the columns one at a time."
        ) from None
    where = f"the effects of {' and '.join(spec.absorb)}"
    if np.abs(net.y).max() <= _LOST * np.abs(given.y - given.y.mean()).max():
        raise ModelError(f"the outcome {spec.outcome!r} does not vary besides {where}.")
    spread = np.sqrt((net.x**2).mean(axis=0))
    if (spread < _LOST).any():
        raise ModelError(
            f"no variation besides {where} in {listed([names[j] for j in np.flatnonzero(spread < _LOST)])}; leave it "
            "out of the formula, or do not absorb."
        )
    # What is collinear besides the effects is refused; on a copy, because it is overwritten.
    standardise(net.x.copy(), names, np.zeros(len(net.y), np.int64), "row")
    return net


def _demeaned(given: LeastSquares, codes: tuple[Ints, ...]) -> LeastSquares:
    net = demean(np.column_stack([given.x, given.y]), codes, given.weight)
    return replace(given, x=np.ascontiguousarray(net[:, :-1]), y=net[:, -1].copy())


def ols_covariance(vcov: Vcov, rows: OLSRows, found: Solution) -> Covariance:
    """Covariance in the working parameters, as of a Gaussian likelihood with its variance known."""
    problem = rows.problem
    scores = problem.x * (problem.weight * found.residual / found.variance)[:, None]
    made = covariance(
        vcov,
        found.cross / found.variance,
        score_sums=lambda group: group_sums(scores, group),
        codes=lambda name: group_codes(rows.data, name, "vcov="),
        unit=None,
        n_rows=len(problem.y),
        n_absorbed=problem.n_params - problem.x.shape[1],
        refits=_refits(rows, found),
    )
    if vcov != "model":
        return made
    df = np.full(len(rows.names), float(len(problem.y) - problem.n_params))
    return replace(made, how="from the model (equal variances)", df=df)


def _refits(rows: OLSRows, found: Solution) -> Refits:
    problem, bread = rows.problem, invert(found.cross)

    def restricted(row: Floats, value: float, start: Floats) -> Floats:
        return found.params - bread @ row * ((row @ found.params - value) / (row @ bread @ row))

    def influence(params: Floats, group: Ints) -> Floats:
        residual = problem.weight * (problem.y - problem.x @ params)
        return group_sums(problem.x * residual[:, None], group) @ bread

    return Refits(
        found.params,
        rows.transform,
        lambda: _working_model(rows, found),
        lambda keep: _without(rows, keep, found.cross),
        restricted,
        influence,
    )


def _without(rows: OLSRows, keep: Flags, cross: Floats) -> Refit | None:
    """Least squares on some of the rows, their effects taken out anew; None where that is in vain."""
    given = rows.given
    part = replace(given, x=given.x[keep], y=given.y[keep], weight=given.weight[keep])
    if rows.codes:
        part = _demeaned(part, tuple(code[keep] for code in rows.codes))
    try:
        told, untold = told_apart(cross_product(part), cross)
        params, _ = coefficients(replace(part, x=np.ascontiguousarray(part.x @ told)))
    except np.linalg.LinAlgError:
        return None
    return Refit(told @ params, untold)


def _working_model(rows: OLSRows, found: Solution) -> WorkingModel:
    """Equal variances; absorbed effects come back as dummies, orthogonal to what is net of them."""
    problem, bread = rows.problem, invert(found.cross)
    ones = np.ones(len(problem.y))
    if not rows.codes:
        return WorkingModel(lambda chosen: problem.x[chosen], found.residual, problem.weight, ones, bread)
    levels = incidence(rows.codes)
    if levels.shape[1] > _MOST_EFFECTS:
        raise ModelError(
            f"CR2 takes absorbed effects one by one, and there are {levels.shape[1]:,} (at most {_MOST_EFFECTS:,}). "
            "Use small_sample='jackknife', or 'CR1'."
        )
    cross = (levels.T @ levels.multiply(problem.weight[:, None])).toarray()
    return WorkingModel(
        lambda chosen: np.hstack([problem.x[chosen], levels[chosen].toarray()]),
        found.residual,
        problem.weight,
        ones,
        block_diag(bread, np.linalg.pinv(cross, hermitian=True, rcond=1e-12)),
    )
