"""What orientation_effect gives."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from bipstats.caseworkers.effect_rows import tidied
from bipstats.caseworkers.outlook_plots import ratios
from bipstats.figure_words import Language, levels, say
from bipstats.tables import Summary, p_text

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_WORDS = {
    "median": "above and below the median",
    "tertiles": "thirds",
    "continuous": "per sd of true orientation",
}
_RATIOS = ("incidence ratio", "hazard ratio")
_FIXED = "who was whose client, who was earlier than whom, and clients' later caseworkers"


@dataclass(frozen=True, repr=False, eq=False)
class OrientationEffect:
    """Effect of a caseworker's job orientation on entry.

    Attributes
    ----------
    effects : pandas.DataFrame
        See `table`.
    balance : pandas.DataFrame
        ``netting, characteristic, low, high`` (means), ``difference`` (standardised, within job centres; of the extreme
        groups, or per sd), ``by_chance`` (its mean over permutations), ``p_value``.
    joint_p : tuple of (str, float)
        By netting: of all characteristics together.
    instrument : pandas.DataFrame
        ``outcome, netting, method, estimate, std_error, conf_low, conf_high, region, f, clients``: share entered per
        step of belief in this client; see `orientation_effect`.
    split : {"median", "tertiles", "continuous"}
    horizon, draws : int
    level : float
    counts : tuple of (str, int)
        What was used and left out.

    Examples
    --------
    >>> import bipstats as bip
    >>> found = bip.caseworkers.orientation_effect(bip.simulate(clients=700, rng=3), draws=2, rng=1)
    >>> found.split, found.horizon
    ('median', 52)
    >>> found.balance.columns.tolist()
    ['netting', 'characteristic', 'low', 'high', 'difference', 'by_chance', 'p_value']
    """

    effects: pd.DataFrame
    balance: pd.DataFrame
    joint_p: tuple[tuple[str, float], ...]
    instrument: pd.DataFrame
    split: str
    horizon: int
    draws: int
    level: float
    counts: tuple[tuple[str, int], ...]

    @property
    def table(self) -> pd.DataFrame:
        """``netting, outcome, contrast, quantity, estimate, std_error, conf_low, conf_high, entries``."""
        return self.effects.copy()

    def tidy(self, level: float | None = None) -> pd.DataFrame:
        """Effects alone: ratios (tested against one on the log scale) and differences.

        Parameters
        ----------
        level : float, optional
            That of the result if not given.

        Returns
        -------
        pandas.DataFrame
            ``term, estimate, std_error, statistic, p_value, conf_low, conf_high``.
        """
        rows = self.effects[~self.effects["quantity"].isin(["incidence, low", "incidence, high"])]
        ratio = rows["quantity"].isin(_RATIOS).to_numpy()
        value, error = (rows[name].to_numpy(dtype=float) for name in ("estimate", "std_error"))
        centre = np.where(ratio, np.log(np.where(ratio, value, 1.0)), value)
        term = rows[["outcome", "quantity", "contrast", "netting"]].astype(str).agg(": ".join, axis=1)
        spread = np.where(ratio, error / value, error)
        return tidied(term.tolist(), centre, spread, ratio, self.level if level is None else level)

    def plot_data(self) -> pd.DataFrame:
        """Frame behind `plot`: the ratios, with ``label`` and ``group`` in English."""
        return self._drawn("en")

    def _drawn(self, lang: Language) -> pd.DataFrame:
        rows = self.effects[self.effects["quantity"].isin(_RATIOS)].reset_index(drop=True)
        several = rows["contrast"].nunique() > 1
        label = [
            ", ".join([say(f"outcome {outcome.replace('_', ' ')}", lang), *levels(more, lang)])
            for outcome, *more in rows[["outcome", "quantity", *(["contrast"] * several)]].to_numpy(dtype=str)
        ]
        group = [say("net_of", lang, what=what) for what in levels(rows["netting"], lang)]
        return rows.assign(label=label, group=group).sort_values(
            ["outcome", "quantity", "contrast", "netting"], key=_order, kind="stable", ignore_index=True
        )

    def plot(self, ax: Axes | None = None, *, lang: Language = "en") -> Axes:
        """Draw incidence and hazard ratios with intervals, nettings in colours."""
        words = "ratio_sd_axis" if self.split == "continuous" else "ratio_low_axis"
        return ratios(self._drawn(lang), say(words, lang, level=self.level), ax, lang)

    @property
    def paragraph(self) -> str:
        """What the numbers say, what they rest on and when they mislead, in plain words."""
        outcome, last = self.effects["outcome"].iloc[0], self.effects["netting"].iloc[-1]
        rows = self.effects[(self.effects["outcome"] == outcome) & (self.effects["netting"] == last)]
        rows = rows[rows["contrast"] == rows["contrast"].iloc[-1]].set_index("quantity")
        risk, hazard = rows.loc["incidence ratio"], rows.loc["hazard ratio"]
        low, high = (100 * rows.loc[f"incidence, {name}", "estimate"] for name in ("low", "high"))
        who, what = "Of clients whose caseworker believes little in clients", "with high orientation"
        if self.split == "continuous":
            who, what = "Of all clients", "with one standard deviation more orientation"
        joint = dict(self.joint_p)[last]
        return (
            f"{who} {low:.1f} per cent entered a "
            f"{outcome.replace('_', ' ')} within {self.horizon} weeks, {what} {high:.1f} per cent, other things "
            f"equal: a ratio of {risk['estimate']:.2f} ({self.level:.0%} interval {risk['conf_low']:.2f} to "
            f"{risk['conf_high']:.2f}; hazard ratio {hazard['estimate']:.2f}, {hazard['conf_low']:.2f} to "
            f"{hazard['conf_high']:.2f}). Orientation is that towards other clients, earlier, so it mirrors neither "
            "this client nor the future. Known characteristics of the clients "
            f"{'do not differ' if joint > 0.05 else 'differ'} by orientation more than by chance (joint p "
            f"{_p(joint)}). {self._instrument_words(outcome, last)}This rests on clients of a job centre coming to "
            "caseworkers by chance, given the characteristics. It misleads where promising clients are sorted to "
            "optimistic caseworkers (scenario S): the ratio is then as large without any effect, and only the "
            "clients who change caseworker tell (bip.caseworkers.belief). Where optimistic caseworkers help in other "
            "ways (scenario F), the ratio is an effect of the caseworker, but not of belief."
        )

    def _instrument_words(self, outcome: str, netting: str) -> str:
        own = (self.instrument["outcome"] == outcome) & (self.instrument["netting"] == netting)
        rows = self.instrument[own].set_index("method")
        if "orientation" not in rows.index:
            return ""
        row = rows.loc["orientation"]
        ends = f"{100 * row['conf_low']:.1f} to {100 * row['conf_high']:.1f}"
        where = {
            "bounded": f"Anderson-Rubin interval {ends}",
            "two rays": f"Anderson-Rubin region unbounded: all but {ends}",
            "whole line": "Anderson-Rubin region unbounded: any value",
        }[str(row["region"])]
        return (
            "If it works through the belief in this client alone, a step of belief is worth "
            f"{100 * row['estimate']:.1f} percentage points ({where}; first-stage F {row['f']:.0f}). "
        )

    def summary(self) -> Summary:
        """Effects, with what was used above and balance, instrument and the paragraph below."""
        facts = {what: f"{count:,}" for what, count in self.counts}
        facts["split"] = _WORDS[self.split]
        facts["intervals"] = (
            f"{self.level:.0%}, {self.draws:,} draws with weights of the caseworkers; fixed: {_FIXED}"
        )
        for netting, p in self.joint_p:
            facts[f"balance, net of {netting}"] = f"joint p {_p(p)}, permutation within job centres"
        for row in self.instrument.to_dict("records"):
            if row["method"] in ("least squares", "orientation", "caseworkers, UJIVE"):
                shape = "" if row["region"] == "bounded" else f", {row['region']}"
                strength = f"; F {row['f']:.1f}" if np.isfinite(row["f"]) else ""
                facts[f"{row['outcome']}, step of belief, {row['method']}, net of {row['netting']}"] = (
                    f"{row['estimate']:.4f} ({row['conf_low']:.4f}, {row['conf_high']:.4f}{shape}{strength})"
                )
        return Summary(
            "Effect of caseworkers' job orientation on entry", self.effects, facts, (self.paragraph,)
        )

    def __repr__(self) -> str:
        return str(self.summary())

    def _repr_html_(self) -> str:
        return self.summary().as_html()


def _order(column: pd.Series) -> pd.Series:
    """Sort by first appearance, incidence before hazard."""
    known = {"incidence ratio": -2, "hazard ratio": -1}
    first = {name: place for place, name in enumerate(dict.fromkeys(column))}
    return column.map({name: known.get(name, place) for name, place in first.items()})


def _p(value: float) -> str:
    text = p_text(value)
    return text if text.startswith("<") else f"= {text}"
