"""Consecutive measurements of a client: levels, changes, and what was done in between."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from bipstats.register.outcomes import check_weeks
from bipstats.timeline.classes import Records, class_column
from bipstats.timeline.clock import Clock, background, identity
from bipstats.timeline.covariates import Assignments
from bipstats.timeline.rounds import Rounds

if TYPE_CHECKING:
    from bipstats.study.study import Study


def transitions(study: Study, *, pair_weeks: int = 6) -> pd.DataFrame:
    """Give one row per pair of consecutive measurements of a client.

    Parameters
    ----------
    study : Study
    pair_weeks : int
        How many weeks apart the questionnaires of the two raters may be to form one measurement.

    Returns
    -------
    pandas.DataFrame
        Sorted by client (as in ``study.clients``) and time: ``client, caseworker`` (at the start; missing
        outside every assignment), ``jobcentre``, ``measurement`` (number of the first of the two, from 1),
        ``start_week, stop_week, weeks`` (int32), the background, ``<key>_client`` (9) and
        ``<key>_caseworker`` (11) at the start, ``change_<key>_client`` and ``change_<key>_caseworker`` (Int8,
        stop minus start, NA unless the item was answered both times), and ``intervention_class`` over the
        weeks start_week + 1 to stop_week.

    Raises
    ------
    OptionError
        If `pair_weeks` is not a whole number >= 0.

    Notes
    -----
    A measurement begins with a questionnaire and takes in the next one of the client if that is the other
    rater's and at most `pair_weeks` later; it never holds two questionnaires of one rater. Its week is that
    of its first questionnaire. A measurement by one rater alone is a measurement: the other's levels and
    changes are NA. Answers are not carried forward here. All questionnaires count, those dated after an
    exit included (`bip.check_study` warns of them).

    Examples
    --------
    >>> import bipstats as bip
    >>> pairs = bip.transitions(bip.simulate(clients=200, rng=1))
    >>> bool((pairs["stop_week"] - pairs["start_week"] == pairs["weeks"]).all())
    True
    """
    check_weeks("pair_weeks", pair_weeks, least=0)
    clock = Clock.of(study)
    rounds = Rounds.of(study, clock, pair_weeks)
    start = np.flatnonzero(rounds.client[1:] == rounds.client[:-1])
    stop = start + 1
    client, week, until = rounds.client[start], rounds.week[start], rounds.week[stop]
    assignments = Assignments.of(study, clock)
    classes = Records.of(study, clock).classes(client, week + 1, until)
    who = identity(study, client)
    return pd.DataFrame(
        {
            "client": who["client"],
            "caseworker": assignments.column(assignments.at(client, week)[0]),
            "jobcentre": who["jobcentre"],
            "measurement": rounds.number()[start].astype(np.int32),
            "start_week": week.astype(np.int32),
            "stop_week": until.astype(np.int32),
            "weeks": (until - week).astype(np.int32),
            **background(study, client),
            **rounds.levels(start),
            **rounds.changes(start, stop),
            "intervention_class": class_column(classes),
        },
        copy=False,
    )
