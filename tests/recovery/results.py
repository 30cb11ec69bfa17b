"""`results.csv`: the state of the harness, one line per world, row and quantity."""

from __future__ import annotations

import csv
import json
import os
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from .row import Row
from .rows import ROWS
from .tally import Number, Tally
from .worlds import WORLDS

PATH = Path(__file__).parent / "results.csv"
Key = tuple[str, str, str]
_TEXTS = ("world", "row", "quantity", "fingerprint", "version")
_TRUTHS = ("limit", "limit_mc", "causal", "causal_mc")


@dataclass(slots=True)
class Line:
    """What is known of one quantity of a row in a world.

    Attributes
    ----------
    world, row, quantity : names
    fingerprint : `Row.fingerprint` when it was computed
    version : of bipstats then
    limit : the estimator's own limit; its mean over the large studies
    causal : the true effect; None where there is none
    tally : what the studies gave
    """

    world: str
    row: str
    quantity: str
    fingerprint: str
    version: str
    limit: Number
    causal: Number | None
    tally: Tally = field(default_factory=Tally)

    @property
    def key(self) -> Key:
        """World, row, quantity."""
        return self.world, self.row, self.quantity


def read(path: Path = PATH) -> dict[Key, Line]:
    """Read the lines; none if there is no file."""
    if not path.exists():
        return {}
    with path.open(encoding="utf-8", newline="") as file:
        lines = [_line(cells) for cells in csv.DictReader(file)]
    return {line.key: line for line in lines}


def write(lines: Iterable[Line], path: Path = PATH) -> None:
    """Write the lines in the registry's order, whole or not at all."""
    order = {
        (world, row.name, quantity): place
        for place, (world, row, quantity) in enumerate(
            (world, row, quantity)
            for world in WORLDS
            for row in ROWS
            if world in row.worlds
            for quantity in row.causal
        )
    }
    kept = sorted(lines, key=lambda line: (order.get(line.key, len(order)), line.key))
    beside = path.with_suffix(".part")
    with beside.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow((*_TEXTS, *_TRUTHS, *Tally.numbers(), "why"))
        for line in kept:
            writer.writerow(_cells(line))
    os.replace(beside, path)


def outdated(lines: dict[Key, Line]) -> tuple[list[str], list[str]]:
    """Give the rows whose results are older than their code, and those without any; ``world: row``."""
    old, missing = [], []
    for row, world in pairs():
        mine = [lines.get((world, row.name, quantity)) for quantity in row.causal]
        marks = {None if line is None else line.fingerprint for line in mine}
        if None in marks:
            missing.append(f"{world}: {row.name}")
        elif marks != {row.fingerprint(WORLDS[world])}:
            old.append(f"{world}: {row.name}")
    return old, missing


def pairs() -> list[tuple[Row, str]]:
    """Every row in every world of its."""
    return [(row, world) for world in WORLDS for row in ROWS if world in row.worlds]


def _cells(line: Line) -> list[object]:
    causal = ("", "") if line.causal is None else (line.causal.value, line.causal.mc_error)
    numbers = [getattr(line.tally, name) for name in Tally.numbers()]
    values = [line.limit.value, line.limit.mc_error, *causal, *numbers]
    texts = [getattr(line, name) for name in _TEXTS]
    rounded = [f"{value:.9g}" if isinstance(value, float) else value for value in values]
    return [*texts, *rounded, json.dumps(line.tally.why, sort_keys=True)]


def _line(cells: dict[str, str]) -> Line:
    kinds = {name: type(getattr(Tally(), name)) for name in Tally.numbers()}
    tally = Tally(**{name: kind(cells[name]) for name, kind in kinds.items()}, why=json.loads(cells["why"]))
    causal = Number(float(cells["causal"]), float(cells["causal_mc"])) if cells["causal"] else None
    limit = Number(float(cells["limit"]), float(cells["limit_mc"]))
    return Line(*(cells[name] for name in _TEXTS), limit, causal, tally)
