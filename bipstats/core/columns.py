"""From a data frame's columns to arrays: one cast at the boundary, and every defect named."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from numbers import Number
from typing import Literal
from unicodedata import normalize

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


def with_values(rows: pd.DataFrame, names: Iterable[str]) -> tuple[list[str], dict[str, int]]:
    """Columns that somebody has a value of, and the others as lines of a flow.

    A column that is empty for everybody says nothing, and is no reason to leave everybody out.
    """
    names = list(names)
    empty = [name for name in names if len(rows) and rows[name].isna().all()]
    flow = {f"without a value of {name}, which nobody has and nothing uses": len(rows) for name in empty}
    return [name for name in names if name not in empty], flow


def as_text(flow: Mapping[str, int]) -> str:
    """A flow in a message: what, and how many."""
    return "; ".join(f"{what}: {count:,}" for what, count in flow.items())


MANY = 30
"""Levels beyond which a column may name persons: its levels are counted in messages, not listed."""


def listed(items: list[str]) -> str:
    """Join at most five items; the rest is counted."""
    return ", ".join(items[:5]) + (f" and {len(items) - 5:,} more" if len(items) > 5 else "")


def require_frame(data: object, *, empty: bool = False) -> pd.DataFrame:
    """Raise unless `data` is a frame without duplicate column names, and with rows unless it may be empty."""
    if not isinstance(data, pd.DataFrame):
        raise ModelError(f"data must be a pandas DataFrame, not {_kind_of(data)}")
    if isinstance(data.columns, pd.MultiIndex):
        raise ModelError("data has columns in several levels (a MultiIndex); flatten them to plain names.")
    if data.empty and not empty:
        raise ModelError("data has no rows." if len(data.columns) else "data has no columns.")
    twice = data.columns[data.columns.duplicated()].unique().tolist()
    if twice:
        raise ModelError(
            f"data has columns of the same name: {', '.join(map(str, twice))}. Rename or drop one."
        )
    return data


def _kind_of(data: object) -> str:
    """What was given in the place of a frame, and how it becomes one."""
    library = type(data).__module__.partition(".")[0]
    name = type(data).__name__ if library in ("builtins", "pandas") else f"{library} {type(data).__name__}"
    if isinstance(data, pd.Series):
        return f"{name}; write the column's name in two pairs of brackets, data[[name]], or add .to_frame()."
    if hasattr(data, "to_pandas"):
        return f"{name}; convert it with .to_pandas()."
    return f"{name}; make one with pandas.DataFrame(...)."


def require_columns(data: pd.DataFrame, names: Iterable[str], role: str = "the formula") -> None:
    """Raise, with the nearest name, unless every column exists."""
    lost = [name for name in dict.fromkeys(names) if name not in data.columns]
    if not lost:
        return
    known = [str(column) for column in data.columns]
    hints = []
    for name in lost:
        near = [column for column in known if column.casefold() == name.casefold()]
        near = near or get_close_matches(name, known, n=1)
        hint = f" (did you mean {near[0]!r}?)" if near else ""
        if normalize("NFC", name) in [normalize("NFC", column) for column in known]:
            hint = " (one looks the same but writes its accents apart: data.columns.str.normalize('NFC'))"
        hints.append(f"{name!r}{hint}")
    raise ModelError(f"data has no column {', '.join(hints)}, which {role} names.")


def complete_rows(
    data: pd.DataFrame, names: Iterable[str], missing: Missing | None
) -> tuple[pd.DataFrame, int]:
    """Give the rows without missing values in the named columns, and how many were dropped.

    Raises
    ------
    ModelError
        With ``missing="raise"``, or None for callers that cannot drop, if any value is missing: which
        columns, how many rows, and the cure.
    """
    if missing is not None:
        check_option("missing", missing, ("raise", "drop"))
    # Column by column: a frame of the named columns would be a copy of the data.
    holes = holes_by_column(data, names)
    if not holes:
        return data, 0
    rows = np.logical_or.reduce(list(holes.values()))
    n_lost = int(rows.sum())
    if missing != "drop":
        raise missing_values(
            {name: int(lost.sum()) for name, lost in holes.items()}, n_lost, len(data), missing
        )
    if n_lost == len(data):
        raise nothing_left(len(data))
    return data[~rows], n_lost


def holes_by_column(data: pd.DataFrame, names: Iterable[str]) -> dict[str, NDArray[np.bool_]]:
    """Cells without a value, (n,) each, of those columns that have any."""
    masks = ((name, _holes(data[name])) for name in dict.fromkeys(names))
    return {name: mask for name, mask in masks if mask is not None}


def missing_values(holes: dict[str, int], n_lost: int, n: int, missing: Missing | None) -> ModelError:
    """Error that counts missing values by column, with the cure."""
    cure = f"data.dropna(subset={list(holes)!r})" if missing is None else 'missing="drop"'
    listing = ", ".join(f"{name} ({count:,})" for name, count in holes.items())
    return ModelError(
        f"{n_lost:,} of {n:,} rows have missing values: {listing}.\n"
        f"  To look: data[data[{list(holes)!r}].isna().any(axis=1)]\n"
        f"  To leave them out{'' if missing is None else ', counted in the summary'}: {cure}."
    )


def nothing_left(n: int) -> ModelError:
    """Error for data of n rows none of which is complete."""
    return ModelError(f"every one of the {n:,} rows has a missing value; nothing is left to fit.")


def _holes(column: pd.Series) -> NDArray[np.bool_] | None:
    """Cells without a value, (n,); None if there are none. In a nullable column NaN is none either."""
    if column.dtype.kind == "f" and not isinstance(column.dtype, np.dtype):
        mask = np.isnan(column.to_numpy(np.float64, na_value=np.nan))
        return mask if mask.any() else None
    return column.isna().to_numpy() if column.hasnans else None


_NUMBERS = ("integer", "floating", "boolean", "mixed-integer-float", "decimal")
_MOMENTS = ("datetime", "datetime64", "date", "timedelta", "timedelta64", "time", "period")


def is_categorical(column: pd.Series) -> bool:
    """Whether a column holds labels rather than numbers; dates and complex numbers are neither."""
    if isinstance(column.dtype, pd.CategoricalDtype):
        return True
    kind = str(column.dtype)
    strange = column.dtype.kind in "mMc" or isinstance(column.dtype, pd.PeriodDtype)
    if not strange and (pd.api.types.is_bool_dtype(column) or pd.api.types.is_numeric_dtype(column)):
        return False
    if not strange:
        kind = pd.api.types.infer_dtype(column.dropna() if column.hasnans else column)
    if strange or kind in _MOMENTS:
        raise ModelError(
            f"column {column.name!r} holds {kind}; convert it to numbers (days since a date, say) or labels."
        )
    if kind in ("mixed", "mixed-integer"):
        _refuse_mixed(column)
    return kind not in _NUMBERS


def _refuse_mixed(column: pd.Series) -> None:
    """Refuse numbers and text in one column: one of the two is a mistake."""
    text = column.map(lambda value: isinstance(value, str)).to_numpy(dtype=bool)
    number = (
        column.map(lambda value: isinstance(value, Number)).to_numpy(dtype=bool) & column.notna().to_numpy()
    )
    if text.any() and number.any():
        raise ModelError(
            f"column {column.name!r} holds numbers in {int(number.sum()):,} rows and text in {int(text.sum()):,}; "
            f"make it one of the two.\n  To look: data[data[{column.name!r}].map(type) == str]"
        )


def numbers(column: pd.Series, *, holes: bool = False) -> Floats:
    """Cast a column to float64; infinite values, text and, unless there may be `holes`, missing values raise."""
    if is_categorical(column):
        raise ModelError(
            f"column {column.name!r} must hold numbers; it holds labels ({column.dtype}). Where they are numbers, "
            "convert them with pd.to_numeric."
        )
    values = column.to_numpy(dtype=np.float64, na_value=np.nan)
    if not np.isfinite(values).all():
        _refuse_infinite(column, values)
        if not holes:
            raise ModelError(f"column {column.name!r} is missing in {int(np.isnan(values).sum()):,} rows.")
    return values


def small_numbers(column: pd.Series) -> NDArray[np.generic]:
    """Numbers of a column in its own type, where that is one of numpy's; refused as `numbers` refuses them."""
    if isinstance(column.dtype, np.dtype) and column.dtype.kind in "iubf":
        values = column.to_numpy()
        if values.dtype.kind != "f" or np.isfinite(values).all():
            return values
    return numbers(column)


def _refuse_infinite(column: pd.Series, values: Floats) -> None:
    infinite = int(np.isinf(values).sum())
    if infinite:
        raise ModelError(
            f"column {column.name!r} has {infinite:,} infinite values; correct or drop those rows."
        )


def labels(column: pd.Series) -> Levels:
    """Code a column without missing values by the levels that occur; infinite values raise."""
    if column.dtype.kind == "f":
        _refuse_infinite(column, column.to_numpy(np.float64, na_value=np.nan))
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
    crossed = None
    for name in columns:
        lost = int(data[name].isna().sum())
        if lost:
            raise ModelError(
                f"column {name!r}, used by {role}, is missing in {lost:,} rows. Fill or drop them."
            )
        codes, levels = _factorized(data[name])
        if crossed is None:
            crossed = codes
        else:
            crossed = np.unique(crossed * max(len(levels), 1) + codes, return_inverse=True)[1].astype(
                np.int64
            )
    return np.zeros(len(data), np.int64) if crossed is None else crossed


def _factorized(column: pd.Series) -> tuple[Ints, pd.Index]:
    values = column.to_numpy() if isinstance(column.dtype, np.dtype) else np.empty(0)
    if values.dtype.kind in "iu" and np.all(values[1:] >= values[:-1]):
        # Sorted: no table of levels is needed.
        new = np.concatenate([np.ones(min(len(values), 1), bool), values[1:] != values[:-1]])
        return np.cumsum(new) - 1, pd.Index(values[new])
    try:
        codes, levels = pd.factorize(column, sort=True)
    except TypeError:
        raise ModelError(
            f"column {column.name!r} holds values that are no labels (lists? mixed types?)."
        ) from None
    return np.array(codes, dtype=np.int64), pd.Index(levels)
