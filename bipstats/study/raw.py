"""What a reader of files hands on: a table as the file has it, and where its rows stand."""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from bipstats.errors import BipstatsError
from bipstats.study.problems import SHOWN, Problem, inflect
from bipstats.study.writing import Declared


@dataclass(frozen=True, slots=True)
class Raw:
    """One table of n rows as a file has it.

    Attributes
    ----------
    frame : DataFrame or None
        Any dtypes, the file's column names; None if the file as a whole cannot be read.
    lines : (n,) int array
        Where each row stands in the file, as its user counts.
    problems : list of Problem
        Of the file; those of its values come later.
    declared : mapping of str to Declared
        Column in the file -> what the file says about its values.
    unit : {"line", "row", "observation"}
        What `lines` counts: lines of a text file and rows of a sheet (the header is the first), or
        observations of a Stata or SPSS file.
    """

    frame: pd.DataFrame | None
    lines: NDArray[np.int64]
    problems: list[Problem]
    declared: Mapping[str, Declared] = field(default_factory=lambda: MappingProxyType({}))
    unit: str = "line"


def line_numbers(n: int) -> NDArray[np.int64]:
    """Give the lines that n rows have, or would have, in a CSV file with a header."""
    return np.arange(2, n + 2, dtype=np.int64)


def unreadable(table: str, said: str, fix: str) -> Raw:
    """Give the answer of a reader that can make nothing of a file."""
    return Raw(None, line_numbers(0), [Problem(table, "", "unreadable_file", "error", said, fix)])


def not_a_file(path: Path, table: str) -> Raw:
    """Give the answer of a reader that finds a folder in the place of a file."""
    return unreadable(table, f"{path.name} is a folder, not a file", "put the table's file in its place")


def library(name: str, path: Path) -> Any:
    """Import a library of the extra ``io``, or say what to install."""
    try:
        return importlib.import_module(name)
    except ImportError:
        raise BipstatsError(
            f"to read {path.name}, bipstats needs {name}, which is not installed. "
            'Install it with: pip install "bipstats[io]"'
        ) from None


def without_blank_rows(raw: Raw, table: str) -> Raw:
    """Leave out rows in which every cell is empty; a warning counts them."""
    if raw.frame is None or raw.frame.shape[1] == 0:
        return raw
    blank = _blank_rows(raw.frame)
    n = int(blank.sum())
    if not n:
        return raw
    said = inflect(f"{n} [row is entirely empty and was|rows are entirely empty and were] left out", n)
    where = tuple(int(line) for line in raw.lines[blank][:SHOWN])
    fix = f"delete the empty {raw.unit}s from the file"
    problem = Problem(table, "", "blank_row", "warning", said, fix, n, where, unit=raw.unit)
    frame = raw.frame.loc[~blank].reset_index(drop=True)
    return replace(raw, frame=frame, lines=raw.lines[~blank], problems=[*raw.problems, problem])


def _blank_rows(frame: pd.DataFrame) -> NDArray[np.bool_]:
    """Rows without any content; only those whose first cell is empty are looked at in full."""
    blank = _blank_cells(frame.iloc[:, 0])
    at = np.flatnonzero(blank)
    for position in range(1, frame.shape[1]):
        if not at.size:
            break
        at = at[_blank_cells(frame.iloc[at, position])]
    blank[:] = False
    blank[at] = True
    return blank


def _blank_cells(cells: pd.Series) -> NDArray[np.bool_]:
    """Missing cells, and text of nothing but blanks."""
    empty = cells.isna().to_numpy(dtype=bool, copy=True)
    if not pd.api.types.is_numeric_dtype(cells.dtype):
        empty[~empty] = [isinstance(cell, str) and not cell.strip() for cell in cells[~empty]]
    return empty
