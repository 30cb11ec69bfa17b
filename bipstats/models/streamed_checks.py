"""What a sample leaves open, looked at in all rows: separation, constant columns and linear combinations."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from bipstats.core.columns import Floats
from bipstats.errors import ModelError
from bipstats.models.binomial import cure_of
from bipstats.models.identify import constant_columns, refuse_dependent
from bipstats.models.separation import presentable, refuse_separation
from bipstats.models.streamed_rows import Layout, Look, Triangle, look_block, triangle_block


@dataclass(frozen=True, slots=True)
class Looked:
    """Means and standard deviations of the columns in all rows used, (p,) each."""

    centre: Floats
    scale: Floats


def look(total: Callable[..., Any], layout: Layout, n: int, doubtful: tuple[tuple[int, ...], ...]) -> Looked:
    """Look at all n rows used, in two passes.

    Parameters
    ----------
    total : callable
        Makes a pass.
    layout : Layout
    n : int
    doubtful : tuple of tuple of int
        Sets of columns that may separate.

    Raises
    ------
    ModelError
        As for rows in memory.
    """
    columns = layout.reading.needed
    zero, one = np.zeros_like(layout.centre), np.ones_like(layout.scale)
    raw = replace(layout, centre=zero, scale=one)
    found: Look = total(look_block, columns, raw, doubtful, title="columns")
    for places, table in zip(doubtful, found.tables, strict=True):
        _refuse_separation(layout, places, table, n)
    scale = np.sqrt(found.squares / found.n)
    names = _slopes(layout)
    constant = constant_columns(names, found.mean, scale, lambda j: bool(found.low[j] < found.high[j]))
    scale = np.where(constant, 1.0, scale)
    own = replace(layout, centre=found.mean, scale=scale)
    factor: Triangle = total(triangle_block, columns, own, title="linear combinations")
    _refuse_dependent(factor, own, found.n, names, constant)
    return Looked(found.mean, scale)


def _slopes(layout: Layout) -> tuple[str, ...]:
    baseline = tuple(f"{layout.reading.period} spline[{j + 1}]" for j in range(layout.n_baseline))
    return (*baseline, *layout.design.names)


def _refuse_separation(layout: Layout, places: tuple[int, ...], table: Any, n: int) -> None:
    names = _slopes(layout)
    shown = tuple(names[j] for j in places)  # of a whole factor, so that many levels can be counted
    if len(places) == 1:
        shown = (presentable([*shown], layout.design.names)[0],)
    value = table["value"].to_numpy(float)[:, None]
    x = value if len(places) == 1 else (value == np.arange(1, len(places) + 1)).astype(float)
    try:
        refuse_separation(
            x,
            shown,
            table["successes"].to_numpy(float),
            table["trials"].to_numpy(float),
            level=table["level"].to_numpy(np.int64),
            within=_within(layout),
            references=layout.design.references,
            cure=cure_of(layout.reading.link, False),
        )
    except ModelError:
        if layout.reading.weights is None and table["trials"].sum() < n:  # counts of some rows only
            raise ModelError(
                f"separation: {', '.join(shown)} alone tells rows with the event from those without. The coefficient "
                f"has no finite estimate.\n  {cure_of(layout.reading.link, False)}"
            ) from None
        raise


def _within(layout: Layout) -> str:
    return str(layout.reading.period) if layout.periods else "row"


def _refuse_dependent(
    factor: Triangle, layout: Layout, n: int, names: tuple[str, ...], constant: Any
) -> None:
    """Judge the columns, net of the levels, by their part of the triangle: it has their lengths and angles."""
    k, size = layout.n_levels, layout.n_params
    triangle = np.zeros((size, size))
    triangle[: len(factor.r)] = factor.r
    net = triangle[k:, k:]
    rows = net * np.sqrt(len(names) / n)  # their mean square is that of the n rows
    where = f" within every {_within(layout)}" if len(layout.periods) > 1 else ""
    refuse_dependent(net.T @ net, lambda columns: rows[:, columns], n, names, constant, where)
