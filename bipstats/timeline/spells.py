"""Counting-process rows: time at risk, split wherever a covariate changes."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from bipstats.register.outcomes import EXIT, Outcome, check_weeks, outcomes
from bipstats.timeline.covariates import Covariates, InForce
from bipstats.timeline.flow import spell_flow
from bipstats.timeline.steps import FOREVER, Ints, cut

if TYPE_CHECKING:
    from bipstats.register.weeks import Codes
    from bipstats.study.study import Study


def spells(
    study: Study,
    *,
    outcome: Outcome = "job_or_education",
    sustained_weeks: int = 4,
    carry_weeks: int = 52,
    codes: Codes = None,
) -> pd.DataFrame:
    """Give the time at risk of every client as rows with constant covariates.

    Parameters
    ----------
    study : Study
    outcome : {"job_or_education", "job", "education"}
        What counts as entry.
    sustained_weeks : int
        Weeks in a row that make an entry.
    carry_weeks : int
        For how many weeks an answer holds; each item of each rater is carried by itself.
    codes : DreamCodes or path, optional
        Meaning of the register's benefit codes; the study's own (``study.codes``) if not given.

    Returns
    -------
    pandas.DataFrame
        Sorted by client (as in ``study.clients``) and time:

        - ``client, caseworker, jobcentre``; a row outside every assignment has no caseworker;
        - ``start, stop`` (int32): the row covers the weeks start + 1 to stop, week 0 being the ISO week of
          enrolment; ``event`` (int8): 1 on the row that ends in entry; ``exit``: not ``censored`` only on
          the row that ends in it; ``data_end`` (int32): last week in which an event could still be seen;
        - the background; age in years in the year of enrolment;
        - the 11 keys (Int8): the answer in force of the reference rater; where that is the client and none
          is in force, the caseworker's. ``<key>_client`` (9), ``<key>_caseworker`` (11), and
          ``age_weeks_<key>`` (Int16): weeks from the answer in the key's column to ``start``;
        - ``switched`` (int8): 1 once the client has changed caseworker after the week of enrolment;
        - ``intervention_class``: over the 13 weeks up to and including week ``start``.

        ``.attrs["flow"]`` counts clients, weeks and events on their way from the register to the rows.

    Raises
    ------
    OptionError
        If an argument is not among its choices, or the register has codes that `codes` does not know.
    DataProblems
        If clients, weeks or months are absent from the register.

    Notes
    -----
    What is dated in week w governs the weeks from w + 1 on, never an event of its own week. Risk begins
    with the client's first answer (delayed entry). Weeks in which no answer is in force leave the time at
    risk; an event in such a week is not seen. How follow-up ends is said in
    `bipstats.register.outcomes.outcomes`.

    Examples
    --------
    >>> import bipstats as bip
    >>> rows = bip.spells(bip.simulate(clients=200, rng=1), outcome="job")
    >>> flow = rows.attrs["flow"]
    >>> flow["weeks_at_risk"] == int((rows["stop"] - rows["start"]).sum())
    True
    """
    check_weeks("carry_weeks", carry_weeks)
    ends = outcomes(study, outcome, sustained_weeks, codes)
    covariates = Covariates.of(study, carry_weeks)
    first_answer = covariates.first_answer(FOREVER)
    risk_start, week = (ends[key].to_numpy(dtype=np.int64) for key in ("risk_start", "week"))
    client, start, stop = cut(np.maximum(risk_start, first_answer), week, *covariates.points())
    pieces = covariates.at(client, start)
    usable = pieces.usable()
    rows, row_stop = _merge(pieces.take(np.flatnonzero(usable)), stop[usable])
    frame = _frame(study, covariates, rows, row_stop, ends)
    unusable = (client[~usable], start[~usable], stop[~usable])
    frame.attrs["flow"] = spell_flow(frame, rows.client, ends, first_answer, unusable)
    return frame


def _merge(pieces: InForce, stop: Ints) -> tuple[InForce, Ints]:
    """Join pieces with the same covariates; they touch, since after a gap other answers are in force."""
    begins = np.flatnonzero(~pieces.repeats())
    last = np.append(begins[1:], len(stop))[: len(begins)] - 1
    return pieces.take(begins), stop[last]


def _frame(
    study: Study, covariates: Covariates, rows: InForce, stop: Ints, ends: pd.DataFrame
) -> pd.DataFrame:
    """Put the columns together."""
    own = ends.take(rows.client).reset_index(drop=True)
    final = stop == own["week"].to_numpy()
    exit_code = np.where(final, own["exit"].cat.codes, 0)
    who, what = covariates.columns(study, rows)
    when = {
        "start": rows.week.astype(np.int32),
        "stop": stop.astype(np.int32),
        "event": np.where(final, own["event"], 0).astype(np.int8),
        "exit": pd.Categorical.from_codes(exit_code, dtype=EXIT),
        "data_end": own["data_end"],
    }
    return pd.DataFrame({**who, **when, **what}, copy=False)
