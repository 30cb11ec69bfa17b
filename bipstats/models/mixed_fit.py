"""From counted rows and their groups to estimates: the search, the covariance, the check of the likelihood."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from scipy import stats

from bipstats.core.columns import Floats, Ints, group_codes
from bipstats.core.covariance import Covariance, Vcov, covariance
from bipstats.core.estimates import Estimates
from bipstats.core.result import report
from bipstats.errors import ModelError, OptionError, check_option
from bipstats.models.binomial import BinomialRows, maximum
from bipstats.models.kernels import binomial, laplace, quadrature
from bipstats.models.kernels import intercepts as search
from bipstats.models.kernels.binomial import BinomialProblem
from bipstats.models.kernels.crossing import inverse_at_cells
from bipstats.models.kernels.intercepts import Found, Intercepts
from bipstats.models.kernels.laplace import Marginal
from bipstats.models.kernels.likelihood_check import simulate_likelihood
from bipstats.models.kernels.newton import NoMaximum
from bipstats.models.mixed_groups import Groups, independent_unit, refuse_split_groups
from bipstats.threads import one_thread

Method = Literal["laplace", "agq"]
MOST_KEPT = 4096
"""Groups of a column beyond which a result keeps no effects."""
_PAIRS, _CHECK_NODES, _CHECK_SEED = 50, 5, 20140401


@dataclass(frozen=True, slots=True)
class MixedRows:
    """Rows ready for the search.

    Attributes
    ----------
    rows : BinomialRows
    groups : Groups
    """

    rows: BinomialRows
    groups: Groups

    @property
    def counts(self) -> BinomialProblem:
        """Counts with the fixed effects."""
        assert isinstance(self.rows.problem, BinomialProblem)
        return self.rows.problem

    def model(self, method: Method, nodes: int) -> Intercepts:
        """The likelihood as a function of fixed effects and standard deviations."""
        return Intercepts(self.counts, self.groups.codes, nodes if method == "agq" else None)


@dataclass(frozen=True, slots=True, eq=False)
class Effects:
    """Effects of the groups of one column.

    Attributes
    ----------
    levels : tuple
    mode, std_error : (G,) arrays
        Most likely effect; its standard error given the estimates.

    Examples
    --------
    >>> import bipstats as bip
    >>> rows = bip.landmarks(bip.simulate(clients=600, rng=1), at="first")
    >>> fit = bip.mixed_logit("entered ~ caseworker_belief", rows, random="jobcentre")
    >>> kept = fit.intercepts.effects["jobcentre"]
    >>> len(kept.levels) == len(kept.mode) == len(kept.std_error)
    True
    """

    levels: tuple[object, ...]
    mode: Floats
    std_error: Floats


@dataclass(frozen=True, slots=True)
class LikelihoodCheck:
    """The log-likelihood once more, by other means.

    Attributes
    ----------
    loglik : float
    mc_error : float or None
        Of a simulation; NaN where it could not be told.
    how : str

    Examples
    --------
    >>> import pandas as pd, bipstats as bip
    >>> rows = pd.DataFrame({"herd": [k for k in range(12) for _ in range(6)], "x": [0, 1, 0, 1, 0, 1] * 12,
    ...                      "y": [1, 1, 1, 1, 0, 1, 0, 0, 0, 0, 0, 1] * 6})
    >>> fit = bip.mixed_logit("y ~ x", rows, random="herd")
    >>> bool(abs(fit.intercepts.check.loglik - fit.loglik) < 0.5)
    True
    """

    loglik: float
    mc_error: float | None
    how: str


@dataclass(frozen=True, slots=True, eq=False)
class RandomIntercepts:
    """What a fit says about its random intercepts; holds no rows.

    Attributes
    ----------
    columns : tuple of str
        In descending order of the numbers of groups.
    n_groups : tuple of int
    sd : (K,) array
        Standard deviations; exactly zero at the boundary.
    log_sd_error : (K,) array
        Standard errors of their logarithms; NaN where zero.
    statistic, p_value : (K,) arrays
        Likelihood ratio against the model without the column, and its p-value from half chi2(0), half chi2(1).
    information : (P + K', P + K') array
        Minus the second derivatives in working parameters and standard deviations that are not zero.
    effects : dict of str to Effects
        Of columns that are kept.
    method : {"laplace", "agq"}
    nodes : int
    check : LikelihoodCheck or None
        None where all standard deviations are zero.
    loglik_plain : float
        Without random intercepts.
    gradient : float
        Largest component of the gradient at the estimate, in standard errors.

    Examples
    --------
    >>> import bipstats as bip
    >>> rows = bip.landmarks(bip.simulate(clients=600, rng=1), at="first")
    >>> fit = bip.mixed_logit("entered ~ caseworker_belief", rows, random="jobcentre")
    >>> fit.intercepts.columns, fit.intercepts.n_groups, fit.intercepts.method
    (('jobcentre',), (10,), 'laplace')
    """

    columns: tuple[str, ...]
    n_groups: tuple[int, ...]
    sd: Floats
    log_sd_error: Floats
    statistic: Floats
    p_value: Floats
    information: Floats
    effects: dict[str, Effects]
    method: Method
    nodes: int
    check: LikelihoodCheck | None
    loglik_plain: float
    gradient: float


@dataclass(frozen=True, slots=True)
class MixedFit:
    """Estimates of fixed effects and of the random intercepts' distribution."""

    estimates: Estimates
    made: Covariance
    random: RandomIntercepts
    loglik: float
    evaluations: int


def check_method(method: object, nodes: object, n_columns: int) -> None:
    """Raise unless method and number of nodes fit together and the number of random intercepts."""
    check_option("method", method, ("laplace", "agq"))
    if isinstance(nodes, bool) or not isinstance(nodes, int | np.integer) or not 2 <= nodes <= 100:
        raise OptionError(f"nodes={nodes!r} is not a number of quadrature points from 2 to 100.")
    if method == "agq" and n_columns > 1:
        raise ModelError(
            f'method="agq" integrates over one random intercept; random= names {n_columns}. Use '
            'method="laplace", whose log-likelihood the summary checks by simulation.'
        )


def fit_mixed(mixed: MixedRows, method: Method, nodes: int, vcov: Vcov) -> MixedFit:
    """Maximise the likelihood and make the covariance."""
    rows, groups = mixed.rows, mixed.groups
    plain = maximum(rows)
    model = mixed.model(method, nodes)
    with one_thread():
        try:
            found = search.maximum(model, plain.params)
        except NoMaximum:
            raise _no_maximum(groups) from None
        if found.at is None:
            at = binomial.evaluate(plain.params, mixed.counts)
            found_at, params, information = None, plain.params, at.information
        else:
            found_at, params, information = found.at, found.at.params, found.information
        made = make_covariance(mixed, params, found_at, information, vcov)
        working = params[: len(rows.working)]
        estimates = report(rows.names, rows.transform @ working, made, transform_of(mixed, len(params)))
        random = _random_intercepts(mixed, method, nodes, found, information, made, plain.at.loglik)
    loglik = plain.at.loglik if found.at is None else found.at.loglik
    return MixedFit(estimates, made, random, loglik, found.evaluations)


def _no_maximum(groups: Groups) -> ModelError:
    return ModelError(
        "the likelihood has no maximum that could be found: it rises as the standard deviation of "
        f"{' or '.join(groups.columns)} grows beyond {search.LARGEST:g}. Most groups have one outcome only, or too few "
        "rows or events.\n"
        "  To look: data.groupby(column)[outcome].agg(['size', 'sum']). Use a coarser column, or leave one out."
    )


def transform_of(mixed: MixedRows, n_params: int) -> Floats:
    """Working parameters with standard deviations behind them to reported terms."""
    transform = mixed.rows.transform
    return np.hstack([transform, np.zeros((len(transform), n_params - transform.shape[1]))])


def make_covariance(
    mixed: MixedRows, params: Floats, at: Marginal | None, information: Floats, vcov: Vcov
) -> Covariance:
    """Covariance of all parameters; `at` is None where every standard deviation is zero."""
    rows, groups = mixed.rows, mixed.groups

    def score_sums(group: Ints) -> Floats:
        if at is None:
            return binomial.score_sums(params, mixed.counts, group)
        return laplace.scores(at, group)

    def codes(name: object) -> Ints:
        assert isinstance(name, str)
        found = group_codes(rows.data, name, "vcov=")
        refuse_split_groups(groups, name, found)
        return found

    unit = independent_unit(groups, vcov)
    return covariance(vcov, information, score_sums, codes, unit, rows.n_rows)


def _random_intercepts(
    mixed: MixedRows,
    method: Method,
    nodes: int,
    found: Found,
    information: Floats,
    made: Covariance,
    plain: float,
) -> RandomIntercepts:
    groups, kept = mixed.groups, list(found.kept)
    n_columns, n_fixed = len(groups.columns), len(mixed.rows.working)
    sd, errors = np.zeros(n_columns), np.full(n_columns, np.nan)
    statistic, gradient = np.zeros(n_columns), 0.0
    if found.at is not None:
        own = found.at.params[n_fixed:]
        sd[kept] = np.abs(own)
        errors[kept] = np.sqrt(np.diag(made.matrix)[n_fixed:]) / sd[kept]
        statistic[kept] = 2 * (found.at.loglik - np.array(found.without))
        gradient = float(np.max(np.abs(found.at.gradient) / np.sqrt(np.diag(information))))
    return RandomIntercepts(
        groups.columns,
        groups.sizes,
        sd,
        errors,
        statistic,
        np.where(sd == 0, 1.0, 0.5 * stats.chi2.sf(statistic, 1)),
        information,
        {name: own for name, own in group_effects(mixed, found.at, kept).items() if _is_kept(name, own)},
        method,
        nodes,
        None if found.at is None else _check(found.at, method, nodes),
        plain,
        gradient,
    )


def _is_kept(name: str, effects: Effects) -> bool:
    return name != "client" and len(effects.levels) <= MOST_KEPT


def group_effects(mixed: MixedRows, at: Marginal | None, kept: list[int]) -> dict[str, Effects]:
    """Effects of every column's groups; zero where the standard deviation is."""
    groups = mixed.groups
    found = {
        name: Effects(levels, np.zeros(len(levels)), np.zeros(len(levels)))
        for name, levels in zip(groups.columns, groups.levels, strict=True)
    }
    if at is None:
        return found
    crossing, sd = at.problem.crossing, at.problem.split(at.params)[1]
    spread = crossing.spread(sd)
    error = spread * np.sqrt(inverse_at_cells(at.modes.precision, sd, crossing).diagonal)
    for k, own in zip(kept, crossing.slices, strict=True):
        name, levels = groups.columns[k], groups.levels[k]
        found[name] = Effects(levels, (spread * at.modes.u)[own], error[own])
    return found


def _check(at: Marginal, method: Method, nodes: int) -> LikelihoodCheck:
    """The log-likelihood by a finer quadrature, or by simulation."""
    if len(at.problem.crossing.sizes) == 1:
        finer = nodes if method == "laplace" else 2 * nodes + 1
        value = quadrature.evaluate(at.params, at.problem, finer, at).loglik
        return LikelihoodCheck(value, None, f"quadrature with {finer} nodes")
    found = simulate_likelihood(at, _CHECK_NODES, _PAIRS, np.random.default_rng(_CHECK_SEED))
    how = f"importance sampling, {2 * _PAIRS} draws from a fixed seed"
    return LikelihoodCheck(found.loglik, found.mc_error, how)
