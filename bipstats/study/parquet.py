"""Parquet files."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from bipstats.study.mapping import FileMapping
from bipstats.study.raw import Raw, line_numbers, not_a_file, unreadable

_PANDAS: dict[pa.DataType, Any] = {
    pa.int8(): pd.Int8Dtype(),
    pa.int16(): pd.Int16Dtype(),
    pa.int32(): pd.Int32Dtype(),
    pa.int64(): pd.Int64Dtype(),
    pa.bool_(): pd.BooleanDtype(),
    pa.string(): pd.StringDtype("pyarrow"),
    pa.large_string(): pd.StringDtype("pyarrow"),
}


def read(path: Path, table: str, mapping: FileMapping) -> Raw:
    """Read one table with the dtypes it was stored in; lines are those that a CSV file would have."""
    if path.is_dir():
        return not_a_file(path, table)
    try:
        stored = pq.ParquetFile(path).read()
        stored.validate(full=True)  # text that is not UTF-8 would fail later, cell by cell
        frame = stored.to_pandas(types_mapper=_PANDAS.get, ignore_metadata=True, date_as_object=False)
    except (OSError, pa.ArrowException) as error:
        fix = f"write the file anew ({type(error).__name__})"
        return unreadable(table, "the file cannot be read as parquet", fix)
    return Raw(frame.drop(columns=_row_numbers(stored)), line_numbers(len(frame)), [])


def _row_numbers(stored: pa.Table) -> list[str]:
    """Columns that pandas adds for the index of a frame from which rows were taken; it names no frame's own so."""
    told = (stored.schema.pandas_metadata or {}).get("index_columns", [])
    return [name for name in told if isinstance(name, str) and name.startswith("__index_level_")]


def write(table: pd.DataFrame, path: Path) -> None:
    """Write one table; the file holds columns and types, nothing about pandas."""
    stored = pa.Table.from_pandas(table, preserve_index=False).replace_schema_metadata(None)
    pq.write_table(stored, path)
