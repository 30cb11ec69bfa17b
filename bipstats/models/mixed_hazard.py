"""Discrete-time hazard with random intercepts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal

import numpy as np
import pandas as pd

from bipstats.core.columns import Floats
from bipstats.core.covariance import Vcov
from bipstats.core.design import Design
from bipstats.core.result import Fit
from bipstats.errors import OptionError, check_option
from bipstats.models.binomial_rows import counting_rows
from bipstats.models.hazard_rows import HazardRows, HazardSpecification, prepare
from bipstats.models.kernels.binomial import BinomialProblem, mean
from bipstats.models.kernels.binomial import Link as BinomialLink
from bipstats.models.mixed_fit import Method, MixedRows, check_method, fit_mixed
from bipstats.models.mixed_groups import check_mixed_vcov, find_groups, refuse_degenerate
from bipstats.models.mixed_result import MixedResult, Unknown, averaged
from bipstats.models.period_baseline import PeriodBaseline


@dataclass(frozen=True, repr=False, eq=False)
class MixedHazardResult(PeriodBaseline, MixedResult):  # type: ignore[misc]
    """A fitted discrete-time hazard with random intercepts.

    Attributes
    ----------
    specification : HazardSpecification
    levels : tuple
        All periods of the data, in order.
    periods : tuple
        Those with events; the first is the reference.
    knots : tuple of float
        Of a spline baseline; empty where each period has its effect.

    Examples
    --------
    >>> import bipstats as bip
    >>> rows = bip.person_periods(bip.spells(bip.simulate(clients=600, rng=1)), width=26)
    >>> fit = bip.hazard("caseworker_belief", rows, exposure="exposure", random="jobcentre", baseline=2,
    ...                  missing="drop")
    >>> fit.params.index.tolist()
    ['Intercept', 'period spline[1]', 'period spline[2]', 'caseworker_belief']
    >>> fit.random["n_groups"].tolist()
    [10]
    """

    specification: HazardSpecification | None = None
    levels: tuple[object, ...] = ()
    periods: tuple[object, ...] = ()
    knots: tuple[float, ...] = ()

    title: ClassVar[str] = "Discrete-time hazard with random intercepts"

    @property
    def inverse_link(self) -> BinomialLink:
        """Link of the hazard given the random intercepts."""
        return self._spec.link

    def _fixed_part(self, new: pd.DataFrame) -> Floats:
        """Linear predictor of rows without random intercepts, (n,)."""
        return self.fixed_predictor(new)

    def _rows_again(self, data: pd.DataFrame, vcov: Vcov) -> MixedRows:
        """The rows of the fit, from its data."""
        return _prepared(self._spec, data, vcov, self.design)[1]

    def predict(
        self,
        new: pd.DataFrame,
        kind: Literal["population", "conditional", "survival"] = "population",
        *,
        unknown: Unknown = "raise",
        data: pd.DataFrame | None = None,
    ) -> pd.Series | pd.DataFrame:
        """Predict for new rows.

        Parameters
        ----------
        new : pandas.DataFrame
            Rows with the formula's columns; for hazards also the period (and the exposure, if the model has
            one), for ``"conditional"`` the grouping columns.
        kind : {"population", "conditional", "survival"}
            Hazard in the row's period, averaged over the random intercepts; hazard given the most likely
            intercepts of the row's groups; or survival to the end of every period, averaged over the intercepts, with
            covariates as they are.
        unknown : {"raise", "zero"}
            What to do with groups that the fit has not seen: refuse them, counted, or give them the effect zero.
        data : pandas.DataFrame, optional
            The fitted data, for ``"conditional"`` where the result keeps no effects (those of ``client``).

        Returns
        -------
        pandas.Series or pandas.DataFrame
            By row; for survival one column per period.

        Notes
        -----
        The population's hazard in a period is that of a group drawn anew. Among those still there the
        intercepts are lower, so that products of these hazards are not the survival averaged over the population.
        """
        check_option("kind", kind, ("population", "conditional", "survival"))
        if kind != "survival":
            found = self._probability(new, kind, unknown, data)
            return pd.Series(found, index=new.index, name="hazard")
        sd, link, eta = float(np.sqrt((self._own.sd**2).sum())), self._spec.link, self.every_period(new)

        def survived(shifted: Floats) -> Floats:
            return np.cumprod(1 - mean(shifted, link), axis=1, dtype=np.float64)

        survival = averaged(eta, sd, survived)
        return pd.DataFrame(survival, index=new.index, columns=list(self.levels))

    def methods_text(self) -> str:
        """One paragraph for a methods section."""
        spec = self._spec
        exposure = ", part-periods by their exposure" if spec.exposure else ""
        return (
            f"We estimated a discrete-time hazard model ({spec.link} link, {self.baseline_words()}{exposure}) with "
            f"random intercepts for {' and '.join(spec.random)} on {self.nobs:,} person-period rows with "
            f"{self.n_events:,} events by maximum likelihood ({self.how_integrated}); {self._errors_and_software()}"
        )

    def _facts(self) -> dict[str, str]:
        return {**super()._facts(), **self.baseline_facts()}


def fit_mixed_hazard(
    spec: HazardSpecification, data: pd.DataFrame, method: Method, nodes: int, vcov: Vcov
) -> MixedHazardResult:
    """Fit a discrete-time hazard with random intercepts, as `bip.hazard` does with ``random=``."""
    check_mixed_vcov(vcov)
    check_method(method, nodes, len(spec.random))
    if spec.absorb:
        raise OptionError(
            "random= and absorb= do not go together: put absorbed columns into the formula, C(column)."
        )
    if spec.period in spec.random:
        raise OptionError(f"random= names {spec.period!r}; the periods have their effects already.")
    found, mixed = _prepared(spec, data, vcov, None)
    fitted, rows = fit_mixed(mixed, method, nodes, vcov), mixed.rows
    fit = Fit(fitted.loglik, rows.n_rows, rows.n_events, found.n_units, fitted.evaluations, rows.flow)
    return MixedHazardResult(
        fitted.estimates,
        rows.design,
        fit,
        fitted.made.clusters,
        fitted.random,
        spec,
        found.levels,
        found.periods,
        found.knots,
    )


def _prepared(
    spec: HazardSpecification, data: pd.DataFrame, vcov: Vcov, design: Design | None
) -> tuple[HazardRows, MixedRows]:
    # What robust errors take for a unit is a group, so that equal rows may always be collapsed.
    return counting_rows(lambda collapse: _prepare(spec, data, vcov, design, collapse), vcov, spec.random[0])


def _prepare(
    spec: HazardSpecification, data: pd.DataFrame, vcov: Vcov, design: Design | None, collapse: bool
) -> tuple[HazardRows, MixedRows]:
    found = prepare(spec, data, vcov, design, collapse=collapse)
    rows = found.rows
    assert isinstance(rows.problem, BinomialProblem)
    groups = find_groups(rows.data, spec.random)
    refuse_degenerate(groups, rows.problem.successes, rows.problem.trials)
    return found, MixedRows(rows, groups)
