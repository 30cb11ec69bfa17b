"""`python -m tests.recovery`: run rows, add to `results.csv`, write `docs/recovery.md`."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from fnmatch import fnmatch

from . import report, results, run
from .worlds import WORLDS


def _count(text: str, least: int = 1) -> int:
    if not text.isdecimal() or int(text) < least:
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number of at least {least}")
    return int(text)


def _several(text: str) -> int:
    return _count(text, least=2)


def _save(lines: dict[results.Key, results.Line]) -> None:
    """Write results and page together: one always tells of the other."""
    results.write(lines.values())
    report.write(results.read())


def main(arguments: Sequence[str] | None = None) -> int:
    """Run what is asked for."""
    parser = argparse.ArgumentParser(
        prog="python -m tests.recovery",
        description="Try the estimators on SYNTHETIC studies of known truth. Stop it when you like: it goes on from "
        "the last saved block of studies, and a larger --studies adds to what is there.",
    )
    parser.add_argument(
        "rows", nargs="*", default=["*"], help="rows by name, * for any letters; default: all"
    )
    parser.add_argument("--world", nargs="+", default=list(WORLDS), choices=WORLDS, metavar="WORLD")
    parser.add_argument(
        "--studies", type=_count, default=1000, help="number of the last study (default 1000)"
    )
    parser.add_argument(
        "--large", type=_several, default=run.LARGE_STUDIES, help="studies that give the limits"
    )
    parser.add_argument("--jobs", type=_count, default=1, help="processes")
    parser.add_argument("--list", action="store_true", help="name worlds and rows, and run nothing")
    asked = parser.parse_args(arguments)
    chosen = [
        (row, world)
        for row, world in results.pairs()
        if world in asked.world and any(fnmatch(row.name, pattern) for pattern in asked.rows)
    ]
    if not chosen:
        parser.error(f"no row is called {' or '.join(asked.rows)} in these worlds; --list names them.")
    if asked.list:
        print("\n".join(f"{world}: {row.name}" for row, world in chosen))
        return 0
    plan = run.Plan(asked.studies, asked.large, asked.jobs)
    lines = results.read()
    for world in WORLDS:
        rows = [row for row, where in chosen if where == world]
        if rows:
            run.run(world, rows, lines, plan, _save)
    _save(lines)
    old, missing = results.outdated(lines)
    if old:
        sys.stderr.write(f"Results older than the code: {'; '.join(old)}.\n")
    if missing:
        sys.stderr.write(f"{len(missing)} rows have no results yet.\n")
    print(f"SYNTHETIC. {results.PATH.name} and {report.PAGE.name} are written.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
