"""The two drawings that are no tables: curves over time, and one mark for each caseworker."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from markupsafe import Markup, escape

from bipstats.replication.page.strips import Axis

HALF_YEAR, YEAR = 26, 52
_LABEL_GAP = 6.5
"""Least distance of two curves' names, in per cent of the height."""


def step_curves(
    curves: Sequence[tuple[int, str, pd.DataFrame]], up: Axis, digits: Sequence[str], words: str
) -> Markup:
    """Draw steps of ``week, incidence``; each curve is a level, a name at its end, and its frame."""
    across = weeks_axis(max(int(frame["week"].max()) for _, _, frame in curves))
    lines = "".join(
        f'<path class="curve belief-{level}" d="{_steps(frame, across, up)}"/>' for level, _, frame in curves
    )
    last = {level: across.at(float(frame["week"].iloc[-1])) for level, _, frame in curves}
    ends = [(level, name, 100 - up.at(float(frame["incidence"].iloc[-1]))) for level, name, frame in curves]
    names = "".join(
        _at(last[level], place, f'<text class="end belief-{level}" x="8" dy=".35em">{escape(name)}</text>')
        for level, name, place in _apart(ends)
    )
    ticks = "".join(
        _at(
            across.at(tick), 100, f'<text class="week{" half" if tick % YEAR else ""}" y="20">{tick:g}</text>'
        )
        for tick in across.ticks
    )
    return _picture("curves", words, _lines(up, digits) + ticks + _stretched(lines) + names)


def caterpillar(rows: pd.DataFrame, up: Axis, digits: Sequence[str], words: str) -> Markup:
    """Draw ``adjusted, conf_low, conf_high`` as bars and dots, ``shrunken`` as a line, in the order of the rows."""
    place = 100 * (np.arange(len(rows)) + 0.5) / max(len(rows), 1)

    def path(name: str, mark: str) -> str:
        return "".join(
            f"M{x:.2f} {100 - up.at(value):.2f}{mark}" for x, value in zip(place, rows[name], strict=True)
        )

    bars = "".join(
        f"M{x:.2f} {100 - up.at(low):.2f}V{100 - up.at(high):.2f}"
        for x, low, high in zip(place, rows["conf_low"], rows["conf_high"], strict=True)
    )
    line = "L".join(
        f"{x:.2f} {100 - up.at(value):.2f}" for x, value in zip(place, rows["shrunken"], strict=True)
    )
    drawn = (
        f'<path class="bars" d="{bars}"/><path class="points" d="{path("adjusted", "h0")}"/>'
        f'<path class="shrunken" d="M{line}"/>'
    )
    return _picture("caterpillar", words, _lines(up, digits) + _stretched(drawn))


def weeks_axis(last: int) -> Axis:
    """Weeks from zero, a tick every half year."""
    return Axis(0, last, tuple(range(0, last + 1, HALF_YEAR)))


def at_ticks(frame: pd.DataFrame, ticks: Sequence[float]) -> list[dict[str, float] | None]:
    """Incidence up to each tick, and those still at risk at it; None where the curve has ended.

    A row of a curve counts those at risk before its week's exits, so that the next row has those left at a tick.
    """
    weeks, incidence, left = (frame[name].to_numpy() for name in ("week", "incidence", "at_risk"))
    reached = np.searchsorted(weeks, ticks, side="right") - 1
    next_row = np.searchsorted(weeks, ticks, side="left")
    return [
        {"week": tick, "incidence": float(incidence[last]), "at_risk": int(left[following])}
        if last >= 0 and following < len(weeks)
        else None
        for tick, last, following in zip(ticks, reached, next_row, strict=True)
    ]


def _picture(kind: str, words: str, inside: str) -> Markup:
    return Markup(f'<svg class="{kind}" role="img" aria-label="{escape(words)}">{inside}</svg>')


def _stretched(inside: str) -> str:
    """Shapes in a square of 100 that takes the picture's width and height."""
    return f'<svg class="inner" viewBox="0 0 100 100" preserveAspectRatio="none">{inside}</svg>'


def _at(x: float, y: float, inside: str) -> str:
    """Something at a place given in per cent."""
    return f'<svg x="{x}%" y="{y:g}%" overflow="visible">{inside}</svg>'


def _lines(up: Axis, digits: Sequence[str]) -> str:
    """Horizontal lines with their numbers at the left."""
    return "".join(
        _across("grid", 100 - up.at(tick))
        + _at(0, 100 - up.at(tick), f'<text class="level" x="-8" dy=".35em">{digit}</text>')
        for tick, digit in zip(up.ticks, digits, strict=True)
    ) + ("" if up.reference is None else _across("reference", 100 - up.at(up.reference)))


def _across(kind: str, y: float) -> str:
    return f'<line class="{kind}" x1="0" x2="100%" y1="{y:g}%" y2="{y:g}%"/>'


def _steps(frame: pd.DataFrame, across: Axis, up: Axis) -> str:
    """A path that moves right, then up, wherever the value changes."""
    changed = frame[frame["incidence"].diff().fillna(1) != 0]
    steps = "".join(
        f"H{across.at(week):.2f}V{100 - up.at(value):.2f}"
        for week, value in zip(changed["week"], changed["incidence"], strict=True)
    )
    return f"M0 100{steps}H{across.at(float(frame['week'].iloc[-1])):.2f}"


def _apart(ends: list[tuple[int, str, float]]) -> list[tuple[int, str, float]]:
    """The curves' names from the lowest up, each at least a line above the one below."""
    placed: list[tuple[int, str, float]] = []
    for level, name, place in sorted(ends, key=lambda end: -end[2]):
        if placed:
            place = min(place, placed[-1][2] - _LABEL_GAP)
        placed.append((level, name, round(place, 2)))
    return placed
