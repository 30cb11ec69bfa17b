"""Kaplan-Meier and Aalen-Johansen curves for (start, stop] rows, with their variances."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
_NUMBERS = 4_000_000  # influence values held at a time


@dataclass(frozen=True, slots=True)
class Transitions:
    """Exits and risk sets at the distinct ends of rows.

    Attributes
    ----------
    times : (D,) array
        Distinct values of stop, ascending.
    at_risk : (D,) array
        Weight of the rows with start < time <= stop.
    exits : (K, D) array
        Weight of the exits of each kind.
    first, last : (n,) integer arrays
        Row i is at risk at times ``first[i] <= d < last[i]``.
    """

    times: Floats
    at_risk: Floats
    exits: Floats
    first: Ints
    last: Ints


def transitions(start: Floats, stop: Floats, exit: Ints, n_kinds: int, weight: Floats) -> Transitions:
    """Count who is at risk and who leaves.

    Parameters
    ----------
    start, stop : (n,) arrays
    exit : (n,) integer array
        0 for censored, 1..K for the kind of exit at `stop`.
    n_kinds : int
        K.
    weight : (n,) array
    """
    times = np.unique(stop)
    first = np.searchsorted(times, start, side="right")
    last = np.searchsorted(times, stop, side="right")
    at_risk = weight_at_risk(first, last, weight, len(times))
    exits = np.zeros((n_kinds, len(times)))
    for kind in range(n_kinds):
        own = exit == kind + 1
        exits[kind] = np.bincount(last[own] - 1, weight[own], len(times))
    return Transitions(times, at_risk, exits, first, last)


def at_risk_steps(start: Floats, stop: Floats, weight: Floats) -> tuple[Floats, Floats]:
    """Times at which somebody comes or goes, ascending, and the weight at risk up to and at each, (T,) both.

    Between two of them nothing changes: at any t it is that of the first of them from t on.
    """
    times = np.unique(np.concatenate([start, stop]))
    first, last = (np.searchsorted(times, values, side="right") for values in (start, stop))
    return times, weight_at_risk(first, last, weight, len(times))


def weight_at_risk(first: Ints, last: Ints, weight: Floats, n_times: int) -> Floats:
    """Weight of the rows with ``first <= d < last`` at each of the times d, (D,)."""
    used = np.where(first < last, weight, 0.0)
    # Summed from the far end, as a late risk set is small.
    leaving = np.bincount(last, used, n_times + 1)[1:]
    entering = np.bincount(first, used, n_times + 1)[1:]
    return np.cumsum((leaving - entering)[::-1])[::-1]


@dataclass(frozen=True, slots=True)
class Incidences:
    """Survival and cumulative incidence by kind of exit.

    Attributes
    ----------
    survival : (D,) array
        Kaplan-Meier: probability that no exit of any kind has happened.
    incidence : (K, D) array
        Aalen-Johansen.
    """

    survival: Floats
    incidence: Floats


def incidences(counts: Transitions) -> Incidences:
    """Kaplan-Meier and Aalen-Johansen estimates."""
    hazards = counts.exits / counts.at_risk
    survival = np.cumprod(1.0 - hazards.sum(axis=0))
    before = np.concatenate([[1.0], survival[:-1]])
    return Incidences(survival, np.cumsum(before * hazards, axis=1))


def greenwood(counts: Transitions) -> Floats:
    r"""Variance of log survival, (D,): :math:`\sum d / (n (n - d))`; infinite once nobody is left."""
    died = counts.exits.sum(axis=0)
    with np.errstate(divide="ignore"):
        return np.cumsum(died / (counts.at_risk * (counts.at_risk - died)))


def jackknife(counts: Transitions, exit: Ints, weight: Floats, unit: Ints) -> tuple[Floats, Floats]:
    r"""Infinitesimal-jackknife variances of survival (D,) and incidence (K, D).

    Parameters
    ----------
    counts : Transitions
    exit : (n,) integer array
    weight : (n,) array
    unit : (n,) integer array
        Rows of one unit (codes 0..G-1) are summed before they are squared.

    Notes
    -----
    With :math:`U_i(t)` the derivative of an estimate in the weight of row i, the variance is
    :math:`\sum_g (\sum_{i \in g} w_i U_i)^2` (Therneau & Grambsch 2000, section 7; R's survfit).
    """
    counts, exit, weight, unit = _joined(counts, exit, weight, unit)
    order = np.argsort(unit, kind="stable")
    n_times, n_kinds = len(counts.times), len(counts.exits)
    bounds = np.searchsorted(unit[order], np.arange(int(unit.max()) + 2))
    at_once = max(1, _NUMBERS // (n_times * (n_kinds + 1)))
    survival, incidence = np.zeros(n_times), np.zeros((n_kinds, n_times))
    begin = 0
    while begin < len(bounds) - 1:
        # Whole units, about `at_once` rows at a time.
        end = max(begin + 1, int(np.searchsorted(bounds, bounds[begin] + at_once, side="right")) - 1)
        rows = order[bounds[begin] : bounds[end]]
        of_survival, of_incidence = _influence(counts, exit, rows)
        starts = bounds[begin:end] - bounds[begin]
        survival += (np.add.reduceat(weight[rows, None] * of_survival, starts, axis=0) ** 2).sum(axis=0)
        for kind in range(n_kinds):
            weighted = weight[rows, None] * of_incidence[kind]
            incidence[kind] += (np.add.reduceat(weighted, starts, axis=0) ** 2).sum(axis=0)
        begin = end
    return survival, incidence


def _joined(
    counts: Transitions, exit: Ints, weight: Floats, unit: Ints
) -> tuple[Transitions, Ints, Floats, Ints]:
    """Rows of one unit and weight that follow each other without an exit as one row: their influence is the sum."""
    order = np.lexsort((counts.first, unit))
    now, before = order[1:], order[:-1]
    follows = (unit[now] == unit[before]) & (weight[now] == weight[before]) & (exit[before] == 0)
    follows &= counts.first[now] == counts.last[before]
    begins = order[np.concatenate([[True], ~follows])]
    ends = order[np.concatenate([~follows, [True]])]
    joined = replace(counts, first=counts.first[begins], last=counts.last[ends])
    return joined, exit[ends], weight[ends], unit[ends]


def _influence(counts: Transitions, exit: Ints, rows: Ints) -> tuple[Floats, Floats]:
    """Derivatives of survival (m, D) and incidence (K, m, D) in the weights of some rows."""
    found = incidences(counts)
    hazards = counts.exits / counts.at_risk
    total = hazards.sum(axis=0)
    before = np.concatenate([[1.0], found.survival[:-1]])
    d = np.arange(len(counts.times))
    at_risk = (counts.first[rows, None] <= d) & (d < counts.last[rows, None])
    leaves = (counts.last[rows, None] - 1 == d)[None] & (
        exit[rows] == np.arange(1, len(hazards) + 1)[:, None]
    )[:, :, None]
    change = (leaves - at_risk * hazards[:, None]) / counts.at_risk  # of each hazard
    with np.errstate(divide="ignore", invalid="ignore"):
        relative = np.where(total < 1, change.sum(axis=0) / (1.0 - total), 0.0)
    of_log = -np.cumsum(relative, axis=1)
    log_before = np.concatenate([np.zeros((len(rows), 1)), of_log[:, :-1]], axis=1)
    of_incidence = np.cumsum(before * (log_before * hazards[:, None] + change), axis=2)
    return found.survival * of_log, of_incidence


def crossing_time(time: Floats, curve: Floats, height: float) -> float:
    """First time at which a falling step curve is at or below a height, NaN if never.

    Where it is at the height exactly, the middle between that time and the next at which it falls (or the last).
    Heights are told apart as in R, to the square root of the rounding unit.
    """
    near = np.sqrt(np.finfo(float).eps)
    reached = np.flatnonzero(curve <= height + near)
    if not len(reached):
        return np.nan
    first = reached[0]
    if curve[first] < height - near:
        return float(time[first])
    below = np.flatnonzero(curve < height - near)
    return float(time[first] + time[below[0] if len(below) else -1]) / 2


def restricted_mean(
    time: Floats, survival: Floats, at_risk: Floats, events: Floats, horizon: float
) -> tuple[float, float]:
    r"""Area under a Kaplan-Meier curve from min(0, first time) to a horizon, and its standard error.

    Notes
    -----
    The variance is :math:`\sum_d A_d^2 \, d / (n (n - d))`, with :math:`A_d` the area from d to the horizon.
    """
    used = time <= horizon
    edges = np.concatenate([[min(0.0, time[0])], time[used], [horizon]])
    areas = np.diff(edges) * np.concatenate([[1.0], survival[used]])
    to_come = np.cumsum(areas[::-1])[::-1][1:]
    n, d = at_risk[used], events[used]
    left = np.where(n > d, n - d, np.inf)  # nobody left: no area to come
    return float(areas.sum() + edges[0]), float(np.sqrt((to_come**2 * d / (n * left)).sum()))
