"""Newton's method with step halving, for every likelihood of the library."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import cho_factor, cho_solve

from bipstats.threads import one_thread

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Evaluation:
    """Log-likelihood at one parameter.

    Attributes
    ----------
    loglik : float
    gradient : (p,) array
    information : (p, p) array
        Observed or expected; positive definite at a maximum.
    """

    loglik: float
    gradient: Floats
    information: Floats


@dataclass(frozen=True, slots=True)
class Optimum:
    """Where the search ended.

    Attributes
    ----------
    params : (p,) array
    at : Evaluation
    iterations : int
    converged : bool
        The Newton decrement fell below the tolerance.
    start : (p, p) array
        Information where the search began.
    """

    params: Floats
    at: Evaluation
    iterations: int
    converged: bool
    start: Floats


class NoMaximum(np.linalg.LinAlgError):
    """The search ran off: numbers left their range or the information could not be inverted.

    Attributes
    ----------
    information, start : (p, p) arrays
        The last one that was finite, and where the search began.
    """

    def __init__(self, information: Floats) -> None:
        self.information = self.start = information
        super().__init__("the log-likelihood has no finite maximum")


def maximise(
    evaluate: Callable[[Floats], Evaluation],
    loglik: Callable[[Floats], float],
    start: Floats,
    *,
    solve: Callable[[Any], Floats] | None = None,
    tolerance: float = 1e-14,
    max_iterations: int = 60,
) -> Optimum:
    r"""Maximise a log-likelihood by Newton's method (or Fisher scoring) with step halving.

    Parameters
    ----------
    evaluate : callable
        Parameter (p,) to `Evaluation`.
    loglik : callable
        Parameter (p,) to the log-likelihood alone; used to judge a step. May return ``-inf`` or NaN.
    start : (p,) array
    solve : callable, optional
        `Evaluation` to the step :math:`I^{-1} g`, where the information is kept in another form.
    tolerance : float
        Bound on the Newton decrement :math:`\tfrac12 g' I^{-1} g` relative to ``1 + |loglik|``.
    max_iterations : int

    Returns
    -------
    Optimum

    Raises
    ------
    NoMaximum
        The information is not finite and positive definite.
    """
    params = np.asarray(start, dtype=float)
    with one_thread():
        at = _finite(evaluate, params, np.eye(len(params)))
        try:
            return _climb(evaluate, loglik, params, at, solve or _solve, tolerance, max_iterations)
        except NoMaximum as ran_off:
            ran_off.start = at.information
            raise


def _climb(
    evaluate: Callable[[Floats], Evaluation],
    loglik: Callable[[Floats], float],
    params: Floats,
    at: Evaluation,
    solve: Callable[[Any], Floats],
    tolerance: float,
    max_iterations: int,
) -> Optimum:
    information = at.information
    for iteration in range(1, max_iterations + 1):
        try:
            step = solve(at)
        except np.linalg.LinAlgError:
            raise NoMaximum(at.information) from None
        scale = 1.0 + abs(at.loglik)
        decrement = 0.5 * float(at.gradient @ step)
        if decrement <= 1e-4 * tolerance * scale:  # not to be seen in the log-likelihood: the last step
            params = params + step
            # A step this short moves the information by less than its own rounding.
            last = at if decrement <= 1e-6 * tolerance * scale else _finite(evaluate, params, at.information)
            return Optimum(params, last, iteration, True, information)
        taken = _ascend(evaluate, loglik, params, step, at, slack=1e-12 * scale)
        if taken is None:
            return Optimum(params, at, iteration, decrement <= tolerance * scale, information)
        params, at = taken
    return Optimum(params, at, max_iterations, False, information)


def _solve(at: Evaluation) -> Floats:
    """Newton's step for a dense information."""
    return cho_solve(cho_factor(at.information), at.gradient) if at.gradient.size else at.gradient


def _finite(evaluate: Callable[[Floats], Evaluation], params: Floats, before: Floats) -> Evaluation:
    """Evaluate; numbers that have run out of range end the search as a singular information does."""
    with np.errstate(over="ignore", invalid="ignore", divide="ignore", under="ignore"):
        at = evaluate(params)
    if not _usable(at):
        raise NoMaximum(before)
    return at


def _ascend(
    evaluate: Callable[[Floats], Evaluation],
    loglik: Callable[[Floats], float],
    params: Floats,
    step: Floats,
    at: Evaluation,
    slack: float,
) -> tuple[Floats, Evaluation] | None:
    """First of params + step, params + step/2, ... that does not lower the log-likelihood, and what is there.

    The full step is nearly always good, so it is evaluated whole at once; shorter ones by the log-likelihood.
    """
    with np.errstate(over="ignore", invalid="ignore", divide="ignore", under="ignore"):
        whole = evaluate(params + step)
        if _usable(whole) and whole.loglik >= at.loglik - slack:
            return params + step, whole
        for halvings in range(1, 40):
            trial = params + step / 2**halvings
            value = loglik(trial)
            if np.isfinite(value) and value >= at.loglik - slack:
                return trial, _finite(evaluate, trial, at.information)
    return None


def _usable(at: Evaluation) -> bool:
    return bool(
        np.isfinite(at.loglik) and np.isfinite(at.gradient).all() and np.isfinite(at.information).all()
    )
