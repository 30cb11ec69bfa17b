"""Areas under receiver operating characteristic curves."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.stats import rankdata

Floats = NDArray[np.float64]


def delong(positive: NDArray[np.bool_], scores: Floats) -> tuple[Floats, Floats]:
    """Areas under the curve of several scores on the same rows, with their covariance.

    Parameters
    ----------
    positive : (n,) bool array
    scores : (k, n) array

    Returns
    -------
    area : (k,) array
        Mann-Whitney: ties count one half.
    covariance : (k, k) array

    References
    ----------
    DeLong, E., DeLong, D. & Clarke-Pearson, D. (1988). Comparing the areas under two or more correlated
    receiver operating characteristic curves. *Biometrics*.
    """
    m, n = int(positive.sum()), int((~positive).sum())
    within_positive = rankdata(scores[:, positive], axis=1)
    within_negative = rankdata(scores[:, ~positive], axis=1)
    every = rankdata(scores, axis=1)
    above = (every[:, positive] - within_positive) / n
    below = 1 - (every[:, ~positive] - within_negative) / m
    return above.mean(axis=1), np.cov(above) / m + np.cov(below) / n


def weighted_areas(positive: NDArray[np.bool_], scores: Floats, weight: Floats) -> tuple[Floats, Floats]:
    r"""The same with a weight for each row, taken as known.

    Parameters
    ----------
    positive : (n,) bool array
    scores : (k, n) array
    weight : (n,) array
        For instance one over the chance of being followed.

    Returns
    -------
    area : (k,) array
    covariance : (k, k) array
        Of the influences: a positive row's is its weight times the gap of its own placement from the area.

    Notes
    -----
    :math:`\sum_{ij} w_i w_j 1\{s_i > s_j\} / \sum_{ij} w_i w_j` over positive i and negative j, ties one half.
    """
    own, other = weight[positive], weight[~positive]
    areas, influences = np.empty(len(scores)), np.empty((len(scores), len(weight)))
    for k, score in enumerate(scores):
        above = _weighted_below(
            score[positive], score[~positive], other
        )  # share of negatives below each positive
        below = 1 - _weighted_below(score[~positive], score[positive], own)
        areas[k] = own @ above / own.sum()
        influences[k, positive] = own * (above - areas[k]) / own.sum()
        influences[k, ~positive] = other * (below - areas[k]) / other.sum()
    return areas, influences @ influences.T


def _weighted_below(at: Floats, values: Floats, weight: Floats) -> Floats:
    """Weighted share of `values` below each of `at`, those equal counted half."""
    order = np.argsort(values)
    total = np.concatenate([[0.0], np.cumsum(weight[order])])
    low, high = (np.searchsorted(values[order], at, side) for side in ("left", "right"))
    return np.asarray((total[low] + total[high]) / 2 / total[-1])
