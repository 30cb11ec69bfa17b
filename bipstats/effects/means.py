"""Averages over rows of what a fit predicts, and their gradients in the fit's parameters."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.special import expit

from bipstats.core.columns import Floats
from bipstats.core.result import Link, Result
from bipstats.effects.scales import Scale, compare
from bipstats.errors import ModelError

_AT_ONCE = 65_536  # rows


@dataclass(frozen=True, slots=True)
class Average:
    """An average over rows.

    Attributes
    ----------
    value : float
    gradient : (p,) array
        Its derivative in the parameters.
    """

    value: float
    gradient: Floats


def mean_and_slope(eta: Floats, link: Link) -> tuple[Floats, Floats]:
    """Mean of each row at its linear predictor, and the derivative of the mean: (n,) each."""
    if link == "identity":
        return eta, np.ones_like(eta)
    if link == "logit":
        mean = expit(eta)
        return mean, mean * (1 - mean)
    hazard = np.exp(np.minimum(eta, 700.0))
    return -np.expm1(-hazard), hazard * np.exp(-hazard)


def average(fit: Result, link: Link, data: pd.DataFrame) -> Average:
    """Average prediction over the rows of `data`."""
    value, gradient = 0.0, np.zeros(len(fit.estimates.names))
    for low in range(0, len(data), _AT_ONCE):
        rows = fit.linear(data.iloc[low : low + _AT_ONCE])
        mean, slope = mean_and_slope(rows.matrix @ fit.estimates.values + rows.offset, link)
        value += float(mean.sum())
        gradient += slope @ rows.matrix
    return Average(value / len(data), gradient / len(data))


def compared(fit: Result, scale: Scale, low: pd.DataFrame, high: pd.DataFrame) -> Average:
    r"""Compare the average predictions for two frames; ratios as logarithms.

    Notes
    -----
    With :math:`\mu(\theta) = n^{-1} \sum_i g(z_i'\theta)`, the gradient is :math:`n^{-1} \sum_i g'(z_i'\theta) z_i`.
    """
    if scale == "hazard_ratio":
        return _log_hazard_ratio(fit, low, high)
    link = fit.link
    assert link is not None
    before, after = average(fit, link, low), average(fit, link, high)
    if scale != "difference" and not (0 < before.value < 1 and 0 < after.value < 1):
        raise ModelError(
            f"the average prediction is {before.value:g} before and {after.value:g} after the change; a ratio needs "
            'both strictly between 0 and 1. Use scale="difference".'
        )
    found = compare(scale, before.value, after.value)
    return Average(found.value, found.gradient(before.gradient, after.gradient))


def _log_hazard_ratio(fit: Result, low: pd.DataFrame, high: pd.DataFrame) -> Average:
    """Average logarithm of the rows' hazard ratios; baseline, offset and exposure cancel."""
    step = fit.design.matrix(high).mean(axis=0) - fit.design.matrix(low).mean(axis=0)
    gradient = np.zeros(len(fit.estimates.names))
    gradient[len(gradient) - len(step) :] = step
    return Average(float(gradient @ fit.estimates.values), gradient)
