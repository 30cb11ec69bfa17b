"""Correlations of the normal variables that ordered answers are cut from.

Two steps (Olsson 1979): cuts from each item's own shares, then one correlation for each pair by maximum likelihood.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize_scalar
from scipy.special import ndtr, ndtri

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

_NODES, _WEIGHTS = np.polynomial.legendre.leggauss(40)
_LEAST = 1e-300
_MOST = 0.9999


def polychoric(first: Ints, second: Ints) -> float:
    r"""Correlation of two items.

    Parameters
    ----------
    first, second : (n,) integer arrays
        Codes 0, 1, ... of ordered levels, each of which occurs; two levels or more.

    Notes
    -----
    Maximises :math:`\sum_{ij} n_{ij} \log \pi_{ij}(\rho)` with the cell probabilities of a bivariate normal law cut at
    :math:`\Phi^{-1}` of the cumulative shares.

    References
    ----------
    Olsson, U. (1979). Maximum likelihood estimation of the polychoric correlation coefficient. *Psychometrika*.
    """
    rows, columns = int(first.max()) + 1, int(second.max()) + 1
    counts = np.bincount(first * columns + second, minlength=rows * columns).reshape(rows, columns)
    a, b = (_cuts(counts.sum(axis=axis)) for axis in (1, 0))

    def negative(rho: float) -> float:
        corners = np.pad(normal_orthant(a[:, None], b[None, :], rho), ((1, 0), (1, 0)))
        cells = np.diff(np.diff(corners, axis=0), axis=1)
        return -float((counts * np.log(np.maximum(cells, _LEAST))).sum())

    return float(
        minimize_scalar(negative, bounds=(-_MOST, _MOST), method="bounded", options={"xatol": 1e-10}).x
    )


def _cuts(counts: Ints) -> Floats:
    """Upper end of each level; the last is infinite."""
    share = np.cumsum(counts) / counts.sum()
    share[-1] = 1.0
    return np.asarray(ndtri(share))


def normal_orthant(a: Floats, b: Floats, rho: float) -> Floats:
    r"""P(X <= a, Y <= b) of a standard bivariate normal law; ends may be infinite.

    Notes
    -----
    :math:`\Phi(a)\Phi(b) + \frac{1}{2\pi}\int_0^{\arcsin\rho} \exp\{-(a^2 + b^2 - 2ab\sin t)/(2\cos^2 t)\}\,dt`
    (Plackett 1954) by 40 Gauss-Legendre nodes: to 1e-10 for correlations up to 0.95 in size.
    """
    a, b = np.broadcast_arrays(a, b)
    base = ndtr(a) * ndtr(b)
    inside = np.isfinite(a) & np.isfinite(b)
    x, y = np.where(inside, a, 0.0)[..., None], np.where(inside, b, 0.0)[..., None]
    half = np.arcsin(rho) / 2
    angle = half * (_NODES + 1)
    exponent = -(x**2 + y**2 - 2 * x * y * np.sin(angle)) / (2 * np.cos(angle) ** 2)
    integral = half * (np.exp(exponent) @ _WEIGHTS) / (2 * np.pi)
    return np.asarray(np.where(inside, base + integral, base))


def polychoric_matrix(answers: Ints) -> Floats:
    """All pairs, (k, k); every column is coded 0, 1, ... without gaps."""
    k = answers.shape[1]
    matrix = np.eye(k)
    for i in range(k):
        for j in range(i):
            matrix[i, j] = matrix[j, i] = polychoric(answers[:, i], answers[:, j])
    return matrix
