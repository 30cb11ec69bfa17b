"""The search for a maximum, and what is said where it has none."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from bipstats.core.columns import Floats, listed
from bipstats.errors import ModelError
from bipstats.models.kernels.newton import Evaluation, NoMaximum, Optimum, maximise
from bipstats.models.separation import presentable

SUSPECT = 1e2  # growth of a standard error during the search that makes it worth looking for separation
LONG = 15  # iterations that a search for a finite maximum hardly needs
_FLAT = 1e-13  # variance within risk sets, of standardised covariates, that is rounding
_DIVERGED = 1e5  # growth that no finite maximum shows


def find_maximum(
    evaluate: Callable[[Floats], Evaluation],
    loglik: Callable[[Floats], float],
    start: Floats,
    *,
    names: tuple[str, ...],
    n_events: int,
    explain: Callable[[], ModelError | None],
    solve: Callable[[Any], Floats] | None = None,
    at_risk: float | None = None,
    tolerance: float = 1e-14,
) -> Optimum:
    """Maximise a log-likelihood; where the search runs off, say which terms separate.

    Parameters
    ----------
    evaluate, loglik, start, solve, tolerance
        As for `maximise`.
    names : tuple of str
        Terms, for messages.
    n_events : int
    explain : callable
        Looks for separation by linear programming; called only if a standard error has grown suspiciously
        or the search was long or broke off, so that ordinary fits pay nothing.
    at_risk : float, optional
        For risk sets, the weight of all events: the information over it is a variance within risk sets, of
        standardised covariates, which must not be zero.
    """
    try:
        best = maximise(evaluate, loglik, start, solve=solve, tolerance=tolerance)
    except NoMaximum as ran_off:
        flat = _unidentified(names, (ran_off.start, ran_off.information), at_risk)
        other = no_maximum if at_risk is None else _out_of_digits
        raise (explain() or flat or other(n_events, names, ran_off.information)) from None
    # Far out, where risks differ by all digits of a number, the information is rounding and may not show it.
    if best.iterations > LONG or not (growth(best) < SUSPECT).all():
        separated = explain()
        if separated is not None:
            raise separated
    flat = _unidentified(names, (best.start, best.at.information), at_risk)
    if flat is not None:
        raise flat
    refuse_divergence(names, best)
    return best


def _unidentified(
    names: tuple[str, ...], informations: tuple[Floats, Floats], at_risk: float | None
) -> ModelError | None:
    """Error if nothing varies in some direction within risk sets, at the search's beginning nor at its end."""
    if at_risk is None or not all(np.linalg.eigvalsh(one / at_risk)[0] < _FLAT for one in informations):
        return None
    variance, directions = np.linalg.eigh(informations[0] / at_risk)
    still = [name for name, own in zip(names, np.diag(informations[0]) / at_risk, strict=True) if own < _FLAT]
    if still:
        what, cure = f"no variation in {listed(presentable(still, names))}", "leave it out of the formula"
    else:
        flat = np.abs(directions[:, variance < _FLAT]).max(axis=1)
        tied = presentable([name for name, part in zip(names, flat, strict=True) if part > 1e-3], names)
        what, cure = (
            f"{listed(tied)} do not vary apart from one another",
            "leave one of them out of the formula",
        )
    return ModelError(
        f"{what} among those at risk at the same event (a function of time is in the baseline hazard already); {cure}."
    )


def no_maximum(n_events: int, names: tuple[str, ...], information: Floats) -> ModelError:
    """Error for a search that ran off."""
    return ModelError(
        f"the likelihood has no finite maximum: {n_events:,} event(s) cannot tell {len(names):,} term(s) apart, or a "
        f"combination of terms separates the events from the rest; look at {_suspects(names, information)} "
        "first. Use fewer terms, merge levels, or add events."
    )


def _out_of_digits(n_events: int, names: tuple[str, ...], information: Floats) -> ModelError:
    """Error for a search among risk sets that broke off although nothing was found to separate."""
    return ModelError(
        f"the search for the maximum broke off with {n_events:,} event(s); look at {_suspects(names, information)} "
        "first. No separation was found: a covariate may vary far more from one time to another than among those at "
        "risk together, so that their hazards differ by more digits than a number has. Subtract its mean by time, or a "
        "function of time, from it."
    )


def _suspects(names: tuple[str, ...], information: Floats) -> str:
    """Terms of the flattest direction."""
    size = np.sqrt(np.maximum(np.diag(information), np.finfo(float).tiny))
    _, directions = np.linalg.eigh(information / np.outer(size, size))
    flat = np.abs(directions[:, 0])
    order = np.argsort(-flat)
    chosen = [names[j] for j in order if flat[j] > 0.3] or [names[order[0]]]
    return listed(presentable(chosen, names))


def refuse_divergence(names: tuple[str, ...], best: Optimum) -> None:
    """Refuse a fit that ran off to infinity or stopped short, naming the terms that did.

    Notes
    -----
    Where the likelihood has no maximum, the information in the direction that runs off falls geometrically
    with every step, whatever the scale of covariates and weights; so the errors at the end are held against
    those at the start.
    """
    away = [name for name, growth in zip(names, growth(best), strict=True) if not growth < _DIVERGED]
    if away:
        raise ModelError(
            f"the likelihood has no maximum: it rises with {listed(presentable(away, names))} without bound (a "
            "combination of these terms separates events from the rest). Merge levels or leave a term out."
        )
    if not best.converged:
        largest = names[int(np.argmax(np.abs(best.params)))]
        raise ModelError(
            f"the search for the maximum did not converge; look at {largest} first (scale, outliers)."
        )


def growth(best: Optimum) -> Floats:
    """Standard errors at the end of a search over those at its start; infinite where there are none."""
    try:
        before, after = (np.diag(np.linalg.inv(matrix)) for matrix in (best.start, best.at.information))
    except np.linalg.LinAlgError:
        return np.full(len(best.params), np.inf)
    with np.errstate(invalid="ignore"):
        growth = np.sqrt(after) / np.sqrt(before)
    return np.where(np.isnan(growth), np.inf, growth)
