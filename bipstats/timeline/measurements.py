"""Every measurement of a client, and what came of the client after it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from bipstats.register.outcomes import Outcome, check_weeks, outcomes
from bipstats.timeline.classes import Records, class_column
from bipstats.timeline.clock import Clock, background, identity
from bipstats.timeline.covariates import Assignments
from bipstats.timeline.rounds import Rounds
from bipstats.timeline.steps import Ints

if TYPE_CHECKING:
    from bipstats.register.weeks import Codes
    from bipstats.study.study import Study

FOLLOWED = pd.CategoricalDtype(["measured again", "entered", "other exit", "not measured again", "data end"])
"""What can come after a measurement within the weeks in which the next is expected."""


def measurements(
    study: Study,
    *,
    within: int = 16,
    class_weeks: int = 4,
    pair_weeks: int = 6,
    outcome: Outcome = "job_or_education",
    sustained_weeks: int = 4,
    codes: Codes = None,
) -> pd.DataFrame:
    """Give one row per measurement of a client at risk, with what followed it.

    Parameters
    ----------
    study : Study
    within : int
        Weeks in which the next measurement is expected.
    class_weeks : int
        Weeks after the measurement whose interventions make its class. Few, so that those who leave early have had
        as long as others to take part in something.
    pair_weeks : int
        As in `bip.transitions`.
    outcome, sustained_weeks, codes
        What ends the time at risk, as in `bip.spells`.

    Returns
    -------
    pandas.DataFrame
        Sorted by client (as in ``study.clients``) and time: ``client, caseworker, jobcentre, measurement, week``, the
        background, ``<key>_client`` (9) and ``<key>_caseworker`` (11), ``change_<key>_<rater>`` to the next
        measurement (NA if there is none within `within` weeks), ``weeks`` to it (Int32), ``intervention_class`` over
        the weeks week + 1 to week + `class_weeks`, ``intervention_class_before`` over as many weeks that end with the
        measurement's, and ``followed``: ``measured again`` within `within` weeks;
        else ``entered`` or ``other exit`` within them; else ``data end`` before they are over; else ``not measured
        again``, which is dropout.

    Raises
    ------
    OptionError
        If an argument is not among its choices, or the register has codes that `codes` does not know.
    DataProblems
        If clients, weeks or months are absent from the register.

    Notes
    -----
    Progression is seen among those measured again; who is not has entered, left otherwise, dropped out, or was still
    being followed when the data ended. Measurements outside the time at risk are left out. An entry before the next
    measurement is an entry even if the client was measured once more after it.

    Examples
    --------
    >>> import bipstats as bip
    >>> rows = bip.measurements(bip.simulate(clients=200, rng=1))
    >>> bool((rows["followed"] == "measured again").mean() > 0.5)
    True
    """
    for name, value in (("within", within), ("class_weeks", class_weeks)):
        check_weeks(name, value)
    check_weeks("pair_weeks", pair_weeks, least=0)
    clock = Clock.of(study)
    rounds = Rounds.of(study, clock, pair_weeks)
    ends = outcomes(study, outcome, sustained_weeks, codes)
    risk_start, end, data_end = (ends[key].to_numpy(np.int64) for key in ("risk_start", "week", "data_end"))
    at_risk = (risk_start[rounds.client] <= rounds.week) & (rounds.week < end[rounds.client])
    row = np.flatnonzero(at_risk)
    client, week = rounds.client[row], rounds.week[row]
    after, gap = _next(rounds, row)
    again = (gap >= 0) & (gap <= within) & (rounds.week[after] < end[client])
    entered = (ends["event"].to_numpy()[client] == 1) & (end[client] - week <= within)
    left = (ends["exit"] != "censored").to_numpy()[client] & (end[client] - week <= within)
    ended = data_end[client] - week < within
    code = np.select([again, entered, left, ended], [0, 1, 2, 4], 3)
    assignments, records = Assignments.of(study, clock), Records.of(study, clock)
    who = identity(study, client)
    changes = rounds.changes(row, after)
    return pd.DataFrame(
        {
            "client": who["client"],
            "caseworker": assignments.column(assignments.at(client, week)[0]),
            "jobcentre": who["jobcentre"],
            "measurement": rounds.number()[row].astype(np.int32),
            "week": week.astype(np.int32),
            **background(study, client),
            **rounds.levels(row),
            **{name: column.mask(~again) for name, column in changes.items()},
            "weeks": pd.Series(gap, dtype="Int32").mask(~again),
            "intervention_class": class_column(records.classes(client, week + 1, week + class_weeks)),
            "intervention_class_before": class_column(records.classes(client, week - class_weeks + 1, week)),
            "followed": pd.Series(pd.Categorical.from_codes(code, dtype=FOLLOWED)),
        },
        copy=False,
    )


def _next(rounds: Rounds, row: Ints) -> tuple[Ints, Ints]:
    """Place of the client's next measurement (its own, if there is none) and weeks to it, -1 if there is none."""
    after = np.minimum(row + 1, len(rounds.client) - 1)
    same = (after > row) & (rounds.client[after] == rounds.client[row])
    after = np.where(same, after, row)
    return after, np.where(same, rounds.week[after] - rounds.week[row], -1)
