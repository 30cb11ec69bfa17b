"""The registry: every row of the harness. A new topic is a module with `ROWS`, named here."""

from __future__ import annotations

from ..row import Row
from . import (
    belief,
    caseworkers,
    interventions,
    orientation,
    progression,
    raters,
    switches,
    training,
    types,
    value_added,
)

ROWS: tuple[Row, ...] = (
    *belief.ROWS,
    *caseworkers.ROWS,
    *switches.ROWS,
    *interventions.ROWS,
    *orientation.ROWS,
    *progression.ROWS,
    *raters.ROWS,
    *training.ROWS,
    *types.ROWS,
    *value_added.ROWS,
)
