"""The worlds: where studies of known truth come from."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import cache, partial
from typing import Any

from pandas.util import hash_pandas_object

import bipstats as bip

from . import types
from .data import StudyData

CLIENTS = 4_000
TEAM = 1
"""Seed of the caseworkers where they are fixed."""
_SMALL = 1_000


@dataclass(frozen=True, slots=True)
class World:
    """A source of studies.

    Attributes
    ----------
    name : key of `WORLDS`
    statement : what is true in it
    make : seed and clients to a study, as its estimators take it
    clients : size of a study
    """

    name: str
    statement: str
    make: Callable[[int, int], Any]
    clients: int = CLIENTS

    @cache  # noqa: B019 - worlds live as long as the process
    def digest(self) -> str:
        """What a small study of the world looks like: changes when parameters or generator do.

        A parameter that is new and does nothing changes no study and makes no result old.
        """
        study = self.make(1, _SMALL)
        tables = study.study.tables().values() if isinstance(study, StudyData) else [study.round(9)]
        sums = [int(hash_pandas_object(table, index=False).sum()) for table in tables]
        return f"{self.name} {self.clients} {sums}"


def _redrawn(truth: bip.Truth, seed: int, clients: int) -> StudyData:
    """New caseworkers and new clients."""
    return StudyData(bip.simulate(truth, clients=clients, rng=seed, latent=True), truth)


def _fixed(truth: bip.Truth, seed: int, clients: int) -> StudyData:
    """New clients of the same caseworkers, as many at every size."""
    per_client = truth.caseworkers.per_client * CLIENTS / clients
    sized = replace(truth, caseworkers=replace(truth.caseworkers, per_client=per_client))
    study = bip.simulate(sized, clients=clients, rng=seed, caseworkers_rng=TEAM, latent=True)
    return StudyData(study, sized)


def _randomised(truth: bip.Truth) -> bip.Truth:
    """Interventions that fall on clients by lot."""
    none = dict.fromkeys(
        (
            "job_readiness",
            "job_orientation",
            "job_passing",
            "job_shock",
            "job_taste",
            "other_readiness",
            "other_passing",
            "other_taste",
        ),
        0.0,
    )
    return replace(truth, interventions=replace(truth.interventions, **none))


def _study_worlds() -> list[World]:
    made = []
    for name, truth in bip.scenarios().items():
        made.append(World(name, truth.statement, partial(_redrawn, truth)))
    for name in ("E2", "N2"):
        truth = bip.scenarios()[name]
        words = f"{truth.statement} The same 300 caseworkers in every study, with new clients."
        made.append(World(f"{name} fixed", words, partial(_fixed, truth)))
    for name in ("E2", "RTM"):
        truth = _randomised(bip.scenarios()[name])
        words = f"World {name} with interventions that fall on clients by lot."
        made.append(World(f"{name} by lot", words, partial(_redrawn, truth)))
    return made


def _type_worlds() -> list[World]:
    return [World(f"types: {name}", law.statement, law.make, law.persons) for name, law in types.LAWS.items()]


WORLDS: Mapping[str, World] = {world.name: world for world in (*_study_worlds(), *_type_worlds())}
