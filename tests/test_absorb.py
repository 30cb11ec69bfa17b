"""Absorbed factors against R's glm with dummies, statsmodels and a hand-worked cascade."""

import pickle

import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm
from counts import FORMULA, agrees_with, r_cases, small
from numpy.testing import assert_allclose
from references import frame

import bipstats as bip
from bipstats.models.kernels.absorb import (
    AbsorbedProblem,
    evaluate,
    incidence,
    log_likelihood,
    score_sums,
    varying_rows,
)


@pytest.fixture
def panel():
    return frame("caseload")


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


@pytest.mark.parametrize("absorb", [["group", "belief"], ["belief", "sex", "group"]])
def test_absorbing_several_is_the_hazard_with_all_dummies(panel, absorb):
    """Against the same model with the factors in the formula, which R's numbers check elsewhere."""
    used = panel[panel["group"] != 5]
    dummies = bip.hazard("age + w + " + " + ".join(f"C({name})" for name in absorb), used, event="y")
    fit = bip.hazard("age + w", panel, event="y", absorb=absorb)
    shown = fit.params.index
    assert_allclose(fit.params, dummies.params[shown], rtol=1e-8)
    for vcov in ("robust", bip.cluster("group")):
        two, all_dummies = fit.with_vcov(vcov, panel), dummies.with_vcov(vcov, used)
        assert_allclose(two.cov, all_dummies.cov.loc[shown, shown], rtol=1e-7, atol=1e-10)


@pytest.mark.parametrize("exposure", [None, "exposure"])
def test_absorbing_is_the_hazard_with_all_dummies(panel, exposure):
    expected = r_cases()["cloglog exposure" if exposure else "cloglog one"]
    fit = bip.hazard(FORMULA, panel, event="y", exposure=exposure, absorb="group")
    agrees_with(expected, fit, panel)
    assert_allclose(fit.with_vcov("robust", panel).bse, expected["client"], rtol=1e-8)


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


@pytest.mark.parametrize("link", ["cloglog", "logit"])
def test_an_absorbed_factor_is_its_dummies(link):
    rows = small(11)
    arguments = dict(event="y", link=link, vcov=bip.cluster("client"))
    dummies = bip.hazard("a + b + C(cw)", rows, **arguments)
    absorbed = bip.hazard("a + b", rows, absorb="cw", **arguments)
    shown = absorbed.params.index
    assert list(shown) == ["period[1]", "period[2]", "a", "b[v]"]
    assert_allclose(absorbed.params, dummies.params[shown], rtol=1e-9)
    assert_allclose(absorbed.cov, dummies.cov.loc[shown, shown], rtol=1e-8)
    assert_allclose(absorbed.glance()[["df", "aic"]], dummies.glance()[["df", "aic"]], rtol=1e-10)
    assert "absorbed        cw (6 levels), 6 effects" in str(absorbed)
    assert "fixed effects of cw" in absorbed.methods_text()


def test_levels_without_variation_go_until_none_is_left():
    """Level 0 of the first never has the event; without it level 0 of the second has nothing but the event."""
    first = np.array([0, 0, 1, 1, 1, 1, 1, 2, 2, 2])
    second = np.array([0, 1, 0, 1, 1, 2, 2, 1, 2, 2])
    event = np.array([0, 0, 1, 0, 1, 0, 1, 1, 0, 1], bool)
    found = varying_rows([first, second], [True, True], event, np.full(10, 3))
    assert found.kept.tolist() == [False, False, False, *[True] * 7] and found.dropped == (6, 3)


def test_rows_of_such_levels_are_counted_and_left_out(panel):
    fit = bip.logit(f"y ~ {FORMULA}", panel, absorb=["group", "period"])
    assert ("in levels of group with one outcome only", int((panel["group"] == 5).sum())) in fit.fit.flow
    assert "group (19 levels), period (8 levels), 26 effects" in str(fit)
    rest = bip.logit(f"y ~ {FORMULA}", panel[panel["group"] != 5], absorb=["group", "period"])
    assert_allclose(fit.params, rest.params, rtol=1e-12)


def test_factors_in_sets_that_share_no_level_leave_the_slopes_alone(panel):
    """Two halves with groups and teams of their own: one more effect is implied by the others."""
    half = panel["group"] > 10
    apart = panel.assign(team=panel["team"] + 10 * half)
    fit = bip.logit(f"y ~ {FORMULA}", apart, absorb=["group", "team"])
    dummies = bip.logit(
        f"y ~ {FORMULA} + C(group) + C(part)",
        apart[apart["group"] != 5].assign(part=apart["team"].where(~apart["team"].isin([1, 11]), 1)),
        vcov="model",
    )
    assert_allclose(fit.params, dummies.params[fit.params.index], rtol=1e-8)
    assert_allclose(fit.bse, dummies.bse[fit.params.index], rtol=1e-8)
    assert fit.glance()["df"][0] == dummies.glance()["df"][0]


REFUSED = {
    "constant in the groups": (
        lambda d: bip.logit("y ~ belief + z", d.assign(z=d["group"] % 3), absorb="group"),
        "no variation beyond the effects of group in z among",
    ),
    "sum of effects": (
        lambda d: bip.logit("y ~ age + z", d.assign(z=d["group"] % 3 + d["team"]), absorb=["group", "team"]),
        "no variation beyond the effects of group and team in z",
    ),
    "collinear beyond": (
        lambda d: bip.logit("y ~ belief + z", d.assign(z=d["group"] % 3 - d["belief"]), absorb="group"),
        "is a linear combination of",
    ),
    "periods in sets": (
        lambda d: bip.hazard("belief", d.assign(side=d["period"] > 4), event="y", absorb="side"),
        r"period\[8\] cannot be told from the effects of side",
    ),
    "no level varies": (
        lambda d: bip.logit("y ~ belief", d.assign(row=np.arange(len(d))), absorb="row"),
        "varies within no level of row",
    ),
    "the period": (
        lambda d: bip.hazard("belief", d, event="y", absorb="period"),
        "have their effects already",
    ),
    "twice": (lambda d: bip.logit("y ~ belief", d, absorb=["group", "group"]), "different columns"),
    "no name": (lambda d: bip.logit("y ~ belief", d, absorb=[3]), "list of different columns"),
    "number": (lambda d: bip.logit("y ~ belief", d, absorb=3), "absorb=3 is neither"),
    "not there": (lambda d: bip.logit("y ~ belief", d, absorb="gruop"), "did you mean 'group'"),
    "missing": (
        lambda d: bip.logit("y ~ belief", d.assign(group=d["group"].where(d["period"] < 8)), absorb="group"),
        r"\d+ of 800 rows have missing values: group \(\d+\)",
    ),
    "baseline zero": (lambda d: bip.hazard("belief", d, event="y", baseline=0), "baseline=0 is not known"),
    "baseline true": (lambda d: bip.hazard("belief", d, event="y", baseline=True), "baseline=True is not"),
    "too smooth": (lambda d: bip.hazard("belief", d, event="y", baseline=8), "use 7 or fewer"),
    "labels": (
        lambda d: bip.hazard(
            "belief", d.assign(period=pd.Categorical("q" + d["period"].astype(str))), event="y", baseline=2
        ),
        "needs periods that are numbers",
    ),
    "a probability": (
        lambda d: bip.logit("y ~ belief", d, absorb="group").predict(d),
        r"Put C\(group\) into the formula",
    ),
    "a baseline": (
        lambda d: bip.hazard("belief", d, event="y", absorb="group").predict(d, "survival"),
        "effects of group, which were absorbed",
    ),
    "other data": (
        lambda d: bip.logit("y ~ belief + age", d, absorb="group").with_vcov(
            "robust", d.assign(age=d["age"] * 2)
        ),
        "not the data of the fit",
    ),
    "separated": (
        lambda d: bip.logit("y ~ z + age", d.assign(z=d["y"] + d["group"]), absorb="group"),
        "within every group, z is never lower in a row with the event than in one without",
    ),
    "separated by a combination": (
        lambda d: bip.logit(
            "y ~ z + age", d.assign(z=d["y"] + 3 * d["age"] + d["group"]), absorb=["group", "team"]
        ),
        "within every group, a combination of (z, age|age, z) is never lower",
    ),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_cannot_be_done_is_refused(panel, name):
    call, message = REFUSED[name]
    with pytest.raises(bip.BipstatsError, match=message):
        call(panel)


def test_results_with_absorbed_effects_do_not_grow(panel):
    data = panel.assign(client=np.arange(len(panel)))
    once, ten = (
        len(pickle.dumps(bip.logit(f"y ~ {FORMULA}", pd.concat([data] * k), absorb="group"))) for k in (1, 10)
    )
    assert abs(ten - once) < 200


@pytest.mark.parametrize("shuffled", [False, True])
def test_effects_of_clients_are_refused_where_the_outcome_ends_their_time_at_risk(shuffled):
    rng = np.random.default_rng(2)
    periods = pd.DataFrame({"client": np.repeat(np.arange(80), 6), "period": np.tile(np.arange(6), 80)})
    periods["event"] = rng.random(480) < 0.2
    before = periods.groupby("client")["event"].cumsum() - periods["event"]
    periods = periods[before == 0].assign(
        x=lambda d: rng.normal(size=len(d)), worker=lambda d: d["client"] % 7
    )
    periods["month"] = periods["period"]
    if shuffled:
        periods = periods.sample(frac=1, random_state=0)
    refused = "effects of client cannot be used for 'event', which ends the time at risk"
    with pytest.raises(bip.ModelError, match=refused):
        bip.logit("event ~ x", periods, absorb=["worker", "client"])
    for baseline in ("period", 2):
        with pytest.raises(bip.ModelError, match=refused):
            bip.hazard(
                "x", periods.drop(columns="period"), period="month", baseline=baseline, absorb="client"
            )
    with pytest.raises(bip.ModelError, match=refused):
        bip.ols("event ~ x", periods, absorb="client")
    lost = periods.assign(client=periods["client"].where(periods["client"] > 3))
    with pytest.raises(bip.ModelError, match=refused):
        bip.logit("event ~ x", lost, absorb="client", missing="drop")
    assert bip.logit("event ~ x", periods, absorb="worker").nobs == len(periods)
