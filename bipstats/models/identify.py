"""Before and after a fit: can these coefficients be estimated from these rows?"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import qr

from bipstats.core.columns import listed
from bipstats.errors import ModelError
from bipstats.models.kernels.cox import sum_by
from bipstats.models.kernels.newton import Evaluation
from bipstats.threads import one_thread

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

_RANK_TOLERANCE = 1e-7  # as R's lm: a column is dependent if less than this share of its norm is its own
_SUSPICIOUS = 1e-8  # smallest pivot of the correlation matrix that needs no closer look


@dataclass(frozen=True, slots=True)
class Standardised:
    """Covariates centred and scaled, so that the search sees numbers of the size of one.

    Attributes
    ----------
    x : (n, p) array
    centre, scale : (p,) arrays
    """

    x: Floats
    centre: Floats
    scale: Floats


def standardise(x: Floats, names: tuple[str, ...], group: Ints, within: str) -> Standardised:
    """Centre and scale in place, and refuse columns that the data cannot tell apart.

    Parameters
    ----------
    x : (n, p) array
        Overwritten: a second matrix of this size is what a register study has no memory for.
    names : tuple of str
    group : (n,) integer array
        Groups with a level of their own (strata, periods; zeros for one intercept or baseline).
    within : str
        What the groups are called, for the message.

    Raises
    ------
    ModelError
        A column is constant within every group, or a linear combination of others.
    """
    centre, scale, constant = scale_in_place(x, names)
    where = f" within every {within}" if group.any() else ""
    cross = cross_product(x) - between(x, group)
    refuse_dependent(cross, lambda columns: _demeaned(x[:, columns], group), len(x), names, constant, where)
    return Standardised(x, centre, scale)


def scale_in_place(x: Floats, names: tuple[str, ...]) -> tuple[Floats, Floats, NDArray[np.bool_]]:
    """Centre and scale the columns of `x`; give the centres, the scales and which columns are constant, (p,) each.

    Raises
    ------
    ModelError
        The numbers in a column are too large, or vary too little for their size, to compute with.
    """
    centre, scale = moments(x)
    constant = constant_columns(names, centre, scale, lambda j: bool(x[:, j].min() < x[:, j].max()))
    centre_and_scale(x, centre, np.where(constant, 1.0, scale))
    return centre, scale, constant


def constant_columns(
    names: tuple[str, ...], centre: Floats, scale: Floats, varies: Callable[[int], bool]
) -> NDArray[np.bool_]:
    """Columns that are constant, by their moments, (p,); numbers that cannot be computed with raise.

    Parameters
    ----------
    names : tuple of str
    centre, scale : (p,) arrays
        Means and standard deviations.
    varies : callable
        Whether a column has more than one value.
    """
    large = [name for name, size in zip(names, scale, strict=True) if not np.isfinite(size)]
    if large:
        raise ModelError(f"the numbers in {listed(large)} are too large to be squared; use a larger unit.")
    constant = scale <= 1e-10 * np.abs(centre)
    faint = [names[j] for j in np.flatnonzero(constant) if varies(int(j))]
    if faint:
        raise ModelError(
            f"{listed(faint)} varies by less than 1e-10 of its size, too little to compute with; subtract a constant "
            "from it, or use a smaller unit."
        )
    return constant


def centre_and_scale(x: Floats, centre: Floats, scale: Floats) -> None:
    """Subtract centres from the columns and divide by scales, in place."""
    factor = 1.0 / scale
    for rows in _chunks(len(x)):
        chunk = x[rows]
        chunk -= centre
        chunk *= factor


def cross_product(x: Floats) -> Floats:
    """X'X, (p, p)."""
    with one_thread():  # products of chunks are too short to be shared
        return np.asarray(sum((x[rows].T @ x[rows] for rows in _chunks(len(x))), np.zeros((x.shape[1],) * 2)))


def refuse_dependent(
    cross: Floats,
    own: Callable[[Ints], Floats],
    n: int,
    names: tuple[str, ...],
    constant: NDArray[np.bool_],
    where: str,
) -> None:
    """Refuse columns without variation of their own, and linear combinations.

    Parameters
    ----------
    cross : (p, p) array
        Cross-product of the n scaled rows, less what groups explain.
    own : callable
        Places of columns to those columns themselves, less what groups explain.
    n : int
    names : tuple of str
    constant : (p,) boolean array
        Columns known to be constant already.
    where : str
        Words for the message: ``" within every stratum"``.
    """
    spread = np.sqrt(np.maximum(np.diag(cross), 0.0) / n)
    for j in np.flatnonzero(spread < 1e-3):  # the difference of two large sums: look at the column itself
        spread[j] = np.sqrt((own(np.array([j])) ** 2).mean())
    flat = constant | (spread < 1e-9)
    if flat.any():
        listing = listed([names[j] for j in np.flatnonzero(flat)])
        raise ModelError(
            f"no variation{where} in {listing} among the rows used; leave it out of the formula."
        )
    correlation = cross / n / np.outer(spread, spread)
    _check_rank(correlation, lambda: own(np.arange(len(names))) / spread, names)


def _chunks(n: int) -> Iterator[slice]:
    """Blocks of rows that stay in the cache."""
    return (slice(low, low + 2048) for low in range(0, n, 2048))


def moments(x: Floats) -> tuple[Floats, Floats]:
    """Means and standard deviations in one pass (Chan, Golub & LeVeque 1983), whatever the size of the means."""
    seen, mean, squares = 0, np.zeros(x.shape[1]), np.zeros(x.shape[1])
    with np.errstate(over="ignore", invalid="ignore"):
        for rows in _chunks(len(x)):
            chunk = x[rows]
            ones = np.ones(len(chunk))  # sums down the columns as products: twice as fast
            own = ones @ chunk / len(chunk)
            around = chunk - own
            around *= around
            apart, total = own - mean, seen + len(chunk)
            squares += ones @ around + apart**2 * (seen * len(chunk) / total)
            mean += apart * (len(chunk) / total)
            seen = total
    return mean, np.sqrt(squares / max(seen, 1))


def _group_means(x: Floats, group: Ints) -> tuple[Floats, Ints]:
    size = np.bincount(group)
    return sum_by(np.ones(len(group)), group, len(size), x) / np.maximum(size, 1)[:, None], size


def between(x: Floats, group: Ints) -> Floats:
    """What the groups' means contribute to the cross-product of `x`, (p, p)."""
    means, size = _group_means(x, group)
    return (means.T * size) @ means


def _demeaned(x: Floats, group: Ints) -> Floats:
    return x - _group_means(x, group)[0][group]


def _check_rank(correlation: Floats, rows: Callable[[], Floats], names: tuple[str, ...]) -> None:
    """Look at the p x p correlations first; decompose the rows only if they look suspicious."""
    if np.linalg.eigvalsh(correlation)[:1].sum() > _SUSPICIOUS:
        return
    own = rows()
    _, triangle, order = qr(own, mode="economic", pivoting=True)
    pivots = np.abs(np.diag(triangle))
    rank = int((pivots > _RANK_TOLERANCE * pivots[0]).sum())
    if rank == own.shape[1]:
        return
    sentences = []
    for column in order[rank:]:
        weights = np.linalg.lstsq(own[:, order[:rank]], own[:, column], rcond=None)[0]
        partners = [names[j] for j, weight in zip(order[:rank], weights, strict=True) if abs(weight) > 1e-6]
        sentences.append(
            f"{names[column]} is a linear combination of {', '.join(partners) or 'the intercept'}"
        )
    raise ModelError("collinear columns: " + "; ".join(sentences) + ". Leave one of each out of the formula.")


_OTHER_DATA = (
    "these are not the data of the fit: its log-likelihood and score do not recur on them. "
    "Give the same rows, unchanged."
)


def require_same_fit(at: Evaluation, loglik: float) -> None:
    """Refuse data on which a fit's log-likelihood and zero score do not recur."""
    size = np.sqrt(np.diag(at.information))
    if not (np.isclose(at.loglik, loglik, rtol=1e-9) and np.all(np.abs(at.gradient) <= 1e-5 * size)):
        raise ModelError(_OTHER_DATA)


def require_same_maximum(at: Evaluation, loglik: float, moved: Floats) -> None:
    """Refuse data on which a search ends elsewhere; `moved` is by how many standard errors, by parameter."""
    if not (np.isclose(at.loglik, loglik, rtol=1e-9) and np.all(np.abs(moved) <= 1e-5)):
        raise ModelError(_OTHER_DATA)
