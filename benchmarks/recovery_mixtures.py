"""Mass points and timing of events on studies with known truth: bias, errors and coverage with their own errors.

``python benchmarks/recovery_mixtures.py 200`` simulates so many studies of each kind, one seed each, and fits them.
For each estimate it prints the bias, the empirical standard deviation, the mean reported error and the coverage of 95 %
intervals, each with its Monte Carlo standard error (Morris, White & Crowther 2019).
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

import bipstats as bip

Locations = tuple[tuple[float, ...], ...]
SLOPE, EFFECT = 0.5, 0.5


def hazard_study(
    seed: int, persons: int = 2_000, periods: int = 12, locations: tuple[float, ...] = (-3.2, -1.2)
) -> pd.DataFrame:
    """Person-periods with two types in the shares 0.6 and 0.4, a rising hazard, slopes 0.5 and -0.5."""
    draw = np.random.default_rng(seed)
    type_of = draw.choice(len(locations), persons, p=(0.6, 0.4))
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


def spell_study(seed: int, persons: int = 2_000) -> pd.DataFrame:
    """Spells in continuous time with two types, one covariate and a hazard that falls after 4 and 12."""
    draw = np.random.default_rng(seed)
    level = np.exp(
        np.array([-3.4, -1.4])[draw.choice(2, persons, p=(0.6, 0.4))]
        + SLOPE * (x := draw.normal(size=persons))
    )
    target, edges, rates = draw.exponential(size=persons) / level, (0.0, 4.0, 12.0), (1.0, 0.8, 0.6)
    stop, spent = np.full(persons, np.inf), np.zeros(persons)
    for low, high, rate in zip(edges, (*edges[1:], np.inf), rates, strict=True):
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
    persons: int = 2_000,
    periods: int = 20,
    early: bool = True,
    outcomes: tuple[float, float] = (-1.4, -3.2),
    treatments: tuple[float, float] = (-1.8, -3.5),
) -> pd.DataFrame:
    """Person-periods with a treatment from period 1 on; the 40 % who leave fast are treated early, or late."""
    draw = np.random.default_rng(seed)
    fast = draw.random(persons) < 0.4
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


@dataclass(frozen=True)
class Estimate:
    """One number of one study with its error."""

    value: float
    std_error: float


Found = dict[str, tuple[float, Estimate]]


def of(fit: object, term: str) -> Estimate:
    """A term of a fit."""
    return Estimate(float(fit.params[term]), float(fit.bse[term]))  # type: ignore[attr-defined]


def hazard_estimates(seed: int) -> Found:
    """Slopes without heterogeneity, with two points, with three, and as chosen by AIC and BIC."""
    rows = hazard_study(seed)
    found = {"x, no heterogeneity": (SLOPE, of(bip.hazard("x + z", rows), "x"))}
    for points in (2, "aic", "bic"):
        fit = bip.hazard("x + z", rows, heterogeneity="mass_points", mass_points=points)
        found[f"x, mass_points={points!r}"] = (SLOPE, of(fit, "x"))
        if points == 2:
            found["z, mass_points=2"] = (-SLOPE, of(fit, "z"))
            found["point[2], mass_points=2"] = (-1.2, of(fit, "point[2]"))
    return found


def spell_estimates(seed: int) -> Found:
    """Slope of a piecewise exponential hazard."""
    rows = spell_study(seed)
    fits = {
        points: bip.piecewise_exponential("x", rows, cuts=[4, 12], start=None, mass_points=points)
        for points in (1, 2)
    }
    return {
        "x, no heterogeneity": (SLOPE, of(fits[1], "x")),
        "x, mass_points=2": (SLOPE, of(fits[2], "x")),
        "time[12+], mass_points=2": (float(np.log(0.6)), of(fits[2], "time[12+]")),
    }


def treatment_estimates(rows: pd.DataFrame, tried: Sequence[int | str]) -> Found:
    """The effect with so many points, and the naive one."""
    fits = [bip.timing_of_events("x", "x", rows, baseline=2, mass_points=points) for points in tried]
    effect = fits[0].effects.iloc[0]
    found = {"effect, naive": (EFFECT, Estimate(effect["naive"], effect["naive_std_error"]))}
    for points, fit in zip(tried, fits, strict=True):
        found[f"effect, mass_points={points!r}"] = (EFFECT, of(fit, "outcome:treated"))
    return found


STUDIES: dict[str, Callable[[int], Found]] = {
    "hazard": hazard_estimates,
    "piecewise": spell_estimates,
    "early: fast types treated early": lambda seed: treatment_estimates(treatment_study(seed), (2,)),
    "chosen: the same, number of points by AIC": lambda seed: treatment_estimates(
        treatment_study(seed), ("aic",)
    ),
    "late: fast types treated late": lambda seed: treatment_estimates(
        treatment_study(seed, 4_000, early=False, outcomes=(-1.9, -3.3), treatments=(-1.8, -3.0)), (2,)
    ),
    "rarely: fast types hardly ever treated": lambda seed: treatment_estimates(
        treatment_study(seed, early=False), (2,)
    ),
}


def performance(found: list[tuple[float, Estimate]]) -> dict[str, float]:
    """Bias, errors and coverage of one estimate with their Monte Carlo errors."""
    truth = found[0][0]
    values = np.array([one.value for _, one in found])
    errors = np.array([one.std_error for _, one in found])
    n, spread = len(values), values.std(ddof=1)
    covered = np.mean(np.abs(values - truth) <= 1.959964 * errors)
    return {
        "truth": truth,
        "bias": values.mean() - truth,
        "bias_mc": spread / np.sqrt(n),
        "empirical": spread,
        "empirical_mc": spread / np.sqrt(2 * (n - 1)),
        "reported": float(np.sqrt((errors**2).mean())),
        "coverage": float(covered),
        "coverage_mc": float(np.sqrt(covered * (1 - covered) / n)),
    }


def main() -> None:
    """Print one table a kind of study."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("studies", type=int, nargs="?", default=200)
    parser.add_argument("--only", choices=[name.split(":")[0] for name in STUDIES], default=None)
    arguments = parser.parse_args()
    for name, estimates in STUDIES.items():
        if arguments.only and not name.startswith(arguments.only):
            continue
        kept: dict[str, list[tuple[float, Estimate]]] = {}
        refused = 0
        for seed in range(1, arguments.studies + 1):
            try:
                found = estimates(seed)
            except bip.ModelError:
                refused += 1
                continue
            for term, one in found.items():
                kept.setdefault(term, []).append(one)
        table = pd.DataFrame({term: performance(values) for term, values in kept.items()}).T
        print(f"{name}: {arguments.studies} studies, {refused} refused")
        print(table.round(4).to_string(), end="\n\n", flush=True)


if __name__ == "__main__":
    main()
