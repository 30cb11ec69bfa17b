"""Laplace, quadrature and simulation on arrays: gradients by differences, integrals by brute force."""

from dataclasses import replace

import numpy as np
import pytest
from mixed_cases import brute_force, problem_of
from numpy.testing import assert_allclose
from scipy.integrate import quad

from bipstats.models.kernels import ascent, laplace, quadrature
from bipstats.models.kernels.binomial import binomial_problem, linear_predictor, working
from bipstats.models.kernels.crossing import arrow, cross, inverse_at_cells
from bipstats.models.kernels.likelihood_check import simulate_likelihood

SIZES = {"one": (12,), "two": (12, 5), "three": (12, 5, 3), "sparse": (60, 30)}


def differences(value, params, step=1e-5):
    shifts = step * np.eye(len(params))
    return [(value(params + shift) - value(params - shift)) / (2 * step) for shift in shifts]


@pytest.mark.parametrize("link", ["logit", "cloglog"])
@pytest.mark.parametrize("sizes", SIZES)
def test_the_gradient_follows_mode_and_determinant(sizes, link):
    problem, params, _ = problem_of(1, SIZES[sizes], link)
    at = laplace.evaluate(params, problem)
    assert_allclose(
        at.gradient, differences(lambda p: laplace.evaluate(p, problem).loglik, params), atol=1e-6
    )
    near = laplace.evaluate(params + 0.05, problem)
    again = laplace.evaluate(params, problem, near)  # from another mode: the same point
    assert_allclose(again.gradient, at.gradient, atol=1e-7)
    assert_allclose(again.loglik, at.loglik, rtol=1e-11)


@pytest.mark.parametrize("sizes", SIZES)
def test_the_arrow_is_the_dense_matrix(sizes):
    problem, params, factors = problem_of(2, SIZES[sizes])
    sd, crossing = problem.split(params)[1], problem.crossing
    weight = np.random.default_rng(0).random(len(factors[0])) + 0.1
    dummies = np.hstack([s * np.eye(f.max() + 1)[f] for s, f in zip(sd, factors, strict=True)])
    dense = np.eye(dummies.shape[1]) + dummies.T @ (weight[:, None] * dummies)
    for own in (crossing, replace(crossing, dense=not crossing.dense)):
        found = arrow(own.by_cell(weight), sd, own)
        inverse = inverse_at_cells(found, sd, own)
        right = np.random.default_rng(1).normal(size=(len(dense), 2))
        assert_allclose(found.logdet, np.linalg.slogdet(dense)[1], rtol=1e-12)
        assert_allclose(found.solve(right), np.linalg.solve(dense, right), rtol=1e-9, atol=1e-12)
        assert_allclose(found.solve(right[:, 0]), np.linalg.solve(dense, right[:, 0]), rtol=1e-9, atol=1e-12)
        assert_allclose(inverse.diagonal, np.diag(np.linalg.inv(dense)), rtol=1e-10)
        variance = ((dummies @ np.linalg.inv(dense)) * dummies).sum(axis=1)
        assert_allclose((sd @ inverse.with_sum)[own.cell], variance, rtol=1e-10)


def test_the_first_factor_is_the_one_eliminated():
    problem, _, factors = problem_of(3, (12, 5))
    assert problem.crossing.sizes == (12, 5)
    assert_allclose(problem.crossing.by_effect.sum(axis=1)[:12], np.bincount(factors[0]))


@pytest.mark.parametrize("link", ["logit", "cloglog"])
def test_one_node_is_laplace(link):
    problem, params, _ = problem_of(4, (12,), link)
    one, other = laplace.evaluate(params, problem), quadrature.evaluate(params, problem, 1)
    assert_allclose(other.loglik, one.loglik, rtol=1e-12)
    assert_allclose(other.gradient, one.gradient, atol=1e-8)
    assert_allclose(other.pull, one.pull, atol=1e-8)
    assert_allclose(other.by_sd, one.by_sd, atol=1e-8)


@pytest.mark.parametrize("link", ["logit", "cloglog"])
@pytest.mark.parametrize("nodes", [2, 7, 15])
def test_the_gradient_of_quadrature_moves_the_nodes(nodes, link):
    problem, params, _ = problem_of(5, (12,), link)
    at = quadrature.evaluate(params, problem, nodes)
    numeric = differences(lambda p: quadrature.evaluate(p, problem, nodes).loglik, params)
    assert_allclose(at.gradient, numeric, atol=1e-6)


@pytest.mark.parametrize("link", ["logit", "cloglog"])
def test_quadrature_is_the_integral(link):
    problem, params, factors = problem_of(6, (12,), link)
    fixed, [sd] = problem.split(params)
    base, total = linear_predictor(fixed, problem.fixed), 0.0
    for group in range(12):

        def height(u, own=factors[0] == group):
            return np.exp(working(base + sd * u, problem.fixed).terms[own].sum() - u**2 / 2) / np.sqrt(
                2 * np.pi
            )

        total += np.log(quad(height, -9, 9, epsabs=0, epsrel=1e-11)[0])
    assert_allclose(quadrature.evaluate(params, problem, 25).loglik, total, rtol=1e-9)


def test_simulation_agrees_with_brute_force_where_laplace_does_not():
    problem, params, factors = problem_of(7, (9, 2), n=60)
    exact = brute_force(params, problem, factors)
    at = laplace.evaluate(params, problem)
    found = simulate_likelihood(at, 7, 300, np.random.default_rng(0))
    assert abs(found.loglik - exact) < 4 * found.mc_error < abs(at.loglik - exact)


@pytest.mark.parametrize("kernel", [laplace.evaluate, lambda p, m: quadrature.evaluate(p, m, 9)])
def test_zero_is_a_smooth_maximum_or_minimum(kernel):
    """The likelihood is even in a standard deviation; at zero it is that without the factor."""
    problem, params, _ = problem_of(8, (12,))
    zero = np.append(params[:-1], 0.0)
    at = kernel(zero, problem)
    assert abs(at.gradient[-1]) < 1e-14
    assert_allclose(at.loglik, working(linear_predictor(params[:-1], problem.fixed), problem.fixed).loglik)
    assert_allclose(
        kernel(np.append(params[:-1], -0.3), problem).loglik,
        kernel(np.append(params[:-1], 0.3), problem).loglik,
    )


def test_scores_of_independent_clusters_are_their_gradients():
    """Two halves that share no group: the scores by half are the gradients of the halves alone."""
    problem, params, factors = problem_of(9, (12, 5))
    counts = problem.fixed
    half = (np.arange(90) % 2).astype(np.int64)
    apart = [2 * f + half for f in factors]
    whole = laplace.MixedProblem(counts, cross([np.unique(f, return_inverse=True)[1] for f in apart]))
    scores = laplace.scores(laplace.evaluate(params, whole), half)
    for side in (0, 1):
        own = half == side
        rows = (
            counts.x[own],
            counts.level[own],
            counts.successes[own],
            counts.trials[own],
            counts.offset[own],
        )
        alone = binomial_problem(*rows, "logit")
        part = laplace.MixedProblem(alone, cross([np.unique(f[own], return_inverse=True)[1] for f in apart]))
        assert_allclose(scores[side], laplace.evaluate(params, part).gradient, atol=1e-7)


def test_climbing_and_polishing_end_where_the_gradient_is_zero():
    problem, params, _ = problem_of(10, (12, 5))
    start = laplace.evaluate(params, problem)

    def surface(to, near):
        return laplace.evaluate(to, problem, near)

    guess = laplace.conditional_information(start)
    top = ascent.climb(surface, start, guess)
    assert top.converged
    information = ascent.information_at(surface, top.at, 1 / np.sqrt(np.diag(guess)))
    numeric = differences(lambda p: -laplace.evaluate(p, problem).gradient, top.at.params)
    assert_allclose(information, numeric, rtol=1e-4, atol=1e-4)
    best = ascent.polish(surface, top.at, information)
    assert np.abs(best.gradient).max() < 1e-9
    held = ascent.climb(surface, start, guess, held=5)
    assert held.at.params[5] == params[5] and held.at.loglik < best.loglik
    assert np.abs(np.delete(held.at.gradient, 5)).max() < 1e-4


def test_the_limit_of_one_thread_ends_with_the_last_block_that_holds_it():
    """Blocks of two threads that overlap: afterwards BLAS has as many threads as before."""
    from threading import Barrier, Thread

    from threadpoolctl import threadpool_info

    from bipstats.threads import one_thread

    def counts():
        return [one["num_threads"] for one in threadpool_info() if one["user_api"] == "blas"]

    before, inside, barrier = counts(), [], Barrier(2)

    def block():
        with one_thread():
            barrier.wait()
            inside.append(counts())
            barrier.wait()

    threads = [Thread(target=block) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert counts() == before
    assert all(set(found) == {1} for found in inside)
