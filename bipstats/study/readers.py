"""From a folder of files to a study, or to everything that is wrong with them."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bipstats.codebook import DreamCodes, dream
from bipstats.errors import DataWarning, OptionError
from bipstats.study import csv, labelled, parquet, xlsx
from bipstats.study.mapping import FileMapping, read_mapping
from bipstats.study.problems import Problem, error, message
from bipstats.study.raw import Raw, without_blank_rows
from bipstats.study.rules.examine import examine
from bipstats.study.sheet import Sheet, make_sheet
from bipstats.study.tables import TABLES

if TYPE_CHECKING:
    from bipstats.study.study import Study

Reader = Callable[[Path, str, FileMapping], Raw]
READERS: Mapping[str, Reader] = {
    ".csv": csv.read,
    ".csv.gz": csv.read,
    ".parquet": parquet.read,
    ".dta": labelled.read,
    ".sav": labelled.read,
    ".xlsx": xlsx.read,
}
CODES = "dream.toml"
"""File of a folder that says what the benefit codes of its register mean, where they are not the codebook's."""
_NOT_READ = (".xls", ".ods", ".sas7bdat", ".por", ".rds", ".rdata", ".feather", ".txt", ".tsv")


@dataclass(frozen=True, slots=True)
class Folder:
    """What a folder holds: readable tables, every problem of files and tables, and the benefit codes given."""

    sheets: Mapping[str, Sheet]
    problems: list[Problem]
    codes: DreamCodes | None = None


def read_study(
    path: str | PathLike[str],
    mapping: str | PathLike[str] | Mapping[str, Any] | None = None,
    strict: bool = False,
    *,
    codes: DreamCodes | str | PathLike[str] | None = None,
) -> Study:
    """Read a study from a folder, or say everything that is wrong with it.

    Parameters
    ----------
    path : path
        Folder with one file per table: ``clients``, ``responses``, ``assignments``, ``interventions`` and
        ``register``, each ``.csv``, ``.csv.gz``, ``.parquet``, ``.dta`` (Stata), ``.sav`` (SPSS) or ``.xlsx``
        (Excel); and ``truth.csv`` of a simulated study. Other files are ignored.
    mapping : path or mapping, optional
        A TOML file (or its content) that names the user's columns, codes and scales; see Notes.
    strict : bool
        Raise on warnings too.
    codes : DreamCodes or path, optional
        Meaning of the benefit codes in the register (a TOML file laid out as ``codebook/dream.toml``). The
        study keeps it, and everything made from the study follows it. Without it, ``dream.toml`` in the
        folder, which `Study.to_folder` writes; without that, the codebook's own, which is assumed.

    Returns
    -------
    Study

    Raises
    ------
    DataProblems
        If any rule with severity ``error`` is broken (with `strict`, any rule); ``.problems`` holds the frame
        that `check_study` returns.
    OptionError
        If `path` is no path, the mapping has unknown keys or contradicts itself, or `codes` cannot be read.
    BipstatsError
        If a file is of Stata, SPSS or Excel and the library that reads it is not installed; it comes with
        ``pip install "bipstats[io]"``.

    Warns
    -----
    DataWarning
        Once, if rules with severity ``warning`` are broken.

    Notes
    -----
    CSV: separator comma, semicolon or tab; decimal point or comma; UTF-8, with or without byte order mark, or
    UTF-16; anything else is read as Windows-1252 with a warning unless the mapping declares it. Dates are
    ``YYYY-MM-DD``. Besides an empty cell, ``NA, N/A, NaN, nan, <NA>, NaT`` and ``.`` mean "missing", except in
    identifiers. Nothing is rounded or recoded, and nothing is left out but rows in which every cell is empty,
    of which a warning tells.

    Stata and SPSS: where values have labels, categories go by the label, which may be a level's key or its
    label in English, Swedish or Danish; flags by a label that says yes or no, else by the code; numbers and
    identifiers by the code. Values that the file declares missing (SPSS's user-missing values, Stata's ``.a``
    to ``.z``) are missing, and a warning counts them (``user_missing``). Excel: the sheet that has the table's
    name, else the first; its first row is the header; a number in a column of dates is a serial day.

    The layout of a mapping is described at `bipstats.study.mapping.read_mapping`.

    Examples
    --------
    >>> import bipstats as bip
    >>> from pathlib import Path
    >>> from tempfile import TemporaryDirectory
    >>> study = bip.simulate(clients=200, rng=1)
    >>> with TemporaryDirectory() as folder:
    ...     study.to_folder(Path(folder) / "mine", format="parquet")
    ...     bip.read_study(Path(folder) / "mine") == study
    True
    """
    from bipstats.study.study import Study

    folder = read_folder(path, read_mapping(mapping), codes)
    if (strict and folder.problems) or any(problem.severity == "error" for problem in folder.problems):
        raise error(folder.problems)
    if folder.problems:
        warnings.warn(message(folder.problems), DataWarning, stacklevel=2)
    tables: dict[str, Any] = {name: sheet.frame for name, sheet in folder.sheets.items()}
    return Study(**tables, codes=folder.codes)


def read_folder(
    path: str | PathLike[str],
    mapping: FileMapping,
    codes: DreamCodes | str | PathLike[str] | None = None,
) -> Folder:
    """Read all tables of a folder and examine them together."""
    if not isinstance(path, str | PathLike):
        raise OptionError(
            f"path must be the folder that holds the tables, not {type(path).__name__}; "
            "tables in memory make a study by bip.Study(clients=..., responses=..., ...)."
        )
    folder = Path(path)
    if not folder.is_dir():
        said = f"{folder} is {'a file, not a folder' if folder.exists() else 'not there'}"
        raise error(
            [Problem("", "", "folder_missing", "error", said, "give the folder that holds the tables")]
        )
    if codes is None and (folder / CODES).is_file():
        codes = folder / CODES
    meaning = codes if codes is None or isinstance(codes, DreamCodes) else dream(codes)
    mapping = replace(mapping, dream=meaning)
    sheets: dict[str, Sheet] = {}
    problems: list[Problem] = []
    reported: set[str] = set()
    for table in (*TABLES, "truth"):
        found = _read_table(folder, table, mapping)
        problems += found.problems
        sheets.update(found.sheets)
        if any(problem.severity == "error" for problem in found.problems) and table not in found.sheets:
            reported.add(table)
    problems += examine(sheets, reported)
    order = (*TABLES, "truth")
    return Folder(sheets, sorted(problems, key=lambda problem: order.index(problem.table)), meaning)


def table_files(folder: Path, table: str) -> list[Path]:
    """Files of a folder that hold a table, in any format that is read."""
    names = {f"{table}{suffix}" for suffix in READERS}
    if table == "truth":
        names = {"truth.csv"}
    return sorted(path for path in folder.iterdir() if path.name.lower() in names)


def _read_table(folder: Path, table: str, mapping: FileMapping) -> Folder:
    """One table, or why it is not there."""
    files = table_files(folder, table)
    if not files:
        names = {f"{table}{suffix}" for suffix in _NOT_READ}
        other = sorted(path.name for path in folder.iterdir() if path.name.lower() in names)
        return Folder({}, [_other_format(table, name) for name in other[:1]])
    if len(files) > 1:
        return Folder({}, [_ambiguous(table, [path.name for path in files])])
    suffix = files[0].name.lower().removeprefix(table)
    # The truth is always ours: no mapping applies to it.
    rules = mapping if table != "truth" else FileMapping()
    raw = without_blank_rows(READERS[suffix](files[0], table, rules), table)
    sheets = {} if raw.frame is None else {table: make_sheet(table, raw, rules)}
    return Folder(sheets, raw.problems)


def _ambiguous(table: str, names: list[str]) -> Problem:
    said = f"the table is there more than once ({', '.join(names)})"
    return Problem(table, "", "table_ambiguous", "error", said, "keep one of the files")


def _other_format(table: str, name: str) -> Problem:
    said = f"{name} is in a format that is not read"
    fix = f"save it as one of {', '.join(table + suffix for suffix in READERS)}"
    return Problem(table, "", "unread_format", "error", said, fix)
