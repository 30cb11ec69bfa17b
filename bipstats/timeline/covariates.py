"""All that governs a client's row from a given week on: answers, caseworker, switches, interventions."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from bipstats.timeline.answers import Answers, answer_columns
from bipstats.timeline.classes import TRAILING, Records, class_column
from bipstats.timeline.clock import Clock, background, identity
from bipstats.timeline.steps import Bools, Events, Ints

if TYPE_CHECKING:
    from bipstats.study.study import Study

RATERS = ("client", "caseworker")


@dataclass(frozen=True, slots=True)
class Assignments:
    """Who the client's caseworker is, sorted by client and date.

    Attributes
    ----------
    events : Events
        Client and first week of each of the m assignments.
    last : (m,) integer array
        Week in which each assignment ends.
    caseworker : (m,) integer array
        Position in `names`.
    switches : (m,) bool array
        Whether the client has by then changed caseworker after the week of enrolment.
    names : pandas.Index
    """

    events: Events
    last: Ints
    caseworker: Ints
    switches: Bools
    names: pd.Index

    @classmethod
    def of(cls, study: Study, clock: Clock) -> Assignments:
        """Read the assignments of a study."""
        client = clock.clients(study, "assignments")
        start, last = (clock.weeks(study, "assignments", key, client) for key in ("start", "end"))
        caseworker, names = pd.factorize(study.assignments["caseworker"], sort=True)
        order = np.lexsort((study.assignments["start"].to_numpy(), client))
        client, start, last, caseworker = (column[order] for column in (client, start, last, caseworker))
        changed = np.zeros(len(client), dtype=bool)
        changed[1:] = (client[1:] == client[:-1]) & (caseworker[1:] != caseworker[:-1]) & (start[1:] > 0)
        count = np.cumsum(changed)
        before = np.append(0, count)[np.searchsorted(client, client)]
        return cls(Events(client, start), last, caseworker, count > before, pd.Index(names))

    def points(self) -> tuple[Ints, Ints]:
        """Client and week where the caseworker can change."""
        return np.tile(self.events.client, 2), np.concatenate([self.events.week, self.last + 1])

    def at(self, client: Ints, week: Ints) -> tuple[Ints, Bools]:
        """Position in `names` of the caseworker of a row that starts in `week` (-1: none), and switched.

        Notes
        -----
        The caseworker is that of the last assignment begun in or before `week`, unless it ended before.
        """
        if not len(self.last):
            return np.full(len(week), -1, dtype=np.int64), np.zeros(len(week), dtype=bool)
        place = self.events.last(client, week)
        present = (place >= 0) & (self.last[place] >= week)
        return np.where(present, self.caseworker[place], -1), (place >= 0) & self.switches[place]

    def column(self, position: Ints) -> pd.Series:
        """Name caseworkers by position, missing where it is -1."""
        names = self.names.astype(pd.StringDtype("pyarrow"))
        return pd.Series(names.array.take(position, allow_fill=True))


@dataclass(frozen=True, slots=True)
class InForce:
    """What governs n rows that start in given weeks of given clients.

    Attributes
    ----------
    client, week : (n,) integer arrays
    source : rater -> (n, k) integer array
        Questionnaire of each answer in force, -1 if there is none.
    caseworker, switched, intervention_class : (n,) arrays
    """

    client: Ints
    week: Ints
    source: dict[str, Ints]
    caseworker: Ints
    switched: Bools
    intervention_class: Ints

    def usable(self) -> Bools:
        """Say whether at least one answer is in force, (n,)."""
        return np.logical_or.reduce([(self.source[rater] >= 0).any(axis=1) for rater in RATERS])

    def take(self, rows: Ints) -> InForce:
        """Give the chosen rows."""
        source = {rater: self.source[rater][rows] for rater in RATERS}
        rest = (self.caseworker[rows], self.switched[rows], self.intervention_class[rows])
        return InForce(self.client[rows], self.week[rows], source, *rest)

    def repeats(self) -> Bools:
        """Say whether a row has the client and the covariates of the row before it, (n,)."""
        same = np.zeros(len(self.client), dtype=bool)
        single = (self.client, self.caseworker, self.switched, self.intervention_class)
        several = [self.source[rater] for rater in RATERS]
        same[1:] = np.logical_and.reduce(
            [column[1:] == column[:-1] for column in single]
            + [(block[1:] == block[:-1]).all(axis=1) for block in several]
        )
        return same


@dataclass(frozen=True, slots=True)
class Covariates:
    """The time-varying covariates of a study, as step functions on the clients' clocks."""

    clock: Clock
    answers: dict[str, Answers]
    assignments: Assignments
    records: Records
    carry: int

    @classmethod
    def of(cls, study: Study, carry: int) -> Covariates:
        """Read them from a study; answers are carried for `carry` weeks."""
        clock = Clock.of(study)
        answers = {rater: Answers.of(study, clock, rater) for rater in RATERS}
        return cls(clock, answers, Assignments.of(study, clock), Records.of(study, clock), carry)

    def first_answer(self, never: int) -> Ints:
        """Week of each client's first answer by either rater; `never` if there is none."""
        n = len(self.clock.ids)
        return np.minimum(*(self.answers[rater].first_week(n, never) for rater in RATERS))

    def points(self) -> tuple[Ints, Ints]:
        """Client and week of every possible change."""
        parts = [self.answers[rater].points(self.carry) for rater in RATERS]
        parts += [self.assignments.points(), self.records.points()]
        client, week = zip(*parts, strict=True)
        return np.concatenate(client), np.concatenate(week)

    def at(self, client: Ints, week: Ints) -> InForce:
        """Evaluate them at the start of rows."""
        source = {rater: self.answers[rater].source(client, week, self.carry) for rater in RATERS}
        caseworker, switched = self.assignments.at(client, week)
        trailing = self.records.classes(client, week - TRAILING + 1, week)
        return InForce(client, week, source, caseworker, switched, trailing)

    def columns(self, study: Study, rows: InForce) -> tuple[dict[str, pd.Series], dict[str, pd.Series]]:
        """Give who the rows are about, and their covariates, as columns."""
        who = identity(study, rows.client)
        who = {"client": who["client"], "caseworker": self.assignments.column(rows.caseworker), **who}
        covariates = {
            **background(study, rows.client),
            **answer_columns(self.answers, rows.source, rows.week),
            "switched": pd.Series(rows.switched.astype(np.int8)),
            "intervention_class": class_column(rows.intervention_class),
        }
        return who, covariates
