"""Shared frailty against R's coxph(frailty()), the marginal likelihood written out, quadrature, and its invariances."""

import json
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose
from references import FOLDER, frame
from scipy import integrate, special

import bipstats as bip
from bipstats.models.frailty_rows import METHODS, FrailtySpecification, prepare
from bipstats.models.kernels import cox as cox_kernel
from bipstats.models.kernels import frailty_variance
from bipstats.models.kernels.frailty import (
    GAMMA,
    NORMAL,
    block_inverse_diagonal,
    block_log_determinant,
    block_solve,
    evaluate,
    group_block,
    inverse_diagonal,
    penalised_log_likelihood,
    solve,
    with_frailty,
)
from bipstats.models.kernels.frailty_variance import Profile, curvature
from bipstats.models.kernels.newton import maximise

CASES = {case["name"]: case for case in json.loads((FOLDER / "frailty.json").read_text())["cases"]}
ML = [("gamma", "ml"), ("lognormal", "ml")]
ALL = [*ML, ("lognormal", "reml")]


def data_of(case: dict) -> pd.DataFrame:
    data = frame(case["data"])
    if case["data"] == "rats":
        return data[data["sex"] == "f"]
    if case["data"] == "kidney":
        data["disease"] = pd.Categorical(data["disease"], ["Other", "GN", "AN", "PKD"])
    return data


def arguments(case: dict) -> dict:
    dated = case["data"] == "cgd"
    return dict(
        group=case["group"],
        start="tstart" if dated else None,
        stop="tstop" if dated else "time",
        event="status",
        strata=case.get("strata"),
        ties=case.get("ties", "efron"),
    )


def rows_of(formula, data, distribution, *, group, start, stop, event, strata=None, ties="efron"):
    spec = FrailtySpecification(
        formula, start, stop, event, None, strata, None, None, ties, "raise", group, distribution, "ml"
    )
    return prepare(spec, data, None)


def profile_of(rows, distribution, method="ml") -> Profile:
    cox = rows.cox.problem
    plain = maximise(
        lambda beta: cox_kernel.evaluate(beta, cox),
        lambda beta: cox_kernel.log_likelihood(beta, cox),
        np.zeros(cox.x.shape[1]),
    )
    return Profile(rows.problem, METHODS[distribution, method], plain.params, plain.at.loglik)


def in_order(rows, expected: dict) -> list[int]:
    """Places of R's levels among ours."""
    ours = [str(level) for level in rows.levels]
    return [ours.index(str(level)) for level in expected["levels"]]


# R ------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("distribution", ["gamma", "lognormal"])
@pytest.mark.parametrize("name", CASES)
def test_at_a_given_variance_everything_agrees_with_r(name, distribution):
    case = CASES[name]
    expected = case[f"{distribution}_given"]
    rows = rows_of(case["terms"], data_of(case), distribution, **arguments(case))
    found = profile_of(rows, distribution).at(expected["theta"])
    n_groups, scale, order = len(rows.levels), rows.cox.scale, in_order(rows, expected)
    effects, coefficients = np.split(found.params, [n_groups])
    assert_allclose(coefficients / scale, np.atleast_1d(expected["coef"]), rtol=1e-8)
    assert_allclose(effects[order], expected["effects"], rtol=1e-8, atol=1e-10)
    size = np.sqrt(np.diag(expected["var"]))
    covariance = np.linalg.inv(found.at.information) / np.outer(scale * size, scale * size)
    assert_allclose(covariance, expected["var"] / np.outer(size, size), rtol=1e-8, atol=1e-9)
    assert_allclose(np.sqrt(inverse_diagonal(found.at))[order], expected["effects_std_error"], rtol=1e-8)
    constant = 0.0 if distribution == "gamma" else 0.5 * n_groups * np.log(2 * np.pi * expected["theta"])
    assert_allclose(found.at.loglik, expected["penalised"] + constant, rtol=1e-12)
    if distribution == "gamma":
        assert_allclose(found.loglik, expected["integrated"], rtol=1e-12)


@pytest.mark.parametrize("name", [name for name in CASES if "coef" in CASES[name]["gamma"]])
def test_the_gamma_variance_agrees_with_r(name):
    case = CASES[name]
    expected = case["gamma"]
    fit = bip.frailty_cox(case["terms"], data_of(case), **arguments(case))
    # R stops where the log-likelihood no longer moves in ten digits, so that its variance has five.
    assert_allclose(fit.random["variance"], expected["theta"], rtol=1e-4)
    assert_allclose(fit.loglik, expected["integrated"], rtol=1e-11)
    assert_allclose(fit.params, np.atleast_1d(expected["coef"]), rtol=1e-4)
    assert fit.loglik >= expected["integrated"] - 1e-10
    assert_allclose(fit.random["statistic"], 2 * (expected["integrated"] - case["plain"]), rtol=1e-8)
    assert_allclose(fit.cov_given_variance, expected["var"], rtol=1e-4)


@pytest.mark.parametrize("name", CASES)
def test_the_reml_variance_of_a_lognormal_frailty_agrees_with_r(name):
    case = CASES[name]
    expected = case["lognormal"]
    fit = bip.frailty_cox(
        case["terms"], data_of(case), distribution="lognormal", method="reml", **arguments(case)
    )
    assert_allclose(fit.random["variance"], expected["theta"], rtol=1e-8)
    assert_allclose(fit.params, np.atleast_1d(expected["coef"]), rtol=1e-8)
    assert_allclose(fit.cov_given_variance, expected["var"], rtol=1e-8)
    levels = [str(level) for level in fit.effects()["level"]]
    order = [levels.index(str(level)) for level in expected["levels"]]
    assert_allclose(fit.effects()["estimate"][order], expected["effects"], rtol=1e-8, atol=1e-10)
    assert_allclose(fit.effects()["std_error"][order], expected["effects_std_error"], rtol=1e-8)


def test_a_variance_that_r_drives_to_zero_is_zero_and_the_plain_cox_model():
    case = CASES["kidney"]
    assert case["gamma"]["theta"] < 1e-6
    fit = bip.frailty_cox(case["terms"], data_of(case), **arguments(case))
    plain = bip.cox(case["terms"], data_of(case), start=None, stop="time", event="status")
    assert fit.random.loc[0, "variance"] == 0
    assert fit.random.loc[0, "conf_low"] == 0 < fit.random.loc[0, "conf_high"]
    assert fit.random.loc[0, "p_value"] == 1
    assert_allclose(fit.params, plain.params, rtol=1e-12)
    assert_allclose(fit.cov, plain.cov, rtol=1e-12)
    assert fit.loglik == plain.loglik
    assert_allclose(fit.loglik, case["plain"], rtol=1e-12)
    assert (fit.effects()["estimate"] == 0).all()
    assert "variance zero: the plain Cox model" in str(fit.summary())
    assert_allclose(
        fit.predict(data_of(case), "survival", [50]), plain.predict(data_of(case), "survival", [50])
    )


# The marginal likelihood, written out --------------------------------------------------------------------------------


def clustered(rng, n_groups=8, size=4, theta=0.8) -> pd.DataFrame:
    """Exponential times in groups that share a gamma frailty; some enter late, a fifth is censored; no ties."""
    group = np.repeat(np.arange(n_groups), size)
    x = rng.normal(size=len(group))
    start = np.where(rng.random(len(group)) < 0.3, rng.random(len(group)) * 0.2, 0.0)
    rate = rng.gamma(1 / theta, theta, n_groups)[group] * np.exp(0.7 * x)
    gap, limit = rng.exponential(1 / rate), rng.exponential(4.0, len(group))
    return pd.DataFrame(
        {
            "g": group,
            "x": x,
            "start": start,
            "stop": start + np.minimum(gap, limit) + 1e-3,
            "event": (gap <= limit) * 1,
        }
    )


def marginal(params, data):
    """Log-likelihood of coefficient, log jumps of the baseline at the event times, and log variance; no ties.

    The frailty of each group is integrated out in closed form; every line is analytic, for complex steps.
    """
    beta, log_jumps, theta = params[0], params[1:-1], np.exp(params[-1])
    times = np.sort(data["stop"][data["event"] == 1].to_numpy())
    start, stop, event, x, group = (data[name].to_numpy() for name in ("start", "stop", "event", "x", "g"))
    at_risk = (start[:, None] < times) & (times <= stop[:, None])
    hazard = np.exp(beta * x) * (at_risk @ np.exp(log_jumps))
    total = sum(beta * x[i] + log_jumps[np.searchsorted(times, stop[i])] for i in np.flatnonzero(event))
    nu = 1 / theta
    for g in np.unique(group):
        d, cumulative = event[group == g].sum(), hazard[group == g].sum()
        total += nu * np.log(nu) - (nu + d) * np.log(nu + cumulative)
        total += special.loggamma(nu + d) - special.loggamma(nu)
    return total


def gradient(params, data):
    """Exact to the last digits, by complex steps."""
    steps = 1e-30j * np.eye(len(params))
    return np.array([marginal(params + step, data).imag / 1e-30 for step in steps])


def test_the_gamma_fit_is_the_maximum_of_the_marginal_likelihood_with_its_information():
    data = clustered(np.random.default_rng(5))
    fit = bip.frailty_cox("x", data, group="g")
    theta = float(fit.random.loc[0, "variance"])
    assert theta > 0.05
    base = fit.baseline
    jumps = np.log(base.increment) - base.centre[0] * fit.params["x"]
    at = np.concatenate([[fit.params["x"]], jumps, [np.log(theta)]])
    assert np.abs(gradient(at, data)).max() < 1e-8
    n_events = int(data["event"].sum())
    assert_allclose(
        fit.loglik, marginal(at, data) + n_events, rtol=1e-12
    )  # a partial likelihood lacks -sum(H dN)
    step = 1e-5
    information = -np.array(
        [(gradient(at + e, data) - gradient(at - e, data)) / (2 * step) for e in step * np.eye(len(at))]
    )
    covariance = np.linalg.inv((information + information.T) / 2)
    assert_allclose(fit.bse["x"] ** 2, covariance[0, 0], rtol=1e-6)
    rows = rows_of("x", data, "gamma", group="g", start="start", stop="stop", event="event")
    profile = profile_of(rows, "gamma")
    assert_allclose(1 / curvature(profile, theta), covariance[-1, -1], rtol=1e-5)
    known = np.linalg.inv(np.delete(np.delete(information, -1, 0), -1, 1))
    assert_allclose(fit.cov_given_variance, known[:1, :1], rtol=1e-6)
    assert fit.bse["x"] ** 2 > fit.cov_given_variance.loc["x", "x"]


def small(n_groups: int, size: int, seed: int = 2) -> pd.DataFrame:
    """Tied whole times in a few groups."""
    rng = np.random.default_rng(seed)
    group = np.repeat(np.arange(n_groups), size)
    return pd.DataFrame(
        {
            "g": group,
            "x": rng.normal(size=len(group)).round(2),
            "stop": rng.integers(1, 8, len(group)) + 3 * (group % 2),
            "event": (rng.random(len(group)) < 0.8) * 1,
        }
    )


@pytest.mark.parametrize("theta, close", [(0.0125, 1e-4), (0.05, 2e-3)])
def test_laplace_is_near_the_integral_of_the_partial_likelihood(theta, close):
    data = small(3, 8)
    rows = rows_of("x", data, "lognormal", group="g", start=None, stop="stop", event="event")
    found = profile_of(rows, "lognormal").at(theta)
    beta, problem = found.params[3:], rows.problem
    nodes, weights = np.polynomial.hermite.hermgauss(14)
    total = 0.0
    for i, j, k in np.ndindex(14, 14, 14):
        b = np.sqrt(2 * theta) * nodes[[i, j, k]]
        value = cox_kernel.log_likelihood(beta, with_frailty(b, problem))
        total += weights[[i, j, k]].prod() * np.exp(value - found.at.loglik)
    exact = found.at.loglik + np.log(total / np.pi**1.5)
    assert abs(found.loglik - exact) < close  # Laplace's error, which shrinks with the variance
    assert abs(found.at.loglik - exact) > 50 * close  # what its determinant corrects


# The kernel ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("law", ["gamma", "lognormal"])
@pytest.mark.parametrize("ties", ["efron", "breslow"])
def test_gradient_and_information_agree_with_finite_differences(law, ties):
    data = small(4, 6)
    rows = rows_of("x", data, law, group="g", start=None, stop="stop", event="event", ties=ties)
    theta, params = 0.4, np.random.default_rng(0).normal(size=5) / 2
    at = evaluate(params, theta, rows.problem)
    step = 1e-5

    def numeric(function):
        return np.array(
            [(function(params + e) - function(params - e)) / (2 * step) for e in step * np.eye(5)]
        )

    assert_allclose(
        at.gradient, numeric(lambda p: penalised_log_likelihood(p, theta, rows.problem)), atol=1e-8
    )
    information = -numeric(lambda p: evaluate(p, theta, rows.problem).gradient)
    right = np.arange(1.0, 6)
    assert_allclose(solve(at, right), np.linalg.solve(information, right), rtol=1e-7)
    assert_allclose(inverse_diagonal(at), np.diag(np.linalg.inv(information))[:4], rtol=1e-7)
    assert_allclose(np.linalg.inv(at.information), np.linalg.inv(information)[4:, 4:], rtol=1e-7)
    assert_allclose(block_log_determinant(at.block), np.linalg.slogdet(information[:4, :4])[1], rtol=1e-7)


def test_both_factorisations_of_the_groups_block_agree():
    rng = np.random.default_rng(1)
    diagonal, low_rank, right = 3 + rng.random(6), rng.normal(size=(2, 6)) / 3, rng.normal(size=(6, 2))
    thin = group_block(diagonal, low_rank)
    dense = group_block(diagonal, np.vstack([low_rank, np.zeros((5, 6))]))
    assert (thin.dense, dense.dense) == (False, True)
    matrix = np.diag(diagonal) - low_rank.T @ low_rank
    for block in (thin, dense):
        assert_allclose(block_solve(block, right), np.linalg.solve(matrix, right), rtol=1e-12)
        assert_allclose(block_log_determinant(block), np.linalg.slogdet(matrix)[1], rtol=1e-12)
        assert_allclose(block_inverse_diagonal(block), np.diag(np.linalg.inv(matrix)), rtol=1e-12)


@pytest.mark.parametrize("distribution", ["gamma", "lognormal"])
def test_the_slope_is_the_derivative_of_the_likelihood(distribution):
    case = CASES["cgd"]
    profile = profile_of(rows_of(case["terms"], data_of(case), distribution, **arguments(case)), distribution)
    for theta in (0.01, 0.3, 3.0):
        up, down = (profile.loglik(theta * np.exp(step)) for step in (1e-3, -1e-3))
        assert_allclose(profile.slope(theta), (up - down) / 2e-3, rtol=1e-5)


@pytest.mark.parametrize("distribution, method", ALL)
def test_the_slope_at_zero_is_the_limit_of_the_slopes(distribution, method):
    case = CASES["cgd center"]
    profile = profile_of(
        rows_of(case["terms"], data_of(case), distribution, **arguments(case)), distribution, method
    )
    near = [profile.slope(theta) / theta for theta in (1e-4, 2e-4)]
    assert_allclose(profile.slope_at_zero(), 2 * near[0] - near[1], rtol=1e-4)  # a line through two of them
    assert_allclose(profile.at(1e-6).loglik, profile.loglik_at_zero, atol=1e-4)


@pytest.mark.parametrize("distribution", ["gamma", "lognormal"])
def test_the_interval_ends_where_the_likelihood_has_fallen_by_half_a_quantile(distribution):
    data = clustered(np.random.default_rng(3), n_groups=30, size=6)
    random = bip.frailty_cox("x", data, group="g", distribution=distribution).random.iloc[0]
    rows = rows_of("x", data, distribution, group="g", start="start", stop="stop", event="event")
    profile = profile_of(rows, distribution)
    fallen = [
        profile.loglik(random[name]) - profile.loglik(random["variance"])
        for name in ("conf_low", "conf_high")
    ]
    assert 0 < random["conf_low"] < random["variance"] < random["conf_high"]
    assert_allclose(fallen, -special.chdtri(1, 0.05) / 2, rtol=1e-9)
    assert_allclose(
        random["statistic"], 2 * (profile.loglik(random["variance"]) - profile.loglik_at_zero), rtol=1e-9
    )
    assert_allclose(random["p_value"], special.chdtrc(1, random["statistic"]) / 2, rtol=1e-9)


def test_survival_integrates_the_frailty_out():
    hazard, theta = np.array([0.0, 0.3, 2.0]), 0.7
    nu = 1 / theta
    for law, density in (
        (GAMMA, lambda z: nu**nu * z ** (nu - 1) * np.exp(-nu * z) / special.gamma(nu)),
        (NORMAL, lambda z: np.exp(-(np.log(z) ** 2) / (2 * theta)) / (z * np.sqrt(2 * np.pi * theta))),
    ):
        exact = [
            integrate.quad(lambda z, h, of: np.exp(-h * z) * of(z), 0, np.inf, (h, density), epsabs=1e-12)[0]
            for h in hazard
        ]
        assert_allclose(law.survival(hazard, theta), exact, rtol=1e-8)


# What must not matter, and what must be refused ----------------------------------------------------------------------


@settings(max_examples=8, deadline=None)
@given(st.randoms(use_true_random=False), st.sampled_from(["gamma", "lognormal"]))
def test_names_of_groups_and_the_order_of_rows_do_not_matter(random, distribution):
    data = clustered(np.random.default_rng(3), n_groups=6, size=5)
    names = list("qwerty")
    random.shuffle(names)
    order = list(range(len(data)))
    random.shuffle(order)
    other = data.assign(g=[names[g] for g in data["g"]]).iloc[order]
    one, two = (bip.frailty_cox("x", d, group="g", distribution=distribution) for d in (data, other))
    assert_allclose(two.params, one.params, rtol=1e-8)
    assert_allclose(two.bse, one.bse, rtol=1e-7)
    columns = ["variance", "conf_low", "conf_high", "statistic"]
    assert_allclose(two.random[columns], one.random[columns], rtol=1e-7, atol=1e-12)
    effects = two.effects().set_index("level").loc[[names[g] for g in range(6)]]
    assert_allclose(effects, one.effects().drop(columns="level"), rtol=1e-6, atol=1e-9)


def test_rows_cut_in_two_and_groups_of_two_columns_change_nothing():
    data = clustered(np.random.default_rng(3), n_groups=6, size=5).assign(id=range(30))
    data["a"], data["b"] = data["g"] % 2, data["g"] // 2
    middle = (data["start"] + data["stop"]) / 2
    cut = pd.concat([data.assign(stop=middle, event=0), data.assign(start=middle)])
    whole = bip.frailty_cox("x", data, group="g")
    for other in (
        bip.frailty_cox("x", cut, group="g"),
        bip.frailty_cox("x", cut, group="g", id="id"),
        bip.frailty_cox("x", data, group=["a", "b"]),
    ):
        assert_allclose(other.params, whole.params, rtol=1e-8)
        assert_allclose(other.random["variance"], whole.random["variance"], rtol=1e-8)
    assert other.effects()["level"].iloc[0] == (0, 0)
    assert_allclose(other.predict(data, "conditional"), whole.predict(data, "conditional"), rtol=1e-7)


def test_an_offset_takes_the_place_of_its_covariate():
    data = clustered(np.random.default_rng(3), n_groups=8, size=6)
    data["z"] = np.cos(np.arange(len(data)))
    free = bip.frailty_cox("x + z", data, group="g")
    held = bip.frailty_cox("x", data.assign(o=free.params["z"] * data["z"]), group="g", offset="o")
    assert_allclose(held.params["x"], free.params["x"], rtol=1e-6)
    assert_allclose(held.random["variance"], free.random["variance"], rtol=1e-6)
    assert_allclose(held.loglik, free.loglik, rtol=1e-10)


def test_conditional_predictions_and_effects():
    data = clustered(np.random.default_rng(3), n_groups=8, size=6)
    fit = bip.frailty_cox("x", data, group="g")
    effects = fit.effects().set_index("level")["estimate"]
    expected = np.exp(data["x"] * fit.params["x"] + data["g"].map(effects))
    assert_allclose(fit.predict(data, "conditional"), expected, rtol=1e-12)
    assert_allclose(fit.predict(data), np.exp(data["x"] * fit.params["x"]), rtol=1e-12)
    assert_allclose(np.exp(effects).mean(), 1, rtol=1e-8)  # the gamma frailty's mean
    theta = fit.random.loc[0, "variance"]
    assert_allclose(fit.kendall_tau, theta / (theta + 2))
    base = fit.baseline
    hazard = base.increment[base.times <= 1].sum() * np.exp((data["x"] - base.centre[0]) * fit.params["x"])
    assert_allclose(fit.predict(data, "survival", 1)[1.0], (1 + theta * hazard) ** (-1 / theta), rtol=1e-10)
    with pytest.raises(bip.ModelError, match="has levels that the fit has not seen"):
        fit.predict(data.assign(g=99), "conditional")
    with pytest.raises(bip.ModelError, match="times= belongs"):
        fit.predict(data, "conditional", 3)
    again = fit.effects(data)
    assert_allclose(
        again[["estimate", "std_error"]], fit.effects()[["estimate", "std_error"]], rtol=1e-6, atol=1e-9
    )
    with pytest.raises(bip.ModelError, match="not the data of the fit"):
        fit.effects(data.assign(x=data["x"] * 1.1))


def test_effects_of_persons_are_not_kept_and_can_be_made_again():
    case = CASES["cgd"]
    data = data_of(case).rename(columns={"id": "client"})
    fit = bip.frailty_cox(case["terms"], data, **arguments(case) | dict(group="client"))
    assert fit.group_effects is None
    assert len(fit.to_json()) < 30_000
    with pytest.raises(bip.ModelError, match="were not kept"):
        fit.effects()
    with pytest.raises(bip.ModelError, match="no conditional prediction"):
        fit.predict(data, "conditional")
    kept = bip.frailty_cox(case["terms"], data_of(case), **arguments(case)).effects()
    assert_allclose(fit.effects(data)["estimate"], kept["estimate"], rtol=1e-6, atol=1e-9)


@pytest.mark.parametrize("distribution, method", ALL)
def test_results_are_written_and_read_back(distribution, method):
    data = clustered(np.random.default_rng(3), n_groups=8, size=6)
    fit = bip.frailty_cox("x", data, group="g", distribution=distribution, method=method)
    again = bip.read_result(fit.to_json())
    assert str(again.summary()) == str(fit.summary())
    assert again.random.equals(fit.random)
    assert again.effects().equals(fit.effects())
    assert again.predict(data, "survival", [1, 2]).equals(fit.predict(data, "survival", [1, 2]))
    assert again.cov_given_variance.equals(fit.cov_given_variance)
    assert "shared within 8 groups (g)" in fit.methods_text()
    assert (fit.kendall_tau is None) == (distribution == "lognormal")
    assert fit.n_params == 2


def test_nested_fits_are_compared_and_average_hazard_ratios_are_had():
    data = clustered(np.random.default_rng(3), n_groups=8, size=6)
    data["z"] = np.cos(np.arange(len(data)))
    small_fit, large_fit = (bip.frailty_cox(formula, data, group="g") for formula in ("x", "x + z"))
    test = bip.lr_test(small_fit, large_fit)
    assert_allclose(test.statistic, 2 * (large_fit.loglik - small_fit.loglik))
    ratio = bip.margins(large_fit, data, "x", scale="hazard_ratio").table["estimate"]
    assert_allclose(ratio, np.exp(large_fit.params["x"]), rtol=1e-9)
    with pytest.raises(bip.ModelError, match="hazard_ratio"):
        bip.margins(large_fit, data, "x")
    reml = [
        bip.frailty_cox(f, data, group="g", distribution="lognormal", method="reml") for f in ("x", "x + z")
    ]
    with pytest.raises(bip.ModelError, match="REML"):
        bip.lr_test(*reml)


@pytest.mark.parametrize(
    "change, options, message",
    [
        (dict(g=1), {}, "needs several groups"),
        (dict(s=lambda d: d["g"]), dict(strata="s"), "no stratum holds two groups"),
        (dict(g=lambda d: range(len(d))), {}, "every group is a single spell"),
        (dict(g=lambda d: d["g"].where(d.index != 3)), {}, r"1 of 48 rows have missing values: g \(1\)"),
        ({}, dict(group="h"), "no column 'h'"),
        ({}, dict(distribution="normal"), "distribution='normal' is not an option"),
        ({}, dict(method="reml"), "a gamma frailty has method"),
    ],
)
def test_what_cannot_be_estimated_is_refused_with_the_reason(change, options, message):
    data = clustered(np.random.default_rng(3), n_groups=8, size=6).assign(**change)
    with pytest.raises(bip.BipstatsError, match=message):
        bip.frailty_cox("x", data, **dict(group="g") | options)


def test_a_frailty_by_client_on_one_absorbing_spell_is_refused_and_a_recurrent_outcome_is_not():
    data = clustered(np.random.default_rng(3), n_groups=8, size=6).assign(client=range(48))
    middle = (data["start"] + data["stop"]) / 2
    cut = pd.concat([data.assign(stop=middle, event=0), data.assign(start=middle, x=data["x"] + 1)])
    with pytest.raises(bip.ModelError, match=r"every group is a single spell") as refusal:
        bip.frailty_cox("x", cut, group="client")
    assert "Use groups with several members" in str(refusal.value)
    assert bip.frailty_cox("x", cut.assign(event=[0, 1] * 48), group="client").n_events == 48


def test_a_row_without_its_group_is_dropped_and_counted_on_request():
    data = clustered(np.random.default_rng(3), n_groups=8, size=6)
    holed = data.assign(g=data["g"].where(data.index != 3))
    fit = bip.frailty_cox("x", holed, group="g", missing="drop")
    assert_allclose(fit.params, bip.frailty_cox("x", data.drop(3), group="g").params, rtol=1e-9)
    assert "with missing values 1" in str(fit.summary())


def test_groups_that_tell_the_events_apart_have_no_finite_variance():
    # All of one group are gone before the first event of the next.
    data = pd.DataFrame(
        {"g": np.repeat(range(6), 4), "x": [0, 1, 1, 0] * 6, "stop": range(1, 25), "event": [1] * 24}
    )
    with pytest.raises(bip.ModelError, match="still rises with the variance of the frailty by 'g'"):
        bip.frailty_cox("x", data, group="g", start=None, distribution="lognormal")


def test_a_search_that_stops_short_is_no_result(monkeypatch):
    monkeypatch.setattr(
        frailty_variance,
        "maximise",
        lambda *args, **kwargs: replace(maximise(*args, **kwargs), converged=False),
    )
    with pytest.raises(bip.ModelError, match="did not converge"):
        bip.frailty_cox("x", clustered(np.random.default_rng(3)), group="g")


@pytest.mark.parametrize("distribution", ["gamma", "lognormal"])
def test_variance_and_slope_are_recovered(distribution):
    # 20 studies of 60 groups; the bounds are four Monte Carlo errors wide.
    found = []
    for seed in range(20):
        rng = np.random.default_rng(seed)
        data = clustered(rng, n_groups=60, size=5, theta=0.5)
        if distribution == "lognormal":
            rate = np.exp(0.7 * rng.normal(size=60)[data["g"]] + 0.7 * data["x"])
            data["stop"], data["event"] = data["start"] + rng.exponential(1 / rate) + 1e-3, 1
        fit = bip.frailty_cox("x", data, group="g", distribution=distribution)
        random = fit.random.iloc[0]
        true = 0.5 if distribution == "gamma" else 0.49
        inside = random["conf_low"] <= true <= random["conf_high"]
        found.append((fit.params["x"] - 0.7, random["variance"] - true, inside))
    slope, variance, inside = np.array(found).T
    for errors in (slope, variance):
        assert abs(errors.mean()) < 4 * errors.std(ddof=1) / np.sqrt(20)
    assert inside.sum() >= 15  # binomial(20, .95) is below with probability .0003
