"""The same problem on some of its rows, exactly as if it had been made from them."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from bipstats.models.kernels.binomial import BinomialProblem
from bipstats.models.kernels.cox import CoxProblem, RiskSets, cox_problem

Flags = NDArray[np.bool_]


def cox_subset(problem: CoxProblem, keep: Flags) -> CoxProblem | None:
    """Rows `keep` (n,) of a Cox problem, with the event times that are left; None if there are none."""
    event, sets = np.zeros(len(keep), bool), problem.sets
    event[problem.died] = keep[problem.died]
    if not event.any():
        return None
    alive = np.bincount(sets.last[event] - 1, minlength=len(sets.times)) > 0
    place = np.concatenate([[0], np.cumsum(alive)])  # of the first event time left at or after each
    first, last = place[sets.first], place[sets.last]
    rows = np.flatnonzero(keep & (last > first))
    left = RiskSets(sets.times[alive], place[sets.blocks], first[rows], last[rows], sets.stratum[rows])
    efron = bool(problem.rank.any())  # without ties the two methods are one
    parts = (problem.weight[rows], problem.offset[rows])
    return cox_problem(problem.x[rows], left, event[rows], *parts, efron=efron)


def binomial_subset(problem: BinomialProblem, keep: Flags) -> BinomialProblem:
    """Rows `keep` (n,) of a binomial problem with all its levels, of which some may have lost their rows."""
    return replace(
        problem,
        x=problem.x[keep],
        level=problem.level[keep],
        successes=problem.successes[keep],
        trials=problem.trials[keep],
        offset=problem.offset[keep],
        by_level=problem.by_level[:, np.flatnonzero(keep)],
    )
