"""Standardised risk from a landmark: what the hazards of all causes say about probabilities."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from scipy import stats

from bipstats.core.columns import Floats, is_categorical, numbers, require_columns, require_frame
from bipstats.effects.fitted_hazards import Fits, FittedHazard, fitted_hazards
from bipstats.effects.incidence import Incidence, incidence
from bipstats.errors import ModelError, OptionError
from bipstats.plotting import steps
from bipstats.tables import Summary

if TYPE_CHECKING:
    from matplotlib.axes import Axes

Change = Mapping[str, str | float]


@dataclass(frozen=True, repr=False, eq=False)
class Risk:
    """Risks at the horizon and the curves that lead there.

    Attributes
    ----------
    table : pandas.DataFrame
        ``exit, quantity, estimate, std_error, conf_low, conf_high``; quantities are ``risk`` and, with a
        change of covariates, ``risk changed``, ``difference`` and ``ratio``.
    curves : pandas.DataFrame
        ``exit, scenario, time, estimate``.
    horizon : float
    change : str
        The change of covariates, in words; empty if there is none.
    n : int
        Rows that the risk is averaged over.
    """

    table: pd.DataFrame
    curves: pd.DataFrame
    horizon: float
    change: str
    n: int

    def tidy(self) -> pd.DataFrame:
        """Give the table in the column names of every estimate: ``term, estimate, ...``."""
        frame = self.table.assign(term=self.table["exit"] + ": " + self.table["quantity"])
        return frame[["term", "estimate", "std_error", "conf_low", "conf_high"]]

    def summary(self) -> Summary:
        """Table with what it is averaged over and how its errors were made."""
        facts = {"horizon": f"{self.horizon:g}", "averaged over": f"{self.n:,} rows"}
        if self.change:
            facts["changed"] = self.change
        return Summary("Cumulative incidence from the landmark", self.table, facts, (_NOTE,))

    def plot_data(self) -> pd.DataFrame:
        """Frame behind `plot`."""
        names = self.curves["exit"] + np.where(
            self.curves["scenario"] == "", "", ", " + self.curves["scenario"]
        )
        return self.curves.assign(curve=names)

    def plot(self, ax: Axes | None = None) -> Axes:
        """Draw the incidence curves."""
        axes = steps(self.plot_data(), by="curve", ax=ax)
        axes.set_xlabel("Time from the landmark")
        axes.set_ylabel("Cumulative incidence")
        return axes

    def __repr__(self) -> str:
        return str(self.summary())

    def _repr_html_(self) -> str:
        return self.summary().as_html()


_NOTE = (
    "Covariates stay as they are at the landmark. Errors by the delta method, causes taken as independent; "
    "intervals on the logit scale for risks, the log scale for ratios."
)


def risk(
    fits: Fits,
    landmark_data: pd.DataFrame,
    *,
    horizon: float = 52,
    at: Change | None = None,
    landmark: float = 0,
    width: float | None = None,
) -> Risk:
    r"""Standardised cumulative incidence of every cause, averaged over the rows of a landmark frame.

    Parameters
    ----------
    fits : dict of str to CoxResult or HazardResult
        One cause-specific fit for every way out, e.g. ``{"job": ..., "pension": ...}``, made with
        ``event="exit == job"`` and so on. All by `bip.cox` (without strata) or all by `bip.hazard` with
        the cloglog link.
    landmark_data : pandas.DataFrame
        One row per client at risk at the landmark, with the fits' covariates.
    horizon : float, default 52
        Time after the landmark, in the fits' unit (weeks for whole weeks).
    at : dict, optional
        A change of covariates to compare with, for all rows: ``{"caseworker_belief": "+1"}`` adds (or
        with ``"-1"`` takes off), ``{"caseworker_belief": 4}`` sets.
    landmark : float, default 0
        Where the landmark lies on the fits' clock; 0 for models fitted from the landmark.
    width : float, optional
        Weeks per period; needed with `bip.hazard` fits only.

    Returns
    -------
    Risk

    Raises
    ------
    ModelError
        Fits of different kinds, a horizon that the periods do not divide, unknown columns.

    Notes
    -----
    Answers are internal covariates, so a risk is only defined from a landmark with covariates frozen there
    (van Houwelingen 2007); and only with the hazards of all competing exits, since
    :math:`1 - \exp(-H_1)` is not a probability of anything that is observed.

    The delta method uses the fits' own covariances of the coefficients. For Cox fits the baseline adds the
    model-based variance of its increments.

    References
    ----------
    van Houwelingen, H. (2007). Dynamic prediction by landmarking in event history analysis. *Scand. J. Statist.*

    Examples
    --------
    >>> import bipstats as bip
    >>> rows = bip.landmarks(bip.load_synthetic(), at="first")
    >>> fits = {way: bip.cox("caseworker_belief + age", rows, start=None, stop="weeks", event=f"exit == {way}")
    ...         for way in ("job", "education", "pension", "other")}
    >>> found = bip.risk(fits, rows, at={"caseworker_belief": "+1"})
    >>> found.table["quantity"].unique().tolist()
    ['risk', 'risk changed', 'difference', 'ratio']
    """
    data = require_frame(landmark_data)
    names = _check_arguments(fits, horizon, landmark, at)
    builders = fitted_hazards(fits, data, horizon, landmark, width)
    times = np.unique(np.concatenate([builder.times for builder in builders]))
    if not len(times):
        raise ModelError(
            f"no cause has an event between {landmark:g} and {landmark + horizon:g} on the fits' clock."
        )
    here = incidence([builder.hazard(data, times) for builder in builders])
    variances = _Variances(builders, times)
    tables, curves = [_risks(names, here, variances, "risk")], [_curve(names, here, times - landmark, "")]
    if at:
        changed = _changed(data, at, fits)
        moved = incidence([builder.hazard(changed, times) for builder in builders])
        tables.append(_risks(names, moved, variances, "risk changed"))
        tables.append(_comparisons(names, here, moved, variances))
        curves.append(_curve(names, moved, times - landmark, "changed"))
    order = {name: position for position, name in enumerate(names)}
    table = pd.concat(tables, ignore_index=True).sort_values(
        "exit", key=lambda c: c.map(order), kind="stable"
    )
    words = ", ".join(f"{name} {value}{_beyond(data, changed, name)}" for name, value in (at or {}).items())
    return Risk(table.reset_index(drop=True), pd.concat(curves, ignore_index=True), horizon, words, len(data))


class _Variances:
    """Covariance of linear functions of all causes' parameters, given their gradients."""

    def __init__(self, builders: list[FittedHazard], times: Floats) -> None:
        self._builders = builders
        self._places = [np.searchsorted(times, builder.times) for builder in builders]

    def gradient(self, found: Incidence, cause: int) -> list[tuple[Floats, Floats]]:
        """By cause k: derivative of one cause's risk in k's parameters, and in its increments."""
        parts = []
        for k, (builder, places) in enumerate(zip(self._builders, self._places, strict=True)):
            increments = found.increment_gradient[cause, k, places]
            params = (increments * builder.increments) @ builder.log_levels
            params[builder.n_levels :] += found.slope_gradient[k][cause]
            parts.append((params, increments))
        return parts

    def variance(self, parts: list[tuple[Floats, Floats]]) -> float:
        """Quadratic form of a gradient, summed over causes."""
        total = 0.0
        for builder, (params, increments) in zip(self._builders, parts, strict=True):
            total += float(params @ builder.fit.estimates.covariance @ params + increments**2 @ builder.noise)
        return total


def _check_arguments(fits: Fits, horizon: float, landmark: float, at: Change | None) -> list[str]:
    """Give the causes, or say what is wrong with the arguments."""
    if not isinstance(fits, Mapping):
        raise OptionError(
            "fits is no dict; give one cause-specific fit for every way out, {'job': fit, ...}."
        )
    if not fits:
        raise ModelError("fits is empty; give one cause-specific fit for every way out, {'job': fit, ...}.")
    for name, value, least in (("horizon", horizon, "above"), ("landmark", landmark, "at or above")):
        number = isinstance(value, int | float | np.number) and not isinstance(value, bool)
        if not number or not np.isfinite(value) or value < 0 or (least == "above" and value == 0):
            raise OptionError(f"{name}={value!r} is not a time {least} zero.")
    if at is not None and not isinstance(at, Mapping):
        raise OptionError(f"at={at!r} is not a change; give {{'column': '+1'}} or {{'column': value}}.")
    known = {column for fit in fits.values() if hasattr(fit, "design") for column in fit.design.columns}
    idle = [name for name in at or {} if name not in known]
    if idle:
        raise ModelError(f"at= changes {', '.join(map(repr, idle))}, which no fit has among its covariates.")
    return list(fits)


def _combined(
    first: list[tuple[Floats, Floats]], a: float, second: list[tuple[Floats, Floats]], b: float
) -> list[tuple[Floats, Floats]]:
    return [(a * p + b * q, a * u + b * v) for (p, u), (q, v) in zip(first, second, strict=True)]


_Z = stats.norm.ppf(0.975)


def _risks(names: list[str], found: Incidence, variances: _Variances, quantity: str) -> pd.DataFrame:
    rows = []
    for cause, name in enumerate(names):
        value = float(found.curves[cause, -1])
        error = np.sqrt(variances.variance(variances.gradient(found, cause)))
        if value > 0:
            centre, half = np.log(value / (1 - value)), _Z * error / (value * (1 - value))
            low, high = 1 / (1 + np.exp(-(centre - half))), 1 / (1 + np.exp(-(centre + half)))
        else:
            low = high = np.nan
        rows.append((name, quantity, value, error, low, high))
    return pd.DataFrame(rows, columns=_COLUMNS)


_COLUMNS = ["exit", "quantity", "estimate", "std_error", "conf_low", "conf_high"]


def _comparisons(names: list[str], here: Incidence, moved: Incidence, variances: _Variances) -> pd.DataFrame:
    rows = []
    for cause, name in enumerate(names):
        before, after = float(here.curves[cause, -1]), float(moved.curves[cause, -1])
        at_here, at_moved = variances.gradient(here, cause), variances.gradient(moved, cause)
        error = np.sqrt(variances.variance(_combined(at_moved, 1.0, at_here, -1.0)))
        gap = after - before
        rows.append((name, "difference", gap, error, gap - _Z * error, gap + _Z * error))
        if before > 0 and after > 0:
            log_error = np.sqrt(variances.variance(_combined(at_moved, 1 / after, at_here, -1 / before)))
            ratio, spread = after / before, np.exp(_Z * log_error)
            rows.append((name, "ratio", ratio, ratio * log_error, ratio / spread, ratio * spread))
    return pd.DataFrame(rows, columns=_COLUMNS)


def _curve(names: list[str], found: Incidence, times: Floats, scenario: str) -> pd.DataFrame:
    parts = [
        pd.DataFrame({"exit": name, "scenario": scenario, "time": times, "estimate": found.curves[cause]})
        for cause, name in enumerate(names)
    ]
    return pd.concat(parts, ignore_index=True)


def _changed(data: pd.DataFrame, at: Change, fits: Fits) -> pd.DataFrame:
    """Set or shift covariates in a copy."""
    require_columns(data, at, "at=")
    moved = data.copy()
    for name, value in at.items():
        levels = [
            factor.levels
            for fit in fits.values()
            for factor in fit.design.factors.values()
            if factor.kind == "categorical" and factor.columns == (name,)
        ]
        moved[name] = _shifted(data[name], name, value) if not levels else _set(data, name, value, levels[0])
    return moved


def _beyond(data: pd.DataFrame, changed: pd.DataFrame, name: str) -> str:
    """Say how many rows a change moves out of the range that was observed."""
    if is_categorical(data[name]):
        return ""
    before, after = numbers(data[name]), numbers(changed[name])
    outside = int(((after < before.min()) | (after > before.max())).sum())
    share = (
        f" ({outside:,} of {len(data):,} rows leave the observed range {before.min():g} to {before.max():g})"
    )
    return share if outside else ""


def _set(data: pd.DataFrame, name: str, value: object, levels: tuple[object, ...]) -> pd.Series:
    if value not in levels:
        raise ModelError(
            f"at[{name!r}]={value!r} is not a level of the fit; it knows {', '.join(map(str, levels))}."
        )
    return pd.Series([value] * len(data), index=data.index, dtype=object)


def _shifted(column: pd.Series, name: str, value: object) -> pd.Series:
    try:
        number = float(value)  # type: ignore[arg-type]
    except (TypeError, ValueError):
        raise ModelError(f"at[{name!r}]={value!r} is neither a value nor a shift like '+1'.") from None
    shift = isinstance(value, str) and value[:1] in "+-"
    if shift and set(np.unique(numbers(column))) <= {0.0, 1.0}:
        raise ModelError(f"at[{name!r}]={value!r}: the column holds 0 and 1 only; set it to one of them.")
    return pd.Series(numbers(column) + number if shift else np.full(len(column), number), index=column.index)
