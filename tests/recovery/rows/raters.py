"""Two raters: errors of kappa and bias with several pairs a client, and the caseworkers' own levels."""

from __future__ import annotations

import bipstats as bip

from ..data import StudyData
from ..row import Quantities, Row
from ..take import normal

ITEM = "job_search"


def agreement(data: StudyData) -> Quantities:
    """One item: quadratic kappa, consistency and bias, with errors over clients."""
    found = bip.progression.agreement(data.study, items=ITEM)
    table = found.table.set_index("statistic")
    shown = {
        name: normal(float(table.at[name, "estimate"]), float(table.at[name, "std_error"]))
        for name in ("kappa, quadratic", "ICC(C,1)", "bias")
    }
    sd, error, _ = found.caseworkers
    return {**shown, "caseworkers' levels, sd": normal(sd, error)}


ROWS = (
    Row(
        "two raters",
        ("E2", "N2"),
        agreement,
        {"kappa, quadratic": None, "ICC(C,1)": None, "bias": None, "caseworkers' levels, sd": None},
        large=20_000,
        levels=("kappa, quadratic", "ICC(C,1)", "caseworkers' levels, sd"),
    ),
)
