"""From results of the library to `Found`."""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy.stats import norm

import bipstats as bip
from bipstats.replication.analyses import Analysis
from bipstats.replication.estimate import Unavailable

from .data import StudyData
from .row import Causal, Found

Z = float(norm.ppf(0.975))


def term(fit: Any, name: str) -> Found:
    """A term of a fit, with its own interval."""
    row = fit.tidy().set_index("term").loc[name]
    return Found(*(float(row[column]) for column in ("estimate", "std_error", "conf_low", "conf_high")))


def normal(value: float, std_error: float) -> Found:
    """An estimate with the normal interval."""
    return Found(value, std_error, value - Z * std_error, value + Z * std_error)


def logged(estimate: float, std_error: float, low: float, high: float) -> Found:
    """A ratio with its interval, on the log scale."""
    return Found(float(np.log(estimate)), std_error / estimate, float(np.log(low)), float(np.log(high)))


def analysis(data: StudyData, run: Analysis, name: str) -> Found:
    """A quantity of a reference analysis."""
    made = run(data.prepared)[name]
    if isinstance(made, Unavailable):
        raise bip.ModelError(made.reason)
    return Found(made.value, made.std_error, *made.working_interval())


def truth(quantity: str, scale: str, *, log: bool = False) -> Causal:
    """A row of the truth table of a study."""

    def read(data: StudyData) -> float:
        value = data.quantity(quantity, scale)
        return float(np.log(value)) if log else value

    read.__qualname__ = f"truth({quantity!r}, {scale!r}, log={log})"
    return read


def known(value: float) -> Causal:
    """A number that is true by construction."""

    def read(_: Any) -> float:
        return value

    read.__qualname__ = f"known({value})"
    return read
