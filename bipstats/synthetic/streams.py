"""Random numbers: one independent stream per stage, so that stages do not disturb each other."""

from __future__ import annotations

from collections.abc import Mapping
from numbers import Integral
from types import MappingProxyType

from numpy.random import PCG64, Generator, SeedSequence

from bipstats.errors import OptionError

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


def streams(rng: int | Generator | None) -> Mapping[str, Generator]:
    """Give one generator per stage.

    A counterfactual study with the same seed draws the same numbers in every stage: each stage draws
    arrays whose shapes depend on the number of clients only.
    """
    if rng is None:
        seed = SeedSequence()
    elif isinstance(rng, Generator):
        seed = SeedSequence([int(word) for word in rng.integers(0, 2**32, size=4)])
    elif isinstance(rng, Integral) and not isinstance(rng, bool) and int(rng) >= 0:
        seed = SeedSequence(int(rng))
    else:
        raise OptionError(f"rng={rng!r} must be None, a whole number of 0 or more, or a numpy Generator.")
    children = seed.spawn(len(STAGES))
    return MappingProxyType(
        {name: Generator(PCG64(child)) for name, child in zip(STAGES, children, strict=True)}
    )
