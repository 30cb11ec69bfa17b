"""Maximisation where the value and its exact gradient are at hand and the second derivatives are not."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import cho_factor, cho_solve

from bipstats.models.kernels.newton import NoMaximum

Floats = NDArray[np.float64]
_STEPS = 40
_DIFFERENCE = 1e-6  # of a standard error, between the gradients of a second derivative


class Point(Protocol):
    """A log-likelihood at one parameter."""

    @property
    def params(self) -> Floats:
        """Parameter, (p,)."""

    @property
    def loglik(self) -> float:
        """Value."""

    @property
    def gradient(self) -> Floats:
        """Gradient, (p,)."""


P = TypeVar("P", bound=Point)
Surface = Callable[[Floats, P], P]
"""Gives the point at a parameter; a point nearby helps."""


@dataclass(frozen=True, slots=True)
class Top(Generic[P]):
    """Where a climb ended.

    Attributes
    ----------
    at : Point
    evaluations : int
        Of the value with its gradient, second derivatives not counted.
    converged : bool
    """

    at: P
    evaluations: int
    converged: bool


def climb(
    surface: Surface[P],
    start: P,
    information: Floats,
    *,
    held: int | None = None,
    tolerance: float = 1e-12,
    most: int = 200,
) -> Top[P]:
    r"""Broyden, Fletcher, Goldfarb and Shanno's method from a good guess of the information.

    Parameters
    ----------
    surface : callable
        (parameter, point nearby) to the point there.
    start : Point
    information : (p, p) array
        Guess of minus the second derivatives; positive definite.
    held : int, optional
        Place of a parameter that stays as it is.
    tolerance : float
        Bound on the decrement :math:`\tfrac12 g' B g`, an estimate of what is left to gain.
    most : int
        Evaluations.
    """
    at, evaluations = start, 1
    inverse = _inverse(information, held)
    while evaluations < most:
        step = inverse @ at.gradient
        slope = float(at.gradient @ step)
        if 0.5 * slope <= tolerance:
            return Top(at, evaluations, True)
        found, used = _search(surface, at, step, slope)
        evaluations += used
        if found is None:
            return Top(at, evaluations, 0.5 * slope <= 1e-6)
        inverse = _updated(inverse, found.params - at.params, at.gradient - found.gradient)
        at = found
    return Top(at, evaluations, False)


def _inverse(information: Floats, held: int | None) -> Floats:
    """Inverse of the free block; zero where a parameter is held, so that no step and no update moves it."""
    free = np.array([j for j in range(len(information)) if j != held], np.int64)
    inverse = np.zeros_like(information)
    inverse[np.ix_(free, free)] = np.linalg.inv(information[np.ix_(free, free)])
    return inverse


def _search(surface: Surface[P], at: P, step: Floats, slope: float) -> tuple[P | None, int]:
    """Point along the step that gains enough and where the slope has fallen enough (weak Wolfe conditions)."""
    low, high, size = 0.0, np.inf, 1.0
    best: P | None = None
    for used in range(1, _STEPS + 1):
        trial = surface(at.params + size * step, at)
        gained = trial.loglik - at.loglik
        usable = np.isfinite(trial.loglik) and np.isfinite(trial.gradient).all()
        if not usable or gained < 1e-4 * size * slope - 1e-12 * (1 + abs(at.loglik)):
            high = size
        elif trial.gradient @ step > 0.9 * slope:
            low, best = size, trial
        else:
            return trial, used
        size = 2 * low if np.isinf(high) else (low + high) / 2
    return best, _STEPS


def _updated(inverse: Floats, moved: Floats, fallen: Floats) -> Floats:
    """Inverse information after a step `moved` in which the gradient fell by `fallen`."""
    curvature = float(moved @ fallen)
    if curvature <= 1e-12 * float(np.linalg.norm(moved) * np.linalg.norm(fallen)):
        return inverse
    left = np.eye(len(moved)) - np.outer(moved, fallen) / curvature
    return left @ inverse @ left.T + np.outer(moved, moved) / curvature


def information_at(surface: Surface[P], at: P, scale: Floats) -> Floats:
    """Minus the second derivatives by differences of the gradient, (p, p).

    Parameters
    ----------
    surface : callable
    at : Point
    scale : (p,) array
        Guess of the standard errors.
    """
    rows = []
    for j, step in enumerate(_DIFFERENCE * scale):
        shift = np.zeros(len(scale))
        shift[j] = step
        rows.append((at.gradient - surface(at.params + shift, at).gradient) / step)
    found = np.array(rows)
    return (found + found.T) / 2


def polish(surface: Surface[P], at: P, information: Floats, rounds: int = 3) -> P:
    """Newton steps with an information that is right already, as long as they gain.

    Raises
    ------
    NoMaximum
        The information is not positive definite.
    """
    try:
        factor = cho_factor(information)
    except np.linalg.LinAlgError:
        raise NoMaximum(information) from None
    for _ in range(rounds):
        step = cho_solve(factor, at.gradient)
        if at.gradient @ step < 1e-20 * (1 + abs(at.loglik)):
            break
        found = surface(at.params + step, at)
        if not found.loglik >= at.loglik - 1e-11 * (1 + abs(at.loglik)):
            break
        at = found
    return at
