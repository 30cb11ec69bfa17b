"""Survival and cumulative incidence without covariates: from a frame to curves."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import stats

from bipstats.core.columns import (
    Floats,
    Ints,
    complete_rows,
    group_codes,
    is_categorical,
    labels,
    require_columns,
    require_frame,
)
from bipstats.core.estimates import check_level
from bipstats.errors import ModelError
from bipstats.models.curve import Curve, SurvivalCurve
from bipstats.models.inputs import (
    Times,
    check_names,
    check_overlap,
    default_id,
    event_column,
    event_indicator,
    read_times,
    read_weights,
)
from bipstats.models.kernels.curves import (
    Transitions,
    at_risk_steps,
    greenwood,
    incidences,
    jackknife,
    transitions,
)

_CENSORED = "censored"
_COLUMNS = (
    "curve", "time", "estimate", "std_error", "conf_low", "conf_high", "at_risk", "events", "exit",
)  # fmt: skip
"""Columns of a curve's frames, which the groups' column stands beside."""


def survival_curve(
    data: pd.DataFrame,
    *,
    start: str | None,
    stop: str,
    event: str,
    by: str | None = None,
    weights: str | None = None,
    level: float = 0.95,
) -> SurvivalCurve:
    r"""Kaplan-Meier survival curve of (start, stop] rows.

    Parameters
    ----------
    data : pandas.DataFrame
    start, stop : str
        Columns with the time at risk; ``start=None`` means that all rows begin at 0.
    event : str
        Column of 0/1, or ``"exit == job"``.
    by : str, optional
        Column with groups, one curve each.
    weights : str, optional
        Column of positive case weights.
    level : float, default 0.95
        Confidence level of the pointwise intervals.

    Returns
    -------
    SurvivalCurve
        ``.table`` with ``time, estimate, std_error, conf_low, conf_high, at_risk, events``: a row at every distinct
        end of a row, as R's survfit. Once nobody is left there is no error and no interval.

    Raises
    ------
    ModelError
        The data cannot be used; the message says which column and rows.

    Notes
    -----
    Greenwood's error, :math:`S(t) \sqrt{\sum d / (n (n - d))}`; with weights that are not whole numbers the
    infinitesimal jackknife, as in R. Intervals are made on the log scale. Where others leave by competing
    exits, one minus this curve is no probability: use `bip.cumulative_incidence`.

    References
    ----------
    Therneau, T. & Grambsch, P. (2000). *Modeling Survival Data*. Springer.

    Examples
    --------
    >>> import pandas as pd, bipstats as bip
    >>> rows = pd.DataFrame({"weeks": [1, 2, 2, 3], "event": [1, 1, 0, 1]})
    >>> curve = bip.survival_curve(rows, start=None, stop="weeks", event="event")
    >>> curve.table["estimate"].tolist()
    [0.75, 0.5, 0.0]
    >>> curve.at_risk([0, 1.5])["at_risk"].tolist()
    [4.0, 3.0]
    """
    check_names({"stop": stop, "event": event}, {"start": start, "by": by, "weights": weights})
    check_level(level)
    rows = _rows(data, [start, stop, event_column(event), by, weights])
    weight, times = read_weights(rows, weights), read_times(rows, start, stop)
    whole = bool(np.all(weight == np.round(weight)))
    exit = event_indicator(rows, event).astype(np.int64)
    parts = []
    for name, own in _groups(rows, by):
        counts = transitions(times.start[own], times.stop[own], exit[own], 1, weight[own])
        found = incidences(counts).survival
        if whole:
            with np.errstate(invalid="ignore"):
                error = np.where(found > 0, found * np.sqrt(greenwood(counts)), np.nan)
        else:
            error = np.sqrt(jackknife(counts, exit[own], weight[own], np.arange(int(own.sum())))[0])
        parts.append(_frame(counts, found, error, 0, level).pipe(_named, by, name))
    how = "Greenwood" if whole else "infinitesimal jackknife, as the weights are not whole numbers"
    return SurvivalCurve(
        pd.concat(parts, ignore_index=True),
        _presence(rows, times, weight, by),
        "survival",
        by,
        how,
        level,
        whole,
    )


def cumulative_incidence(
    data: pd.DataFrame,
    *,
    start: str | None,
    stop: str,
    exit: str,
    by: str | None = None,
    id: str | None = None,
    weights: str | None = None,
    level: float = 0.95,
) -> Curve:
    """Aalen-Johansen cumulative incidence of every kind of exit.

    Parameters
    ----------
    data : pandas.DataFrame
    start, stop : str
        Columns with the time at risk, (start, stop]; ``start=None`` means that all rows begin at 0.
    exit : str
        Column of labels; ``censored`` ends a row without an exit, every other level is a kind of exit.
    by : str, optional
        Column with groups, one set of curves each.
    id : str, optional
        Column that says which rows belong together; ``client`` is taken where there is one.
    weights : str, optional
        Column of positive case weights.
    level : float, default 0.95
        Confidence level of the pointwise intervals.

    Returns
    -------
    Curve
        ``.table`` with ``exit, time, estimate, std_error, conf_low, conf_high, at_risk, events``. Before the first
        exit of a kind its estimate is 0 and has no interval.

    Raises
    ------
    ModelError
        The data cannot be used; the message says which column and rows.

    Notes
    -----
    Exact ties. Errors by the infinitesimal jackknife over ids, as R's survfit gives them for multi-state data;
    intervals on the log scale.

    References
    ----------
    Aalen, O. & Johansen, S. (1978). An empirical transition matrix. *Scandinavian Journal of Statistics*.

    Examples
    --------
    >>> import pandas as pd, bipstats as bip
    >>> rows = pd.DataFrame({"weeks": [1, 2, 2, 3], "exit": ["job", "pension", "job", "censored"]})
    >>> curve = bip.cumulative_incidence(rows, start=None, stop="weeks", exit="exit")
    >>> curve.table.query("exit == 'job'")["estimate"].tolist()
    [0.25, 0.5, 0.5]
    """
    check_names({"stop": stop, "exit": exit}, {"start": start, "by": by, "id": id, "weights": weights})
    check_level(level)
    unit = default_id(require_frame(data), id)
    rows = _rows(data, [start, stop, exit, by, weights, unit])
    weight, times = read_weights(rows, weights), read_times(rows, start, stop)
    kinds, code = _kinds(rows[exit])
    parts = []
    for name, own in _groups(rows, by):
        counts = transitions(times.start[own], times.stop[own], code[own], len(kinds), weight[own])
        units = np.arange(int(own.sum())) if unit is None else group_codes(rows[own], unit, "id=")
        within = Times(times.start[own], times.stop[own])
        check_overlap(units, within, np.lexsort((within.start, units)), unit)
        _, variance = jackknife(counts, code[own], weight[own], units)
        found = incidences(counts).incidence
        for number, (kind, values, spread) in enumerate(zip(kinds, found, variance, strict=True)):
            frame = _frame(counts, values, np.sqrt(spread), number, level)
            frame.insert(0, "exit", kind)
            parts.append(frame.pipe(_named, by, name))
    table = pd.concat(parts, ignore_index=True)
    how = f"infinitesimal jackknife, one unit per {'row' if unit is None else unit}"
    return Curve(table, _presence(rows, times, weight, by), "incidence", by, how, level)


def _rows(data: pd.DataFrame, names: Sequence[object]) -> pd.DataFrame:
    """The rows, none of which may lack a value."""
    used = [name for name in names if isinstance(name, str)]
    require_columns(require_frame(data), used, "an argument")
    return complete_rows(data, used, None)[0]


def _kinds(column: pd.Series) -> tuple[list[str], Ints]:
    """Kinds of exit in order, and their codes, 0 for censored."""
    if not is_categorical(column):
        raise ModelError(
            f"column {column.name!r} holds numbers; write exits as labels, and {_CENSORED!r} where a row ends "
            "without one."
        )
    found = labels(column)
    names = [str(level) for level in found.levels]
    alike = [name for name in names if name != _CENSORED and name.strip().casefold().startswith("cens")]
    if alike:
        raise ModelError(
            f"column {column.name!r} has the level {alike[0]!r}, which would count as an exit; write {_CENSORED!r} "
            "where a row ends without one."
        )
    kinds = [name for name in names if name != _CENSORED]
    if not kinds:
        raise ModelError(f"column {column.name!r} has no exit: every row is {_CENSORED!r}.")
    place = np.array([0 if name == _CENSORED else kinds.index(name) + 1 for name in names])
    return kinds, place[found.codes].astype(np.int64)


def _groups(rows: pd.DataFrame, by: str | None) -> list[tuple[object, NDArray[np.bool_]]]:
    if by is None:
        return [(None, np.ones(len(rows), bool))]
    if by in _COLUMNS:
        raise ModelError(f"by={by!r} is a column of the result; rename it.")
    found = labels(rows[by])
    return [(level, found.codes == code) for code, level in enumerate(found.levels)]


def _presence(rows: pd.DataFrame, times: Times, weight: Floats, by: str | None) -> pd.DataFrame:
    """Weight at risk of each group at every time at which somebody comes or goes: ``time, at_risk``."""
    parts = []
    for name, own in _groups(rows, by):
        at, number = at_risk_steps(times.start[own], times.stop[own], weight[own])
        parts.append(pd.DataFrame({"time": at, "at_risk": number}).pipe(_named, by, name))
    return pd.concat(parts, ignore_index=True)


def _frame(counts: Transitions, estimate: Floats, error: Floats, kind: int, level: float) -> pd.DataFrame:
    """One curve as a frame; intervals on the log scale, as R's default."""
    z = stats.norm.ppf(0.5 + level / 2)
    with np.errstate(divide="ignore", invalid="ignore"):
        spread = np.exp(z * error / estimate)
        low, high = estimate / spread, np.minimum(estimate * spread, 1.0)
    return pd.DataFrame(
        {
            "time": counts.times,
            "estimate": estimate,
            "std_error": error,
            "conf_low": low,
            "conf_high": high,
            "at_risk": counts.at_risk,
            "events": counts.exits[kind],
        }
    )


def _named(frame: pd.DataFrame, by: str | None, name: object) -> pd.DataFrame:
    """With the group in a first column of its name."""
    if by is not None:
        frame.insert(0, by, np.repeat(np.array([name], dtype=object), len(frame)))
    return frame
