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
    stratum : (n,) integer array
        Stratum of each row.
    """

    times: Floats
    blocks: Ints
    first: Ints
    last: Ints
    stratum: Ints

    def take(self, rows: Ints) -> RiskSets:
        """The same event times for some of the rows."""
        return RiskSets(self.times, self.blocks, self.first[rows], self.last[rows], self.stratum[rows])


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
    return RiskSets(np.concatenate(times), np.asarray(blocks), first, last, stratum)


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
    entering : (D + S, n) sparse matrix
        Signed incidence: +1 where a row comes to be at risk, -1 where it ceases to be; each stratum has one
        place more than event times. Cumulative sums of its products are sums over risk sets.
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
    places = np.concatenate([sets.first + sets.stratum, sets.last + sets.stratum])
    sign = np.concatenate([np.ones(n), -np.ones(n)])
    shape = (n_times + len(sets.blocks) - 1, n)
    entering = sparse.csr_array((sign, (places, np.tile(np.arange(n), 2))), shape=shape)
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
        :math:`w_i = \text{weight}_i \exp(x_i'\beta + \text{offset}_i - \text{shift}_i)`.
    shift : (n,) array
        Taken off the linear predictor to keep the exponential in range: the largest of the row's stratum.
    denominator : (m,) array
        S0 of each death, Efron's share taken out.
    mean : (m, p) array
        Risk-set mean of the covariates at each death.
    """

    risk: Floats
    shift: Floats
    denominator: Floats
    mean: Floats


def log_likelihood(beta: Floats, problem: CoxProblem) -> float:
    """Log partial likelihood (Efron or Breslow, case weights as in R's coxph)."""
    risk, shift, eta = _risk(beta, problem)
    denominator = _denominators(risk, problem)
    gain = problem.weight[problem.died] @ (eta - shift)[problem.died]
    return float(gain - problem.tied_weight @ np.log(denominator))


def risk_sums(beta: Floats, problem: CoxProblem) -> RiskSums:
    """Sums over the risk set of every death."""
    risk, shift, _ = _risk(beta, problem)
    denominator = _denominators(risk, problem)
    total = _over_risk_sets(_scaled(problem.entering, risk) @ problem.x, risk, problem.sets)
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
    eta_died = problem.x[died] @ beta + problem.offset[died] - sums.shift[died]
    loglik = weight[died] @ eta_died - problem.tied_weight @ np.log(sums.denominator)
    gradient = weight[died] @ problem.x[died] - problem.tied_weight @ sums.mean
    root = np.sqrt(problem.tied_weight)[:, None] * sums.mean
    information = weighted_cross_product(problem.x, expected_events(sums, problem)) - root.T @ root
    return Evaluation(float(loglik), gradient, information)


def expected_events(sums: RiskSums, problem: CoxProblem) -> Floats:
    """Cumulative hazard times risk of each row over its time at risk, (n,); martingale = event - this / weight."""
    per_death = problem.tied_weight / sums.denominator
    hazard = _at_times(per_death, problem)
    expected = sums.risk * _between(hazard, problem.sets)
    correction = _at_times(per_death * problem.rank, problem)
    expected[problem.died] -= sums.risk[problem.died] * correction[problem.at]
    return expected


def score_sums(sums: RiskSums, problem: CoxProblem, group: Ints) -> Floats:
    """Score summed over groups of rows, (G, p); over all rows it is the gradient.

    Parameters
    ----------
    sums : RiskSums
    problem : CoxProblem
    group : (n,) integer array
        Codes 0..G-1; ``arange(n)`` gives the weighted score residuals of R's coxph row by row.
    """
    sets, died, at = problem.sets, problem.died, problem.at
    n_groups, n, n_times = int(group.max()) + 1, len(group), len(sets.times)
    per_death = (problem.tied_weight / sums.denominator)[:, None] * sums.mean
    deaths = sparse.csr_array((np.ones(len(at)), (at, np.arange(len(at)))), shape=(n_times, len(at)))
    hazard = _at_times(problem.tied_weight / sums.denominator, problem)
    table, first, last = _running(deaths @ per_death, hazard, sets)
    own = sparse.csr_array((-expected_events(sums, problem), (group, np.arange(n))), shape=(n_groups, n))
    places = (np.concatenate([group, group]), np.concatenate([last, first]))
    pull = sparse.csr_array((np.concatenate([sums.risk, -sums.risk]), places), shape=(n_groups, len(table)))
    ties = np.bincount(at, minlength=n_times)
    centre = (deaths @ sums.mean)[at] / ties[at][:, None]
    of_dead = problem.weight[died][:, None] * (problem.x[died] - centre)
    of_dead -= sums.risk[died][:, None] * (deaths @ (problem.rank[:, None] * per_death))[at]
    mine = sparse.csr_array(
        (np.ones(len(died)), (group[died], np.arange(len(died)))), shape=(n_groups, len(died))
    )
    return own @ problem.x + pull @ table + mine @ of_dead


@dataclass(frozen=True, slots=True)
class BaselineHazard:
    """Baseline hazard at given covariates.

    Attributes
    ----------
    centre : (p,) array
        The covariates: zero in the kernel's own, their means in the data's (far from which a baseline can be
        out of a number's range).
    times : (D,) array
    stratum : (D,) integer array
    increment : (D,) array
        Breslow's (Efron's) estimate of the hazard at each event time.
    variance : (D,) array
        Variance of each increment at fixed coefficients.
    mean : (D, p) array
        Weighted risk-set mean of the covariates, less `centre`; minus increment times mean is the
        increment's derivative with respect to the coefficients.
    """

    centre: Floats
    times: Floats
    stratum: Ints
    increment: Floats
    variance: Floats
    mean: Floats


def baseline_hazard(sums: RiskSums, problem: CoxProblem) -> BaselineHazard:
    """Baseline hazard increments with what their variances need."""
    n_times, at, sets = len(problem.sets.times), problem.at, problem.sets
    denominator = sums.denominator * np.exp(sums.shift[problem.died])
    per_death = problem.tied_weight / denominator
    increment = _at_times(per_death, problem)
    variance = _at_times(per_death / denominator, problem)
    deaths = sparse.csr_array((per_death, (at, np.arange(len(at)))), shape=(n_times, len(at)))
    mean = (deaths @ sums.mean) / increment[:, None]
    stratum = np.repeat(np.arange(len(sets.blocks) - 1), np.diff(sets.blocks))
    return BaselineHazard(np.zeros(mean.shape[1]), sets.times, stratum, increment, variance, mean)


def weighted_cross_product(x: Floats, weight: Floats) -> Floats:
    """X' diag(weight) X by BLAS products on chunks that stay in the cache."""
    total = np.zeros((x.shape[1], x.shape[1]))
    buffer = np.empty((min(_ROWS_IN_CACHE, len(x)), x.shape[1]))
    for low in range(0, len(x), _ROWS_IN_CACHE):
        chunk = x[low : low + _ROWS_IN_CACHE]
        scaled = np.multiply(chunk, weight[low : low + _ROWS_IN_CACHE, None], out=buffer[: len(chunk)])
        total += chunk.T @ scaled
    return (total + total.T) / 2


def _risk(beta: Floats, problem: CoxProblem) -> tuple[Floats, Floats, Floats]:
    eta = problem.x @ beta + problem.offset
    n_strata = len(problem.sets.blocks) - 1
    highest = np.full(n_strata, eta.max() if n_strata == 1 else -np.inf)
    if n_strata > 1:
        np.maximum.at(highest, problem.sets.stratum, eta)
    shift = highest[problem.sets.stratum]
    return problem.weight * np.exp(eta - shift), shift, eta


def _denominators(risk: Floats, problem: CoxProblem) -> Floats:
    total = _over_risk_sets(problem.entering @ risk, risk, problem.sets)
    tied = problem.dead @ risk
    return total[problem.at] - problem.rank * tied[problem.at]


def _over_risk_sets(steps: Floats, risk: Floats, sets: RiskSets) -> Floats:
    """Sums over the risk set of each event time from what enters and leaves, (D, ...).

    Forward from the start of a stratum or back from its end, whichever has seen less risk on its way: a small
    risk set is then not the difference of two large sums.
    """
    n_places = len(steps)
    begun = np.bincount(sets.first + sets.stratum, risk, n_places)
    ended = np.bincount(sets.last + sets.stratum, risk, n_places)
    out = np.empty((len(sets.times), *steps.shape[1:]))
    for stratum, (low, high) in enumerate(pairwise(sets.blocks)):
        here, after = slice(low + stratum, high + stratum), slice(low + stratum + 1, high + stratum + 1)
        forward = np.cumsum(steps[here], axis=0)
        backward = -np.cumsum(steps[after][::-1], axis=0)[::-1]
        near = np.cumsum(begun[here]) <= np.cumsum(ended[after][::-1])[::-1]
        out[low:high] = np.where(near if steps.ndim == 1 else near[:, None], forward, backward)
    return out


def _at_times(per_death: Floats, problem: CoxProblem) -> Floats:
    """Sum over the deaths of each event time, (D,)."""
    return np.bincount(problem.at, per_death, minlength=len(problem.sets.times)).astype(float)


def _between(increments: Floats, sets: RiskSets) -> Floats:
    """Sum the increments of the event times at which each row is at risk, (n,)."""
    table, first, last = _running(increments, increments, sets)
    return table[last] - table[first]


def _running(increments: Floats, size: Floats, sets: RiskSets) -> tuple[Floats, Ints, Ints]:
    """Cumulative sums, and places in them whose difference is each row's sum over its time at risk.

    Both places lie in the forward or in the backward sums of the row's stratum, whichever is smaller by `size`
    (D,): a small sum late in a stratum is not the difference of two large ones.
    """
    forward, backward = _cumulated(size, sets.blocks), _cumulated(size, sets.blocks, backward=True)
    first, last = sets.first + sets.stratum, sets.last + sets.stratum
    near = np.where(forward[last] <= backward[first], 0, len(forward))
    table = np.concatenate(
        [_cumulated(increments, sets.blocks), -_cumulated(increments, sets.blocks, backward=True)]
    )
    return table, first + near, last + near


def _cumulated(increments: Floats, blocks: Ints, *, backward: bool = False) -> Floats:
    """Cumulative sums within each stratum with a zero before (backward: behind) each, (D + S, ...)."""
    out = np.zeros((len(increments) + len(blocks) - 1, *increments.shape[1:]))
    for stratum, (low, high) in enumerate(pairwise(blocks)):
        own, at = increments[low:high], low + stratum
        if backward:
            np.cumsum(own[::-1], axis=0, out=out[at : at + len(own)][::-1])
        else:
            np.cumsum(own, axis=0, out=out[at + 1 : at + 1 + len(own)])
    return out


def _scaled(incidence: sparse.csr_array, columns: Floats) -> sparse.csr_array:
    """Multiply the columns of an incidence matrix, sharing its structure."""
    data = incidence.data * columns[incidence.indices]
    return sparse.csr_array((data, incidence.indices, incidence.indptr), shape=incidence.shape)
