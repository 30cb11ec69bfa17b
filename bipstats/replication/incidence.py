"""Cumulative incidence with competing exits, for the report's curve."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from bipstats.errors import BipstatsError
from bipstats.timeline.landmarks import landmarks

if TYPE_CHECKING:
    from bipstats.study.study import Study

HORIZON = 156
"""Weeks that the curve shows."""

COLUMNS = ("belief", "week", "incidence", "at_risk")


def aalen_johansen(weeks: NDArray[np.int64], cause: NDArray[np.int64], horizon: int) -> pd.DataFrame:
    r"""Give the cumulative incidence of cause 1 at every whole week.

    Parameters
    ----------
    weeks : (n,) integer array
        Week of the exit or of the last observation, from 0 on.
    cause : (n,) integer array
        0 censored, 1 the event, 2 any competing exit.
    horizon : int

    Returns
    -------
    pandas.DataFrame
        ``week`` (0 to `horizon`), ``incidence, at_risk`` (just before the week's exits).

    Notes
    -----
    :math:`F(t) = \sum_{s \le t} S(s-) d_{1s} / n_s` with :math:`S` the Kaplan-Meier estimate for leaving by
    any cause. Of ties in one week, exits come before censoring.

    Examples
    --------
    >>> import numpy as np
    >>> from bipstats.replication.incidence import aalen_johansen
    >>> curve = aalen_johansen(np.array([1, 2, 2, 3]), np.array([1, 2, 1, 0]), 3)
    >>> curve["incidence"].tolist()
    [0.0, 0.25, 0.5, 0.5]
    """
    size = horizon + 1
    inside = weeks <= horizon
    left = np.bincount(weeks[inside], minlength=size)
    exits = np.bincount(weeks[inside & (cause > 0)], minlength=size)
    events = np.bincount(weeks[inside & (cause == 1)], minlength=size)
    at_risk = len(weeks) - np.concatenate([[0], np.cumsum(left)[:-1]])
    known = np.maximum(at_risk, 1)
    survival = np.cumprod(1 - exits / known)
    before = np.concatenate([[1.0], survival[:-1]])
    incidence = np.cumsum(before * events / known)
    return pd.DataFrame({"week": np.arange(size), "incidence": incidence, "at_risk": at_risk})


def by_first_belief(study: Study) -> pd.DataFrame:
    """Cumulative incidence of job or education from the first measurement, by the answer on belief.

    Returns
    -------
    pandas.DataFrame
        ``belief`` (1 to 5), ``week, incidence, at_risk``; empty where the study has no such curve. Weeks in
        which fewer than five clients are at risk are left out: a step there would show single persons.
    """
    try:
        rows = landmarks(study, at="first", horizon=HORIZON)
    except (BipstatsError, ValueError):
        return pd.DataFrame(columns=list(COLUMNS))
    rows = rows[rows["caseworker_belief"].notna()]
    exits = rows["exit"]
    cause = np.where(exits == "censored", 0, np.where(exits.isin(["job", "education"]), 1, 2))
    weeks = rows["weeks"].to_numpy(dtype=np.int64)
    level = rows["caseworker_belief"].to_numpy(dtype=np.int64)
    parts = []
    for belief in np.unique(level):
        own = level == belief
        curve = aalen_johansen(weeks[own], cause[own], HORIZON)
        parts.append(curve[curve["at_risk"] >= 5].assign(belief=belief)[list(COLUMNS)])
    return pd.concat(parts, ignore_index=True) if parts else pd.DataFrame(columns=list(COLUMNS))
