r"""One endogenous regressor and instruments, linear: a single instrument with its weak-instrument interval, and UJIVE.

:math:`y_i = d_i \beta + w_i'\gamma + \varepsilon_i`, instruments z, errors correlated within clusters.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Shape = Literal["bounded", "two rays", "whole line"]


@dataclass(frozen=True, slots=True)
class JustIdentified:
    r"""Reduced form, first stage and their ratio.

    Attributes
    ----------
    reduced, first : float
        Slopes of outcome and regressor in the instrument, given the controls.
    covariance : (2, 2) array
        Of these, clustered.
    """

    reduced: float
    first: float
    covariance: Floats

    @property
    def estimate(self) -> float:
        """Ratio of reduced form to first stage."""
        return self.reduced / self.first

    @property
    def std_error(self) -> float:
        """Error of the ratio by the delta method; valid with a strong first stage only."""
        gradient = np.array([1.0, -self.estimate]) / self.first
        return float(np.sqrt(gradient @ self.covariance @ gradient))

    @property
    def f(self) -> float:
        """Robust F of the first stage (with one instrument the effective F of Montiel Olea & Pflueger)."""
        return float(self.first**2 / self.covariance[1, 1])


@dataclass(frozen=True, slots=True)
class Region:
    """Values of the slope that a test does not reject.

    Attributes
    ----------
    shape : {"bounded", "two rays", "whole line"}
    low, high : float
        Ends of the interval, or of the gap between two rays (all values up to `low` and from `high` on).
    """

    shape: Shape
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Slope:
    """A slope with its clustered error."""

    estimate: float
    std_error: float


def residuals(values: Floats, controls: Floats) -> Floats:
    """What least squares on the controls leaves, column by column."""
    return values - controls @ np.linalg.lstsq(controls, values, rcond=None)[0]


def least_squares(y: Floats, d: Floats, controls: Floats, cluster: Ints) -> Slope:
    """Regression without an instrument."""
    net = residuals(np.column_stack([y, d]), controls)
    size = float(net[:, 1] @ net[:, 1])
    slope = float(net[:, 0] @ net[:, 1]) / size
    return Slope(slope, _clustered((net[:, 0] - slope * net[:, 1]) * net[:, 1], cluster) / size)


def just_identified(y: Floats, d: Floats, z: Floats, controls: Floats, cluster: Ints) -> JustIdentified:
    """Reduced form and first stage in one instrument.

    Parameters
    ----------
    y, d, z : (n,) arrays
        Outcome, regressor, instrument.
    controls : (n, k) array
        The constant among them.
    cluster : (n,) integer array
        Coded 0..G-1.
    """
    net = residuals(np.column_stack([y, d, z]), controls)
    instrument, both = net[:, 2], net[:, :2]
    size = float(instrument @ instrument)
    slopes = instrument @ both / size
    scores = (both - np.outer(instrument, slopes)) * instrument[:, None]
    sums = np.stack([np.bincount(cluster, column) for column in scores.T], axis=1) / size
    return JustIdentified(float(slopes[0]), float(slopes[1]), sums.T @ sums)


def anderson_rubin(found: JustIdentified, bound: float) -> Region:
    r"""Slopes that the Anderson-Rubin test does not reject, however weak the first stage is.

    Parameters
    ----------
    found : JustIdentified
    bound : float
        Quantile of chi-squared with one degree of freedom.

    Notes
    -----
    :math:`(\pi_y - b \pi_d)^2 \le q (V_{yy} - 2 b V_{yd} + b^2 V_{dd})`, a quadratic inequality in b (Fieller): an
    interval if :math:`\pi_d^2 > q V_{dd}`; else two rays, or the whole line.
    """
    v = found.covariance
    a = found.first**2 - bound * v[1, 1]
    b = -2 * (found.reduced * found.first - bound * v[0, 1])
    c = found.reduced**2 - bound * v[0, 0]
    discriminant = b**2 - 4 * a * c
    if a > 0:
        root = float(np.sqrt(max(discriminant, 0.0)))
        return Region("bounded", float((-b - root) / (2 * a)), float((-b + root) / (2 * a)))
    if discriminant <= 0 or a == 0:
        return Region("whole line", -np.inf, np.inf)
    root = float(np.sqrt(discriminant))
    return Region("two rays", float((-b + root) / (2 * a)), float((-b - root) / (2 * a)))


def left_out(values: Floats, regressors: Floats, group: Ints | None = None) -> Floats:
    r"""Fitted value of each row from the regression without it: :math:`((Hv)_i - h_i v_i)/(1 - h_i)`.

    Parameters
    ----------
    values : (n,) array
    regressors : (n, k) array
        They may depend on each other linearly.
    group : (n,) integer array, optional
        Coded 0..G-1, each of which occurs: an indicator for each among the regressors.

    Returns
    -------
    (n,) array
        NaN for rows that the regression fits whatever their value is (:math:`h_i = 1`).

    Notes
    -----
    With indicators, H is the mean of the group and the projection on regressors net of group means.
    """
    fitted, leverage = np.zeros(len(values)), np.zeros(len(values))
    size = np.sqrt(np.sum(regressors**2, axis=0))
    if group is not None:
        counts = np.bincount(group)
        fitted, leverage = (np.bincount(group, values) / counts)[group], 1 / counts[group]
        means = np.stack([np.bincount(group, column) for column in regressors.T], axis=1) / counts[:, None]
        regressors = regressors - means[group]
    own = np.sqrt(np.sum(regressors**2, axis=0))
    x = regressors[:, own > 1e-9 * size] / own[own > 1e-9 * size]
    inverse = np.linalg.pinv(x.T @ x, rcond=1e-10, hermitian=True)
    fitted = fitted + x @ (inverse @ (x.T @ values))
    leverage = leverage + np.sum((x @ inverse) * x, axis=1)
    alone = leverage > 1 - 1e-9
    return np.where(alone, np.nan, (fitted - leverage * values) / np.where(alone, 1.0, 1 - leverage))


def ujive(y: Floats, d: Floats, group: Ints, controls: Floats) -> Slope:
    r"""Unbiased jackknife instrumental variables, an indicator of each group the instruments (Kolesár 2013).

    Parameters
    ----------
    y, d : (n,) arrays
    group : (n,) integer array
        Coded 0..G-1, each of which occurs; errors are correlated within groups.
    controls : (n, k) array
        The constant among them.

    Notes
    -----
    :math:`\hat\beta = \sum_i p_i y_i / \sum_i p_i d_i` with
    :math:`p_i = \hat d_{-i}(z, w) - \hat d_{-i}(w)`, both fitted without row i; in the error each group's sum of
    :math:`p_i \hat\varepsilon_i` counts. Rows without a leave-out fit must have been left out before.
    """
    signal = left_out(d, controls, group) - left_out(d, controls)
    size = float(signal @ d)
    slope = float(signal @ y) / size
    error = residuals(y - slope * d, controls)
    return Slope(slope, _clustered(signal * error, group) / abs(size))


def _clustered(scores: Floats, cluster: Ints) -> float:
    """Root of the sum of squared cluster sums."""
    return float(np.sqrt(np.sum(np.bincount(cluster, scores) ** 2)))
