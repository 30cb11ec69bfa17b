"""Classes by another record than the interventions: channels of job search, or whatever a study keeps beside them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from bipstats.codebook.calendar import week_index
from bipstats.core.columns import MANY, Ints, listed, require_columns, require_frame
from bipstats.errors import ModelError
from bipstats.timeline.clock import Clock
from bipstats.timeline.steps import FOREVER, Intervals

if TYPE_CHECKING:
    from bipstats.study.study import Study

NONE, SEVERAL = "none", "several"


@dataclass(frozen=True, slots=True)
class Channels:
    """Dated records of kinds of activity.

    Attributes
    ----------
    clock : Clock
    kinds : tuple of str
    intervals : tuple of Intervals
        One per kind.
    """

    clock: Clock
    kinds: tuple[str, ...]
    intervals: tuple[Intervals, ...]

    @classmethod
    def of(cls, study: Study, records: pd.DataFrame) -> Channels:
        """Read records ``client, channel, start, end`` (dates; no end: still running); all problems at once."""
        require_frame(records)
        require_columns(records, ["client", "channel", "start", "end"], "channels=")
        clock = Clock.of(study)
        place = clock.ids.get_indexer(pd.Index(records["client"].astype(object)))
        start, end = (pd.to_datetime(records[name]) for name in ("start", "end"))
        problems = {
            "of clients who are not in the study": place < 0,
            "without a channel": records["channel"].isna().to_numpy(),
            "without a start": start.isna().to_numpy(),
            "that end before they start": (end < start).to_numpy(),
            f"of a channel called {NONE!r} or {SEVERAL!r}": records["channel"]
            .isin([NONE, SEVERAL])
            .to_numpy(),
        }
        found = [f"{int(mask.sum()):,} {what}" for what, mask in problems.items() if mask.any()]
        if found:
            raise ModelError(f"channels= has records {listed(found)}; correct or leave them out.")
        kinds = tuple(sorted(records["channel"].astype(str).unique()))
        if len(kinds) > MANY:
            raise ModelError(
                f"channels= has {len(kinds):,} channels; comparisons are of {MANY} at most. Merge some."
            )
        enrolled = clock.enrolled[place]
        first = week_index(start.to_numpy()) - enrolled
        last = np.full(len(records), FOREVER, dtype=np.int64)
        ended = end.notna().to_numpy()
        last[ended] = week_index(end.to_numpy()[ended]) - enrolled[ended]
        own = [(records["channel"].astype(str) == kind).to_numpy() for kind in kinds]
        intervals = tuple(Intervals.of(place[mask].astype(np.int64), first[mask], last[mask]) for mask in own)
        return cls(clock, kinds, intervals)

    def classes(self, client: pd.Series, first: Ints, last: Ints) -> pd.Series:
        """Class of each window ``first..last`` of weeks: none, one channel alone, or several."""
        place = self.clock.ids.get_indexer(pd.Index(client)).astype(np.int64)
        present = np.stack([one.overlapping(place, first, last) > 0 for one in self.intervals], axis=1)
        number = present.sum(axis=1)
        code = np.select([number == 0, number == 1], [0, 1 + present.argmax(axis=1)], len(self.kinds) + 1)
        dtype = pd.CategoricalDtype([NONE, *self.kinds, SEVERAL])
        return pd.Series(pd.Categorical.from_codes(code, dtype=dtype), index=client.index)
