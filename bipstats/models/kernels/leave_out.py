r"""Variance of the effects of units, net of noise, by leaving blocks out (Kline, Saggio & Sølvsten 2020).

Rows i of unit c(i) with covariates: :math:`y_i = \theta_{c(i)} + x_i'\beta + \varepsilon_i`, weighted by :math:`w_i`.
Errors may have any variance, and be correlated within blocks (the rows of a person). The plug-in variance
:math:`\hat\theta'A\hat\theta` is too large by :math:`\sum_b \mathrm{tr}(B_{bb} V_b)`; with
:math:`\hat V_b = y_b (y_b - Z_b\hat\gamma_{-b})'` from the fit without block b the difference has no bias at all.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class UnitProblem:
    """A linear regression with an effect for each unit.

    Attributes
    ----------
    y, weight : (n,) arrays
    x : (n, p) array
        Of full rank within units.
    unit : (n,) integer array
        0..m-1, each with rows of two blocks or more.
    block : (n,) integer array
        Rows that are left out together.
    group : (m,) integer array
        Units are compared within groups 0..G-1.
    """

    y: Floats
    weight: Floats
    x: Floats
    unit: Ints
    block: Ints
    group: Ints


@dataclass(frozen=True, slots=True)
class LeaveOut:
    """Effects of units and their variance.

    Attributes
    ----------
    effect : (m,) array
        Less the mean of the unit's group, weighted as the rows are.
    weight : (m,) array
        Sum of the rows' weights.
    variance : float
        Of the effects within groups, weighted; below zero by chance where they hardly differ.
    plug_in : float
        The same of the estimated effects: variance and noise.
    std_error : float
        Of the variance, units taken as drawn independently.
    """

    effect: Floats
    weight: Floats
    variance: float
    plug_in: float
    std_error: float


@dataclass(frozen=True, slots=True)
class _Fit:
    """Least squares with the units' effects eliminated."""

    total: Floats  # (m,) weight of each unit
    of_group: Floats  # (m,) weight of its group
    mean: Floats  # (m, p) covariates of the unit, less their mean in its group
    within: Floats  # (n, p) covariates less the unit's mean
    inverse: Floats  # (p, p)
    effect: Floats  # (m,)
    residual: Floats  # (n,)


def leave_out(problem: UnitProblem) -> LeaveOut:
    """Variance of the units' effects without the noise of their estimates."""
    fit = _solve(problem)
    share = fit.total / fit.total.sum()
    noise = np.bincount(problem.unit, _noise(problem, fit), len(share))
    own = share * fit.effect**2
    variance = float((own - noise).sum())
    error = float(np.sqrt((((own - noise) - share * variance) ** 2).sum()))
    return LeaveOut(fit.effect, fit.total, variance, float(own.sum()), error)


def _solve(problem: UnitProblem) -> _Fit:
    unit, weight, group, m = problem.unit, problem.weight, problem.group, len(problem.group)
    total: Floats = np.bincount(unit, weight, m).astype(float)
    of_group: Floats = np.bincount(group, total)[group].astype(float)

    def means(values: Floats) -> Floats:
        return np.asarray(np.bincount(unit, weight * values, m) / total, dtype=float)

    def from_group(values: Floats) -> Floats:
        return values - np.bincount(group, total * values)[group] / of_group

    p = problem.x.shape[1]
    x_mean = np.stack([means(problem.x[:, k]) for k in range(p)], axis=1) if p else np.zeros((m, 0))
    y_mean = means(problem.y)
    within, y_within = problem.x - x_mean[unit], problem.y - y_mean[unit]
    inverse: Floats = np.linalg.inv((within * weight[:, None]).T @ within).astype(float)
    slope = inverse @ (within.T @ (weight * y_within))
    centred = np.stack([from_group(x_mean[:, k]) for k in range(p)], axis=1) if p else x_mean
    effect = from_group(y_mean - x_mean @ slope)
    return _Fit(total, of_group, centred, within, inverse, effect, y_within - within @ slope)


def _noise(problem: UnitProblem, fit: _Fit) -> Floats:
    """Each row's part of the variance that noise adds to the plug-in, (n,); blocks of one size at once."""
    order = np.argsort(problem.block, kind="stable")
    _, begin, size = np.unique(problem.block[order], return_index=True, return_counts=True)
    level = float(np.average(problem.y, weights=problem.weight))
    part = np.zeros(len(order))
    for rows_each in np.unique(size):
        rows = order[begin[size == rows_each][:, None] + np.arange(rows_each)]
        hat, spread = _blocks(rows, problem, fit)
        root = np.sqrt(problem.weight[rows])
        left_out = np.linalg.solve(np.eye(rows_each) - hat, (root * fit.residual[rows])[..., None])
        part[rows] = root * (problem.y[rows] - level) * (spread @ left_out)[..., 0]
    return part


def _blocks(rows: Ints, problem: UnitProblem, fit: _Fit) -> tuple[Floats, Floats]:
    """Blocks of the hat matrix and of B, (blocks, s, s) each, for rows (blocks, s)."""
    unit, group = problem.unit[rows], problem.group[problem.unit[rows]]
    same = unit[:, :, None] == unit[:, None, :]
    near = group[:, :, None] == group[:, None, :]
    root = np.sqrt(problem.weight[rows])
    scale, everything = root[:, :, None] * root[:, None, :], fit.total.sum()
    x = fit.within[rows]
    leverage = x @ fit.inverse
    hat = scale * (same / fit.total[unit][:, :, None] + leverage @ np.swapaxes(x, 1, 2))
    cross = fit.mean[unit] @ np.swapaxes(leverage, 1, 2) / everything
    between = (fit.mean * (fit.total / everything)[:, None]).T @ fit.mean
    spread = same / fit.total[unit][:, :, None] - near / fit.of_group[unit][:, :, None]
    spread = spread / everything - cross - np.swapaxes(cross, 1, 2)
    spread += leverage @ between @ np.swapaxes(leverage, 1, 2)
    return hat, scale * spread
