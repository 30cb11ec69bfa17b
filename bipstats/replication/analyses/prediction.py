"""E27: do the indicators predict a job better than what the registers know?"""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from bipstats.caseworkers.cross_fit import FOLDS, folds, log_odds
from bipstats.codebook import BACKGROUND, INDICATORS
from bipstats.errors import ModelError
from bipstats.models.kernels.roc import delong
from bipstats.replication.estimate import Estimate, Quantities
from bipstats.replication.frames import Prepared, complete, terms
from bipstats.replication.wording import counted

Floats = NDArray[np.float64]

AUC = ("auc difference", "auc register", "auc indicators", "auc with both", "auc gain")

_SEED = 27


def auc(prepared: Prepared) -> Quantities:
    """Area under the curve for a job within a year of the first measurement, cross-validated.

    Register: the background. Indicators: the 11 answers. Job centres are left out: a small one
    can be without any job in a fold. Five folds with a fixed seed; each client is predicted by a logit that
    has not seen the client.
    """
    rows = prepared.first_job
    rows = rows[rows["entered"].notna()]
    right, constant = terms(rows, *INDICATORS, *BACKGROUND)
    followed = len(rows)
    rows = complete(rows, right).reset_index(drop=True)
    missing = followed - len(rows)
    left_out = f"{counted(missing, 'client')} with missing answers left out" if missing else ""
    entered = rows["entered"].to_numpy(dtype=float) == 1
    if entered.sum() < 2 * FOLDS:
        raise ModelError(
            f"{counted(int(entered.sum()), 'client')} got a job within a year; prediction needs {2 * FOLDS} or more."
        )
    fold = folds(entered, np.random.default_rng(_SEED))
    models = (BACKGROUND, INDICATORS, (*INDICATORS, *BACKGROUND))
    area, matrix = delong(entered, np.stack([_predicted(rows, fold, names) for names in models]))
    note = "; ".join(filter(None, (counted(int(entered.sum()), "job"), left_out, constant)))
    weights = {
        "auc difference": (-1, 1, 0),
        "auc register": (1, 0, 0),
        "auc indicators": (0, 1, 0),
        "auc with both": (0, 0, 1),
        "auc gain": (-1, 0, 1),
    }
    return {
        name: Estimate(
            float(np.dot(w, area)), float(np.sqrt(w @ matrix @ w)), len(rows), "difference", "clients", note
        )
        for name, w in ((name, np.array(weight)) for name, weight in weights.items())
    }


def _predicted(rows: pd.DataFrame, fold: NDArray[np.int64], names: tuple[str, ...]) -> Floats:
    """Log odds of each row by the fit of the other folds."""
    return log_odds(rows, fold, lambda training: terms(training, *names)[0])
