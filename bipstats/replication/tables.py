"""The table behind every row: that of its model, or the analysis' other numbers where there is no model."""

from __future__ import annotations

import numpy as np
import pandas as pd

from bipstats.replication.analyses import (
    ANALYSES,
    Analysis,
    background,
    caseworkers,
    first_year,
    interventions,
    prediction,
    progression,
    switches,
)
from bipstats.replication.estimate import Estimate, Quantities
from bipstats.replication.model_table import ModelTable
from bipstats.replication.targets import targets
from bipstats.versions import library_version

_WILSON = "Shares of independent clients with Wilson's interval."
_RESAMPLED = (
    "Mean raw share of the best caseworkers at enrolment with six clients or more, unweighted; intervals from "
    "resampling caseworkers with their clients' outcomes fixed."
)
_CHANGE = (
    "Change of the index per 13 weeks, in its standard deviations at the first measurement, between measurements at "
    "most 16 weeks apart; means by class of intervention as observed, errors clustered by client, intervals "
    "simultaneous over the classes and the contrasts of job + other with each (max-t)."
)
_WINDOWS = "Whole windows of 13 weeks at risk by what happened in them; errors clustered by client."
_AREAS = (
    "Area under the curve for a job within 52 weeks of the first measurement; logits cross-fitted in five folds of "
    "clients, errors by DeLong, DeLong & Clarke-Pearson (1988)."
)
_ABOUT: dict[Analysis, tuple[str, str]] = {
    switches.shares: ("Clients with a change of caseworker", _WILSON),
    first_year.in_job: (
        "In a job within 52 weeks of the first measurement, by the answer on belief",
        _WILSON,
    ),
    first_year.answers: ("First answers on belief", _WILSON),
    caseworkers.actual: ("Clients who entered, by outcome and weeks since enrolment", _WILSON),
    caseworkers.naive: ("Best caseworkers by raw shares, by group and weeks since enrolment", _RESAMPLED),
    interventions.by_window: ("Client-windows of three months by what happened in them", _WINDOWS),
    progression.reference: ("Change of the index per quarter, by class of intervention", _CHANGE),
    prediction.auc: ("Areas under the curve and their differences", _AREAS),
    background.shares: ("Who the clients are", _WILSON),
}
"""Analysis without a model of its own -> title of its table, and how it was made."""


def tables(kept: dict[str, ModelTable], quantities: Quantities) -> dict[str, ModelTable]:
    """Give the table of every row that has an estimate.

    Parameters
    ----------
    kept : dict of str to ModelTable
        Tables of models, by quantity.
    quantities : dict of str to Estimate or Unavailable

    Returns
    -------
    dict of str to ModelTable
        By the id of the row.
    """
    siblings = {name: analysis for analysis in _ABOUT for name in ANALYSES[analysis]}
    made = {}
    for row in targets():
        if not isinstance(quantities.get(row.quantity), Estimate):
            continue
        if row.quantity in kept:
            made[row.id] = kept[row.quantity]
        elif row.quantity in siblings:
            made[row.id] = _of_estimates(siblings[row.quantity], row.quantity, quantities)
    return made


def _of_estimates(analysis: Analysis, shown: str, quantities: Quantities) -> ModelTable:
    """The numbers of an analysis, as they are printed; those that the study cannot give say why."""
    title, methods = _ABOUT[analysis]
    rows = []
    notes: dict[str, None] = {}
    for name in ANALYSES[analysis]:
        found = quantities[name]
        if isinstance(found, Estimate):
            slope = found.shown if found.scale == "ratio" else 1.0
            rows.append((name, found.n, found.shown, found.std_error * slope, *found.interval(), found.unit))
            notes |= dict.fromkeys(note for note in (found.note,) if note)
        else:
            notes[f"{name}: {found.reason}"] = None
    frame = pd.DataFrame(rows, columns=["term", "n", "estimate", "std_error", "conf_low", "conf_high", "of"])
    units = list(dict.fromkeys(frame.pop("of")))
    return ModelTable(
        title=title,
        table=frame.astype({"n": np.int64}),
        facts={"n counts": ", ".join(units)},
        notes=tuple(notes),
        methods=f"{methods} Computed with bipstats {library_version()}.",
        shown=shown,
    )
