"""Progression and job entry in one outcome, with those not measured again weighted for."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from bipstats.codebook import BACKGROUND
from bipstats.core.columns import Floats, with_values
from bipstats.effects.average_effects import Method, average_effects
from bipstats.effects.average_result import AverageEffects
from bipstats.interventions.pairs import EXPOSURE, QUARTER, large_classes
from bipstats.models.logit import logit
from bipstats.timeline.measurements import measurements

if TYPE_CHECKING:
    from bipstats.interventions.channels import Channels
    from bipstats.progression.index import Readiness
    from bipstats.study.study import Study


CLASS_WEEKS = 4
"""Weeks after a measurement whose interventions make its class."""


@dataclass(frozen=True, slots=True)
class Composite:
    """The composite outcome compared.

    Attributes
    ----------
    means : AverageEffects
        Chance that a client of the class does better than one drawn from all (ties count half).
    attrition : pandas.DataFrame
        Share of the measurements of each class by what followed.
    flow : dict of str to int
    """

    means: AverageEffects
    attrition: pd.DataFrame
    flow: dict[str, int]


def composite(
    study: Study,
    index: Readiness,
    longest_gap: int,
    method: Method,
    rng: int | np.random.Generator | None,
    channels: Channels | None = None,
) -> Composite:
    """Compare classes by an outcome in which entry ranks above every change of the index.

    Notes
    -----
    The class is that of the four weeks after a measurement, so that those who enter have had as long as others to be in
    it. Those who left otherwise, or whose data end, are left out and counted; those not measured again are stood in for
    by those measured again with the same index, class and background (weights: one over the chance of being measured
    again, by a logit).
    """
    rows = measurements(study, within=longest_gap, class_weeks=CLASS_WEEKS)
    if channels is not None:
        week = rows["week"].to_numpy(np.int64)
        rows[EXPOSURE] = channels.classes(rows["client"], week + 1, week + CLASS_WEEKS)
    attrition = pd.crosstab(rows[EXPOSURE], rows["followed"], normalize="index").reset_index()
    attrition.columns.name = None
    rows = rows.assign(
        start=index.score(rows),
        change=index.change(rows)
        * QUARTER
        / rows["weeks"].astype("Float64").to_numpy(float, na_value=np.nan),
        round=np.minimum(rows["measurement"], 4),
    )
    judged = rows["followed"].isin(["measured again", "entered", "not measured again"])
    background, empty = with_values(rows, BACKGROUND)
    holes = judged & rows[["start", *background]].isna().any(axis=1)
    holes |= (rows["followed"] == "measured again") & rows["change"].isna()
    flow = {
        "measurements": len(rows),
        "left otherwise": int((rows["followed"] == "other exit").sum()),
        "data end": int((rows["followed"] == "data end").sum()),
        "with missing answers or background": int(holes.sum()),
        **empty,
    }
    used = rows[judged & ~holes]
    used, small = large_classes(used, "measurements with a known sequel")
    flow |= small
    right = _covariates(used)
    seen, weight = _weights(used, right)
    final = used[seen].assign(weight=weight[seen])
    final = final.assign(score=_chance_of_doing_better(final)).reset_index(drop=True)
    flow["not measured again, weighted for"] = int((~seen).sum())
    means = average_effects(
        f"score ~ {right}", final, exposure=EXPOSURE, method=method, weights="weight", rng=rng
    )
    return Composite(means, attrition, flow)


def _covariates(rows: pd.DataFrame) -> str:
    names = [name for name in ("start", *BACKGROUND) if rows[name].nunique() > 1]
    factors = [f"C({name})" for name in ("jobcentre", "round") if rows[name].nunique() > 1]
    return " + ".join([*names, *factors])


def _weights(rows: pd.DataFrame, right: str) -> tuple[np.ndarray, Floats]:
    """Whose outcome is seen, and one over the chance of that."""
    entered = (rows["followed"] == "entered").to_numpy()
    again = (rows["followed"] == "measured again").to_numpy()
    weight = np.ones(len(rows))
    if (~again & ~entered).any() and again.any():
        others = rows[~entered].assign(again=again[~entered].astype(float))
        chance = logit(f"again ~ C({EXPOSURE}) + {right}", others).predict(others).to_numpy()
        weight[~entered] = 1 / chance
    return again | entered, weight


def _chance_of_doing_better(rows: pd.DataFrame) -> Floats:
    """Weighted share of all that do worse, and half of those that do as well."""
    value = np.where(rows["followed"] == "entered", np.inf, rows["change"].to_numpy(float))
    weight = rows["weight"].to_numpy()
    _, rank = np.unique(value, return_inverse=True)
    mass = np.bincount(rank, weight)
    below = np.cumsum(mass) - mass
    return np.asarray((below + mass / 2)[rank] / mass.sum())
