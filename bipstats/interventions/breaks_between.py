"""Weeks without any intervention."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from bipstats.register.outcomes import Outcome, outcomes
from bipstats.timeline.classes import Records
from bipstats.timeline.clock import Clock

if TYPE_CHECKING:
    from bipstats.register.weeks import Codes
    from bipstats.study.study import Study

KIND = pd.CategoricalDtype(["before the first", "between", "after the last", "never any"])


def breaks(
    study: Study,
    *,
    outcome: Outcome = "job_or_education",
    sustained_weeks: int = 4,
    codes: Codes = None,
) -> pd.DataFrame:
    """Give the stretches of weeks at risk in which a client takes part in no intervention ("glapp").

    Parameters
    ----------
    study : Study
    outcome, sustained_weeks, codes
        What ends the time at risk, as in `bip.spells`.

    Returns
    -------
    pandas.DataFrame
        One row per stretch, sorted by client and time: ``client, start_week, stop_week, weeks`` (the stretch covers the
        weeks start_week + 1 to stop_week), and ``kind``: ``before the first`` intervention that overlaps the time at
        risk, ``between`` two, ``after the last``, or ``never any``.

    Raises
    ------
    OptionError
        If an argument is not among its choices, or the register has codes that `codes` does not know.
    DataProblems
        If clients, weeks or months are absent from the register.

    Notes
    -----
    A record without end runs to the end of the data. Stretches are cut where the time at risk ends, so the last one of
    a client who was still followed is censored: its length is a lower bound.

    Examples
    --------
    >>> import bipstats as bip
    >>> stretches = bip.interventions.breaks(bip.simulate(clients=200, rng=1))
    >>> bool((stretches["weeks"] > 0).all())
    True
    """
    ends = outcomes(study, outcome, sustained_weeks, codes)
    records = Records.of(study, Clock.of(study))
    risk_start, end = (ends[key].to_numpy(np.int64) for key in ("risk_start", "week"))
    first = np.maximum(records.first, risk_start[records.client] + 1)
    last = np.minimum(records.last, end[records.client])
    inside = first <= last
    client, first, last = (values[inside] for values in (records.client, first, last))
    order = np.lexsort((first, client))
    client, first, last = client[order], first[order], last[order]
    everyone = np.flatnonzero(risk_start < end)
    # The time at risk is bounded by two empty records, which stand for its beginning and its end.
    owner = np.concatenate([everyone, client, everyone])
    begin = np.concatenate([risk_start[everyone] + 1, first, end[everyone] + 1])
    reach = np.concatenate([risk_start[everyone], last, end[everyone]])
    rank = np.repeat([0, 1, 2], [len(everyone), len(client), len(everyone)])
    order = np.lexsort((rank, begin, owner))
    owner, begin, reach, rank = owner[order], begin[order], reach[order], rank[order]
    covered = _running_maximum(reach, owner)
    before = np.concatenate([[0], covered[:-1]])
    gap = (rank != 0) & (begin - 1 > before)
    had = np.bincount(client, minlength=len(ends)) > 0
    place = np.flatnonzero(gap)
    opens = rank[place - 1] == 0
    closes = rank[place] == 2
    code = np.select([~had[owner[place]], opens, closes], [3, 0, 2], 1)
    return pd.DataFrame(
        {
            "client": study.clients["client"].take(owner[place]).reset_index(drop=True),
            "start_week": before[place].astype(np.int32),
            "stop_week": (begin[place] - 1).astype(np.int32),
            "weeks": (begin[place] - 1 - before[place]).astype(np.int32),
            "kind": pd.Series(pd.Categorical.from_codes(code, dtype=KIND)),
        }
    )


def _running_maximum(values: np.ndarray, owner: np.ndarray) -> np.ndarray:
    """Largest value so far within each owner; owners are sorted."""
    span = int(values.max()) + 2 if len(values) else 1
    return np.asarray(np.maximum.accumulate(values + owner * span) - owner * span)
