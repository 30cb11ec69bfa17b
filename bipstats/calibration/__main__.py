"""Solve the worlds' parameters against the published figures, and check them.

``python -m bipstats.calibration check``, ``solve --world E2`` or ``jacobian --world E2``, from a checkout.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from bipstats.calibration import check as checking
from bipstats.calibration.evaluate import Archive, Task
from bipstats.calibration.jacobian import Jacobian, jacobian
from bipstats.calibration.parameters import Point
from bipstats.calibration.solve import solve, starting_point
from bipstats.calibration.writing import (
    changes,
    jacobian_path,
    jacobian_toml,
    read_jacobian,
    rewrite,
    world_path,
)
from bipstats.synthetic.truth import WORLDS, scenarios

STUDY, STUDIES = 4000, 60
"""Clients of a study of BIP's size, and studies from which its spread is taken."""


def main(arguments: Sequence[str] | None = None) -> None:
    """Run one command."""
    asked = _parser().parse_args(arguments)
    asked.run(asked, Archive(asked.checkpoint))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m bipstats.calibration", description=__doc__)
    commands = parser.add_subparsers(required=True)
    for name, run, clients, seeds, words in (
        ("check", _check, checking.CLIENTS, checking.SEEDS, "achieved against published"),
        ("solve", _solve, 100_000, 6, "solve a world's parameters and write them to its file"),
        ("jacobian", _jacobian, 60_000, 2, "derivatives of the moments in the parameters, and ridges"),
    ):
        command = commands.add_parser(name, help=words)
        command.set_defaults(run=run)
        many = {"nargs": "+", "default": list(WORLDS)} if name == "check" else {"default": "E2"}
        command.add_argument("--world", choices=WORLDS, **many)  # type: ignore[arg-type]
        command.add_argument("--clients", type=int, default=clients, help="of each simulated study")
        command.add_argument("--seeds", type=int, default=seeds, help="simulated studies")
        command.add_argument("--jobs", type=int, default=1, help="processes")
        command.add_argument(
            "--controls", type=float, default=0.2, help="share of the rows without an event in hazard models"
        )
        command.add_argument("--checkpoint", type=Path, help="file of finished studies; run again to go on")
        command.add_argument("--out", type=Path, help="default: the project's own file")
        if name == "solve":
            command.add_argument("--updates", type=int, default=12, help="damped updates; 0: the step only")
    return parser


def _check(asked: argparse.Namespace, archive: Archive) -> None:
    """Print the table; write it where all worlds were checked at the size of the committed one."""
    path = checking.default_path()
    if path.exists():
        for what in checking.outdated(checking.read(path)):
            print(f"The committed table is out of date: {what} has changed.")
    table = checking.check(
        asked.world,
        archive,
        clients=asked.clients,
        seeds=asked.seeds,
        controls=asked.controls,
        jobs=asked.jobs,
    )
    with pd.option_context("display.width", 160, "display.max_rows", None):
        print(table.to_string(index=False, float_format="{:.4f}".format, na_rep=""))
    missed = table[table["verdict"].isin(["missed", "sign differs"])]
    print(f"{len(missed)} of {len(table)} not reached.")
    if asked.out or set(asked.world) == set(WORLDS):
        text = checking.as_toml(table, asked.clients, asked.seeds)
        (asked.out or path).write_text(text, encoding="utf-8", newline="\n")


def _solve(asked: argparse.Namespace, archive: Archive) -> None:
    """Solve a world and write its file."""
    before = scenarios()[asked.world]
    after = solve(
        asked.world,
        before,
        read_jacobian(),
        archive,
        rounds=asked.updates,
        clients=asked.clients,
        seeds=tuple(range(1, asked.seeds + 1)),
        jobs=asked.jobs,
    )
    changed = changes(before, after)
    for (where, name), value in changed.items():
        print(f"{where}.{name}: {getattr(getattr(before, where), name)} -> {value}")
    source = world_path(asked.world)
    text = rewrite(source.read_text(encoding="utf-8"), asked.world, changed)
    (asked.out or source).write_text(text, encoding="utf-8", newline="\n")


def _jacobian(asked: argparse.Namespace, archive: Archive) -> None:
    """Print and write the Jacobian of a world."""
    seeds = tuple(range(1, asked.seeds + 1))
    point = starting_point(scenarios()[asked.world], archive, asked.clients, seeds)
    found = jacobian(
        asked.world,
        point,
        archive,
        clients=asked.clients,
        seeds=seeds,
        controls=asked.controls,
        jobs=asked.jobs,
    )
    _print(found)
    studies = [Task(Point(point.truth), STUDY, 5000 + k) for k in range(STUDIES)]
    spread = found.spread(archive.all(studies, asked.jobs, "studies"))
    print(f"Standard deviations if one study of {STUDY:,} clients were the data")
    print(spread.round(3).to_string())
    text = jacobian_toml(found, spread, asked.clients, asked.seeds)
    (asked.out or jacobian_path()).write_text(text, encoding="utf-8", newline="\n")


def _print(found: Jacobian) -> None:
    """Print derivatives per typical step, condition numbers, singular vectors and ridges."""
    with pd.option_context("display.width", 200, "display.max_columns", None):
        print("Moments per typical step of each parameter")
        print(pd.DataFrame(found.in_steps().T, found.parameters, found.moments).round(3).to_string())
        print("Monte Carlo errors of these")
        print(
            pd.DataFrame((found.errors * found.steps).T, found.parameters, found.moments).round(3).to_string()
        )
        print("Condition numbers:", {key: round(value) for key, value in found.conditions().items()})
        print("Singular vectors in typical steps, the weakest last")
        print(found.singular().round(2).to_string(index=False))
        print("Ridges: moves that keep all moments, to first order")
        print(found.ridges().round(3).to_string(index=False))
        print("Monte Carlo errors of these")
        print(found.ridge_errors().round(3).to_string(index=False))


if __name__ == "__main__":
    main()
