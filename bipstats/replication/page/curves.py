"""The two drawings that are no tables: curves over time, and one mark for each caseworker."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from markupsafe import Markup, escape

from bipstats.replication.page.strips import Axis

QUARTER, YEAR = 26, 52
_LABEL_GAP = 6.5
"""Least distance of two curves' names, in per cent of the height."""


def step_curves(curves: Sequence[tuple[int, str, pd.DataFrame]], across: Axis, up: Axis, words: str) -> Markup:
    """Draw steps of ``week, incidence``; each curve is a level, a name at its end, and its frame."""
    lines = "".join(
        f'<path class="curve belief-{level}" d="{_steps(frame, across, up)}"/>' for level, _, frame in curves
    )
    drawn = f'<svg class="inner" viewBox="0 0 100 100" preserveAspectRatio="none">{lines}</svg>'
    ends = [(level, name, float(frame["incidence"].iloc[-1])) for level, name, frame in curves]
    last = {level: across.at(float(frame["week"].iloc[-1])) for level, _, frame in curves}
    names = "".join(
        f'<svg x="{last[level]}%" y="{place}%" overflow="visible">'
        f'<text class="end belief-{level}" x="7" y="4">{escape(name)}</text></svg>'
        for level, name, place in _apart([(level, name, 100 - up.at(end)) for level, name, end in ends])
    )
    return _picture("curves", words, _frame(across, up) + drawn + names)


def caterpillar(rows: pd.DataFrame, up: Axis, words: str) -> Markup:
    """Draw ``estimate, conf_low, conf_high`` sorted from low to high; clear ones stand out."""
    place = 100 * (np.arange(len(rows)) + 0.5) / max(len(rows), 1)
    parts = [_lines(up)]
    for kind in ("unclear", "below", "above"):
        chosen = (rows["side"] == kind).to_numpy()
        if not chosen.any():
            continue
        bars = "".join(
            f"M{x:.2f} {100 - up.at(low):.2f}V{100 - up.at(high):.2f}"
            for x, low, high in zip(
                place[chosen], rows["conf_low"][chosen], rows["conf_high"][chosen], strict=True
            )
        )
        dots = "".join(
            f"M{x:.2f} {100 - up.at(value):.2f}h0"
            for x, value in zip(place[chosen], rows["estimate"][chosen], strict=True)
        )
        parts.append(
            f'<svg class="inner" viewBox="0 0 100 100" preserveAspectRatio="none">'
            f'<path class="bars {kind}" d="{bars}"/><path class="points {kind}" d="{dots}"/></svg>'
        )
    return _picture("caterpillar", words, "".join(parts))


def weeks_axis(last: int) -> Axis:
    """Weeks from zero, a tick every half year."""
    return Axis(0, last, tuple(range(0, last + 1, QUARTER)))


def _picture(kind: str, words: str, inside: str) -> Markup:
    return Markup(f'<svg class="{kind}" role="img" aria-label="{escape(words)}">{inside}</svg>')


def _frame(across: Axis, up: Axis) -> str:
    """Horizontal lines with their numbers, and the ticks of the weeks."""
    ticks = "".join(
        f'<line class="tick" x1="{across.at(tick)}%" x2="{across.at(tick)}%" y1="100%" y2="100%"'
        ' transform="translate(0 0)"/>'
        f'<svg x="{across.at(tick)}%" y="100%" overflow="visible">'
        f'<text class="week{" half" if tick % YEAR else ""}" y="18">{tick:g}</text></svg>'
        for tick in across.ticks
    )
    return _lines(up) + ticks


def _lines(up: Axis) -> str:
    lines = "".join(
        f'<line class="{"reference" if tick == up.reference else "grid"}" x1="0" x2="100%" '
        f'y1="{100 - up.at(tick)}%" y2="{100 - up.at(tick)}%"/>'
        for tick in up.ticks
    )
    return lines


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
