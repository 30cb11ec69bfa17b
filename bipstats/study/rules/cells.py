"""Rules about single cells and about headers, the same in every table."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from bipstats.codebook import Column
from bipstats.study.parse import USER_MISSING, Mask
from bipstats.study.rules.base import ERROR, WARNING, CellRule, HeaderRule
from bipstats.study.sheet import Sheet
from bipstats.study.tables import WIDE_PREFIXES, columns_of


def _kind(*kinds: str, nullable: bool | None = None) -> Callable[[Column], bool]:
    """Columns of these kinds."""
    return lambda column: column.kind in kinds and nullable in (None, column.nullable)


def _empty(sheet: Sheet, column: Column) -> Mask:
    return sheet.empty(column.name)


def outside(sheet: Sheet, column: Column) -> Mask:
    """Numbers outside the column's bounds."""
    values = sheet.frame[column.name]
    beyond = (values < column.low) | (values > column.high)
    return beyond.fillna(False).to_numpy(dtype=bool)


_NUMBERS = ("score", "year", "code", "share", "benefit", "industry", "number")
_WHOLE = ("score", "year", "code", "benefit", "industry")

CELL_RULES = (
    CellRule(
        "missing_key",
        ERROR,
        "{n} [row has|rows have] no identifier",
        _kind("id"),
        "give every row its identifier, or leave the row out",
        _empty,
    ),
    CellRule(
        "unreadable_date",
        ERROR,
        "{n} [date does|dates do] not parse",
        _kind("date"),
        "write dates as YYYY-MM-DD without a time of day, or give date_format in the mapping",
    ),
    CellRule(
        "missing_date",
        ERROR,
        "{n} [date is|dates are] missing",
        _kind("date", nullable=False),
        "give every row its date, or leave the row out",
        _empty,
    ),
    CellRule(
        "unknown_respondent",
        ERROR,
        "{n} [questionnaire has|questionnaires have] an unknown respondent",
        lambda column: column.name == "respondent",
        "write client or caseworker, or translate in the mapping ([responses.codes.respondent])",
    ),
    CellRule(
        "unknown_level",
        ERROR,
        "{n} [value is|values are] not among the levels of the codebook",
        _kind("category"),
        "the levels are {levels}: translate in the mapping ([{table}.codes.{column}]) or correct the file",
    ),
    CellRule(
        "unlabelled_code",
        ERROR,
        "{n} [value has|values have] no label in a column whose other values have one",
        _kind("category"),
        "label the value in the file, or say in the mapping what it means ([{table}.codes.{column}])",
    ),
    CellRule(
        USER_MISSING,
        WARNING,
        "{n} [value is|values are] declared missing by the file and [is|are] missing in the study",
        lambda column: True,
        "nothing to do if that is right; the mapping can say what the value means ([{table}.codes.{column}]), or "
        "that it is missing ([{table}] missing = [...]), and is then not told again",
    ),
    CellRule(
        "missing_value",
        ERROR,
        "{n} [value is|values are] missing",
        _kind("category", "code", "year", nullable=False),
        "give every row a value, or leave the row out",
        _empty,
    ),
    CellRule(
        "not_a_number",
        ERROR,
        "{n} [value is not a number|values are not numbers]",
        _kind(*_NUMBERS),
        "correct the file, or declare in the mapping what the value means ([{table}.codes.{column}])",
    ),
    CellRule(
        "not_a_whole_number",
        ERROR,
        "{n} [value is not a whole number|values are not whole numbers]",
        _kind(*_WHOLE),
        "correct the file; nothing is rounded",
    ),
    CellRule(
        "score_range",
        ERROR,
        "{n} [answer lies|answers lie] outside {low}-{high}",
        _kind("score"),
        "declare the scale in the mapping ([responses.scale]) or correct the file",
        outside,
    ),
    CellRule(
        "off_scale",
        ERROR,
        "{n} [answer falls|answers fall] between the five steps of the declared scale {low}-{high}",
        _kind("score"),
        "nothing is rounded: say in the mapping what each value becomes ([responses.codes.{column}])",
    ),
    CellRule(
        "not_a_flag",
        ERROR,
        "{n} [value is|values are] neither 0 nor 1",
        _kind("flag"),
        "write 0 or 1, or translate in the mapping ([{table}.codes.{column}])",
    ),
    CellRule(
        "share_range",
        ERROR,
        "{n} [share lies|shares lie] outside 0-1",
        _kind("share"),
        "give shares of the time between 0 and 1, not per cent",
        outside,
    ),
    CellRule(
        "implausible_birth_year",
        ERROR,
        "{n} birth [year lies|years lie] outside {low}-{high}",
        _kind("year"),
        "give the year of birth with four digits",
        outside,
    ),
    CellRule(
        "unknown_code",
        ERROR,
        "{n} [code is|codes are] not among the interventions {low}-{high}",
        _kind("code"),
        "translate in the mapping ([{table}.codes.{column}]); bip.codebook.interventions() lists the codes",
        outside,
    ),
    CellRule(
        "code_range",
        ERROR,
        "{n} [code lies|codes lie] outside {low}-{high}",
        _kind("benefit", "industry"),
        "leave weeks without benefit and months without employment empty; correct the other codes",
        outside,
    ),
)


def missing_columns(sheet: Sheet) -> list[str]:
    """Columns without which the table is of no use, and which it does not have."""
    required = [column.name for column in columns_of(sheet.name, sheet.header) if column.required]
    return [name for name in required if name not in {*sheet.header, *sheet.unfound}]


def _repeated(sheet: Sheet) -> list[str]:
    counts = np.unique(np.array(sheet.header, dtype=str), return_counts=True)
    return [str(name) for name, count in zip(*counts, strict=True) if count > 1]


def _unknown(sheet: Sheet) -> Sequence[str]:
    known = {column.name for column in sheet.columns}
    wide = WIDE_PREFIXES if sheet.name == "register" else ()
    return [name for name in dict.fromkeys(sheet.header) if name not in known and not name.startswith(wide)]


HEADER_RULES = (
    HeaderRule(
        "column_missing",
        ERROR,
        "the column is missing",
        missing_columns,
        "add it, or name the column that holds it in the mapping ([{table}.columns])",
    ),
    HeaderRule(
        "mapped_column_missing",
        ERROR,
        "the file has no column of the name that the mapping gives",
        lambda sheet: sheet.unfound,
        "correct the name in the mapping ([{table}.columns])",
    ),
    HeaderRule(
        "duplicate_column",
        ERROR,
        "the column is there more than once",
        _repeated,
        "keep one of them",
    ),
    HeaderRule(
        "unknown_column",
        WARNING,
        "the codebook has no such column; it is kept as it is",
        _unknown,
        "leave it out, or say in the mapping which column of the study it is ([{table}.columns])",
    ),
)
