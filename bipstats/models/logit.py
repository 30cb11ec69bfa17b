"""Binary logit."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import ClassVar, Literal

import numpy as np
import pandas as pd

from bipstats.core.columns import Missing, require_columns, require_frame
from bipstats.core.covariance import Vcov, check_vcov
from bipstats.core.design import Design, fit_design, formula_columns, split_formula
from bipstats.core.result import Fit, with_covariance
from bipstats.errors import ModelError, check_option
from bipstats.models.binomial import (
    BinomialResult,
    BinomialRows,
    binomial_rows,
    fit_binomial,
    intercept,
    refit_covariance,
)
from bipstats.models.binomial_rows import (
    counted_rows,
    counting_rows,
    identifiers,
    informative_rows,
    read_absorb,
)
from bipstats.models.inputs import check_names, event_column, event_indicator
from bipstats.models.kernels.binomial import mean


@dataclass(frozen=True, slots=True)
class LogitSpecification:
    """What was asked for; enough to prepare the same rows again."""

    outcome: str
    formula: str
    weights: str | None
    missing: Missing
    absorb: tuple[str, ...] = ()


@dataclass(frozen=True, repr=False, eq=False)
class LogitResult(BinomialResult):
    """A fitted logit.

    Attributes
    ----------
    specification : LogitSpecification
    """

    specification: LogitSpecification | None = None

    title: ClassVar[str] = "Logit"
    ratio: ClassVar[str] = "odds ratio"

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
        self.refuse_absorbed("a probability")
        eta = self.estimates.values[0] + self.design.matrix(new) @ self.estimates.values[1:]
        return pd.Series(mean(eta, "logit"), index=new.index, name="probability")

    def with_vcov(self, vcov: Vcov, data: pd.DataFrame) -> LogitResult:
        """Give the same fit with another covariance; `data` must be the fitted data."""
        check_vcov(vcov)
        rows = _prepared(self._spec, require_frame(data), vcov, self.design)
        made = refit_covariance(rows, vcov, self.estimates.values, self.loglik)
        fit = replace(self.fit, flow=rows.flow)
        return replace(self, fit=fit, **with_covariance(self, made, rows.transform))

    def methods_text(self) -> str:
        """One paragraph for a methods section."""
        return (
            f"We estimated a logit of {self._spec.outcome} on {self.nobs:,} rows with {self.n_events:,} events by "
            f"maximum likelihood{self.with_effects}; standard errors {self.estimates.how}."
        )


def logit(
    formula: str,
    data: pd.DataFrame,
    *,
    weights: str | None = None,
    absorb: str | Sequence[str] | None = None,
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
    absorb : str or list of str, optional
        Columns whose levels have an effect each that is not reported, e.g. ``["caseworker", "quarter"]``.
    vcov : {"model", "robust"} or bip.cluster(...), default "model"
        Expected information; sandwich with each row a unit; cluster-robust.
    missing : {"raise", "drop"}

    Returns
    -------
    LogitResult
        Terms: ``Intercept`` (none with `absorb`), then the formula's; slopes are log odds ratios.

    Raises
    ------
    ModelError
        The data cannot be used or the model not be estimated; the message says which column and rows.

    Notes
    -----
    Absorbing is maximum likelihood with all the dummies, exactly; their effects count as parameters. Levels with
    one outcome only have infinite effects: their rows are left out and counted. With many small groups (clients)
    the slopes are biased away from zero, twofold with two rows a group (incidental parameters); condition on the
    groups instead. Equal rows of one cluster are collapsed to counts, which is exact.

    References
    ----------
    Chamberlain, G. (1980). Analysis of covariance with qualitative data. *Review of Economic Studies*.

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
    spec = LogitSpecification(outcome, rhs, weights, missing, read_absorb(absorb))
    rows = _prepared(spec, data, vcov, None)
    fitted = fit_binomial(rows, vcov)
    best = fitted.best
    fit = Fit(best.at.loglik, rows.n_rows, rows.n_events, None, best.iterations, rows.flow)
    return LogitResult(fitted.estimates, rows.design, fit, fitted.made.clusters, rows.absorbed, spec)


def _prepared(
    spec: LogitSpecification, data: pd.DataFrame, vcov: Vcov, design: Design | None
) -> BinomialRows:
    return counting_rows(lambda collapse: _prepare(spec, data, vcov, design, collapse), vcov, None)


def _prepare(
    spec: LogitSpecification, data: pd.DataFrame, vcov: Vcov, design: Design | None, collapse: bool
) -> BinomialRows:
    """Check and collapse rows, leave out those that say nothing, and build the design (or reuse one)."""
    covariates, clusters = formula_columns(spec.formula), identifiers(vcov, None)
    require_columns(data, covariates)
    others = [event_column(spec.outcome), *spec.absorb]
    require_columns(data, [*others, *([] if spec.weights is None else [spec.weights])], "the model")
    require_columns(data, clusters, "vcov=")
    counted, n_missing = counted_rows(
        data, [*covariates, *others], clusters, spec.weights, spec.missing, collapse=collapse
    )
    outcome = event_indicator(counted.data, spec.outcome)
    if outcome.all():
        raise ModelError(
            f"the outcome {spec.outcome!r} is 1 in all {len(outcome):,} rows; nothing can be estimated."
        )
    found = informative_rows(counted, outcome, spec.absorb, None)
    rows = found.rows
    if design is None:
        design, matrix = fit_design(spec.formula, rows.data)
    else:
        matrix = design.matrix(rows.data)
    return binomial_rows(
        matrix,
        design,
        rows,
        found.event,
        intercept(len(rows.data)),
        found.factors,
        offset=np.zeros(len(rows.data)),
        link="logit",
        unit=None,
        flow=(("given", len(data)), ("with missing values", n_missing), *found.flow),
    )
