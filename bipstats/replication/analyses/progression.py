"""E23-E26: change of the index between measurements, by what was done in between."""

from __future__ import annotations

import numpy as np
import pandas as pd

from bipstats.codebook import CLASSES, REFERENCE_RATER
from bipstats.core.covariance import cluster, covariance, group_sums
from bipstats.errors import ModelError
from bipstats.replication.estimate import Estimate, Quantities, Unavailable
from bipstats.replication.frames import QUARTER, SIGNIFICANT, Prepared
from bipstats.replication.wording import counted

LONGEST_GAP = 16
"""Weeks between two measurements; over a longer gap the class would join different three-month periods."""

NAMES = (*CLASSES, "both less next")
ALL_PAIRS = tuple(f"progression, {name}, all pairs" for name in NAMES)
REFERENCE = tuple(f"progression, {name}" for name in NAMES)
CLIENT_ITEMS = tuple(f"progression, {name}, client items" for name in NAMES)
CASEWORKER_ITEMS = tuple(f"progression, {name}, caseworker items" for name in NAMES)

_DRAWS = 100_000
_SEED = 23

_REFERENCE_ITEMS = tuple(f"{key}_{REFERENCE_RATER[key]}" for key in SIGNIFICANT)


def reference(prepared: Prepared) -> Quantities:
    """The nine indicators, each by its reference rater."""
    return _named(REFERENCE, _by_class(_near(prepared.transitions), _REFERENCE_ITEMS))


def all_pairs(prepared: Prepared) -> Quantities:
    """The same over gaps of any length, with the class over the whole gap."""
    return _named(ALL_PAIRS, _by_class(prepared.transitions, _REFERENCE_ITEMS))


def client_items(prepared: Prepared) -> Quantities:
    """Those of the nine that the client answers."""
    items = tuple(item for item in _REFERENCE_ITEMS if item.endswith("_client"))
    return _named(CLIENT_ITEMS, _by_class(_near(prepared.transitions), items))


def caseworker_items(prepared: Prepared) -> Quantities:
    """Those of the nine that the caseworker answers."""
    items = tuple(item for item in _REFERENCE_ITEMS if item.endswith("_caseworker"))
    return _named(CASEWORKER_ITEMS, _by_class(_near(prepared.transitions), items))


def _near(pairs: pd.DataFrame) -> pd.DataFrame:
    """Pairs of measurements about three months apart."""
    return pairs[pairs["weeks"] <= LONGEST_GAP]


def _named(names: tuple[str, ...], made: dict[str, Estimate | Unavailable]) -> Quantities:
    return {name: made[key] for name, key in zip(names, NAMES, strict=True)}


def _by_class(pairs: pd.DataFrame, items: tuple[str, ...]) -> dict[str, Estimate | Unavailable]:
    """Mean change per quarter of each class, in sd of the index at the first measurement.

    Notes
    -----
    Least squares of the change per 13 weeks on the four classes, errors clustered by client; the intervals
    of the four means and of the three contrasts of job + other with another class hold at once (maximum of
    |t| under the normal law). "both less next" is the contrast whose interval reaches lowest: if it lies above
    zero, job + other is the largest of all.
    """
    change = pairs[[f"change_{item}" for item in items]]
    complete = change.notna().all(axis=1).to_numpy()
    rows = pairs[complete]
    if rows.empty:
        raise ModelError("no client has two consecutive measurements with all items.")
    index_change = change[complete].to_numpy(dtype=float).mean(axis=1)
    y = index_change / rows["weeks"].to_numpy() * QUARTER / _first_sd(pairs, items)
    code = rows["intervention_class"].cat.codes.to_numpy()
    present = np.bincount(code, minlength=len(CLASSES)) > 1
    mean, matrix = _cell_means(y, code, present, rows)
    missing = int((~complete).sum())
    note = f"{counted(missing, 'pair')} with missing answers left out" if missing else ""
    return _estimates(mean, matrix, present, np.bincount(code, minlength=len(CLASSES)), note)


def _first_sd(pairs: pd.DataFrame, items: tuple[str, ...]) -> float:
    """Standard deviation of the index at the first measurement."""
    first = pairs.loc[pairs["measurement"] == 1, list(items)].dropna().to_numpy(dtype=float)
    spread = float(first.mean(axis=1).std(ddof=1)) if len(first) > 1 else 0.0
    if not spread > 0:
        raise ModelError("the index does not vary at the first measurement.")
    return spread


def _cell_means(
    y: np.ndarray, code: np.ndarray, present: np.ndarray, rows: pd.DataFrame
) -> tuple[np.ndarray, np.ndarray]:
    """Means of the classes and of the contrasts, with their covariance; zero rows for absent classes."""
    x = (code[:, None] == np.arange(len(CLASSES))) * 1.0
    count = x.sum(axis=0)
    mean = np.divide(x.T @ y, count, out=np.zeros(len(CLASSES)), where=count > 0)
    scores = x * (y - mean[code])[:, None]
    client = pd.factorize(rows["client"])[0]
    information = np.diag(np.where(present, count, 1.0))
    made = covariance(
        cluster("client"),
        information,
        lambda group: group_sums(scores, group),
        lambda _: client,
        None,
        len(y),
    )
    last = len(CLASSES) - 1
    contrast = np.vstack([np.eye(len(CLASSES)), np.eye(len(CLASSES))[last] - np.eye(len(CLASSES))[:last]])
    return contrast @ mean, contrast @ made.matrix @ contrast.T


def _estimates(
    mean: np.ndarray, matrix: np.ndarray, present: np.ndarray, count: np.ndarray, note: str
) -> dict[str, Estimate | Unavailable]:
    """Name the estimates; a class without pairs has none."""
    error = np.sqrt(np.diag(matrix))
    last = len(CLASSES) - 1
    usable = np.append(present, present[last] & present[:last]) & (error > 0)
    if not usable.any():
        raise ModelError("no class has two pairs of measurements.")
    critical = _critical(matrix[np.ix_(usable, usable)])
    n = np.append(count, count[last] + count[:last])
    made: dict[str, Estimate | Unavailable] = {
        name: _one(mean[i], error[i], n[i], note, critical)
        if usable[i]
        else Unavailable(f"fewer than two pairs of measurements in the class {name!r}")
        for i, name in enumerate(CLASSES)
    }
    made["both less next"] = Unavailable("some class has fewer than two pairs of measurements")
    if usable.all():
        lower = mean[last + 1 :] - critical * error[last + 1 :]
        i = last + 1 + int(np.argmin(lower))
        against = f"job + other less {CLASSES[i - last - 1]}, the contrast whose interval reaches lowest"
        made["both less next"] = _one(mean[i], error[i], n[i], note, critical).with_note(against)
    return made


def _one(value: float, error: float, n: int, note: str, critical: float) -> Estimate:
    return Estimate(float(value), float(error), int(n), "difference", "pairs of measurements", note, critical)


def _critical(matrix: np.ndarray) -> float:
    """The 95 % point of the largest |t|, by simulation with a fixed seed."""
    error = np.sqrt(np.diag(matrix))
    values, vectors = np.linalg.eigh(matrix / np.outer(error, error))
    root = vectors * np.sqrt(np.clip(values, 0, None))
    draws = np.random.default_rng(_SEED).standard_normal((_DRAWS, len(error))) @ root.T
    return float(np.quantile(np.abs(draws).max(axis=1), 0.95))
