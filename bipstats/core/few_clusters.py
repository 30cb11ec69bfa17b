"""What a model offers to the methods for few clusters, and the jackknife over clusters."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bipstats.core.columns import Floats, Ints
from bipstats.core.cr2 import WorkingModel
from bipstats.errors import ModelError

Flags = NDArray[np.bool_]


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
        Rows to keep (n,) to the estimate on them; None where there is none.
    restricted : callable
        (row (p,), value, start (p,)) to the estimate under ``row @ params = value``; None where there is none.
    influence : callable
        (params, codes (n,)) to the (G, p) products of the inverse information and the groups' scores.
    """

    params: Floats
    transform: Floats
    working: Callable[[], WorkingModel]
    without: Callable[[Flags], Floats | None]
    restricted: Callable[[Floats, float, Floats], Floats | None]
    influence: Callable[[Floats, Ints], Floats]


def jackknife(refits: Refits, group: Ints, column: str) -> Floats:
    r"""Covariance by leaving out one cluster at a time, (p, p).

    Parameters
    ----------
    refits : Refits
    group : (n,) integer array
        Codes 0..G-1.
    column : str
        The clusters' column, for messages.

    Raises
    ------
    ModelError
        Without some cluster the model cannot be estimated.

    Notes
    -----
    :math:`V = \frac{G-1}{G} \sum_g (\hat\beta_{(g)} - \hat\beta)(\hat\beta_{(g)} - \hat\beta)'`, centred at the full
    estimate: CV3 of MacKinnon, Nielsen & Webb (2023).
    """
    n_clusters = int(group.max()) + 1
    fits = [refits.without(group != code) for code in range(n_clusters)]
    failed = sum(fit is None for fit in fits)
    if failed:
        raise ModelError(
            f"the jackknife leaves out one cluster of {column!r} at a time; without {failed:,} of the {n_clusters:,} "
            "a coefficient has no estimate (that cluster alone holds a level, or all variation, or all events of "
            "one).\n"
            f"  To look: tabulate the formula's levels and the outcome by {column!r}. Merge levels, leave the term "
            f"out, or use bip.score_bootstrap({column!r}), which needs no such fits."
        )
    gap = np.array(fits) - refits.params
    return (n_clusters - 1) / n_clusters * gap.T @ gap
