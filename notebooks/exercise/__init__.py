"""The check behind the exercises: it computes nothing itself, and says what may have gone wrong."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


class NotYet(AssertionError):
    """An answer that is not right, with a hint."""

    def _render_traceback_(self) -> list[str]:
        return [str(self)]  # a hint, in a notebook, without the lines of code that led to it


def check(answer: Any, right: Any, *, hint: str, mistakes: Mapping[str, Any] | None = None, within: float = 0.01) -> str:
    """Compare an answer with the right one.

    Parameters
    ----------
    answer : number, str or ...
        ``...`` stands for no answer yet.
    right : number or str
        Computed in the cell that checks.
    hint : str
        What to think of when the answer is none of the known mistakes.
    mistakes : mapping, optional
        What to say, and the wrong answer that it explains.
    within : float
        Numbers count as equal if they differ by this much of the larger one, or by 0.001.

    Returns
    -------
    str

    Raises
    ------
    NotYet
        With the hint.
    """
    if answer is ...:
        return "No answer yet. Put yours for the dots above, run that cell and this one."
    if _same(answer, right, within):
        return f"Right: {_written(right)}."
    for said, wrong in (mistakes or {}).items():
        if _same(answer, wrong, within):
            raise NotYet(f"Not yet. {said}")
    raise NotYet(f"Not yet: {_written(answer)}. {hint}")


def _same(one: Any, other: Any, within: float) -> bool:
    if isinstance(one, str) or isinstance(other, str):
        return str(one).strip().casefold() == str(other).strip().casefold()
    if isinstance(one, bool) or isinstance(other, bool):
        return bool(one) is bool(other)
    return abs(float(one) - float(other)) <= max(0.001, within * max(abs(float(one)), abs(float(other))))


def _written(value: Any) -> str:
    return f"{value:,.4g}" if isinstance(value, float) else str(value)
