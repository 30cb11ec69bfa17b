"""Pairs of answers to the same item, and what a table of them says; every statistic is a function of the tables."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from bipstats.codebook import CLIENT_ITEMS
from bipstats.core.columns import Floats, Ints
from bipstats.core.resample import draws
from bipstats.progression.kappa import agreement_weights
from bipstats.timeline.answers import ITEMS
from bipstats.timeline.clock import Clock
from bipstats.timeline.rounds import Rounds

if TYPE_CHECKING:
    from bipstats.study.study import Study

LEVELS = 5
STATISTICS = (
    "exact agreement", "agreement within one step", "kappa", "kappa, linear", "kappa, quadratic", "ICC(1)", "ICC(A,1)",
    "ICC(C,1)", "bias", "lower limit of agreement", "upper limit of agreement",
)  # fmt: skip
SHARES = STATISTICS[:2]
_REACH = 1.959963984540054  # of the limits of agreement, 95 %


@dataclass(frozen=True, slots=True)
class Pairs:
    """Both raters' answers at the same measurement; m pairs of questionnaires, k items.

    Attributes
    ----------
    client : (m,) integer array
        Position in ``study.clients``.
    measurement : (m,) integer array
        Number of the measurement, from 1.
    week : (m,) integer array
        On the client's clock.
    first, second : (m, k) int8 arrays
        The client's and the caseworker's answers, 0 where there is none.
    items : tuple of str
    alone : int
        Measurements by one rater only, left out.
    """

    client: Ints
    measurement: Ints
    week: Ints
    first: NDArray[np.int8]
    second: NDArray[np.int8]
    items: tuple[str, ...]
    alone: int

    @classmethod
    def of(cls, study: Study, items: tuple[str, ...] = CLIENT_ITEMS, pair_weeks: int = 6) -> Pairs:
        """Read them from a study."""
        rounds = Rounds.of(study, Clock.of(study), pair_weeks)
        blocks = {
            rater: rounds.scores[rater][:, [ITEMS[rater].index(key) for key in items]]
            for rater in ("client", "caseworker")
        }
        both = blocks["client"].any(axis=1) & blocks["caseworker"].any(axis=1)
        return cls(
            rounds.client[both],
            rounds.number()[both],
            rounds.week[both],
            blocks["client"][both],
            blocks["caseworker"][both],
            items,
            int((~both).sum()),
        )

    @property
    def answered(self) -> NDArray[np.bool_]:
        """Items that both answered, (m, k)."""
        return (self.first > 0) & (self.second > 0)

    def difference(self) -> Floats:
        """Caseworker's answer less the client's, (m, k); NaN unless both answered."""
        return np.where(self.answered, self.second.astype(float) - self.first, np.nan)


def tables(first: NDArray[np.int8], second: NDArray[np.int8], group: Ints, size: int) -> Floats:
    """Count pairs of answers 1..5 by group, (size, 5, 5); pairs with a 0 are not counted."""
    kept = (first > 0) & (second > 0)
    cell = (first[kept].astype(np.int64) - 1) * LEVELS + second[kept] - 1
    counts = np.bincount(group[kept] * LEVELS**2 + cell, minlength=size * LEVELS**2)
    return counts.reshape(size, LEVELS, LEVELS).astype(float)


def statistics(counts: Floats) -> Floats:
    r"""All `STATISTICS` of tables of pairs, (..., 11); rows are the first rater's answers.

    Notes
    -----
    Kappas as in `weighted_kappa`. Two raters with means a and b, variances and covariance :math:`s_a^2, s_b^2, s_{ab}`
    of n pairs have the mean squares :math:`R = (s_a^2 + s_b^2) / 2 + s_{ab}`, :math:`E = (s_a^2 + s_b^2) / 2 - s_{ab}`,
    :math:`C = n (a - b)^2 / 2` and :math:`W = ((n - 1) E + C) / n`, from which the intraclass correlations follow. The
    limits of agreement are the bias plus and less 1.96 standard deviations of the differences (Bland & Altman 1986).
    """
    n = counts.sum(axis=(-2, -1))
    p = counts / n[..., None, None]
    row, column = p.sum(axis=-1), p.sum(axis=-2)
    score = np.arange(1.0, LEVELS + 1)
    apart = np.abs(np.subtract.outer(score, score))
    shares = [(p * (apart <= reach)).sum(axis=(-2, -1)) for reach in (0, 1)]
    kappas = []
    for name in ("none", "linear", "quadratic"):
        w = agreement_weights(LEVELS, name)  # type: ignore[arg-type]
        expected = np.einsum("...i,ij,...j->...", row, w, column)
        kappas.append(((p * w).sum(axis=(-2, -1)) - expected) / (1 - expected))
    a, b = row @ score, column @ score
    factor = n / (n - 1)
    covariance = factor * (np.einsum("...ij,i,j->...", p, score, score) - a * b)
    half = factor * (row @ score**2 - a**2 + column @ score**2 - b**2) / 2
    between, error, raters = half + covariance, half - covariance, n * (a - b) ** 2 / 2
    within = ((n - 1) * error + raters) / n
    iccs = [
        (between - within) / (between + within),
        (between - error) / (between + error + 2 * (raters - error) / n),
        (between - error) / (between + error),
    ]
    spread = np.sqrt(np.maximum(2 * error, 0.0))
    bias = b - a
    return np.stack([*shares, *kappas, *iccs, bias, bias - _REACH * spread, bias + _REACH * spread], axis=-1)


def jackknife_errors(parts: Floats) -> Floats:
    """Standard errors of the statistics of the sum of G tables, leaving out one at a time, (11,).

    Parameters
    ----------
    parts : (G, 5, 5) array
        Tables of the groups, e.g. of one client each.
    """
    parts = parts[parts.sum(axis=(1, 2)) > 0]
    size = len(parts)
    with np.errstate(invalid="ignore", divide="ignore"):
        left = statistics(parts.sum(axis=0) - parts)
    return np.sqrt((size - 1) / size * ((left - left.mean(axis=0)) ** 2).sum(axis=0))


def bootstrap(parts: Floats, n: int, rng: int | None, jobs: int | None, shown: bool | None) -> Floats:
    """Statistics of k items over draws of groups with replacement, (n, k, 11).

    Parameters
    ----------
    parts : (G, k, 5, 5) array
    """
    flat = parts.reshape(len(parts), -1)
    return np.stack(draws(_drawn, n, flat, parts.shape[1:], rng=rng, jobs=jobs, shown=shown, label="clients"))


def _drawn(rng: np.random.Generator, flat: Floats, shape: tuple[int, ...]) -> Floats:
    """Draw as many groups as there are; the sum of their tables is a product with how often each is drawn."""
    times = np.bincount(rng.integers(0, len(flat), len(flat)), minlength=len(flat)).astype(float)
    with np.errstate(invalid="ignore", divide="ignore"):
        return statistics((times @ flat).reshape(shape))


def suppressed(counts: Floats, fewest: int) -> pd.arrays.IntegerArray:
    """Counts with those from 1 to `fewest` - 1 missing; where that is one alone, the next smallest too."""
    whole = np.asarray(counts, dtype=np.int64)
    hidden = (whole > 0) & (whole < fewest)
    others = np.flatnonzero(whole >= fewest)
    if hidden.sum() == 1 and len(others):
        hidden[others[whole[others].argmin()]] = True
    return pd.arrays.IntegerArray(whole, hidden)
