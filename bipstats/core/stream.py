"""Rows that are never held together: sums over the parts of Parquet files, or of a dask data frame.

A pass is a sum: each block of rows becomes a small object, and objects are added in the order of the rows, pairwise,
so that rounding grows with the logarithm of their number and the result is the same in every run.
"""

from __future__ import annotations

import hashlib
import re
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import groupby
from os import PathLike, fspath
from pathlib import Path
from typing import Any, Generic, Protocol, TypeVar

import pandas as pd
import pyarrow as pa
import pyarrow.dataset as ds

from bipstats.core.progress import progress
from bipstats.errors import ModelError

BLOCK = 65_536
"""Rows taken into memory at a time: few enough for the cache, enough for the cost of a call not to matter."""
_NUMBER = re.compile(r"(\d+)")


class Addable(Protocol):
    """What a block of rows becomes."""

    def __add__(self, other: Any, /) -> Any:
        """Join with what the rows that follow became; associative."""


T = TypeVar("T", bound=Addable)


class Parts(ABC):
    """Rows in parts that can be read one by one.

    Attributes
    ----------
    names : tuple of str
        Columns.
    key : str
        Tells these data from others, without a value of theirs.
    """

    names: tuple[str, ...]
    key: str

    @abstractmethod
    def require(self, columns: Sequence[str]) -> None:
        """Raise unless every part has these columns, in the same type."""

    @abstractmethod
    def n_rows(self) -> int:
        """Number of rows."""

    @abstractmethod
    def total(
        self,
        function: Callable[..., T],
        columns: Sequence[str],
        *args: object,
        ended: Callable[[T, str], T] | None = None,
        title: str = "",
        shown: bool | None = None,
    ) -> T:
        """Sum a function of blocks of rows over all parts, in order.

        Parameters
        ----------
        function : callable
            ``function(frame, *args)``, of the module level: other processes may have to find it.
        columns : sequence of str
            The only ones that are read.
        *args
        ended : callable, optional
            Applied to the sum of each part, with the part's label.
        title : str
            Stands before the progress bar.
        shown : bool, optional
            As for `progress`.

        Raises
        ------
        ModelError
            There are no rows, or a part cannot be read; the message names it.
        """


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
        return Partitions(data)
    if isinstance(data, ds.Dataset):
        return _files(data, "the dataset")
    path = Path(fspath(data))  # type: ignore[call-overload]
    if not path.exists():
        raise ModelError(
            f"data={str(path)!r}: there is no such file or folder. For data elsewhere give a pyarrow.dataset.dataset(...)."
        )
    files = [str(path)] if path.is_file() else _listed_files(path)
    if not files:
        raise ModelError(f"data={str(path)!r}: the folder holds no files; Parquet files are needed.")
    base = str(path if path.is_dir() else path.parent)
    keys = ds.HivePartitioning.discover(infer_dictionary=True)  # as pandas.read_parquet has them
    with _named(Path(files[0]).name):
        made = ds.dataset(files, format="parquet", partitioning=keys, partition_base_dir=base)
    return _files(made, str(path))


def _listed_files(folder: Path) -> list[str]:
    """Files below a folder, hidden ones left out; numbers in names count as numbers."""
    inside = [path for path in folder.rglob("*") if path.is_file()]
    shown = [path for path in inside if not any(name[0] in "._" for name in path.relative_to(folder).parts)]
    return [str(path) for path in sorted(shown, key=_natural)]


def _natural(path: Path) -> list[tuple[int, int, str]]:
    return [
        (0, int(bit), "") if bit.isdigit() else (1, 0, bit) for bit in _NUMBER.split(path.as_posix()) if bit
    ]


@contextmanager
def _named(label: str) -> Iterator[None]:
    """Have every error say where it arose."""
    try:
        yield
    except ModelError as error:
        raise ModelError(f"{label}: {error}") from None
    except (pa.ArrowException, OSError) as error:
        reason = str(error).split("\n")[0].rstrip(".")
        raise ModelError(
            f"{label} cannot be read: {reason}. It is no Parquet file, or it is truncated or damaged; write it anew. "
            "Nothing has been returned."
        ) from error


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


def _files(dataset: Any, source: str) -> Files:
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
    """File names, or as much of the paths as tells them apart."""
    names = [path.rsplit("/", 1)[-1] for path in paths]
    return names if len(set(names)) == len(names) else paths


def _file(fragment: Any, label: str, whole: Any) -> _File:
    with _named(label):
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
        first: dict[str, _File] = {}
        for name in columns:
            first[name] = next(file for file in self.files if name in file.schema.names)
        for file in self.files:
            for name, other in first.items():
                _require_column(file, name, other)

    def n_rows(self) -> int:
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
        n_blocks = sum(-(-rows // BLOCK) for file in self.files for rows in file.groups)
        blocks = progress(self._blocks(columns), n_blocks, title, shown)
        whole: PairwiseSum[T] = PairwiseSum()
        for label, own_blocks in groupby(blocks, key=lambda block: block[0]):
            own: PairwiseSum[T] = PairwiseSum()
            for _, frame in own_blocks:
                with _named(label):
                    term = function(frame, *args)
                own.add(term)
            whole.add(_finished(own.total(), ended, label))
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
    own, wanted = _kind(file.schema.field(name).type), _kind(other.schema.field(name).type)
    if own != wanted:
        raise ModelError(
            f"{file.label}: column {name!r} is of type {own}, in {other.label} of type {wanted}. Write all files with "
            "one type."
        )


def _kind(kind: Any) -> str:
    """A column's type in words that are the same where the values are: the width of codes does not matter."""
    if pa.types.is_dictionary(kind):
        return f"dictionary of {_kind(kind.value_type)}"
    return "string" if pa.types.is_large_string(kind) else str(kind)


def _frames(file: _File, columns: Sequence[str]) -> Iterator[pd.DataFrame]:
    """Blocks of a file as frames of the named columns."""
    with _named(file.label):
        batches = file.fragment.scanner(
            schema=file.schema,
            columns=list(columns),
            batch_size=BLOCK,
            batch_readahead=2,  # what is read ahead is held
            fragment_scan_options=ds.ParquetFragmentScanOptions(pre_buffer=False),
        ).to_batches()
    while True:
        with _named(file.label):
            batch = next(batches, None)
            if batch is None:
                return
            frame = batch.to_pandas() if batch.num_rows else None
        if frame is not None:
            yield frame


class Partitions(Parts):
    """A dask data frame: one task a partition, by dask's own scheduler (the user's cluster, where there is one)."""

    def __init__(self, frame: Any) -> None:
        from dask.base import tokenize

        self.frame = frame
        self.names = tuple(map(str, frame.columns))
        self.key = tokenize(frame)

    def require(self, columns: Sequence[str]) -> None:
        """Dask frames have one schema."""

    def n_rows(self) -> int:
        return int(len(self.frame))

    def total(
        self,
        function: Callable[..., T],
        columns: Sequence[str],
        *args: object,
        ended: Callable[[T, str], T] | None = None,
        title: str = "",
        shown: bool | None = None,
    ) -> T:
        import dask

        parts = self.frame[list(columns)].to_delayed()
        task = dask.delayed(_of_partition, pure=False)
        sums = [task(part, f"partition {place}", function, args, ended) for place, part in enumerate(parts)]
        join = dask.delayed(_joined, pure=False)
        while len(sums) > 1:
            pairs = [join(*sums[place : place + 2]) for place in range(0, len(sums) - 1, 2)]
            sums = pairs + sums[2 * len(pairs) :]
        found = None
        for place in progress(range(1), 1, title, shown):
            found = dask.compute(sums[place])[0]
        if found is None:
            raise ModelError("the dask data frame has no rows.")
        return found


def _of_partition(
    frame: pd.DataFrame,
    label: str,
    function: Callable[..., T],
    args: tuple[object, ...],
    ended: Callable[[T, str], T] | None,
) -> T | None:
    """Sum one partition block by block; None if it has no rows."""
    if not len(frame):
        return None
    own: PairwiseSum[T] = PairwiseSum()
    for low in range(0, len(frame), BLOCK):
        with _named(label):
            term = function(frame.iloc[low : low + BLOCK], *args)
        own.add(term)
    return _finished(own.total(), ended, label)


def _finished(total: T, ended: Callable[[T, str], T] | None, label: str) -> T:
    return total if ended is None else ended(total, label)


def _joined(left: T | None, right: T | None) -> T | None:
    if left is None or right is None:
        return right if left is None else left
    return left + right  # type: ignore[no-any-return]


class PairwiseSum(Generic[T]):
    """A sum of many terms in the shape of a binary tree, without holding them."""

    def __init__(self) -> None:
        self._sums: list[tuple[int, T]] = []

    def add(self, term: T) -> None:
        """Take in the next term."""
        size = 1
        while self._sums and self._sums[-1][0] == size:
            term = self._sums.pop()[1] + term
            size *= 2
        self._sums.append((size, term))

    def total(self) -> T:
        """Sum of all terms so far."""
        total = self._sums[-1][1]
        for _, term in reversed(self._sums[:-1]):
            total = term + total
        return total
