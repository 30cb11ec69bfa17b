"""The room's plots."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from bipstats.figure_words import Language, axis_words, count, decimal_marks, levels, say
from bipstats.plotting import COLOURS, FAINT, legend_above, new_axes, tidy_axes

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_NAMED = 40  # caseworkers whose names fit under an axis


def caterpillar(
    frame: pd.DataFrame, rate: float, level: float, ax: Axes | None, lang: Language = "en"
) -> Axes:
    """Draw adjusted rates with intervals in the order of the shrunken ones.

    Parameters
    ----------
    frame : pandas.DataFrame
        ``position, adjusted, shrunken, conf_low, conf_high`` and, where they may be named, ``caseworker``; rates per
        client-year.
    rate : float
        Of all caseworkers.
    level : float
        Of the intervals.
    ax : matplotlib axes, optional
    lang : {"en", "sv", "da"}
    """
    axes = tidy_axes(new_axes(8.0, 4.2) if ax is None else ax)
    axes.grid(False, axis="x")
    at = frame["position"]
    axes.vlines(
        at, 100 * frame["conf_low"], 100 * frame["conf_high"], color=COLOURS[5], linewidth=0.9, alpha=0.7
    )
    axes.plot(
        at,
        100 * frame["adjusted"],
        "o",
        color=COLOURS[0],
        markersize=2.5,
        label=say("adjusted", lang, level=level),
    )
    axes.plot(at, 100 * frame["shrunken"], color=COLOURS[1], linewidth=2.0, label=say("shrunken", lang))
    axes.axhline(100 * rate, color=FAINT, linewidth=0.9, linestyle="--", label=say("all_caseworkers", lang))
    axes.set_ylim(bottom=0)
    axes.set_xlim(0, len(frame) + 1)
    axis_words(axes, y=say("entries_axis", lang))
    if "caseworker" in frame and len(frame) <= _NAMED:
        axes.set_xticks(at, frame["caseworker"], rotation=90, fontsize=8)
    else:
        axis_words(axes, x=say("caseworkers_by_rate", lang, n=count(len(frame), lang)))
    return decimal_marks(legend_above(axes), lang)


def raw_against_shrunken(frame: pd.DataFrame, rate: float, ax: Axes | None, lang: Language = "en") -> Axes:
    """Draw how far raw rates are pulled towards the mean.

    Parameters
    ----------
    frame : pandas.DataFrame
        ``raw, shrunken, clients``.
    rate : float
    ax : matplotlib axes, optional
    lang : {"en", "sv", "da"}
    """
    axes = tidy_axes(new_axes(5.4, 4.6) if ax is None else ax)
    raw, shrunken = 100 * frame["raw"], 100 * frame["shrunken"]
    size = 6 + 60 * frame["clients"] / frame["clients"].max()
    axes.scatter(raw, shrunken, s=size, color=COLOURS[0], alpha=0.45, linewidth=0)
    ends = np.array([0.0, float(raw.max()) * 1.03])
    axes.plot(ends, ends, color=FAINT, linewidth=0.9, linestyle=":", label=say("no_shrinkage", lang))
    axes.axhline(100 * rate, color=FAINT, linewidth=0.9, linestyle="--", label=say("all_caseworkers", lang))
    axes.set_xlim(*ends)
    axes.set_ylim(0, max(float(shrunken.max()) * 1.25, 150 * rate))
    axis_words(axes, x=say("raw_axis", lang), y=say("shrunken_axis", lang))
    return decimal_marks(legend_above(axes), lang)


def shares_by_group(frame: pd.DataFrame, level: float, ax: Axes | None, lang: Language = "en") -> Axes:
    """Draw shares with intervals, groups from left to right.

    Parameters
    ----------
    frame : pandas.DataFrame
        ``group, kind, share, conf_low, conf_high``; the row ``actual`` is a line.
    level : float
        Of the intervals.
    ax : matplotlib axes, optional
    lang : {"en", "sv", "da"}
    """
    axes = tidy_axes(new_axes(6.8, 4.0) if ax is None else ax)
    axes.grid(False, axis="x")
    actual = frame.loc[frame["kind"] == "actual", "share"].iloc[0]
    axes.axhline(100 * actual, color=FAINT, linewidth=0.9, linestyle="--", label=say("actual", lang))
    groups = [name for name in frame["group"].unique() if name]
    for place, kind in enumerate(("naive", "feasible", "oracle")):
        rows = frame[frame["kind"] == kind]
        at = np.array([groups.index(name) for name in rows["group"]]) + 0.18 * (place - 1)
        colour = (COLOURS[1], COLOURS[0], COLOURS[2])[place]
        known = rows["conf_low"].notna()
        axes.vlines(
            at[known],
            100 * rows["conf_low"][known],
            100 * rows["conf_high"][known],
            color=colour,
            linewidth=1.6,
        )
        if len(rows):
            axes.plot(
                at, 100 * rows["share"], "os^"[place], color=colour, markersize=6, label=say(kind, lang)
            )
    axes.set_xticks(range(len(groups)), levels(groups, lang))
    axes.set_ylim(bottom=0)
    axis_words(axes, y=say("share_in_axis", lang, level=level))
    return decimal_marks(legend_above(axes), lang)
