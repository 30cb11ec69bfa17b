"""R's numbers and the data they were computed on; tests/reference/survival.R made both."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

FOLDER = Path(__file__).parent / "reference"


@cache
def r_numbers(group: str) -> dict[str, dict[str, Any]]:
    """Cases of one group by name, lists as arrays."""
    cases = json.loads((FOLDER / "survival.json").read_text())[group]
    return {
        case["name"]: {key: np.asarray(v) if isinstance(v, list) else v for key, v in case.items()}
        for case in cases
    }


@cache
def _read(name: str) -> pd.DataFrame:
    return pd.read_csv(FOLDER / f"{name}.csv")


def frame(name: str) -> pd.DataFrame:
    """One of R's data sets: heart, cgd, cgd_periods, veteran."""
    return _read(name).copy()
