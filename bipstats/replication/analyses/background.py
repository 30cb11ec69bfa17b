"""E16 and E32-E34b: who the clients are."""

from __future__ import annotations

import pandas as pd

from bipstats.replication.estimate import Estimate, Quantities, Unavailable, mean, share
from bipstats.replication.frames import Prepared
from bipstats.replication.wording import counted

SHARES = (
    "job share",
    "long support",
    "no qualification",
    "mental diagnosis",
    "musculoskeletal diagnosis",
    "men convicted",
)


def shares(prepared: Prepared) -> Quantities:
    """Shares of clients, and the mean share of time in job or education; missing values are counted."""
    clients = prepared.study.clients
    men = clients[(clients["sex"] == "male").fillna(False)]
    time = clients["job_share_5y"]
    support = clients["support_share_5y"]
    long_support = (support >= 0.8).astype("boolean").mask(support.isna())
    return {
        "job share": mean(time.dropna().to_numpy(dtype=float), what="job_share_5y", note=_missing(time)),
        "long support": _share(long_support),
        "no qualification": _share(~clients["vocational_qualification"]),
        "mental diagnosis": _share(clients["mental_diagnosis"]),
        "musculoskeletal diagnosis": _share(clients["musculoskeletal_diagnosis"]),
        "men convicted": _share(men["convicted"], "no man with a known answer"),
    }


def _share(flag: pd.Series, what: str = "none with a known value") -> Estimate | Unavailable:
    return share(flag.dropna().to_numpy(dtype=bool), what=what, note=_missing(flag))


def _missing(column: pd.Series) -> str:
    missing = int(column.isna().sum())
    return f"{counted(missing, 'client')} with a missing value left out" if missing else ""
