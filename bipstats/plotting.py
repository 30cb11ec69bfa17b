"""Plots from frames: matplotlib axes in, axes out; global settings are never touched, nothing is shown."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from bipstats.shell import in_notebook

if TYPE_CHECKING:
    from matplotlib.axes import Axes

# Okabe & Ito (2008): distinguishable with every common form of colour blindness.
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")


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


def tidy_axes(ax: Axes) -> Axes:
    """Take off the frame's upper and right sides and draw a light grid behind."""
    ax.spines[["top", "right"]].set_visible(False)
    ax.set_axisbelow(True)
    ax.grid(True, color="#dddddd", linewidth=0.6)
    return ax


def forest(
    frame: pd.DataFrame, *, ax: Axes | None = None, reference: float = 0.0, xlabel: str = "Estimate"
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

    Returns
    -------
    matplotlib axes
    """
    axes = new_axes(height=0.6 + 0.28 * max(len(frame), 4)) if ax is None else ax
    tidy_axes(axes).grid(False, axis="y")
    position = np.arange(len(frame))[::-1]
    axes.axvline(reference, color="#888888", linewidth=0.8, linestyle="--")
    axes.hlines(position, frame["conf_low"], frame["conf_high"], color=COLOURS[0], linewidth=1.6)
    axes.plot(frame["estimate"], position, "o", color=COLOURS[0], markersize=5)
    axes.set_yticks(position, frame["term"])
    axes.set_ylim(-0.6, len(frame) - 0.4)
    axes.set_xlabel(xlabel)
    return axes


def ratio_axis(axes: Axes) -> Axes:
    """Make the horizontal axis logarithmic, with ticks at plain numbers (1, 2, 5, 10)."""
    from matplotlib.ticker import FuncFormatter, LogLocator, MaxNLocator, NullFormatter

    axes.set_xscale("log")
    low, high = axes.get_xlim()
    decades = LogLocator(subs=(1.0,) if high / low > 100 else (1.0, 2.0, 5.0))
    axes.xaxis.set_major_locator(MaxNLocator(6) if high / low < 4 else decades)
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axes.xaxis.set_minor_formatter(NullFormatter())
    return axes


def steps(frame: pd.DataFrame, *, by: str | None = None, ax: Axes | None = None, band: bool = True) -> Axes:
    """Draw step curves of ``time, estimate`` with pointwise bands ``conf_low, conf_high`` where present.

    Parameters
    ----------
    frame : pandas.DataFrame
    by : str, optional
        Column that tells the curves apart.
    ax : matplotlib axes, optional
    band : bool

    Returns
    -------
    matplotlib axes
    """
    axes = new_axes() if ax is None else ax
    tidy_axes(axes)
    groups = [("", frame)] if by is None else list(frame.groupby(by, observed=True, sort=False))
    for number, (name, part) in enumerate(groups):
        colour = COLOURS[number % len(COLOURS)]
        label = None if by is None else str(name)
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
        axes.legend(frameon=False)
    return axes


def numbers_beneath(ax: Axes, frame: pd.DataFrame, *, by: str | None, heading: str) -> Axes:
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
        ax.annotate(str(name), (0, 0), (-14, down), xycoords="axes fraction", ha="right", **style)
        for time, number in zip(part["time"], part["at_risk"], strict=True):
            ax.annotate(f"{number:,.0f}", (time, 0), (0, down), xycoords=beneath, ha="center", **style)
    return ax


def trend(frame: pd.DataFrame, *, ax: Axes | None = None) -> Axes:
    """Draw a smooth with its band through means, and the constant that it is held against.

    Parameters
    ----------
    frame : pandas.DataFrame
        ``part`` (``smooth`` or ``means``), ``x, time, estimate, conf_low, conf_high, fitted``; `x` is drawn, its axis
        labelled by `time`.
    ax : matplotlib axes, optional

    Returns
    -------
    matplotlib axes
    """
    axes = tidy_axes(new_axes() if ax is None else ax)
    line, means = (frame[frame["part"] == part] for part in ("smooth", "means"))
    axes.fill_between(
        line["x"], line["conf_low"], line["conf_high"], color=COLOURS[0], alpha=0.15, linewidth=0
    )
    axes.plot(line["x"], line["estimate"], color=COLOURS[0], linewidth=1.6, label="smooth, 95 % band")
    axes.plot(
        means["x"],
        means["estimate"],
        "o",
        color=COLOURS[0],
        markersize=4,
        alpha=0.6,
        label="means of residuals",
    )
    axes.axhline(
        line["fitted"].iloc[0], color=COLOURS[1], linewidth=1.2, linestyle="--", label="proportional hazards"
    )
    if not np.allclose(line["x"], line["time"]):
        at = np.interp(np.linspace(line["x"].iloc[0], line["x"].iloc[-1], 8), line["x"], line["time"])
        labels = np.unique([float(f"{value:.2g}") for value in at])
        labels = labels[(labels >= line["time"].iloc[0]) & (labels <= line["time"].iloc[-1])]
        axes.set_xticks(np.interp(labels, line["time"], line["x"]), [f"{value:g}" for value in labels])
    axes.legend(frameon=False)
    return axes
