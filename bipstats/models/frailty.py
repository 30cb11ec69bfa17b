"""Cox models with a frailty that the members of a group share."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import ClassVar, Literal

import numpy as np
import pandas as pd
from scipy import stats

from bipstats.core.columns import Floats, Missing, require_frame
from bipstats.core.covariance import Covariance
from bipstats.core.design import split_formula
from bipstats.core.estimates import check_level
from bipstats.core.result import Fit, report
from bipstats.errors import ModelError, OptionError, check_option
from bipstats.models.cox_rows import Ties
from bipstats.models.frailty_fit import LEVEL, FrailtyEstimate, FrailtyVariance, effects_again, estimate
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
from bipstats.models.proportional import BASELINE_TIMES, ProportionalHazards, kept_baseline, level_codes
from bipstats.tables import p_text

_MANY_GROUPS = 4096
_PERSONS = "client"  # what groups of this name do is about one person each, and is not kept
_ERRORS = {
    "ml": "from the model's information, the frailty variance being estimated too",
    "reml": "from the penalised information, the frailty variance being estimated too (REML)",
}


@dataclass(frozen=True, slots=True)
class GroupEffects:
    """Log frailties of named groups.

    Attributes
    ----------
    levels : tuple
    estimate, std_error : (G,) arrays
    """

    levels: tuple[object, ...]
    estimate: Floats
    std_error: Floats


@dataclass(frozen=True, repr=False, eq=False)
class FrailtyResult(ProportionalHazards):
    """A fitted shared-frailty model.

    Attributes
    ----------
    specification : FrailtySpecification
    baseline : BaselineHazard or None
        Baseline hazard at frailty 1 and the covariates' means; None beyond 4,096 event times.
    strata_levels : tuple
        Strata in the order of ``baseline.stratum``.
    followed_to : float
        Last time at which anyone was at risk.
    variance : FrailtyVariance
    given_variance : (p, p) array
        Covariance of the coefficients as if the frailty's variance were known.
    group_effects : GroupEffects or None
        None for groups by ``client`` and beyond 4,096 groups.
    """

    specification: FrailtySpecification | None = None
    variance: FrailtyVariance | None = None
    given_variance: Floats | None = None
    group_effects: GroupEffects | None = None

    title: ClassVar[str] = "Cox proportional hazards with a shared frailty"

    @property
    def _spec(self) -> FrailtySpecification:
        assert self.specification is not None
        return self.specification

    @property
    def _variance(self) -> FrailtyVariance:
        assert self.variance is not None
        return self.variance

    @property
    def n_params(self) -> int:
        """Parameters estimated: coefficients and the frailty's variance."""
        return len(self.estimates.names) + 1

    @property
    def random(self) -> pd.DataFrame:
        """The frailty's variance: ``group, n_groups, variance, conf_low, conf_high, statistic, p_value``.

        The variance is that of the frailty (gamma) or of its logarithm (log-normal), the interval a profile-likelihood
        one at 95 %. The statistic is the likelihood ratio against zero, whose distribution there is half a
        point mass at zero and half chi2(1).
        """
        found = self._variance
        return pd.DataFrame(
            {
                "group": [self._spec.group_words],
                "n_groups": [found.n_groups],
                "variance": [found.estimate],
                "conf_low": [found.conf_low],
                "conf_high": [found.conf_high],
                "statistic": [found.statistic],
                "p_value": [found.p_value],
            }
        )

    @property
    def kendall_tau(self) -> float | None:
        """Kendall's tau between the times of two members of a group, theta / (theta + 2); None for log-normal."""
        theta = self._variance.estimate
        return theta / (theta + 2) if self._spec.distribution == "gamma" else None

    @property
    def cov_given_variance(self) -> pd.DataFrame:
        """Covariance matrix as if the frailty's variance were known: R's, of ``frailty(sparse = FALSE)``."""
        names = list(self.estimates.names)
        return pd.DataFrame(self.given_variance, index=names, columns=names)

    def effects(self, data: pd.DataFrame | None = None, level: float = 0.95) -> pd.DataFrame:
        """Log frailties of the groups: ``level, estimate, std_error, conf_low, conf_high``.

        Parameters
        ----------
        data : pandas.DataFrame, optional
            The fitted data. Needed where the fit keeps no effects: groups by a column called ``client``, which are
            persons, and more than 4,096 groups.
        level : float, default 0.95

        Returns
        -------
        pandas.DataFrame
            One row a group. Estimates are shrunken towards zero; errors are conditional on the frailty's variance
            and count those of the coefficients.

        Raises
        ------
        ModelError
            The effects were not kept, or these are not the fitted data.
        """
        check_level(level)
        found = self.group_effects if data is None else self._effects_of(data)
        if found is None:
            raise ModelError(
                f"effects of {self._spec.group_words!r} were not kept (persons, or more than {_MANY_GROUPS:,} groups); "
                "give the fitted data: .effects(data)."
            )
        half = float(stats.norm.ppf(0.5 + level / 2)) * found.std_error
        return pd.DataFrame(
            {
                "level": list(found.levels),
                "estimate": found.estimate,
                "std_error": found.std_error,
                "conf_low": found.estimate - half,
                "conf_high": found.estimate + half,
            }
        )

    def predict(
        self,
        new: pd.DataFrame,
        kind: Literal["relative_risk", "conditional", "survival"] = "relative_risk",
        times: float | Iterable[float] | None = None,
    ) -> pd.Series | pd.DataFrame:
        r"""Predict for new rows.

        Parameters
        ----------
        new : pandas.DataFrame
            Rows with the formula's columns (and the strata's; for ``"conditional"`` the groups').
        kind : {"relative_risk", "conditional", "survival"}
            ``exp(x'b)``, against covariates zero and the same frailty; the same times the frailty of the row's
            group, against frailty 1; survival from time 0 along constant covariates with the frailty integrated
            out, which is that of a member of a new group.
        times : float or iterable of float, optional
            Times of the survival probabilities; the event times if not given.

        Returns
        -------
        pandas.Series or pandas.DataFrame
            Relative risks by row; or one row per row of `new` and one column per time.

        Notes
        -----
        With the cumulative hazard H at frailty 1 survival is :math:`(1 + \theta H)^{-1/\theta}` for a gamma frailty,
        and :math:`E e^{-H e^b}` by quadrature for a log-normal one.
        """
        check_option("kind", kind, ("relative_risk", "conditional", "survival"))
        if kind == "survival":
            return self._marginal_survival(new, times)
        if times is not None:
            raise ModelError("times= belongs to kind='survival'.")
        risk = self.relative(new, 0.0)
        if kind == "conditional":
            risk = risk * np.exp(self._effects_by_row(new))
        return pd.Series(risk, index=new.index, name="relative_risk")

    def methods_text(self) -> str:
        """One paragraph for a methods section."""
        spec, found = self._spec, self._variance
        law = {"gamma": "gamma", "lognormal": "log-normal"}[spec.distribution]
        how = {
            ("gamma", "ml"): "marginal maximum likelihood",
            ("lognormal", "ml"): "Laplace's approximation to the integrated partial likelihood",
            ("lognormal", "reml"): "REML on the penalised partial likelihood",
        }[spec.distribution, spec.method]
        return (
            f"We estimated a Cox proportional hazards model with a {law} frailty shared within {found.n_groups:,} "
            f"groups ({spec.group_words}) on {self._rows_words()}; its variance ({found.estimate:.3g}) was estimated "
            f"by {how}, with a profile-likelihood interval and a likelihood-ratio test at the boundary; "
            f"{self._errors_and_software()}"
        )

    def _marginal_survival(self, new: pd.DataFrame, times: float | Iterable[float] | None) -> pd.DataFrame:
        if self.baseline is None:
            raise ModelError(f"the baseline has more than {BASELINE_TIMES:,} event times and was not kept.")
        theta, law = self._variance.estimate, METHODS[self._spec.distribution, "ml"].law
        return self._survival(
            new,
            times,
            self.baseline,
            lambda hazard: law.survival(hazard, theta) if theta > 0 else np.exp(-hazard),
        )

    def _effects_by_row(self, new: pd.DataFrame) -> Floats:
        found = self.group_effects
        if found is None:
            raise ModelError(
                f"effects of {self._spec.group_words!r} were not kept (persons, or more than {_MANY_GROUPS:,} groups): "
                "there is no conditional prediction. See .effects(data)."
            )
        return found.estimate[level_codes(new, self._spec.group_columns, "group=", found.levels)]

    def _effects_of(self, data: pd.DataFrame) -> GroupEffects:
        """Estimate the effects once more; data on which the fit does not recur raise."""
        rows = prepare(self._spec, require_frame(data), self.design)
        working = self.estimates.values * rows.cox.scale
        found = effects_again(rows, self._spec, working, self._variance.estimate, self.loglik)
        return GroupEffects(rows.levels, *found)

    def _facts(self) -> dict[str, str]:
        found, spec = self._variance, self._spec
        law = {"gamma": "gamma", "lognormal": "log-normal"}[spec.distribution]
        by = f"{law}{', REML' if spec.method == 'reml' else ''}, by {spec.group_words} ({found.n_groups:,} groups)"
        size = (
            f"variance {found.estimate:.4g}" if found.estimate > 0 else "variance zero: the plain Cox model"
        )
        tau = "" if self.kendall_tau is None else f"; Kendall's tau {self.kendall_tau:.3g}"
        return {
            **super()._facts(),
            "frailty": by,
            "frailty variance": (
                f"{size}, {LEVEL:.0%} interval {found.conf_low:.4g} to {found.conf_high:.4g} (profile likelihood); "
                f"against zero p {p_text(found.p_value)} (half chi2(0), half chi2(1)){tau}"
            ),
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
