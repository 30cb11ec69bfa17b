"""Binary logit."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import ClassVar, Literal

import numpy as np
import pandas as pd

from bipstats.core.columns import Missing, complete_rows, require_columns, require_frame
from bipstats.core.covariance import Vcov, check_vcov
from bipstats.core.design import Design, fit_design, formula_columns, split_formula
from bipstats.core.result import Fit, Result, with_covariance
from bipstats.errors import ModelError, check_option
from bipstats.models.binomial import BinomialRows, binomial_rows, fit_binomial, refit_covariance
from bipstats.models.inputs import check_names, event_column, event_indicator, read_weights
from bipstats.models.kernels.binomial import mean


@dataclass(frozen=True, slots=True)
class LogitSpecification:
    """What was asked for; enough to prepare the same rows again."""

    outcome: str
    formula: str
    weights: str | None
    missing: Missing


@dataclass(frozen=True, repr=False, eq=False)
class LogitResult(Result):
    """A fitted logit.

    Attributes
    ----------
    specification : LogitSpecification
    """

    specification: LogitSpecification | None = None

    title: ClassVar[str] = "Logit"
    ratio: ClassVar[str] = "odds ratio"
    link: ClassVar[Literal["logit"]] = "logit"

    @property
    def _spec(self) -> LogitSpecification:
        assert self.specification is not None
        return self.specification

    def predict(self, new: pd.DataFrame, kind: Literal["probability"] = "probability") -> pd.Series:
        """Probability of the outcome for new rows.

        Parameters
        ----------
        new : pandas.DataFrame
            Rows with the formula's columns.
        kind : {"probability"}

        Returns
        -------
        pandas.Series
        """
        check_option("kind", kind, ("probability",))
        eta = self.estimates.values[0] + self.design.matrix(new) @ self.estimates.values[1:]
        return pd.Series(mean(eta, "logit"), index=new.index, name="probability")

    def with_vcov(self, vcov: Vcov, data: pd.DataFrame) -> LogitResult:
        """Give the same fit with another covariance; `data` must be the fitted data."""
        check_vcov(vcov)
        rows = _prepare(self._spec, require_frame(data), self.design)
        made = refit_covariance(rows, vcov, self.estimates.values, self.loglik)
        return replace(self, **with_covariance(self, made, rows.transform))

    def methods_text(self) -> str:
        """One paragraph for a methods section."""
        return (
            f"We estimated a logit of {self._spec.outcome} on {self.nobs:,} rows with {self.n_events:,} events by "
            f"maximum likelihood; {self._errors_and_software()}"
        )


def logit(
    formula: str,
    data: pd.DataFrame,
    *,
    weights: str | None = None,
    vcov: Vcov = "model",
    missing: Missing = "raise",
) -> LogitResult:
    """Fit a binary logit by maximum likelihood.

    Parameters
    ----------
    formula : str
        ``"entered ~ caseworker_belief + age"``; the outcome is a column of 0/1.
    data : pandas.DataFrame
    weights : str, optional
        Column of positive case weights.
    vcov : {"model", "robust"} or bip.cluster(...), default "model"
        Expected information; sandwich with each row a unit; cluster-robust.
    missing : {"raise", "drop"}

    Returns
    -------
    LogitResult
        Terms: ``Intercept``, then the formula's; slopes are log odds ratios.

    Raises
    ------
    ModelError
        The data cannot be used or the model not be estimated; the message says which column and rows.

    Examples
    --------
    >>> import pandas as pd, bipstats as bip
    >>> rows = pd.DataFrame({"y": [0, 0, 1, 1, 0, 1], "x": [1, 2, 3, 4, 5, 6]})
    >>> bip.logit("y ~ x", rows).params.round(3).to_dict()
    {'Intercept': -2.358, 'x': 0.674}
    """
    check_vcov(vcov)
    check_names({}, {"weights": weights})
    require_frame(data)
    outcome, rhs = split_formula(formula, two_sided=True)
    assert outcome is not None
    spec = LogitSpecification(outcome, rhs, weights, missing)
    rows = _prepare(spec, data, None)
    fitted = fit_binomial(rows, vcov)
    n_events = int((rows.problem.successes > 0).sum())
    fit = Fit(fitted.best.at.loglik, len(rows.data), n_events, None, fitted.best.iterations, rows.flow)
    return LogitResult(fitted.estimates, rows.design, fit, fitted.made.clusters, spec)


def _prepare(spec: LogitSpecification, data: pd.DataFrame, design: Design | None) -> BinomialRows:
    """Check the rows and build the design (or reuse one)."""
    covariates = formula_columns(spec.formula)
    require_columns(data, covariates)
    others = [event_column(spec.outcome), *([] if spec.weights is None else [spec.weights])]
    require_columns(data, others, "the model")
    rows, n_missing = complete_rows(data, [*covariates, *others], spec.missing)
    outcome = event_indicator(rows, spec.outcome)
    if outcome.all():
        raise ModelError(
            f"the outcome {spec.outcome!r} is 1 in all {len(rows):,} rows; nothing can be estimated."
        )
    if design is None:
        design, matrix = fit_design(spec.formula, rows)
    else:
        matrix = design.matrix(rows)
    weight = read_weights(rows, spec.weights)
    flow = (("given", len(data)), ("with missing values", n_missing))
    return binomial_rows(
        matrix,
        design,
        rows,
        level=np.zeros(len(rows), np.int64),
        level_names=(),
        within="row",
        successes=weight * outcome,
        trials=weight,
        offset=np.zeros(len(rows)),
        link="logit",
        unit=None,
        flow=tuple((what, count) for what, count in flow if count),
    )
