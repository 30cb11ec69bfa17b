"""Hazards with random intercepts against R's glmmTMB and lme4, and the plain hazard at the boundary."""

import numpy as np
import pandas as pd
import pytest
from mixed_cases import agrees_with, r_cases
from numpy.testing import assert_allclose
from references import frame

import bipstats as bip

PANEL = dict(event="y", random="group")


@pytest.fixture(scope="module")
def panel():
    return frame("caseload")


@pytest.fixture(scope="module")
def part(panel):
    return bip.hazard("belief + age", panel, exposure="exposure", **PANEL)


def test_glmmtmb_agrees_with_exposure(part):
    agrees_with("hazard", part)
    assert part.ratio == "hazard ratio" and part.title == "Discrete-time hazard with random intercepts"
    assert_allclose(part.random["share"], part.random["sd"] ** 2 / (part.random["sd"] ** 2 + np.pi**2 / 6))


def test_glmmtmb_agrees_on_the_logit_link(panel):
    fit = bip.hazard("belief + age", panel, link="logit", **PANEL)
    agrees_with("hazard_logit", fit)
    assert fit.ratio == "odds ratio"


def test_lme4_agrees_on_quadrature(panel):
    fit = bip.hazard("belief + age", panel, exposure="exposure", method="agq", **PANEL)
    expected = r_cases()["hazard_agq"]
    assert_allclose(fit.loglik, expected["loglik"], rtol=1e-11)
    # lme4 searches without derivatives and stops short of the maximum
    assert_allclose(fit.params, expected["coef"], rtol=1e-4)
    assert_allclose(fit.random["sd"], expected["sd"], rtol=1e-4)


def test_the_logit_hazard_is_the_logit_with_periods(panel):
    hazard = bip.hazard("belief", panel, link="logit", **PANEL)
    logit = bip.mixed_logit("y ~ C(period) + belief", panel, random="group")
    assert_allclose(hazard.params, logit.params, rtol=1e-7)
    assert_allclose(hazard.bse, logit.bse, rtol=1e-5)
    assert_allclose(hazard.random["sd"], logit.random["sd"], rtol=1e-6)
    assert_allclose(hazard.predict(panel), logit.predict(panel), rtol=1e-8)
    assert_allclose(hazard.predict(panel, "conditional"), logit.predict(panel, "conditional"), rtol=1e-7)


def test_a_variance_of_zero_is_the_plain_hazard(panel):
    rows = next(r for r in (panel.assign(noise=_noise(seed, len(panel))) for seed in range(9)) if _sd(r) == 0)
    fit = bip.hazard("belief", rows, event="y", exposure="exposure", random="noise")
    plain = bip.hazard("belief", rows, event="y", exposure="exposure")
    assert_allclose(fit.params, plain.params, rtol=1e-11)
    assert_allclose(fit.cov, plain.cov, rtol=1e-9, atol=1e-12)
    assert_allclose(fit.loglik, plain.loglik, rtol=1e-13)
    assert_allclose(fit.predict(rows), plain.predict(rows), rtol=1e-10)
    assert_allclose(
        fit.predict(rows.head(3), "survival"), plain.predict(rows.head(3), "survival"), rtol=1e-10
    )
    assert "0, at the boundary" in str(fit)


def _noise(seed, n):
    return np.random.default_rng(seed).integers(0, 25, n)


def _sd(rows):
    return bip.hazard("belief", rows, event="y", exposure="exposure", random="noise").random["sd"][0]


def test_survival_is_averaged_over_the_intercepts(part, panel):
    rows = panel.head(2)
    found = part.predict(rows, "survival")
    z = np.random.default_rng(1).normal(size=200_000) * part.random["sd"][0]
    slopes = part.params["belief"] * rows["belief"] + part.params["age"] * rows["age"]
    for place, slope in enumerate(slopes):
        hazards = 1 - np.exp(-np.exp(slope + part.baseline().to_numpy() + z[:, None]))
        assert_allclose(found.iloc[place], np.cumprod(1 - hazards, axis=1).mean(axis=0), atol=0.002)
    # the product of averaged hazards is lower: it forgets who is still there
    whole = pd.concat([rows.iloc[[0]].assign(period=p, exposure=1) for p in part.levels])
    assert (np.cumprod(1 - part.predict(whole)).to_numpy()[1:] < found.iloc[0].to_numpy()[1:]).all()


def test_a_spline_baseline_and_clustered_errors(panel):
    fit = bip.hazard("belief", panel, baseline=3, vcov=bip.cluster("group"), **PANEL)
    assert list(fit.params.index)[1:4] == ["period spline[1]", "period spline[2]", "period spline[3]"]
    assert fit.n_clusters == 20 and "natural cubic spline" in str(fit)
    again = bip.read_result(fit.to_json())
    assert repr(again) == repr(fit)
    assert_allclose(
        again.with_vcov("model", panel).with_vcov(bip.cluster("group"), panel).bse, fit.bse, rtol=1e-9
    )
    assert "random intercepts for group" in fit.methods_text()


REFUSED = {
    "clients": (dict(random="client"), "at most one event in each"),
    "absorbed too": (dict(random="group", absorb="team"), "do not go together"),
    "periods": (dict(random="period"), "have their effects already"),
    "nodes alone": (dict(nodes=7), "are of random intercepts"),
    "method alone": (dict(method="agq"), "are of random intercepts"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_cannot_be_done_is_refused(name, panel):
    arguments, message = REFUSED[name]
    first = panel[panel.groupby("client")["y"].cumsum() - panel["y"] == 0]
    with pytest.raises(bip.BipstatsError, match=message):
        bip.hazard("belief", first, event="y", **arguments)
