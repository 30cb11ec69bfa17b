"""Likelihood of a discrete mixing law by enumeration, its derivatives by differences, and what its search must hold."""

import numpy as np
import pytest
from mixtures import enumerated
from numpy.testing import assert_allclose

from bipstats.models.kernels.mixture import Law, MixtureProblem, evaluate, log_likelihood
from bipstats.models.kernels.mixture_climb import Found, climb
from bipstats.models.kernels.mixture_rows import channel
from bipstats.models.kernels.mixture_search import GAIN, build_up, directions
from bipstats.models.kernels.newton import maximise

UNITS = 12


def rows_of(draw, link, n=60, p=2, levels=3, events=True):
    trials = draw.uniform(0.5, 3, n) if link == "log" else draw.integers(1, 4, n).astype(float)
    highest = np.full(n, 2.0) if link == "log" else trials
    happened = np.minimum(draw.integers(0, 2, n) * draw.integers(0, 2, n), highest) * events
    return channel(
        draw.normal(size=(n, p)) / 2,
        draw.integers(0, levels, n),
        happened,
        trials,
        draw.normal(size=n) / 5,
        link,
        draw.integers(0, UNITS, n),
        n_levels=levels,
        n_units=UNITS,
    )


def with_before(rows, draw):
    """Some time before entry, which is in the numerator too."""
    early = rows_of(draw, rows.link, n=20, p=rows.x.shape[1], levels=rows.n_levels, events=False)
    names = ("x", "level", "events", "trials", "offset", "unit")
    x, level, events, trials, offset, unit = (
        np.concatenate([getattr(rows, name), getattr(early, name)]) for name in names
    )
    whole = channel(x, level, events, trials, offset, rows.link, unit, n_levels=rows.n_levels, n_units=UNITS)
    return MixtureProblem((whole,), (early,), UNITS)


def problem_of(name):
    draw = np.random.default_rng(4)
    if name == "two hazards":
        return MixtureProblem((rows_of(draw, "cloglog"), rows_of(draw, "cloglog", n=40, p=1)), (), UNITS)
    if name == "late entry":
        return with_before(rows_of(draw, "log"), draw)
    return MixtureProblem((rows_of(draw, name),), (), UNITS)


def law_of(problem, points=3):
    draw = np.random.default_rng(8)
    locations = draw.normal(size=(points, len(problem.channels))) - 0.5
    return Law(
        draw.normal(size=problem.n_structural) / 3, locations, np.r_[0.0, draw.normal(size=points - 1)]
    )


PROBLEMS = ("cloglog", "logit", "log", "two hazards", "late entry")


@pytest.mark.parametrize("name", PROBLEMS)
def test_log_likelihood_is_the_sum_over_units_points_and_rows(name):
    problem = problem_of(name)
    law = law_of(problem)
    assert_allclose(log_likelihood(law, problem), enumerated(law, problem), rtol=1e-12)
    assert_allclose(evaluate(law, problem).loglik, enumerated(law, problem), rtol=1e-12)


@pytest.mark.parametrize("name", PROBLEMS)
def test_derivatives_agree_with_finite_differences(name):
    problem = problem_of(name)
    law = law_of(problem)
    params, step = law.pack(), 1e-5
    shifts = step * np.eye(len(params))
    at = evaluate(law, problem)
    value = lambda theta: log_likelihood(law.unpack(theta), problem)  # noqa: E731
    slope = lambda theta: evaluate(law.unpack(theta), problem).gradient  # noqa: E731
    gradient = [(value(params + s) - value(params - s)) / (2 * step) for s in shifts]
    curvature = [(slope(params - s) - slope(params + s)) / (2 * step) for s in shifts]
    assert_allclose(at.gradient, gradient, rtol=1e-6, atol=1e-7)
    assert_allclose(at.information, curvature, rtol=1e-6, atol=1e-6)
    assert_allclose(at.scores.sum(axis=0), at.gradient, atol=1e-11)
    assert (np.linalg.eigvalsh(at.complete) > 0).all()


def test_points_at_the_edge_are_never_and_at_once():
    """Units with an event are never of the first kind, units that survive a row never of the second."""
    draw = np.random.default_rng(1)
    unit = np.arange(30) % UNITS
    events = (unit % 3 == 0).astype(float)
    rows = channel(
        draw.normal(size=(30, 1)), np.zeros(30, int), events, np.ones(30), np.zeros(30), "cloglog", unit,
        n_levels=1, n_units=UNITS,
    )  # fmt: skip
    problem = MixtureProblem((rows,), (), UNITS)
    law = Law(np.array([0.3]), np.array([[-np.inf], [-1.0], [np.inf]]), np.array([0.0, 0.5, -0.5]))
    at = evaluate(law, problem)
    assert_allclose(at.loglik, enumerated(law, problem), rtol=1e-12)
    some = np.isin(np.arange(UNITS), unit[events > 0])
    assert (at.weights[some, 0] == 0).all() and (at.weights[~some, 2] == 0).all()
    far = Law(law.structural, np.array([[-40.0], [-1.0], [8.0]]), law.log_odds)
    assert_allclose(log_likelihood(far, problem), at.loglik, atol=1e-9)
    assert len(at.gradient) == len(law.pack()) == 1 + 1 + 2


def simulated(locations, shares, persons=800, seed=2):
    draw = np.random.default_rng(seed)
    v = np.array(locations)[draw.choice(len(locations), persons, p=shares)]
    x = draw.normal(size=(persons, 1))
    hazard = -np.expm1(-np.exp((v + 0.7 * x[:, 0])[:, None] + np.zeros(6)))
    event = draw.random((persons, 6)) < hazard
    unit, period = np.nonzero(np.cumsum(event, axis=1) - event == 0)
    rows = channel(
        x[unit], period // 3, event[unit, period].astype(float), np.ones(len(unit)), np.zeros(len(unit)), "cloglog",
        unit, n_levels=2, n_units=persons,
    )  # fmt: skip
    return MixtureProblem((rows,), (), persons)


def one_point(problem):
    start = Law(np.zeros(problem.n_structural), np.full((1, len(problem.channels)), -2.0), np.zeros(1))
    best = maximise(
        lambda theta: evaluate(start.unpack(theta), problem),
        lambda theta: log_likelihood(start.unpack(theta), problem),
        start.pack(),
    )
    return start.unpack(best.params)


def test_the_directional_derivative_is_the_gain_of_a_little_of_a_point():
    problem = simulated((-3.0, -0.8), (0.6, 0.4))
    law = one_point(problem)
    ahead = directions(law, problem)
    share = 1e-7
    for place in (0, 20, 40, len(ahead.slope) - 1):
        more = Law(
            law.structural,
            np.vstack([law.locations, ahead.locations[place]]),
            np.array([0.0, np.log(share / (1 - share))]),
        )
        gain = (log_likelihood(more, problem) - log_likelihood(law, problem)) / share
        assert_allclose(gain, ahead.slope[place], rtol=1e-3, atol=1e-2)
    assert ahead.largest > GAIN


def test_each_point_more_raises_the_likelihood_and_ends_at_a_zero_score():
    problem = simulated((-3.0, -0.8), (0.6, 0.4))
    path = build_up(problem, one_point(problem), 0, 3)
    values = [stage.found.at.loglik for stage in path.stages]
    assert len(values) >= 2 and (np.diff(values) > GAIN).all()
    for stage in path.stages:
        at = stage.found.at
        assert np.abs(at.gradient / np.sqrt(np.diag(at.information))).max() < 1e-5
        assert (np.linalg.eigvalsh(at.information) > 0).all()
        assert (np.diff(stage.found.law.locations[:, 0]) > 0).all()


def test_a_type_that_never_leaves_is_found_at_minus_infinity():
    problem = simulated((-np.inf, -1.0), (0.5, 0.5))
    law = build_up(problem, one_point(problem), 0, 2).stages[1].found.law
    assert law.locations[0, 0] == -np.inf
    assert_allclose(law.probabilities[0], 0.5, atol=0.06)


def test_the_maximum_does_not_depend_on_the_start():
    problem = simulated((-3.0, -0.8), (0.6, 0.4))
    first = one_point(problem)
    ends = [
        climb(problem, Law(first.structural, np.array(locations)[:, None], np.array([0.0, odds])))
        for locations, odds in (((-3.0, -1.0), 0.0), ((-1.5, -1.0), 2.0), ((-5.0, 1.0), -2.0))
    ]
    assert all(isinstance(end, Found) for end in ends)
    assert_allclose([end.at.loglik for end in ends], ends[0].at.loglik, rtol=1e-12)
    assert_allclose(ends[1].law.pack(), ends[0].law.pack(), rtol=1e-6)
