"""What the discrete-time hazard and the logit share: one fit on arrays, one way back to named terms."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from bipstats.core.columns import Floats, Ints, group_codes
from bipstats.core.covariance import Covariance, Vcov, covariance
from bipstats.core.design import Design
from bipstats.core.estimates import Estimates
from bipstats.core.result import report
from bipstats.models.identify import require_same_fit, standardise
from bipstats.models.kernels.binomial import (
    BinomialProblem,
    Link,
    binomial_problem,
    evaluate,
    log_likelihood,
    score_sums,
    starting_values,
)
from bipstats.models.kernels.newton import Evaluation, Optimum
from bipstats.models.kernels.profile import Objective
from bipstats.models.search import find_maximum
from bipstats.models.separation import MERGE, PENALISE, refuse_separation, separated_sides


@dataclass(frozen=True, slots=True)
class BinomialRows:
    """Rows ready for the kernel.

    Attributes
    ----------
    problem : BinomialProblem
        In centred and scaled covariates, one effect per level.
    names : tuple of str
        Reported terms: intercept, levels against the first, slopes.
    transform : (K + p, K + p) array
        Maps working to reported parameters.
    design : Design
    data : pandas.DataFrame
        The rows of the problem, for identifiers of clusters.
    within : str
        What the levels of the problem's factor are called.
    unit : str or None
        Column whose rows are one unit for robust errors.
    flow : tuple of (str, int)
    """

    problem: BinomialProblem
    names: tuple[str, ...]
    transform: Floats
    design: Design
    data: pd.DataFrame
    within: str
    unit: str | None
    flow: tuple[tuple[str, int], ...]


_CURE = {"logit": PENALISE, "cloglog": MERGE}


def binomial_rows(
    matrix: Floats,
    design: Design,
    data: pd.DataFrame,
    *,
    level: Ints,
    level_names: tuple[str, ...],
    within: str,
    successes: Floats,
    trials: Floats,
    offset: Floats,
    link: Link,
    unit: str | None,
    flow: tuple[tuple[str, int], ...],
    penalised: bool = False,
) -> BinomialRows:
    """Check that the coefficients exist (a penalty makes them finite), then centre and scale."""
    if not penalised:
        refuse_separation(
            matrix, design.names, successes, trials, level=level, within=within,
            references=design.references, cure=_CURE[link],
        )  # fmt: skip
    covariate = standardise(matrix, design.names, level, within)
    problem = binomial_problem(covariate.x, level, successes, trials, offset, link)
    transform = _transform(len(level_names) + 1, covariate.centre, covariate.scale)
    names = ("Intercept", *level_names, *design.names)
    return BinomialRows(problem, names, transform, design, data, within, unit, flow)


def _transform(n_levels: int, centre: Floats, scale: Floats) -> Floats:
    """Level effects and scaled slopes to intercept, contrasts with the first level, and slopes."""
    size = n_levels + len(scale)
    transform = np.eye(size)
    transform[1:n_levels, 0] = -1.0
    transform[0, n_levels:] = -centre / scale
    transform[n_levels:, n_levels:] = np.diag(1 / scale)
    return transform


@dataclass(frozen=True, slots=True)
class BinomialFit:
    """Where the search ended, with the covariance asked for."""

    estimates: Estimates
    made: Covariance
    best: Optimum


def fit_binomial(rows: BinomialRows, vcov: Vcov) -> BinomialFit:
    """Maximise the likelihood by Newton's method and make the covariance."""
    problem = rows.problem
    objective = binomial_objective(rows, starting_values(problem))
    best = find_maximum(
        objective.evaluate,
        objective.loglik,
        objective.best,
        names=rows.names,
        n_events=int(problem.successes.sum()),
        explain=lambda: separated_sides(
            problem.x, rows.design.names, problem.level, problem.successes, problem.trials,
            within=rows.within, cure=_CURE[problem.link],
        ),
    )  # fmt: skip
    at = evaluate(best.params, problem)  # expected information, for the covariance
    made = _covariance(vcov, rows, best.params, at)
    values = rows.transform @ best.params
    return BinomialFit(report(rows.names, values, made, rows.transform), made, best)


def binomial_objective(rows: BinomialRows, best: Floats) -> Objective:
    """Likelihood in working parameters with the observed information, and its maximum (or a place to start)."""
    problem = rows.problem
    return Objective(
        lambda params: evaluate(params, problem, observed=True),
        lambda params: log_likelihood(params, problem),
        best,
        concave=True,
    )


def refit_covariance(rows: BinomialRows, vcov: Vcov, values: Floats, loglik: float) -> Covariance:
    """Make another covariance for a fit; refuse data on which the fit does not recur."""
    working: Floats = np.linalg.solve(rows.transform, values).astype(float)
    at = evaluate(working, rows.problem)
    require_same_fit(at, loglik)
    return _covariance(vcov, rows, working, at)


def _covariance(vcov: Vcov, rows: BinomialRows, working: Floats, at: Evaluation) -> Covariance:
    return covariance(
        vcov,
        at.information,
        score_sums=lambda group: score_sums(working, rows.problem, group),
        codes=lambda name: group_codes(rows.data, name, "vcov="),
        unit=rows.unit,
        n_rows=len(rows.data),
    )
