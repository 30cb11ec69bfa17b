"""A path as pictures: a radar of first and latest ratings, and lines over time. Takes frames, draws on given axes."""

from __future__ import annotations

from textwrap import fill
from typing import TYPE_CHECKING

import matplotlib.dates as mdates
import numpy as np
import pandas as pd

from bipstats.plotting import COLOURS

if TYPE_CHECKING:
    from matplotlib.axes import Axes

INK, SOFT = "#1c2025", "#9aa1a9"
_APART = 4.4  # distance of two radars' centres, in radii
_WRAP, _WRAP_SIDE = 15, 21  # letters a line, above and below the web and beside it


def radar(
    axes: Axes, frame: pd.DataFrame, items: list[str], labels: list[str], ends: tuple[int, int], titles: dict[str, str],
    words: tuple[str, str],
) -> Axes:  # fmt: skip
    """Draw one radar per rater: the latest ratings filled, the first ones dashed, those between thin.

    Parameters
    ----------
    axes : matplotlib axes
    frame : pandas.DataFrame
        ``respondent, number, item, value``.
    items, labels : lists of str
    ends : (low, high)
    titles : rater -> words above its radar
    words : what the first and the latest are called
    """
    axes.set_aspect("equal")
    axes.axis("off")
    named = dict(zip(items, labels, strict=True))
    for place, (rater, title) in enumerate(titles.items()):
        own = frame[(frame["respondent"] == rater) & frame["value"].notna()]
        items = [
            item for item in named if item in set(own["item"])
        ]  # what this rater is not asked has no spoke
        angle = np.pi / 2 - 2 * np.pi * np.arange(len(items)) / len(items)
        _web(axes, place * _APART, angle, [named[item] for item in items], ends, title)
        waves = sorted(own["number"].unique())
        for wave in waves:
            value = own[own["number"] == wave].set_index("item")["value"].reindex(items).to_numpy(float)
            last, first = wave == waves[-1], wave == waves[0]
            style = (
                {"color": COLOURS[0], "linewidth": 2.2, "marker": "o", "markersize": 5}
                if last
                else {
                    "color": COLOURS[1],
                    "linewidth": 1.8,
                    "linestyle": (0, (4, 2)),
                    "marker": "s",
                    "markersize": 4,
                }
                if first
                else {"color": SOFT, "linewidth": 0.7}
            )
            _polygon(axes, place * _APART, angle, value, ends, filled=last, **style)
    handles = [
        axes.plot([], [], color=COLOURS[1], linewidth=1.8, linestyle=(0, (4, 2)), marker="s", markersize=4)[
            0
        ],
        axes.plot([], [], color=COLOURS[0], linewidth=2.2, marker="o", markersize=5)[0],
    ]
    if frame.dropna(subset="value")["number"].nunique() < 2:  # rated once: nothing to tell apart
        handles = []
    axes.legend(
        handles,
        list(words)[: len(handles)],
        frameon=False,
        loc="upper center",
        bbox_to_anchor=(0.5, 0.02),
        ncols=2,
        fontsize=10,
    )
    axes.set_xlim(-1.85, (len(titles) - 1) * _APART + 1.85)
    axes.set_ylim(-1.6, 1.86)
    return axes


def _web(
    axes: Axes, centre: float, angle: np.ndarray, labels: list[str], ends: tuple[int, int], title: str
) -> None:
    """Rings, spokes, numbers and labels."""
    low, high = ends
    round_ = np.append(angle, angle[0])
    for step in range(low, high + 1):
        radius = _radius(step, ends)
        axes.plot(
            centre + radius * np.cos(round_),
            radius * np.sin(round_),
            color="#d5d8dc",
            linewidth=0.8,
            zorder=0,
        )
        axes.text(
            centre + 0.03, float(radius), f"{step}", color=SOFT, fontsize=7, va="top", ha="left", zorder=1
        )
    for at, text in zip(angle, labels, strict=True):
        x, y = np.cos(at), np.sin(at)
        axes.plot([centre, centre + x], [0, y], color="#d5d8dc", linewidth=0.8, zorder=0)
        side = "center" if abs(x) < 0.2 else "left" if x > 0 else "right"
        height = "bottom" if y > 0.75 else "top" if y < -0.75 else "center"
        words = fill(text, _WRAP_SIDE if height == "center" else _WRAP, break_long_words=False)
        axes.text(
            centre + 1.12 * x,
            (1.2 if y > 0.95 else 1.09) * y,
            words,
            fontsize=9,
            color=INK,
            ha=side,
            va=height,
            linespacing=1.15,
        )
    axes.text(centre, 1.66, title, fontsize=11, fontweight="bold", color=INK, ha="center", va="bottom")


def _polygon(
    axes: Axes,
    centre: float,
    angle: np.ndarray,
    value: np.ndarray,
    ends: tuple[int, int],
    *,
    filled: bool,
    **style: object,
) -> None:
    """One set of ratings; spokes without a rating are passed over."""
    known = ~np.isnan(value)
    if not known.any():
        return
    radius = _radius(value[known], ends)
    x, y = centre + radius * np.cos(angle[known]), radius * np.sin(angle[known])
    if filled:
        axes.fill(x, y, color=COLOURS[0], alpha=0.14, linewidth=0, zorder=2)
    axes.plot(np.append(x, x[0]), np.append(y, y[0]), zorder=3, **style)  # type: ignore[arg-type]


def _radius(value: np.ndarray | int, ends: tuple[int, int]) -> np.ndarray:
    """The lowest rating lies a little off the centre, so that it can be seen."""
    low, high = ends
    return 0.15 + 0.85 * (np.asarray(value, float) - low) / (high - low)


def lines(
    axes: Axes,
    frame: pd.DataFrame,
    items: list[str],
    labels: list[str],
    ends: tuple[int, int],
    titles: dict[str, str],
) -> Axes:
    """Draw every item over time in a strip of its own: one line a rater."""
    low, high = ends
    for strip, (item, text) in enumerate(zip(items, labels, strict=True)):
        base = (len(items) - 1 - strip) * 1.25
        for level in range(low, high + 1):
            axes.axhline(base + (level - low) / (high - low), color="#e7e9ec", linewidth=0.6, zorder=0)
        for number, rater in enumerate(titles):
            own = frame[(frame["respondent"] == rater) & (frame["item"] == item)].dropna(subset="value")
            axes.plot(
                own["date"], base + (own["value"] - low) / (high - low), color=COLOURS[number], linewidth=1.6,
                marker="os"[number], markersize=4, linestyle=("-", "--")[number],
                label=titles[rater] if strip == 0 else None,
            )  # fmt: skip
        axes.annotate(
            fill(text, 32, break_long_words=False),
            (0, base + 0.5),
            (-8, 0),
            xycoords=("axes fraction", "data"),
            textcoords="offset points",
            ha="right",
            va="center",
            fontsize=8,
            color=INK,
        )
    axes.set_yticks([])
    axes.spines[["top", "right", "left"]].set_visible(False)
    low_date, high_date = frame["date"].min(), frame["date"].max()
    days = (high_date - low_date).days
    axes.set_xticks(mdates.date2num(pd.date_range(low_date, high_date, periods=5 if days else 1)))  # type: ignore[no-untyped-call]
    # Numbers, as names of months would be English on every page.
    axes.xaxis.set_major_formatter(mdates.DateFormatter("%Y-%m" if days > 180 else "%Y-%m-%d"))  # type: ignore[no-untyped-call]
    axes.set_ylim(-0.2, (len(items) - 1) * 1.25 + 1.2)
    axes.legend(frameon=False, fontsize=8, loc="upper left", bbox_to_anchor=(0, 1.06), ncols=2)
    return axes
