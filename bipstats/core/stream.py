"""Data that are streamed: a path of Parquet, a pyarrow dataset, or a dask data frame."""

from __future__ import annotations

from os import PathLike, fspath
from pathlib import Path

import pyarrow.dataset as ds

from bipstats.core.parquet_parts import parquet_parts
from bipstats.core.parts import Parts
from bipstats.errors import ModelError
from bipstats.parquet import listed_files, named_errors


def is_stream(data: object) -> bool:
    """Whether data are a path, a pyarrow dataset or a dask data frame; none of these libraries is imported."""
    return isinstance(data, str | PathLike | ds.Dataset) or _is_dask(data)


def _is_dask(data: object) -> bool:
    return type(data).__module__.startswith(("dask.", "dask_expr.")) and hasattr(data, "to_delayed")


def open_parts(data: object) -> Parts:
    """Open a path of Parquet, a pyarrow dataset of Parquet files, or a dask data frame.

    Raises
    ------
    ModelError
        Nothing is there, or it is no Parquet; the message names the file.
    """
    if _is_dask(data):
        from bipstats.core.dask_parts import Partitions

        return Partitions(data)
    if isinstance(data, ds.Dataset):
        return parquet_parts(data, "the dataset")
    path = Path(fspath(data))  # type: ignore[call-overload]
    if not path.exists():
        raise ModelError(
            f"data={str(path)!r}: there is no such file or folder. For data elsewhere give a "
            "pyarrow.dataset.dataset(...)."
        )
    files = [str(path)] if path.is_file() else [str(one) for one in listed_files(path)]
    if not files:
        raise ModelError(f"data={str(path)!r}: the folder holds no files; Parquet files are needed.")
    base = str(path if path.is_dir() else path.parent)
    keys = ds.HivePartitioning.discover(infer_dictionary=True)  # as pandas.read_parquet has them
    with named_errors(Path(files[0]).name):
        made = ds.dataset(files, format="parquet", partitioning=keys, partition_base_dir=base)
    return parquet_parts(made, str(path))
