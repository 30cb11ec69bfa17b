"""CSV files, plain and gzipped: every cell as text, every row with its line in the file."""

from __future__ import annotations

import csv
import gzip
import io
import zlib
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
from numpy.typing import NDArray
from pyarrow import csv as arrow_csv

from bipstats.study.mapping import FileMapping
from bipstats.study.problems import SHOWN, Problem, inflect
from bipstats.study.raw import Raw, unreadable

_SEPARATORS = ",;\t"
_BOMS = {b"\xef\xbb\xbf": "utf-8-sig", b"\xff\xfe": "utf-16", b"\xfe\xff": "utf-16"}
_TEXT = pd.StringDtype("pyarrow")


class _Unreadable(Exception):
    """The file as a whole cannot be read: what is wrong, and the cure."""

    def __init__(self, said: str, fix: str) -> None:
        super().__init__(said)
        self.said, self.fix = said, fix


def read(path: Path, table: str, mapping: FileMapping) -> Raw:
    """Read one table as text.

    Parameters
    ----------
    path : Path
        ``.csv`` or ``.csv.gz``.
    table : str
        For the wording of problems.
    mapping : FileMapping
        Encoding and separator, where they are declared.

    Returns
    -------
    Raw
        Its frame holds text; empty cells are missing; lines with a wrong number of fields are left out and
        reported.

    Notes
    -----
    Without a declaration the separator is the one of comma, semicolon and tab that the header holds most of.
    A file that is not UTF-8 is read as Windows-1252, which is reported as a warning.
    """
    try:
        text, problems = _decoded(_content(path), table, mapping)
        frame, lines, ragged = _parsed(text, mapping.separator)
    except _Unreadable as error:
        return unreadable(table, error.said, error.fix)
    if ragged:
        problems.append(_ragged(table, ragged))
    return Raw(frame, lines, problems)


def write(table: pd.DataFrame, path: Path) -> None:
    """Write one table as UTF-8 with commas; flags as 0 and 1, dates as YYYY-MM-DD."""
    flags = {name: "Int8" for name, dtype in table.dtypes.items() if dtype == "boolean"}
    text = table.astype(flags).to_csv(index=False, lineterminator="\n", date_format="%Y-%m-%d")
    content = text.encode("utf-8")
    path.write_bytes(_gzipped(content) if path.suffix == ".gz" else content)


def _gzipped(content: bytes) -> bytes:
    """The same bytes for the same content: no time, no file name."""
    buffer = io.BytesIO()
    with gzip.GzipFile(filename="", mode="wb", compresslevel=6, fileobj=buffer, mtime=0) as file:
        file.write(content)
    return buffer.getvalue()


def _content(path: Path) -> bytes:
    """The bytes of the file, unpacked."""
    if path.is_dir():
        raise _Unreadable(f"{path.name} is a folder, not a file", "put the table's file in its place")
    try:
        content = path.read_bytes()
        return gzip.decompress(content) if path.suffix.lower() == ".gz" else content
    except (OSError, EOFError, zlib.error) as error:
        fix = f"write or copy the file anew ({type(error).__name__})"
        raise _Unreadable("the file cannot be read to its end", fix) from error


def _decoded(content: bytes, table: str, mapping: FileMapping) -> tuple[bytes, list[Problem]]:
    """The content as UTF-8 without byte order mark, with line feeds as line ends."""
    declared = mapping.encoding
    problems: list[Problem] = []
    encoding = declared or next((name for bom, name in _BOMS.items() if content.startswith(bom)), "utf-8")
    try:
        text = content.decode(encoding)
    except UnicodeError as error:
        if declared:
            raise _Unreadable(f"the file is not {declared}", "correct encoding in the mapping") from error
        text = _windows(content)
        said, fix = (
            "the file is not UTF-8 and was read as Windows-1252",
            'declare encoding = "cp1252" in the mapping',
        )
        problems.append(Problem(table, "", "encoding_assumed", "warning", said, fix))
    if "\0" in text:
        raise _Unreadable("the file is not text", "export the table as CSV anew")
    text = text.removeprefix("\ufeff").replace("\r\n", "\n").replace("\r", "\n")
    return text.encode("utf-8"), problems


def _windows(content: bytes) -> str:
    try:
        return content.decode("cp1252")
    except UnicodeDecodeError as error:
        fix = "export the table as CSV in UTF-8, or declare encoding in the mapping"
        raise _Unreadable("the file is neither UTF-8 nor Windows-1252", fix) from error


def _parsed(text: bytes, separator: str | None) -> tuple[pd.DataFrame, NDArray[np.int64], list[int]]:
    """Frame, lines of its rows, and lines with a wrong number of fields."""
    text = text.rstrip(b"\n")
    if not text.strip():
        raise _Unreadable("the file is empty", "give it a header and rows")
    ends, lines = _records(text)
    header = text[: ends[0]].decode("utf-8") if ends.size else text.decode("utf-8")
    separator = separator or max(_SEPARATORS, key=header.count)
    names = _names(header, separator)
    if not ends.size:
        return pd.DataFrame(columns=names, dtype=_TEXT), lines[1:], []
    try:
        frame, skipped = _rows(text[ends[0] + 1 :], separator, len(names))
    except pa.ArrowException as error:
        raise _Unreadable("the rows cannot be told apart", "export the table as CSV anew") from error
    if len(frame) + len(skipped) != len(lines) - 1:
        fix = "put a field that holds quotation marks in quotation marks, and double them inside"
        raise _Unreadable("quotation marks stand inside fields", fix)
    kept = np.diff(ends, append=len(text)) > 1  # pyarrow makes a row of an empty line
    kept[skipped] = False
    frame = frame.loc[np.delete(kept, skipped)].reset_index(drop=True)
    frame.columns = pd.Index(names)
    return frame, lines[1:][kept], [int(line) for line in lines[1:][~kept]]


def _names(header: str, separator: str) -> list[str]:
    """Column names, without blanks around them."""
    if not header.strip():
        raise _Unreadable("the first line is empty", "begin the file with its header")
    try:
        return [
            name.strip() for name in next(csv.reader(io.StringIO(header, newline=""), delimiter=separator))
        ]
    except csv.Error as error:
        raise _Unreadable("the header cannot be read", "export the table as CSV anew") from error


def _records(text: bytes) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Where each record but the last ends, and the line on which each begins.

    A line feed within quotation marks, that is after an odd number of them, ends no record.
    """
    characters = np.frombuffer(text, dtype=np.uint8)
    feeds = np.flatnonzero(characters == ord("\n"))
    ending = np.ones(feeds.size, dtype=bool)
    if b'"' in text:
        marks = np.cumsum(characters == ord('"'))
        ending = marks[feeds] % 2 == 0
    lines = np.concatenate([[1], np.flatnonzero(ending) + 2]).astype(np.int64)
    if b'"' in text and marks[-1] % 2:
        raise _Unreadable(f"a quotation mark is never closed (line {lines[-1]})", "close it, or leave it out")
    return feeds[ending], lines


def _rows(body: bytes, separator: str, width: int) -> tuple[pd.DataFrame, list[int]]:
    """Rows as text, and the positions of those skipped because they have another number of fields."""
    skipped: list[int] = []

    def skip(row: arrow_csv.InvalidRow) -> str:
        skipped.append(row.number - 1)
        return "skip"

    names = [str(position) for position in range(width)]
    table = arrow_csv.read_csv(
        io.BytesIO(body),
        # One thread and one block: only then are the numbers of invalid rows known.
        arrow_csv.ReadOptions(use_threads=False, column_names=names, block_size=len(body) + 1),
        arrow_csv.ParseOptions(
            delimiter=separator, newlines_in_values=True, ignore_empty_lines=False, invalid_row_handler=skip
        ),
        arrow_csv.ConvertOptions(
            column_types=dict.fromkeys(names, pa.string()),
            null_values=[""],
            strings_can_be_null=True,
            quoted_strings_can_be_null=True,
        ),
    )
    return table.to_pandas(types_mapper={pa.string(): _TEXT}.get), skipped


def _ragged(table: str, lines: list[int]) -> Problem:
    n = len(lines)
    said = inflect(f"{n} [line has|lines have] another number of fields than the header", n)
    fix = "look for separators, line breaks or decimal commas that are not in quotation marks"
    return Problem(table, "", "ragged_line", "error", said, fix, n, tuple(lines[:SHOWN]))
