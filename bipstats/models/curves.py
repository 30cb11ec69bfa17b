"""Survival and cumulative incidence without covariates."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import stats

from bipstats.core.columns import (
    Floats,
    Ints,
    complete_rows,
    group_codes,
    labels,
    require_columns,
    require_frame,
)
from bipstats.errors import ModelError
from bipstats.models.inputs import (
    check_names,
    default_id,
    event_column,
    event_indicator,
    read_times,
    read_weights,
)
from bipstats.models.kernels.curves import Transitions, greenwood, incidences, jackknife, transitions
from bipstats.plotting import steps
from bipstats.tables import Summary

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_CENSORED = "censored"


@dataclass(frozen=True, repr=False, eq=False)
class Curve:
    """Curves by group, with pointwise intervals.

    Attributes
    ----------
    table : pandas.DataFrame
        ``time, estimate, std_error, conf_low, conf_high, at_risk``, for incidence also ``exit``, and the
        column of the groups by its name.
    kind : {"survival", "incidence"}
    by : str or None
    how : str
        How the standard errors were made.
    """

    table: pd.DataFrame
    kind: Literal["survival", "incidence"]
    by: str | None
    how: str

    def summary(self) -> Summary:
        """The last row of every curve, and how the errors were made."""
        keys = [name for name in (self.by, "exit") if name is not None and name in self.table]
        last = self.table.groupby(keys, observed=True, sort=False).tail(1) if keys else self.table.tail(1)
        title = "Kaplan-Meier survival" if self.kind == "survival" else "Aalen-Johansen cumulative incidence"
        return Summary(f"{title}, at the end", last.reset_index(drop=True), {}, (f"Errors: {self.how}.",))

    def plot_data(self) -> pd.DataFrame:
        """Frame behind `plot`: the table with a row at time 0 before every curve, and a column `curve`."""
        keys = [name for name in (self.by, "exit") if name is not None and name in self.table]
        parts = (
            [part for _, part in self.table.groupby(keys, observed=True, sort=False)]
            if keys
            else [self.table]
        )
        level = 1.0 if self.kind == "survival" else 0.0
        begun = [
            pd.concat(
                [
                    part.head(1).assign(
                        time=min(0.0, part["time"].iloc[0]), estimate=level, conf_low=level, conf_high=level
                    ),
                    part,
                ]
            )
            for part in parts
        ]
        frame = pd.concat(begun, ignore_index=True)
        names = [frame[key].astype(str) for key in keys]
        return frame.assign(
            curve=names[0] if len(names) == 1 else names[0] + ", " + names[1] if names else ""
        )

    def plot(self, ax: Axes | None = None) -> Axes:
        """Draw the curves as steps with their intervals."""
        axes = steps(
            self.plot_data(), by="curve" if len(self.plot_data()["curve"].unique()) > 1 else None, ax=ax
        )
        axes.set_xlabel("Time")
        axes.set_ylabel("Survival" if self.kind == "survival" else "Cumulative incidence")
        return axes

    def __repr__(self) -> str:
        return str(self.summary())

    def _repr_html_(self) -> str:
        return self.summary().as_html()


def survival_curve(
    data: pd.DataFrame,
    *,
    start: str | None,
    stop: str,
    event: str,
    by: str | None = None,
    weights: str | None = None,
) -> Curve:
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

    Returns
    -------
    Curve
        ``.table`` with ``time, estimate, std_error, conf_low, conf_high, at_risk``: a row at every distinct
        end of a row, as R's survfit.

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
    >>> bip.survival_curve(rows, start=None, stop="weeks", event="event").table["estimate"].tolist()
    [0.75, 0.5, 0.0]
    """
    check_names({"stop": stop, "event": event}, {"start": start, "by": by, "weights": weights})
    rows = _rows(data, [start, stop, event_column(event), by, weights])
    weight = read_weights(rows, weights)
    whole = bool(np.all(weight == np.round(weight)))
    exit = event_indicator(rows, event).astype(np.int64)
    parts = []
    for name, own in _groups(rows, by):
        counts = _counts(rows[own], start, stop, exit[own], 1, weight[own])
        found = incidences(counts).survival
        if whole:
            with np.errstate(invalid="ignore"):
                error = np.where(found > 0, found * np.sqrt(greenwood(counts)), np.nan)
        else:
            error = np.sqrt(jackknife(counts, exit[own], weight[own], np.arange(int(own.sum())))[0])
        parts.append(_frame(counts, found, error, by, name))
    how = "Greenwood" if whole else "infinitesimal jackknife, as the weights are not whole numbers"
    return Curve(pd.concat(parts, ignore_index=True), "survival", by, how)


def cumulative_incidence(
    data: pd.DataFrame,
    *,
    start: str | None,
    stop: str,
    exit: str,
    by: str | None = None,
    id: str | None = None,
    weights: str | None = None,
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

    Returns
    -------
    Curve
        ``.table`` with ``exit, time, estimate, std_error, conf_low, conf_high, at_risk``.

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
    unit = default_id(require_frame(data), id)
    rows = _rows(data, [start, stop, exit, by, weights, unit])
    weight = read_weights(rows, weights)
    kinds, code = _kinds(rows[exit])
    parts = []
    for name, own in _groups(rows, by):
        counts = _counts(rows[own], start, stop, code[own], len(kinds), weight[own])
        units = np.arange(int(own.sum())) if unit is None else group_codes(rows[own], unit, "id=")
        _, variance = jackknife(counts, code[own], weight[own], units)
        found = incidences(counts).incidence
        for kind, values, spread in zip(kinds, found, variance, strict=True):
            frame = _frame(counts, values, np.sqrt(spread), by, name)
            frame.insert(0, "exit", kind)
            parts.append(frame)
    table = pd.concat(parts, ignore_index=True)
    per = "row" if unit is None else unit
    return Curve(table, "incidence", by, f"infinitesimal jackknife, one unit per {per}")


def _rows(data: pd.DataFrame, names: Sequence[object]) -> pd.DataFrame:
    """The rows, none of which may lack a value."""
    used = [name for name in names if isinstance(name, str)]
    require_columns(require_frame(data), used, "an argument")
    return complete_rows(data, used, "raise")[0]


def _kinds(column: pd.Series) -> tuple[list[str], Ints]:
    """Kinds of exit in order, and their codes, 0 for censored."""
    found = labels(column)
    names = [str(level) for level in found.levels]
    kinds = [name for name in names if name != _CENSORED]
    if not kinds:
        raise ModelError(f"column {column.name!r} has no exit: every row is {_CENSORED!r}.")
    place = np.array([0 if name == _CENSORED else kinds.index(name) + 1 for name in names])
    return kinds, place[found.codes].astype(np.int64)


def _groups(rows: pd.DataFrame, by: str | None) -> list[tuple[object, NDArray[np.bool_]]]:
    if by is None:
        return [(None, np.ones(len(rows), bool))]
    found = labels(rows[by])
    return [(level, found.codes == code) for code, level in enumerate(found.levels)]


def _counts(
    rows: pd.DataFrame, start: str | None, stop: str, exit: Ints, n_kinds: int, weight: Floats
) -> Transitions:
    times = read_times(rows, start, stop)
    return transitions(times.start, times.stop, exit, n_kinds, weight)


def _frame(
    counts: Transitions, estimate: Floats, error: Floats, by: str | None, name: object
) -> pd.DataFrame:
    """One curve as a frame; intervals on the log scale, as R's default."""
    z = stats.norm.ppf(0.975)
    with np.errstate(divide="ignore", invalid="ignore"):
        spread = np.exp(z * error / estimate)
        low, high = estimate / spread, np.minimum(estimate * spread, 1.0)
    frame = pd.DataFrame(
        {
            "time": counts.times,
            "estimate": estimate,
            "std_error": error,
            "conf_low": low,
            "conf_high": high,
            "at_risk": counts.at_risk,
        }
    )
    if by is not None:
        frame.insert(0, by, np.repeat(np.array([name], dtype=object), len(frame)))
    return frame
