"""One client's path: what was rated, by whom, and which changes are more than noise."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from bipstats.codebook import LANGUAGES
from bipstats.errors import ModelError, OptionError, check_option
from bipstats.figure_words import Language
from bipstats.plotting import new_axes
from bipstats.progression.instruments import RATERS, Instrument, instrument
from bipstats.progression.page import render
from bipstats.progression.radar import lines, radar
from bipstats.progression.ratings import Limit, limits, read_ratings
from bipstats.tables import Summary
from bipstats.words import catalogue

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from bipstats.study.study import Study


@dataclass(frozen=True, repr=False, eq=False)
class Profile:
    """One client's ratings over time. It holds this person's answers, because that is what was asked for.

    Attributes
    ----------
    form : Instrument
    ratings : pandas.DataFrame
        ``respondent, number, date, item, value``.
    limits : dict of (rater, item) to Limit
    lang : str
    title : str

    Examples
    --------
    >>> import bipstats as bip
    >>> study = bip.simulate(clients=100, rng=1)
    >>> profile = bip.progression.profile(study, study.clients["client"].iloc[0], lang="sv")
    >>> profile.lang, sorted(profile.ratings["respondent"].unique())
    ('sv', ['caseworker', 'client'])
    """

    form: Instrument
    ratings: pd.DataFrame
    limits: Mapping[tuple[str, str], Limit]
    lang: str
    title: str

    @property
    def table(self) -> pd.DataFrame:
        """Frame ``item, label, respondent, first, latest, change, steps, basis, reliable``.

        Steps: what counts as change; basis: what that rests on, or why it cannot be had.
        """
        rows = []
        for item in self.form.items:
            for rater in item.raters:
                own = self.ratings[(self.ratings["respondent"] == rater) & (self.ratings["item"] == item.key)]
                own = own.dropna(subset="value")
                if own.empty:
                    continue
                first, latest = float(own["value"].iloc[0]), float(own["value"].iloc[-1])
                gap = latest - first if len(own) > 1 else np.nan
                rows.append(
                    (
                        item.key,
                        item.labels[self.lang],
                        rater,
                        first,
                        latest,
                        gap,
                        self.limits[rater, item.key].steps,
                        self.limits[rater, item.key].how,
                    )
                )
        frame = pd.DataFrame(
            rows, columns=["item", "label", "respondent", "first", "latest", "change", "steps", "basis"]
        )
        sure = (frame["change"].abs() >= frame["steps"]).to_numpy()
        unknown = (frame["change"].isna() | frame["steps"].isna()).to_numpy()
        return frame.assign(reliable=np.select([unknown, sure], ["unknown", "yes"], "no"))

    @property
    def raters(self) -> dict[str, str]:
        """Who rated, with words in the language of the profile."""
        here = set(self.ratings.dropna(subset="value")["respondent"])
        return {
            rater: catalogue("bipstats.progression", self.lang)[rater] for rater in RATERS if rater in here
        }

    @property
    def remarks(self) -> tuple[str, ...]:
        """What the reader must know of the changes, in plain words: what is marked, and why nothing is."""
        words, table = catalogue("bipstats.progression", self.lang), self.table
        steps = table["steps"]
        if table["change"].isna().all():
            return (words["once"],)
        if steps.isna().all():
            return (words["none known"],)
        said = [words["explain"]]
        if (steps.dropna() > 1).all():
            said.append(words["one step"])
        if steps.isna().any():
            said.append(words["some unknown"])
        return tuple(said)

    def summary(self) -> Summary:
        """Table of first and latest ratings."""
        words = catalogue("bipstats.progression", self.lang)
        basis = self.table["basis"].value_counts()
        notes = (*self.remarks, "Reliability: " + "; ".join(f"{how} ({n})" for how, n in basis.items()) + ".")
        frame = self.table.drop(columns=["item", "basis"])
        frame["respondent"] = [self.raters[rater] for rater in frame["respondent"]]
        frame["reliable"] = [words[f"reliable {value}"] for value in frame["reliable"]]
        dates = self.ratings["date"]
        facts = {
            words["instrument"]: self.form.title[self.lang],
            words["period"]: f"{dates.min():%Y-%m-%d} – {dates.max():%Y-%m-%d}",
            words["measurements"]: str(self.ratings["number"].nunique()),
        }
        return Summary(self.title or words["profile"], frame, facts, notes)

    def plot_data(self) -> pd.DataFrame:
        """Frame behind the plots."""
        return self.ratings.copy()

    def plot(self, ax: Axes | None = None, *, lang: Language | None = None) -> Axes:
        """Draw radars ("spindeldiagram") of first and latest ratings, the raters side by side."""
        spoken = self._in(lang)
        titles = spoken.raters
        axes = new_axes(6.2 * len(titles) - 1.0, 4.9) if ax is None else ax
        return spoken.draw_radars(axes, titles)

    def _in(self, lang: Language | None) -> Profile:
        """The same in another language."""
        check_option("lang", lang, (None, *LANGUAGES))
        return self if lang is None else replace(self, lang=lang)

    def draw_radars(self, axes: Axes, titles: Mapping[str, str]) -> Axes:
        """Draw the radars of the raters in `titles` (rater to words above it); the page takes them one by one."""
        words = catalogue("bipstats.progression", self.lang)
        labels = [item.labels[self.lang] for item in self.form.items]
        ends = (self.form.low, self.form.high)
        return radar(
            axes,
            self.ratings,
            list(self.form.keys),
            labels,
            ends,
            dict(titles),
            (words["first"], words["latest"]),
        )

    def plot_lines(self, ax: Axes | None = None, *, lang: Language | None = None) -> Axes:
        """Draw every item over time, one line a rater."""
        spoken = self._in(lang)
        axes = new_axes(7.0, 1.2 + 0.62 * len(self.form.items)) if ax is None else ax
        labels = [item.labels[spoken.lang] for item in self.form.items]
        ends = (self.form.low, self.form.high)
        return lines(axes, self.ratings, list(self.form.keys), labels, ends, spoken.raters)

    def to_html(self, path: str | PathLike[str]) -> Path:
        """Write a page for print: one file, A4, without the client's identifier.

        Parameters
        ----------
        path : path

        Returns
        -------
        Path
        """
        target = Path(path)
        target.write_text(render(self), encoding="utf-8")
        return target

    def __repr__(self) -> str:
        return str(self.summary())

    def _repr_html_(self) -> str:
        return self.summary().as_html()


def profile(
    data: Study | pd.DataFrame,
    client: object,
    *,
    instrument: str | PathLike[str] | Instrument = "BIP",
    lang: Language = "en",
    title: str = "",
    reliability: float | Mapping[str, float] | None = None,
) -> Profile:
    r"""Show one client's ratings over time, by both raters, and which changes are more than noise.

    Parameters
    ----------
    data : Study or pandas.DataFrame
        A frame has ``client, date, respondent`` (``client`` or ``caseworker``) and the items of the instrument.
    client : identifier
    instrument : {"BIP", "SKAPA"}, path or Instrument
        As in `bip.progression.instrument`.
    lang : {"en", "sv", "da"}
    title : str
        Stands on the page in the place of a name; the identifier is never written.
    reliability : float or dict of item to float, optional
        Of the ratings; estimated from the data if not given.

    Returns
    -------
    Profile

    Raises
    ------
    ModelError
        There is no such client, or the ratings cannot be used; all that is wrong with them is named.
    OptionError
        `client` is several, or `reliability` names what is no item.

    Notes
    -----
    A change since the first rating is marked if it is as large as :math:`1.96\sqrt2\,s\sqrt{1 - \rho}`, in whole steps,
    with s and the reliability of all clients' ratings of that item by that rater. On a scale from 1 to 5 that is two or
    three steps: one step on one item may well be chance. Where reliability cannot be had nothing is marked.

    References
    ----------
    Jacobson, N. & Truax, P. (1991). Clinical significance. *Journal of Consulting and Clinical Psychology*.

    Examples
    --------
    >>> import bipstats as bip
    >>> study = bip.simulate(clients=200, rng=1)
    >>> path = bip.progression.profile(study, study.clients["client"][0], lang="sv")
    >>> sorted(path.table["respondent"].unique())
    ['caseworker', 'client']
    """
    check_option("lang", lang, tuple(LANGUAGES))
    form = _form(instrument)
    if not pd.api.types.is_scalar(client):
        raise OptionError(f"client must be one identifier, not {type(client).__name__}.")
    rows = read_ratings(data, form)
    own = rows[rows["client"] == client]
    if own.empty:
        raise ModelError(
            f"there is no client {client!r} with ratings; {rows['client'].nunique():,} clients have some. "
            f"Identifiers are "
            "compared as they are (text is not a number)."
        )
    number = own.groupby("respondent").cumcount() + 1
    long = own.assign(number=number).melt(
        id_vars=["respondent", "number", "date"],
        value_vars=list(form.keys),
        var_name="item",
        value_name="value",
    )
    if long["value"].isna().all():
        raise ModelError("the client was asked and answered nothing.")
    return Profile(form, long.reset_index(drop=True), limits(rows, form, reliability), lang, title)


def _form(given: str | PathLike[str] | Instrument) -> Instrument:
    return given if isinstance(given, Instrument) else instrument(given)
