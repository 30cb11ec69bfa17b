r"""Simultaneous confidence sets for ranks (Mogstad, Romano, Shaikh & Wilhelm 2024).

The set of unit j holds every rank that the pairwise differences leave possible: with simultaneous intervals for all
differences, j ranks behind the units that are certainly better and before those that are certainly worse. A set holds
where a unit stands in truth; a posterior interval says where a drawn effect would stand, and covers no unit's rank.
"""

from __future__ import annotations

import numpy as np

from bipstats.core.columns import Floats, Ints


def rank_sets(estimate: Floats, std_error: Floats, critical: float) -> tuple[Ints, Ints]:
    """Lowest and highest rank that is possible for each unit, 1 the largest; (m,) each.

    Parameters
    ----------
    estimate, std_error : (m,) arrays
        Independent of each other.
    critical : float
        Half-width of the intervals of all differences, in their standard errors.
    """
    worse = np.empty(len(estimate), dtype=np.int64)
    better = np.empty(len(estimate), dtype=np.int64)
    for j in range(len(estimate)):
        half = critical * np.sqrt(std_error[j] ** 2 + std_error**2)
        better[j] = (estimate - estimate[j] > half).sum()
        worse[j] = (estimate[j] - estimate > half).sum()
    return 1 + better, len(estimate) - worse


def critical_value(deviation: Floats, std_error: Floats, level: float) -> float:
    """Quantile of the largest standardised difference between any two units.

    Parameters
    ----------
    deviation : (draws, m) array
        Estimates drawn anew, less what they were drawn about.
    std_error : (m,) array
    level : float
    """
    largest = np.zeros(len(deviation))
    for j in range(1, len(std_error)):
        scale = np.sqrt(std_error[j] ** 2 + std_error[:j] ** 2)
        found = np.abs(deviation[:, j][:, None] - deviation[:, :j]) / scale
        np.maximum(largest, found.max(axis=1), out=largest)
    return float(np.quantile(largest, level, method="higher"))
