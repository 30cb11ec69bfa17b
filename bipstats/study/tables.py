"""The five tables: names, columns and order."""

from __future__ import annotations

from collections.abc import Iterable

from bipstats.codebook import Column, schema
from bipstats.codebook.calendar import month_column, parse_month_column, parse_week_column

TABLES = ("clients", "responses", "assignments", "interventions", "register")

TRUTH = (
    Column("quantity", "text"),
    Column("scale", "text", nullable=True),
    Column("value", "number", nullable=True),
    Column("mc_error", "number", nullable=True),
    Column("how", "text", nullable=True),
)
"""Columns of the truth of a simulated study, which travels with it as ``truth.csv``."""

WIDE_PREFIXES = ("y_", "branche_", "br_")
"""How the register's weekly and monthly columns begin."""


def canonical(table: str, name: str) -> str:
    """Give the study's spelling of a column name: ``br_2013_01`` is ``branche_2013_01``."""
    if table == "register" and name.startswith("br_"):
        month = parse_month_column(name)
        return name if month is None else month_column(month)
    return name


def columns_of(table: str, names: Iterable[str]) -> tuple[Column, ...]:
    """Give the known columns of a table, the register's weeks and months in the order of the calendar.

    Parameters
    ----------
    table : str
        One of `TABLES`, or ``"truth"``.
    names : iterable of str
        Columns that are there; they decide which weeks and months a register has.

    Returns
    -------
    tuple of Column
        Two kinds beyond the codebook's: ``benefit`` for weeks (a three-digit code, empty for no benefit) and
        ``industry`` for months (a code, empty for not employed).
    """
    if table == "truth":
        return TRUTH
    if table != "register":
        return schema(table)
    names = tuple(dict.fromkeys(names))
    weeks = {name: week for name in names if (week := parse_week_column(name)) is not None}
    months = {name: month for name in names if (month := parse_month_column(name)) is not None}
    return (
        *schema("register"),
        *(
            Column(n, "benefit", low=100, high=999, nullable=True)
            for n in sorted(weeks, key=weeks.__getitem__)
        ),
        *(
            Column(n, "industry", low=1, high=999_999, nullable=True)
            for n in sorted(months, key=months.__getitem__)
        ),
    )
