"""What `first_start_effect` gives."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from scipy import stats

from bipstats.core.columns import Floats
from bipstats.core.estimates import Estimates
from bipstats.figure_words import Language, axis_words, say
from bipstats.plotting import COLOURS, legend_above, new_axes, per_cent_axis, tidy_axes
from bipstats.tables import Summary

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_AGAINST = {
    "waiting": "not beginning now, whatever is begun later",
    "never": "not beginning within the horizon",
}


@dataclass(frozen=True, repr=False, eq=False)
class FirstStart:
    """Incidence of entry after a first job-oriented start, and without it, among those who began.

    Attributes
    ----------
    incidence : (2, H) array
        By week since time zero: of those who did not begin (weighted), of those who did.
    covariances : (H, 2, 2) array
        Of these, by week.
    drawn_gap : (2, H) array
        Limits of the difference, from the draws.
    against, outcome : str
    draws : int
    level : float
    balance : pandas.DataFrame
        ``term, before, after``: differences of means at time zero, in standard deviations of those who began.
    flow : tuple of (str, int)

    Examples
    --------
    >>> import bipstats as bip
    >>> found = bip.interventions.first_start_effect(bip.simulate(clients=1500, rng=1), draws=20, rng=1)
    >>> found.incidence.shape[0], found.against
    (2, 'waiting')
    >>> found.balance.columns.tolist()
    ['term', 'before', 'after']
    """

    incidence: Floats
    covariances: Floats
    drawn_gap: Floats
    against: str
    outcome: str
    draws: int
    level: float
    balance: pd.DataFrame
    flow: tuple[tuple[str, int], ...]

    @property
    def _weeks(self) -> list[int]:
        """Quarters of the horizon, and its end."""
        horizon = self.incidence.shape[1]
        return sorted({*range(13, horizon + 1, 13), horizon})

    @property
    def estimates(self) -> Estimates:
        """Differences of the incidence at the weeks of the table."""
        place = np.array(self._weeks) - 1
        gap = (self.incidence[1] - self.incidence[0])[place]
        variance = np.array([[-1.0, 1.0] @ self.covariances[j] @ [-1.0, 1.0] for j in place])
        names = tuple(f"difference, {week} weeks" for week in self._weeks)
        return Estimates(names, gap, np.diag(variance), f"{self.draws:,} bootstrap draws of clients")

    @property
    def table(self) -> pd.DataFrame:
        """Frame ``weeks, began, without, difference, std_error, conf_low, conf_high, ratio, in_quarter``.

        ``in_quarter`` is the difference of what was gained since the line before: lock-in shows as a negative one.
        """
        place = np.array(self._weeks) - 1
        without, began = self.incidence[:, place]
        gap = began - without
        with np.errstate(divide="ignore", invalid="ignore"):
            ratio = began / without
        return pd.DataFrame(
            {
                "weeks": self._weeks,
                "began": began,
                "without": without,
                "difference": gap,
                "std_error": self.estimates.std_errors,
                "conf_low": self.drawn_gap[0, place],
                "conf_high": self.drawn_gap[1, place],
                "ratio": ratio,
                "in_quarter": np.diff(gap, prepend=0.0),
            }
        )

    def tidy(self, level: float = 0.95) -> pd.DataFrame:
        """Give the differences: ``term, estimate, std_error, statistic, p_value, conf_low, conf_high``."""
        return self.estimates.tidy(level)

    @property
    def paragraph(self) -> str:
        """What it says, what it rests on, and where it misleads."""
        last = self.table.iloc[-1]
        z = float(stats.norm.ppf(0.5 + self.level / 2))
        return (
            f"Of those who began a first job-oriented intervention, {last['began']:.1%} entered within "
            f"{int(last['weeks'])} weeks; had they not ({_AGAINST[self.against]}), {last['without']:.1%} would have: a "
            f"difference of {100 * last['difference']:.1f} points "
            f"({100 * (last['difference'] - z * last['std_error']):.1f} "
            f"to {100 * (last['difference'] + z * last['std_error']):.1f}). It is an effect if, given answers, "
            f"background, "
            "job centre and week, it was as good as random who began in a week. It misleads where caseworkers "
            "know more "
            "than the answers say and send those first who are about to enter anyway."
        )

    def summary(self) -> Summary:
        """Table by quarter since the start."""
        flow = dict(self.flow)
        facts = {
            "effect of": "beginning a first job-oriented intervention, among those who began",
            "against": _AGAINST[self.against],
            "outcome": self.outcome.replace("_", " "),
            "rows": ", ".join(f"{what} {count:,}" for what, count in flow.items() if count),
            "balance": f"largest difference {self.balance['before'].abs().max():.2f} sd before, "
            f"{self.balance['after'].abs().max():.2f} after weighting",
            "errors": f"{self.draws:,} bootstrap draws of clients; weights as estimated once",
        }
        return Summary("First job-oriented start", self.table, facts, (self.paragraph,))

    def plot_data(self) -> pd.DataFrame:
        """Frame behind `plot`: ``week, group, estimate, conf_low, conf_high``."""
        half = float(stats.norm.ppf(0.5 + self.level / 2)) * np.sqrt(
            np.stack([self.covariances[:, 0, 0], self.covariances[:, 1, 1]])
        )
        pieces = [
            pd.DataFrame(
                {
                    "week": np.arange(1, self.incidence.shape[1] + 1),
                    "group": name,
                    "estimate": self.incidence[k],
                    "conf_low": np.maximum(self.incidence[k] - half[k], 0),
                    "conf_high": self.incidence[k] + half[k],
                }
            )
            for k, name in ((1, "began"), (0, f"against: {self.against}"))
        ]
        return pd.concat(pieces, ignore_index=True)

    def plot(self, ax: Axes | None = None, *, lang: Language = "en") -> Axes:
        """Draw the two incidences since time zero."""
        axes = tidy_axes(new_axes() if ax is None else ax)
        for number, (name, part) in enumerate(self.plot_data().groupby("group", sort=False)):
            colour = COLOURS[number]
            axes.step(
                part["week"],
                part["estimate"],
                where="post",
                color=colour,
                linewidth=1.6,
                label=say(str(name), lang),
            )
            axes.fill_between(
                part["week"],
                part["conf_low"],
                part["conf_high"],
                step="post",
                color=colour,
                alpha=0.15,
                linewidth=0,
            )
        axes.set_ylim(bottom=0)
        per_cent_axis(axes, lang)
        return axis_words(
            legend_above(axes), x=say("weeks_axis", lang), y=say("entered_axis", lang, level=self.level)
        )

    def __repr__(self) -> str:
        return str(self.summary())

    def _repr_html_(self) -> str:
        return self.summary().as_html()
