"""Several fits side by side."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np
import pandas as pd

from bipstats.core.result import Result
from bipstats.errors import ModelError, OptionError, check_option
from bipstats.plotting import COLOURS, new_axes, ratio_axis, tidy_axes
from bipstats.tables import Summary, p_text

if TYPE_CHECKING:
    from matplotlib.axes import Axes

Statistic = Literal["std_error", "conf_int", "p_value"]
_STARS = ((0.001, "***"), (0.01, "**"), (0.05, "*"))


@dataclass(frozen=True, repr=False, eq=False)
class FitComparison:
    """Fits side by side.

    Attributes
    ----------
    estimates : pandas.DataFrame
        ``fit, term, estimate, std_error, statistic, p_value, conf_low, conf_high``.
    about : pandas.DataFrame
        ``fit, model, scale, nobs, n_events, n_clusters, loglik, covariance``.
    level : float
    statistic : {"std_error", "conf_int", "p_value"}
        Shown in brackets.
    stars : bool
    exponentiated : bool

    Examples
    --------
    >>> import bipstats as bip
    >>> rows = bip.landmarks(bip.simulate(clients=600, rng=1), at="first")
    >>> small = bip.logit("entered ~ caseworker_belief", rows)
    >>> large = bip.logit("entered ~ caseworker_belief + sex", rows)
    >>> both = bip.compare_fits({"belief": small, "and sex": large})
    >>> both.about["fit"].tolist()
    ['belief', 'and sex']
    >>> both.estimates["term"].tolist()
    ['Intercept', 'caseworker_belief', 'Intercept', 'caseworker_belief', 'sex[male]']
    """

    estimates: pd.DataFrame
    about: pd.DataFrame
    level: float
    statistic: Statistic
    stars: bool
    exponentiated: bool

    @property
    def table(self) -> pd.DataFrame:
        """Terms by fits, as text: estimate and what stands in brackets; empty where a fit lacks the term."""
        terms = list(dict.fromkeys(self.estimates["term"]))
        columns = {}
        for name in self.about["fit"]:
            own = self.estimates[self.estimates["fit"] == name]
            cells = dict(zip(own["term"], map(self._cell, own.to_dict("records")), strict=True))
            columns[name] = [cells.get(term, "") for term in terms]
        return pd.DataFrame({"term": terms, **columns})

    def tidy(self) -> pd.DataFrame:
        """Give the numbers, one row a fit and term."""
        return self.estimates.copy()

    def summary(self) -> Summary:
        """Table with numbers of observations below; notes name scales and covariances."""
        facts = {
            str(row.fit): f"{row.model}" + (f", {row.scale}s" if self.exponentiated else "")
            for row in self.about.itertuples()
        }
        hows = self.about.groupby("covariance", sort=False)["fit"].agg(
            lambda names: "; ".join(map(str, names))
        )
        notes = [f"In brackets: {self._brackets()}."]
        notes += [f"Covariance of {names}: {how}." for how, names in hows.items()]
        if self.stars:
            notes.append("* p < 0.05, ** p < 0.01, *** p < 0.001.")
        return Summary("Fits side by side", self.table, facts, tuple(notes), self._footer())

    def as_html(self) -> str:
        """HTML fragment."""
        return self.summary().as_html()

    def as_latex(self) -> str:
        """LaTeX with booktabs rules."""
        return self.summary().as_latex()

    def as_markdown(self) -> str:
        """Markdown pipe table."""
        return self.summary().as_markdown()

    def plot_data(self) -> pd.DataFrame:
        """Frame behind `plot`: all terms but intercepts."""
        return self.estimates[self.estimates["term"] != "Intercept"].reset_index(drop=True)

    def plot(self, ax: Axes | None = None) -> Axes:
        """Draw the estimates with their intervals, fits in colours."""
        frame = self.plot_data()
        terms = list(dict.fromkeys(frame["term"]))
        height = 0.8 + 0.16 * max(len(terms), 3) * (1 + len(self.about))
        axes = new_axes(height=height) if ax is None else ax
        tidy_axes(axes).grid(False, axis="y")
        axes.axvline(float(self.exponentiated), color="#888888", linewidth=0.8, linestyle="--")
        shifts = np.linspace(0.25, -0.25, len(self.about)) if len(self.about) > 1 else [0.0]
        for number, (name, shift) in enumerate(zip(self.about["fit"], shifts, strict=True)):
            own, colour = frame[frame["fit"] == name], COLOURS[number % len(COLOURS)]
            position = np.array([len(terms) - 1 - terms.index(term) for term in own["term"]]) + shift
            axes.hlines(position, own["conf_low"], own["conf_high"], color=colour, linewidth=1.6)
            axes.plot(own["estimate"], position, "o", color=colour, markersize=4, label=str(name))
        axes.set_yticks(np.arange(len(terms))[::-1], terms)
        if self.exponentiated:
            ratio_axis(axes)
        axes.set_xlabel(self._axis_words())
        axes.legend(frameon=False, loc="lower left", bbox_to_anchor=(0, 1), ncols=min(len(self.about), 4))
        return axes

    def __repr__(self) -> str:
        return str(self.summary())

    def _repr_html_(self) -> str:
        return self.as_html()

    def _cell(self, row: Mapping[str, float]) -> str:
        stars = next((signs for bound, signs in _STARS if row["p_value"] < bound), "") if self.stars else ""
        return f"{_number(row['estimate'])}{stars} ({_IN_BRACKETS[self.statistic](row)})"

    def _axis_words(self) -> str:
        """The scale, where all fits share one."""
        scales = set(self.about["scale"])
        scale = scales.pop() if len(scales) == 1 else None
        return "Estimate" if not scale else scale.capitalize() if self.exponentiated else f"Log {scale}"

    def _brackets(self) -> str:
        words = {
            "std_error": "standard errors",
            "conf_int": f"{self.level:.0%} confidence intervals",
            "p_value": "p-values",
        }
        return words[self.statistic]

    def _footer(self) -> pd.DataFrame:
        """Numbers of observations and the like, by fit; lines that no fit has are left out."""
        lines = {"rows": "nobs", "events": "n_events", "clusters": "n_clusters", "log-likelihood": "loglik"}
        kept = {label: self.about[name] for label, name in lines.items() if self.about[name].notna().any()}
        cells = [
            [
                "" if pd.isna(value) else f"{value:,.2f}" if label == "log-likelihood" else f"{value:,.0f}"
                for value in line
            ]
            for label, line in kept.items()
        ]
        frame = pd.DataFrame(cells, columns=list(self.about["fit"]), dtype=object)
        frame.insert(0, "term", list(kept))
        return frame


def _number(value: float) -> str:
    return "none" if np.isnan(value) else f"{value:.4g}" if abs(value) < 1e4 else f"{value:,.0f}"


_IN_BRACKETS: dict[str, Callable[[Mapping[str, float]], str]] = {
    "std_error": lambda row: _number(row["std_error"]),
    "conf_int": lambda row: f"{_number(row['conf_low'])}, {_number(row['conf_high'])}",
    "p_value": lambda row: p_text(row["p_value"]) or "none",
}


def compare_fits(
    fits: Mapping[str, Result],
    *,
    exponentiate: bool = False,
    statistic: Statistic = "std_error",
    stars: bool = False,
    level: float = 0.95,
) -> FitComparison:
    """Set fits side by side, for a paper's table.

    Parameters
    ----------
    fits : dict of str to fitted model
        Of any kind, with any terms; names head the columns.
    exponentiate : bool, default False
        Ratios instead of logarithms; not for linear models.
    statistic : {"std_error", "conf_int", "p_value"}
        What stands in brackets.
    stars : bool, default False
        Mark p-values below 0.05, 0.01 and 0.001; they are those of the table.
    level : float, default 0.95
        Of the intervals.

    Returns
    -------
    FitComparison
        ``.table``, ``.tidy()``, and as text, ``.as_html()``, ``.as_latex()``, ``.as_markdown()``.

    Raises
    ------
    ModelError, OptionError
        No fits, or something that is no fit.

    Examples
    --------
    >>> import pandas as pd, bipstats as bip
    >>> rows = pd.DataFrame({"y": [0, 0, 1, 1, 0, 1], "x": [1, 2, 3, 4, 5, 6], "z": [1, 0, 0, 1, 1, 0]})
    >>> both = bip.compare_fits({"short": bip.logit("y ~ x", rows), "long": bip.logit("y ~ x + z", rows)})
    >>> both.table
            term           short            long
    0  Intercept  -2.358 (2.344)   -2.291 (3.09)
    1          x  0.6736 (0.614)  0.9444 (1.013)
    2          z                   -2.029 (2.55)
    """
    check_option("statistic", statistic, ("std_error", "conf_int", "p_value"))
    if not isinstance(fits, Mapping) or not fits:
        raise OptionError("fits is no dict with fits; give {'A': fit, 'B': fit}.")
    for name, fit in fits.items():
        if not isinstance(fit, Result):
            raise ModelError(f"fits[{name!r}] is no fitted model but {type(fit).__name__}.")
        if exponentiate and fit.link == "identity":
            raise ModelError(
                f"fits[{name!r}] is a linear model; its exponentiated coefficients are no ratios."
            )
    parts = [fit.tidy(level, exponentiate).assign(fit=name) for name, fit in fits.items()]
    estimates = pd.concat(parts, ignore_index=True)
    estimates.insert(0, "fit", estimates.pop("fit"))
    about = pd.DataFrame([_about(str(name), fit) for name, fit in fits.items()])
    return FitComparison(estimates, about, level, statistic, stars, exponentiate)


def _about(name: str, fit: Result) -> dict[str, object]:
    return {
        "fit": name,
        "model": fit.title,
        "scale": fit.ratio,
        "nobs": fit.nobs,
        "n_events": np.nan if fit.link == "identity" else fit.n_events,
        "n_clusters": np.nan if fit.n_clusters is None else fit.n_clusters,
        "loglik": fit.loglik,
        "covariance": fit.estimates.how,
    }
