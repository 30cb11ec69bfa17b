"""Conditional logit: matched sets and panels of recurrent outcomes, every group with an effect of its own."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import ClassVar, Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from bipstats.core.columns import (
    Floats,
    Ints,
    Missing,
    complete_rows,
    group_codes,
    require_columns,
    require_frame,
)
from bipstats.core.covariance import Covariance, Vcov, check_vcov, cluster_columns, covariance, group_sums
from bipstats.core.design import Design, fit_design, formula_columns, split_formula
from bipstats.core.result import Fit, Result, report, used_columns, with_covariance
from bipstats.errors import ModelError, check_option
from bipstats.models.absorbing import refuse_absorbing
from bipstats.models.identify import require_same_fit, standardise
from bipstats.models.inputs import check_names, event_column, event_indicator, read_weights
from bipstats.models.kernels.conditional import (
    ConditionalProblem,
    conditional_problem,
    evaluate,
    log_likelihood,
    scores,
)
from bipstats.models.kernels.newton import Evaluation
from bipstats.models.refits import conditional_refits
from bipstats.models.search import find_maximum
from bipstats.models.separation import MERGE, refuse_separation, separated_sides

Flags = NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class ConditionalSpecification:
    """What was asked for; enough to prepare the same rows again."""

    outcome: str
    formula: str
    groups: tuple[str, ...]
    weights: str | None
    missing: Missing

    @property
    def columns(self) -> list[str]:
        """Columns besides the covariates that must be complete."""
        weights = [] if self.weights is None else [self.weights]
        return [event_column(self.outcome), *self.groups, *weights]

    @property
    def group_words(self) -> str:
        """The groups, for messages."""
        return " x ".join(self.groups)


@dataclass(frozen=True, slots=True)
class ConditionalRows:
    """Rows of groups with both outcomes, ready for the kernel.

    Attributes
    ----------
    problem : ConditionalProblem
        In centred and scaled covariates.
    x : (n, p) array
        The same covariates, row by row.
    scale : (p,) array
    group : (n,) integer array
        Group of each row, 0..G-1.
    event : (n,) boolean array
    design : Design
    data : pandas.DataFrame
        The rows, for identifiers of clusters.
    flow : tuple of (str, int)
    """

    problem: ConditionalProblem
    x: Floats
    scale: Floats
    group: Ints
    event: Flags
    design: Design
    data: pd.DataFrame
    flow: tuple[tuple[str, int], ...]


@dataclass(frozen=True, repr=False, eq=False)
class ConditionalLogitResult(Result):
    """A fitted conditional logit.

    Attributes
    ----------
    specification : ConditionalSpecification

    Examples
    --------
    >>> import pandas as pd, bipstats as bip
    >>> rows = pd.DataFrame({"set": [1, 1, 1, 2, 2, 2, 3, 3], "case": [1, 0, 0, 1, 0, 0, 1, 0],
    ...                      "x": [2, 1, 0, 1, 2, 1, 1, 0]})
    >>> fit = bip.conditional_logit("case ~ x", rows, groups="set")
    >>> fit.params.index.tolist(), fit.n_events
    (['x'], 3)
    """

    specification: ConditionalSpecification | None = None

    title: ClassVar[str] = "Conditional logit"
    ratio: ClassVar[str] = "odds ratio"

    @property
    def _spec(self) -> ConditionalSpecification:
        assert self.specification is not None
        return self.specification

    def predict(self, new: pd.DataFrame, kind: Literal["odds_ratio"] = "odds_ratio") -> pd.Series:
        """Odds of each new row relative to a row of the same group with covariates zero.

        Parameters
        ----------
        new : pandas.DataFrame
            Rows with the formula's columns.
        kind : {"odds_ratio"}
            ``exp(x'b)``. A probability there is not: the effects of the groups are not estimated.

        Returns
        -------
        pandas.Series
        """
        check_option("kind", kind, ("odds_ratio",))
        with np.errstate(over="ignore"):
            odds = np.exp(self.design.matrix(new) @ self.estimates.values)
        if not np.isfinite(odds).all():
            raise ModelError(
                "odds ratios are out of a number's range: some covariate lies far from zero (a year?). Centre it."
            )
        return pd.Series(odds, index=new.index, name="odds_ratio")

    def with_vcov(self, vcov: Vcov, data: pd.DataFrame) -> ConditionalLogitResult:
        """Give the same fit with another covariance; `data` must be the fitted data."""
        check_vcov(vcov)
        rows = _prepare(self._spec, require_frame(data), self.design)
        working = self.estimates.values * rows.scale
        at = evaluate(working, rows.problem)
        require_same_fit(at, self.loglik)
        made = _covariance(vcov, rows, self._spec, working, at)
        return replace(self, **with_covariance(self, made, np.diag(1 / rows.scale)))

    def methods_text(self) -> str:
        """One paragraph for a methods section."""
        weights = "" if self._spec.weights is None else f", groups weighted by {self._spec.weights}"
        return (
            f"We estimated a logit of {self._spec.outcome} conditional on the number of events in each of "
            f"{self.fit.n_units:,} groups ({self._spec.group_words}) by exact conditional maximum likelihood, on "
            f"{self.nobs:,} rows with {self.n_events:,} events{weights}; {self._errors_and_software()}"
        )

    def _facts(self) -> dict[str, str]:
        fit = self.fit
        used = f"{fit.nobs:,} rows, {fit.n_events:,} events in {fit.n_units:,} groups by {self._spec.group_words}"
        return {**super()._facts(), "used": used, **used_columns(weights=self._spec.weights)}


def conditional_logit(
    formula: str,
    data: pd.DataFrame,
    *,
    groups: str | Sequence[str],
    vcov: Vcov = "model",
    weights: str | None = None,
    missing: Missing = "raise",
) -> ConditionalLogitResult:
    r"""Fit a logit with an effect for every group by exact conditional maximum likelihood.

    Conditioning on the number of events in each group takes the groups' effects out of the likelihood; what is
    estimated are effects of covariates that vary within groups.

    Parameters
    ----------
    formula : str
        ``"case ~ exposed + age"``; the outcome is a column of 0/1. There is no intercept.
    data : pandas.DataFrame
    groups : str or list of str
        Column of the matched sets (or units of a panel); several are crossed. Any number of events per group.
    vcov : {"model", "robust"}, bip.cluster(...) or bip.score_bootstrap(...), default "model"
        Information; sandwich with each group a unit; cluster-robust, or for few clusters, by columns that do not vary
        within groups.
    weights : str, optional
        Column of positive weights of groups, the same for all rows of one.
    missing : {"raise", "drop"}

    Returns
    -------
    ConditionalLogitResult
        Slopes are log odds ratios within groups.

    Raises
    ------
    ModelError
        The data cannot be used or the model not be estimated; the message says which column and rows. Also for
        outcomes that end the time at risk (at most one event, in a group's last row): a group's span is then
        chosen by the outcome itself.

    Notes
    -----
    With k events in the rows D of a group, it contributes :math:`\sum_{i \in D} x_i'\beta - \log \sum_S
    \exp(\sum_{i \in S} x_i'\beta)`, S running over all subsets of k rows; the sum is built up row by row, at a
    cost of rows times events (or non-events, whichever are fewer) and as much memory per group. Groups in which
    the outcome does not vary say nothing; they are left out and counted.

    References
    ----------
    Gail, M., Lubin, J. & Rubinstein, L. (1981). Likelihood calculations for matched case-control studies and
    survival studies with tied death times. *Biometrika*.
    Chamberlain, G. (1980). Analysis of covariance with qualitative data. *Review of Economic Studies*.

    Examples
    --------
    Twelve pairs of a case and a control, discordant in x; the estimate is the logarithm of 8 / 4.

    >>> import pandas as pd, bipstats as bip
    >>> pairs = pd.DataFrame({"pair": [p for p in range(12) for _ in "ab"], "y": [1, 0] * 12,
    ...                       "x": [1, 0] * 8 + [0, 1] * 4})
    >>> bip.conditional_logit("y ~ x", pairs, groups="pair").params.round(4).to_dict()
    {'x': 0.6931}
    """
    check_vcov(vcov)
    names = tuple(groups) if isinstance(groups, list | tuple) else (groups,)
    for name in names or (None,):
        check_names({"groups": name}, {"weights": weights})
    require_frame(data)
    outcome, rhs = split_formula(formula, two_sided=True)
    assert outcome is not None
    spec = ConditionalSpecification(outcome, rhs, names, weights, missing)
    rows = _prepare(spec, data, None)
    problem, terms = rows.problem, rows.design.names
    n_groups = len(problem.weight)
    best = find_maximum(
        lambda beta: evaluate(beta, problem),
        lambda beta: log_likelihood(beta, problem),
        np.zeros(len(terms)),
        names=terms,
        n_events=int(rows.event.sum()),
        explain=lambda: separated_sides(
            rows.x, terms, rows.group, rows.event.astype(float), np.ones(len(rows.x)),
            within="group", cure=MERGE,
        ),
    )  # fmt: skip
    made = _covariance(vcov, rows, spec, best.params, best.at)
    estimates = report(terms, best.params / rows.scale, made, np.diag(1 / rows.scale))
    fit = Fit(best.at.loglik, len(rows.x), int(rows.event.sum()), n_groups, best.iterations, rows.flow)
    return ConditionalLogitResult(estimates, rows.design, fit, made.clusters, spec)


def _prepare(spec: ConditionalSpecification, data: pd.DataFrame, design: Design | None) -> ConditionalRows:
    """Check the rows, leave out groups without variation, and build the design (or reuse one)."""
    covariates = formula_columns(spec.formula)
    require_columns(data, covariates)
    require_columns(data, spec.columns, "the model")
    complete, n_missing = complete_rows(data, [*covariates, *spec.columns], spec.missing)
    event = event_indicator(complete, spec.outcome)
    group = group_codes(complete, list(spec.groups), "groups=")
    refuse_absorbing(complete, event, group, spec.outcome, spec.group_words)
    events, sizes = np.bincount(group, event), np.bincount(group)
    both = (events > 0) & (events < sizes)
    if not both.any():
        raise ModelError(
            f"the outcome {spec.outcome!r} varies within none of the {len(sizes):,} groups of {spec.group_words!r}; "
            "nothing can be estimated."
        )
    used = both[group]
    rows, event, group = complete[used], event[used], (np.cumsum(both) - 1)[group[used]].astype(np.int64)
    if design is None:
        design, matrix = fit_design(spec.formula, rows)
    else:
        matrix = design.matrix(rows)
    counts = event.astype(float), np.ones(len(rows))
    refuse_separation(
        matrix, design.names, *counts, level=group, within="group", references=design.references, cure=MERGE
    )
    covariate = standardise(matrix, design.names, group, "group")
    problem = conditional_problem(covariate.x, group, event, _group_weights(rows, spec, group))
    flow = (
        ("given", len(data)),
        ("with missing values", n_missing),
        (f"in {int((~both).sum()):,} groups where {spec.outcome} does not vary", int((~used).sum())),
    )
    return ConditionalRows(
        problem,
        covariate.x,
        covariate.scale,
        group,
        event,
        design,
        rows,
        tuple((what, count) for what, count in flow if count),
    )


def _group_weights(rows: pd.DataFrame, spec: ConditionalSpecification, group: Ints) -> Floats:
    """One weight per group; weights that differ within a group have no meaning here."""
    values = read_weights(rows, spec.weights)
    weight = np.empty(int(group.max()) + 1)
    weight[group] = values
    differing = len(np.unique(group[values != weight[group]]))
    if differing:
        raise ModelError(
            f"column {spec.weights!r} differs within {differing:,} groups of {spec.group_words!r}; a weight counts "
            "whole groups. Give every row of a group the same."
        )
    return weight


def _covariance(
    vcov: Vcov, rows: ConditionalRows, spec: ConditionalSpecification, working: Floats, at: Evaluation
) -> Covariance:
    """Covariance in the working parameters; the unit of a score is the group."""
    _, first = np.unique(rows.group, return_index=True)
    _refuse_split_groups(cluster_columns(vcov), rows, first, spec.group_words)
    by_group = scores(working, rows.problem)
    heads = rows.data.iloc[first]
    return covariance(
        vcov,
        at.information,
        score_sums=lambda code: group_sums(by_group, code),
        codes=lambda name: group_codes(heads, name, "vcov="),
        unit=list(spec.groups),
        n_rows=len(rows.data),
        refits=conditional_refits(rows.problem, working, at.information, np.diag(1 / rows.scale)),
    )


def _refuse_split_groups(columns: list[str], rows: ConditionalRows, first: Ints, words: str) -> None:
    """Refuse clusters that cut through groups: the rows of a group are not independent given its events."""
    for name in columns:
        code = group_codes(rows.data, name, "vcov=")
        split = np.unique(rows.group[code != code[first][rows.group]])
        if len(split):
            raise ModelError(
                f"{len(split):,} of {len(first):,} groups of {words!r} lie in more than one cluster of {name!r}. "
                "A cluster must hold whole groups, for a group has one score.\n"
                f"  Cluster by {words!r} or by something that does not vary within it."
            )
