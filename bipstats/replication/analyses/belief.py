"""E02: one step more of the caseworker's belief in this client, and entry into job or education."""

from __future__ import annotations

import pandas as pd

from bipstats.caseworkers.belief_models import (
    FIRST,
    entry_hazard,
    entry_logit,
    standardised,
    with_first_answer,
)
from bipstats.caseworkers.first_answers import BELIEF
from bipstats.replication.estimate import Estimate, Quantities, coefficient
from bipstats.replication.frames import Prepared
from bipstats.replication.model_table import ModelTable


def carried(prepared: Prepared) -> Quantities:
    """Hazard ratio with answers carried for at most 52 weeks: the reference analysis."""
    return {"belief carried": _hazard_ratio(prepared, "belief carried", prepared.entry_periods)}


def fresh(prepared: Prepared) -> Quantities:
    """Hazard ratio with the answers of the last quarter only."""
    return {"belief fresh": _hazard_ratio(prepared, "belief fresh", prepared.fresh_periods)}


def change_since_first(prepared: Prepared) -> Quantities:
    """Hazard ratio of belief given its first answer: change within the client."""
    rows = with_first_answer(prepared.entry_periods, prepared.first_entry)
    return {"belief change": _hazard_ratio(prepared, "belief change", rows, FIRST)}


def one_year(prepared: Prepared) -> Quantities:
    """Odds ratio and risk ratio of entry within 52 weeks of the first measurement."""
    fit, used, notes = entry_logit(prepared.first_entry, lambda: prepared.entries("job_or_education"))
    odds = coefficient(fit, BELIEF, *notes)
    (value, error), _ = standardised(fit, used)
    ratio = Estimate(value, error, odds.n, "ratio", odds.unit, odds.note)
    return {"belief odds ratio": odds, "belief risk ratio": ratio}


def _hazard_ratio(prepared: Prepared, quantity: str, rows: pd.DataFrame, *more: str) -> Estimate:
    fit, notes = entry_hazard(rows, lambda: prepared.entries("job_or_education"), *more)
    prepared.keep(quantity, ModelTable.of(fit, BELIEF, *notes))
    return coefficient(fit, BELIEF, *notes)
