"""Cox proportional hazards on (start, stop] rows."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import ClassVar, Literal

import numpy as np
import pandas as pd

from bipstats.core.columns import (
    Floats,
    Ints,
    Missing,
    codes_for,
    group_codes,
    require_columns,
    require_frame,
)
from bipstats.core.covariance import Covariance, Vcov, check_vcov, covariance
from bipstats.core.design import split_formula
from bipstats.core.result import Fit, Result, report, with_covariance
from bipstats.errors import ModelError, check_option
from bipstats.models.cox_rows import CoxRows, CoxSpecification, Ties, prepare
from bipstats.models.identify import no_maximum, refuse_divergence, require_same_fit
from bipstats.models.inputs import default_id
from bipstats.models.kernels.cox import (
    BaselineHazard,
    baseline_hazard,
    evaluate,
    log_likelihood,
    risk_sums,
    score_rows,
)
from bipstats.models.kernels.newton import maximise

_BASELINE_TIMES = 4096


@dataclass(frozen=True, repr=False)
class CoxResult(Result):
    """A fitted Cox model.

    Attributes
    ----------
    specification : CoxSpecification
    baseline : BaselineHazard or None
        Baseline hazard at covariates zero; None beyond 4,096 event times.
    strata_levels : tuple
        Strata in the order of ``baseline.stratum``.
    """

    specification: CoxSpecification | None = None
    baseline: BaselineHazard | None = None
    strata_levels: tuple[object, ...] = ()

    title: ClassVar[str] = "Cox proportional hazards"
    ratio: ClassVar[str] = "hazard ratio"

    def predict(
        self,
        new: pd.DataFrame,
        kind: Literal["relative_risk", "survival"] = "relative_risk",
        times: Iterable[float] | None = None,
    ) -> pd.Series | pd.DataFrame:
        """Predict for new rows.

        Parameters
        ----------
        new : pandas.DataFrame
            Rows with the formula's columns (and the strata's, if the model has strata).
        kind : {"relative_risk", "survival"}
            ``exp(x'b)`` against covariates zero; or survival along constant covariates from time 0.
        times : iterable of float, optional
            Times of the survival probabilities; the event times if not given.

        Returns
        -------
        pandas.Series or pandas.DataFrame
            Relative risks by row; or one row per row of `new` and one column per time.

        Notes
        -----
        Survival holds for covariates that stay as they are; with competing exits use `bip.risk`.
        """
        check_option("kind", kind, ("relative_risk", "survival"))
        risk = np.exp(self.design.matrix(new) @ self.estimates.values)
        if kind == "relative_risk":
            if times is not None:
                raise ModelError("times= belongs to kind='survival'.")
            return pd.Series(risk, index=new.index, name="relative_risk")
        return self._survival(new, risk, times)

    def with_vcov(self, vcov: Vcov, data: pd.DataFrame) -> CoxResult:
        """Give the same fit with another covariance; `data` must be the fitted data."""
        assert self.specification is not None
        check_vcov(vcov)
        rows = prepare(self.specification, data, vcov, self.design)
        working = self.estimates.values * rows.scale
        at = evaluate(working, rows.problem)
        require_same_fit(at, self.loglik)
        made = _covariance(vcov, rows, working, at.information)
        return replace(self, **with_covariance(self, made, np.diag(1 / rows.scale)))

    def methods_text(self) -> str:
        """One paragraph for a methods section."""
        spec = self.specification
        assert spec is not None
        strata = f", stratified by {spec.strata}" if spec.strata else ""
        return (
            f"We estimated a Cox proportional hazards model on counting-process rows ({spec.ties.capitalize()} "
            f"handling of ties{strata}) with {self.fit.nobs:,} rows and {self.n_events:,} events; "
            f"standard errors {self.estimates.how}."
        )

    def _survival(self, new: pd.DataFrame, risk: Floats, times: Iterable[float] | None) -> pd.DataFrame:
        if self.baseline is None:
            raise ModelError(f"the baseline has more than {_BASELINE_TIMES:,} event times and was not kept.")
        base = self.baseline
        grid = np.unique(base.times) if times is None else np.asarray(list(times), dtype=float)
        stratum = self._strata_of(new)
        table = np.empty((len(self.strata_levels), len(grid)))
        for code in range(len(self.strata_levels)):
            own = base.stratum == code
            hazard = np.concatenate([[0.0], np.cumsum(base.increment[own])])
            table[code] = hazard[np.searchsorted(base.times[own], grid, side="right")]
        return pd.DataFrame(np.exp(-risk[:, None] * table[stratum]), index=new.index, columns=grid)

    def _strata_of(self, new: pd.DataFrame) -> Ints:
        assert self.specification is not None
        name = self.specification.strata
        if name is None:
            return np.zeros(len(new), np.int64)
        require_columns(new, [name], "strata=")
        return codes_for(new[name], self.strata_levels)

    def _facts(self) -> dict[str, str]:
        assert self.specification is not None
        strata = f", strata {self.specification.strata}" if self.specification.strata else ""
        return {**super()._facts(), "ties": self.specification.ties + strata}


def cox(
    formula: str,
    data: pd.DataFrame,
    *,
    start: str | None = "start",
    stop: str = "stop",
    event: str = "event",
    id: str | None = None,
    strata: str | None = None,
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
    id : str, optional
        Column that says which rows belong together; ``client`` is taken where there is one, else rows
        are independent. Adjacent rows of one id with equal covariates are merged, which is exact.
    strata : str, optional
        Column with strata, each with a baseline hazard of its own.
    weights : str, optional
        Column of positive case weights.
    offset : str, optional
        Column added to the linear predictor.
    ties : {"efron", "breslow"}
    vcov : {"model", "robust"} or bip.cluster(...), default "model"
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
    require_frame(data)
    spec = CoxSpecification(
        split_formula(formula, two_sided=False)[1], start, stop, event, default_id(data, id), strata, weights,
        offset, ties, missing,
    )  # fmt: skip
    rows = prepare(spec, data, vcov, None)
    problem, names = rows.problem, rows.design.names
    try:
        best = maximise(
            lambda beta: evaluate(beta, problem),
            lambda beta: log_likelihood(beta, problem),
            np.zeros(len(names)),
        )
        errors = np.sqrt(np.diag(np.linalg.inv(best.at.information)))
    except np.linalg.LinAlgError:
        raise no_maximum(len(problem.died), len(names)) from None
    refuse_divergence(names, best.params, errors, best.converged)
    made = _covariance(vcov, rows, best.params, best.at.information)
    estimates = report(names, best.params / rows.scale, made, np.diag(1 / rows.scale))
    fit = Fit(best.at.loglik, rows.n_complete, len(problem.died), rows.n_ids, best.iterations, rows.flow)
    baseline = _baseline(best.params, rows)
    return CoxResult(estimates, rows.design, fit, made.clusters, spec, baseline, rows.strata_levels)


def _covariance(vcov: Vcov, rows: CoxRows, working: Floats, information: Floats) -> Covariance:
    """Covariance in the working parameters."""
    return covariance(
        vcov,
        information,
        scores=lambda: score_rows(risk_sums(working, rows.problem), rows.problem),
        codes=lambda name: group_codes(rows.data, name, "vcov="),
        unit=rows.id,
    )


def _baseline(working: Floats, rows: CoxRows) -> BaselineHazard | None:
    """Baseline hazard at the data's own zero, if it is small enough to keep."""
    if len(rows.problem.sets.times) > _BASELINE_TIMES:
        return None
    base, centre, scale = (
        baseline_hazard(risk_sums(working, rows.problem), rows.problem),
        rows.centre,
        rows.scale,
    )
    to_zero = np.exp(-(centre / scale) @ working)
    return replace(
        base,
        increment=base.increment * to_zero,
        variance=base.variance * to_zero**2,
        mean=centre + scale * base.mean,
    )
