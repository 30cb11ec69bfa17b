"""Hazards after a change of caseworker: one function a question, one `Part` an answer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import pandas as pd

from bipstats.caseworkers.switch_rows import LEADS, QUARTER, SwitchRows
from bipstats.codebook import BACKGROUND, INDICATORS
from bipstats.core.columns import Floats
from bipstats.core.covariance import Vcov
from bipstats.core.estimates import Estimates
from bipstats.errors import ModelError
from bipstats.models.hazard import HazardResult, hazard

Scale = Literal["hazard ratio", "risk ratio", "risk difference", "log hazard per unit", "share"]
Exposures = Mapping[str, np.ndarray]

FEWEST = 5
"""Entries below which quarters are put together and counts are not shown."""
BINS = ((0, 0), (1, 1), (2, 2), (3, 3), (4, 7), (8, 99))
"""Quarters since a change, first and last of each bin."""
ADJUSTERS = (*(f"first_{key}" for key in INDICATORS), *BACKGROUND, "C(jobcentre)")


@dataclass(frozen=True, slots=True, eq=False)
class Part:
    """The answer to one question.

    Attributes
    ----------
    name : str
    scale : str
    estimates : Estimates
        Logarithms, for ratios.
    entries, weeks : tuple of int or None
        Under each exposure; None where it is no exposure.
    at : tuple of float or None
        Quarters since the change in the middle of each exposure, for the event study.
    notes : tuple of str
    clients : int
        With rows in the model.
    """

    name: str
    scale: Scale
    estimates: Estimates
    entries: tuple[int | None, ...]
    weeks: tuple[int | None, ...]
    at: tuple[float | None, ...] = ()
    notes: tuple[str, ...] = ()
    clients: int = 0


@dataclass(frozen=True, slots=True, eq=False)
class Fitted:
    """A hazard on exposures: its formula, fit and rows used, the estimates of the exposures, and what they rest on."""

    formula: str
    fit: HazardResult
    periods: pd.DataFrame
    estimates: Estimates
    entries: tuple[int, ...]
    weeks: tuple[int, ...]
    notes: tuple[str, ...]

    @property
    def clients(self) -> int:
        """With rows in the model."""
        return self.fit.fit.n_units or 0


def fit_exposures(rows: SwitchRows, exposures: Exposures, vcov: Vcov) -> Fitted:
    """Complementary log-log of an entry on exposures, first answers, background, job centre and quarter.

    Job centres without an entry say nothing with an effect each and are left out; so are adjusters that do not vary.
    """
    columns = {f"exposure{k}": values for k, values in enumerate(exposures.values())}
    periods = rows.periods(columns)
    entered = periods.groupby("jobcentre", observed=True)["event"].transform("max") == 1
    if not entered.any():
        raise ModelError("nobody enters after a first answer, with a caseworker.")
    lost = periods.loc[~entered, "jobcentre"].nunique()
    periods = periods[entered]
    for label, column in zip(exposures, columns, strict=True):
        _check_exposure(periods, column, label)
    terms, idle = varying(periods, ADJUSTERS)
    formula = " + ".join([*columns, *terms])
    fit = hazard(formula, periods, exposure="exposure", vcov=vcov, missing="drop")
    assert isinstance(fit, HazardResult)
    periods = periods.dropna(subset=list(fit.design.columns))
    place = [fit.estimates.names.index(name) for name in columns]
    weeks = (periods["stop"] - periods["start"]).to_numpy()
    under = [(periods[name] != 0).to_numpy() for name in columns]
    missing = dict(fit.fit.flow).get("with missing values", 0)
    notes: tuple[str, ...] = (f"{fit.n_events:,} entries in {fit.nobs:,} rows",)
    if missing:
        notes += (f"{missing:,} rows with missing answers left out",)
    if lost:
        notes += (f"{lost} job centre(s) without an entry left out",)
    if idle:
        notes += (f"without variation or never answered, and left out: {', '.join(idle)}",)
    return Fitted(
        formula,
        fit,
        periods,
        chosen(fit.estimates, place, tuple(exposures)),
        tuple(int(periods["event"].to_numpy()[one].sum()) for one in under),
        tuple(int(weeks[one].sum()) for one in under),
        notes,
    )


def _check_exposure(periods: pd.DataFrame, column: str, label: str) -> None:
    if periods[column].nunique() < 2:
        under = "no" if not periods[column].any() else "all"
        raise ModelError(f"{under} time at risk is {label!r}.")
    if not periods.loc[periods[column] != 0, "event"].any():
        weeks = int((periods["stop"] - periods["start"])[periods[column] != 0].sum())
        raise ModelError(f"nobody enters in {weeks:,} weeks {label!r}: the ratio has no finite estimate.")


def varying(rows: pd.DataFrame, names: Sequence[str]) -> tuple[list[str], list[str]]:
    """Terms whose column varies among the rows, and the columns that do not."""
    column = {name: name.removeprefix("C(").removesuffix(")") for name in names}
    idle = [name for name in names if rows[column[name]].nunique(dropna=True) < 2]
    return [name for name in names if name not in idle], [column[name] for name in idle]


def chosen(estimates: Estimates, place: list[int], names: tuple[str, ...]) -> Estimates:
    """Some of the estimates, under other names."""
    df = None if estimates.df is None else estimates.df[place]
    covariance = estimates.covariance[np.ix_(place, place)]
    return Estimates(names, estimates.values[place], covariance, estimates.how, df)


def combined(estimates: Estimates, names: tuple[str, ...], rows: Floats) -> Estimates:
    """Linear combinations of estimates, under names of their own."""
    df = None if estimates.df is None else np.full(len(rows), np.nanmin(estimates.df))
    return Estimates(names, rows @ estimates.values, estimates.covariance_of(rows), estimates.how, df)


def stacked(first: Estimates, names: tuple[str, ...], rows: Floats) -> Estimates:
    """Estimates followed by linear combinations of them."""
    return combined(first, (*first.names, *names), np.vstack([np.eye(len(first.names)), rows]))


def time_varying(rows: SwitchRows, vcov: Vcov) -> Part:
    """After against before a first change: one permanent step."""
    found = fit_exposures(rows, {"after a first change": rows.spells["switched"].to_numpy()}, vcov)
    return Part(
        "after a change",
        "hazard ratio",
        found.estimates,
        found.entries,
        found.weeks,
        (),
        found.notes,
        found.clients,
    )


def ever_against_never(rows: SwitchRows, vcov: Vcov) -> Part:
    """Clients who change at some time against those who never do, from the start: immortal time."""
    found = fit_exposures(rows, {"ever against never, from the start": rows.spells["ever"].to_numpy()}, vcov)
    return Part(
        "naive", "hazard ratio", found.estimates, found.entries, found.weeks, (), found.notes, found.clients
    )


def first_and_later(rows: SwitchRows, vcov: Vcov) -> Part:
    """After one change, and after two or more, each against none; and a later one against the first."""
    count = rows.spells["moves"].to_numpy()
    exposures = {"after the first change": count == 1, "after a later change": count > 1}
    found = fit_exposures(rows, exposures, vcov)
    made = stacked(found.estimates, ("later against first",), np.array([[-1.0, 1.0]]))
    return Part("first and later", "hazard ratio", made, (*found.entries, None), (*found.weeks, None))


def by_kind(rows: SwitchRows, vcov: Vcov) -> Part:
    """After a departure and after an individual change; the year before a departure; and what sets them apart."""
    spells = rows.spells
    moved, departed = spells["switched"].to_numpy() == 1, spells["departed"].to_numpy()
    exposures = {
        "after the caseworker left": moved & departed,
        "after an individual change": moved & ~departed,
        "year before the caseworker leaves": spells["lead"].to_numpy() > 0,
    }
    found = fit_exposures(rows, exposures, vcov)
    names = ("left, after against the year before", "individual change against left")
    made = stacked(found.estimates, names, np.array([[1.0, 0.0, -1.0], [-1.0, 1.0, 0.0]]))
    entries, weeks = (*found.entries, None, None), (*found.weeks, None, None)
    return Part("departures apart", "hazard ratio", made, entries, weeks, notes=found.notes)


def event_study(rows: SwitchRows, vcov: Vcov) -> Part:
    """By quarters since the last change, whatever its kind; and the mean over the weeks at risk after a change."""
    bins, exposures = quarters_since(rows)
    found = fit_exposures(rows, exposures, vcov)
    weights = np.array([found.weeks], dtype=float) / sum(found.weeks)
    made = stacked(found.estimates, ("mean over the weeks at risk after a change",), weights)
    after = rows.spells["since"].to_numpy() // QUARTER
    at = (*(_middle(after, rows.spells, one) for one in bins), None)
    return Part("quarters since", "hazard ratio", made, (*found.entries, None), (*found.weeks, None), at)


def quarters_since(rows: SwitchRows) -> tuple[list[tuple[int, int]], dict[str, np.ndarray]]:
    """Quarters since the last change, as bins and as exposures."""
    after = rows.spells["since"].to_numpy() // QUARTER
    bins = _pooled(after, rows.spells["event"].to_numpy(), BINS)
    return bins, {f"quarter {_label(one)} after": _within(after, one) for one in bins}


def departure_study(rows: SwitchRows, vcov: Vcov) -> Part:
    """By quarters before and after a departure; individual changes stand beside them in the same model.

    The leads are defined for every client of a caseworker who leaves later, whoever has entered by then.
    """
    spells = rows.spells
    departed, moved = spells["departed"].to_numpy(), spells["switched"].to_numpy() == 1
    since = spells["since"].to_numpy() // QUARTER
    event, lead = spells["event"].to_numpy(), spells["lead"].to_numpy()
    gone, alone = np.where(departed, since, -1), np.where(moved & ~departed, since, -1)
    before = _pooled(np.where(lead > 0, lead, -1), event, tuple((k, k) for k in range(1, LEADS + 1)))
    after = _pooled(gone, event, BINS)
    exposures = {
        f"quarter {_label(one)} before": _within(np.where(lead > 0, lead, -1), one) for one in before[::-1]
    }
    exposures |= {f"quarter {_label(one)} after": _within(gone, one) for one in after}
    n_shown = len(exposures)
    exposures |= {
        f"individual, quarter {_label(one)}": _within(alone, one) for one in _pooled(alone, event, BINS)
    }
    found = fit_exposures(rows, exposures, vcov)
    shown = combined(found.estimates, tuple(exposures)[:n_shown], np.eye(len(exposures))[:n_shown])
    at = [0.5 - sum(one) / 2 for one in before[::-1]] + [_middle(gone, spells, one) for one in after]
    test = shown.wald(", ".join(f"{name} = 0" for name in shown.names[: len(before)]))
    law = f"chi2({test.df})" if test.df_denominator is None else f"F({test.df}, {test.df_denominator:.4g})"
    note = f"No effect before the caseworker leaves: {law} = {test.statistic:.3g}, p = {test.p_value:.3f}."
    return Part(
        "quarters around a departure", "hazard ratio", shown, found.entries[:n_shown], found.weeks[:n_shown],
        tuple(at), (note,),
    )  # fmt: skip


def _pooled(
    quarter: np.ndarray, event: np.ndarray, bins: tuple[tuple[int, int], ...]
) -> list[tuple[int, int]]:
    """Put bins together, from the first one on, until each has `FEWEST` entries; thin last ones join the one before.

    Raises
    ------
    ModelError
        All together have fewer.
    """
    made: list[tuple[int, int]] = []
    low: int | None = None
    for first, last in bins:
        low = first if low is None else low
        if int(event[(quarter >= low) & (quarter <= last)].sum()) >= FEWEST:
            made.append((low, last))
            low = None
    if not made:
        total = int(event[(quarter >= bins[0][0])].sum())
        raise ModelError(
            f"{total} entries in the quarters looked at; {FEWEST} are needed to say anything of them."
        )
    if low is not None:
        made[-1] = (made[-1][0], bins[-1][1])
    return made


def _within(quarter: np.ndarray, one: tuple[int, int]) -> np.ndarray:
    return (quarter >= one[0]) & (quarter <= one[1])


def _label(one: tuple[int, int]) -> str:
    first, last = one
    return f"{first}" if first == last else f"{first}+" if last == BINS[-1][1] else f"{first}-{last}"


def _middle(quarter: np.ndarray, spells: pd.DataFrame, one: tuple[int, int]) -> float:
    """Mean number of quarters since the change, over the weeks of a bin."""
    chosen = _within(quarter, one)
    weeks = (spells["stop"] - spells["start"]).to_numpy()[chosen]
    return float(np.average(quarter[chosen] + 0.5, weights=weeks))
