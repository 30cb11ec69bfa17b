"""What a shared-frailty fit gives."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import ClassVar, Literal

import numpy as np
import pandas as pd
from scipy import stats

from bipstats.core.columns import Floats, require_frame
from bipstats.core.estimates import check_level
from bipstats.errors import ModelError, check_option
from bipstats.models.frailty_fit import LEVEL, FrailtyVariance, effects_again
from bipstats.models.frailty_rows import (
    METHODS,
    FrailtySpecification,
    prepare,
)
from bipstats.models.proportional import BASELINE_TIMES, ProportionalHazards, level_codes
from bipstats.tables import p_text


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

    Examples
    --------
    >>> import bipstats as bip
    >>> rows = bip.landmarks(bip.simulate(clients=600, rng=1), at="first")
    >>> fit = bip.frailty_cox("age", rows, group="jobcentre", start=None, stop="weeks", event="entered")
    >>> fit.random["n_groups"].tolist()
    [10]
    >>> fit.predict(rows.head(2), "relative_risk").shape
    (2,)
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
        one at 95 %, infinite above where the likelihood does not fall. The statistic is the likelihood ratio against
        zero, whose distribution there is half a point mass at zero and half chi2(1).
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
                f"effects of {self._spec.group_words!r} were not kept (persons, or very many groups); "
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
                f"effects of {self._spec.group_words!r} were not kept (persons, or very many groups): "
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
