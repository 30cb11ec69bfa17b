"""A simulated world as its study shows it, in arrays: no tables are made.

What a study shows differs from the world: answers stand in for latents, follow-up ends three weeks before the data
(no later run of four weeks is complete), and what is dated in a week governs the weeks after it.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bipstats.replication.frames import QUARTER
from bipstats.timeline.steps import Events, cut

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Seen:
    """What a study of n clients with m pairs of questionnaires shows.

    Attributes
    ----------
    centre : (n,) job centre
    background : (n, 10) in the order of the codebook's background
    week : (n,) last week of follow-up since enrolment
    data_end : (n,) last week in which an exit could be seen
    kind : (n,) 0 censored, 1 job, 2 education, 3 other
    first_caseworker : (n,)
    measured : client and week of the pairs, sorted
    quarter : (m,) quarter of the pair
    rater : (m,) caseworker who answered
    scores : (m, 11) answers of the reference rater, in the order of the codebook's indicators
    own : (m, 6) the client's own answers to the six items of `CLIENT_SIX`
    changed : client and week of the changes of caseworker, sorted
    new_caseworker : (s,) who came then
    classes : (n, T) intervention class of each quarter
    class_changes : client and week in which a row of `bip.spells` begins because the class of the 13 weeks before is
        another; of clients with a job or education only, for whom alone it matters where a row begins
    """

    centre: Ints
    background: Floats
    week: Ints
    data_end: Ints
    kind: Ints
    first_caseworker: Ints
    measured: Events
    quarter: Ints
    rater: Ints
    scores: NDArray[np.int8]
    own: NDArray[np.int8]
    changed: Events
    new_caseworker: Ints
    classes: NDArray[np.int8]
    class_changes: tuple[Ints, Ints]

    def first(self) -> Ints:
        """Row of each client's first pair; everyone has one in week 0."""
        return np.searchsorted(self.measured.client, np.arange(len(self.week)))

    def caseworker(self, client: Ints, week: Ints) -> tuple[Ints, Bools]:
        """Caseworker of rows that start in `week`, and whether the client has changed by then."""
        place = self.changed.last(client, week)
        changed = place >= 0
        if not len(self.new_caseworker):
            return self.first_caseworker[client], changed
        return np.where(changed, self.new_caseworker[place], self.first_caseworker[client]), changed


@dataclass(frozen=True, slots=True)
class Periods:
    """Person-periods; arrays of length r, sorted by client and time, as `bip.person_periods` makes them."""

    client: Ints
    start: Ints
    period: Ints
    exposure: Floats
    event: Bools

    def take(self, rows: Ints | Bools) -> Periods:
        """Give the chosen rows."""
        return Periods(
            self.client[rows], self.start[rows], self.period[rows], self.exposure[rows], self.event[rows]
        )


def periods(study: Seen, entered: Bools, client: Ints, week: Ints) -> Periods:
    """Split every client's follow-up at the borders of quarters and at change points.

    Parameters
    ----------
    entered : (n,) whether follow-up ended in the event
    client, week : (k,) change points
    """
    n, last = len(study.week), int(study.week.max(initial=0))
    borders = np.arange(QUARTER, last + 1, QUARTER)
    owner = np.concatenate([client, np.repeat(np.arange(n), len(borders))])
    points = np.concatenate([week, np.tile(borders, n)])
    who, start, stop = cut(np.zeros(n, dtype=np.int64), study.week, owner, points)
    period = start // QUARTER
    event = entered[who] & (stop == study.week[who])
    until = np.where(event, np.minimum((period + 1) * QUARTER, study.data_end[who]), stop)
    return Periods(who, start, period, (until - start) / QUARTER, event)
