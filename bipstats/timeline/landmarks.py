"""One row per client at risk at a landmark, with what was known then and what came of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import numpy as np
import pandas as pd

from bipstats.errors import OptionError
from bipstats.register.outcomes import EXIT, Outcome, check_weeks, outcomes
from bipstats.timeline.covariates import Covariates
from bipstats.timeline.steps import FOREVER, Bools, Ints

if TYPE_CHECKING:
    from bipstats.register.weeks import Codes
    from bipstats.study.study import Study


def landmarks(
    study: Study,
    at: int | Literal["first"] = 0,
    horizon: int = 52,
    outcome: Outcome = "job_or_education",
    *,
    sustained_weeks: int = 4,
    carry_weeks: int = 52,
    codes: Codes = None,
) -> pd.DataFrame:
    """Give the clients at risk at a landmark, their covariates then, and what happened within a horizon.

    Parameters
    ----------
    study : Study
    at : int or "first"
        Week of the landmark on the client's clock, or each client's first answered week (if risk begins
        later, the week in which it does): a time zero of the client's own.
    horizon : int
        Weeks of follow-up from the landmark.
    outcome : {"job_or_education", "job", "education"}
        What counts as entry.
    sustained_weeks, carry_weeks : int
        As in `bip.spells`.
    codes : DreamCodes or path, optional
        Meaning of the register's benefit codes; the study's own (``study.codes``) if not given.

    Returns
    -------
    pandas.DataFrame
        One row per client at risk, as in ``study.clients``: ``client, caseworker, jobcentre, landmark``
        (week), ``entered`` (Int8: 1 if entry came within the horizon, 0 if it did not, NA if the client was
        followed for less than the horizon without leaving), ``weeks`` (int32: from the landmark to entry,
        exit or the end of follow-up, at most `horizon`), ``exit`` (``censored`` if none within the horizon),
        ``full_horizon`` (bool: the data reach to the end of the horizon, whatever became of the client),
        then the covariates of `bip.spells` in force at the landmark; an answer dated in the landmark's week
        counts. ``.attrs["flow"]`` counts the clients left out.

    Raises
    ------
    OptionError
        If an argument is not among its choices, or the register has codes that `codes` does not know.
    DataProblems
        If clients, weeks or months are absent from the register.

    Notes
    -----
    A client is at risk at week s if follow-up has begun by s, an answer is in force, and neither entry nor a
    competing exit nor the data end has come in or before week s. A competing exit within the horizon gives
    ``entered`` = 0: the entry did not happen.

    Shares and logits of ``entered`` must be taken among rows with ``full_horizon``: among clients whose data
    end sooner, it is known of those who left early only, which selects on the outcome.

    Examples
    --------
    >>> import bipstats as bip
    >>> rows = bip.landmarks(bip.simulate(clients=200, rng=1), at=26, horizon=52)
    >>> int(rows["weeks"].max())
    52
    """
    _check_at(at)
    check_weeks("horizon", horizon)
    check_weeks("carry_weeks", carry_weeks)
    ends = outcomes(study, outcome, sustained_weeks, codes)
    covariates = Covariates.of(study, carry_weeks)
    first_answer = covariates.first_answer(FOREVER)
    risk_start, week = (ends[key].to_numpy(dtype=np.int64) for key in ("risk_start", "week"))
    landmark = np.maximum(first_answer, risk_start) if at == "first" else np.full(len(ends), at)
    followed = (risk_start <= landmark) & (landmark < week)
    client = np.flatnonzero(followed)
    rows = covariates.at(client, landmark[client])
    usable = rows.usable()
    rows = rows.take(np.flatnonzero(usable))
    who, what = covariates.columns(study, rows)
    result = _result(ends.take(rows.client).reset_index(drop=True), rows.week, horizon)
    frame = pd.DataFrame({**who, "landmark": rows.week.astype(np.int32), **result, **what}, copy=False)
    frame.attrs["flow"] = _flow(frame, risk_start >= week, followed, first_answer, usable)
    return frame


def _check_at(at: object) -> None:
    """Raise `OptionError` unless `at` is a week or "first"."""
    if at != "first" and (isinstance(at, bool) or not isinstance(at, int | np.integer) or at < 0):
        raise OptionError(f'at={at!r} is no landmark; give a week >= 0 or "first".')


def _result(own: pd.DataFrame, landmark: Ints, horizon: int) -> dict[str, pd.Series]:
    """What follow-up shows within the horizon."""
    left = (own["exit"] != "censored").to_numpy()
    weeks = own["week"].to_numpy(dtype=np.int64) - landmark
    within = left & (weeks <= horizon)
    entered = within & (own["event"] == 1).to_numpy()
    unknown = ~left & (weeks < horizon)
    full = own["data_end"].to_numpy(dtype=np.int64) - landmark >= horizon
    exit_code = np.where(within, own["exit"].cat.codes, 0)
    return {
        "entered": pd.Series(pd.arrays.IntegerArray(entered.astype(np.int8), unknown)),
        "weeks": pd.Series(np.minimum(weeks, horizon).astype(np.int32)),
        "exit": pd.Series(pd.Categorical.from_codes(exit_code, dtype=EXIT)),
        "full_horizon": pd.Series(full),
    }


def _flow(
    frame: pd.DataFrame, never: Bools, followed: Bools, first_answer: Ints, usable: Bools
) -> dict[str, int]:
    """Count the clients and why some are left out."""
    answered = first_answer < FOREVER
    counts = {
        "clients": len(never),
        "clients_never_at_risk_in_register": never.sum(),
        "clients_not_at_risk_at_landmark": (~never & ~followed).sum(),
        "clients_without_usable_answer": (~usable).sum(),
        "clients_at_risk": len(frame),
        "clients_ever_answered": answered.sum(),
        "events": (frame["entered"] == 1).sum(),
        "followed_for_less_than_horizon": frame["entered"].isna().sum(),
    }
    return {key: int(count) for key, count in counts.items()}
