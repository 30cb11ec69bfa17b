"""The same problem on some of its rows, exactly as if it had been made from them."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from bipstats.models.kernels.binomial import BinomialProblem
from bipstats.models.kernels.cox import CoxProblem, cox_problem

Flags = NDArray[np.bool_]


def cox_subset(problem: CoxProblem, keep: Flags) -> CoxProblem:
    """Rows `keep` (n,) of a Cox problem; event times at which none of them dies stay, with nothing to add."""
    rows = np.flatnonzero(keep)
    event = np.zeros(len(keep), bool)
    event[problem.died] = True
    return cox_problem(
        problem.x[rows],
        problem.sets.take(rows),
        event[rows],
        problem.weight[rows],
        problem.offset[rows],
        efron=bool(problem.rank.any()),  # without ties the two methods are one
    )


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
