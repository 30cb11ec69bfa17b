"""E-values: how strong unmeasured confounding would have to be to explain an effect away."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import pandas as pd

from bipstats.core.columns import Floats
from bipstats.core.estimates import check_level
from bipstats.core.result import Result
from bipstats.effects.margins import Margins
from bipstats.effects.scales import Scale
from bipstats.errors import ModelError, OptionError, check_option
from bipstats.figure_words import Language, axis_words, comma, decimal_marks, levels, say
from bipstats.plotting import COLOURS, legend_above, new_axes, tidy_axes
from bipstats.tables import Summary

if TYPE_CHECKING:
    from matplotlib.axes import Axes

RatioScale = Literal["risk_ratio", "odds_ratio", "hazard_ratio"]
_SCALES: tuple[RatioScale, ...] = ("risk_ratio", "odds_ratio", "hazard_ratio")
_POINTS = 60


@dataclass(frozen=True, repr=False, eq=False)
class EValue:
    """E-values of an estimate and of its interval's limit nearer one.

    Attributes
    ----------
    term : str
    scale : str
    rare : bool or None
        Whether the outcome was taken as rare; None for risk ratios.
    ratios : tuple of float
        Estimate and nearer limit on their own scale; the limit is 1 if the interval covers it, NaN if there is none.
    level : float

    Examples
    --------
    >>> import bipstats as bip
    >>> found = bip.e_value(1.33, rare=True, scale="hazard_ratio")
    >>> found.scale, found.rare
    ('hazard_ratio', True)
    """

    term: str
    scale: RatioScale
    rare: bool | None
    ratios: tuple[float, float]
    level: float

    @property
    def risk_ratios(self) -> Floats:
        """Estimate and limit as (approximate) risk ratios."""
        return as_risk_ratio(np.array(self.ratios), self.scale, common=self.rare is False)

    @property
    def table(self) -> pd.DataFrame:
        """Frame ``quantity, ratio, risk_ratio, e_value``: the estimate, and the limit nearer one."""
        risk_ratios = self.risk_ratios
        frame = pd.DataFrame(
            {
                "quantity": ["estimate", "limit nearer one"],
                "ratio": self.ratios,
                "risk_ratio": risk_ratios,
                "e_value": strength(risk_ratios),
            }
        )
        return frame[frame["ratio"].notna()]

    def summary(self) -> Summary:
        """Table with its reading."""
        how = {None: "", True: ", outcome rare: taken as risk ratio", False: ", outcome common: approximated"}
        facts = {"effect": f"{self.term}, {self.scale.replace('_', ' ')}{how[self.rare]}"}
        shown = self.table.drop(columns="risk_ratio") if self.scale == "risk_ratio" else self.table
        notes = (
            "To explain it away, an unmeasured confounder would have to be associated with both exposure and outcome "
            "by risk ratios of at least the E-value each, beyond the covariates measured; plot() shows unequal pairs.",
            f"Limit: of the {self.level:.0%} interval; E-value 1 where it covers no effect.",
        )
        return Summary("E-values", shown, facts, notes if len(shown) == 2 else notes[:1])

    def plot_data(self) -> pd.DataFrame:
        """Pairs of strengths that just explain the effect: ``quantity, with_exposure, with_outcome``."""
        parts = [
            confounding(risk_ratio).assign(quantity=quantity)
            for quantity, risk_ratio in zip(self.table["quantity"], self.table["risk_ratio"], strict=True)
            if risk_ratio != 1
        ]
        columns = ["quantity", "with_exposure", "with_outcome"]
        return pd.concat(parts, ignore_index=True)[columns] if parts else pd.DataFrame(columns=columns)

    def plot(self, ax: Axes | None = None, *, lang: Language = "en") -> Axes:
        """Draw the pairs of strengths; beyond a line confounding could explain the effect away."""
        axes = tidy_axes(new_axes() if ax is None else ax)
        frame = self.plot_data()
        values = dict(zip(self.table["quantity"], self.table["e_value"], strict=True))
        for number, (name, part) in enumerate(frame.groupby("quantity", sort=False)):
            quantity, colour = str(name), COLOURS[number]
            value = values[quantity]
            axes.plot(
                part["with_exposure"],
                part["with_outcome"],
                color=colour,
                label=say(
                    "e_value", lang, quantity=levels([quantity], lang)[0], value=comma(f"{value:.2f}", lang)
                ),
            )
            axes.plot([value], [value], "o", color=colour, markersize=5)
        if len(frame):
            legend_above(axes)
            axes.set_xlim(left=1)
            axes.set_ylim(bottom=1)
        axis_words(axes, x=say("confounder_exposure", lang), y=say("confounder_outcome", lang))
        return decimal_marks(axes, lang)

    def __repr__(self) -> str:
        return str(self.summary())

    def _repr_html_(self) -> str:
        return self.summary().as_html()


def e_value(
    effect: Result | Margins | float,
    term: str | None = None,
    *,
    interval: tuple[float, float] | None = None,
    scale: RatioScale | None = None,
    rare: bool | None = None,
    level: float = 0.95,
) -> EValue:
    r"""E-values of an effect: the least confounding that could explain it away.

    Parameters
    ----------
    effect : fitted model, Margins or float
        A model of log ratios, margins on a ratio scale, or a ratio.
    term : str, optional
        Which term of the model, or which contrast of margins that have several.
    interval : (low, high), optional
        Confidence interval of a ratio given as a number.
    scale : {"risk_ratio", "odds_ratio", "hazard_ratio"}, optional
        What the ratio is; taken from the model or the margins. For a number ``"risk_ratio"`` if not given.
    rare : bool, optional
        Needed for odds and hazard ratios: whether fewer than some 15 % have the outcome at the end of
        follow-up. A ratio is then as good as a risk ratio; else it is approximated by one.
    level : float, default 0.95
        Of the interval.

    Returns
    -------
    EValue

    Raises
    ------
    ModelError, OptionError
        No ratio, no such term, or `rare` not said where it is needed.

    Notes
    -----
    For a risk ratio of at least one (else its inverse), :math:`E = RR + \sqrt{RR\,(RR - 1)}`. A confounder associated
    with exposure by :math:`RR_{EU}` and with outcome by :math:`RR_{UD}` can move a risk ratio by at most
    :math:`RR_{EU} RR_{UD} / (RR_{EU} + RR_{UD} - 1)`; the curve in `plot` is where this is RR, and E where it has equal
    coordinates. With a common outcome :math:`RR \approx \sqrt{OR}` and
    :math:`RR \approx (1 - 0.5^{\sqrt{HR}}) / (1 - 0.5^{\sqrt{1/HR}})`. For a covariate with many values
    the effect is that of one step.

    References
    ----------
    VanderWeele, T. J. & Ding, P. (2017). Sensitivity analysis in observational research: introducing the E-value.
    *Annals of Internal Medicine*.
    Ding, P. & VanderWeele, T. J. (2016). Sensitivity analysis without assumptions. *Epidemiology*.

    Examples
    --------
    >>> import bipstats as bip
    >>> bip.e_value(3.9, interval=(1.8, 8.7)).table["e_value"].round(2).tolist()
    [7.26, 3.0]
    """
    check_level(level)
    if scale is not None:
        check_option("scale", scale, _SCALES)
    if rare not in (None, True, False):
        raise OptionError(f"rare={rare!r} is neither True nor False.")
    if isinstance(effect, Result | Margins):
        if interval is not None:
            raise OptionError("interval= belongs to a ratio given as a number; a fit has its own.")
        name, own, row = _of_fit(effect, term, level)
        if scale is not None and own is not None and scale != own:
            raise OptionError(f"scale={scale!r} contradicts the fit, which gives a {own.replace('_', ' ')}.")
        found: Any = own or scale
        ratio, low, high = (float(row[column]) for column in ("estimate", "conf_low", "conf_high"))
    else:
        name, found = term or "effect", scale or "risk_ratio"
        ratio, low, high = _numbers(effect, interval)
    if found is None:
        raise ModelError(f"{type(effect).__name__} gives no ratio; use bip.margins with scale='risk_ratio'.")
    if found != "risk_ratio" and rare is None:
        raise OptionError(
            f"rare= is missing: an E-value is about risk ratios, and a {found.replace('_', ' ')} is close to one only "
            "if the outcome is rare (below some 15 %). rare=True takes it as one, rare=False approximates."
        )
    if found == "risk_ratio" and rare is not None:
        raise OptionError("rare= belongs to odds and hazard ratios; a risk ratio needs no approximation.")
    return EValue(name, found, rare, (ratio, nearer_limit(ratio, low, high)), level)


def _of_fit(effect: Result | Margins, term: str | None, level: float) -> tuple[str, Scale | None, pd.Series]:
    """Name, scale and row of one effect."""
    scale: Scale | None
    if isinstance(effect, Margins):
        if effect.scale == "difference":
            raise ModelError("these margins are differences; an E-value needs a ratio: scale='risk_ratio'.")
        frame = effect.tidy(level).assign(term=effect.estimates.names)
        names, scale = frame["contrast"].tolist(), effect.scale
        if len(set(names)) < len(names):
            names = frame["term"].tolist()
    else:
        if effect.link == "identity":
            raise ModelError("coefficients of a linear model are no log ratios; an E-value needs a ratio.")
        frame = effect.tidy(level, exponentiate=True)
        names = frame["term"].tolist()
        ratio = effect.ratio or ""
        scale = next((one for one in _SCALES if ratio.endswith(one.replace("_", " "))), None)
    if term is None and len(names) == 1:
        term = names[0]
    if term not in names:
        raise ModelError(f"term={term!r} is none of the effects, which are {', '.join(names)}.")
    row = frame.iloc[names.index(term)]
    return str(row["term"]), scale, row


def _numbers(effect: object, interval: object) -> tuple[float, float, float]:
    """Check a ratio and its interval."""
    if not isinstance(effect, int | float | np.number) or not (np.isfinite(effect) and effect > 0):
        raise OptionError(f"effect={effect!r} is no fit and no ratio above zero.")
    if interval is None:
        return float(effect), np.nan, np.nan
    try:
        low, high = (float(value) for value in interval)  # type: ignore[attr-defined]
    except (TypeError, ValueError):
        raise OptionError(f"interval={interval!r} is no pair (low, high).") from None
    if not 0 <= low <= effect <= high:
        raise OptionError(f"interval={interval!r} does not hold the ratio {effect:g}, or reaches below zero.")
    return float(effect), low, high


def nearer_limit(ratio: float, low: float, high: float) -> float:
    """Limit of the interval on the side of one; one if the interval covers it."""
    if np.isnan(low):
        return np.nan
    return max(low, 1.0) if ratio >= 1 else min(high, 1.0)


def as_risk_ratio(ratio: Floats, scale: RatioScale, *, common: bool) -> Floats:
    """Approximate risk ratios of odds or hazard ratios of a common outcome; others are kept."""
    if not common:
        return ratio
    if scale == "odds_ratio":
        return np.sqrt(ratio)
    return (1 - 0.5 ** np.sqrt(ratio)) / (1 - 0.5 ** np.sqrt(1 / ratio))


def strength(risk_ratio: Floats) -> Floats:
    """E-value of risk ratios on either side of one."""
    above = np.maximum(risk_ratio, 1 / risk_ratio)
    return above + np.sqrt(above * (above - 1))


def confounding(risk_ratio: float) -> pd.DataFrame:
    """Pairs ``with_exposure, with_outcome`` that just explain a risk ratio, from one end of the curve to the other."""
    above = max(risk_ratio, 1 / risk_ratio)
    excess = above * (above - 1)  # (x - RR)(y - RR) on the curve
    offset = np.sqrt(excess) * np.geomspace(1 / 6, 6, _POINTS + 1)
    return pd.DataFrame({"with_exposure": above + offset, "with_outcome": above + excess / offset})
