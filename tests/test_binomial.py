"""Absorbed factors, spline baselines and collapsing to counts, against R's glm and sandwich and against themselves."""

import json
from functools import cache

import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose
from references import FOLDER, frame
from scipy.optimize import minimize_scalar

import bipstats as bip
from bipstats.models.hazard_rows import HazardSpecification, natural_spline, prepare
from bipstats.models.kernels.absorb import (
    AbsorbedProblem,
    evaluate,
    incidence,
    log_likelihood,
    score_sums,
    varying_rows,
)
from bipstats.models.kernels.collapse import equal_rows

FORMULA = "belief + age + sex"


@cache
def r_cases():
    cases = json.loads((FOLDER / "binomial.json").read_text())["cases"]
    return {case["name"]: case for case in cases}


@pytest.fixture
def panel():
    return frame("panel")


def agrees_with(expected, fit, data, names=None):
    """Estimates, log-likelihood, and errors of four kinds."""
    names = list(fit.params.index) if names is None else names
    assert_allclose(fit.params[names], expected["coef"], rtol=1e-8, atol=1e-10)
    assert_allclose(fit.bse[names], expected["std_error"], rtol=1e-8)
    assert_allclose(fit.loglik, expected["loglik"], rtol=1e-10)
    assert fit.nobs == expected["rows"] and fit.glance()["df"][0] == expected["rank"]
    clustered = fit.with_vcov(bip.cluster("group"), data)
    assert_allclose(clustered.bse[names], expected["cluster"], rtol=1e-8)
    by_client = fit.with_vcov(bip.cluster("client"), data)
    assert_allclose(by_client.bse[names], expected["client"], rtol=1e-8)
    if "two_way" in expected:
        two_way = fit.with_vcov(bip.cluster("group", "team"), data)
        assert_allclose(two_way.bse[names], expected["two_way"], rtol=1e-8)
    corrected = fit.with_vcov(bip.cluster("group", small_sample="CR1S"), data)
    n, k, g = expected["rows"], expected["rank"], corrected.n_clusters
    factor = np.sqrt(g / (g - 1) * (n - 1) / (n - k))
    assert_allclose(corrected.bse[names] / clustered.bse[names], factor, rtol=1e-9)


LOGITS = {
    "logit one": dict(absorb="group"),
    "logit two": dict(absorb=["group", "period"]),
    "logit three": dict(absorb=["period", "team", "group"]),
}


@pytest.mark.parametrize("name", LOGITS)
def test_absorbing_is_the_logit_with_all_dummies(panel, name):
    agrees_with(r_cases()[name], bip.logit(f"y ~ {FORMULA}", panel, **LOGITS[name]), panel)


def test_absorbing_with_weights(panel):
    fit = bip.logit(f"y ~ {FORMULA}", panel, absorb="group", weights="w")
    agrees_with(r_cases()["logit weights"], fit, panel)
    assert fit.n_events == panel["y"].sum()


@pytest.mark.parametrize("exposure", [None, "exposure"])
def test_absorbing_is_the_hazard_with_all_dummies(panel, exposure):
    expected = r_cases()["cloglog exposure" if exposure else "cloglog one"]
    fit = bip.hazard(FORMULA, panel, event="y", exposure=exposure, absorb="group")
    agrees_with(expected, fit, panel)
    assert_allclose(fit.with_vcov("robust", panel).bse, expected["client"], rtol=1e-8)


SPLINES = {
    "spline cloglog": dict(baseline=3),
    "spline logit": dict(baseline=2, link="logit"),
    "spline line": dict(baseline=1),
    "spline gaps": dict(baseline=3),
    "spline absorbed": dict(baseline=3, absorb="group"),
}


@pytest.mark.filterwarnings("ignore:two-way clustering")  # of the spline's terms, which are not compared
@pytest.mark.parametrize("name", SPLINES)
def test_spline_baselines_agree_with_ns(panel, name):
    expected, arguments = r_cases()[name], SPLINES[name]
    if name == "spline gaps":
        panel["y"] = panel["y"].where(~panel["period"].isin([1, 8]), 0)
    fit = bip.hazard(FORMULA, panel, event="y", **arguments)
    assert_allclose(fit.knots, expected["knots"], rtol=1e-12)
    agrees_with(expected, fit, panel, ["belief", "age", "sex[male]"])
    assert f"period spline[{arguments['baseline']}]" in fit.params
    if "absorb" not in arguments:
        assert_allclose(fit.baseline(), expected["baseline"], rtol=1e-8)


def test_exits_of_one_kind_with_delayed_entry_agree_with_r(panel):
    fit = bip.hazard(FORMULA, panel, event="exit == job")
    assert panel.groupby("client")["period"].min().max() > 1
    agrees_with(r_cases()["exit job"], fit, panel)


def test_statsmodels_agrees_on_absorbed_factors(panel):
    fit = bip.logit(f"y ~ {FORMULA}", panel, absorb=["group", "team"])
    used = panel[panel["group"] != 5]
    factors = [pd.get_dummies(used[name], drop_first=True, dtype=float) for name in ("group", "team")]
    exog = np.column_stack([np.ones(len(used)), used["belief"], used["age"], used["sex"] == "male", *factors])
    other = sm.GLM(used["y"], exog.astype(float), sm.families.Binomial()).fit(tol=1e-13)
    assert_allclose(fit.params, other.params[1:4], rtol=1e-7)
    assert_allclose(fit.bse, other.bse[1:4], rtol=1e-6)


@pytest.mark.parametrize("link", ["cloglog", "logit"])
def test_derivatives_with_an_eliminated_factor_agree_with_finite_differences(link):
    draw = np.random.default_rng(3)
    n, group = 90, np.arange(90) % 4
    factors = incidence(draw.integers(0, 3, n))[1:]
    trials = draw.integers(1, 4, n).astype(float)
    successes = np.minimum(draw.integers(0, 3, n), trials).astype(float)
    offset, x = draw.normal(size=n) / 5, draw.normal(size=(n, 2))
    problem = AbsorbedProblem(x, group, incidence(group), factors, successes, trials, offset, link)
    params, step = np.array([-1.0, -0.5, -0.7, 0.2, 0.3, -0.4, 0.1, 0.2]), 1e-5
    at, shifts = evaluate(params, problem, observed=True), step * np.eye(8)
    gradient = [
        (log_likelihood(params + s, problem) - log_likelihood(params - s, problem)) / (2 * step)
        for s in shifts
    ]
    assert_allclose(at.gradient, gradient, rtol=1e-7)
    curvature = [
        (evaluate(params - s, problem).gradient - evaluate(params + s, problem).gradient) / (2 * step)
        for s in shifts
    ]
    assert_allclose(np.linalg.inv(at.information), np.linalg.inv(curvature)[4:, 4:], rtol=1e-6)
    scores = score_sums(params, problem, np.arange(n) % 9).sum(axis=0)
    expected = evaluate(params, problem)
    projected = at.gradient[4:] - expected.cross.T @ (at.gradient[:4] / expected.diagonal)
    assert_allclose(scores, projected, atol=1e-10)


def small(seed, n=240):
    """Rows with many equal ones, in runs and apart."""
    draw = np.random.default_rng(seed)
    rows = pd.DataFrame({"client": draw.integers(0, 25, n), "period": draw.integers(0, 3, n)})
    rows["a"], rows["b"] = draw.integers(0, 3, n), draw.choice(["u", "v"], n)
    rows["cw"], rows["team"] = rows["client"] % 6, draw.integers(0, 4, n)
    rows["exposure"], rows["w"] = draw.choice([0.5, 1.0], n), draw.integers(1, 4, n)
    eta = -1 + 0.4 * rows["a"] - 0.3 * (rows["b"] == "v")
    return rows.assign(y=(draw.random(n) < 1 / (1 + np.exp(-eta))).astype(int))


VCOVS = ["model", "robust", bip.cluster("cw"), bip.cluster("cw", "team", small_sample="CR1S")]


@pytest.mark.filterwarnings("ignore:two-way clustering")
@pytest.mark.parametrize("arguments", [dict(), dict(absorb="cw"), dict(baseline=2), dict(link="logit")], ids=str)
@settings(max_examples=5, deadline=None)
@given(seed=st.integers(0, 10_000), ordered=st.booleans(), vcov=st.sampled_from(VCOVS))
def test_collapsing_changes_nothing(arguments, seed, ordered, vcov):
    rows = small(seed)
    rows = rows.sort_values(["client", "period", "a", "b", "exposure"]) if ordered else rows
    exposure = None if "link" in arguments else "exposure"
    fit = bip.hazard("a + b", rows, event="y", exposure=exposure, vcov=vcov, **arguments)
    # a number of its own keeps every row apart
    apart = bip.hazard(
        "a + b", rows.assign(z=np.arange(len(rows))), event="y", exposure=exposure, vcov=vcov, **arguments
    )
    assert_allclose(fit.params, apart.params, rtol=1e-9)


@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 10_000))
def test_equal_rows_are_found_whatever_their_order(seed):
    draw = np.random.default_rng(seed)
    n = int(draw.integers(1, 400))
    columns = [draw.integers(0, 3, n).astype(float), draw.integers(0, 2, n), draw.choice([0.0, -0.0, 7.5], n)]
    table = pd.DataFrame(dict(enumerate(columns)))
    same = equal_rows(columns)
    values = draw.normal(size=n)
    assert same.counts.sum() == n
    assert_allclose(same.sums(values).sum(), values.sum(), atol=1e-10)
    firsts = table.iloc[same.first]
    groups = table.groupby([0, 1, 2])
    if 2 * groups.ngroups <= n:
        assert len(firsts) <= n / 2
    assert not (same.order is not None and firsts.duplicated().any())
    lost = equal_rows([np.array([1.0, np.nan, np.nan, 1.0, 1.0])])
    assert sorted(lost.counts) == [1, 1, 3]
