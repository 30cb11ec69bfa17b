"""A table on its way into a study: what was read, what it was cast to, and which cells resisted."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from bipstats.codebook import Column, DreamCodes, dream
from bipstats.study.mapping import AS_OURS, FileMapping
from bipstats.study.parse import Mask, parse_column, parse_extra
from bipstats.study.tables import canonical, columns_of


@dataclass(frozen=True, slots=True)
class Sheet:
    """One table of n rows, cast column by column.

    Attributes
    ----------
    name : str
        Of the table.
    frame : DataFrame
        The study's dtypes and column order; cells that could not be cast are missing in it.
    raw : mapping of str to Series
        The same columns as they were read.
    columns : tuple of Column
        The known columns that are there.
    header : tuple of str
        All column names that were read, in the study's spelling, repeated ones repeated.
    defects : mapping of (column, rule) to (n,) bool array
        Cells that could not be cast.
    lines : (n,) int array
        Line of each row in its file, the header being line 1.
    scales : mapping of str to (low, high)
        Declared answer scales, for the wording of problems.
    unfound : tuple of str
        Columns of the study that the mapping looks for under a name which the file does not have.
    benefits : DreamCodes
        Meaning of the register's benefit codes.
    """

    name: str
    frame: pd.DataFrame
    raw: Mapping[str, pd.Series]
    columns: tuple[Column, ...]
    header: tuple[str, ...]
    defects: Mapping[tuple[str, str], Mask]
    lines: NDArray[np.int64]
    scales: Mapping[str, tuple[float, float]]
    unfound: tuple[str, ...]
    benefits: DreamCodes

    def has(self, *names: str) -> bool:
        """Whether all these columns are there."""
        return all(name in self.frame for name in names)

    def defect(self, column: str, rule: str) -> Mask:
        """Cells of a column that could not be cast because of a rule."""
        return self.defects.get((column, rule), np.zeros(len(self.frame), dtype=bool))

    def empty(self, column: str) -> Mask:
        """Cells with nothing in them; those that could not be cast hold something."""
        blank = self.frame[column].isna().to_numpy(dtype=bool)
        for (name, _), mask in self.defects.items():
            if name == column:
                blank = blank & ~mask
        return blank

    def known(self, *columns: str) -> Mask:
        """Rows with a usable value in every one of these columns."""
        return np.asarray(self.frame[list(columns)].notna().all(axis=1), dtype=bool)


def line_numbers(n: int) -> NDArray[np.int64]:
    """Give the lines that n rows have, or would have, in a CSV file with a header."""
    return np.arange(2, n + 2, dtype=np.int64)


def make_sheet(
    table: str,
    read: pd.DataFrame,
    lines: NDArray[np.int64] | None = None,
    mapping: FileMapping = AS_OURS,
) -> Sheet:
    """Cast a table as it was read.

    Parameters
    ----------
    table : str
        One of the five tables, or ``"truth"``.
    read : DataFrame
        Any dtypes; names as in the file, possibly repeated (the first of them is cast).
    lines : (n,) int array, optional
    mapping : FileMapping

    Returns
    -------
    Sheet
        Its frame is `read` itself if nothing had to change.
    """
    if not _plain_index(read):
        read = read.reset_index(drop=True)
    renames = mapping.renames(table)
    header = tuple(canonical(table, renames.get(str(name), str(name))) for name in read.columns)
    position = {name: at for at, name in reversed(list(enumerate(header)))}
    columns = tuple(column for column in columns_of(table, header) if column.name in position)
    raw = {name: read.iloc[:, at] for name, at in position.items()}
    cast: dict[str, pd.Series] = {}
    defects: dict[tuple[str, str], Mask] = {}
    for column in columns:
        name = column.name
        cast[name], broken = parse_column(raw[name], column, mapping.writing(table, name, column.kind))
        defects.update({(name, rule): mask for rule, mask in broken.items()})
    extras = sorted(set(position) - set(cast), key=position.__getitem__)
    cast.update({name: parse_extra(raw[name]) for name in extras})
    same = list(read.columns) == list(cast) and all(cast[name] is raw[name] for name in cast)
    return Sheet(
        name=table,
        frame=read if same else pd.DataFrame(cast, index=pd.RangeIndex(len(read))),
        raw=raw,
        columns=columns,
        header=header,
        defects=defects,
        lines=line_numbers(len(read)) if lines is None else lines,
        scales=mapping.scales if table == "responses" else {},
        unfound=tuple(ours for theirs, ours in renames.items() if theirs not in set(map(str, read.columns))),
        benefits=mapping.dream or dream(),
    )


def _plain_index(frame: pd.DataFrame) -> bool:
    """Whether rows are numbered 0..n-1 already."""
    index = frame.index
    return isinstance(index, pd.RangeIndex) and index.start == 0 and index.step == 1 and index.name is None
