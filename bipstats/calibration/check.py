"""Achieved against published, world by world."""

from __future__ import annotations

import hashlib
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from importlib import resources
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from bipstats.calibration.evaluate import Archive, Task, mean_and_error
from bipstats.calibration.parameters import ANSWER_ONE, CLOSED_FORM, FREE, SOLVED, Point
from bipstats.calibration.targets import SIGNS, fingerprint, sign_holds, targets, verdict
from bipstats.synthetic.truth import WORLDS, Truth, scenarios

CLIENTS = 100_000
SEEDS = 6
FIRST_SEED = 101
"""Seeds of `check` begin here; the solver's own are lower or above 1000, so that a check is on fresh worlds."""

COLUMNS = ("world", "figure", "quantity", "published", "achieved", "error", "deviation", "verdict")

_HEAD = """\
# The published figures against what simulated worlds show of them, by the reference analyses.
# Made by: python -m bipstats.calibration check --clients {clients} --seeds {seeds}
# Hazard models use all rows with an event and a fifth of the others, weighted. achieved: mean over the seeds; error:
# its Monte Carlo standard error; deviation: relative.
# Synthetic by construction: agreement says that the solver worked, nothing about BIP. Do not edit by hand.
"""


def default_path() -> Path:
    """Path of the committed table."""
    return Path(str(resources.files("bipstats.calibration") / "achieved.toml"))


def check(
    names: Sequence[str],
    archive: Archive,
    *,
    clients: int = CLIENTS,
    seeds: int = SEEDS,
    controls: float = 0.2,
    jobs: int = 1,
    truths: Mapping[str, Truth] | None = None,
) -> pd.DataFrame:
    """Simulate worlds and set what they show beside the published figures.

    Parameters
    ----------
    names : sequence of str
        Worlds of `bip.scenarios`.
    archive : Archive
        Worlds in it are not simulated again.
    clients, seeds : int
        Size and number of simulated studies of each world.
    controls : float
        See `reference.reference`.
    jobs : int
        Processes.
    truths : mapping, optional
        In place of the packaged worlds.

    Returns
    -------
    pandas.DataFrame
        ``world, figure, quantity, published, achieved, error, deviation, verdict``; signs have no ``published`` and
        the verdict ``sign agrees`` or ``sign differs``.
    """
    known = scenarios() if truths is None else truths
    rows: list[tuple[Any, ...]] = []
    for world in names:
        point = Point(known[world])
        tasks = [Task(point, clients, FIRST_SEED + k, controls) for k in range(seeds)]
        rows += _rows(world, archive.all(tasks, jobs, f"world {world}"))
    return pd.DataFrame(rows, columns=list(COLUMNS))


def _rows(world: str, results: Sequence[dict[str, float]]) -> Iterator[tuple[Any, ...]]:
    for target in targets(world):
        value, error = mean_and_error(results, target.quantity)
        shown = target.shown(value)
        figure = f"{target.figure} {target.part}".strip()
        said = verdict(target, value, error)
        spread = shown * error if target.ratio else error
        yield world, figure, target.quantity, target.value, shown, spread, shown / target.value - 1, said
    for name, (quantity, words) in SIGNS.items():
        value, error = mean_and_error(results, quantity)
        agrees = "sign agrees" if sign_holds(name, value) else "sign differs"
        yield world, f"{name}: {words}", quantity, np.nan, value, error, np.nan, agrees


def parameters_digest(truth: Truth) -> str:
    """Give a short digest of the numbers that a calibration sets, or would set if they were not assumed."""
    paths = {parameter.path for world in SOLVED.values() for parameter in (*world, *FREE)}
    paths = (paths | set(CLOSED_FORM)) - {ANSWER_ONE.path}
    sections = truth.sections()
    values = [(path, getattr(sections[path.split(".")[0]], path.split(".")[1])) for path in sorted(paths)]
    return hashlib.sha256(repr(values).encode()).hexdigest()[:16]


def as_toml(table: pd.DataFrame, clients: int, seeds: int, truths: Mapping[str, Truth] | None = None) -> str:
    """Write a table of `check` as TOML, with what it was made for."""
    known = scenarios() if truths is None else truths
    parts = [_HEAD.format(clients=clients, seeds=seeds), f'fingerprint = "{fingerprint()}"\n']
    parts += [f"clients = {clients}\nseeds = {seeds}\n\n[parameters]"]
    parts += [f'{world} = "{parameters_digest(known[world])}"' for world in table["world"].unique()]
    for row in table.to_dict("records"):
        words = [f'{key} = "{row[key]}"' for key in ("world", "figure", "quantity")]
        numbers = [f"{key} = {row[key]:.5g}" for key in COLUMNS[3:7] if np.isfinite(row[key])]
        parts.append("\n".join(["\n[[row]]", *words, *numbers, f'verdict = "{row["verdict"]}"']))
    return "\n".join(parts) + "\n"


def read(path: Path | None = None) -> dict[str, Any]:
    """Read a committed table."""
    return tomllib.loads((path or default_path()).read_text(encoding="utf-8"))


def outdated(stored: Mapping[str, Any]) -> list[str]:
    """Say what has changed since a table was made; empty if it is up to date."""
    found = []
    if stored["fingerprint"] != fingerprint():
        found.append("a target or the definition of a quantity")
    for world in WORLDS:
        if stored["parameters"].get(world) != parameters_digest(scenarios()[world]):
            found.append(f"the parameters of world {world}")
    return found
