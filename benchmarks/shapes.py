"""Data of the study's own shape for the benchmarks: quarterly counting-process rows with delayed entry."""

from __future__ import annotations

import numpy as np
import pandas as pd

PERSONS, COVARIATES = 4_000, 25


def quarterly(seed: int = 1) -> pd.DataFrame:
    """About 37,000 rows of 4,000 persons, 25 covariates that change by quarter, about 600 events, ties in weeks.

    A fifth of the persons enter late. Columns: client, caseworker, start, stop, event, x1..x25.
    """
    draw = np.random.default_rng(seed)
    entry = np.where(draw.random(PERSONS) < 0.2, draw.integers(1, 60, PERSONS), 0)
    rows_each = draw.integers(5, 16, PERSONS)
    client = np.repeat(np.arange(PERSONS), rows_each)
    quarter = np.arange(len(client)) - np.repeat(np.cumsum(rows_each) - rows_each, rows_each)
    start = entry[client] + 13 * quarter
    fixed = draw.normal(size=(PERSONS, 15))[client]
    moving = draw.integers(1, 6, (len(client), 10)).astype(float)
    x = np.column_stack([moving, fixed])
    log_hazard = -9.0 + x @ np.r_[np.full(5, 0.15), np.zeros(5), np.full(5, 0.2), np.zeros(10)]
    week = np.ceil(draw.exponential(np.exp(-log_hazard)))
    happens = week <= 13
    gone = pd.Series(happens).groupby(client).cumsum().to_numpy() - happens
    at_risk = gone == 0
    frame = pd.DataFrame(x, columns=[f"x{k}" for k in range(1, COVARIATES + 1)])
    frame.insert(0, "event", happens.astype(int))
    frame.insert(0, "stop", start + np.where(happens, week, 13).astype(int))
    frame.insert(0, "start", start)
    frame.insert(0, "caseworker", draw.integers(0, 300, PERSONS)[client])
    frame.insert(0, "client", client)
    return frame[at_risk].reset_index(drop=True)
