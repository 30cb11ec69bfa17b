"""Weeks and months of the register: absolute indices, and the names of its wide columns.

A week is an ISO week (Monday to Sunday), numbered from the week of Monday 5 January 1970 (= 0). A month is
numbered from January 1970 (= 0). A week belongs to the month of its Thursday.
"""

from __future__ import annotations

import re
from datetime import date

import numpy as np
from numpy.typing import ArrayLike, NDArray

_FIRST_MONDAY = np.datetime64("1970-01-05", "D")
_WEEK = re.compile(r"y_(\d{2})(\d{2})")
_MONTH = re.compile(r"(?:branche|br)_(\d{4})_(\d{2})")


def week_index(dates: ArrayLike) -> NDArray[np.int64]:
    """Give the absolute ISO week of each date; dates must not be missing."""
    days = np.asarray(dates, dtype="datetime64[D]")
    if np.isnat(days).any():
        raise ValueError("week_index needs dates without missing values")
    return np.floor_divide((days - _FIRST_MONDAY).astype(np.int64), 7)


def monday(weeks: ArrayLike) -> NDArray[np.datetime64]:
    """Give the Monday of each absolute week as ``datetime64[D]``."""
    return _FIRST_MONDAY + 7 * np.asarray(weeks, dtype=np.int64)


def month_of_week(weeks: ArrayLike) -> NDArray[np.int64]:
    """Give the absolute month that each absolute week belongs to, that of its Thursday."""
    return (monday(weeks) + 3).astype("datetime64[M]").astype(np.int64)


def parse_week_column(name: str) -> int | None:
    """Give the absolute week that a column ``y_YYWW`` names, or None if it names no possible week.

    Two-digit years below 90 are 20YY. ``y_1553`` exists, ``y_1453`` does not: 2014 has 52 ISO weeks.
    """
    match = _WEEK.fullmatch(name)
    if match is None:
        return None
    short, week = int(match[1]), int(match[2])
    year = 2000 + short if short < 90 else 1900 + short
    try:
        start = date.fromisocalendar(year, week, 1)
    except ValueError:
        return None
    return int(week_index(np.datetime64(start, "D")))


def parse_month_column(name: str) -> int | None:
    """Give the absolute month that ``branche_YYYY_MM`` or ``br_YYYY_MM`` names, or None."""
    match = _MONTH.fullmatch(name)
    if match is None or not 1 <= int(match[2]) <= 12:
        return None
    return 12 * (int(match[1]) - 1970) + int(match[2]) - 1


def week_column(week: int) -> str:
    """Name the register column of an absolute week, ``y_YYWW``."""
    year, number, _ = date.fromisoformat(str(monday(week))).isocalendar()
    return f"y_{year % 100:02d}{number:02d}"


def month_column(month: int) -> str:
    """Name the register column of an absolute month, ``branche_YYYY_MM``."""
    return f"branche_{1970 + month // 12}_{month % 12 + 1:02d}"
