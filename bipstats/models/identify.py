"""Before and after a fit: can these coefficients be estimated from these rows?"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from scipy.linalg import qr

from bipstats.core.columns import listed
from bipstats.errors import ModelError
from bipstats.models.kernels.newton import Evaluation

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
    """Centre and scale, and refuse columns that the data cannot tell apart.

    Parameters
    ----------
    x : (n, p) array
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
    centre = x.mean(axis=0)
    scale = np.sqrt(((x - centre) ** 2).mean(axis=0))
    constant = scale <= 1e-10 * np.abs(centre)
    working = (x - centre) / np.where(constant, 1.0, scale)
    own = _demeaned(working, group)
    spread = np.sqrt((own**2).mean(axis=0))
    constant |= spread < 1e-9
    if constant.any():
        listing = listed([names[j] for j in np.flatnonzero(constant)])
        where = f" within every {within}" if group.any() else ""
        raise ModelError(
            f"no variation{where} in {listing} among the rows used; leave it out of the formula."
        )
    _check_rank(own / spread, names)
    return Standardised(working, centre, scale)


def _demeaned(x: Floats, group: Ints) -> Floats:
    n_groups = int(group.max(initial=0)) + 1
    if n_groups == 1:
        return x - x.mean(axis=0)
    incidence = sparse.csr_array(
        (np.ones(len(group)), (group, np.arange(len(group)))), shape=(n_groups, len(group))
    )
    size = np.maximum(incidence.sum(axis=1), 1.0)[:, None]  # a group may have no rows left
    return x - ((incidence @ x) / size)[group]


def _check_rank(x: Floats, names: tuple[str, ...]) -> None:
    """Look at the p x p correlations first; decompose the rows only if they look suspicious."""
    correlation = x.T @ x / len(x)
    if np.linalg.eigvalsh(correlation)[:1].sum() > _SUSPICIOUS:
        return
    _, triangle, order = qr(x, mode="economic", pivoting=True)
    pivots = np.abs(np.diag(triangle))
    rank = int((pivots > _RANK_TOLERANCE * pivots[0]).sum())
    if rank == x.shape[1]:
        return
    sentences = []
    for column in order[rank:]:
        weights = np.linalg.lstsq(x[:, order[:rank]], x[:, column], rcond=None)[0]
        partners = [names[j] for j, weight in zip(order[:rank], weights, strict=True) if abs(weight) > 1e-6]
        sentences.append(
            f"{names[column]} is a linear combination of {', '.join(partners) or 'the intercept'}"
        )
    raise ModelError("collinear columns: " + "; ".join(sentences) + ". Leave one of each out of the formula.")


def require_same_fit(at: Evaluation, loglik: float) -> None:
    """Refuse data on which a fit's log-likelihood and zero score do not recur."""
    size = np.sqrt(np.diag(at.information))
    if not (np.isclose(at.loglik, loglik, rtol=1e-9) and np.all(np.abs(at.gradient) <= 1e-5 * size)):
        raise ModelError(
            "these are not the data of the fit: its log-likelihood and score do not recur on them. "
            "Give the same rows, unchanged."
        )
