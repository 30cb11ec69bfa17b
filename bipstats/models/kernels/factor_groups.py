"""One common factor in several groups, with loadings and intercepts free or held equal.

Maximum likelihood under normality. In group g: mean ν + λα, covariance Σ = φλλ' + diag(ψ); the first group's factor has
mean 0 and variance 1.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize

Floats = NDArray[np.float64]
Equal = Literal["nothing", "loadings", "loadings and intercepts"]


@dataclass(frozen=True, slots=True)
class Moments:
    """What a group's answers say.

    Attributes
    ----------
    n : int
    mean : (k,) array
    covariance : (k, k) array
        Divided by n.
    """

    n: int
    mean: Floats
    covariance: Floats

    @classmethod
    def of(cls, answers: Floats) -> Moments:
        """Moments of complete answers, (n, k)."""
        return cls(len(answers), answers.mean(axis=0), np.cov(answers, rowvar=False, bias=True))


@dataclass(frozen=True, slots=True)
class GroupFactor:
    """A fit.

    Attributes
    ----------
    loadings, intercepts, unique : (G, k) arrays
    factor_mean, factor_variance : (G,) arrays
    chi_squared : float
        Against free means and covariances in every group.
    df : int
    srmr : float
        Root mean square of the residuals of means and covariances, in standard deviations; mean over groups by size.
    """

    loadings: Floats
    intercepts: Floats
    unique: Floats
    factor_mean: Floats
    factor_variance: Floats
    chi_squared: float
    df: int
    srmr: float


def fit_groups(groups: list[Moments], equal: Equal) -> GroupFactor:
    r"""Fit one factor to several groups.

    Parameters
    ----------
    groups : list of Moments
        One or more, positive definite.
    equal : {"nothing", "loadings", "loadings and intercepts"}
        Held equal over the groups (configural, metric and scalar invariance).

    Notes
    -----
    Minimises :math:`\sum_g n_g [\log|\Sigma_g| + \operatorname{tr}(S_g \Sigma_g^{-1}) - \log|S_g| - k +
    d_g'\Sigma_g^{-1} d_g]`, :math:`d_g = \bar x_g - \nu_g - \lambda_g\alpha_g`. With :math:`A = \Sigma^{-1} -
    \Sigma^{-1}(S + dd')\Sigma^{-1}` the derivatives are :math:`2\phi A\lambda - 2\alpha\Sigma^{-1}d` in λ,
    :math:`A_{ii}` in :math:`\psi_i`, :math:`\lambda'A\lambda` in φ, :math:`-2\Sigma^{-1}d` in ν and
    :math:`-2\lambda'\Sigma^{-1}d` in α.

    References
    ----------
    Jöreskog, K. (1971). Simultaneous factor analysis in several populations. *Psychometrika*.
    """
    count, k = len(groups), len(groups[0].mean)
    layout = _Layout(count, k, equal)
    total = sum(group.n for group in groups)

    def value(params: Floats) -> tuple[float, Floats]:
        loadings, intercepts, unique, mean, variance = layout.unpack(params)
        size: float = 0.0
        slope: list[Floats] = [np.zeros_like(part) for part in (loadings, intercepts, unique, mean, variance)]
        for g, group in enumerate(groups):
            one, parts = _group(group, loadings[g], intercepts[g], unique[g], mean[g], variance[g])
            share = group.n / total
            size += share * one
            for whole, part in zip(slope, parts, strict=True):
                whole[g] += share * np.asarray(part)
        slope[2] *= unique  # parameters are logarithms of variances
        slope[4] *= variance
        return size, layout.pack_slope(*slope)

    found = minimize(
        value, layout.start(groups), jac=True, method="BFGS", options={"gtol": 1e-9, "maxiter": 5000}
    )
    loadings, intercepts, unique, mean, variance = layout.unpack(found.x)
    sign = np.where(loadings[:1].sum() >= 0, 1.0, -1.0)
    srmr = _srmr(groups, loadings, intercepts, unique, mean, variance)
    df = count * (k * (k + 1) // 2 + k) - len(found.x)
    return GroupFactor(
        loadings * sign, intercepts, unique, mean * sign, variance, float(total * value(found.x)[0]), df, srmr
    )


@dataclass(frozen=True, slots=True)
class _Layout:
    """Which parameters there are, and where they stand."""

    count: int
    k: int
    equal: Equal

    @property
    def _sizes(self) -> tuple[int, int, int, int, int]:
        """Numbers of loadings, intercepts, log unique variances, factor means, log factor variances."""
        g, k, more = self.count, self.k, self.count - 1
        same, level = self.equal != "nothing", self.equal == "loadings and intercepts"
        return (k if same else g * k, k if level else g * k, g * k, more if level else 0, more if same else 0)

    def unpack(self, params: Floats) -> tuple[Floats, Floats, Floats, Floats, Floats]:
        """Parameters by group."""
        loadings, intercepts, unique, mean, variance = np.split(params, np.cumsum(self._sizes)[:-1])
        shape = (self.count, self.k)
        return (
            np.array(np.broadcast_to(loadings.reshape(-1, self.k), shape)),
            np.array(np.broadcast_to(intercepts.reshape(-1, self.k), shape)),
            np.exp(unique).reshape(shape),
            np.concatenate([[0.0], mean]) if len(mean) else np.zeros(self.count),
            np.concatenate([[1.0], np.exp(variance)]) if len(variance) else np.ones(self.count),
        )

    def pack_slope(
        self, loadings: Floats, intercepts: Floats, unique: Floats, mean: Floats, variance: Floats
    ) -> Floats:
        """Derivatives by group to those of the parameters."""
        sizes = self._sizes
        return np.concatenate(
            [
                loadings.sum(axis=0) if sizes[0] == self.k else loadings.ravel(),
                intercepts.sum(axis=0) if sizes[1] == self.k else intercepts.ravel(),
                unique.ravel(),
                mean[1:] if sizes[3] else np.empty(0),
                variance[1:] if sizes[4] else np.empty(0),
            ]
        )

    def start(self, groups: list[Moments]) -> Floats:
        """Loadings of half the variance, the rest unique."""
        sizes = self._sizes
        spread = np.array([np.sqrt(np.diag(group.covariance)) for group in groups])
        level = np.array([group.mean for group in groups])
        return np.concatenate(
            [
                0.7 * (spread.mean(axis=0) if sizes[0] == self.k else spread.ravel()),
                level.mean(axis=0) if sizes[1] == self.k else level.ravel(),
                np.log(0.5 * spread**2).ravel(),
                np.zeros(sizes[3]),
                np.zeros(sizes[4]),
            ]
        )


def _group(
    group: Moments, loadings: Floats, intercepts: Floats, unique: Floats, mean: float, variance: float
) -> tuple[float, tuple[Floats, Floats, Floats, float, float]]:
    """Discrepancy of a group and its derivatives."""
    implied = variance * np.outer(loadings, loadings) + np.diag(unique)
    inverse = np.linalg.inv(implied)
    gap = group.mean - intercepts - loadings * mean
    pulled = inverse @ gap
    middle = inverse - inverse @ (group.covariance + np.outer(gap, gap)) @ inverse
    logs = np.linalg.slogdet(implied)[1] - np.linalg.slogdet(group.covariance)[1]
    value = logs + float(np.sum(group.covariance * inverse)) - len(gap) + float(gap @ pulled)
    slope = middle @ loadings
    return float(value), (
        2 * variance * slope - 2 * mean * pulled,
        -2 * pulled,
        np.diag(middle).copy(),
        float(-2 * loadings @ pulled),
        float(loadings @ slope),
    )


def independence(groups: list[Moments]) -> tuple[float, int]:
    """Chi-squared and degrees of freedom of items without correlation: what CFI compares with."""
    chi_squared = sum(
        group.n * (np.log(np.diag(group.covariance)).sum() - np.linalg.slogdet(group.covariance)[1])
        for group in groups
    )
    k = len(groups[0].mean)
    return float(chi_squared), len(groups) * k * (k - 1) // 2


def _srmr(
    groups: list[Moments],
    loadings: Floats,
    intercepts: Floats,
    unique: Floats,
    mean: Floats,
    variance: Floats,
) -> float:
    total = sum(group.n for group in groups)
    found = 0.0
    for g, group in enumerate(groups):
        spread = np.sqrt(np.diag(group.covariance))
        implied = variance[g] * np.outer(loadings[g], loadings[g]) + np.diag(unique[g])
        gap = ((group.covariance - implied) / np.outer(spread, spread))[np.tril_indices(len(spread))]
        level = (group.mean - intercepts[g] - loadings[g] * mean[g]) / spread
        found += group.n / total * np.sqrt((np.sum(gap**2) + np.sum(level**2)) / (len(gap) + len(level)))
    return float(found)
