"""Risks from a landmark: closed forms, conservation, derivatives, and R's multi-state survfit."""

import json

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose
from references import FOLDER
from scipy import stats

import bipstats as bip
from bipstats.effects.incidence import CauseHazard, incidence


def two_causes(seed=5, n=30, times=6):
    draw = np.random.default_rng(seed)
    x = draw.normal(size=(n, 2))
    return [CauseHazard(np.exp(x @ b), draw.random(times) / 8, x) for b in ([0.3, -0.2], [-0.5, 0.1])]


def test_one_cause_is_one_minus_survival():
    cause = two_causes()[0]
    found = incidence([cause])
    expected = 1 - np.exp(-np.outer(cause.relative, np.cumsum(cause.increment))).mean(axis=0)
    assert_allclose(found.curves[0], expected, rtol=1e-13)


def test_incidences_and_survival_add_to_one():
    causes = two_causes()
    total = sum(np.outer(cause.relative, np.cumsum(cause.increment)) for cause in causes)
    assert_allclose(incidence(causes).curves.sum(axis=0), 1 - np.exp(-total).mean(axis=0), rtol=1e-13)


def test_constant_hazards_closed_form():
    """Hazards a and b for time t: incidence a / (a + b) (1 - exp(-(a + b) t))."""
    a, b, steps = 0.02, 0.05, 10
    causes = [CauseHazard(np.ones(3), np.full(steps, rate), np.zeros((3, 0))) for rate in (a, b)]
    assert_allclose(incidence(causes).curves[0, -1], a / (a + b) * (1 - np.exp(-(a + b) * steps)), rtol=1e-12)


def test_gradients_agree_with_finite_differences():
    causes, step = two_causes(), 1e-6
    found = incidence(causes)

    def moved(k, d=None, slope=None):
        changed = list(causes)
        increment, relative = causes[k].increment.copy(), causes[k].relative
        if d is not None:
            increment[d] += step
        else:
            relative = relative * np.exp(step * causes[k].x[:, slope])
        changed[k] = CauseHazard(relative, increment, causes[k].x)
        return (incidence(changed).curves[:, -1] - found.curves[:, -1]) / step

    for k in range(2):
        for d in range(6):
            assert_allclose(found.increment_gradient[:, k, d], moved(k, d=d), rtol=1e-4, atol=1e-6)
        for slope in range(2):
            assert_allclose(found.slope_gradient[k][:, slope], moved(k, slope=slope), rtol=1e-4, atol=1e-6)


def landmark_frame(seed=8, n=1500):
    draw = np.random.default_rng(seed)
    x = draw.integers(1, 6, n)
    job, other = draw.exponential(52 / (0.05 * 1.4**x)), draw.exponential(52 / 0.15, n)
    weeks = np.minimum(np.ceil(np.minimum(job, other)), 80)
    exit = np.where(weeks >= 80, "censored", np.where(job < other, "job", "other"))
    return pd.DataFrame({"weeks": weeks, "exit": exit, "x": x, "period": 0})


def cox_fits(rows, **arguments):
    def fit(way):
        return bip.cox("x", rows, start=None, stop="weeks", event=f"exit == {way}", **arguments)

    return {way: fit(way) for way in ("job", "other")}


def test_agrees_with_r_multi_state_survfit():
    case = json.loads((FOLDER / "incidence.json").read_text())
    rows = pd.read_csv(FOLDER / "incidence.csv")
    fits = cox_fits(rows, ties="breslow")
    for value, expected in zip(case["x"], case["job"], strict=True):
        found = bip.risk(fits, pd.DataFrame({"x": [value]}), horizon=52)
        job = found.table.query("exit == 'job' and quantity == 'risk'")
        assert_allclose(job["estimate"], expected, rtol=1e-8)


def test_hazards_and_cox_agree_on_weekly_periods():
    rows = landmark_frame()
    weekly = rows.loc[rows.index.repeat(rows["weeks"].astype(int))]
    weekly = weekly.assign(period=weekly.groupby(level=0).cumcount())
    last = weekly["period"] == weekly["weeks"] - 1
    weekly["exit"] = weekly["exit"].where(last, "censored")
    hazards = {way: bip.hazard("x", weekly, event=f"exit == {way}") for way in ("job", "other")}
    by_hazard = bip.risk(hazards, rows, horizon=52, width=1, at={"x": "+1"}).table
    by_cox = bip.risk(cox_fits(rows, ties="breslow"), rows, horizon=52, at={"x": "+1"}).table
    assert_allclose(by_hazard["estimate"], by_cox["estimate"], rtol=5e-3)
    assert_allclose(by_hazard["std_error"], by_cox["std_error"], rtol=0.02)


def test_standard_error_agrees_with_the_spread_over_samples():
    """Empirical sd of the estimates over 200 samples against the mean reported error (Monte Carlo error 5 %)."""
    rows = landmark_frame(1, 400)
    found = [bip.risk(cox_fits(landmark_frame(seed, 400)), rows, at={"x": 3}).table for seed in range(200)]
    rows = pd.concat(found)
    job = rows[rows["exit"] == "job"].groupby("quantity")
    ratio = job["std_error"].mean() / job["estimate"].std()
    assert ratio.between(0.85, 1.15).all(), ratio


def test_a_change_of_covariates_moves_the_risk_as_the_hazard_ratio_says():
    rows = landmark_frame()
    found = bip.risk(cox_fits(rows), rows, at={"x": "+1"})
    table = found.table.set_index(["exit", "quantity"])["estimate"]
    assert table["job", "risk changed"] > table["job", "risk"]
    assert_allclose(
        table["job", "difference"], table["job", "risk changed"] - table["job", "risk"], rtol=1e-10
    )
    assert_allclose(table["job", "ratio"], table["job", "risk changed"] / table["job", "risk"], rtol=1e-10)
    assert 1 < table["job", "ratio"] < np.exp(cox_fits(rows)["job"].params["x"])


def test_what_cannot_be_done_is_refused():
    rows = landmark_frame()
    fits = cox_fits(rows)
    with pytest.raises(bip.ModelError, match="which no fit has among its covariates"):
        bip.risk(fits, rows, at={"weeks": 1})
    with pytest.raises(bip.ModelError, match="saw nobody after 80"):
        bip.risk(fits, rows, horizon=81)
    with pytest.raises(bip.ModelError, match=r"width= is for fits by bip.hazard"):
        bip.risk(fits, rows, width=13)
    with pytest.raises(bip.ModelError, match="neither a value nor a shift"):
        bip.risk(fits, rows, at={"x": "abc"})
    with pytest.raises(bip.OptionError, match="horizon='52'"):
        bip.risk(fits, rows, horizon="52")
    with pytest.raises(bip.ModelError, match=r"\['job'\] and fits\['other'\] are one fit of 'exit == job'"):
        bip.risk({"job": fits["job"], "other": fits["job"]}, rows)
    with pytest.raises(bip.ModelError, match="fits is empty"):
        bip.risk({}, rows)
    with pytest.raises(bip.ModelError, match=r"no cause has an event between 0 and 0.5"):
        bip.risk(fits, rows, horizon=0.5)
    with pytest.raises(bip.ModelError, match="must be a fit by"):
        bip.risk({"job": bip.logit("y ~ x", rows.assign(y=rows["x"] % 2 * (rows.index % 3 == 0)))}, rows)
    with pytest.raises(bip.ModelError, match="is stratified"):
        bip.risk(cox_fits(rows.assign(g=rows.index % 2), strata="g"), rows)


def test_comparisons_are_tested_on_the_scale_of_their_errors():
    """Differences against zero, ratios against one; a risk against nothing; the level is that of the intervals."""
    rows = landmark_frame()
    fits = cox_fits(rows)
    found = bip.risk(fits, rows, at={"x": "+1"}, level=0.9)
    tidy = found.tidy()
    kind = tidy["term"].str.partition(": ")[2]
    risks = tidy[kind.str.startswith("risk")]
    assert len(risks) == 4 and risks[["statistic", "p_value"]].isna().all(axis=None)
    rest = tidy[~kind.str.startswith("risk")]
    ratio = ~kind.loc[rest.index].eq("difference")
    effect = np.where(ratio, np.log(rest["estimate"].where(ratio, 1.0)), rest["estimate"])
    low = np.where(ratio, np.log(rest["conf_low"].where(ratio, 1.0)), rest["conf_low"])
    assert_allclose((effect - low) / stats.norm.ppf(0.95), effect / rest["statistic"], rtol=1e-9)
    assert_allclose(rest["p_value"], 2 * stats.norm.sf(rest["statistic"].abs()), rtol=1e-12)
    assert "90%" in str(found)
    with pytest.raises(bip.OptionError, match="level=90"):
        bip.risk(fits, rows, level=90)


def test_intervals_are_those_of_margins_with_degrees_of_freedom_too():
    """Few clusters: t in place of the normal, and the summary names covariance, distribution and landmark."""
    rows = landmark_frame(n=600)
    rows["centre"] = np.arange(600) % 9
    vcov = bip.cluster("centre", small_sample="jackknife")
    fits = cox_fits(rows, vcov=vcov)
    found = bip.risk(fits, rows, horizon=20, landmark=4, at={"x": "+1"})
    assert found.df == 8
    scales = {"difference": "difference", "ratio": "risk_ratio", "odds ratio": "odds_ratio"}
    for quantity, scale in scales.items():
        margin = bip.margins(fits, rows, "x", horizon=20, landmark=4, scale=scale)
        assert_allclose(
            found.table[found.table["quantity"] == quantity][["estimate", "conf_low", "conf_high"]],
            margin.table[["estimate", "conf_low", "conf_high"]],
            rtol=1e-10,
        )
        assert "jackknife over centre (9 clusters)" in str(margin)
    text = str(found)
    assert "20 after the landmark at 4" in text and "95%, t with 8 degrees of freedom" in text
    assert "jackknife over centre (9 clusters)" in text
    mixed = str(bip.risk({"job": fits["job"], "other": cox_fits(rows)["other"]}, rows, horizon=20))
    assert "job jackknife" in mixed and "other from the model's information" in mixed
