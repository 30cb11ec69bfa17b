"""A study to a folder of files."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

import pandas as pd

from bipstats.codebook import DreamCodes
from bipstats.errors import OptionError
from bipstats.study import csv, parquet, stata
from bipstats.study.readers import CODES, table_files

WRITERS: Mapping[str, Callable[[pd.DataFrame, Path], None]] = {
    "csv": csv.write,
    "csv.gz": csv.write,
    "parquet": parquet.write,
    "dta": stata.write,
}


def write_folder(
    folder: Path,
    tables: Mapping[str, pd.DataFrame],
    truth: pd.DataFrame | None,
    codes: DreamCodes | None,
    form: str,
    overwrite: bool,
) -> None:
    """Write every table in one format; see `Study.to_folder`."""
    if folder.exists() and not folder.is_dir():
        raise OptionError(f"{folder} is a file; to_folder needs a folder.")
    if folder.is_dir() and any(folder.iterdir()) and not overwrite:
        raise OptionError(f"{folder} holds files; choose an empty folder, or pass overwrite=True.")
    folder.mkdir(parents=True, exist_ok=True)
    for name in (*tables, "truth"):
        for stale in table_files(folder, name):
            if stale.is_file():
                stale.unlink()
    (folder / CODES).unlink(missing_ok=True)
    if codes is not None:
        (folder / CODES).write_text(codes.to_toml(), encoding="utf-8")
    for name, table in tables.items():
        WRITERS[form](table, folder / f"{name}.{form}")
    if truth is not None:
        csv.write(truth, folder / "truth.csv")
