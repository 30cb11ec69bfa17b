"""Small studies written by hand: who is in which state in which week, who answered what and when."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, timedelta

import numpy as np
import pandas as pd

from bipstats.codebook import CASEWORKER_ITEMS, CLIENT_ITEMS, INDICATORS, LEVELS
from bipstats.codebook.calendar import month_column, month_of_week, week_column, week_index
from bipstats.study.study import Study

BENEFIT, EDUCATION, FLEXJOB, PENSION, EMIGRATED, DEAD = 130, 651, 771, 783, 997, 999
CODE = {
    "benefit": BENEFIT,
    "education": EDUCATION,
    "flexjob": FLEXJOB,
    "pension": PENSION,
    "emigrated": EMIGRATED,
    "dead": DEAD,
}
ENROLLED = date(2013, 1, 7)  # a Monday, ISO week 2 of 2013
LAST = date(2016, 12, 26)  # Monday of the register's last week


@dataclass
class Person:
    """One client: everything in weeks since enrolment (Mondays unless said otherwise)."""

    states: dict[tuple[int, int], str] = field(default_factory=dict)  # (first, last) week -> state
    answers: list[tuple] = field(default_factory=list)  # (week, rater[, score or {key: score}[, weekday]])
    caseworkers: list[tuple] = field(default_factory=lambda: [("K1", 0, None)])  # (id, first, last week)
    interventions: list[tuple] = field(default_factory=list)  # (code, first week, last week or None)
    enrolled: date = ENROLLED
    jobcentre: str = "Aarhus"


def day(person: Person, week: int, weekday: int = 0) -> pd.Timestamp:
    monday_of_enrolment = person.enrolled - timedelta(days=person.enrolled.weekday())
    return pd.Timestamp(monday_of_enrolment + timedelta(weeks=week, days=weekday))


def make(people: dict[str, Person], last: date = LAST, weeks_before: int = 52) -> Study:
    """Build the study; the register begins `weeks_before` the first enrolment and ends in week `last`."""
    first = min(week_index(np.datetime64(p.enrolled)).item() for p in people.values()) - weeks_before
    final = week_index(np.datetime64(last)).item()
    tables = {
        "clients": [_client(name, p) for name, p in people.items()],
        "responses": [_response(name, p, *a) for name, p in people.items() for a in p.answers],
        "assignments": [
            {"client": name, "caseworker": c, "start": day(p, a), "end": _end(p, b)}
            for name, p in people.items()
            for c, a, b in p.caseworkers
        ],
        "interventions": [
            {"client": name, "code": c, "start": day(p, a), "end": _end(p, b)}
            for name, p in people.items()
            for c, a, b in p.interventions
        ],
        "register": [_register(name, p, np.arange(first, final + 1)) for name, p in people.items()],
    }
    return Study(**{key: _frame(key, rows) for key, rows in tables.items()})


def _end(person: Person, week: int | None) -> pd.Timestamp:
    return pd.NaT if week is None else day(person, week, 6)


def _client(name: str, person: Person) -> dict:
    flags = ("vocational_qualification", "mental_diagnosis", "musculoskeletal_diagnosis", "convicted")
    return {
        "client": name,
        "jobcentre": person.jobcentre,
        "enrolled": pd.Timestamp(person.enrolled),
        "sex": "female",
        "birth_year": 1970,
        "civil_status": "single",
        "origin": "western",
        **dict.fromkeys(flags, False),
        "job_share_5y": 0.1,
        "support_share_5y": 0.8,
    }


def _response(name: str, person: Person, week: int, rater: str, score: object = 3, weekday: int = 0) -> dict:
    items = CLIENT_ITEMS if rater == "client" else CASEWORKER_ITEMS
    answers = score if isinstance(score, dict) else dict.fromkeys(items, score)
    return {
        "client": name,
        "caseworker": "K1",
        "date": day(person, week, weekday),
        "respondent": rater,
        **{key: answers.get(key, pd.NA) for key in INDICATORS},
    }


def _register(name: str, person: Person, weeks: np.ndarray) -> dict:
    zero = week_index(np.datetime64(person.enrolled)).item()
    state = {int(week): "benefit" for week in weeks}
    for (first, last), what in person.states.items():
        state.update({zero + week: what for week in range(first, last + 1) if zero + week in state})
    month = dict(zip(state, month_of_week(weeks), strict=True))
    working = {month[week] for week, what in state.items() if what == "job"}
    clash = [week for week, what in state.items() if what == "self_support" and month[week] in working]
    assert not clash, "a month cannot have weeks in job and weeks in self-support"
    benefits = {week_column(week): CODE.get(what, pd.NA) for week, what in state.items()}
    industries = {month_column(m): 620100 if m in working else pd.NA for m in sorted(set(month.values()))}
    return {"client": name, **benefits, **industries}


def _frame(table: str, rows: list[dict]) -> pd.DataFrame:
    columns = {
        "responses": ["client", "caseworker", "date", "respondent", *INDICATORS],
        "assignments": ["client", "caseworker", "start", "end"],
        "interventions": ["client", "code", "start", "end"],
    }.get(table)
    names = columns or list(rows[0])
    return pd.DataFrame({name: pd.array([row[name] for row in rows], dtype=_dtype(name)) for name in names})


def _dtype(name: str) -> object:
    if name in {"client", "caseworker"}:
        return pd.StringDtype("pyarrow")
    if name in LEVELS:
        return pd.CategoricalDtype(list(LEVELS[name]))
    if name in {"enrolled", "date", "start", "end"}:
        return np.dtype("datetime64[ns]")
    if name in INDICATORS:
        return "Int8"
    if name.startswith(("y_", "birth_year", "code")):
        return "Int16"
    if name.startswith("branche_"):
        return "Int32"
    flags = {"vocational_qualification", "mental_diagnosis", "musculoskeletal_diagnosis", "convicted"}
    return "boolean" if name in flags else "float64"
