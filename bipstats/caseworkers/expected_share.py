"""Share of clients who would enter if every caseworker had the same multiplier of the hazard."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from bipstats.caseworkers.exposure import QUARTER, Exposure
from bipstats.core.columns import Floats
from bipstats.models.hazard import hazard
from bipstats.models.kernels.binomial import mean
from bipstats.models.mixed_hazard import MixedHazardResult

_GRID = np.geomspace(0.02, 20.0, 60)


@dataclass(frozen=True, slots=True)
class ExpectedShare:
    """The share as a function of the multiplier, on a grid.

    Attributes
    ----------
    share : (60,) array
    """

    share: Floats

    def at(self, multiplier: Floats | float) -> Floats:
        """Share at multipliers; linear in the logarithm between the points of the grid."""
        inside = np.log(np.clip(multiplier, _GRID[0], _GRID[-1]))
        return np.interp(inside, np.log(_GRID), self.share)


def expected_share(found: Exposure, fit: MixedHazardResult, average: float) -> ExpectedShare:
    r"""Follow each client to the end of the data, other exits competing.

    Parameters
    ----------
    found : Exposure
    fit : MixedHazardResult
        Hazard of entry; with all multipliers at `average` it gives as many entries as there were.
    average : float

    Notes
    -----
    With cumulative hazards h of entry and k of other exits in a quarter,
    :math:`S (1 - e^{-(m h + k)})\, m h / (m h + k)`, S the probability of still being at risk at its start. Covariates
    are those brought along; a change of caseworker counts from the quarter in which it came. What is left of the
    difference between the model and the share that entered is taken off by one factor, so that a multiplier of one
    changes nothing.
    """
    grid = _client_quarters(found.spells)
    entry = average * _cumulative(mean(fit.fixed_predictor(grid), "cloglog"))
    other = _other_exits(found, grid)
    client = pd.factorize(grid["client"])[0]
    row, column = (
        client,
        (grid["period"] - grid.groupby("client", sort=False)["period"].transform("min")).to_numpy(),
    )
    shape = (int(client.max()) + 1, int(column.max()) + 1)
    h, k = np.zeros(shape), np.zeros(shape)
    h[row, column], k[row, column] = entry, other
    made = ExpectedShare(np.array([_incidence(m * h, k) for m in _GRID]))
    observed = found.spells["event"].sum() / shape[0]
    return ExpectedShare(np.minimum(made.share * observed / made.at(1.0), 1.0))


def _incidence(h: Floats, k: Floats) -> float:
    total = h + k
    survival = np.exp(total - np.cumsum(total, axis=1))
    part = np.divide(h, total, out=np.zeros_like(h), where=total > 0)
    return float((survival * part * -np.expm1(-total)).sum(axis=1).mean())


def _cumulative(hazard: Floats) -> Floats:
    return -np.log1p(-hazard)


def _client_quarters(rows: pd.DataFrame) -> pd.DataFrame:
    """Quarters of every client from the first time at risk to the end of the data, with their share at risk."""
    last = rows.drop_duplicates("client", keep="last")
    begin = rows.drop_duplicates("client")["start"].to_numpy()
    end = last["data_end"].to_numpy()
    first, count = begin // QUARTER, -(-end // QUARTER) - begin // QUARTER
    place = np.repeat(np.arange(len(last)), count)
    period = first[place] + np.arange(len(place)) - np.repeat(np.cumsum(count) - count, count)
    weeks = np.minimum(end[place], QUARTER * (period + 1)) - np.maximum(begin[place], QUARTER * period)
    changed = rows[rows["switched"] == 1].drop_duplicates("client").set_index("client")["start"]
    since = last["client"].map(changed).to_numpy(dtype=float)[place]
    grid = last.iloc[place].reset_index(drop=True)
    return grid.assign(
        period=period.astype(np.int32),
        exposure=weeks / QUARTER,
        switched=(QUARTER * period + QUARTER / 2 >= since).astype(np.int8),
    )


def _other_exits(found: Exposure, grid: pd.DataFrame) -> Floats:
    """Cumulative hazard of other exits in each quarter; zero where nobody left otherwise."""
    rows = found.spells
    left = ((rows["exit"] != "censored") & (rows["event"] == 0)).astype(np.int8)
    if not left.any():
        return np.zeros(len(grid))
    fit = hazard(found.formula, found.periods(left), exposure="exposure")
    return _cumulative(fit.predict(grid).to_numpy())
