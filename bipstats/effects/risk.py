"""Standardised risk from a landmark: what the hazards of all causes say about probabilities."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from scipy import stats

from bipstats.core.columns import Floats, Missing, complete_rows, require_columns, require_frame
from bipstats.core.estimates import check_level
from bipstats.effects.changes import Change, beyond_words, changed, rows_words
from bipstats.effects.fitted_hazards import Fits
from bipstats.effects.incidence import Incidence
from bipstats.effects.landmark import (
    LandmarkRisks,
    check_fits,
    check_time,
    columns_of,
    errors_of,
    fewest_df,
)
from bipstats.effects.scales import Scale
from bipstats.errors import ModelError, OptionError
from bipstats.figure_words import Language, axis_words, say
from bipstats.plotting import steps
from bipstats.tables import Summary

if TYPE_CHECKING:
    from matplotlib.axes import Axes


@dataclass(frozen=True, repr=False, eq=False)
class Risk:
    """Risks at the horizon and the curves that lead there.

    Attributes
    ----------
    table : pandas.DataFrame
        ``exit, quantity, estimate, std_error, conf_low, conf_high``; quantities are ``risk`` and, with a
        change of covariates, ``risk changed``, ``difference``, ``ratio`` (of risks) and ``odds ratio``.
    curves : pandas.DataFrame
        ``exit, scenario, time, estimate``.
    horizon : float
    change : str
        The change of covariates, in words; empty if there is none.
    n : int
        Rows that the risk is averaged over.
    n_missing : int
        Rows left out because a covariate is missing.
    level : float
        Confidence level of the intervals.
    landmark : float
        Where the horizon begins, on the fits' clock.
    how : str
        Covariance of the fits, in words.
    df : float or None
        Degrees of freedom of the intervals' t distribution; None: normal.

    Examples
    --------
    >>> import bipstats as bip
    >>> rows = bip.landmarks(bip.simulate(clients=600, rng=1), at="first")
    >>> fits = {way: bip.cox("age", rows, start=None, stop="weeks", event=f"exit == {way}")
    ...         for way in ("job", "other")}
    >>> risk = bip.risk(fits, rows, horizon=52)
    >>> risk.table[["exit", "quantity"]].values.tolist()
    [['job', 'risk'], ['other', 'risk']]
    >>> risk.curves.columns.tolist()
    ['exit', 'scenario', 'time', 'estimate']
    """

    table: pd.DataFrame
    curves: pd.DataFrame
    horizon: float
    change: str
    n: int
    n_missing: int = 0
    level: float = 0.95
    landmark: float = 0.0
    how: str = ""
    df: float | None = None

    def tidy(self) -> pd.DataFrame:
        """Give the table as ``term, estimate, std_error, statistic, p_value, conf_low, conf_high``.

        Differences are tested against zero, ratios against one on the log scale. A risk has no value to be tested
        against; its statistic and p-value are missing.
        """
        table = self.table
        ratio = table["quantity"].isin(["ratio", "odds ratio"])
        compared = ratio | (table["quantity"] == "difference")
        effect = np.where(ratio, np.log(table["estimate"].where(ratio, 1.0)), table["estimate"])
        error = np.where(ratio, table["std_error"] / table["estimate"], table["std_error"])
        statistic = pd.Series(effect / error, table.index).where(compared)
        law = stats.norm if self.df is None else stats.t(self.df)
        frame = table.assign(
            term=table["exit"] + ": " + table["quantity"],
            statistic=statistic,
            p_value=2 * law.sf(statistic.abs()),
        )
        return frame[["term", "estimate", "std_error", "statistic", "p_value", "conf_low", "conf_high"]]

    def summary(self) -> Summary:
        """Table with what it is averaged over and how its errors were made."""
        after = f" after the landmark at {self.landmark:g}" if self.landmark else ""
        facts = {"horizon": f"{self.horizon:g}{after}", "averaged over": rows_words(self.n, self.n_missing)}
        if self.change:
            facts["changed"] = self.change
        law = "normal" if self.df is None else f"t with {self.df:.4g} degrees of freedom"
        facts |= {"covariance": self.how, "intervals": f"{self.level:.0%}, {law}"}
        return Summary("Cumulative incidence from the landmark", self.table, facts, (_NOTE,))

    def plot_data(self) -> pd.DataFrame:
        """Frame behind `plot`."""
        names = self.curves["exit"] + np.where(
            self.curves["scenario"] == "", "", ", " + self.curves["scenario"]
        )
        return self.curves.assign(curve=names)

    def plot(self, ax: Axes | None = None, *, lang: Language = "en") -> Axes:
        """Draw the incidence curves."""
        axes = steps(self.plot_data(), by="curve", ax=ax, lang=lang)
        return axis_words(axes, x=say("from_landmark", lang), y=say("incidence", lang))

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
    level: float = 0.95,
    missing: Missing = "raise",
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
    level : float, default 0.95
        Confidence level.
    missing : {"raise", "drop"}
        What to do with rows that lack a covariate.

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
    model-based variance of its increments. Where the fits have degrees of freedom, the fewest of any coefficient
    are used.

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
    ['risk', 'risk changed', 'difference', 'ratio', 'odds ratio']
    """
    data = require_frame(landmark_data)
    check_level(level)
    _check_arguments(fits, horizon, landmark, at)
    designs = [fit.design for fit in fits.values() if hasattr(fit, "design")]
    columns = columns_of(fits)
    require_columns(data, columns, "a fit")
    data, n_missing = complete_rows(data, columns, missing)
    names, risks = list(fits), LandmarkRisks(fits, data, horizon, landmark, width)
    here = risks.at(data)
    df = fewest_df(fits)
    reach = float((stats.norm if df is None else stats.t(df)).ppf(0.5 + level / 2))
    tables, curves = (
        [_risks(names, here, risks, "risk", reach)],
        [_curve(names, here, risks.times - landmark, "")],
    )
    words = []
    if at:
        moved_rows = changed(data, at, designs)
        moved = risks.at(moved_rows)
        tables.append(_risks(names, moved, risks, "risk changed", reach))
        tables.append(_comparisons(names, here, moved, risks, reach))
        curves.append(_curve(names, moved, risks.times - landmark, "changed"))
        words = [_change_words(data, moved_rows, name, value) for name, value in at.items()]
    order = {name: position for position, name in enumerate(names)}
    table = pd.concat(tables, ignore_index=True).sort_values(
        "exit", key=lambda c: c.map(order), kind="stable"
    )
    curve = pd.concat(curves, ignore_index=True)
    changes, how = ", ".join(words), errors_of(fits)
    return Risk(
        table.reset_index(drop=True), curve, horizon, changes, len(data), n_missing, level, landmark, how, df
    )


def _change_words(data: pd.DataFrame, moved: pd.DataFrame, name: str, value: object) -> str:
    outside = beyond_words(data[name], moved[name])
    return f"{name} {value}" + (f" ({outside})" if outside else "")


def _check_arguments(fits: Fits, horizon: float, landmark: float, at: Change | None) -> None:
    """Say what is wrong with the arguments."""
    check_fits(fits)
    check_time("horizon", horizon, zero=False)
    check_time("landmark", landmark, zero=True)
    if at is not None and not isinstance(at, Mapping):
        raise OptionError(f"at={at!r} is not a change; give {{'column': '+1'}} or {{'column': value}}.")
    known = {column for fit in fits.values() if hasattr(fit, "design") for column in fit.design.columns}
    idle = [name for name in at or {} if name not in known]
    if idle:
        raise ModelError(f"at= changes {', '.join(map(repr, idle))}, which no fit has among its covariates.")


def _risks(
    names: list[str], found: Incidence, risks: LandmarkRisks, quantity: str, reach: float
) -> pd.DataFrame:
    rows = []
    for cause, name in enumerate(names):
        value = float(found.curves[cause, -1])
        error = risks.error(risks.gradient(found, cause))
        if value > 0:
            centre, half = np.log(value / (1 - value)), reach * error / (value * (1 - value))
            low, high = 1 / (1 + np.exp(-(centre - half))), 1 / (1 + np.exp(-(centre + half)))
        else:
            low = high = np.nan
        rows.append((name, quantity, value, error, low, high))
    return pd.DataFrame(rows, columns=_COLUMNS)


_COLUMNS = ["exit", "quantity", "estimate", "std_error", "conf_low", "conf_high"]


_SCALES: dict[str, Scale] = {"difference": "difference", "ratio": "risk_ratio", "odds ratio": "odds_ratio"}


def _comparisons(
    names: list[str], here: Incidence, moved: Incidence, risks: LandmarkRisks, reach: float
) -> pd.DataFrame:
    rows = []
    for quantity, scale in _SCALES.items():
        for cause, (value, gradient) in risks.compared(scale, here, moved).items():
            name, error = names[cause], risks.error(gradient)
            low, high = value - reach * error, value + reach * error
            if scale != "difference":
                value, low, high = np.exp(value), np.exp(low), np.exp(high)
                error = value * error
            rows.append((name, quantity, value, error, low, high))
    return pd.DataFrame(rows, columns=_COLUMNS)


def _curve(names: list[str], found: Incidence, times: Floats, scenario: str) -> pd.DataFrame:
    parts = [
        pd.DataFrame({"exit": name, "scenario": scenario, "time": times, "estimate": found.curves[cause]})
        for cause, name in enumerate(names)
    ]
    return pd.concat(parts, ignore_index=True)
