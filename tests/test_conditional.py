"""Conditional logit against clogit(method = "exact"), enumeration of all subsets, and its own invariances."""

import json
from itertools import combinations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose
from references import FOLDER, frame

import bipstats as bip
from bipstats.models.kernels.conditional import conditional_problem, evaluate, log_likelihood, scores

R = {case["name"]: case for case in json.loads((FOLDER / "conditional.json").read_text())["cases"]}
CASES = {
    "infert": ("case ~ spontaneous + induced", "infert", dict(groups="stratum")),
    "panel": ("y ~ x + z", "panel", dict(groups="unit")),
    "panel weights": ("y ~ x + z", "panel", dict(groups="unit", weights="w")),
}


@pytest.mark.parametrize("name", CASES)
def test_estimates_errors_and_loglik_agree_with_clogit(name):
    formula, data, arguments = CASES[name]
    fit, r = bip.conditional_logit(formula, frame(data), **arguments), R[name]
    assert_allclose(fit.params, r["coef"], rtol=1e-8)
    assert_allclose(fit.bse, r["std_error"], rtol=1e-8)
    assert_allclose(fit.loglik, r["loglik"], rtol=1e-11)


@pytest.mark.parametrize(
    ("name", "vcov"),
    [
        ("robust", "robust"),
        ("cluster", bip.cluster("region")),
        ("two_way", bip.cluster("region", "half")),
    ],
)
def test_sandwiches_agree_with_scores_by_enumeration(name, vcov):
    data = frame("panel")
    fit = bip.conditional_logit("y ~ x + z", data, groups="unit", vcov=vcov)
    assert_allclose(fit.bse, R["panel"][name], rtol=1e-8)
    again = bip.conditional_logit("y ~ x + z", data, groups="unit").with_vcov(vcov, data)
    assert_allclose(again.bse, fit.bse, rtol=1e-8)


def test_the_jackknife_leaves_out_one_region_at_a_time():
    data = frame("panel")
    fit = bip.conditional_logit("y ~ x + z", data, groups="unit")
    without = [
        bip.conditional_logit("y ~ x + z", data[data["region"] != region], groups="unit").params - fit.params
        for region in range(1, 9)
    ]
    made = fit.with_vcov(bip.cluster("region", small_sample="jackknife"), data)
    assert_allclose(made.cov, 7 / 8 * np.array(without).T @ np.array(without), rtol=1e-6)
    boot = fit.with_vcov(bip.score_bootstrap("region", draws=99, rng=1), data)
    assert_allclose(boot.bse, R["panel"]["cluster"], rtol=1e-8)
    assert (boot.conf_int()["conf_low"] < fit.params).all()
    with pytest.raises(bip.ModelError, match="rows of a conditional logit share their group's events"):
        fit.with_vcov(bip.cluster("region", small_sample="CR2"), data)


def brute_force(beta, x, group, event, weight):
    """Log-likelihood, score and information from every subset of every group."""
    loglik, gradient, information = 0.0, 0.0, 0.0
    for g in range(len(weight)):
        own, hit = x[group == g], event[group == g]
        sums = np.array([own[list(s)].sum(axis=0) for s in combinations(range(len(own)), int(hit.sum()))])
        odds = np.exp(sums @ beta)
        share = odds / odds.sum()
        mean = share @ sums
        loglik += weight[g] * (own[hit].sum(axis=0) @ beta - np.log(odds.sum()))
        gradient = gradient + weight[g] * (own[hit].sum(axis=0) - mean)
        information = information + weight[g] * ((sums - mean).T * share @ (sums - mean))
    return loglik, gradient, information


@given(st.integers(0, 2**32 - 1))
@settings(max_examples=25, deadline=None)
def test_value_score_and_information_are_those_of_all_subsets(seed):
    draw = np.random.default_rng(seed)
    sizes = draw.integers(2, 9, 7)
    group = draw.permutation(np.repeat(np.arange(7), sizes))
    events = draw.integers(1, sizes)
    event = np.zeros(len(group), bool)
    for g in range(7):
        event[draw.choice(np.flatnonzero(group == g), events[g], replace=False)] = True
    x, weight, beta = draw.normal(size=(len(group), 3)), 0.5 + draw.random(7), draw.normal(size=3)
    problem = conditional_problem(x, group, event, weight)
    at, (loglik, gradient, information) = evaluate(beta, problem), brute_force(beta, x, group, event, weight)
    assert_allclose(at.loglik, loglik, rtol=1e-12)
    assert_allclose(log_likelihood(beta, problem), loglik, rtol=1e-12)
    assert_allclose(at.gradient, gradient, rtol=1e-10, atol=1e-11)
    assert_allclose(at.information, information, rtol=1e-10, atol=1e-11)
    by_group = scores(beta, problem)
    assert_allclose(by_group.sum(axis=0), gradient, rtol=1e-10, atol=1e-11)


def test_derivatives_agree_with_finite_differences_in_a_large_group():
    draw = np.random.default_rng(1)
    x, event = draw.normal(size=(150, 2)), draw.random(150) < 0.3
    problem = conditional_problem(x, np.zeros(150, np.int64), event, np.ones(1))
    beta, step = np.array([0.4, -0.7]), 1e-5
    at, shifts = evaluate(beta, problem), step * np.eye(2)
    gradient = [
        (log_likelihood(beta + s, problem) - log_likelihood(beta - s, problem)) / (2 * step) for s in shifts
    ]
    curvature = [
        (evaluate(beta - s, problem).gradient - evaluate(beta + s, problem).gradient) / (2 * step)
        for s in shifts
    ]
    assert_allclose(at.gradient, gradient, rtol=1e-6)
    assert_allclose(at.information, curvature, rtol=1e-6)


def test_predictors_far_apart_do_not_overflow():
    """One row of a thousand times the odds e^700 of the others is chosen; the rest share what is left."""
    x = np.array([[2000.0], [1.0], [0.0], [-1.0]])
    problem = conditional_problem(x, np.zeros(4, np.int64), np.array([True, True, False, False]), np.ones(1))
    at = evaluate(np.array([1.0]), problem)
    share = np.exp([1.0, 0.0, -1.0]) / np.exp([1.0, 0.0, -1.0]).sum()
    assert_allclose(at.loglik, np.log(share[0]), rtol=1e-10)
    assert_allclose(at.gradient, 1.0 - share @ [1.0, 0.0, -1.0], rtol=1e-9)


def test_pairs_are_a_logit_of_differences_through_the_origin():
    """Twelve discordant pairs, eight one way: log(8 / 4), error sqrt(1 / 8 + 1 / 4) (McNemar)."""
    pairs = pd.DataFrame(
        {"pair": np.repeat(np.arange(12), 2), "y": [1, 0] * 12, "x": [1, 0] * 8 + [0, 1] * 4}
    )
    fit = bip.conditional_logit("y ~ x", pairs, groups="pair")
    assert_allclose(fit.params["x"], np.log(2), rtol=1e-12)
    assert_allclose(fit.bse["x"], np.sqrt(1 / 8 + 1 / 4), rtol=1e-10)


def test_one_event_per_group_is_a_stratified_cox_model():
    data = frame("infert")
    fit = bip.conditional_logit("case ~ spontaneous + induced", data, groups="stratum")
    alike = bip.cox(
        "spontaneous + induced", data.assign(one=1), start=None, stop="one", event="case", strata="stratum"
    )
    assert_allclose(fit.params, alike.params, rtol=1e-10)
    assert_allclose(fit.bse, alike.bse, rtol=1e-10)


@given(st.integers(0, 1000))
@settings(max_examples=10, deadline=None)
def test_order_names_group_effects_and_outcome_turned_do_not_matter(seed):
    data, draw = frame("panel"), np.random.default_rng(seed)
    plain = bip.conditional_logit("y ~ x + z", data, groups="unit", vcov="robust")
    effect = dict(zip(range(1, 61), draw.normal(size=60), strict=True))
    other = data.sample(frac=1, random_state=seed).assign(
        x=lambda d: d["x"] + d["unit"].map(effect), unit=lambda d: "u" + d["unit"].astype(str)
    )
    moved = bip.conditional_logit("y ~ x + z", other, groups="unit", vcov="robust")
    turned = bip.conditional_logit("y ~ x + z", data.assign(y=1 - data["y"]), groups="unit", vcov="robust")
    for fit, sign in ((moved, 1), (turned, -1)):
        assert_allclose(fit.params, sign * plain.params, rtol=1e-8)
        assert_allclose(fit.bse, plain.bse, rtol=1e-8)


def test_groups_without_variation_are_left_out_and_counted():
    data = frame("panel")
    still = data.groupby("unit")["y"].transform("nunique") == 1
    fit = bip.conditional_logit("y ~ x + z", data, groups="unit")
    n_groups = data.loc[still, "unit"].nunique()
    assert still.any() and (f"in {n_groups} groups where y does not vary", int(still.sum())) in fit.fit.flow
    assert fit.nobs == (~still).sum() and fit.fit.n_units == 60 - n_groups
    alone = bip.conditional_logit("y ~ x + z", data[~still], groups="unit")
    assert_allclose(alone.params, fit.params, rtol=1e-10)
    assert f"in {60 - n_groups} groups by unit" in str(fit) and "Intercept" not in fit.params
    assert f"each of {60 - n_groups} groups (unit)" in fit.methods_text()


def test_prediction_is_the_odds_ratio_against_covariates_zero():
    data = frame("infert")
    fit = bip.conditional_logit("case ~ spontaneous + induced", data, groups="stratum")
    expected = np.exp(data[["spontaneous", "induced"]].to_numpy() @ fit.params.to_numpy())
    assert_allclose(fit.predict(data), expected, rtol=1e-12)
    with pytest.raises(bip.OptionError, match="kind='probability' is not an option"):
        fit.predict(data, "probability")


def late_entry(**changes):
    """Spells that end with the event in half of the clients."""
    draw = np.random.default_rng(2)
    rows = pd.DataFrame({"client": np.repeat(np.arange(40), 4), "week": np.tile([13, 26, 39, 52], 40)})
    rows = rows.assign(x=draw.normal(size=160), job=((rows["week"] == 52) & (rows["client"] % 2 == 0)) * 1)
    return rows.assign(**changes)


def test_an_outcome_that_ends_the_time_at_risk_is_refused_with_the_cure():
    for rows, order in (
        (late_entry().sample(frac=1, random_state=1), "by the column 'week'"),
        (late_entry().drop(columns="week"), "in the order of the rows"),
    ):
        with pytest.raises(bip.ModelError) as caught:
            bip.conditional_logit("job ~ x", rows, groups="client")
        message = str(caught.value)
        assert "in 20 of 40 groups" in message and order in message
        assert "first answer and the change since" in message and "Absorbing outcomes" in message


def test_recurrent_outcomes_and_matched_sets_are_not_refused_as_absorbing():
    recurrent = late_entry()
    recurrent.loc[[0, 5], "job"] = 1
    assert bip.conditional_logit("job ~ x", recurrent, groups="client").fit.n_units == 21
    matched = late_entry(job=lambda d: (d["week"] == 52) * 1)  # the case stands last in every set
    assert bip.conditional_logit("job ~ x", matched, groups="client").fit.n_units == 40
    early = late_entry(job=lambda d: ((d["week"] == 13) & (d["client"] % 2 == 0)) * 1)
    assert bip.conditional_logit("job ~ x", early, groups="client").fit.n_units == 20


BAD = {
    "no variation": (dict(), lambda d: d.assign(x=d["unit"] * 1.0), "no variation within every group in x"),
    "no group varies": (dict(), lambda d: d.assign(y=d["unit"] % 2), "varies within none of the 60 groups"),
    "collinear": (dict(), lambda d: d.assign(x=2.0 * (d["z"] == "b") + d["unit"]), "collinear columns"),
    "missing": (dict(), lambda d: d.assign(x=d["x"].where(d["unit"] > 3)), "rows have missing values: x"),
    "weights differ": (
        dict(weights="w"),
        lambda d: d.assign(w=np.arange(1, len(d) + 1)),
        r"'w' differs within \d+ groups of 'unit'",
    ),
    "split groups": (
        dict(vcov=bip.cluster("z")),
        lambda d: d,
        r"\d+ of \d+ groups of 'unit' lie in more than one cluster of 'z'",
    ),
    "separated": (
        dict(),
        lambda d: d.assign(x=d["y"] * 2 + d["unit"]),
        "within every group, x is never lower in a row with the event than in one without",
    ),
    "level without events": (
        dict(),
        lambda d: d.assign(z=np.where((d["y"] == 0) & (d["x"] > 0.5), "d", d["z"])),
        r"z\[d\] = 1 has no events in \d+ rows",
    ),
    "combination": (
        dict(),
        lambda d: d.assign(x=d["y"] + 5 * (d["z"] == "b") + 10 * (d["z"] == "c") + 100 * d["unit"]),
        r"within every group, a combination of .*x.* tells \d+ of \d+ rows apart",
    ),
}


@pytest.mark.parametrize("name", BAD)
def test_what_cannot_be_estimated_is_named(name):
    arguments, spoil, message = BAD[name]
    with pytest.raises(bip.ModelError, match=message):
        bip.conditional_logit("y ~ x + z", spoil(frame("panel")), groups="unit", **arguments)


def test_bad_arguments_are_named():
    data = frame("panel")
    for wrong in (3, [3], []):
        with pytest.raises(bip.OptionError, match=r"groups=\w+ is not the name of a column"):
            bip.conditional_logit("y ~ x", data, groups=wrong)
    with pytest.raises(bip.ModelError, match="did you mean 'unit'"):
        bip.conditional_logit("y ~ x", data, groups="unitt")
    crossed = bip.conditional_logit(
        "y ~ x", data.assign(k=data["unit"] % 7, j=data["unit"]), groups=["k", "j"]
    )
    assert_allclose(crossed.params, bip.conditional_logit("y ~ x", data, groups="unit").params, rtol=1e-10)
    with pytest.raises(bip.ModelError, match="not the data of the fit"):
        crossed.with_vcov("robust", data.assign(k=data["unit"] % 7, j=data["unit"]).iloc[:-20])
