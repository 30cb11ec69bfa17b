"""Likelihood-ratio test of two nested fits."""

from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np
from scipy import stats

from bipstats.core.columns import listed
from bipstats.core.result import Result
from bipstats.errors import ModelError

_NOT_COMPARED = ("formula", "id", "missing")  # terms are compared by name, rows by number and log-likelihood


@dataclass(frozen=True, slots=True)
class LikelihoodRatioTest:
    """A likelihood-ratio test; made by `bip.lr_test`.

    Attributes
    ----------
    terms : tuple of str
        Terms of the larger fit that the smaller lacks; the null is that all are zero.
    statistic : float
        Twice the difference of the log-likelihoods.
    df : int
        Number of those terms.
    p_value : float
        From the chi-squared distribution.

    Examples
    --------
    >>> import bipstats as bip
    >>> rows = bip.landmarks(bip.simulate(clients=600, rng=1), at="first")
    >>> test = bip.lr_test(bip.logit("entered ~ age", rows), bip.logit("entered ~ age + sex", rows))
    >>> test.terms, test.df
    (('sex[male]',), 1)
    """

    terms: tuple[str, ...]
    statistic: float
    df: int
    p_value: float

    def __repr__(self) -> str:
        return (
            f"Likelihood-ratio test of {listed(list(self.terms))}: chi2({self.df}) = {self.statistic:.4g}, "
            f"p = {self.p_value:.4g}"
        )


def lr_test(smaller: Result, larger: Result) -> LikelihoodRatioTest:
    r"""Likelihood-ratio test of two nested maximum-likelihood fits.

    Parameters
    ----------
    smaller, larger : results of `bip.cox`, `bip.hazard` or `bip.logit`
        Of one model class, the same rows and the same arguments but the formula. The terms of the smaller must be
        among the larger's, by name and with the same levels.

    Returns
    -------
    LikelihoodRatioTest

    Raises
    ------
    ModelError
        The fits differ in more than terms, are not nested, or have robust or clustered errors.

    Notes
    -----
    :math:`2 (\ell_1 - \ell_0)` is chi-squared with as many degrees of freedom as terms are added, if the rows are
    independent given the covariates (for (start, stop] rows: if the hazard is right). With errors by clusters it
    is not: test ``larger.wald("a = 0, b = 0")``. That the rows are the same is judged by their number, the number of
    events and, for Cox, the log-likelihood without covariates.

    References
    ----------
    Therneau, T. & Grambsch, P. (2000). *Modeling Survival Data*. Springer, section 3.4.

    Examples
    --------
    >>> import pandas as pd, bipstats as bip
    >>> rows = pd.DataFrame({"stop": [4, 3, 1, 1, 2, 2, 3], "event": [1, 1, 1, 0, 1, 1, 0],
    ...                      "x": [0, 2, 1, 1, 1, 0, 0], "z": [1, 2, 1, 3, 1, 2, 3]})
    >>> bip.lr_test(bip.cox("x", rows, start=None), bip.cox("x + z", rows, start=None)).df
    1
    """
    for name, fit in (("smaller", smaller), ("larger", larger)):
        if not isinstance(fit, Result):
            raise ModelError(f"{name} must be a fit, not {type(fit).__name__}.")
    _require_one_model(smaller, larger)
    if larger.n_events is None:
        raise ModelError(
            'nested linear regressions are compared by F, which needs the larger alone: larger.wald("a = 0, b = 0").'
        )
    _require_same_rows(smaller, larger)
    terms = _added_terms(smaller, larger)
    _require_independence(smaller, larger, terms)
    gain = 2 * (larger.loglik - smaller.loglik)
    if gain < -1e-8 * (1 + abs(larger.loglik)):
        raise ModelError("the larger fit has the lower log-likelihood: these are not the same rows.")
    return LikelihoodRatioTest(terms, max(gain, 0.0), len(terms), float(stats.chi2.sf(gain, len(terms))))


def _require_one_model(smaller: Result, larger: Result) -> None:
    if type(smaller) is not type(larger):
        raise ModelError(
            f"the fits are of two models, {smaller.title!r} and {larger.title!r}; a likelihood ratio needs one."
        )
    first, second = getattr(smaller, "specification", None), getattr(larger, "specification", None)
    differing = [
        f"{field.name} ({getattr(first, field.name)!r} and {getattr(second, field.name)!r})"
        for field in (fields(first) if first is not None else ())
        if field.name not in _NOT_COMPARED and getattr(first, field.name) != getattr(second, field.name)
    ]
    integrated = [getattr(fit, "how_integrated", "") for fit in (smaller, larger)]
    if integrated[0] != integrated[1]:
        differing.append(f"how random intercepts are integrated out ({integrated[0]} and {integrated[1]})")
    if getattr(first, "penalty", None) is not None:
        raise ModelError(
            "the fits are penalised, and the penalties of two models are not comparable. Use larger.profile(data), "
            "which tests each term in the whole model."
        )
    if differing:
        raise ModelError(f"the fits differ in more than their terms: {', '.join(differing)}.")


def _require_same_rows(smaller: Result, larger: Result) -> None:
    counts = [f"{fit.nobs:,} rows with {fit.n_events:,} events" for fit in (smaller, larger)]
    nulls = [fit.fit.loglik_null for fit in (smaller, larger)]
    known = [value for value in nulls if value is not None]
    if counts[0] != counts[1]:
        raise ModelError(
            f"the fits rest on different rows: {counts[0]} and {counts[1]}. Drop the rows that lack a value of any "
            "term before both."
        )
    if len(known) == 2 and not np.isclose(known[0], known[1], rtol=1e-9):
        raise ModelError("the fits rest on different rows: without covariates their log-likelihoods differ.")


def _added_terms(smaller: Result, larger: Result) -> tuple[str, ...]:
    few, many = smaller.estimates.names, larger.estimates.names
    strange = [name for name in few if name not in many]
    strange += [
        text
        for text, factor in smaller.design.factors.items()
        if text in larger.design.factors and larger.design.factors[text].levels != factor.levels
    ]
    added = tuple(name for name in many if name not in few)
    if strange:
        raise ModelError(
            f"the fits are not nested: the larger lacks {listed(strange)} (or has it with other levels)."
        )
    if not added:
        raise ModelError("the fits have the same terms; nothing is tested.")
    return added


def _require_independence(smaller: Result, larger: Result, terms: tuple[str, ...]) -> None:
    for fit in (smaller, larger):
        if not fit.estimates.by_information:
            zeros = ", ".join(f"{name} = 0" for name in terms[:3]) + (", ..." if len(terms) > 3 else "")
            raise ModelError(
                f"a fit's errors are {fit.estimates.how}: where rows depend on one another, the likelihood ratio "
                f'is not chi-squared. Use larger.wald("{zeros}"); if they do not, fit with vcov="model".'
            )
