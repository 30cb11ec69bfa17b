"""Classes of intervention compared by several designs, and the first job-oriented start."""

from __future__ import annotations

import bipstats as bip

from ..data import StudyData
from ..row import Found, Quantities, Row, Twin
from ..take import known, normal

BOTH = "job + other - none"
DESIGNS = (
    "observed means",
    "level before, as measured",
    "level before, noise taken out",
    "within clients, without it",
    "overlap weights",
    "inverse-probability weights",
    "doubly robust",
)
PLACEBO, COMPOSITE = "placebo: the change before", "composite: doing better"


def designs(data: StudyData) -> Quantities:
    """Job + other against none: change per quarter, in sd of the index, by every design."""
    made = bip.interventions.contrast(data.study, rng=1)
    own = made.designs[made.designs["term"] == BOTH].set_index("design")
    found = {name: _found(own.loc[name]) for name in own.index}
    found[PLACEBO] = _found(made.placebo.set_index("term").loc[BOTH])
    compared = made.composite.compare("none", adjust="none").tidy().set_index("term").loc[BOTH]
    return {**found, COMPOSITE: _found(compared)}


def _found(row: object) -> Found:
    columns = ("estimate", "std_error", "conf_low", "conf_high")
    return Found(*(float(row[column]) for column in columns))  # type: ignore[index]


def first_start(data: StudyData) -> Quantities:
    """Entry within 52 weeks of a first job-oriented start, among those who began."""
    found = {}
    for against in ("waiting", "never"):
        made = bip.interventions.first_start_effect(data.study, against=against, draws=100, rng=1)
        last = made.table.iloc[-1]
        found[f"against {against}"] = normal(float(last["difference"]), float(last["std_error"]))
    return found


def _designs(world: str) -> Row:
    """What would be found had classes fallen on clients by lot, in the same world."""
    twin = Twin(f"{world} by lot")
    causal = {**dict.fromkeys(DESIGNS, twin), PLACEBO: known(0.0), COMPOSITE: twin}
    return Row("interventions, job + other against none", (world,), designs, causal, every=2, large=40_000)


ROWS = (
    _designs("E2"),
    _designs("RTM"),
    Row(
        "interventions, job + other against none",
        ("E2 by lot", "RTM by lot"),
        designs,
        {**dict.fromkeys(DESIGNS), PLACEBO: known(0.0), COMPOSITE: None},
        every=2,
        large=40_000,
    ),
    Row(
        "first job-oriented start, no effect in truth",
        ("RTM", "RTM by lot"),
        first_start,
        dict.fromkeys(("against waiting", "against never"), known(0.0)),
        every=2,
        large=40_000,
    ),
)
