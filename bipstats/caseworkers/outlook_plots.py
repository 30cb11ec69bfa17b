"""Plots of orientation, its effect, and belief."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from bipstats.plotting import COLOURS, new_axes, ratio_axis, tidy_axes

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_NAMED = 40  # caseworkers whose names fit under an axis
_GREY = "#888888"


def outlooks(frame: pd.DataFrame, level: float, ax: Axes | None) -> Axes:
    """Draw caseworkers in order of their shrunken orientation, by two nettings.

    Parameters
    ----------
    frame : pandas.DataFrame
        ``netting, caseworker, position, shrunken, conf_low, conf_high``; the last netting has its intervals drawn.
    level : float
        Of the intervals.
    ax : matplotlib axes, optional
    """
    axes = tidy_axes(new_axes(8.0, 4.2) if ax is None else ax)
    axes.grid(False, axis="x")
    names = list(dict.fromkeys(frame["netting"]))
    first, last = (frame[frame["netting"] == name] for name in (names[0], names[-1]))
    axes.axhline(0.0, color=_GREY, linewidth=0.9, linestyle="--")
    axes.vlines(
        last["position"],
        last["conf_low"],
        last["conf_high"],
        color=COLOURS[5],
        linewidth=0.9,
        label=f"{level:.0%} interval",
    )
    axes.plot(
        first["position"],
        first["shrunken"],
        "o",
        color=COLOURS[1],
        markersize=2.5,
        label=f"net of {names[0]}",
    )
    axes.plot(
        last["position"], last["shrunken"], "o", color=COLOURS[0], markersize=2.5, label=f"net of {names[-1]}"
    )
    axes.set_xlim(0, last["position"].max() + 1)
    axes.set_ylabel("Orientation, steps of belief")
    if len(last) <= _NAMED:
        axes.set_xticks(last["position"], last["caseworker"], rotation=90, fontsize=8)
    else:
        axes.set_xlabel(f"{len(last):,} caseworkers, from the least to the most optimistic")
    axes.legend(frameon=False, loc="upper left")
    return axes


def ratios(frame: pd.DataFrame, xlabel: str, ax: Axes | None) -> Axes:
    """Draw ratios with intervals on a logarithmic axis, one line a row, groups in colours.

    Parameters
    ----------
    frame : pandas.DataFrame
        ``label, group, estimate, conf_low, conf_high``.
    xlabel : str
    ax : matplotlib axes, optional
    """
    axes = tidy_axes(new_axes(9.0, 1.1 + 0.32 * max(len(frame), 3)) if ax is None else ax)
    axes.grid(False, axis="y")
    axes.axvline(1.0, color=_GREY, linewidth=0.9, linestyle="--")
    position = np.arange(len(frame))[::-1]
    groups = list(dict.fromkeys(frame["group"]))
    for number, name in enumerate(groups):
        own = (frame["group"] == name).to_numpy()
        part, colour = frame[own], COLOURS[number % len(COLOURS)]
        axes.hlines(position[own], part["conf_low"], part["conf_high"], color=colour, linewidth=1.6)
        axes.plot(part["estimate"], position[own], "o", color=colour, markersize=5, label=str(name))
    axes.set_yticks(position, frame["label"])
    axes.set_ylim(-0.6, len(frame) - 0.4)
    ratio_axis(axes)
    axes.set_xlabel(xlabel)
    if len(groups) > 1:
        axes.legend(frameon=False, loc="lower left", bbox_to_anchor=(0, 1), ncols=2)
    return axes


def calibration(frame: pd.DataFrame, horizon: int, ax: Axes | None) -> Axes:
    """Draw shares with an entry by answer, with intervals, and the shares that all else foretells.

    Parameters
    ----------
    frame : pandas.DataFrame
        ``outcome, belief, share, conf_low, conf_high, expected, clients``.
    horizon : int
    ax : matplotlib axes, optional
    """
    axes = tidy_axes(new_axes(6.8, 4.2) if ax is None else ax)
    axes.grid(False, axis="x")
    outcomes = list(dict.fromkeys(frame["outcome"]))
    for number, name in enumerate(outcomes):
        part, colour = frame[frame["outcome"] == name], COLOURS[number]
        at = part["belief"] + 0.12 * (number - (len(outcomes) - 1) / 2)
        axes.vlines(at, 100 * part["conf_low"], 100 * part["conf_high"], color=colour, linewidth=1.6)
        axes.plot(at, 100 * part["share"], "o", color=colour, markersize=5, label=str(name).replace("_", " "))
        known = f"{name}: expected without this answer".replace("_", " ")
        axes.plot(
            at, 100 * part["expected"], "_", color=colour, markersize=14, markeredgewidth=2, label=known
        )
    counts = frame.drop_duplicates("belief").set_index("belief")["clients"]
    labels = {1: "1 (lowest)", 5: "5 (highest)"}
    axes.set_xticks(
        counts.index,
        [
            f"{labels.get(k, k)}\nn = {count:,}"
            for k, count in zip(counts.index.astype(int), counts, strict=True)
        ],
    )
    axes.set_ylim(bottom=0)
    axes.set_xlabel("Caseworker's first answer")
    axes.set_ylabel(f"Entered within {horizon} weeks, per cent")
    axes.legend(frameon=False, loc="upper left")
    return axes
