"""The parameters that are solved for, one by one a number, and how a truth takes them on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from bipstats.errors import OptionError
from bipstats.synthetic.truth import Truth


@dataclass(frozen=True, slots=True)
class Parameter:
    """One number of a truth.

    Attributes
    ----------
    path : str
        ``section.name`` of `Truth`; ``share of answer 1`` stands for the first cut of the belief.
    step : float
        A typical step: the unit in which the parameter is differentiated and regularised.
    letter : str
        Its letter in the design's equations.
    """

    path: str
    step: float
    letter: str


LEVEL = Parameter("hazard.level", 0.10, "a0")
TREND = Parameter("hazard.per_quarter", 0.01, "tau")
ITEMS = Parameter("hazard.item_scale", 0.15, "g_scale")
BELIEF = Parameter("hazard.belief", 0.05, "betaB")
ORIENTATION = Parameter("belief.orientation", 0.06, "s_o")
SWITCH = Parameter("switches.effect", 0.10, "switch")
RATE = Parameter("switches.rate", 0.004, "psi")
SPREAD = Parameter("caseworkers.effect_sd", 0.06, "sig_u")
SORTING = Parameter("caseworkers.sorting", 0.04, "r_sort")
TILT = Parameter("caseworkers.effect_tilt", 0.06, "tilt_u")
READING = Parameter("belief.from_readiness", 0.05, "s_r")
ANSWER_ONE = Parameter("share of answer 1", 0.02, "L1s")
VIEW = Parameter("hazard.private_view", 0.05, "lam")
STYLE = Parameter("hazard.orientation", 0.05, "omega")
PRIVATE_SORTING = Parameter("belief.private_sorting", 0.06, "rho_po")
NOISE = Parameter("belief.answer_noise", 0.10, "s_e")
RELIABILITY = Parameter("answers.reliability", 0.05, "rel")

FREE = (VIEW, STYLE, ITEMS, NOISE, RELIABILITY)
"""Parameters of the shipped world E2 that no target pins; the Jacobian has their columns too."""

_COMMON = (LEVEL, TREND, READING, ANSWER_ONE)
_STAFF = (SPREAD, SORTING, TILT)

CLOSED_FORM = (
    "belief.cuts",
    "interventions.job_level",
    "interventions.other_level_with_job",
    "interventions.other_level_without_job",
)
"""Parameters that follow from published shares once the others are known."""

SOLVED: Mapping[str, tuple[Parameter, ...]] = {
    "E2": (*_COMMON, BELIEF, ORIENTATION, SWITCH, RATE, *_STAFF),
    "N2": (*_COMMON, BELIEF, ORIENTATION, SWITCH, RATE),
    "H": (*_COMMON, VIEW, STYLE, SWITCH, RATE, *_STAFF),
    "F": (*_COMMON, VIEW, STYLE, SWITCH, RATE, *_STAFF),
    "S": (*_COMMON, VIEW, PRIVATE_SORTING, SWITCH, RATE, *_STAFF),
    "RTM": (*_COMMON, BELIEF, ORIENTATION, SWITCH, RATE, *_STAFF),
}
"""World -> parameters that are solved, one for each moment of `moments.MOMENTS` that the world has."""


@dataclass(frozen=True, slots=True)
class Point:
    """A truth on the way to its calibration.

    Attributes
    ----------
    truth : Truth
    answer_one : float or None
        Share of first answers 1 that the cuts are to give; None: the cuts stay as they are.
    """

    truth: Truth
    answer_one: float | None = None

    def get(self, parameter: Parameter) -> float:
        """Give the value of a parameter; for the items' reliabilities 0, from which they are moved together."""
        if parameter is ANSWER_ONE:
            if self.answer_one is None:
                raise OptionError("the share of the answer 1 is not known before a simulation")
            return self.answer_one
        section, name = parameter.path.split(".")
        value = getattr(getattr(self.truth, section), name)
        return 0.0 if parameter is RELIABILITY else float(value)

    def moved(self, changes: Mapping[Parameter, float]) -> Point:
        """Give the point with parameters changed by so much; what leaves its range stops at its border."""
        truth, answer_one = self.truth, self.answer_one
        for parameter, change in changes.items():
            if parameter is ANSWER_ONE:
                answer_one = float(np.clip(self.get(parameter) + change, 0.02, 0.48))
                continue
            section, name = parameter.path.split(".")
            part = getattr(truth, section)
            truth = replace(truth, **{section: replace(part, **{name: _moved(part, name, change)})})
        return Point(truth, answer_one)


_RANGES = {
    "rate": (0.001, 0.5),
    "effect_sd": (0.0, 3.0),
    "sorting": (-0.95, 0.95),
    "private_sorting": (-0.95, 0.95),
    "answer_noise": (0.0, 3.0),
    "reliability": (0.05, 0.95),
}


def _moved(section: object, name: str, change: float) -> object:
    value = getattr(section, name)
    low, high = _RANGES.get(name, (-np.inf, np.inf))
    if isinstance(value, tuple):
        return tuple(float(np.clip(x + change, low, high)) for x in value)
    return float(np.clip(value + change, low, high))
