"""Ratios and differences as rows of a tidy frame."""

from __future__ import annotations

import numpy as np
import pandas as pd
from scipy import stats

from bipstats.core.columns import Floats
from bipstats.core.estimates import check_level


def tidied(term: list[str], value: Floats, error: Floats, ratio: np.ndarray, level: float) -> pd.DataFrame:
    """Give ``term, estimate, std_error, statistic, p_value, conf_low, conf_high``.

    Parameters
    ----------
    term : list of str
    value, error : (n,) arrays
        Logarithms of ratios, differences as they are, with their errors.
    ratio : (n,) bool array
        Shown as ratios: tested against one on the log scale, errors by the delta method.
    level : float
    """
    check_level(level)
    half = stats.norm.ppf(0.5 + level / 2) * error

    def shown(x: Floats) -> Floats:
        return np.where(ratio, np.exp(np.where(ratio, x, 0.0)), x)

    return pd.DataFrame(
        {
            "term": pd.Series(term, dtype=object),
            "estimate": shown(value),
            "std_error": np.where(ratio, shown(value) * error, error),
            "statistic": value / error,
            "p_value": 2 * stats.norm.sf(np.abs(value / error)),
            "conf_low": shown(value - half),
            "conf_high": shown(value + half),
        }
    )
