"""Discrete-time hazard: complementary log-log or logit on person-periods."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from os import PathLike
from typing import Any, ClassVar, Literal

import numpy as np
import pandas as pd

from bipstats.core.columns import Missing, require_frame
from bipstats.core.covariance import Vcov, check_vcov
from bipstats.core.design import Design, split_formula
from bipstats.core.result import Fit, Linear, used_columns, with_covariance
from bipstats.core.stream import is_stream
from bipstats.errors import ModelError, OptionError, check_option
from bipstats.models.absorbed import NOTHING_ABSORBED
from bipstats.models.absorbing import refuse_absorbing_effects
from bipstats.models.binomial import BinomialResult, fit_binomial, refit_covariance
from bipstats.models.binomial_rows import adjusts_rows, counting_rows, read_absorb, written_out
from bipstats.models.hazard_rows import (
    BaselineKind,
    HazardRows,
    HazardSpecification,
    check_baseline,
    log_exposure,
    prepare,
    unit_of,
)
from bipstats.models.inputs import check_names
from bipstats.models.kernels.binomial import Link, mean
from bipstats.models.mixed_fit import Method
from bipstats.models.mixed_groups import read_random
from bipstats.models.mixed_hazard import MixedHazardResult, fit_mixed_hazard
from bipstats.models.mixture_fit import MassPoints, check_mass_points
from bipstats.models.mixture_rows import DelayedEntry
from bipstats.models.mixtures import MassPointResult, mass_point_hazard
from bipstats.models.period_baseline import PeriodBaseline
from bipstats.models.streamed import fit_stream, recover_stream, stream_of_hazard
from bipstats.models.streamed_refusals import NEEDS_ALL_ROWS, refuse_without_stream


@dataclass(frozen=True, repr=False, eq=False)
class HazardResult(PeriodBaseline, BinomialResult):  # type: ignore[misc]
    """A fitted discrete-time hazard.

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
    >>> rows = bip.person_periods(bip.spells(bip.simulate(clients=600, rng=1)), width=13)
    >>> fit = bip.hazard("caseworker_belief + sex", rows, exposure="exposure", baseline=2, missing="drop")
    >>> fit.params.index.tolist()
    ['Intercept', 'period spline[1]', 'period spline[2]', 'caseworker_belief', 'sex[male]']
    >>> len(fit.knots), fit.link
    (3, 'cloglog')
    >>> fit.wald("caseworker_belief = sex[male]").df
    1
    """

    specification: HazardSpecification | None = None
    levels: tuple[object, ...] = ()
    periods: tuple[object, ...] = ()
    knots: tuple[float, ...] = ()

    title: ClassVar[str] = "Discrete-time hazard"

    @property
    def link(self) -> Link:  # type: ignore[override]
        """Link of the discrete hazard."""
        return self._spec.link

    def linear(self, new: pd.DataFrame) -> Linear:
        """Linear predictor of person-periods, as a function of the parameters."""
        self.refuse_absorbed("a linear predictor")
        position = self.positions(new)
        offset = self.floor()[position] + log_exposure(new, self._spec.exposure)
        return Linear(np.hstack([self.baseline_columns()[position], self.design.matrix(new)]), offset)

    def baseline(self) -> pd.Series:
        """Linear predictor of each period at covariates zero; minus infinity where nothing happened.

        Raises
        ------
        ModelError
            Factors were absorbed: there is no level without their effects, which no result keeps.
        """
        self.refuse_absorbed("a baseline")
        return super().baseline()

    def predict(
        self, new: pd.DataFrame, kind: Literal["hazard", "survival"] = "hazard"
    ) -> pd.Series | pd.DataFrame:
        """Predict for new rows.

        Parameters
        ----------
        new : pandas.DataFrame
            Rows with the formula's columns; for ``"hazard"`` also the period (and the exposure, if the
            model has one).
        kind : {"hazard", "survival"}
            Probability of the event in the row's period; or survival to the end of every period with
            covariates as they are.

        Returns
        -------
        pandas.Series or pandas.DataFrame
            By row; for survival one column per period.
        """
        check_option("kind", kind, ("hazard", "survival"))
        if kind == "hazard":
            return pd.Series(mean(self.fixed_predictor(new), self._spec.link), index=new.index, name="hazard")
        hazards = mean(self.every_period(new), self._spec.link)
        return pd.DataFrame(np.cumprod(1 - hazards, axis=1), index=new.index, columns=list(self.levels))

    def with_vcov(self, vcov: Vcov, data: Any) -> HazardResult:
        """Give the same fit with another covariance; `data` must be the fitted data, in memory or streamed."""
        check_vcov(vcov)
        if is_stream(data):
            found = recover_stream(
                stream_of_hazard(self._spec, data, vcov),
                self.design,
                self.estimates.names,
                self.estimates.values,
                self.loglik,
            )
            fit = replace(self.fit, flow=found.flow)
            return replace(self, fit=fit, **with_covariance(self, found.made, found.transform))
        rows = _prepared(self._spec, require_frame(data), vcov, self.design).rows
        made = refit_covariance(rows, vcov, self.estimates.values, self.loglik)
        fit = replace(self.fit, flow=rows.flow)
        return replace(self, fit=fit, **with_covariance(self, made, rows.transform))

    def methods_text(self) -> str:
        """One paragraph for a methods section."""
        spec = self._spec
        exposure = ", part-periods by their exposure" if spec.exposure else ""
        return (
            f"We estimated a discrete-time hazard model ({spec.link} link, {self.baseline_words()}{exposure}"
            f"{self.with_effects}) on {self.nobs:,} person-period rows with {self.n_events:,} events; "
            f"{self._errors_and_software()}"
        )

    def _facts(self) -> dict[str, str]:
        return {**super()._facts(), **self.baseline_facts(), **used_columns(counts=self._spec.counts)}


def hazard(
    formula: str,
    data: Any,
    *,
    event: str = "event",
    period: str = "period",
    exposure: str | None = None,
    counts: str | None = None,
    link: Link = "cloglog",
    baseline: BaselineKind = "period",
    absorb: str | Sequence[str] | None = None,
    random: str | Sequence[str] | None = None,
    method: Method = "laplace",
    nodes: int = 15,
    vcov: Vcov = "model",
    missing: Missing = "raise",
    id: str | None = None,
    heterogeneity: Literal["mass_points"] | None = None,
    mass_points: MassPoints | None = None,
    delayed_entry: DelayedEntry = "raise",
    progress: bool | None = None,
    checkpoint: str | PathLike[str] | None = None,
) -> HazardResult | MixedHazardResult | MassPointResult:
    r"""Fit a discrete-time hazard model to person-periods.

    Parameters
    ----------
    formula : str
        Right-hand side; the baseline needs no term.
    data : pandas.DataFrame, path, pyarrow.dataset.Dataset or dask.dataframe.DataFrame
        One row per period (or piece of a period) at risk, as `bip.person_periods` gives. From a path (a Parquet file,
        or a folder of them), a dataset of Parquet files or a dask data frame rows are streamed and never held; the
        result is the same (see Notes).
    event : str, default "event"
        Column of 0/1, or ``"exit == job"``: that level of a column, all others censored.
    period : str, default "period"
    exposure : str, optional
        Column with the share of the period at risk, in (0, 1]; its logarithm is an offset. With the
        complementary log-log link only.
    counts : str, optional
        Column that says how many equal rows a row stands for (whole numbers): everything is as if they were written
        out, the number of rows and robust errors included. A weight (of sampling, say) is something else: it changes
        what a row adds to the likelihood, and leaves the row one.
    link : {"cloglog", "logit"}
        Slopes are log hazard ratios of grouped continuous time, or log odds ratios.
    baseline : {"period"} or int, default "period"
        One effect per period; or a natural cubic spline of the period (a number) with so many degrees of
        freedom.
    absorb : str or list of str, optional
        Columns whose levels have an effect each that is not reported, e.g. ``"caseworker"``. For many small
        groups the slopes are biased (incidental parameters); clients, whose time at risk the event ends, are
        refused.
    random : str or list of str, optional
        Columns whose groups have a normal random intercept each, crossed or nested, e.g. ``"caseworker"``; as in
        `bip.mixed_logit`. An intercept for clients needs an event that recurs.
    method, nodes
        With `random`: how the intercepts are integrated out, as in `bip.mixed_logit`.
    vcov : {"model", "robust"}, bip.cluster(...) or bip.score_bootstrap(...), default "model"
        Expected information; sandwich with one unit per client (where there is such a column, else per
        row); cluster-robust.
    missing : {"raise", "drop"}
    id : str, optional
        Column of persons: units of ``vcov="robust"`` and of the mass points; ``client`` where there is one.
    heterogeneity : {None, "mass_points"}
        Let the intercept differ between persons, with a discrete law.
    mass_points : int, "aic" or "bic", optional
        Number of its points, or the best of one to five.
    delayed_entry : {"raise", "condition", "ignore"}
        What becomes of mass points where persons enter after the first period: refuse; divide by the chance of
        survival to entry, with covariates as in the first row; or take the law as that at entry.
    progress : bool, optional
        Of streamed data: draw a bar for each pass. None: on a terminal or in a notebook only.
    checkpoint : str or path, optional
        Of streamed data: a small JSON file, written after each pass; called again after an interruption with the same
        arguments and data, the fit goes on from the last finished pass. It holds no rows.

    Returns
    -------
    HazardResult, or MixedHazardResult with `random`, or MassPointResult with `heterogeneity`
        Terms: ``Intercept`` (none with `absorb`), the periods against the first (or the spline's values at its
        knots against that at the first), then the formula's.

    Raises
    ------
    ModelError
        The data cannot be used or the model not be estimated; the message says which column and rows.

    Notes
    -----
    With cloglog and an exposure :math:`e`, :math:`P(\text{event}) = 1 - \exp(-e\,\exp(\gamma_t + x'\beta))`:
    a proportional hazard constant within periods. Rows in periods without any event say nothing about the
    slopes; they are left out and counted, and their hazard is zero. With k degrees of freedom the spline has its
    knots at the quantiles 0, 1/k, ..., 1 of the periods that have events, each period counted once, and is linear
    beyond them; then periods without events stay in. Levels of absorbed columns with one outcome only are left
    out and counted. Equal rows of one client and cluster are collapsed to counts, which is exact.

    With mass points the likelihood is :math:`\prod_i \sum_k \pi_k \prod_t P(y_{it} \mid v_k)` over persons i, with
    intercepts :math:`v_k` (``point[1]``, ...) in the place of one. Points are added one by one where the likelihood
    rises most; a location that runs to minus infinity is a type that never leaves, to infinity one that leaves at
    once. Errors come from the observed information, given the number of points, which says nothing about a
    hypothesis: compare by AIC or BIC, never by chi-squared. With effects for all periods the law is weakly
    identified, and a law with too many points drives slopes away from zero (Baker & Melino 2000).

    Streamed data are read in a few passes: one to see what there is, then Newton's steps from the fit of a sample, and
    one for the errors. Only the columns that are named are read. Robust and clustered errors need a table of the
    clusters' sums where there are at most 65,536; of more, the rows of a cluster must stand together, or lie in one
    file (partition) each, which is checked. What needs all rows at once is refused: `absorb`, `random`,
    `heterogeneity`, CR2, the jackknife, the score bootstrap, and splines whose knots are quantiles of the rows.

    References
    ----------
    Baker, M. & Melino, A. (2000). Duration dependence and nonparametric heterogeneity. *Journal of Econometrics*.
    Heckman, J. & Singer, B. (1984). A method for minimizing the impact of distributional assumptions in econometric
    models for duration data. *Econometrica*.
    Prentice, R. & Gloeckler, L. (1978). Regression analysis of grouped survival data. *Biometrics*.

    Examples
    --------
    >>> import pandas as pd, bipstats as bip
    >>> rows = pd.DataFrame({"period": [0, 0, 0, 0, 1, 1, 1], "event": [1, 0, 1, 0, 1, 0, 1],
    ...                      "x": [2, 1, 0, 2, 1, 0, 2]})
    >>> bip.hazard("x", rows).params.index.tolist()
    ['Intercept', 'period[1]', 'x']

    The same from files, whose rows are never held:

    >>> import tempfile
    >>> from pathlib import Path
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     rows.iloc[:4].to_parquet(Path(folder) / "part-0.parquet")
    ...     rows.iloc[4:].to_parquet(Path(folder) / "part-1.parquet")
    ...     streamed = bip.hazard("x", folder)
    >>> bool(abs(streamed.params["x"] - bip.hazard("x", rows).params["x"]) < 1e-10)
    True
    """
    check_option("link", link, ("cloglog", "logit"))
    check_option("heterogeneity", heterogeneity, (None, "mass_points"))
    check_option("delayed_entry", delayed_entry, ("raise", "condition", "ignore"))
    check_mass_points(1 if mass_points is None else mass_points)
    check_vcov(vcov)
    check_baseline(baseline)
    check_option("method", method, ("laplace", "agq"))
    check_names({"event": event, "period": period}, {"exposure": exposure, "id": id, "counts": counts})
    if not is_stream(data):
        refuse_without_stream(progress, checkpoint)
        require_frame(data)
    if link == "logit" and exposure is not None:
        raise ModelError(
            "exposure= has no meaning with the logit link: odds do not scale with time at risk. "
            'Use link="cloglog", or whole periods.'
        )
    absorbed = read_absorb(absorb)
    if period in absorbed:
        raise OptionError(f"absorb= names {period!r}; the periods have their effects already.")
    rhs = split_formula(formula, two_sided=False)[1]
    spec = HazardSpecification(
        rhs, event, period, exposure, link, missing, baseline, absorbed, id=id, counts=counts
    )
    _refuse_combinations(spec, data, random, heterogeneity)
    if heterogeneity is None and (mass_points is not None or delayed_entry != "raise"):
        raise OptionError('mass_points= and delayed_entry= are read with heterogeneity="mass_points" only.')
    if random is not None:
        return fit_mixed_hazard(replace(spec, random=read_random(random)), data, method, nodes, vcov)
    if method != "laplace" or nodes != 15:
        raise OptionError("method= and nodes= are of random intercepts; name their columns by random=.")
    if is_stream(data):
        return _fit_stream(spec, data, vcov, progress, checkpoint)
    refuse_absorbing_effects(data, event, absorbed, period, counts)
    if heterogeneity is not None:
        return mass_point_hazard(spec, data, mass_points, delayed_entry, vcov)
    found = _prepared(spec, data, vcov, None)
    rows = found.rows
    fitted = fit_binomial(rows, vcov)
    best = fitted.best
    fit = Fit(best.at.loglik, rows.n_rows, rows.n_events, found.n_units, best.iterations, rows.flow)
    clusters = fitted.made.clusters
    return HazardResult(
        fitted.estimates,
        rows.design,
        fit,
        clusters,
        rows.absorbed,
        spec,
        found.levels,
        found.periods,
        found.knots,
    )


def _refuse_combinations(
    spec: HazardSpecification, data: object, random: object, heterogeneity: object
) -> None:
    """Refuse arguments that do not go together, or not with streamed data."""
    for name, given in (("random", random is not None), ("heterogeneity", heterogeneity is not None)):
        if given and is_stream(data):
            raise OptionError(f"{name}= {NEEDS_ALL_ROWS}")
        if given and spec.counts is not None:
            raise OptionError(
                "counts= does not go with random= or heterogeneity=, whose rows are those of a group."
            )
    if random is not None and heterogeneity is not None:
        raise OptionError("random= and heterogeneity= do not go together: both are laws of the intercept.")


def _prepared(spec: HazardSpecification, data: pd.DataFrame, vcov: Vcov, design: Design | None) -> HazardRows:
    if spec.counts is not None and adjusts_rows(vcov):
        data, spec = written_out(data, spec.counts), replace(spec, counts=None)
    return counting_rows(
        lambda collapse: prepare(spec, data, vcov, design, collapse=collapse),
        vcov,
        unit_of(data.columns, spec.id),
    )


def _fit_stream(
    spec: HazardSpecification,
    data: object,
    vcov: Vcov,
    progress: bool | None,
    checkpoint: str | PathLike[str] | None,
) -> HazardResult:
    found = fit_stream(stream_of_hazard(spec, data, vcov, progress, checkpoint))
    return HazardResult(
        found.estimates,
        found.design,
        found.fit,
        found.clusters,
        NOTHING_ABSORBED,
        spec,
        found.levels,
        found.periods,
        found.knots,
    )
