"""What a parameter of the synthetic truth is: its meaning, unit, status and the rule it must keep."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterator
from dataclasses import Field, field, fields
from datetime import date
from typing import Any

Values = tuple[float, ...]


def par(default: Any, meaning: str, unit: str, status: str = "assumed", rule: str = "number") -> Any:
    """Declare one parameter of a section of `Truth`.

    Parameters
    ----------
    default : float, int, bool, str or tuple of float
        Its value in the default world; the type and, for a tuple, the length are part of the contract.
    meaning, unit : str
    status : str
        ``published``, ``derived``, ``assumed`` or ``calibrated to <target>``.
    rule : str
        A key of `RULES`, for texts of `TEXT_RULES`.
    """
    return field(default=default, metadata={"meaning": meaning, "unit": unit, "status": status, "rule": rule})


def _each(test: Callable[[float], bool]) -> Callable[[Values], bool]:
    return lambda values: all(map(test, values))


# Rule -> (what it asks in words, test on the tuple of numbers).
RULES: dict[str, tuple[str, Callable[[Values], bool]]] = {
    "number": ("finite", lambda values: True),
    "probability": ("between 0 and 1", _each(lambda x: 0 <= x <= 1)),
    "inner probability": ("above 0 and below 1", _each(lambda x: 0 < x < 1)),
    "correlation": ("above -1 and below 1", _each(lambda x: -1 < x < 1)),
    "positive": ("above 0", _each(lambda x: x > 0)),
    "not negative": ("0 or more", _each(lambda x: x >= 0)),
    "shares": ("0 or more and summing to 1", lambda v: min(v) >= 0 and math.isclose(sum(v), 1, abs_tol=1e-9)),
    "in a quarter": ("0 to 12", _each(lambda x: 0 <= x <= 12)),
    "not all zero": ("0 or more and not all 0", lambda v: min(v) >= 0 and max(v) > 0),
    "ranks": ("the ranks 1 to 10, each once", lambda v: sorted(v) == list(range(1, len(v) + 1))),
    "ordered": ("strictly rising", lambda v: all(a < b for a, b in itertools.pairwise(v))),
    "cumulative": (
        "strictly rising and between 0 and 1",
        lambda v: all(a < b for a, b in zip((0.0, *v), (*v, 1.0), strict=True)),
    ),
}


# The same for texts.
TEXT_RULES: dict[str, tuple[str, Callable[[str], bool]]] = {
    "Monday": ("the date YYYY-MM-DD of a Monday", lambda text: _weekday(text) == 0),
    "assignment": ("prospects or round robin", lambda text: text in ("prospects", "round robin")),
}


def _weekday(text: str) -> int | None:
    try:
        return date.fromisoformat(text).weekday()
    except ValueError:
        return None


def _numbers(value: Any) -> Values:
    return tuple(value) if isinstance(value, tuple) else (value,)


def problems(section: Any, where: str) -> Iterator[str]:
    """Give every problem of the values of one section, in words."""
    for item in fields(section):
        value = getattr(section, item.name)
        problem = _type_problem(value, item.default) or _rule_problem(value, item)
        if problem:
            yield f"{where}.{item.name} = {value!r}: {problem}"


def _type_problem(value: Any, default: Any) -> str:
    """Say what is wrong with the type of a value, or nothing."""
    if isinstance(default, tuple):
        if not isinstance(value, tuple) or len(value) != len(default):
            return f"must be {len(default)} numbers"
        return next(filter(None, map(_type_problem, value, default)), "")
    if isinstance(default, bool) or isinstance(value, bool):
        return "" if isinstance(value, bool) and isinstance(default, bool) else f"must be {_kind(default)}"
    accepted = (int, float) if isinstance(default, float) else type(default)
    return "" if isinstance(value, accepted) else f"must be {_kind(default)}"


def _kind(default: Any) -> str:
    names = {bool: "true or false", int: "a whole number", float: "a number", str: "a text"}
    return names[type(default)]


def _rule_problem(value: Any, item: Field[Any]) -> str:
    """Say which rule a value of the right type breaks, or nothing."""
    rule = item.metadata["rule"]
    if isinstance(value, bool):
        return ""
    if isinstance(value, str):
        words, allowed = TEXT_RULES[rule]
        return "" if allowed(value) else f"must be {words}"
    numbers = _numbers(value)
    if not all(map(math.isfinite, numbers)):
        return "must be finite"
    words, keeps = RULES[rule]
    return "" if keeps(numbers) else f"must be {words}"
