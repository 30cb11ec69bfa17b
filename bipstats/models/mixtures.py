"""Discrete-time hazards with a discrete law of the intercept among persons."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import ClassVar, Literal

import numpy as np
import pandas as pd

from bipstats.core.columns import Floats, require_frame
from bipstats.core.covariance import Cluster, Vcov, check_vcov
from bipstats.core.design import Design
from bipstats.core.result import Fit, with_covariance
from bipstats.core.score_bootstrap import ScoreBootstrap
from bipstats.errors import OptionError, check_option
from bipstats.models.binomial_rows import counting_rows
from bipstats.models.hazard_rows import (
    HazardRows,
    HazardSpecification,
    log_exposure,
    prepare,
)
from bipstats.models.kernels.binomial import mean
from bipstats.models.mixture_fit import MassPoints, fit_mixture, refit_covariance
from bipstats.models.mixture_result import MixtureResult, chosen_by, mixture_fields
from bipstats.models.mixture_rows import DelayedEntry, find_id, hazard_mixture, one_point
from bipstats.models.period_baseline import Periods


@dataclass(frozen=True, slots=True)
class MassPointSpecification(HazardSpecification):
    """What was asked for; enough to prepare the same rows again."""

    delayed_entry: DelayedEntry = "raise"
    points: int = 1


@dataclass(frozen=True, repr=False, eq=False)
class MassPointResult(Periods, MixtureResult):  # type: ignore[misc]
    """A discrete-time hazard with mass points.

    Attributes
    ----------
    specification : MassPointSpecification
    levels : tuple
        All periods of the data, in order.
    periods : tuple
        Those with events; the first is the reference.
    knots : tuple of float
        Of a spline baseline; empty where each period has its effect.

    Examples
    --------
    >>> import bipstats as bip
    >>> rows = bip.person_periods(bip.spells(bip.simulate(clients=600, rng=1)), width=26, changes="start")
    >>> fit = bip.hazard("sex", rows, heterogeneity="mass_points", mass_points=1, baseline=2, delayed_entry="ignore")
    >>> fit.params.index.tolist()
    ['Intercept', 'period spline[1]', 'period spline[2]', 'sex[male]']
    >>> len(fit.law.locations)
    1
    """

    specification: MassPointSpecification | None = None
    levels: tuple[object, ...] = ()
    periods: tuple[object, ...] = ()
    knots: tuple[float, ...] = ()

    title: ClassVar[str] = "Discrete-time hazard with mass points"

    @property
    def _spec(self) -> MassPointSpecification:
        assert self.specification is not None
        return self.specification

    def baseline(self) -> pd.DataFrame:
        """Linear predictor of each period at covariates zero, one column per point."""
        values = self._contrasts()[:, None] + self._law.locations[:, 0]
        columns = pd.Index(range(1, self.n_points + 1), name="point")
        return pd.DataFrame(values, index=list(self.levels), columns=columns)

    def _contrasts(self) -> Floats:
        """Effect of each period against the first with events; minus infinity where nothing happened."""
        columns = self.baseline_columns()[:, 1:]
        values = self.params.drop(list(self.mixing_terms)).to_numpy()
        before = 1 if self.n_points == 1 else 0
        return columns @ values[before : before + columns.shape[1]] + self.floor()

    def predict(
        self, new: pd.DataFrame, kind: Literal["hazard", "survival"] = "hazard"
    ) -> pd.Series | pd.DataFrame:
        r"""Predict for new rows, averaged over the points.

        Parameters
        ----------
        new : pandas.DataFrame
            Rows with the formula's columns; for ``"hazard"`` also the period (and the exposure, if the model has
            one).
        kind : {"hazard", "survival"}
            Probability of the event in the row's period of those who have survived to it; or survival to the end of
            every period. Covariates are held as they are from the first period on.

        Returns
        -------
        pandas.Series or pandas.DataFrame
            By row; for survival one column per period.

        Notes
        -----
        Those who stay are ever more of the types that leave slowly: with survival :math:`S_k(t)` at point k the
        hazard is :math:`\sum_k \pi_k S_k(t-1) h_k(t) / \sum_k \pi_k S_k(t-1)`.
        """
        check_option("kind", kind, ("hazard", "survival"))
        slopes = self.design.matrix(new) @ self.params.loc[list(self.design.names)].to_numpy()
        eta = slopes[:, None] + self._contrasts()
        survival = [
            np.cumprod(1.0 - mean(eta + location, self._spec.link), axis=1)
            for location in self._law.locations[:, 0]
        ]
        shares = self._law.probabilities
        if kind == "survival":
            total = sum(share * one for share, one in zip(shares, survival, strict=True))
            return pd.DataFrame(total, index=new.index, columns=list(self.levels))
        position = self.positions(new)
        rows = np.arange(len(new))
        own = eta[rows, position] + log_exposure(new, self._spec.exposure)
        events, at_risk = np.zeros(len(new)), np.zeros(len(new))
        for share, one, location in zip(shares, survival, self._law.locations[:, 0], strict=True):
            before = share * np.where(position > 0, one[rows, np.maximum(position - 1, 0)], 1.0)
            events += before * mean(own + location, self._spec.link)
            at_risk += before
        return pd.Series(events / at_risk, index=new.index, name="hazard")

    def with_vcov(self, vcov: Vcov, data: pd.DataFrame) -> MassPointResult:
        """Give the same fit with another covariance; `data` must be the fitted data."""
        check_mixture_vcov(vcov)
        spec = self._spec
        assert spec.id is not None
        found = _prepared(spec, require_frame(data), vcov, self.design)
        rows = hazard_mixture(found, spec, data, spec.id, spec.delayed_entry, vcov)
        made, transform = refit_covariance(rows, self._law, self.estimates.values, self.loglik, vcov)
        return replace(self, fit=replace(self.fit, flow=rows.flow), **with_covariance(self, made, transform))

    def methods_text(self) -> str:
        """One paragraph for a methods section."""
        spec = self._spec
        entry = {
            "raise": "",
            "condition": ", conditional on survival until entry",
            "ignore": ", the law taken as that at entry",
        }[spec.delayed_entry]
        return (
            f"We estimated a discrete-time hazard model ({spec.link} link, {self.baseline_words()}) whose "
            f"intercept has a discrete distribution over {self._n_units:,} values of {spec.id} with "
            f"{self.n_points} mass points ({chosen_by(self.asked)}){entry}, by maximum likelihood on "
            f"{self.nobs:,} person-period rows with {self.n_events:,} events; "
            f"{self._errors_and_software()}"
        )

    def _facts(self) -> dict[str, str]:
        facts = {**super()._facts(), **self.baseline_facts()}
        if self._spec.delayed_entry != "raise":
            facts["delayed entry"] = {
                "condition": "conditional on survival until entry, with covariates as in the first row",
                "ignore": "not accounted for: the law is taken as that at entry",
            }[self._spec.delayed_entry]
        return facts


def check_mixture_vcov(vcov: Vcov) -> None:
    """Raise `OptionError` unless the covariance exists for mass points."""
    check_vcov(vcov)
    few = isinstance(vcov, Cluster) and vcov.small_sample in ("CR2", "jackknife")
    if few or isinstance(vcov, ScoreBootstrap):
        raise OptionError(
            "models with mass points have no covariance for few clusters: the likelihood has several maxima, and fits "
            "made again may end in another. Give small_sample=None, 'CR1' or 'CR1S'."
        )


def mass_point_hazard(
    spec: HazardSpecification,
    data: pd.DataFrame,
    mass_points: MassPoints | None,
    delayed_entry: DelayedEntry,
    vcov: Vcov,
) -> MassPointResult:
    """Fit what `bip.hazard(heterogeneity="mass_points")` asks for."""
    if mass_points is None:
        raise OptionError(
            'heterogeneity="mass_points" needs mass_points=: a number of points, or "aic" or "bic" for the best of 1 '
            "to 5."
        )
    check_mixture_vcov(vcov)
    if spec.absorb:
        raise OptionError(
            "absorb= and heterogeneity= do not go together: absorbed effects are intercepts too."
        )
    id = find_id(data, spec.id)
    asked = MassPointSpecification(
        **{name: getattr(spec, name) for name in HazardSpecification.__dataclass_fields__ if name != "id"},
        id=id,
        delayed_entry=delayed_entry,
    )
    found = _prepared(asked, data, vcov, None)
    rows = hazard_mixture(found, asked, data, id, delayed_entry, vcov)
    fitted = fit_mixture(rows, one_point(found.rows), mass_points, vcov)
    best = fitted.chosen.found
    return MassPointResult(
        fitted.estimates,
        found.rows.design,
        Fit(best.at.loglik, rows.n_rows, rows.n_events, len(rows.units), best.iterations, rows.flow),
        fitted.made.clusters,
        **mixture_fields(fitted, mass_points),
        specification=replace(asked, points=len(fitted.law.log_odds)),
        levels=found.levels,
        periods=found.periods,
        knots=found.knots,
    )


def _prepared(
    spec: MassPointSpecification, data: pd.DataFrame, vcov: Vcov, design: Design | None
) -> HazardRows:
    return counting_rows(lambda collapse: prepare(spec, data, vcov, design, collapse=collapse), vcov, spec.id)
