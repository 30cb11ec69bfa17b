"""Answers of one rater, measurement by measurement, complete in the items asked for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from bipstats.codebook import CASEWORKER_ITEMS, CLIENT_ITEMS
from bipstats.core.columns import Floats, Ints, listed
from bipstats.errors import ModelError, OptionError, check_option
from bipstats.timeline.clock import Clock
from bipstats.timeline.rounds import Rounds

if TYPE_CHECKING:
    from bipstats.study.study import Study

RATERS = ("client", "caseworker")
ASKED: dict[str, tuple[str, ...]] = {"client": CLIENT_ITEMS, "caseworker": CASEWORKER_ITEMS}
PAIR_WEEKS = 6
FEWEST_ITEMS = 3


@dataclass(frozen=True, slots=True)
class Waves:
    """Measurements with all items answered.

    Attributes
    ----------
    items : tuple of str
        Keys.
    client : (m,) integer array
        Place in ``study.clients``; sorted.
    week, number : (m,) integer arrays
        Week, and number of the measurement within the client.
    answers : (m, k) array
    n_incomplete : int
        Measurements left out because some item was not answered.
    """

    items: tuple[str, ...]
    client: Ints
    week: Ints
    number: Ints
    answers: Floats
    n_incomplete: int

    @classmethod
    def of(cls, study: Study, rater: str, items: Sequence[str] | None = None) -> Waves:
        """Read them; refuse items that are never answered, by name."""
        check_option("rater", rater, RATERS)
        asked = ASKED[rater]
        chosen = asked if items is None else tuple(items)
        unknown = [str(item) for item in chosen if item not in asked]
        if unknown or len(set(chosen)) < len(chosen) or len(chosen) < FEWEST_ITEMS or isinstance(items, str):
            raise OptionError(
                f"items={items!r}: name {FEWEST_ITEMS} items or more, each once, of those that the {rater} is asked: "
                f"{', '.join(asked)}."
            )
        rounds = Rounds.of(study, Clock.of(study), PAIR_WEEKS)
        place = [asked.index(item) for item in chosen]
        scores = rounds.scores[rater][:, place]
        took_part = scores.any(axis=1)
        if not took_part.any():
            raise ModelError(f"the {rater} never answered.")
        never = [item for item, own in zip(chosen, scores.T, strict=True) if not own.any()]
        if never:
            raise ModelError(
                f"{listed(never)} is never answered by the {rater}; leave it out by items=[...]."
            )
        complete = (scores > 0).all(axis=1)
        if not complete.any():
            raise ModelError(
                f"no measurement has all {len(chosen)} items answered by the {rater}; name fewer."
            )
        return cls(
            chosen,
            rounds.client[complete],
            rounds.week[complete],
            rounds.number()[complete],
            scores[complete].astype(float),
            int((took_part & ~complete).sum()),
        )

    def take(self, rows: Ints) -> Waves:
        """Some of the measurements."""
        return Waves(
            self.items,
            self.client[rows],
            self.week[rows],
            self.number[rows],
            self.answers[rows],
            self.n_incomplete,
        )

    def first(self) -> Waves:
        """Each client's first complete measurement."""
        return self.take(np.flatnonzero(np.diff(self.client, prepend=-1) > 0))

    def last(self) -> Waves:
        """Each client's last complete measurement."""
        return self.take(np.flatnonzero(np.diff(self.client, append=np.iinfo(np.int64).max) > 0))

    def three(self) -> Floats:
        """First, second and third complete measurement of the clients that have three, (n, 3, k)."""
        begin = np.flatnonzero(np.diff(self.client, prepend=-1) > 0)
        count = np.diff(begin, append=len(self.client))
        start = begin[count >= 3]
        return np.stack([self.answers[start + wave] for wave in range(3)], axis=1)

    def require_variation(self) -> None:
        """Raise, by name, if an item has the same answer everywhere."""
        still = [item for item, own in zip(self.items, self.answers.T, strict=True) if own.min() == own.max()]
        if still:
            raise ModelError(
                f"{listed(still)} has the same answer in all {len(self.answers):,} measurements; leave it out by "
                "items=[...]."
            )

    def require_rows(self, least: int) -> None:
        """Raise if there are fewer measurements."""
        if len(self.answers) < least:
            raise ModelError(
                f"{len(self.answers):,} clients have all {len(self.items)} items answered; {least} are needed."
            )


def by_client(study: Study, column: str) -> pd.Series:
    """A column of ``study.clients``, named if it does not exist."""
    if column not in study.clients.columns:
        raise OptionError(
            f"by={column!r} is no column of clients; it has {listed([str(name) for name in study.clients.columns])}."
        )
    return study.clients[column].reset_index(drop=True)
