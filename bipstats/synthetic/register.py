"""The same histories as the register shows them: a benefit code per week, an industry code per month."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from bipstats.codebook.calendar import month_of_week, week_index
from bipstats.synthetic.background import BUFFER_WEEKS, People
from bipstats.synthetic.exits import KINDS, Exits, Rates
from bipstats.synthetic.histories import Paths
from bipstats.synthetic.recurrence import Jobs, further_jobs, job_lengths
from bipstats.synthetic.truth import Truth

Ints = NDArray[np.int64]

# Codes of codebook/dream.toml; a test asks that each still has the meaning it is used for.
SOCIAL_ASSISTANCE, ACTIVATED, SICKNESS, STUDY = 130, 731, 890, 651
EXIT_CODES = {"disability_pension": 783, "dead": 999, "emigrated": 997, "flexjob": 771, "education": STUDY}
INDUSTRIES = np.array([471120, 561010, 812100, 873010, 494100, 439990, 782000, 881020], dtype=np.int32)

LEAST_WEEKS = 8  # a spell of self-support lasts so long at least, unless the data end
LEAST_STUDY_WEEKS = 26
MONTH_GAP = 5  # benefit weeks between self-support and a job, so that they share no calendar month
RIGHT_BEFORE = BUFFER_WEEKS - MONTH_GAP


@dataclass(frozen=True, slots=True)
class Weeks:
    """The register in numbers.

    Attributes
    ----------
    first_week : absolute week of the first column (`bipstats.codebook.calendar`)
    first_month : absolute month of the first monthly column
    benefit : (n, W) benefit codes by week, 0 where blank
    industry : (n, M) industry codes by month, 0 where blank
    """

    first_week: int
    first_month: int
    benefit: NDArray[np.int16]
    industry: NDArray[np.int32]


def weeks(
    truth: Truth, persons: People, path: Paths, out: Exits, hazard: Rates, draws: Mapping[str, Generator]
) -> Weeks:
    """Write every client's weeks, from the history before enrolment to the data end.

    Notes
    -----
    From enrolment to the exit a client is on benefit: sick in a quarter with a health shock, activated in a
    quarter with an intervention. A job starts in the week of the exit: the benefit is blank from that week,
    the industry code present from that month, and both say job from that week only. Who loses a job is back
    on social assistance, and in another job later if the truth has further jobs.
    """
    rng = draws["register"]
    history, after = truth.calendar.history_weeks, truth.calendar.weeks
    calendar = np.arange(-history, after, dtype=np.int16)
    first_week = int(week_index(np.datetime64(truth.calendar.first_week, "D"))) - history
    since = calendar - persons.entry[:, None].astype(np.int16)
    benefit = np.full(since.shape, SOCIAL_ASSISTANCE, dtype=np.int16)
    working = np.zeros(since.shape, dtype=bool)
    _before(history, persons, since, benefit, working, rng)
    _at_risk(path, since, benefit)
    lost = _after(truth, out, since, benefit, working, rng)
    for jobs in further_jobs(truth, hazard, lost, out.followed, draws["recurrence"]):
        _another(jobs, since, benefit, working)
    months = month_of_week(first_week + np.arange(len(calendar)))
    begins = np.flatnonzero(np.diff(months, prepend=months[0] - 1))
    employed = np.logical_or.reduceat(working, begins, axis=1)
    trade = INDUSTRIES[rng.integers(0, len(INDUSTRIES), len(persons))]
    industry = np.where(employed, trade[:, None], np.int32(0))
    return Weeks(first_week, int(months[0]), benefit, industry)


def _mark(since: NDArray[np.int16], first: Ints, length: Ints) -> NDArray[np.bool_]:
    """Mark `length` weeks from week `first` since enrolment, client by client."""
    begin = first[:, None].astype(np.int16)
    return (since >= begin) & (since < begin + length[:, None].astype(np.int16))


def _before(
    history: int,
    persons: People,
    since: NDArray[np.int16],
    benefit: NDArray[np.int16],
    working: NDArray[np.bool_],
    rng: Generator,
) -> None:
    """Write the history: benefit, self-support, benefit, education, job, benefit; some parts are empty."""
    job, alone, n = persons.job_weeks, persons.self_support_weeks, len(persons)
    studying = np.where(rng.random(n) < 0.25, np.floor(job * rng.random(n)), 0).astype(np.int64)
    spare = history - BUFFER_WEEKS - job - alone
    late = np.floor(rng.random(n) * (spare + 1)).astype(np.int64)
    begin_job = -RIGHT_BEFORE - late - (job - studying)
    begin_study = begin_job - studying
    early = np.floor(rng.random(n) * (spare - late + 1)).astype(np.int64)
    in_job = _mark(since, begin_job, job - studying)
    working |= in_job
    benefit[in_job | _mark(since, begin_study - MONTH_GAP - early - alone, alone)] = 0
    benefit[_mark(since, begin_study, studying)] = STUDY


def _at_risk(path: Paths, since: NDArray[np.int16], benefit: NDArray[np.int16]) -> None:
    """Write sick and activated quarters from week 1 on; the exit is written over them."""
    code = np.where(path.klass > 0, ACTIVATED, SOCIAL_ASSISTANCE).astype(np.int16)
    code = np.where(path.shock, np.int16(SICKNESS), code)
    quarter = np.clip((since - 1) // 13, 0, code.shape[1] - 1)
    benefit[:] = np.where(since > 0, np.take_along_axis(code, quarter.astype(np.intp), axis=1), benefit)


def _after(
    truth: Truth,
    out: Exits,
    since: NDArray[np.int16],
    benefit: NDArray[np.int16],
    working: NDArray[np.bool_],
    rng: Generator,
) -> Ints:
    """Write the state after the exit, and social assistance again when it ends.

    Gives the first week after a job, one after the data end for everybody else.
    """
    law, n = truth.exits, len(out.week)
    spare, stays = rng.exponential(size=n), rng.random(n) < law.job_stays
    kind = np.asarray(KINDS)[out.kind]
    forever = np.full(n, truth.calendar.weeks)
    job = job_lengths(truth, spare, stays)
    lengths = {
        "job": job,
        "education": LEAST_STUDY_WEEKS + np.floor(law.education_weeks * spare),
        "self_support": LEAST_WEEKS + np.floor(law.self_support_weeks * spare),
    }
    left = since >= out.week[:, None].astype(np.int16)
    benefit[left] = SOCIAL_ASSISTANCE
    for name in KINDS[1:]:
        length = np.minimum(lengths.get(name, forever), truth.calendar.weeks).astype(np.int64)
        state = _mark(since, out.week, np.where(kind == name, length, 0))
        benefit[state] = EXIT_CODES.get(name, 0)
        if name == "job":
            working |= state
    return np.where(kind == "job", out.week + job, out.followed + 1).astype(np.int64)


def _another(
    jobs: Jobs, since: NDArray[np.int16], benefit: NDArray[np.int16], working: NDArray[np.bool_]
) -> None:
    """Write one further job each."""
    state = _mark(since[jobs.client], jobs.week, jobs.length)
    benefit[jobs.client] = np.where(state, np.int16(0), benefit[jobs.client])
    working[jobs.client] |= state
