"""From weekly states to the end of follow-up: entry, a competing exit, or the end of the data."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from bipstats.codebook import EXITS
from bipstats.errors import OptionError, check_option
from bipstats.register.defects import refuse
from bipstats.register.weeks import Bools, Codes, Histories, Ints, histories

if TYPE_CHECKING:
    from bipstats.study.study import Study

Outcome = Literal["job_or_education", "job", "education"]

ENTRIES: dict[str, tuple[str, ...]] = {
    "job_or_education": ("job", "education"),
    "job": ("job",),
    "education": ("education",),
}
"""Outcome -> the states that count towards its run, and the exits that are its event."""

EXIT = pd.CategoricalDtype(list(EXITS))
"""The dtype of every column `exit`."""

_ABSORBING = ("pension", "death", "emigration")


def outcomes(
    study: Study, outcome: Outcome = "job_or_education", sustained_weeks: int = 4, codes: Codes = None
) -> pd.DataFrame:
    """Say of each client when and how follow-up in the register ends.

    Parameters
    ----------
    study : Study
    outcome : {"job_or_education", "job", "education"}
        What counts as entry. In ``job_or_education`` weeks of both count towards one run.
    sustained_weeks : int
        Length k of the run, in weeks, that makes an entry.
    codes : DreamCodes or path, optional
        Meaning of the benefit codes; the study's own (``study.codes``) if not given.

    Returns
    -------
    pandas.DataFrame
        One row per client, in the order of ``study.clients``: ``client``, ``risk_start``, ``week``,
        ``event`` (1 for an entry), ``exit`` and ``data_end``. The client is at risk in the weeks
        ``risk_start + 1`` to ``week``, never if ``risk_start >= week``.

    Raises
    ------
    OptionError
        If an argument is not among its choices, or the register has codes that `codes` does not know.
    DataProblems
        If clients, weeks or months are absent from the register.

    Notes
    -----
    With week 0 the ISO week of enrolment, follow-up ends in the first of

    - the first week of a run of k weeks in the states of `outcome` (the event);
    - the first week of pension, death or emigration;
    - the first week of a run of k weeks in states whose exit is ``other``;
    - the first week of a run of k weeks of education if the outcome is ``job``, and the reverse;
    - ``data_end``: k - 1 weeks before the register's last week, after which no run can be completed.

    Risk begins after week 0. A client who in week 0 already is in a state that ends follow-up has not
    entered anything: risk begins after the last week of that unbroken stretch of such states.

    Examples
    --------
    >>> import bipstats as bip
    >>> from bipstats.register.outcomes import outcomes
    >>> ends = outcomes(bip.simulate(clients=200, rng=1), outcome="job")
    >>> bool((ends["week"] <= ends["data_end"]).all())
    True
    """
    check_option("outcome", outcome, tuple(ENTRIES))
    check_weeks("sustained_weeks", sustained_weeks)
    weekly = histories(study, codes)
    _check_reach(weekly, sustained_weeks)
    risk_start = _risk_start(weekly)
    data_end = weekly.last_week - (sustained_weeks - 1)
    ends = _ends(weekly, outcome, sustained_weeks)
    at_risk = weekly.weeks[: ends.shape[1]] > (risk_start + weekly.enrolled)[:, None]
    column, seen = _first(ends & at_risk)
    state = weekly.states[np.arange(len(column)), column]
    exits = pd.Categorical.from_codes(np.where(seen, _exit_codes(weekly)[state], 0), dtype=EXIT)
    week = np.where(seen, column + weekly.first - weekly.enrolled, data_end)
    return pd.DataFrame(
        {
            "client": study.clients["client"].reset_index(drop=True),
            "risk_start": risk_start.astype(np.int32),
            "week": week.astype(np.int32),
            "event": exits.isin(ENTRIES[outcome]).astype(np.int8),
            "exit": exits,
            "data_end": data_end.astype(np.int32),
        }
    )


def check_weeks(name: str, value: object, least: int = 1) -> None:
    """Raise `OptionError` unless `value` is a whole number of weeks, at least `least`."""
    if isinstance(value, bool) or not isinstance(value, int | np.integer) or value < least:
        raise OptionError(f"{name}={value!r} is not a number of weeks; give a whole number >= {least}.")


def _check_reach(weekly: Histories, k: int) -> None:
    """Refuse a run longer than the register, and clients whose week 0 it does not reach."""
    width = weekly.states.shape[1]
    if k > width:
        raise OptionError(f"sustained_weeks={k} is longer than the register, which has {width} weeks.")
    sentence = "{n} [client was|clients were] enrolled before the register's first week"
    fix = "add the earlier weeks, or leave the clients out: their week 0 is not seen"
    refuse(weekly.enrolled < weekly.first, "clients.enrolled", "before_register", sentence, fix)


def _exit_codes(weekly: Histories) -> NDArray[np.int64]:
    """Position in `EXITS` of the exit that each state stands for; 0 where it ends nothing."""
    exits = weekly.codes.exits
    return np.array([EXITS.index(s if s in EXITS[1:3] else exits[s] or "censored") for s in exits])


def _ends(weekly: Histories, outcome: Outcome, k: int) -> Bools:
    """Weeks in which follow-up could end, up to the data end, (n, w - k + 1)."""
    exits = weekly.codes.exits
    entries = [("job", "education")] if outcome == "job_or_education" else [("job",), ("education",)]
    others = tuple(state for state in exits if exits[state] == "other")
    ends = weekly.among(tuple(state for state in exits if exits[state] in _ABSORBING))
    ends = ends[:, : ends.shape[1] - k + 1]
    for states in (*entries, others):
        ends = ends | _runs_ahead(weekly.among(states), k)
    return ends


def _runs_ahead(inside: Bools, k: int) -> Bools:
    """Weeks that are, like the k - 1 after them, inside; the first such week at risk begins a run."""
    n, width = inside.shape
    total = np.zeros((n, width + 1), dtype=np.int32)
    np.cumsum(inside, axis=1, out=total[:, 1:])
    return total[:, k:] - total[:, : width + 1 - k] == k


def _risk_start(weekly: Histories) -> Ints:
    """Week after which a client is at risk: 0, or the end of a stretch of exit states that covers week 0."""
    in_exit_state = (_exit_codes(weekly) > 0)[weekly.states]
    from_enrolment = weekly.weeks >= weekly.enrolled[:, None]
    column, found = _first(from_enrolment & ~in_exit_state)
    stretch = np.where(found, column + weekly.first - 1 - weekly.enrolled, weekly.last_week)
    return np.maximum(stretch, 0)


def _first(mask: Bools) -> tuple[Ints, Bools]:
    """Column of the first True in each row, and whether there is one."""
    if not mask.shape[1]:
        return np.zeros(len(mask), dtype=np.int64), np.zeros(len(mask), dtype=bool)
    return mask.argmax(axis=1), np.any(mask, axis=1)
