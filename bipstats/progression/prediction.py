"""Cross-fitted prediction of entry by few items. Arrays only."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bipstats.models.kernels import binomial
from bipstats.models.kernels.binomial import binomial_problem
from bipstats.models.kernels.newton import NoMaximum, maximise
from bipstats.threads import one_thread

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Predicted:
    """Log odds of clients whom the model has not seen.

    Attributes
    ----------
    register : (n,) array
        By the register's background.
    items : (k, n) array
        By the first 1, 2, ..., k items that the other folds chose.
    both : (n,) array
        By all items and the background.
    order : (F, k) integer array
        Items in the order in which each fold's training clients chose them.
    """

    register: Floats
    items: Floats
    both: Floats
    order: Ints


def stratified_folds(entered: NDArray[np.bool_], folds: int, rng: np.random.Generator) -> Ints:
    """Folds with as many entries each as can be, 0..folds-1."""
    fold = np.empty(len(entered), dtype=np.int64)
    for group in (entered, ~entered):
        fold[group] = rng.permutation(np.arange(int(group.sum())) % folds)
    return fold


def predicted(
    items: Floats, background: Floats, entered: NDArray[np.bool_], weight: Floats, fold: Ints
) -> Predicted:
    """Fit on the other folds, choose items there, and predict the fold that was left out.

    Parameters
    ----------
    items : (n, k) array
    background : (n, q) array
    entered : (n,) boolean array
    weight : (n,) array
    fold : (n,) integer array
    """
    n, k = items.shape
    register, both, by_items = np.empty(n), np.empty(n), np.empty((k, n))
    order = np.empty((int(fold.max()) + 1, k), dtype=np.int64)
    for one in range(len(order)):
        here, there = fold == one, fold != one
        outcome, own = entered[there], weight[there]
        order[one] = forward(items[there], outcome, own)
        for count in range(1, k + 1):
            chosen = order[one, :count]
            by_items[count - 1, here] = _apply(
                _fit(items[there][:, chosen], outcome, own), items[here][:, chosen]
            )
        register[here] = _apply(_fit(background[there], outcome, own), background[here])
        whole = np.hstack([items, background])
        both[here] = _apply(_fit(whole[there], outcome, own), whole[here])
    return Predicted(register, by_items, both, order)


def forward(items: Floats, entered: NDArray[np.bool_], weight: Floats) -> Ints:
    """Items in the order in which each adds most to the log-likelihood of a logit."""
    chosen: list[int] = []
    left = list(range(items.shape[1]))
    while left:
        gains = [_loglik(items[:, [*chosen, item]], entered, weight) for item in left]
        chosen.append(left.pop(int(np.argmax(gains))))
    return np.array(chosen)


def _fit(x: Floats, entered: NDArray[np.bool_], weight: Floats) -> Floats:
    return _maximum(x, entered, weight)[0]


def _loglik(x: Floats, entered: NDArray[np.bool_], weight: Floats) -> float:
    return _maximum(x, entered, weight)[1]


def _maximum(x: Floats, entered: NDArray[np.bool_], weight: Floats) -> tuple[Floats, float]:
    """Coefficients of a weighted logit, the intercept first; raises `NoMaximum`."""
    centre, scale = x.mean(axis=0), x.std(axis=0)
    scale = np.where(scale > 0, scale, 1.0)
    problem = binomial_problem(
        (x - centre) / scale, np.zeros(len(x), np.int64), entered * weight, weight, np.zeros(len(x)), "logit"
    )
    with one_thread():
        best = maximise(
            lambda b: binomial.evaluate(b, problem),
            lambda b: binomial.log_likelihood(b, problem),
            binomial.starting_values(problem),
        )
    slope = best.params[1:] / scale
    if not (best.converged and np.abs(best.params).max() < 30):
        raise NoMaximum(best.at.information)
    return np.append(best.params[0] - centre @ slope, slope), best.at.loglik


def _apply(params: Floats, x: Floats) -> Floats:
    return np.asarray(params[0] + x @ params[1:])
