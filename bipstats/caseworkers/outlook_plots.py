"""Plots of orientation, its effect, and belief."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from bipstats.figure_words import Language, axis_words, count, decimal_marks, levels, say, terms
from bipstats.plotting import (
    COLOURS,
    FAINT,
    MARKS,
    legend_above,
    new_axes,
    ratio_axis,
    reference_line,
    row_axes,
    tidy_axes,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_NAMED = 40  # caseworkers whose names fit under an axis


def outlooks(frame: pd.DataFrame, level: float, ax: Axes | None, lang: Language = "en") -> Axes:
    """Draw caseworkers in order of their shrunken orientation, by two nettings.

    Parameters
    ----------
    frame : pandas.DataFrame
        ``netting, caseworker, position, shrunken, conf_low, conf_high``; the last netting has its intervals drawn.
    level : float
        Of the intervals.
    ax : matplotlib axes, optional
    lang : {"en", "sv", "da"}
    """
    axes = tidy_axes(new_axes(8.0, 4.2) if ax is None else ax)
    axes.grid(False, axis="x")
    names = list(dict.fromkeys(frame["netting"]))
    said = [say("net_of", lang, what=name) for name in levels(names, lang)]
    first, last = (frame[frame["netting"] == name] for name in (names[0], names[-1]))
    axes.axhline(0.0, color=FAINT, linewidth=0.9, linestyle="--")
    axes.vlines(
        last["position"],
        last["conf_low"],
        last["conf_high"],
        color=COLOURS[5],
        linewidth=0.9,
        label=say("ci", lang, level=level),
    )
    axes.plot(
        first["position"],
        first["shrunken"],
        "o",
        color=COLOURS[1],
        markersize=2.5,
        label=said[0],
    )
    axes.plot(last["position"], last["shrunken"], "o", color=COLOURS[0], markersize=2.5, label=said[-1])
    axes.set_xlim(0, last["position"].max() + 1)
    axis_words(axes, y=say("outlook_axis", lang))
    if len(last) <= _NAMED:
        axes.set_xticks(last["position"], last["caseworker"], rotation=90, fontsize=8)
    else:
        axis_words(axes, x=say("caseworkers_by_outlook", lang, n=count(len(last), lang)))
    return decimal_marks(legend_above(axes), lang)


def ratios(frame: pd.DataFrame, xlabel: str, ax: Axes | None, lang: Language = "en") -> Axes:
    """Draw ratios with intervals on a logarithmic axis, one line a row, groups in colours.

    Parameters
    ----------
    frame : pandas.DataFrame
        ``label, group, estimate, conf_low, conf_high``.
    xlabel : str
    ax : matplotlib axes, optional
    lang : {"en", "sv", "da"}
    """
    axes = reference_line(row_axes(frame["label"], ax, row=0.32), x=1.0)
    position = np.arange(len(frame))[::-1]
    groups = list(dict.fromkeys(frame["group"]))
    for number, name in enumerate(groups):
        own = (frame["group"] == name).to_numpy()
        part, colour = frame[own], COLOURS[number % len(COLOURS)]
        axes.hlines(position[own], part["conf_low"], part["conf_high"], color=colour, linewidth=1.6)
        axes.plot(
            part["estimate"], position[own], MARKS[number % 5], color=colour, markersize=5, label=str(name)
        )
    axis_words(ratio_axis(axes, lang), x=xlabel)
    return legend_above(axes) if len(groups) > 1 else axes


def calibration(
    frame: pd.DataFrame, horizon: int, level: float, ax: Axes | None, lang: Language = "en"
) -> Axes:
    """Draw shares with an entry by answer, with intervals, and the shares that all else foretells.

    Parameters
    ----------
    frame : pandas.DataFrame
        ``outcome, belief, share, conf_low, conf_high, expected, clients``.
    horizon : int
    level : float
        Of the intervals.
    ax : matplotlib axes, optional
    lang : {"en", "sv", "da"}
    """
    axes = tidy_axes(new_axes(6.8, 4.2) if ax is None else ax)
    axes.grid(False, axis="x")
    outcomes = list(dict.fromkeys(frame["outcome"]))
    for number, name in enumerate(outcomes):
        part, colour = frame[frame["outcome"] == name], COLOURS[number]
        outcome = say(f"outcome {str(name).replace('_', ' ')}", lang)
        at = part["belief"] + 0.12 * (number - (len(outcomes) - 1) / 2)
        axes.vlines(at, 100 * part["conf_low"], 100 * part["conf_high"], color=colour, linewidth=1.6)
        axes.plot(at, 100 * part["share"], "o", color=colour, markersize=5, label=outcome)
        known = say("expected", lang, outcome=outcome)
        axes.plot(
            at, 100 * part["expected"], "_", color=colour, markersize=14, markeredgewidth=2, label=known
        )
    counts = frame.drop_duplicates("belief").set_index("belief")["clients"]
    labels = {1: f"1 ({say('lowest', lang)})", 5: f"5 ({say('highest', lang)})"}
    axes.set_xticks(
        counts.index,
        [
            f"{labels.get(k, k)}\nn = {count(n, lang)}"
            for k, n in zip(counts.index.astype(int), counts, strict=True)
        ],
    )
    axes.set_ylim(bottom=0)
    axis_words(
        axes,
        x=say("answer_axis", lang, item=terms(["caseworker_belief"], lang)[0]),
        y=say("entered_within_axis", lang, level=level, weeks=horizon),
    )
    return decimal_marks(legend_above(axes), lang)
