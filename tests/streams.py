"""Person-weeks for the tests of streamed fits, in memory and in files."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

FORMULA = "x + z + g + x:g"


def person_weeks(clients: int = 200, seed: int = 1) -> pd.DataFrame:
    """Rows sorted by client, in the small types of files; period 3 has no event."""
    rng = np.random.default_rng(seed)
    spells = rng.integers(1, 9, clients)
    n = int(spells.sum())
    data = pd.DataFrame(
        {
            "client": np.repeat(np.arange(clients), spells).astype(np.int32),
            "period": np.concatenate([np.arange(spell) for spell in spells]).astype(np.int8),
            "caseworker": rng.integers(0, 30, n).astype(np.int16),
            "x": rng.normal(size=n).astype(np.float32),
            "z": rng.integers(0, 5, n).astype(np.int8),
            "g": pd.Categorical(rng.choice(list("abc"), n), categories=list("zcba")),
            "text": rng.choice(["north", "south", "west"], n),
            "exposure": rng.choice([0.5, 1.0], n).astype(np.float32),
            "weight": rng.uniform(0.5, 2.0, n),
        }
    )
    eta = -1.5 + 0.1 * data["x"] + 0.2 * data["z"] - 0.05 * data["period"]
    hazard = 1 - np.exp(-np.exp(eta) * data["exposure"])
    data["event"] = ((rng.random(n) < hazard) & (data["period"] != 3)).astype(np.int8)
    data["exit"] = pd.Categorical(np.where(data["event"] == 1, rng.choice(["job", "pension"], n), "censored"))
    return data


def write_parts(data: pd.DataFrame, folder: Path, cuts: tuple[int, ...] = (350, 700)) -> Path:
    """Write a frame as several files of several row groups."""
    folder.mkdir(parents=True, exist_ok=True)
    for place, rows in enumerate(np.split(np.arange(len(data)), [cut for cut in cuts if cut < len(data)])):
        part = data.iloc[rows]
        part.to_parquet(folder / f"part-{place}.parquet", index=False, row_group_size=200)
    return folder


def assert_same_fit(streamed, held) -> None:
    """All that a result says is the same, but for rows that were collapsed in memory."""
    names = streamed.estimates.names
    assert names == held.estimates.names
    size = held.bse.to_numpy()
    assert np.abs(streamed.params - held.params).max() <= 1e-10 * size.max()
    np.testing.assert_allclose(streamed.params, held.params, rtol=1e-10, atol=1e-10 * size.min())
    np.testing.assert_allclose(streamed.bse, size, rtol=1e-10)
    np.testing.assert_allclose(streamed.cov, held.cov, rtol=1e-10, atol=1e-10 * size.min() ** 2)
    assert np.isclose(streamed.loglik, held.loglik, rtol=1e-12)
    assert (streamed.nobs, streamed.n_events) == (held.nobs, held.n_events)
    assert streamed.fit.n_units == held.fit.n_units
    assert streamed.clusters == held.clusters
    assert streamed.estimates.how == held.estimates.how
    assert streamed.design == held.design
    assert streamed.fit.flow == tuple(step for step in held.fit.flow if "collapsed" not in step[0])
    for name in ("levels", "periods", "knots"):
        assert getattr(streamed, name, ()) == getattr(held, name, ())
