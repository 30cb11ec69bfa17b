"""Residuals of a Cox fit, row by row of its data."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal, get_args

import numpy as np
import pandas as pd

from bipstats.core.columns import Floats, Ints, require_columns, require_frame
from bipstats.core.covariance import invert
from bipstats.errors import check_option
from bipstats.models.cox_rows import CoxRows, CoxSpecification, prepare
from bipstats.models.identify import require_same_fit
from bipstats.models.kernels.cox import RiskSums, evaluate, risk_sums
from bipstats.models.kernels.residuals import (
    deviance_residuals,
    martingale_residuals,
    schoenfeld_residuals,
    score_residuals,
)
from bipstats.threads import one_thread

if TYPE_CHECKING:
    from bipstats.models.cox import CoxResult

Residual = Literal["martingale", "deviance", "score", "dfbeta", "schoenfeld", "scaled_schoenfeld"]


@dataclass(frozen=True, slots=True)
class FittedRows:
    """The data of a fit once more, row by row, with the risk sums at the estimates.

    Attributes
    ----------
    spec : CoxSpecification
        What the fit asked for.
    rows : CoxRows
        Not merged; rows that are never at risk are left out.
    position : (n,) integer array
        Place of each row in the data.
    sums : RiskSums
    information : (p, p) array
        In the centred and scaled covariates of `rows`.
    """

    spec: CoxSpecification
    rows: CoxRows
    position: Ints
    sums: RiskSums
    information: Floats


@one_thread()
def fitted_rows(fit: CoxResult, data: pd.DataFrame) -> FittedRows:
    """Prepare the fitted data again without merging; data on which the fit does not recur raise."""
    spec = fit.specification
    assert spec is not None
    require_frame(data)
    names = list(dict.fromkeys([*fit.design.columns, *spec.columns]))
    require_columns(data, names, "the fit")
    numbered = data[names].set_axis(pd.RangeIndex(len(data)))
    rows = prepare(replace(spec, id=None), numbered, "model", fit.design)
    working = fit.estimates.values * rows.scale
    at = evaluate(working, rows.problem)
    require_same_fit(at, fit.loglik)
    position = np.asarray(rows.data.index, dtype=np.int64)
    return FittedRows(spec, rows, position, risk_sums(working, rows.problem), at.information)


def residuals(fit: CoxResult, data: pd.DataFrame, kind: Residual = "martingale") -> pd.Series | pd.DataFrame:
    r"""Residuals of the fitted data.

    Parameters
    ----------
    data : pandas.DataFrame
        The fitted data, unchanged.
    kind : {"martingale", "deviance", "score", "dfbeta", "schoenfeld", "scaled_schoenfeld"}
        ``martingale``: events less the cumulative hazard over the row's time at risk; look for the form of a
        covariate. ``deviance``: the same made symmetric, for outliers. ``score``: the row's part of the score, one
        column a term. ``dfbeta``: about how far the row pulls each coefficient. ``schoenfeld``: covariates of
        each event less their mean over the risk set. ``scaled_schoenfeld``: those times the number of events
        and the inverse information, plus the coefficient; about :math:`\beta(t)`.

    Returns
    -------
    pandas.Series or pandas.DataFrame
        One row a row of `data`, indexed like it; zero for rows that are never at risk, missing for rows that
        ``missing="drop"`` left out. Schoenfeld residuals: one row an event, by strata and time, which are the index.

    Raises
    ------
    ModelError
        These are not the data of the fit.

    Notes
    -----
    Rows are not merged: the residuals are those of R's ``residuals.coxph``, row by row, with R's defaults for case
    weights: only ``dfbeta`` is multiplied by the row's weight. Sums over the rows of an id, or of a cluster, are
    the residuals of that unit: ``residuals.groupby(data["client"]).sum()``. ``dfbeta`` and ``scaled_schoenfeld`` use
    the model's information, whatever the standard errors of the fit.

    References
    ----------
    Therneau, T. & Grambsch, P. (2000). *Modeling Survival Data*. Springer, chapters 4 and 7.

    Examples
    --------
    >>> import pandas as pd, bipstats as bip
    >>> rows = pd.DataFrame({"stop": [4, 3, 1, 1, 2, 2, 3], "event": [1, 1, 1, 0, 1, 1, 0],
    ...                      "x": [0, 2, 1, 1, 1, 0, 0]})
    >>> fit = bip.cox("x", rows, start=None)
    >>> fit.residuals(rows).round(2).tolist()
    [-0.63, -0.59, 0.85, -0.15, 0.49, 0.68, -0.63]
    """
    check_option("kind", kind, get_args(Residual))
    found = fitted_rows(fit, data)
    if kind in ("schoenfeld", "scaled_schoenfeld"):
        return _of_events(fit, found, scaled=kind == "scaled_schoenfeld")
    return _of_rows(fit, found, data, kind)


@one_thread()
def _of_rows(
    fit: CoxResult, found: FittedRows, data: pd.DataFrame, kind: Residual
) -> pd.Series | pd.DataFrame:
    rows, problem = found.rows, found.rows.problem
    if kind in ("martingale", "deviance"):
        values = martingale_residuals(found.sums, problem)
        if kind == "deviance":
            event = np.zeros(len(values), bool)
            event[problem.died] = True
            values = deviance_residuals(values, event)
        return pd.Series(_in_place(values, fit, data, found), index=data.index, name=kind)
    values = score_residuals(found.sums, problem)
    if kind == "score":
        values *= rows.scale
    else:
        values = problem.weight[:, None] * (values @ invert(found.information)) / rows.scale
    return pd.DataFrame(
        _in_place(values, fit, data, found), index=data.index, columns=list(fit.estimates.names)
    )


def _in_place(values: Floats, fit: CoxResult, data: pd.DataFrame, found: FittedRows) -> Floats:
    """Values of the rows at risk as values of all rows of the data: zero elsewhere, NaN where a value is missing."""
    out = np.zeros((len(data), *values.shape[1:]))
    if found.rows.n_complete < len(data):
        out[data[[*fit.design.columns, *found.spec.columns]].isna().any(axis=1).to_numpy()] = np.nan
    out[found.position] = values
    return out


def _of_events(fit: CoxResult, found: FittedRows, *, scaled: bool) -> pd.DataFrame:
    rows, problem = found.rows, found.rows.problem
    values = schoenfeld_residuals(found.sums, problem)
    if scaled:
        values = len(problem.died) * (values @ invert(found.information)) / rows.scale + fit.estimates.values
    else:
        values *= rows.scale
    columns = found.spec.strata_columns
    strata = [rows.data[name].iloc[problem.died] for name in columns]
    time = pd.Index(problem.sets.times[problem.at], name="time")
    index = pd.MultiIndex.from_arrays([*strata, time], names=[*columns, "time"]) if strata else time
    return pd.DataFrame(values, index=index, columns=list(fit.estimates.names))
