"""The refusal of tables that a timeline cannot be built from; `bip.check_study` finds the same and more."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from bipstats.errors import OptionError
from bipstats.study.problems import Problem, error, inflect
from bipstats.study.study import Study


def require_study(given: object) -> None:
    """Raise `OptionError` unless a study was given."""
    if not isinstance(given, Study):
        raise OptionError(
            f"study must be a Study, not {type(given).__name__}: read one from its folder with bip.read_study(path), "
            "or make one of tables in memory with bip.Study(clients=..., responses=..., ...)."
        )


def refuse(wrong: ArrayLike, where: str, rule: str, sentence: str, fix: str) -> None:
    """Raise `DataProblems` if any row is wrong.

    Parameters
    ----------
    wrong : (n,) bool array
        Which rows of the table are.
    where : str
        ``table.column``.
    rule : str
        Name of the rule that they break.
    sentence, fix : str
        What is wrong, with ``{n}`` for how many and ``[one|many]`` for forms; and how to mend it.
    """
    rows = np.flatnonzero(wrong)
    if rows.size:
        raise error([_problem(where, rule, sentence, fix, rows.size, tuple((rows[:5] + 2).tolist()))])


def refuse_header(n: int, where: str, rule: str, sentence: str, fix: str) -> None:
    """Raise `DataProblems` if `n` columns are missing."""
    if n:
        raise error([_problem(where, rule, sentence, fix, n, ())])


def _problem(where: str, rule: str, sentence: str, fix: str, n: int, lines: tuple[int, ...]) -> Problem:
    table, column = where.split(".")
    said = inflect(sentence.format(n=n), n)
    return Problem(table, column, rule, "error", said, fix, n_rows=n if lines else 1, rows=lines)
