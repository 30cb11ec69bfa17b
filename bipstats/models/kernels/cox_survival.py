"""Cumulative hazard of a Cox fit along covariates that may change, with its variance."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from bipstats.models.kernels.newton import Floats


@dataclass(frozen=True, slots=True)
class CumulativeHazard:
    """A cumulative hazard after each of its event times.

    Attributes
    ----------
    value, std_error : (d,) arrays
    """

    value: Floats
    std_error: Floats


def cumulative_hazard(
    increment: Floats, variance: Floats, mean: Floats, relative: Floats, x: Floats, covariance: Floats
) -> CumulativeHazard:
    r"""Add up the hazard along covariates.

    Parameters
    ----------
    increment, variance, mean : (d,), (d,), (d, p) arrays
        Baseline increments at the event times passed, in order; their variances at fixed coefficients; means of
        the covariates over the risk sets.
    relative : (d,) array
        Hazard at each time relative to the baseline.
    x : (d, p) array
        Covariates at each time, from the same origin as `mean`.
    covariance : (p, p) array
        Of the coefficients.

    Notes
    -----
    With :math:`r_d = \exp(x_d'\beta)`, :math:`H = \sum r_d \Delta_d` has the variance
    :math:`\sum r_d^2 v_d + q' V q`, :math:`q = \sum r_d \Delta_d (x_d - \bar x_d)` being its derivative in the
    coefficients (Tsiatis 1981; Andersen & Gill 1982).
    """
    step = relative * increment
    slope = np.cumsum(step[:, None] * (x - mean), axis=0)
    spread = np.cumsum(relative**2 * variance) + np.einsum("di,ij,dj->d", slope, covariance, slope)
    return CumulativeHazard(np.cumsum(step), np.sqrt(spread))
