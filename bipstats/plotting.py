"""Plots from frames: matplotlib axes in, axes out; global settings are never touched, nothing is shown."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

if TYPE_CHECKING:
    from matplotlib.axes import Axes

# Okabe & Ito (2008): distinguishable with every common form of colour blindness.
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")


def new_axes(width: float = 6.4, height: float = 4.0) -> Axes:
    """Axes on a figure of their own, outside pyplot's global list."""
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
