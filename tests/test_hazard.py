"""Discrete-time hazard against R's glm and sandwich, grouped proportional hazards and its own invariances."""

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose
from references import frame, r_numbers

import bipstats as bip
from bipstats.models.kernels.binomial import binomial_problem, evaluate, log_likelihood, score_sums

FORMULA = "treat + age"
ARGUMENTS = {
    "cloglog": dict(),
    "cloglog exposure": dict(exposure="exposure"),
    "hazard logit": dict(link="logit"),
}


def contrasts(params):
    """R's order: intercept, periods, slopes; ours is the same."""
    return np.asarray(params)


@pytest.mark.parametrize("name", ARGUMENTS)
def test_estimates_and_errors_agree_with_r(name):
    expected, data = r_numbers("glm")[name], frame("cgd_periods")
    fit = bip.hazard(FORMULA, data, event="status", **ARGUMENTS[name])
    assert_allclose(contrasts(fit.params), expected["coef"], rtol=1e-8)
    assert_allclose(fit.bse, expected["std_error"], rtol=1e-8)
    assert_allclose(fit.loglik, expected["loglik"], rtol=1e-11)
    clustered = fit.with_vcov(bip.cluster("id"), data)
    assert_allclose(clustered.bse, expected["cluster"], rtol=1e-8)


def test_two_way_and_corrected_clusters_agree_with_sandwich():
    expected, data = r_numbers("glm")["cloglog"], frame("cgd_periods")
    two = bip.hazard(FORMULA, data, event="status", vcov=bip.cluster("id", "center"))
    assert_allclose(two.bse, expected["two_way"], rtol=1e-8)
    assert two.n_clusters == data["center"].nunique()
    # sandwich's HC0 with cadjust=TRUE is G / (G - 1)
    one = bip.hazard(FORMULA, data, event="status", vcov=bip.cluster("id", small_sample="CR1"))
    assert_allclose(one.bse, expected["cr1"], rtol=1e-8)
    n, k, g = one.nobs, len(one.params), one.n_clusters
    stata = bip.hazard(FORMULA, data, event="status", vcov=bip.cluster("id", small_sample="CR1S"))
    assert_allclose(stata.bse / one.bse, np.sqrt((n - 1) / (n - k)), rtol=1e-10)
    assert g == data["id"].nunique()


@pytest.mark.parametrize("link", ["cloglog", "logit"])
def test_derivatives_agree_with_finite_differences(link):
    draw = np.random.default_rng(3)
    x, level = draw.normal(size=(80, 2)), draw.integers(0, 3, 80)
    trials = draw.integers(1, 4, 80).astype(float)
    successes = np.minimum(draw.integers(0, 3, 80), trials).astype(float)
    problem = binomial_problem(x, level, successes, trials, draw.normal(size=80) / 5, link)
    params, step = np.array([-1.0, -0.5, 0.2, 0.3, -0.4]), 1e-5
    at, shifts = evaluate(params, problem, observed=True), step * np.eye(5)
    gradient = [
        (log_likelihood(params + s, problem) - log_likelihood(params - s, problem)) / (2 * step)
        for s in shifts
    ]
    curvature = [
        (evaluate(params - s, problem).gradient - evaluate(params + s, problem).gradient) / (2 * step)
        for s in shifts
    ]
    assert_allclose(at.gradient, gradient, rtol=1e-8)
    assert_allclose(at.information, curvature, rtol=1e-6)
    assert_allclose(score_sums(params, problem, np.arange(80) % 9).sum(axis=0), at.gradient, atol=1e-11)


def test_one_period_without_slopes_of_interest_is_the_crude_hazard():
    """With one binary covariate and one period the model is saturated: 1 - p = exp(-exp(eta))."""
    rows = pd.DataFrame(
        {"period": 0, "event": [1] * 3 + [0] * 7 + [1] * 6 + [0] * 4, "x": [0] * 10 + [1] * 10}
    )
    fit = bip.hazard("x", rows)
    assert_allclose(fit.params["Intercept"], np.log(-np.log(0.7)), rtol=1e-12)
    assert_allclose(fit.params["x"], np.log(np.log(0.4) / np.log(0.7)), rtol=1e-12)


def test_part_periods_of_constant_covariates_are_the_whole_period():
    """Splitting a period in two pieces of exposure 0.3 and 0.7 changes nothing with the cloglog link."""
    rows = frame("cgd_periods").assign(exposure=1.0)
    whole = bip.hazard(FORMULA, rows, event="status", exposure="exposure")
    died = rows["status"] == 1
    first = rows[~died].assign(exposure=0.3)
    second = rows.assign(exposure=np.where(died, 1.0, 0.7))
    pieces = bip.hazard(FORMULA, pd.concat([first, second]), event="status", exposure="exposure")
    assert_allclose(pieces.params, whole.params, rtol=1e-9)


def test_predictions_of_the_training_rows_are_the_fitted_values():
    data = frame("cgd_periods")
    fit = bip.hazard(FORMULA, data, event="status", exposure="exposure")
    # the score of the intercept is zero: weighted residuals vanish in every period
    hazard = fit.predict(data)
    with np.errstate(divide="ignore"):
        cumulative = -np.log1p(-hazard)
    residual = np.where(data["status"] == 1, cumulative * (1 - hazard) / hazard, -cumulative)
    assert_allclose(pd.Series(residual).groupby(data["period"]).sum(), 0, atol=1e-8)
    survival = fit.predict(data.head(3), "survival")
    assert (survival.diff(axis=1).iloc[:, 1:] <= 0).all().all() and survival.shape == (
        3,
        data["period"].nunique(),
    )


def test_periods_without_events_are_left_out_counted_and_have_hazard_zero():
    data = frame("cgd_periods")
    extra = data.head(40).assign(period=99, status=0)
    fit, plain = (
        bip.hazard(FORMULA, pd.concat([data, extra]), event="status"),
        bip.hazard(FORMULA, data, event="status"),
    )
    assert_allclose(fit.params, plain.params, rtol=1e-12)
    assert ("in periods without events", 40) in fit.fit.flow and fit.eventless == (99,)
    assert (fit.predict(extra) == 0).all()
    assert "99 (hazard estimated as zero)" in str(fit)


BAD = {
    "exposure with logit": (
        dict(link="logit", exposure="exposure"),
        lambda d: d,
        "no meaning with the logit link",
    ),
    "exposure above one": (
        dict(exposure="exposure"),
        lambda d: d.assign(exposure=1.2),
        r"must lie in \(0, 1\]",
    ),
    "all events": (dict(), lambda d: d.assign(status=1), "every one of the 562 rows is an event"),
    "separated": (
        dict(),
        lambda d: d.assign(age=((d["status"] == 0) & (d["id"] % 2 == 0)).astype(int)),
        "separation",
    ),
    "missing cluster": (
        dict(vcov=bip.cluster("center")),
        lambda d: d.assign(center=d["center"].where(d["id"] > 9)),
        "'center', used by vcov=, is missing in",
    ),
    "one cluster": (dict(vcov=bip.cluster("one")), lambda d: d.assign(one=1), "need two clusters or more"),
    "unseen": (dict(period="nosuch"), lambda d: d, "no column 'nosuch'"),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_input_is_named(name):
    arguments, spoil, message = BAD[name]
    with pytest.raises(bip.ModelError, match=message):
        bip.hazard(FORMULA, spoil(frame("cgd_periods")), event="status", **arguments)


def test_new_rows_with_unknown_levels_or_periods_are_refused():
    data = frame("cgd_periods")
    fit = bip.hazard(FORMULA, data, event="status")
    with pytest.raises(bip.ModelError, match="levels that the fit has not seen: sham"):
        fit.predict(data.head(2).assign(treat="sham"))
    with pytest.raises(bip.ModelError, match="periods that the fit has not seen"):
        fit.predict(data.head(2).assign(period=55))
