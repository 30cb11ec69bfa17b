"""One estimated number with its error, on the scale on which it is normal."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from scipy import stats

from bipstats.core.result import Result
from bipstats.errors import ModelError
from bipstats.replication.wording import counted

Scale = Literal["ratio", "share", "difference"]

FEWEST = 5
"""Counts below this are not shown."""

_FEW = re.compile(
    r"(?<![\w.,])[1-4](?= (?:rows?|clients?|entry|entries|events?|pairs?|jobs?|answers?|persons?)\b)"
)
_FEW_IN_BRACKETS = re.compile(r"\([1-4]\)")


@dataclass(frozen=True, slots=True)
class Estimate:
    """An estimate of one quantity.

    Attributes
    ----------
    value : float
        On the working scale: the logarithm of a ratio; a share or a difference as it is.
    std_error : float
        Of `value`; NaN where none can be given (an oracle, a thought experiment).
    n : int
        Rows, clients or caseworkers behind it, as `unit` says.
    scale : {"ratio", "share", "difference"}
    unit : str
        What `n` counts.
    note : str
        What was left out, and why.
    critical : float or None
        Multiplier of the 95 % interval where several estimates are judged at once; None: the normal one.
    """

    value: float
    std_error: float
    n: int
    scale: Scale
    unit: str = "clients"
    note: str = ""
    critical: float | None = None

    @property
    def shown(self) -> float:
        """The estimate as it is printed: a ratio, a share or a difference."""
        return float(np.exp(self.value)) if self.scale == "ratio" else self.value

    def working_interval(self, level: float = 0.95) -> tuple[float, float]:
        """Interval on the working scale.

        Notes
        -----
        ``value ± z · std_error``. A share has Wilson's interval, with the number of independent clients that
        its standard error stands for, so that it stays within 0 and 1 and exists where nobody or everybody
        is counted.
        """
        z = float(stats.norm.ppf(0.5 + level / 2))
        if self.critical is not None and level == 0.95:
            z = self.critical
        if self.scale == "share" and not np.isnan(self.std_error):
            return _wilson(self.value, self.std_error, self.n, z)
        return self.value - z * self.std_error, self.value + z * self.std_error

    @property
    def sampling_error(self) -> float:
        """Standard error; a share's is read off its interval, so that none in forty is not known for certain."""
        if self.scale != "share" or np.isnan(self.std_error):
            return self.std_error
        z = float(stats.norm.ppf(0.975))
        low, high = _wilson(self.value, self.std_error, self.n, z)
        return (high - low) / (2 * z)

    def interval(self, level: float = 0.95) -> tuple[float, float]:
        """Interval on the scale on which the estimate is printed."""
        low, high = self.working_interval(level)
        return (float(np.exp(low)), float(np.exp(high))) if self.scale == "ratio" else (low, high)

    def with_note(self, *notes: str) -> Estimate:
        """The same estimate with more said about it."""
        return replace(self, note="; ".join(text for text in (self.note, *notes) if text))


@dataclass(frozen=True, slots=True)
class Unavailable:
    """Why a quantity could not be estimated on a study."""

    reason: str


Quantities = dict[str, Estimate | Unavailable]


def reason(problem: Exception) -> str:
    """What an error says, on one line, without counts of one to four.

    Examples
    --------
    >>> from bipstats.replication.estimate import reason
    >>> reason(ValueError("none (3), job only (60); 2 clients entered."))
    'none (<5), job only (60); <5 clients entered'
    """
    return without_few(" ".join(str(problem).split()).rstrip("."))


def without_few(text: str) -> str:
    """A text with its counts of one to four rows or persons hidden."""
    return _FEW_IN_BRACKETS.sub("(<5)", _FEW.sub("<5", text))


def share(flags: np.ndarray, *, what: str, unit: str = "clients", note: str = "") -> Estimate | Unavailable:
    """Share of True among independent clients; `what` names them where there are none."""
    n = len(flags)
    if not n:
        return Unavailable(f"no {unit}: {what}")
    p = float(np.mean(flags))
    return Estimate(p, float(np.sqrt(p * (1 - p) / n)), n, "share", unit, note)


def mean(values: np.ndarray, *, what: str, scale: Scale = "share", note: str = "") -> Estimate | Unavailable:
    """Mean over independent clients."""
    n = len(values)
    if n < 2:
        return Unavailable(f"fewer than two clients: {what}")
    return Estimate(float(values.mean()), float(values.std(ddof=1) / np.sqrt(n)), n, scale, "clients", note)


def coefficient(fit: Result, term: str, *notes: str) -> Estimate:
    """A slope of a fitted model, as a log ratio, with what the model left out."""
    if term not in fit.params.index:
        raise ModelError(f"the model has no term {term!r}: it does not vary among the rows used.")
    estimate, error = float(fit.params[term]), float(fit.bse[term])
    if not np.isfinite(error):
        raise ModelError(f"the standard error of {term!r} cannot be computed.")
    missing = dict(fit.fit.flow).get("with missing values", 0)
    left_out = f"{counted(missing, 'row')} with missing answers left out" if missing else ""
    units = fit.fit.n_units
    assert fit.n_events is not None  # only models of events have slopes that are log ratios
    given = counted(fit.n_events, "entry", "entries") + (f" in {counted(fit.nobs, 'row')}" if units else "")
    n = fit.nobs if units is None else units
    return Estimate(estimate, error, n, "ratio").with_note(given, left_out, *notes)


def _wilson(p: float, std_error: float, n: int, z: float) -> tuple[float, float]:
    """Wilson's interval for a share with the given standard error."""
    size = p * (1 - p) / std_error**2 if std_error > 0 else float(n)
    centre = (p + z**2 / (2 * size)) / (1 + z**2 / size)
    half = z / (1 + z**2 / size) * np.sqrt(p * (1 - p) / size + z**2 / (4 * size**2))
    return max(0.0, float(centre - half)), min(1.0, float(centre + half))
