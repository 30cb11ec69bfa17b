"""Targets as the moments that the solver matches: logarithms, one for each parameter."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from bipstats.calibration.targets import RATIOS, targets

Quantities = Mapping[str, float]


@dataclass(frozen=True, slots=True)
class Moment:
    """A function of quantities with a target of its own.

    Attributes
    ----------
    name : str
        Figures that it joins.
    of : callable
        Quantities to the moment; hazard ratios are logarithms already.
    staff : bool
        About differences between caseworkers, which world N2 does not have.
    """

    name: str
    of: Callable[[Quantities], float]
    staff: bool = False


def _log(q: Quantities, key: str) -> float:
    return float(np.log(q[key]))


def _ratio(above: str, below: str) -> Callable[[Quantities], float]:
    return lambda q: _log(q, above) - _log(q, below)


MOMENTS = (
    Moment("log E10", lambda q: _log(q, "in job")),
    Moment("log E11/E10", _ratio("entry", "in job")),
    Moment("log E06/E10", _ratio("in job, belief 5", "in job")),
    Moment("log E05/E10", _ratio("in job, belief 1", "in job")),
    Moment("log E02", lambda q: float(q["belief"])),
    Moment("log E01", lambda q: float(q["orientation"])),
    Moment("log E03", lambda q: float(q["switch"])),
    Moment("logit E04", lambda q: float(np.log(q["switched"] / (1 - q["switched"])))),
    Moment("log E12/E11", _ratio("entry, top decile", "entry"), staff=True),
    Moment("log E15/E11, most", _ratio("entry of top decile", "entry"), staff=True),
    Moment("log E15/E11, least", _ratio("entry of bottom decile", "entry"), staff=True),
)


def moments(world: str) -> tuple[Moment, ...]:
    """Give the moments of a world, in the order of its solved parameters."""
    return tuple(moment for moment in MOMENTS if not (moment.staff and world == "N2"))


def wanted(world: str) -> np.ndarray:
    """Give the moments at the published values."""
    value = {
        target.quantity: np.log(target.value) if target.quantity in RATIOS else target.value
        for target in targets("E2")
    }
    return np.array([moment.of(value) for moment in moments(world)])


def achieved(world: str, results: Sequence[Quantities]) -> tuple[np.ndarray, np.ndarray]:
    """Give the moments' means over simulated worlds, and their Monte Carlo errors."""
    values = np.array([[moment.of(result) for moment in moments(world)] for result in results])
    error = (
        values.std(axis=0, ddof=1) / np.sqrt(len(values)) if len(values) > 1 else np.zeros(values.shape[1])
    )
    return values.mean(axis=0), error
