"""Random numbers: one independent stream per stage, so that stages do not disturb each other."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from numpy.random import PCG64, Generator, SeedSequence

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
    "training",
    "recurrence",
)


def seeds(rng: int | Generator | None, count: int) -> list[int]:
    """Give seeds of independent studies."""
    return [int(seed) for seed in streams(rng)["calendar"].integers(0, 2**63, count)]


def streams(
    rng: int | Generator | None, caseworkers: int | Generator | None = None
) -> Mapping[str, Generator]:
    """Give one generator per stage; with `caseworkers` theirs comes from that seed and not from `rng`.

    A counterfactual study with the same seed draws the same numbers in every stage: each stage draws
    arrays whose shapes depend on the number of clients only.
    """
    found = dict(zip(STAGES, map(_generator, seed_sequence(rng).spawn(len(STAGES))), strict=True))
    if caseworkers is not None:
        seeds = seed_sequence(caseworkers, "caseworkers_rng").spawn(len(STAGES))
        found["caseworkers"] = _generator(seeds[STAGES.index("caseworkers")])
    return MappingProxyType(found)


def _generator(seed: SeedSequence) -> Generator:
    return Generator(PCG64(seed))
