"""The clients' own clocks: week 0 is the ISO week of enrolment."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from bipstats.codebook import BACKGROUND
from bipstats.codebook.calendar import week_index
from bipstats.timeline.steps import FOREVER, Ints

if TYPE_CHECKING:
    from bipstats.study.study import Study


@dataclass(frozen=True, slots=True)
class Clock:
    """Positions and enrolment weeks of a study's clients.

    Attributes
    ----------
    ids : pandas.Index
        Client identifiers, as in ``study.clients``.
    enrolled : (n,) integer array
        Absolute week of enrolment.
    """

    ids: pd.Index
    enrolled: Ints

    @classmethod
    def of(cls, study: Study) -> Clock:
        """Read the clocks of a study."""
        return cls(pd.Index(study.clients["client"]), week_index(study.clients["enrolled"].to_numpy()))

    def clients(self, table: pd.DataFrame) -> Ints:
        """Position of each row's client."""
        place = self.ids.get_indexer(pd.Index(table["client"])).astype(np.int64)
        if (place < 0).any():
            raise ValueError(f"{int((place < 0).sum())} rows belong to a client who is not in study.clients.")
        return place

    def weeks(self, dates: pd.Series, client: Ints) -> Ints:
        """Week of each date on the client's clock; a missing date is `FOREVER`."""
        known = dates.notna().to_numpy()
        week = np.full(len(dates), FOREVER, dtype=np.int64)
        week[known] = week_index(dates.to_numpy()[known]) - self.enrolled[client[known]]
        return week


def background(study: Study, client: Ints) -> dict[str, pd.Series]:
    """Give the background columns of each row's client; age is that of the year of enrolment."""
    clients = study.clients
    age = (clients["enrolled"].dt.year - clients["birth_year"].astype(np.int64)).astype(np.int16)
    columns = {key: age if key == "age" else clients[key] for key in BACKGROUND}
    return {key: column.take(client).reset_index(drop=True) for key, column in columns.items()}


def identity(study: Study, client: Ints) -> dict[str, pd.Series]:
    """Give ``client`` and ``jobcentre`` of each row's client."""
    columns = study.clients[["client", "jobcentre"]].take(client).reset_index(drop=True)
    return {key: columns[key] for key in columns}
