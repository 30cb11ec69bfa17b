"""Counterfactuals: what may be done to a world, and what it does to caseworkers and to readiness.

All that was drawn stays as it was: the same clients, caseworkers, private views, shocks, thresholds.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from numbers import Real
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from bipstats.codebook import CLASSES
from bipstats.errors import OptionError, check_option
from bipstats.synthetic.caseworkers import Staff, top_effect
from bipstats.synthetic.histories import Paths, item_slopes, item_weights
from bipstats.synthetic.moments import Moments
from bipstats.synthetic.truth import Truth

Floats = NDArray[np.float64]

ACTIONS = ("belief", "caseworkers", "switches", "interventions", "orientation")
_UNITS = {
    "belief": "steps of latent belief",
    "caseworkers": 'log hazard, or "effective"',
    "orientation": 'sd, or "high" or "low"',
}


@dataclass(frozen=True, slots=True)
class Action:
    """A counterfactual; the defaults leave everything as it is.

    Attributes
    ----------
    shift : float
        Steps by which every latent belief is moved, at all times.
    effect : float, "effective" or None
        Own effect (log hazard) that every caseworker gets; "effective": the mean of the tenth with the
        largest.
    switching : bool
        Whether clients change caseworker.
    klass : int or None
        Intervention class of every client in every quarter.
    orientation : float, "high" or "low"
        Standard deviations by which every caseworker's orientation is moved, or every orientation turned to
        the upper or the lower half of the population: |o| or -|o|.
    """

    shift: float = 0.0
    effect: float | Literal["effective"] | None = None
    switching: bool = True
    klass: int | None = None
    orientation: float | Literal["high", "low"] = 0.0


def action(do: Mapping[str, Any] | None) -> Action:
    """Read the argument ``do`` of `simulate`."""
    if do is None:
        return Action()
    if not isinstance(do, Mapping):
        raise OptionError(f'do={do!r} must be a mapping such as {{"belief": 1}}.')
    for key in do:
        check_option("a key of do", key, ACTIONS)
    if "switches" in do:
        check_option('do["switches"]', do["switches"], ("none",))
    if "interventions" in do:
        check_option('do["interventions"]', do["interventions"], CLASSES)
    return Action(
        shift=_number(do, "belief") if "belief" in do else 0.0,
        effect=_number(do, "caseworkers", "effective") if "caseworkers" in do else None,
        switching="switches" not in do,
        klass=CLASSES.index(do["interventions"]) if "interventions" in do else None,
        orientation=_number(do, "orientation", "high", "low") if "orientation" in do else 0.0,
    )


def _number(do: Mapping[str, Any], key: str, *words: str) -> Any:
    """Give a finite number, or one of the words."""
    value = do[key]
    if isinstance(value, str) and value in words:
        return value
    if isinstance(value, bool) or not isinstance(value, Real) or not np.isfinite(float(value)):
        raise OptionError(f'do["{key}"]={value!r} must be a finite number ({_UNITS[key]}).')
    return float(value)


def caseworkers_under(team: Staff, what: Action) -> Staff:
    """Give the caseworkers with the effects and orientations of a counterfactual."""
    effect, orientation = team.effect, team.orientation
    if what.effect is not None:
        value = top_effect(team) if what.effect == "effective" else what.effect
        effect = np.full_like(effect, value)
    if isinstance(what.orientation, str):
        orientation = np.abs(orientation) * (1.0 if what.orientation == "high" else -1.0)
    elif what.orientation:
        orientation = orientation + what.orientation
    return replace(team, effect=effect, orientation=orientation)


def paths_under(truth: Truth, scale: Moments, path: Paths, what: Action, *, items: bool = True) -> Paths:
    """Give the paths under one class for all; caseworkers, shocks and passing states stay as they were.

    Parameters
    ----------
    items : bool
        Whether the true item scores are wanted; hazards only need `Paths.prospects`.

    Notes
    -----
    Readiness and all that follows from it are linear in the drifts: with d the drift of the class and d_s
    that of the quarter s, readiness at t rises by ``t d - sum_{s < t} d_s``.
    """
    if what.klass is None:
        return path
    drift = np.asarray(truth.readiness.drift)
    change = drift[what.klass] - drift[path.klass]
    gain = np.cumsum(change, axis=1) - change
    slopes = item_slopes(truth)
    return replace(
        path,
        readiness=path.readiness + gain,
        prospects=path.prospects + float(item_weights(truth, scale) @ slopes) * gain,
        items=path.items + slopes[:, None, None] * gain if items else path.items,
        klass=np.full_like(path.klass, what.klass),
    )
