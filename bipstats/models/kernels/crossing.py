r"""Grouping factors of the rows, and the matrix that their effects have for precision: an arrow.

With effects of standard deviation one, :math:`H = I + \Lambda Z'WZ\Lambda`. Groups of one factor share no row, so
the block of the factor with the most groups is diagonal and is eliminated,

.. math:: H = \begin{pmatrix} D & B \\ B' & C \end{pmatrix}, \qquad S = C - B'D^{-1}B,

and what remains is dense in the groups of all other factors. Nothing needs rows: sums by cell, a combination of
groups that occurs, are enough.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from scipy.linalg import cho_solve, solve_triangular
from scipy.linalg.lapack import dpotri

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
_AT_ONCE = 4_000_000  # numbers of a dense block
_DENSE = 2e7  # a cross-tabulation beyond this stays sparse however full it is
_SPARSE_COST = 20  # a product of sparse matrices against a dense one, by multiplication


@dataclass(frozen=True, slots=True)
class Crossing:
    """Groups of n rows by K factors, in descending order of their numbers of groups.

    Attributes
    ----------
    sizes : tuple of int
        Groups by factor, q in all; the first factor has n_0.
    cell : (n,) integer array
        Combination of groups of each row, 0..N-1.
    members : (K, N) integer array
        Place of each factor's group among all q effects, by cell.
    by_effect : (q, n) sparse matrix
        One at (effect, row).
    pair : ((K - 1) N,) integer array
        Place of (group of the first factor, group of another) in the cross-tabulation, by other factor and cell.
    columns, starts : integer arrays
        Of the cross-tabulation, compressed by row.
    dense : bool
        Whether the cross-tabulation is kept dense.
    """

    sizes: tuple[int, ...]
    cell: Ints
    members: Ints
    by_effect: sparse.csr_array
    pair: Ints
    columns: Ints
    starts: Ints
    dense: bool

    @property
    def slices(self) -> list[slice]:
        """Places of each factor's effects."""
        ends = np.cumsum(self.sizes)
        return [slice(int(end - size), int(end)) for end, size in zip(ends, self.sizes, strict=True)]

    def spread(self, sd: Floats) -> Floats:
        """Standard deviations (K,) by effect, (q,)."""
        return np.repeat(sd, self.sizes)

    def by_cell(self, values: Floats) -> Floats:
        """Sum values (n,) by cell, (N,)."""
        return sums(self.cell, values, self.members.shape[1])

    def of_effects(self, by_cell: Floats) -> Floats:
        """Sum values (N,) by effect, (q,)."""
        q = sum(self.sizes)
        return sum((sums(own, by_cell, q) for own in self.members), np.zeros(q))

    def by_row(self, effects: Floats) -> Floats:
        """Sum effects (q,) over the groups of each row, (n,)."""
        return sum((effects[own] for own in self.members[1:]), effects[self.members[0]])[self.cell]


def sums(places: Ints, values: Floats, size: int) -> Floats:
    """Sum values by place, (size,)."""
    return np.bincount(places, values, size).astype(np.float64, copy=False)


def cross(factors: Sequence[Ints]) -> Crossing:
    """Find the cells of factors coded 0..G-1, given in descending order of G."""
    sizes = tuple(int(codes.max()) + 1 for codes in factors)
    n, n_factors, cell = len(factors[0]), len(factors), factors[0]
    for size, codes in zip(sizes[1:], factors[1:], strict=True):
        cell = np.unique(cell * size + codes, return_inverse=True)[1]
    first = np.empty(int(cell.max()) + 1, np.int64)
    first[cell] = np.arange(n)
    members = np.array([codes[first] for codes in factors]) + np.cumsum((0, *sizes[:-1]))[:, None]
    places = members[:, cell].ravel()
    by_effect = sparse.csr_array(
        (np.ones(n * n_factors), (places, np.tile(np.arange(n), n_factors))), shape=(sum(sizes), n)
    )
    n_others = max(sum(sizes[1:]), 1)
    keys = (members[:1] * n_others + members[1:] - sizes[0]).ravel()
    known, pair = np.unique(keys, return_inverse=True)
    each = np.bincount(known // n_others, minlength=sizes[0])
    starts = np.concatenate([[0], np.cumsum(each)])
    full = sizes[0] * n_others < _DENSE and sizes[0] * n_others**2 < _SPARSE_COST * (each**2).sum()
    return Crossing(sizes, cell, members, by_effect, pair, known % n_others, starts, bool(full))


@dataclass(frozen=True, slots=True)
class Arrow:
    """A positive definite matrix H, factorised.

    Attributes
    ----------
    diagonal : (n_0,) array
        D.
    cross : (n_0, m) array or sparse matrix
        B.
    factor : (m, m) array
        Lower Cholesky factor of the Schur complement S.
    """

    diagonal: Floats
    cross: Floats | sparse.csr_array
    factor: Floats

    @property
    def logdet(self) -> float:
        """Logarithm of the determinant."""
        return float(np.log(self.diagonal).sum() + 2 * np.log(np.diag(self.factor)).sum())

    def solve(self, right: Floats) -> Floats:
        """H^-1 times a vector (q,) or matrix (q, k)."""
        n_first = len(self.diagonal)
        divisor = self.diagonal if right.ndim == 1 else self.diagonal[:, None]
        own, rest = right[:n_first], right[n_first:]
        if not len(rest):
            return own / divisor
        rest = cho_solve((self.factor, True), rest - self.cross.T @ (own / divisor), check_finite=False)
        return np.concatenate([(own - self.cross @ rest) / divisor, rest])

    def draw(self, normal: Floats) -> Floats:
        """Normal vectors (m, k) to ones with the covariance that H^-1 gives to the effects not eliminated."""
        return solve_triangular(self.factor.T, normal) if len(normal) else normal


def arrow(weight: Floats, sd: Floats, crossing: Crossing) -> Arrow:
    """Factorise I + ΛZ'WZΛ for weights summed by cell, (N,), and standard deviations (K,)."""
    n_first, q = crossing.sizes[0], sum(crossing.sizes)
    spread = crossing.spread(sd)
    own = 1.0 + spread**2 * crossing.of_effects(weight)
    if q == n_first:
        return Arrow(own, np.empty((n_first, 0)), np.empty((0, 0)))
    block = _cross_block(weight, spread, crossing)
    schur = _between_others(weight, spread, crossing)
    schur[np.diag_indices(q - n_first)] = own[n_first:]
    if isinstance(block, sparse.csr_array):
        schur -= (block.T @ _scaled(block, 1 / own[:n_first])).toarray()
    else:
        schur -= block.T @ (block / own[:n_first, None])
    return Arrow(own[:n_first], block, np.linalg.cholesky(schur).astype(np.float64, copy=False))


def _cross_block(weight: Floats, spread: Floats, crossing: Crossing) -> Floats | sparse.csr_array:
    """B."""
    n_first, n_others = crossing.sizes[0], sum(crossing.sizes[1:])
    data = sums(crossing.pair, np.tile(weight, len(crossing.sizes) - 1), len(crossing.columns))
    row = np.repeat(np.arange(n_first), np.diff(crossing.starts))
    data *= spread[row] * spread[n_first + crossing.columns]
    if not crossing.dense:
        return sparse.csr_array((data, crossing.columns, crossing.starts), shape=(n_first, n_others))
    block = np.zeros((n_first, n_others))
    block[row, crossing.columns] = data
    return block


def _between_others(weight: Floats, spread: Floats, crossing: Crossing) -> Floats:
    """C without its diagonal: the factors that are not eliminated, two at a time."""
    n_first, n_others = crossing.sizes[0], sum(crossing.sizes[1:])
    block = np.zeros((n_others, n_others))
    others = crossing.members[1:] - n_first
    for k, second in enumerate(others):
        for first in others[:k]:
            key = first * n_others + second
            block += np.bincount(key, weight, n_others**2).reshape(n_others, n_others)
    if len(others) > 1:
        block *= np.outer(spread[n_first:], spread[n_first:])
        block += block.T
    return block


def _scaled(matrix: sparse.csr_array, by_row: Floats) -> sparse.csr_array:
    return sparse.csr_array(
        (matrix.data * np.repeat(by_row, np.diff(matrix.indptr)), matrix.indices, matrix.indptr), matrix.shape
    )


@dataclass(frozen=True, slots=True)
class Inverse:
    """Elements of H^-1 that belong to cells.

    Attributes
    ----------
    diagonal : (q,) array
    with_sum : (K, N) array
        For each factor and cell: the elements of H^-1 of the factor's group with the cell's groups, weighted by the
        standard deviations and summed; this is the covariance of its effect and the cell's sum of effects.
    """

    diagonal: Floats
    with_sum: Floats


def inverse_at_cells(found: Arrow, sd: Floats, crossing: Crossing) -> Inverse:
    """Elements of H^-1, without forming it."""
    members, n_first = crossing.members, crossing.sizes[0]
    own = 1 / found.diagonal
    if len(crossing.sizes) == 1:
        return Inverse(own, sd * own[members])
    schur = _inverse_of(found.factor)
    row = np.repeat(np.arange(n_first), np.diff(crossing.starts))
    picked = (
        _product_at(found.cross, schur, row, crossing.columns) * own[row]
    )  # minus the cross block of H^-1
    cross_data = (
        found.cross.data if isinstance(found.cross, sparse.csr_array) else found.cross[row, crossing.columns]
    )
    first = own + np.bincount(row, picked * cross_data, n_first) * own
    diagonal = np.concatenate([first, np.diag(schur)])
    with_sum = diagonal[members] * sd[:, None]
    others = members[1:] - n_first
    between = -picked[crossing.pair].reshape(others.shape)
    with_sum[0] += sd[1:] @ between
    with_sum[1:] += between * sd[0]
    for k, second in enumerate(others):
        for j, other in enumerate(others[:k]):
            shared = schur[other, second]
            with_sum[1 + j] += shared * sd[1 + k]
            with_sum[1 + k] += shared * sd[1 + j]
    return Inverse(diagonal, with_sum)


def _inverse_of(factor: Floats) -> Floats:
    """Inverse of the matrix with a lower Cholesky factor."""
    lower, _ = dpotri(factor, lower=1)
    return np.tril(lower) + np.tril(lower, -1).T


def _product_at(left: Floats | sparse.csr_array, right: Floats, row: Ints, column: Ints) -> Floats:
    """Elements (row, column) of a product, by blocks of rows; `row` ascends."""
    n, step = left.shape[0], max(1, _AT_ONCE // max(right.shape[1], 1))
    parts = []
    for low in range(0, n, step):
        here = slice(*np.searchsorted(row, [low, low + step]))
        parts.append((left[low : low + step] @ right)[row[here] - low, column[here]])
    return np.concatenate(parts)
