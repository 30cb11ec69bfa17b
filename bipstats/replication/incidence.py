"""Cumulative incidence of entry by the first answer on belief, for the report's curve."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from bipstats.errors import BipstatsError
from bipstats.models.curves import cumulative_incidence
from bipstats.timeline.landmarks import landmarks

if TYPE_CHECKING:
    from bipstats.study.study import Study

HORIZON = 156
"""Weeks that the curve shows."""

COLUMNS = ("belief", "week", "incidence", "at_risk")


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
        rows = rows[rows["caseworker_belief"].notna()]
        entered = rows["exit"].isin(["job", "education"])
        way = np.where(rows["exit"] == "censored", "censored", np.where(entered, "entry", "other"))
        rows = rows.assign(way=way, belief=rows["caseworker_belief"].astype(int))
        curve = cumulative_incidence(rows, start=None, stop="weeks", exit="way", by="belief").plot_data()
    except BipstatsError:
        return pd.DataFrame(columns=list(COLUMNS))
    curve = curve[(curve["exit"] == "entry") & (curve["at_risk"] >= 5)]
    curve = curve.rename(columns={"time": "week", "estimate": "incidence"})[list(COLUMNS)]
    return curve.astype({"belief": int, "at_risk": int}).reset_index(drop=True)
