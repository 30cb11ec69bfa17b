"""Change of the index between measurements, by what was done in between."""

from __future__ import annotations

import pandas as pd

import bipstats as bip
from bipstats.codebook import CLASSES, REFERENCE_RATER
from bipstats.replication.frames import QUARTER, SIGNIFICANT

from ..data import StudyData
from ..row import Quantities, Row, Twin
from ..take import term

NONE = "no intervention, level"
ITEMS = tuple(f"{key}_{REFERENCE_RATER[key]}" for key in SIGNIFICANT)


def by_class(data: StudyData) -> Quantities:
    """Change per quarter, in sd of the index at the first measurement: without an intervention, and against that."""
    pairs = data.transitions.dropna(subset=[f"change_{item}" for item in ITEMS])
    first = pairs.loc[pairs["measurement"] == 1, list(ITEMS)].astype(float).mean(axis=1)
    change = pairs[[f"change_{item}" for item in ITEMS]].astype(float).mean(axis=1)
    rows = pd.DataFrame(
        {
            "client": pairs["client"],
            "intervention": pairs["intervention_class"],
            "change": change / pairs["weeks"] * QUARTER / first.std(),
        }
    )
    fit = bip.ols("change ~ C(intervention)", rows, vcov=bip.cluster("client"))
    found = {name: term(fit, f"intervention[{name}]") for name in CLASSES[1:]}
    return {NONE: term(fit, "Intercept"), **found}


def _row(twin: str | None, *worlds: str) -> Row:
    others = None if twin is None else Twin(twin)
    causal = {NONE: None, **dict.fromkeys(CLASSES[1:], others)}
    return Row("progression, least squares", worlds, by_class, causal, levels=(NONE,))


ROWS = (
    _row("E2 by lot", "E2"),
    _row("RTM by lot", "RTM"),
    _row(None, "E2 by lot", "RTM by lot", "dropout"),
)
