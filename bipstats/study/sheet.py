"""A table on its way into a study: what was read, what it was cast to, and which cells resisted."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from bipstats.codebook import Column, DreamCodes, dream
from bipstats.study.mapping import AS_OURS, FileMapping
from bipstats.study.parse import USER_MISSING, Mask, parse_column, parse_extra
from bipstats.study.raw import Raw, line_numbers
from bipstats.study.tables import canonical, columns_of
from bipstats.study.writing import NOTHING, Declared


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
        Line of each row in its file, the header being line 1; for Stata and SPSS its observation.
    unit : {"line", "row", "observation"}
        What `lines` counts.
    declared : mapping of str to Declared
        Column -> what its file says about its values.
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
    unit: str
    declared: Mapping[str, Declared]
    scales: Mapping[str, tuple[float, float]]
    unfound: tuple[str, ...]
    benefits: DreamCodes

    @property
    def extras(self) -> tuple[Column, ...]:
        """The columns that the codebook does not know."""
        known = {column.name for column in self.columns}
        return tuple(
            Column(str(name), "extra", required=False, nullable=True)
            for name in self.frame
            if name not in known
        )

    def has(self, *names: str) -> bool:
        """Whether all these columns are there."""
        return all(name in self.frame for name in names)

    def defect(self, column: str, rule: str) -> Mask:
        """Cells of a column that could not be cast because of a rule."""
        return self.defects.get((column, rule), np.zeros(len(self.frame), dtype=bool))

    def empty(self, column: str) -> Mask:
        """Cells with nothing in them, or what the file declares missing; what could not be cast is something."""
        blank = self.frame[column].isna().to_numpy(dtype=bool)
        for (name, rule), mask in self.defects.items():
            if name == column and rule != USER_MISSING:
                blank = blank & ~mask
        return blank

    def known(self, *columns: str) -> Mask:
        """Rows with a usable value in every one of these columns."""
        return np.asarray(self.frame[list(columns)].notna().all(axis=1), dtype=bool)


def header_of(table: str, names: Sequence[str], mapping: FileMapping) -> tuple[str, ...]:
    """Give the study's names for the columns of a file."""
    renames = mapping.renames(table)
    return tuple(canonical(table, renames.get(name, name)) for name in names)


def make_sheet(table: str, read: pd.DataFrame | Raw, mapping: FileMapping = AS_OURS) -> Sheet:
    """Cast a table as it was read.

    Parameters
    ----------
    table : str
        One of the five tables, or ``"truth"``.
    read : DataFrame or Raw
        Any dtypes; names as in the file, possibly repeated (the first of them is cast).
    mapping : FileMapping

    Returns
    -------
    Sheet
        Its frame is the one given if nothing had to change.
    """
    given = read if isinstance(read, Raw) else Raw(read, line_numbers(len(read)), [])
    assert given.frame is not None
    frame = given.frame if _plain_index(given.frame) else given.frame.reset_index(drop=True)
    theirs = [str(name) for name in frame.columns]
    header = header_of(table, theirs, mapping)
    position = {name: at for at, name in reversed(list(enumerate(header)))}
    columns = tuple(column for column in columns_of(table, header) if column.name in position)
    raw = {name: frame.iloc[:, at] for name, at in position.items()}
    declared = {name: given.declared.get(theirs[at], NOTHING) for name, at in position.items()}
    kinds = {column.name: column for column in columns}
    extras = sorted(set(position) - set(kinds), key=position.__getitem__)
    cast: dict[str, pd.Series] = {}
    defects: dict[tuple[str, str], Mask] = {}
    for name in (*kinds, *extras):
        if name in kinds:
            writing = mapping.writing(table, name, kinds[name].kind, declared[name])
            cast[name], broken = parse_column(raw[name], kinds[name], writing)
        else:
            cast[name], broken = parse_extra(raw[name], declared[name])
        defects.update({(name, rule): mask for rule, mask in broken.items()})
    same = list(frame.columns) == list(cast) and all(cast[name] is raw[name] for name in cast)
    return Sheet(
        name=table,
        frame=frame if same else pd.DataFrame(cast, index=pd.RangeIndex(len(frame))),
        raw=raw,
        columns=columns,
        header=header,
        defects=defects,
        lines=given.lines,
        unit=given.unit,
        declared=declared,
        scales=mapping.scales if table == "responses" else {},
        unfound=tuple(ours for name, ours in mapping.renames(table).items() if name not in theirs),
        benefits=mapping.dream or dream(),
    )


def _plain_index(frame: pd.DataFrame) -> bool:
    """Whether rows are numbered 0..n-1 already."""
    index = frame.index
    return isinstance(index, pd.RangeIndex) and index.start == 0 and index.step == 1 and index.name is None
