"""Linear regression by least squares, with fixed effects absorbed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import ClassVar, Literal

import numpy as np
import pandas as pd

from bipstats.core.columns import Missing, require_frame
from bipstats.core.covariance import Vcov, check_vcov
from bipstats.core.design import split_formula
from bipstats.core.result import Fit, Link, Result, report, with_covariance
from bipstats.errors import ModelError, check_option
from bipstats.models.binomial_rows import read_absorb
from bipstats.models.identify import require_same_fit
from bipstats.models.inputs import check_names
from bipstats.models.kernels import least_squares
from bipstats.models.ols_rows import Absorbed, OLSRows, OLSSpecification, ols_covariance, prepare


@dataclass(frozen=True, repr=False, eq=False)
class OLSResult(Result):
    """A fitted linear regression.

    Attributes
    ----------
    specification : OLSSpecification
    sigma : float
        Residual standard deviation (of a row with weight 1).
    r_squared : float
        Share of the outcome's variance explained, by absorbed effects too.
    df_residual : int
        Rows less parameters, absorbed effects among them.
    absorbed : tuple of Absorbed

    Examples
    --------
    >>> import bipstats as bip
    >>> pairs = bip.transitions(bip.simulate(clients=600, rng=1))
    >>> fit = bip.ols("change_health_coping_client ~ weeks", pairs, vcov=bip.cluster("client"), missing="drop")
    >>> fit.params.index.tolist(), bool(0 <= fit.r_squared < 1)
    (['Intercept', 'weeks'], True)
    """

    specification: OLSSpecification | None = None
    sigma: float = np.nan
    r_squared: float = np.nan
    df_residual: int = 0
    absorbed: tuple[Absorbed, ...] = ()

    title: ClassVar[str] = "Linear regression"
    ratio: ClassVar[str | None] = None
    link: ClassVar[Link | None] = "identity"

    @property
    def _spec(self) -> OLSSpecification:
        assert self.specification is not None
        return self.specification

    @property
    def n_params(self) -> int:
        """Parameters estimated, absorbed effects among them."""
        return self.nobs - self.df_residual

    def predict(self, new: pd.DataFrame, kind: Literal["mean"] = "mean") -> pd.Series:
        """Mean of the outcome for new rows.

        Parameters
        ----------
        new : pandas.DataFrame
            Rows with the formula's columns.
        kind : {"mean"}

        Returns
        -------
        pandas.Series

        Raises
        ------
        ModelError
            Effects were absorbed, so that the level is not known.
        """
        check_option("kind", kind, ("mean",))
        if self.absorbed:
            terms = " + ".join(f"C({effect.column})" for effect in self.absorbed)
            raise ModelError(
                f"the effects of {' and '.join(e.column for e in self.absorbed)} were absorbed and are not known one "
                f"by one; nor is the mean. Put them into the formula ({terms}), or take differences of rows times "
                ".params."
            )
        values = self.estimates.values
        return pd.Series(values[0] + self.design.matrix(new) @ values[1:], index=new.index, name="mean")

    def with_vcov(self, vcov: Vcov, data: pd.DataFrame) -> OLSResult:
        """Give the same fit with another covariance; `data` must be the fitted data."""
        check_vcov(vcov)
        rows = prepare(self._spec, require_frame(data), self.design)
        working = np.linalg.solve(rows.transform, self.estimates.values).astype(float)
        found = least_squares.at(working, least_squares.cross_product(rows.problem), rows.problem)
        require_same_fit(least_squares.evaluate(found, rows.problem), self.loglik)
        made = ols_covariance(vcov, rows, found)
        return replace(self, **with_covariance(self, made, rows.transform))

    def glance(self) -> pd.DataFrame:
        """One row on the whole fit; the variance counts as a parameter of the AIC, as in R."""
        frame = super().glance().drop(columns=["n_events", "iterations"])
        frame["aic"] += 2
        return frame.assign(r_squared=self.r_squared, sigma=self.sigma, df_residual=self.df_residual)

    def methods_text(self) -> str:
        """One paragraph for a methods section."""
        effects = f" with {' and '.join(map(str, self.absorbed))} absorbed" if self.absorbed else ""
        weights = f", weighted by {self._spec.weights}" if self._spec.weights else ""
        return (
            f"We regressed {self._spec.outcome} on the covariates by least squares{effects} ({self.nobs:,} rows"
            f"{weights}); {self._errors_and_software()}"
        )

    def _facts(self) -> dict[str, str]:
        facts = super()._facts()
        del facts["log-likelihood"]
        if self.absorbed:
            facts["absorbed"] = "; ".join(map(str, self.absorbed))
        if self._spec.weights:
            facts["weights"] = self._spec.weights
        facts["fit"] = (
            f"R-squared {self.r_squared:.4f}, residual standard deviation {self.sigma:.4g} on {self.df_residual:,} "
            "degrees of freedom"
        )
        return facts


def ols(
    formula: str,
    data: pd.DataFrame,
    *,
    absorb: str | Sequence[str] | None = None,
    weights: str | None = None,
    vcov: Vcov = "model",
    missing: Missing = "raise",
) -> OLSResult:
    r"""Fit a linear regression by (weighted) least squares.

    Parameters
    ----------
    formula : str
        ``"readiness ~ caseworker_belief + age"``; the outcome is a column of numbers.
    data : pandas.DataFrame
    absorb : str or list of str, optional
        Columns with fixed effects, which are taken out of outcome and covariates and not estimated one by one. There
        is no intercept then. Slopes and errors are those of a regression with a dummy for every level.
    weights : str, optional
        Column of positive weights: the variance of a row is :math:`\sigma^2` over its weight.
    vcov : {"model", "robust"}, bip.cluster(...) or bip.score_bootstrap(...), default "model"
        Equal variances, with t; HC0, each row a unit; cluster-robust. CR2 takes equal variances for its working
        model with weights too, as R's clubSandwich does for ``lm``.
    missing : {"raise", "drop"}

    Returns
    -------
    OLSResult
        Terms: ``Intercept`` (unless effects are absorbed), then the formula's.

    Raises
    ------
    ModelError
        The data cannot be used or the model not be estimated; the message says which column and rows.

    Notes
    -----
    :math:`\hat\beta = (X'WX)^{-1} X'Wy` and, for ``"model"``, :math:`V = s^2 (X'WX)^{-1}` with
    :math:`s^2 = \sum_i w_i e_i^2 / (n - k)` and t with :math:`n - k` degrees of freedom; k counts absorbed effects,
    and so does the factor CR1S. Levels with one row are kept: they fit that row and change nothing else; the summary
    counts them.

    References
    ----------
    Frisch, R. & Waugh, F. (1933). Partial time regressions as compared with individual trends. *Econometrica*.
    Abowd, J., Creecy, R. & Kramarz, F. (2002). Computing person and firm effects using linked longitudinal
    employer-employee data. *LEHD Technical Paper*.

    Examples
    --------
    >>> import pandas as pd, bipstats as bip
    >>> rows = pd.DataFrame({"y": [1, 2, 4, 3, 6, 5], "x": [1, 2, 3, 1, 2, 3], "g": list("aaabbb")})
    >>> bip.ols("y ~ x", rows).params.round(3).to_dict()
    {'Intercept': 1.0, 'x': 1.25}
    >>> bip.ols("y ~ x", rows, absorb="g").tidy()[["estimate", "std_error"]].round(3).values.tolist()
    [[1.25, 0.507]]
    """
    check_vcov(vcov)
    check_names({}, {"weights": weights})
    require_frame(data)
    outcome, rhs = split_formula(formula, two_sided=True)
    assert outcome is not None
    spec = OLSSpecification(outcome, rhs, read_absorb(absorb), weights, missing)
    rows = prepare(spec, data, None)
    found = least_squares.solve(rows.problem)
    _refuse_exact(found, rows)
    made = ols_covariance(vcov, rows, found)
    estimates = report(rows.names, rows.transform @ found.params, made, rows.transform)
    loglik = least_squares.evaluate(found, rows.problem).loglik
    df = len(rows.problem.y) - rows.problem.n_params
    fit = Fit(loglik, len(rows.problem.y), None, None, 1, rows.flow)
    left = float(rows.problem.weight @ found.residual**2)
    return OLSResult(
        estimates, rows.design, fit, made.clusters, spec, float(np.sqrt(found.variance)),
        1.0 - left / rows.total, df, rows.absorbed,
    )  # fmt: skip


def _refuse_exact(found: least_squares.Solution, rows: OLSRows) -> None:
    if rows.problem.weight @ found.residual**2 <= 1e-24 * rows.total:
        raise ModelError(
            f"the covariates fit {rows.specification.outcome!r} exactly: there are no errors to measure. Is the "
            "outcome made from one of them?"
        )
