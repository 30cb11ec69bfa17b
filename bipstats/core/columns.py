"""From a data frame's columns to arrays: one cast at the boundary, and every defect named."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from bipstats.errors import ModelError, check_option

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Missing = Literal["raise", "drop"]


@dataclass(frozen=True, slots=True)
class Levels:
    """A categorical column as codes.

    Attributes
    ----------
    codes : (n,) integer array
        Index into `levels`.
    levels : tuple
        Levels that occur, in the category's own order or sorted.
    """

    codes: NDArray[np.int64]
    levels: tuple[object, ...]


def require_frame(data: object) -> pd.DataFrame:
    """Raise unless `data` is a frame with rows and without duplicate column names."""
    if not isinstance(data, pd.DataFrame):
        raise ModelError(f"data must be a pandas DataFrame, not {type(data).__name__}.")
    if data.empty:
        raise ModelError("data has no rows.")
    twice = data.columns[data.columns.duplicated()].unique().tolist()
    if twice:
        raise ModelError(
            f"data has columns of the same name: {', '.join(map(str, twice))}. Rename or drop one."
        )
    return data


def require_columns(data: pd.DataFrame, names: Iterable[str], role: str = "the formula") -> None:
    """Raise, with the nearest name, unless every column exists."""
    lost = [name for name in dict.fromkeys(names) if name not in data.columns]
    if not lost:
        return
    hints = []
    for name in lost:
        near = get_close_matches(name, [str(column) for column in data.columns], n=1)
        hints.append(f"{name!r}" + (f" (did you mean {near[0]!r}?)" if near else ""))
    raise ModelError(f"data has no column {', '.join(hints)}, which {role} names.")


def complete_rows(data: pd.DataFrame, names: Iterable[str], missing: Missing) -> tuple[pd.DataFrame, int]:
    """Give the rows without missing values in the named columns, and how many were dropped.

    Raises
    ------
    ModelError
        With ``missing="raise"`` if any value is missing: which columns, how many rows, and the cure.
    """
    check_option("missing", missing, ("raise", "drop"))
    used = data[list(dict.fromkeys(names))]
    lost = used.isna()
    rows = lost.any(axis=1).to_numpy()
    n_lost = int(rows.sum())
    if n_lost == 0:
        return data, 0
    if missing == "raise":
        counts = lost.sum()
        listing = ", ".join(f"{name} ({count:,})" for name, count in counts[counts > 0].items())
        raise ModelError(
            f"{n_lost:,} of {len(data):,} rows have missing values: {listing}.\n"
            f"  To look: data[data[{list(counts[counts > 0].index)!r}].isna().any(axis=1)]\n"
            '  To leave them out, counted in the summary: missing="drop".'
        )
    if n_lost == len(data):
        raise ModelError(f"every one of the {len(data):,} rows has a missing value; nothing is left to fit.")
    return data[~rows], n_lost


def is_categorical(column: pd.Series) -> bool:
    """Whether a column holds labels rather than numbers."""
    if isinstance(column.dtype, pd.CategoricalDtype):
        return True
    if pd.api.types.is_bool_dtype(column) or pd.api.types.is_numeric_dtype(column):
        return False
    return pd.api.types.infer_dtype(column, skipna=True) not in (
        "integer",
        "floating",
        "boolean",
        "mixed-integer-float",
    )


def numbers(column: pd.Series) -> Floats:
    """Cast a column without missing values to float64; infinite values and text raise."""
    if is_categorical(column):
        raise ModelError(
            f"column {column.name!r} holds labels, not numbers (e.g. {column.iloc[0]!r}); "
            f"use C({column.name}) in the formula or convert it."
        )
    values = column.to_numpy(dtype=np.float64, na_value=np.nan)
    infinite = int(np.isinf(values).sum())
    if infinite:
        raise ModelError(
            f"column {column.name!r} has {infinite:,} infinite values; correct or drop those rows."
        )
    return values


def labels(column: pd.Series) -> Levels:
    """Code a column without missing values by the levels that occur."""
    if isinstance(column.dtype, pd.CategoricalDtype):
        used = column.cat.remove_unused_categories()
        return Levels(np.asarray(used.cat.codes, dtype=np.int64), tuple(used.cat.categories))
    codes, levels = pd.factorize(column, sort=True)
    return Levels(np.array(codes, dtype=np.int64), tuple(levels))


def codes_for(column: pd.Series, levels: tuple[object, ...]) -> NDArray[np.int64]:
    """Code a column by given levels; a level that is not among them raises."""
    codes = pd.Index(levels).get_indexer(pd.Index(column.astype(object)))
    unseen = codes < 0
    if unseen.any():
        found = sorted({str(value) for value in column[unseen].unique()})
        raise ModelError(
            f"column {column.name!r} has levels that the fit has not seen: {', '.join(found)} "
            f"({int(unseen.sum()):,} rows). Known levels: {', '.join(map(str, levels))}."
        )
    return codes.astype(np.int64)


def group_codes(data: pd.DataFrame, name: str, role: str) -> NDArray[np.int64]:
    """Code the groups of an identifier column 0..G-1; missing identifiers raise."""
    require_columns(data, [name], role)
    codes, _ = pd.factorize(data[name])
    lost = int((codes < 0).sum())
    if lost:
        raise ModelError(f"column {name!r}, used by {role}, is missing in {lost:,} rows. Fill or drop them.")
    return codes.astype(np.int64)
