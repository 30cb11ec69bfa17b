"""Baselines of the hazard: splines against R's ns, periods against grouped proportional hazards by hand."""

import numpy as np
import pandas as pd
import pytest
from counts import FORMULA, agrees_with, r_cases
from numpy.testing import assert_allclose
from references import frame
from scipy.optimize import minimize

import bipstats as bip
from bipstats.models.hazard_rows import natural_spline


@pytest.fixture
def panel():
    return frame("caseload")


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


def test_full_periods_are_the_grouped_proportional_hazards_model():
    """P(T = t) = S(t - 1) - S(t) with S(t) = exp(-sum of exp(gamma_s + x b)), written by hand."""
    draw = np.random.default_rng(4)
    last, x = draw.integers(0, 3, 60), draw.integers(0, 2, 60)
    died = draw.random(60) < 0.6
    rows = pd.DataFrame({"x": x, "last": last, "died": died}).loc[np.repeat(np.arange(60), last + 1)]
    rows["period"] = rows.groupby(level=0).cumcount()
    rows["event"] = (rows["died"] & (rows["period"] == rows["last"])).astype(int)

    def minus_loglik(params):
        hazard = np.exp(params[:3] + np.outer(x, [params[3]]))
        survival = np.exp(-np.cumsum(np.column_stack([np.zeros(60), hazard]), axis=1))
        before, after = survival[np.arange(60), last], survival[np.arange(60), last + 1]
        return -np.log(np.where(died, before - after, after)).sum()

    fit = bip.hazard("x", rows)
    by_hand = minimize(minus_loglik, np.r_[np.full(3, -1.0), 0.0], tol=1e-12)
    assert_allclose(fit.loglik, -by_hand.fun, rtol=1e-10)
    assert_allclose([*fit.baseline(), fit.params["x"]], by_hand.x, atol=1e-5)


def test_as_many_degrees_of_freedom_as_periods_are_one_effect_each(panel):
    """The saturated spline: coefficients, predictions, and risks with their errors by the delta method."""
    panel = panel.assign(period=panel["period"] - 1)
    fits = [bip.hazard(FORMULA, panel, event="y", baseline=kind) for kind in ("period", 7)]
    assert_allclose(fits[1].params, fits[0].params, rtol=1e-8)
    new = panel.head(6)
    for kind in ("hazard", "survival"):
        assert_allclose(fits[1].predict(new, kind), fits[0].predict(new, kind), rtol=1e-9)
    risks = []
    for kind in ("period", 7):
        causes = {"job": bip.hazard(FORMULA, panel, event="exit == job", baseline=kind)}
        risks.append(bip.risk(causes, new, horizon=7, width=1, at={"belief": "+1"}).table)
    assert_allclose(risks[1].iloc[:, 2:], risks[0].iloc[:, 2:], rtol=1e-6)


def test_periods_without_events_stay_with_a_spline(panel):
    gaps = panel.assign(y=panel["y"].where(panel["period"] != 4, 0))
    fit = bip.hazard(FORMULA, gaps, event="y", baseline=3)
    assert fit.nobs == len(gaps) and fit.eventless == (4,) and np.isfinite(fit.baseline()).all()
    assert "natural cubic spline of period, knots 1, " in str(fit)
    assert "natural cubic spline of the period with 3 degrees of freedom" in fit.methods_text()


def test_natural_splines_are_one_at_their_knot_and_linear_beyond():
    knots = (0.0, 1.0, 2.5, 4.0)
    assert_allclose(natural_spline(np.array(knots), knots), np.eye(4)[:, 1:], atol=1e-14)
    beyond = natural_spline(np.array([4.0, 5.0, 6.0, -1.0, -2.0, 0.0]), knots)
    assert_allclose(beyond[2] - beyond[1], beyond[1] - beyond[0], atol=1e-13)
    assert_allclose(beyond[4] - beyond[3], beyond[3] - beyond[5], atol=1e-13)
