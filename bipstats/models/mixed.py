"""Logit with random intercepts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import pandas as pd

from bipstats.core.columns import Floats, Missing, require_columns, require_frame
from bipstats.core.covariance import Vcov, check_vcov, cluster_columns
from bipstats.core.design import Design, fit_design, formula_columns, split_formula
from bipstats.core.result import Fit, used_columns
from bipstats.errors import ModelError
from bipstats.models.binomial import binomial_rows, intercept
from bipstats.models.binomial_rows import counted_rows, counting_rows
from bipstats.models.inputs import check_names, event_column, event_indicator
from bipstats.models.kernels.binomial import Link as BinomialLink
from bipstats.models.mixed_fit import Method, MixedRows, check_method, fit_mixed
from bipstats.models.mixed_groups import check_mixed_vcov, find_groups, read_random, refuse_degenerate
from bipstats.models.mixed_result import Kind, MixedResult, Unknown


@dataclass(frozen=True, slots=True)
class MixedLogitSpecification:
    """What was asked for; enough to prepare the same rows again."""

    outcome: str
    formula: str
    random: tuple[str, ...]
    weights: str | None
    missing: Missing


@dataclass(frozen=True, repr=False, eq=False)
class MixedLogitResult(MixedResult):
    """A fitted logit with random intercepts.

    Attributes
    ----------
    specification : MixedLogitSpecification

    Examples
    --------
    >>> import bipstats as bip
    >>> rows = bip.landmarks(bip.simulate(clients=600, rng=1), at="first")
    >>> fit = bip.mixed_logit("entered ~ caseworker_belief", rows, random="caseworker")
    >>> fit.params.index.tolist()
    ['Intercept', 'caseworker_belief']
    >>> fit.random[["group", "n_groups"]].shape
    (1, 2)
    >>> bool((fit.random["sd"] >= 0).all())
    True
    """

    specification: MixedLogitSpecification | None = None

    title: ClassVar[str] = "Logit with random intercepts"
    ratio: ClassVar[str] = "odds ratio"

    @property
    def _spec(self) -> MixedLogitSpecification:
        assert self.specification is not None
        return self.specification

    @property
    def inverse_link(self) -> BinomialLink:
        """Link of the outcome's probability given the random intercepts."""
        return "logit"

    def _fixed_part(self, new: pd.DataFrame) -> Floats:
        """Linear predictor of rows without random intercepts, (n,)."""
        return self.estimates.values[0] + self.design.matrix(new) @ self.estimates.values[1:]

    def _rows_again(self, data: pd.DataFrame, vcov: Vcov) -> MixedRows:
        """The rows of the fit, from its data."""
        return _prepared(self._spec, data, vcov, self.design)

    def predict(
        self,
        new: pd.DataFrame,
        kind: Kind = "population",
        *,
        unknown: Unknown = "raise",
        data: pd.DataFrame | None = None,
    ) -> pd.Series:
        r"""Probability of the outcome for new rows.

        Parameters
        ----------
        new : pandas.DataFrame
            Rows with the formula's columns; for ``"conditional"`` also the grouping columns.
        kind : {"population", "conditional"}
            Averaged over the random intercepts' distribution; or given the most likely intercepts of the rows'
            groups.
        unknown : {"raise", "zero"}
            What to do with groups that the fit has not seen: refuse them, counted, or give them the effect zero.
        data : pandas.DataFrame, optional
            The fitted data, for ``"conditional"`` where the result keeps no effects (those of ``client``).

        Returns
        -------
        pandas.Series

        Notes
        -----
        The population average is :math:`\int \mathrm{logit}^{-1}(x'\beta + \sigma z) \phi(z) dz` with
        :math:`\sigma^2 = \sum_k \sigma_k^2`, by quadrature.
        """
        found = self._probability(new, kind, unknown, data)
        return pd.Series(found, index=new.index, name="probability")

    def methods_text(self) -> str:
        """One paragraph for a methods section."""
        rows = f"{self.nobs:,} rows with {self.n_events:,} events"
        rows += "" if self._spec.weights is None else f", weighted by {self._spec.weights},"
        return (
            f"We estimated a logit of {self._spec.outcome} with random intercepts for "
            f"{' and '.join(self._spec.random)} on {rows} by maximum likelihood ({self.how_integrated}); "
            f"{self._errors_and_software()}"
        )

    def _facts(self) -> dict[str, str]:
        return super()._facts() | used_columns(weights=self._spec.weights)


def mixed_logit(
    formula: str,
    data: pd.DataFrame,
    *,
    random: str | Sequence[str],
    method: Method = "laplace",
    nodes: int = 15,
    weights: str | None = None,
    vcov: Vcov = "model",
    missing: Missing = "raise",
) -> MixedLogitResult:
    r"""Fit a logit with one or several random intercepts, crossed or nested, by maximum likelihood.

    Parameters
    ----------
    formula : str
        ``"y ~ x"``; the outcome is a column of 0/1, which may recur in a group.
    data : pandas.DataFrame
    random : str or list of str
        Columns whose groups have a normal intercept each, e.g. ``["client", "caseworker"]``. Names of groups within
        others must differ between these (herd 1 of region A is not herd 1 of region B).
    method : {"laplace", "agq"}
        Laplace's approximation; or, for one intercept, adaptive Gauss-Hermite quadrature.
    nodes : int, default 15
        Points of the quadrature; with Laplace's approximation and one intercept, of the check in the summary.
    weights : str, optional
        Column of positive case weights: copies of the row, in its groups.
    vcov : {"model", "robust"} or bip.cluster(...), default "model"
        Observed information of all parameters; sandwich with each independent group a unit; cluster-robust, by columns
        that hold groups whole.
    missing : {"raise", "drop"}

    Returns
    -------
    MixedLogitResult
        ``.params`` are the fixed effects: log odds ratios for given intercepts. ``.random`` are the standard
        deviations of the intercepts, ``.effects(column)`` the intercepts.

    Raises
    ------
    ModelError
        The data cannot be used or the model not be estimated: one group, groups of one row, groups that are the same,
        an outcome that does not vary within groups, or that happens at most once in each.

    Notes
    -----
    The model is :math:`\mathrm{logit} P(y_i = 1) = x_i'\beta + \sum_k \sigma_k u_{k g_k(i)}` with independent standard
    normal u. With their mode and minus the second derivatives H of the joint log-likelihood there, Laplace's
    approximation of the log-likelihood is :math:`l(\hat u) - \hat u'\hat u / 2 - \tfrac12 \log |H|`. It is maximised
    over :math:`\beta` and :math:`\sigma` together by its exact gradient; errors are from the second derivatives in
    all parameters. Few rows or rare events per group make it inexact: the summary prints the log-likelihood by other
    means beside it (quadrature; importance sampling for several intercepts).

    Whether a standard deviation is zero is decided by the slope of the likelihood in the variance there; all zero is
    exactly the model without random intercepts. Equal rows of equal groups are collapsed to counts.

    References
    ----------
    Breslow, N. & Clayton, D. (1993). Approximate inference in generalized linear mixed models. *JASA*.
    Pinheiro, J. & Bates, D. (1995). Approximations to the log-likelihood function in the nonlinear mixed-effects model.
    *Journal of Computational and Graphical Statistics*.
    Skaug, H. & Fournier, D. (2006). Automatic approximation of the marginal likelihood in non-Gaussian hierarchical
    models. *Computational Statistics & Data Analysis*.

    Examples
    --------
    >>> import numpy as np, pandas as pd, bipstats as bip
    >>> draw = np.random.default_rng(1)
    >>> rows = pd.DataFrame({"team": np.repeat(np.arange(30), 20), "x": draw.normal(size=600)})
    >>> eta = 0.5 * rows["x"] + draw.normal(size=30)[rows["team"]]
    >>> rows["y"] = (draw.random(600) < 1 / (1 + np.exp(-eta))).astype(int)
    >>> fit = bip.mixed_logit("y ~ x", rows, random="team")
    >>> fit.params.index.tolist(), fit.random["group"].tolist()
    (['Intercept', 'x'], ['team'])
    """
    check_vcov(vcov)
    check_mixed_vcov(vcov)
    names = read_random(random)
    check_method(method, nodes, len(names))
    check_names({}, {"weights": weights})
    require_frame(data)
    outcome, rhs = split_formula(formula, two_sided=True)
    assert outcome is not None
    spec = MixedLogitSpecification(outcome, rhs, names, weights, missing)
    mixed = _prepared(spec, data, vcov, None)
    found, rows = fit_mixed(mixed, method, nodes, vcov), mixed.rows
    fit = Fit(found.loglik, rows.n_rows, rows.n_events, None, found.evaluations, rows.flow)
    return MixedLogitResult(found.estimates, rows.design, fit, found.made.clusters, found.random, spec)


def _prepared(
    spec: MixedLogitSpecification, data: pd.DataFrame, vcov: Vcov, design: Design | None
) -> MixedRows:
    # What robust errors take for a unit is a group, so that equal rows may always be collapsed.
    return counting_rows(lambda collapse: _prepare(spec, data, vcov, design, collapse), vcov, spec.random[0])


def _prepare(
    spec: MixedLogitSpecification, data: pd.DataFrame, vcov: Vcov, design: Design | None, collapse: bool
) -> MixedRows:
    """Check and collapse rows, and build the design (or reuse one)."""
    covariates, others = formula_columns(spec.formula), [event_column(spec.outcome)]
    require_columns(data, covariates)
    require_columns(data, [*others, *([] if spec.weights is None else [spec.weights])], "the model")
    require_columns(data, spec.random, "random=")
    clusters = cluster_columns(vcov)
    require_columns(data, clusters, "vcov=")
    columns = [*covariates, *others, *spec.random]
    counted, n_missing = counted_rows(data, columns, clusters, spec.weights, spec.missing, collapse=collapse)
    outcome = event_indicator(counted.data, spec.outcome)
    if outcome.all():
        raise ModelError(
            f"the outcome {spec.outcome!r} is 1 in all {len(outcome):,} rows; nothing can be estimated."
        )
    groups = find_groups(counted.data, spec.random)
    refuse_degenerate(groups, counted.weight * outcome, counted.weight)
    if design is None:
        design, matrix = fit_design(spec.formula, counted.data, counted.count)
    else:
        matrix = design.matrix(counted.data)
    rows = binomial_rows(
        matrix,
        design,
        counted,
        outcome,
        intercept(len(outcome)),
        {},
        offset=np.zeros(len(outcome)),
        link="logit",
        unit=None,
        flow=(("given", len(data)), ("with missing values", n_missing)),
    )
    return MixedRows(rows, groups)
