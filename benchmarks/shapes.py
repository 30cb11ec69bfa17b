"""Data of the study's own shapes: 4,000 persons, 300 caseworkers, 25 covariates, ties in weeks, late entry.

``Q`` has a row per person and quarter, ``QF`` the same with caseworkers who differ (a standard deviation of .5 on the
log hazard), ``W`` is Q in weeks (equal rows repeat about 13 times), ``W10`` ten times the persons of W. The covariates
of a person are constant within a quarter. ``QR`` is Q with an outcome that recurs and differs between persons and
caseworkers; ``S`` and ``I`` are clients crossed with caseworkers at random, with four covariates: 316 x 24 in 7,500
rows, and 2,972 x 1,128 in 73,000 rows, the size of lme4's InstEval.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd

PERSONS, COVARIATES = 4_000, 25


def shape(name: str) -> pd.DataFrame:
    """One of the shapes by its name."""
    shapes: dict[str, Callable[[], pd.DataFrame]] = {
        "Q": quarterly,
        "QF": lambda: quarterly(caseworker_sd=0.5),
        "W": lambda: weekly(quarterly()),
        "W10": lambda: weekly(quarterly(10 * PERSONS)),
        "QR": recurrent,
        "S": lambda: crossed(7_500, 316, 24),
        "I": lambda: crossed(73_000, 2_972, 1_128),
    }
    return shapes[name]()


def quarterly(persons: int = PERSONS, seed: int = 1, caseworker_sd: float = 0.0) -> pd.DataFrame:
    """About nine rows and 0.17 events a person; a fifth of the persons enter late.

    Columns: client, caseworker, start, stop, event, period (quarter on the clock), x1..x25.
    """
    draw = np.random.default_rng(seed)
    entry = np.where(draw.random(persons) < 0.2, draw.integers(1, 60, persons), 0)
    rows_each = draw.integers(5, 16, persons)
    client = np.repeat(np.arange(persons), rows_each)
    quarter = np.arange(len(client)) - np.repeat(np.cumsum(rows_each) - rows_each, rows_each)
    start = entry[client] + 13 * quarter
    fixed = draw.normal(size=(persons, 15))[client]
    moving = draw.integers(1, 6, (len(client), 10)).astype(float)
    x = np.column_stack([moving, fixed])
    log_hazard = -9.0 + x @ np.r_[np.full(5, 0.15), np.zeros(5), np.full(5, 0.2), np.zeros(10)]
    wait = draw.standard_exponential(len(client))
    caseworker = draw.integers(0, 300, persons)[client]
    log_hazard += caseworker_sd * draw.normal(size=300)[caseworker]
    week = np.ceil(wait * np.exp(-log_hazard))
    happens = week <= 13
    gone = pd.Series(happens).groupby(client).cumsum().to_numpy() - happens
    at_risk = gone == 0
    frame = pd.DataFrame(x, columns=[f"x{k}" for k in range(1, COVARIATES + 1)])
    frame.insert(0, "period", quarter)
    frame.insert(0, "event", happens.astype(int))
    frame.insert(0, "stop", start + np.where(happens, week, 13).astype(int))
    frame.insert(0, "start", start)
    frame.insert(0, "caseworker", caseworker)
    frame.insert(0, "client", client)
    return frame[at_risk].reset_index(drop=True)


def weekly(quarters: pd.DataFrame) -> pd.DataFrame:
    """Every row cut into its weeks."""
    weeks = (quarters["stop"] - quarters["start"]).to_numpy()
    source = np.repeat(np.arange(len(quarters)), weeks)
    week = np.arange(len(source)) - np.repeat(np.cumsum(weeks) - weeks, weeks)
    frame = quarters.iloc[source].reset_index(drop=True)
    frame["start"] += week
    frame["stop"] = frame["start"] + 1
    frame["event"] = np.where(week == weeks[source] - 1, frame["event"], 0)
    return frame


def recurrent() -> pd.DataFrame:
    """The rows of Q with an outcome that does not end the time at risk: sd .8 for clients, .5 for caseworkers."""
    frame, draw = quarterly(), np.random.default_rng(2)
    later = (frame["period"] >= frame.groupby("client")["period"].transform("median")).to_numpy()
    moved = (
        later & (draw.random(PERSONS) < 0.5)[frame["client"]]
    )  # half of the persons change their caseworker
    frame["caseworker"] = np.where(
        moved, draw.integers(0, 300, PERSONS)[frame["client"]], frame["caseworker"]
    )
    x = frame[[f"x{k}" for k in range(1, COVARIATES + 1)]].to_numpy()
    eta = -2.5 + 0.1 * (x[:, :5] - 3).sum(axis=1) + 0.2 * x[:, 10:15].sum(axis=1)
    for name, sd in (("client", 0.8), ("caseworker", 0.5)):
        eta += sd * draw.normal(size=frame[name].max() + 1)[frame[name]]
    return frame.assign(event=(draw.random(len(frame)) < 1 / (1 + np.exp(-eta))).astype(int))


def crossed(rows: int, clients: int, caseworkers: int) -> pd.DataFrame:
    """Rows of a client and a caseworker at random, with four covariates."""
    draw = np.random.default_rng(3)
    x = draw.normal(size=(rows, 4))
    frame = pd.DataFrame(x, columns=[f"x{k}" for k in range(1, 5)])
    eta = -1 + x @ np.array([0.5, -0.3, 0.2, 0.0])
    for name, groups, sd in (("client", clients, 0.6), ("caseworker", caseworkers, 0.5)):
        frame[name] = draw.integers(0, groups, rows)
        eta += sd * draw.normal(size=groups)[frame[name]]
    return frame.assign(event=(draw.random(rows) < 1 / (1 + np.exp(-eta))).astype(int))
