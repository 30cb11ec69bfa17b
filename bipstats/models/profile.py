"""Likelihood-ratio tests and profile-likelihood intervals of a binomial fit's terms."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from scipy import stats

from bipstats.core.columns import Floats, listed
from bipstats.core.estimates import Estimates
from bipstats.core.result import Result
from bipstats.errors import ModelError
from bipstats.figure_words import Language, say
from bipstats.models.kernels.profile import Objective, constrained, interval, statistic
from bipstats.plotting import forest
from bipstats.tables import Summary, p_text

if TYPE_CHECKING:
    from matplotlib.axes import Axes


@dataclass(frozen=True, repr=False, eq=False)
class LikelihoodProfile:
    """Tests and intervals from the profile of a (penalised) likelihood.

    Attributes
    ----------
    table : pandas.DataFrame
        ``term, estimate, conf_low, conf_high, statistic, p_value``: the interval holds the values that the
        likelihood-ratio test does not reject; statistic (chi-squared, one degree of freedom) and p-value
        are of the value zero.
    level : float
        Confidence level.
    std_errors : (k,) array
        Of the terms, from the fit.
    likelihood : str
        Which likelihood, in words.
    ratio : str
        What an exponentiated slope is.

    Examples
    --------
    >>> import pandas as pd, bipstats as bip
    >>> rows = pd.DataFrame({"y": [0, 0, 0, 1, 1, 1], "x": [1, 2, 3, 4, 5, 6]})
    >>> profile = bip.logit("y ~ x", rows, penalty="firth").profile(rows)
    >>> profile.table["term"].tolist()
    ['Intercept', 'x']
    >>> bool(profile.table["conf_low"].iloc[1] > 0)
    True
    """

    table: pd.DataFrame
    level: float
    std_errors: Floats
    likelihood: str
    ratio: str

    def tidy(self, exponentiate: bool = False) -> pd.DataFrame:
        """One row a term: ``term, estimate, std_error, statistic, p_value, conf_low, conf_high``.

        Parameters
        ----------
        exponentiate : bool, default False
            Give ratios (with delta-method standard errors) instead of logarithms.
        """
        frame = self.table.assign(std_error=self.std_errors)
        if exponentiate:
            ends = ["estimate", "conf_low", "conf_high"]
            frame[ends] = np.exp(frame[ends])
            frame["std_error"] *= frame["estimate"]
        return frame[["term", "estimate", "std_error", "statistic", "p_value", "conf_low", "conf_high"]]

    def summary(self) -> Summary:
        """Estimates with tests, and ratios with intervals."""
        ratios = self.tidy(exponentiate=True)
        frame = pd.DataFrame(
            {
                "term": self.table["term"],
                "estimate": self.table["estimate"],
                "chi2(1)": self.table["statistic"],
                "p_value": [p_text(value) for value in self.table["p_value"]],
                self.ratio: ratios["estimate"],
                "conf_low": ratios["conf_low"],
                "conf_high": ratios["conf_high"],
            }
        )
        notes = (
            f"Likelihood-ratio tests and {self.level:.0%} intervals (of the {self.ratio}) from the profile of "
            f"the {self.likelihood}.",
        )
        return Summary("Profile likelihood", frame, {}, notes)

    def plot_data(self) -> pd.DataFrame:
        """Frame behind `plot`."""
        return self.table.copy()

    def plot(self, ax: Axes | None = None, *, lang: Language = "en") -> Axes:
        """Draw the estimates with their intervals."""
        words = say(f"log {self.ratio}", lang, level=self.level)
        return forest(self.plot_data(), ax=ax, xlabel=words, lang=lang)

    def __repr__(self) -> str:
        return str(self.summary())

    def _repr_html_(self) -> str:
        return self.summary().as_html()


def profile_likelihood(
    fit: Result,
    objective: Objective,
    transform: Floats,
    term: str | Sequence[str] | None,
    level: float,
    likelihood: str,
) -> LikelihoodProfile:
    """Profile the reported terms, which are `transform` times the objective's parameters."""
    estimates = fit.estimates
    chosen = _chosen(estimates, term)
    quantile = float(stats.norm.ppf(0.5 + level / 2))
    rows = []
    for j in chosen:
        without = constrained(objective, transform[j], 0.0, objective.best)
        test = statistic(objective, without)
        low, high = interval(objective, transform[j], quantile)
        rows.append((estimates.names[j], estimates.values[j], low, high, test, float(stats.chi2.sf(test, 1))))
    table = pd.DataFrame(rows, columns=["term", "estimate", "conf_low", "conf_high", "statistic", "p_value"])
    return LikelihoodProfile(
        table, float(level), estimates.std_errors[chosen], likelihood, fit.ratio or "ratio"
    )


def _chosen(estimates: Estimates, term: str | Sequence[str] | None) -> list[int]:
    """Places of the terms asked for; all of them if none is named."""
    if term is None:
        return list(range(len(estimates.names)))
    wanted = [term] if isinstance(term, str) else list(term)
    unknown = [str(name) for name in wanted if name not in estimates.names]
    if unknown or not wanted:
        raise ModelError(
            f"term= names {listed(unknown) or 'nothing'}, which the fit does not have; its terms are fit.params.index."
        )
    return [estimates.names.index(name) for name in wanted]
