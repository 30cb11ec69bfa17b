"""What every fitted model gives: a frozen result that holds no rows."""

from __future__ import annotations

import warnings
from dataclasses import dataclass, field
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from bipstats.core.columns import Floats, listed
from bipstats.core.covariance import Covariance
from bipstats.core.design import Design
from bipstats.core.estimates import Estimates, WaldTest
from bipstats.core.serialise import to_json
from bipstats.errors import ModelError, ModelWarning
from bipstats.figure_words import Language, say, terms
from bipstats.plotting import forest
from bipstats.tables import Summary, p_text
from bipstats.versions import library_version

if TYPE_CHECKING:
    from matplotlib.axes import Axes

Link = Literal["identity", "logit", "cloglog", "log"]


_ROUNDING = 1e-14  # share of the model's variance; an error then is less than 1e-7 of the model's


@dataclass(frozen=True, slots=True)
class Fit:
    """How a fit went.

    Attributes
    ----------
    loglik : float
    nobs : int
        Rows that entered the likelihood, before merging.
    n_events : int or None
        None where the outcome is no event.
    n_units : int or None
        Distinct ids, where the model knows them.
    iterations : int
    flow : tuple of (str, int)
        Rows given, and rows left out or merged with the reason, in order.
    loglik_null : float or None
        Log-likelihood with all slopes zero, where the fit knows it.
    """

    loglik: float
    nobs: int
    n_events: int | None
    n_units: int | None
    iterations: int
    flow: tuple[tuple[str, int], ...]
    loglik_null: float | None = None


@dataclass(frozen=True, slots=True)
class Linear:
    """Linear predictor of some rows: ``matrix @ params + offset``.

    Attributes
    ----------
    matrix : (n, p) array
        Its derivative in the parameters.
    offset : (n,) array
    """

    matrix: Floats
    offset: Floats


@dataclass(frozen=True, repr=False, eq=False)
class Result:
    """A fitted model; the base of the models' own results.

    Attributes
    ----------
    estimates : Estimates
    design : Design
    fit : Fit
    clusters : dict of str to int
        Number of clusters by column.
    """

    estimates: Estimates
    design: Design
    fit: Fit
    clusters: dict[str, int] = field(default_factory=dict)

    title: ClassVar[str] = ""
    ratio: ClassVar[str | None] = "ratio"  # what an exponentiated slope is, if anything
    link: ClassVar[Link | None] = None
    """What the linear predictor is of the mean (of the hazard: "log"); None where a model has no mean of its own."""
    no_mean: ClassVar[str] = "what it conditions on has no estimate. Read its coefficients."
    """Why a model without such a link has no average prediction, and what to do."""

    @property
    def inputs(self) -> tuple[str, ...]:
        """Columns that `linear` reads."""
        return self.design.columns

    def linear(self, new: pd.DataFrame) -> Linear:
        """Linear predictor of rows, as a function of the parameters: what every margin is made of."""
        x = self.design.matrix(new)
        before = len(self.estimates.names) - x.shape[1]
        if before == 0 and self.link not in ("identity", "log"):
            raise ModelError(
                f"{self.title} has no intercept (absorbed effects?), so that there is no level to predict. Put the "
                "absorbed columns into the formula."
            )
        return Linear(np.hstack([np.ones((len(x), before)), x]), np.zeros(len(x)))

    @property
    def params(self) -> pd.Series:
        """Estimates by term."""
        return pd.Series(self.estimates.values, index=list(self.estimates.names), name="estimate", copy=True)

    @property
    def bse(self) -> pd.Series:
        """Standard errors by term."""
        return pd.Series(self.estimates.std_errors, index=list(self.estimates.names), name="std_error")

    @property
    def cov(self) -> pd.DataFrame:
        """Covariance matrix, labelled by term."""
        names = list(self.estimates.names)
        return pd.DataFrame(self.estimates.covariance, index=names, columns=names, copy=True)

    @property
    def pvalues(self) -> pd.Series:
        """Two-sided p-values by term."""
        return self._column("p_value")

    @property
    def loglik(self) -> float:
        """Log-likelihood at the estimates (partial, for Cox)."""
        return self.fit.loglik

    @property
    def nobs(self) -> int:
        """Rows that entered the likelihood."""
        return self.fit.nobs

    @property
    def n_events(self) -> int | None:
        """Events among them; None where the outcome is no event."""
        return self.fit.n_events

    @property
    def n_params(self) -> int:
        """Parameters estimated."""
        return len(self.estimates.names)

    @property
    def n_clusters(self) -> int | None:
        """Clusters of the covariance (the smaller count of two ways), or None."""
        return min(self.clusters.values()) if self.clusters else None

    def conf_int(self, level: float = 0.95) -> pd.DataFrame:
        """Confidence intervals by term: ``conf_low, conf_high``."""
        return self.tidy(level=level).set_index("term")[["conf_low", "conf_high"]]

    def tidy(self, level: float = 0.95, exponentiate: bool = False) -> pd.DataFrame:
        """One row a term: ``term, estimate, std_error, statistic, p_value, conf_low, conf_high``.

        Parameters
        ----------
        level : float, default 0.95
            Confidence level.
        exponentiate : bool, default False
            Give ratios (with delta-method standard errors) instead of logarithms.
        """
        return self.estimates.tidy(level, exponentiate)

    def glance(self) -> pd.DataFrame:
        """One row on the whole fit."""
        fit = self.fit
        return pd.DataFrame(
            {
                "model": [self.title],
                "nobs": [fit.nobs],
                "n_events": [fit.n_events],
                "n_clusters": [self.n_clusters],
                "df": [self.n_params],
                "loglik": [fit.loglik],
                "aic": [2 * self.n_params - 2 * fit.loglik],
                "covariance": [self.estimates.how],
                "iterations": [fit.iterations],
            }
        )

    def summary(self, level: float = 0.95) -> Summary:
        """Table of estimates and ratios with everything a reader must know about how they were made."""
        tidy = self.tidy(level)
        limits = tidy if self.ratio is None else self.tidy(level, exponentiate=True)
        frame = pd.DataFrame(
            {
                "term": tidy["term"],
                "estimate": tidy["estimate"],
                "std_error": tidy["std_error"],
                **({} if self.estimates.df is None else {"df": self.estimates.df}),
                "p_value": [p_text(value) for value in tidy["p_value"]],
                **({} if self.ratio is None else {self.ratio: limits["estimate"]}),
                "conf_low": limits["conf_low"],
                "conf_high": limits["conf_high"],
            }
        )
        references = ", ".join(f"{name} = {value}" for name, value in self.design.references.items())
        of = "" if self.ratio is None else f", of the {self.ratio}"
        notes = [f"Intervals: {level:.0%}{of}. P-values and intervals: {self.estimates.reference}."]
        if references:
            notes.append(f"Reference levels: {references}.")
        return Summary(self.title, frame, self._facts(), tuple(notes))

    def wald(self, hypothesis: str) -> WaldTest:
        """Test linear hypotheses written in words, ``"a = b"`` or ``"2*a - b = 1, c = 0"``."""
        return self.estimates.wald(hypothesis)

    def to_json(self, path: str | PathLike[str] | None = None) -> str:
        """Give the result as JSON text, and write it to `path` if one is given; `bip.read_result` reads both.

        Parameters
        ----------
        path : str or path, optional

        Returns
        -------
        str
        """
        text = to_json(self)
        if path is not None:
            Path(path).write_text(text, encoding="utf-8")
        return text

    def plot_data(self) -> pd.DataFrame:
        """Frame behind `plot`: the terms but intercepts, which are no ratios and would press the others together."""
        frame = self.tidy()
        shown = frame[~frame["term"].isin(["Intercept", "outcome:Intercept", "treatment:Intercept"])]
        return shown.reset_index(drop=True) if len(shown) else frame

    def plot(self, ax: Axes | None = None, *, lang: Language = "en") -> Axes:
        """Draw the estimates with their intervals; the codebook's labels in `lang`, where it knows the terms."""
        what = "estimate_axis" if self.ratio is None else f"log {self.ratio}"
        words = say(what, lang, level=0.95)
        return forest(self.plot_data(), ax=ax, xlabel=words, lang=lang, labels=self._term_labels(lang))

    def _term_labels(self, lang: Language) -> list[str]:
        """Beside the lines of `plot`."""
        return terms(self.plot_data()["term"], lang)

    def _errors_and_software(self) -> str:
        """Close a methods section's paragraph."""
        return f"standard errors {self.estimates.how}. Computed with bipstats {library_version()}."

    def _column(self, name: str) -> pd.Series:
        return self.tidy().set_index("term")[name]

    def _facts(self) -> dict[str, str]:
        fit = self.fit
        facts = {"rows": "; ".join(f"{what} {count:,}" for what, count in fit.flow)}
        units = f", {fit.n_units:,} ids" if fit.n_units is not None else ""
        events = "" if fit.n_events is None else f", {fit.n_events:,} events"
        facts["used"] = f"{fit.nobs:,} rows{units}{events}"
        facts["covariance"] = self.estimates.how
        facts["log-likelihood"] = f"{fit.loglik:.4f} after {fit.iterations} iterations"
        return facts

    def __repr__(self) -> str:
        return str(self.summary())

    def _repr_html_(self) -> str:
        return self.summary().as_html()


def report(names: tuple[str, ...], values: Floats, made: Covariance, transform: Floats) -> Estimates:
    """Estimates with a covariance mapped from working to reported parameters; a negative variance warns."""
    matrix = transform @ made.matrix @ transform.T
    if made.lost is not None:
        _take_out(
            matrix,
            made.lost,
            names,
            "without some cluster there is no estimate (that cluster alone has the level), so that the jackknife gives "
            "no standard error there. The other terms are not touched by this.",
        )
    if made.bread is not None and len(made.clusters) < 2:
        least = _ROUNDING * np.diag(transform @ made.bread @ transform.T)
        _take_out(
            matrix,
            np.abs(np.diag(matrix)) < least,
            names,
            "the variance is zero but for rounding: at the estimate no cluster (or row) pulls it either way (very few "
            "rows?). No standard error is reported there.",
        )
    estimates = Estimates(names, values, matrix, made.how, made.df, made.accepted)
    if made.df is not None and np.isnan(made.df).any():
        lost = [name for name, df in zip(names, made.df, strict=True) if np.isnan(df)]
        warnings.warn(
            f"{listed(lost)}: fitted by the clusters without any residual variation, so that there are no degrees "
            "of freedom, p-value or interval. A term that is constant within clusters needs more of them.",
            ModelWarning,
            stacklevel=4,
        )
    negative = [
        name for name, variance in zip(names, np.diag(estimates.covariance), strict=True) if variance < 0
    ]
    if negative:
        warnings.warn(
            f"two-way clustering gave a negative variance for {', '.join(negative)}: no standard error is reported "
            "there. There are too few clusters in one direction; cluster by one column.",
            ModelWarning,
            stacklevel=4,
        )
    return estimates


def _take_out(matrix: Floats, lost: NDArray[np.bool_], names: tuple[str, ...], why: str) -> None:
    """Leave terms without a variance, and say so."""
    if lost.any():
        matrix[lost] = matrix[:, lost] = np.nan
        gone = [name for name, taken in zip(names, lost, strict=True) if taken]
        warnings.warn(f"{listed(gone)}: {why}", ModelWarning, stacklevel=5)


def used_columns(**roles: str | None) -> dict[str, str]:
    """Columns that a fit used besides covariates, by their role: what its summary must name."""
    return {role.replace("_", " "): column for role, column in roles.items() if column is not None}


def with_covariance(result: Result, made: Covariance, transform: Floats) -> dict[str, Any]:
    """Fields of a result whose covariance is replaced."""
    estimates = report(result.estimates.names, result.estimates.values, made, transform)
    return {"estimates": estimates, "clusters": made.clusters}
