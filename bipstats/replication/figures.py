"""The ratios beside the published marks, and the curves of entry by belief, drawn from small frames."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from bipstats.figure_words import Language, count
from bipstats.plotting import COLOURS, new_axes, ratio_axis, tidy_axes
from bipstats.replication.plot_words import known, word

if TYPE_CHECKING:
    from matplotlib.axes import Axes

BELIEF_COLOURS = ("#7a3b00", "#b35806", "#7f7f7f", "#4a90c2", "#0b559f")
"""From disbelief to belief; distinguishable with every common form of colour blindness, and in print."""

STEP = 26
"""Weeks between ticks, and between the counts beneath them."""


def forest_data(table: pd.DataFrame, lang: Language = "en") -> pd.DataFrame:
    """The ratios of the ledger: ``id, label, published, estimate, conf_low, conf_high``, each figure once."""
    rows = table[table["scale"].str.endswith("ratio") & (table["kind"] == "effect")]
    rows = rows[rows["estimate"].notna()]
    interval = rows["interval"].array
    frame = rows[["id", "published", "estimate"]].assign(conf_low=interval.left, conf_high=interval.right)
    frame.insert(1, "label", [word(name, lang) if known(name) else name for name in frame["id"]])
    repeats = frame.duplicated(["published", "estimate"])
    return frame[~repeats].reset_index(drop=True)


def published_against_estimate(frame: pd.DataFrame, ax: Axes | None = None, lang: Language = "en") -> Axes:
    """Draw published ratios as open diamonds, estimates as dots with their intervals."""
    axes = new_axes(width=7.6, height=1.5 + 0.45 * max(len(frame), 2)) if ax is None else ax
    tidy_axes(axes).grid(False, axis="y")
    if frame.empty:
        axes.set_axis_off()
        axes.text(0.5, 0.5, word("no_ratio", lang), ha="center", va="center", transform=axes.transAxes)
        return axes
    place = np.arange(len(frame))[::-1]
    axes.axvline(1.0, color="#888888", linewidth=0.8, linestyle="--")
    axes.hlines(place, frame["conf_low"], frame["conf_high"], color=COLOURS[0], linewidth=1.8)
    axes.plot(frame["estimate"], place, "o", color=COLOURS[0], markersize=6, label=word("estimate", lang))
    axes.plot(
        frame["published"], place, "D", color=COLOURS[1], markersize=7, fillstyle="none", markeredgewidth=1.6,
        label=word("published", lang),
    )  # fmt: skip
    axes.set_yticks(place, frame["label"])
    axes.set_ylim(-0.6, len(frame) - 0.4)
    ratio_axis(axes, lang)
    axes.set_xlabel(word("ratio", lang))
    axes.legend(frameon=False, loc="lower center", bbox_to_anchor=(0.5, 1.0), ncols=2)
    return axes


def incidence_curves(frame: pd.DataFrame, ax: Axes | None = None, lang: Language = "en") -> Axes:
    """Draw the cumulative incidence of job or education by the first answer on belief, with counts at risk beneath."""
    axes = new_axes(width=7.2, height=5.0) if ax is None else ax
    tidy_axes(axes).grid(False, axis="x")
    for belief in sorted(frame["belief"].unique()):
        part = frame[frame["belief"] == belief]
        colour = BELIEF_COLOURS[belief - 1]
        axes.step(part["week"], 100 * part["incidence"], where="post", color=colour, linewidth=1.9)
    _label_ends(axes, frame, lang)
    top = 100 * float(frame["incidence"].max())
    axes.set_ylim(0, max(top * 1.08, 1.0))
    last = float(frame["week"].max())
    axes.set_xlim(-0.04 * last, last * 1.13)
    axes.set_xticks(np.arange(0, int(frame["week"].max()) + 1, STEP))
    axes.set_xlabel(word("weeks", lang))
    axes.set_ylabel(word("entered", lang))
    _counts_beneath(axes, at_risk(frame), lang)
    return axes


def at_risk(frame: pd.DataFrame, every: int = STEP) -> pd.DataFrame:
    """Clients at risk at the ticks: ``belief, time, at_risk``; no row where a curve has ended."""
    rows = []
    for belief, part in frame.groupby("belief"):
        weeks = part["week"].to_numpy()
        for tick in range(0, int(weeks.max()) + 1, every):
            place = int(np.searchsorted(weeks, tick))
            rows.append((belief, tick, int(part["at_risk"].iloc[place])))
    return pd.DataFrame(rows, columns=["belief", "time", "at_risk"])


def _counts_beneath(axes: Axes, counts: pd.DataFrame, lang: Language) -> None:
    """Write the clients at risk under the ticks, a line for each answer in its colour."""
    beneath = axes.get_xaxis_transform()
    style: dict[str, Any] = {
        "textcoords": "offset points",
        "fontsize": 8,
        "va": "top",
        "annotation_clip": False,
    }
    axes.annotate(word("at_risk", lang), (0, 0), (0, -36), xycoords=beneath, ha="left", **style)
    for line, (belief, part) in enumerate(counts.groupby("belief")):
        down, colour = -49 - 12 * line, BELIEF_COLOURS[int(str(belief)) - 1]
        name: dict[str, Any] = {"ha": "right", "color": colour, "fontweight": "bold"}
        axes.annotate(str(belief), (0, 0), (-22, down), xycoords=beneath, **name, **style)
        for time, number in zip(part["time"], part["at_risk"], strict=True):
            axes.annotate(count(number, lang), (time, 0), (0, down), xycoords=beneath, ha="center", **style)


def _label_ends(axes: Axes, frame: pd.DataFrame, lang: Language) -> None:
    """Name each curve at its end, apart from the next by at least a line's height."""
    ends = frame.groupby("belief").tail(1).sort_values("incidence")
    gap = 0.055 * max(float(frame["incidence"].max()), 0.01) * 100
    height = -np.inf
    columns = (ends[name].tolist() for name in ("belief", "week", "incidence"))
    for belief, week, incidence in zip(*columns, strict=True):
        height = max(100 * incidence, height + gap)
        name = {1: word("lowest", lang), 5: word("highest", lang)}.get(belief, str(belief))
        axes.annotate(
            name, (week, height), xytext=(5, 0), textcoords="offset points", va="center",
            color=BELIEF_COLOURS[belief - 1], fontsize=9,
        )  # fmt: skip
