"""Data and R's numbers of tests/reference/few_clusters.R, and restricted fits by another library."""

from __future__ import annotations

import json
from functools import cache
from itertools import product
from typing import Any

import numpy as np
import pandas as pd
from references import FOLDER, frame


@cache
def r_numbers(name: str) -> dict[str, Any]:
    """One case, lists as arrays."""
    stored = json.loads((FOLDER / "few_clusters.json").read_text())
    [case] = [case for case in stored["few"] + stored["cox"] if case["name"] == name]
    return {key: np.array(v, dtype=float) if isinstance(v, list) else v for key, v in case.items()}


def tiny() -> pd.DataFrame:
    """Fourteen rows in six clusters, one of them a single row."""
    return frame("tiny_clusters")


def veteran() -> pd.DataFrame:
    """137 rows in eleven clusters ``g`` that cross five groups ``h``."""
    data = frame("veteran")
    data["celltype"] = pd.Categorical(data["celltype"], ["squamous", "smallcell", "adeno", "large"])
    return data.assign(g=np.arange(len(data)) % 11, h=np.arange(1, len(data) + 1) * 7 % 5)


def periods() -> pd.DataFrame:
    """Person-periods in thirteen centres."""
    data = frame("cgd_periods")
    return data.assign(old=(data["age"] > 15).astype(int))


def cgd() -> pd.DataFrame:
    """Counting-process rows in thirteen centres; levels in R's order."""
    data = frame("cgd")
    return data.assign(inherit=pd.Categorical(data["inherit"], ["autosomal", "X-linked"]))


def all_signs(n_clusters: int) -> np.ndarray:
    """Every pattern of signs, opposite ones too."""
    return np.array(list(product((1.0, -1.0), repeat=n_clusters)))


def sign_p_value(influence: np.ndarray) -> float:
    """Share of all sign patterns whose sum is no smaller than the clusters' own."""
    sums = np.abs(all_signs(len(influence)) @ influence)
    return float((sums >= abs(influence.sum()) * (1 - 1e-9)).mean())
