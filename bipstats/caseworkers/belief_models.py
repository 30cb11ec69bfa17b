"""Models of entry on the caseworker's belief in this client."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd

from bipstats.caseworkers.first_answers import BELIEF
from bipstats.caseworkers.usable import complete, require, terms, with_entries
from bipstats.codebook import BACKGROUND, INDICATORS
from bipstats.core.covariance import cluster
from bipstats.core.result import Result
from bipstats.models.hazard import hazard
from bipstats.models.logit import LogitResult, logit

FIRST = "first_belief"
Registered = Callable[[], int]
Notes = tuple[str, str]


def with_first_answer(periods: pd.DataFrame, first: pd.DataFrame) -> pd.DataFrame:
    """Add each client's first answer, from the rows at the first measurement."""
    return periods.join(first.set_index("client")[BELIEF].rename(FIRST), on="client")


def entry_hazard(rows: pd.DataFrame, registered: Registered, *more: str) -> tuple[Result, Notes]:
    """Complementary log-log of entry on the 11 answers, background, job centre and period.

    Parameters
    ----------
    rows : pandas.DataFrame
        Person-periods.
    registered : callable
        How many entries the register has, for the message where none is left.
    *more : str
        Further terms.

    Returns
    -------
    Result, (str, str)
        The fit, clustered by caseworker, and what was left out of rows and terms.
    """
    rows, lost = with_entries(
        rows[rows["caseworker"].notna()], "event", registered, "while an answer was in force"
    )
    require(rows, BELIEF)
    right, note = terms(rows, *INDICATORS, *BACKGROUND, "C(jobcentre)", *more)
    fit: Result = hazard(right, rows, exposure="exposure", vcov=cluster("caseworker"), missing="drop")
    return fit, (lost, note)


def entry_logit(rows: pd.DataFrame, registered: Registered) -> tuple[LogitResult, pd.DataFrame, Notes]:
    """Logit of entry within the horizon, at the first measurement, with the rows it is fitted to."""
    known, lost = with_entries(
        rows[rows["entered"].notna()], "entered", registered, "within a year of the first measurement"
    )
    require(known, BELIEF)
    right, note = terms(known, *INDICATORS, *BACKGROUND, "C(jobcentre)")
    fit = logit(f"entered ~ {right}", known, vcov=cluster("caseworker"), missing="drop")
    return fit, complete(known, right, "caseworker"), (lost, note)


def standardised(fit: LogitResult, rows: pd.DataFrame) -> tuple[tuple[float, float], tuple[float, float]]:
    r"""Log risk ratio and risk difference of one step more for everybody, each with its error by the delta method.

    Notes
    -----
    :math:`\log \sum_i p_i(x + 1) - \log \sum_i p_i(x)` with the gradient
    :math:`\sum_i w_i(x + 1) x_i^+ / \sum_i p_i(x + 1) - \sum_i w_i(x) x_i / \sum_i p_i(x)`, w = p(1 - p).
    """
    column = fit.design.names.index(BELIEF) + 1
    now = np.column_stack([np.ones(len(rows)), fit.design.matrix(rows)])
    raised = now.copy()
    raised[:, column] += 1
    share, gradient = [], []
    for matrix in (raised, now):
        p = 1 / (1 + np.exp(-matrix @ fit.estimates.values))
        share.append(float(p.mean()))
        gradient.append((p * (1 - p)) @ matrix / len(p))
    slopes = (gradient[0] / share[0] - gradient[1] / share[1], gradient[0] - gradient[1])
    ratio, difference = (float(np.sqrt(slope @ fit.estimates.covariance @ slope)) for slope in slopes)
    return (float(np.log(share[0] / share[1])), ratio), (share[0] - share[1], difference)
