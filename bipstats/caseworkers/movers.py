"""What caseworkers' effects foretell for clients who change between them, and a placebo from before enrolment."""

from __future__ import annotations

import numpy as np
import pandas as pd

from bipstats.caseworkers.caseload import Caseload
from bipstats.caseworkers.spread import shrunken
from bipstats.core.covariance import cluster
from bipstats.core.estimates import Estimates
from bipstats.models.ols import ols

FORECAST = "entries after a change, per unit foretold"
PLACEBO = "share of the five years before enrolment in a job"
FEWEST = 30
_TESTED = "change"
TIDY = ("term", "estimate", "std_error", "statistic", "p_value", "conf_low", "conf_high")


def moves(found: Caseload, variance: float) -> pd.DataFrame:
    """Clients' time under a later caseworker, with what was foretold without these clients.

    Returns
    -------
    pandas.DataFrame
        ``outcome`` (entries over expected, less one), ``weight`` (expected), ``change`` (foretold multiplier of the
        new caseworker less that of the former one), ``former``, ``before`` (the placebo), ``caseworker``,
        ``jobcentre``.
    """
    later = np.flatnonzero(found.later & (found.expected > 0))
    new, old = found.caseworker[later], found.caseworker[later - 1]

    def foretold(caseworker: np.ndarray, rows: np.ndarray) -> np.ndarray:
        observed = found.observed[caseworker] - found.entries[rows]
        return shrunken(observed, found.predicted[caseworker] - found.expected[rows], variance)

    former = foretold(old, later - 1)
    return pd.DataFrame(
        {
            "outcome": found.excess[later] / found.expected[later],
            "weight": found.expected[later],
            "change": foretold(new, later) - former,
            "former": former,
            "before": found.share_before[later],
            "caseworker": found.names[new],
            "jobcentre": found.centres[found.centre[new]],
        }
    )


def forecasts(rows: pd.DataFrame) -> tuple[Estimates, Estimates]:
    """Slope of the outcome, and of the placebo, in the foretold change; clustered by the new caseworker."""
    absorb = "jobcentre" if rows["jobcentre"].nunique() > 1 else None
    found = []
    for outcome, data in (("outcome", rows), ("before", rows.dropna(subset=["before"]))):
        fit = ols(
            f"{outcome} ~ change + former", data, absorb=absorb, weights="weight", vcov=cluster("caseworker")
        )
        found.append(fit.estimates)
    return found[0], found[1]


def of_change(found: dict[str, Estimates], level: float) -> pd.DataFrame:
    """Rows of the foretold change in tidy form, under names of their own."""
    tables = {name: one.tidy(level) for name, one in found.items()}
    rows = [table[table["term"] == _TESTED].assign(term=name) for name, table in tables.items()]
    return pd.concat(rows, ignore_index=True) if rows else pd.DataFrame(columns=list(TIDY))
