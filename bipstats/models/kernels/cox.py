"""The Cox partial likelihood for (start, stop] rows: risk sets by difference arrays, no sort per evaluation.

Notation follows Therneau & Grambsch (2000): S0 and S1 are the sums of risk weights and of risk-weighted
covariates over the risk set of an event time, H is the cumulative baseline hazard.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from bipstats.models.kernels.newton import Evaluation, Floats

Ints = NDArray[np.int64]
_ROWS_IN_CACHE = 1024


@dataclass(frozen=True, slots=True)
class RiskSets:
    """Which rows are at risk at which of the D distinct event times (strata one after the other).

    Attributes
    ----------
    times : (D,) array
        Event times, ascending within each stratum.
    blocks : (S + 1,) integer array
        Event times of stratum s are ``times[blocks[s]:blocks[s + 1]]``.
    first, last : (n,) integer arrays
        Row i is at risk at event times ``first[i] <= d < last[i]``.
    """

    times: Floats
    blocks: Ints
    first: Ints
    last: Ints


def risk_sets(start: Floats, stop: Floats, event: NDArray[np.bool_], stratum: Ints) -> RiskSets:
    """Find the distinct event times and each row's place among them.

    Parameters
    ----------
    start, stop : (n,) arrays
        Rows are at risk on (start, stop].
    event : (n,) boolean array
        The row ends in an event.
    stratum : (n,) integer array
        Codes 0..S-1; zeros for a single stratum.

    Returns
    -------
    RiskSets
    """
    n_strata = int(stratum.max(initial=0)) + 1
    first, last = np.empty(len(stop), np.int64), np.empty(len(stop), np.int64)
    times, blocks = [], [0]
    order = np.argsort(stratum, kind="stable")
    bounds = np.searchsorted(stratum[order], np.arange(n_strata + 1))
    for low, high in pairwise(bounds):
        rows = order[low:high]
        own = np.unique(stop[rows][event[rows]])
        first[rows] = blocks[-1] + np.searchsorted(own, start[rows], side="right")
        last[rows] = blocks[-1] + np.searchsorted(own, stop[rows], side="right")
        times.append(own)
        blocks.append(blocks[-1] + len(own))
    return RiskSets(np.concatenate(times), np.asarray(blocks), first, last)


@dataclass(frozen=True, slots=True)
class CoxProblem:
    """A Cox model ready to evaluate; rows that are never at risk must be gone.

    Attributes
    ----------
    x : (n, p) array
        Covariates, C order.
    offset, weight : (n,) arrays
    sets : RiskSets
    died : (m,) integer array
        Rows that end in an event, ordered by event time.
    at : (m,) integer array
        Event time (index into ``sets.times``) of each of `died`.
    rank : (m,) array
        Efron's share r of the tied weight that is taken out for this death: 0, 1/k, ..., (k-1)/k of k
        tied deaths; all zero for Breslow.
    tied_weight : (m,) array
        Mean case weight of the deaths tied with this one.
    entering : (D, n) sparse matrix
        Signed incidence: +1 at each row's last event time, -1 before its first. Reversed cumulative sums
        of its products are sums over risk sets, built from the far end so that small late risk sets are
        not differences of large numbers.
    dead : (D, n) sparse matrix
        One at (event time, row) for every death.
    """

    x: Floats
    offset: Floats
    weight: Floats
    sets: RiskSets
    died: Ints
    at: Ints
    rank: Floats
    tied_weight: Floats
    entering: sparse.csr_array
    dead: sparse.csr_array


def cox_problem(
    x: Floats, sets: RiskSets, event: NDArray[np.bool_], weight: Floats, offset: Floats, *, efron: bool
) -> CoxProblem:
    """Prepare what every evaluation needs."""
    n, n_times = len(x), len(sets.times)
    died = np.flatnonzero(event)
    died = died[np.argsort(sets.last[died], kind="stable")]
    at = sets.last[died] - 1
    ties = np.bincount(at, minlength=n_times)
    opening = np.concatenate([[0], np.cumsum(ties)[:-1]])
    rank = (np.arange(len(died)) - opening[at]) / ties[at] if efron else np.zeros(len(died))
    mean_weight = np.bincount(at, weight[died], minlength=n_times) / np.maximum(ties, 1)
    begins_late = np.flatnonzero(~np.isin(sets.first, sets.blocks[:-1]))
    rows = np.concatenate([np.arange(n), begins_late])
    bins = np.concatenate([sets.last - 1, sets.first[begins_late] - 1])
    sign = np.concatenate([np.ones(n), -np.ones(len(begins_late))])
    entering = sparse.csr_array((sign, (bins, rows)), shape=(n_times, n))
    dead = sparse.csr_array((np.ones(len(died)), (at, died)), shape=(n_times, n))
    return CoxProblem(
        np.ascontiguousarray(x), offset, weight, sets, died, at, rank, mean_weight[at], entering, dead
    )


@dataclass(frozen=True, slots=True)
class RiskSums:
    r"""Sums over risk sets at one parameter.

    Attributes
    ----------
    risk : (n,) array
        :math:`w_i = \text{weight}_i \exp(x_i'\beta + \text{offset}_i - \text{shift})`.
    shift : float
        Taken off the linear predictor to keep the exponential in range.
    denominator : (m,) array
        S0 of each death, Efron's share taken out.
    mean : (m, p) array
        Risk-set mean of the covariates at each death.
    """

    risk: Floats
    shift: float
    denominator: Floats
    mean: Floats


def log_likelihood(beta: Floats, problem: CoxProblem) -> float:
    """Log partial likelihood (Efron or Breslow, case weights as in R's coxph)."""
    risk, shift, eta = _risk(beta, problem)
    denominator = _denominators(risk, problem)
    gain = problem.weight[problem.died] @ (eta[problem.died] - shift)
    return float(gain - problem.tied_weight @ np.log(denominator))


def risk_sums(beta: Floats, problem: CoxProblem) -> RiskSums:
    """Sums over the risk set of every death."""
    risk, shift, _ = _risk(beta, problem)
    denominator = _denominators(risk, problem)
    total = _over_risk_sets(_scaled(problem.entering, risk) @ problem.x, problem.sets.blocks)
    tied = _scaled(problem.dead, risk) @ problem.x
    mean = (total[problem.at] - problem.rank[:, None] * tied[problem.at]) / denominator[:, None]
    return RiskSums(risk, shift, denominator, mean)


def evaluate(beta: Floats, problem: CoxProblem) -> Evaluation:
    r"""Log partial likelihood, its gradient and the observed information.

    Notes
    -----
    With :math:`v_i = w_i (H(b_i) - H(a_i))`, less the Efron correction if row i died, the information is
    :math:`X' \mathrm{diag}(v) X - M'M`, M holding one risk-set mean per death: the first part is one
    weighted cross-product at BLAS speed.
    """
    sums = risk_sums(beta, problem)
    died, weight = problem.died, problem.weight
    eta_died = problem.x[died] @ beta + problem.offset[died] - sums.shift
    loglik = weight[died] @ eta_died - problem.tied_weight @ np.log(sums.denominator)
    gradient = weight[died] @ problem.x[died] - problem.tied_weight @ sums.mean
    root = np.sqrt(problem.tied_weight)[:, None] * sums.mean
    information = weighted_cross_product(problem.x, expected_events(sums, problem)) - root.T @ root
    return Evaluation(float(loglik), gradient, information)


def expected_events(sums: RiskSums, problem: CoxProblem) -> Floats:
    """Cumulative hazard times risk of each row over its time at risk, (n,); martingale = event - this / weight."""
    per_death = problem.tied_weight / sums.denominator
    hazard = _cumulated(_at_times(per_death, problem))
    expected = sums.risk * (hazard[problem.sets.last] - hazard[problem.sets.first])
    correction = _at_times(per_death * problem.rank, problem)
    expected[problem.died] -= sums.risk[problem.died] * correction[problem.at]
    return expected


def score_rows(sums: RiskSums, problem: CoxProblem) -> Floats:
    """Score of every row, (n, p); they sum to the gradient (the weighted score residuals of R's coxph)."""
    n_times, died, at = len(problem.sets.times), problem.died, problem.at
    per_death = (problem.tied_weight / sums.denominator)[:, None] * sums.mean
    deaths = sparse.csr_array((np.ones(len(at)), (at, np.arange(len(at)))), shape=(n_times, len(at)))
    ties = np.bincount(at, minlength=n_times)
    pull = _cumulated(deaths @ per_death)
    scores = -expected_events(sums, problem)[:, None] * problem.x
    scores += sums.risk[:, None] * (pull[problem.sets.last] - pull[problem.sets.first])
    centre = (deaths @ sums.mean)[at] / ties[at][:, None]
    scores[died] += problem.weight[died][:, None] * (problem.x[died] - centre)
    scores[died] -= sums.risk[died][:, None] * (deaths @ (problem.rank[:, None] * per_death))[at]
    return scores


@dataclass(frozen=True, slots=True)
class BaselineHazard:
    """Baseline hazard at covariates zero.

    Attributes
    ----------
    times : (D,) array
    stratum : (D,) integer array
    increment : (D,) array
        Breslow's (Efron's) estimate of the hazard at each event time.
    variance : (D,) array
        Variance of each increment at fixed coefficients.
    mean : (D, p) array
        Weighted risk-set mean of the covariates; minus increment times mean is the increment's derivative
        with respect to the coefficients.
    """

    times: Floats
    stratum: Ints
    increment: Floats
    variance: Floats
    mean: Floats


def baseline_hazard(sums: RiskSums, problem: CoxProblem) -> BaselineHazard:
    """Baseline hazard increments with what their variances need."""
    n_times, at, sets = len(problem.sets.times), problem.at, problem.sets
    per_death = problem.tied_weight * np.exp(-sums.shift) / sums.denominator
    increment = _at_times(per_death, problem)
    # The shift is a function of the coefficients only through the common factor, which cancels here.
    variance = _at_times(per_death * np.exp(-sums.shift) / sums.denominator, problem)
    deaths = sparse.csr_array((per_death, (at, np.arange(len(at)))), shape=(n_times, len(at)))
    mean = (deaths @ sums.mean) / increment[:, None]
    stratum = np.repeat(np.arange(len(sets.blocks) - 1), np.diff(sets.blocks))
    return BaselineHazard(sets.times, stratum, increment, variance, mean)


def weighted_cross_product(x: Floats, weight: Floats) -> Floats:
    """X' diag(weight) X for weights >= 0, by symmetric BLAS products on chunks that stay in the cache."""
    root = np.sqrt(np.maximum(weight, 0.0))
    total = np.zeros((x.shape[1], x.shape[1]))
    for low in range(0, len(x), _ROWS_IN_CACHE):
        chunk = slice(low, low + _ROWS_IN_CACHE)
        scaled = root[chunk, None] * x[chunk]
        total += scaled.T @ scaled
    return total


def _risk(beta: Floats, problem: CoxProblem) -> tuple[Floats, float, Floats]:
    eta = problem.x @ beta + problem.offset
    shift = float(eta.max(initial=0.0))
    return problem.weight * np.exp(eta - shift), shift, eta


def _denominators(risk: Floats, problem: CoxProblem) -> Floats:
    total = _over_risk_sets(problem.entering @ risk, problem.sets.blocks)
    tied = problem.dead @ risk
    return total[problem.at] - problem.rank * tied[problem.at]


def _over_risk_sets(steps: Floats, blocks: Ints) -> Floats:
    """Reversed cumulative sums within each stratum."""
    out = np.empty_like(steps)
    for low, high in pairwise(blocks):
        np.cumsum(steps[low:high][::-1], axis=0, out=out[low:high][::-1])
    return out


def _at_times(per_death: Floats, problem: CoxProblem) -> Floats:
    """Sum over the deaths of each event time, (D,)."""
    return np.bincount(problem.at, per_death, minlength=len(problem.sets.times)).astype(float)


def _cumulated(increments: Floats) -> Floats:
    """Cumulative sums with a leading zero."""
    zero = np.zeros((1, *increments.shape[1:]))
    return np.concatenate([zero, np.cumsum(increments, axis=0)])


def _scaled(incidence: sparse.csr_array, columns: Floats) -> sparse.csr_array:
    """Multiply the columns of an incidence matrix, sharing its structure."""
    data = incidence.data * columns[incidence.indices]
    return sparse.csr_array((data, incidence.indices, incidence.indptr), shape=incidence.shape)
