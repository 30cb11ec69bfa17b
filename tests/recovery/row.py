"""What a row of the harness is, and when its results are older than its code."""

from __future__ import annotations

import hashlib
import inspect
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from bipstats.errors import BipstatsError

from .data import StudyData


@dataclass(frozen=True, slots=True)
class Found:
    """One estimate: value, standard error and 95 % interval, on the scale on which it is near normal."""

    estimate: float
    std_error: float
    conf_low: float
    conf_high: float


Quantities = dict[str, Found]
Estimator = Callable[[Any], Quantities]
Causal = Callable[[Any], float]
"""The true effect in a study (averaged over the large studies)."""


@dataclass(frozen=True, slots=True)
class Twin:
    """The true effect is the estimator's own limit in another world, where nothing stands in its way."""

    world: str


@dataclass(frozen=True, slots=True)
class Row:
    """An estimator, the worlds that it is tried in, and what is true there.

    Attributes
    ----------
    name : what is estimated and how
    worlds : keys of `worlds.WORLDS`
    estimator : a study (what the world makes) to its estimates
    causal : quantity -> what is true of it; None where there is no such truth
    every : the row takes part in each so many-th study
    large : clients of the studies that give the limit
    levels : quantities that are no effects, of which zero is no hypothesis
    """

    name: str
    worlds: tuple[str, ...]
    estimator: Estimator
    causal: Mapping[str, Causal | Twin | None]
    every: int = 1
    large: int = 100_000
    levels: tuple[str, ...] = ()

    def attempt(self, study: Any) -> dict[str, Found | str]:
        """Give every quantity, or why there is none."""
        try:
            found = self.estimator(study)
        except (BipstatsError, ArithmeticError, ValueError) as problem:
            return dict.fromkeys(self.causal, _reason(problem))
        return {name: _usable(found.get(name)) for name in self.causal}

    def fingerprint(self, world: Any) -> str:
        """Sixteen digits that change with the estimator's code, what it calls here, and the world."""
        text = "".join(sorted(_sources(self.estimator))) + world.digest() + str(self.large)
        text += "".join(sorted(source for one in self.causal.values() for source in _sources(one)))
        return hashlib.sha256(text.encode()).hexdigest()[:16]


def _usable(found: Found | None) -> Found | str:
    if found is None:
        return "not given"
    if not all(map(_finite, (found.estimate, found.std_error, found.conf_low, found.conf_high))):
        return "no finite estimate and error"
    return found


def _finite(value: float) -> bool:
    return value == value and abs(value) != float("inf")


def _reason(problem: Exception) -> str:
    """The first sentence of an error, without its numbers, so that like ones are counted together."""
    words = " ".join(str(problem).split()).split(";")[0].split(". ")[0]
    return "".join("#" if letter.isdigit() else letter for letter in words)[:120]


def _sources(thing: Any) -> set[str]:
    """Source texts of a function, of what it calls here, of the frames it takes, and the constants they name."""
    if thing is None or isinstance(thing, Twin):
        return {repr(thing)}
    seen: dict[str, str] = {}
    _walk(thing, seen)
    return set(seen.values())


def _walk(function: Any, seen: dict[str, str]) -> None:
    if function.__qualname__ in seen:
        return
    seen[function.__qualname__] = function.__qualname__ + inspect.getsource(function)
    for name in _names(function.__code__):
        other = function.__globals__.get(name)
        frame = vars(StudyData).get(name)
        if frame is not None:
            _walk(getattr(frame, "func", frame), seen)
        if inspect.isfunction(other) and other.__module__.startswith(__name__.rpartition(".")[0]):
            _walk(other, seen)
        elif isinstance(other, str | float | int | tuple):
            seen[name] = f"{name} = {other!r}"


def _names(code: Any) -> Iterator[str]:
    yield from code.co_names
    for constant in code.co_consts:
        if inspect.iscode(constant):
            yield from _names(constant)
