"""What counterfactual gives."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pandas as pd

from bipstats.caseworkers.drawing import shares_by_group
from bipstats.figure_words import Language
from bipstats.tables import Summary

if TYPE_CHECKING:
    from matplotlib.axes import Axes


@dataclass(frozen=True, repr=False, eq=False)
class Counterfactual:
    """Shares of clients who would enter if all caseworkers were like the best.

    Attributes
    ----------
    shares : pandas.DataFrame
        See `table`.
    to : str
        The group asked for.
    adjusted_for : str
    level : float
    draws : int
    sd : float
        Of the log multipliers, net of noise, by the gamma law: what the shrinkage rests on.
    clients : int
        Clients with time at risk.
    counts : mapping of str to str
    notes : tuple of str

    Examples
    --------
    >>> import bipstats as bip
    >>> study = bip.simulate(clients=600, rng=1)
    >>> found = bip.caseworkers.counterfactual(study, to="top quarter", adjust="centre", draws=20, rng=1)
    >>> found.to, found.shares["kind"].tolist()[:2]
    ('top quarter', ['actual', 'naive'])
    """

    shares: pd.DataFrame
    to: str
    adjusted_for: str
    level: float
    draws: int
    sd: float
    clients: int
    counts: Mapping[str, str]
    notes: tuple[str, ...]

    @property
    def table(self) -> pd.DataFrame:
        """Frame ``group, kind, multiplier, share, conf_low, conf_high, gain``.

        `kind` is ``actual``, ``naive``, ``feasible`` or ``oracle`` (no interval: it is true); `multiplier` that of the
        hazard; `gain` the share less the actual one.
        """
        return self.shares.copy()

    def plot_data(self) -> pd.DataFrame:
        """The table."""
        return self.table

    def plot(self, ax: Axes | None = None, *, lang: Language = "en") -> Axes:
        """Draw the shares by group: naive, feasible and, where it is known, the truth, against the actual one."""
        return shares_by_group(self.shares, self.level, ax, lang)

    def _share(self, kind: str) -> pd.Series:
        rows = self.shares[(self.shares["kind"] == kind) & self.shares["group"].isin(["", self.to])]
        return rows.iloc[0]

    @property
    def paragraph(self) -> str:
        """What the numbers say, what they rest on and when they mislead, in plain words."""
        actual, naive, feasible = (self._share(kind) for kind in ("actual", "naive", "feasible"))
        truth = self.shares[(self.shares["kind"] == "oracle") & (self.shares["group"] == self.to)]
        known = f" In this simulated study the truth is {truth['share'].iloc[0]:.1%}." if len(truth) else ""
        interval = f"{self.level:.0%}: {feasible['conf_low']:.1%} to {feasible['conf_high']:.1%}"
        return (
            f"{actual['share']:.1%} of the clients entered. The {self.to} of caseworkers by their raw shares have "
            f"{naive['share']:.1%}: they were picked for shares that are high by chance too, so this says nothing "
            "about what others could reach; with no differences between caseworkers it would still be far above the "
            f"mean. If all were as effective as the {self.to} that can be picked from these data, "
            f"{feasible['share']:.1%} would enter ({interval}), read on clients who took no part in the picking.{known}"
            " This rests on clients being alike between the caseworkers of a job centre given "
            f"{self.adjusted_for}, and on effects that everyone could take over: good caseworkers have so many hours, "
            "and the jobs that their clients get are not there for others (capacity and equilibrium are left out). It "
            "misleads where promising clients go to some caseworkers for reasons that no answer shows (too high), or "
            "hard cases do (too low)."
        )

    def summary(self) -> Summary:
        """The table with what was used above and the paragraph below."""
        facts = {
            "asked for": self.to,
            "adjusted for": self.adjusted_for,
            **self.counts,
            "spread": f"sd {self.sd:.2f} of the log hazard net of noise",
            "intervals": f"{self.level:.0%}, {self.draws:,} draws",
        }
        return Summary(
            "As effective as the best caseworkers", self.shares, facts, (*self.notes, self.paragraph)
        )

    def __repr__(self) -> str:
        return str(self.summary())

    def _repr_html_(self) -> str:
        return self.summary().as_html()
