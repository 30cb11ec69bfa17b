"""Figures as SVG inside a page, in colours that follow the reader's light or dark setting."""

from __future__ import annotations

import re
from collections.abc import Callable
from io import StringIO
from typing import TYPE_CHECKING

from bipstats.plotting import COLOURS, page_axes
from bipstats.replication.figures import BELIEF_COLOURS

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_INK = "#010203"
_GRID = "#dddddd"
_FAINT = "#888888"

_VARIABLES: dict[str, str] = {
    _INK: "--ink",
    _GRID: "--line",
    _FAINT: "--faint",
    COLOURS[0]: "--estimate",
    COLOURS[1]: "--published",
    **{colour: f"--belief-{level}" for level, colour in enumerate(BELIEF_COLOURS, start=1)},
}
"""Colour in the drawing -> the page's CSS variable for it."""


def inline_svg(draw: Callable[[Axes], Axes], name: str, words: str, height: float | None = None) -> str:
    """Draw on axes of a figure of their own and give the SVG element.

    Parameters
    ----------
    draw : callable
        Takes axes and draws on them.
    name : str
        Makes the element's ids unique on the page.
    words : str
        What the figure shows, for those who do not see it.
    height : float, optional
        In inches.

    Returns
    -------
    str
        Without date, random ids or fixed size; the same drawing gives the same text.
    """
    axes = page_axes(width=7.2, height=height or 3.2)
    draw(axes)
    _dip_in_ink(axes)
    figure = axes.get_figure()
    assert figure is not None
    buffer = StringIO()
    figure.savefig(buffer, format="svg", transparent=True, metadata={"Date": None, "Creator": None})  # type: ignore[union-attr]
    text = buffer.getvalue()
    return _accessible(_own_ids(_variables(text[text.index("<svg") :]), name), words)


def _dip_in_ink(axes: Axes) -> None:
    """Give text, ticks and frame the one colour that the page replaces."""
    axes.tick_params(colors=_INK, which="both")
    axes.xaxis.label.set_color(_INK)
    axes.yaxis.label.set_color(_INK)
    for spine in axes.spines.values():
        spine.set_edgecolor(_INK)
    legend = axes.get_legend()
    for text in legend.get_texts() if legend is not None else ():
        text.set_color(_INK)


def _variables(svg: str) -> str:
    """Put CSS variables in the place of the drawing's colours."""
    for colour, variable in _VARIABLES.items():
        svg = re.sub(re.escape(colour), f"var({variable})", svg, flags=re.IGNORECASE)
    return svg


def _own_ids(svg: str, name: str) -> str:
    """Number the ids: the drawing library's are random, and repeat from figure to figure."""
    found = dict.fromkeys(re.findall(r'\bid="([^"]+)"', svg))
    new = {old: f"{name}-{place}" for place, old in enumerate(found)}
    svg = re.sub(r'\bid="([^"]+)"', lambda match: f'id="{new[match[1]]}"', svg)
    return re.sub(r"#([\w-]+)", lambda match: f"#{new[match[1]]}" if match[1] in new else match[0], svg)


def _accessible(svg: str, words: str) -> str:
    """Name the figure and let it take the width of its place."""
    svg = re.sub(r"<metadata>.*?</metadata>", "", svg, flags=re.DOTALL)
    head, rest = svg.split(">", 1)
    head = re.sub(r'\s(width|height)="[^"]*"', "", head)
    return f'{head} role="img" aria-label="{words}">{rest}'
