"""Parquet files as parts: their footers are compared before any row is read."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any, TypeVar

import pandas as pd
import pyarrow.dataset as ds

from bipstats.core.columns import MANY
from bipstats.core.parts import Addable, PairwiseSum, Parts, finished
from bipstats.core.progress import progress
from bipstats.errors import ModelError
from bipstats.parquet import kind_of, named_errors

T = TypeVar("T", bound=Addable)


@dataclass(frozen=True, slots=True)
class _File:
    """One file: a pyarrow fragment with what its footer says.

    Attributes
    ----------
    label : str
    fragment : pyarrow.dataset.Fragment
    schema : pyarrow.Schema
        Of the file, and of what its folders' names say.
    groups : tuple of int
        Rows of each row group.
    size : int
        Bytes.
    """

    label: str
    fragment: Any
    schema: Any
    groups: tuple[int, ...]
    size: int


def parquet_parts(dataset: Any, source: str) -> Files:
    """Open a dataset's files; `source` is what it is called in messages."""
    try:
        fragments = list(dataset.get_fragments())
    except ValueError:
        raise ModelError(
            "the dataset is filtered, and files are read whole. Write the rows that are meant: "
            "pyarrow.dataset.write_dataset(dataset, folder, format='parquet')."
        ) from None
    paths = [getattr(fragment, "path", None) for fragment in fragments]
    if not all(
        path and isinstance(one, ds.ParquetFileFragment) for path, one in zip(paths, fragments, strict=True)
    ):
        raise ModelError(
            f"{source} is not one of Parquet files. Write it so: pyarrow.dataset.write_dataset(dataset, folder, "
            "format='parquet'); or, where it is small, give dataset.to_table().to_pandas()."
        )
    labels = _short_labels([str(path) for path in paths])
    return Files(
        tuple(_file(one, label, dataset.schema) for one, label in zip(fragments, labels, strict=True)), source
    )


def _short_labels(paths: list[str]) -> list[str]:
    """File names, or as much of the paths as tells them apart without naming one of very many levels (persons?)."""
    names = [path.rsplit("/", 1)[-1] for path in paths]
    if len(set(names)) == len(names):
        return names
    levels = {tuple(bit.split("=", 1)) for path in paths for bit in path.split("/") if "=" in bit}
    sizes = Counter(key for key, _ in levels)
    shown = ["/".join(_hidden(bit, sizes) for bit in path.split("/")) for path in paths]
    if shown == paths:
        return paths
    return [f"{label} (file {place:,} of {len(shown):,})" for place, label in enumerate(shown, start=1)]


def _hidden(bit: str, sizes: Counter[str]) -> str:
    """A folder's name, without the level where there are very many."""
    key, sign, _ = bit.partition("=")
    return f"{key}=*" if sign and sizes[key] > MANY else bit


def _file(fragment: Any, label: str, whole: Any) -> _File:
    with named_errors(label):
        schema = fragment.physical_schema
        groups = tuple(int(group.num_rows) for group in fragment.row_groups)
        size = int(fragment.filesystem.get_file_info(fragment.path).size)
    for name in ds.get_partition_keys(fragment.partition_expression):
        if name not in schema.names:
            schema = schema.append(whole.field(name))
    return _File(label, fragment, schema, groups, size)


class Files(Parts):
    """Parquet files, read block by block in this process."""

    def __init__(self, files: tuple[_File, ...], source: str) -> None:
        if not sum(sum(file.groups) for file in files):
            raise ModelError(f"{source} has no rows.")
        self.files = files
        self.names = tuple(dict.fromkeys(name for file in files for name in file.schema.names))
        prints = [(file.label.rsplit("/", 1)[-1], file.size, file.groups) for file in files]
        self.key = hashlib.sha256(repr(prints).encode()).hexdigest()

    def require(self, columns: Sequence[str]) -> None:
        """Raise unless every file has these columns, in the same type."""
        first: dict[str, _File] = {}
        for name in columns:
            first[name] = next(file for file in self.files if name in file.schema.names)
        for file in self.files:
            for name, other in first.items():
                _require_column(file, name, other)

    def n_rows(self) -> int:
        """Number of rows, as the files' footers tell."""
        return sum(sum(file.groups) for file in self.files)

    def total(
        self,
        function: Callable[..., T],
        columns: Sequence[str],
        *args: object,
        ended: Callable[[T, str], T] | None = None,
        title: str = "",
        shown: bool | None = None,
    ) -> T:
        """Sum a function of blocks of rows over all files, in order; see `Parts.total`."""
        n_blocks = sum(-(-rows // Parts.block) for file in self.files for rows in file.groups)
        blocks = progress(self._blocks(columns), n_blocks, title, shown)
        whole: PairwiseSum[T] = PairwiseSum()
        for label, own_blocks in groupby(blocks, key=lambda block: block[0]):
            own: PairwiseSum[T] = PairwiseSum()
            for _, frame in own_blocks:
                with named_errors(label):
                    term = function(frame, *args)
                own.add(term)
            whole.add(finished(own.total(), ended, label))
        return whole.total()

    def _blocks(self, columns: Sequence[str]) -> Iterator[tuple[str, pd.DataFrame]]:
        for file in self.files:
            for frame in _frames(file, columns):
                yield file.label, frame


def _require_column(file: _File, name: str, other: _File) -> None:
    if name not in file.schema.names:
        raise ModelError(
            f"{file.label} has no column {name!r}, which {other.label} has. Write the file anew with it, or leave the "
            "column out."
        )
    own, wanted = kind_of(file.schema.field(name).type), kind_of(other.schema.field(name).type)
    if own != wanted:
        raise ModelError(
            f"{file.label}: column {name!r} is of type {own}, in {other.label} of type {wanted}. Write all files with "
            "one type."
        )


def _frames(file: _File, columns: Sequence[str]) -> Iterator[pd.DataFrame]:
    """Blocks of a file as frames of the named columns."""
    with named_errors(file.label):
        batches = file.fragment.scanner(
            schema=file.schema,
            columns=list(columns),
            batch_size=Parts.block,
            batch_readahead=2,  # what is read ahead is held
            fragment_scan_options=ds.ParquetFragmentScanOptions(pre_buffer=False),
        ).to_batches()
    while True:
        with named_errors(file.label):
            batch = next(batches, None)
            if batch is None:
                return
            frame = batch.to_pandas(split_blocks=True) if batch.num_rows else None
        if frame is not None:
            yield frame
