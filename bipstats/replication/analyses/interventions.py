"""E17-E22: what clients have had in the last three months, by two units of counting."""

from __future__ import annotations

import numpy as np
import pandas as pd

from bipstats.codebook import CLASSES
from bipstats.errors import ModelError
from bipstats.replication.estimate import Estimate, Quantities, mean, share
from bipstats.replication.frames import Prepared

KINDS = (*CLASSES, "without job", "one type", "two or more types")
BY_WINDOW = tuple(f"{kind}, by window" for kind in KINDS)
BY_CLIENT = (
    *(f"{kind}, by client" for kind in KINDS),
    *(f"{kind}, first window" for kind in KINDS),
)


def by_window(prepared: Prepared) -> Quantities:
    """Share of client-windows of three months; errors clustered by client."""
    rows = _rows(prepared)
    client = pd.factorize(rows["client"])[0]
    return {f"{kind}, by window": _clustered(flag, client) for kind, flag in _flags(rows).items()}


def by_client(prepared: Prepared) -> Quantities:
    """Mean over clients of the share of their windows, and share of clients in their first window."""
    rows = _rows(prepared)
    client = pd.factorize(rows["client"])[0]
    first = ~rows["client"].duplicated().to_numpy()
    count = np.bincount(client)
    made: Quantities = {}
    for kind, flag in _flags(rows).items():
        own = np.bincount(client, flag) / count
        made[f"{kind}, by client"] = mean(own, what="with a whole window at risk")
        made[f"{kind}, first window"] = share(flag[first], what="none has a whole window at risk")
    return made


def _rows(prepared: Prepared) -> pd.DataFrame:
    rows = prepared.windows
    if rows.empty:
        raise ModelError("no client was followed for three months.")
    return rows


def _flags(rows: pd.DataFrame) -> dict[str, np.ndarray]:
    """Which windows are of each kind."""
    classes = rows["intervention_class"].to_numpy(dtype=object)
    types = rows["n_types"].to_numpy()
    flags = {kind: classes == kind for kind in CLASSES}
    flags["without job"] = flags["none"] | flags["other only"]
    flags["one type"], flags["two or more types"] = types == 1, types >= 2
    return flags


def _clustered(flag: np.ndarray, client: np.ndarray) -> Estimate:
    """Share of rows, with a standard error that lets the rows of a client depend on each other."""
    p = float(flag.mean())
    sums = np.bincount(client, flag - p)
    return Estimate(p, float(np.sqrt(sums @ sums)) / len(flag), len(flag), "share", "client-windows")
