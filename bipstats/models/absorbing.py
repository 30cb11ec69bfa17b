"""Outcomes that end a unit's time at risk, which estimators within units cannot have."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from bipstats.core.columns import Ints, group_codes, require_columns
from bipstats.errors import ModelError
from bipstats.models.inputs import event_column, event_indicator, read_counts

_CLOCKS = ("stop", "period", "week", "date")


def refuse_absorbing_effects(
    data: pd.DataFrame,
    outcome: str,
    absorb: Sequence[str],
    clock: str | None = None,
    counts: str | None = None,
) -> None:
    """Refuse to absorb effects of units whose time at risk the outcome ends; `clock` names the column of time."""
    names = [event_column(outcome), *absorb, *(name for name in (clock, counts) if name is not None)]
    if not absorb:
        return
    require_columns(data, names, "the model")
    holed = [name for name in names if data[name].hasnans]
    rows = data.dropna(subset=holed) if holed else data
    if rows.empty:  # whoever fits says so
        return
    if counts is not None:
        rows = rows.take(np.repeat(np.arange(len(rows)), np.minimum(read_counts(rows, counts), 2)))
    event = event_indicator(rows, outcome)
    for name in absorb:
        refuse_absorbing(rows, event, group_codes(rows, name, "absorb="), outcome, name, clock)


def refuse_absorbing(
    rows: pd.DataFrame,
    event: NDArray[np.bool_],
    group: Ints,
    outcome: str,
    words: str,
    clock: str | None = None,
) -> None:
    """Refuse effects of groups for an outcome that ends their time at risk.

    Parameters
    ----------
    rows : pandas.DataFrame
        Their order in time is that of the column ``stop``, ``period``, ``week`` or ``date``, the first that
        there is; else that of the rows.
    event : (n,) boolean array
    group : (n,) integer array
        0..G-1.
    outcome, words : str
        What outcome and groups are called, for the message.
    clock : str, optional
        Column of time, where it is known.

    Notes
    -----
    Sets in which every group has exactly one event are matched case-control sets, whatever their order.
    """
    clock = clock or next((name for name in _CLOCKS if name in rows.columns), None)
    when = np.arange(len(rows)) if clock is None else places(rows[clock])
    if np.bincount(group, event).min() > 0 or not ends_time_at_risk(event, group, when):
        return
    order = f"by the column {clock!r}" if clock else "in the order of the rows"
    raise absorbing_error(f"effects of {words}", event, group, outcome, order)


def ends_time_at_risk(event: NDArray[np.bool_], group: Ints, when: Ints) -> bool:
    """Whether an outcome happens at most once per group, and only in its last row; `when` orders rows in time."""
    events, sizes = np.bincount(group, event), np.bincount(group)
    if events.max() > 1 or not ((events == 1) & (sizes > 1)).any():
        return False
    latest = np.full(len(sizes), -1, np.int64)
    np.maximum.at(latest, group, when)
    return bool((when[event] == latest[group[event]]).all())


def absorbing_error(what: str, event: NDArray[np.bool_], group: Ints, outcome: str, order: str) -> ModelError:
    """Error that says why `what` cannot be used for an outcome that ends the time at risk, and what can."""
    n_groups = int(group.max()) + 1
    return ModelError(
        f"{what} cannot be used for {outcome!r}, which ends the time at risk: it happens at most once per group,\n"
        f"  in {int(event.sum()):,} of {n_groups:,} groups, and there always in the last row ({order}).\n"
        "  Each group's span is then one that the outcome itself chose; the estimate can have any sign (Allison and "
        "Christakis 2006).\n"
        "  Use the first answer and the change since as covariates of bip.cox, bip.hazard or bip.logit\n"
        "  (bip.within_between(..., past_only=True)), or a recurrent outcome.\n"
        '  See "Absorbing outcomes" in the documentation.'
    )


def places(column: pd.Series) -> Ints:
    """Place of each value among the sorted ones; -1 for missing values."""
    if isinstance(column.dtype, pd.CategoricalDtype):
        return np.asarray(column.cat.codes, dtype=np.int64)
    return np.asarray(pd.factorize(column, sort=True)[0], dtype=np.int64)
