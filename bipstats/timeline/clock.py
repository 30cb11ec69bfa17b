"""The clients' own clocks: week 0 is the ISO week of enrolment."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from bipstats.codebook import BACKGROUND
from bipstats.codebook.calendar import week_index
from bipstats.register.defects import refuse, require_study
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
        require_study(study)
        return cls(pd.Index(study.clients["client"]), week_index(study.clients["enrolled"].to_numpy()))

    def clients(self, study: Study, name: str) -> Ints:
        """Position of the client of each row of a table."""
        place = self.ids.get_indexer(pd.Index(getattr(study, name)["client"])).astype(np.int64)
        sentence = "{n} [row belongs|rows belong] to a client who is not in clients"
        refuse(
            place < 0, f"{name}.client", "unknown_client", sentence, "add the client, or leave the rows out"
        )
        return place

    def weeks(self, study: Study, name: str, column: str, client: Ints) -> Ints:
        """Week of each date in a table on the client's clock; a missing ``end`` is `FOREVER`."""
        dates = getattr(study, name)[column].to_numpy()
        known = ~np.isnat(dates)
        if column != "end":
            refuse(~known, f"{name}.{column}", "missing", "{n} [date is|dates are] missing", "give the dates")
        week = np.full(len(dates), FOREVER, dtype=np.int64)
        week[known] = week_index(dates[known]) - self.enrolled[client[known]]
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
    return {key: columns[key] for key in ("client", "jobcentre")}
