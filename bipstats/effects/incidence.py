"""Cumulative incidence from cause-specific hazards, with its derivatives: arrays only."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
_NUMBERS = 4_000_000  # held at a time, for every pair of causes, row and time


@dataclass(frozen=True, slots=True)
class CauseHazard:
    """One cause's hazard for the rows of interest.

    Attributes
    ----------
    relative : (n,) array
        Relative hazard of each row, ``exp(x'b)``.
    increment : (D,) array
        Cumulative hazard at covariates zero, by time.
    x : (n, p) array
        Covariates.
    """

    relative: Floats
    increment: Floats
    x: Floats


@dataclass(frozen=True, slots=True)
class Incidence:
    """Mean cumulative incidence over the rows.

    Attributes
    ----------
    curves : (K, D) array
        By cause and time.
    slope_gradient : list of K (K, p_k) arrays
        Derivative of each cause's incidence at the last time in the slopes of cause k, increments fixed.
    increment_gradient : (K, K, D) array
        Derivative of cause j's incidence at the last time in the increments of cause k: [j, k, d].
    """

    curves: Floats
    slope_gradient: list[Floats]
    increment_gradient: Floats


def incidence(causes: list[CauseHazard]) -> Incidence:
    r"""Average cumulative incidence and its gradient.

    Notes
    -----
    With :math:`\Lambda_k(d)` cause k's cumulative hazard at time d, :math:`\Lambda = \sum_k \Lambda_k` and
    :math:`S(d) = \exp(-\sum_{j \le d} \Lambda(j))`, cause k's incidence grows at d by
    :math:`S(d-1)\,(1 - e^{-\Lambda(d)})\,\Lambda_k(d)/\Lambda(d)`: proportional hazards within a time step, so that
    all incidences and S add to one.
    """
    n, n_causes, n_times = len(causes[0].relative), len(causes), len(causes[0].increment)
    curves = np.zeros((n_causes, n_times))
    slopes = [np.zeros((n_causes, cause.x.shape[1])) for cause in causes]
    increments = np.zeros((n_causes, n_causes, n_times))
    at_once = max(1, _NUMBERS // (n_causes**2 * n_times))
    for low in range(0, n, at_once):
        rows = slice(low, low + at_once)
        hazards = np.stack([np.outer(cause.relative[rows], cause.increment) for cause in causes])
        risk, weight = _rows(hazards)
        curves += risk.sum(axis=1)
        for k, cause in enumerate(causes):
            increments[:, k] += np.einsum("jid,i->jd", weight[:, k], cause.relative[rows])
            slopes[k] += np.einsum("jid,id->ji", weight[:, k], hazards[k]) @ cause.x[rows]
    return Incidence(curves / n, [slope / n for slope in slopes], increments / n)


def _rows(hazards: Floats) -> tuple[Floats, Floats]:
    """Incidence curves (K, n, D) of single rows, and weights[j, k]: derivative of cause j's last value in hazard k."""
    total = hazards.sum(axis=0)
    at_risk = np.exp(-np.concatenate([np.zeros((len(total), 1)), np.cumsum(total, axis=1)[:, :-1]], axis=1))
    leaving = -np.expm1(-total)
    positive = np.where(total > 0, total, 1.0)
    share = hazards / positive
    curves = np.cumsum(at_risk * leaving * share, axis=2)
    still_to_come = curves[:, :, -1:] - curves
    per_hazard = np.where(total > 0, leaving / positive, 1.0)
    n_causes = len(hazards)
    weights = np.empty((n_causes, *hazards.shape))
    for j in range(n_causes):
        for k in range(n_causes):
            own = at_risk * (np.exp(-total) * share[j] + per_hazard * (float(j == k) - share[j]))
            weights[j, k] = own - still_to_come[j]
    return curves, weights
