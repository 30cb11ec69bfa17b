"""Estimates with intervals as rows of a table with a drawing in each: readable at any width, and without eyes."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from math import ceil, floor, log, log10

from markupsafe import Markup

RATIO_TICKS = (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 1.0, 1.25, 1.5, 2.0, 2.5, 3.0, 4.0, 5.0, 7.0, 10.0)
_MOST_TICKS = 7


@dataclass(frozen=True)
class Axis:
    """Where a value stands between the left and the right end, in per cent.

    Attributes
    ----------
    low, high : float
    ticks : tuple of float
    reference : float or None
        Value that gets a line of its own.
    logarithmic : bool
    """

    low: float
    high: float
    ticks: tuple[float, ...]
    reference: float | None = None
    logarithmic: bool = False

    def at(self, value: float) -> float:
        """Place of a value; one beyond the ends stands at the end."""
        if self.logarithmic:
            place = log(max(value, 1e-9) / self.low) / log(self.high / self.low)
        else:
            place = (value - self.low) / (self.high - self.low)
        return round(100 * min(max(place, 0.0), 1.0), 2)


def axis_over(values: Iterable[float], *, reference: float | None, logarithmic: bool = False) -> Axis:
    """An axis that holds the finite values and the reference, with few round ticks."""
    known = [float(value) for value in values if value == value and abs(value) != float("inf")]
    known += [] if reference is None else [reference]
    if logarithmic:
        low, high = max(min(known) / 1.08, 0.05), min(max(known) * 1.08, 20.0)
        ticks = [tick for tick in RATIO_TICKS if low <= tick <= high]
        return Axis(low, high, _thinned(ticks), reference, logarithmic=True)
    spread = (max(known) - min(known)) or 1.0
    low, high = min(known) - 0.05 * spread, max(known) + 0.05 * spread
    step = _step((high - low) / 5)
    ticks = [round(n * step, 10) for n in range(ceil(low / step), floor(high / step) + 1)]
    return Axis(low, high, tuple(ticks), reference)


def strip(
    axis: Axis,
    value: float,
    low: float = float("nan"),
    high: float = float("nan"),
    published: float = float("nan"),
    kind: str = "estimate",
) -> Markup:
    """One row's drawing: the interval as a line, the estimate as a dot, the published value as a diamond."""
    parts = [_grid(axis)]
    if low == low and high == high:
        parts.append(
            f'<line class="whisker {kind}" x1="{axis.at(low)}%" x2="{axis.at(high)}%" y1="50%" y2="50%"/>'
        )
    if value == value:
        parts.append(f'<circle class="dot {kind}" cx="{axis.at(value)}%" cy="50%" r="4.5"/>')
    if published == published:
        place = axis.at(published)
        diamond = '<path class="diamond" d="M0-7 7 0 0 7-7 0Z"/>'
        parts.append(f'<svg x="{place}%" y="50%" overflow="visible">{diamond}</svg>')
    return Markup(f'<svg class="strip" aria-hidden="true">{"".join(parts)}</svg>')


def scale_line(axis: Axis, labels: Sequence[str]) -> Markup:
    """The axis itself, under the rows."""
    texts = "".join(
        f'<text x="{axis.at(tick)}%" y="16">{label}</text>'
        for tick, label in zip(axis.ticks, labels, strict=True)
    )
    return Markup(f'<svg class="scale" aria-hidden="true">{texts}</svg>')


def _grid(axis: Axis) -> str:
    lines = [_upright(axis.at(tick), "grid") for tick in axis.ticks]
    if axis.reference is not None:
        lines.append(_upright(axis.at(axis.reference), "reference"))
    return "".join(lines)


def _upright(place: float, kind: str) -> str:
    return f'<line class="{kind}" x1="{place}%" x2="{place}%" y1="0" y2="100%"/>'


def _thinned(ticks: list[float]) -> tuple[float, ...]:
    """At most seven ticks, 1 among them."""
    if len(ticks) <= _MOST_TICKS:
        return tuple(ticks)
    kept = [tick for tick in ticks if tick in (0.1, 0.2, 0.5, 0.7, 1.0, 1.5, 2.0, 3.0, 5.0, 10.0)]
    return tuple(
        kept if len(kept) <= _MOST_TICKS else [t for t in kept if t in (0.1, 0.5, 1.0, 2.0, 5.0, 10.0)]
    )


def _step(rough: float) -> float:
    """The next of 1, 2, 5 times a power of ten."""
    power = 10.0 ** floor(log10(rough))
    return next(factor * power for factor in (1.0, 2.0, 5.0, 10.0) if factor * power >= rough * 0.9)
