"""From a data frame's columns to arrays: one cast at the boundary, and every defect named."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
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


MANY = 30
"""Levels beyond which a column may name persons: its levels are counted in messages, not listed."""


def listed(items: list[str]) -> str:
    """Join at most five items; the rest is counted."""
    return ", ".join(items[:5]) + (f" and {len(items) - 5:,} more" if len(items) > 5 else "")


def require_frame(data: object) -> pd.DataFrame:
    """Raise unless `data` is a frame with rows and without duplicate column names."""
    if not isinstance(data, pd.DataFrame):
        raise ModelError(f"data must be a pandas DataFrame, not {type(data).__name__}.")
    if isinstance(data.columns, pd.MultiIndex):
        raise ModelError("data has columns in several levels (a MultiIndex); flatten them to plain names.")
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
    # Column by column: a frame of the named columns would be a copy of the data.
    holes = {name: data[name].isna().to_numpy() for name in dict.fromkeys(names) if data[name].hasnans}
    if not holes:
        return data, 0
    rows = np.logical_or.reduce(list(holes.values()))
    n_lost = int(rows.sum())
    if missing == "raise":
        listing = ", ".join(f"{name} ({int(lost.sum()):,})" for name, lost in holes.items())
        raise ModelError(
            f"{n_lost:,} of {len(data):,} rows have missing values: {listing}.\n"
            f"  To look: data[data[{list(holes)!r}].isna().any(axis=1)]\n"
            '  To leave them out, counted in the summary: missing="drop".'
        )
    if n_lost == len(data):
        raise ModelError(f"every one of the {len(data):,} rows has a missing value; nothing is left to fit.")
    return data[~rows], n_lost


_NUMBERS = ("integer", "floating", "boolean", "mixed-integer-float", "decimal")


def is_categorical(column: pd.Series) -> bool:
    """Whether a column holds labels rather than numbers; dates and complex numbers are neither."""
    if isinstance(column.dtype, pd.CategoricalDtype):
        return True
    if column.dtype.kind in "mMc" or isinstance(column.dtype, pd.PeriodDtype):
        raise ModelError(
            f"column {column.name!r} holds {column.dtype}; convert it to numbers (days since a date, say) or labels."
        )
    if pd.api.types.is_bool_dtype(column) or pd.api.types.is_numeric_dtype(column):
        return False
    return pd.api.types.infer_dtype(column, skipna=True) not in _NUMBERS


def numbers(column: pd.Series) -> Floats:
    """Cast a column without missing values to float64; infinite values and text raise."""
    if is_categorical(column):
        raise ModelError(f"column {column.name!r} must hold numbers; it holds labels.")
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
    codes, levels = _factorized(column)
    return Levels(codes, tuple(levels))


def codes_for(column: pd.Series, levels: tuple[object, ...]) -> NDArray[np.int64]:
    """Code a column by given levels; a level that is not among them raises."""
    known = pd.Index(list(levels), dtype=object, tupleize_cols=False)
    codes = known.get_indexer(pd.Index(column.astype(object), dtype=object, tupleize_cols=False))
    unseen = codes < 0
    if unseen.any():
        found = sorted({str(value) for value in column[unseen].unique()})
        many = max(len(levels), len(found)) > MANY
        raise ModelError(
            f"column {column.name!r} has levels that the fit has not seen: "
            + (f"{len(found):,} of them" if many else listed(found))
            + f" ({int(unseen.sum()):,} rows). The fit knows "
            + (f"{len(levels):,} levels." if many else f"{listed([str(level) for level in levels])}.")
        )
    return codes.astype(np.int64)


def group_codes(data: pd.DataFrame, names: str | Sequence[str], role: str) -> Ints:
    """Code the groups of one identifier column, or of several crossed, 0..G-1; missing identifiers raise."""
    columns = [names] if isinstance(names, str) else list(names)
    require_columns(data, columns, role)
    crossed = np.zeros(len(data), np.int64)
    for name in columns:
        lost = int(data[name].isna().sum())
        if lost:
            raise ModelError(
                f"column {name!r}, used by {role}, is missing in {lost:,} rows. Fill or drop them."
            )
        codes, levels = _factorized(data[name])
        crossed = np.unique(crossed * max(len(levels), 1) + codes, return_inverse=True)[1].astype(np.int64)
    return crossed


def _factorized(column: pd.Series) -> tuple[Ints, pd.Index]:
    values = column.to_numpy() if isinstance(column.dtype, np.dtype) else np.empty(0)
    if values.dtype.kind in "iu" and np.all(
        values[1:] >= values[:-1]
    ):  # sorted: no table of levels is needed
        new = np.concatenate([np.ones(min(len(values), 1), bool), values[1:] != values[:-1]])
        return np.cumsum(new) - 1, pd.Index(values[new])
    try:
        codes, levels = pd.factorize(column, sort=True)
    except TypeError:
        raise ModelError(
            f"column {column.name!r} holds values that are no labels (lists? mixed types?)."
        ) from None
    return np.array(codes, dtype=np.int64), pd.Index(levels)
