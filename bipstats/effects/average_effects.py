"""Mean outcomes had everybody had the same exposure: regression, weighting, and both."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Literal

import numpy as np
import pandas as pd

from bipstats.core.columns import Ints, Missing
from bipstats.core.covariance import group_sums
from bipstats.core.design import split_formula
from bipstats.core.estimates import Estimates, check_level
from bipstats.effects import potential_means as estimators
from bipstats.effects.average_result import AverageEffects
from bipstats.effects.average_rows import balance, effective, explained, overlap, read_rows, trimmed
from bipstats.effects.potential_means import Exposed, PotentialMeans
from bipstats.errors import OptionError, check_option
from bipstats.models.inputs import check_names, default_id
from bipstats.seeds import generator

Method = Literal["aipw", "ipw", "overlap", "regression", "raw"]

WORDS: dict[Method, str] = {
    "aipw": "augmented inverse-probability weighting, cross-fitted",
    "ipw": "inverse-probability weighting",
    "overlap": "overlap weighting",
    "regression": "outcome regression within exposures",
    "raw": "observed means, not adjusted",
}


def average_effects(
    formula: str,
    data: pd.DataFrame,
    *,
    exposure: str,
    method: Method = "aipw",
    folds: int = 5,
    trim: float = 0.0,
    id: str | None = None,
    weights: str | None = None,
    missing: Missing = "raise",
    level: float = 0.95,
    rng: int | np.random.Generator | None = None,
) -> AverageEffects:
    r"""Estimate the mean outcome under every level of an exposure, had all had it, given covariates.

    Parameters
    ----------
    formula : str
        ``"y ~ x1 + x2"``: the outcome, a number, and the covariates that are adjusted for, known before the exposure.
    data : pandas.DataFrame
    exposure : str
        Column with two levels or more; the first is the reference of `AverageEffects.compare`.
    method : {"aipw", "ipw", "overlap", "regression", "raw"}
        ``"aipw"`` is right if either the model of the outcome or that of the exposure is. ``"overlap"`` has another
        target: those who might have had any of the exposures, where it is least sensitive to the model.
    folds : int, default 5
        For ``"aipw"``: both models are fitted to the other folds. Rows of one unit share a fold.
    trim : float, default 0
        Rows whose chance of some exposure is below this are left out and counted; the target is then the rest.
    id : str, optional
        Column of independent units; ``client`` where there is one.
    weights : str, optional
        Column of case weights (for instance against dropout), taken as known.
    missing : {"raise", "drop"}
    level : float, default 0.95
    rng : None, int or numpy.random.Generator
        For the folds.

    Returns
    -------
    AverageEffects

    Raises
    ------
    ModelError
        There is no overlap, an exposure has too few rows, or the data cannot be used; the message says which.

    Notes
    -----
    Exposures :math:`A_i`, chances :math:`e_k(x) = P(A = k \mid x)` by a multinomial logit, outcomes
    :math:`m_k(x) = E(y \mid A = k, x)` by least squares. All methods take it that nothing unobserved moves both
    exposure and outcome, that every chance is positive, and that one unit's exposure does not touch another's outcome.

    - raw: :math:`\bar y_k`. Regression: mean of :math:`m_k(x_i)`.
    - ipw: mean with weights :math:`1/e_k(x_i)`, normalised. Overlap: :math:`h/e_k` with
      :math:`h = (\sum_l 1/e_l)^{-1}`; the target population is weighted by h.
    - aipw: mean of :math:`m_k(x_i) + 1\{A_i = k\}(y_i - m_k(x_i))/e_k(x_i)`.

    Errors are those of the sums of influence functions by unit; the estimation of chances and regressions is in them.

    References
    ----------
    Chernozhukov, V. et al. (2018). Double/debiased machine learning for treatment and structural parameters.
    *Econometrics Journal*.
    Li, F. & Li, F. (2019). Propensity score weighting for causal inference with multiple treatments. *Annals of
    Applied Statistics*.
    Robins, J., Rotnitzky, A. & Zhao, L. (1994). Estimation of regression coefficients when some regressors are not
    always observed. *JASA*.

    Examples
    --------
    >>> import numpy as np, pandas as pd, bipstats as bip
    >>> draw = np.random.default_rng(1)
    >>> x = draw.normal(size=2000)
    >>> had = draw.random(2000) < 1 / (1 + np.exp(-x))
    >>> rows = pd.DataFrame({"y": x + 0.5 * had + draw.normal(size=2000), "x": x, "had": np.where(had, "yes", "no")})
    >>> means = bip.average_effects("y ~ x", rows, exposure="had", rng=1)
    >>> bool(abs(means.compare().table["estimate"].item() - 0.5) < 0.15)
    True
    """
    check_option("method", method, tuple(WORDS))
    check_level(level)
    check_names({"exposure": exposure}, {"id": id, "weights": weights})
    if isinstance(folds, bool) or not isinstance(folds, int | np.integer) or folds < 2:
        raise OptionError(f"folds={folds!r} is not a whole number of at least 2.")
    if isinstance(trim, bool) or not isinstance(trim, int | float) or not 0 <= trim < 0.5:
        raise OptionError(f"trim={trim!r} is not a chance between 0 and 0.5.")
    outcome, covariates = split_formula(formula, two_sided=True)
    assert outcome is not None
    unit = default_id(data, id) if isinstance(data, pd.DataFrame) else id
    assert unit is None or isinstance(unit, str)
    rows = read_rows(data, outcome, covariates, exposure, id=unit, weights=weights, missing=missing)
    rows = trimmed(rows, trim)
    found = explained(rows, _estimator(method, rows.unit, int(folds), rng))
    sums = group_sums(found.influence, rows.unit)
    how = f"influence functions, one unit per {'row' if unit is None else unit}"
    return AverageEffects(
        Estimates(rows.levels, found.means, sums.T @ sums, how),
        exposure=exposure,
        outcome=outcome,
        method=method,
        counts=tuple(np.bincount(rows.exposed.level, minlength=len(rows.levels)).tolist()),
        effective=tuple(effective(rows, found).tolist()),
        n_units=int(rows.unit.max()) + 1,
        unit=unit,
        target=_target(method, trim),
        flow=tuple((what, count) for what, count in rows.flow.items() if count),
        balance=balance(rows, found),
        overlap=overlap(rows, found),
        level=level,
    )


def _target(method: Method, trim: float) -> str:
    """Whose mean is estimated."""
    if method == "raw":
        return "those who had each exposure"
    who = (
        "those who might have had any exposure (overlap weights)"
        if method == "overlap"
        else "everybody given"
    )
    return who + (f", chances below {trim:g} trimmed" if trim else "")


def _estimator(
    method: Method, unit: Ints, folds: int, rng: int | np.random.Generator | None
) -> Callable[[Exposed], PotentialMeans]:
    if method == "aipw":
        fold = generator(rng).permutation(np.arange(int(unit.max()) + 1) % folds)[unit]
        return lambda exposed: estimators.doubly_robust(exposed, fold)
    others: dict[Method, Callable[[Exposed], PotentialMeans]] = {
        "ipw": partial(estimators.inverse_probability, overlap=False),
        "overlap": partial(estimators.inverse_probability, overlap=True),
        "regression": estimators.outcome_regression,
        "raw": estimators.observed_means,
    }
    return others[method]
