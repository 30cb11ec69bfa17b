"""Running rows: the two truths from a few large studies, then studies of the world's own size."""

from __future__ import annotations

import hashlib
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from joblib import Parallel, delayed

import bipstats as bip
from bipstats.core.journal import Journal
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
JOURNALS = Path(__file__).parent / ".large"
"""What large studies gave; each takes a minute or two."""

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
            true = None if what is None else _mean(at, row, quantity)
            limit = _mean(limits, row, quantity)
            key = (world, row.name, quantity)
            found[key] = Line(*key, marks[row.name], bip.__version__, limit, true)
    return found


def _at(row: Row, world: str) -> Row:
    """The same estimator, by its name, in another world."""
    return _named([row.name], world)[0]


Values = dict[str, dict[str, float]]
"""Row -> quantity -> value."""


def _large(world: str, rows: Sequence[Row], plan: Plan) -> tuple[list[Values], list[Values]]:
    """Estimates and causal truths in every large study, those of an interrupted run from its journal."""
    names, clients = [row.name for row in rows], rows[0].large
    work = f"{world}, {clients} clients: " + "; ".join(
        f"{row.name} {row.fingerprint(WORLDS[world])}" for row in rows
    )
    JOURNALS.mkdir(exist_ok=True)
    journal = Journal(JOURNALS / f"{hashlib.sha256(work.encode()).hexdigest()[:16]}.jsonl", work)
    found = journal.done[: plan.large]
    numbers = range(len(journal.done) + 1, plan.large + 1)
    made = _map(plan, [delayed(_large_study)(world, LARGE_SEED + i, names, clients) for i in numbers])
    for one in progress(made, len(numbers), f"{world}: studies of {clients:,}", plan.show):
        journal.append(one)
        found.append(one)
    return [one["limits"] for one in found], [one["causal"] for one in found]


def _large_study(world: str, seed: int, names: Sequence[str], clients: int) -> dict[str, Values]:
    """Estimates and causal truths in one large study."""
    attempts, data = _study(world, seed, names, clients)
    for name, found in attempts.items():
        for quantity, one in found.items():
            if isinstance(one, str):
                raise RuntimeError(f"{world}, {name}, {quantity}: large study {seed}: {one}")
    limits = {
        name: {quantity: one.estimate for quantity, one in found.items() if isinstance(one, Found)}
        for name, found in attempts.items()
    }
    causal = {
        row.name: {quantity: what(data) for quantity, what in row.causal.items() if callable(what)}
        for row in _named(names, world)
    }
    return {"limits": limits, "causal": causal}


def _mean(values: Sequence[Values], row: Row, quantity: str) -> Number:
    """Mean and its Monte Carlo error."""
    these = [one[row.name][quantity] for one in values]
    return Number(float(np.mean(these)), float(np.std(these, ddof=1) / np.sqrt(len(these))))


def _map(plan: Plan, tasks: list[Any]) -> Iterator[Any]:
    """Run the tasks in order, in so many processes."""
    return iter(Parallel(n_jobs=plan.jobs, return_as="generator", pre_dispatch="2*n_jobs")(tasks))
