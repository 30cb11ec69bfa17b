"""Rows and terms that a model can use: what varies, what is complete, where anybody entered."""

from __future__ import annotations

from collections.abc import Callable

import pandas as pd

from bipstats.core.design import formula_columns
from bipstats.errors import ModelError
from bipstats.tables import counted


def with_entries(
    rows: pd.DataFrame, event: str, registered: Callable[[], int], when: str
) -> tuple[pd.DataFrame, str]:
    """Leave out job centres in which nobody entered, and say so.

    With an effect for each job centre such rows say nothing about the other coefficients. Where nobody entered
    at all, the error says `when` entries were looked for and how many the register has (`registered`).
    """
    entered = rows.groupby("jobcentre", observed=True)[event].transform("max") == 1
    if not entered.any():
        elsewhere = registered()
        came = f"{counted(elsewhere, 'entry', 'entries')} in the register came at other times"
        raise ModelError(f"no client entered {when} ({came if elsewhere else 'the register has no entry'}).")
    lost = rows.loc[~entered, "jobcentre"].nunique()
    note = f"{counted(lost, 'job centre')} without an entry left out" if lost else ""
    return rows[entered], note


def terms(rows: pd.DataFrame, *names: str) -> tuple[str, str]:
    """Join the terms that vary in `rows` to a right-hand side; say which ones do not.

    A study of one job centre, or of women alone, has constant columns, one without diagnoses empty ones; no
    model can have them as terms.
    """
    constant = [name for name in names if rows[_column(name)].nunique(dropna=True) < 2]
    kept = [name for name in names if name not in constant]
    if not kept:
        raise ModelError("no covariate varies among the rows.")
    empty = [name for name in constant if rows[_column(name)].isna().all()]
    alike = [name for name in constant if name not in empty]
    notes = (("without a value", empty), ("without variation", alike))
    told = [f"{why} and left out: {', '.join(map(_column, those))}" for why, those in notes if those]
    return " + ".join(kept), "; ".join(told)


def require(rows: pd.DataFrame, answer: str) -> None:
    """Refuse rows that cannot say anything about an answer: never given, or always the same."""
    given = rows[answer].nunique(dropna=True)
    if given < 2:
        why = "does not vary among the rows used" if given else "was never answered"
        raise ModelError(f"{answer} {why}.")


def complete(rows: pd.DataFrame, right: str, *others: str) -> pd.DataFrame:
    """Rows without missing values in the columns of a right-hand side and in others."""
    return rows.dropna(subset=[*formula_columns(right), *others])


def _column(term: str) -> str:
    return term.removeprefix("C(").removesuffix(")")
