"""Cox proportional hazards on (start, stop] rows."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import ClassVar, Literal

import numpy as np
import pandas as pd
from scipy.stats import chi2

from bipstats.core.columns import (
    Floats,
    Ints,
    Missing,
    codes_for,
    group_codes,
    numbers,
    require_columns,
    require_frame,
)
from bipstats.core.covariance import Covariance, Vcov, check_vcov, covariance
from bipstats.core.design import split_formula
from bipstats.core.result import Fit, Result, report, used_columns, with_covariance
from bipstats.errors import ModelError, check_option
from bipstats.models import cox_baseline
from bipstats.models.cox_concordance import concordance
from bipstats.models.cox_curves import survival_along, survival_curve
from bipstats.models.cox_ph_test import ph_test
from bipstats.models.cox_residuals import residuals
from bipstats.models.cox_rows import CoxRows, CoxSpecification, Ties, prepare
from bipstats.models.identify import require_same_fit
from bipstats.models.inputs import check_names, default_id, read_grid
from bipstats.models.kernels.cox import (
    BaselineHazard,
    RiskSums,
    baseline_hazard,
    evaluate,
    log_likelihood,
    risk_sums,
    score_sums,
)
from bipstats.models.kernels.separation import Risks
from bipstats.models.refits import cox_refits
from bipstats.models.search import find_maximum
from bipstats.models.separation import separated_risks
from bipstats.tables import p_text

_BASELINE_TIMES = 4096
_FEWER = {
    "merged into the row before": "merging",
    "never at risk": "leaving out those at risk at no event",
}


@dataclass(frozen=True, repr=False, eq=False)
class CoxResult(Result):
    """A fitted Cox model.

    Attributes
    ----------
    specification : CoxSpecification
    baseline : BaselineHazard or None
        Baseline hazard at the covariates' means; None beyond 4,096 event times.
    strata_levels : tuple
        Strata in the order of ``baseline.stratum``.
    followed_to : float
        Last time at which anyone was at risk.
    """

    specification: CoxSpecification | None = None
    baseline: BaselineHazard | None = None
    strata_levels: tuple[object, ...] = ()
    followed_to: float = np.inf

    title: ClassVar[str] = "Cox proportional hazards"
    ratio: ClassVar[str] = "hazard ratio"
    link: ClassVar[Literal["log"]] = "log"

    @property
    def inputs(self) -> tuple[str, ...]:
        """Covariates, and the offset where there is one."""
        return (*self.design.columns, *([] if self._spec.offset is None else [self._spec.offset]))

    # What comes after the fit lives in files of its own; the fit is the functions' first argument.
    residuals = residuals
    ph_test = ph_test
    concordance = concordance
    baseline_hazard = cox_baseline.baseline_hazard
    survival_curve = survival_curve
    survival_along = survival_along

    @property
    def _spec(self) -> CoxSpecification:
        assert self.specification is not None
        return self.specification

    def predict(
        self,
        new: pd.DataFrame,
        kind: Literal["relative_risk", "survival"] = "relative_risk",
        times: float | Iterable[float] | None = None,
        data: pd.DataFrame | None = None,
    ) -> pd.Series | pd.DataFrame:
        """Predict for new rows.

        Parameters
        ----------
        new : pandas.DataFrame
            Rows with the formula's columns (and the strata's, if the model has strata).
        kind : {"relative_risk", "survival"}
            ``exp(x'b)`` against covariates zero; or survival along constant covariates from time 0.
        times : float or iterable of float, optional
            Times of the survival probabilities, up to the end of follow-up; the event times if not given.
        data : pandas.DataFrame, optional
            The fitted data; needed for survival beyond 4,096 event times only.

        Returns
        -------
        pandas.Series or pandas.DataFrame
            Relative risks by row; or one row per row of `new` and one column per time.

        Notes
        -----
        Survival holds for covariates that stay as they are; with competing exits use `bip.risk`.
        """
        check_option("kind", kind, ("relative_risk", "survival"))
        if kind == "survival":
            return self._survival(new, times, cox_baseline.baseline_of(self, data))
        if times is not None or data is not None:
            raise ModelError("times= and data= belong to kind='survival'.")
        return pd.Series(self.relative(new, 0.0), index=new.index, name="relative_risk")

    def relative(self, new: pd.DataFrame, centre: Floats | float) -> Floats:
        """Hazard of each row relative to that at covariates `centre` and offset zero, (n,)."""
        offset = self._spec.offset
        eta = (self.design.matrix(new) - centre) @ self.estimates.values
        if offset is not None:
            require_columns(new, [offset], "offset=")
            eta = eta + numbers(new[offset])
        with np.errstate(over="ignore"):
            risk = np.exp(eta)
        if not np.isfinite(risk).all():
            raise ModelError(
                "relative risks are out of a number's range: some covariate lies far from zero (a year?). "
                "Centre it, e.g. I(year - 2013)."
            )
        return risk

    def with_vcov(self, vcov: Vcov, data: pd.DataFrame) -> CoxResult:
        """Give the same fit with another covariance; `data` must be the fitted data."""
        check_vcov(vcov)
        rows = prepare(self._spec, data, vcov, self.design)
        working = self.estimates.values * rows.scale
        at = evaluate(working, rows.problem)
        require_same_fit(at, self.loglik)
        made = _covariance(vcov, rows, working, risk_sums(working, rows.problem), at.information)
        return replace(self, **with_covariance(self, made, np.diag(1 / rows.scale)))

    def methods_text(self) -> str:
        """One paragraph for a methods section."""
        spec = self._spec
        strata = f", stratified by {' and '.join(spec.strata_columns)}" if spec.strata else ""
        units = "" if self.fit.n_units is None else f" of {self.fit.n_units:,} ids"
        weights = "" if spec.weights is None else f", weighted by {spec.weights}"
        offset = "" if spec.offset is None else f", with {spec.offset} as an offset"
        return (
            f"We estimated a Cox proportional hazards model on {self.nobs:,} counting-process rows{units} with "
            f"{self.n_events:,} events ({spec.ties.capitalize()} handling of ties{strata}{weights}{offset}); "
            f"{self._errors_and_software()}"
        )

    def _survival(
        self, new: pd.DataFrame, times: float | Iterable[float] | None, base: BaselineHazard
    ) -> pd.DataFrame:
        risk = self.relative(new, base.centre)
        grid = np.unique(base.times) if times is None else read_grid(times, self.followed_to)
        stratum = self.stratum_codes(new)
        table = np.empty((len(self.strata_levels), len(grid)))
        for code in range(len(self.strata_levels)):
            own = base.stratum == code
            hazard = np.concatenate([[0.0], np.cumsum(base.increment[own])])
            table[code] = hazard[np.searchsorted(base.times[own], grid, side="right")]
        return pd.DataFrame(np.exp(-risk[:, None] * table[stratum]), index=new.index, columns=grid)

    def stratum_codes(self, new: pd.DataFrame) -> Ints:
        """Stratum of each row as its place in `strata_levels`, (n,)."""
        columns = self._spec.strata_columns
        if not columns:
            return np.zeros(len(new), np.int64)
        require_columns(new, columns, "strata=")
        crossed = (
            new[columns[0]]
            if len(columns) == 1
            else pd.Series(list(new[columns].itertuples(index=False, name=None)))
        )
        return codes_for(crossed.rename(" x ".join(columns)), self.strata_levels)

    def _facts(self) -> dict[str, str]:
        columns = self._spec.strata_columns
        strata = f", strata {' x '.join(columns)} ({len(self.strata_levels)})" if columns else ""
        left = sum(count if what == "given" else -count for what, count in self.fit.flow)
        facts = super()._facts()
        if left < self.nobs:
            steps = [words for what, words in _FEWER.items() if what in dict(self.fit.flow)]
            facts["used"] += f", in {left:,} after {' and '.join(steps)}"
        if self.fit.loglik_null is not None and self.estimates.by_information:
            gain, df = 2 * (self.loglik - self.fit.loglik_null), len(self.estimates.names)
            facts["log-likelihood"] += (
                f"; ratio against all slopes zero: chi2({df}) = {gain:.4g}, p {p_text(chi2.sf(gain, df))}"
            )
        used = used_columns(weights=self._spec.weights, offset=self._spec.offset)
        return {**facts, **used, "ties": self._spec.ties + strata}


def cox(
    formula: str,
    data: pd.DataFrame,
    *,
    start: str | None = "start",
    stop: str = "stop",
    event: str = "event",
    id: str | Sequence[str] | None = None,
    strata: str | Sequence[str] | None = None,
    weights: str | None = None,
    offset: str | None = None,
    ties: Ties = "efron",
    vcov: Vcov = "model",
    missing: Missing = "raise",
) -> CoxResult:
    """Fit a Cox proportional hazards model to counting-process rows.

    Parameters
    ----------
    formula : str
        Right-hand side: ``"caseworker_belief + age + C(jobcentre)"``.
    data : pandas.DataFrame
        One row per piece of time at risk, (start, stop].
    start : str or None, default "start"
        Column with the start of each row; None means that every row starts at 0.
    stop : str, default "stop"
    event : str, default "event"
        Column of 0/1, or ``"exit == job"``: that level of a column, all others censored.
    id : str or list of str, optional
        Column that says which rows belong together; ``client`` is taken where there is one, else rows
        are independent. Adjacent rows of one id with equal covariates are merged, which is exact.
    strata : str or list of str, optional
        Column with strata, each with a baseline hazard of its own; several are crossed.
    weights : str, optional
        Column of positive case weights.
    offset : str, optional
        Column added to the linear predictor.
    ties : {"efron", "breslow"}
    vcov : {"model", "robust"}, bip.cluster(...) or bip.score_bootstrap(...), default "model"
        Observed information; sandwich with one unit per id; cluster-robust.
    missing : {"raise", "drop"}
        What to do with rows that lack a value.

    Returns
    -------
    CoxResult

    Raises
    ------
    ModelError
        The data cannot be used or the model not be estimated; the message says which column and rows.

    Notes
    -----
    The partial likelihood is maximised by Newton's method to the last digits. With case weights, each
    term of a tied set carries the mean weight of its dead, as in R's ``coxph``.

    References
    ----------
    Therneau, T. & Grambsch, P. (2000). *Modeling Survival Data*. Springer.

    Examples
    --------
    >>> import pandas as pd, bipstats as bip
    >>> rows = pd.DataFrame({"stop": [4, 3, 1, 1, 2, 2, 3], "event": [1, 1, 1, 0, 1, 1, 0],
    ...                      "x": [0, 2, 1, 1, 1, 0, 0]})
    >>> fit = bip.cox("x", rows, start=None)
    >>> round(float(fit.params["x"]), 4)
    0.4608
    """
    check_option("ties", ties, ("efron", "breslow"))
    check_vcov(vcov)
    check_names({"stop": stop, "event": event}, {"start": start, "weights": weights, "offset": offset})
    require_frame(data)
    spec = CoxSpecification(
        split_formula(formula, two_sided=False)[1], start, stop, event, default_id(data, id), strata, weights,
        offset, ties, missing,
    )  # fmt: skip
    rows = prepare(spec, data, vcov, None)
    problem, names = rows.problem, rows.design.names
    best = find_maximum(
        lambda beta: evaluate(beta, problem),
        lambda beta: log_likelihood(beta, problem),
        np.zeros(len(names)),
        names=names,
        n_events=len(problem.died),
        at_risk=float(problem.tied_weight.sum()),
        explain=lambda: separated_risks(names, Risks(problem.x, problem.sets, problem.died)),
    )
    sums = risk_sums(best.params, rows.problem)
    made = _covariance(vcov, rows, best.params, sums, best.at.information)
    estimates = report(names, best.params / rows.scale, made, np.diag(1 / rows.scale))
    null = log_likelihood(np.zeros(len(names)), problem)
    fit = Fit(
        best.at.loglik, rows.n_complete, len(problem.died), rows.n_ids, best.iterations, rows.flow, null
    )
    baseline = _baseline(sums, rows)
    return CoxResult(
        estimates, rows.design, fit, made.clusters, spec, baseline, rows.strata_levels, rows.followed_to
    )


def _covariance(
    vcov: Vcov, rows: CoxRows, working: Floats, sums: RiskSums, information: Floats
) -> Covariance:
    """Covariance in the working parameters."""
    return covariance(
        vcov,
        information,
        score_sums=lambda group: score_sums(sums, rows.problem, group),
        codes=lambda name: group_codes(rows.data, name, "vcov="),
        unit=rows.id,
        n_rows=len(rows.data),
        refits=cox_refits(rows.problem, working, information, np.diag(1 / rows.scale)),
    )


def _baseline(sums: RiskSums, rows: CoxRows) -> BaselineHazard | None:
    """Baseline hazard at the means of the data's covariates, if it is small enough to keep."""
    if len(rows.problem.sets.times) > _BASELINE_TIMES:
        return None
    base = baseline_hazard(sums, rows.problem)
    return replace(base, centre=rows.centre, mean=rows.scale * base.mean)
