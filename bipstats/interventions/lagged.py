"""Change on class, given the index at the start, with and without the noise in that index. Arrays only."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Lagged:
    """Coefficients with the rows' influences.

    Attributes
    ----------
    values : (p,) array
    influence : (n, p) array
    """

    values: Floats
    influence: Floats


def errors_in_lag(x: Floats, y: Floats, lag: int, noise: float, speed: Floats) -> Lagged:
    r"""Least squares of a change on covariates of which one, the level it starts from, is measured with noise.

    Parameters
    ----------
    x : (n, p) array
        With the column of ones.
    y : (n,) array
        Change times `speed`.
    lag : int
        Column of the level at the start.
    noise : float
        Variance of its noise; zero gives least squares.
    speed : (n,) array
        What the raw change was multiplied with.

    Returns
    -------
    Lagged

    Notes
    -----
    The noise e of the level is in the change with the opposite sign, :math:`y = s(\Delta^* + e' - e)`. So the normal
    equations are :math:`\sum_i [x_i (y_i - x_i'b) + \sigma^2 (s_i + b_l) \epsilon_l] = 0` with :math:`\epsilon_l` the
    unit vector of the level: without them regression to the mean is taken for an effect of whatever goes with a high or
    a low level. The noise variance is taken as known.

    References
    ----------
    Fuller, W. (1987). *Measurement Error Models*. Wiley.
    """
    n = len(y)
    cross = x.T @ x
    cross[lag, lag] -= n * noise
    right = x.T @ y
    right[lag] += noise * speed.sum()
    values = np.linalg.solve(cross, right)
    scores = x * (y - x @ values)[:, None]
    scores[:, lag] += noise * (speed + values[lag])
    return Lagged(np.asarray(values, float), np.asarray(np.linalg.solve(cross, scores.T).T, float))
