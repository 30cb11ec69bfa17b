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
