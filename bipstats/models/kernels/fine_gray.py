r"""The Fine-Gray subdistribution hazard as a weighted Cox likelihood, without expanding the rows.

Whoever leaves by a competing exit at T stays in the risk set of later events at t with the weight
:math:`A(t) / A(T)`, :math:`A(t) = G(t-) H(t-)`: G is the probability not to be censored yet, H that to have
entered (Fine & Gray 1999; Geskus 2011). As the weight is a product, sums over those who left are one running
sum of their risk over A(T), times A(t). Notation as in `bipstats.models.kernels.cox`.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bipstats.models.kernels.cox import (
    CoxProblem,
    RiskSums,
    cox_problem,
    expected_events,
    risk_sets,
    sum_by,
    weighted_cross_product,
)
from bipstats.models.kernels.cox import risk_sums as cox_risk_sums
from bipstats.models.kernels.cox import score_sums as cox_score_sums
from bipstats.models.kernels.curves import weight_at_risk
from bipstats.models.kernels.newton import Evaluation

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Flags = NDArray[np.bool_]
_ALL = 1.0 - 1e-12  # a hazard beyond which nobody is left


@dataclass(frozen=True, slots=True)
class Observation:
    """When rows come under observation, or cease to be, at the C distinct times at which some do.

    Attributes
    ----------
    times : (C,) array
        Ascending.
    at_risk : (C,) array
        Weight of the rows that could have.
    hazard : (C,) array
        Share of it that did.
    first, last : (n,) integer arrays
        Row i could have at ``first[i] <= c < last[i]``.
    own : (n,) integer array
        Where row i did; -1 if it did not.
    """

    times: Floats
    at_risk: Floats
    hazard: Floats
    first: Ints
    last: Ints
    own: Ints


def censoring(start: Floats, stop: Floats, censored: Flags, weight: Floats) -> Observation:
    """Censoring among the rows at risk of it: start < c <= stop, those who exit at c excluded, as in R's finegray.

    Parameters
    ----------
    start, stop : (n,) arrays
    censored : (n,) boolean array
        The row ends without an exit.
    weight : (n,) array
    """
    times = np.unique(stop[censored])
    first = np.searchsorted(times, start, side="right")
    last = np.searchsorted(times, stop, side="left") + censored
    return _observation(times, first, last, np.where(censored, last - 1, -1), weight)


def entry(start: Floats, stop: Floats, weight: Floats) -> Observation:
    """Entry among those present, time running backwards: start <= e < stop."""
    times = np.unique(start)
    first = np.searchsorted(times, start, side="left")
    return _observation(times, first, np.searchsorted(times, stop, side="left"), first, weight)


def _observation(times: Floats, first: Ints, last: Ints, own: Ints, weight: Floats) -> Observation:
    at_risk = weight_at_risk(first, last, weight, len(times))
    did = own >= 0
    hazard = np.bincount(own[did], weight[did], len(times)) / at_risk
    return Observation(times, at_risk, np.where(hazard > _ALL, 1.0, hazard), first, last, own)


def under_observation(censored: Observation, entered: Observation, times: Floats) -> Floats:
    r"""Probability A to be under observation just before each time, (k,): product-limit estimates.

    Notes
    -----
    :math:`A(t) = \prod_{c < t} (1 - h_c) \prod_{e \ge t} (1 - h_e)`, over censorings before and entries from t on.
    """
    uncensored = np.concatenate([[1.0], np.cumprod(1.0 - censored.hazard)])
    present = np.concatenate([np.cumprod((1.0 - entered.hazard)[::-1])[::-1], [1.0]])
    return uncensored[np.searchsorted(censored.times, times)] * present[np.searchsorted(entered.times, times)]


@dataclass(frozen=True, slots=True)
class FineGrayProblem:
    """A Fine-Gray model ready to evaluate: one row a person.

    Attributes
    ----------
    cox : CoxProblem
        The rows at risk at some event time before their own exit.
    rows : (m,) integer array
        Those rows among all n.
    left : (L,) integer array
        Rows (among all n) that left by a competing exit before the last event time.
    x : (L, p) array
        Their covariates.
    weight : (L,) array
        Their case weights over A at their exit.
    since : (L,) integer array
        First event time after their exit.
    observed : (D,) array
        A at the event times.
    stop : (L,) array
        Time of their exit.
    case_weight : (n,) array
        Case weights of all rows.
    censored, entered : Observation
    """

    cox: CoxProblem
    rows: Ints
    left: Ints
    x: Floats
    weight: Floats
    since: Ints
    observed: Floats
    stop: Floats
    case_weight: Floats
    censored: Observation
    entered: Observation


def fine_gray_problem(
    x: Floats, start: Floats, stop: Floats, exit: Ints, weight: Floats, *, efron: bool
) -> FineGrayProblem:
    """Prepare what every evaluation needs.

    Parameters
    ----------
    x : (n, p) array
    start, stop : (n,) arrays
        Rows are under observation on (start, stop].
    exit : (n,) integer array
        0 censored, 1 the event, 2 a competing exit, at `stop`.
    weight : (n,) array
    efron : bool
    """
    sets = risk_sets(start, stop, exit == 1, np.zeros(len(stop), np.int64))
    rows = np.flatnonzero(sets.last > sets.first)
    left = np.flatnonzero((exit == 2) & (sets.last < len(sets.times)))
    censored, entered = censoring(start, stop, exit == 0, weight), entry(start, stop, weight)
    since = sets.last[left].astype(np.int64)
    with np.errstate(divide="ignore"):  # the caller refuses those who left before anyone else was there
        of_left = weight[left] / under_observation(censored, entered, stop[left])
    cox = cox_problem(
        x[rows], sets.take(rows), (exit == 1)[rows], weight[rows], np.zeros(len(rows)), efron=efron
    )
    return FineGrayProblem(
        cox, rows, left, x[left], of_left, since, under_observation(censored, entered, sets.times),
        stop[left], weight, censored, entered,
    )  # fmt: skip


@dataclass(frozen=True, slots=True)
class FineGraySums:
    """Sums over risk sets at one parameter.

    Attributes
    ----------
    at_events : RiskSums
        As for Cox; denominators and means count those who left.
    left : (L,) array
        Risk of those who left, over A at their exit.
    """

    at_events: RiskSums
    left: Floats


def risk_sums(beta: Floats, problem: FineGrayProblem) -> FineGraySums:
    """Sums over the risk set of every event."""
    cox, at, n_times = problem.cox, problem.cox.at, len(problem.cox.sets.times)
    alone = cox_risk_sums(beta, cox)
    left = problem.weight * np.exp(problem.x @ beta - alone.shift[0])
    observed = problem.observed[at]
    denominator = alone.denominator + observed * np.cumsum(np.bincount(problem.since, left, n_times))[at]
    total = np.cumsum(sum_by(left, problem.since, n_times, problem.x), axis=0)[at]
    mean = (alone.mean * alone.denominator[:, None] + observed[:, None] * total) / denominator[:, None]
    loglik = alone.loglik - cox.tied_weight @ np.log(denominator / alone.denominator)
    return FineGraySums(
        RiskSums(alone.risk, alone.shift, denominator, mean, float(loglik), alone.forward), left
    )


def evaluate(beta: Floats, problem: FineGrayProblem) -> Evaluation:
    """Log partial likelihood, its gradient and minus its second derivative, the weights taken as known."""
    cox, sums = problem.cox, risk_sums(beta, problem)
    at, died = sums.at_events, cox.died
    gradient = cox.weight[died] @ cox.x[died] - cox.tied_weight @ at.mean
    root = np.sqrt(cox.tied_weight)[:, None] * at.mean
    information = (
        weighted_cross_product(cox.x, expected_events(at, cox))
        + weighted_cross_product(problem.x, sums.left * _tails(sums, problem)[0][problem.since])
        - root.T @ root
    )
    return Evaluation(at.loglik, gradient, information)


def _tails(sums: FineGraySums, problem: FineGrayProblem) -> tuple[Floats, Floats]:
    """Sums over the events from each event time on of A dH, (D + 1,), and of A dH times the mean, (D + 1, p)."""
    cox, at = problem.cox, sums.at_events
    per_death = problem.observed[cox.at] * cox.tied_weight / at.denominator
    n_times = len(cox.sets.times)
    size, mean = np.zeros(n_times + 1), np.zeros((n_times + 1, at.mean.shape[1]))
    size[:-1] = np.cumsum(np.bincount(cox.at, per_death, n_times)[::-1])[::-1]
    mean[:-1] = np.cumsum(sum_by(per_death, cox.at, n_times, at.mean)[::-1], axis=0)[::-1]
    return size, mean


def score_sums(sums: FineGraySums, problem: FineGrayProblem, group: Ints) -> Floats:
    """Score summed over groups of rows with the weights taken as known, (G, p), as R's finegray with coxph has it.

    Parameters
    ----------
    sums : FineGraySums
    problem : FineGrayProblem
    group : (n,) integer array
        Codes 0..G-1 of all rows.
    """
    total = np.zeros((int(group.max()) + 1, problem.x.shape[1]))
    still = cox_score_sums(sums.at_events, problem.cox, group[problem.rows])
    total[: len(still)] += still
    size, mean = _tails(sums, problem)
    own = mean[problem.since] - size[problem.since][:, None] * problem.x
    return total + sum_by(sums.left, group[problem.left], len(total), own)


def weight_sums(sums: FineGraySums, problem: FineGrayProblem, group: Ints) -> Floats:
    r"""What estimating the weights adds to the score sums of groups of rows, (G, p).

    Notes
    -----
    Fine & Gray's :math:`\hat\psi_i = \int \hat q(u) / \hat\pi(u) \, d\hat M^c_i(u)`: M the martingale of censoring,
    :math:`\pi` the weight at risk of it, and q(u) the derivative of the score in the hazard of censoring at u, from
    the weights after u of those who left until u. The same for entry, with the sign turned.
    """
    size, mean = _tails(sums, problem)
    n = len(group)
    influence = np.zeros((n, problem.x.shape[1]))
    for sign, observation in ((1.0, problem.censored), (-1.0, problem.entered)):
        q = sign * _pull(sums, problem, observation.times, size, mean)
        per_head = q / observation.at_risk[:, None]
        running = np.zeros((len(q) + 1, q.shape[1]))
        np.cumsum(per_head * observation.hazard[:, None], axis=0, out=running[1:])
        influence -= running[observation.last] - running[observation.first]
        did = observation.own >= 0
        influence[did] += per_head[observation.own[did]]
    return sum_by(problem.case_weight, group, int(group.max()) + 1, influence)


def _pull(sums: FineGraySums, problem: FineGrayProblem, times: Floats, size: Floats, mean: Floats) -> Floats:
    """Minus the derivative of the score in the log weights after each time of those who left until then, (C, p)."""
    order = np.argsort(problem.stop, kind="stable")
    until = np.searchsorted(problem.stop[order], times, side="right")
    left, x = sums.left[order], problem.x[order]
    count = np.concatenate([[0.0], np.cumsum(left)])[until]
    total = np.concatenate([np.zeros((1, x.shape[1])), np.cumsum(left[:, None] * x, axis=0)])[until]
    after = np.searchsorted(problem.cox.sets.times, times, side="right")
    return total * size[after][:, None] - count[:, None] * mean[after]
