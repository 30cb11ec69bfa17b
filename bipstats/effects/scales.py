"""Scales of comparison between two averages, with the derivatives that the delta method needs: arrays only."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Scale = Literal["difference", "risk_ratio", "odds_ratio", "hazard_ratio"]
SCALES = ("difference", "risk_ratio", "odds_ratio", "hazard_ratio")


@dataclass(frozen=True, slots=True)
class Comparison:
    """One average against another: a difference, or the logarithm of a ratio.

    Attributes
    ----------
    value : float
    by_before, by_after : float
        Derivatives in the two averages.
    """

    value: float
    by_before: float
    by_after: float

    def gradient(self, before: Floats, after: Floats) -> Floats:
        """Gradient of the comparison, from those of the averages."""
        return self.by_before * before + self.by_after * after


def compare(scale: Scale, before: float, after: float) -> Comparison:
    """Compare two averages on a scale; ratios are given as logarithms.

    Parameters
    ----------
    scale : {"difference", "risk_ratio", "odds_ratio"}
    before, after : float
        Probabilities in (0, 1), for the ratios.
    """
    if scale == "difference":
        return Comparison(after - before, -1.0, 1.0)
    if scale == "risk_ratio":
        return Comparison(float(np.log(after / before)), -1 / before, 1 / after)
    odds_before, odds_after = before / (1 - before), after / (1 - after)
    value = float(np.log(odds_after / odds_before))
    return Comparison(value, -1 / (before * (1 - before)), 1 / (after * (1 - after)))
