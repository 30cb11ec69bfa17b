"""The assumed sampling error of BIP's figures, from simulated studies of BIP's size; one of them is released.

Run it from a checkout; it rewrites ``bipstats/codebook/sampling_error.toml`` and ``bipstats/synthetic/chosen.toml``::

    python -m bipstats.calibration.sampling_error --studies 100
"""

from __future__ import annotations

import argparse
from collections.abc import Iterable, Sequence
from importlib import resources
from pathlib import Path

import numpy as np
import pandas as pd

from bipstats.calibration.choice import UNSELECTED, choice_toml
from bipstats.core.resample import draws
from bipstats.replication.analyses import estimate
from bipstats.replication.estimate import Estimate
from bipstats.replication.frames import Prepared
from bipstats.seeds import seed_sequence
from bipstats.synthetic.simulate import simulate

CLIENTS = 4000
SEED = 20130101

_HEAD = """\
# Assumed sampling error of an estimate from a study of BIP's size; no error is published for any figure.
# Made by: python -m bipstats.calibration.sampling_error --studies {studies}
# {studies} studies of {clients} clients simulated in world E2, seeds from SeedSequence({seed}). sd and mean on
# the working scale: logarithm for ratios. status: assumed. Do not edit by hand.
"""


def one_study(rng: np.random.Generator, clients: int = CLIENTS) -> dict[str, Estimate]:
    """Simulate one study and run every reference analysis on it; those that fail are left out."""
    return estimates(seed_of(rng), clients)


def seed_of(rng: np.random.Generator) -> int:
    """Seed of a study: the first number of its stream."""
    return int(rng.integers(2**31))


def estimates(seed: int, clients: int = CLIENTS) -> dict[str, Estimate]:
    """Every reference analysis on the study of a seed."""
    prepared = Prepared(simulate(clients=clients, rng=seed))
    found = {name: value for made in estimate(prepared) for name, value in made.items()}
    return {name: value for name, value in found.items() if isinstance(value, Estimate)}


def studies_of(
    studies: int,
    *,
    clients: int = CLIENTS,
    jobs: int | None = None,
    show: bool | None = None,
    checkpoint: Path | None = None,
) -> dict[int, dict[str, Estimate]]:
    """Simulate studies and estimate everything on each.

    Parameters
    ----------
    studies : int
        At least 2.
    clients : int
    jobs : int, optional
        Processes.
    show : bool, optional
        Progress; None: only on a terminal.
    checkpoint : path, optional
        File for finished studies; an interrupted run goes on from it.

    Returns
    -------
    dict
        Estimates by the seed of the study.
    """
    results = draws(
        one_study,
        studies,
        clients,
        rng=SEED,
        jobs=jobs,
        shown=show,
        label="simulated studies",
        checkpoint=checkpoint,
        kinds=[Estimate],
    )
    seeds = [seed_of(np.random.default_rng(child)) for child in seed_sequence(SEED).spawn(studies)]
    return dict(zip(seeds, results, strict=True))


def spread(results: Iterable[dict[str, Estimate]]) -> pd.DataFrame:
    """Spread of every estimate over studies: ``quantity, scale, sd, mean, studies``."""
    made = list(results)
    rows = []
    for name in dict.fromkeys(name for result in made for name in result):
        found = [result[name] for result in made if name in result]
        values = np.array([one.value for one in found if np.isfinite(one.value)])
        if len(values) > 1:
            row = (name, found[0].scale, float(values.std(ddof=1)), float(values.mean()), len(values))
            rows.append(row)
    return pd.DataFrame(rows, columns=["quantity", "scale", "sd", "mean", "studies"])


def as_toml(table: pd.DataFrame, studies: int, clients: int) -> str:
    """Write the table as the codebook's file."""
    parts = [_HEAD.format(studies=studies, clients=clients, seed=SEED)]
    for row in table.itertuples(index=False):
        parts.append(
            f'[[estimate]]\nquantity = "{row.quantity}"\nscale = "{row.scale}"\nsd = {row.sd:.6f}\n'
            f"mean = {row.mean:.6f}\nstudies = {row.studies}\n"
        )
    return "\n".join(parts)


def main(arguments: Sequence[str] | None = None) -> None:
    """Simulate and write the file."""
    parser = argparse.ArgumentParser(prog="python -m bipstats.calibration.sampling_error")
    parser.add_argument("--studies", type=int, default=100)
    parser.add_argument("--jobs", type=int, default=1, help="processes")
    parser.add_argument("--checkpoint", type=Path, help="file for finished studies, to go on from")
    parser.add_argument("--out", type=Path, help="sampling errors; default: the codebook's own file")
    parser.add_argument("--chosen", type=Path, help="the released study; default: the package's own file")
    asked = parser.parse_args(arguments)
    path = asked.out or Path(str(resources.files("bipstats.codebook") / "sampling_error.toml"))
    results = studies_of(asked.studies, clients=CLIENTS, jobs=asked.jobs, checkpoint=asked.checkpoint)
    table = spread(results.values())
    path.write_text(as_toml(table, asked.studies, CLIENTS), encoding="utf-8", newline="\n")
    chosen = asked.chosen or Path(str(resources.files("bipstats.synthetic") / "chosen.toml"))
    unselected = {seed: estimates(seed, CLIENTS) for seed in UNSELECTED}
    chosen.write_text(choice_toml(results, unselected, table), encoding="utf-8", newline="\n")


if __name__ == "__main__":
    main()
