"""The wide register as one matrix of weekly states."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from os import PathLike
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from bipstats.codebook import DreamCodes, dream
from bipstats.codebook.calendar import month_of_week, parse_month_column, parse_week_column, week_index
from bipstats.errors import OptionError
from bipstats.register.defects import refuse, refuse_header, require_study

if TYPE_CHECKING:
    from bipstats.study.study import Study

Bools = NDArray[np.bool_]
Ints = NDArray[np.int64]
Codes = DreamCodes | str | PathLike[str] | None

_BLANK = -1


@dataclass(frozen=True, slots=True)
class Histories:
    """Weekly states of n clients over the w weeks of the register.

    Attributes
    ----------
    states : (n, w) int8 array
        Position of each week's state in `codes.names`; rows as in ``study.clients``.
    enrolled : (n,) integer array
        Absolute week of enrolment.
    first : int
        Absolute week of the first column.
    codes : DreamCodes
    """

    states: NDArray[np.int8]
    enrolled: Ints
    first: int
    codes: DreamCodes

    @property
    def weeks(self) -> Ints:
        """Absolute week of each column, (w,)."""
        return self.first + np.arange(self.states.shape[1])

    @property
    def last_week(self) -> Ints:
        """Last week of the register on each client's own clock, (n,)."""
        return self.first + self.states.shape[1] - 1 - self.enrolled

    def among(self, names: tuple[str, ...]) -> Bools:
        """Say of each week whether its state is one of `names`, (n, w)."""
        return np.isin(self.codes.names, names)[self.states]


def histories(study: Study, codes: Codes = None) -> Histories:
    """Read the state of every client in every week of the register.

    Parameters
    ----------
    study : Study
    codes : DreamCodes or path, optional
        Meaning of the benefit codes; the study's own (``study.codes``) if not given.

    Returns
    -------
    Histories

    Raises
    ------
    DataProblems
        If clients have no register row, or weeks or months are absent from the register.
    OptionError
        If `study` is none, or the register has codes that `codes` does not know.

    Notes
    -----
    A week with a benefit has the state that the benefit's code maps to. A week without one is ``job`` if the
    month of its Thursday has an industry code, else ``self_support``.
    """
    require_study(study)
    codes = study.codes if codes is None else codes
    meaning = codes if isinstance(codes, DreamCodes) else dream(codes)
    rows = _register_rows(study)
    weeks = _columns(study.register, parse_week_column)
    months = _columns(study.register, parse_month_column)
    month = _month_columns(weeks, months)
    benefit = _matrix(study.register, list(weeks.values()), rows)
    employed = _matrix(study.register, list(months.values()), rows)[:, month] != _BLANK
    states = np.where(
        benefit != _BLANK,
        _states_of_codes(benefit, meaning),
        np.where(employed, meaning.names.index("job"), meaning.names.index("self_support")),
    )
    enrolled = week_index(study.clients["enrolled"].to_numpy())
    return Histories(states.astype(np.int8), enrolled, min(weeks), meaning)


def _register_rows(study: Study) -> Ints:
    """Row of each client in the register."""
    rows = pd.Index(study.register["client"]).get_indexer(pd.Index(study.clients["client"]))
    sentence = "{n} [client has|clients have] no row in the register"
    refuse(rows < 0, "clients.client", "no_register_row", sentence, "add the row, or leave the client out")
    return rows.astype(np.int64)


def _columns(register: pd.DataFrame, parse: Callable[[str], int | None]) -> dict[int, str]:
    """Absolute week or month -> column name, in time order and without holes."""
    parsed = {time: str(name) for name in register if (time := parse(str(name))) is not None}
    times = sorted(parsed)
    holes = int((np.diff(times) - 1).sum()) if times else 1
    kind = "week" if parse is parse_week_column else "month"
    sentence = f"{{n}} [{kind} has|{kind}s have] no column"
    refuse_header(holes, "register.", f"missing_{kind}", sentence, "add the columns, empty if need be")
    return {time: parsed[time] for time in times}


def _month_columns(weeks: dict[int, str], months: dict[int, str]) -> Ints:
    """Position among the months of each week's month."""
    month = month_of_week(np.fromiter(weeks, dtype=np.int64))
    absent = np.setdiff1d(month, np.fromiter(months, dtype=np.int64))
    sentence = "{n} [month of the weeks has|months of the weeks have] no column branche_YYYY_MM"
    refuse_header(absent.size, "register.", "missing_month", sentence, "add the columns, empty if need be")
    return month - min(months)


def _matrix(register: pd.DataFrame, columns: list[str], rows: Ints) -> NDArray[np.int32]:
    """Wide columns as one matrix, blank = -1, one row per client."""
    values = np.empty((len(columns), len(register)), dtype=np.int32)
    for row, name in zip(values, columns, strict=True):
        row[:] = register[name].to_numpy(dtype=np.int32, na_value=_BLANK)
    return values.T[rows]


def _states_of_codes(benefit: NDArray[np.int32], codes: DreamCodes) -> NDArray[np.int8]:
    """Position of the state of each benefit code; blanks are given any."""
    table = np.full(1001, -1, dtype=np.int8)
    table[list(codes.states)] = [codes.names.index(state) for state in codes.states.values()]
    table[_BLANK] = 0  # the last entry, which is no code
    states = table[np.where((benefit < _BLANK) | (benefit > 999), 0, benefit)]
    unknown, counts = np.unique(benefit[states < 0], return_counts=True)
    if unknown.size:
        listed = ", ".join(f"{code} ({n} weeks)" for code, n in list(zip(unknown, counts, strict=True))[:5])
        raise OptionError(
            f"codes: {unknown.size} benefit code(s) of the register have no state: {listed}. "
            "Add them to a copy of bipstats/codebook/dream.toml and give its path as codes=, here or in read_study."
        )
    return states
