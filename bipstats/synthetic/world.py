"""One simulated world in arrays, and what may be done to it."""

from __future__ import annotations

from collections.abc import Mapping
from copy import deepcopy
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.random import Generator

from bipstats.errors import OptionError
from bipstats.synthetic.actions import Action, action, paths_under
from bipstats.synthetic.background import People, people
from bipstats.synthetic.caseworkers import Staff, staff, staff_counts
from bipstats.synthetic.exits import Exits, Rates, leave, rates
from bipstats.synthetic.histories import Paths, paths, quarters
from bipstats.synthetic.moments import Moments, moments
from bipstats.synthetic.plan import Plan, plan
from bipstats.synthetic.training import Trial, trial
from bipstats.synthetic.truth import Truth

__all__ = ["Action", "World", "action", "make_world"]


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
        As they are: `actions.caseworkers_under` gives them under the action.
    natural : Paths
        With the intervention classes as drawn.
    path : Paths
        Under the action.
    trial : Trial
    plan : Plan
    hazards : Rates
    out : Exits
    fresh : mapping of str to Generator
        The streams before anything was drawn from them.
    """

    truth: Truth
    action: Action
    scale: Moments
    persons: People
    team: Staff
    natural: Paths
    path: Paths
    trial: Trial
    plan: Plan
    hazards: Rates
    out: Exits
    fresh: Mapping[str, Generator]

    def rates(self, *, training: bool | None = None, **changes: Any) -> Rates:
        """Give the hazards of the same clients under another `Action` than that of the world.

        Parameters
        ----------
        training : bool, optional
            Whether everybody is trained, or nobody; None: those who were drawn.
        **changes
            Attributes of `Action`; without any, the hazards as they are, with the world's own switches.
        """
        drawn = self.trial
        if training is not None:
            drawn = replace(drawn, caseworker=np.full_like(drawn.caseworker, training))
            drawn = replace(drawn, client=np.zeros_like(drawn.client))
        given = (self.truth, self.scale, self.persons, self.team, self.natural, drawn)
        return rates(*given, Action(**changes))

    def rates_without_switches(self) -> Rates:
        """Give the hazards if every client kept the first caseworker: the paths are run again."""
        draws = deepcopy(dict(self.fresh))
        team = staff(self.truth, staff_counts(self.truth, len(self.persons)), draws["caseworkers"])
        kept = paths(self.truth, self.persons, team, self.scale, self.plan, draws, False)[1]
        return rates(self.truth, self.scale, self.persons, self.team, kept, self.trial, Action())


def make_world(truth: Truth, clients: int, draws: Mapping[str, Generator], what: Action) -> World:
    """Draw one world."""
    fresh, scale = deepcopy(dict(draws)), moments(truth)
    counts = staff_counts(truth, clients)
    persons = people(truth, clients, counts, draws)
    team = staff(truth, counts, draws["caseworkers"])
    drawn = plan(truth, clients, quarters(truth), draws["measurement"])
    team, natural = paths(truth, persons, team, scale, drawn, draws, what.switching)
    chosen = trial(truth, persons, team, draws["training"])
    hazards = rates(truth, scale, persons, team, natural, chosen, what)
    if not (np.isfinite(hazards.entry).all() and np.isfinite(hazards.other).all()):
        raise OptionError(f"Truth {truth.name!r}: hazards overflow; its log hazards are far too large.")
    path = paths_under(truth, scale, natural, what)
    out = leave(truth, persons, hazards, draws["exits"])
    return World(truth, what, scale, persons, team, natural, path, chosen, drawn, hazards, out, fresh)
