"""E05-E10: the caseworker's first answer on belief, and a job within a year of it."""

from __future__ import annotations

import numpy as np

from bipstats.replication.estimate import Quantities, share
from bipstats.replication.frames import Prepared
from bipstats.replication.wording import counted

LEVELS: dict[str, tuple[int, ...]] = {
    "1": (1,),
    "1-2": (1, 2),
    "3": (3,),
    "4": (4,),
    "4-5": (4, 5),
    "5": (5,),
}
"""Groups of answers on belief."""

IN_JOB = ("in job", *(f"in job, belief {name}" for name in LEVELS))
ANSWERS = tuple(f"belief {name}" for name in LEVELS)


def in_job(prepared: Prepared) -> Quantities:
    """Share in a job within 52 weeks of the first measurement, by the answer then.

    A competing exit within the year counts as no job. Clients followed for less than a year are left out.
    """
    rows = prepared.first_job
    known = rows["entered"].notna()
    left_out = int((~known).sum())
    note = f"{counted(left_out, 'client')} followed for less than a year left out" if left_out else ""
    entered = rows.loc[known, "entered"].to_numpy(dtype=float) == 1
    level = rows.loc[known, "caseworker_belief"].to_numpy(dtype=float, na_value=np.nan)
    made = {"in job": share(entered, what="none was followed for a year", note=note)}
    for name, levels in LEVELS.items():
        chosen = entered[np.isin(level, levels)]
        what = f"none has the first answer {name} and was followed for a year"
        made[f"in job, belief {name}"] = share(chosen, what=what, note=note)
    return made


def answers(prepared: Prepared) -> Quantities:
    """Distribution of the caseworkers' first answer on belief, one per client."""
    table = prepared.study.responses
    given = table[(table["respondent"] == "caseworker") & table["caseworker_belief"].notna()]
    first = given.sort_values(["client", "date"], kind="stable").drop_duplicates("client")
    level = first["caseworker_belief"].to_numpy(dtype=float)
    what = "no caseworker answered the question"
    return {f"belief {name}": share(np.isin(level, levels), what=what) for name, levels in LEVELS.items()}
