r"""Caseworkers' outlook: first answers net of the clients' characteristics, how much is signal, and shrinkage.

First answer of caseworker c on client i: :math:`y_{ic} = x_i'\beta + \mu_{j(c)} + \theta_c + \varepsilon_{ic}` with job
centre j. :math:`\beta` comes from within caseworkers, so that it is not what sets caseworkers apart. The variances are
those of the one-way layout, and the outlook of a mean of m answers is
:math:`\lambda_m \bar e`, :math:`\lambda_m = \sigma_\theta^2/(\sigma_\theta^2 + \sigma_\varepsilon^2/m)`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from bipstats.caseworkers.first_answers import Earlier, FirstAnswers
from bipstats.core.columns import Floats, Ints

Netting = Literal["background", "background and answers"]
NETTINGS: tuple[Netting, ...] = ("background", "background and answers")


@dataclass(frozen=True, slots=True)
class Net:
    """First answers net of characteristics and of the job centre.

    Attributes
    ----------
    residual : (n,) array
    slopes : (p,) array
    signal, noise : float
        Variances of the caseworkers' outlook and of a single answer around it; the first is at least 0.
    means : (m,) array
        Residuals' means by caseworker.
    counts : (m,) integer array
    """

    residual: Floats
    slopes: Floats
    signal: float
    noise: float
    means: Floats
    counts: Ints

    def shrinkage(self, count: Ints) -> Floats:
        """Reliability of a mean of `count` answers: the share of its variance that is signal."""
        if not self.signal:
            return np.zeros(len(count))
        return self.signal * count / (self.signal * count + self.noise)

    def scores(self, before: Earlier) -> Floats:
        """Shrunken outlook on earlier others by assignment, NaN where there are none."""
        mean, reliability = self.means_before(before)
        return mean * reliability

    def means_before(self, before: Earlier) -> tuple[Floats, Floats]:
        """Mean over earlier others and its reliability, by assignment; NaN where there are none."""
        mean = before.means(self.residual)
        return mean, np.where(np.isnan(mean), np.nan, self.shrinkage(before.count))


@dataclass(frozen=True, slots=True)
class Layout:
    """First answers and characteristics, ready to be netted with any weights of the caseworkers.

    Attributes
    ----------
    x : (n, p) array
    y : (n,) array
    caseworker, centre : (n,) integer arrays
    home : (m,) integer array
        Centre of each caseworker.
    counts : (m,) integer array
    inside : (n, p) array
        Characteristics net of the caseworkers' means.
    """

    x: Floats
    y: Floats
    caseworker: Ints
    centre: Ints
    home: Ints
    counts: Ints
    inside: Floats

    @classmethod
    def of(cls, x: Floats, y: Floats, caseworker: Ints, centre: Ints) -> Layout:
        """Prepare; caseworkers are coded 0..m-1 and lie in one centre each."""
        m = int(caseworker.max()) + 1
        counts = np.bincount(caseworker, minlength=m)
        home = np.zeros(m, dtype=np.int64)
        home[caseworker] = centre
        inside = x - by_group(x, caseworker, m)[caseworker] / counts[caseworker, None]
        return cls(x, y, caseworker, centre, home, counts, inside)

    @classmethod
    def for_netting(cls, answers: FirstAnswers, netting: Netting) -> Layout:
        """Take the characteristics of a netting."""
        x = answers.x if netting == NETTINGS[1] else answers.x[:, : answers.n_background]
        return cls.of(x, answers.belief, answers.caseworker, answers.centre)


def by_group(x: Floats, group: Ints, n_groups: int) -> Floats:
    """Column sums by group, (n_groups, p)."""
    return np.stack([np.bincount(group, column, n_groups) for column in x.T], axis=1)


def group_totals(group: Ints, values: Floats, n_groups: int) -> Floats:
    """Sums by group, (n_groups,)."""
    return np.bincount(group, values, n_groups).astype(float)


def net(layout: Layout, weight: Floats | None = None) -> Net:
    """Net the answers, and split what is left into signal and noise.

    Parameters
    ----------
    layout : Layout
    weight : (m,) array, optional
        Of each caseworker, for a bootstrap.
    """
    weight = np.ones(len(layout.counts)) if weight is None else weight
    heavy = layout.inside * weight[layout.caseworker, None]
    solution, _, rank, _ = np.linalg.lstsq(heavy.T @ layout.inside, heavy.T @ layout.y, rcond=1e-10)
    slopes = np.asarray(solution, dtype=float)
    left = layout.y - layout.x @ slopes
    m, n = len(weight), layout.counts.astype(float)
    n_centres = int(layout.home.max()) + 1
    mass = group_totals(layout.home, weight * n, n_centres)
    totals = group_totals(layout.caseworker, left, m)
    level = group_totals(layout.home, weight * totals, n_centres) / np.where(mass > 0, mass, 1.0)
    residual = left - level[layout.centre]
    means = totals / n - level[layout.home]
    inside = group_totals(layout.caseworker, residual**2, m) - n * means**2
    df = float(weight @ (n - 1)) - rank * float(weight.mean())
    noise = float(weight @ inside) / df
    signal = _signal(weight * n, n, means, layout.home, mass, noise)
    return Net(residual, slopes, signal, noise, means, layout.counts)


def _signal(mass: Floats, n: Floats, means: Floats, home: Ints, total: Floats, noise: float) -> float:
    r"""Variance of the outlook within job centres, from the spread of means; 0 where noise explains all of it.

    Notes
    -----
    :math:`E \sum_c w_c n_c (\bar e_c - \bar e_j)^2 = \sum_c (w_c n_c - (w_c n_c)^2/M_j) v_c`,
    :math:`v_c = \sigma_\theta^2 + \sigma_\varepsilon^2/n_c`.
    """
    share = np.where(total[home] > 0, mass / np.where(total[home] > 0, total[home], 1.0), 0.0)
    factor = mass * (1 - share)
    if factor.sum() <= 0:
        return 0.0
    return max(0.0, float((mass @ means**2 - noise * (factor / n).sum()) / factor.sum()))
