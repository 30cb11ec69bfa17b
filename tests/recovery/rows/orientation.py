"""Caseworkers' outlook on other clients: its effect, the instrument made of it, and what a change reveals."""

from __future__ import annotations

import bipstats as bip
from bipstats.caseworkers.after_switch import NEW_AND_FORMER_OUTLOOK, by_outlooks
from bipstats.caseworkers.outlook import read_outlook

from ..data import StudyData
from ..row import Found, Quantities, Row
from ..take import known, logged, term, truth
from .caseworkers import mean_of_halves

WORLDS = ("E2", "N2", "F", "S")
ENTRY = "job_or_education"
DRAWS = 50
LARGE = 20_000
STEP = truth("belief_effect", "risk difference, 52 weeks")


def _per_step(data: StudyData) -> float:
    """True log hazard ratio of a caseworker whose orientation is worth one step of belief more."""
    sd = data.quantity("orientation_effect", "log hazard")
    return float(sd * data.quantity("belief_step", "latent") / data.truth.belief.orientation)


def effect(data: StudyData) -> Quantities:
    """High against low, net of background and answers; a step of belief by orientation and by all caseworkers."""
    made = bip.caseworkers.orientation_effect(data.study, outcome=ENTRY, draws=DRAWS, rng=1, progress=False)
    columns = ["estimate", "std_error", "conf_low", "conf_high"]
    last = made.table[made.table["netting"] == "background and answers"].set_index("quantity")[columns]
    found = {name: logged(*last.loc[name]) for name in ("incidence ratio", "hazard ratio")}
    steps = made.instrument[made.instrument["netting"] == "background and answers"].set_index("method")[
        columns
    ]
    for method in ("least squares", "orientation", "caseworkers, UJIVE"):
        found[f"step of belief: {method}"] = Found(*map(float, steps.loc[method]))
    return found


def after_switch(data: StudyData) -> Quantities:
    """New and former caseworker's orientation after a change."""
    fit = by_outlooks(data.study, read_outlook(data.study), ENTRY)
    new, former = (term(fit, name) for name in NEW_AND_FORMER_OUTLOOK)
    return {"new caseworker": new, "former caseworker": former}


ROWS = (
    Row(
        "orientation, effect",
        WORLDS,
        effect,
        {
            "incidence ratio": None,
            "hazard ratio": mean_of_halves,
            "step of belief: least squares": STEP,
            "step of belief: orientation": STEP,
            "step of belief: caseworkers, UJIVE": STEP,
        },
        large=LARGE,
    ),
    Row(
        "orientation after a change of caseworker",
        WORLDS,
        after_switch,
        {"new caseworker": _per_step, "former caseworker": known(0.0)},
        large=LARGE,
    ),
)
