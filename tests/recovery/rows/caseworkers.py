"""Caseworkers: their spread, their orientation, and changes of them."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

import bipstats as bip
from bipstats.replication.analyses import caseworkers, orientation, switches

from ..data import BELIEF, StudyData
from ..row import Found, Quantities, Row
from ..take import Z, analysis, term, truth
from .belief import BOTH, EFFECT, FIXED, ORACLE, RIGHT

HALVES = 2 * np.sqrt(2 / np.pi)
"""Difference of the means of the two halves of N(0, 1)."""

SPREAD = truth("caseworker_sd", "log hazard")
SWITCH = truth("switch_effect_mean", "log hazard")


def mean_of_halves(data: StudyData) -> float:
    """True effect of a caseworker above the median of true orientation against one below, on average."""
    return float(HALVES * data.quantity("orientation_effect", "log hazard"))


def orientation_reference(data: StudyData) -> Quantities:
    """High against low leave-one-out orientation, from answers of all dates and from earlier ones."""
    return {
        "all dates": analysis(data, orientation.all_dates, "orientation"),
        "pre-dated": analysis(data, orientation.pre_dated, "orientation pre-dated"),
    }


def orientation_oracle(data: StudyData) -> Quantities:
    """True orientation with the client's true prospects; the caseworkers' own effects left out."""
    right = "orientation + prospects + background + switch_decay + C(jobcentre)"
    fit = bip.hazard(right, data.oracle, exposure="exposure", vcov=bip.cluster("caseworker"))
    found = {"clustered by caseworker": term(fit, "orientation")}
    for name in ("model", "robust"):
        found[f"errors: {name}"] = term(fit.with_vcov(name, data.oracle), "orientation")
    return found


def orientation_ten_clusters(data: StudyData) -> Quantities:
    """The same without effects of job centres, clustered by the ten of them; a smooth baseline."""
    right = "orientation + prospects + background + switch_decay"
    fit = bip.hazard(right, data.oracle, exposure="exposure", vcov=bip.cluster("jobcentre"), baseline=4)
    found = {"sandwich": term(fit, "orientation")}
    for choice in ("CR2", "jackknife"):
        vcov = bip.cluster("jobcentre", small_sample=choice)
        found[choice] = term(fit.with_vcov(vcov, data.oracle), "orientation")
    return found


def switch_reference(data: StudyData) -> Quantities:
    """A first change of caseworker, time-varying; and ever against never, from the start."""
    return {
        "after a first switch": analysis(data, switches.effect, "switch"),
        "ever against never": analysis(data, switches.ever_against_never, "switch ever"),
    }


def _spread(fit: Any, data: pd.DataFrame) -> Quantities:
    """Standard deviation of the intercepts with its profile interval, and with that of its logarithm.

    The reported error is the interval's length over that of a normal one. A standard deviation of zero has no
    interval of the second kind.
    """
    intervals = {"sd": fit.profile_sd(data), "sd, interval of its log": fit.random}
    found = {}
    for name, table in intervals.items():
        sd, low, high = (float(table[column].iloc[0]) for column in ("sd", "conf_low", "conf_high"))
        found[name] = Found(sd, (high - low) / (2 * Z), low, high)
    return found


def spread_oracle(data: StudyData) -> Quantities:
    """Standard deviation of caseworkers' own effects, with the true hazard's other regressors."""
    right = "true_belief + " + ORACLE.replace("caseworker_effect + ", "")
    fit = bip.hazard(right, data.oracle, exposure="exposure", random="caseworker")
    return {**_spread(fit, data.oracle), "belief": term(fit, "true_belief")}


def spread_answers(data: StudyData) -> Quantities:
    """The same with the answers, as a study has them."""
    right = f"{RIGHT} + switched"
    fit = bip.hazard(right, data.periods, exposure="exposure", random="caseworker", missing="drop")
    return {**_spread(fit, data.periods), "belief": term(fit, BELIEF)}


def spread_frailty(data: StudyData) -> Quantities:
    """Log-normal frailty of caseworkers in Cox's model."""
    fit = bip.frailty_cox(
        f"{RIGHT} + switched", data.spells, group="caseworker", distribution="lognormal", missing="drop"
    )
    row = fit.random.iloc[0]
    low, high = float(np.sqrt(row["conf_low"])), float(np.sqrt(row["conf_high"]))
    return {"sd": Found(float(np.sqrt(row["variance"])), (high - low) / (2 * Z), low, high)}


def naive_shares(data: StudyData) -> Quantities:
    """Mean raw share of the best quarter of caseworkers: what if all clients were theirs?"""
    return {"top quarter's share": analysis(data, caseworkers.naive, "top quarter, follow-up")}


_ORIENTATION = truth("orientation_effect", "log hazard")
_LEVELS = ("sd", "sd, interval of its log")
_SPREADS = {**dict.fromkeys(_LEVELS, SPREAD), "belief": EFFECT}

ROWS = (
    Row(
        "orientation, reference",
        ("E2", "N2", "F", "S"),
        orientation_reference,
        {"all dates": mean_of_halves, "pre-dated": mean_of_halves},
    ),
    Row(
        "oracle, orientation",
        FIXED,
        orientation_oracle,
        dict.fromkeys(("clustered by caseworker", "errors: model", "errors: robust"), _ORIENTATION),
    ),
    Row(
        "oracle, orientation, ten clusters",
        BOTH,
        orientation_ten_clusters,
        dict.fromkeys(("sandwich", "CR2", "jackknife"), _ORIENTATION),
        every=4,
        large=40_000,
    ),
    Row(
        "switch, reference",
        (*FIXED, "trouble"),
        switch_reference,
        {"after a first switch": SWITCH, "ever against never": SWITCH},
    ),
    Row("spread, oracle", BOTH, spread_oracle, _SPREADS, levels=_LEVELS),
    Row("spread, answers", BOTH, spread_answers, _SPREADS, levels=_LEVELS),
    Row("spread, frailty", BOTH, spread_frailty, {"sd": SPREAD}, every=4, large=40_000, levels=("sd",)),
    Row(
        "naive shares of caseworkers",
        BOTH,
        naive_shares,
        {"top quarter's share": truth("entry_share_top_decile", "share")},
        levels=("top quarter's share",),
    ),
)
