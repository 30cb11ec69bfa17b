"""Do the items mean the same to every group, and at every measurement?"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from scipy import stats

from bipstats.errors import ModelError, OptionError
from bipstats.figure_words import Language, axis_words, decimal_marks, levels, say, terms
from bipstats.models.kernels.factor_groups import Equal, GroupFactor, Moments, fit_groups, independence
from bipstats.plotting import COLOURS, MARKS, legend_above, row_axes
from bipstats.progression.scale import Rater, fit_measures
from bipstats.progression.waves import Waves, by_client
from bipstats.seeds import generator
from bipstats.tables import Summary, p_text

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from bipstats.study.study import Study

LEVELS: dict[str, Equal] = {
    "configural": "nothing",
    "metric": "loadings",
    "scalar": "loadings and intercepts",
}
MOST_WORSE = 0.01
"""Fall of CFI beyond which the items do not mean the same (Cheung & Rensvold 2002)."""
_FEWEST = 50


@dataclass(frozen=True, repr=False, eq=False)
class Invariance:
    """One factor in several groups, with more and more held equal.

    Attributes
    ----------
    table : pandas.DataFrame
        ``held_equal, chi2, df, rmsea, cfi, srmr, chi2_more, df_more, p_value, cfi_less``: the last four against
        the line before.
    loadings : pandas.DataFrame
        ``item, group, loading, intercept``, free in every group.
    groups : pandas.DataFrame
        ``group, n, mean, sd`` of the factor, with loadings and intercepts equal; the first group is 0 and 1.
    by : str
    rater : str
    n_incomplete : int

    Examples
    --------
    >>> import bipstats as bip
    >>> found = bip.progression.invariance(bip.simulate(clients=600, rng=1), by="sex")
    >>> found.table["held_equal"].tolist()
    ['nothing', 'loadings', 'loadings and intercepts']
    >>> found.groups["group"].tolist()
    ['female', 'male']
    """

    table: pd.DataFrame
    loadings: pd.DataFrame
    groups: pd.DataFrame
    by: str
    rater: str
    n_incomplete: int

    @property
    def paragraph(self) -> str:
        """What may be compared."""
        falls = self.table["cfi_less"].to_numpy()
        metric, scalar = falls[1] <= MOST_WORSE, falls[2] <= MOST_WORSE
        if metric and scalar:
            said = "Means and changes of the scale may be compared between the groups"
        elif metric:
            said = "Changes within groups may be compared, means between groups may not: intercepts differ"
        else:
            said = "Neither means nor changes may be compared between the groups: the items weigh differently"
        return (
            f"{said} (CFI falls by {falls[1]:.3f} with equal loadings and by {falls[2]:.3f} more with equal "
            f"intercepts; "
            f"{MOST_WORSE} counts as a difference). Chi-squared tests find small differences in large groups. "
            f"The answers "
            "are taken as normal, which five levels are not."
        )

    def summary(self) -> Summary:
        """Table with the groups."""
        frame = self.table.copy()
        frame["p_value"] = [p_text(value) for value in frame["p_value"]]
        sizes = ", ".join(f"{row.group} {row.n:,}" for row in self.groups.itertuples())
        facts = {"rater": self.rater, "groups": f"{self.by}: {sizes}"}
        return Summary("Measurement invariance", frame, facts, (self.paragraph,))

    def plot_data(self) -> pd.DataFrame:
        """Frame behind `plot`."""
        return self.loadings.copy()

    def plot(self, ax: Axes | None = None, *, lang: Language = "en") -> Axes:
        """Draw the loadings of every item, group by group."""
        frame = self.plot_data()
        items = list(dict.fromkeys(frame["item"]))
        axes = row_axes(terms(items, lang), ax, row=0.34)
        groups = list(frame.groupby("group", sort=False))
        apart = np.linspace(0.18, -0.18, len(groups)) if len(groups) > 1 else [0.0]
        for number, ((group, part), shift) in enumerate(zip(groups, apart, strict=True)):
            place = [len(items) - 1 - items.index(item) + shift for item in part["item"]]
            axes.plot(
                part["loading"], place, MARKS[number % 5], color=COLOURS[number % len(COLOURS)], markersize=5,
                label=levels([group], lang)[0],
            )  # fmt: skip
        axes.set_xlim(left=min(0.0, float(frame["loading"].min()) * 1.05))
        legend_above(axes, title=terms([self.by], lang)[0])
        return decimal_marks(axis_words(axes, x=say("loading_axis", lang)), lang)

    def __repr__(self) -> str:
        return str(self.summary())

    def _repr_html_(self) -> str:
        return self.summary().as_html()


def invariance(
    data: Study | Mapping[str, Study],
    *,
    by: str | None = None,
    rater: Rater = "client",
    items: Sequence[str] | None = None,
    rng: int | np.random.Generator | None = 0,
) -> Invariance:
    r"""Test whether one factor measures the same in several groups, or at several measurements.

    Parameters
    ----------
    data : Study, or dict of name to Study
        Several studies (a Danish and a Swedish one) are the groups.
    by : str, optional
        With one study: a column of ``study.clients``, or ``"measurement"`` for the first, second and third measurement.
    rater : {"client", "caseworker"}
    items : list of str, optional
        Keys of the indicators; all that the rater is asked by default.
    rng : None, int or numpy.random.Generator
        For ``by="measurement"``: draws which measurement each client gives, so that the groups are independent.

    Returns
    -------
    Invariance

    Raises
    ------
    ModelError
        A group has fewer than 50 clients with all items answered, or an item that does not vary in it.
    OptionError
        Neither groups nor a column are given, or both.

    Notes
    -----
    Maximum likelihood of one factor with free loadings, intercepts and unique variances in every group
    (configural), with equal loadings (metric), and with equal intercepts too (scalar); the first group's factor
    has mean 0 and variance 1. Each line is held against the one before by the difference of chi-squared and by the
    fall of CFI. Each client gives one measurement: the first, or, by measurement, one drawn among those the client has.

    References
    ----------
    Cheung, G. & Rensvold, R. (2002). Evaluating goodness-of-fit indexes for testing measurement invariance. *Structural
    Equation Modeling*.
    Jöreskog, K. (1971). Simultaneous factor analysis in several populations. *Psychometrika*.
    Meredith, W. (1993). Measurement invariance, factor analysis and factorial invariance. *Psychometrika*.

    Examples
    --------
    >>> import bipstats as bip
    >>> found = bip.progression.invariance(bip.simulate(clients=400, rng=1), by="sex")
    >>> found.table["held_equal"].tolist()
    ['nothing', 'loadings', 'loadings and intercepts']
    """
    split, name, n_incomplete = _groups(data, by, rater, items, rng)
    keys, names = next(iter(split.values())).items, list(split)
    moments = [Moments.of(own.answers) for own in split.values()]
    fits = [fit_groups(moments, equal) for equal in LEVELS.values()]
    baseline, n = independence(moments), sum(group.n for group in moments)
    rows = [
        {"held_equal": equal, **fit_measures(fit, baseline, n, len(moments))}
        for equal, fit in zip(LEVELS.values(), fits, strict=True)
    ]
    table = pd.DataFrame(rows).drop(columns="p")
    table["chi2_more"], table["df_more"] = table["chi2"].diff(), table["df"].diff()
    table["p_value"] = stats.chi2.sf(table["chi2_more"], table["df_more"])
    table["cfi_less"] = -table["cfi"].diff()
    return Invariance(
        table,
        _free(fits[0], names, keys),
        _levels(fits[2], names, moments),
        name,
        rater,
        n_incomplete,
    )


def _free(fit: GroupFactor, names: list[str], items: tuple[str, ...]) -> pd.DataFrame:
    pieces = [
        pd.DataFrame(
            {"item": items, "group": name, "loading": fit.loadings[g], "intercept": fit.intercepts[g]}
        )
        for g, name in enumerate(names)
    ]
    return pd.concat(pieces, ignore_index=True)


def _levels(fit: GroupFactor, names: list[str], moments: list[Moments]) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "group": names,
            "n": [group.n for group in moments],
            "mean": fit.factor_mean,
            "sd": np.sqrt(fit.factor_variance),
        }
    )


def _groups(
    data: Study | Mapping[str, Study],
    by: str | None,
    rater: Rater,
    items: Sequence[str] | None,
    rng: int | np.random.Generator | None,
) -> tuple[dict[str, Waves], str, int]:
    """Answers by group, what the groups are called, and incomplete measurements."""
    if isinstance(data, Mapping):
        if by is not None or len(data) < 2:
            raise OptionError("give two studies or more and no by=, or one study and by=.")
        every = {str(name): Waves.of(study, rater, items) for name, study in data.items()}
        split = {name: waves.first() for name, waves in every.items()}
        title, lost = "study", sum(waves.n_incomplete for waves in every.values())
    else:
        if by is None:
            raise OptionError("by= is missing: a column of study.clients, or 'measurement'.")
        waves = Waves.of(data, rater, items)
        split = _by_measurement(waves, rng) if by == "measurement" else _by_column(waves.first(), data, by)
        title, lost = by, waves.n_incomplete
    for name, own in split.items():
        if len(own.answers) < _FEWEST:
            raise ModelError(
                f"{title} {name!r} has {len(own.answers):,} clients with all items answered; {_FEWEST} are needed."
            )
        own.require_variation()
    if len(split) < 2:
        raise ModelError(f"{title} has one group; there is nothing to compare.")
    return split, title, lost


def _by_column(first: Waves, study: Study, by: str) -> dict[str, Waves]:
    column = by_client(study, by).take(first.client).reset_index(drop=True)
    if column.nunique() > 10:
        raise ModelError(
            f"by={by!r} has {column.nunique():,} values; groups are 10 at most. Cut it into classes."
        )
    known = column.dropna()
    order = known.cat.categories if isinstance(known.dtype, pd.CategoricalDtype) else sorted(known.unique())
    return {
        str(value): first.take(np.flatnonzero((column == value).fillna(False).to_numpy(bool)))
        for value in order
        if (known == value).any()
    }


def _by_measurement(waves: Waves, rng: int | np.random.Generator | None) -> dict[str, Waves]:
    """One of the first three measurements of every client, drawn."""
    early = waves.take(np.flatnonzero(waves.number <= 3))
    begin = np.flatnonzero(np.diff(early.client, prepend=-1) > 0)
    count = np.diff(begin, append=len(early.client))
    chosen = early.take(begin + generator(rng).integers(0, count))
    return {str(wave): chosen.take(np.flatnonzero(chosen.number == wave)) for wave in (1, 2, 3)}
