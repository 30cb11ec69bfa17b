"""Least squares against R's lm with and without dummies, statsmodels, closed forms; demeaning against projections."""

import pickle

import few_clusters as data
import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm
from few_clusters import r_numbers
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose

import bipstats as bip
from bipstats.models.kernels.demean import demean, effects_rank

FORMULA = "time ~ karno + age + celltype"
DUMMIES = {
    "ols dummies": {"absorb": "h"},
    "ols dummies weights": {"absorb": "h", "weights": "w"},
    "ols dummies nested": {"absorb": "g"},
    "ols dummies two": {"absorb": ["h", "celltype"]},
}


@pytest.mark.parametrize("weights", [None, "w"])
def test_agrees_with_lm(weights):
    rows, expected = data.veteran(), r_numbers("ols veteran weights" if weights else "ols veteran")
    fit = bip.ols(FORMULA, rows, weights=weights)
    assert_allclose(fit.params, expected["coef"], rtol=1e-8)
    assert_allclose(fit.bse, expected["std_error"], rtol=1e-8)
    assert_allclose(fit.pvalues, expected["p_model"], rtol=1e-8)
    row = fit.glance().iloc[0]
    for name in ("loglik", "aic", "sigma", "r_squared"):
        assert_allclose(row[name], expected[name], rtol=1e-10)
    assert (row["nobs"], row["df_residual"], fit.n_events) == (137, 131, None)
    assert_allclose(fit.with_vcov("robust", rows).bse, expected["hc0"], rtol=1e-8)
    assert_allclose(fit.with_vcov(bip.cluster("g"), rows).bse, expected["cr0"], rtol=1e-8)
    assert_allclose(
        fit.with_vcov(bip.cluster("g", small_sample="CR1S"), rows).bse, expected["cr1s"], rtol=1e-8
    )


@pytest.mark.parametrize("name", DUMMIES)
def test_absorbed_effects_are_dummies(name):
    rows, expected, slopes = data.veteran(), r_numbers(name), slice(1, 3)
    fit = bip.ols("time ~ karno + age", rows, **DUMMIES[name])
    assert list(fit.params.index) == ["karno", "age"]
    assert_allclose(fit.params, expected["coef"][slopes], rtol=1e-8)
    assert_allclose(fit.bse, expected["std_error"][slopes], rtol=1e-8)
    assert_allclose(fit.pvalues, expected["p_model"][slopes], rtol=1e-8)
    row = fit.glance().iloc[0]
    for what in ("loglik", "aic", "sigma", "r_squared"):
        assert_allclose(row[what], expected[what], rtol=1e-10)
    for choice, key in ((None, "cr0"), ("CR1S", "cr1s"), ("CR2", "cr2"), ("jackknife", "jackknife")):
        again = fit.with_vcov(bip.cluster("g", small_sample=choice), rows)
        assert_allclose(again.bse, expected[key][slopes], rtol=1e-8)
    assert_allclose(fit.with_vcov("robust", rows).bse, expected["hc0"][slopes], rtol=1e-8)
    adjusted = fit.with_vcov(bip.cluster("g", small_sample="CR2"), rows)
    assert_allclose(adjusted.estimates.df, expected["df"][slopes], rtol=1e-8)


def test_score_bootstrap_does_not_see_whether_effects_are_absorbed():
    rows, request = data.veteran().assign(g=lambda d: d["g"] % 8), bip.score_bootstrap("g")
    absorbed = bip.ols("time ~ karno + age", rows, absorb="h", vcov=request)
    dummies = bip.ols("time ~ karno + age + C(h)", rows, vcov=request)
    assert_allclose(absorbed.tidy().iloc[:, 1:], dummies.tidy().iloc[1:3, 1:], rtol=1e-8)


def test_statsmodels_agrees():
    rows = data.veteran()
    fit = bip.ols("time ~ karno + age", rows, weights="w", vcov="robust")
    exog = np.column_stack([np.ones(len(rows)), rows[["karno", "age"]]])
    other = sm.WLS(rows["time"], exog, weights=rows["w"]).fit(cov_type="HC0")
    assert_allclose(fit.params, other.params, rtol=1e-10)
    assert_allclose(fit.cov, other.cov_params(), rtol=1e-10)
    assert_allclose(fit.pvalues, other.pvalues, rtol=1e-8)  # normal, as every robust covariance here
    assert_allclose(fit.loglik, other.llf, rtol=1e-12)
    assert_allclose(fit.predict(rows), other.fittedvalues, rtol=1e-10)


def test_two_means_closed_form():
    """Means 2 and 5 of three rows each, squared deviations 2 and 8: s^2 = 10 / 4, error sqrt(s^2 (1/3 + 1/3))."""
    rows = pd.DataFrame({"y": [1, 2, 3, 3, 5, 7], "x": list("aaabbb")})
    fit = bip.ols("y ~ x", rows)
    assert_allclose(fit.params, [2, 3], rtol=1e-12)
    assert_allclose(fit.bse, np.sqrt([2.5 / 3, 2.5 * 2 / 3]), rtol=1e-12)
    assert_allclose(fit.estimates.df, 4)
    wald = fit.wald("x[b] = 0")
    assert (wald.df, wald.df_denominator) == (1, 4.0)
    assert_allclose(wald.p_value, fit.pvalues["x[b]"], rtol=1e-10)


def test_f_of_several_terms_is_that_of_the_sums_of_squares():
    rows = data.veteran()
    fit, smaller = bip.ols(FORMULA, rows), bip.ols("time ~ karno + age", rows)
    squares = [one.sigma**2 * one.df_residual for one in (smaller, fit)]
    test = fit.wald("celltype[smallcell] = 0, celltype[adeno] = 0, celltype[large] = 0")
    assert_allclose(test.statistic, (squares[0] - squares[1]) / 3 / fit.sigma**2, rtol=1e-9)
    assert (test.df, test.df_denominator) == (3, 131)
    with pytest.raises(bip.ModelError, match="compared by F"):
        bip.lr_test(smaller, fit)


def test_badly_scaled_columns_lose_no_digits():
    rows = data.veteran()
    plain = bip.ols("time ~ karno + age", rows)
    far = rows.assign(karno=rows["karno"] * 1e8 + 1e12, age=rows["age"] * 1e-12)
    again = bip.ols("time ~ karno + age", far)
    assert_allclose(again.params.iloc[1:] * [1e8, 1e-12], plain.params.iloc[1:], rtol=1e-8)
    assert_allclose(again.bse.iloc[1:] * [1e8, 1e-12], plain.bse.iloc[1:], rtol=1e-8)


def test_summary_says_what_was_done():
    rows = data.veteran().assign(one=lambda d: np.where(np.arange(len(d)) < 3, np.arange(len(d)), 9))
    fit = bip.ols("time ~ karno", rows, absorb=["one", "h"], weights="w")
    text = str(fit)
    assert "absorbed    one (4 levels, 3 of them with one row); h (5 levels)" in text
    assert "weights     w" in text and "events" not in text and "log-likelihood" not in text
    assert "covariance  from the model (equal variances)" in text
    assert "t with 128 degrees of freedom" in text  # 137 rows, 4 + 5 - 1 effects, one slope
    assert "n_events" not in fit.glance() and "one (4 levels" in fit.methods_text()
    assert [label.get_text() for label in fit.plot().get_yticklabels()] == ["karno"]


def test_result_holds_no_rows():
    rows = data.veteran()
    once, ten = (len(pickle.dumps(bip.ols(FORMULA, pd.concat([rows] * n), absorb="h"))) for n in (1, 10))
    assert abs(ten - once) < 200


def test_missing_values_are_counted():
    rows = data.veteran()
    rows.loc[3, "h"] = np.nan
    with pytest.raises(bip.ModelError, match=r"1 of 137 rows have missing values: h \(1\)"):
        bip.ols("time ~ karno", rows, absorb="h")
    fit = bip.ols("time ~ karno", rows, absorb="h", missing="drop")
    assert dict(fit.fit.flow) == {"given": 137, "with missing values": 1} and fit.nobs == 136
    assert_allclose(fit.params, bip.ols("time ~ karno", rows.drop(index=3), absorb="h").params, rtol=1e-12)


BAD = {
    "constant outcome": ("time ~ karno", {}, lambda d: d.assign(time=3), "'time' is 3 in all 137 rows"),
    "constant column": ("time ~ karno + age", {}, lambda d: d.assign(age=1), "no variation in age"),
    "collinear": ("time ~ karno + age", {}, lambda d: d.assign(age=2 * d["karno"] - 1), "linear combination"),
    "exact": ("time ~ karno", {}, lambda d: d.assign(time=2 * d["karno"] + 3), "fit 'time' exactly"),
    "within effects": (
        "time ~ karno + hard", {"absorb": ["h", "g"]}, lambda d: d.assign(hard=d["h"] ** 2 + d["g"]),
        "no variation besides the effects of h and g in hard",
    ),
    "outcome within effects": (
        "time ~ karno", {"absorb": "h"}, lambda d: d.assign(time=d["h"] / 3), "does not vary besides the effects of h"
    ),
    "collinear besides effects": (
        "time ~ karno + age", {"absorb": "h"}, lambda d: d.assign(age=d["karno"] + d["h"]), "linear combination of"
    ),
    "too few rows": ("time ~ karno", {"absorb": "i"}, lambda d: d.assign(i=range(137)), "cannot tell 138 parameters"),
    "text": ("celltype ~ karno", {}, lambda d: d, "must hold numbers"),
    "unknown": ("time ~ karno", {"absorb": "hh"}, lambda d: d, "no column 'hh'"),
    "weights": ("time ~ karno", {"weights": "w"}, lambda d: d.assign(w=0), "zero or negative"),
}  # fmt: skip


@pytest.mark.parametrize("name", BAD)
def test_what_cannot_be_estimated_is_refused(name):
    formula, options, spoil, message = BAD[name]
    with pytest.raises(bip.ModelError, match=message):
        bip.ols(formula, spoil(data.veteran()), **options)


def test_absorbed_effects_give_no_mean_and_other_data_no_errors():
    rows = data.veteran()
    fit = bip.ols("time ~ karno", rows, absorb=["h", "g"])
    with pytest.raises(bip.ModelError, match=r"Put them into the formula \(C\(h\) \+ C\(g\)\)"):
        fit.predict(rows)
    with pytest.raises(bip.ModelError, match="not the data of the fit"):
        fit.with_vcov("robust", rows.iloc[1:])
    with pytest.raises(bip.OptionError, match="kind='median'"):
        bip.ols("time ~ karno", rows).predict(rows, kind="median")
    assert (fit.n_params, fit.df_residual) == (16, 121)  # 5 + 11 - 1 effects and a slope
    for wrong in (3, ["h", "h"], ["h", 2]):
        with pytest.raises(bip.OptionError, match="absorb="):
            bip.ols("time ~ karno", rows, absorb=wrong)


def _dummies(codes):
    return np.hstack([np.equal.outer(code, np.unique(code)) for code in codes]).astype(float)


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 10_000), sizes=st.lists(st.integers(1, 7), min_size=1, max_size=3))
def test_demeaning_is_the_projection_on_the_dummies(seed, sizes):
    draw = np.random.default_rng(seed)
    codes = [np.unique(draw.integers(0, size, 30), return_inverse=True)[1] for size in sizes]
    columns, weights = draw.normal(size=(30, 3)) * [1, 1e6, 1e-6], draw.uniform(0.2, 3, 30)
    root, dummies = np.sqrt(weights)[:, None], _dummies(codes)
    effects = np.linalg.lstsq(root * dummies, root * columns, rcond=None)[0]
    net = demean(columns, codes, weights)
    assert_allclose(
        net, columns - dummies @ effects, rtol=1e-9, atol=1e-11 * np.abs(columns).max(axis=0).max()
    )
    assert np.abs((weights[:, None] * dummies).T @ net / np.abs(columns).max(axis=0)).max() < 1e-11
    assert effects_rank(codes) == np.linalg.matrix_rank(dummies)


def test_effects_that_do_not_meet_are_counted_by_connected_set():
    first, second = np.array([0, 0, 1, 1, 2, 2]), np.array([0, 1, 0, 1, 2, 3])
    assert effects_rank([first, second]) == 3 + 4 - 2
    assert effects_rank([first, second, first]) == 5
