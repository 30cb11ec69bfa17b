"""Columns net of fixed effects: residuals of a weighted projection on the levels of one or several factors."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from scipy.sparse.csgraph import connected_components

from bipstats.models.kernels.newton import Floats

Ints = NDArray[np.int64]
_TOLERANCE = 1e-13  # of a column's length, for what is left of its sums by level
_MAX_ITERATIONS = 20_000
_MAX_DENSE = 3_000


def incidence(codes: Sequence[Ints]) -> sparse.csr_array:
    """Indicators of the levels of factors coded 0..K_f-1, side by side, (n, K)."""
    sizes = np.array([int(code.max()) + 1 for code in codes])
    opening = np.cumsum(sizes) - sizes
    columns = np.column_stack([code + first for code, first in zip(codes, opening, strict=True)])
    n, n_factors = columns.shape
    pointer = np.arange(0, n * n_factors + 1, n_factors)
    return sparse.csr_array((np.ones(n * n_factors), columns.ravel(), pointer), shape=(n, int(sizes.sum())))


def demean(columns: Floats, codes: Sequence[Ints], weights: Floats) -> Floats:
    r"""Residuals of columns after the effects of every level of every factor are taken out.

    Parameters
    ----------
    columns : (n, c) array
    codes : sequence of (n,) integer arrays
        One a factor, 0..K_f-1; a level may have no rows.
    weights : (n,) array
        Positive weights.

    Returns
    -------
    (n, c) array
        Weighted sums by level are zero to 1e-13 of the column's length.

    Raises
    ------
    numpy.linalg.LinAlgError
        The effects hang together so loosely that the search does not get there.

    Notes
    -----
    The normal equations :math:`D'WD a = D'Wx` have the size of the levels, not of the rows, and are solved by
    conjugate gradients for all columns together, scaled by their diagonal: for one factor that is the exact
    mean at the first step. What is left by rounding is taken out once more.
    """
    levels = incidence(codes)
    weighted = sparse.csr_array(levels.multiply(weights[:, None]))
    cross = sparse.csr_array(levels.T @ weighted)
    target = _TOLERANCE * np.sqrt(weights @ columns**2)
    for _ in range(2):
        columns = columns - levels @ _solve(cross, weighted.T @ columns, target)
    return columns


def _solve(cross: sparse.csr_array, right: Floats, target: Floats) -> Floats:
    """Conjugate gradients with one step length a column; stops at residuals of size `target` (c,)."""
    diagonal = cross.diagonal()[:, None]
    inverse = np.divide(1.0, diagonal, out=np.zeros_like(diagonal), where=diagonal > 0)
    solution, residual = np.zeros_like(right), right.copy()
    direction = inverse * residual
    size = (residual * direction).sum(axis=0)
    for _ in range(_MAX_ITERATIONS):
        going = np.sqrt(size) > target
        if not going.any():
            return solution
        image = cross @ direction
        length = (direction * image).sum(axis=0)
        step = np.divide(size, length, out=np.zeros_like(size), where=going & (length > 0))
        solution += step * direction
        residual -= step * image
        scaled = inverse * residual
        before, size = size, (residual * scaled).sum(axis=0)
        ratio = np.divide(size, before, out=np.zeros_like(size), where=going & (before > 0))
        direction = scaled + ratio * direction
    raise np.linalg.LinAlgError("the effects could not be taken out: the search did not converge")


def effects_rank(codes: Sequence[Ints]) -> int:
    """Number of independent effects among the levels of the factors.

    One factor: its levels. Two: levels less connected sets of them (Abowd, Creecy & Kramarz 2002). More: the rank of
    the others net of the largest, by their eigenvalues.

    Raises
    ------
    numpy.linalg.LinAlgError
        Three factors or more with over 3,000 levels besides the largest's.
    """
    sizes = [int(code.max()) + 1 for code in codes]
    levels = incidence(codes)
    if len(codes) == 1:
        return sizes[0]
    cross = sparse.csr_array(levels.T @ levels)
    if len(codes) == 2:
        return int(sum(sizes) - connected_components(cross, directed=False)[0])
    largest = int(np.argmax(sizes))
    own = np.zeros(sum(sizes), bool)
    own[sum(sizes[:largest]) : sum(sizes[: largest + 1])] = True
    if (~own).sum() > _MAX_DENSE:
        raise np.linalg.LinAlgError("three factors or more with too many levels to count independent effects")
    between = cross[own][:, ~own].toarray()
    rest = cross[~own][:, ~own].toarray() - between.T @ (between / cross.diagonal()[own][:, None])
    scale = np.sqrt(cross.diagonal()[~own])
    values = np.linalg.eigvalsh(rest / np.outer(scale, scale))
    return sizes[largest] + int((values > 1e-9).sum())
