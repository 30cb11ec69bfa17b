"""A study as other programs would have saved it: Stata and SPSS with value labels, Excel with plain cells."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
import openpyxl
import pandas as pd
import pyreadstat
from pandas.errors import InvalidColumnName

from bipstats.codebook import label

PANDAS_STATA = {name: {"columns": {"end": "_end"}} for name in ("assignments", "interventions")}
"""Mapping for what pandas writes."""
DANISH = {level: label(level, "da", "level") for level in ("female", "male", "couple", "single", "client")}


def write_dta(table: pd.DataFrame, path: Path) -> None:
    """Categories as labelled numbers from 0, everything else as doubles, %td dates and text."""
    plain, dates = {}, {}
    for name, values in table.items():
        if isinstance(values.dtype, pd.CategoricalDtype):
            plain[name] = values.cat.rename_categories(lambda level: DANISH.get(level, level))
        elif values.dtype.kind == "M":
            plain[name], dates[name] = values, "td"
        elif values.dtype == "string" or values.dtype == object:
            plain[name] = values.fillna("").astype(object)
        else:
            plain[name] = values.astype("Float64").to_numpy(np.float64, na_value=np.nan)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", InvalidColumnName)  # pandas, unlike Stata, writes end as _end
        pd.DataFrame(plain).to_stata(path, write_index=False, version=118, convert_dates=dates)


def write_sav(table: pd.DataFrame, path: Path) -> None:
    """Categories as labelled numbers from 1, dates as SPSS dates, everything else as numbers and text."""
    plain, labels = {}, {}
    for name, values in table.items():
        if isinstance(values.dtype, pd.CategoricalDtype):
            plain[name] = (values.cat.codes + 1.0).where(values.notna())
            labels[name] = {
                n + 1.0: DANISH.get(level, level) for n, level in enumerate(values.cat.categories)
            }
        elif values.dtype.kind == "M":
            plain[name] = values.dt.date.where(values.notna(), None)
        elif values.dtype == "string" or values.dtype == object:
            plain[name] = values.fillna("").astype(object)
        else:
            plain[name] = values.astype("Float64").to_numpy(np.float64, na_value=np.nan)
    pyreadstat.write_sav(pd.DataFrame(plain), path, variable_value_labels=labels)


def write_xlsx(table: pd.DataFrame, path: Path) -> None:
    """The header and one row per row: text, numbers and dates."""
    book = openpyxl.Workbook(write_only=True)
    sheet = book.create_sheet("Sheet1")
    sheet.append(list(table.columns))
    cells = [values.astype(object).where(values.notna(), None) for _, values in table.items()]
    for row in zip(*cells, strict=True):
        sheet.append([value.to_pydatetime() if isinstance(value, pd.Timestamp) else value for value in row])
    book.save(path)


WRITERS: Mapping[str, Callable[[pd.DataFrame, Path], None]] = {
    ".dta": write_dta,
    ".sav": write_sav,
    ".xlsx": write_xlsx,
}


def write_study(tables: Mapping[str, pd.DataFrame], folder: Path, suffix: str) -> Path:
    """Write all tables in one format."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, table in tables.items():
        WRITERS[suffix](table, folder / f"{name}{suffix}")
    return folder
