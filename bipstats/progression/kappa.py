"""Agreement of two raters on ordered levels: arrays in, numbers out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike
from scipy import stats

from bipstats.core.columns import Floats, Ints
from bipstats.core.estimates import check_level
from bipstats.errors import ModelError, check_option

Weights = Literal["none", "linear", "quadratic"]
WEIGHTS: tuple[Weights, ...] = ("none", "linear", "quadratic")


@dataclass(frozen=True, slots=True)
class Kappa:
    """Cohen's kappa.

    Attributes
    ----------
    estimate, std_error : float
    std_error_null : float
        Were the raters independent; for the test of no agreement beyond chance.
    conf_low, conf_high : float
    observed, expected : float
        Weighted agreement, and that of independent raters with the same marginals.
    n : int
        Pairs.

    Examples
    --------
    >>> import bipstats as bip
    >>> kappa = bip.progression.weighted_kappa([1, 2, 3, 4, 5, 5], [1, 2, 2, 4, 5, 4])
    >>> round(kappa.estimate, 3), kappa.n
    (0.923, 6)
    """

    estimate: float
    std_error: float
    std_error_null: float
    conf_low: float
    conf_high: float
    observed: float
    expected: float
    n: int


def weighted_kappa(
    a: ArrayLike,
    b: ArrayLike,
    *,
    weights: Weights = "quadratic",
    levels: tuple[int, ...] | None = None,
    clusters: ArrayLike | None = None,
    level: float = 0.95,
) -> Kappa:
    r"""Estimate Cohen's kappa of two raters' answers to the same questions.

    Parameters
    ----------
    a, b : (n,) arrays of whole numbers
        Answers of the two raters, pair by pair; none missing.
    weights : {"none", "linear", "quadratic"}
        How near answers count as agreement.
    levels : tuple of int, optional
        The scale in order, e.g. ``(1, 2, 3, 4, 5)``; every whole number from the smallest to the largest answer if not
        given.
    clusters : (n,) array, optional
        Whom each pair is about, where a person occurs in several pairs.
    level : float, default 0.95

    Returns
    -------
    Kappa

    Raises
    ------
    ModelError
        Arrays of unequal length, empty, with missing values or levels outside the scale; or raters who both use one
        and the same level only, so that there is no agreement by chance to compare with.
    OptionError

    Notes
    -----
    With shares :math:`p_{ij}` of the pairs, weights :math:`w_{ij} = 1 - |i - j|^e / (L - 1)^e` (e = 1, 2),
    :math:`p_o = \sum w_{ij} p_{ij}` and :math:`p_e = \sum w_{ij} p_{i\cdot} p_{\cdot j}`,
    :math:`\kappa = (p_o - p_e) / (1 - p_e)`. With :math:`g_{ij} = w_{ij} - (\bar w_{i\cdot} + \bar w_{\cdot j})
    (1 - \kappa)`, the variance is that of g over the pairs by :math:`n (1 - p_e)^2` (Fleiss, Cohen & Everitt
    1969); with clusters the squared sums of :math:`g - \bar g` over each of them.

    References
    ----------
    Cohen, J. (1968). Weighted kappa. *Psychological Bulletin*.
    Fleiss, J., Cohen, J. & Everitt, B. (1969). Large sample standard errors of kappa and weighted kappa. *Psychological
    Bulletin*.

    Examples
    --------
    >>> from bipstats.progression import weighted_kappa
    >>> round(weighted_kappa([1, 2, 3, 3], [1, 2, 3, 2]).estimate, 3)
    0.8
    """
    check_option("weights", weights, WEIGHTS)
    check_level(level)
    first, second, scale = _codes(a, b, levels)
    n = len(first)
    w = agreement_weights(len(scale), weights)
    p = np.bincount(first * len(scale) + second, minlength=len(scale) ** 2).reshape(w.shape) / n
    row, column = p.sum(axis=1), p.sum(axis=0)
    observed, expected = float((w * p).sum()), float(row @ w @ column)
    if 1 - expected < 1e-12:
        raise ModelError(
            f"both raters gave one and the same answer in all {n:,} pairs: kappa compares with agreement by chance, "
            "which is complete."
        )
    kappa = (observed - expected) / (1 - expected)
    marginal = (w @ column)[:, None] + (row @ w)[None, :]
    g = (w - marginal * (1 - kappa))[first, second]
    parts = (g - g.mean()) / (n * (1 - expected))
    if clusters is not None:
        parts = np.bincount(_cluster_codes(clusters, n), parts)
    error = float(np.sqrt((parts**2).sum()))
    null = np.sqrt(max(row @ (w - marginal) ** 2 @ column - expected**2, 0.0) / n) / (1 - expected)
    half = float(stats.norm.ppf(0.5 + level / 2)) * error
    return Kappa(kappa, error, float(null), kappa - half, kappa + half, observed, expected, n)


def agreement_weights(size: int, weights: Weights) -> Floats:
    """Weights of agreement between levels, (size, size): one on the diagonal."""
    apart = np.abs(np.subtract.outer(np.arange(size), np.arange(size))).astype(float)
    if weights == "none" or size == 1:
        return (apart == 0).astype(float)
    return 1 - (apart / (size - 1)) ** (1 if weights == "linear" else 2)


def _codes(a: ArrayLike, b: ArrayLike, levels: tuple[int, ...] | None) -> tuple[Ints, Ints, Ints]:
    """Positions of the answers on the scale."""
    first, second = np.asarray(a, dtype=float), np.asarray(b, dtype=float)
    if first.ndim != 1 or first.shape != second.shape or not len(first):
        raise ModelError(
            f"a and b are answers pair by pair; received shapes {first.shape} and {second.shape}."
        )
    missing = int((np.isnan(first) | np.isnan(second)).sum())
    if missing:
        raise ModelError(f"{missing:,} of {len(first):,} pairs lack an answer; leave them out.")
    both = np.concatenate([first, second])
    if (both != np.round(both)).any():
        raise ModelError("answers are whole numbers; weights of agreement need ordered levels.")
    scale = np.arange(both.min(), both.max() + 1) if levels is None else np.asarray(levels, dtype=float)
    outside = ~np.isin(both, scale)
    if outside.any():
        raise ModelError(f"{int(outside.sum()):,} answers are not on the scale {tuple(scale.astype(int))}.")
    return np.searchsorted(scale, first), np.searchsorted(scale, second), scale.astype(np.int64)


def _cluster_codes(clusters: ArrayLike, n: int) -> Ints:
    codes = np.unique(np.asarray(clusters), return_inverse=True)[1]
    if len(codes) != n:
        raise ModelError(f"clusters has {len(codes):,} values for {n:,} pairs.")
    return codes
