"""E03 and E04: changes of caseworker."""

from __future__ import annotations

import numpy as np

from bipstats.codebook import BACKGROUND, INDICATORS
from bipstats.codebook.calendar import week_index
from bipstats.core.covariance import cluster
from bipstats.errors import ModelError
from bipstats.models.hazard import hazard
from bipstats.replication.estimate import Estimate, Quantities, coefficient, share
from bipstats.replication.frames import Prepared, terms, with_entries

WINDOWS = (52, 104, 156)
SHARES = ("switched", *(f"switched within {weeks} weeks" for weeks in WINDOWS))


def effect(prepared: Prepared) -> Quantities:
    """Hazard ratio of a job after a first change of caseworker, time-varying: the reference analysis."""
    return {"switch": _hazard_ratio(prepared, "switched")}


def ever_against_never(prepared: Prepared) -> Quantities:
    """The same for clients who ever change, from the start: immortal time, shown as a warning."""
    return {"switch ever": _hazard_ratio(prepared, "ever_switched")}


def shares(prepared: Prepared) -> Quantities:
    """Share of clients with a change of caseworker while they were followed."""
    clients, ends = prepared.study.clients, prepared.entry_ends
    table = prepared.study.assignments.sort_values(["client", "start"], kind="stable")
    before = table.groupby("client")["caseworker"].shift()
    later = table[before.notna() & (before != table["caseworker"])].drop_duplicates("client")
    start = later.set_index("client")["start"].reindex(clients["client"])
    known = start.notna().to_numpy()
    week = np.full(len(clients), np.inf)
    enrolled = week_index(clients["enrolled"].to_numpy())
    week[known] = week_index(start.to_numpy()[known]) - enrolled[known]
    last = ends["week"].to_numpy()
    made = {"switched": share(week <= last, what="the study is empty")}
    for weeks in WINDOWS:
        made[f"switched within {weeks} weeks"] = share(week <= np.minimum(last, weeks), what="empty study")
    return made


def _hazard_ratio(prepared: Prepared, term: str) -> Estimate:
    """Complementary log-log of a job on the first answers, background, job centre and period."""
    rows = prepared.job_periods
    rows, lost = with_entries(
        rows[rows["caseworker"].notna()],
        "event",
        lambda: prepared.entries("job"),
        "after a first answer, with a caseworker",
    )
    if term not in rows:
        rows = rows.assign(ever_switched=rows.groupby("client")["switched"].transform("max"))
    if not rows[term].any():
        raise ModelError("no client changes caseworker while at risk.")
    answers = tuple(f"first_{key}" for key in INDICATORS)
    right, note = terms(rows, term, *answers, *BACKGROUND, "C(jobcentre)")
    fit = hazard(right, rows, exposure="exposure", vcov=cluster("caseworker"), missing="drop")
    return coefficient(fit, term, lost, note)
