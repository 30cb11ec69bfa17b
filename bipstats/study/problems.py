"""What is wrong with a study: as rows of a frame, and as sentences."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import groupby

import pandas as pd

from bipstats.errors import DataProblems

FIELDS = ("table", "column", "rule", "severity", "n_rows", "rows", "example", "fix")
_INFLECTED = re.compile(r"\[([^|\]]*)\|([^|\]]*)\]")
_PERSONAL = re.compile(r"\b(\d{6}|\d{8})[-+ ]?\d{4}\b")  # Danish and Swedish personal numbers
_LONGEST_EXAMPLE = 24
SHOWN = 5
"""Lines that a problem lists at most; its message shows fewer."""
_SHOWN_LINES, _SHOWN_COLUMNS = 3, 3


@dataclass(frozen=True, slots=True)
class Problem:
    """One rule broken in one column.

    Attributes
    ----------
    table, column, rule : str
    severity : {"error", "warning"}
    sentence : str
        How many of what, without line numbers and example.
    fix : str
    n_rows : int
        Rows concerned; 1 for a defect of the header, 0 for a table that is missing or empty.
    rows : tuple of int
        The first five line numbers; the header is line 1.
    example : str
        One offending value; empty for identifiers and whatever looks like one.
    unit : {"line", "row", "observation"}
        What `rows` counts.
    """

    table: str
    column: str
    rule: str
    severity: str
    sentence: str
    fix: str
    n_rows: int = 0
    rows: tuple[int, ...] = ()
    example: str = ""
    unit: str = "line"

    @property
    def where(self) -> str:
        """``table.column``, or the table alone."""
        return f"{self.table}.{self.column}" if self.column else self.table


def inflect(text: str, n: int) -> str:
    """Choose between ``[one|many]`` in a sentence about `n` things."""
    return _INFLECTED.sub(lambda match: match[1 if n == 1 else 2], text)


def presentable(value: object, personal: Iterable[object] = ()) -> str:
    """Give a value that may be shown: cut to length, and empty if it is or looks like an identifier."""
    text = str(value).strip()
    if text in {str(item) for item in personal} or _PERSONAL.search(text):
        return ""
    return text if len(text) <= _LONGEST_EXAMPLE else text[: _LONGEST_EXAMPLE - 3] + "..."


def frame(problems: Sequence[Problem]) -> pd.DataFrame:
    """Lay problems out as the frame that `check_study` returns; no row, no problem."""
    rows = [
        (p.table, p.column, p.rule, p.severity, p.n_rows, list(p.rows), p.example, p.fix) for p in problems
    ]
    result = pd.DataFrame(rows, columns=list(FIELDS))
    return result.astype({"n_rows": "int64"})


def message(problems: Sequence[Problem]) -> str:
    """Say the same in sentences, the fix under each; long runs of register columns are summed up."""
    tables = len({problem.table for problem in problems})
    count = len(problems)
    head = inflect(f"{count} [problem|problems]", count) + inflect(f" in {tables} [table|tables]", tables)
    shown = [line for group in _grouped(problems) for line in group]
    where = max(len(place) for place, *_ in shown)
    rule = max(len(name) for _, name, *_ in shown)
    body = [f"  {p:<{where}}  {r:<{rule}}  {said}\n      {fix}" for p, r, said, fix in shown]
    return "\n".join([f"{head} (bip.check_study(path) returns them as a frame)", *body])


def error(problems: Sequence[Problem]) -> DataProblems:
    """Make the exception that carries these problems."""
    return DataProblems(frame(problems), message(problems))


def _grouped(problems: Sequence[Problem]) -> Iterable[list[tuple[str, str, str, str]]]:
    """Lines to show, problem by problem, at most three columns for each rule of a table."""
    for _, run in groupby(problems, key=lambda problem: (problem.table, problem.rule)):
        group = list(run)
        lines = [(p.where, p.rule, _said(p), p.fix) for p in group]
        rest = len(group) - _SHOWN_COLUMNS
        if rest > 1:
            last = group[-1]
            lines[_SHOWN_COLUMNS:] = [
                (last.table, last.rule, f"the same in {rest} more columns, to {last.column}", last.fix)
            ]
        yield lines


def _said(problem: Problem) -> str:
    """The sentence with its line numbers and example."""
    details = []
    if problem.rows:
        numbers = [str(row) for row in problem.rows[:_SHOWN_LINES]]
        if problem.n_rows > len(numbers):
            numbers.append("...")
        details.append(inflect(f"[{problem.unit}|{problem.unit}s] ", problem.n_rows) + ", ".join(numbers))
    if problem.example:
        bare = re.fullmatch(r"[+-]?[0-9.,]+", problem.example)
        details.append(f"e.g. {problem.example if bare else repr(problem.example)}")
    return f"{problem.sentence} ({'; '.join(details)})" if details else problem.sentence
