"""Excel workbooks (.xlsx): one sheet, cells as they are seen, and every cell that cannot be trusted by its name."""

from __future__ import annotations

import io
import re
import warnings
import zipfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from bipstats.study.mapping import FileMapping
from bipstats.study.problems import SHOWN, Problem, inflect
from bipstats.study.raw import Raw, library, line_numbers, not_a_file, unreadable
from bipstats.study.sheet import header_of
from bipstats.study.tables import columns_of
from bipstats.study.writing import Declared, text_of

_ERRORS = frozenset({"#N/A", "#REF!", "#VALUE!", "#DIV/0!", "#NAME?", "#NUM!", "#NULL!", "#SPILL!", "#CALC!"})
_OLE = b"\xd0\xcf\x11\xe0"
"""How .xls files begin, and .xlsx files that are encrypted."""
_FIRST_SERIAL, _LAST_SERIAL = 20_000, 73_050
"""Plain numbers that may be dates, 1954-10-03 to 2100-01-01; a year or YYYYMMDD is none of them."""
_FORMULA, _MERGED = "(formula)", "(merged)"


@dataclass(frozen=True, slots=True)
class _Spoilt:
    """A cell that cannot be read: its place from 0, the header being row 0; its name; and what stands in it."""

    rule: str
    row: int
    column: int
    name: str
    text: str


def read(path: Path, table: str, mapping: FileMapping) -> Raw:
    """Read the sheet that has the table's name, or else the first one.

    Parameters
    ----------
    path : Path
        ``.xlsx``.
    table : str
    mapping : FileMapping

    Returns
    -------
    Raw
        Cells as Excel shows them, a formula by its stored result; numbers in columns of dates are taken for
        Excel's serial days. Empty rows at the end of the sheet are none. Error values, formulas without a
        stored result and merged cells are problems.

    Raises
    ------
    BipstatsError
        If openpyxl is not installed.
    """
    if path.is_dir():
        return not_a_file(path, table)
    openpyxl = library("openpyxl", path)
    try:
        content = path.read_bytes()
        if content.startswith(_OLE):
            said = "the workbook is encrypted with a password, or of the old format .xls"
            return unreadable(table, said, "save it without password as .xlsx, or as CSV")
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # openpyxl tells of styles and extensions that it leaves out
            rows, epoch = _rows(openpyxl, content, table)
            spoilt = _error_cells(openpyxl, rows)
            if _mentions(content, b"f"):
                spoilt += _formulas_without_result(openpyxl, rows, _rows(openpyxl, content, table, False)[0])
            if _mentions(content, b"mergeCell"):
                spoilt += _merged_cells(openpyxl, rows, content, table)
    except Exception as error:  # a damaged part makes openpyxl stumble over what is in it, in any way
        fix = f"save it anew ({type(error).__name__})"
        return unreadable(table, "the file cannot be read as an Excel workbook", fix)
    if not rows or not any(map(_filled, rows[0])):
        return unreadable(table, "the first row is empty", "begin the sheet with its header")
    return _laid_out(
        table, mapping, rows, spoilt, lambda number: openpyxl.utils.datetime.from_excel(number, epoch)
    )


def _rows(openpyxl: Any, content: bytes, table: str, results: bool = True) -> tuple[list[list[Any]], Any]:
    """All rows to the last with content, equally long, and the workbook's first day.

    Formulas are given by their results, or as they are written.
    """
    book = openpyxl.load_workbook(io.BytesIO(content), read_only=True, data_only=results)
    sheet = _sheet(book, table)
    sheet.reset_dimensions()  # what the file says about its size need not be true
    rows = [list(row) for row in sheet.iter_rows(values_only=True)]
    while rows and not any(map(_filled, rows[-1])):
        rows.pop()
    width = max((len(row) - _unfilled_end(row) for row in rows), default=0)
    return [row[:width] + [None] * (width - len(row)) for row in rows], book.epoch


def _sheet(book: Any, table: str) -> Any:
    named = [sheet for sheet in book.worksheets if sheet.title.strip().casefold() == table]
    return (named or book.worksheets)[0]


def _filled(value: Any) -> bool:
    return value is not None and not (isinstance(value, str) and not value.strip())


def _unfilled_end(row: Sequence[Any]) -> int:
    """How many cells at the end of a row have no content."""
    return next((n for n, value in enumerate(reversed(row)) if _filled(value)), len(row))


def _mentions(content: bytes, tag: bytes) -> bool:
    """Whether any sheet of the workbook has an element of this name."""
    element = re.compile(rb"<(?:\w+:)?" + tag + rb"[ />]")
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        sheets = [name for name in archive.namelist() if "worksheets/" in name and name.endswith(".xml")]
        return any(element.search(archive.read(name)) for name in sheets)


def _name(openpyxl: Any, row: int, column: int) -> str:
    return f"{openpyxl.utils.get_column_letter(column + 1)}{row + 1}"


def _error_cells(openpyxl: Any, rows: list[list[Any]]) -> list[_Spoilt]:
    return [
        _Spoilt("error_cell", i, j, f"{_name(openpyxl, i, j)} {value}", value)
        for i, row in enumerate(rows)
        for j, value in enumerate(row)
        if isinstance(value, str) and value in _ERRORS
    ]


def _formulas_without_result(openpyxl: Any, rows: list[list[Any]], written: list[list[Any]]) -> list[_Spoilt]:
    """Cells with a formula that no program has evaluated; they are marked in `rows`."""
    found = []
    for i, row in enumerate(written):
        for j, value in enumerate(row):
            inside = i < len(rows) and j < len(rows[i])
            if _is_formula(value) and not (inside and rows[i][j] is not None):
                found.append(_Spoilt("formula_cell", i, j, _name(openpyxl, i, j), _FORMULA))
                if inside:
                    rows[i][j] = _FORMULA
    return found


def _is_formula(value: Any) -> bool:
    if isinstance(value, str):
        return value.startswith("=")
    return type(value).__name__ in ("ArrayFormula", "DataTableFormula")


def _merged_cells(openpyxl: Any, rows: list[list[Any]], content: bytes, table: str) -> list[_Spoilt]:
    """Merged ranges among the rows; their cells but the first are marked in `rows`."""
    sheet = _sheet(openpyxl.load_workbook(io.BytesIO(content)), table)
    found = []
    for merged in sheet.merged_cells.ranges:
        cells = [(i - 1, j - 1) for i, j in merged.cells if i <= len(rows) and j <= len(rows[0])]
        for i, j in sorted(cells)[1:]:
            rows[i][j] = _MERGED
            found.append(_Spoilt("merged_cells", i, j, merged.coord, _MERGED))
    return found


_SPOILT = {
    "error_cell": (
        "{n} [cell holds|cells hold] an error value: {cells}",
        'correct or empty them, or say in the mapping that the value means "missing" ([{table}] missing = [...])',
    ),
    "formula_cell": (
        "{n} [cell holds|cells hold] a formula without a stored result: {cells}",
        "open the workbook in Excel and save it, or paste the formulas as values",
    ),
    "merged_cells": (
        "{n} [cell is|cells are] merged with another: {cells}",
        "undo the merging and give every cell its own value",
    ),
}


def _laid_out(
    table: str,
    mapping: FileMapping,
    rows: list[list[Any]],
    spoilt: list[_Spoilt],
    moment: Callable[[float], Any],
) -> Raw:
    """Rows as a frame, and the problems of their cells."""
    names = ["" if name is None else text_of(name) for name in rows[0]]
    header = header_of(table, names, mapping)
    kinds = {column.name: column.kind for column in columns_of(table, header)}
    spoilt = [cell for cell in spoilt if not _explained(cell, table, header, mapping)]
    body = rows[1:]
    columns = {}
    for j, name in enumerate(header):
        cells = [row[j] for row in body]
        if kinds.get(name) == "date":
            cells = [_day(cell, moment) for cell in cells]
        # As text a truth value is not taken for the number 1 in the same column.
        columns[j] = pd.Series(
            [str(cell) if cell is True or cell is False else cell for cell in cells], dtype=object
        )
    frame = pd.DataFrame(columns, index=pd.RangeIndex(len(body)))
    frame.columns = pd.Index(names)
    reported = {name: Declared(reported=frozenset(_texts(spoilt, j))) for j, name in enumerate(names)}
    problems = [
        _spoilt_problem(table, rule, [cell for cell in spoilt if cell.rule == rule])
        for rule in _SPOILT
        if any(cell.rule == rule for cell in spoilt)
    ]
    return Raw(frame, line_numbers(len(body)), problems, reported, "row")


def _explained(cell: _Spoilt, table: str, header: Sequence[str], mapping: FileMapping) -> bool:
    """Whether the mapping says what an error value means."""
    codes = mapping.codes.get((table, header[cell.column]), {}) if cell.column < len(header) else {}
    return cell.text in codes or cell.text in mapping.missing.get(table, ())


def _texts(spoilt: list[_Spoilt], column: int) -> Iterator[str]:
    return (cell.text for cell in spoilt if cell.column == column)


def _day(value: Any, moment: Callable[[float], Any]) -> Any:
    """The day that a plain number stands for, if it may be one."""
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return moment(value) if is_number and _FIRST_SERIAL <= value <= _LAST_SERIAL else value


def _spoilt_problem(table: str, rule: str, cells: list[_Spoilt]) -> Problem:
    said, fix = _SPOILT[rule]
    named = list(dict.fromkeys(cell.name for cell in cells))
    listed = ", ".join(named[:SHOWN]) + (", ..." if len(named) > SHOWN else "")
    rows = tuple(dict.fromkeys(cell.row + 1 for cell in cells))[:SHOWN]
    text = inflect(said, len(cells)).format(n=len(cells), cells=listed)
    return Problem(table, "", rule, "error", text, fix.format(table=table), len(cells), rows, named[0], "row")
