"""Rules about the questionnaires."""

from __future__ import annotations

import numpy as np
import pandas as pd

from bipstats.codebook import CASEWORKER_ITEMS, CLIENT_ITEMS, Column
from bipstats.codebook.calendar import parse_week_column
from bipstats.study.parse import Mask
from bipstats.study.rules.base import ERROR, WARNING, CellRule, RowRule, Sheets
from bipstats.study.rules.relations import (
    absent,
    after_register,
    before_enrolment,
    duplicated,
    enrolment,
    looked_up,
    weeks_of,
)
from bipstats.study.sheet import Sheet

_CASEWORKER_ONLY = frozenset(CASEWORKER_ITEMS) - frozenset(CLIENT_ITEMS)
_ABSORBING = ("pension", "death", "emigration")


def _answered_by_client(sheet: Sheet, column: Column) -> Mask | None:
    """Answers in a client's questionnaire to a question that only caseworkers are asked."""
    if not sheet.has("respondent"):
        return None
    by_client = (sheet.frame["respondent"] == "client").to_numpy(dtype=bool)
    return by_client & ~sheet.empty(column.name)


def _after_exit(sheets: Sheets) -> Mask:
    """Questionnaires dated after the first week of pension, death or emigration since enrolment."""
    frame = sheets["responses"].frame
    exits = looked_up(_exit_weeks(sheets), frame["client"]).fillna(np.inf).to_numpy(dtype=np.float64)
    return weeks_of(frame["date"]) > exits


def _exit_weeks(sheets: Sheets) -> pd.Series:
    """First week of an absorbing state since enrolment, of the clients who have one."""
    register = sheets["register"].frame
    register = register.loc[register["client"].notna()].drop_duplicates("client")
    weeks = {name: week for name in register if (week := parse_week_column(str(name))) is not None}
    if not weeks or register.empty:
        return pd.Series(dtype=np.float64)
    calendar = np.fromiter(weeks.values(), dtype=np.int64)
    enrolled = weeks_of(enrolment(sheets, register["client"]))
    codes = register[list(weeks)].to_numpy(dtype=np.int16, na_value=0)
    gone = np.isin(codes, _absorbing_codes(sheets["register"])) & (calendar >= enrolled[:, None])
    first = pd.Series(calendar[gone.argmax(axis=1)].astype(np.float64), index=register["client"])
    return first[np.asarray(gone.any(axis=1))]


def _absorbing_codes(register: Sheet) -> list[int]:
    known = register.benefits
    return [code for code, state in known.states.items() if known.exits[state] in _ABSORBING]


CELL_RULES = (
    CellRule(
        "caseworker_item",
        ERROR,
        "{n} client [questionnaire answers|questionnaires answer] a question that only caseworkers are asked",
        lambda column: column.name in _CASEWORKER_ONLY,
        "leave the answer empty, or correct the respondent",
        _answered_by_client,
    ),
)

ROW_RULES = (
    RowRule(
        "duplicate_questionnaire",
        "",
        ERROR,
        "{n} [questionnaire repeats|questionnaires repeat] client, date and respondent of an earlier one",
        ("responses.client", "responses.date", "responses.respondent"),
        lambda sheets: duplicated(sheets["responses"], "client", "date", "respondent"),
        "keep one questionnaire per client, date and respondent",
    ),
    RowRule(
        "unknown_client",
        "client",
        ERROR,
        "{n} [questionnaire belongs|questionnaires belong] to nobody in clients",
        ("responses.client", "clients.client"),
        lambda sheets: absent(sheets, "responses", "clients"),
        "add the client to clients, or leave the row out",
    ),
    RowRule(
        "after_register",
        "date",
        ERROR,
        "{n} [questionnaire is|questionnaires are] dated after the register's last week",
        ("responses.date", "register.client"),
        lambda sheets: after_register(sheets, "responses", "date"),
        "correct the date, extend the register, or leave the row out",
    ),
    RowRule(
        "before_enrolment",
        "date",
        WARNING,
        "{n} [questionnaire is|questionnaires are] dated before enrolment",
        ("responses.client", "responses.date", "clients.client", "clients.enrolled"),
        lambda sheets: before_enrolment(sheets, "responses", "date"),
        "see whether the date or the date of enrolment is right",
    ),
    RowRule(
        "after_exit",
        "date",
        WARNING,
        "{n} [questionnaire is|questionnaires are] dated after pension, death or emigration",
        ("responses.client", "responses.date", "clients.client", "clients.enrolled", "register.client"),
        _after_exit,
        "see whether the date or the register is right; follow-up has ended by then",
    ),
)
