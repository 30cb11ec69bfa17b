"""Unobserved types: mass points in a hazard, and the timing of events."""

from __future__ import annotations

import numpy as np
import pandas as pd

import bipstats as bip

from ..row import Quantities, Row
from ..take import known, normal, term
from ..types import EFFECT, RATES, SLOPE

LARGE = 20_000


def hazard_types(data: pd.DataFrame) -> Quantities:
    """Slopes without types and with two."""
    plain = bip.hazard("x + z", data)
    two = bip.hazard("x + z", data, heterogeneity="mass_points", mass_points=2)
    return {
        "x, no types": term(plain, "x"),
        "x, two types": term(two, "x"),
        "z, two types": term(two, "z"),
        "second point": term(two, "point[2]"),
    }


def hazard_chosen(data: pd.DataFrame) -> Quantities:
    """Slope with the number of types by AIC and by BIC."""
    return {
        f"x, types by {rule}": term(
            bip.hazard("x + z", data, heterogeneity="mass_points", mass_points=rule), "x"
        )
        for rule in ("aic", "bic")
    }


def spell_types(data: pd.DataFrame) -> Quantities:
    """Slope and last step of a piecewise exponential hazard without types and with two."""
    plain, two = (
        bip.piecewise_exponential("x", data, cuts=[4, 12], start=None, mass_points=points)
        for points in (1, 2)
    )
    return {
        "x, no types": term(plain, "x"),
        "x, two types": term(two, "x"),
        "hazard after 12": term(two, "time[12+]"),
    }


def treatment(data: pd.DataFrame) -> Quantities:
    """A first treatment's effect, ignoring types and with two."""
    fit = bip.timing_of_events("x", "x", data, baseline=2, mass_points=2)
    effect = fit.effects.iloc[0]
    return {
        "no types": normal(float(effect["naive"]), float(effect["naive_std_error"])),
        "two types": term(fit, "outcome:treated"),
    }


def treatment_chosen(data: pd.DataFrame) -> Quantities:
    """The effect with the number of types by AIC."""
    fit = bip.timing_of_events("x", "x", data, baseline=2, mass_points="aic")
    return {"types by AIC": term(fit, "outcome:treated")}


_SLOPE, _EFFECT = known(SLOPE), known(EFFECT)

ROWS = (
    Row(
        "mass points, hazard",
        ("types: hazard",),
        hazard_types,
        {
            "x, no types": _SLOPE,
            "x, two types": _SLOPE,
            "z, two types": known(-SLOPE),
            "second point": known(-1.2),
        },
        large=LARGE,
        levels=("second point",),
    ),
    Row(
        "mass points, chosen",
        ("types: hazard",),
        hazard_chosen,
        {"x, types by aic": _SLOPE, "x, types by bic": _SLOPE},
        every=2,
        large=LARGE,
    ),
    Row(
        "mass points, spells",
        ("types: spells",),
        spell_types,
        {"x, no types": _SLOPE, "x, two types": _SLOPE, "hazard after 12": known(float(np.log(RATES[2])))},
        large=LARGE,
    ),
    Row(
        "timing of events",
        ("types: early", "types: late", "types: rarely"),
        treatment,
        {"no types": _EFFECT, "two types": _EFFECT},
        large=LARGE,
    ),
    Row(
        "timing of events, chosen",
        ("types: early",),
        treatment_chosen,
        {"types by AIC": _EFFECT},
        every=4,
        large=8_000,
    ),
)
