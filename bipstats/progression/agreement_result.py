"""What `agreement` gives: tables by item, over time, by job centre and of beliefs; plots; a paragraph."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from bipstats.core.columns import Floats, listed
from bipstats.errors import ModelError
from bipstats.figure_words import Language, axis_words, decimal_marks, say, terms
from bipstats.plotting import COLOURS, legend_above, new_axes, reference_line, row_axes, tidy_axes
from bipstats.progression.pairs import LEVELS, suppressed
from bipstats.tables import Summary

if TYPE_CHECKING:
    from matplotlib.axes import Axes


@dataclass(frozen=True, repr=False, eq=False)
class Agreement:
    """Agreement of client and caseworker on the same items at the same measurement.

    Attributes
    ----------
    table : pandas.DataFrame
        ``item, statistic, estimate, std_error, conf_low, conf_high, n_pairs, n_clients``.
    drift : pandas.DataFrame
        ``measurement, bias, std_error, conf_low, conf_high, kappa_quadratic, n_pairs``, mean over the items.
    slope : tuple of float
        Change of the bias per measurement, and its standard error; NaN where there is one measurement only.
    centres : pandas.DataFrame
        ``jobcentre, bias, std_error, kappa_quadratic, n_clients``, mean over the items; small ones are left out.
    caseworkers : tuple of float
        Standard deviation of the caseworkers' biases net of noise, its standard error, and the number of caseworkers.
    stability : pandas.DataFrame
        ``caseworker, weeks, statistic, estimate, std_error, n_pairs, n_clients``: belief, one answer and the next.
    persistence : pandas.DataFrame
        ``caseworker, level, next, n, share``: which belief follows which.
    counts : (k, 5, 5) array
        Pairs by item, the client's answer and the caseworker's.
    items : tuple of str
    flow : dict of str to int
    level : float
    how : str
        How errors and intervals were made.
    fewest : int
        Smallest cell that is shown.

    Examples
    --------
    >>> import bipstats as bip
    >>> found = bip.progression.agreement(bip.simulate(clients=300, rng=1))
    >>> found.table["statistic"].unique().tolist()
    ['exact agreement', 'agreement within one step', 'kappa', 'kappa, linear', 'kappa, quadratic',
     'ICC(1)', 'ICC(A,1)', 'ICC(C,1)', 'bias', 'lower limit of agreement', 'upper limit of agreement']
    >>> len(found.items), found.fewest
    (9, 5)
    """

    table: pd.DataFrame
    drift: pd.DataFrame
    slope: tuple[float, float]
    centres: pd.DataFrame
    caseworkers: tuple[float, float, int]
    stability: pd.DataFrame
    persistence: pd.DataFrame
    counts: Floats
    items: tuple[str, ...]
    flow: dict[str, int]
    level: float
    how: str
    fewest: int

    def cells(self, item: str) -> pd.DataFrame:
        """Frame ``client, caseworker, n``: pairs of answers to one item; small cells are missing."""
        if item not in self.items:
            raise ModelError(f"{item!r} is no item of this result; it has {listed(list(self.items))}.")
        counts = self.counts[self.items.index(item)]
        level = np.arange(1, LEVELS + 1)
        return pd.DataFrame(
            {
                "client": np.repeat(level, LEVELS),
                "caseworker": np.tile(level, LEVELS),
                "n": suppressed(counts.ravel(), self.fewest),
            }
        )

    def wide(self) -> pd.DataFrame:
        """One row an item, one column a statistic."""
        frame = self.table.pivot(index="item", columns="statistic", values="estimate")
        return frame.loc[list(self.items), list(self.table["statistic"].unique())].reset_index()

    @property
    def paragraph(self) -> str:
        """What was found, what it rests on and where it misleads, in plain words."""
        means = self.table.groupby("statistic")["estimate"].mean()
        bias = self.table[self.table["statistic"] == "bias"]
        apart = int(((bias["conf_low"] > 0) | (bias["conf_high"] < 0)).sum())
        drift = ""
        if np.isfinite(self.slope[1]) and self.slope[1] > 0:
            moved = abs(self.slope[0]) > 2 * self.slope[1]
            drift = f"The gap {'moves' if moved else 'does not move detectably'} from one measurement to the next."
        sentences = (
            f"Client and caseworker gave the same answer in {means['exact agreement']:.0%} of the pairs and were "
            f"within one step in {means['agreement within one step']:.0%}; quadratic kappa is "
            f"{means['kappa, quadratic']:.2f} on average over the items.",
            f"Caseworkers answered {abs(bias['estimate'].mean()):.2f} steps "
            f"{'higher' if bias['estimate'].mean() > 0 else 'lower'} on average, clearly apart from zero for {apart} "
            f"of {len(self.items)} items.",
            drift,
            "This takes both to answer the same question about the same weeks; they need not: a client and a "
            "caseworker may see different things, and low agreement is not poor measurement by itself.",
            "It misleads where an item hardly varies, since kappa and intraclass correlations fall with the spread of "
            "the clients, and where caseworkers have seen the client's answers first. Measurements by one rater only "
            "are left out, and who stays in the study is not a random part of those who began.",
        )
        return " ".join(sentence for sentence in sentences if sentence)

    def summary(self) -> Summary:
        """Table by item with the rest in its notes."""
        facts = {key: f"{count:,}" for key, count in self.flow.items() if count}
        facts["errors"] = self.how
        sd, error, size = self.caseworkers
        notes = ["Bias: caseworker less client, in steps of the scale; limits hold 95 % of the differences."]
        if np.isfinite(self.slope[1]):
            notes.append(f"Bias per measurement: {self.slope[0]:+.3f} (standard error {self.slope[1]:.3f}).")
        if np.isfinite(sd):
            notes.append(
                f"Caseworkers' own levels: standard deviation {sd:.2f} steps net of noise (standard error {error:.2f}; "
                f"{size:,} caseworkers with two clients or more)."
            )
        for same in ("same", "new"):
            notes += self._belief_words(same)
        notes.append(f"Cells below {self.fewest} are not shown.")
        return Summary("Two raters' agreement", self.wide(), facts, (*notes, self.paragraph))

    def _belief_words(self, which: str) -> list[str]:
        frame = self.stability
        frame = frame[(frame["caseworker"] == which) & (frame["statistic"] == "kappa, quadratic")]
        told = [
            f"{row.estimate:.2f} ({row.std_error:.2f}) after {row.weeks} weeks" for row in frame.itertuples()
        ]
        return [f"Belief again, {which} caseworker, quadratic kappa: {'; '.join(told)}."] if told else []

    def plot_data(self) -> pd.DataFrame:
        """Frame ``item, bias, conf_low, conf_high, lower, upper``: bias and limits of agreement."""
        wide = self.table.pivot(index="item", columns="statistic", values="estimate").loc[list(self.items)]
        bias = self.table[self.table["statistic"] == "bias"].set_index("item").loc[list(self.items)]
        return pd.DataFrame(
            {
                "item": list(self.items),
                "bias": bias["estimate"].to_numpy(),
                "conf_low": bias["conf_low"].to_numpy(),
                "conf_high": bias["conf_high"].to_numpy(),
                "lower": wide["lower limit of agreement"].to_numpy(),
                "upper": wide["upper limit of agreement"].to_numpy(),
            }
        )

    def plot(self, ax: Axes | None = None, *, lang: Language = "en") -> Axes:
        """Draw bias with its interval and the limits of agreement, item by item."""
        frame = self.plot_data()
        axes = row_axes(terms(frame["item"], lang), ax, row=0.34)
        place = np.arange(len(frame))[::-1]
        reference_line(axes, x=0)
        axes.hlines(
            place, frame["lower"], frame["upper"], color=COLOURS[5], linewidth=6, alpha=0.45,
            label=say("limits", lang),
        )  # fmt: skip
        axes.hlines(place, frame["conf_low"], frame["conf_high"], color=COLOURS[0], linewidth=1.6)
        label = say("bias", lang, level=self.level)
        axes.plot(frame["bias"], place, "o", color=COLOURS[0], markersize=5, label=label)
        return decimal_marks(axis_words(legend_above(axes), x=say("bias_axis", lang)), lang)

    def plot_item(self, item: str, ax: Axes | None = None, *, lang: Language = "en") -> Axes:
        """Draw one item after Bland and Altman: difference against mean, with how many pairs have it.

        Parameters
        ----------
        item : str
        ax : matplotlib axes, optional
        lang : {"en", "sv", "da"}

        Returns
        -------
        matplotlib axes
        """
        cells = self.cells(item).dropna()
        cells = cells[cells["n"] > 0]
        one = self.plot_data().set_index("item").loc[item].astype(float).to_dict()
        axes = tidy_axes(new_axes() if ax is None else ax)
        mean, gap = (cells["client"] + cells["caseworker"]) / 2, cells["caseworker"] - cells["client"]
        total = cells["n"].astype(float).groupby([mean, gap]).sum().reset_index()
        total.columns = ["mean", "difference", "n"]
        axes.scatter(
            total["mean"], total["difference"], s=900 * total["n"] / total["n"].max(), color=COLOURS[5],
            edgecolors=COLOURS[0], linewidths=0.8, zorder=2,
        )  # fmt: skip
        for row in total.itertuples():
            axes.annotate(
                f"{row.n:,.0f}", (row.mean, row.difference), ha="center", va="center", fontsize=8, zorder=3
            )
        drawn = (
            (one["bias"], "-", "mean_difference"),
            (one["lower"], "--", "limits"),
            (one["upper"], "--", None),
        )
        for value, style, name in drawn:
            label = None if name is None else say(name, lang)
            axes.axhline(value, color=COLOURS[1], linewidth=1.2, linestyle=style, zorder=1, label=label)
        axes.set_xlim(0.6, LEVELS + 0.4)
        axes.set_ylim(-LEVELS + 0.4, LEVELS - 0.4)
        axis_words(axes, x=say("mean_of_two", lang, item=terms([item], lang)[0]), y=say("bias_axis", lang))
        return decimal_marks(legend_above(axes), lang)

    def __repr__(self) -> str:
        return str(self.summary())

    def _repr_html_(self) -> str:
        return self.summary().as_html()
