"""What `switch_effect` gives: a table, the event study as a plot, and a paragraph."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from bipstats.caseworkers.switch_models import FEWEST, Part
from bipstats.core.estimates import check_level
from bipstats.figure_words import Language, axis_words, decimal_marks, levels, say
from bipstats.plotting import (
    COLOURS,
    FAINT,
    forest,
    legend_above,
    new_axes,
    ratio_axis,
    reference_line,
    tidy_axes,
)
from bipstats.tables import Summary, p_text

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_EVENTS = {
    "quarters since": "any change, since the last",
    "quarters around a departure": "the caseworker left",
}
_OUTCOMES = {"job": "a job", "job_or_education": "a job or an education", "education": "an education"}


@dataclass(frozen=True, repr=False, eq=False)
class SwitchEffect:
    """Effects of a change of caseworker.

    Attributes
    ----------
    parts : tuple of Part
        One for each question.
    without : tuple of (str, str)
        Parts that cannot be estimated, and why.
    windows : tuple of (str, float, int)
        Window, share of clients with a change in it, clients.
    flow : dict of str to int
        Clients, changes and what was left out.
    weeks_unseen : int
        Weeks before changes that came: without an entry by construction.
    outcome : str
    level : float
        Of the intervals in the table.

    Examples
    --------
    >>> import bipstats as bip
    >>> found = bip.caseworkers.switch_effect(bip.simulate(clients=600, rng=1))
    >>> found.tidy().columns.tolist()
    ['part', 'term', 'scale', 'estimate', 'std_error', 'statistic', 'p_value', 'conf_low', 'conf_high']
    >>> [window for window, share, clients in found.windows]
    ['while followed', 'within 52 weeks', 'within 104 weeks', 'within 156 weeks']
    """

    parts: tuple[Part, ...]
    without: tuple[tuple[str, str], ...]
    windows: tuple[tuple[str, float, int], ...]
    flow: dict[str, int]
    weeks_unseen: int
    outcome: str
    level: float

    @property
    def table(self) -> pd.DataFrame:
        """The effects (`tidy`) with ``entries`` and ``weeks`` at risk under each exposure; few are not shown."""
        frame = self.tidy(self.level)
        entries = [_shown(count) for part in self.parts for count in part.entries]
        weeks = [count for part in self.parts for count in part.weeks]
        return frame.assign(entries=pd.array(entries, dtype="Int64"), weeks=pd.array(weeks, dtype="Int64"))

    @property
    def shares(self) -> pd.DataFrame:
        """Frame ``window, share, n``: clients with a change while they were followed."""
        return pd.DataFrame(self.windows, columns=["window", "share", "n"])

    def tidy(self, level: float = 0.95) -> pd.DataFrame:
        """Frame ``part, term, scale, estimate, std_error, statistic, p_value, conf_low, conf_high``.

        Ratios have their test and interval on the log scale.
        """
        check_level(level)
        frames = []
        for part in self.parts:
            frame = part.estimates.tidy(level, exponentiate=part.scale.endswith("ratio"))
            frame.insert(0, "part", part.name)
            frame.insert(2, "scale", part.scale)
            frames.append(frame)
        return pd.concat(frames, ignore_index=True)

    @property
    def paragraph(self) -> str:
        """What was found, what it rests on and where it misleads, in plain words."""
        return " ".join(sentence for sentence in (*self._found(), *_RESTS) if sentence)

    def _found(self) -> tuple[str, ...]:
        what = _OUTCOMES[self.outcome]
        share = self.windows[0][1]
        first = self._ratio("after a change", "after a first change")
        left = self._ratio("departures apart", "after the caseworker left")
        alone = self._ratio("departures apart", "after an individual change")
        before = self._ratio("departures apart", "year before the caseworker leaves")
        even = self._ratio("disruption and draw", "disruption, at equal effectiveness")
        naive = self._ratio("naive", "ever against never, from the start")
        return (
            f"{share:.0%} of the clients changed caseworker while they were followed.",
            first
            and f"After a first change the hazard of {what} was {first} times that of clients without one so far.",
            left and f"Where the caseworker had left and the whole caseload moved it was {left} times.",
            alone and f"After changes of single clients it was {alone} times.",
            before
            and f"In the year before a caseworker left, when nothing had happened yet, it was {before} times.",
            even and f"A change to a caseworker just as effective: {even} times.",
            naive
            and f"Clients who ever change compared with those who never do would give {naive}, an artefact: they "
            "had to be without entry until the change.",
        )

    def _ratio(self, part: str, term: str) -> str:
        frame = self.tidy(self.level)
        row = frame[(frame["part"] == part) & (frame["term"] == term)]
        if row.empty:
            return ""
        one = row.iloc[0]
        return f"{one['estimate']:.2f} ({self.level:.0%} interval {one['conf_low']:.2f} to {one['conf_high']:.2f})"

    def summary(self) -> Summary:
        """Table of all parts with what they rest on."""
        frame = self.table
        frame["p_value"] = [p_text(value) for value in frame["p_value"]]
        frame = frame.drop(columns=["statistic"])
        facts = {
            "outcome": _OUTCOMES[self.outcome],
            **{key: f"{count:,}" for key, count in self.flow.items() if count},
        }
        facts["clients with a change"] = "; ".join(f"{name} {share:.1%}" for name, share, _ in self.windows)
        facts["covariance"] = "; ".join(dict.fromkeys(part.estimates.how for part in self.parts))
        told = [f"{part.name}: {note}" for part in self.parts for note in part.notes]
        missing = [f"Not estimated: {name}: {why}" for name, why in self.without]
        lead = (
            f"Individual changes have no lead: in the {self.weeks_unseen:,} weeks before changes that came nobody "
            "entered, by construction."
        )
        notes = (
            f"Intervals: {self.level:.0%}. Entries fewer than {FEWEST} are not shown.",
            *dict.fromkeys(told),
            lead,
            *missing,
            self.paragraph,
        )
        return Summary("Effects of a change of caseworker", frame, facts, notes)

    def plot_data(self) -> pd.DataFrame:
        """Event study: ``series, quarter, term, estimate, conf_low, conf_high``, hazard ratios.

        Where there are too few entries for an event study, the other hazard ratios; ``quarter`` is then missing.
        """
        frame = self.tidy(self.level)
        frame["series"] = frame["part"].map(_EVENTS)
        at = [one for part in self.parts for one in (part.at or (None,) * len(part.entries))]
        frame["quarter"] = np.array(at, dtype=float)
        studied = frame["series"].notna() & frame["quarter"].notna()
        if not studied.any():
            studied = frame["scale"] == "hazard ratio"
            frame["series"] = frame["part"]
        columns = ["series", "quarter", "term", "estimate", "conf_low", "conf_high"]
        return frame.loc[studied, columns].reset_index(drop=True)

    def plot(self, ax: Axes | None = None, *, lang: Language = "en") -> Axes:
        """Draw hazard ratios by quarters before and after a change; a list where there are too few entries for that."""
        frame = self.plot_data()
        outcome = say(f"outcome {self.outcome.replace('_', ' ')}", lang)
        what = say("hazard_ratio_of", lang, level=self.level, outcome=outcome)
        if frame["quarter"].isna().all():
            labels = levels(frame["term"], lang)
            return ratio_axis(
                forest(frame, ax=ax, reference=1.0, xlabel=what, lang=lang, labels=labels), lang
            )
        axes = reference_line(tidy_axes(new_axes(width=7.2) if ax is None else ax), y=1)
        axes.axvline(0, color=FAINT, linewidth=0.8)
        for number, (name, part) in enumerate(frame.groupby("series", sort=False)):
            at, colour = part["quarter"] + 0.14 * (number - 0.5), COLOURS[number]
            axes.vlines(at, part["conf_low"], part["conf_high"], color=colour, linewidth=1.4)
            axes.plot(
                at, part["estimate"], "os"[number], color=colour, markersize=5, label=levels([name], lang)[0]
            )
        ratio_axis(axes, lang, vertical=True)
        axis_words(legend_above(axes), x=say("quarters_axis", lang), y=what)
        return decimal_marks(axes, lang)

    def __repr__(self) -> str:
        return str(self.summary())

    def _repr_html_(self) -> str:
        return self.summary().as_html()


_RESTS = (
    "This rests on two things: that clients alike in first answers, background, job centre and time are alike "
    "in what else moves their chances, whether or not they change; and, for departures, that caseworkers do not leave "
    "because of how their clients fare.",
    "It misleads where changes mark trouble: if clients are handed over in a crisis, the ratio after individual "
    "changes is that of the crisis; departures do not have this fault. A single ratio also averages an effect that "
    "fades.",
)


def _shown(count: int | None) -> int | None:
    return None if count is None or 0 < count < FEWEST else count
