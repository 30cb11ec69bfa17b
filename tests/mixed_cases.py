"""What the tests of random intercepts share: R's numbers and small problems on arrays and in frames."""

import json
from functools import cache

import numpy as np
import pandas as pd
from numpy.polynomial.hermite import hermgauss
from numpy.testing import assert_allclose
from references import FOLDER

from bipstats.models.kernels.binomial import binomial_problem, linear_predictor, working
from bipstats.models.kernels.crossing import cross
from bipstats.models.kernels.laplace import MixedProblem


@cache
def r_cases():
    return json.loads((FOLDER / "mixed.json").read_text())


def agrees_with(name, fit):
    """Everything that glmmTMB gives; its and our second derivatives are by differences of a gradient, hence 2e-6."""
    expected = r_cases()[name]
    columns = [expected["groups"]] if isinstance(expected["groups"], str) else expected["groups"]
    random = fit.random.set_index("group").loc[columns]
    errors = pd.Series(fit.intercepts.log_sd_error, fit.intercepts.columns)[columns]
    assert_allclose(fit.params, expected["coef"], rtol=1e-8)
    assert_allclose(random["sd"], np.atleast_1d(expected["sd"]), rtol=1e-8)
    assert_allclose(fit.loglik, expected["loglik"], rtol=1e-10)
    assert_allclose(fit.bse, expected["std_error"], rtol=2e-6)
    assert_allclose(errors, np.atleast_1d(expected["log_sd_error"]), rtol=2e-6)
    for column in columns:
        effects = fit.intercepts.effects.get(column)
        if effects is not None:
            assert_allclose(effects.mode, expected["modes"][column], rtol=1e-7, atol=1e-8)
            assert_allclose(effects.std_error, expected["mode_error"][column], rtol=1e-7)


def problem_of(seed, sizes, link="logit", n=90):
    """Counts with three levels, two slopes and crossed factors; a parameter to look at."""
    draw = np.random.default_rng(seed)
    trials = draw.integers(1, 4, n).astype(float)
    successes = np.minimum(draw.integers(0, 3, n), trials).astype(float)
    counts = binomial_problem(
        draw.normal(size=(n, 2)), draw.integers(0, 3, n), successes, trials, draw.normal(size=n) / 5, link
    )
    factors = [np.concatenate([np.arange(size), draw.integers(0, size, n - size)]) for size in sizes]
    params = np.array([-0.5, -0.2, 0.1, 0.3, -0.4, *(0.9, 0.6, 0.4)[: len(sizes)]])
    return MixedProblem(counts, cross(factors)), params, factors


def brute_force(params, problem, factors, nodes=22):
    """Log-likelihood with two factors, the second of two groups: a product of Gauss-Hermite rules."""
    fixed, (first, second) = problem.split(params)
    counts, (one, other) = problem.fixed, factors
    x, w = hermgauss(nodes)
    base, total = linear_predictor(fixed, counts), -np.inf
    for a, weight_a in zip(x, w, strict=True):
        for b, weight_b in zip(x, w, strict=True):
            given = base + second * np.sqrt(2) * np.array([a, b])[other]
            inner = [
                np.bincount(one, working(given + first * np.sqrt(2) * u, counts).terms, one.max() + 1)
                for u in x
            ]
            groups = np.log((w[:, None] / np.sqrt(np.pi) * np.exp(inner)).sum(axis=0)).sum()
            total = np.logaddexp(total, groups + np.log(weight_a * weight_b / np.pi))
    return total


def grouped(seed, n=600, sizes=(25, 8), sds=(0.9, 0.6)):
    """A frame with an outcome that recurs in groups a, b, ... and two covariates."""
    draw = np.random.default_rng(seed)
    rows = pd.DataFrame({"x": draw.integers(0, 4, n).astype(float), "z": draw.choice(["u", "v"], n)})
    eta = -1 + 0.4 * rows["x"] - 0.3 * (rows["z"] == "v")
    for name, size, sd in zip("abc", sizes, sds, strict=False):
        rows[name] = np.concatenate([np.arange(size), draw.integers(0, size, n - size)])
        eta += sd * draw.normal(size=size)[rows[name]]
    rows["y"] = (draw.random(n) < 1 / (1 + np.exp(-eta))).astype(int)
    return rows
