"""What belief gives."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from bipstats.caseworkers.effect_rows import tidied
from bipstats.caseworkers.outlook_plots import calibration, ratios
from bipstats.figure_words import Language, levels, say
from bipstats.tables import Summary

if TYPE_CHECKING:
    from matplotlib.axes import Axes


@dataclass(frozen=True, repr=False, eq=False)
class Belief:
    """Belief in this client and entry.

    Attributes
    ----------
    effects : pandas.DataFrame
        ``term, scale, value, error, entries``; logarithms of ratios.
    calibration : pandas.DataFrame
        ``outcome, belief`` (first answer, 1 to 5), ``clients, answers`` (share of clients), ``entered, share, conf_low,
        conf_high, expected`` (mean prediction from register and the other answers).
    discrimination : pandas.DataFrame
        ``outcome, model, area, std_error, conf_low, conf_high, entered, clients``; differences beneath.
    switches : pandas.DataFrame
        Hazard ratios after a change of caseworker, in tidy form, with ``entries``.
    outcome : str
    horizon : int
    level : float
    counts : tuple of (str, int)
        What was used and left out.
    notes : tuple of str
        What could not be done, and why.

    Examples
    --------
    >>> import bipstats as bip
    >>> found = bip.caseworkers.belief(bip.simulate(clients=1500, rng=3))
    >>> sorted(found.calibration["belief"].unique().tolist())
    [1, 2, 3, 4, 5]
    >>> found.discrimination.columns.tolist()
    ['outcome', 'model', 'area', 'std_error', 'conf_low', 'conf_high', 'entered', 'clients']
    """

    effects: pd.DataFrame
    calibration: pd.DataFrame
    discrimination: pd.DataFrame
    switches: pd.DataFrame
    outcome: str
    horizon: int
    level: float
    counts: tuple[tuple[str, int], ...]
    notes: tuple[str, ...]

    @property
    def table(self) -> pd.DataFrame:
        """Effects of one step: ``term, scale, estimate, std_error, conf_low, conf_high, entries``."""
        frame = self._tidied(self.level).assign(term=self.effects["term"], scale=self.effects["scale"])
        frame["entries"] = self.effects["entries"].astype(int)
        return frame[["term", "scale", "estimate", "std_error", "conf_low", "conf_high", "entries"]]

    def tidy(self, level: float | None = None) -> pd.DataFrame:
        """Effects in the fixed columns.

        Parameters
        ----------
        level : float, optional
            That of the result if not given.

        Returns
        -------
        pandas.DataFrame
            ``term, estimate, std_error, statistic, p_value, conf_low, conf_high``.
        """
        return self._tidied(self.level if level is None else level)

    def _tidied(self, level: float) -> pd.DataFrame:
        rows = self.effects
        term = (rows["term"] + ": " + rows["scale"]).tolist()
        value, error = (rows[name].to_numpy(dtype=float) for name in ("value", "error"))
        return tidied(term, value, error, (rows["scale"] != "risk difference").to_numpy(), level)

    def plot_data(self) -> pd.DataFrame:
        """Frame behind `plot`: the calibration."""
        return self.calibration.copy()

    def plot(self, ax: Axes | None = None, *, lang: Language = "en") -> Axes:
        """Draw shares entered by first answer, beside what all else foretells."""
        return calibration(self.calibration, self.horizon, self.level, ax, lang)

    def plot_effects(self, ax: Axes | None = None, *, lang: Language = "en") -> Axes:
        """Draw the ratios of one step, and those of new and former caseworker after a change."""
        own = self.table[self.effects["scale"] != "risk difference"]
        what = own["term"].str.replace("one step more, ", "").str.replace(", one step more", "")
        names = [_label(f"{term}, {scale}", lang) for term, scale in zip(what, own["scale"], strict=True)]
        own = own.assign(label=names, group=say("belief_step", lang))
        parts = [own]
        if len(self.switches):
            parts.append(
                self.switches.assign(
                    label=levels(self.switches["term"], lang), group=say("after_change", lang)
                )
            )
        words = say("ratio_axis", lang, level=self.level)
        return ratios(pd.concat(parts, ignore_index=True), words, ax, lang)

    @property
    def paragraph(self) -> str:
        """What the numbers say, what they rest on and when they mislead, in plain words."""
        step = self.table.iloc[0]
        job = self.calibration[self.calibration["outcome"] == "job"].set_index("belief")["share"]
        return (
            f"Clients in whom the caseworker believes one step more enter {_what(self.outcome)} at "
            f"{step['estimate']:.2f} times the rate, other answers and background equal ({self.level:.0%} interval "
            f"{step['conf_low']:.2f} to {step['conf_high']:.2f}). Within {self.horizon} weeks of the first "
            f"measurement {_percent(job[1])} of those with the lowest answer and {_percent(job[5])} of those with the "
            "highest were in a job; most of that gap is in what else is known of them. "
            f"{self._beyond()}{self._after()}Read as an effect, this rests on nothing that moves both belief and "
            "entry being left out. It misleads where caseworkers merely see prospects (forecast, scenario F) or "
            "where promising clients are sorted to certain caseworkers (S). Noise in the answers on readiness alone "
            "gives a hazard ratio of about 1.11 for a belief without any effect, while noise in the answer on belief "
            "pulls the other way: the sign of the bias is not known."
        )

    def _beyond(self) -> str:
        if not len(self.discrimination):
            return ""
        rows = self.discrimination[self.discrimination["outcome"] == self.outcome]
        known = {str(row["model"]): row for row in rows.to_dict("records")}
        if not known:
            return ""
        gain, before = known["belief beyond register and other answers"], known["register and other answers"]
        return (
            f"Belief adds {gain['area']:.3f} ({gain['conf_low']:.3f} to {gain['conf_high']:.3f}) to the area under "
            f"the curve of {before['area']:.2f} that register and other answers reach. "
        )

    def _after(self) -> str:
        told = [
            f"{row['term']} {row['estimate']:.2f} ({row['conf_low']:.2f} to {row['conf_high']:.2f})"
            for row in self.switches.to_dict("records")
        ]
        if not told:
            return ""
        listed = "; ".join(told)
        return f"After a change of caseworker the hazard ratios are: {listed}; sorting shows in the former one's. "

    def summary(self) -> Summary:
        """Effects, with calibration, prediction and changes above and the paragraph below."""
        facts = {"outcome": self.outcome, **{what: f"{count:,}" for what, count in self.counts}}
        for row in self.calibration.to_dict("records"):
            if row["clients"]:
                facts[f"{row['outcome']} within {self.horizon} weeks, answer {row['belief']}"] = (
                    f"{row['share']:.1%} ({row['conf_low']:.1%}, {row['conf_high']:.1%}) of {row['clients']:,}"
                    + (f"; expected {row['expected']:.1%}" if np.isfinite(row["expected"]) else "")
                )
        for row in self.discrimination.to_dict("records"):
            facts[f"{row['outcome']}, area under the curve, {row['model']}"] = (
                f"{row['area']:.3f} ({row['conf_low']:.3f}, {row['conf_high']:.3f})"
            )
        for row in self.switches.to_dict("records"):
            facts[f"after a change, {row['term']}"] = (
                f"{row['estimate']:.3f} ({row['conf_low']:.3f}, {row['conf_high']:.3f}); {row['entries']:,} entries"
            )
        notes = tuple(f"{note[:1].upper()}{note[1:].removesuffix('.')}." for note in self.notes)
        return Summary("Belief in this client and entry", self.table, facts, (*notes, self.paragraph))

    def __repr__(self) -> str:
        return str(self.summary())

    def _repr_html_(self) -> str:
        return self.summary().as_html()


def _what(outcome: str) -> str:
    return "a job" if outcome == "job" else "job or education"


def _percent(share: float) -> str:
    return "none" if np.isnan(share) else f"{100 * share:.1f} per cent"


def _label(name: str, lang: Language) -> str:
    """Parts of a name, each in the language; ``within 52 weeks`` has its number."""
    found = []
    for part in name.split(", "):
        weeks = re.fullmatch(r"within (\d+) weeks", part)
        found.append(say("within_weeks", lang, weeks=weeks[1]) if weeks else levels([part], lang)[0])
    return ", ".join(found)
