"""Intervention records to the class of any window of weeks."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from bipstats.codebook import CLASSES, INTERVENTION_TYPES
from bipstats.register.defects import refuse
from bipstats.timeline.clock import Clock
from bipstats.timeline.steps import Intervals, Ints

if TYPE_CHECKING:
    from bipstats.study.study import Study

TRAILING = 13
"""Weeks that the class of a row looks back, the row's start included."""

TYPES: tuple[str, ...] = tuple(dict.fromkeys(INTERVENTION_TYPES.values()))
"""The four types of intervention, job first."""


@dataclass(frozen=True, slots=True)
class Records:
    """Intervention records by type, in weeks of the clients' clocks.

    Attributes
    ----------
    client, first, last : (m,) integer arrays
        Client, first and last week of each record; a record without end never ends.
    kind : (m,) integer array
        Position of the record's type in `TYPES`.
    """

    client: Ints
    first: Ints
    last: Ints
    kind: Ints

    @classmethod
    def of(cls, study: Study, clock: Clock) -> Records:
        """Read the records of a study."""
        client = clock.clients(study, "interventions")
        first, last = (clock.weeks(study, "interventions", key, client) for key in ("start", "end"))
        code = study.interventions["code"].to_numpy(dtype=np.int64, na_value=0)
        known = np.isin(code, list(INTERVENTION_TYPES))
        sentence = "{n} [code is|codes are] not among the 21 of the codebook"
        refuse(~known, "interventions.code", "unknown_code", sentence, "correct the code")
        kind = np.array([TYPES.index(INTERVENTION_TYPES[number]) for number in sorted(INTERVENTION_TYPES)])
        return cls(client, first, last, kind[code - 1])

    def intervals(self, *kinds: int) -> Intervals:
        """Records of the given types."""
        chosen = np.isin(self.kind, kinds)
        return Intervals.of(self.client[chosen], self.first[chosen], self.last[chosen])

    def classes(self, client: Ints, first: Ints, last: Ints) -> Ints:
        """Position in `CLASSES` of the class of each window ``first..last``, both weeks inclusive.

        Notes
        -----
        A window has a type if a record of that type shares at least one week with it.
        """
        job = self.intervals(0).overlapping(client, first, last) > 0
        other = self.intervals(1, 2, 3).overlapping(client, first, last) > 0
        return 2 * job + other

    def points(self) -> tuple[Ints, Ints]:
        """Client and week where the class of the trailing window can change."""
        return np.tile(self.client, 2), np.concatenate([self.first, self.last + TRAILING])


def class_column(position: Ints) -> pd.Series:
    """Name the classes at the given positions."""
    return pd.Series(pd.Categorical.from_codes(position, dtype=pd.CategoricalDtype(list(CLASSES))))
