"""Fits side by side: the table for papers and its figure."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import pandas as pd

from bipstats.codebook import LANGUAGES, label, term_label
from bipstats.codebook.keys import Language
from bipstats.codebook.labels import percent, phrased
from bipstats.errors import check_option
from bipstats.figure_words import axis_words, decimal_marks
from bipstats.numbers import NumberStyle
from bipstats.plotting import COLOURS, MARKS, legend_above, ratio_axis, reference_line, row_axes
from bipstats.tables import Format, Summary

if TYPE_CHECKING:
    from matplotlib.axes import Axes

Statistic = Literal["std_error", "conf_int", "p_value"]
_STARS = ((0.001, "***"), (0.01, "**"), (0.05, "*"))
_COUNTS = ("nobs", "n_units", "n_events", "n_clusters")


@dataclass(frozen=True, repr=False, eq=False)
class FitComparison:
    """Fits side by side.

    Attributes
    ----------
    estimates : pandas.DataFrame
        ``fit, term, estimate, std_error, statistic, p_value, conf_low, conf_high``.
    about : pandas.DataFrame
        ``fit, model, scale, nobs, n_units, n_events, n_clusters, loglik, aic, covariance``.
    spread : pandas.DataFrame
        Random intercepts and frailties: ``fit, kind, group, estimate``.
    references : dict of str to str
        Reference levels.
    level : float
    statistic : {"std_error", "conf_int", "p_value"}
        Shown in brackets.
    stars : bool
    exponentiated : bool
    terms : tuple of str
        Shown, in this order.
    style : NumberStyle
    labels : dict of str to str
    lang : {"en", "sv", "da"} or None

    Examples
    --------
    >>> import bipstats as bip
    >>> rows = bip.landmarks(bip.simulate(clients=600, rng=1), at="first")
    >>> small = bip.logit("entered ~ caseworker_belief", rows)
    >>> large = bip.logit("entered ~ caseworker_belief + sex", rows)
    >>> both = bip.compare_fits({"belief": small, "and sex": large})
    >>> both.about["fit"].tolist()
    ['belief', 'and sex']
    >>> both.estimates["term"].tolist()
    ['Intercept', 'caseworker_belief', 'Intercept', 'caseworker_belief', 'sex[male]']
    """

    estimates: pd.DataFrame
    about: pd.DataFrame
    spread: pd.DataFrame
    references: Mapping[str, str]
    level: float
    statistic: Statistic
    stars: bool
    exponentiated: bool
    terms: tuple[str, ...]
    style: NumberStyle = field(default_factory=NumberStyle)
    labels: Mapping[str, str] = field(default_factory=dict)
    lang: Language | None = None

    @property
    def table(self) -> pd.DataFrame:
        """Terms by fits, as text: estimate and what stands in brackets; empty where a fit lacks the term."""
        pairs = self._cells()
        turned = self.style.text
        columns = {name: [turned(" ".join(pair).strip()) for pair in own] for name, own in pairs.items()}
        return pd.DataFrame({"term": [self._name(term) for term in self.terms], **columns})

    def tidy(self) -> pd.DataFrame:
        """Give the numbers, one row a fit and term; all terms, also those that the table leaves out."""
        return self.estimates.copy()

    def summary(self) -> Summary:
        """Table as papers have it: brackets beneath estimates, then counts; notes name scales and covariances."""
        pairs = self._cells()
        names = [line for term in self.terms for line in (self._name(term), "")]
        frame = pd.DataFrame(
            {"term": names} | {name: sum(own, ()) for name, own in pairs.items()}, dtype=object
        )
        models = [
            phrased(str(row.model), self._lang) + (f", {row.scale}s" if self._ratios_in_english else "")
            for row in self.about.itertuples()
        ]
        facts = {names: model for model, names in _together(self.about["fit"], models).items()}
        heads = {
            str(row.fit): f"{self._scale_word(str(row.scale))} {self._bracket_word}"
            for row in self.about.itertuples()
        }
        return Summary(
            self._say("side_by_side"), frame, facts, self._notes(), self._footer(), self.style,
            {"term": ""}, heads, "l" + "c" * len(self.about),
        )  # fmt: skip

    def as_html(self) -> str:
        """HTML fragment."""
        return self.summary().as_html()

    def as_word(self) -> str:
        """HTML fragment to paste into Word."""
        return self.summary().as_word()

    def as_latex(self, *, label: str | None = None, floating: bool = True) -> str:
        r"""LaTeX with booktabs rules.

        Parameters
        ----------
        label : str, optional
            For ``\ref``.
        floating : bool, default True
            False: the tabular and its notes alone, without ``table`` and caption.

        Returns
        -------
        str
        """
        return self.summary().as_latex(label=label, floating=floating)

    def as_markdown(self) -> str:
        """Markdown pipe table."""
        return self.summary().as_markdown()

    def to_file(self, path: str | PathLike[str], format: Format | None = None) -> Path:
        """Write the table to a file; one that is there already is replaced.

        Parameters
        ----------
        path : str or path
        format : {"latex", "html", "word", "markdown", "text"}, optional
            By default as the name ends: ``.tex``, ``.html``, ``.md`` or ``.txt``; Word's is HTML too and must be named.

        Returns
        -------
        Path
        """
        return self.summary().to_file(path, format)

    def plot_data(self) -> pd.DataFrame:
        """Frame behind `plot`: the terms of the table but intercepts."""
        rows = self.estimates[self.estimates["term"].isin(self.terms)]
        return rows[rows["term"] != "Intercept"].reset_index(drop=True)

    def plot(self, ax: Axes | None = None, *, lang: Language | None = None) -> Axes:
        """Draw the estimates with their intervals, fits in colours; in the language of the table if none is given."""
        if lang is not None:
            check_option("lang", lang, LANGUAGES)
            return replace(self, lang=lang).plot(ax)
        frame = self.plot_data()
        terms = [term for term in self.terms if term in set(frame["term"])]
        axes = row_axes([self._name(term) for term in terms], ax, row=0.16 * (1 + len(self.about)))
        reference_line(axes, x=float(self.exponentiated))
        shifts = np.linspace(0.25, -0.25, len(self.about)) if len(self.about) > 1 else [0.0]
        for number, (name, shift) in enumerate(zip(self.about["fit"], shifts, strict=True)):
            own, colour = frame[frame["fit"] == name], COLOURS[number % len(COLOURS)]
            position = np.array([len(terms) - 1 - terms.index(term) for term in own["term"]]) + shift
            axes.hlines(position, own["conf_low"], own["conf_high"], color=colour, linewidth=1.6)
            axes.plot(
                own["estimate"], position, MARKS[number % 5], color=colour, markersize=4, label=str(name)
            )
        if self.exponentiated:
            ratio_axis(axes, self._lang)
        axis_words(axes, x=self._axis_words())
        return decimal_marks(legend_above(axes) if len(self.about) > 1 else axes, self._lang)

    def __repr__(self) -> str:
        return str(self.summary())

    def _repr_html_(self) -> str:
        return self.as_html()

    @property
    def _lang(self) -> Language:
        return self.lang or "en"

    @property
    def _plain(self) -> NumberStyle:
        """Numbers with a point, which the summary turns."""
        return NumberStyle(self.style.digits)

    @property
    def _ratios_in_english(self) -> bool:
        return self.exponentiated and self._lang == "en"

    def _say(self, key: str, **parts: object) -> str:
        return label(key, self._lang, kind="table").format(**parts)

    @property
    def _percent(self) -> str:
        return percent(self.level, self._lang)

    @property
    def _bracket_word(self) -> str:
        left, right = "[]" if self.statistic == "conf_int" else "()"
        return f"{left}{self._say(self.statistic, level=self._percent)}{right}"

    def _scale_word(self, scale: str) -> str:
        return self._say(scale if self.exponentiated and scale in _RATIOS else "coefficient")

    def _name(self, term: str) -> str:
        if term in self.labels:
            return self.labels[term]
        return term if self.lang is None else term_label(term, self.lang)

    def _cells(self) -> dict[str, list[tuple[str, str]]]:
        """Estimates with what stands beneath them, by fit, in the order of the terms."""
        found = {}
        for name in self.about["fit"]:
            own = self.estimates[self.estimates["fit"] == name].to_dict("records")
            known = {row["term"]: self._cell({str(key): value for key, value in row.items()}) for row in own}
            found[name] = [known.get(term, ("", "")) for term in self.terms]
        return found

    def _cell(self, row: Mapping[str, Any]) -> tuple[str, str]:
        stars = next((signs for bound, signs in _STARS if row["p_value"] < bound), "") if self.stars else ""
        return f"{self._plain.number(row['estimate'])}{stars}", _IN_BRACKETS[self.statistic](self._plain, row)

    def _axis_words(self) -> str:
        """The scale, where all fits share one, and what the lines are."""
        scales = set(self.about["scale"])
        scale = scales.pop() if len(scales) == 1 else None
        shared = _say_scale(scale, self._lang) if scale in _RATIOS else ""
        words = self._say("estimate_of") if not shared else shared if self.exponentiated else f"log {shared}"
        return f"{words[:1].upper()}{words[1:]}, {self._say('conf_int', level=self._percent)}"

    def _notes(self) -> tuple[str, ...]:
        scales = [scale for scale in _RATIOS if self.exponentiated and scale in set(self.about["scale"])]
        notes = [f"{self._say(f'{scale} words')}." for scale in scales]
        notes.append(self._say(f"{self.statistic}_words", level=self._percent))
        hows = _together(self.about["fit"], self.about["covariance"])
        notes += [
            self._say("covariance", fits=names, how=phrased(how, self._lang)) for how, names in hows.items()
        ]
        if self.references:
            levels = [
                self._name(f"{name}[{value}]") if self.lang else f"{name} = {value}"
                for name, value in self.references.items()
            ]
            notes.append(self._say("references", levels=", ".join(levels)))
        factors = dict.fromkeys(
            term.partition("[")[0] for term in self.estimates["term"] if term not in self.terms
        )
        hidden = [self._name(factor) for factor in factors]
        if hidden:
            notes.append(self._say("left_out", terms=", ".join(hidden)))
        if self.stars:
            notes.append(self._say("stars"))
        return tuple(notes)

    def _footer(self) -> pd.DataFrame:
        """Spread of random intercepts, numbers of observations and the like; lines that no fit has are left out."""
        fits = list(self.about["fit"])
        lines: dict[str, list[str]] = {}
        for row in self.spread.itertuples():
            name = self._say(
                str(row.kind), group=row.group if self.lang is None else self._name(str(row.group))
            )
            cells = lines.setdefault(name, [""] * len(fits))
            cells[fits.index(row.fit)] = self._plain.number(float(row.estimate))  # type: ignore[arg-type]
        two = NumberStyle(2)
        write: dict[str, Callable[[float], str]] = {name: self._plain.count for name in _COUNTS}
        for key, written in (write | {"loglik": two.number, "aic": two.number}).items():
            if self.about[key].notna().any():
                lines[self._say(key)] = [written(float(value)) for value in self.about[key]]
        frame = pd.DataFrame(list(lines.values()), columns=fits, dtype=object)
        frame.insert(0, "term", list(lines))
        return frame


def _together(names: Iterable[object], said: Iterable[object]) -> dict[str, str]:
    """What is said of fits, each with the names of those of which it is."""
    found: dict[str, list[str]] = {}
    for name, what in zip(names, said, strict=True):
        found.setdefault(str(what), []).append(str(name))
    return {what: "; ".join(own) for what, own in found.items()}


def _say_scale(scale: str | None, lang: str) -> str:
    return label(f"{scale} words", lang, kind="table").partition(": ")[2]


_RATIOS = ("hazard ratio", "odds ratio", "subdistribution hazard ratio")
_IN_BRACKETS: dict[str, Callable[[NumberStyle, Mapping[str, Any]], str]] = {
    "std_error": lambda style, row: f"({style.number(row['std_error']) or 'none'})",
    "conf_int": lambda style, row: (
        "[none]" if np.isnan(row["conf_low"]) else f"[{style.interval(row['conf_low'], row['conf_high'])}]"
    ),
    "p_value": lambda style, row: f"({style.p_value(row['p_value']) or 'none'})",
}
