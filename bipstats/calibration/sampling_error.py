"""The assumed sampling error of BIP's figures, from simulated studies of BIP's size.

Run it from a checkout; it rewrites ``bipstats/codebook/sampling_error.toml``::

    python -m bipstats.calibration.sampling_error --studies 100
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from importlib import resources
from pathlib import Path

import numpy as np
import pandas as pd

from bipstats.core.resample import draws
from bipstats.replication.analyses import estimate
from bipstats.replication.estimate import Estimate
from bipstats.replication.frames import Prepared
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
    prepared = Prepared(simulate(clients=clients, rng=rng))
    found = {name: value for made in estimate(prepared) for name, value in made.items()}
    return {name: value for name, value in found.items() if isinstance(value, Estimate)}


def sampling_errors(
    studies: int = 100,
    *,
    clients: int = CLIENTS,
    jobs: int | None = None,
    show: bool | None = None,
    checkpoint: Path | None = None,
) -> pd.DataFrame:
    """Give the spread of every estimate over simulated studies.

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
    pandas.DataFrame
        ``quantity, scale, sd, mean, studies``.
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
    rows = []
    for name in dict.fromkeys(name for result in results for name in result):
        found = [result[name] for result in results if name in result]
        values = np.array([made.value for made in found if np.isfinite(made.value)])
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
    parser.add_argument("--out", type=Path, help="default: the codebook's own file")
    asked = parser.parse_args(arguments)
    path = asked.out or Path(str(resources.files("bipstats.codebook") / "sampling_error.toml"))
    table = sampling_errors(asked.studies, jobs=asked.jobs, checkpoint=asked.checkpoint)
    path.write_text(as_toml(table, asked.studies, CLIENTS), encoding="utf-8", newline="\n")


if __name__ == "__main__":
    main()
