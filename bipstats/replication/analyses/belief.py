"""E02: one step more of the caseworker's belief in this client, and entry into job or education."""

from __future__ import annotations

import numpy as np
import pandas as pd

from bipstats.codebook import BACKGROUND, INDICATORS
from bipstats.core.covariance import cluster
from bipstats.core.result import Result
from bipstats.models.hazard import hazard
from bipstats.models.logit import LogitResult, logit
from bipstats.replication.estimate import Estimate, Quantities, coefficient
from bipstats.replication.frames import Prepared, complete, require, terms, with_entries

BELIEF = "caseworker_belief"


def carried(prepared: Prepared) -> Quantities:
    """Hazard ratio with answers carried for at most 52 weeks: the reference analysis."""
    return {"belief carried": _hazard_ratio(prepared, prepared.entry_periods)}


def fresh(prepared: Prepared) -> Quantities:
    """Hazard ratio with the answers of the last quarter only."""
    return {"belief fresh": _hazard_ratio(prepared, prepared.fresh_periods)}


def change_since_first(prepared: Prepared) -> Quantities:
    """Hazard ratio of belief given its first answer: change within the client."""
    first = prepared.first_entry.set_index("client")[BELIEF].rename("first_belief")
    rows = prepared.entry_periods.join(first, on="client")
    return {"belief change": _hazard_ratio(prepared, rows, "first_belief")}


def one_year(prepared: Prepared) -> Quantities:
    """Odds ratio and risk ratio of entry within 52 weeks of the first measurement."""
    rows = prepared.first_entry
    known, lost = with_entries(
        rows[rows["entered"].notna()],
        "entered",
        lambda: prepared.entries("job_or_education"),
        "within a year of the first measurement",
    )
    require(known, BELIEF)
    right, note = terms(known, *INDICATORS, *BACKGROUND, "C(jobcentre)")
    fit = logit(f"entered ~ {right}", known, vcov=cluster("caseworker"), missing="drop")
    odds = coefficient(fit, BELIEF, lost, note)
    used = complete(known, right, "caseworker")
    return {"belief odds ratio": odds, "belief risk ratio": _risk_ratio(fit, used, odds)}


def _hazard_ratio(prepared: Prepared, rows: pd.DataFrame, *more: str) -> Estimate:
    """Complementary log-log of entry on the 11 answers, background, job centre and period."""
    rows, lost = with_entries(
        rows[rows["caseworker"].notna()],
        "event",
        lambda: prepared.entries("job_or_education"),
        "while an answer was in force",
    )
    require(rows, BELIEF)
    right, note = terms(rows, *INDICATORS, *BACKGROUND, "C(jobcentre)", *more)
    fit: Result = hazard(right, rows, exposure="exposure", vcov=cluster("caseworker"), missing="drop")
    return coefficient(fit, BELIEF, lost, note)


def _risk_ratio(fit: LogitResult, rows: pd.DataFrame, odds: Estimate) -> Estimate:
    r"""Standardised risk ratio of one step more, by the delta method.

    Notes
    -----
    :math:`\log \sum_i p_i(x + 1) - \log \sum_i p_i(x)` with the gradient
    :math:`\sum_i w_i(x + 1) x_i^+ / \sum_i p_i(x + 1) - \sum_i w_i(x) x_i / \sum_i p_i(x)`, w = p(1 - p).
    """
    column = fit.design.names.index(BELIEF) + 1
    now = np.column_stack([np.ones(len(rows)), fit.design.matrix(rows)])
    raised = now.copy()
    raised[:, column] += 1
    total, gradient = [], []
    for matrix in (raised, now):
        p = 1 / (1 + np.exp(-matrix @ fit.estimates.values))
        total.append(p.sum())
        gradient.append((p * (1 - p)) @ matrix / p.sum())
    slope = gradient[0] - gradient[1]
    error = float(np.sqrt(slope @ fit.estimates.covariance @ slope))
    return Estimate(float(np.log(total[0] / total[1])), error, odds.n, "ratio", odds.unit, odds.note)
