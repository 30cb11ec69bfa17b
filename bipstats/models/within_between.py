"""Covariates split into what separates units and what changes within one: from its past, or over its whole span."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from bipstats.core.columns import (
    Floats,
    Ints,
    group_codes,
    is_categorical,
    listed,
    require_columns,
    require_frame,
)
from bipstats.errors import ModelError, OptionError
from bipstats.models.absorbing import absorbing_error, ends_time_at_risk, places
from bipstats.models.inputs import event_column, event_indicator


def within_between(
    data: pd.DataFrame,
    columns: str | Sequence[str],
    *,
    id: str | Sequence[str],
    time: str = "start",
    group: str | Sequence[str] | None = None,
    calendar: str | None = None,
    past_only: bool = True,
    outcome: str | None = None,
) -> pd.DataFrame:
    r"""Split covariates into what lies between units and what changes within each of them.

    Parameters
    ----------
    data : pandas.DataFrame
        Rows of units at several times; not changed.
    columns : str or list of str
        Numeric covariates x. Missing values stay missing.
    id : str or list of str
        Column that names the unit (the client).
    time : str, default "start"
        Column that orders the rows of a unit.
    group : str or list of str, optional
        Column whose other members' values are averaged (the caseworker): the context of a unit without the unit
        itself.
    calendar : str, optional
        Column with a date that all units share, for "before" among units; needed with ``group=`` if
        ``past_only=True``.
    past_only : bool, default True
        Use nothing that lies after a row. False: means over the unit's whole span and deviations from them.
    outcome : str, optional
        Outcome that the terms are for (``"event"``, ``"exit == job"``, any number); needed, and allowed, with
        ``past_only=False`` only.

    Returns
    -------
    pandas.DataFrame
        `data` with new columns for every x. ``past_only=True``: ``x_first``, the unit's first value that is not
        missing (missing in rows before it), and ``x_change``, x less that. ``past_only=False``: ``x_mean``, the
        mean of the unit's values, and ``x_deviation``, x less that. With ``group=``: ``x_others``, the mean of the
        other units in the row's group, each counted once by its first value, given in that group and dated before
        the row's `calendar` (``past_only=False``: by its mean in that group); ``x_others_n``, how many
        they are. ``.attrs["within_between"]`` says what each new column's slope means and counts what is missing.

    Raises
    ------
    ModelError
        Values are no numbers or infinite; a unit has two first values at one time; new columns would overwrite
        old ones; or means over the span are asked for although the outcome ends it.

    Notes
    -----
    In a model with ``x_first + x_change`` the slope of x_change is that of a change within a unit since its first
    value, the slope of x_first that of the difference between units who have changed alike. If both are
    equal, x alone says the same: test it by ``fit.wald("x_first = x_change")``.

    Means over the span (Mundlak 1978) are refused for an outcome that ends it: the event happens at most once
    per unit and in its last row. With a drift in x, those who leave late have other means for that reason alone, and
    the slope of the deviation can have any sign (Allison and Christakis 2006).

    References
    ----------
    Allison, P. & Christakis, N. (2006). Fixed-effects methods for the analysis of nonrepeated events. *Sociological
    Methodology*.
    Mundlak, Y. (1978). On the pooling of time series and cross section data. *Econometrica*.

    Examples
    --------
    >>> import pandas as pd, bipstats as bip
    >>> rows = pd.DataFrame({"client": [1, 1, 1, 2, 2], "start": [0, 4, 9, 0, 6], "belief": [2.0, 3.0, 5.0, 4.0, 3.0]})
    >>> bip.within_between(rows, "belief", id="client")[["belief_first", "belief_change"]].values.tolist()
    [[2.0, 0.0], [2.0, 1.0], [2.0, 3.0], [4.0, 0.0], [4.0, -1.0]]
    """
    require_frame(data)
    names = [columns] if isinstance(columns, str) else list(columns)
    if not names:
        raise OptionError("columns= names no covariate.")
    require_columns(data, names, "columns=")
    _check_options(past_only, group, calendar, outcome)
    panel = _panel(data, id, time, group, calendar)
    if outcome is not None:
        _refuse_absorbing(data, panel, id, time, outcome)
    made: dict[str, Floats] = {}
    for name in names:
        values = _values(data[name])
        made |= _past(name, values, panel) if past_only else _span(name, values, panel)
    taken = [name for name in made if name in data.columns]
    if taken:
        raise ModelError(f"data has columns {listed(taken)} already; rename or drop them.")
    found = data.assign(**made)
    found.attrs["within_between"] = _said(names, made, panel, past_only)
    return found


@dataclass(frozen=True, slots=True)
class _Panel:
    """Unit, place in time, group and date of each row, (n,) each; no groups: None."""

    unit: Ints
    when: Ints
    group: Ints | None
    date: Ints | None


def _check_options(past_only: object, group: object, calendar: object, outcome: object) -> None:
    if not isinstance(past_only, bool):
        raise OptionError(f"past_only={past_only!r} is neither True nor False.")
    if past_only and outcome is not None:
        raise OptionError(
            "outcome= belongs to past_only=False: terms from the past are right for every outcome."
        )
    if not past_only and outcome is None:
        raise ModelError(
            "past_only=False takes means over each unit's whole span, which is wrong for an outcome that ends it; say "
            'which outcome the terms are for: outcome="event".'
        )
    if calendar is not None and (group is None or not past_only):
        raise OptionError("calendar= belongs to group= with past_only=True.")
    if past_only and group is not None and calendar is None:
        raise ModelError(
            "group= needs calendar=, a column with dates that all units share: only others' values dated before a row "
            "are from its past. A unit's own clock (weeks since enrolment) does not tell."
        )


def _panel(
    data: pd.DataFrame,
    id: str | Sequence[str],
    time: str,
    group: str | Sequence[str] | None,
    calendar: str | None,
) -> _Panel:
    return _Panel(
        group_codes(data, id, "id="),
        _ordered(data, time, "time="),
        None if group is None else group_codes(data, group, "group="),
        None if calendar is None else _ordered(data, calendar, "calendar="),
    )


def _ordered(data: pd.DataFrame, name: str, role: str) -> Ints:
    """Place of each row's time among the sorted ones."""
    require_columns(data, [name], role)
    found = places(data[name])
    if (found < 0).any():
        raise ModelError(f"column {name!r}, used by {role}, is missing in {int((found < 0).sum()):,} rows.")
    return found


def _refuse_absorbing(
    data: pd.DataFrame, panel: _Panel, id: str | Sequence[str], time: str, outcome: str
) -> None:
    column = event_column(outcome)
    require_columns(data, [column], "outcome=")
    known = data[column].notna().to_numpy()
    rows = data[known]
    if column == outcome:
        if is_categorical(rows[column]):
            raise ModelError(
                f'outcome={outcome!r} holds labels; name the level: outcome="{outcome} == level".'
            )
        if not set(pd.unique(rows[column].astype(float))) <= {0.0, 1.0}:
            return  # a measured outcome ends nothing
    event, unit = event_indicator(rows, outcome), panel.unit[known]
    if ends_time_at_risk(event, unit, panel.when[known]):
        words = id if isinstance(id, str) else " x ".join(id)
        raise absorbing_error(f"means by {words}", event, unit, outcome, f"by the column {time!r}")


def _values(column: pd.Series) -> Floats:
    """Read numbers, missing ones as NaN."""
    if is_categorical(column):
        raise ModelError(
            f"column {column.name!r} must hold numbers; it holds labels, whose change is no number."
        )
    values = column.to_numpy(dtype=np.float64, na_value=np.nan)
    infinite = int(np.isinf(values).sum())
    if infinite:
        raise ModelError(
            f"column {column.name!r} has {infinite:,} infinite values; correct or drop those rows."
        )
    return values


def _past(name: str, values: Floats, panel: _Panel) -> dict[str, Floats]:
    n_units = int(panel.unit.max()) + 1
    known = np.flatnonzero(~np.isnan(values))
    earliest = np.full(n_units, len(values), np.int64)
    np.minimum.at(earliest, panel.unit[known], panel.when[known])
    opening = known[panel.when[known] == earliest[panel.unit[known]]]
    row = np.full(n_units, -1, np.int64)
    row[panel.unit[opening]] = opening
    _refuse_two_firsts(name, values, panel, opening, row)
    own = row[panel.unit]
    begun = (own >= 0) & (panel.when >= earliest[panel.unit])
    first = np.where(begun, values[own], np.nan)
    made = {f"{name}_first": first, f"{name}_change": values - first}
    if panel.group is not None:
        made |= _named(name, _others_before(values, panel, row[row >= 0], own))
    return made


def _refuse_two_firsts(name: str, values: Floats, panel: _Panel, opening: Ints, row: Ints) -> None:
    chosen = row[panel.unit[opening]]
    differ = values[opening] != values[chosen]
    if panel.group is not None and panel.date is not None:
        differ |= (panel.group[opening] != panel.group[chosen]) | (panel.date[opening] != panel.date[chosen])
    if differ.any():
        n_units = len(np.unique(panel.unit[opening][differ]))
        raise ModelError(
            f"{name!r}: {n_units:,} units have several rows at their first time that differ in value, group or date; "
            "which is the first answer cannot be told. Keep one row per unit and time."
        )


def _others_before(values: Floats, panel: _Panel, firsts: Ints, own: Ints) -> tuple[Floats, Floats]:
    """Sum and number of the first values in each row's group that are dated before it, the own left out: (n,)."""
    assert panel.group is not None
    assert panel.date is not None
    span = int(panel.date.max()) + 1
    key = panel.group * span + panel.date  # groups apart, dates in order within each
    order = firsts[np.argsort(key[firsts], kind="stable")]
    running = np.concatenate([[0.0], np.cumsum(values[order])])
    low = np.searchsorted(key[order], panel.group * span, side="left")
    high = np.searchsorted(key[order], key, side="left")
    mine = (own >= 0) & (panel.group[own] == panel.group) & (panel.date[own] < panel.date)
    return running[high] - running[low] - np.where(mine, values[own], 0.0), (high - low - mine).astype(float)


def _span(name: str, values: Floats, panel: _Panel) -> dict[str, Floats]:
    known = ~np.isnan(values)
    mean = _means(values, known, panel.unit)[panel.unit]
    made = {f"{name}_mean": mean, f"{name}_deviation": values - mean}
    if panel.group is not None:
        made |= _named(name, _others_ever(values, known, panel))
    return made


def _others_ever(values: Floats, known: np.ndarray, panel: _Panel) -> tuple[Floats, Floats]:
    """Sum and number of the other units' means in each row's group, (n,)."""
    assert panel.group is not None
    cell = np.unique(panel.group * (int(panel.unit.max()) + 1) + panel.unit, return_inverse=True)[1]
    mean = _means(values, known, cell)
    group = np.empty(len(mean), np.int64)
    group[cell] = panel.group
    answered = ~np.isnan(mean)
    filled = np.where(answered, mean, 0.0)
    total: Floats = np.bincount(group, filled).astype(float)
    count: Floats = np.bincount(group, answered).astype(float)
    return total[panel.group] - filled[cell], count[panel.group] - answered[cell]


def _means(values: Floats, known: np.ndarray, codes: Ints) -> Floats:
    """Mean of the known values of each code; NaN where there are none."""
    size = int(codes.max()) + 1
    total, count = np.bincount(codes[known], values[known], size), np.bincount(codes[known], minlength=size)
    return np.where(count > 0, total / np.maximum(count, 1), np.nan)


def _named(name: str, others: tuple[Floats, Floats]) -> dict[str, Floats]:
    total, count = others
    mean = np.where(count > 0, total / np.maximum(count, 1), np.nan)
    return {f"{name}_others": mean, f"{name}_others_n": count}


_MEANING = {
    "_first": "difference between units in their first {x}, changes since being equal",
    "_change": "change of {x} within a unit since its first value",
    "_mean": "difference between units in their mean {x} (between); minus _deviation's slope: the contextual effect",
    "_deviation": "{x} above or below the unit's own mean (within)",
    "_others": "{x} of the other units in the group, the unit itself left out",
    "_others_n": "no covariate: how many other units the mean rests on",
}


def _said(names: list[str], made: dict[str, Floats], panel: _Panel, past_only: bool) -> dict[str, Any]:
    """What the new columns mean, and what is missing in them, as plain values."""
    terms = {
        column: _MEANING[column.removeprefix(name)].format(x=name)
        for name in names
        for column in made
        if column.startswith(name) and column.removeprefix(name) in _MEANING
    }
    return {
        "past_only": past_only,
        "units": int(panel.unit.max()) + 1,
        "slopes": terms,
        "rows_missing": {column: int(np.isnan(values).sum()) for column, values in made.items()},
    }
