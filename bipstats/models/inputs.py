"""What the models read from a frame besides covariates: outcome, time, weights and identifiers."""

from __future__ import annotations

import re
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from bipstats.core.columns import Floats, Ints, group_codes, is_categorical, numbers, require_columns
from bipstats.errors import ModelError

_LEVEL = re.compile(r"\s*(\w+)\s*==\s*(['\"]?)(.+?)\2\s*")


def event_column(event: str) -> str:
    """Column that an ``event=`` argument reads: ``"event"`` or ``"exit == job"``."""
    match = _LEVEL.fullmatch(event)
    return match[1] if match else event


def event_indicator(data: pd.DataFrame, event: str) -> NDArray[np.bool_]:
    """Read 0/1 events, or one level of a column against all others.

    Parameters
    ----------
    data : pandas.DataFrame
        Without missing values in the column.
    event : str
        A column of 0/1 (or booleans), or ``"column == level"``.

    Returns
    -------
    (n,) boolean array
    """
    match = _LEVEL.fullmatch(event)
    if match is None:
        values = numbers(data[event])
        strange = ~np.isin(values, (0.0, 1.0))
        if strange.any():
            raise ModelError(
                f"column {event!r} must hold 0 and 1 only; {int(strange.sum()):,} rows hold others, "
                f'e.g. {values[strange][0]:g}. For one level of a column write event="{event} == level".'
            )
        found = values == 1.0
    else:
        name, level = match[1], match[3]
        column = data[name]
        known = column.cat.categories if isinstance(column.dtype, pd.CategoricalDtype) else column.unique()
        if level not in {str(value) for value in known}:
            raise ModelError(f"column {name!r} has no level {level!r}; it has {', '.join(map(str, known))}.")
        found = (column.astype(str) == level).to_numpy(bool)
    if not found.any():
        raise ModelError(
            f"no events: {event!r} is never true in {len(data):,} rows; nothing can be estimated."
        )
    return found


@dataclass(frozen=True, slots=True)
class Times:
    """Time at risk of each row, (start, stop].

    Attributes
    ----------
    start, stop : (n,) arrays
    """

    start: Floats
    stop: Floats


def read_times(data: pd.DataFrame, start: str | None, stop: str) -> Times:
    """Read and check the time at risk; ``start=None`` means that all begin at 0."""
    stops = numbers(data[stop])
    starts = np.zeros(len(data)) if start is None else numbers(data[start])
    wrong = np.flatnonzero(~(starts < stops))
    if len(wrong):
        where = f"data[data[{start!r}] >= data[{stop!r}]]" if start else f"data[data[{stop!r}] <= 0]"
        raise ModelError(
            f"{len(wrong):,} rows end no later than they start (first at position {wrong[0]}).\n  To look: {where}"
        )
    return Times(starts, stops)


def read_weights(data: pd.DataFrame, weights: str | None) -> Floats:
    """Read positive case weights; ones if none are named."""
    if weights is None:
        return np.ones(len(data))
    values = numbers(data[weights])
    bad = int((values <= 0).sum())
    if bad:
        raise ModelError(f"column {weights!r}: {bad:,} weights are zero or negative; drop those rows.")
    return values


def default_id(data: pd.DataFrame, id: str | None) -> str | None:
    """Give the identifier's column: as named, else ``client`` where there is one, else none."""
    if id is not None:
        require_columns(data, [id], "id=")
        return id
    return "client" if "client" in data.columns else None


def id_codes(data: pd.DataFrame, id: str | None) -> Ints | None:
    """Codes of the identifier, or None."""
    return None if id is None else group_codes(data, id, "id=")


def check_overlap(ids: Ints, times: Times, order: Ints, id: str) -> None:
    """Refuse rows of one id whose times at risk overlap; `order` sorts by id and start."""
    same = ids[order][1:] == ids[order][:-1]
    clash = same & (times.start[order][1:] < times.stop[order][:-1])
    if clash.any():
        rows = np.sort(order[1:][clash])[:5]
        more = ", ..." if clash.sum() > 5 else ""
        raise ModelError(
            f"{int(clash.sum()):,} rows overlap an earlier row of the same {id!r} "
            f"(positions {', '.join(map(str, rows))}{more}). One id has one row at a time."
        )


def equal_to_previous(column: pd.Series, order: Ints) -> NDArray[np.bool_]:
    """Whether each row, in the given order, holds the same value as the row before it: (n - 1,)."""
    if is_categorical(column):
        values = pd.factorize(column)[0][order]
    else:
        values = column.to_numpy(dtype=np.float64, na_value=np.nan)[order]
    return values[1:] == values[:-1]
