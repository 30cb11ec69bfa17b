"""What a change of caseworker reveals: do clients follow the new caseworker's belief or the former one's?"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from bipstats.caseworkers.first_answers import BELIEF
from bipstats.caseworkers.outlook import Outlook
from bipstats.caseworkers.outlook_rows import person_quarters
from bipstats.caseworkers.usable import terms
from bipstats.codebook import BACKGROUND, INDICATORS
from bipstats.codebook.calendar import week_index
from bipstats.core.covariance import cluster
from bipstats.core.result import Result
from bipstats.errors import ModelError
from bipstats.models.hazard import hazard
from bipstats.register.outcomes import Outcome
from bipstats.timeline.person_periods import person_periods

if TYPE_CHECKING:
    from bipstats.study.study import Study

FEWEST_ENTRIES = 30
NEW_AND_FORMER_BELIEF = ("new_belief", "former_belief")
NEW_AND_FORMER_OUTLOOK = ("new_orientation", "former_orientation")
BELIEFS = ("new caseworker's belief", "former caseworker's belief")
OUTLOOKS = ("new caseworker's orientation", "former caseworker's orientation")


def by_beliefs(study: Study, spell_rows: pd.DataFrame) -> Result:
    """Hazard after a change, on the new caseworker's answer in force and the former one's last answer.

    Parameters
    ----------
    study : Study
    spell_rows : pandas.DataFrame
        `bip.spells` of the study, answers carried over the whole follow-up: the former caseworker's is old by then.

    Raises
    ------
    ModelError
        Too few entries after a change, with answers of both; the message counts.
    """
    rows = person_periods(_both_answers(study, spell_rows), 13)
    rows = rows[rows["new_belief"].notna() & rows["former_belief"].notna()]
    others = [key for key in INDICATORS if key != BELIEF]
    return _fit(rows, NEW_AND_FORMER_BELIEF, (*others, *BACKGROUND, "C(jobcentre)"))


def by_outlooks(study: Study, found: Outlook, outcome: Outcome) -> Result:
    """Hazard after a change, on the orientation of the new and of the former caseworker."""
    read = person_quarters(study, found, outcome)
    former = _former_pair(study, found)
    scores = found.scores(1)
    own = read.rows["pair"].to_numpy()
    new, old = scores.to_numpy()[own], former[own]
    rows = read.rows.assign(
        new_orientation=new, former_orientation=np.where(old >= 0, scores.to_numpy()[old], np.nan)
    )
    rows = rows[rows["former_orientation"].notna()]
    others = [term for term in (*read.background, *read.own) if term != "switched"]
    return _fit(rows, NEW_AND_FORMER_OUTLOOK, tuple(others))


def _fit(rows: pd.DataFrame, pair: tuple[str, str], others: tuple[str, ...]) -> Result:
    came = rows.groupby("jobcentre", observed=True)["event"].transform("max") == 1
    rows = rows[came & rows["caseworker"].notna()]
    entries = int(rows["event"].sum())
    if entries < FEWEST_ENTRIES:
        raise ModelError(
            f"{entries:,} entries after a change of caseworker with both caseworkers known "
            f"({rows['client'].nunique():,} clients); new and former cannot be compared with fewer than "
            f"{FEWEST_ENTRIES}."
        )
    right, _ = terms(rows, *pair, *dict.fromkeys(others))
    missing = [name for name in pair if name not in right]
    if missing:
        raise ModelError(f"{' and '.join(missing)} does not vary after changes of caseworker.")
    return hazard(right, rows, exposure="exposure", vcov=cluster("caseworker"), missing="drop")


def _both_answers(study: Study, rows: pd.DataFrame) -> pd.DataFrame:
    """Rows with ``new_belief``, in force and by the row's caseworker, and ``former_belief``, by the one before."""
    answers = _answers(study)
    age = rows[f"age_weeks_{BELIEF}"]
    week = rows["start"] - age.astype("Float64").fillna(-1).astype(float)
    keys = pd.DataFrame({"client": rows["client"].astype(str).to_numpy(object), "week": week.to_numpy()})
    keys.loc[age.isna().to_numpy(), "week"] = np.nan
    found = keys.merge(answers, on=["client", "week"], how="left")
    current = rows["caseworker"].astype(object).where(rows["caseworker"].notna(), None).astype(str).to_numpy()
    same = found["caseworker"].to_numpy(object) == current
    belief = rows[BELIEF].astype("Float64").to_numpy(dtype=float, na_value=np.nan)
    return rows.assign(
        new_belief=np.where(same, belief, np.nan), former_belief=np.where(same, found["former"], np.nan)
    )


def _answers(study: Study) -> pd.DataFrame:
    """Answers on belief: ``client, week, caseworker, former``, the last answer of another caseworker before."""
    table = study.responses
    chosen = (table["respondent"] == "caseworker") & table[BELIEF].notna() & table["caseworker"].notna()
    given = table.loc[chosen, ["client", "caseworker", "date", BELIEF]].sort_values(
        ["client", "date"], kind="stable"
    )
    client, caseworker = (given[key].astype(str).to_numpy(object) for key in ("client", "caseworker"))
    belief = given[BELIEF].to_numpy(dtype=float)
    again = np.append(False, client[1:] == client[:-1])
    changed = again & np.append(False, caseworker[1:] != caseworker[:-1])
    former = pd.Series(np.where(changed, np.append(np.nan, belief[:-1]), np.nan))
    former = former.groupby(np.cumsum(changed | ~again)).ffill()
    enrolled = study.clients.set_index(study.clients["client"].astype(str))["enrolled"]
    start = week_index(enrolled.reindex(client).to_numpy())
    frame = pd.DataFrame(
        {
            "client": client,
            "week": (week_index(given["date"].to_numpy()) - start).astype(float),
            "caseworker": caseworker,
            "former": former.to_numpy(),
        }
    )
    return frame.drop_duplicates(["client", "week"], keep="last")


def _former_pair(study: Study, found: Outlook) -> np.ndarray:
    """For each assignment that of the client's caseworker before, -1 if there was none with a known orientation."""
    table = study.assignments[study.assignments["caseworker"].notna()].sort_values(
        ["client", "start"], kind="stable"
    )
    client, caseworker = (table[key].astype(str).to_numpy(object) for key in ("client", "caseworker"))
    changed = np.append(False, (client[1:] == client[:-1]) & (caseworker[1:] != caseworker[:-1]))
    pairs = found.before.pairs.get_indexer(pd.MultiIndex.from_arrays([client, caseworker]))
    former = np.full(len(found.before.pairs), -1)
    places = np.flatnonzero(changed)[::-1]  # the first time with a caseworker counts
    former[pairs[places]] = pairs[places - 1]
    known = found.before.count > 0
    return np.where((former >= 0) & known[former], former, -1)
