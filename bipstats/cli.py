"""The command ``bipstats``: ledger, checks and simulated studies from a shell."""

from __future__ import annotations

import argparse
import shutil
import sys
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from bipstats import __version__
from bipstats.errors import BipstatsError, BipstatsWarning, OptionError

if TYPE_CHECKING:
    from bipstats.study.study import Study

FOUND_ERRORS, CANNOT = 1, 2


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command.

    Parameters
    ----------
    arguments : sequence of str, optional
        What stands after ``bipstats``; the shell's own if not given.

    Returns
    -------
    int
        0: done; 1: ``check`` found errors; 2: it could not be done, and one message says why.
    """
    asked = _parser().parse_args(arguments)
    try:
        with _warnings_as_lines():
            return int(asked.run(asked))
    except (BipstatsError, OSError) as problem:
        print(f"bipstats: {problem}", file=sys.stderr)
        return CANNOT


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="bipstats", description="Published figures of the Danish BIP study beside estimates from data."
    )
    parser.add_argument("--version", action="version", version=f"bipstats {__version__}")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    replicate = commands.add_parser("replicate", help="write the ledger of published figures and estimates")
    replicate.add_argument(
        "folder", nargs="?", type=Path, help="a study; default: the packaged synthetic one"
    )
    replicate.add_argument(
        "--out", type=Path, default=Path("bipstats-report"), metavar="DIR", help="default: ./bipstats-report"
    )
    replicate.add_argument("--force", action="store_true", help="write into a folder that holds other files")
    replicate.add_argument("--lang", default="en", help="language of the page: en, sv or da; default: en")
    replicate.add_argument(
        "--draws", type=int, default=500, metavar="N", help="resamples of caseworkers; default: 500"
    )
    replicate.add_argument("--seed", type=int, default=15, metavar="S", help="of the resamples; default: 15")
    replicate.add_argument("--mapping", type=Path, help="TOML that names your columns, codes and scales")
    replicate.add_argument(
        "--codes", type=Path, help="TOML with the meaning of your register's benefit codes"
    )
    replicate.set_defaults(run=_replicate)

    check = commands.add_parser(
        "check", help="list every problem of a study; exit code 1 if there are errors"
    )
    check.add_argument("folder", type=Path)
    check.add_argument("--mapping", type=Path, help="TOML that names your columns, codes and scales")
    check.add_argument("--codes", type=Path, help="TOML with the meaning of your register's benefit codes")
    check.set_defaults(run=_check)

    simulate = commands.add_parser("simulate", help="write a simulated study with its truth")
    simulate.add_argument("out", type=Path)
    simulate.add_argument("--clients", type=int, default=4000, metavar="N")
    simulate.add_argument("--seed", type=int, default=1, metavar="S")
    simulate.add_argument("--force", action="store_true", help="write into a folder that holds files")
    simulate.set_defaults(run=_simulate)
    return parser


def _replicate(asked: argparse.Namespace) -> int:
    """Estimate, print one line per figure, write the report."""
    from bipstats.caseworkers.effectiveness import check_count
    from bipstats.codebook.files import check_language
    from bipstats.replication.folder import check_out
    from bipstats.replication.replicate import replicate

    check_language(asked.lang)  # all this before the work, not after
    check_count("--draws", asked.draws)
    if asked.seed < 0:
        raise OptionError(f"--seed={asked.seed} is not a whole number of 0 or more.")
    check_out(asked.out, asked.force, "--force")
    study = _study(asked.folder, asked.mapping, asked.codes)
    result = replicate(study, draws=asked.draws, rng=asked.seed)
    for text in str(result).splitlines():
        print(_fitted(text))
    page = result.to_folder(asked.out, asked.lang, asked.force)
    print(f"Report: {page.resolve()}")
    return 0


def _study(folder: Path | None, mapping: Path | None, codes: Path | None) -> Study:
    if folder is not None:
        from bipstats.study.readers import read_study

        return read_study(folder, mapping=mapping, codes=codes)
    for name, value in (("--mapping", mapping), ("--codes", codes)):
        if value is not None:
            raise OptionError(f"{name} describes the files of a FOLDER; none is given.")
    from bipstats.study.released import load_synthetic

    return load_synthetic()


def _check(asked: argparse.Namespace) -> int:
    """Print every problem."""
    from bipstats.study.mapping import read_mapping
    from bipstats.study.problems import message
    from bipstats.study.readers import read_folder

    problems = read_folder(asked.folder, read_mapping(asked.mapping), asked.codes).problems
    errors = [problem for problem in problems if problem.severity == "error"]
    others = [problem for problem in problems if problem.severity != "error"]
    for name, found in (("Errors", errors), ("Warnings", others)):
        if found:
            print(f"{name}: {message(found)}")
    if not errors:
        print(f"{asked.folder} can be read; no errors.")
    return FOUND_ERRORS if errors else 0


def _simulate(asked: argparse.Namespace) -> int:
    """Write a simulated study."""
    out = asked.out
    if out.is_dir() and any(out.iterdir()) and not asked.force:  # before the work, not after
        raise OptionError(
            f"{out} holds files. Name a new folder, or write there all the same with --force (files of a study "
            "are replaced, others stay)."
        )
    from bipstats.synthetic.simulate import simulate

    study = simulate(clients=asked.clients, rng=asked.seed)
    study.to_folder(out, overwrite=asked.force)
    print(f"Simulated study of {asked.clients:,} clients, seed {asked.seed}: {out.resolve()}")
    return 0


def _fitted(text: str) -> str:
    """Cut a line to the terminal's width; elsewhere it stays whole."""
    if not sys.stdout.isatty():
        return text
    width = shutil.get_terminal_size().columns
    return text if len(text) <= width else text[: width - 1] + "…"


@contextmanager
def _warnings_as_lines() -> Iterator[None]:
    """Say each of the package's own warnings once on stderr, without the line of code."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", BipstatsWarning)
        try:
            yield
        finally:
            for text in dict.fromkeys(str(warning.message) for warning in caught):
                print(f"bipstats: warning: {text}", file=sys.stderr)
