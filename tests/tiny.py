"""A valid study of six clients, written by hand, small enough to reason about row by row.

Enrolment is in the first half of 2014; the register runs from 2014 week 1 to 2015 week 53, January 2014 to
December 2015. k1 finds a job in July 2014 and keeps it; k2 begins an education in week 30 of 2014; k3 gets a
disability pension in week 10 of 2015; k4 changes caseworker; k5 and k6 stay on social assistance.
"""

from __future__ import annotations

import pandas as pd

from bipstats.codebook import CLIENT_ITEMS, INDICATORS
from bipstats.codebook.calendar import (
    month_column,
    parse_month_column,
    parse_week_column,
    week_column,
    week_index,
)
from bipstats.study.study import Study

WEEKS = [week_column(w) for w in range(int(week_index("2013-12-30")), int(week_index("2015-12-28")) + 1)]
MONTHS = [month_column(m) for m in range(12 * 44, 12 * 46)]


def tiny_clients() -> pd.DataFrame:
    return pd.DataFrame(
        {
            "client": ["k1", "k2", "k3", "k4", "k5", "k6"],
            "jobcentre": ["Sønderborg", "Aarhus", "Faxe", "Aarhus", "Sønderborg", "Vejen"],
            "enrolled": ["2014-01-06", "2014-02-03", "2014-02-10", "2014-03-05", "2014-04-01", "2014-05-15"],
            "sex": ["female", "male", "female", "male", "female", "male"],
            "birth_year": [1970, 1985, 1960, 1979, 1990, 1966],
            "civil_status": ["couple", "single", "single", None, "couple", "single"],
            "origin": ["western", "western", "non_western", "western", "western", "non_western"],
            "vocational_qualification": [True, False, True, False, None, False],
            "mental_diagnosis": [False, True, False, False, True, False],
            "musculoskeletal_diagnosis": [False, False, True, False, False, True],
            "convicted": [False, False, False, True, False, False],
            "job_share_5y": [0.5, 0.125, 0.0, 0.1, 1 / 3, None],
            "support_share_5y": [0.25, 0.75, 1.0, 0.7, 2 / 3, 0.9],
        }
    )


def tiny_responses() -> pd.DataFrame:
    """Two rounds per client, both raters; answers 1 + (row + item) mod 5, one of them missing."""
    rounds = [
        ("k1", "c1", "2014-01-08"),
        ("k1", "c1", "2014-04-09"),
        ("k2", "c1", "2014-02-05"),
        ("k2", "c1", "2014-05-07"),
        ("k3", "c2", "2014-02-12"),
        ("k3", "c2", "2014-05-14"),
        ("k4", "c2", "2014-03-07"),
        ("k4", "c3", "2014-06-06"),
        ("k5", "c3", "2014-04-02"),
        ("k5", "c3", "2014-07-02"),
        ("k6", "c3", "2014-05-16"),
        ("k6", "c3", "2014-08-15"),
    ]
    rows = [
        {
            "client": client,
            "caseworker": caseworker,
            "date": date,
            "respondent": respondent,
            **{
                key: 1 + (2 * n + k) % 5 if respondent == "caseworker" or key in CLIENT_ITEMS else None
                for k, key in enumerate(INDICATORS)
            },
        }
        for n, (client, caseworker, date) in enumerate(rounds)
        for respondent in ("client", "caseworker")
    ]
    responses = pd.DataFrame(rows)
    responses.loc[3, "network"] = None
    return responses


def tiny_assignments() -> pd.DataFrame:
    rows = [
        ("k1", "c1", "2014-01-06", None),
        ("k2", "c1", "2014-02-03", None),
        ("k3", "c2", "2014-02-10", None),
        ("k4", "c2", "2014-03-05", "2014-05-31"),
        ("k4", "c3", "2014-06-01", None),
        ("k5", "c3", "2014-04-01", None),
        ("k6", "c3", "2014-05-15", "2015-05-15"),
    ]
    return pd.DataFrame(rows, columns=["client", "caseworker", "start", "end"])


def tiny_interventions() -> pd.DataFrame:
    rows = [
        ("k1", 1, "2014-02-03", "2014-04-27"),
        ("k1", 20, "2014-03-03", "2014-03-30"),
        ("k2", 10, "2014-03-03", "2014-05-25"),
        ("k4", 14, "2014-04-07", "2014-06-29"),
        ("k4", 1, "2014-06-30", "2014-09-21"),
    ]
    return pd.DataFrame(rows, columns=["client", "code", "start", "end"])


def tiny_register() -> pd.DataFrame:
    clients = tiny_clients()["client"]
    weeks = pd.DataFrame(130, index=clients, columns=WEEKS, dtype="Int16")
    months = pd.DataFrame(pd.NA, index=clients, columns=MONTHS, dtype="Int32")
    week = {name: parse_week_column(name) for name in WEEKS}
    month = {name: parse_month_column(name) for name in MONTHS}
    job = int(week_index("2014-06-30"))
    weeks.loc["k1", [name for name in WEEKS if week[name] >= job]] = pd.NA
    weeks.loc["k2", [name for name in WEEKS if week[name] >= parse_week_column("y_1430")]] = 651
    weeks.loc["k3", [name for name in WEEKS if week[name] >= parse_week_column("y_1510")]] = 783
    months.loc["k1", [name for name in MONTHS if month[name] >= 12 * 44 + 6]] = 841100
    return pd.concat([weeks, months], axis=1).reset_index()


def tiny_truth() -> pd.DataFrame:
    return pd.DataFrame(
        {
            "quantity": ["belief", "switch"],
            "scale": ["hazard ratio", "hazard ratio"],
            "value": [1.1, 0.78],
            "mc_error": [None, 0.1 + 0.2],
            "how": ["given", "simulated, 1,000 studies"],
        }
    )


def tiny_tables() -> dict[str, pd.DataFrame]:
    """The five tables as a user might bring them: plain values, dates as text."""
    return {
        "clients": tiny_clients(),
        "responses": tiny_responses(),
        "assignments": tiny_assignments(),
        "interventions": tiny_interventions(),
        "register": tiny_register(),
    }


def tiny_study(*, truth: bool = False) -> Study:
    """The same as a study."""
    return Study(**tiny_tables(), truth=tiny_truth() if truth else None)
