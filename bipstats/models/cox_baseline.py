"""Baseline hazard of a Cox fit, and the hazard of others relative to it."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Literal

import numpy as np
import pandas as pd

from bipstats.core.columns import Floats, Ints
from bipstats.errors import ModelError, check_option
from bipstats.models.cox_residuals import fitted_rows
from bipstats.models.kernels.cox import BaselineHazard
from bipstats.models.kernels.cox import baseline_hazard as kernel_baseline
from bipstats.models.kernels.cox_survival import CumulativeHazard, cumulative_hazard

if TYPE_CHECKING:
    from bipstats.models.cox import CoxResult


def baseline_hazard(
    fit: CoxResult, at: Literal["zero", "means"] = "zero", *, data: pd.DataFrame | None = None
) -> pd.DataFrame:
    r"""Baseline hazard at the event times.

    Parameters
    ----------
    at : {"zero", "means"}
        Covariates all zero (references of categories); or their means over the rows of the fit, after merging:
        ``fit.baseline.centre``.
    data : pandas.DataFrame, optional
        The fitted data; needed beyond 4,096 event times only.

    Returns
    -------
    pandas.DataFrame
        The strata's columns, if any; ``time, hazard`` (the increment), ``cumulative_hazard, std_error`` (of the
        cumulative hazard), ``survival``.

    Raises
    ------
    ModelError
        The baseline was not kept (more than 4,096 event times), or zero lies so far from the data that the
        hazard there is out of a number's range.

    Notes
    -----
    Breslow's estimate, or Efron's :math:`\Delta_d = \sum_{l} \bar w / (S_0 - \frac{l}{k} S_{0,\text{dead}})`, as R's
    ``survfit`` of a Cox fit; errors count those of the coefficients.

    Examples
    --------
    >>> import pandas as pd, bipstats as bip
    >>> rows = pd.DataFrame({"stop": [4, 3, 1, 1, 2, 2, 3], "event": [1, 1, 1, 0, 1, 1, 0],
    ...                      "x": [0, 2, 1, 1, 1, 0, 0]})
    >>> fit = bip.cox("x", rows, start=None)
    >>> fit.baseline_hazard()[["time", "cumulative_hazard"]].round(3).values.tolist()
    [[1.0, 0.097], [2.0, 0.41], [3.0, 0.632], [4.0, 1.632]]
    """
    check_option("at", at, ("zero", "means"))
    base = baseline_of(fit, data)
    x = np.zeros(len(base.centre)) if at == "means" else -base.centre
    with np.errstate(over="ignore"):
        relative = float(np.exp(x @ fit.estimates.values))
    if not np.isfinite(relative):
        raise ModelError(
            "covariates of zero lie too far from the data; take at='means', or centre the covariates."
        )
    parts = []
    for code, level in enumerate(fit.strata_levels):
        own = np.flatnonzero(base.stratum == code)
        found = hazard_along(fit, base, own, np.full(len(own), relative), np.tile(x, (len(own), 1)))
        frame = pd.DataFrame({"time": base.times[own], "hazard": relative * base.increment[own]})
        frame = frame.assign(
            cumulative_hazard=found.value, std_error=found.std_error, survival=np.exp(-found.value)
        )
        parts.append(_labelled(frame, fit, level))
    return pd.concat(parts, ignore_index=True)


def baseline_of(fit: CoxResult, data: pd.DataFrame | None) -> BaselineHazard:
    """Baseline hazard as the fit kept it, or made once more from its data."""
    if fit.baseline is not None:
        return fit.baseline
    if data is None:
        raise ModelError(
            "the baseline has more than 4,096 event times and was not kept in the fit; give the fitted data: data=."
        )
    found = fitted_rows(fit, data)
    base = kernel_baseline(found.sums, found.rows.problem)
    return replace(base, centre=found.rows.centre, mean=found.rows.scale * base.mean)


def hazard_along(
    fit: CoxResult, base: BaselineHazard, places: Ints, relative: Floats, x: Floats
) -> CumulativeHazard:
    """Cumulative hazard over the event times at `places`, with relative hazard and covariates at each."""
    return cumulative_hazard(
        base.increment[places],
        base.variance[places],
        base.mean[places],
        relative,
        x,
        fit.estimates.covariance,
    )


def _labelled(frame: pd.DataFrame, fit: CoxResult, level: object) -> pd.DataFrame:
    """Put the columns of the strata before the frame's own."""
    assert fit.specification is not None
    columns = fit.specification.strata_columns
    values = level if isinstance(level, tuple) else (level,)
    for place, (name, value) in enumerate(zip(columns, values, strict=False)):
        frame.insert(place, name, [value] * len(frame))
    return frame
