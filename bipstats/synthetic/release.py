"""The released synthetic study: ``python -m bipstats.synthetic.release FOLDER`` writes it anew, bit for bit."""

from __future__ import annotations

import argparse
import hashlib
import tempfile
import tomllib
import zipfile
from collections.abc import Iterator
from importlib import resources
from pathlib import Path
from string import Template
from typing import Any

from bipstats.codebook import LEVELS, Column, schema
from bipstats.study.study import Study
from bipstats.synthetic.simulate import simulate
from bipstats.synthetic.truth import Truth

DATA_VERSION = "1.0"
SCHEMA_VERSION = 1
CLIENTS = 4000
FORMATS = ("csv.gz", "parquet")
STATA = "stata.zip"
_STAMP = (2000, 1, 1, 0, 0, 0)  # the archive is the same whenever it is written

SHOWN = {
    "belief carried": "hazard ratio of a step of belief",
    "orientation": "hazard ratio of high orientation",
    "switch": "hazard ratio after a change of caseworker",
    "in job": "in a job within a year",
    "in job, belief 5": "the same, belief 5",
    "share in job or education, follow-up": "in a job or education by the end",
}
"""Figures of the released study and of others beside it, by the names of the ledger's quantities."""


def chosen() -> dict[str, Any]:
    """Give seed, rank and figures of the released study, as `bipstats.calibration` wrote them."""
    text = resources.files("bipstats.synthetic").joinpath("chosen.toml").read_text(encoding="utf-8")
    return tomllib.loads(text)


def release(folder: Path) -> Study:
    """Write data, data card and checksums.

    Parameters
    ----------
    folder : Path
        Gets ``csv/``, ``parquet/``, ``stata.zip``, ``DATA_CARD.md`` and ``SHA256SUMS``; files of an earlier release are
        replaced, other files left alone.

    Returns
    -------
    Study
        What was written.

    Notes
    -----
    CSV content is the same on every machine. Bytes of parquet and of gzip can differ between versions of
    their libraries; with the same versions they are equal.
    """
    truth = Truth()
    study = simulate(truth, clients=CLIENTS, rng=chosen()["seed"])
    for form in FORMATS:
        place = folder / form.split(".")[0]
        study.to_folder(place, format=form, overwrite=True)  # type: ignore[arg-type]
        _write(place / "version.toml", _version(truth))
    _stata(study, folder / STATA)
    _write(folder / "DATA_CARD.md", _card(study, truth))
    _write(folder / "SHA256SUMS", "".join(_checksums(folder)))
    return study


def _write(path: Path, text: str) -> None:
    path.write_text(text, encoding="utf-8", newline="\n")


def _version(truth: Truth) -> str:
    made = chosen()
    lines = {
        "data": f'"{DATA_VERSION}"',
        "schema": SCHEMA_VERSION,
        "world": f'"{truth.name}"',
        "seed": made["seed"],
    }
    lines["chosen"] = f'"nearest of {made["among"]} to the published figures"'
    return "".join(f"{key} = {value}\n" for key, value in lines.items())


def _card(study: Study, truth: Truth) -> str:
    """Fill in the data card."""
    made = chosen()
    template = resources.files("bipstats.synthetic").joinpath("data_card.md").read_text(encoding="utf-8")
    return Template(template).substitute(
        data_version=DATA_VERSION,
        schema_version=SCHEMA_VERSION,
        world=truth.name,
        clients=f"{CLIENTS:,}",
        seed=made["seed"],
        among=made["among"],
        figures=made["figures"],
        distance=f"{made['distance']:.2f}",
        median=f"{made['median_distance']:.2f}",
        beside="\n".join(_beside(made)),
        statement=truth.statement,
        counts="\n".join(f"| `{name}` | {len(table):,} |" for name, table in study.tables().items()),
        columns="\n".join(_columns(study)),
    )


def _beside(made: dict[str, Any]) -> Iterator[str]:
    """Table of the released study and of seeds that nobody chose."""
    yield "| seed | distance | " + " | ".join(SHOWN.values()) + " |"
    yield "|---" * (2 + len(SHOWN)) + "|"
    for row in made["study"]:
        name = f"{row['seed']} (released)" if row["seed"] == made["seed"] else str(row["seed"])
        cells = [f"{row[key]:.3f}" if key in row else "" for key in SHOWN]
        yield f"| {name} | {row['distance']:.2f} | " + " | ".join(cells) + " |"


def _stata(study: Study, path: Path) -> None:
    """Write the study as Stata files into one archive: they are ten times as large as they need be."""
    with tempfile.TemporaryDirectory() as folder:
        study.to_folder(folder, format="dta", overwrite=True)
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
            for file in sorted(Path(folder).iterdir()):
                archive.writestr(zipfile.ZipInfo(file.name, _STAMP), file.read_bytes(), zipfile.ZIP_DEFLATED)


def _columns(study: Study) -> Iterator[str]:
    """Describe the columns of every table, line by line."""
    yield "| table | column | content | may be empty |"
    yield "|---|---|---|---|"
    for table in study.tables():
        for column in (known for known in schema(table) if known.required):
            empty = "yes" if column.nullable else ""
            yield f"| `{table}` | `{column.name}` | {_content(column)} | {empty} |"


def _content(column: Column) -> str:
    """Say what a column holds."""
    levels = column.levels or LEVELS.get(column.name, ())
    if levels:
        return ", ".join(levels)
    words = {
        "id": "identifier",
        "date": "date, inclusive" if column.name in ("start", "end") else "date",
        "flag": "0 or 1",
        "share": "share of the 260 weeks before enrolment",
        "year": "year",
    }
    return words.get(column.kind) or f"{column.kind}, {column.low:g} to {column.high:g}"


def _checksums(folder: Path) -> Iterator[str]:
    """One line per file of the release, in the form of ``sha256sum``."""
    names = [path for form in FORMATS for path in sorted((folder / form.split(".")[0]).iterdir())]
    for path in (*names, folder / STATA, folder / "DATA_CARD.md"):
        digest = hashlib.sha256(path.read_bytes()).hexdigest()
        yield f"{digest}  {path.relative_to(folder).as_posix()}\n"


def main() -> None:
    """Write the release to the folder named on the command line."""
    parser = argparse.ArgumentParser(prog="python -m bipstats.synthetic.release", description=__doc__)
    parser.add_argument("folder", type=Path, help="folder of the release, such as synthetic")
    release(parser.parse_args().folder)


if __name__ == "__main__":
    main()
