"""Firth's logit against brglm2 and a profile written in R, a closed form, and its own invariances."""

import json
import pickle

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose
from references import FOLDER, frame

import bipstats as bip
from bipstats.models.kernels.firth import evaluate, firth_problem, penalised_log_likelihood, scoring

R = json.loads((FOLDER / "firth.json").read_text())
CASES = {
    "veteran": ("late ~ karno + age + celltype", "veteran", None),
    "veteran weights": ("late ~ karno + age + celltype", "veteran", "w"),
    "separated": ("y ~ x + z", "separated", None),
    "endometrial": ("HG ~ NV + PI + EH", "endometrial_like", None),
}


def expected(group: str, name: str) -> dict:
    return next(case for case in R[group] if case["name"] == name)


def read(name: str) -> pd.DataFrame:
    data = frame(name)
    if "celltype" in data:
        data["celltype"] = pd.Categorical(data["celltype"], ["squamous", "smallcell", "adeno", "large"])
    return data


@pytest.mark.parametrize("name", CASES)
def test_estimates_errors_and_loglik_agree_with_brglm2(name):
    formula, data, weights = CASES[name]
    fit = bip.logit(formula, read(data), weights=weights, penalty="firth")
    r = expected("firth", name)
    assert_allclose(fit.params, r["coef"], rtol=1e-9)
    assert_allclose(fit.params, r["brglm2"], rtol=1e-8)
    assert_allclose(fit.bse, r["std_error"], rtol=1e-8)
    assert_allclose(fit.loglik, r["loglik"], rtol=1e-10)  # brglm2's too is without the penalty


@pytest.mark.parametrize("name", ["veteran", "separated", "endometrial"])
def test_profile_agrees_with_one_written_in_r(name):
    formula, data, _ = CASES[name]
    fit = bip.logit(formula, read(data), penalty="firth")
    table, r = fit.profile(read(data)).table, expected("firth", name)
    assert list(table["term"]) == list(fit.params.index)
    for column in ("conf_low", "conf_high", "statistic", "p_value"):
        assert_allclose(
            table[column], r[column], rtol=1e-7
        )  # R's root is found to 1e-13, its maxima to 1e-10 or so


def test_plain_logit_has_a_profile_too():
    data, r = read("veteran"), expected("plain", "veteran")
    table = bip.logit(CASES["veteran"][0], data).profile(data).table
    for column in ("conf_low", "conf_high", "statistic"):
        assert_allclose(table[column], r[column], rtol=1e-7)


def test_two_by_two_table_is_a_half_added_to_every_cell():
    """Jeffreys' prior on a saturated model (Firth 1993); zero events among 10 with x = 0."""
    rows = pd.DataFrame({"y": [0] * 10 + [1] * 6 + [0] * 4, "x": [0] * 10 + [1] * 10})
    with pytest.raises(bip.ModelError, match=r'x = 0 has no events in 10 rows(.|\n)*penalty="firth"'):
        bip.logit("y ~ x", rows)
    fit = bip.logit("y ~ x", rows, penalty="firth")
    assert_allclose(fit.params["Intercept"], np.log(0.5 / 10.5), rtol=1e-12)
    assert_allclose(fit.params["x"], np.log(6.5 / 4.5) - np.log(0.5 / 10.5), rtol=1e-12)
    probability = fit.predict(rows).groupby(rows["x"]).first()
    assert_allclose(probability, [0.5 / 11, 6.5 / 11], rtol=1e-12)


def _problem():
    draw = np.random.default_rng(4)
    trials = draw.integers(1, 4, 50).astype(float)
    return firth_problem(draw.normal(size=(50, 3)), np.minimum(draw.integers(0, 3, 50), trials), trials)


@pytest.mark.parametrize("size", [0.3, 1.0])
def test_derivatives_agree_with_finite_differences(size):
    problem, params, step = _problem(), size * np.array([0.5, -1.0, 0.7, 0.3]), 1e-5
    at, shifts = evaluate(params, problem), step * np.eye(4)
    gradient = [
        (penalised_log_likelihood(params + s, problem) - penalised_log_likelihood(params - s, problem))
        / (2 * step)
        for s in shifts
    ]
    curvature = [
        (evaluate(params - s, problem).gradient - evaluate(params + s, problem).gradient) / (2 * step)
        for s in shifts
    ]
    assert_allclose(at.loglik, penalised_log_likelihood(params, problem), rtol=1e-13)
    assert_allclose(at.gradient, gradient, rtol=1e-7)
    assert_allclose(at.information, curvature, rtol=1e-7)
    assert_allclose(scoring(params, problem).gradient, at.gradient, rtol=1e-12)


def test_far_from_the_maximum_the_search_still_goes_uphill():
    draw = np.random.default_rng(8)
    x, y = draw.normal(size=(6, 3)), draw.integers(0, 2, 6).astype(float)
    problem, found = firth_problem(x, y, np.ones(6)), 0
    for _ in range(20):
        params = 3 * draw.normal(size=4)
        at, scored = evaluate(params, problem), scoring(params, problem)
        assert at.gradient @ np.linalg.solve(at.information, at.gradient) > 0
        found += bool(np.allclose(at.information, scored.information))
    assert 0 < found < 20  # the expected information stood in for one that is not positive definite


@given(st.integers(0, 2**32 - 1))
@settings(max_examples=20, deadline=None)
def test_any_small_data_set_has_finite_estimates_with_zero_modified_score(seed):
    draw = np.random.default_rng(seed)
    n = int(draw.integers(6, 15))
    rows = pd.DataFrame(
        {"y": np.r_[0, 1, draw.integers(0, 2, n - 2)], "a": draw.normal(size=n), "b": draw.integers(0, 5, n)}
    )
    rows.loc[:1, "b"] = [0, 1]
    fit = bip.logit("y ~ a + b", rows, penalty="firth")
    problem = firth_problem(rows[["a", "b"]].to_numpy(float), rows["y"].to_numpy(float), np.ones(n))
    at = scoring(fit.params.to_numpy(), problem)
    assert np.abs(at.gradient / np.sqrt(np.diag(at.information))).max() < 1e-8


def test_weights_count_as_copies_and_scale_does_not_matter():
    data = read("endometrial_like").assign(w=lambda d: 1 + d.index % 2)
    formula = "HG ~ NV + PI + EH"
    weighted = bip.logit(formula, data, weights="w", penalty="firth")
    copies = pd.concat([data, data[data["w"] == 2]])
    copied = bip.logit(formula, copies, penalty="firth")
    assert_allclose(weighted.params, copied.params, rtol=1e-9)
    assert_allclose(weighted.bse, copied.bse, rtol=1e-9)
    scaled = data.assign(PI=data["PI"] * 1e7)
    fit = bip.logit(formula, scaled, penalty="firth")
    plain = bip.logit(formula, data, penalty="firth")
    assert_allclose(fit.params["PI"] * 1e7, plain.params["PI"], rtol=1e-9)
    ours, theirs = (f.profile(d, "PI", 0.9).table for f, d in ((fit, scaled), (plain, data)))
    assert_allclose(ours[["conf_low", "conf_high"]] * 1e7, theirs[["conf_low", "conf_high"]], rtol=1e-7)
    assert_allclose(ours["statistic"], theirs["statistic"], rtol=1e-8)


def test_interval_and_test_say_the_same():
    """A p-value of exactly 1 - level lies where the interval's end is zero."""
    data = read("separated")
    fit = bip.logit("y ~ x + z", data, penalty="firth")
    p_value = float(fit.profile(data, "x").table["p_value"].iloc[0])
    low = float(fit.profile(data, ["x"], level=1 - p_value).table["conf_low"].iloc[0])
    assert_allclose(low, 0.0, atol=1e-8)


def test_what_a_profile_gives():
    data = read("separated")
    fit = bip.logit("y ~ x + z", data, penalty="firth")
    found = fit.profile(data, "z")
    assert list(found.table) == ["term", "estimate", "conf_low", "conf_high", "statistic", "p_value"]
    tidy, ratio = found.tidy(), found.tidy(exponentiate=True)
    assert_allclose(tidy["std_error"], fit.bse[["z"]])
    assert_allclose(ratio["conf_high"], np.exp(tidy["conf_high"]))
    assert "penalised likelihood (Firth)" in str(found) and "<table>" in found._repr_html_()
    assert found.plot().get_xlabel() == "Log odds ratio, 95% CI"
    assert len(pickle.dumps(found)) < 5000


def test_summary_and_methods_name_the_penalty():
    data = read("separated")
    fit = bip.logit("y ~ x + z", data, penalty="firth")
    assert "penalty" in str(fit) and "Jeffreys' prior" in str(fit)
    assert "Firth 1993" in fit.methods_text() and fit.specification.penalty == "firth"
    plain = bip.logit("late ~ karno", read("veteran"))
    assert "penalty" not in str(plain) and "Firth" not in plain.methods_text()


def test_what_cannot_be_is_refused():
    data = read("separated")
    fit = bip.logit("y ~ x + z", data, penalty="firth")
    for call in (
        lambda: bip.logit("y ~ x", data, penalty="firth", vcov="robust"),
        lambda: fit.with_vcov(bip.cluster("z"), data),
    ):
        with pytest.raises(bip.ModelError, match='has vcov="model" only'):
            call()
    with pytest.raises(bip.ModelError, match="the fits are penalised"):
        bip.lr_test(bip.logit("y ~ x", data, penalty="firth"), fit)
    with pytest.raises(bip.ModelError, match="cannot absorb z"):
        bip.logit("y ~ x", data, penalty="firth", absorb="z")
    assert_allclose(fit.with_vcov("model", data).bse, fit.bse, rtol=1e-8)
    with pytest.raises(bip.ModelError, match="not the data of the fit"):
        fit.profile(data.iloc[:-1])
    with pytest.raises(bip.ModelError, match="term= names w"):
        fit.profile(data, "w")
    with pytest.raises(bip.OptionError, match="level=95"):
        fit.profile(data, level=95)
    with pytest.raises(
        bip.OptionError, match="penalty='ridge' is not an option; choose one of None, 'firth'"
    ):
        bip.logit("y ~ x", data, penalty="ridge")
