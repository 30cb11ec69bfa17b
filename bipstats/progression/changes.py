"""Who changed by more than noise, and how many would seem to if nobody did."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from scipy import stats

from bipstats.core.columns import Floats, Ints
from bipstats.core.covariance import group_sums
from bipstats.core.estimates import check_level
from bipstats.errors import ModelError
from bipstats.figure_words import Language, axis_words, say, terms
from bipstats.models.kernels import ordinal
from bipstats.models.kernels.newton import NoMaximum
from bipstats.models.kernels.ordinal import OrdinalProblem
from bipstats.models.kernels.polychoric import normal_orthant, polychoric
from bipstats.plotting import COLOURS, FAINT, legend_above, per_cent_axis, row_axes
from bipstats.progression.scale import Rater
from bipstats.progression.waves import Waves
from bipstats.tables import Summary

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from bipstats.study.study import Study

_FEWEST = 30


@dataclass(frozen=True, repr=False, eq=False)
class Changes:
    """Change between the first and the last measurement, item by item.

    Attributes
    ----------
    table : pandas.DataFrame
        ``item, n, steps`` (a change of so many is reliable), ``improved, unchanged, declined`` (shares beyond the
        limit), ``improved_by_noise, declined_by_noise`` (expected if nobody changed), ``mean_change, std_error``
        (linear), ``log_odds, log_odds_error`` (ordinal), ``reliability, floor, ceiling`` (share at the lowest and
        highest answer at first).
    rater : str
    n_clients : int
    weeks : float
        Mean between the two measurements.
    level : float
        Of the reliable-change limit.
    n_incomplete : int

    Examples
    --------
    >>> import bipstats as bip
    >>> found = bip.progression.change(bip.simulate(clients=600, rng=1))
    >>> found.table[["improved", "unchanged", "declined"]].sum(axis=1).round(6).unique().tolist()
    [1.0]
    >>> bool((found.table["steps"] > 1).all())
    True
    """

    table: pd.DataFrame
    rater: str
    n_clients: int
    weeks: float
    level: float
    n_incomplete: int

    @property
    def paragraph(self) -> str:
        """What it says, and what it does not."""
        own = self.table.dropna(subset=["improved_by_noise"])
        if own.empty:
            return "Noise cannot be told from change: too few clients have three measurements."
        return (
            f"On an average item {own['improved'].mean():.0%} of the clients have risen and "
            f"{own['declined'].mean():.0%} "
            f"fallen by more than noise explains for one client; {own['improved_by_noise'].mean():.0%} and "
            f"{own['declined_by_noise'].mean():.0%} would have done so if nobody had changed. A change of one "
            f"step on one "
            "item is not reliable. Clients at the lowest answer can only rise and those at the highest only "
            "fall, so that "
            "rises are many where many began low. Only those who answered again are seen."
        )

    def summary(self) -> Summary:
        """Table of the items."""
        facts = {
            "rater": self.rater,
            "clients": f"{self.n_clients:,} with two complete measurements, {self.weeks:.0f} weeks apart on average"
            + (f" ({self.n_incomplete:,} measurements incomplete)" if self.n_incomplete else ""),
            "reliable": f"beyond what noise does to {self.level:.0%} of unchanged clients, or more",
        }
        return Summary("Change of the answers", self.table, facts, (self.paragraph,))

    def plot_data(self) -> pd.DataFrame:
        """Frame behind `plot`."""
        return self.table.copy()

    def plot(self, ax: Axes | None = None, *, lang: Language = "en") -> Axes:
        """Draw the shares that rose and fell, with those that noise alone would make."""
        frame = self.plot_data()
        axes = row_axes(terms(frame["item"], lang), ax, row=0.34)
        place = np.arange(len(frame))[::-1]
        axes.barh(place, frame["improved"], 0.6, color=COLOURS[0], label=say("risen", lang))
        axes.barh(place, -frame["declined"], 0.6, color=COLOURS[1], label=say("fallen", lang))
        noise: dict[str, Any] = {"color": "black", "marker": "|", "markersize": 12, "linestyle": ""}
        axes.plot(frame["improved_by_noise"], place, **noise, label=say("by_noise", lang))
        axes.plot(-frame["declined_by_noise"], place, **noise)
        axes.axvline(0, color=FAINT, linewidth=0.8)
        per_cent_axis(axes, lang, x=True)
        return axis_words(legend_above(axes), x=say("change_axis", lang))

    def __repr__(self) -> str:
        return str(self.summary())

    def _repr_html_(self) -> str:
        return self.summary().as_html()


def change(
    study: Study,
    *,
    rater: Rater = "client",
    items: Sequence[str] | None = None,
    level: float = 0.95,
) -> Changes:
    r"""Say how many clients improved, declined or stayed by more than noise, and how many would seem to without change.

    Parameters
    ----------
    study : Study
    rater : {"client", "caseworker"}
    items : list of str, optional
        Keys of the indicators; all that the rater is asked by default.
    level : float, default 0.95
        A change is reliable if so large a share of unchanged clients, at least, differs by less.

    Returns
    -------
    Changes

    Raises
    ------
    ModelError
        Fewer than 30 clients have two measurements with all items answered, or an item does not vary.
    OptionError
        `items` are not among those that the rater is asked.

    Notes
    -----
    First against last complete measurement of each client. An answer is cut from a normal variable; without change the
    two answers have the cuts of the first measurement and, as their correlation, the reliability
    :math:`\rho = r_{12} r_{23} / r_{13}` of three polychoric correlations (Heise 1969). The limit is the smallest
    number of steps that at most ``1 - level`` of such pairs reach in either direction together, and the shares
    expected from noise are those of such pairs that reach it. Where three waves give no reliability these cells
    are empty.

    Linear: mean change with the error of paired differences. Ordinal: log odds ratio of a higher answer at the last
    against the first measurement (proportional odds), with errors clustered by client. The two agree in sign unless
    answers pile up at the ends of the scale.

    References
    ----------
    Jacobson, N. & Truax, P. (1991). Clinical significance. *Journal of Consulting and Clinical Psychology*.
    Heise, D. (1969). Separating reliability and stability in test-retest correlation. *American Sociological Review*.
    McCullagh, P. (1980). Regression models for ordinal data. *JRSS B*.

    Examples
    --------
    >>> import bipstats as bip
    >>> found = bip.progression.change(bip.simulate(clients=300, rng=1))
    >>> bool((found.table["steps"].dropna() >= 2).all())
    True
    """
    check_level(level)
    waves = Waves.of(study, rater, items)
    first, last = waves.first(), waves.last()
    several = last.number > first.number
    rows = np.flatnonzero(several)
    before, after = first.take(rows), last.take(rows)
    if len(rows) < _FEWEST:
        raise ModelError(f"{len(rows):,} clients have two complete measurements; {_FEWEST} are needed.")
    before.require_variation()
    table = pd.DataFrame(
        [
            {
                "item": item,
                **_one_item(before.answers[:, j], after.answers[:, j], waves.three()[:, :, j], level),
            }
            for j, item in enumerate(waves.items)
        ]
    )
    apart = float((after.week - before.week).mean())
    return Changes(table, rater, len(rows), apart, level, waves.n_incomplete)


def _one_item(before: Floats, after: Floats, three: Floats, level: float) -> dict[str, float]:
    reliability = reliability_of_levels(three)
    limits = unchanged(before, reliability, level)
    gap = after - before
    low, high = limits["steps"], limits["steps"]
    known = np.isfinite(limits["steps"])
    odds = later_odds(before, after)
    return {
        "n": len(gap),
        "steps": limits["steps"],
        "improved": float((gap >= high).mean()) if known else np.nan,
        "unchanged": float((np.abs(gap) < low).mean()) if known else np.nan,
        "declined": float((gap <= -low).mean()) if known else np.nan,
        "improved_by_noise": limits["up"],
        "declined_by_noise": limits["down"],
        "mean_change": float(gap.mean()),
        "std_error": float(gap.std(ddof=1) / np.sqrt(len(gap))),
        "log_odds": odds[0],
        "log_odds_error": odds[1],
        "reliability": reliability,
        "floor": float((before == before.min()).mean()),
        "ceiling": float((before == before.max()).mean()),
    }


def reliability_of_levels(three: Floats) -> float:
    """Reliability of the variable that an item is cut from, by three waves, (n, 3); NaN where there is none."""
    if len(three) < _FEWEST or any(len(np.unique(wave)) < 2 for wave in three.T):
        return np.nan
    codes = [np.unique(wave, return_inverse=True)[1] for wave in three.T]
    near, far, both = (polychoric(codes[a], codes[b]) for a, b in ((0, 1), (1, 2), (0, 2)))
    return near * far / both if both > 0 and 0 < near * far <= both else np.nan


def unchanged(before: Floats, reliability: float, level: float) -> dict[str, float]:
    """Steps that are reliable, and the shares of unchanged clients that reach them up and down."""
    if np.isnan(reliability):
        return {"steps": np.nan, "up": np.nan, "down": np.nan}
    levels, counts = np.unique(before, return_counts=True)
    share = np.cumsum(counts) / len(before)
    share[-1] = 1.0
    cuts = stats.norm.ppf(share)
    corners = np.pad(normal_orthant(cuts[:, None], cuts[None, :], reliability), ((1, 0), (1, 0)))
    cells = np.diff(np.diff(corners, axis=0), axis=1)
    gap = levels[None, :] - levels[:, None]
    widest = int(gap.max())
    for steps in range(1, widest + 2):
        up, down = float(cells[gap >= steps].sum()), float(cells[gap <= -steps].sum())
        if up + down <= 1 - level:
            break
    return {"steps": float(steps), "up": up, "down": down}


def later_odds(before: Floats, after: Floats) -> tuple[float, float]:
    """Log odds ratio of a higher answer later, with its error clustered by client; NaN where it is not finite."""
    both = np.concatenate([before, after])
    levels, codes = np.unique(both, return_inverse=True)
    if len(levels) < 2:
        return np.nan, np.nan
    later = np.repeat([0.0, 1.0], len(before))[:, None]
    problem = OrdinalProblem(later, codes.astype(np.int64), np.ones(len(both)), len(levels))
    try:
        best = ordinal.fit(problem)
    except NoMaximum:
        return np.nan, np.nan
    client: Ints = np.tile(np.arange(len(before)), 2)
    sums = group_sums(ordinal.scores(best.params, problem), client)
    bread = np.linalg.inv(best.at.information)
    return float(best.params[-1]), float(np.sqrt((bread @ (sums.T @ sums) @ bread)[-1, -1]))
