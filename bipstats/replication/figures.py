"""The report's two figures, drawn from small frames."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from bipstats.plotting import COLOURS, new_axes, tidy_axes

if TYPE_CHECKING:
    from matplotlib.axes import Axes

BELIEF_COLOURS = ("#7a3b00", "#b35806", "#7f7f7f", "#4a90c2", "#0b559f")
"""From disbelief to belief; distinguishable with every common form of colour blindness, and in print."""

SHORT = {
    "E01": "caseworker with high job orientation (E01)",
    "E01 pre-dated": "the same by earlier answers (E01)",
    "E02": "one step more belief in this client (E02)",
    "E03": "after a change of caseworker (E03)",
}
"""What the published ratios are about, in the few words that fit beside an axis."""


def forest_data(table: pd.DataFrame) -> pd.DataFrame:
    """The ratios of the ledger: ``id, label, published, estimate, conf_low, conf_high``, each figure once."""
    rows = table[table["scale"].str.endswith("ratio") & (table["kind"] == "effect")]
    rows = rows[rows["estimate"].notna()]
    interval = rows["interval"].array
    frame = rows[["id", "published", "estimate"]].assign(conf_low=interval.left, conf_high=interval.right)
    frame.insert(1, "label", [SHORT.get(name, name) for name in frame["id"]])
    repeats = frame.duplicated(["published", "estimate"])
    return frame[~repeats].reset_index(drop=True)


def published_against_estimate(frame: pd.DataFrame, ax: Axes | None = None) -> Axes:
    """Draw published ratios as open diamonds, estimates as dots with their intervals."""
    axes = new_axes(width=7.6, height=1.5 + 0.45 * max(len(frame), 2)) if ax is None else ax
    tidy_axes(axes).grid(False, axis="y")
    if frame.empty:
        axes.set_axis_off()
        axes.text(0.5, 0.5, "no ratio could be estimated", ha="center", va="center", transform=axes.transAxes)
        return axes
    place = np.arange(len(frame))[::-1]
    axes.set_xscale("log")
    axes.axvline(1.0, color="#888888", linewidth=0.8, linestyle="--")
    axes.hlines(place, frame["conf_low"], frame["conf_high"], color=COLOURS[0], linewidth=1.8)
    axes.plot(frame["estimate"], place, "o", color=COLOURS[0], markersize=6, label="estimate, 95 % interval")
    axes.plot(
        frame["published"], place, "D", color=COLOURS[1], markersize=7, fillstyle="none", markeredgewidth=1.6,
        label="published",
    )  # fmt: skip
    axes.set_yticks(place, frame["label"])
    axes.set_ylim(-0.6, len(frame) - 0.4)
    ticks = [tick for tick in (0.5, 0.6, 0.7, 0.8, 1.0, 1.25, 1.5, 2.0, 3.0) if _within(tick, frame)]
    axes.set_xticks(ticks, [f"{tick:g}" for tick in ticks])
    axes.set_xticks([], minor=True)
    axes.set_xlabel("Ratio (logarithmic scale)")
    axes.legend(frameon=False, loc="lower center", bbox_to_anchor=(0.5, 1.0), ncols=2)
    return axes


def _within(tick: float, frame: pd.DataFrame) -> bool:
    """Whether a tick is near what is drawn."""
    values = frame[["published", "conf_low", "conf_high"]].to_numpy(dtype=float)
    values = values[np.isfinite(values)]
    return tick == 1.0 or (values.size > 0 and values.min() / 1.1 <= tick <= values.max() * 1.1)


def incidence_curves(frame: pd.DataFrame, ax: Axes | None = None) -> Axes:
    """Draw the cumulative incidence of job or education by the first answer on belief."""
    axes = new_axes(height=3.8) if ax is None else ax
    tidy_axes(axes).grid(False, axis="x")
    for belief in sorted(frame["belief"].unique()):
        part = frame[frame["belief"] == belief]
        colour = BELIEF_COLOURS[belief - 1]
        axes.step(part["week"], 100 * part["incidence"], where="post", color=colour, linewidth=1.9)
    _label_ends(axes, frame)
    top = 100 * float(frame["incidence"].max())
    axes.set_ylim(0, max(top * 1.08, 1.0))
    axes.set_xlim(0, float(frame["week"].max()) * 1.13)
    axes.set_xticks(np.arange(0, int(frame["week"].max()) + 1, 26))
    axes.set_xlabel("Weeks from the first measurement")
    axes.set_ylabel("In job or education, %")
    return axes


def _label_ends(axes: Axes, frame: pd.DataFrame) -> None:
    """Name each curve at its end, apart from the next by at least a line's height."""
    ends = frame.groupby("belief").tail(1).sort_values("incidence")
    gap = 0.055 * max(float(frame["incidence"].max()), 0.01) * 100
    height = -np.inf
    columns = (ends[name].tolist() for name in ("belief", "week", "incidence"))
    for belief, week, incidence in zip(*columns, strict=True):
        height = max(100 * incidence, height + gap)
        name = {1: "1 (lowest)", 5: "5 (highest)"}.get(belief, str(belief))
        axes.annotate(
            name, (week, height), xytext=(5, 0), textcoords="offset points", va="center",
            color=BELIEF_COLOURS[belief - 1], fontsize=9,
        )  # fmt: skip
