"""Who changed caseworker, when, and whether the caseworker left: changes told from the table of assignments."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from bipstats.codebook.calendar import week_index
from bipstats.core.columns import Ints
from bipstats.errors import ModelError
from bipstats.timeline.clock import Clock
from bipstats.timeline.covariates import Assignments
from bipstats.timeline.steps import Bools, keys

if TYPE_CHECKING:
    from bipstats.study.study import Study

NEVER = 1 << 20
"""A calendar week after every other."""


@dataclass(frozen=True, slots=True)
class Moves:
    """Changes of caseworker, sorted by client and week; of m clients' moves and c caseworkers.

    Attributes
    ----------
    assignments : Assignments
        Those with a caseworker.
    client, week : (m,) integer arrays
        Week on the client's own clock in which the new assignment begins.
    old, new : (m,) integer arrays
        Positions of the caseworkers in ``assignments.names``.
    departure : (m,) bool array
        The old caseworker left in that week, with the whole caseload.
    leaves : (c,) integer array
        Absolute week in which each caseworker left, `NEVER` if none is known.
    unknown : int
        Assignments left out because they name no caseworker.
    """

    assignments: Assignments
    client: Ints
    week: Ints
    old: Ints
    new: Ints
    departure: Bools
    leaves: Ints
    unknown: int

    def until(self, client: Ints, week: Ints) -> tuple[Ints, Ints]:
        """Number of moves of each client in or before each week, and the position of the last one (-1: none)."""
        own = keys(self.client, self.week)
        last = np.searchsorted(own, keys(client, week), side="right")
        first = np.searchsorted(self.client, client)
        return last - first, np.where(last > first, last - 1, -1)


def moves(
    study: Study, clock: Clock, least: int = 3, departures: Mapping[str, object] | None = None
) -> Moves:
    """Find the changes of caseworker of a study and tell departures from changes of one client.

    Parameters
    ----------
    study : Study
    clock : Clock
    least : int
        Clients who must move away in a caseworker's last week for it to be a departure.
    departures : mapping, optional
        Caseworker to date of leaving, where the employer's records tell it; nothing is then detected.

    Notes
    -----
    A change in the week of enrolment or before is none: the client never met the first caseworker while enrolled.
    """
    named = study.assignments["caseworker"].notna()
    known = replace(study, assignments=study.assignments[named].reset_index(drop=True))
    table = Assignments.of(known, clock)
    client, week, caseworker = table.events.client, table.events.week, table.caseworker
    change = np.zeros(len(client), dtype=bool)
    change[1:] = (client[1:] == client[:-1]) & (caseworker[1:] != caseworker[:-1]) & (week[1:] > 0)
    place = np.flatnonzero(change)
    who, when, old = client[place], week[place], caseworker[place - 1]
    calendar = when + clock.enrolled[who]
    if departures is None:
        leaves = _detected(table, clock, place, calendar, old, least)
    else:
        leaves = _given(table.names, departures)
    return Moves(
        table, who, when, old, caseworker[place], leaves[old] == calendar, leaves, int((~named).sum())
    )


def _detected(table: Assignments, clock: Clock, place: Ints, calendar: Ints, old: Ints, least: int) -> Ints:
    """Absolute week in which each caseworker left; `NEVER` where no week looks like it.

    Notes
    -----
    A caseworker leaves in week d if `least` clients or more are handed over in d and none of the caseworker's
    assignments runs in d or later.
    """
    size = len(table.names)
    last = np.full(size, -1, dtype=np.int64)  # last week of any assignment
    end = np.minimum(table.last + clock.enrolled[table.events.client], NEVER)
    np.maximum.at(last, table.caseworker, end)
    handed = np.bincount(old[calendar == last[old] + 1], minlength=size)
    return np.where(handed >= least, last + 1, NEVER)


def _given(names: pd.Index, departures: Mapping[str, object]) -> Ints:
    """Absolute weeks of the dates of leaving that the user gives."""
    unknown = [name for name in departures if name not in names]
    if unknown:
        raise ModelError(
            f"departures= names {len(unknown)} of {len(departures)} caseworkers without an assignment in the study. "
            "Its keys are caseworkers as in study.assignments."
        )
    leaves = np.full(len(names), NEVER, dtype=np.int64)
    if departures:
        dates = pd.to_datetime(pd.Series(list(departures.values()))).to_numpy()
        leaves[names.get_indexer(pd.Index(list(departures)))] = week_index(dates)
    return leaves
