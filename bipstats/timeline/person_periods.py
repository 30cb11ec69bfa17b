"""Counting-process rows to person-periods for discrete-time models."""

from __future__ import annotations

from collections.abc import Container, Sequence
from dataclasses import dataclass
from functools import partial
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Literal, overload

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from bipstats.errors import ModelError, OptionError, check_option
from bipstats.timeline.period_files import Plan, read_collapse, write_periods
from bipstats.timeline.steps import Bools, Ints

if TYPE_CHECKING:
    from pyarrow.dataset import Dataset

Floats = NDArray[np.float64]

_NEEDED = ("client", "start", "stop", "event")
_MADE = ("period", "exposure")


@overload
def person_periods(
    spells: pd.DataFrame, width: int = 13, *, changes: Literal["split", "start"] = "split"
) -> pd.DataFrame: ...


@overload
def person_periods(
    spells: str | PathLike[str] | Dataset,
    width: int = 13,
    *,
    changes: Literal["split", "start"] = "split",
    out: str | PathLike[str],
    collapse: Sequence[str] | None = None,
    progress: bool | None = None,
) -> Path: ...


def person_periods(
    spells: pd.DataFrame | str | PathLike[str] | Dataset,
    width: int = 13,
    *,
    changes: Literal["split", "start"] = "split",
    out: str | PathLike[str] | None = None,
    collapse: Sequence[str] | None = None,
    progress: bool | None = None,
) -> pd.DataFrame | Path:
    """Split spells at the borders of periods of equal width.

    Parameters
    ----------
    spells : pandas.DataFrame; with `out` the path of a Parquet file or folder, or a pyarrow dataset
        Rows ``(start, stop]`` with ``client, start, stop, event``, and anything else; from `bip.spells` or
        the user's own. ``exit`` and ``data_end`` are used if present. On a disk the rows of a client lie together
        (they may go on in the next file; files count in the order of their names).
    width : int
        Length of a period, in the unit of `start` and `stop` (weeks).
    changes : {"split", "start"}
        What becomes of covariates that change inside a period: ``split`` keeps a row for each set of values,
        ``start`` gives one row per client and period with the values at the start of its time at risk.
    out : path, optional
        New folder to write the person-periods to as Parquet files, batch by batch, so that neither spells nor
        person-periods are ever held as a whole. It appears when it is complete; until then the finished parts are in
        ``<out>.unfinished``, and the same call after an interruption goes on from them.
    collapse : list of str, optional
        With `out`: keep these columns only (those of the model, the ids of clusters, ``exposure``), with ``period``
        and ``event``, and write equal rows once, with their number in the column ``count``: for ``counts="count"``.
    progress : bool, optional
        With `out`: show a bar; None: only on a terminal or in a notebook.

    Returns
    -------
    pandas.DataFrame, or the path of the folder with `out`
        ``client, period, event, exposure`` and all other columns of `spells`, sorted by client (in the order
        of first appearance) and time. Period p covers the weeks width p + 1 to width (p + 1). ``start`` and
        ``stop`` are those of the piece of time (``start``: first start and last stop in the period).
        ``.attrs["flow"]`` counts events and weeks in and out; in a folder ``_flow.json`` does. There all columns keep
        the types of the spells (``exit`` too, which is a category in a frame).

    Raises
    ------
    ModelError
        If columns are absent, values missing, rows empty or overlapping, or an event is not on its client's
        last row; the message says how many rows and which. Also if rows of a client lie apart, if a file cannot be
        read or has other columns or types (its name is said), or if the disk is full.
    OptionError
        If `width` is not a positive whole number or `changes` not among its choices; if `out` exists.

    Notes
    -----
    ``exposure`` in (0, 1] is the share of the period at risk. A row that ends in an event counts to the end
    of the period, or to ``data_end`` if that comes first, not to the event: whether it happened in the
    period is what the model explains. Late entry, censoring and competing exits shorten the exposure. The
    pieces of one client and period sum to the share at risk.

    Equal rows are collapsed within batches, and then across them among about a million rows at a time: in data with
    fewer distinct rows no two written rows are equal, in others some are. Estimates with ``counts=`` are exact either
    way, being sums over rows.

    Examples
    --------
    >>> import bipstats as bip
    >>> import pandas as pd
    >>> rows = pd.DataFrame({"client": ["a"], "start": [5], "stop": [20], "event": [1]})
    >>> bip.person_periods(rows)[["period", "event", "exposure"]].round(3).values.tolist()
    [[0.0, 0.0, 0.615], [1.0, 1.0, 1.0]]
    """
    check_option("changes", changes, ("split", "start"))
    if isinstance(width, bool) or not isinstance(width, int | np.integer) or width < 1:
        raise OptionError(f"width={width!r} is not the length of a period; give a whole number >= 1.")
    if out is not None:
        make = partial(person_periods, width=width, changes=changes)
        plan = Plan(_check_columns, make, int(width), (changes,), read_collapse(collapse))
        return write_periods(spells, out, plan, progress)
    spells = _frame_alone(spells, collapse, progress)
    _check_columns(spells)
    rows = _Rows.of(spells)
    pieces = _split(rows, width)
    if changes == "start":
        pieces = _collapse(pieces, rows.client)
    frame = _frame(spells, rows, pieces, width)
    frame.attrs["flow"] = _flow(rows, pieces)
    return frame


def _frame_alone(spells: object, collapse: object, progress: object) -> pd.DataFrame:
    """Refuse what only files have."""
    if not isinstance(spells, pd.DataFrame):
        raise OptionError(
            f"spells= is no frame but {type(spells).__name__}: with spells in files name a folder for the "
            "person-periods, out=."
        )
    if collapse is not None or progress is not None:
        raise OptionError("collapse= and progress= are of person-periods that are written to files (out=).")
    return spells


@dataclass(frozen=True, slots=True)
class _Rows:
    """The spells sorted by client and time: position in the frame, client code, times and event, each (n,)."""

    position: Ints
    client: Ints
    start: Floats
    stop: Floats
    data_end: Floats
    event: Bools

    @classmethod
    def of(cls, spells: pd.DataFrame) -> _Rows:
        """Read and check the rows."""
        numbers = {key: _numbers(spells, key) for key in ("start", "stop", "event")}
        if "data_end" in spells:
            numbers["data_end"] = _numbers(spells, "data_end")
        else:
            numbers["data_end"] = np.full(len(spells), np.inf)
        client = pd.factorize(spells["client"])[0]
        _refuse(client < 0, "have no client", "Every row needs one")
        order = np.lexsort((numbers["start"], client))
        _check_times(client, order, **numbers)
        start, stop, data_end = (numbers[key][order] for key in ("start", "stop", "data_end"))
        return cls(order, client[order], start, stop, data_end, numbers["event"][order] == 1)


@dataclass(frozen=True, slots=True)
class _Pieces:
    """Pieces of rows, each (m,): the row that gives the covariates, the row that ends it, and its time."""

    first_row: Ints
    last_row: Ints
    period: Ints
    start: Floats
    stop: Floats
    at_risk: Floats
    exposed: Floats
    event: Bools
    ends_row: Bools


def _split(rows: _Rows, width: int) -> _Pieces:
    """Cut rows at multiples of `width`."""
    first = np.floor(rows.start / width).astype(np.int64)
    count = np.ceil(rows.stop / width).astype(np.int64) - first
    row = np.repeat(np.arange(len(count)), count)
    begins = np.cumsum(count) - count
    period = first[row] + np.arange(len(row)) - begins[row]
    start = np.maximum(rows.start[row], period * width)
    stop = np.minimum(rows.stop[row], (period + 1) * width)
    ends_row = stop == rows.stop[row]
    event = rows.event[row] & ends_row
    until = np.where(event, np.minimum((period + 1) * width, rows.data_end[row]), stop)
    return _Pieces(row, row, period, start, stop, stop - start, until - start, event, ends_row)


def _collapse(pieces: _Pieces, client: Ints) -> _Pieces:
    """Join the pieces of each client and period into one."""
    if not len(pieces.period):
        return pieces
    owner = client[pieces.first_row]
    begins = np.ones(len(owner), dtype=bool)
    begins[1:] = (owner[1:] != owner[:-1]) | (pieces.period[1:] != pieces.period[:-1])
    first = np.flatnonzero(begins)
    last = np.append(first[1:], len(owner)) - 1
    return _Pieces(
        pieces.first_row[first],
        pieces.last_row[last],
        pieces.period[first],
        pieces.start[first],
        pieces.stop[last],
        np.add.reduceat(pieces.at_risk, first),
        np.add.reduceat(pieces.exposed, first),
        pieces.event[last],
        pieces.ends_row[last],
    )


def _frame(spells: pd.DataFrame, rows: _Rows, pieces: _Pieces, width: int) -> pd.DataFrame:
    """Put the columns together: ours first, all others as they came."""
    covariates = spells.take(rows.position[pieces.first_row]).reset_index(drop=True)
    frame = covariates.drop(columns=["client", "event"]).assign(
        start=pd.Series(pieces.start).astype(spells["start"].dtype),
        stop=pd.Series(pieces.stop).astype(spells["stop"].dtype),
    )
    if "exit" in spells:
        frame["exit"] = _exit(spells["exit"], rows.position[pieces.last_row], pieces.ends_row)
    frame.insert(0, "client", covariates["client"])
    frame.insert(1, "period", pieces.period.astype(np.int32))
    frame.insert(2, "event", pieces.event.astype(np.int8))
    frame.insert(3, "exposure", pieces.exposed / width)
    return frame


def _exit(exits: pd.Series, position: Ints, ends_row: Bools) -> pd.Series:
    """Exit of each piece: that of its row where the row ends, else censored."""
    if not isinstance(exits.dtype, pd.CategoricalDtype):
        exits = exits.astype("category")
    if "censored" not in exits.cat.categories:
        exits = exits.cat.add_categories(["censored"])
    return exits.take(position).reset_index(drop=True).where(ends_row, "censored")


def _flow(rows: _Rows, pieces: _Pieces) -> dict[str, int | float]:
    """Count events and time in and out, and see that none is lost."""
    weeks, out = (rows.stop - rows.start).sum(), pieces.at_risk.sum()
    events, seen = int(rows.event.sum()), int(pieces.event.sum())
    if events != seen or not np.isclose(weeks, out, rtol=1e-9, atol=0):
        raise RuntimeError(
            f"Person-periods lost or made time at risk: {events} events and {weeks} weeks in, {seen} and "
            f"{out} out. This is an error in bipstats; please report it."
        )
    counts = {"rows_in": len(rows.client), "rows_out": len(pieces.period), "events": events}
    return {**counts, "time_at_risk": float(out)}


def _check_columns(spells: Container[str]) -> None:
    """Refuse a frame without the columns needed, or with columns that are to be made."""
    absent = [name for name in _NEEDED if name not in spells]
    if absent:
        raise ModelError(
            f"The spells lack the column(s) {', '.join(absent)}; needed are {', '.join(_NEEDED)}."
        )
    present = [name for name in _MADE if name in spells]
    if present:
        raise ModelError(
            f"The spells already have the column(s) {', '.join(present)}, which person_periods makes. "
            "Rename them, or give the spells before they were split."
        )


def _numbers(spells: pd.DataFrame, name: str) -> Floats:
    """Read a column of numbers without missing values."""
    column = spells[name]
    _refuse(column.isna().to_numpy(), f"have no {name}", "Fill it in or leave the rows out")
    if not (pd.api.types.is_numeric_dtype(column) or pd.api.types.is_bool_dtype(column)):
        raise ModelError(f"The column {name} has dtype {column.dtype}; give numbers.")
    return column.to_numpy(dtype=np.float64)


def _check_times(
    client: Ints, order: Ints, start: Floats, stop: Floats, event: Floats, data_end: Floats
) -> None:
    """Refuse rows that are no partition of a client's time at risk."""
    _refuse(~np.isfinite(start) | ~np.isfinite(stop), "have an infinite start or stop", "Give finite times")
    _refuse(start >= stop, "have start >= stop", "A row covers (start, stop]; leave empty rows out")
    _refuse(~np.isin(event, (0, 1)), "have an event other than 0 and 1", "Code the event 0/1")
    late = (event == 1) & (stop > data_end)
    _refuse(late, "have an event after data_end", "Events after the data end cannot be seen")
    same = client[order][1:] == client[order][:-1]
    overlap, early = np.zeros((2, len(client)), dtype=bool)
    overlap[order[1:]] = same & (start[order][1:] < stop[order][:-1])
    _refuse(overlap, "overlap the row before of the same client", "A client is at risk once at a time")
    early[order[:-1]] = same & (event[order][:-1] == 1)
    _refuse(
        early, "have an event that is not on the client's last row", "Time after the event is not at risk"
    )


def _refuse(rows: Bools, what: str, cure: str) -> None:
    """Raise with the number and the positions of the rows that are wrong, if any."""
    wrong = np.flatnonzero(rows)
    if wrong.size:
        listed = ", ".join(map(str, wrong[:5])) + (", ..." if wrong.size > 5 else "")
        raise ModelError(f"{wrong.size} row(s) of the spells {what} (positions {listed}). {cure}.")
