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
)


def streams(
    rng: int | Generator | None, caseworkers: int | Generator | None = None
) -> Mapping[str, Generator]:
    """Give one generator per stage; with `caseworkers` theirs comes from that seed and not from `rng`.

    A counterfactual study with the same seed draws the same numbers in every stage: each stage draws
    arrays whose shapes depend on the number of clients only.
    """
    found = dict(zip(STAGES, map(_generator, _seed(rng, "rng").spawn(len(STAGES))), strict=True))
    if caseworkers is not None:
        seeds = _seed(caseworkers, "caseworkers_rng").spawn(len(STAGES))
        found["caseworkers"] = _generator(seeds[STAGES.index("caseworkers")])
    return MappingProxyType(found)


def _generator(seed: SeedSequence) -> Generator:
    return Generator(PCG64(seed))


def _seed(rng: int | Generator | None, name: str) -> SeedSequence:
    """Seed of a study or of its caseworkers."""
    if rng is None:
        return SeedSequence()
    if isinstance(rng, Generator):
        return SeedSequence([int(word) for word in rng.integers(0, 2**32, size=4)])
    if isinstance(rng, Integral) and not isinstance(rng, bool) and int(rng) >= 0:
        return SeedSequence(int(rng))
    raise OptionError(f"{name}={rng!r} must be None, a whole number of 0 or more, or a numpy Generator.")
