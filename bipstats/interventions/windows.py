"""Which interventions a client takes part in, window by window."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from bipstats.register.outcomes import Outcome, check_weeks, outcomes
from bipstats.timeline.classes import TYPES, Records, class_column
from bipstats.timeline.clock import Clock
from bipstats.timeline.steps import Bools, Ints

if TYPE_CHECKING:
    from bipstats.register.weeks import Codes
    from bipstats.study.study import Study

COMBINATIONS: tuple[str, ...] = (
    "none",
    *("+".join(parts) for size in range(1, len(TYPES) + 1) for parts in combinations(TYPES, size)),
)
"""Every combination of types, by number of types."""

ARRANGEMENT = pd.CategoricalDtype(["none", "one type", "sequential", "parallel"])
"""How the types of a window lie in time."""


def classify(
    study: Study,
    *,
    window: int = 13,
    outcome: Outcome = "job_or_education",
    sustained_weeks: int = 4,
    codes: Codes = None,
) -> pd.DataFrame:
    """Classify the interventions of every client in windows of equal width.

    Parameters
    ----------
    study : Study
    window : int
        Length of a window in weeks.
    outcome, sustained_weeks, codes
        What ends the time at risk, as in `bip.spells`.

    Returns
    -------
    pandas.DataFrame
        One row per client and window with time at risk, sorted by client (as in ``study.clients``) and
        window: ``client, window`` (0, 1, ...), ``start_week, stop_week`` (the row covers the weeks
        start_week + 1 to stop_week), ``types`` (category: ``none``, ``job``, ..., ``job+social``, ...),
        ``n_types``, ``intervention_class``, ``weeks_job``, ``weeks_other`` (weeks with at least one
        intervention of that kind), ``weeks_none`` (with none at all), ``weeks_parallel`` (with two types or more at
        once), and ``arrangement``: ``none``, ``one type``, ``sequential`` (two types or more, never in the same week)
        or ``parallel``.

    Raises
    ------
    OptionError
        If an argument is not among its choices, or the register has codes that `codes` does not know.
    DataProblems
        If clients, weeks or months are absent from the register.

    Notes
    -----
    Window p covers the weeks window p + 1 to window (p + 1), of which the row has those at risk in the
    register (`bipstats.register.outcomes.outcomes`); no answer is needed. A row has a type if a record of
    that type shares a week with it; a record without end runs to the end of the data.

    Examples
    --------
    >>> import bipstats as bip
    >>> rows = bip.interventions.classify(bip.simulate(clients=200, rng=1))
    >>> bool((rows["n_types"] <= 4).all())
    True
    """
    check_weeks("window", window)
    ends = outcomes(study, outcome, sustained_weeks, codes)
    client, number, start, stop = _windows(ends, window)
    records = Records.of(study, Clock.of(study))
    parts = [records.intervals(kind).overlapping(client, start + 1, stop) > 0 for kind in range(len(TYPES))]
    present = np.stack(parts, axis=1)
    weeks = _Weeks.of(records, client, start, stop)
    parallel = weeks.parallel()
    return pd.DataFrame(
        {
            "client": study.clients["client"].take(client).reset_index(drop=True),
            "window": number.astype(np.int32),
            "start_week": start.astype(np.int32),
            "stop_week": stop.astype(np.int32),
            "types": _combination(present),
            "n_types": present.sum(axis=1).astype(np.int8),
            "intervention_class": class_column(records.classes(client, start + 1, stop)),
            "weeks_job": weeks.having((0,)),
            "weeks_other": weeks.having((1, 2, 3)),
            "weeks_none": (stop - start).astype(np.int32) - weeks.having((0, 1, 2, 3)),
            "weeks_parallel": parallel,
            "arrangement": _arrangement(present, parallel),
        }
    )


def _arrangement(present: Bools, parallel: Ints) -> pd.Series:
    """Whether several types ran at once or one after the other."""
    types = present.sum(axis=1)
    code = np.select([types == 0, types == 1, parallel == 0], [0, 1, 2], 3)
    return pd.Series(pd.Categorical.from_codes(code, dtype=ARRANGEMENT))


def _windows(ends: pd.DataFrame, width: int) -> tuple[Ints, Ints, Ints, Ints]:
    """Client, number, start and stop of every window with time at risk."""
    risk_start, week = (ends[key].to_numpy(dtype=np.int64) for key in ("risk_start", "week"))
    first = risk_start // width
    count = np.where(risk_start < week, -(-week // width) - first, 0)
    client = np.repeat(np.arange(len(ends)), count)
    number = first[client] + np.arange(len(client)) - (np.cumsum(count) - count)[client]
    start = np.maximum(number * width, risk_start[client])
    return client, number, start, np.minimum((number + 1) * width, week[client])


def _combination(present: Bools) -> pd.Series:
    """Name the combination of types of each row."""
    position = np.zeros(2 ** len(TYPES), dtype=np.int64)
    for place, name in enumerate(COMBINATIONS[1:], start=1):
        position[sum(1 << TYPES.index(part) for part in name.split("+"))] = place
    mask = present @ (1 << np.arange(len(TYPES)))
    dtype = pd.CategoricalDtype(list(COMBINATIONS))
    return pd.Series(pd.Categorical.from_codes(position[mask], dtype=dtype))


@dataclass(frozen=True, slots=True)
class _Weeks:
    """Which types ran in which week, and windows to count them in.

    Attributes
    ----------
    running : (n, w, 4) boolean array
        By client, week (0, 1, ...) and type.
    client, start, stop : (m,) integer arrays
        Windows ``(start, stop]``.
    """

    running: Bools
    client: Ints
    start: Ints
    stop: Ints

    @classmethod
    def of(cls, records: Records, client: Ints, start: Ints, stop: Ints) -> _Weeks:
        """Lay the records out in weeks.

        Notes
        -----
        Records add one where they begin and take it away after they end, so running sums say how many run in a week.
        """
        if not len(client):
            return cls(np.zeros((0, 1, len(TYPES)), dtype=bool), client, start, stop)
        n, last = int(client.max()) + 1, int(stop.max()) + 1
        own = records.client < n
        change = np.zeros((n, last + 1, len(TYPES)), dtype=np.int16)
        owner, kind = records.client[own], records.kind[own]
        np.add.at(change, (owner, np.clip(records.first[own], 1, last), kind), 1)
        np.add.at(change, (owner, np.clip(records.last[own] + 1, 1, last), kind), -1)
        return cls(np.cumsum(change, axis=1, dtype=np.int16) > 0, client, start, stop)

    def having(self, kinds: tuple[int, ...]) -> Ints:
        """Weeks of each window with a type among `kinds`."""
        return self._count(np.asarray(self.running[:, :, kinds].any(axis=2)))

    def parallel(self) -> Ints:
        """Weeks of each window with two types or more."""
        return self._count(np.asarray(self.running.sum(axis=2)) > 1)

    def _count(self, flag: Bools) -> Ints:
        total = np.cumsum(flag, axis=1, dtype=np.int32)
        return total[self.client, self.stop] - total[self.client, self.start]
