"""Rules about the register's wide weekly table."""

from __future__ import annotations

import numpy as np

from bipstats.codebook import Column
from bipstats.codebook.calendar import (
    month_column,
    month_of_week,
    parse_month_column,
    parse_week_column,
    week_column,
    week_index,
)
from bipstats.study.parse import Mask
from bipstats.study.rules.base import ERROR, CellRule, HeaderRule, RowRule, Sheets
from bipstats.study.rules.relations import absent, duplicated, enrolment
from bipstats.study.sheet import Sheet


def _undefined(sheet: Sheet, column: Column) -> Mask:
    """Three-digit codes that no state claims."""
    codes = sheet.frame[column.name].to_numpy(dtype=np.int16, na_value=0)
    known = np.zeros(1000, dtype=bool)
    known[[0, *sheet.benefits.states]] = True
    inside = (codes >= 100) & (codes <= 999)
    return inside & ~known[np.where(inside, codes, 0)]


def _impossible_weeks(sheet: Sheet) -> list[str]:
    return [n for n in dict.fromkeys(sheet.header) if n.startswith("y_") and parse_week_column(n) is None]


def _impossible_months(sheet: Sheet) -> list[str]:
    months = (n for n in dict.fromkeys(sheet.header) if n.startswith(("branche_", "br_")))
    return [name for name in months if parse_month_column(name) is None]


def _weeks(sheet: Sheet) -> list[int]:
    return sorted({w for name in sheet.header if (w := parse_week_column(name)) is not None})


def _no_weeks(sheet: Sheet) -> list[str]:
    return [] if _weeks(sheet) else ["y_YYWW"]


def _absent_weeks(sheet: Sheet) -> list[str]:
    """Weeks between the first and the last that have no column."""
    weeks = _weeks(sheet)
    return [week_column(w) for w in sorted(set(range(weeks[0], weeks[-1] + 1)) - set(weeks))] if weeks else []


def _absent_months(sheet: Sheet) -> list[str]:
    """Months from the first month column to the month of the last week that have no column."""
    months = {m for name in sheet.header if (m := parse_month_column(name)) is not None}
    weeks = _weeks(sheet)
    if not weeks:
        return []
    last = int(month_of_week(weeks[-1]))
    first = min(months, default=last)
    return [month_column(m) for m in sorted(set(range(first, last + 1)) - months)]


def _months_start_late(sheets: Sheets) -> Mask:
    """Clients enrolled before the first month of employment."""
    register = sheets["register"]
    months = [m for name in register.header if (m := parse_month_column(name)) is not None]
    enrolled = enrolment(sheets, register.frame["client"])
    late = np.zeros(len(enrolled), dtype=bool)
    known = enrolled.notna().to_numpy(dtype=bool)
    if months and known.any():
        late[known] = month_of_week(week_index(enrolled[known].to_numpy())) < min(months)
    return late


CELL_RULES = (
    CellRule(
        "unknown_benefit",
        ERROR,
        "{n} [code is|codes are] not in the list of benefits",
        lambda column: column.kind == "benefit",
        "correct the code, or give your own list as codes= (a TOML file laid out as bipstats/codebook/dream.toml)",
        _undefined,
    ),
)

HEADER_RULES = (
    HeaderRule(
        "impossible_week_column",
        ERROR,
        "the calendar has no such week",
        _impossible_weeks,
        "weeks are y_YYWW by ISO 8601 (2014 has 52 weeks, 2015 has 53)",
    ),
    HeaderRule(
        "impossible_month_column",
        ERROR,
        "the calendar has no such month",
        _impossible_months,
        "months are branche_YYYY_MM or br_YYYY_MM",
    ),
    HeaderRule("column_missing", ERROR, "there is not one weekly column", _no_weeks, "add the weeks y_YYWW"),
    HeaderRule(
        "week_gap",
        ERROR,
        "the week is missing between the first and the last",
        _absent_weeks,
        "add the column; a week without any payment is a column of empty cells",
    ),
    HeaderRule(
        "month_gap",
        ERROR,
        "the month is missing before the register's last week",
        _absent_months,
        "add the column; a month without any employment is a column of empty cells",
    ),
)

ROW_RULES = (
    RowRule(
        "duplicate_client",
        "client",
        ERROR,
        "{n} [row repeats|rows repeat] a client",
        ("register.client",),
        lambda sheets: duplicated(sheets["register"], "client"),
        "keep one row per client",
    ),
    RowRule(
        "unknown_client",
        "client",
        ERROR,
        "{n} [row belongs|rows belong] to nobody in clients",
        ("register.client", "clients.client"),
        lambda sheets: absent(sheets, "register", "clients"),
        "add the client to clients, or leave the row out",
    ),
    RowRule(
        "months_start_late",
        "client",
        ERROR,
        "{n} [client is|clients are] enrolled before the first month of employment",
        ("register.client", "clients.client", "clients.enrolled"),
        _months_start_late,
        "add the months branche_YYYY_MM from enrolment on",
    ),
)
