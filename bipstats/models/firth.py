"""Logit with Firth's penalty on prepared rows: fit, covariance and the objective of its profiles."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from bipstats.core.columns import Floats
from bipstats.core.covariance import Covariance, Vcov, invert
from bipstats.core.result import report
from bipstats.errors import ModelError
from bipstats.models.binomial import BinomialFit, BinomialRows
from bipstats.models.identify import require_same_fit
from bipstats.models.kernels.firth import (
    FirthProblem,
    evaluate,
    firth_problem,
    penalised_log_likelihood,
    scoring,
    starting_values,
)
from bipstats.models.kernels.newton import Evaluation, maximise
from bipstats.models.kernels.profile import Objective


def fit_firth(rows: BinomialRows, vcov: Vcov) -> BinomialFit:
    """Maximise the penalised likelihood and invert the expected information."""
    check_model_covariance(vcov)
    objective = firth_objective(rows, None)
    best = maximise(objective.evaluate, objective.loglik, objective.best)
    if not best.converged:
        raise ModelError(
            f"the search for the maximum of the penalised likelihood did not converge in {best.iterations} "
            "iterations; look at the scale of the covariates and for outliers."
        )
    best = replace(best, at=scoring(best.params, _problem(rows)))
    made = _covariance(best.at)
    values = rows.transform @ best.params
    return BinomialFit(report(rows.names, values, made, rows.transform), made, best)


def refit_firth_covariance(rows: BinomialRows, vcov: Vcov, values: Floats, loglik: float) -> Covariance:
    """Make the covariance again; refuse data on which the fit does not recur."""
    check_model_covariance(vcov)
    working: Floats = np.linalg.solve(rows.transform, values).astype(float)
    at = scoring(working, _problem(rows))
    require_same_fit(at, loglik)
    return _covariance(at)


def check_model_covariance(vcov: Vcov) -> None:
    """Refuse sandwiches: the modified score is no sum of independent contributions."""
    if vcov != "model":
        raise ModelError(
            'penalty="firth" has vcov="model" only. The penalty adds h_i (1/2 - p_i) to the score of row i, and the '
            "leverage h_i\n  depends on all rows: scores of rows or clusters are not independent, and no sandwich of "
            "them is established.\n"
            "  Use fit.profile(data) for intervals; for clustered errors fit without the penalty, levels merged if "
            "need be."
        )


def firth_objective(rows: BinomialRows, best: Floats | None) -> Objective:
    """Penalised likelihood in working parameters, with its maximum (or, if None, a place to start)."""
    problem = _problem(rows)
    return Objective(
        lambda params: evaluate(params, problem),
        lambda params: penalised_log_likelihood(params, problem),
        starting_values(problem) if best is None else best,
        concave=False,
    )


def _problem(rows: BinomialRows) -> FirthProblem:
    return firth_problem(rows.problem.x, rows.problem.successes, rows.problem.trials)


def _covariance(at: Evaluation) -> Covariance:
    return Covariance(invert(at.information), "from the model's information", {})
