"""A unit's clients together: levels, and shares that changed by more than noise, small cells hidden."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from os import PathLike
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from bipstats.codebook import LANGUAGES
from bipstats.errors import check_option
from bipstats.figure_words import Language, axis_words, decimal_marks, levels, say
from bipstats.plotting import COLOURS, FAINT, legend_above, row_axes
from bipstats.progression.instruments import RATERS, Instrument, instrument
from bipstats.progression.ratings import Limit, limits, read_ratings
from bipstats.tables import Summary

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from bipstats.study.study import Study

LEAST = 5
"""Clients below which a number is hidden."""
_COUNTS = ("improved", "unchanged", "declined")


@dataclass(frozen=True, repr=False, eq=False)
class UnitSummary:
    """Ratings of all clients of a unit.

    Attributes
    ----------
    table : pandas.DataFrame
        ``item, label, respondent, n, mean_first, mean_latest, improved, unchanged, declined, steps``: means of
        those rated twice or more; numbers of clients by change of `steps` or more. Hidden numbers are NA.
    title : str
    n_clients : int
    n_hidden : int
        Cells that are hidden.
    form : Instrument
    lang : {"en", "sv", "da"}
        Of the labels.

    Examples
    --------
    >>> import bipstats as bip
    >>> summary = bip.progression.unit_summary(bip.simulate(clients=60, rng=1))
    >>> summary.n_clients, summary.table["respondent"].unique().tolist()
    (60, ['client', 'caseworker'])
    """

    table: pd.DataFrame
    title: str
    n_clients: int
    n_hidden: int
    form: Instrument
    lang: Language

    def summary(self) -> Summary:
        """Table with what is hidden."""
        shown = f"{self.n_clients:,}" if self.n_clients >= LEAST else f"fewer than {LEAST}"
        notes = (
            f"Improved and declined: by as many steps as are more than noise, or more. Where one of the three "
            f"numbers is from 1 to {LEAST - 1} all three are hidden, so that none follows from the others.",
        )
        facts = {"clients": shown}
        return Summary(self.title, self.table.drop(columns="item"), facts, notes)

    def plot_data(self) -> pd.DataFrame:
        """Frame behind `plot`."""
        return self.table.copy()

    def plot(self, ax: Axes | None = None, *, lang: Language | None = None) -> Axes:
        """Draw mean ratings at first and latest, item by item."""
        check_option("lang", lang, (None, *LANGUAGES))
        spoken = self.lang if lang is None else lang
        frame = self.plot_data().dropna(subset=["mean_first", "mean_latest"])
        named = {item.key: item.labels[spoken] for item in self.form.items}
        who = {rater: levels([rater], spoken)[0].lower() for rater in RATERS}
        labels = [
            f"{named[item]} ({who[rater]})"
            for item, rater in zip(frame["item"], frame["respondent"], strict=True)
        ]
        axes = row_axes(labels, ax)
        place = np.arange(len(frame))[::-1]
        axes.hlines(place, frame["mean_first"], frame["mean_latest"], color=FAINT, linewidth=1.4)
        axes.plot(frame["mean_first"], place, "s", color=COLOURS[1], markersize=5, label=say("first", spoken))
        axes.plot(
            frame["mean_latest"], place, "o", color=COLOURS[0], markersize=5, label=say("latest", spoken)
        )
        return decimal_marks(axis_words(legend_above(axes), x=say("mean_rating", spoken)), spoken)

    def __repr__(self) -> str:
        return str(self.summary())

    def _repr_html_(self) -> str:
        return self.summary().as_html()


def unit_summary(
    data: Study | pd.DataFrame,
    *,
    instrument: str | PathLike[str] | Instrument = "BIP",
    lang: Language = "en",
    title: str = "All clients",
    reliability: float | Mapping[str, float] | None = None,
) -> UnitSummary:
    """Summarise the ratings of a unit's clients; numbers of fewer than five are hidden.

    Parameters
    ----------
    data : Study or pandas.DataFrame
        As in `bip.progression.profile`. One unit of a study: ``study.subset(jobcentre="Aarhus")``.
    instrument : {"BIP", "SKAPA"}, path or Instrument
    lang : {"en", "sv", "da"}
    title : str
    reliability : float or dict of item to float, optional
        Of the ratings; estimated from the data if not given.

    Returns
    -------
    UnitSummary

    Raises
    ------
    ModelError
        The ratings cannot be used; all that is wrong with them is named.

    Notes
    -----
    The numbers improved, unchanged and declined add up to n, which is shown. Where one of them is from 1 to 4 all three
    are hidden: with two hidden their sum is known, and a sum of 2 can only be 1 and 1. Means are shown of five clients
    or more. Two summaries of overlapping groups can be subtracted from each other: publish one division only.

    Examples
    --------
    >>> import bipstats as bip
    >>> found = bip.progression.unit_summary(bip.simulate(clients=200, rng=1), lang="da")
    >>> found.table["label"].iloc[0]
    'Søger job'
    """
    check_option("lang", lang, tuple(LANGUAGES))
    form = _form(instrument)
    rows = read_ratings(data, form)
    known = limits(rows, form, reliability)
    made = [
        _row(rows[rows["respondent"] == rater], item.key, item.labels[lang], rater, known[rater, item.key])
        for item in form.items
        for rater in RATERS
        if rater in item.raters
    ]
    table = pd.DataFrame(made)
    table = table[table["n"].isna() | (table["n"] > 0)].reset_index(drop=True)
    hidden = int(table[["n", *_COUNTS]].isna().to_numpy().sum() - table["steps"].isna().sum() * len(_COUNTS))
    return UnitSummary(table, title, int(rows["client"].nunique()), hidden, form, lang)


def _row(own: pd.DataFrame, key: str, label: str, rater: str, limit: Limit) -> dict[str, object]:
    by = own.dropna(subset=key).groupby("client")[key]
    several = by.size() > 1
    first, latest = by.first()[several], by.last()[several]
    n, gap = len(first), latest - first
    counts: list[int | None] = [None, None, None]
    if not np.isnan(limit.steps):
        up, down = int((gap >= limit.steps).sum()), int((gap <= -limit.steps).sum())
        counts = _hide([up, n - up - down, down])
    shown = n >= LEAST
    return {
        "item": key,
        "label": label,
        "respondent": rater,
        "n": n if shown or n == 0 else pd.NA,
        "mean_first": float(first.mean()) if shown else np.nan,
        "mean_latest": float(latest.mean()) if shown else np.nan,
        **dict(zip(_COUNTS, [pd.NA if not shown or c is None else c for c in counts], strict=True)),
        "steps": limit.steps,
    }


def _hide(counts: list[int]) -> list[int | None]:
    """Hide all of the numbers if one is small: their sum is shown, so what is left would tell of the hidden."""
    small = any(0 < count < LEAST for count in counts)
    return [None if small else count for count in counts]


def _form(given: str | PathLike[str] | Instrument) -> Instrument:
    return given if isinstance(given, Instrument) else instrument(given)
