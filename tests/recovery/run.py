"""Running rows: the two truths from a few large studies, then studies of the world's own size."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from joblib import Parallel, delayed

import bipstats as bip
from bipstats.core.progress import progress

from .results import Key, Line
from .row import Found, Row, Twin
from .rows import ROWS
from .tally import Number
from .worlds import WORLDS

LARGE_STUDIES = 4
LARGE_SEED = 1_000_000
"""Seeds of the large studies lie above; those of the others are 1, 2, 3, ..."""
BLOCK = 20
"""Studies between two saves."""

Save = Callable[[dict[Key, Line]], None]
Attempts = dict[str, dict[str, Found | str]]


@dataclass(frozen=True, slots=True)
class Plan:
    """How much to do.

    Attributes
    ----------
    studies : number of the last study
    large : studies that give the limit
    jobs : processes
    show : progress; None: on a terminal
    """

    studies: int
    large: int = LARGE_STUDIES
    jobs: int = 1
    show: bool | None = None


def run(world: str, rows: Sequence[Row], lines: dict[Key, Line], plan: Plan, save: Save) -> None:
    """Bring the rows of a world up to the plan; `lines` is changed, and saved after every block.

    Rows whose results are older than their code begin anew.
    """
    marks = {row.name: row.fingerprint(WORLDS[world]) for row in rows}
    fresh = [row for row in rows if not _current(row, world, lines, marks[row.name])]
    for clients in sorted({row.large for row in fresh}):
        lines.update(truths(world, [row for row in fresh if row.large == clients], plan, marks))
        save(lines)
    done = {row.name: lines[world, row.name, next(iter(row.causal))].tally.through for row in rows}
    tasks = []
    for seed in range(1 + min(done.values(), default=0), plan.studies + 1):
        names = [row.name for row in rows if seed > done[row.name] and seed % row.every == 0]
        if names:
            tasks.append((seed, names))
    made = _map(plan, [delayed(study)(world, seed, names) for seed, names in tasks])
    for count, attempts in enumerate(progress(made, len(tasks), f"{world}: studies", plan.show), start=1):
        seed = tasks[count - 1][0]
        for row_name, found in attempts.items():
            for quantity, one in found.items():
                line = lines[world, row_name, quantity]
                causal = None if line.causal is None else line.causal.value
                line.tally.add(seed, one, line.limit.value, causal)
        if count % BLOCK == 0 or count == len(tasks):
            save(lines)


def study(world: str, seed: int, names: Sequence[str], clients: int | None = None) -> Attempts:
    """Simulate one study and try the named rows on it; all rows share its frames."""
    return _study(world, seed, names, clients)[0]


def _study(world: str, seed: int, names: Sequence[str], clients: int | None) -> tuple[Attempts, Any]:
    made = WORLDS[world]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # in so many studies some are near a boundary
        data = made.make(seed, clients or made.clients)
        return {row.name: row.attempt(data) for row in _named(names, world)}, data


def _named(names: Sequence[str], world: str) -> list[Row]:
    return [row for row in ROWS if row.name in names and world in row.worlds]


def _current(row: Row, world: str, lines: dict[Key, Line], mark: str) -> bool:
    mine = [lines.get((world, row.name, quantity)) for quantity in row.causal]
    return all(line is not None and line.fingerprint == mark for line in mine)


def truths(world: str, rows: Sequence[Row], plan: Plan, marks: Mapping[str, str]) -> dict[Key, Line]:
    """Give empty lines with the limits and causal truths of rows of one large size; `marks` are their fingerprints.

    Raises
    ------
    RuntimeError
        If an estimator fails on a large study.
    """
    found: dict[Key, Line] = {}
    limits, causal = _large(world, rows, plan)
    twins = {
        twin.world: _large(twin.world, [_at(row, twin.world)], plan)[0]
        for row in rows
        for twin in row.causal.values()
        if isinstance(twin, Twin)
    }
    for row in rows:
        for quantity, what in row.causal.items():
            at = twins[what.world] if isinstance(what, Twin) else causal
            key = (world, row.name, quantity)
            true = None if what is None else _mean(at[row.name, quantity])
            limit = _mean(limits[row.name, quantity])
            found[key] = Line(*key, marks[row.name], bip.__version__, limit, true)
    return found


def _at(row: Row, world: str) -> Row:
    """The same estimator, by its name, in another world."""
    return _named([row.name], world)[0]


_Values = dict[tuple[str, str], list[float]]


def _large(world: str, rows: Sequence[Row], plan: Plan) -> tuple[_Values, _Values]:
    """Estimates and causal truths in every large study."""
    names, clients = [row.name for row in rows], rows[0].large
    seeds = [LARGE_SEED + number for number in range(1, plan.large + 1)]
    made = _map(plan, [delayed(_large_study)(world, seed, names, clients) for seed in seeds])
    limits: _Values = {}
    causal: _Values = {}
    for one, true in progress(made, plan.large, f"{world}: studies of {clients:,}", plan.show):
        for key, value in one.items():
            limits.setdefault(key, []).append(value)
        for key, value in true.items():
            causal.setdefault(key, []).append(value)
    return limits, causal


def _large_study(
    world: str, seed: int, names: Sequence[str], clients: int
) -> tuple[dict[tuple[str, str], float], dict[tuple[str, str], float]]:
    attempts, data = _study(world, seed, names, clients)
    limits = {}
    for name, found in attempts.items():
        for quantity, one in found.items():
            if isinstance(one, str):
                raise RuntimeError(f"{world}, {name}, {quantity}: large study {seed}: {one}")
            limits[name, quantity] = one.estimate
    causal = {
        (row.name, quantity): what(data)
        for row in _named(names, world)
        for quantity, what in row.causal.items()
        if callable(what)
    }
    return limits, causal


def _mean(values: Sequence[float]) -> Number:
    """Mean and its Monte Carlo error."""
    return Number(float(np.mean(values)), float(np.std(values, ddof=1) / np.sqrt(len(values))))


def _map(plan: Plan, tasks: list[Any]) -> Iterator[Any]:
    """Run the tasks in order, in so many processes."""
    return iter(Parallel(n_jobs=plan.jobs, return_as="generator", pre_dispatch="2*n_jobs")(tasks))
