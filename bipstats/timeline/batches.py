"""Spells on a disk, read in batches that hold whole clients."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from os import PathLike, fspath
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.dataset as ds
from numpy.typing import NDArray

from bipstats.core.progress import progress
from bipstats.errors import ModelError, OptionError
from bipstats.parquet import kind_of, listed_files, named_errors
from bipstats.timeline.steps import Ints

READ = 65_536
"""Rows read at a time."""
MADE = 524_288
"""Person-periods made at a time, unless one client has more."""


@dataclass(frozen=True, slots=True)
class SpellFiles:
    """Parquet files of one schema, in the order of their names.

    Attributes
    ----------
    labels : tuple of str
    fragments : tuple of pyarrow.dataset.Fragment
    schema : pyarrow.Schema
        With the columns that folders' names give.
    n_blocks : int
        Blocks of at most `READ` rows.
    key : str
        Tells these files from others: names, sizes, times of change and rows.
    """

    labels: tuple[str, ...]
    fragments: tuple[Any, ...]
    schema: Any
    n_blocks: int
    key: str

    @classmethod
    def of(cls, spells: object) -> SpellFiles:
        """Open a file, a folder or a pyarrow dataset; what cannot be read, or differs, is named."""
        dataset, source = _opened(spells)
        fragments = tuple(dataset.get_fragments())
        if not all(isinstance(one, ds.ParquetFileFragment) for one in fragments):
            raise ModelError(
                f"{source} is not one of Parquet files; write it so: pyarrow.dataset.write_dataset."
            )
        labels = tuple(Path(str(one.path)).name for one in fragments)
        prints, blocks = [], 0
        for label, one in zip(labels, fragments, strict=True):
            with named_errors(label):
                _require_schema(one, dataset.schema, labels[0])
                info = one.filesystem.get_file_info(one.path)
                rows = [int(group.num_rows) for group in one.row_groups]
            prints.append((one.path, info.size, info.mtime_ns, rows))
            blocks += sum(-(-n // READ) for n in rows)
        if not blocks:
            raise ModelError(f"{source} has no rows.")
        return cls(
            labels, fragments, dataset.schema, blocks, hashlib.sha256(repr(prints).encode()).hexdigest()
        )

    def blocks(self, columns: Sequence[str]) -> Iterator[tuple[str, Any]]:
        """File name and rows, block by block."""
        for label, one in zip(self.labels, self.fragments, strict=True):
            with named_errors(label):
                scanner = one.scanner(
                    schema=self.schema,
                    columns=list(columns),
                    batch_size=READ,
                    batch_readahead=2,  # what is read ahead is held
                    fragment_scan_options=ds.ParquetFragmentScanOptions(pre_buffer=False),
                )
                batches = scanner.to_batches()
            while True:
                with named_errors(label):
                    batch = next(batches, None)
                if batch is None:
                    break
                if batch.num_rows:
                    yield label, pa.Table.from_batches([batch])


def _opened(spells: object) -> tuple[Any, str]:
    if isinstance(spells, ds.Dataset):
        return spells, "the dataset"
    if not isinstance(spells, str | PathLike):
        raise OptionError(
            f"out= writes what is made of files: give the path of a Parquet file or folder, or a pyarrow dataset, not "
            f"{type(spells).__name__}. A frame is written by frame.to_parquet(path)."
        )
    path = Path(fspath(spells))  # type: ignore[arg-type]
    if not path.exists():
        raise ModelError(f"spells={str(path)!r}: there is no such file or folder.")
    files = [path] if path.is_file() else listed_files(path)
    if not files:
        raise ModelError(f"spells={str(path)!r}: the folder holds no files; Parquet files are needed.")
    base = str(path.parent if path.is_file() else path)
    with named_errors(files[0].name):
        made = ds.dataset(
            [str(one) for one in files], format="parquet", partitioning="hive", partition_base_dir=base
        )
    return made, str(path)


def _require_schema(fragment: Any, common: Any, first: str) -> None:
    """Raise unless a file has the columns of the first, in the same types."""
    own = fragment.physical_schema
    from_folders = ds.get_partition_keys(fragment.partition_expression)
    absent = [name for name in common.names if name not in own.names and name not in from_folders]
    extra = [name for name in own.names if name not in common.names]
    if absent or extra:
        what = f"lacks the column(s) {', '.join(absent)}" if absent else f"also has {', '.join(extra)}"
        raise ModelError(f"the file {what}, unlike {first}. Write all files with the same columns.")
    for field in common:
        kind = kind_of(own.field(field.name).type if field.name in own.names else field.type)
        if kind != kind_of(field.type):
            raise ModelError(
                f"column {field.name!r} is of type {kind}, in {first} of type {kind_of(field.type)}. Write all "
                "files with one type."
            )


def client_batches(
    files: SpellFiles, columns: Sequence[str], width: int, shown: bool | None
) -> Iterator[tuple[str, Any]]:
    """Rows of whole clients, about `MADE` person-periods at a time, with words on where they lie.

    Raises
    ------
    ModelError
        Rows of a client do not lie together, or a file cannot be read.

    Notes
    -----
    A client that was seen before is found by a hash of eight bytes; those of whole numbers are all different.
    """
    seen, held, label, n = _Seen(), None, "", 0
    for label, block in progress(files.blocks(columns), files.n_blocks, "person-periods", shown):
        rows = block if held is None else pa.concat_tables([held, block]).unify_dictionaries()
        begins = _clients(rows, label)
        seen.add(rows, begins[:-1], label)
        held = rows.slice(begins[-1])
        for part in _cut(rows.slice(0, begins[-1]), begins[:-1], width):
            yield f"{label}, positions from row {n:,} of all", part
            n += part.num_rows
    assert held is not None
    seen.add(held, np.zeros(1, np.int64), label)
    yield f"{label}, positions from row {n:,} of all", held


def _clients(rows: Any, label: str) -> Ints:
    """Places at which the rows of a client begin."""
    client = rows["client"].to_pandas()
    lost = int(client.isna().sum())
    if lost:
        raise ModelError(f"{label}: {lost:,} row(s) have no client. Every row needs one.")
    codes = pd.factorize(client)[0]
    return np.flatnonzero(np.append(True, codes[1:] != codes[:-1]))


def _cut(rows: Any, begins: Ints, width: int) -> Iterator[Any]:
    """Split rows between clients where they would become too many."""
    if not rows.num_rows:
        return
    start, stop = (pd.to_numeric(rows[name].to_pandas(), errors="coerce") for name in ("start", "stop"))
    length = np.nan_to_num(((stop - start) / width).to_numpy(float, na_value=0.0), posinf=0.0, neginf=0.0)
    made = np.cumsum(np.clip(np.ceil(length), 0, None) + 1)
    part = made[np.append(begins[1:], rows.num_rows) - 1] // MADE
    cuts = [0, *begins[1:][np.diff(part) > 0].tolist(), rows.num_rows]
    for low, high in pairwise(cuts):
        yield rows.slice(low, high - low)


class _Seen:
    """Clients so far, as sorted arrays of hashes that double in length."""

    def __init__(self) -> None:
        self._runs: list[NDArray[np.uint64]] = []

    def add(self, rows: Any, begins: Ints, label: str) -> None:
        """Take in the clients whose rows begin at some places; refuse those that were there."""
        if not len(begins):
            return
        client = rows["client"].take(pa.array(begins))
        whole = pa.types.is_integer(client.type)
        new = np.sort(pd.util.hash_array((client if whole else client.cast(pa.string())).to_numpy()))
        again = int((new[1:] == new[:-1]).sum())
        for run in self._runs:
            place = np.minimum(np.searchsorted(run, new), len(run) - 1)
            again += int((run[place] == new).sum())
        if again:
            raise ModelError(
                f"{label}: {again:,} client(s) have rows in several places; those of a client must lie together. Sort "
                "the rows by client and write them anew."
            )
        while self._runs and len(self._runs[-1]) <= len(new):
            new = np.sort(np.concatenate([self._runs.pop(), new]), kind="stable")
        self._runs.append(new)
