r"""Directions along which a likelihood rises without bound.

A binomial likelihood with a free effect per level of a factor, a conditional likelihood with a free effect per
group and a partial likelihood have no finite maximum exactly if there is a direction :math:`\gamma` with

.. math:: (x_i - x_j)'\gamma \ge 0

for every pair of an event i and a rival j, not zero for all (Albert & Anderson 1984). Rivals are
the rows of the level (group) without the event, or the rows at risk when i has its event. Linear programming
decides (Konis 2007); the pairs come in as they are violated, so that few of them are ever written down.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linprog

from bipstats.models.kernels.cox import RiskSets

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Flags = NDArray[np.bool_]
Values = Callable[[int, Ints | slice], Floats]

_ROUNDS = 500
_CUTS = 100  # pairs taken in at a time, on either side
_SLACK = 1e-8  # violation of a pair, of standardised covariates, that is rounding
_VALUE = 1e-7  # contrast, relative to its largest coefficient, below which nothing separates
_TIGHT = {"primal_feasibility_tolerance": 1e-10, "dual_feasibility_tolerance": 1e-10}


@dataclass(frozen=True, slots=True)
class Sides:
    """Rows with and without the event by level of a factor; a row of counts can be on both sides.

    Attributes
    ----------
    x : (n, p) array
    level : (n,) integer array
        0..K-1.
    hit, missed : (n,) boolean arrays
        Rows with events, rows with failures.
    """

    x: Floats
    level: Ints
    hit: Flags
    missed: Flags


def extremes(values: Floats, sides: Sides) -> tuple[Floats, Floats, Floats, Floats]:
    """Lowest and highest value of the events and of the rest by level, (K,) each; infinite where there are none."""
    n_levels = int(sides.level.max(initial=0)) + 1
    ends = []
    for rows in (sides.hit, sides.missed):
        own = values[rows]
        if n_levels == 1:
            low, high = np.array([own.min(initial=np.inf)]), np.array([own.max(initial=-np.inf)])
        else:
            low, high = np.full(n_levels, np.inf), np.full(n_levels, -np.inf)
            np.minimum.at(low, sides.level[rows], own)
            np.maximum.at(high, sides.level[rows], own)
        ends += [low, high]
    return ends[0], ends[1], ends[2], ends[3]


def separating_columns(columns: Values, n_columns: int, sides: Sides) -> Ints:
    """Sign of each column that alone separates within every level, +1 where events are highest; else 0.

    Parameters
    ----------
    columns : callable
        Number of a column and rows to its values there.
    n_columns : int
    sides : Sides
        Its x is not read.

    Notes
    -----
    A column that separates all rows separates some of them: two thousand decide for nearly every column.
    """
    some = np.concatenate([np.flatnonzero(rows)[:1000] for rows in (sides.hit, sides.missed)])
    few = Sides(sides.x, sides.level[some], sides.hit[some], sides.missed[some])
    signs = np.zeros(n_columns, np.int64)
    for j in range(n_columns):
        if _one_sign(columns(j, some), few) is not None:
            signs[j] = _one_sign(columns(j, slice(None)), sides) or 0
    return signs


def _one_sign(values: Floats, sides: Sides) -> int | None:
    """+1 or -1 if the values separate in that direction, 0 if they are constant in every level, else None."""
    low_hit, high_hit, low_missed, high_missed = extremes(values, sides)
    up, down = bool((low_hit >= high_missed).all()), bool((high_hit <= low_missed).all())
    return int(up) - int(down) if up or down else None


def side_cuts(sides: Sides) -> Callable[[Floats], Floats]:
    """Oracle for `separating_direction`: pairs of one level that a direction puts the wrong way round, (c, p)."""

    def cuts(direction: Floats) -> Floats:
        eta = sides.x @ direction
        low_hit, _, _, high_missed = extremes(eta, sides)
        with np.errstate(invalid="ignore"):  # levels with one side only
            above = np.where(sides.missed, eta - low_hit[sides.level], -np.inf)
            below = np.where(sides.hit, high_missed[sides.level] - eta, -np.inf)
        lowest = _places(eta, sides.level, sides.hit, largest=False)
        highest = _places(eta, sides.level, sides.missed, largest=True)
        high, low = _worst(above), _worst(below)
        return np.vstack(
            [
                sides.x[lowest[sides.level[high]]] - sides.x[high],
                sides.x[low] - sides.x[highest[sides.level[low]]],
            ]
        )

    return cuts


def _worst(violation: Floats) -> Ints:
    """Rows that violate most."""
    found = np.flatnonzero(violation > _SLACK)
    return found[np.argsort(-violation[found])[:_CUTS]]


def _places(eta: Floats, level: Ints, rows: Flags, *, largest: bool) -> Ints:
    """Row with the largest (smallest) value among the flagged ones of each level, (K,)."""
    chosen = np.flatnonzero(rows)
    order = chosen[np.argsort(eta[chosen] if largest else -eta[chosen], kind="stable")]
    places = np.zeros(int(level.max(initial=0)) + 1, np.int64)
    places[level[order]] = order  # the last one written stays
    return places


def side_contrast(sides: Sides) -> Floats:
    """Mean of the events less mean of the rest, summed over the levels that have both: (p,)."""
    n_levels = int(sides.level.max(initial=0)) + 1
    means = []
    for rows in (sides.hit, sides.missed):
        count = np.bincount(sides.level[rows], minlength=n_levels)
        sums = np.zeros((n_levels, sides.x.shape[1]))
        np.add.at(sums, sides.level[rows], sides.x[rows])
        means.append(np.where(count[:, None] > 0, sums / np.maximum(count, 1)[:, None], np.nan))
    return np.nansum(means[0] - means[1], axis=0)


def rows_told_apart(direction: Floats, sides: Sides) -> Flags:
    """Rows beyond all rows of the other side of their level: (n,)."""
    eta = sides.x @ direction
    low_hit, _, _, high_missed = extremes(eta, sides)
    return (eta > high_missed[sides.level] + _SLACK) | (eta < low_hit[sides.level] - _SLACK)


def separating_direction(contrast: Floats, cuts: Callable[[Floats], Floats]) -> Floats | None:
    """Find a direction that separates, of few terms, or None if there is none.

    Parameters
    ----------
    contrast : (p,) array
        A sum of pair differences in which every pair has a positive weight: positive along every direction
        that separates, so that the programme's value is zero exactly if none does.
    cuts : callable
        Direction (p,) to the differences (c, p) that it violates.

    Returns
    -------
    (p,) array or None
    """
    size = np.abs(contrast).max(initial=0.0)
    if size < _SLACK:
        return None
    contrast = contrast / size
    pairs = np.empty((0, len(contrast)))
    direction = None
    for programme in (_steepest, _sparsest):
        for _ in range(_ROUNDS):
            found = programme(contrast, pairs, direction)
            if found is None:
                return direction
            new = cuts(found)
            if not len(new):
                direction = found
                break
            pairs = np.vstack([pairs, new / np.abs(new).max(axis=1, keepdims=True)])
        else:
            return direction
    return direction


def _steepest(contrast: Floats, pairs: Floats, _: Floats | None) -> Floats | None:
    """Direction within the unit box that maximises the contrast; None if no direction raises it."""
    found = linprog(-contrast, A_ub=-pairs, b_ub=np.zeros(len(pairs)), bounds=(-1, 1), options=_TIGHT)
    return found.x if found.status == 0 and -found.fun > _VALUE else None


def _sparsest(contrast: Floats, pairs: Floats, found: Floats | None) -> Floats | None:
    """Direction of least absolute sum with the contrast of the one found; it uses few terms."""
    assert found is not None
    both, total = np.hstack([pairs, -pairs]), np.concatenate([contrast, -contrast])
    least = linprog(
        np.ones(len(total)),
        A_ub=-both,
        b_ub=np.zeros(len(pairs)),
        A_eq=total[None, :],
        b_eq=[contrast @ found],
        options=_TIGHT,
    )
    return least.x[: len(contrast)] - least.x[len(contrast) :] if least.status == 0 else None


@dataclass(frozen=True, slots=True)
class Risks:
    """Rows at risk and the events among them.

    Attributes
    ----------
    x : (n, p) array
    sets : RiskSets
    died : (m,) integer array
        Rows that end in an event.
    """

    x: Floats
    sets: RiskSets
    died: Ints

    @property
    def time(self) -> Ints:
        """Event time (index) of each of `died`."""
        return self.sets.last[self.died].astype(np.int64) - 1

    def at_risk(self, time: int, among: slice = slice(None)) -> Ints:
        """Rows at risk at an event time, perhaps among the first rows only; strata have event times of their own."""
        return np.flatnonzero((self.sets.first[among] <= time) & (time < self.sets.last[among]))


def monotone_columns(columns: Values, n_columns: int, risks: Risks) -> Ints:
    """Sign of each column that at every event is highest (+1) or lowest (-1) for the row that has it; else 0.

    Parameters
    ----------
    columns : callable
        Number of a column and rows to its values there.
    n_columns : int
    risks : Risks
        Its x is not read.

    Notes
    -----
    The events with the smallest and the largest value of a column are looked at first, among some of the rows at
    risk: for nearly every column that settles the matter.
    """
    signs, times = np.zeros(n_columns, np.int64), risks.time
    few = cache(lambda time: risks.at_risk(time, slice(8192)))
    for j in range(n_columns):
        own = columns(j, risks.died)
        up, down = int(own.argmin()), int(own.argmax())
        above = columns(j, few(int(times[up]))).max(initial=-np.inf) > own[up]
        below = columns(j, few(int(times[down]))).min(initial=np.inf) < own[down]
        if not (above and below):
            signs[j] = _all_the_way(columns(j, slice(None)), risks)
    return signs


def _all_the_way(values: Floats, risks: Risks) -> int:
    """Sign of one column: the extreme events first, then all."""
    own, times = values[risks.died], risks.time
    order = np.concatenate([times[[own.argmin(), own.argmax()]], np.unique(times)])
    up = down = True
    for time in order:
        dead, here = own[times == time], values[risks.at_risk(int(time))]
        up, down = up and dead.min() >= here.max(), down and dead.max() <= here.min()
        if not (up or down):
            break
    return int(up) - int(down)


def risk_cuts(risks: Risks) -> Callable[[Floats], Floats]:
    """Oracle for `separating_direction`: at each event that a direction puts wrong, the row above it, (c, p)."""

    def cuts(direction: Floats) -> Floats:
        eta, pairs = risks.x @ direction, []
        for time in np.unique(risks.time):
            here, dead = risks.at_risk(time), risks.died[risks.time == time]
            top = here[eta[here].argmax()]
            wrong = dead[eta[dead] < eta[top] - _SLACK]
            pairs.append(risks.x[wrong] - risks.x[top])
        return np.vstack(pairs)

    return cuts


def risk_contrast(risks: Risks) -> Floats:
    """Each event's covariates less the mean of its risk set, summed: (p,)."""
    return np.sum(
        [
            risks.x[dead] - risks.x[risks.at_risk(time)].mean(axis=0)
            for dead, time in zip(risks.died, risks.time, strict=True)
        ],
        axis=0,
    )


def events_told_apart(direction: Floats, risks: Risks) -> int:
    """Events at which some row at risk lies strictly below the row that has it."""
    eta = risks.x @ direction
    return sum(
        bool(eta[risks.at_risk(time)].min() < eta[dead] - _SLACK)
        for dead, time in zip(risks.died, risks.time, strict=True)
    )
