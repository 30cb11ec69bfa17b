"""Person-periods as Parquet files, made of spells that are never held together."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections import Counter
from collections.abc import Callable, Container, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from bipstats.errors import ModelError, OptionError
from bipstats.parquet import named_errors
from bipstats.timeline.batches import MADE, SpellFiles, client_batches

COUNT = "count"
_ALWAYS = ("period", "event")
_READ = ("client", "start", "stop", "event", "data_end", "exit")
_NEW = {"period": pa.int32(), "event": pa.int8(), "exposure": pa.float64()}
_HELD = 1_048_576
"""Rows among which equal ones are looked for when parts are joined."""
_ROW_GROUP = 131_072
_TAG = b"bipstats"

Flow = dict[str, int | float]


@dataclass(frozen=True, slots=True)
class Plan:
    """What is to be made of which files.

    Attributes
    ----------
    check : callable
        Columns' names of the spells, which it may refuse.
    make : callable
        Spells to person-periods with ``.attrs["flow"]``.
    width : int
    options : tuple
        What else `make` depends on.
    collapse : tuple of str or None
        Columns kept; None: all, and rows are not collapsed.
    """

    check: Callable[[Container[str]], None]
    make: Callable[[pd.DataFrame], pd.DataFrame]
    width: int
    options: tuple[object, ...]
    collapse: tuple[str, ...] | None


def read_collapse(collapse: Sequence[str] | None) -> tuple[str, ...] | None:
    """Names of the columns to keep, or an `OptionError`."""
    if collapse is None:
        return None
    names = tuple(collapse) if isinstance(collapse, list | tuple) else (collapse,)
    if not all(isinstance(name, str) for name in names) or COUNT in names:
        raise OptionError(
            f"collapse={collapse!r} is no list of columns' names (without {COUNT!r}, which is the column made)."
        )
    return tuple(dict.fromkeys((*_ALWAYS, *names)))


def write_periods(spells: object, out: str | os.PathLike[str], plan: Plan, shown: bool | None) -> Path:
    """Write person-periods to a folder, which appears when it is complete.

    Notes
    -----
    Parts are written to a folder beside it (``<out>.unfinished``), each under another name first, so that what is there
    is whole: called again after an interruption, the work goes on with the first part that is missing.
    """
    folder = Path(out)
    if folder.exists() or not folder.parent.is_dir():
        raise OptionError(f"out={str(out)!r} must be the name of a new folder, in a folder that exists.")
    files = SpellFiles.of(spells)
    plan.check(files.schema.names)
    columns = _columns_read(files.schema.names, plan)
    asked = (files.key, plan.width, plan.options, plan.collapse, columns, str(files.schema))
    writer = _Writer(
        folder.with_name(f"{folder.name}.unfinished"), hashlib.sha256(repr(asked).encode()).hexdigest()
    )
    schema, flow = _schema(files.schema, columns), Counter[str]()
    for place, (label, rows) in enumerate(client_batches(files, columns, plan.width, shown)):
        done = writer.finished(place)
        if done is None:
            with named_errors(label):
                frame = plan.make(rows.to_pandas())
            done = writer.write(place, _table(frame, schema, plan.collapse), frame.attrs["flow"])
        flow.update(done)
    return writer.publish(folder, flow, joined=plan.collapse is not None)


def _columns_read(given: list[str], plan: Plan) -> list[str]:
    if plan.collapse is None:
        return given
    absent = [name for name in plan.collapse if name not in given and name not in _NEW]
    if absent:
        raise ModelError(
            f"collapse= names {', '.join(absent)}, which the spells lack; they have {', '.join(given)}."
        )
    return [name for name in given if name in plan.collapse or name in _READ]


def _schema(given: Any, columns: list[str]) -> Any:
    """Types of the person-periods: those of the spells, and of the columns that are made."""
    others = [given.field(name) for name in columns if name not in ("client", *_NEW)]
    made = [pa.field(name, kind) for name, kind in _NEW.items()]
    return pa.schema([given.field("client"), *made, *others])


def _table(frame: pd.DataFrame, schema: Any, collapse: tuple[str, ...] | None) -> Any:
    if "exit" in frame and not pa.types.is_dictionary(schema.field("exit").type):
        frame["exit"] = frame["exit"].astype(object)
    table = pa.Table.from_pandas(frame, schema=schema, preserve_index=False)
    return table if collapse is None else collapsed(table.select(list(collapse)))


def collapsed(table: Any) -> Any:
    """Equal rows once, in the order of the first of each, with how many they are."""
    keys = [name for name in table.column_names if name != COUNT]
    how = ([], "count_all") if COUNT not in table.column_names else (COUNT, "sum")
    whole = table.unify_dictionaries().combine_chunks()
    counted = whole.group_by(keys, use_threads=False).aggregate([how])
    names = [name if name in keys else COUNT for name in counted.column_names]
    found = counted.rename_columns(names).select([*keys, COUNT])
    return found.replace_schema_metadata(table.schema.metadata if COUNT in table.column_names else None)


class _Writer:
    """Finished parts of one piece of work, in a folder of their own."""

    def __init__(self, folder: Path, key: str) -> None:
        self._folder, self._key, self._n = folder, key, 0
        for place in range(len(list(folder.glob("part-*.parquet")))):
            self.finished(place)
        with self._said():
            folder.mkdir(exist_ok=True)

    def _path(self, place: int) -> Path:
        return self._folder / f"part-{place:06}.parquet"

    def finished(self, place: int) -> Flow | None:
        """What a part that is there accounts for."""
        path = self._path(place)
        if not path.exists():
            return None
        with named_errors(path.name):
            told = json.loads((pq.read_schema(path).metadata or {}).get(_TAG, b"{}"))
        if told.get("key") != self._key:
            raise OptionError(
                f"{str(self._folder)!r} holds the beginning of other work (other spells, or other options). Delete it, "
                "or choose another out=."
            )
        self._n = max(self._n, place + 1)
        return told["flow"]  # type: ignore[no-any-return]

    def write(self, place: int, table: Any, flow: Flow) -> Flow:
        """Write one part."""
        told = json.dumps({"key": self._key, "flow": flow}).encode()
        self._save(
            table.replace_schema_metadata({**(table.schema.metadata or {}), _TAG: told}), self._path(place)
        )
        self._n = place + 1
        return flow

    def publish(self, folder: Path, flow: Counter[str], *, joined: bool) -> Path:
        """Give the folder its name, after joining equal rows across parts if they were collapsed."""
        ready = self._join() if joined else self._folder
        with self._said():
            written = sum(pq.read_metadata(path).num_rows for path in ready.glob("part-*.parquet"))
            text = json.dumps({**flow, "rows_written": written}, indent=1)
            (ready / "_flow.json").write_text(text + "\n", encoding="utf-8")
            os.replace(ready, folder)
        if joined:
            shutil.rmtree(self._folder)
        return folder

    def _join(self) -> Path:
        joined = self._folder.with_name(f"{self._folder.name}.joined")
        with self._said():
            shutil.rmtree(joined, ignore_errors=True)
            joined.mkdir()
        for place, table in enumerate(self._joined()):
            self._save(table, joined / f"part-{place:06}.parquet")
        return joined

    def _joined(self) -> Iterator[Any]:
        """Collapse rows that are held together; those that no longer fit are final."""
        held, waiting = None, []
        for place in range(self._n):
            waiting.append(pq.read_table(self._path(place)).replace_schema_metadata(None))
            fresh = sum(len(table) for table in waiting)
            if place + 1 < self._n and fresh < max(0 if held is None else len(held), MADE):
                continue
            held = collapsed(pa.concat_tables([*([] if held is None else [held]), *waiting]))
            waiting = []
            if len(held) > _HELD:
                yield held
                held = None
        if held is not None:
            yield held

    def _save(self, table: Any, path: Path) -> None:
        beside = path.with_suffix(".writing")
        with self._said(path):
            try:
                pq.write_table(table, beside, compression="zstd", row_group_size=_ROW_GROUP)
                os.replace(beside, path)
            finally:
                beside.unlink(missing_ok=True)

    @contextmanager
    def _said(self, path: Path | None = None) -> Iterator[None]:
        """Have an error of the disk say what stands, and that the work can go on."""
        try:
            yield
        except OSError as error:
            raise ModelError(
                f"{str(path or self._folder)!r} could not be written: {error.strerror or error}. {self._n:,} part(s) "
                "are finished and kept: make room, call again with the same arguments, and the work goes on from there."
            ) from error
