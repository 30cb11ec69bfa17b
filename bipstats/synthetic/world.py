"""One simulated world in arrays, and what may be done to it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from numbers import Real
from typing import Any

import numpy as np
from numpy.random import Generator

from bipstats.errors import OptionError, check_option
from bipstats.synthetic.background import People, people
from bipstats.synthetic.caseworkers import Staff, staff, staff_counts
from bipstats.synthetic.exits import Exits, Rates, leave, rates
from bipstats.synthetic.histories import Paths, paths
from bipstats.synthetic.moments import Moments, moments
from bipstats.synthetic.truth import Truth

ACTIONS = ("belief", "caseworkers", "switches")


@dataclass(frozen=True, slots=True)
class Action:
    """A counterfactual.

    Attributes
    ----------
    shift : float
        Steps by which every latent belief is moved, at all times.
    effect : float or None
        Own effect (log hazard) that every caseworker gets.
    switching : bool
        Whether clients change caseworker.
    """

    shift: float = 0.0
    effect: float | None = None
    switching: bool = True


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
    effect = _number(do, "caseworkers") if "caseworkers" in do else None
    shift = _number(do, "belief") if "belief" in do else 0.0
    return Action(shift=shift, effect=effect, switching="switches" not in do)


def _number(do: Mapping[str, Any], key: str) -> float:
    value = do[key]
    if isinstance(value, bool) or not isinstance(value, Real) or not np.isfinite(float(value)):
        unit = {"belief": "steps of latent belief", "caseworkers": "log hazard"}[key]
        raise OptionError(f'do["{key}"]={value!r} must be a finite number ({unit}).')
    return float(value)


@dataclass(frozen=True, slots=True)
class World:
    """Clients, caseworkers, latent paths and exits of one simulated study.

    Attributes
    ----------
    truth : Truth
    action : Action
    scale : Moments
    persons : People
    team : Staff
    path : Paths
    hazards : Rates
    out : Exits
    """

    truth: Truth
    action: Action
    scale: Moments
    persons: People
    team: Staff
    path: Paths
    hazards: Rates
    out: Exits

    def rates(self, *, shift: float = 0.0, effect: float | None = None) -> Rates:
        """Give the hazards of the same clients and paths under another belief or caseworkers."""
        return rates(self.truth, self.scale, self.persons, self.team, self.path, shift=shift, effect=effect)


def make_world(truth: Truth, clients: int, draws: Mapping[str, Generator], what: Action) -> World:
    """Draw one world."""
    scale = moments(truth)
    counts = staff_counts(truth, clients)
    persons = people(truth, clients, counts, draws)
    team = staff(truth, counts, draws["caseworkers"])
    team, path = paths(truth, persons, team, scale, draws, what.switching)
    hazards = rates(truth, scale, persons, team, path, shift=what.shift, effect=what.effect)
    out = leave(truth, persons, hazards, draws["exits"])
    return World(truth, what, scale, persons, team, path, hazards, out)
