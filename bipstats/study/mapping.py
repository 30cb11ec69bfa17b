"""The user's own column names, codes and scales: a TOML file, data and never code."""

from __future__ import annotations

import codecs
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from os import PathLike
from pathlib import Path
from types import MappingProxyType
from typing import Any

from bipstats.codebook import DreamCodes, schema
from bipstats.codebook.calendar import parse_month_column, parse_week_column
from bipstats.errors import OptionError
from bipstats.study.tables import TABLES
from bipstats.study.writing import NOTHING, Declared, Writing

_FILE_KEYS = ("encoding", "separator", "date_format")
_TABLE_KEYS = ("columns", "codes", "missing", "scale")


@dataclass(frozen=True, slots=True)
class FileMapping:
    """How a folder of files is written; made by `read_mapping`.

    Attributes
    ----------
    encoding, separator, date_format : str or None
        None: found out from the file (encoding, separator), or ``YYYY-MM-DD``.
    columns : mapping of (table, name in the study) to name in the file
    codes : mapping of (table, name in the study) to mapping of value in the file to value in the study
    missing : mapping of table to the values that mean "missing" in it
    scales : mapping of name of an indicator to what the file writes for our 1 and our 5
    dream : DreamCodes or None
        Meaning of the register's benefit codes; None: the codebook's.
    """

    encoding: str | None = None
    separator: str | None = None
    date_format: str | None = None
    columns: Mapping[tuple[str, str], str] = field(default_factory=lambda: MappingProxyType({}))
    codes: Mapping[tuple[str, str], Mapping[str, str]] = field(default_factory=lambda: MappingProxyType({}))
    missing: Mapping[str, frozenset[str]] = field(default_factory=lambda: MappingProxyType({}))
    scales: Mapping[str, tuple[float, float]] = field(default_factory=lambda: MappingProxyType({}))
    dream: DreamCodes | None = None

    def renames(self, table: str) -> dict[str, str]:
        """Name in the file -> name in the study, for one table."""
        return {theirs: ours for (name, ours), theirs in self.columns.items() if name == table}

    def writing(self, table: str, column: str, kind: str, declared: Declared = NOTHING) -> Writing:
        """How the file writes one column of the study, which it may say something about itself."""
        return Writing(
            codes=self.codes.get((table, column), MappingProxyType({})),
            missing=self.missing.get(table, frozenset()) if kind != "id" else frozenset(),
            scale=self.scales.get(column) if kind == "score" else None,
            date_format=self.date_format if kind == "date" else None,
            declared=declared,
        )


AS_OURS = FileMapping()


def read_mapping(mapping: str | PathLike[str] | Mapping[str, Any] | None) -> FileMapping:
    """Read a mapping and refuse whatever in it would have no effect.

    Parameters
    ----------
    mapping : path, mapping or None
        A TOML file, or its content as a dictionary. None: the files are written as ours.

    Returns
    -------
    FileMapping

    Raises
    ------
    OptionError
        For a file that cannot be read and for unknown keys, tables, columns and scales; all at once.

    Notes
    -----
    The layout, every part of it optional::

        encoding = "cp1252"
        separator = ";"
        date_format = "%d-%m-%Y"

        [clients.columns]             # name in the study = name in the file
        sex = "koen"
        [clients.codes.sex]           # value in the file, or its label = value in the study ("" for missing)
        1 = "male"
        2 = "female"

        [responses]
        missing = [9, 99]             # values that mean "not asked or not answered" in this table
        [responses.scale]             # what the file writes for our 1 and our 5
        health_coping = [0, 4]
        network = [5, 1]              # reversed

    ``scale = [0, 4]`` directly under ``[responses]`` holds for all eleven indicators. A scale is a straight
    line on to 1-5, and an answer that falls between two steps is an error, never rounded: an answer scale of
    eleven steps cannot become one of five without a decision, which `codes` can state value by value.

    Examples
    --------
    >>> read_mapping({"clients": {"columns": {"sex": "koen"}}}).renames("clients")
    {'koen': 'sex'}
    """
    if mapping is None:
        return AS_OURS
    content = dict(mapping) if isinstance(mapping, Mapping) else _load(Path(mapping))
    problems = list(_problems(content))
    if problems:
        listed = "\n".join(f"  {problem}" for problem in problems)
        raise OptionError(f"the mapping cannot be used as it is:\n{listed}")
    tables = {name: content[name] for name in TABLES if name in content}
    return FileMapping(
        **{key: content[key] for key in _FILE_KEYS if key in content},
        columns=MappingProxyType({(t, ours): theirs for t, ours, theirs in _pairs(tables, "columns")}),
        codes=MappingProxyType({(t, ours): _texts(codes) for t, ours, codes in _pairs(tables, "codes")}),
        missing=MappingProxyType(
            {t: frozenset(map(str, given["missing"])) for t, given in tables.items() if "missing" in given}
        ),
        scales=MappingProxyType(_scales(tables.get("responses", {}))),
    )


def _load(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise OptionError(f"the mapping {path} cannot be read: {error}") from error


def _pairs(tables: Mapping[str, Any], key: str) -> Iterator[tuple[str, str, Any]]:
    """Every (table, column, content) under one key of the tables."""
    for table, given in tables.items():
        for column, content in given.get(key, {}).items():
            yield table, column, content


def _texts(codes: Mapping[str, Any]) -> Mapping[str, str]:
    return MappingProxyType({str(theirs): str(ours) for theirs, ours in codes.items()})


def _indicators() -> list[str]:
    return [column.name for column in schema("responses") if column.kind == "score"]


def _scales(given: Mapping[str, Any]) -> dict[str, tuple[float, float]]:
    """Scale of each indicator, from one list for all or a table."""
    scale = given.get("scale", {})
    each = scale if isinstance(scale, Mapping) else dict.fromkeys(_indicators(), scale)
    return {name: (float(low), float(high)) for name, (low, high) in each.items()}


def _problems(content: Mapping[str, Any]) -> Iterator[str]:
    """Everything that is wrong with a mapping, one sentence each."""
    for key, value in content.items():
        if key in _FILE_KEYS:
            yield from _file_problems(key, value)
        elif key in TABLES:
            yield from _table_problems(key, value)
        else:
            yield f"{key}: unknown key; known are {', '.join((*_FILE_KEYS, *TABLES))}"


def _file_problems(key: str, value: Any) -> Iterator[str]:
    if not isinstance(value, str) or not value:
        yield f"{key}: must be text, not {value!r}"
    elif key == "encoding":
        try:
            codecs.lookup(value)
        except LookupError:
            yield f"encoding: {value!r} is not an encoding"
    elif key == "date_format" and not _is_date_format(value):
        yield f"date_format: {value!r} gives no day, month and year; write it as in '%d-%m-%Y'"
    elif key == "separator" and (len(value) != 1 or not value.isascii() or value in "\"'\r\n\0"):
        yield f"separator: must be one ASCII character, not {value!r}"


def _is_date_format(form: str) -> bool:
    """Whether a day that is written in this format can be read again."""
    day = datetime(2014, 3, 25)
    try:
        return datetime.strptime(day.strftime(form), form) == day
    except ValueError:
        return False


def _table_problems(table: str, given: Any) -> Iterator[str]:
    if not isinstance(given, Mapping):
        yield f"{table}: must be a table of {', '.join(_TABLE_KEYS)}"
        return
    for key, value in given.items():
        where = f"{table}.{key}"
        if key not in _TABLE_KEYS:
            yield f"{where}: unknown key; known are {', '.join(_TABLE_KEYS)}"
        elif key == "missing":
            if not isinstance(value, list):
                yield f"{where}: must be a list of values"
        elif key == "scale":
            yield from _scale_problems(table, value)
        elif not isinstance(value, Mapping):
            yield f"{where}: must be a table, column by column"
        else:
            yield from _column_problems(table, key, value)


def _column_problems(table: str, key: str, value: Mapping[str, Any]) -> Iterator[str]:
    """Problems of ``columns`` and ``codes``."""
    for ours, content in value.items():
        if not _exists(table, ours):
            yield f"{table}.{key}.{ours}: {table} has no column of that name"
        elif key == "columns" and not (isinstance(content, str) and content):
            yield f"{table}.{key}.{ours}: must be the name of a column in the file"
        elif key == "codes" and not isinstance(content, Mapping):
            yield f"{table}.{key}.{ours}: must be a table, value in the file = value in the study"
    if key == "columns":
        theirs = [name for name in value.values() if isinstance(name, str)]
        for name in sorted({name for name in theirs if theirs.count(name) > 1}):
            yield f"{table}.columns: {name!r} is named for two columns"


def _scale_problems(table: str, scale: Any) -> Iterator[str]:
    if table != "responses":
        yield f"{table}.scale: only responses have an answer scale"
        return
    for name, pair in scale.items() if isinstance(scale, Mapping) else [("", scale)]:
        where = f"responses.scale.{name}".rstrip(".")
        if name and name not in _indicators():
            yield f"{where}: responses has no indicator of that name"
        elif not _is_scale(pair):
            yield f"{where}: must be two different numbers, what the file writes for our 1 and our 5"


def _is_scale(pair: Any) -> bool:
    numbers = isinstance(pair, list | tuple) and all(type(end) in (int, float) for end in pair)
    return numbers and len(pair) == 2 and pair[0] != pair[1]


def _exists(table: str, column: str) -> bool:
    """Whether the study has this column."""
    if table == "register" and (parse_week_column(column) or parse_month_column(column)) is not None:
        return True
    return column in {known.name for known in schema(table)}
