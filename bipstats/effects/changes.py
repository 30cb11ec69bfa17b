"""Counterfactual rows: one covariate set or shifted for everybody, and what that leaves of the observed range."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import pandas as pd

from bipstats.core.columns import MANY, is_categorical, numbers, require_columns
from bipstats.core.design import Design
from bipstats.errors import ModelError, OptionError, check_option

Change = Mapping[str, str | float]
How = Literal["step", "sd"] | tuple[object, object]


@dataclass(frozen=True, slots=True)
class Contrast:
    """Everybody at `high` against everybody at `low`.

    Attributes
    ----------
    label : str
        ``+1``, ``1 vs 0``, ``male vs female``.
    low, high : pandas.Series
        The covariate in the two worlds.
    """

    label: str
    low: pd.Series
    high: pd.Series


def levels_of(designs: Iterable[Design], name: str) -> tuple[object, ...]:
    """Levels that the designs know of a column, or none if it is numeric."""
    for design in designs:
        for factor in design.factors.values():
            if factor.kind == "categorical" and factor.columns == (name,):
                return factor.levels
    return ()


def changed(data: pd.DataFrame, at: Change, designs: Sequence[Design]) -> pd.DataFrame:
    """Set or shift covariates in a copy: ``{"x": "+1"}`` shifts, ``{"x": 4}`` sets."""
    require_columns(data, at, "at=")
    moved = data.copy()
    for name, value in at.items():
        levels = levels_of(designs, name)
        moved[name] = (
            _constant(data[name], value, levels, f"at[{name!r}]=") if levels else _shifted(data[name], value)
        )
    return moved


def contrasts_of(data: pd.DataFrame, name: str, how: How, designs: Sequence[Design]) -> list[Contrast]:
    """Build the worlds that are compared.

    Parameters
    ----------
    data : pandas.DataFrame
    name : str
        The covariate.
    how : {"step", "sd"} or pair
        One step up (0 to 1 for a column of 0 and 1; every level against the first for categories), one
        standard deviation up, or the second value of the pair against the first.
    designs : sequence of Design
    """
    column, levels = data[name], levels_of(designs, name)
    if isinstance(how, tuple | list):
        return [_pair(column, how, levels)]
    check_option("contrast", how, ("step", "sd"))
    if levels:
        if how == "sd":
            raise OptionError(f"contrast='sd': column {name!r} is categorical and has no standard deviation.")
        return [_pair(column, (levels[0], level), levels) for level in levels[1:]]
    values = numbers(column)
    if set(np.unique(values)) <= {0.0, 1.0}:
        if how == "sd":
            raise OptionError(f"contrast='sd': column {name!r} holds 0 and 1 only; use 'step'.")
        return [_pair(column, (0, 1), ())]
    here = pd.Series(values, index=column.index)
    if how == "step":
        return [Contrast("+1", here, here + 1)]
    spread = float(values.std(ddof=1))
    return [Contrast(f"+1 sd ({spread:.4g})", here, here + spread)]


def beyond(before: pd.Series, after: pd.Series) -> int:
    """Count the rows that a change moves out of the range that was observed."""
    if is_categorical(before) or is_categorical(after):
        return 0
    observed, moved = numbers(before), numbers(after)
    return int(((moved < observed.min()) | (moved > observed.max())).sum())


def beyond_words(before: pd.Series, after: pd.Series) -> str:
    """Say how many rows leave the observed range; empty if none does."""
    outside = beyond(before, after)
    if not outside:
        return ""
    low, high = numbers(before).min(), numbers(before).max()
    return f"{outside:,} of {len(before):,} rows leave the observed range {low:g} to {high:g}"


def rows_words(n: int, n_missing: int) -> str:
    """Say how many rows an average is over, and how many were left out."""
    return f"{n:,} rows" + (f" ({n_missing:,} with missing values left out)" if n_missing else "")


def _pair(column: pd.Series, pair: Sequence[object], levels: tuple[object, ...]) -> Contrast:
    if len(pair) != 2:
        raise OptionError(f"contrast={pair!r} is no pair (low, high).")
    low, high = (_constant(column, value, levels, "contrast: ") for value in pair)
    return Contrast(f"{pair[1]} vs {pair[0]}", low, high)


def _constant(column: pd.Series, value: object, levels: tuple[object, ...], where: str) -> pd.Series:
    """One value for every row."""
    if levels:
        if value not in levels:
            known = f"{len(levels):,} levels" if len(levels) > MANY else ", ".join(map(str, levels))
            raise ModelError(f"{where}{value!r} is not a level of the fit; it knows {known}.")
        return pd.Series([value] * len(column), index=column.index, dtype=object)
    if isinstance(value, bool | np.bool_ | int | float | np.number) and np.isfinite(value):
        return pd.Series(np.full(len(column), float(value)), index=column.index)
    raise ModelError(f"{where}{value!r} is not a number, and column {column.name!r} holds numbers.")


def _shifted(column: pd.Series, value: object) -> pd.Series:
    name = column.name
    try:
        number = float(value)  # type: ignore[arg-type]
    except (TypeError, ValueError):
        raise ModelError(f"at[{name!r}]={value!r} is neither a value nor a shift like '+1'.") from None
    shift = isinstance(value, str) and value[:1] in "+-"
    if shift and set(np.unique(numbers(column))) <= {0.0, 1.0}:
        raise ModelError(f"at[{name!r}]={value!r}: the column holds 0 and 1 only; set it to one of them.")
    return pd.Series(numbers(column) + number if shift else np.full(len(column), number), index=column.index)
