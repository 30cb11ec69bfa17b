"""What the models read from a frame besides covariates: outcome, time, weights and identifiers."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from bipstats.core.columns import Floats, Ints, is_categorical, labels, listed, numbers
from bipstats.errors import ModelError, OptionError

_LIGHT, _HEAVY = 1e-10, 1e100
"""The largest weight must lie between these: the search compares log-likelihoods with one."""
_FAR = 300.0
_MOST = 2.0**53
"""Whole numbers beyond it are not exact."""
_LEVEL = re.compile(r"\s*(.+?)\s*==\s*(['\"]?)(.*?)\2\s*")


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
    if match is not None:
        _require_level(data[match[1]], match[3])
    found = events_among(data, event)
    if not found.any():
        raise no_events(event, len(data))
    return found


def no_events(event: str, n: int) -> ModelError:
    """Error for n rows without any event."""
    return ModelError(f"no events: {event!r} is never true in {n:,} rows; nothing can be estimated.")


def events_among(data: pd.DataFrame, event: str) -> NDArray[np.bool_]:
    """Read events as `event_indicator` does, of a part of the data: there may be none."""
    match = _LEVEL.fullmatch(event)
    if match is None:
        if is_categorical(data[event]):
            raise ModelError(
                f'column {event!r} holds labels; say which of them is the event, as in event="{event} == level".'
            )
        values = numbers(data[event])
        strange = ~np.isin(values, (0.0, 1.0))
        if strange.any():
            raise ModelError(
                f"column {event!r} must hold 0 and 1 only; {int(strange.sum()):,} rows hold others, "
                f'e.g. {values[strange][0]:g}. For one level of a column write event="{event} == level".'
            )
        return values == 1.0
    return _at_level(data[match[1]], match[3])


def is_level(column: pd.Series, level: str) -> NDArray[np.bool_]:
    """Whether a column without missing values holds a level, given as text; an unknown level raises."""
    _require_level(column, level)
    return _at_level(column, level)


def _at_level(column: pd.Series, level: str) -> NDArray[np.bool_]:
    if not is_categorical(column):
        try:
            return numbers(column) == float(level)
        except ValueError:
            raise ModelError(f"column {column.name!r} holds numbers; {level!r} is none.") from None
    return (column.astype(str) == level).to_numpy(bool)


def _require_level(column: pd.Series, level: str) -> None:
    """Raise for labels none of which is the level."""
    if not is_categorical(column):
        return
    known = column.cat.categories if isinstance(column.dtype, pd.CategoricalDtype) else column.unique()
    if level not in {str(value) for value in known}:
        levels = listed([str(value) for value in known])
        raise ModelError(f"column {column.name!r} has no level {level!r}; it has {levels}.")


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
    given = starts < stops
    starts, stops = _same_times(starts, stops, stop)
    wrong = np.flatnonzero(~(starts < stops))
    if len(wrong) and given[wrong].all():
        raise _too_close(stop, f"{len(wrong):,} rows would end as they start")
    if len(wrong):
        where = f"data[data[{start!r}] >= data[{stop!r}]]" if start else f"data[data[{stop!r}] <= 0]"
        raise ModelError(
            f"{len(wrong):,} rows end no later than they start (first at position {wrong[0]}).\n  To look: {where}"
        )
    return Times(starts, stops)


def read_grid(times: float | Iterable[float], followed_to: float = np.inf) -> Floats:
    """Read ``times=``, one or several, as (k,); missing ones and those after the end of follow-up raise."""
    try:
        grid = np.atleast_1d(np.asarray(times if np.isscalar(times) else list(times), dtype=float))  # type: ignore[arg-type]
    except (TypeError, ValueError):
        raise ModelError(f"times={times!r} is neither a time nor a list of times.") from None
    if np.isnan(grid).any():
        raise ModelError(f"{int(np.isnan(grid).sum()):,} of the {grid.size:,} times are missing.")
    if (grid > followed_to).any():
        raise ModelError(f"times= go beyond {followed_to:g}, the end of follow-up.")
    return grid


def _too_close(stop: str, consequence: str) -> ModelError:
    return ModelError(
        f"the times in {stop!r} lie so close together that they count as equal (they differ by less than 1.5e-8, or "
        f"by less than that share of their mean): {consequence}. Subtract a common origin, or use a smaller unit."
    )


def _same_times(start: Floats, stop: Floats, stop_name: str) -> tuple[Floats, Floats]:
    """Give times that differ by rounding only (0.1 + 0.2 and 0.3) one value, as R's coxph does.

    Where a chain of times, each close to the next, would become one although its ends are apart, they are no
    rounding: that is refused.
    """
    if all(
        np.all(values == np.rint(values)) and np.abs(values).max(initial=0) < 1e6 for values in (start, stop)
    ):
        return start, stop  # whole numbers differ by one at least
    times = np.unique(np.concatenate([start, stop]))
    gaps = np.diff(times)
    tolerance = np.sqrt(np.finfo(float).eps)
    apart = np.concatenate([[True], (gaps > tolerance) & (gaps > tolerance * np.abs(times).mean())])
    if apart.all():
        return start, stop
    kept = times[apart]
    last = times[np.concatenate([np.flatnonzero(apart)[1:], [len(times)]]) - 1]
    if np.any(last - kept > tolerance * max(1.0, np.abs(times).mean())):
        raise _too_close(stop_name, "a chain of them would become one")
    return tuple(kept[np.searchsorted(kept, values, side="right") - 1] for values in (start, stop))  # type: ignore[return-value]


def read_weights(data: pd.DataFrame, weights: str | None, *, holes: bool = False) -> Floats:
    """Read positive case weights, ones if none are named; some may be missing (NaN) if there may be `holes`."""
    if weights is None:
        return np.broadcast_to(1.0, len(data))
    values = numbers(data[weights], holes=holes)
    bad = int((values <= 0).sum())
    if bad:
        raise ModelError(f"column {weights!r}: {bad:,} weights are zero or negative; drop those rows.")
    largest = np.fmax.reduce(values)
    if not (np.isnan(largest) or _LIGHT < largest < _HEAVY):
        raise ModelError(
            f"column {weights!r}: the largest weight is {largest:g}, out of the range in which likelihoods can be "
            "compared; divide the weights by their mean."
        )
    return values


def read_counts(data: pd.DataFrame, counts: str | None) -> Ints:
    """Read how many equal rows each row stands for, whole numbers of at least 1; ones if no column is named."""
    if counts is None:
        return np.broadcast_to(np.int64(1), len(data))
    values = numbers(data[counts])
    wrong = np.flatnonzero((values < 1) | (values != np.rint(values)) | (values > _MOST))
    if len(wrong):
        raise ModelError(
            f"column {counts!r}, used by counts=, must hold whole numbers of at least 1: {len(wrong):,} rows hold "
            f"others, e.g. {values[wrong[0]]:g} (first at position {wrong[0]}). A row that stands for none is left "
            "out; weights that are not whole are case weights (weights=)."
        )
    return values.astype(np.int64)


def read_offset(data: pd.DataFrame, offset: str | None) -> Floats:
    """Read what is added to the linear predictor; zeros if nothing is named."""
    if offset is None:
        return np.broadcast_to(0.0, len(data))
    values = numbers(data[offset])
    far = int((np.abs(values) > _FAR).sum())
    if far:
        raise ModelError(
            f"column {offset!r}, used by offset=, is beyond ±{_FAR:g} in {far:,} rows, where its exponential is out of "
            "a number's range. An offset is on the scale of the linear predictor (a logarithm, say); subtract a "
            "constant."
        )
    return values


def check_names(required: Mapping[str, object], optional: Mapping[str, object]) -> None:
    """Raise `OptionError` for arguments that are not a column's name (or None, where they are optional)."""
    for name, value in (*required.items(), *((n, v) for n, v in optional.items() if v is not None)):
        if not isinstance(value, str):
            raise OptionError(f"{name}={value!r} is not the name of a column.")


def default_id(data: pd.DataFrame, id: str | Sequence[str] | None) -> str | Sequence[str] | None:
    """Give the identifier's column: as named, else ``client`` where there is one, else none."""
    if id is not None:
        return id
    return "client" if "client" in data.columns else None


def check_overlap(ids: Ints, times: Times, order: Ints | None, id: object) -> None:
    """Refuse rows of one id (within a stratum) whose times at risk overlap; `order` sorts by id and start."""
    start, stop = times.start, times.stop
    if order is not None:
        ids, start, stop = ids[order], start[order], stop[order]
    clash = (ids[1:] == ids[:-1]) & (start[1:] < stop[:-1])
    if clash.any():
        places = 1 + np.flatnonzero(clash)
        rows = listed([str(row) for row in np.sort(places if order is None else order[places])])
        raise ModelError(
            f"{int(clash.sum()):,} rows overlap an earlier row of the same {id!r} (positions {rows}). "
            "One id has one row at a time."
        )


def equal_to_previous(column: pd.Series, order: Ints | None) -> NDArray[np.bool_]:
    """Whether each row, in the given order (None: as they lie), holds the value of the row before it: (n - 1,)."""
    kind = column.dtype.kind if isinstance(column.dtype, np.dtype) else "O"
    # Whatever is no plain number is coded first.
    values = column.to_numpy() if kind in "fiub" else labels(column).codes
    if order is not None:
        values = values[order]
    return values[1:] == values[:-1]
