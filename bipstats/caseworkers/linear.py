"""The linear version: probability of entry per quarter with an effect for each caseworker."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from bipstats.caseworkers.spread import Spread, about
from bipstats.core.columns import Floats, Ints
from bipstats.core.design import fit_design
from bipstats.models.kernels.leave_out import LeaveOut, UnitProblem, leave_out


@dataclass(frozen=True, slots=True)
class LinearEffects:
    """Effects of caseworkers relative to the mean probability of entry per quarter.

    Attributes
    ----------
    effect : (m,) array
        Against the mean of the job centre; NaN for caseworkers with one client, whom no fit without that client knows.
    spread : Spread
        Their relative variance by leave-out.
    left_out : int
        Caseworkers with one client.
    """

    effect: Floats
    spread: Spread
    left_out: int


def linear_effects(
    periods: pd.DataFrame, terms: tuple[str, ...], names: pd.Index, centre: Ints, level: float
) -> LinearEffects:
    """Regress entry on client, quarter and caseworker, and leave clients out one by one.

    Parameters
    ----------
    periods : pandas.DataFrame
        Person-quarters.
    terms : tuple of str
        Adjusters.
    names : (m,) pandas.Index
        Caseworkers.
    centre : (m,) integer array
        Job centre of each.
    level : float
    """
    caseworker = names.get_indexer(pd.Index(periods["caseworker"]))
    client = pd.factorize(periods["client"])[0]
    pairs = np.unique(np.stack([caseworker, client]), axis=1)[0]
    several = np.bincount(pairs, minlength=len(names)) > 1
    kept = several[caseworker]
    rows = periods[kept]
    known = np.flatnonzero(several)
    exposure = rows["exposure"].to_numpy(dtype=float)
    x = _varying(fit_design(" + ".join([*terms, "C(period)"]), rows)[1])
    y = rows["event"].to_numpy(dtype=float) / exposure
    problem = UnitProblem(
        y, exposure, x, np.searchsorted(known, caseworker[kept]), client[kept], _recoded(centre[known])
    )
    found: LeaveOut = leave_out(problem)
    level_of_all = float(np.average(y, weights=exposure))
    effect = np.full(len(names), np.nan)
    effect[known] = found.effect / level_of_all
    scale = level_of_all**2
    spread = about(found.variance / scale, found.std_error / scale, level)
    return LinearEffects(effect, spread, int((~several).sum()))


def _varying(x: Floats) -> Floats:
    """Columns that vary, standardised."""
    sd = x.std(axis=0)
    return (x - x.mean(axis=0))[:, sd > 0] / sd[sd > 0]


def _recoded(codes: Ints) -> Ints:
    return np.asarray(np.unique(codes, return_inverse=True)[1], dtype=np.int64)
