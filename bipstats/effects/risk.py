"""Standardised risk from a landmark: what the hazards of all causes say about probabilities."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from scipy import stats

from bipstats.core.columns import Floats, is_categorical, require_columns, require_frame
from bipstats.effects.incidence import CauseHazard, Incidence, incidence
from bipstats.errors import ModelError
from bipstats.models.cox import CoxResult
from bipstats.models.hazard import HazardResult
from bipstats.plotting import steps
from bipstats.tables import Summary

if TYPE_CHECKING:
    from matplotlib.axes import Axes

Fits = Mapping[str, CoxResult] | Mapping[str, HazardResult]
Change = Mapping[str, str | float]


@dataclass(frozen=True, repr=False)
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
    names = list(fits)
    if not names:
        raise ModelError("fits is empty; give one cause-specific fit for every way out.")
    builders = [_cause_builder(name, fits[name], horizon, landmark, width) for name in names]
    times = np.unique(np.concatenate([builder.times for builder in builders]))
    if not len(times):
        raise ModelError(
            f"no cause has an event between {landmark:g} and {landmark + horizon:g} on the fits' clock."
        )
    here = incidence([builder.hazard(data, times) for builder in builders])
    variances = _Variances(builders, times)
    tables, curves = [_risks(names, here, variances, "risk")], [_curve(names, here, times - landmark, "")]
    if at:
        moved = incidence([builder.hazard(_changed(data, at), times) for builder in builders])
        tables.append(_risks(names, moved, variances, "risk changed"))
        tables.append(_comparisons(names, here, moved, variances))
        curves.append(_curve(names, moved, times - landmark, "changed"))
    order = {name: position for position, name in enumerate(names)}
    table = pd.concat(tables, ignore_index=True).sort_values(
        "exit", key=lambda c: c.map(order), kind="stable"
    )
    words = ", ".join(f"{name} {value}" for name, value in (at or {}).items())
    return Risk(table.reset_index(drop=True), pd.concat(curves, ignore_index=True), horizon, words, len(data))


@dataclass(frozen=True, slots=True)
class _Builder:
    """A fit seen as increments of a cumulative hazard with what their covariance needs.

    `covariance` is that of the slopes for Cox fits, of levels and slopes for hazards. `log_levels` are rows
    of derivatives of the log increments in those parameters; `noise` is extra independent variance.
    """

    fit: CoxResult | HazardResult
    times: Floats
    increments: Floats
    log_levels: Floats
    noise: Floats
    n_levels: int

    def hazard(self, data: pd.DataFrame, times: Floats) -> CauseHazard:
        x = self.fit.design.matrix(data)
        increment = np.zeros(len(times))
        increment[np.searchsorted(times, self.times)] = self.increments
        return CauseHazard(np.exp(x @ self.fit.estimates.values[self.n_levels :]), increment, x)


def _cause_builder(
    name: str, fit: CoxResult | HazardResult, horizon: float, landmark: float, width: float | None
) -> _Builder:
    if isinstance(fit, CoxResult):
        return _from_cox(name, fit, landmark, landmark + horizon)
    if isinstance(fit, HazardResult):
        return _from_hazard(name, fit, landmark, landmark + horizon, width)
    raise ModelError(f"fits[{name!r}] must be a fit by bip.cox or bip.hazard, not {type(fit).__name__}.")


def _from_cox(name: str, fit: CoxResult, after: float, until: float) -> _Builder:
    base = fit.baseline
    if base is None:
        raise ModelError(f"fits[{name!r}] kept no baseline hazard (more than 4,096 event times).")
    if len(fit.strata_levels) > 1:
        raise ModelError(
            f"fits[{name!r}] is stratified; risks need one baseline. Put the strata into the formula."
        )
    own = (base.times > after) & (base.times <= until)
    return _Builder(fit, base.times[own], base.increment[own], -base.mean[own], base.variance[own], 0)


def _from_hazard(name: str, fit: HazardResult, after: float, until: float, width: float | None) -> _Builder:
    spec = fit.specification
    assert spec is not None
    if spec.link != "cloglog":
        raise ModelError(
            f"fits[{name!r}] has the logit link; competing hazards are added up by cloglog fits only."
        )
    if width is None or (until - after) % width or after % width:
        raise ModelError(
            "fits by bip.hazard need width= (weeks per period), and landmark and horizon must be multiples of it."
        )
    baseline = fit.baseline()
    ends = (np.asarray(baseline.index, dtype=float) + 1) * width
    own = (ends > after) & (ends <= until) & np.isfinite(baseline.to_numpy())
    if not ((ends > after) & (ends <= until)).sum() == round((until - after) / width):
        raise ModelError(f"fits[{name!r}] has no baseline for every period up to {until:g} weeks.")
    n_levels = len(fit.periods)
    position = [fit.periods.index(period) for period in baseline.index[own]]
    levels = np.zeros((len(position), len(fit.estimates.values)))
    levels[:, 0] = 1.0
    levels[np.arange(len(position)), position] = 1.0
    return _Builder(
        fit, ends[own], np.exp(baseline[own].to_numpy()), levels, np.zeros(len(position)), n_levels
    )


class _Variances:
    """Covariance of linear functions of all causes' parameters, given their gradients."""

    def __init__(self, builders: list[_Builder], times: Floats) -> None:
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


def _changed(data: pd.DataFrame, at: Change) -> pd.DataFrame:
    """Set or shift covariates in a copy."""
    require_columns(data, at, "at=")
    moved = data.copy()
    for name, value in at.items():
        column = data[name]
        if isinstance(value, str) and value[:1] in "+-" and not is_categorical(column):
            try:
                moved[name] = column.astype(float) + float(value)
            except ValueError:
                raise ModelError(
                    f"at[{name!r}]={value!r} is neither a value nor a shift like '+1'."
                ) from None
        elif is_categorical(column):
            if value not in set(column):
                raise ModelError(f"at[{name!r}]={value!r} is not a level of the column.")
            moved[name] = pd.Categorical(
                [value] * len(data), categories=sorted({*column.astype(object)}, key=str)
            )
        else:
            moved[name] = float(value)
    return moved
