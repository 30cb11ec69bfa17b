"""Results read back from files."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from importlib import import_module
from os import PathLike
from pathlib import Path
from typing import Any

from bipstats.core.result import Result
from bipstats.core.serialise import from_json
from bipstats.errors import ModelError

# Model result -> module that defines it; nothing else can be read.
_RESULTS = {
    "ConditionalLogitResult": "conditional",
    "CoxResult": "cox",
    "FineGrayResult": "fine_gray",
    "FrailtyResult": "frailty_result",
    "HazardResult": "hazard",
    "LogitResult": "logit",
    "MassPointResult": "mixtures",
    "MixedHazardResult": "mixed_hazard",
    "MixedLogitResult": "mixed",
    "OLSResult": "ols",
    "PiecewiseResult": "piecewise",
    "TimingOfEventsResult": "timing_of_events",
}


def read_result(source: str | PathLike[str]) -> Result:
    """Read a result that ``fit.to_json()`` has written.

    Parameters
    ----------
    source : str or path
        A file, or the JSON text itself.

    Returns
    -------
    Result
        Equal to the one written: the same estimates, summary and predictions, to the last bit.

    Raises
    ------
    ModelError
        The file is absent or no result; or its format, model or fields are not those of this version.

    Notes
    -----
    The file holds names, numbers and levels: no rows of data and no code, so that it can be read without trust.

    Examples
    --------
    >>> import pandas as pd, bipstats as bip
    >>> rows = pd.DataFrame({"y": [0, 0, 1, 1, 0, 1], "x": [1, 2, 3, 4, 5, 6]})
    >>> fit = bip.logit("y ~ x", rows)
    >>> again = bip.read_result(fit.to_json())
    >>> bool((again.params == fit.params).all())
    True
    """
    return from_json(_text(source), {name: partial(_find, name) for name in _RESULTS})


def _text(source: Any) -> str:
    if isinstance(source, str) and source.lstrip().startswith("{"):
        return source
    if not isinstance(source, str | PathLike):
        raise ModelError(f"source is neither a path nor JSON text but {type(source).__name__}.")
    path = Path(source)
    if not path.is_file():
        raise ModelError(f"there is no file {str(path)!r}.")
    return path.read_text(encoding="utf-8")


def _find(name: str) -> type[Any]:
    found: Callable[..., Any] = getattr(import_module(f"bipstats.models.{_RESULTS[name]}"), name)
    return found  # type: ignore[return-value]
