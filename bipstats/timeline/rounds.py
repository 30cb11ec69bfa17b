"""Measurements: the questionnaires that belong together, by client and date."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from bipstats.timeline.answers import ITEMS, score_column, score_matrix
from bipstats.timeline.clock import Clock
from bipstats.timeline.steps import Bools, Ints

if TYPE_CHECKING:
    from bipstats.study.study import Study


@dataclass(frozen=True, slots=True)
class Rounds:
    """Measurements sorted by client and date.

    Attributes
    ----------
    client, week : (m,) integer arrays
    scores : rater -> (m, k) int8 array
        Answers, 0 where there is none.
    """

    client: Ints
    week: Ints
    scores: dict[str, NDArray[np.int8]]

    @classmethod
    def of(cls, study: Study, clock: Clock, pair_weeks: int) -> Rounds:
        """Pair the questionnaires of a study."""
        client = clock.clients(study, "responses")
        week = clock.weeks(study, "responses", "date", client)
        by_client = (study.responses["respondent"] == "client").to_numpy()
        order = np.lexsort((by_client, study.responses["date"].to_numpy(), client))
        client, week, by_client = client[order], week[order], by_client[order]
        table = study.responses.take(order)
        joins = _joins(client, week, by_client, pair_weeks)
        number = np.cumsum(~joins) - 1
        begins = np.flatnonzero(~joins)
        scores = {}
        for rater, items in ITEMS.items():
            asked = by_client == (rater == "client")
            scores[rater] = np.zeros((len(begins), len(items)), dtype=np.int8)
            scores[rater][number[asked]] = score_matrix(table[asked], items)
        return cls(client[begins], week[begins], scores)

    def number(self) -> Ints:
        """Number of each measurement within its client, from 1."""
        return np.arange(len(self.client)) - np.searchsorted(self.client, self.client) + 1

    def levels(self, rows: Ints) -> dict[str, pd.Series]:
        """Answers of the chosen measurements, rater by rater."""
        return {
            f"{key}_{rater}": score_column(block[rows, column], block[rows, column] == 0)
            for rater, block in self.scores.items()
            for column, key in enumerate(ITEMS[rater])
        }

    def changes(self, start: Ints, stop: Ints) -> dict[str, pd.Series]:
        """Answers of `stop` minus answers of `start`."""
        columns = {}
        for rater, block in self.scores.items():
            before, after = block[start], block[stop]
            for column, key in enumerate(ITEMS[rater]):
                a, b = before[:, column], after[:, column]
                columns[f"change_{key}_{rater}"] = score_column(b - a, (a == 0) | (b == 0))
        return columns


def _joins(client: Ints, week: Ints, by_client: Bools, pair_weeks: int) -> Bools:
    """Say which questionnaires join the one before into one measurement.

    Of questionnaires that could each join the one before, every second does: a measurement has two at most.
    """
    could = np.zeros(len(client), dtype=bool)
    could[1:] = (
        (client[1:] == client[:-1]) & (by_client[1:] != by_client[:-1]) & (week[1:] - week[:-1] <= pair_weeks)
    )
    row = np.arange(len(client))
    chain_begin = np.maximum.accumulate(np.where(could, 0, row))
    return (row - chain_begin) % 2 == 1
