"""The flow of clients: from the study to those behind the estimates, with the reason at every step."""

from __future__ import annotations

import pandas as pd

from bipstats.codebook import BACKGROUND, INDICATORS
from bipstats.replication.estimate import FEWEST
from bipstats.replication.frames import Prepared

COLUMNS = ("key", "step", "of", "clients", "left_out", "reason")


def client_flow(prepared: Prepared) -> pd.DataFrame:
    """Follow the clients to the first measurement, the belief model and a second measurement.

    Returns
    -------
    pandas.DataFrame
        ``key, step, of, clients, left_out, reason``. Counts of one to four are NA; what such a step
        leaves out is counted with the next one, so that no difference gives it away.
    """
    study = prepared.study
    every = set(study.clients["client"])
    ends = prepared.entry_ends
    at_risk = set(ends.loc[ends["risk_start"] < ends["week"], "client"])
    first = prepared.first_entry
    measured = set(first["client"]) & at_risk
    answered = set(first.loc[first["caseworker_belief"].notna(), "client"]) & measured
    complete = first.dropna(subset=[*INDICATORS, *BACKGROUND, "caseworker"])
    used = set(complete["client"]) & answered
    again = set(prepared.transitions["client"]) & measured
    year = set(first.loc[first["full_horizon"], "client"]) & measured
    left = ends.set_index("client")["exit"]
    steps = [
        ("study", "in the study", "", every, ""),
        ("at_risk", "followed in the register", "study", at_risk, "never at risk of an entry in the register"),
        ("measured", "with a first measurement while at risk", "at_risk", measured, "not measured while at risk"),
        ("belief", "with a caseworker's belief at it", "measured", answered, "the question on belief not answered"),
        ("complete", "with all eleven answers and the background", "belief", used,
         "an answer, the background or the caseworker missing"),
        ("year", "followed for a year from it", "measured", year, "the data end within the year"),
        ("again", "measured again", "measured", again, "no second measurement"),
        ("job", "job seen in the register", "at_risk", at_risk & set(left.index[left == "job"]), "no job seen"),
        ("education", "education seen in the register", "at_risk",
         at_risk & set(left.index[left == "education"]), "no education seen"),
    ]  # fmt: skip
    return _frame(steps)


def _frame(steps: list[tuple[str, str, str, set[object], str]]) -> pd.DataFrame:
    """Counts with small ones hidden; a step whose origin is hidden counts from the one before that."""
    size = {key: len(clients) for key, _, _, clients, _ in steps}
    above = {key: of for key, _, of, _, _ in steps}
    hidden: set[str] = set()
    rows: list[tuple[object, ...]] = []
    for key, step, of, _, reason in steps:
        while of in hidden:
            of = above[of]
        lost = size[of] - size[key] if of else 0
        if _few(size[key]) or _few(lost):
            hidden.add(key)
            rows.append((key, step, of, pd.NA, pd.NA, reason))
        else:
            rows.append((key, step, of, size[key], lost if of else pd.NA, reason))
    frame = pd.DataFrame(rows, columns=list(COLUMNS))
    return frame.astype({"clients": "Int64", "left_out": "Int64"})


def _few(count: int) -> bool:
    return 0 < count < FEWEST
