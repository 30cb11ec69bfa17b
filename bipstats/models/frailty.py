"""Cox models with a frailty that the members of a group share."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from bipstats.core.columns import Missing, require_frame
from bipstats.core.covariance import Covariance
from bipstats.core.design import split_formula
from bipstats.core.result import Fit, report
from bipstats.errors import OptionError, check_option
from bipstats.models.cox_rows import Ties
from bipstats.models.frailty_fit import FrailtyEstimate, estimate
from bipstats.models.frailty_result import FrailtyResult, GroupEffects
from bipstats.models.frailty_rows import (
    METHODS,
    Distribution,
    Estimator,
    FrailtyRows,
    FrailtySpecification,
    prepare,
)
from bipstats.models.inputs import check_names, default_id
from bipstats.models.kernels.cox import risk_sums
from bipstats.models.kernels.frailty import with_frailty
from bipstats.models.proportional import kept_baseline

_MANY_GROUPS = 4096
_PERSONS = "client"  # what groups of this name do is about one person each, and is not kept
_ERRORS = {
    "ml": "from the model's information, the frailty variance being estimated too",
    "reml": "from the penalised information, the frailty variance being estimated too (REML)",
}


def frailty_cox(
    formula: str,
    data: pd.DataFrame,
    *,
    group: str | Sequence[str],
    distribution: Distribution = "gamma",
    method: Estimator = "ml",
    start: str | None = "start",
    stop: str = "stop",
    event: str = "event",
    id: str | Sequence[str] | None = None,
    strata: str | Sequence[str] | None = None,
    offset: str | None = None,
    ties: Ties = "efron",
    missing: Missing = "raise",
) -> FrailtyResult:
    r"""Fit a Cox model in which the members of a group share an unobserved factor on their hazard.

    Parameters
    ----------
    formula : str
        Right-hand side: ``"caseworker_belief + age"``. Effects are within groups of equal frailty.
    data : pandas.DataFrame
        One row per piece of time at risk, (start, stop].
    group : str or list of str
        Column of the groups; several are crossed.
    distribution : {"gamma", "lognormal"}
        Of the frailty: gamma with mean 1, or the exponential of a normal with mean 0.
    method : {"ml", "reml"}, default "ml"
        How the variance is estimated; ``"reml"`` for log-normal frailties only. See the notes.
    start, stop, event, id, strata, offset, ties, missing
        As for `bip.cox`. Case weights there are none: of a weighted group no likelihood is known.

    Returns
    -------
    FrailtyResult
        ``.random`` has the frailty's variance with interval and test, ``.effects()`` the groups.

    Raises
    ------
    ModelError
        There is one group only; no stratum holds two groups; every group is a single spell with at most one event
        (what varies there is told from the course of the hazard by the assumption of proportionality alone); or
        the likelihood has no maximum or the search did not reach it.

    Notes
    -----
    The hazard of a row in group g is :math:`h_0(t) \, z_g \, e^{x'\beta}`. At a given variance :math:`\theta`
    coefficients and frailties maximise the penalised log partial likelihood by Newton's method with the whole
    information. With a gamma frailty this is the maximum of the marginal likelihood over the baseline hazard and
    :math:`\beta`, in closed form; :math:`\theta` maximises it in turn, as R's ``coxph(frailty(g))`` does by EM.

    For log-normal frailties ``"ml"`` maximises Laplace's approximation to the partial likelihood with the
    frailties integrated out (Ripatti and Palmgren 2000), the coefficients being those of the penalised likelihood;
    ``"reml"`` solves McGilchrist's equation, as R's ``coxph(frailty(g, distribution = "gaussian"))`` does. No
    likelihood belongs to it; interval and test of the variance are those of ``"ml"``.

    The information in the groups is a diagonal less a matrix of rank at most twice the number of event times (times
    strata): a step costs the square of the smaller of groups and event times, times the larger.

    A variance of zero is reported as such and gives `bip.cox`. The test's p-value is half that of chi-squared
    with one degree of freedom (Self and Liang 1987).

    Standard errors count the estimation of :math:`\theta`: to the inverse of the information at known
    :math:`\theta` (``.cov_given_variance``, R's errors) they add
    :math:`(d\hat\beta/d\theta)(d\hat\beta/d\theta)' / I_\theta` with the information :math:`I_\theta` of the profile.

    References
    ----------
    Therneau, T., Grambsch, P. & Pankratz, V. (2003). Penalized survival models and frailty. *Journal of
    Computational and Graphical Statistics*.
    Ripatti, S. & Palmgren, J. (2000). Estimation of multivariate frailty models using penalized partial likelihood.
    *Biometrics*.
    McGilchrist, C. (1993). REML estimation for survival models with frailty. *Biometrics*.
    Self, S. & Liang, K.-Y. (1987). Asymptotic properties of maximum likelihood estimators and likelihood ratio tests
    under nonstandard conditions. *Journal of the American Statistical Association*.

    Examples
    --------
    >>> import pandas as pd, bipstats as bip
    >>> rows = pd.DataFrame({"litter": [1, 1, 2, 2, 3, 3, 4, 4], "stop": [3, 2, 9, 12, 4, 1, 11, 10],
    ...                      "event": [1, 1, 1, 0, 1, 1, 1, 1], "x": [1, 0, 1, 0, 0, 1, 1, 0]})
    >>> fit = bip.frailty_cox("x", rows, group="litter", start=None)
    >>> fit.random[["group", "n_groups", "variance"]].round(2).values.tolist()
    [['litter', 4, 0.0]]
    """
    check_option("distribution", distribution, ("gamma", "lognormal"))
    check_option("method", method, ("ml", "reml"))
    if (distribution, method) not in METHODS:
        raise OptionError(
            'method="reml" is defined for distribution="lognormal"; a gamma frailty has method="ml".'
        )
    check_names({"stop": stop, "event": event}, {"start": start, "offset": offset})
    check_option("ties", ties, ("efron", "breslow"))
    require_frame(data)
    spec = FrailtySpecification(
        split_formula(formula, two_sided=False)[1], start, stop, event, default_id(data, id), strata, None, offset,
        ties, missing, group, distribution, method,
    )  # fmt: skip
    rows = prepare(spec, data, None)
    found = estimate(rows, spec)
    return _result(rows, spec, found)


def _result(rows: FrailtyRows, spec: FrailtySpecification, found: FrailtyEstimate) -> FrailtyResult:
    cox, back = rows.cox, np.diag(1 / rows.cox.scale)
    made = Covariance(found.covariance, _ERRORS[spec.method], {})
    estimates = report(cox.design.names, found.coefficients / cox.scale, made, back)
    sums = risk_sums(found.coefficients, with_frailty(found.effects, rows.problem))
    fit = Fit(found.loglik, cox.n_complete, len(cox.problem.died), cox.n_ids, found.iterations, cox.flow)
    named = _PERSONS not in spec.group_columns and len(rows.levels) <= _MANY_GROUPS
    return FrailtyResult(
        estimates,
        cox.design,
        fit,
        {},
        spec,
        kept_baseline(sums, cox),
        cox.strata_levels,
        cox.followed_to,
        found.variance,
        back @ found.given_variance @ back,
        GroupEffects(rows.levels, found.effects, found.effect_errors) if named else None,
    )
