"""What can go wrong, in words that say where, how much and how to mend it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any


class BipstatsError(Exception):
    """Base class of every error that bipstats raises on purpose.

    Examples
    --------
    >>> import bipstats as bip
    >>> try:
    ...     bip.e_value(-1.0)
    ... except bip.BipstatsError as error:
    ...     print(type(error).__name__)
    OptionError
    """


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

    Examples
    --------
    >>> import tempfile, bipstats as bip
    >>> study = bip.simulate(clients=30, rng=1)
    >>> study.clients.loc[0, "sex"] = None
    >>> try:
    ...     with tempfile.TemporaryDirectory() as folder:
    ...         study.to_folder(folder)
    ...         bip.read_study(folder)
    ... except bip.DataProblems as error:
    ...     print(error.problems[["table", "column", "rule", "n_rows"]].values.tolist())
    [['clients', 'sex', 'missing_value', 1]]
    """

    def __init__(self, problems: Any, message: str) -> None:
        self.problems = problems
        super().__init__(message)

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self.problems, str(self))


class ModelError(BipstatsError, ValueError):
    """A model cannot be estimated, or an estimate cannot be used as asked; the message says why.

    Examples
    --------
    >>> import pandas as pd, bipstats as bip
    >>> rows = pd.DataFrame({"y": [0, 1, 0, 1], "x": [1, 1, 1, 1]})
    >>> try:
    ...     bip.logit("y ~ x", rows)
    ... except bip.ModelError as error:
    ...     print(error)
    no variation in x among the rows used; leave it out of the formula.
    """


class OptionError(BipstatsError, ValueError):
    """An argument has a value that is not among its choices.

    Examples
    --------
    >>> import pandas as pd, bipstats as bip
    >>> rows = pd.DataFrame({"y": [0, 1, 0, 1], "x": [1, 2, 3, 4]})
    >>> try:
    ...     bip.logit("y ~ x", rows, vcov="HC3")
    ... except bip.OptionError as error:
    ...     print(str(error)[:10])
    vcov='HC3'
    """


class BipstatsWarning(UserWarning):
    """Base class of every warning that bipstats gives.

    Examples
    --------
    >>> import bipstats as bip
    >>> issubclass(bip.DataWarning, bip.BipstatsWarning), issubclass(bip.ModelWarning, bip.BipstatsWarning)
    (True, True)
    """


class DataWarning(BipstatsWarning):
    """The data can be used, but something in them deserves a look.

    Examples
    --------
    >>> import warnings, bipstats as bip
    >>> with warnings.catch_warnings():
    ...     warnings.simplefilter("error", bip.DataWarning)  # what deserves a look stops the script
    ...     study = bip.load_synthetic()
    >>> len(study.clients)
    4000
    """


class ModelWarning(BipstatsWarning):
    """The model was estimated, but something about it deserves a look.

    Examples
    --------
    >>> import warnings, bipstats as bip
    >>> rows = bip.landmarks(bip.simulate(clients=600, rng=1), at="first")
    >>> errors = bip.cluster("jobcentre", small_sample="jackknife")
    >>> with warnings.catch_warnings(record=True) as seen:
    ...     warnings.simplefilter("always", bip.ModelWarning)
    ...     fit = bip.ols("health_coping ~ C(jobcentre) + age", rows, vcov=errors)
    >>> [issubclass(one.category, bip.ModelWarning) for one in seen]
    [True]
    """


def check_option(name: str, value: object, choices: Sequence[object]) -> None:
    """Raise `OptionError`, naming the argument and its choices, unless `value` is one of them."""
    if not any(value is choice or value == choice for choice in choices):
        allowed = ", ".join(repr(choice) for choice in choices)
        raise OptionError(f"{name}={value!r} is not an option; choose one of {allowed}.")
