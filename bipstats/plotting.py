"""Plots from frames: matplotlib axes in, axes out; global settings are never touched, nothing is shown."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from bipstats.figure_words import (
    Language,
    axis_words,
    comma,
    count,
    decimal_marks,
    levels,
    say,
    terms,
    wrapped,
)
from bipstats.shell import in_notebook

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

# Okabe & Ito (2008): distinguishable with every common form of colour blindness.
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")

INK, FAINT, GRID = "#1c2025", "#888888", "#dddddd"

MARKS = "osD^v"  # told apart without colours

_WRAP = 46  # letters beside an axis before the next line


def new_axes(width: float = 6.4, height: float = 4.0) -> Axes:
    """Axes on a figure of their own, outside pyplot's global list.

    In a notebook the figure is one of pyplot's, since notebooks show, and then close, those only.
    """
    if in_notebook():
        import matplotlib.pyplot as plt

        return plt.subplots(figsize=(width, height), layout="constrained")[1]
    return page_axes(width, height)


def page_axes(width: float = 6.4, height: float = 4.0) -> Axes:
    """Axes for a file or a page, outside pyplot's list in a notebook too, which would show them once more."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, height), layout="constrained")
    FigureCanvasAgg(figure)
    return figure.subplots()


def not_shown(figure: Figure) -> None:
    """Keep a figure that goes into a file from being shown by a notebook as well."""
    if in_notebook():
        import matplotlib.pyplot as plt

        plt.close(figure)


def tidy_axes(ax: Axes) -> Axes:
    """Take off the frame's upper and right sides and draw a light grid behind."""
    ax.spines[["top", "right"]].set_visible(False)
    ax.set_axisbelow(True)
    ax.grid(True, color=GRID, linewidth=0.6)
    return ax


def row_labels(labels: Iterable[object]) -> list[str]:
    """Labels beside an axis, long ones in several lines."""
    return [wrapped(str(text), _WRAP) for text in labels]


def row_axes(labels: Iterable[object], ax: Axes | None = None, *, row: float = 0.28) -> Axes:
    """Tidy axes with a line for every label, first on top; new ones are large enough for the labels.

    Parameters
    ----------
    labels : iterable of str
    ax : matplotlib axes, optional
    row : float
        Inches for a line of one row of letters.

    Returns
    -------
    matplotlib axes
    """
    shown = row_labels(labels)
    if ax is None:
        lines = [line for text in shown for line in text.split("\n")]
        deepest = max((text.count("\n") for text in shown), default=0)
        ax = new_axes(
            max(6.4, 4.2 + 0.085 * max(map(len, lines), default=0)),
            1.0 + max(row, 0.24 + 0.16 * deepest) * max(len(shown), 3),
        )
    tidy_axes(ax).grid(False, axis="y")
    ax.set_yticks(np.arange(len(shown))[::-1], shown)
    ax.set_ylim(-0.6, len(shown) - 0.4)
    return ax


def reference_line(axes: Axes, *, x: float | None = None, y: float | None = None) -> Axes:
    """Draw the thin dashed line of no effect."""
    style: dict[str, Any] = {"color": FAINT, "linewidth": 0.8, "linestyle": "--", "zorder": 1}
    if x is not None:
        axes.axvline(x, **style)
    if y is not None:
        axes.axhline(y, **style)
    return axes


def legend_above(axes: Axes, *, title: str | None = None) -> Axes:
    """Put the legend above the axes, where it hides nothing; as many beside each other as fit."""
    handles, names = axes.get_legend_handles_labels()
    widest = max(map(len, names), default=0) + 6
    axes.legend(
        handles,
        names,
        frameon=False,
        loc="lower left",
        bbox_to_anchor=(0, 1),
        borderaxespad=0.2,
        ncols=max(1, min(len(names), 78 // max(widest, 1))),
        fontsize=9,
        title=title,
        title_fontsize=9,
        alignment="left",
    )
    return axes


def forest(
    frame: pd.DataFrame,
    *,
    ax: Axes | None = None,
    reference: float = 0.0,
    xlabel: str = "Estimate",
    lang: Language = "en",
    labels: Iterable[object] | None = None,
) -> Axes:
    """Draw estimates with intervals, one line a term, first term on top.

    Parameters
    ----------
    frame : pandas.DataFrame
        Columns ``term, estimate, conf_low, conf_high``.
    ax : matplotlib axes, optional
    reference : float
        Where the vertical line of no effect stands.
    xlabel : str
    lang : {"en", "sv", "da"}
    labels : iterable of str, optional
        In the place of the codebook's labels of the terms.

    Returns
    -------
    matplotlib axes
    """
    axes = row_axes(terms(frame["term"], lang) if labels is None else labels, ax)
    position = np.arange(len(frame))[::-1]
    reference_line(axes, x=reference)
    axes.hlines(position, frame["conf_low"], frame["conf_high"], color=COLOURS[0], linewidth=1.6)
    axes.plot(frame["estimate"], position, "o", color=COLOURS[0], markersize=5)
    return decimal_marks(axis_words(axes, x=xlabel), lang)


def ratio_axis(axes: Axes, lang: Language = "en", *, vertical: bool = False) -> Axes:
    """Make the horizontal axis (or the vertical one) logarithmic, with ticks at plain numbers (1, 2, 5, 10)."""
    from matplotlib.ticker import FuncFormatter, LogLocator, MaxNLocator, NullFormatter, NullLocator

    (axes.set_yscale if vertical else axes.set_xscale)("log")
    axis = axes.yaxis if vertical else axes.xaxis
    low, high = axes.get_ylim() if vertical else axes.get_xlim()
    decades = LogLocator(subs=(1.0,) if high / low > 100 else (1.0, 2.0, 5.0))
    axis.set_major_locator(MaxNLocator(6) if high / low < 4 else decades)
    axis.set_major_formatter(FuncFormatter(lambda value, _: comma(f"{value:g}", lang)))
    axis.set_minor_formatter(NullFormatter())
    axis.set_minor_locator(NullLocator())
    return axes


def per_cent_axis(axes: Axes, lang: Language = "en", *, x: bool = False) -> Axes:
    """Write shares as percentages without the sign, which the axis's words have."""
    from matplotlib.ticker import FuncFormatter

    (axes.xaxis if x else axes.yaxis).set_major_formatter(
        FuncFormatter(lambda value, _: comma(f"{100 * abs(value):g}", lang))
    )
    return axes


def steps(
    frame: pd.DataFrame,
    *,
    by: str | None = None,
    ax: Axes | None = None,
    band: bool = True,
    lang: Language = "en",
    title: str | None = None,
) -> Axes:
    """Draw step curves of ``time, estimate`` with pointwise bands ``conf_low, conf_high`` where present.

    Parameters
    ----------
    frame : pandas.DataFrame
    by : str, optional
        Column that tells the curves apart.
    ax : matplotlib axes, optional
    band : bool
    lang : {"en", "sv", "da"}
    title : str, optional
        Of the legend.

    Returns
    -------
    matplotlib axes
    """
    axes = new_axes() if ax is None else ax
    tidy_axes(axes)
    groups = [("", frame)] if by is None else list(frame.groupby(by, observed=True, sort=False))
    for number, (name, part) in enumerate(groups):
        colour = COLOURS[number % len(COLOURS)]
        label = None if by is None else levels([name], lang)[0]
        axes.step(part["time"], part["estimate"], where="post", color=colour, linewidth=1.6, label=label)
        if band and {"conf_low", "conf_high"} <= set(part.columns):
            axes.fill_between(
                part["time"],
                part["conf_low"],
                part["conf_high"],
                step="post",
                color=colour,
                alpha=0.12,
                linewidth=0,
            )
    if by is not None:
        legend_above(axes, title=title)
    return decimal_marks(axes, lang)


def numbers_beneath(
    ax: Axes, frame: pd.DataFrame, *, by: str | None, heading: str, lang: Language = "en"
) -> Axes:
    """Write a small table under the time axis: one column a tick, one line a group.

    Parameters
    ----------
    ax : matplotlib axes
        With its ticks in place.
    frame : pandas.DataFrame
        ``time, at_risk`` at the ticks.
    by : str, optional
        Column with the groups.
    heading : str
    lang : {"en", "sv", "da"}

    Returns
    -------
    matplotlib axes
    """
    groups = [("", frame)] if by is None else list(frame.groupby(by, observed=True, sort=False))
    beneath = ax.get_xaxis_transform()
    style: dict[str, Any] = {
        "textcoords": "offset points",
        "fontsize": 8,
        "va": "top",
        "annotation_clip": False,
    }
    ax.annotate(heading, (0, 0), (0, -36), xycoords="axes fraction", ha="left", **style)
    for line, (name, part) in enumerate(groups):
        down = -49 - 12 * line
        name = levels([name], lang)[0]
        ax.annotate(name, (0, 0), (-14, down), xycoords="axes fraction", ha="right", **style)
        for time, number in zip(part["time"], part["at_risk"], strict=True):
            ax.annotate(count(number, lang), (time, 0), (0, down), xycoords=beneath, ha="center", **style)
    return ax


def trend(frame: pd.DataFrame, *, ax: Axes | None = None, lang: Language = "en") -> Axes:
    """Draw a smooth with its band through means, and the constant that it is held against.

    Parameters
    ----------
    frame : pandas.DataFrame
        ``part`` (``smooth`` or ``means``), ``x, time, estimate, conf_low, conf_high, fitted``; `x` is drawn, its axis
        labelled by `time`.
    ax : matplotlib axes, optional
    lang : {"en", "sv", "da"}

    Returns
    -------
    matplotlib axes
    """
    axes = tidy_axes(new_axes() if ax is None else ax)
    line, means = (frame[frame["part"] == part] for part in ("smooth", "means"))
    axes.fill_between(
        line["x"], line["conf_low"], line["conf_high"], color=COLOURS[0], alpha=0.15, linewidth=0
    )
    axes.plot(
        line["x"], line["estimate"], color=COLOURS[0], linewidth=1.6, label=say("smooth", lang, level=0.95)
    )
    axes.plot(
        means["x"],
        means["estimate"],
        "o",
        color=COLOURS[0],
        markersize=4,
        alpha=0.6,
        label=say("residual_means", lang),
    )
    axes.axhline(
        line["fitted"].iloc[0],
        color=COLOURS[1],
        linewidth=1.2,
        linestyle="--",
        label=say("proportional", lang),
    )
    if not np.allclose(line["x"], line["time"]):
        at = np.interp(np.linspace(line["x"].iloc[0], line["x"].iloc[-1], 8), line["x"], line["time"])
        labels = np.unique([float(f"{value:.2g}") for value in at])
        labels = labels[(labels >= line["time"].iloc[0]) & (labels <= line["time"].iloc[-1])]
        axes.set_xticks(
            np.interp(labels, line["time"], line["x"]), [comma(f"{value:g}", lang) for value in labels]
        )
    legend_above(axes)
    return decimal_marks(axes, lang)
