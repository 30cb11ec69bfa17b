"""Time at risk split at changes of caseworker, at every quarter since the last one, and before a departure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from bipstats.caseworkers.moves import NEVER, Moves, moves
from bipstats.codebook import INDICATORS
from bipstats.core.columns import Ints
from bipstats.errors import ModelError
from bipstats.register.outcomes import Outcome, outcomes
from bipstats.timeline.clock import Clock, background, identity
from bipstats.timeline.covariates import Covariates
from bipstats.timeline.landmarks import landmarks
from bipstats.timeline.person_periods import person_periods
from bipstats.timeline.steps import FOREVER, cut

if TYPE_CHECKING:
    from bipstats.study.study import Study

QUARTER = 13
LEADS = 4
"""Quarters before a departure that are looked at."""
_SPLITS = 16  # quarters after a change that are told apart: four years, longer than any follow-up
WHOLE = 10_000
"""Weeks for which an answer is carried where follow-up must not end with it."""


@dataclass(frozen=True)
class SwitchRows:
    """Time at risk of an entry, with what is known of changes of caseworker.

    Attributes
    ----------
    spells : pandas.DataFrame
        Rows ``(start, stop]`` under one caseworker, by client and time: ``moves`` (so far), ``since`` (weeks since the
        last, -1: none), ``departed`` (the last was a departure), ``code`` and ``first_code`` (the caseworker's and the
        first one's position in ``moves.assignments.names``), ``lead`` (quarters to the caseworker's departure, 1 being
        the last one; 0: none within `LEADS`), ``ever`` (a change while followed), ``switched``.
    first : pandas.DataFrame
        By client: background and ``first_<key>``, the reference rater's answer at the first measurement.
    moves : Moves
    flow : dict of str to int
    windows : tuple of (str, float, int)
        Window, share of clients with a change in it while followed, clients.
    """

    spells: pd.DataFrame
    first: pd.DataFrame
    moves: Moves
    flow: dict[str, int]
    windows: tuple[tuple[str, float, int], ...]

    def periods(self, exposures: Mapping[str, np.ndarray]) -> pd.DataFrame:
        """Person-quarters with exposures given row by row of ``spells``, split where these or caseworkers change."""
        kept = ["client", "caseworker", "code", "jobcentre", "start", "stop", "event", "data_end"]
        rows = self.spells[kept].assign(**exposures)
        joined = _joined(rows, ["client", "code", *exposures])
        return person_periods(joined, QUARTER).join(self.first, on="client")


def switch_rows(
    study: Study,
    outcome: Outcome = "job",
    *,
    least: int = 3,
    departures: Mapping[str, object] | None = None,
    windows: tuple[int, ...] = (52, 104, 156),
) -> SwitchRows:
    """Read from a study the time at risk after a first answer, under a caseworker.

    Notes
    -----
    Risk begins with the first answer and runs through to the end of follow-up; adjusters are those of that time,
    because what is answered after a change may be its effect. A change in week w governs the weeks from w + 1 on.
    """
    clock = Clock.of(study)
    ends = outcomes(study, outcome)
    found = moves(study, clock, least, departures)
    risk_start, week = (ends[key].to_numpy(dtype=np.int64) for key in ("risk_start", "week"))
    first_answer = Covariates.of(study, WHOLE).first_answer(FOREVER)
    points = _points(found, clock)
    client, start, stop = cut(np.maximum(risk_start, first_answer), week, *points)
    rows = _columns(study, found, clock, client, start)
    rows = rows.assign(start=start.astype(np.int32), stop=stop.astype(np.int32), **_ends(ends, client, stop))
    flow = _flow(study, rows, found)
    rows = rows[rows["caseworker"].notna()].reset_index(drop=True)
    rows["ever"] = rows.groupby("client", sort=False)["switched"].transform("max")
    first = landmarks(study, at="first", outcome=outcome).set_index("client")[list(INDICATORS)]
    people = pd.DataFrame(background(study, np.arange(len(clock.ids)))).set_index(clock.ids)
    known = people.join(first.add_prefix("first_"))
    return SwitchRows(rows, known, found, flow, _shares(found, week, windows))


def _joined(rows: pd.DataFrame, names: list[str]) -> pd.DataFrame:
    """Join rows that touch and are alike in the columns `names`."""
    start, stop = rows["start"].to_numpy(), rows["stop"].to_numpy()
    begins = np.ones(len(rows), dtype=bool)
    differ = [pd.factorize(rows[name])[0] for name in names]
    begins[1:] = (start[1:] != stop[:-1]) | np.logical_or.reduce([code[1:] != code[:-1] for code in differ])
    first = np.flatnonzero(begins)
    last = np.append(first[1:], len(rows))[: len(first)] - 1
    return rows.iloc[last].reset_index(drop=True).assign(start=start[first])


def _points(found: Moves, clock: Clock) -> tuple[Ints, Ints]:
    """Client and week of every border of the rows: assignments, quarters after a change and before a departure."""
    client, week = found.assignments.points()
    after = [(found.client, found.week + QUARTER * k) for k in range(1, _SPLITS)]
    own, gone = found.assignments.events.client, found.leaves[found.assignments.caseworker]
    leaving = gone < NEVER
    own, gone = own[leaving], gone[leaving]
    before = [(own, gone - clock.enrolled[own] - QUARTER * k) for k in range(LEADS + 1)]
    clients, weeks = zip((client, week), *after, *before, strict=True)
    return np.concatenate(clients), np.concatenate(weeks)


def _columns(study: Study, found: Moves, clock: Clock, client: Ints, start: Ints) -> pd.DataFrame:
    """What holds of each row from its start on."""
    caseworker, _ = found.assignments.at(client, start)
    count, last = found.until(client, start)
    moved = last >= 0
    week = _where(moved, found.week, last, start + 1)
    gone = _where(caseworker >= 0, found.leaves, caseworker, np.full(len(start), NEVER))
    ahead = gone - clock.enrolled[client] - start
    lead = np.where((gone < NEVER) & (ahead > 0), -(-ahead // QUARTER), 0)
    opening = np.searchsorted(found.client, client)  # each client's first move
    columns = {
        **identity(study, client),
        "caseworker": found.assignments.column(caseworker),
        "code": caseworker,
        "first_code": _where(moved, found.old, opening, caseworker),
        "moves": count,
        "since": np.where(moved, start - week, -1),
        "switched": moved.astype(np.int8),
        "departed": _where(moved, found.departure, last, np.zeros(len(last), dtype=bool)),
        "lead": np.where(lead <= LEADS, lead, 0),
    }
    return pd.DataFrame(columns)


def _where(chosen: np.ndarray, values: np.ndarray, place: Ints, otherwise: np.ndarray) -> np.ndarray:
    """Values at places where `chosen`, else the others."""
    made = otherwise.copy()
    made[chosen] = values[place[chosen]]
    return made


def _ends(ends: pd.DataFrame, client: Ints, stop: Ints) -> dict[str, Any]:
    """Event and data end of each row."""
    own = ends.take(client).reset_index(drop=True)
    final = stop == own["week"].to_numpy()
    return {
        "event": np.where(final, own["event"], 0).astype(np.int8),
        "data_end": own["data_end"],
    }


def _flow(study: Study, rows: pd.DataFrame, found: Moves) -> dict[str, int]:
    """Count what there is, and what is left out."""
    under = rows["caseworker"].notna()
    staff = rows[under].groupby("jobcentre", observed=True)["caseworker"].nunique()
    lone = staff.index[staff == 1]
    return {
        "clients": len(study.clients),
        "clients at risk after a first answer": rows["client"].nunique(),
        "weeks at risk without a caseworker, left out": int((rows["stop"] - rows["start"])[~under].sum()),
        "entries without a caseworker, left out": int(rows["event"][~under].sum()),
        "assignments without a caseworker's id, left out": found.unknown,
        "changes of caseworker": len(found.week),
        "changes because the caseworker left": int(found.departure.sum()),
        "caseworkers who left": int((found.leaves < NEVER).sum()),
        "caseworkers": rows.loc[under, "caseworker"].nunique(),
        "job centres with one caseworker": len(lone),
        "clients there, who cannot change": rows.loc[
            under & rows["jobcentre"].isin(lone), "client"
        ].nunique(),
    }


def _shares(found: Moves, week: Ints, windows: tuple[int, ...]) -> tuple[tuple[str, float, int], ...]:
    """Share of all clients with a change of caseworker while they were followed, and within windows."""
    first = np.full(len(week), np.inf)
    np.minimum.at(first, found.client, found.week)
    if not len(week):
        raise ModelError("the study is empty: no share of clients can be given.")
    limits = {"while followed": week, **{f"within {w} weeks": np.minimum(week, w) for w in windows}}
    return tuple((name, float((first <= limit).mean()), len(week)) for name, limit in limits.items())
