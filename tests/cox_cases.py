"""The fits of tests/reference/cox_diagnostics.R and R's numbers for them."""

from __future__ import annotations

import json
from functools import cache
from typing import Any

import numpy as np
import pandas as pd
from references import FOLDER, frame

import bipstats as bip
from bipstats.models.cox import CoxResult


@cache
def r_numbers(group: str) -> Any:
    """One group of R's numbers: diagnostics, curves, base or lr_test."""
    return json.loads((FOLDER / "cox_diagnostics.json").read_text())[group]


def floats(values: Any) -> np.ndarray:
    """Nested lists as an array, null as NaN."""
    return np.array(values, dtype=float)


@cache
def _made(name: str) -> pd.DataFrame:
    data = frame(name)
    if name == "heart":
        data["w"] = 1 + (np.arange(1, len(data) + 1) % 3) / 2
        return _months(data, "start", "stop")
    if name == "cgd":
        data["age_20"] = data["age"] / 20
        data["sex"] = pd.Categorical(data["sex"], ["male", "female"])
        data["inherit"] = pd.Categorical(data["inherit"], ["autosomal", "X-linked"])
        return _months(data, "tstart", "tstop")
    if name == "veteran":
        data["celltype"] = pd.Categorical(data["celltype"], ["squamous", "smallcell", "adeno", "large"])
        return data.assign(months=np.ceil(data["time"] / 30))
    if name == "retinopathy":
        data["type"] = pd.Categorical(data["type"], ["juvenile", "adult"])
    return data


def _months(data: pd.DataFrame, start: str, stop: str) -> pd.DataFrame:
    begin = np.floor(data[start] / 30)
    return data.assign(begin=begin, end=np.maximum(np.ceil(data[stop] / 30), begin + 1))


def made(name: str) -> pd.DataFrame:
    """R's data with the columns that the script makes."""
    return _made(name).copy()


_HEART = dict(data="heart", start="begin", stop="end", weights="w")
_CGD = dict(data="cgd", event="status")
CASES: dict[str, dict[str, Any]] = {
    "heart": dict(data="heart", formula="age + year + surgery + transplant"),
    "heart breslow": _HEART | dict(formula="age + surgery + transplant", ties="breslow"),
    "heart tied": _HEART | dict(formula="age + surgery + transplant"),
    "cgd strata": _CGD
    | dict(formula="treat + height", start="begin", stop="end", weights="wt", offset="age_20", strata="sex"),
    "cgd hospital": _CGD
    | dict(formula="treat + age + inherit", start="tstart", stop="tstop", strata="center"),
    "veteran": dict(
        data="veteran", formula="trt + celltype + karno", start=None, stop="months", event="status"
    ),
}


@cache
def fitted(name: str, id: str | None = None) -> tuple[CoxResult, pd.DataFrame]:
    """The fit of a case and its data."""
    arguments = dict(CASES[name])
    data = made(arguments.pop("data"))
    return bip.cox(arguments.pop("formula"), data, id=id, **arguments), data


def spells(seed: int, n_clients: int = 30, *, ties: bool = True) -> pd.DataFrame:
    """Clients with one to four touching rows, two covariates, weights and two strata; rows out of order."""
    rng = np.random.default_rng(seed)
    pieces = []
    for client in range(n_clients):
        cuts = np.cumsum(
            rng.integers(1, 8, rng.integers(2, 6)) if ties else rng.exponential(3, rng.integers(2, 6))
        )
        event = np.r_[np.zeros(len(cuts) - 2, int), client < 6 or rng.integers(0, 2)]
        piece = {"client": client, "start": cuts[:-1], "stop": cuts[1:], "event": event}
        pieces.append(pd.DataFrame(piece | {"x": rng.integers(0, 3, len(cuts) - 1), "s": client % 2}))
    rows = pd.concat(pieces, ignore_index=True)
    rows["z"], rows["w"] = rng.normal(size=len(rows)), 0.5 + rng.random(len(rows))
    return rows.sample(frac=1, random_state=seed)
