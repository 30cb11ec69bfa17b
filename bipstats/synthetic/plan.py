"""The draws behind the measurements: who would leave them, who would miss one, and in which week it would be."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from bipstats.synthetic.truth import Truth

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Plan:
    """Random numbers by client and quarter; (n, T) arrays.

    Attributes
    ----------
    jitter : weeks after the due week
    leaving, missing, order : uniform numbers that decide on dropout, on a missed measurement, on thinning
    """

    jitter: NDArray[np.int64]
    leaving: Floats
    missing: Floats
    order: Floats


def plan(truth: Truth, n: int, length: int, rng: Generator) -> Plan:
    """Draw the numbers of all quarters."""
    jitter = rng.integers(0, truth.measurement.jitter_weeks + 1, (n, length))
    jitter[:, 0] = 0
    return Plan(jitter, rng.random((n, length)), rng.random((n, length)), rng.random((n, length)))


def dropout(truth: Truth, readiness: Floats, shock: Bools, passing: Floats) -> Floats:
    """Probability of leaving the measurements in a quarter."""
    law = truth.measurement
    log = law.dropout_readiness * readiness + law.dropout_shock * shock + law.dropout_passing * passing
    return law.dropout * np.exp(log)


def missed(truth: Truth, passing: Floats) -> Floats:
    """Probability that a quarter's measurement is missed."""
    return truth.measurement.missed * np.exp(truth.measurement.missed_passing * passing)


class Asked:
    """Who is asked, quarter by quarter: not dropped out, not missed; everybody in the first."""

    def __init__(self, truth: Truth, drawn: Plan) -> None:
        self.truth, self.drawn = truth, drawn
        self.gone = np.zeros(len(drawn.order), dtype=bool)

    def next(self, t: int, readiness: Floats, shock: Bools, passing: Floats) -> Bools:
        """Give the (n,) clients who are asked in quarter t."""
        if t == 0:
            return ~self.gone
        self.gone = self.gone | (self.drawn.leaving[:, t] < dropout(self.truth, readiness, shock, passing))
        return ~self.gone & ~(self.drawn.missing[:, t] < missed(self.truth, passing))
