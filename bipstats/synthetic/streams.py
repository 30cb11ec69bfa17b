"""Random numbers: one independent stream per stage, so that stages do not disturb each other."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from numpy.random import PCG64, Generator

from bipstats.seeds import seed_sequence

# Order is part of the contract with the seed: append, never insert.
STAGES = (
    "calendar",
    "background",
    "caseworkers",
    "assignment",
    "readiness",
    "items",
    "private view",
    "switches",
    "interventions",
    "exits",
    "measurement",
    "answers",
    "dates",
    "codes",
    "register",
)


def streams(rng: int | Generator | None) -> Mapping[str, Generator]:
    """Give one generator per stage.

    A counterfactual study with the same seed draws the same numbers in every stage: each stage draws
    arrays whose shapes depend on the number of clients only.
    """
    children = seed_sequence(rng).spawn(len(STAGES))
    return MappingProxyType(
        {name: Generator(PCG64(child)) for name, child in zip(STAGES, children, strict=True)}
    )
