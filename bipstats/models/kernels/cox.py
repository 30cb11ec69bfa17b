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
Places = NDArray[np.int32]  # one a row and more: half the memory
_ROWS_IN_CACHE = 2048


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
    first: Places
    last: Places
    stratum: Places

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
    first, last = np.empty(len(stop), np.int32), np.empty(len(stop), np.int32)
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
    return RiskSets(np.concatenate(times), np.asarray(blocks), first, last, stratum.astype(np.int32))


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
    opening : (D,) integer array
        Where the deaths of each event time begin in `died`.
    rank : (m,) array
        Efron's share r of the tied weight that is taken out for this death: 0, 1/k, ..., (k-1)/k of k
        tied deaths; all zero for Breslow.
    tied_weight : (m,) array
        Mean case weight of the deaths tied with this one.
    moves : (D + S, n) sparse matrix
        +1 where a row comes to be at risk, -1 where it ceases to be; each stratum has one place more than
        event times. Cumulative sums of its products are sums over risk sets. By columns, so that a product
        reads the rows once, in their order.
    """

    x: Floats
    offset: Floats
    weight: Floats
    sets: RiskSets
    died: Ints
    at: Ints
    opening: Ints
    rank: Floats
    tied_weight: Floats
    moves: sparse.csc_array


def cox_problem(
    x: Floats, sets: RiskSets, event: NDArray[np.bool_], weight: Floats, offset: Floats, *, efron: bool
) -> CoxProblem:
    """Prepare what every evaluation needs."""
    n, n_times = len(x), len(sets.times)
    died = np.flatnonzero(event)
    died = died[np.argsort(sets.last[died], kind="stable")]
    at = sets.last[died].astype(np.int64) - 1
    ties = np.bincount(at, minlength=n_times)
    opening = np.cumsum(ties) - ties
    rank = (np.arange(len(died)) - opening[at]) / ties[at] if efron else np.zeros(len(died))
    mean_weight = np.add.reduceat(weight[died], opening) / ties
    places = np.column_stack([sets.first + sets.stratum, sets.last + sets.stratum]).ravel()
    moves = sparse.csc_array(
        (np.tile([1.0, -1.0], n), places, np.arange(0, 2 * n + 1, 2)),
        shape=(n_times + len(sets.blocks) - 1, n),
    )
    return CoxProblem(
        np.ascontiguousarray(x), offset, weight, sets, died, at, opening, rank, mean_weight[at], moves
    )


@dataclass(frozen=True, slots=True)
class RiskSums:
    r"""Sums over risk sets at one parameter.

    Attributes
    ----------
    risk : (n,) array
        :math:`w_i = \text{weight}_i \exp(x_i'\beta + \text{offset}_i - \text{shift})`.
    shift : (m,) array
        What each death's stratum takes off its linear predictors to keep the exponential in range.
    denominator : (m,) array
        S0 of each death, Efron's share taken out.
    mean : (m, p) array
        Risk-set mean of the covariates at each death.
    loglik : float
        Log partial likelihood.
    forward : (D,) boolean array
        Whether a risk set's sum is better made from the start of its stratum than from the end.
    """

    risk: Floats
    shift: Floats
    denominator: Floats
    mean: Floats
    loglik: float
    forward: NDArray[np.bool_]


def log_likelihood(beta: Floats, problem: CoxProblem) -> float:
    """Log partial likelihood (Efron or Breslow, case weights as in R's coxph)."""
    return _at_risk(beta, problem).loglik


def risk_sums(beta: Floats, problem: CoxProblem) -> RiskSums:
    """Sums over the risk set of every death."""
    here = _at_risk(beta, problem)
    moves, died, at = problem.moves, problem.died, problem.at
    moved = sparse.csc_array(
        (np.repeat(here.risk, 2) * moves.data, moves.indices, moves.indptr), shape=moves.shape
    )
    total = over_risk_sets(moved @ problem.x, here.forward, problem.sets)
    tied = by_time(here.risk[died][:, None] * problem.x[died], problem)
    mean = (total[at] - problem.rank[:, None] * tied[at]) / here.denominator[:, None]
    return RiskSums(here.risk, here.shift, here.denominator, mean, here.loglik, here.forward)


def evaluate(beta: Floats, problem: CoxProblem) -> Evaluation:
    r"""Log partial likelihood, its gradient and the observed information.

    Notes
    -----
    With :math:`v_i = w_i (H(b_i) - H(a_i))`, less the Efron correction if row i died, the information is
    :math:`X' \mathrm{diag}(v) X - M'M`, M holding one risk-set mean per death: the first part is one
    weighted cross-product at BLAS speed.
    """
    sums, died = risk_sums(beta, problem), problem.died
    gradient = problem.weight[died] @ problem.x[died] - problem.tied_weight @ sums.mean
    root = np.sqrt(problem.tied_weight)[:, None] * sums.mean
    information = weighted_cross_product(problem.x, expected_events(sums, problem)) - root.T @ root
    return Evaluation(sums.loglik, gradient, information)


def expected_events(sums: RiskSums, problem: CoxProblem) -> Floats:
    """Cumulative hazard times risk of each row over its time at risk, (n,); martingale = event - this / weight."""
    per_death = problem.tied_weight / sums.denominator
    hazard = by_time(per_death, problem)
    table, first, last = _running(hazard, hazard, problem.sets)
    expected = sums.risk * (table[last] - table[first])
    correction = by_time(per_death * problem.rank, problem)
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
    n_groups = int(group.max()) + 1
    hazard = problem.tied_weight / sums.denominator
    per_death = hazard[:, None] * sums.mean
    table, first, last = _running(by_time(per_death, problem), by_time(hazard, problem), sets)
    pull = _placed(group, last, sums.risk, n_groups, len(table))
    pull -= _placed(group, first, sums.risk, n_groups, len(table))
    ties = np.diff(problem.opening, append=len(died))
    centre = (by_time(sums.mean, problem) / ties[:, None])[at]
    of_dead = problem.weight[died][:, None] * (problem.x[died] - centre)
    of_dead -= sums.risk[died][:, None] * by_time(problem.rank[:, None] * per_death, problem)[at]
    own = sum_by(-expected_events(sums, problem), group, n_groups, problem.x)
    return own + pull @ table + sum_by(np.ones(len(died)), group[died], n_groups, of_dead)


def sum_by(weight: Floats, group: Ints, n_groups: int, x: Floats) -> Floats:
    """Weighted sums of the rows of `x` by group, (G, p), reading them once in their order."""
    pointers = np.arange(len(group) + 1)
    return sparse.csc_array((weight, group, pointers), shape=(n_groups, len(group))) @ x


def _placed(
    group: Ints, place: Places, risk: Floats, n_groups: int, n_places: int
) -> Floats | sparse.csr_array:
    """Sum risks by group and place, (G, places); sparse where most would be empty."""
    if n_groups * n_places <= 4 * len(group):
        return np.bincount(group * n_places + place, risk, n_groups * n_places).reshape(n_groups, n_places)
    return sparse.csr_array((risk, (group, place)), shape=(n_groups, n_places))


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
    sets = problem.sets
    denominator = sums.denominator * np.exp(sums.shift)
    per_death = problem.tied_weight / denominator
    increment = by_time(per_death, problem)
    variance = by_time(per_death / denominator, problem)
    mean = by_time(per_death[:, None] * sums.mean, problem) / increment[:, None]
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


@dataclass(frozen=True, slots=True)
class _AtRisk:
    """Risks, S0 and the log-likelihood: all that a trial step needs."""

    risk: Floats
    shift: Floats
    denominator: Floats
    loglik: float
    forward: NDArray[np.bool_]


def _at_risk(beta: Floats, problem: CoxProblem) -> _AtRisk:
    sets, died, weight = problem.sets, problem.died, problem.weight
    eta = problem.x @ beta + problem.offset
    highest = _highest(eta, sets)
    eta -= highest if len(sets.blocks) == 2 else highest[sets.stratum]
    risk = weight * np.exp(eta)
    n_places = problem.moves.shape[0]
    begun: Floats = np.bincount(sets.first + sets.stratum, risk, n_places).astype(float)
    ended: Floats = np.bincount(sets.last + sets.stratum, risk, n_places).astype(float)
    forward = _forward(begun, ended, sets)
    total = over_risk_sets(begun - ended, forward, sets)
    tied = by_time(risk[died], problem)
    denominator = total[problem.at] - problem.rank * tied[problem.at]
    loglik = weight[died] @ eta[died] - problem.tied_weight @ np.log(denominator)
    return _AtRisk(risk, highest[sets.stratum[died]], denominator, float(loglik), forward)


def _highest(eta: Floats, sets: RiskSets) -> Floats:
    """Largest linear predictor of each stratum, (S,)."""
    if len(sets.blocks) == 2:
        return np.array([eta.max()])
    highest = np.full(len(sets.blocks) - 1, -np.inf)
    np.maximum.at(highest, sets.stratum, eta)
    return highest


def _forward(begun: Floats, ended: Floats, sets: RiskSets) -> NDArray[np.bool_]:
    """Whether a risk set's sum is better made from the start of its stratum than from the end, (D,).

    Whichever has seen less risk on its way: a small risk set is then not the difference of two large sums.
    """
    out = np.empty(len(sets.times), bool)
    for stratum, (low, high) in enumerate(pairwise(sets.blocks)):
        here, after = slice(low + stratum, high + stratum), slice(low + stratum + 1, high + stratum + 1)
        out[low:high] = np.cumsum(begun[here]) <= np.cumsum(ended[after][::-1])[::-1]
    return out


def over_risk_sets(moved: Floats, forward: NDArray[np.bool_], sets: RiskSets) -> Floats:
    """Sums over the risk set of each event time from what enters and leaves, (D, ...)."""
    out = np.empty((len(sets.times), *moved.shape[1:]))
    near = forward if moved.ndim == 1 else forward[:, None]
    for stratum, (low, high) in enumerate(pairwise(sets.blocks)):
        here, after = slice(low + stratum, high + stratum), slice(low + stratum + 1, high + stratum + 1)
        from_start = np.cumsum(moved[here], axis=0)
        from_end = -np.cumsum(moved[after][::-1], axis=0)[::-1]
        out[low:high] = np.where(near[low:high], from_start, from_end)
    return out


def by_time(per_death: Floats, problem: CoxProblem) -> Floats:
    """Sum over the deaths of each event time, (D, ...)."""
    return np.add.reduceat(per_death, problem.opening, axis=0)


def _running(increments: Floats, size: Floats, sets: RiskSets) -> tuple[Floats, Places, Places]:
    """Cumulative sums, and places in them whose difference is each row's sum over its time at risk.

    Both places lie in the forward or in the backward sums of the row's stratum, whichever is smaller where the
    row begins, by `size` (D,): a small sum late in a stratum is not the difference of two large ones.
    """
    n_places = len(increments) + len(sets.blocks) - 1
    early = _cumulated(size, sets.blocks) <= _cumulated(size, sets.blocks, backward=True)
    half = np.where(early, 0, n_places).astype(np.int32)
    first = sets.first + sets.stratum
    half_of_row = half[first]
    table = np.concatenate(
        [_cumulated(increments, sets.blocks), -_cumulated(increments, sets.blocks, backward=True)]
    )
    return table, first + half_of_row, sets.last + sets.stratum + half_of_row


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
