"""What value_added gives: the caseworkers, how much they differ, and the tests."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from scipy import stats

from bipstats.caseworkers.drawing import caterpillar, raw_against_shrunken
from bipstats.core.estimates import check_level
from bipstats.figure_words import Language
from bipstats.tables import Summary, p_text

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_MODEL_WORDS = {
    "linear": "linear probability of entry per quarter with an effect for each caseworker",
    "intercept": "discrete-time hazard with a random intercept for each caseworker",
    "hazard": "entries observed over expected, gamma multipliers",
}


@dataclass(frozen=True, repr=False, eq=False)
class ValueAdded:
    """Effects of caseworkers on entry.

    Attributes
    ----------
    caseworkers : pandas.DataFrame
        See `table`.
    sd : pandas.DataFrame
        Spread of the true effects on the log hazard, net of noise, by four ways: ``method, sd, conf_low, conf_high,
        relative_variance``. Zero where the variance is not above zero.
    moved : pandas.DataFrame
        What `tidy` gives at the level of the result.
    reliability : float
        Share of the variance of adjusted effects that is no noise, by the chosen model.
    split_correlation : float
        Of adjusted effects in halves of the clients, averaged over splits.
    permutation_p : float
        Of no differences between the caseworkers of a job centre.
    rate : float
        Entries per client-year of all.
    model : {"linear", "intercept", "hazard"}
    adjusted_for : str
    level : float
    draws : int
    min_clients : int
    counts : mapping of str to str
        What was used and left out.
    notes : tuple of str

    Examples
    --------
    >>> import bipstats as bip
    >>> found = bip.caseworkers.value_added(
    ...     bip.simulate(clients=600, rng=1), adjust="centre", draws=20, rng=1)
    >>> found.table.columns.tolist()
    ['caseworker', 'jobcentre', 'clients', 'years', 'entries', 'raw', 'adjusted', 'std_error',
     'shrunken', 'rank', 'rank_low', 'rank_high']
    >>> found.sd["method"].tolist()
    ['split sample', 'leave-out, linear', 'likelihood, gamma-Poisson', 'likelihood, random intercept']
    """

    caseworkers: pd.DataFrame
    sd: pd.DataFrame
    moved: pd.DataFrame
    reliability: float
    split_correlation: float
    permutation_p: float
    rate: float
    model: str
    adjusted_for: str
    level: float
    draws: int
    min_clients: int
    counts: Mapping[str, str]
    notes: tuple[str, ...]

    @property
    def table(self) -> pd.DataFrame:
        """The caseworkers with enough clients, best first.

        ``caseworker, jobcentre, clients, years`` (at risk), ``entries``, and entries per client-year ``raw``,
        ``adjusted`` with ``std_error``, ``shrunken``; ``rank`` by the shrunken ones, and ``rank_low, rank_high``, the
        limits of the simultaneous confidence sets.
        """
        return self.caseworkers.copy()

    def tidy(self, level: float | None = None) -> pd.DataFrame:
        """Forecast and placebo on clients who change caseworker; no rows where there could be none.

        Parameters
        ----------
        level : float, optional
            That of the result if not given.

        Returns
        -------
        pandas.DataFrame
            ``term, estimate, std_error, statistic, p_value, conf_low, conf_high``; the hypothesis is zero. An
            unbiased forecast has the slope one, a passed placebo the slope zero.
        """
        frame = self.moved.copy()
        if level is not None:
            check_level(level)
            half = stats.norm.ppf(0.5 + level / 2) * frame["std_error"]
            frame["conf_low"], frame["conf_high"] = frame["estimate"] - half, frame["estimate"] + half
        return frame

    def plot_data(self) -> pd.DataFrame:
        """The table in order of the shrunken rates, with ``position`` and ``conf_low, conf_high`` of the adjusted."""
        frame = self.caseworkers.sort_values("shrunken", ignore_index=True)
        half = stats.norm.ppf(0.5 + self.level / 2) * frame["std_error"]
        return frame.assign(
            position=np.arange(1, len(frame) + 1),
            conf_low=(frame["adjusted"] - half).clip(lower=0.0),
            conf_high=frame["adjusted"] + half,
        )

    def plot(self, ax: Axes | None = None, *, lang: Language = "en") -> Axes:
        """Draw the caterpillar: adjusted rates with intervals, shrunken ones as a line, in their order."""
        return caterpillar(self.plot_data(), self.rate, self.level, ax, lang)

    def plot_shrinkage(self, ax: Axes | None = None, *, lang: Language = "en") -> Axes:
        """Draw shrunken against raw rates, one point a caseworker, larger with more clients."""
        return raw_against_shrunken(self.plot_data(), self.rate, ax, lang)

    @property
    def paragraph(self) -> str:
        """What the numbers say, what they rest on and when they mislead, in plain words."""
        sd = self.sd.set_index("method")["sd"]
        low, high = sd.min(), sd.max()
        best, worst = self._halves()
        widest = int((self.caseworkers["rank_high"] - self.caseworkers["rank_low"] + 1).median())
        n = len(self.caseworkers)
        ranks = "single caseworkers cannot be ranked" if widest > n / 2 else "ranks are known roughly"
        return (
            f"The better half of the {n:,} caseworkers with at least {self.min_clients} clients had {best:.1f} entries "
            f"per 100 client-years, the other half {worst:.1f}. Such a gap of raw figures, like the published 23 "
            "against 7 per cent, arises from noise alone and is no evidence: with a few entries each some look good, "
            "others bad. Net of noise the caseworkers' multipliers of the hazard have a log standard deviation of "
            f"{low:.2f} to {high:.2f}, depending on the method; {self.reliability:.0%} of the variance of the adjusted "
            f"figures is no noise, and no differences at all within job centres have p {_p(self.permutation_p)}. "
            f"The middle confidence set for a rank holds {widest:,} of {n:,} ranks: {ranks}. "
            f"This rests on clients of a job centre being alike between caseworkers given {self.adjusted_for}. It "
            "misleads where hard cases go to good caseworkers for reasons that no answer shows (effects then look "
            "smaller than they are) or promising clients do (then larger)."
        )

    def _halves(self) -> tuple[float, float]:
        """Raw entries per 100 client-years of the better and the other half."""
        raw = np.sort(self.caseworkers["raw"].to_numpy())
        size = len(raw) // 2
        return 100 * float(raw[len(raw) - size :].mean()), 100 * float(raw[: len(raw) - size].mean())

    def summary(self) -> Summary:
        """Spread by four ways, with what was used above and the paragraph below."""
        r = self.split_correlation
        doubled = f"; all clients (Spearman-Brown): {2 * r / (1 + r):.2f}" if r > -0.5 else ""
        facts = {
            "model": _MODEL_WORDS[self.model],
            "adjusted for": self.adjusted_for,
            **self.counts,
            "reliability": f"{self.reliability:.2f} by the model; halves correlate by {r:.2f}{doubled}",
            "permutation test": f"no differences within job centres: p {_p(self.permutation_p)} ({self.draws:,} draws)",
        }
        for row in self.moved.itertuples(index=False):
            interval = f"{row.estimate:.2f} ({self.level:.0%}: {row.conf_low:.2f} to {row.conf_high:.2f})"
            facts[str(row.term)] = f"{interval}; {'unbiased' if 'foretold' in str(row.term) else 'placebo'}: "
            facts[str(row.term)] += "1" if "foretold" in str(row.term) else "0"
        return Summary(
            "Value added of caseworkers, sd of the log hazard", self.sd, facts, (*self.notes, self.paragraph)
        )

    def __repr__(self) -> str:
        return str(self.summary())

    def _repr_html_(self) -> str:
        return self.summary().as_html()


def _p(value: float) -> str:
    text = p_text(value)
    return text if text.startswith("<") else f"= {text}"
