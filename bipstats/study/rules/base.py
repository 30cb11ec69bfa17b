"""What a rule is, and how a broken one becomes a problem."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from bipstats.codebook import Column
from bipstats.study.parse import Mask
from bipstats.study.problems import SHOWN, Problem, inflect, presentable
from bipstats.study.sheet import Sheet
from bipstats.study.writing import text_of

ERROR, WARNING = "error", "warning"

Sheets = Mapping[str, Sheet]


def _no_test(sheet: Sheet, column: Column) -> None:
    """For rules that only casting can break."""


@dataclass(frozen=True, slots=True)
class CellRule:
    """A rule about the cells of one kind of column.

    Attributes
    ----------
    name, severity : str
    text : str
        ``{n}``, ``{low}`` and ``{high}`` are filled in, ``[one|many]`` is inflected by n.
    applies : callable
        Column -> whether the rule is about it; a column that the codebook does not know has the kind
        ``extra``.
    fix : str
        ``{table}``, ``{column}`` and ``{levels}`` are filled in.
    test : callable
        Sheet and column -> (n,) bool array of broken rows; cells that could not be cast because of this rule
        are added to it.
    """

    name: str
    severity: str
    text: str
    applies: Callable[[Column], bool]
    fix: str
    test: Callable[[Sheet, Column], Mask | None] = _no_test


@dataclass(frozen=True, slots=True)
class RowRule:
    """A rule about the rows of a table, alone or against other tables.

    Attributes
    ----------
    name, severity, text, fix : str
        As in `CellRule`.
    column : str
        Where the problem shows; empty for the row as a whole.
    needs : tuple of str
        ``table.column`` of everything the test reads; without it the rule says nothing, since another one
        has said what is missing.
    test : callable
        All sheets -> (n,) bool array of broken rows.
    """

    name: str
    column: str
    severity: str
    text: str
    needs: tuple[str, ...]
    test: Callable[[Sheets], Mask]
    fix: str


@dataclass(frozen=True, slots=True)
class HeaderRule:
    """A rule about the columns that a table has; `test` gives the names that break it."""

    name: str
    severity: str
    text: str
    test: Callable[[Sheet], Sequence[str]]
    fix: str


def cell_problems(rules: Sequence[CellRule], sheet: Sheet) -> Iterator[Problem]:
    """Apply every cell rule to every column it is about."""
    for rule in rules:
        for column in filter(rule.applies, (*sheet.columns, *sheet.extras)):
            broken = sheet.defects.get((column.name, rule.name))
            tested = rule.test(sheet, column)
            if tested is not None:
                broken = tested if broken is None else broken | tested
            if broken is not None and broken.any():
                yield _problem(rule, sheet, column.name, broken, column)


def row_problems(rules: Sequence[RowRule], table: str, sheets: Sheets) -> Iterator[Problem]:
    """Apply every row rule whose columns are there."""
    for rule in rules:
        if _there(rule.needs, sheets) and (broken := rule.test(sheets)).any():
            yield _problem(rule, sheets[table], rule.column, broken)


def header_problems(rules: Sequence[HeaderRule], sheet: Sheet) -> Iterator[Problem]:
    """Apply every header rule; each name is one problem, on line 1 where there are lines."""
    rows = () if sheet.unit == "observation" else (1,)
    for rule in rules:
        for name in rule.test(sheet):
            places = {"table": sheet.name, "column": name}
            text, fix = rule.text.format(**places), rule.fix.format(**places)
            yield Problem(sheet.name, name, rule.name, rule.severity, text, fix, 1, rows, unit=sheet.unit)


def _there(needs: Sequence[str], sheets: Sheets) -> bool:
    pairs = [need.split(".") for need in needs]
    return all(table in sheets and sheets[table].has(column) for table, column in pairs)


def _problem(
    rule: CellRule | RowRule, sheet: Sheet, name: str, broken: Mask, column: Column | None = None
) -> Problem:
    """Count the broken rows and show where they are."""
    n = int(broken.sum())
    at = np.flatnonzero(broken)
    low, high = sheet.scales.get(name, (column.low, column.high) if column else (None, None))
    levels = ", ".join(column.levels) if column else ""
    words = {"n": n, "low": _plain(low), "high": _plain(high), "table": sheet.name, "column": name}
    words["levels"] = levels
    return Problem(
        table=sheet.name,
        column=name,
        rule=rule.name,
        severity=rule.severity,
        sentence=inflect(rule.text, n).format(**words),
        fix=rule.fix.format(**words),
        n_rows=n,
        rows=tuple(int(line) for line in sheet.lines[at[:SHOWN]]),
        example=_example(sheet, name, int(at[0]), column),
        unit=sheet.unit,
    )


def _plain(bound: float | None) -> str:
    return "" if bound is None else f"{bound:g}"


def _example(sheet: Sheet, name: str, row: int, column: Column | None) -> str:
    """The first offending value, unless it identifies somebody."""
    if column is None or column.kind == "id" or not len(sheet.frame):
        return ""
    personal = [text_of(sheet.raw[other.name].iloc[row]) for other in sheet.columns if other.kind == "id"]
    cell = sheet.raw[name].iloc[row : row + 1]
    if cell.isna().all():
        return ""
    text = text_of(cell.iloc[0])
    label = sheet.declared[name].labels.get(text)
    return presentable(text if label is None else f"{text} = {label}", personal)
