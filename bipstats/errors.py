"""What can go wrong, in words that say where, how much and how to mend it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any


class BipstatsError(Exception):
    """Base class of every error that bipstats raises on purpose."""


class DataProblems(BipstatsError, ValueError):
    """A study has defects; all of them at once.

    Parameters
    ----------
    problems : pandas.DataFrame
        Columns ``table, column, rule, severity, n_rows, rows, example, fix``. Line numbers and one
        example value, never a person's row or identifier.
    message : str
        The same problems for reading, one paragraph each.

    Attributes
    ----------
    problems : pandas.DataFrame
    """

    def __init__(self, problems: Any, message: str) -> None:
        self.problems = problems
        super().__init__(message)

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self.problems, str(self))


class ModelError(BipstatsError, ValueError):
    """A model cannot be estimated, or an estimate cannot be used as asked; the message says why."""


class OptionError(BipstatsError, ValueError):
    """An argument has a value that is not among its choices."""


class BipstatsWarning(UserWarning):
    """Base class of every warning that bipstats gives."""


class DataWarning(BipstatsWarning):
    """The data can be used, but something in them deserves a look."""


class ModelWarning(BipstatsWarning):
    """The model was estimated, but something about it deserves a look."""


def check_option(name: str, value: object, choices: Sequence[object]) -> None:
    """Raise `OptionError`, naming the argument and its choices, unless `value` is one of them."""
    if not any(value is choice or value == choice for choice in choices):
        allowed = ", ".join(repr(choice) for choice in choices)
        raise OptionError(f"{name}={value!r} is not an option; choose one of {allowed}.")
