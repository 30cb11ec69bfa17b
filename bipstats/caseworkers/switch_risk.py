"""The chance of an entry within a year of a landmark, after a recent change of caseworker."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from bipstats.caseworkers.moves import Moves
from bipstats.caseworkers.switch_models import ADJUSTERS, Part, varying
from bipstats.caseworkers.switch_rows import WHOLE
from bipstats.codebook import INDICATORS
from bipstats.core.covariance import cluster
from bipstats.core.estimates import Estimates
from bipstats.effects.margins import margins
from bipstats.effects.scales import Scale as MarginScale
from bipstats.errors import ModelError
from bipstats.models.logit import logit
from bipstats.register.outcomes import Outcome
from bipstats.timeline.landmarks import landmarks

if TYPE_CHECKING:
    from bipstats.study.study import Study

EVERY = 26
"""Weeks between landmarks, and how long a change is recent: each change is recent at one landmark."""
_LAST = 130
_SCALES: tuple[tuple[MarginScale, str], ...] = (
    ("risk_ratio", "risk ratio"),
    ("difference", "risk difference"),
)


def risk_after(study: Study, moves: Moves, outcome: Outcome, horizon: int, first: pd.DataFrame) -> list[Part]:
    """Risk ratio and difference of an entry within `horizon` weeks: a change in the last half year against none so far.

    Parameters
    ----------
    first : pandas.DataFrame
        ``first_<key>`` by client.

    Notes
    -----
    Landmarks every half year, all in one logit with an effect for each; other exits count as no entry. What happens
    after a landmark stays as it comes: those without a change may have one. Averaged over all clients at the landmarks.
    """
    rows = _rows(study, moves, outcome, horizon, first)
    recent = rows["recent"].astype(bool)
    entered = int(rows.loc[recent, "entered"].sum())
    if not recent.any() or entered == 0:
        raise ModelError(
            f"at the landmarks {int(recent.sum())} clients had a change in the last {EVERY} weeks, of whom {entered} "
            f"entered within {horizon} weeks."
        )
    with_entries = rows.groupby("jobcentre", observed=True)["entered"].transform("max") == 1
    rows = rows[with_entries]
    terms, _ = varying(rows, ("recent", "earlier", *ADJUSTERS, "C(landmark)"))
    right = " + ".join(terms)
    fit = logit(f"entered ~ {right}", rows, vcov=cluster("caseworker", "client"), missing="drop")
    found = {
        shown: margins(fit, rows, "recent", contrast=(0, 1), scale=scale, missing="drop")
        for scale, shown in _SCALES
    }
    weeks = int(rows["recent"].sum())
    note = (
        f"{horizon}-week risks from {rows['landmark'].nunique()} landmarks, {weeks:,} with a recent change."
    )
    return [_part(one.estimates, shown, entered, horizon, note) for shown, one in found.items()]


def _part(estimates: Estimates, scale: str, entered: int, horizon: int, note: str) -> Part:
    name = f"{horizon}-week risk, changed in the last {EVERY} weeks against not so far"
    renamed = Estimates((name,), estimates.values, estimates.covariance, estimates.how, estimates.df)
    return Part("risk from a landmark", scale, renamed, (entered,), (None,), notes=(note,))  # type: ignore[arg-type]


def _rows(study: Study, moves: Moves, outcome: Outcome, horizon: int, first: pd.DataFrame) -> pd.DataFrame:
    """Clients at risk at each landmark whose horizon the data cover."""
    place = pd.Index(study.clients["client"])
    made = []
    for at in range(EVERY, _LAST + 1, EVERY):
        rows = landmarks(study, at, horizon, outcome, carry_weeks=WHOLE)
        rows = rows[rows["full_horizon"] & rows["caseworker"].notna()].drop(columns=list(INDICATORS))
        client = place.get_indexer(pd.Index(rows["client"])).astype(np.int64)
        _, last = moves.until(client, np.full(len(client), at))
        since = np.full(len(client), -1)
        since[last >= 0] = at - moves.week[last[last >= 0]]
        recent = (since >= 0) & (since < EVERY)
        made.append(rows.assign(recent=recent.astype(np.int8), earlier=(since >= EVERY).astype(np.int8)))
    stack = pd.concat(made, ignore_index=True)
    return stack.assign(entered=stack["entered"].astype(np.int8)).join(
        first.filter(like="first_"), on="client"
    )
