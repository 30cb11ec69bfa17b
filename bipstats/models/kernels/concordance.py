"""Concordant and discordant pairs of (start, stop] rows in O(n log n), with every row's share."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bipstats.models.kernels.cox import CoxProblem
from bipstats.models.kernels.newton import Floats

Ints = NDArray[np.int64]
_ROUNDING = 1e-12  # scores nearer than this share of the largest are one score


@dataclass(frozen=True, slots=True)
class Pairs:
    """Weight of the pairs of one who dies and one who is at risk then and lives on (or dies too).

    Attributes
    ----------
    concordant, discordant : float
        Who dies has the higher score, the lower score.
    tied_score : float
        Equal scores.
    tied_time, tied_both : float
        Both die, with different or equal scores; no part of the concordance.
    influence : (n, 3) array
        Weight of each row's partners in concordant, discordant and tied-score pairs.
    """

    concordant: float
    discordant: float
    tied_score: float
    tied_time: float
    tied_both: float
    influence: Floats


def count_pairs(score: Floats, problem: CoxProblem) -> Pairs:
    """Count the comparable pairs, strata apart.

    Parameters
    ----------
    score : (n,) array
        Higher: expected to die sooner.
    problem : CoxProblem
    """
    died, at, sets = problem.died, problem.at, problem.sets
    rank = _ranks(score)
    levels, code = np.unique(rank[died], return_inverse=True)
    opening = np.searchsorted(at, np.arange(len(sets.times) + 1))
    until = sets.last.copy()
    until[died] -= 1  # who dies at a time is not compared as a survivor of it
    rows = _Rows(opening[sets.first], opening[until], np.searchsorted(levels, rank), problem.weight)
    known = rows.code < len(levels)
    equal = known & (levels[np.where(known, rows.code, 0)] == rank)
    found = _compare(rows, equal, code.astype(np.int64), problem.weight[died])
    influence = found.of_rows
    influence[died] += found.of_deaths
    totals = [float(total) for total in problem.weight[died] @ found.of_deaths]
    tied = _tied(at, problem.weight[died])
    both = _tied(at * len(levels) + code, problem.weight[died])
    return Pairs(totals[0], totals[1], totals[2], tied - both, both, influence)


def _ranks(score: Floats) -> Ints:
    """Ranks from 0; scores that differ by rounding only share one."""
    order = np.argsort(score, kind="stable")
    step = np.diff(score[order], prepend=score[order[0]]) > _ROUNDING * np.abs(score).max()
    rank = np.empty(len(score), np.int64)
    rank[order] = np.cumsum(step)
    return rank


def _tied(group: Ints, weight: Floats) -> float:
    """Weight of the pairs within groups."""
    _, group = np.unique(group, return_inverse=True)
    return float((np.bincount(group, weight) ** 2).sum() - (weight**2).sum()) / 2


@dataclass(frozen=True, slots=True)
class _Rows:
    """Rows as queries: deaths ``low <= i < high`` (in order of time) happen while the row is at risk.

    `code` is the number of the deaths' distinct scores below the row's own.
    """

    low: Ints
    high: Ints
    code: Ints
    weight: Floats


@dataclass(frozen=True, slots=True)
class _Compared:
    """Weights of partners by kind (concordant, discordant, tied): of rows as survivors (n, 3), of deaths (m, 3)."""

    of_rows: Floats
    of_deaths: Floats


def _compare(rows: _Rows, equal: NDArray[np.bool_], code: Ints, weight: Floats) -> _Compared:
    """Compare every row with the deaths in its range: sums over rows and, transposed, over deaths.

    Notes
    -----
    A wavelet matrix (Claude, Navarro & Ordóñez 2015): the deaths are parted stably by the bits of their code, the
    highest first, and each row's range is followed to the part of its own bit. Where the row's bit is one, the
    deaths of its range with a zero have a lower score. What is left at the end are the deaths of equal code.
    """
    n, m = len(rows.low), len(code)
    of_rows, of_deaths = np.zeros((n, 3)), np.zeros((m, 3))
    order, low, high = np.arange(m), rows.low, rows.high

    def add(kind: int, chosen: NDArray[np.bool_], begin: Ints, end: Ints) -> None:
        """Pair the chosen rows with the deaths at the places ``begin:end`` of the present order."""
        running = np.concatenate([[0.0], np.cumsum(weight[order])])
        of_rows[chosen, kind] += running[end[chosen]] - running[begin[chosen]]
        own = rows.weight[chosen]
        steps = np.bincount(begin[chosen], own, m + 1) - np.bincount(end[chosen], own, m + 1)
        of_deaths[order, kind] += np.cumsum(steps)[:-1]

    add(0, np.ones(n, bool), low, high)  # all of them, for now
    for bit in range((int(code.max()) + 1).bit_length() - 1, -1, -1):
        zero = (code[order] >> bit) & 1 == 0
        zeros_before = np.concatenate([[0], np.cumsum(zero)])
        order = np.concatenate([order[zero], order[~zero]])
        up = (rows.code >> bit) & 1 == 1
        begin, end = zeros_before[low], zeros_before[high]
        add(1, up, begin, end)
        n_zeros = zeros_before[-1]
        low, high = np.where(up, n_zeros + low - begin, begin), np.where(up, n_zeros + high - end, end)
    add(2, equal, low, high)
    of_rows[:, 0] -= of_rows[:, 1] + of_rows[:, 2]
    of_deaths[:, 0] -= of_deaths[:, 1] + of_deaths[:, 2]
    return _Compared(of_rows, of_deaths)
