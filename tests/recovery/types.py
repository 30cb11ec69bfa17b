"""Plain duration data with unobserved types, for the models that look for such types."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import pandas as pd

SLOPE, EFFECT = 0.5, 0.5
SHARES = (0.6, 0.4)
CUTS, RATES = (4.0, 12.0), (1.0, 0.8, 0.6)


def hazard_study(seed: int, persons: int, *, periods: int, locations: tuple[float, ...]) -> pd.DataFrame:
    """Person-periods with types in the shares 0.6 and 0.4, a rising hazard, slopes 0.5 and -0.5."""
    draw = np.random.default_rng(seed)
    type_of = draw.choice(len(locations), persons, p=SHARES)
    x = draw.normal(size=(persons, 2))
    predictor = np.array(locations)[type_of] + x @ (SLOPE, -SLOPE)
    time = np.arange(periods)
    hazard = -np.expm1(-np.exp(predictor[:, None] + 0.03 * time))
    event = draw.random((persons, periods)) < hazard
    at_risk = np.cumsum(event, axis=1) - event == 0
    person, period = np.nonzero(at_risk)
    return pd.DataFrame(
        {
            "client": person,
            "period": period,
            "event": event[at_risk].astype(int),
            "x": x[person, 0],
            "z": x[person, 1],
        }
    )


def spell_study(seed: int, persons: int, *, locations: tuple[float, ...]) -> pd.DataFrame:
    """Spells in continuous time with two types, one covariate and a hazard that falls after 4 and 12."""
    draw = np.random.default_rng(seed)
    level = np.exp(
        np.array(locations)[draw.choice(2, persons, p=SHARES)] + SLOPE * (x := draw.normal(size=persons))
    )
    target, edges = draw.exponential(size=persons) / level, (0.0, *CUTS)
    stop, spent = np.full(persons, np.inf), np.zeros(persons)
    for low, high, rate in zip(edges, (*edges[1:], np.inf), RATES, strict=True):
        here = (stop == np.inf) & (target <= spent + (high - low) * rate)
        stop[here] = low + (target[here] - spent[here]) / rate
        spent += (high - low) * rate
    censored = draw.uniform(8, 30, persons)
    return pd.DataFrame(
        {
            "client": np.arange(persons),
            "stop": np.minimum(stop, censored),
            "event": (stop < censored).astype(int),
            "x": x,
        }
    )


def treatment_study(
    seed: int,
    persons: int,
    *,
    early: bool,
    outcomes: tuple[float, float],
    treatments: tuple[float, float],
    periods: int = 20,
) -> pd.DataFrame:
    """Person-periods with a treatment from period 1 on; the 40 % who leave fast are treated early, or late."""
    draw = np.random.default_rng(seed)
    fast = draw.random(persons) < SHARES[1]
    x = draw.normal(size=persons)
    outcome = np.where(fast, *outcomes) + SLOPE * x
    treatment = np.where(fast == early, *treatments) + 0.4 * x
    start, gone, rows = np.full(persons, periods), np.zeros(persons, bool), []
    for period in range(periods):
        begins = (draw.random(persons) < -np.expm1(-np.exp(treatment + 0.02 * period))) & (period > 0)
        start[begins & (start == periods)] = period
        treated = start <= period
        event = draw.random(persons) < -np.expm1(-np.exp(outcome - 0.03 * period + EFFECT * treated))
        here = np.flatnonzero(~gone)
        rows.append(
            pd.DataFrame(
                {
                    "client": here,
                    "period": period,
                    "event": event[here].astype(int),
                    "treated": treated[here].astype(int),
                    "x": x[here],
                }
            )
        )
        gone |= event
    return pd.concat(rows, ignore_index=True)


@dataclass(frozen=True, slots=True)
class Law:
    """One kind of data."""

    statement: str
    make: Callable[[int, int], pd.DataFrame]
    persons: int = 2_000


def _law(statement: str, study: Callable[..., pd.DataFrame], persons: int = 2_000, **parameters: Any) -> Law:
    return Law(statement, partial(study, **parameters), persons)


LAWS: Mapping[str, Law] = {
    "hazard": _law(
        "Two types leave at different hazards, in periods; slopes .5 and -.5.",
        hazard_study,
        periods=12,
        locations=(-3.2, -1.2),
    ),
    "spells": _law(
        "Two types leave at different hazards, in continuous time; slope .5; the hazard falls.",
        spell_study,
        locations=(-3.4, -1.4),
    ),
    "early": _law(
        "A first treatment raises the log hazard by .5; the type that leaves fast is treated early.",
        treatment_study,
        early=True,
        outcomes=(-1.4, -3.2),
        treatments=(-1.8, -3.5),
    ),
    "late": _law(
        "A first treatment raises the log hazard by .5; the type that leaves fast is treated late.",
        treatment_study,
        persons=4_000,
        early=False,
        outcomes=(-1.9, -3.3),
        treatments=(-1.8, -3.0),
    ),
    "rarely": _law(
        "A first treatment raises the log hazard by .5; the type that leaves fast is hardly ever treated.",
        treatment_study,
        early=False,
        outcomes=(-1.4, -3.2),
        treatments=(-1.8, -3.5),
    ),
}
