"""Further jobs of those who lost one."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from bipstats.synthetic.exits import Rates, passing_time
from bipstats.synthetic.truth import Truth

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

LEAST_JOB_WEEKS = 8  # a job lasts so long at least, unless the data end


@dataclass(frozen=True, slots=True)
class Jobs:
    """One further job of each of k clients: row of the client, first week, weeks."""

    client: Ints
    week: Ints
    length: Ints


def job_lengths(truth: Truth, spare: Floats, stays: NDArray[np.bool_]) -> Ints:
    """Weeks of jobs: to beyond the data end, or the least and an exponential rest."""
    law = truth.exits
    rest = LEAST_JOB_WEEKS + np.floor(law.job_weeks * spare)
    return np.minimum(np.where(stays, truth.calendar.weeks, rest), truth.calendar.weeks).astype(np.int64)


def further_jobs(truth: Truth, hazard: Rates, ended: Ints, followed: Ints, rng: Generator) -> Iterator[Jobs]:
    """Draw further jobs, one round after another, until nobody loses one before the data end.

    Parameters
    ----------
    ended : (n,)
        First week after the first job, in weeks since enrolment; anything after `followed` where there is none.
    followed : (n,)
        Last week of the data.

    Notes
    -----
    Back on benefit, the hazard of a job is ``again`` times that of a first one at the same time since
    enrolment: readiness, caseworker and belief have run on. Other exits are not drawn again.
    """
    again = truth.recurrence.again * (1 - truth.hazard.education_share)
    if not again:
        return
    n, ended = len(ended), ended.copy()
    rate = again * hazard.entry
    while (ended <= followed).any():
        thresholds, spare, lot = rng.exponential(size=n), rng.exponential(size=n), rng.random(n)
        lasted = np.clip(ended[:, None] - hazard.start, 0.0, hazard.length)
        time = passing_time(hazard, rate, thresholds + (rate * lasted / 13).sum(axis=1))
        week = np.where(np.isfinite(time), np.floor(np.where(np.isfinite(time), time, 0.0)) + 1, 2**31 - 1)
        week = week.astype(np.int64)
        length = job_lengths(truth, spare, lot < truth.exits.job_stays)
        who = np.flatnonzero((ended <= followed) & (week <= followed))
        yield Jobs(who, week[who], length[who])
        ended[:] = followed + 1
        ended[who] = week[who] + length[who]
