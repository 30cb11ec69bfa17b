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
    Missing,
    group_codes,
    require_frame,
)
from bipstats.core.covariance import Covariance, Vcov, check_vcov, covariance
from bipstats.core.design import split_formula
from bipstats.core.result import Fit, report, with_covariance
from bipstats.errors import ModelError, check_option
from bipstats.models import cox_baseline
from bipstats.models.cox_concordance import concordance
from bipstats.models.cox_curves import survival_along, survival_curve
from bipstats.models.cox_ph_test import ph_test
from bipstats.models.cox_residuals import residuals
from bipstats.models.cox_rows import CoxRows, CoxSpecification, Ties, prepare
from bipstats.models.identify import require_same_fit
from bipstats.models.inputs import check_names, default_id
from bipstats.models.kernels.cox import (
    RiskSums,
    evaluate,
    log_likelihood,
    risk_sums,
    score_sums,
)
from bipstats.models.kernels.separation import Risks
from bipstats.models.proportional import ProportionalHazards, kept_baseline
from bipstats.models.refits import cox_refits
from bipstats.models.search import find_maximum
from bipstats.models.separation import separated_risks
from bipstats.tables import p_text


@dataclass(frozen=True, repr=False, eq=False)
class CoxResult(ProportionalHazards):
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

    Examples
    --------
    >>> import bipstats as bip
    >>> rows = bip.spells(bip.simulate(clients=600, rng=1))
    >>> fit = bip.cox("caseworker_belief + sex", rows, vcov=bip.cluster("caseworker"), missing="drop")
    >>> fit.tidy(exponentiate=True).columns.tolist()
    ['term', 'estimate', 'std_error', 'statistic', 'p_value', 'conf_low', 'conf_high']
    >>> fit.glance()["n_events"].tolist() == [fit.n_events]
    True
    >>> fit.predict(rows.head(2), "relative_risk").shape
    (2,)
    >>> fit.with_vcov("robust", rows).params.equals(fit.params)
    True
    """

    title: ClassVar[str] = "Cox proportional hazards"

    # What comes after the fit lives in files of its own; the fit is the functions' first argument.
    residuals = residuals
    ph_test = ph_test
    concordance = concordance
    baseline_hazard = cox_baseline.baseline_hazard
    survival_curve = survival_curve
    survival_along = survival_along

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
            base = cox_baseline.baseline_of(self, data)
            return self._survival(new, times, base, lambda hazard: np.exp(-hazard))
        if times is not None or data is not None:
            raise ModelError("times= and data= belong to kind='survival'.")
        return pd.Series(self.relative(new, 0.0), index=new.index, name="relative_risk")

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
        return f"We estimated a Cox proportional hazards model on {self._rows_words()}; {self._errors_and_software()}"

    def _facts(self) -> dict[str, str]:
        facts = super()._facts()
        if self.fit.loglik_null is not None and self.estimates.by_information:
            gain, df = 2 * (self.loglik - self.fit.loglik_null), len(self.estimates.names)
            facts["log-likelihood"] += (
                f"; ratio against all slopes zero: chi2({df}) = {gain:.4g}, p {p_text(chi2.sf(gain, df))}"
            )
        return facts


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
    baseline = kept_baseline(sums, rows)
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
