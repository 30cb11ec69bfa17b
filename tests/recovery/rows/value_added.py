"""Spread of caseworkers net of noise, by four methods, and what could be gained by the best of them."""

from __future__ import annotations

import bipstats as bip

from ..data import StudyData
from ..row import Found, Quantities, Row
from ..take import normal, truth

METHODS = ("split sample", "leave-out, linear", "likelihood, gamma-Poisson", "likelihood, random intercept")
TOTAL = truth("caseworker_total_sd", "log hazard")
GROUP = "top decile"


def _gain(data: StudyData) -> float:
    """Of the caseworkers' own effects: the oracle's."""
    return data.quantity("entry_share_top_decile", "share") - data.quantity("entry_share", "share")


def spread(data: StudyData) -> Quantities:
    """Standard deviation of the log hazard between caseworkers, given background and the client's own first answers."""
    made = bip.caseworkers.value_added(data.study, draws=20, rng=1).sd.set_index("method")
    return {name: _found(made.loc[name]) for name in METHODS}


def _found(row: object) -> Found:
    low, high = float(row["conf_low"]), float(row["conf_high"])  # type: ignore[index]
    return Found(float(row["sd"]), (high - low) / (2 * 1.959964), low, high)  # type: ignore[index]


def gain(data: StudyData) -> Quantities:
    """More clients in a job or education if all caseworkers were as effective as the top decile: naive and feasible."""
    made = bip.caseworkers.counterfactual(data.study, draws=100, rng=1).table
    own = made[made["group"] == GROUP].set_index("kind")
    width = (own["conf_high"] - own["conf_low"]) / (2 * 1.959964)
    return {kind: normal(float(own.loc[kind, "gain"]), float(width[kind])) for kind in ("naive", "feasible")}


ROWS = (
    Row(
        "value added, spread net of noise",
        ("E2", "N2"),
        spread,
        dict.fromkeys(METHODS, TOTAL),
        large=40_000,
        levels=METHODS,
    ),
    Row(
        "counterfactual, gain with the top decile",
        ("E2", "N2"),
        gain,
        {"naive": _gain, "feasible": _gain},
        every=2,
        large=40_000,
    ),
)
