"""How much of an answer, or of an index, is there again. Arrays only."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bipstats.errors import ModelError

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class ThreeWaves:
    """Reliability told apart from change by three measurements (Heise 1969).

    Attributes
    ----------
    reliability : float
        Share of the variance that is not noise, the same at all three.
    stability : float
        Correlation of the true scores, first with third.
    n : int
    """

    reliability: float
    stability: float
    n: int


def heise(scores: Floats) -> ThreeWaves:
    r"""Reliability from three measurements of the same clients.

    Parameters
    ----------
    scores : (n, 3) array
        Complete.

    Returns
    -------
    ThreeWaves

    Raises
    ------
    ModelError
        Fewer than ten clients, or correlations that no reliability fits.

    Notes
    -----
    If true scores follow a first-order chain and noise is new at each measurement,
    :math:`\rho = r_{12} r_{23} / r_{13}` and the stability from first to third is
    :math:`r_{13}^2 / (r_{12} r_{23})`.

    References
    ----------
    Heise, D. (1969). Separating reliability and stability in test-retest correlation. *American Sociological Review*.
    """
    if len(scores) < 10:
        raise ModelError(
            f"three-wave reliability needs ten clients with three measurements; there are {len(scores):,}."
        )
    r = np.atleast_2d(np.corrcoef(scores, rowvar=False))
    chain = r[0, 1] * r[1, 2]
    if not (r[0, 2] > 0 and chain > 0 and chain <= r[0, 2]):
        raise ModelError(
            f"correlations of {r[0, 1]:.2f}, {r[1, 2]:.2f} and, first with third, {r[0, 2]:.2f} fit no "
            f"reliability between "
            "0 and 1."
        )
    return ThreeWaves(float(chain / r[0, 2]), float(r[0, 2] ** 2 / chain), len(scores))
