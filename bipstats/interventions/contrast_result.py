"""What `contrast` gives."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from bipstats.core.estimates import Estimates
from bipstats.effects.average_result import AverageEffects
from bipstats.effects.contrasts import Adjust, Contrasts, contrasts
from bipstats.effects.equivalence import Equivalence, equivalence
from bipstats.figure_words import Language, axis_words, decimal_marks, levels, say
from bipstats.figure_words import terms as terms_of
from bipstats.plotting import (
    COLOURS,
    FAINT,
    MARKS,
    forest,
    legend_above,
    new_axes,
    reference_line,
    row_labels,
    tidy_axes,
)
from bipstats.tables import Summary

if TYPE_CHECKING:
    from matplotlib.axes import Axes

BOTH = "job + other"


@dataclass(frozen=True, repr=False, eq=False)
class ClassContrast:
    """Progression by class of intervention, by several designs.

    Attributes
    ----------
    outcome : str
        ``readiness`` or ``composite``.
    raw, means : AverageEffects
        By class: as observed, and adjusted by the design chosen.
    designs : pandas.DataFrame
        ``design, term, estimate, std_error, conf_low, conf_high, n``: differences from the first class by every design.
    raters : pandas.DataFrame
        The same by the items of one rater alone.
    placebo : pandas.DataFrame
        The same for the change before, which the class cannot have caused.
    by_start : pandas.DataFrame
        The same within thirds of the index at the start.
    sensitivity : pandas.DataFrame
        ``term, strength, low, high, benchmark_class, benchmark_change``.
    composite : AverageEffects
        Chance of doing better than a client drawn from all, entry ranking above every change.
    attrition : pandas.DataFrame
        What followed the measurements of each class.
    reliability : float
        Of the index, by three waves; NaN if it cannot be had.
    margin : float
        Standard deviations per quarter that count as none.
    level : float
    flow : tuple of (str, int)
    records : tuple of (str, int)
        What is odd about the intervention records.

    Examples
    --------
    >>> import bipstats as bip
    >>> found = bip.interventions.contrast(bip.simulate(clients=1500, rng=1))
    >>> found.designs["design"].unique().tolist()
    ['observed means', 'level before, as measured', 'level before, noise taken out', 'within clients,
     without it', 'overlap weights', 'inverse-probability weights', 'doubly robust']
    >>> found.margin
    0.03
    """

    outcome: str
    raw: AverageEffects
    means: AverageEffects
    designs: pd.DataFrame
    raters: pd.DataFrame
    placebo: pd.DataFrame
    by_start: pd.DataFrame
    sensitivity: pd.DataFrame
    composite: AverageEffects
    attrition: pd.DataFrame
    reliability: float
    margin: float
    level: float
    flow: tuple[tuple[str, int], ...]
    records: tuple[tuple[str, int], ...]

    @property
    def estimates(self) -> Estimates:
        """Adjusted means by class."""
        return self.means.estimates

    @property
    def table(self) -> pd.DataFrame:
        """Frame ``term, n, observed, observed_low, observed_high, estimate, std_error, conf_low, conf_high`` by class.

        Observed means with intervals that hold for all classes together; adjusted ones with intervals of their own.
        """
        raw = contrasts(
            self.raw.estimates,
            {name: f"{name} = 0" for name in self.raw.estimates.names},
            level=self.level,
            rng=0,
        ).tidy()
        frame = self.means.table.drop(columns="effective_n")
        for place, (name, column) in enumerate(
            {"observed": "estimate", "observed_low": "conf_low", "observed_high": "conf_high"}.items(),
            start=2,
        ):
            frame.insert(place, name, raw[column].to_numpy())
        return frame

    def compare(self, *, adjust: Adjust = "max-t", level: float = 0.95) -> Contrasts:
        """Differences of the adjusted means: each class from the first, and job + other from each.

        Parameters
        ----------
        adjust : {"max-t", "holm", "bonferroni", "none"}
        level : float, default 0.95

        Returns
        -------
        Contrasts
        """
        names = self.estimates.names
        family = [f"{name} = {names[0]}" for name in names[1:]]
        if BOTH in names:
            family += [f"{BOTH} = {name}" for name in names[1:] if name != BOTH]
        labels = [" - ".join(text.split(" = ")) for text in family]
        return contrasts(
            self.estimates, dict(zip(labels, family, strict=True)), adjust=adjust, level=level, rng=0
        )

    def tidy(self, level: float = 0.95) -> pd.DataFrame:
        """Give the comparisons of the adjusted means, adjusted for their number."""
        return self.compare(level=level).tidy()

    def equivalence(self) -> Equivalence:
        """Test whether observed mean changes are about zero: within the margin. None for the composite.

        Returns
        -------
        Equivalence
        """
        return equivalence(self.raw, self.margin, level=self.level)

    @property
    def paragraph(self) -> str:
        """What it says, what it rests on, and where it misleads."""
        found = self.compare(level=self.level).tidy()
        names = self.estimates.names
        place = int(found["estimate"].iloc[: len(names) - 1].argmax())
        first, top, row = names[0], names[1 + place], found.iloc[place]
        unit = (
            "standard deviations of the index per quarter"
            if self.outcome == "readiness"
            else "in the chance of doing better than a client drawn from all"
        )
        warned = (
            " The placebo is not zero: classes followed what had just happened, so part of these differences is "
            "regression to the mean."
            if self._placebo_fails()
            else ""
        )
        return (
            f"Against {first!r}, the largest difference is that of {top!r}: {row['estimate']:.3f} "
            f"({row['conf_low']:.3f} to {row['conf_high']:.3f}, together with the others {self.level:.0%}) "
            f"{unit}. It is "
            "an effect of the class if nothing but the answers before, the background and the job centre moves "
            "both the "
            "class and the change. It misleads where clients get interventions in a passing low, which rises by itself "
            "afterwards, and where those who do not answer again differ: compare the designs, the placebo and the "
            f"composite.{warned}"
        )

    def _placebo_fails(self) -> bool:
        return bool(((self.placebo["conf_low"] > 0) | (self.placebo["conf_high"] < 0)).any())

    def summary(self) -> Summary:
        """Table of the classes with the design, the flow and the reading."""
        facts = {
            "outcome": self.outcome
            + (
                ", standard deviations per quarter"
                if self.outcome == "readiness"
                else ", chance of doing better"
            ),
            "design": self.means.method,
            "pairs": ", ".join(f"{what} {count:,}" for what, count in self.flow if count),
            "reliability": "" if np.isnan(self.reliability) else f"{self.reliability:.2f} (three waves)",
        }
        if self.records:
            facts["records"] = ", ".join(f"{count:,} {what}" for what, count in self.records)
        notes = (
            self.paragraph,
            "Further: .compare(), .designs, .raters, .placebo, .by_start, .equivalence().",
        )
        return Summary(
            "Progression by class of intervention", self.table, {k: v for k, v in facts.items() if v}, notes
        )

    def plot_data(self) -> pd.DataFrame:
        """Frame behind `plot`: the differences by design."""
        return self.designs.copy()

    def plot(self, ax: Axes | None = None, *, lang: Language = "en") -> Axes:
        """Draw the differences from the first class, by design."""
        frame = self.plot_data()
        designs = list(dict.fromkeys(frame["design"]))
        terms = list(dict.fromkeys(frame["term"]))
        names = row_labels(terms_of(terms, lang))
        axes = tidy_axes(new_axes(8.6, 1.6 + 0.17 * len(frame)) if ax is None else ax)
        axes.grid(False, axis="y")
        height = len(designs) + 1
        for i, design in enumerate(designs):
            own = frame[frame["design"] == design].set_index("term").reindex(terms)
            place = np.array(
                [(len(terms) - 1 - j) * height + (len(designs) - 1 - i) for j in range(len(terms))]
            )
            colour = COLOURS[i % len(COLOURS)]
            axes.hlines(place, own["conf_low"], own["conf_high"], color=colour, linewidth=1.6)
            axes.plot(
                own["estimate"],
                place,
                MARKS[i % 5],
                color=colour,
                markersize=4,
                label=levels([design], lang)[0],
            )
        reference_line(axes, x=0)
        axes.set_yticks(
            [(len(terms) - 1 - j) * height + (len(designs) - 1) / 2 for j in range(len(terms))], names
        )
        axis_words(legend_above(axes), x=say("difference_axis", lang, level=self.level))
        return decimal_marks(axes, lang)

    def plot_means(self, ax: Axes | None = None, *, lang: Language = "en") -> Axes:
        """Draw the observed mean change of every class, with the margin that counts as none."""
        frame = self.table
        shown = frame.assign(
            estimate=frame["observed"], conf_low=frame["observed_low"], conf_high=frame["observed_high"]
        )
        words = say("change_mean_axis", lang, level=self.level)
        axes = forest(shown, ax=ax, xlabel=words, lang=lang, labels=levels(shown["term"], lang))
        axes.axvspan(
            -self.margin, self.margin, color=FAINT, alpha=0.15, linewidth=0, label=say("margin", lang)
        )
        return legend_above(axes)

    def plot_sensitivity(self, ax: Axes | None = None, *, lang: Language = "en") -> Axes:
        """Draw how far something unobserved could have moved each difference, by its strength."""
        axes = tidy_axes(new_axes() if ax is None else ax)
        for number, (term, part) in enumerate(self.sensitivity.groupby("term", sort=False)):
            colour = COLOURS[number % len(COLOURS)]
            axes.fill_between(
                part["strength"], part["low"], part["high"], color=colour, alpha=0.08, linewidth=0
            )
            axes.plot(
                part["strength"], part["low"], color=colour, linewidth=1.6, label=terms_of([term], lang)[0]
            )
            axes.plot(part["strength"], part["high"], color=colour, linewidth=1.6)
        reference_line(axes, y=0)
        strongest = np.sqrt(self.sensitivity["benchmark_class"] * self.sensitivity["benchmark_change"]).max()
        axes.axvline(strongest, color=FAINT, linewidth=0.8)
        axes.annotate(
            say("as_strong", lang), (strongest, 1), (4, -4), textcoords="offset points",
            xycoords=("data", "axes fraction"), fontsize=8, va="top",
        )  # fmt: skip
        first = levels([self.table["term"].iloc[0]], lang)[0]
        axis_words(
            legend_above(axes), x=say("strength_axis", lang), y=say("from_first_axis", lang, first=first)
        )
        return decimal_marks(axes, lang)

    def __repr__(self) -> str:
        return str(self.summary())

    def _repr_html_(self) -> str:
        return self.summary().as_html()
