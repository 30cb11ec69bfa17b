"""Answers in force: each item of each rater, carried forward one by one for a limited time."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from bipstats.codebook import CASEWORKER_ITEMS, CLIENT_ITEMS, INDICATORS, REFERENCE_RATER
from bipstats.timeline.clock import Clock
from bipstats.timeline.steps import Events, Ints

if TYPE_CHECKING:
    from bipstats.study.study import Study

ITEMS: dict[str, tuple[str, ...]] = {"client": CLIENT_ITEMS, "caseworker": CASEWORKER_ITEMS}
"""Rater -> the items of the questionnaire."""


@dataclass(frozen=True, slots=True)
class Answers:
    """The questionnaires of one rater, sorted by client and date.

    Attributes
    ----------
    events : Events
        Client and week of each of the m questionnaires.
    scores : (m, k) int8 array
        Answers to the rater's k items, 0 where there is none.
    latest : (m, k) integer array
        Questionnaire that holds the client's latest answer to the item so far, -1 if there is none.
    """

    events: Events
    scores: NDArray[np.int8]
    latest: Ints

    @classmethod
    def of(cls, study: Study, clock: Clock, rater: str) -> Answers:
        """Read the questionnaires of one rater."""
        client = clock.clients(study, "responses")
        week = clock.weeks(study, "responses", "date", client)
        order = np.lexsort((study.responses["date"].to_numpy(), client))
        order = order[(study.responses["respondent"] == rater).to_numpy()[order]]
        client, week = client[order], week[order]
        scores = score_matrix(study.responses.take(order), ITEMS[rater])
        row = np.arange(len(client))
        latest = np.maximum.accumulate(np.where(scores > 0, row[:, None], -1), axis=0)
        first_of_client = np.searchsorted(client, client)
        latest[latest < first_of_client[:, None]] = -1
        return cls(Events(client, week), scores, latest)

    def source(self, client: Ints, week: Ints, carry: int) -> Ints:
        """Questionnaire whose answer to each item governs a row that starts in `week`, -1 if none does.

        Notes
        -----
        An answer of week w governs the rows that start in w, ..., w + carry - 1, that is the weeks
        w + 1, ..., w + carry, unless a later answer to the same item takes over.
        """
        if not len(self.scores):
            return np.full((len(week), self.scores.shape[1]), -1, dtype=np.int64)
        questionnaire = self.events.last(client, week)
        source = np.where(questionnaire[:, None] >= 0, self.latest[questionnaire], -1)
        expired = week[:, None] - self.events.week[source] >= carry
        source[expired] = -1
        return source

    def points(self, carry: int) -> tuple[Ints, Ints]:
        """Client and week where an answer can come into force or expire."""
        return np.tile(self.events.client, 2), np.concatenate([self.events.week, self.events.week + carry])

    def first_week(self, n: int, never: int) -> Ints:
        """Week of each client's first questionnaire with an answer, for clients 0..n-1."""
        first = np.full(n, never, dtype=np.int64)
        answered = self.scores.any(axis=1)
        np.minimum.at(first, self.events.client[answered], self.events.week[answered])
        return first


def score_matrix(table: pd.DataFrame, items: tuple[str, ...]) -> NDArray[np.int8]:
    """Answers as one matrix, 0 where there is none."""
    columns = [table[key].to_numpy(dtype=np.int8, na_value=0) for key in items]
    return np.stack(columns, axis=1) if len(table) else np.zeros((0, len(items)), dtype=np.int8)


def score_column(values: Ints | NDArray[np.int8], missing: NDArray[np.bool_]) -> pd.Series:
    """Make a column of scores or score changes, NA where `missing`."""
    return pd.Series(pd.arrays.IntegerArray(values.astype(np.int8), missing))


def answer_columns(answers: dict[str, Answers], source: dict[str, Ints], week: Ints) -> dict[str, pd.Series]:
    """Give the 42 columns of answers in force.

    Parameters
    ----------
    answers : rater -> Answers
    source : rater -> (n, k) integer array
        What `Answers.source` gave for the n rows.
    week : (n,) integer array
        Week in which each row starts.

    Returns
    -------
    dict of str to pandas.Series
        The 11 keys (the reference rater's answer; where that rater is the client and has none in force, the
        caseworker's), ``<key>_client``, ``<key>_caseworker`` and ``age_weeks_<key>``.
    """
    value: dict[tuple[str, str], NDArray[np.int8]] = {}
    dated: dict[tuple[str, str], Ints] = {}
    for rater, items in ITEMS.items():
        for column, key in enumerate(items):
            place = source[rater][:, column]
            known = place >= 0
            value[key, rater] = np.zeros(len(week), dtype=np.int8)
            value[key, rater][known] = answers[rater].scores[place[known], column]
            dated[key, rater] = np.zeros(len(week), dtype=np.int64)
            dated[key, rater][known] = answers[rater].events.week[place[known]]
    reference, age = {}, {}
    for key in INDICATORS:
        own, own_date = value[key, REFERENCE_RATER[key]], dated[key, REFERENCE_RATER[key]]
        chosen = np.where(own > 0, own, value[key, "caseworker"])
        since = week - np.where(own > 0, own_date, dated[key, "caseworker"])
        reference[key] = score_column(chosen, chosen == 0)
        age[f"age_weeks_{key}"] = pd.Series(
            pd.arrays.IntegerArray(np.where(chosen > 0, since, 0).astype(np.int16), chosen == 0)
        )
    by_rater = {
        f"{key}_{rater}": score_column(value[key, rater], value[key, rater] == 0)
        for rater, items in ITEMS.items()
        for key in items
    }
    return {**reference, **by_rater, **age}
