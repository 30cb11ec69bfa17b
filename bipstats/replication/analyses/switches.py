"""E03 and E04: changes of caseworker."""

from __future__ import annotations

import numpy as np

from bipstats.caseworkers.switch_models import fit_exposures
from bipstats.caseworkers.switching import CASEWORKER, check_rows
from bipstats.replication.estimate import Estimate, Quantities
from bipstats.replication.frames import Prepared
from bipstats.replication.model_table import ModelTable

SHARES = ("switched", *(f"switched within {weeks} weeks" for weeks in (52, 104, 156)))


def effect(prepared: Prepared) -> Quantities:
    """Hazard ratio of a job after a first change of caseworker, time-varying: the reference analysis."""
    return {"switch": _hazard_ratio(prepared, "switch", "after a first change", "switched")}


def ever_against_never(prepared: Prepared) -> Quantities:
    """The same for clients who ever change, from the start: immortal time, shown as a warning."""
    return {
        "switch ever": _hazard_ratio(prepared, "switch ever", "ever against never, from the start", "ever")
    }


def shares(prepared: Prepared) -> Quantities:
    """Share of clients with a change of caseworker while they were followed."""
    made: Quantities = {}
    for name, (_, p, n) in zip(SHARES, prepared.switches.windows, strict=True):
        made[name] = Estimate(p, float(np.sqrt(p * (1 - p) / n)), n, "share")
    return made


def _hazard_ratio(prepared: Prepared, quantity: str, label: str, column: str) -> Estimate:
    """The ratio of a single exposure, with what the model left out."""
    rows = prepared.switches
    check_rows(rows)
    found = fit_exposures(rows, {label: rows.spells[column].to_numpy()}, CASEWORKER)
    prepared.keep(quantity, ModelTable.of(found.fit, "exposure0", *found.notes, called=label))
    value, error = float(found.estimates.values[0]), float(found.estimates.std_errors[0])
    return Estimate(value, error, found.clients, "ratio").with_note(*found.notes)
