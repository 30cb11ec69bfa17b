"""E03 and E04: changes of caseworker."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from bipstats.caseworkers import switch_models
from bipstats.caseworkers.switch_models import Part
from bipstats.caseworkers.switch_rows import SwitchRows
from bipstats.caseworkers.switching import CASEWORKER, check_rows
from bipstats.core.covariance import Vcov
from bipstats.replication.estimate import Estimate, Quantities
from bipstats.replication.frames import Prepared

SHARES = ("switched", *(f"switched within {weeks} weeks" for weeks in (52, 104, 156)))


def effect(prepared: Prepared) -> Quantities:
    """Hazard ratio of a job after a first change of caseworker, time-varying: the reference analysis."""
    return {"switch": _hazard_ratio(prepared, switch_models.time_varying)}


def ever_against_never(prepared: Prepared) -> Quantities:
    """The same for clients who ever change, from the start: immortal time, shown as a warning."""
    return {"switch ever": _hazard_ratio(prepared, switch_models.ever_against_never)}


def shares(prepared: Prepared) -> Quantities:
    """Share of clients with a change of caseworker while they were followed."""
    made: Quantities = {}
    for name, (_, p, n) in zip(SHARES, prepared.switches.windows, strict=True):
        made[name] = Estimate(p, float(np.sqrt(p * (1 - p) / n)), n, "share")
    return made


def _hazard_ratio(prepared: Prepared, question: Callable[[SwitchRows, Vcov], Part]) -> Estimate:
    """The single ratio of a question, with what the model left out."""
    rows = prepared.switches
    check_rows(rows)
    part = question(rows, CASEWORKER)
    estimates = part.estimates
    value, error = float(estimates.values[0]), float(estimates.std_errors[0])
    return Estimate(value, error, part.clients, "ratio").with_note(*part.notes)
