"""Predictions of rows by models that have not seen them."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from bipstats.core.columns import Floats
from bipstats.models.logit import logit

FOLDS = 5


def folds(entered: NDArray[np.bool_], rng: np.random.Generator) -> NDArray[np.int64]:
    """Fold of each row, balanced within those who entered and those who did not."""
    fold = np.empty(len(entered), dtype=np.int64)
    for group in (entered, ~entered):
        fold[group] = rng.permutation(np.arange(group.sum()) % FOLDS)
    return fold


def log_odds(rows: pd.DataFrame, fold: NDArray[np.int64], right: Callable[[pd.DataFrame], str]) -> Floats:
    """Log odds of ``entered`` for each row by the logit of the other folds.

    Parameters
    ----------
    rows : pandas.DataFrame
    fold : (n,) integer array
    right : callable
        Right-hand side for the rows of the other folds, where a term may not vary.
    """
    out = np.empty(len(rows))
    for number in range(FOLDS):
        training, held_out = rows[fold != number], rows[fold == number]
        fit = logit(f"entered ~ {right(training)}", training)
        p = fit.predict(held_out).to_numpy()
        out[fold == number] = np.log(p / (1 - p))
    return out
