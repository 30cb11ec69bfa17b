"""The log-rank test."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from scipy import stats

from bipstats.core.columns import (
    MANY,
    Floats,
    Missing,
    complete_rows,
    group_codes,
    labels,
    listed,
    require_columns,
    require_frame,
)
from bipstats.errors import ModelError, OptionError
from bipstats.figure_words import Language, axis_words, decimal_marks, levels, say, terms
from bipstats.models.inputs import check_names, event_column, event_indicator, read_times, read_weights
from bipstats.models.kernels.logrank import LogRank, log_rank
from bipstats.plotting import COLOURS, reference_line, row_axes
from bipstats.tables import Summary, p_text

if TYPE_CHECKING:
    from matplotlib.axes import Axes


@dataclass(frozen=True, repr=False, eq=False)
class LogRankTest:
    """A log-rank test of equal hazards in all groups.

    Attributes
    ----------
    table : pandas.DataFrame
        The groups by the name of their column, and ``n`` (rows), ``observed`` and ``expected`` events (weighted, where
        rho is not 0) and their ``ratio``.
    statistic : float
        Chi-squared.
    df : int
        Groups less one.
    p_value : float
    variance : (K, K) array
        Of observed less expected.
    by : str
    rho : float
    n_events : int
    n_strata : int
    flow : tuple of (str, int)

    Examples
    --------
    >>> import bipstats as bip
    >>> rows = bip.landmarks(bip.simulate(clients=600, rng=1), at="first")
    >>> test = bip.logrank(rows, start=None, stop="weeks", event="entered", by="sex")
    >>> test.df, test.table.columns.tolist()
    (1, ['sex', 'n', 'observed', 'expected', 'ratio'])
    """

    table: pd.DataFrame
    statistic: float
    df: int
    p_value: float
    variance: Floats
    by: str
    rho: float
    n_events: int
    n_strata: int
    flow: tuple[tuple[str, int], ...]

    def summary(self) -> Summary:
        """The groups' events, observed and expected, and the test."""
        facts = {
            "rows": "; ".join(f"{what} {count:,}" for what, count in self.flow),
            "events": f"{self.n_events:,}" + (f", in {self.n_strata:,} strata" if self.n_strata > 1 else ""),
            "time weights": "none" if self.rho == 0 else f"survival to the power {self.rho:g}",
            "test": f"chi2({self.df}) = {self.statistic:.4g}, p = {p_text(self.p_value)}".replace(
                "= <", "< "
            ),
        }
        return Summary("Log-rank test of equal hazards", self.table, facts)

    def plot_data(self) -> pd.DataFrame:
        """Frame behind `plot`: the table."""
        return self.table.copy()

    def plot(self, ax: Axes | None = None, *, lang: Language = "en") -> Axes:
        """Draw observed over expected events by group, first group on top."""
        axes = row_axes(levels(self.table[self.by], lang), ax)
        position = np.arange(len(self.table))[::-1]
        reference_line(axes, x=1.0)
        axes.hlines(position, 1.0, self.table["ratio"], color=COLOURS[0], linewidth=1.6)
        axes.plot(self.table["ratio"], position, "o", color=COLOURS[0], markersize=5)
        axis_words(axes, x=say("observed_expected", lang), y=terms([self.by], lang)[0])
        return decimal_marks(axes, lang)

    def __repr__(self) -> str:
        return str(self.summary())

    def _repr_html_(self) -> str:
        return self.summary().as_html()


def logrank(
    data: pd.DataFrame,
    *,
    by: str,
    start: str | None = None,
    stop: str,
    event: str,
    strata: str | Sequence[str] | None = None,
    weights: str | None = None,
    rho: float = 0.0,
    missing: Missing = "raise",
) -> LogRankTest:
    r"""Log-rank test that all groups have one hazard.

    Parameters
    ----------
    data : pandas.DataFrame
        One row per piece of time at risk, (start, stop].
    by : str
        Column with the groups.
    start : str or None, default None
        Column with the start of each row; None means that every row starts at 0.
    stop : str
    event : str
        Column of 0/1, or ``"exit == job"``: that level of a column, all others censored.
    strata : str or list of str, optional
        Groups are compared within strata, and the comparisons summed.
    weights : str, optional
        Column that says how many equal rows a row stands for; whole numbers.
    rho : float, default 0
        Each event time weighs :math:`S(t-)^\rho`: 0 is the log-rank test, 1 is Peto and Peto's, which looks at early
        differences.
    missing : {"raise", "drop"}

    Returns
    -------
    LogRankTest
        ``.table, .statistic, .df, .p_value``.

    Raises
    ------
    ModelError
        The data cannot be used, or groups are never at risk together.

    Notes
    -----
    The statistic is the quadratic form of observed less expected events in their hypergeometric variance
    :math:`\sum_t d \frac{n-d}{n-1} (\mathrm{diag}(p) - pp')`, as in R's ``survdiff``, which has no delayed entry. It
    is the score test of a Cox model with the groups as covariates: of the exact partial likelihood always, of
    Breslow's and Efron's where no events are tied. At ties Breslow's lacks the factor :math:`\frac{n-d}{n-1}`, so
    its statistic is smaller.

    References
    ----------
    Harrington, D. & Fleming, T. (1982). A class of rank test procedures for censored survival data. *Biometrika*.

    Examples
    --------
    >>> import pandas as pd, bipstats as bip
    >>> rows = pd.DataFrame({"weeks": [1, 2, 3, 4, 5, 6], "event": [1, 1, 1, 0, 1, 1], "arm": list("aababb")})
    >>> test = bip.logrank(rows, by="arm", stop="weeks", event="event")
    >>> round(test.statistic, 3), test.df
    (1.066, 1)
    """
    check_names({"by": by, "stop": stop, "event": event}, {"start": start, "weights": weights})
    if isinstance(rho, bool) or not isinstance(rho, int | float | np.number) or not 0 <= rho < np.inf:
        raise OptionError(f"rho={rho!r} is not a power; give a number from 0 on.")
    crossed = [strata] if isinstance(strata, str) else list(strata or ())
    used = [name for name in (by, start, stop, event_column(event), *crossed, weights) if name is not None]
    require_columns(require_frame(data), used, "an argument")
    rows, n_missing = complete_rows(data, used, missing)
    groups, copies = labels(rows[by]), read_weights(rows, weights)
    _check_counts(copies, weights)
    times, died = read_times(rows, start, stop), event_indicator(rows, event)
    stratum = group_codes(rows, crossed, "strata=")
    names = [str(level) for level in groups.levels]
    if len(names) < 2:
        raise ModelError(f"column {by!r} has one group only, {names[0]!r}; there is nothing to compare.")
    found = log_rank(times.start, times.stop, died, groups.codes, stratum, copies, float(rho))
    statistic = _statistic(found, names, by, rho)
    table = pd.DataFrame(
        {
            by: np.array(groups.levels, dtype=object),
            "n": np.bincount(groups.codes, copies).astype(np.int64),
            "observed": found.observed,
            "expected": found.expected,
            "ratio": found.observed / found.expected,
        }
    )
    df = len(names) - 1
    flow = (("given", len(data)), *([("with missing values", n_missing)] if n_missing else []))
    return LogRankTest(
        table, statistic, df, float(stats.chi2.sf(statistic, df)), found.variance, by, float(rho),
        int(copies[died].sum()), int(stratum.max()) + 1, flow,
    )  # fmt: skip


def _check_counts(copies: Floats, weights: str | None) -> None:
    broken = int((copies != np.round(copies)).sum())
    if broken:
        raise ModelError(
            f"column {weights!r}: {broken:,} weights are no whole numbers; here a weight says how many equal rows "
            "a row stands for. For sampling weights test the groups in bip.cox(..., weights=, vcov='robust')."
        )


def _statistic(found: LogRank, names: list[str], by: str, rho: float) -> float:
    """Chi-squared of observed less expected, or why there is none."""
    if found.exhausted and rho:
        raise ModelError(
            f"rho={rho:g}: all who were at risk early have left before others came, so survival is 0 and later events "
            "weigh nothing. Use rho=0, or begin later."
        )
    idle = [name for name, expected in zip(names, found.expected, strict=True) if expected == 0]
    if idle:
        who = f"{len(idle):,} groups" if len(names) > MANY else listed(idle)
        raise ModelError(
            f"column {by!r}: {who} had nobody at risk at any event; leave them out or merge them with others."
        )
    gap, variance = (found.observed - found.expected)[1:], found.variance[1:, 1:]
    size = np.sqrt(np.diag(found.variance))
    if (size == 0).any() or np.linalg.eigvalsh(variance / np.outer(size[1:], size[1:]))[0] < 1e-10:
        raise ModelError(
            f"column {by!r}: some groups are never at risk together with the others (within strata), so there is no "
            "test that compares them. Drop a stratifying column or compare fewer groups."
        )
    return float(gap @ np.linalg.solve(variance, gap))
