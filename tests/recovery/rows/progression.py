"""Change of the index between measurements, by what was done in between."""

from __future__ import annotations

import pandas as pd

import bipstats as bip
from bipstats.codebook import CLASSES, REFERENCE_RATER
from bipstats.replication.frames import QUARTER, SIGNIFICANT

from ..data import StudyData
from ..row import Quantities, Row, Twin
from ..take import term

ITEMS = tuple(f"{key}_{REFERENCE_RATER[key]}" for key in SIGNIFICANT)


def by_class(data: StudyData) -> Quantities:
    """Change per quarter, in sd of the index at the first measurement, against no intervention."""
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
    return {name: term(fit, f"intervention[{name}]") for name in CLASSES[1:]}


def _row(world: str) -> Row:
    twin = Twin(f"{world} by lot")
    return Row("progression, least squares", (world,), by_class, dict.fromkeys(CLASSES[1:], twin))


ROWS = (
    _row("E2"),
    _row("RTM"),
    Row("progression, least squares", ("E2 by lot", "RTM by lot"), by_class, dict.fromkeys(CLASSES[1:])),
)
