"""All rules on all tables."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import Any

from bipstats.study.problems import Problem
from bipstats.study.rules import assignments, clients, interventions, register, responses
from bipstats.study.rules.base import ERROR, WARNING, Sheets, cell_problems, header_problems, row_problems
from bipstats.study.rules.cells import CELL_RULES, HEADER_RULES
from bipstats.study.rules.identifiers import leading_zeros
from bipstats.study.tables import TABLES

_RULES: dict[str, Any] = {
    "clients": clients,
    "responses": responses,
    "assignments": assignments,
    "interventions": interventions,
    "register": register,
    "truth": None,
}


def examine(sheets: Sheets, elsewhere: Collection[str] = ()) -> list[Problem]:
    """Apply every rule to every table, and come back with all that is broken.

    Parameters
    ----------
    sheets : mapping of table to Sheet
    elsewhere : collection of str
        Tables that are not among the sheets for a reason which has been reported already.

    Returns
    -------
    list of Problem
        Table by table; empty if there is nothing to report.
    """
    problems: list[Problem] = []
    zeros = list(leading_zeros(sheets))
    for table in (*TABLES, "truth"):
        if table in sheets:
            problems.extend(_table_problems(table, sheets))
            problems.extend(problem for problem in zeros if problem.table == table)
        elif table in TABLES and table not in elsewhere:
            problems.append(_missing_table(table))
    return problems


def _table_problems(table: str, sheets: Sheets) -> Iterator[Problem]:
    sheet, rules = sheets[table], _RULES[table]
    yield from header_problems((*HEADER_RULES, *getattr(rules, "HEADER_RULES", ())), sheet)
    if sheet.frame.empty and table != "truth":
        yield _empty_table(table)
        return
    yield from cell_problems((*CELL_RULES, *getattr(rules, "CELL_RULES", ())), sheet)
    yield from row_problems(getattr(rules, "ROW_RULES", ()), table, sheets)


def _missing_table(table: str) -> Problem:
    fix = f"add {table}.csv (or .csv.gz, .parquet, .dta, .sav, .xlsx) to the folder"
    return Problem(table, "", "table_missing", ERROR, "the table is missing", fix)


def _empty_table(table: str) -> Problem:
    """A study may have had no interventions; it cannot have had no clients."""
    if table == "interventions":
        fix = "nothing to do if there were none"
        return Problem(table, "", "table_empty", WARNING, "the table has no rows", fix)
    return Problem(table, "", "table_empty", ERROR, "the table has no rows", "add the rows")
