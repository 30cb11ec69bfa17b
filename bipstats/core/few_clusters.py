"""What a model offers to the methods for few clusters, and the jackknife over clusters."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import eigh

from bipstats.core.columns import Floats, Ints
from bipstats.core.cr2 import WorkingModel
from bipstats.errors import ModelError

Flags = NDArray[np.bool_]
_UNTOLD = 1e-10  # share of the information that is left; an error then grows by 1e5


@dataclass(frozen=True, slots=True, eq=False)
class Refit:
    """An estimate on part of the rows.

    Attributes
    ----------
    params : (p,) array
    untold : (p, q) array
        Directions of which these rows say nothing (a level that none of them has), of unit length in the
        information of all rows; q is mostly zero.
    """

    params: Floats
    untold: Floats


def told_apart(part: Floats, whole: Floats) -> tuple[Floats, Floats]:
    """Directions of which part of the rows tells something, (p, r), and nothing, (p, q), given informations.

    Raises
    ------
    numpy.linalg.LinAlgError
        The information of all rows is not positive definite.
    """
    shares, directions = eigh(part, whole)
    nothing = np.abs(shares) < _UNTOLD
    return directions[:, ~nothing], directions[:, nothing]


@dataclass(frozen=True, slots=True, eq=False)
class Refits:
    """A fit that can be made again in part; all in the working parameters.

    Attributes
    ----------
    params : (p,) array
        The estimate.
    transform : (k, p) array
        Maps working to reported parameters.
    working : callable
        Gives the `WorkingModel`, or raises `ModelError` where the model has none.
    without : callable
        Rows to keep (n,) to the `Refit` on them; None where there is none.
    restricted : callable
        (row (p,), value, start (p,)) to the estimate under ``row @ params = value``; None where there is none.
    influence : callable
        (params, codes (n,)) to the (G, p) products of the inverse information and the groups' scores.
    """

    params: Floats
    transform: Floats
    working: Callable[[], WorkingModel]
    without: Callable[[Flags], Refit | None]
    restricted: Callable[[Floats, float, Floats], Floats | None]
    influence: Callable[[Floats, Ints], Floats]


def jackknife(refits: Refits, group: Ints, column: str, bread: Floats) -> tuple[Floats, Flags]:
    r"""Covariance by leaving out one cluster at a time.

    Parameters
    ----------
    refits : Refits
    group : (n,) integer array
        Codes 0..G-1.
    column : str
        The clusters' column, for messages.
    bread : (p, p) array
        Inverse information of all rows.

    Returns
    -------
    matrix : (p, p) array
        In working parameters.
    lost : (k,) boolean array
        Reported parameters that have no estimate without some cluster (the effect of a level that only one
        cluster has), and so no variance.

    Raises
    ------
    ModelError
        Without some cluster the model cannot be estimated.

    Notes
    -----
    :math:`V = \frac{G-1}{G} \sum_g (\hat\beta_{(g)} - \hat\beta)(\hat\beta_{(g)} - \hat\beta)'`, centred at the full
    estimate: CV3 of MacKinnon, Nielsen & Webb (2023), who leave lost effects out as well.
    """
    n_clusters = int(group.max()) + 1
    found = [refits.without(group != code) for code in range(n_clusters)]
    fits = [fit for fit in found if fit is not None]
    untold = np.hstack([refits.transform @ fit.untold for fit in fits]) if fits else np.empty((0, 0))
    error = np.sqrt(np.diag(refits.transform @ bread @ refits.transform.T))
    lost: Flags = np.ones(len(error), bool)
    if fits:
        lost = np.asarray((np.abs(untold) > 1e-5 * error[:, None]).any(axis=1), bool)
    if len(fits) < n_clusters or lost.all():
        failed = n_clusters - sum(not fit.untold.size for fit in fits)
        raise ModelError(
            f"the jackknife leaves out one cluster of {column!r} at a time; without {failed:,} of the {n_clusters:,} "
            "a coefficient has no estimate (that cluster alone holds all variation, or all events of a level).\n"
            f"  To look: tabulate the formula's levels and the outcome by {column!r}. Merge levels, leave the term "
            f"out, or use bip.score_bootstrap({column!r}), which needs no such fits."
        )
    gap = np.array([fit.params for fit in fits]) - refits.params
    return (n_clusters - 1) / n_clusters * gap.T @ gap, lost
