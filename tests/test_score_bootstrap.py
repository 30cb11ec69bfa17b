"""The score bootstrap against restricted fits of statsmodels with every pattern of signs, and its exact size."""

import few_clusters as data
import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm
from few_clusters import all_signs, sign_p_value
from numpy.testing import assert_allclose

import bipstats as bip
from bipstats.core.estimates import AcceptedValues
from bipstats.core.score_bootstrap import sign_patterns

FORMULA = "late ~ karno + age"


def influences(outcome, x, family, group, j, value):
    """Influence of each cluster on coefficient j at the fit of statsmodels with that coefficient held."""
    others = np.delete(np.arange(x.shape[1]), j)
    held = sm.GLM(outcome, x[:, others], family=family, offset=x[:, j] * value)
    params = np.insert(np.asarray(held.fit(tol=1e-14, maxiter=200).params), j, value)
    whole = sm.GLM(outcome, x, family=family)
    scores = whole.score_obs(params)
    bread = np.linalg.inv(whole.information(params))
    sums = np.array([scores[group == g].sum(axis=0) for g in np.unique(group)])
    return (sums @ bread)[:, j]


def _logit():
    rows = data.veteran()
    rows["g"] %= 7
    fit = bip.logit(FORMULA, rows, vcov=bip.score_bootstrap("g"))
    x = np.column_stack([np.ones(len(rows)), rows[["karno", "age"]]])
    return fit, (rows["late"].to_numpy(), x, sm.families.Binomial(), rows["g"].to_numpy())


def _cloglog():
    rows = data.periods()
    rows["few"] = pd.factorize(rows["center"], sort=True)[0] % 8
    fit = bip.hazard("treat + age", rows, event="status", vcov=bip.score_bootstrap("few"))
    dummies = [rows["period"] == p for p in sorted(rows["period"].unique())[1:]]
    x = np.column_stack([np.ones(len(rows)), *dummies, rows["treat"] == "treated", rows["age"]]).astype(float)
    family = sm.families.Binomial(sm.families.links.CLogLog())
    return fit, (rows["status"].to_numpy(), x, family, rows["few"].to_numpy())


@pytest.mark.parametrize("make", [_logit, _cloglog])
def test_p_values_equal_the_share_of_all_sign_patterns(make):
    fit, problem = make()
    expected = [sign_p_value(influences(*problem, j, 0.0)) for j in range(len(fit.params))]
    assert_allclose(fit.pvalues, expected, rtol=1e-12)


@pytest.mark.parametrize("make", [_logit, _cloglog])
@pytest.mark.parametrize("level", [0.8, 0.95])
def test_limits_are_where_the_p_value_falls_below(make, level):
    """Between its fits the influences are interpolated: limits are good to 1e-5 standard errors.

    A limit is infinite where no value is rejected: clusters with events only in a period bound its effect on one side.
    """
    fit, problem = make()
    for j, (term, limits) in enumerate(fit.conf_int(level=level).iterrows()):
        for limit, side in zip(limits, (-1, 1), strict=True):
            if np.isinf(limit):
                far = fit.params[term] + 10 * side * fit.bse[term]
                assert sign_p_value(influences(*problem, j, far)) > 1 - level + 1e-9
                continue
            step = 1e-5 * side * fit.bse[term]
            assert sign_p_value(influences(*problem, j, limit - step)) > 1 - level + 1e-9
            assert sign_p_value(influences(*problem, j, limit + step)) <= 1 - level + 1e-9


def test_least_squares_closed_form():
    """Scores are linear in the null value: a pattern rejects beyond the estimates of its two groups of clusters."""
    rows = data.tiny()
    fit = bip.ols("y ~ x", rows, vcov=bip.score_bootstrap("g"))
    x = np.column_stack([np.ones(14), rows["x"]])
    own = (
        x - x[:, :1] * x[:, 1].mean()
    )  # the slope's regressor net of the constant, which the null leaves free
    slope, net = own[:, 1], rows["y"] - rows["y"].mean()
    ends = []
    for signs in all_signs(6)[1:32]:  # opposite patterns are one
        plus = signs[rows["g"] - 1] > 0
        pulls = [(slope[side] @ net[side]) / (slope[side] @ slope[side]) for side in (plus, ~plus)]
        ends.append((min(pulls), max(pulls)))
    low, high = np.array(ends).T
    accepted = fit.estimates.accepted
    assert_allclose(accepted.low[1:, 1], np.sort(low), rtol=1e-9)
    assert_allclose(accepted.high[:-1, 1], np.sort(high), rtol=1e-9)
    assert accepted.low[0, 1] == -np.inf and accepted.high[-1, 1] == np.inf
    assert_allclose(fit.bse, fit.with_vcov(bip.cluster("g"), rows).bse, rtol=1e-12)


def test_size_is_exact_over_all_signs_of_symmetric_errors():
    """Same regressors in each of five clusters: over the 32 signs of their errors every p-value occurs twice."""
    draw = np.random.default_rng(4)
    errors, x = draw.normal(size=(5, 4)), np.tile([0.0, 1, 3, 4], 5)
    group = np.repeat(np.arange(5), 4)
    found = []
    for signs in all_signs(5):
        rows = pd.DataFrame({"y": 1 + (signs[:, None] * errors).ravel(), "x": x, "g": group})
        found.append(bip.ols("y ~ x", rows, vcov=bip.score_bootstrap("g")).pvalues["x"])
    assert_allclose(np.sort(found), np.repeat(np.arange(1, 17) / 16, 2), rtol=1e-12)


def test_cox_and_random_signs():
    """Eleven clusters have 1,024 patterns, more than 999: drawn by rng, and p-values near those of all patterns."""
    rows, columns = data.veteran(), {"start": None, "stop": "time", "event": "status"}
    fit = bip.cox("karno + age", rows, vcov=bip.score_bootstrap("g", rng=3), **columns)
    every = fit.with_vcov(bip.score_bootstrap("g", draws=1024), rows)
    assert "999 draws of Rademacher signs" in fit.estimates.how
    assert "all 1,024 patterns of Rademacher signs" in every.estimates.how
    assert_allclose(fit.pvalues, every.pvalues, atol=3 * np.sqrt(0.25 / 999))
    assert_allclose(fit.conf_int(), every.conf_int(), atol=0.3 * fit.bse.max())
    held = bip.cox("age", rows, **columns)  # the null of karno: age alone
    score = _cox_influences(rows, [0.0, held.params["age"]])
    assert_allclose(every.pvalues["karno"], sign_p_value(score), rtol=1e-12)
    row = every.tidy().iloc[0]
    assert (row["p_value"] <= 0.05) == (not row["conf_low"] <= 0 <= row["conf_high"])


def _cox_influences(rows, params):
    """First coefficient's influence by cluster, from double loops over deaths and risk sets (Efron)."""
    time = rows["time"]
    x, risk = rows[["karno", "age"]].to_numpy(float), np.exp(rows[["karno", "age"]].to_numpy(float) @ params)
    scores, information = np.zeros_like(x), np.zeros((2, 2))
    for t in np.unique(time[rows["status"] == 1]):
        at_risk, dead = (time >= t).to_numpy(), ((time == t) & (rows["status"] == 1)).to_numpy()
        n_dead = dead.sum()
        for rank in range(n_dead):
            weight = risk * at_risk * (1 - rank / n_dead * dead)
            mean = weight @ x / weight.sum()
            information += (x - mean).T @ ((x - mean) * (weight / weight.sum())[:, None])
            scores -= weight[:, None] / weight.sum() * (x - mean)
            scores[dead] += (x[dead] - mean) / n_dead
    sums = np.array([scores[rows["g"] == g].sum(axis=0) for g in range(11)])
    return (sums @ np.linalg.inv(information))[:, 0]


def test_same_numbers_for_the_same_rng_whatever_the_order_of_rows():
    rows = data.veteran().assign(g=lambda d: np.arange(len(d)) % 13)
    request = bip.score_bootstrap("g", rng=5)
    once = bip.logit(FORMULA, rows, vcov=request).tidy()
    again = bip.logit(FORMULA, rows.sample(frac=1, random_state=1), vcov=request).tidy()
    assert_allclose(once.drop(columns="term"), again.drop(columns="term"), rtol=1e-7)
    other = bip.logit(FORMULA, rows, vcov=bip.score_bootstrap("g", rng=6)).tidy()
    assert (once["conf_low"] != other["conf_low"]).all()


def test_patterns_of_signs():
    every = sign_patterns(5, 99, None)
    assert every.shape == (16, 5) and (every[0] == 1).all() and (every[:, 0] == 1).all()
    assert len(np.unique(every, axis=0)) == 16
    drawn = sign_patterns(9, 255, 1)
    assert drawn.shape == (256, 9) and (drawn[0] == 1).all() and set(drawn.ravel()) == {-1.0, 1.0}
    assert sign_patterns(9, 256, 1).shape == (256, 9)  # all there are


def test_few_clusters_cannot_reject():
    rows = data.tiny().query("g < 6")
    fit = bip.ols("y ~ x", rows, vcov=bip.score_bootstrap("g"))
    assert "bootstrap, no p-value below 0.062" in str(fit)
    assert np.isinf(fit.conf_int(level=0.95)).all(axis=None) and (fit.pvalues >= 1 / 16).all()
    assert np.isfinite(fit.conf_int(level=0.8)).all(axis=None)


def test_p_values_and_intervals_are_counted():
    """Four draws, the data's own first: 1 lies within the own draw and [0, 2], as does 0 at an end."""
    low = np.array([[-np.inf], [-3.0], [-1.0], [0.0]])
    high = np.array([[-2.0], [0.5], [2.0], [np.inf]])
    accepted = AcceptedValues(low, high)
    assert [float(accepted.p_values(b)[0]) for b in (-4, -2, 0, 1, 3)] == [0.25, 0.5, 0.75, 0.5, 0.25]
    assert [end[0] for end in accepted.interval(0.75)] == [-3.0, 2.0]  # more than one of four accepts
    assert [end[0] for end in accepted.interval(0.8)] == [-np.inf, np.inf]


def test_requests_are_checked():
    for wrong in ({"column": ["g"]}, {"column": "g", "draws": 9}, {"column": "g", "draws": 99.5}):
        with pytest.raises(bip.OptionError):
            bip.score_bootstrap(**wrong)
    with pytest.raises(bip.OptionError, match="rng='seed'"):
        bip.score_bootstrap("g", rng="seed")
    rows = data.tiny()
    fit = bip.logit("late ~ x", rows, vcov=bip.score_bootstrap("g"))
    with pytest.raises(bip.ModelError, match="tests coefficients one by one"):
        fit.wald("x = 0")
    with pytest.raises(bip.ModelError, match="no column 'h'"):
        fit.with_vcov(bip.score_bootstrap("h"), rows)


def test_ratios_have_the_exponentiated_limits_and_the_size_does_not_grow():
    import pickle

    rows = data.veteran()
    request = bip.score_bootstrap("g", draws=99, rng=1)
    fit = bip.logit(FORMULA, rows, vcov=request)
    plain, ratio = fit.tidy(), fit.tidy(exponentiate=True)
    assert_allclose(ratio[["conf_low", "conf_high"]], np.exp(plain[["conf_low", "conf_high"]]))
    assert_allclose(ratio["p_value"], plain["p_value"])
    once, ten = (len(pickle.dumps(bip.logit(FORMULA, pd.concat([rows] * n), vcov=request))) for n in (1, 10))
    assert abs(ten - once) < 200
