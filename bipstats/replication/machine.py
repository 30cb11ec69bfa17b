"""A replication as plain data: numbers, text, lists and mappings, for ``result.json``."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from bipstats import __version__

if TYPE_CHECKING:
    from bipstats.replication.result import Replication

SCHEMA, SCHEMA_VERSION = "bipstats.replication", 1
"""Raised by one whenever a name is taken away or changes its meaning; names may be added without that."""

FRAMES = ("incidence", "flow", "caterpillar", "thought_experiment", "classes", "indicators", "status")


def as_data(replication: Replication) -> dict[str, object]:
    """Give everything that a replication holds; numbers that are missing are None.

    Returns
    -------
    dict
        ``schema, schema_version, bipstats, study, draws, seed, rows, details``, one list for each of `FRAMES`,
        ``models, readings, reasons``. Rows have every column of the ledger, with ``interval`` as ``[low, high]``, and
        ``code`` and ``assumes``.
    """
    rows = records(replication.table)
    for row in rows:
        row["code"] = replication.code.get(str(row["id"]))
        row["assumes"] = replication.assumptions.get(str(row["id"]))
    return {
        "schema": SCHEMA,
        "schema_version": SCHEMA_VERSION,
        "bipstats": __version__,
        "study": {
            "kind": "simulated" if replication.simulated else "records",
            "calibrated": replication.calibrated,
            "world": replication.world,
            "warning": replication.warning,
            "counts": dict(replication.glance),
        },
        "draws": replication.draws,
        "seed": replication.seed,
        "rows": rows,
        "details": records(replication.details),
        **{name: records(getattr(replication, name)) for name in FRAMES},
        "models": {
            name: {
                "title": model.title,
                "ratio": model.ratio,
                "shown": model.shown,
                "table": records(model.table),
                "facts": dict(model.facts),
                "notes": list(model.notes),
                "methods": model.methods,
            }
            for name, model in replication.models.items()
        },
        "readings": dict(replication.readings),
        "reasons": dict(replication.reasons),
    }


def records(frame: pd.DataFrame) -> list[dict[str, object]]:
    """Rows of a frame as mappings of plain values."""
    columns = [str(name) for name in frame.columns]
    return [
        dict(zip(columns, map(plain, row), strict=True)) for row in frame.itertuples(index=False, name=None)
    ]


def plain(value: object) -> object:
    """A cell as JSON has it: an interval as a pair, what is missing or not finite as None.

    Examples
    --------
    >>> import numpy as np
    >>> import pandas as pd
    >>> from bipstats.replication.machine import plain
    >>> plain(np.float64("nan")), plain(np.int64(3)), plain(pd.Interval(0.5, 1.0, closed="both"))
    (None, 3, [0.5, 1.0])
    """
    if isinstance(value, pd.Interval):
        return [plain(value.left), plain(value.right)]
    if isinstance(value, Mapping):
        return {str(key): plain(cell) for key, cell in value.items()}
    if isinstance(value, bool | np.bool_):
        return bool(value)
    if isinstance(value, int | np.integer):
        return int(value)
    if isinstance(value, float | np.floating):
        return float(value) if math.isfinite(value) else None
    return None if value is None or value is pd.NA or value is pd.NaT else str(value)
