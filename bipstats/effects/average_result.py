"""What `average_effects` gives."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from bipstats.core.columns import listed
from bipstats.core.estimates import Estimates
from bipstats.effects.contrasts import Adjust, Contrasts, contrasts
from bipstats.errors import ModelError
from bipstats.figure_words import Language, axis_words, decimal_marks, levels, say, terms
from bipstats.plotting import COLOURS, forest, legend_above, new_axes, reference_line, row_axes, tidy_axes
from bipstats.tables import Summary

if TYPE_CHECKING:
    from matplotlib.axes import Axes

BALANCED = 0.1
"""Standardised difference that counts as balanced (Austin 2009)."""


@dataclass(frozen=True, repr=False, eq=False)
class AverageEffects:
    """Mean outcomes had everybody had the same exposure.

    Attributes
    ----------
    estimates : Estimates
        Means, by level of the exposure.
    exposure, outcome, method : str
    counts : tuple of int
        Rows with each level.
    effective : tuple of float
        Effective rows of each level under its weights (Kish).
    n_units : int
    unit : str or None
        Column of independent units; None: rows.
    target : str
        Whose mean is estimated, in words.
    flow : tuple of (str, int)
    balance : pandas.DataFrame
        ``term, level, before, after``: differences of covariate means from the target's, in standard deviations.
    overlap : pandas.DataFrame
        ``chance_of, level, low, high, share``: where the chances of an exposure lie among those with each.
    level : float
        Of the intervals in the table.

    Examples
    --------
    >>> import bipstats as bip
    >>> rows = bip.landmarks(bip.simulate(clients=600, rng=1), at="first")
    >>> found = bip.average_effects("health_coping ~ age + sex", rows, exposure="vocational_qualification",
    ...                             missing="drop")
    >>> found.exposure, found.method
    ('vocational_qualification', 'aipw')
    >>> found.balance.columns.tolist()
    ['term', 'level', 'before', 'after']
    """

    estimates: Estimates
    exposure: str
    outcome: str
    method: str
    counts: tuple[int, ...]
    effective: tuple[float, ...]
    n_units: int
    unit: str | None
    target: str
    flow: tuple[tuple[str, int], ...]
    balance: pd.DataFrame
    overlap: pd.DataFrame
    level: float

    @property
    def table(self) -> pd.DataFrame:
        """Frame ``term, n, effective_n, estimate, std_error, conf_low, conf_high`` by level."""
        frame = self.tidy(self.level).drop(columns=["statistic", "p_value"])
        frame.insert(1, "n", list(self.counts))
        frame.insert(2, "effective_n", list(self.effective))
        return frame

    def tidy(self, level: float = 0.95) -> pd.DataFrame:
        """Give the means: ``term, estimate, std_error, statistic, p_value, conf_low, conf_high``."""
        return self.estimates.tidy(level)

    def compare(
        self,
        reference: str | None = None,
        *,
        adjust: Adjust = "max-t",
        level: float = 0.95,
        rng: int | np.random.Generator | None = None,
    ) -> Contrasts:
        """Differences between levels, adjusted for their number.

        Parameters
        ----------
        reference : str, optional
            Level that the others are held against; None: the first.
        adjust, level, rng
            As in `bip.contrasts`.

        Returns
        -------
        Contrasts
        """
        names = self.estimates.names
        against = names[0] if reference is None else reference
        if against not in names:
            raise ModelError(
                f"reference={reference!r} is no level of {self.exposure!r}; it has {listed(list(names))}."
            )
        rows = np.eye(len(names)) - np.eye(len(names))[names.index(against)]
        rows = rows[[j for j, name in enumerate(names) if name != against]]
        labels = tuple(f"{name} - {against}" for name in names if name != against)
        made = Estimates(
            labels, rows @ self.estimates.values, self.estimates.covariance_of(rows), self.estimates.how
        )
        return contrasts(made, {name: f"{name} = 0" for name in labels}, adjust=adjust, level=level, rng=rng)

    def summary(self) -> Summary:
        """Table with the method, the target, balance and effective numbers."""
        worst = self.balance.reindex(self.balance["after"].abs().sort_values(ascending=False).index).iloc[0]
        before = float(self.balance["before"].abs().max())
        facts = {
            "outcome": self.outcome,
            "exposure": self.exposure,
            "method": self.method,
            "target": self.target,
            "rows": ", ".join(f"{what} {count:,}" for what, count in self.flow),
            "units": f"{self.n_units:,}" + (f" ({self.unit})" if self.unit else ""),
            "balance": f"largest difference {before:.2f} sd before, {abs(worst['after']):.2f} after "
            f"({worst['term']}, {worst['level']})",
            "covariance": self.estimates.how,
        }
        notes = ["Means had everybody in the target had the exposure, if nothing unobserved moves both."]
        if abs(worst["after"]) > BALANCED and self.method in ("ipw", "overlap", "aipw"):
            notes.append(f"Covariates are not balanced to {BALANCED} sd: see .balance.")
        return Summary("Average effects", self.table, facts, tuple(notes))

    def plot_data(self) -> pd.DataFrame:
        """Frame behind `plot`."""
        return self.table

    def plot(self, ax: Axes | None = None, *, lang: Language = "en") -> Axes:
        """Draw the means with their intervals."""
        reference = float(np.average(self.estimates.values, weights=self.counts))
        frame = self.plot_data()
        words = say("mean_of", lang, level=self.level, outcome=terms([self.outcome], lang)[0])
        return forest(
            frame, ax=ax, reference=reference, xlabel=words, lang=lang, labels=levels(frame["term"], lang)
        )

    def plot_balance(self, ax: Axes | None = None, *, lang: Language = "en") -> Axes:
        """Draw the largest difference of every covariate over the levels, before and after weighting."""
        largest = self.balance.assign(before=self.balance["before"].abs(), after=self.balance["after"].abs())
        frame = largest.groupby("term", sort=False)[["before", "after"]].max()
        frame = frame.sort_values("before", ascending=False)
        axes = row_axes(terms(frame.index, lang), ax)
        place = np.arange(len(frame))[::-1]
        axes.hlines(place, frame["before"], frame["after"], color="#bbbbbb", linewidth=1.2)
        axes.plot(frame["before"], place, "s", color=COLOURS[1], markersize=5, label=say("before", lang))
        axes.plot(frame["after"], place, "o", color=COLOURS[0], markersize=5, label=say("after", lang))
        reference_line(axes, x=BALANCED)
        axes.set_xlim(left=0)
        return decimal_marks(axis_words(legend_above(axes), x=say("balance_axis", lang)), lang)

    def plot_overlap(
        self, chance_of: str | None = None, ax: Axes | None = None, *, lang: Language = "en"
    ) -> Axes:
        """Draw how the chance of one exposure (the first, if none is named) is spread among those with each."""
        names = self.estimates.names
        of = names[0] if chance_of is None else chance_of
        if of not in names:
            raise ModelError(
                f"chance_of={chance_of!r} is no level of {self.exposure!r}; it has {listed(list(names))}."
            )
        if self.overlap.empty:
            raise ModelError(
                f"method={self.method!r} has no chances of exposures; use 'ipw', 'overlap' or 'aipw'."
            )
        axes = tidy_axes(new_axes() if ax is None else ax)
        shown = self.overlap[self.overlap["chance_of"] == of]
        for number, (level, part) in enumerate(shown.groupby("level", sort=False)):
            edges = np.append(part["low"].to_numpy(), part["high"].iloc[-1])
            axes.stairs(
                part["share"],
                edges,
                color=COLOURS[number % len(COLOURS)],
                linewidth=1.6,
                label=levels([level], lang)[0],
            )
        legend_above(axes, title=terms([self.exposure], lang)[0])
        chance = say("chance_axis", lang, name=levels([of], lang)[0])
        return decimal_marks(axis_words(axes, x=chance, y=say("share_with_axis", lang)), lang)

    def __repr__(self) -> str:
        return str(self.summary())

    def _repr_html_(self) -> str:
        return self.summary().as_html()
