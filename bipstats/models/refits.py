"""Fits made again in part: without some rows, or with a linear combination of the coefficients held."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from bipstats.core.columns import Floats, Ints
from bipstats.core.covariance import group_sums, invert
from bipstats.core.cr2 import WorkingModel
from bipstats.core.few_clusters import Flags, Refit, Refits, told_apart
from bipstats.errors import ModelError
from bipstats.models.kernels import binomial, conditional, cox
from bipstats.models.kernels.newton import Evaluation, NoMaximum, maximise
from bipstats.models.kernels.profile import climb
from bipstats.models.kernels.subsets import binomial_subset, cox_subset

_TOLERANCE = 1e-11  # the last step is a millionth of a standard error; Newton's next error is that squared
_LOST = 1e5  # growth of a standard error against the full fit's: nothing is left to tell the coefficient by


@dataclass(frozen=True, slots=True)
class Likelihood:
    """A log-likelihood of the working parameters.

    Attributes
    ----------
    evaluate : callable
        Parameters (p,) to `Evaluation`.
    loglik : callable
        Parameters (p,) to the log-likelihood alone.
    """

    evaluate: Callable[[Floats], Evaluation]
    loglik: Callable[[Floats], float]


def refit(part: Likelihood, params: Floats, information: Floats) -> Refit | None:
    """Maximise the likelihood of part of the rows, from the full fit's estimate and information; None if in vain."""
    try:
        told, untold = told_apart(part.evaluate(params).information, information)
        if untold.size:  # along what the rows tell only
            part = _along(part, params, told)
            best = maximise(part.evaluate, part.loglik, np.zeros(told.shape[1]), tolerance=_TOLERANCE)
            before = np.ones(told.shape[1])
        else:
            best = maximise(part.evaluate, part.loglik, params, tolerance=_TOLERANCE)
            before = np.diag(np.linalg.inv(information))
        after = np.diag(np.linalg.inv(best.at.information))
    except np.linalg.LinAlgError:  # NoMaximum is one
        return None
    if not (best.converged and (after > 0).all() and (after < _LOST**2 * before).all()):
        return None
    return Refit(params + told @ best.params if untold.size else best.params, untold)


def _along(part: Likelihood, params: Floats, directions: Floats) -> Likelihood:
    """The likelihood at ``params + directions @ z``, as a function of z."""

    def evaluate(z: Floats) -> Evaluation:
        at = part.evaluate(params + directions @ z)
        return Evaluation(at.loglik, directions.T @ at.gradient, directions.T @ at.information @ directions)

    return Likelihood(evaluate, lambda z: part.loglik(params + directions @ z))


def restricted_fit(whole: Likelihood, row: Floats, value: float, start: Floats) -> Floats | None:
    """Maximise under ``row @ params = value``; None where there is no maximum."""
    try:
        params, converged = climb(whole.evaluate, whole.loglik, row, value, start, _TOLERANCE)
    except NoMaximum:
        return None
    return params if converged else None


def cox_refits(problem: cox.CoxProblem, params: Floats, information: Floats, transform: Floats) -> Refits:
    """What the methods for few clusters need of a Cox model."""

    def likelihood(part: cox.CoxProblem) -> Likelihood:
        return Likelihood(lambda beta: cox.evaluate(beta, part), lambda beta: cox.log_likelihood(beta, part))

    def without(keep: Flags) -> Refit | None:
        part = cox_subset(problem, keep)
        return None if part is None else refit(likelihood(part), params, information)

    def influence(beta: Floats, group: Ints) -> Floats:
        sums = cox.score_sums(cox.risk_sums(beta, problem), problem, group)
        return _solved(cox.evaluate(beta, problem).information, sums)

    def working() -> WorkingModel:
        raise ModelError(
            "CR2 needs rows with a working variance of their own; the rows of a Cox model share risk sets. For few "
            "clusters take small_sample='jackknife' or bip.score_bootstrap(...)."
        )

    return Refits(
        params,
        transform,
        working,
        without,
        lambda row, value, start: restricted_fit(likelihood(problem), row, value, start),
        influence,
    )


def binomial_refits(
    problem: binomial.BinomialProblem, params: Floats, information: Floats, transform: Floats
) -> Refits:
    """What the methods for few clusters need of a binomial model; `information` is the expected one."""

    def likelihood(part: binomial.BinomialProblem) -> Likelihood:
        return Likelihood(
            lambda theta: binomial.evaluate(theta, part, observed=True),
            lambda theta: binomial.log_likelihood(theta, part),
        )

    def influence(theta: Floats, group: Ints) -> Floats:
        sums = binomial.score_sums(theta, problem, group)
        return _solved(binomial.evaluate(theta, problem).information, sums)

    return Refits(
        params,
        transform,
        lambda: _binomial_working_model(problem, params, information),
        lambda keep: refit(likelihood(binomial_subset(problem, keep)), params, information),
        lambda row, value, start: restricted_fit(likelihood(problem), row, value, start),
        influence,
    )


def conditional_refits(
    problem: conditional.ConditionalProblem, params: Floats, information: Floats, transform: Floats
) -> Refits:
    """What the methods for few clusters need of a conditional logit, whose rows are its groups."""

    def likelihood(part: conditional.ConditionalProblem) -> Likelihood:
        return Likelihood(
            lambda beta: conditional.evaluate(beta, part), lambda beta: conditional.log_likelihood(beta, part)
        )

    def influence(beta: Floats, group: Ints) -> Floats:
        sums = group_sums(conditional.scores(beta, problem), group)
        return _solved(conditional.evaluate(beta, problem).information, sums)

    def working() -> WorkingModel:
        raise ModelError(
            "CR2 needs rows with a working variance of their own; the rows of a conditional logit share their group's "
            "events. For few clusters take small_sample='jackknife' or bip.score_bootstrap(...)."
        )

    return Refits(
        params,
        transform,
        working,
        lambda keep: refit(likelihood(conditional.subset(problem, keep)), params, information),
        lambda row, value, start: restricted_fit(likelihood(problem), row, value, start),
        influence,
    )


def _binomial_working_model(
    problem: binomial.BinomialProblem, params: Floats, information: Floats
) -> WorkingModel:
    """Shares of successes with the binomial variance, linear in the parameters around the estimate."""
    eta = binomial.linear_predictor(params, problem)
    share = binomial.mean(eta, problem.link)
    rest = 1.0 - share if problem.link == "logit" else np.exp(-np.exp(np.minimum(eta, 700.0)))
    slope = share * rest if problem.link == "logit" else np.exp(np.minimum(eta, 700.0)) * rest
    n_levels = problem.by_level.shape[0]

    def rows(chosen: Ints) -> Floats:
        levels = np.equal.outer(problem.level[chosen], np.arange(n_levels))
        return slope[chosen, None] * np.hstack([levels, problem.x[chosen]])

    variance = share * rest / problem.trials
    residual = problem.successes / problem.trials - share
    return WorkingModel(rows, residual, 1.0 / variance, variance, invert(information))


def _solved(information: Floats, sums: Floats) -> Floats:
    return sums @ invert(information)
