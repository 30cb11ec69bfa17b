"""Time at risk under the caseworker of the time, with what clients brought along."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np
import pandas as pd

from bipstats.codebook import BACKGROUND, CLIENT_ITEMS
from bipstats.core.columns import as_text, with_values
from bipstats.errors import ModelError, check_option
from bipstats.register.outcomes import ENTRIES, Outcome, check_weeks
from bipstats.timeline.person_periods import person_periods
from bipstats.timeline.spells import spells

if TYPE_CHECKING:
    from bipstats.study.study import Study

Adjust = Literal["answers", "background", "centre"]
ADJUST: tuple[Adjust, ...] = ("answers", "background", "centre")
ADJUST_WORDS = {
    "answers": "job centre, background and the client's own first answers",
    "background": "job centre and background",
    "centre": "job centre alone",
}
QUARTER = 13
CENTRE = "C(jobcentre)"
_FOREVER = 10_000  # weeks for which a first answer is carried
_TIMES = ["client", "caseworker", "jobcentre", "start", "stop", "event", "exit", "data_end", "switched"]


@dataclass(frozen=True)
class Exposure:
    """Person-quarters at risk, each under one caseworker.

    Attributes
    ----------
    spells : pandas.DataFrame
        Rows ``(start, stop]`` with constant caseworker and adjusters; ``share_before`` is the share of the five years
        before enrolment in a job, for the placebo.
    terms : tuple of str
        Adjusters that vary, without the job centre.
    flow : tuple of (str, int)
        What was left out on the way, and why.
    notes : tuple of str
    """

    spells: pd.DataFrame
    terms: tuple[str, ...]
    flow: tuple[tuple[str, int], ...]
    notes: tuple[str, ...]

    @property
    def formula(self) -> str:
        """Right-hand side: the adjusters, and the job centre where there are several."""
        centre = [CENTRE] if self.spells["jobcentre"].nunique() > 1 else []
        return " + ".join([*self.terms, *centre])

    def periods(self, event: pd.Series | None = None) -> pd.DataFrame:
        """Person-quarters to the entry, or to another event of the same rows."""
        rows = self.spells if event is None else self.spells.assign(event=event)
        return person_periods(rows, QUARTER)


def exposure(study: Study, outcome: Outcome, horizon: int | None, adjust: Adjust) -> Exposure:
    """Read the time at risk under each caseworker from a study.

    Parameters
    ----------
    study : Study
    outcome : {"job_or_education", "job", "education"}
    horizon : int, optional
        Weeks from enrolment after which nothing is counted.
    adjust : {"answers", "background", "centre"}

    Raises
    ------
    ModelError
        No time at risk or no entry is left.
    """
    check_option("outcome", outcome, tuple(ENTRIES))
    check_option("adjust", adjust, ADJUST)
    if horizon is not None:
        check_weeks("horizon", horizon)
    rows = spells(study, outcome=outcome, carry_weeks=_FOREVER)
    flow: list[tuple[str, int]] = [("clients with time at risk", rows["client"].nunique())]
    if horizon is not None:
        rows = _within(rows, horizon)
    own = [f"{key}_client" for key in CLIENT_ITEMS] if adjust == "answers" else []
    background, empty = with_values(rows, [] if adjust == "centre" else BACKGROUND)
    known = [*background, *own]
    flow += empty.items()
    for why, needed in (
        ("no caseworker at the time", ["caseworker"]),
        ("an adjuster missing (background, the client's own first answers)", known),
    ):
        rows = _keep(rows, rows[needed].notna().all(axis=1).to_numpy(), why, flow)
    entered = rows.groupby("jobcentre", observed=True)["event"].transform("max") == 1
    rows = _keep(rows, entered.to_numpy(), "a job centre in which nobody entered", flow)
    if not len(rows):
        raise ModelError(_nothing(flow))
    rows = rows.assign(share_before=rows["job_share_5y"])
    kept_columns = [*_TIMES, "share_before", *known]
    first = rows.groupby("client", sort=False)[own].first() if own else None
    joined = without_breaks(rows[kept_columns].reset_index(drop=True)).drop(columns=own)
    if first is not None:
        joined = joined.join(first.astype(float), on="client")
    terms, constant = _varying(joined, known)
    if not terms and joined["jobcentre"].nunique() == 1:
        raise ModelError(
            f"nothing to compare clients on: one job centre, and {', '.join(constant)} without variation. "
            "Give adjust='background'."
        )
    notes = (f"without variation and left out: {', '.join(constant)}",) if constant else ()
    return Exposure(joined, terms, tuple(flow), notes)


def without_breaks(rows: pd.DataFrame) -> pd.DataFrame:
    """Join rows of a client that touch and differ in time only, so that later answers split nothing.

    The rows lie one after the other by client; only caseworker and ``switched`` change over time.
    """
    state = [pd.factorize(rows[name])[0] for name in ("client", "caseworker", "switched")]
    start, stop = rows["start"].to_numpy(), rows["stop"].to_numpy()
    begins = np.ones(len(rows), dtype=bool)
    begins[1:] = (start[1:] != stop[:-1]) | np.logical_or.reduce([code[1:] != code[:-1] for code in state])
    first = np.flatnonzero(begins)
    last = np.append(first[1:], len(rows))[: len(first)] - 1
    joined = rows.iloc[last].reset_index(drop=True)
    return joined.assign(start=start[first])


def _within(rows: pd.DataFrame, horizon: int) -> pd.DataFrame:
    """Cut the time at risk at a horizon."""
    rows = rows[rows["start"] < horizon]
    late = rows["stop"] > horizon
    return rows.assign(
        stop=rows["stop"].clip(upper=horizon),
        data_end=rows["data_end"].clip(upper=horizon),
        event=rows["event"].mask(late, 0),
        exit=rows["exit"].mask(late, "censored"),
    )


def _keep(rows: pd.DataFrame, kept: np.ndarray, why: str, flow: list[tuple[str, int]]) -> pd.DataFrame:
    """Keep some rows, and count clients, weeks at risk and entries that are left out."""
    left, rest = rows[~kept], rows[kept]
    if len(left):
        gone = left.loc[~left["client"].isin(rest["client"]), "client"].nunique()
        weeks, entries = int((left["stop"] - left["start"]).sum()), int(left["event"].sum())
        counts = {"clients": gone, "weeks": weeks, "entries": entries}
        flow += [(f"{what} left out, {why}", count) for what, count in counts.items() if count]
    return rest


def _nothing(flow: list[tuple[str, int]]) -> str:
    told = as_text(dict(flow))
    return f"no time at risk with an entry is left ({told}). Look at bip.spells(study); adjust='centre' needs least."


def _varying(rows: pd.DataFrame, known: list[str]) -> tuple[tuple[str, ...], list[str]]:
    """Terms of the adjusters that vary, ``switched`` among them, and those that do not."""
    names = [*known, "switched"]
    constant = [name for name in names if rows[name].nunique(dropna=True) < 2]
    terms = [
        f"C({name})" if isinstance(rows[name].dtype, pd.CategoricalDtype) else name
        for name in names
        if name not in constant
    ]
    return tuple(terms), constant
