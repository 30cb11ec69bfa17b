"""Stata files, written; reading is with SPSS's in `labelled`."""

from __future__ import annotations

import re
from importlib import import_module
from pathlib import Path
from typing import Any

import pandas as pd

from bipstats.errors import OptionError

_STAMP = re.compile(rb"<timestamp>\x11.{17}</timestamp>", re.DOTALL)


def write(table: pd.DataFrame, path: Path) -> None:
    """Write one table: categories with value labels, dates as days, flags as 0 and 1; the same bytes at any time."""
    try:
        stat: Any = import_module("pyreadstat")
    except ImportError:
        raise OptionError(
            "format='dta' needs the package pyreadstat: pip install \"bipstats[io]\"."
        ) from None
    labels = {
        str(name): {place: str(level) for place, level in enumerate(column.cat.categories, start=1)}
        for name, column in table.items()
        if isinstance(column.dtype, pd.CategoricalDtype)
    }
    plain = pd.DataFrame({name: _plain(column) for name, column in table.items()})
    stat.write_dta(plain, str(path), version=14, variable_value_labels=labels)
    content, stamped = _STAMP.subn(
        b"<timestamp>\x1101 Jan 2000 00:00</timestamp>", path.read_bytes(), count=1
    )
    assert stamped == 1
    path.write_bytes(content)


def _plain(column: pd.Series) -> pd.Series:
    """A column in a type that Stata has; missing values stay missing."""
    if isinstance(column.dtype, pd.CategoricalDtype):
        return (column.cat.codes + 1).astype("Int16").mask(column.isna())
    if isinstance(column.dtype, pd.BooleanDtype):
        return column.astype("Int8")
    if isinstance(column.dtype, pd.StringDtype):
        return column.astype(object).where(column.notna(), "")
    return column.dt.date if column.dtype.kind == "M" else column
