"""Stata (.dta) and SPSS (.sav) files: values with their labels, dates, and what the file declares missing."""

from __future__ import annotations

import codecs
import re
from collections.abc import Callable, Iterable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from bipstats.study.mapping import FileMapping
from bipstats.study.problems import Problem
from bipstats.study.raw import Raw, library, not_a_file, unreadable
from bipstats.study.writing import Declared, text_of

_DATES = {
    ".dta": re.compile(r"%-?(?:(?P<days>td|d)|(?P<milliseconds>tc))"),
    ".sav": re.compile(r"(?P<seconds>(?:[AEJS]?DATE|DATETIME|YMDHMS)(?=[0-9]))"),
}
"""Formats of dates; the group that matches is the unit in which the number counts from the origin."""
_ORIGINS = {".dta": datetime(1960, 1, 1), ".sav": datetime(1582, 10, 14)}
_FIRST_UNICODE = 118
"""Release of the Stata format from which text is UTF-8; older files do not say what theirs is."""


def read(path: Path, table: str, mapping: FileMapping) -> Raw:
    """Read one table with its value labels.

    Parameters
    ----------
    path : Path
        ``.dta`` (Stata 8 and later) or ``.sav``.
    table : str
        For the wording of problems.
    mapping : FileMapping
        Its encoding holds for files that do not name their own.

    Returns
    -------
    Raw
        Values as stored, dates as dates, Stata's ``.a`` to ``.z`` as these texts; labels and what is declared
        missing in ``declared``. Rows are counted as observations.

    Raises
    ------
    BipstatsError
        If pyreadstat is not installed.
    """
    if path.is_dir():
        return not_a_file(path, table)
    pyreadstat = library("pyreadstat", path)
    kind = path.suffix.lower()
    try:
        nameless = kind == ".dta" and not _is_unicode(path)
        frame, about = _stored(pyreadstat, path, _encodings(kind, nameless, mapping))
    except (UnicodeDecodeError, pyreadstat.ReadstatError) as error:
        if isinstance(error, UnicodeDecodeError) or _is_about_encoding(error):
            fix = 'declare its encoding in the mapping (encoding = "cp1252", say), or save it anew as Unicode'
            return unreadable(table, "text in the file is not in the encoding that it should be in", fix)
        return unreadable(table, "the file cannot be read to its end", f"write or copy it anew ({error})")
    except Exception as error:  # a damaged file makes pyreadstat stumble over what it says, in any way
        return unreadable(table, "the file is damaged", f"write or copy it anew ({type(error).__name__})")
    columns: dict[str, pd.Series] = {}
    declared: dict[str, Declared] = {}
    for name in frame.columns:
        columns[name], declared[name] = _column(frame[name], name, about, kind)
    lines = np.arange(1, len(frame) + 1, dtype=np.int64)
    assumed = nameless and mapping.encoding is None and not _is_ascii(columns.values(), declared.values())
    problems = [_encoding_assumed(table)] if assumed else []
    read = pd.DataFrame(columns, index=pd.RangeIndex(len(frame)))
    return Raw(read, lines, problems, declared, "observation")


def _is_unicode(path: Path) -> bool:
    """Whether a Stata file is of a release whose text is UTF-8."""
    with path.open("rb") as file:
        release = re.match(rb"<stata_dta><header><release>([0-9]{3})<", file.read(64))
    return release is not None and int(release[1]) >= _FIRST_UNICODE


def _encodings(kind: str, nameless: bool, mapping: FileMapping) -> list[str | None]:
    """Encodings to try in turn; None is what the file says itself, or what its format implies."""
    declared = codecs.lookup(mapping.encoding).name if mapping.encoding else None
    if declared is None or (kind == ".dta" and not nameless):
        return [None]
    return [declared] if nameless else [None, declared]


def _stored(pyreadstat: Any, path: Path, encodings: list[str | None]) -> tuple[pd.DataFrame, Any]:
    """Values as numbers and text, and what the file says about them, in the first encoding that fits."""
    reader = pyreadstat.read_dta if path.suffix.lower() == ".dta" else pyreadstat.read_sav
    options = {"user_missing": True, "disable_datetime_conversion": True}
    for encoding in encodings[:-1]:
        try:
            return reader(str(path), encoding=encoding, **options)
        except (UnicodeDecodeError, pyreadstat.ReadstatError) as error:
            if isinstance(error, pyreadstat.ReadstatError) and not _is_about_encoding(error):
                raise
    return reader(str(path), encoding=encodings[-1], **options)


def _is_about_encoding(error: Exception) -> bool:
    return "encoding" in str(error) or "character set" in str(error)


def _column(values: pd.Series, name: str, about: Any, kind: str) -> tuple[pd.Series, Declared]:
    """One column with its dates as dates, and what the file says about its values."""
    codes, distinct = pd.factorize(values)
    stored = list(distinct)
    labels = about.variable_value_labels.get(name, {})
    is_missing = _missing_test(about.missing_ranges.get(name, []))
    absent = [is_missing(value) for value in stored]
    if kind == ".dta" and about.readstat_variable_types[name] != "string":
        labels = {_dotted(value): label for value, label in labels.items()}
        absent = [isinstance(value, str) for value in stored]
        stored = [_dotted(value) for value in stored]
    form = _DATES[kind].match(about.original_variable_types[name] or "")
    if form is not None:
        stored = [_moment(value, form.lastgroup, kind) for value in stored]
    texts = {text_of(value): str(label) for value, label in labels.items()}
    missing = frozenset(text_of(value) for value, gone in zip(stored, absent, strict=True) if gone)
    if form is not None or missing:
        values = pd.Series([*stored, None], dtype=object).take(codes).reset_index(drop=True)
    return values, Declared(labels=texts, missing=missing)


def _missing_test(ranges: Iterable[dict[str, Any]]) -> Callable[[Any], bool]:
    """Whether SPSS's declared ranges, numbers or single texts, hold a value."""
    bounds = [(limits["lo"], limits["hi"]) for limits in ranges]

    def holds(value: Any) -> bool:
        return any(
            isinstance(value, str) == isinstance(low, str)
            and (value.strip() == low.strip() if isinstance(value, str) else low <= value <= high)
            for low, high in bounds
        )

    return holds


def _dotted(value: Any) -> Any:
    """Stata's spelling of an extended missing value, which pyreadstat gives as its letter."""
    return f".{value}" if isinstance(value, str) else value


def _moment(value: Any, unit: str | None, kind: str) -> Any:
    """Give the point in time that a number stands for; a number out of range stays one, and is then no date."""
    if isinstance(value, str) or unit is None:
        return value
    try:
        return _ORIGINS[kind] + timedelta(**{unit: float(value)})
    except (OverflowError, ValueError):
        return value


def _is_ascii(columns: Iterable[pd.Series], declared: Iterable[Declared]) -> bool:
    """Whether all text in the file is the same in every encoding."""
    words = (label for said in declared for label in said.labels.values())
    cells = (cell for values in columns if values.dtype == object for cell in values.unique())
    return all(text.isascii() for text in (*words, *cells) if isinstance(text, str))


def _encoding_assumed(table: str) -> Problem:
    said = "the file is of Stata 13 or older, does not name its encoding and was read as Windows-1252"
    return Problem(
        table, "", "encoding_assumed", "warning", said, 'declare encoding = "cp1252" in the mapping'
    )
