"""Binary logit."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import ClassVar, Literal

import numpy as np
import pandas as pd

from bipstats.core.columns import Floats, Missing, complete_rows, require_columns, require_frame
from bipstats.core.covariance import Covariance, Vcov, check_vcov
from bipstats.core.design import Design, fit_design, formula_columns, split_formula
from bipstats.core.result import Fit, Result, with_covariance
from bipstats.errors import ModelError, check_option
from bipstats.models.binomial import (
    BinomialRows,
    binomial_objective,
    binomial_rows,
    fit_binomial,
    refit_covariance,
)
from bipstats.models.firth import firth_objective, fit_firth, refit_firth_covariance
from bipstats.models.inputs import check_names, event_column, event_indicator, read_weights
from bipstats.models.kernels.binomial import mean
from bipstats.models.profile import LikelihoodProfile, profile_likelihood

Penalty = Literal["firth"]


@dataclass(frozen=True, slots=True)
class LogitSpecification:
    """What was asked for; enough to prepare the same rows again."""

    outcome: str
    formula: str
    weights: str | None
    missing: Missing
    penalty: Penalty | None = None


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
        return replace(self, **with_covariance(self, self._remade(rows, vcov), rows.transform))

    def profile(
        self, data: pd.DataFrame, term: str | Sequence[str] | None = None, level: float = 0.95
    ) -> LikelihoodProfile:
        r"""Likelihood-ratio tests and profile-likelihood intervals, penalised if the fit is.

        Parameters
        ----------
        data : pandas.DataFrame
            The fitted data.
        term : str or list of str, optional
            Terms to profile; all of them if not given.
        level : float, default 0.95

        Returns
        -------
        LikelihoodProfile
            ``.table`` with ``term, estimate, conf_low, conf_high, statistic, p_value``.

        Notes
        -----
        The interval of :math:`\beta_j` holds the values b with :math:`2 (l(\hat\beta) - \max_{\beta_j = b}
        l(\beta)) \le \chi^2_{1, level}`; with a penalty, l is the penalised log-likelihood and the penalty
        stays that of the whole model (Heinze & Schemper 2002). The model's likelihood is profiled whatever
        the covariance of the fit: rows count as independent.
        """
        rows = _prepare(self._spec, require_frame(data), self.design)
        self._remade(rows, "model")  # refuses other data
        best: Floats = np.linalg.solve(rows.transform, self.estimates.values).astype(float)
        penalised = self._spec.penalty is not None
        objective = firth_objective(rows, best) if penalised else binomial_objective(rows, best)
        likelihood = "penalised likelihood (Firth)" if penalised else "likelihood"
        return profile_likelihood(self, objective, rows.transform, term, level, likelihood)

    def methods_text(self) -> str:
        """One paragraph for a methods section."""
        how = "maximum likelihood" if self._spec.penalty is None else f"{_PENALISED} (Firth 1993)"
        return (
            f"We estimated a logit of {self._spec.outcome} on {self.nobs:,} rows with {self.n_events:,} events by "
            f"{how}; standard errors {self.estimates.how}."
        )

    def _remade(self, rows: BinomialRows, vcov: Vcov) -> Covariance:
        """Another covariance; refuses data on which the fit does not recur."""
        remake = refit_covariance if self._spec.penalty is None else refit_firth_covariance
        return remake(rows, vcov, self.estimates.values, self.loglik)

    def _facts(self) -> dict[str, str]:
        facts = super()._facts()
        return facts if self._spec.penalty is None else {**facts, "penalty": f"Firth: {_PENALISED}"}


_PENALISED = "maximum likelihood penalised by Jeffreys' prior"


def logit(
    formula: str,
    data: pd.DataFrame,
    *,
    weights: str | None = None,
    vcov: Vcov = "model",
    missing: Missing = "raise",
    penalty: Penalty | None = None,
) -> LogitResult:
    r"""Fit a binary logit by maximum likelihood, or by Firth's penalised likelihood.

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
    penalty : {None, "firth"}
        Jeffreys' prior as penalty: finite estimates under separation and less bias with few events. With
        ``vcov="model"`` only. Weights count as copies of the row, in the penalty too.

    Returns
    -------
    LogitResult
        Terms: ``Intercept``, then the formula's; slopes are log odds ratios.

    Raises
    ------
    ModelError
        The data cannot be used or the model not be estimated; the message says which column and rows.

    Notes
    -----
    With ``penalty="firth"`` the estimate maximises :math:`l(\beta) + \tfrac12 \log |I(\beta)|`, the errors
    are from :math:`I^{-1}` there, as R's brglm2 gives them, and ``.loglik`` is :math:`l` without the penalty.
    Under separation Wald intervals are poor: use ``fit.profile(data)``.

    References
    ----------
    Firth, D. (1993). Bias reduction of maximum likelihood estimates. *Biometrika*.
    Heinze, G. & Schemper, M. (2002). A solution to the problem of separation in logistic regression.
    *Statistics in Medicine*.

    Examples
    --------
    >>> import pandas as pd, bipstats as bip
    >>> rows = pd.DataFrame({"y": [0, 0, 1, 1, 0, 1], "x": [1, 2, 3, 4, 5, 6]})
    >>> bip.logit("y ~ x", rows).params.round(3).to_dict()
    {'Intercept': -2.358, 'x': 0.674}
    >>> separated = rows.assign(y=[0, 0, 0, 1, 1, 1])
    >>> fit = bip.logit("y ~ x", separated, penalty="firth")
    >>> fit.profile(separated, "x").table.iloc[0, 1:].astype(float).round(3).to_dict()
    {'estimate': 1.129, 'conf_low': 0.002, 'conf_high': 6.07, 'statistic': 3.857, 'p_value': 0.05}
    """
    check_vcov(vcov)
    check_option("penalty", penalty, (None, "firth"))
    check_names({}, {"weights": weights})
    require_frame(data)
    outcome, rhs = split_formula(formula, two_sided=True)
    assert outcome is not None
    spec = LogitSpecification(outcome, rhs, weights, missing, penalty)
    rows = _prepare(spec, data, None)
    fitted = fit_binomial(rows, vcov) if penalty is None else fit_firth(rows, vcov)
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
        penalised=spec.penalty is not None,
    )
