"""E17-E22: what clients have had in the last three months, by two units of counting."""

from __future__ import annotations

import pandas as pd

from bipstats.errors import ModelError
from bipstats.interventions.counts import KINDS, count_kinds
from bipstats.replication.estimate import Estimate, Quantities
from bipstats.replication.frames import Prepared

BY_WINDOW = tuple(f"{kind}, by window" for kind in KINDS)
BY_CLIENT = (
    *(f"{kind}, by client" for kind in KINDS),
    *(f"{kind}, first window" for kind in KINDS),
)


def by_window(prepared: Prepared) -> Quantities:
    """Share of client-windows of three months; errors clustered by client."""
    counted = _counted(prepared)
    return _shares(counted, "by window", "window", len(prepared.windows), "client-windows")


def by_client(prepared: Prepared) -> Quantities:
    """Mean over clients of the share of their windows, and share of clients in their first window."""
    counted, n = _counted(prepared), int(prepared.windows["client"].nunique())
    return {
        **_shares(counted, "by client", "client", n, "clients"),
        **_shares(counted, "first window", "first", n, "clients"),
    }


def _counted(prepared: Prepared) -> pd.DataFrame:
    if prepared.windows.empty:
        raise ModelError("no client was followed for three months.")
    return count_kinds(prepared.windows)


def _shares(table: pd.DataFrame, what: str, unit: str, n: int, of: str) -> Quantities:
    column = {"window": "by_window", "client": "by_client", "first": "first_window"}[unit]
    return {
        f"{kind}, {what}": Estimate(float(share), float(error), n, "share", of)
        for kind, share, error in zip(table["kind"], table[column], table[f"{unit}_error"], strict=True)
    }
