"""Identifiers that are the same but for leading zeros, as spreadsheets leave them: one problem, not one per table."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

import numpy as np

from bipstats.study.parse import Mask
from bipstats.study.problems import SHOWN, Problem, inflect
from bipstats.study.rules.base import ERROR, Sheets
from bipstats.study.sheet import Sheet

_OF_CLIENTS = ("responses", "assignments", "interventions", "register")
_FIX = "write the identifiers alike everywhere; in a spreadsheet format the column as text before you fill it"


def zeros_differ(sheet: Sheet, other: Sheet, column: str = "client") -> Mask:
    """Rows whose identifier `other` has, but with more or fewer leading zeros; no guess where two would fit."""
    known = set(other.frame[column].dropna().unique())
    strange = set(sheet.frame[column].dropna().unique()) - known
    bare = Counter(name.lstrip("0") for name in known) if strange else Counter()
    alike = [name for name in strange if bare[name.lstrip("0")] == 1]
    if not alike:
        return np.zeros(len(sheet.frame), dtype=bool)
    return sheet.frame[column].isin(alike).to_numpy(dtype=bool)


def leading_zeros(sheets: Sheets) -> Iterator[Problem]:
    """Say which tables have identifiers that differ in leading zeros from those of others.

    Clients are compared with every other table. Where one table differs, the problem is that table's; where
    several do, it is that of `clients`. Caseworkers are compared between `responses` and `assignments`.
    """
    differing = [table for table in _OF_CLIENTS if _mask(sheets, table, "clients", "client").any()]
    if len(differing) > 1:
        masks = [_mask(sheets, "clients", table, "client") for table in differing]
        yield _problem(sheets["clients"], "client", np.logical_or.reduce(masks), differing)
    for table in differing if len(differing) == 1 else ():
        yield _problem(sheets[table], "client", _mask(sheets, table, "clients", "client"), ["clients"])
    caseworker = _mask(sheets, "responses", "assignments", "caseworker")
    if caseworker.any():
        yield _problem(sheets["responses"], "caseworker", caseworker, ["assignments"])


def _mask(sheets: Sheets, table: str, other: str, column: str) -> Mask:
    there = all(name in sheets and sheets[name].has(column) for name in (table, other))
    return zeros_differ(sheets[table], sheets[other], column) if there else np.zeros(0, dtype=bool)


def _problem(sheet: Sheet, column: str, differ: Mask, others: list[str]) -> Problem:
    n = int(differ.sum())
    said = inflect(f"{n} [identifier differs|identifiers differ]", n)
    said += f" in leading zeros only from those of {', '.join(others)}"
    rows = tuple(int(line) for line in sheet.lines[differ][:SHOWN])
    return Problem(sheet.name, column, "leading_zeros", ERROR, said, _FIX, n, rows, unit=sheet.unit)
