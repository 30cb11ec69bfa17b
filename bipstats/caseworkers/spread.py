r"""How much caseworkers differ, net of noise: split samples, leave-out, likelihood.

Arrays only. A caseworker c with true multiplier :math:`m_c` of the hazard has :math:`E[O_c] = m_c E_c`; the relative
variance v is that of m about its mean of one. For a log-normal m the standard deviation of its logarithm is
:math:`\sqrt{\log(1 + v)}`, on which all ways are compared.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import optimize, stats

from bipstats.core.columns import Floats, Ints

_LARGEST = 25.0  # relative variance beyond which nothing is looked for


@dataclass(frozen=True, slots=True)
class Spread:
    """A relative variance with its interval.

    Attributes
    ----------
    variance : float
        May be below zero by chance where it is estimated without bias.
    low, high : float
        Of the variance.
    """

    variance: float
    low: float
    high: float

    def log_sd(self) -> tuple[float, float, float]:
        """Standard deviation of the log multiplier and its interval; zero where the variance is not above."""
        found = np.sqrt(np.log1p(np.maximum([self.variance, self.low, self.high], 0.0)))
        return float(found[0]), float(found[1]), float(found[2])


def about(variance: float, std_error: float, level: float) -> Spread:
    """Interval by a standard error."""
    half = float(stats.norm.ppf(0.5 + level / 2)) * std_error
    return Spread(variance, variance - half, variance + half)


@dataclass(frozen=True, slots=True)
class Rows:
    """Clients under caseworkers, as the split samples need them.

    Attributes
    ----------
    client, caseworker : (n,) integer arrays
    excess, expected : (n,) arrays
        Entries observed less expected, and expected.
    covariates : (n, p) array
    """

    client: Ints
    caseworker: Ints
    excess: Floats
    expected: Floats
    covariates: Floats


@dataclass(frozen=True, slots=True)
class Halves:
    """One split of the clients: excess and expected entries of each caseworker in either half, (2, m) each."""

    excess: Floats
    expected: Floats


def split(rows: Rows, rng: np.random.Generator) -> Halves:
    r"""Split clients at random into halves, each with a model of its own.

    Notes
    -----
    A common model would make the halves' excesses correlate negatively: what one half has too much the other has
    too little. Each half's coefficients are one step of Fisher scoring from the common ones,
    :math:`(X'EX)^{-1} X'(O - E)` over its rows.
    """
    n_clients, m = int(rows.client.max()) + 1, int(rows.caseworker.max()) + 1
    first = np.zeros(n_clients, dtype=bool)
    first[rng.permutation(n_clients)[: n_clients // 2]] = True
    excess, expected = np.zeros((2, m)), np.zeros((2, m))
    for half, chosen in enumerate((np.flatnonzero(first[rows.client]), np.flatnonzero(~first[rows.client]))):
        weight, x, off = rows.expected[chosen], rows.covariates[chosen], rows.excess[chosen]
        step = np.linalg.lstsq((x * weight[:, None]).T @ x, x.T @ off, rcond=1e-10)[0]
        excess[half] = np.bincount(rows.caseworker[chosen], off - weight * (x @ step), m)
        expected[half] = np.bincount(rows.caseworker[chosen], weight, m)
    return Halves(excess, expected)


def split_variance(halves: list[Halves], level: float) -> tuple[Spread, float]:
    """Relative variance from products across halves, averaged over splits; and the halves' correlation."""
    product = np.mean([one.excess[0] * one.excess[1] for one in halves], axis=0)
    weight = np.mean([one.expected[0] * one.expected[1] for one in halves], axis=0)
    variance = float(product.sum() / weight.sum())
    error = float(np.sqrt(((product - variance * weight) ** 2).sum()) / weight.sum())
    return about(variance, error, level), float(np.mean([_correlation(one) for one in halves]))


def _correlation(one: Halves) -> float:
    """Correlation of the halves' relative effects, weighted by their expected entries."""
    a, b = np.divide(one.excess, one.expected, out=np.zeros_like(one.excess), where=one.expected > 0)
    weight = np.sqrt(one.expected[0] * one.expected[1])
    if not weight.any():  # nobody has clients in both halves
        return 0.0
    a, b = a - np.average(a, weights=weight), b - np.average(b, weights=weight)
    scale = np.sqrt(np.average(a**2, weights=weight) * np.average(b**2, weights=weight))
    return float(np.average(a * b, weights=weight) / scale) if scale > 0 else 0.0


def gamma_poisson(observed: Floats, expected: Floats, level: float) -> Spread:
    r"""Relative variance of gamma multipliers by maximum likelihood, with the profile interval.

    Notes
    -----
    Multipliers with mean one and variance v make counts negative binomial; without what v does not change,
    :math:`l(v) = \sum_c \sum_{k < O_c} \log(1 + k v) - (O_c + 1 / v) \log(1 + v E_c)`.
    """
    reach = np.arange(int(observed.max(initial=0)))
    beyond = (observed[:, None] > reach).sum(axis=0)

    def loglik(v: float) -> float:
        per_entry = np.log1p(v * expected)
        once = per_entry / v if v > 0 else expected
        return float(beyond @ np.log1p(reach * v) - observed @ per_entry - once.sum())

    best = optimize.minimize_scalar(lambda v: -loglik(v), bounds=(0.0, _LARGEST), method="bounded",
                                    options={"xatol": 1e-8})  # fmt: skip
    top = float(best.x) if -best.fun > loglik(0.0) else 0.0
    limit = loglik(top) - stats.chi2.ppf(level, 1) / 2

    def over(v: float) -> float:
        return loglik(v) - limit

    low = 0.0 if top == 0 or over(0.0) >= 0 else optimize.brentq(over, 0.0, top)
    high = optimize.brentq(over, top, _LARGEST) if over(_LARGEST) < 0 else np.inf
    return Spread(top, float(low), float(high))


def shrunken(observed: Floats, expected: Floats, variance: float) -> Floats:
    """Posterior mean of gamma multipliers given the counts."""
    if variance <= 0:
        return np.ones_like(np.asarray(expected, dtype=float))
    return (observed + 1 / variance) / (expected + 1 / variance)


def permuted_moment(rows: Rows, stratum: Ints, rng: np.random.Generator) -> float:
    r"""Sum of squared excesses by caseworker with clients dealt out anew within strata.

    Notes
    -----
    :math:`\sum_c (\sum_{i \in c} (O_i - E_i))^2`; the clients' own excesses stay, and with them caseloads, mixes of
    clients between strata and the model.
    """
    order = np.argsort(stratum, kind="stable")
    anew = rows.excess[np.argsort(stratum + rng.random(len(order)))]
    return float((np.bincount(rows.caseworker[order], anew) ** 2).sum())
