"""The maximum of a shared-frailty likelihood, with errors, interval and test: what a frailty result is made of."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from scipy import stats

from bipstats.core.columns import Floats
from bipstats.core.covariance import invert
from bipstats.errors import ModelError
from bipstats.models.frailty_rows import METHODS, FrailtyRows, FrailtySpecification
from bipstats.models.identify import require_same_fit, require_same_maximum
from bipstats.models.kernels.cox import evaluate, log_likelihood
from bipstats.models.kernels.frailty import inverse_diagonal
from bipstats.models.kernels.frailty_variance import (
    FrailtyFit,
    NotConverged,
    Profile,
    Unbounded,
    best_variance,
    curvature,
    profile_interval,
)
from bipstats.models.kernels.newton import NoMaximum
from bipstats.models.kernels.separation import Risks
from bipstats.models.search import find_maximum, no_maximum
from bipstats.models.separation import separated_risks
from bipstats.threads import one_thread

LEVEL = 0.95
"""Confidence level of a variance's interval: it is searched with the data, which a result does not hold."""


@dataclass(frozen=True, slots=True)
class FrailtyVariance:
    """Variance of a frailty.

    Attributes
    ----------
    n_groups : int
    estimate : float
        Of the frailty itself (gamma), of its logarithm (log-normal).
    conf_low, conf_high : float
        Profile-likelihood interval at 95 %.
    loglik_at_zero : float
        Log partial likelihood without a frailty.
    statistic : float
        Likelihood ratio against a variance of zero.
    p_value : float
        From half chi2(0) and half chi2(1).

    Examples
    --------
    >>> import bipstats as bip
    >>> rows = bip.landmarks(bip.simulate(clients=600, rng=1), at="first")
    >>> fit = bip.frailty_cox("age", rows, group="jobcentre", start=None, stop="weeks", event="entered")
    >>> found = fit.variance
    >>> bool(0 <= found.conf_low <= found.estimate <= found.conf_high)
    True
    """

    n_groups: int
    estimate: float
    conf_low: float
    conf_high: float
    loglik_at_zero: float
    statistic: float
    p_value: float


@dataclass(frozen=True, slots=True)
class FrailtyEstimate:
    """A fitted shared-frailty model in working (centred and scaled) covariates.

    Attributes
    ----------
    variance : FrailtyVariance
    coefficients : (p,) array
    effects, effect_errors : (G,) arrays
        Log frailties and their conditional standard errors.
    covariance : (p, p) array
        Of the coefficients, the variance being estimated too.
    given_variance : (p, p) array
        As if the variance were known.
    loglik : float
        Integrated.
    iterations : int
    """

    variance: FrailtyVariance
    coefficients: Floats
    effects: Floats
    effect_errors: Floats
    covariance: Floats
    given_variance: Floats
    loglik: float
    iterations: int


def estimate(rows: FrailtyRows, spec: FrailtySpecification) -> FrailtyEstimate:
    """Maximise over variance, frailties and coefficients.

    Raises
    ------
    ModelError
        There is no maximum, or the search did not reach it.
    """
    names, problem = rows.cox.design.names, rows.problem
    cox = problem.cox
    plain = find_maximum(
        lambda beta: evaluate(beta, cox),
        lambda beta: log_likelihood(beta, cox),
        np.zeros(len(names)),
        names=names,
        n_events=len(cox.died),
        explain=lambda: separated_risks(names, Risks(cox.x, cox.sets, cox.died)),
    )

    try:
        with one_thread():
            profile = Profile(problem, METHODS[spec.distribution, "ml"], plain.params, plain.at.loglik)
            best = best_variance(profile)
            variance = _variance(profile, best)
            if spec.method == "reml":  # another equation on the same fits
                profile = replace(profile, method=METHODS[spec.distribution, "reml"], slopes={})
                best = best_variance(profile)
            if best is None:
                return _without(variance, plain.params, invert(plain.at.information), plain.iterations)
            return _with(variance, best, curvature(profile, best.theta), plain.iterations + best.iterations)
    except NoMaximum as ran_off:
        raise no_maximum(len(cox.died), names, ran_off.information) from None
    except Unbounded:
        largest = METHODS[spec.distribution, spec.method].largest
        raise ModelError(
            f"the likelihood still rises with the variance of the frailty by {spec.group_words!r} at {largest:,.0f}: "
            "it has no maximum. Groups tell events apart (all of one before any of the next); look at them by group."
        ) from None
    except NotConverged as stopped:
        raise ModelError(
            f"the search for the maximum did not converge ({stopped}); look at the covariates' scale and outliers."
        ) from None


def effects_again(
    rows: FrailtyRows, spec: FrailtySpecification, coefficients: Floats, theta: float, loglik: float
) -> tuple[Floats, Floats]:
    """Log frailties and their errors, (G,) each, from the fitted rows; others raise."""
    problem = rows.problem
    if theta == 0:
        require_same_fit(evaluate(coefficients, problem.cox), loglik)
        return np.zeros(len(rows.levels)), np.zeros(len(rows.levels))
    try:
        with one_thread():
            again = Profile(problem, METHODS[spec.distribution, spec.method], coefficients, np.nan).at(theta)
    except (NoMaximum, NotConverged):
        raise ModelError("these are not the data of the fit.") from None
    effects, found = np.split(again.params, [len(rows.levels)])
    moved = (found - coefficients) * np.sqrt(np.diag(again.at.information))
    require_same_maximum(replace(again.at, loglik=again.loglik), loglik, moved)
    return effects, np.sqrt(inverse_diagonal(again.at))


def _variance(profile: Profile, best: FrailtyFit | None) -> FrailtyVariance:
    theta, loglik = (0.0, profile.loglik_at_zero) if best is None else (best.theta, best.loglik)
    low, high = profile_interval(profile, theta, float(stats.chi2.ppf(LEVEL, 1)) / 2)
    statistic = max(2 * (loglik - profile.loglik_at_zero), 0.0)
    p_value = 0.5 * float(stats.chi2.sf(statistic, 1)) if statistic > 0 else 1.0
    n_groups = len(profile.problem.deaths)
    return FrailtyVariance(n_groups, theta, low, high, profile.loglik_at_zero, statistic, p_value)


def _with(
    variance: FrailtyVariance, best: FrailtyFit, information: float, iterations: int
) -> FrailtyEstimate:
    """Put together an estimate with a positive variance; `information` is that in its logarithm."""
    n_groups = variance.n_groups
    effects, coefficients = np.split(best.params, [n_groups])
    given = invert(best.at.information)
    moves = best.tangent[n_groups:]
    return FrailtyEstimate(
        replace(variance, estimate=best.theta),
        coefficients,
        effects,
        np.sqrt(inverse_diagonal(best.at)),
        given + np.outer(moves, moves) / information,
        given,
        best.loglik,
        iterations,
    )


def _without(
    variance: FrailtyVariance, coefficients: Floats, covariance: Floats, iterations: int
) -> FrailtyEstimate:
    """Put together the plain Cox model, which a variance of zero is."""
    nothing = np.zeros(variance.n_groups)
    return FrailtyEstimate(
        replace(variance, estimate=0.0), coefficients, nothing, nothing, covariance, covariance,
        variance.loglik_at_zero, iterations,
    )  # fmt: skip
