"""Caseworkers, the thought experiment, classes and indicators, drawn from the frames of `Replication`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from bipstats.caseworkers import drawing
from bipstats.codebook import CLASSES, label
from bipstats.figure_words import Language, comma
from bipstats.plotting import COLOURS, new_axes, ratio_axis, tidy_axes
from bipstats.replication.model_table import LEVEL
from bipstats.replication.plot_words import known, word
from bipstats.replication.verdict import ZERO_MARGIN

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_GREY = "#888888"
_KINDS = {"naive": (COLOURS[1], "s"), "feasible": (COLOURS[0], "o"), "oracle": (COLOURS[2], "^")}
_DESIGNS = {
    "observed": ("observed", COLOURS[0], "o"),
    "adjusted": ("adjusted_means", COLOURS[1], "s"),
    "items of the client": ("client_items", COLOURS[2], "^"),
    "items of the caseworker": ("caseworker_items", COLOURS[3], "v"),
}


def caterpillar(frame: pd.DataFrame, ax: Axes | None = None, lang: Language = "en") -> Axes:
    """Draw adjusted rates with intervals in the order of the shrunken ones; caseworkers have no names.

    Parameters
    ----------
    frame : pandas.DataFrame
        `Replication.caterpillar`.
    ax : matplotlib axes, optional
    lang : {"en", "sv", "da"}
    """
    return drawing.caterpillar(frame, float(frame["overall"].iloc[0]), LEVEL, ax, lang)


def thought_experiment(frame: pd.DataFrame, ax: Axes | None = None, lang: Language = "en") -> Axes:
    """Draw the shares if all were as effective as the best: by the naive and the feasible rule, and as published.

    Parameters
    ----------
    frame : pandas.DataFrame
        `Replication.thought_experiment`.
    ax : matplotlib axes, optional
    lang : {"en", "sv", "da"}
    """
    axes = tidy_axes(new_axes(7.6, 4.6) if ax is None else ax)
    axes.grid(False, axis="x")
    printed = frame.loc[frame["kind"] == "published", "share"].tolist()
    for share, key, style in zip(printed, ("published_actual", "published_best"), (":", "--"), strict=True):
        axes.axhline(100 * share, color=COLOURS[4], linewidth=1.5, linestyle=style, label=word(key, lang))
    actual = float(frame.loc[frame["kind"] == "actual", "share"].iloc[0])
    axes.axhline(100 * actual, color=_GREY, linewidth=1.0, label=word("actual", lang))
    groups = frame.loc[frame["kind"] == "naive", "group"].tolist()
    for place, (kind, (colour, marker)) in enumerate(_KINDS.items()):
        rows = frame[frame["kind"] == kind]
        if rows.empty:
            continue
        at = np.array([groups.index(name) for name in rows["group"]]) + 0.16 * (place - 1)
        inside = rows["conf_low"].notna().to_numpy()
        ends = 100 * rows.loc[inside, "conf_low"], 100 * rows.loc[inside, "conf_high"]
        axes.vlines(at[inside], *ends, color=colour, linewidth=1.8)
        axes.plot(at, 100 * rows["share"], marker, color=colour, markersize=7, label=word(kind, lang))
    axes.set_xticks(range(len(groups)), [word(name, lang) if known(name) else name for name in groups])
    axes.set_xlim(-0.5, len(groups) - 0.5)
    axes.set_ylim(0, 106 * float(np.nanmax(frame[["share", "conf_high"]].to_numpy(dtype=float))))
    axes.set_ylabel(word("share", lang))
    axes.legend(frameon=False, loc="lower center", bbox_to_anchor=(0.5, 1.0), ncols=2, fontsize=9)
    return axes


def classes(frame: pd.DataFrame, ax: Axes | None = None, lang: Language = "en") -> Axes:
    """Draw the change of the index by class of intervention, one mark for each design.

    Parameters
    ----------
    frame : pandas.DataFrame
        `Replication.classes`.
    ax : matplotlib axes, optional
    lang : {"en", "sv", "da"}
    """
    from matplotlib.ticker import MaxNLocator

    axes = tidy_axes(new_axes(7.6, 4.4) if ax is None else ax)
    axes.grid(False, axis="y")
    axes.axvspan(
        -ZERO_MARGIN, ZERO_MARGIN, color="#dddddd", alpha=0.45, linewidth=0, label=word("about_zero", lang)
    )
    axes.axvline(0, color=_GREY, linewidth=0.8, linestyle="--")
    names = [name for name in CLASSES if (frame["class"] == name).any()]
    for number, (design, (key, colour, marker)) in enumerate(_DESIGNS.items()):
        rows = frame[frame["design"] == design]
        at = np.array([len(names) - 1 - names.index(name) for name in rows["class"]]) + 0.17 * (1.5 - number)
        axes.hlines(at, rows["conf_low"], rows["conf_high"], color=colour, linewidth=1.6)
        axes.plot(rows["estimate"], at, marker, color=colour, markersize=6, label=word(key, lang))
    axes.set_yticks(range(len(names))[::-1], [label(name, lang, kind="class") for name in names])
    axes.set_ylim(-0.55, len(names) - 0.45)
    axes.xaxis.set_major_locator(MaxNLocator(7, steps=[1, 2, 5, 10]))
    axes.xaxis.set_major_formatter(lambda value, _: comma(f"{value:g}".replace("-", "−"), lang))
    axes.set_xlabel(word("change", lang))
    axes.legend(frameon=False, loc="lower center", bbox_to_anchor=(0.5, 1.0), ncols=3, fontsize=9)
    return axes


def indicators(frame: pd.DataFrame, ax: Axes | None = None, lang: Language = "en") -> Axes:
    """Draw the eleven indicators by the size of their association with a job.

    Parameters
    ----------
    frame : pandas.DataFrame
        `Replication.indicators`.
    ax : matplotlib axes, optional
    lang : {"en", "sv", "da"}
    """
    axes = tidy_axes(new_axes(8.6, 1.4 + 0.32 * len(frame)) if ax is None else ax)
    axes.grid(False, axis="y")
    axes.axvline(1.0, color=_GREY, linewidth=0.8, linestyle="--")
    place = len(frame) - frame["rank"].to_numpy()
    for inside, fill, key in ((True, "full", "among_nine"), (False, "none", "not_among_nine")):
        chosen = (frame["published"] == inside).to_numpy()
        rows = frame[chosen]
        axes.hlines(place[chosen], rows["conf_low"], rows["conf_high"], color=COLOURS[0], linewidth=1.8)
        axes.plot(
            rows["estimate"], place[chosen], "o", color=COLOURS[0], fillstyle=fill, markersize=6.5,
            markeredgewidth=1.5, label=word(key, lang),
        )  # fmt: skip
    names = [label(key, lang, kind="indicator") for key in frame["indicator"]]
    raters = [label(rater, lang).lower() for rater in frame["rater"]]
    axes.set_yticks(place, [f"{name} ({rater})" for name, rater in zip(names, raters, strict=True)])
    axes.set_ylim(-0.6, len(frame) - 0.4)
    ratio_axis(axes, lang)
    axes.set_xlabel(word("per_sd", lang))
    axes.legend(frameon=False, loc="lower right", bbox_to_anchor=(1.0, 1.0), ncols=1, fontsize=9)
    return axes
