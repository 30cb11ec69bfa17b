"""CR2 and jackknife against clubSandwich, brute-force refits in R, closed forms, and what must not matter."""

import warnings

import few_clusters as data
import numpy as np
import pandas as pd
import pytest
from few_clusters import r_numbers
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose

import bipstats as bip
from bipstats.core import cr2 as kernel
from bipstats.core.estimates import Estimates

VETERAN = "karno + age + celltype"
CGD = "treat + sex + age + height + weight + inherit"
CASES = {
    "ols tiny": ("g", data.tiny, lambda d: bip.ols("y ~ x", d)),
    "ols tiny weights": ("g", data.tiny, lambda d: bip.ols("y ~ x", d, weights="w")),
    "ols veteran": ("g", data.veteran, lambda d: bip.ols(f"time ~ {VETERAN}", d)),
    "ols veteran weights": ("g", data.veteran, lambda d: bip.ols(f"time ~ {VETERAN}", d, weights="w")),
    "logit tiny": ("g", data.tiny, lambda d: bip.logit("late ~ x", d)),
    "logit veteran": ("g", data.veteran, lambda d: bip.logit(f"late ~ {VETERAN}", d)),
    "logit veteran weights": ("g", data.veteran, lambda d: bip.logit(f"late ~ {VETERAN}", d, weights="w")),
    # Many equal rows with unequal weights: they are collapsed for the jackknife and stay apart for CR2.
    "logit coarse weights": (
        "center", data.periods, lambda d: bip.logit("status ~ treat + old", d, weights="wt")
    ),
    "cloglog": ("center", data.periods, lambda d: bip.hazard("treat + age", d, event="status")),
    "hazard logit": ("center", data.periods, lambda d: bip.hazard("treat + age", d, event="status", link="logit")),
}  # fmt: skip


@pytest.mark.parametrize("name", CASES)
def test_cr2_with_satterthwaite_agrees_with_clubsandwich(name):
    """Intercept, contrasts of periods and slopes as reported; the search works in centred and scaled columns."""
    column, frame, model = CASES[name]
    rows, expected = frame(), r_numbers(name)
    fit = model(rows).with_vcov(bip.cluster(column, small_sample="CR2"), rows)
    assert_allclose(fit.params, expected["coef"], rtol=1e-8)
    assert_allclose(fit.bse, expected["cr2"], rtol=1e-8)
    assert_allclose(fit.estimates.df, expected["df"], rtol=1e-8)
    assert_allclose(fit.pvalues, expected["p_value"], rtol=1e-8)


@pytest.mark.parametrize("name", CASES)
def test_jackknife_agrees_with_brute_force(name):
    column, frame, model = CASES[name]
    rows, expected = frame(), r_numbers(name)
    fit = model(rows).with_vcov(bip.cluster(column, small_sample="jackknife"), rows)
    assert_allclose(fit.bse, expected["jackknife"], rtol=1e-8)
    assert_allclose(fit.estimates.df, rows[column].nunique() - 1)


@pytest.mark.parametrize("name", ["cgd", "cgd breslow"])
def test_jackknife_of_cox_agrees_with_brute_force(name):
    """Rows of a client are merged first, within centres."""
    ties = "breslow" if "breslow" in name else "efron"
    request = bip.cluster("center", small_sample="jackknife")
    columns = {"start": "tstart", "stop": "tstop", "event": "status", "id": "id"}
    fit = bip.cox(CGD, data.cgd(), ties=ties, vcov=request, **columns)
    assert_allclose(fit.params, r_numbers(name)["coef"], rtol=1e-8)
    assert_allclose(fit.bse, r_numbers(name)["jackknife"], rtol=1e-8)


def test_jackknife_of_cox_with_ties():
    request, rows = bip.cluster("g", small_sample="jackknife"), data.veteran()
    fit = bip.cox("trt + celltype + karno + age", rows, start=None, stop="time", event="status", vcov=request)
    assert_allclose(fit.bse, r_numbers("veteran")["jackknife"], rtol=1e-8)


def test_jackknife_of_cox_without_a_stratum_and_with_weights():
    """Strata are the clusters here, so each refit loses one; the loop refits from scratch."""
    rows = data.veteran()
    options = {"start": None, "stop": "time", "event": "status", "strata": "g", "weights": "w"}
    fit = bip.cox("karno + age", rows, vcov=bip.cluster("g", small_sample="jackknife"), **options)
    gap = [bip.cox("karno + age", rows[rows["g"] != g], **options).params - fit.params for g in range(11)]
    assert_allclose(fit.cov, 10 / 11 * np.array(gap).T @ np.array(gap), rtol=1e-7)


def _least_squares(rows):
    x = np.column_stack([np.ones(len(rows)), rows["x"]])
    bread = np.linalg.inv(x.T @ x)
    return x, bread, rows["y"] - x @ bread @ (x.T @ rows["y"])


def test_jackknife_of_least_squares_closed_form():
    """Without cluster g the estimate moves by (X'X)^-1 X_g' (I - H_gg)^-1 e_g."""
    rows = data.tiny()
    x, bread, residual = _least_squares(rows)
    moves = []
    for g in range(1, 7):
        own = x[rows["g"] == g]
        leverage = np.eye(len(own)) - own @ bread @ own.T
        moves.append(bread @ own.T @ np.linalg.solve(leverage, residual[rows["g"] == g]))
    fit = bip.ols("y ~ x", rows, vcov=bip.cluster("g", small_sample="jackknife"))
    assert_allclose(fit.cov, 5 / 6 * np.array(moves).T @ np.array(moves), rtol=1e-12)


def test_cr2_of_single_rows_is_hc2():
    rows = data.tiny().assign(row=range(14))
    x, bread, residual = _least_squares(rows)
    share = residual**2 / (1 - np.einsum("ij,jk,ik->i", x, bread, x))
    fit = bip.ols("y ~ x", rows, vcov=bip.cluster("row", small_sample="CR2"))
    assert_allclose(fit.cov, bread @ (x.T * share.to_numpy()) @ x @ bread, rtol=1e-12)


def test_cr2_of_two_groups_is_welchs_t_test():
    """One row a cluster, one dummy: variances s_k^2 / n_k, and Bell and McCaffrey's degrees of freedom of two means."""
    rows = pd.DataFrame({"y": [1.0, 4, 2, 6, 3, 9, 5], "x": [0, 0, 0, 0, 1, 1, 1], "i": range(7)})
    fit = bip.ols("y ~ x", rows, vcov=bip.cluster("i", small_sample="CR2"))
    by_group = rows.groupby("x")["y"]
    assert_allclose(fit.cov.loc["x", "x"], (by_group.var() / by_group.size()).sum(), rtol=1e-12)
    n = np.array([4, 3])
    df = (1 / n).sum() ** 2 / (1 / (n**2 * (n - 1))).sum()
    assert_allclose(fit.estimates.df, [3, df], rtol=1e-12)


@pytest.mark.parametrize("singular", [False, True])
def test_large_clusters_by_quadrature_equal_their_decomposition(singular):
    draw = np.random.default_rng(1)
    low, block = draw.normal(size=(300, 4)), draw.normal(size=(300, 3))
    rest, variance = draw.normal(size=(500, 4)), draw.uniform(0.001, 0.25, 300)
    if singular:  # two columns vary in this cluster alone
        low[:, 0], low[:, 1] = np.arange(300) == 7, draw.random(300) < 0.5
        rest[:, :2] = 0.0
    bread = np.linalg.inv(low.T @ (low / variance[:, None]) + rest.T @ rest / 0.1)
    large = kernel.adjust(variance, low, -bread, block)
    root = np.sqrt(variance)[:, None]
    values, vectors = np.linalg.eigh(root * (np.diag(variance) - low @ bread @ low.T) * root.T)
    power = np.where(values > 1e-13, np.where(values > 1e-13, values, 1.0) ** -0.5, 0.0)
    assert (values < 1e-13).sum() == 2 * singular
    by_hand = root * (vectors @ (power[:, None] * (vectors.T @ (root * block))))
    assert_allclose(large, by_hand, atol=1e-9 * np.abs(by_hand).max())


def test_quadrature_gives_clubsandwichs_numbers_too(monkeypatch):
    monkeypatch.setattr(kernel, "_DENSE", 0)
    for name in ("logit tiny", "cloglog", "ols veteran weights"):
        column, frame, model = CASES[name]
        rows = frame()
        fit = model(rows).with_vcov(bip.cluster(column, small_sample="CR2"), rows)
        assert_allclose(fit.bse, r_numbers(name)["cr2"], rtol=1e-8)
        assert_allclose(fit.estimates.df, r_numbers(name)["df"], rtol=1e-8)


REQUESTS = {
    "CR2": bip.cluster("g", small_sample="CR2"),
    "jackknife": bip.cluster("g", small_sample="jackknife"),
    "bootstrap": bip.score_bootstrap("g", draws=99),
}


@settings(max_examples=5, deadline=None)
@given(seed=st.integers(0, 10_000), factor=st.sampled_from([1e-6, 0.5, 1e4]))
@pytest.mark.parametrize("name", REQUESTS)
@pytest.mark.parametrize("model", [bip.ols, bip.logit])
def test_order_names_and_scale_do_not_matter(name, model, seed, factor):
    draw = np.random.default_rng(seed)
    rows = pd.DataFrame({"g": np.arange(42) % 6, "x": draw.normal(size=42), "z": draw.normal(size=42)})
    rows["y"] = (rows["x"] + draw.normal(size=42) > 0).astype(float)
    try:
        once = model("y ~ x + z", rows, vcov=REQUESTS[name])
    except bip.ModelError:  # a random sample may be separated
        assume(False)
    names = draw.permutation(list("klmnop"))
    other = rows.assign(z=rows["z"] * factor, g=names[rows["g"]]).sample(frac=1, random_state=seed)
    again = model("y ~ x + z", other, vcov=REQUESTS[name])
    columns = ["estimate", "std_error", "p_value", "conf_low", "conf_high"]
    left, right = (fit.tidy().set_index("term")[columns] for fit in (once, again))
    right.loc["z", ["estimate", "std_error", "conf_low", "conf_high"]] *= factor
    assert_allclose(left, right, rtol=1e-6, atol=1e-9)
    if name == "CR2":
        assert_allclose(once.estimates.df, again.estimates.df, rtol=1e-8)


def test_a_cluster_with_an_effect_of_its_own_needs_the_pseudo_inverse():
    """Every cluster has its dummy: what it fits exactly has no residual variance; lm with dummies in R."""
    rows, expected = data.veteran(), r_numbers("ols dummies nested")
    fit = bip.ols("time ~ karno + age + C(g)", rows, vcov=bip.cluster("g", small_sample="CR2"))
    assert_allclose(fit.bse, expected["cr2"], rtol=1e-8)
    assert_allclose(fit.estimates.df, expected["df"], rtol=1e-8)


def test_terms_without_residual_variation_are_named():
    rows = pd.DataFrame({"y": [1.0, 2, 4, 3, 7, 5], "x": [0, 0, 0, 1, 1, 1], "g": [1, 1, 1, 2, 2, 2]})
    with pytest.warns(bip.ModelWarning, match="Intercept, x: fitted by the clusters"):
        fit = bip.ols("y ~ x", rows, vcov=bip.cluster("g", small_sample="CR2"))
    assert fit.pvalues.isna().all()
    with pytest.raises(bip.ModelError, match=r"no degrees of freedom|not positive definite"):
        fit.wald("x = 0")


RARE = (
    lambda d, more: bip.ols(f"time ~ karno{more}", d),
    lambda d, more: bip.ols(f"time ~ karno{more}", d, absorb="h"),
    lambda d, more: bip.logit(f"late ~ karno{more}", d),
    lambda d, more: bip.hazard(f"karno{more}", d, event="late", period="decade"),
    lambda d, more: bip.cox(f"karno{more}", d, start=None, stop="time", event="status"),
)


@pytest.mark.parametrize("model", RARE)
def test_jackknife_leaves_out_what_one_cluster_alone_tells(model):
    """A term of one cluster has no error; without that cluster the others are those of the model without the term."""
    rows = data.veteran().assign(rare=lambda d: ((d["g"] == 3) & (d["age"] > 50)).astype(int))
    rows["decade"] = rows["age"] // 20
    request = bip.cluster("g", small_sample="jackknife")
    fit, groups = model(rows, " + rare"), np.unique(rows["g"])
    with pytest.warns(bip.ModelWarning, match="rare: without some cluster there is no estimate"):
        left = fit.with_vcov(request, rows)
    assert np.isnan(left.bse["rare"]) and left.bse.drop("rare").notna().all()
    refits = [model(rows[rows["g"] != g], " + rare" if g != 3 else "").params["karno"] for g in groups]
    share = (len(groups) - 1) / len(groups)
    assert_allclose(
        left.bse["karno"], np.sqrt(share * np.sum((refits - fit.params["karno"]) ** 2)), rtol=1e-7
    )
    assert left.wald("karno = 0").p_value == pytest.approx(left.pvalues["karno"])
    with pytest.raises(bip.ModelError, match="rare has no standard error"):
        left.wald("karno = rare")


@pytest.mark.parametrize("model", RARE[::2])
def test_jackknife_over_the_levels_of_a_factor(model):
    """With an effect of each cluster, other terms have the errors that the jackknife gives; effects have none."""
    rows = data.veteran().assign(c=lambda d: d["g"] % 4)
    request = bip.cluster("c", small_sample="jackknife")
    with pytest.warns(bip.ModelWarning, match=r"c\[1\], c\[2\], c\[3\]"):
        left = model(rows, " + C(c)").with_vcov(request, rows)
    refits = [model(rows[rows["c"] != g], " + C(c)").params["karno"] for g in range(4)]
    expected = np.sqrt(0.75 * np.sum((refits - left.params["karno"]) ** 2))
    assert_allclose(left.bse["karno"], expected, rtol=1e-7)


def test_jackknife_says_what_stands_in_its_way():
    request = bip.cluster("g", small_sample="jackknife")
    with pytest.raises(bip.ModelError, match=r"without 1 of the 2 a"):
        two = pd.DataFrame(
            {"y": [1, 3, 2], "x": [1, 2, 4], "g": [1, 1, 2]}
        )  # two rows for two coefficients, or one
        bip.ols("y ~ x", two, vcov=request)
    lone = data.periods().assign(status=lambda d: d["status"] * (d["center"] == d["center"].iloc[0]))
    with pytest.raises(bip.ModelError, match=r"without 1 of the 13 a"):
        bip.hazard("age", lone, event="status", vcov=bip.cluster("center", small_sample="jackknife"))


def test_what_is_not_defined_is_refused():
    rows = data.veteran()
    with pytest.raises(
        bip.ModelError, match=r"share risk sets\. For few clusters take small_sample='jackknife'"
    ):
        bip.cox("karno", rows, start=None, stop="time", event="status", vcov=REQUESTS["CR2"])
    for choice in ("CR2", "jackknife"):
        with pytest.raises(bip.OptionError, match="one column of clusters"):
            bip.cluster("g", "h", small_sample=choice)
        with pytest.raises(bip.ModelError, match=r"two clusters or more; column 'one' has 1"):
            bip.ols("time ~ karno", rows.assign(one=1), vcov=bip.cluster("one", small_sample=choice))
    assert bip.cluster("g", "h", small_sample="CR1").columns == ("g", "h")
    with pytest.raises(bip.ModelError, match=r"put them into the formula as C\(\.\.\.\) instead"):
        bip.logit("late ~ karno", rows, absorb="h", vcov=REQUESTS["jackknife"])
    many = pd.DataFrame({"each": np.arange(2_004) // 2, "g": np.arange(2_004) // 501})
    many["x"], many["y"] = np.arange(2_004) % 7, np.arange(2_004) % 5
    with pytest.raises(bip.ModelError, match=r"there are 1,002 \(at most 1,000\)"):
        bip.ols("y ~ x", many, absorb="each", vcov=REQUESTS["CR2"])


def test_summaries_name_what_was_used():
    rows = data.veteran()
    fit = bip.logit("late ~ karno", rows)
    assert "P-values and intervals: normal." in str(fit)
    adjusted = fit.with_vcov(REQUESTS["CR2"], rows)
    low, high = adjusted.estimates.df.min(), adjusted.estimates.df.max()
    assert "clustered by g (11 clusters), CR2 (bias-reduced)" in str(adjusted)
    assert f"P-values and intervals: t with {low:.4g} to {high:.4g} degrees of freedom." in str(adjusted)
    assert adjusted.n_clusters == 11 and "CR2" in adjusted.methods_text()
    left_out = fit.with_vcov(REQUESTS["jackknife"], rows)
    assert "jackknife over g (11 clusters), centred at the full estimate" in str(left_out)
    assert "P-values and intervals: t with 10 degrees of freedom." in str(left_out)


def test_wald_takes_f_with_the_smallest_degrees_of_freedom():
    cov = np.array([[0.04, 0.01], [0.01, 0.09]])
    est = Estimates(("a", "b"), np.array([0.5, -0.2]), cov, "by hand", np.array([4.0, 7.0]))
    one = est.wald("b = 0")
    assert_allclose(one.p_value, est.tidy()["p_value"][1], rtol=1e-12)
    assert (one.df, one.df_denominator) == (1, 7.0)
    both = est.wald("a = 0, b = 0")
    assert_allclose(both.statistic, est.values @ np.linalg.solve(cov, est.values) / 2, rtol=1e-12)
    # F with (2, m) degrees of freedom has the closed form P(F > f) = (1 + 2 f / m)^(-m/2)
    assert_allclose(both.p_value, (1 + 2 * both.statistic / 4) ** -2, rtol=1e-10)
    assert "F(2, 4) = " in repr(both)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert est.tidy()["p_value"].between(0, 1).all()


def test_an_unknown_covariance_is_answered_with_all_that_there_are():
    with pytest.raises(
        bip.OptionError, match=r"'model', 'robust', bip.cluster\(...\) or bip.score_bootstrap"
    ):
        bip.logit("y ~ x", pd.DataFrame({"y": [0, 1], "x": [1, 2]}), vcov="centre")
