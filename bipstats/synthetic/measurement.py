"""Which quarters are measured, and on which days."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from bipstats.errors import OptionError
from bipstats.synthetic.background import People
from bipstats.synthetic.counts import pair_count
from bipstats.synthetic.exits import Exits
from bipstats.synthetic.histories import Paths
from bipstats.synthetic.plan import Plan, dropout, missed
from bipstats.synthetic.truth import Truth

Ints = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Pairs:
    """The questionnaire pairs, by client and quarter; arrays of length m.

    Attributes
    ----------
    client, quarter : row of the client, 0..T-1
    week : week since enrolment, 0 for the first
    caseworker : row of `Staff`, in charge that week
    """

    client: Ints
    quarter: Ints
    week: Ints
    caseworker: Ints


def pairs(truth: Truth, path: Paths, out: Exits, drawn: Plan) -> Pairs:
    """Choose exactly the number of pairs asked for.

    Notes
    -----
    Every quarter in which the client is still at risk on the day is a candidate. First pairs come first
    (everyone has one), then, in random order, those neither missed nor after dropout. If these are too few,
    missed ones are restored, then quarters after dropout, the nearest first.
    """
    n, length = path.before.shape
    law = truth.measurement
    quarter = np.arange(length)
    week = 13 * quarter + drawn.jitter
    drops = drawn.leaving < dropout(truth, path.readiness, path.shock, path.passing)
    drops[:, 0] = False
    gone = np.cumsum(np.maximum.accumulate(drops, axis=1), axis=1)  # quarters since dropout, 1 in its first
    absent = drawn.missing < missed(truth, path.passing)
    tier = np.where(gone > 0, 2 + gone, np.where(absent, 2, 1))
    tier[:, 0] = 0
    rank = np.where(week < out.week[:, None], tier + drawn.order, np.inf).ravel()
    wanted, candidates = pair_count(n, truth), int(np.isfinite(rank).sum())
    if not n <= wanted <= candidates:
        raise OptionError(
            f"measurement.pairs_per_client={law.pairs_per_client} asks for {wanted} pairs of questionnaires; "
            f"{n} clients can give {n} (everyone's first) to {candidates} (every quarter before the exit)."
        )
    chosen = np.zeros(n * length, dtype=bool)
    chosen[np.argsort(rank, kind="stable")[:wanted]] = True
    client, at = np.divmod(np.flatnonzero(chosen), length)
    when = week[client, at]
    changed = when - 13 * at > path.switch[client, at]
    caseworker = np.where(changed, path.after[client, at], path.before[client, at]).astype(np.int64)
    return Pairs(client, at, when, caseworker)


def days(truth: Truth, persons: People, chosen: Pairs, rng: Generator) -> tuple[Any, Any]:
    """Give the client's and the caseworker's dates of each pair: weekdays of one week.

    No day lies before the enrolment or after the data end.
    """
    first_day = np.where(chosen.week == 0, persons.weekday[chosen.client], 0)
    monday = np.datetime64(truth.calendar.first_week, "D") + 7 * (persons.entry[chosen.client] + chosen.week)
    place = rng.random((2, len(first_day)))
    day = first_day + np.floor(place * (5 - first_day)).astype(np.int64)
    apart = rng.random(len(first_day)) < truth.measurement.apart
    return monday + day[0], monday + np.where(apart, day[1], day[0])
