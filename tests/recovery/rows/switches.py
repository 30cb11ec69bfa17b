"""Changes of caseworker: what each part of `switch_effect` recovers, and where changes mark trouble."""

from __future__ import annotations

import bipstats as bip
from bipstats.caseworkers.switch_draw import disruption_and_draw, disruption_by_intercepts
from bipstats.caseworkers.switch_models import Part, by_kind, event_study
from bipstats.caseworkers.switch_risk import risk_after
from bipstats.caseworkers.switching import CASEWORKER

from ..data import StudyData
from ..row import Found, Quantities, Row
from ..take import known, truth

WORLDS = ("E2", "N2", *(name for name in ("trouble",) if name in bip.scenarios()))
EFFECT = truth("switch_effect_mean", "log hazard")
LEFT, ALONE = "after the caseworker left", "after an individual change"
BEFORE = "year before the caseworker leaves"
LARGE = 20_000
MEAN = "mean over the weeks at risk after a change"
EVEN = "disruption, at equal effectiveness"


def _found(part: Part, name: str) -> Found:
    """A line of a part, on the log scale."""
    row = part.estimates.tidy().set_index("term").loc[name]
    return Found(*(float(row[column]) for column in ("estimate", "std_error", "conf_low", "conf_high")))


def departures(data: StudyData) -> Quantities:
    """Caseworkers who left apart from changes of single clients; the year before they leave as a placebo."""
    part = by_kind(data.prepared.switches, CASEWORKER)
    return {name: _found(part, name) for name in (LEFT, ALONE, BEFORE, "individual change against left")}


def course(data: StudyData) -> Quantities:
    """By quarters since the last change: the mean over the weeks after a change."""
    part = event_study(data.prepared.switches, CASEWORKER)
    return {MEAN: _found(part, MEAN)}


def disruption(data: StudyData) -> Quantities:
    """At equal effectiveness, read from the other clients."""
    return {EVEN: _found(disruption_and_draw(data.prepared.switches, CASEWORKER), EVEN)}


def intercepts(data: StudyData) -> Quantities:
    """With a random intercept for every caseworker."""
    part = disruption_by_intercepts(data.prepared.switches, CASEWORKER)
    return {"log hazard ratio": _found(part, part.estimates.names[0])}


def risk(data: StudyData) -> Quantities:
    """Risk of a job within 52 weeks of a landmark, a change in the half year before it against none so far."""
    rows = data.prepared.switches
    ratio = risk_after(data.study, rows.moves, "job", 52, rows.first)[0]
    return {"log risk ratio": _found(ratio, ratio.estimates.names[0])}


ROWS = (
    Row(
        "switch, departures apart",
        WORLDS,
        departures,
        {LEFT: EFFECT, ALONE: EFFECT, BEFORE: known(0.0), "individual change against left": None},
        large=LARGE,
    ),
    Row("switch, by quarters", WORLDS, course, {MEAN: EFFECT}, large=LARGE),
    Row("switch, disruption", WORLDS, disruption, {EVEN: EFFECT}, large=LARGE),
    Row("switch, disruption by intercepts", WORLDS, intercepts, {"log hazard ratio": EFFECT}, large=LARGE),
    Row("switch, 52-week risk", WORLDS, risk, {"log risk ratio": None}, large=LARGE),
)
