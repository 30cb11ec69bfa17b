"""Likelihood ratios of random intercepts on data drawn without them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from bipstats.models.kernels import binomial
from bipstats.models.kernels.binomial import linear_predictor, mean
from bipstats.models.kernels.crossing import Floats
from bipstats.models.kernels.intercepts import Intercepts, ascend
from bipstats.models.kernels.newton import NoMaximum, maximise
from bipstats.threads import one_thread


def ratio(model: Intercepts, rest: Sequence[int]) -> tuple[float, Floats]:
    """Likelihood ratio of all factors against some of them, and the parameters with those.

    Parameters
    ----------
    model : Intercepts
    rest : sequence of int
        Factors that stay.

    Raises
    ------
    NoMaximum
    """
    counts = model.fixed
    plain = maximise(
        lambda params: binomial.evaluate(params, counts, observed=True),
        lambda params: binomial.log_likelihood(params, counts),
        binomial.starting_values(counts),
    )
    kept = tuple(range(len(model.factors)))
    full = ascend(model, kept, plain.params, model.problem(kept)).at.loglik
    if not rest:
        return max(2 * (full - plain.at.loglik), 0.0), plain.params
    null = ascend(model, tuple(rest), plain.params, model.problem(rest)).at
    return max(2 * (full - null.loglik), 0.0), null.params


def simulated_ratio(
    rng: np.random.Generator, model: Intercepts, rest: Sequence[int], params: Floats
) -> float:
    """The same on outcomes drawn from the model with some of the factors; NaN where there is no maximum.

    Parameters
    ----------
    rng : numpy.random.Generator
    model : Intercepts
    rest : sequence of int
        Factors whose intercepts are drawn.
    params : (P + K',) array
        Fixed effects and their standard deviations.
    """
    counts = model.fixed
    n_fixed = counts.by_level.shape[0] + counts.x.shape[1]
    eta = linear_predictor(params[:n_fixed], counts)
    for factor, sd in zip(rest, params[n_fixed:], strict=True):
        codes = model.factors[factor]
        eta = eta + sd * rng.standard_normal(int(codes.max()) + 1)[codes]
    drawn = rng.binomial(counts.trials.astype(np.int64), mean(eta, counts.link)).astype(float)
    again = replace(model, fixed=replace(counts, successes=drawn))
    with one_thread():
        try:
            return ratio(again, rest)[0]
        except NoMaximum:
            return float("nan")
