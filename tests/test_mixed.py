"""Random intercepts against R's glmmTMB and lme4, against the plain model at the boundary, and what is refused."""

import pickle

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from mixed_cases import agrees_with, grouped, r_cases
from numpy.testing import assert_allclose
from references import frame

import bipstats as bip

CROSSED = dict(random=["client", "caseworker"])


@pytest.fixture(scope="module")
def cbpp():
    return frame("cbpp")


@pytest.fixture(scope="module")
def herds(cbpp):
    return bip.mixed_logit("y ~ period", cbpp, random="herd", weights="animals")


@pytest.fixture(scope="module")
def crossed():
    return frame("crossed")


@pytest.fixture(scope="module")
def both(crossed):
    return bip.mixed_logit("y ~ x + sex", crossed, **CROSSED)


def same_fit(one, other):
    assert_allclose(one.loglik, other.loglik, rtol=1e-11)
    assert_allclose(one.params, other.params, rtol=1e-6, atol=1e-8)
    assert_allclose(one.bse, other.bse, rtol=1e-5)
    columns = list(one.random["group"])
    assert_allclose(
        one.random["sd"], other.random.set_index("group").loc[columns, "sd"], rtol=1e-5, atol=1e-9
    )


def test_glmmtmb_agrees_on_herds_as_counts(herds):
    agrees_with("cbpp", herds)


def test_rows_with_weights_are_copies(cbpp, herds):
    copies = cbpp.loc[cbpp.index.repeat(cbpp["animals"])]
    fit = bip.mixed_logit("y ~ period", copies, random="herd")
    same_fit(fit, herds)
    assert (
        fit.nobs == cbpp["animals"].sum()
        and ("collapsed into an equal row", fit.nobs - len(cbpp)) in fit.fit.flow
    )


def test_glmmtmb_agrees_on_nested_intercepts():
    fit = bip.mixed_logit("y ~ height + year", frame("ticks"), random=["location", "brood"])
    agrees_with("ticks", fit)
    assert fit.intercepts.columns == ("brood", "location")  # most groups first


def test_glmmtmb_agrees_on_crossed_intercepts(both, crossed):
    agrees_with("crossed", both)
    agrees_with("crossed_weights", bip.mixed_logit("y ~ x + sex", crossed, weights="w", **CROSSED))


def test_glmmtmb_agrees_on_three_intercepts(crossed):
    agrees_with("three", bip.mixed_logit("y ~ x + sex", crossed, random=["quarter", "client", "caseworker"]))


def test_lme4_agrees_on_quadrature(cbpp):
    fit = bip.mixed_logit("y ~ period", cbpp, random="herd", weights="animals", method="agq")
    expected = r_cases()["cbpp_agq"]
    assert_allclose(fit.loglik, expected["loglik"], rtol=1e-11)
    # lme4 searches without derivatives
    assert_allclose(fit.params, expected["coef"], rtol=1e-6)
    assert_allclose(fit.random["sd"], expected["sd"], rtol=1e-6)
    assert "adaptive Gauss-Hermite quadrature with 15 nodes" in str(fit)


def test_profile_intervals_of_the_sd_are_those_of_glmmtmbs_likelihood(cbpp, herds):
    found = herds.profile_sd(cbpp)
    assert_allclose(found[["conf_low", "conf_high"]].iloc[0], r_cases()["cbpp_profile"], rtol=1e-7)


def test_wald_interval_and_boundary_test_of_one_sd(herds):
    [row] = herds.random.itertuples(index=False)
    ends = row.sd * np.exp(1.959964 * r_cases()["cbpp"]["log_sd_error"] * np.array([-1, 1]))
    assert_allclose([row.conf_low, row.conf_high], ends, rtol=1e-5)
    assert_allclose(row.statistic, 2 * (herds.loglik - herds.intercepts.loglik_plain), rtol=1e-9)
    assert_allclose(row.share, row.sd**2 / (row.sd**2 + np.pi**2 / 3))
    assert 0 < row.p_value < 0.001
    assert herds.random_tidy(0.5)["conf_low"][0] > row.conf_low


def test_ratio_statistics_of_several_are_those_of_smaller_models(both, crossed):
    without = bip.mixed_logit("y ~ x + sex", crossed, random="client")
    row = both.random.set_index("group").loc["caseworker"]
    assert_allclose(row["statistic"], 2 * (both.loglik - without.loglik), rtol=1e-8)


def test_the_check_stands_in_the_summary(herds, both):
    assert "check           -277.4595 by quadrature with 15 nodes, a gap of +0.0425" in str(herds)
    check = both.intercepts.check
    assert 0 < check.mc_error < 0.1 and 0 < check.loglik - both.loglik < 2
    assert "Monte Carlo error" in str(both) and "importance sampling, 100 draws from a fixed seed" in str(
        both
    )
    assert both.glance()["loglik_check"][0] == check.loglik and both.glance()["df"][0] == 5
    assert_allclose(both.glance()["aic"][0], 2 * 5 - 2 * both.loglik)


def noise(seed):
    """Groups that the outcome knows nothing of."""
    rows = frame("crossed")
    return rows.assign(noise=np.random.default_rng(seed).integers(0, 40, len(rows)))


def test_a_variance_of_zero_is_the_plain_logit():
    rows = noise(1)
    fit, plain = bip.mixed_logit("y ~ x + sex", rows, random="noise"), bip.logit("y ~ x + sex", rows)
    assert fit.random["sd"][0] == 0.0 and fit.random["p_value"][0] == 1.0
    assert_allclose(fit.params, plain.params, rtol=1e-12)
    assert_allclose(fit.cov, plain.cov, rtol=1e-11)
    assert_allclose(fit.loglik, plain.loglik, rtol=1e-14)
    assert "0, at the boundary (40 groups)" in str(fit) and "all standard deviations are zero" in str(fit)
    assert (fit.effects("noise")["estimate"] == 0).all()
    assert_allclose(fit.predict(rows), plain.predict(rows), rtol=1e-12)
    assert_allclose(fit.predict(rows, "conditional"), plain.predict(rows), rtol=1e-12)
    profile = fit.profile_sd(rows).iloc[0]
    assert profile["conf_low"] == 0 and 0.05 < profile["conf_high"] < 1
    by_noise = fit.with_vcov(bip.cluster("noise"), rows)
    assert_allclose(by_noise.bse, plain.with_vcov(bip.cluster("noise"), rows).bse, rtol=1e-9)


def test_one_variance_of_zero_among_others_is_the_model_without_it(both):
    rows = next(r for r in map(noise, (3, 5, 7, 8)) if _is_zero(r))
    fit = bip.mixed_logit("y ~ x + sex", rows, random=["client", "noise", "caseworker"])
    assert_allclose(fit.loglik, both.loglik, rtol=1e-11)
    assert_allclose(fit.params, both.params, rtol=1e-7)
    assert_allclose(fit.bse, both.bse, rtol=1e-6)
    shown = fit.random.set_index("group")
    assert shown.loc["noise", "sd"] == 0
    assert_allclose(shown.loc[["client", "caseworker"], "statistic"], both.random["statistic"], rtol=1e-6)
    again = fit.with_vcov("model", rows)
    assert_allclose(again.cov, fit.cov, rtol=1e-12)


def _is_zero(rows):
    return (
        bip.mixed_logit("y ~ x + sex", rows, random=["client", "noise", "caseworker"]).intercepts.sd[1] == 0
    )


@given(st.integers(0, 10_000))
@settings(max_examples=8, deadline=None)
def test_order_of_rows_and_names_of_groups_do_not_matter(seed):
    rows = grouped(seed, n=300)
    fit = bip.mixed_logit("y ~ x + z", rows, random=["a", "b"])
    other = rows.sample(frac=1, random_state=seed)
    other["a"], other["b"] = "g" + (99 - other["a"]).astype(str), other["b"].map(lambda b: (b * 7) % 8)
    same_fit(fit, bip.mixed_logit("y ~ x + z", other, random=["b", "a"]))


@given(st.integers(0, 10_000))
@settings(max_examples=5, deadline=None)
def test_weights_are_copies_in_crossed_models(seed):
    rows = grouped(seed, n=200, sizes=(20, 6))
    rows["w"] = np.random.default_rng(seed).integers(1, 4, len(rows))
    copies = rows.loc[rows.index.repeat(rows["w"])]
    weighted = bip.mixed_logit("y ~ x", rows, random=["a", "b"], weights="w")
    same_fit(weighted, bip.mixed_logit("y ~ x", copies, random=["a", "b"]))


def test_a_coarse_approximation_is_named():
    """Pairs of rows with much between them: Laplace misses several units of log-likelihood."""
    draw = np.random.default_rng(9)
    rows = pd.DataFrame({"a": np.repeat(np.arange(300), 2), "x": draw.normal(size=600)})
    rows["y"] = np.where(
        draw.random(600) < 0.8, draw.integers(0, 2, 300)[rows["a"]], draw.integers(0, 2, 600)
    )
    fit = bip.mixed_logit("y ~ x", rows, random="a")
    assert 'the integration is coarse, use method="agq"' in str(fit)
    assert "coarse" not in str(bip.mixed_logit("y ~ x", rows, random="a", method="agq"))


def test_many_nodes_are_laplace_where_groups_are_large():
    rows = grouped(3, n=4000, sizes=(8,), sds=(0.7,))
    one, other = (bip.mixed_logit("y ~ x", rows, random="a", method=method) for method in ("laplace", "agq"))
    assert_allclose(one.loglik, other.loglik, atol=0.02)
    assert_allclose(one.params, other.params, atol=0.003)


def test_effects_are_kept_of_named_groups_and_never_of_clients(both, crossed):
    assert list(both.intercepts.effects) == ["caseworker"]
    shown = both.effects("caseworker")
    assert list(shown) == ["level", "estimate", "std_error", "conf_low", "conf_high"]
    assert list(shown["level"]) == list(range(1, 16))
    assert_allclose(shown["conf_high"] - shown["estimate"], 1.959964 * shown["std_error"], rtol=1e-6)
    with pytest.raises(bip.ModelError, match=r"keeps no effects of 'client'.*fit.effects\('client', data\)"):
        both.effects("client")
    own, expected = both.effects("client", crossed), r_cases()["crossed"]
    assert_allclose(own["estimate"], expected["modes"]["client"], atol=1e-7)
    assert_allclose(own["std_error"], expected["mode_error"]["client"], rtol=1e-6)
    assert_allclose(both.effects("caseworker", crossed)["estimate"], shown["estimate"], atol=1e-9)
    with pytest.raises(bip.ModelError, match="not the data of the fit"):
        both.effects("client", crossed.assign(x=crossed["x"] * 2))
    with pytest.raises(bip.OptionError, match="column='team' is not an option"):
        both.effects("team")


def test_population_prediction_is_the_average_over_intercepts(both, crossed):
    rows = crossed.head(4)
    eta = (
        both.params["Intercept"]
        + both.params["x"] * rows["x"]
        + both.params["sex[male]"] * (rows["sex"] == "male")
    )
    sd = np.sqrt((both.random["sd"] ** 2).sum())
    z = np.random.default_rng(0).normal(size=400_000)
    drawn = [(1 / (1 + np.exp(-(one + sd * z)))).mean() for one in eta]
    assert_allclose(both.predict(rows), drawn, atol=0.002)
    assert both.predict(rows).name == "probability"


def test_conditional_prediction_takes_the_groups_own(both, crossed):
    with pytest.raises(bip.ModelError, match="keeps no effects of client"):
        both.predict(crossed, "conditional")
    found = both.predict(crossed, "conditional", data=crossed)
    assert abs(found.mean() - crossed["y"].mean()) < 0.005
    fit = bip.mixed_logit("y ~ x", crossed, random="caseworker")
    effects = fit.effects("caseworker").set_index("level")["estimate"]
    eta = fit.params["Intercept"] + fit.params["x"] * crossed["x"] + crossed["caseworker"].map(effects)
    assert_allclose(fit.predict(crossed, "conditional"), 1 / (1 + np.exp(-eta)), rtol=1e-12)
    strange = crossed.head(3).assign(caseworker=[1, 98, 99])
    with pytest.raises(bip.ModelError, match="2 rows are of a 'caseworker' that the fit has not seen"):
        fit.predict(strange, "conditional")
    zero = fit.predict(strange, "conditional", unknown="zero")
    eta = fit.params["Intercept"] + fit.params["x"] * strange["x"].iloc[1]
    assert_allclose(zero.iloc[1], 1 / (1 + np.exp(-eta)), rtol=1e-12)
    with pytest.raises(bip.OptionError, match="kind='marginal' is not an option"):
        fit.predict(crossed, "marginal")


def test_robust_errors_take_independent_groups_for_units(cbpp, herds):
    robust = herds.with_vcov("robust", cbpp)
    assert_allclose(robust.bse, herds.with_vcov(bip.cluster("herd"), cbpp).bse)
    assert_allclose(robust.params, herds.params, rtol=0)
    direct = bip.mixed_logit(
        "y ~ period", cbpp, random="herd", weights="animals", vcov=bip.cluster("herd", small_sample="CR1")
    )
    assert_allclose(direct.bse / robust.bse, np.sqrt(15 / 14), rtol=1e-8)
    assert_allclose(
        direct.intercepts.log_sd_error / robust.intercepts.log_sd_error, np.sqrt(15 / 14), rtol=1e-8
    )
    nested = bip.mixed_logit("y ~ height", frame("ticks"), random=["brood", "location"], vcov="robust")
    assert "one unit per location" in nested.glance()["covariance"][0]


def test_the_sandwich_is_about_the_models_where_the_model_holds():
    rows = grouped(5, n=6000, sizes=(300,), sds=(0.8,))
    fit = bip.mixed_logit("y ~ x", rows, random="a")
    assert_allclose(fit.with_vcov("robust", rows).bse / fit.bse, 1, atol=0.15)


REFUSED_ERRORS = {
    "split": (
        bip.cluster("sex"),
        "must hold the groups of the random intercepts whole: 1\\d\\d of 120 groups of client",
    ),
    "crossed robust": ("robust", "client and caseworker cross"),
    "few": (bip.cluster("team", small_sample="jackknife"), "no errors for few clusters"),
    "bootstrap": (bip.score_bootstrap("team"), "no errors for few clusters"),
}


@pytest.mark.parametrize("name", REFUSED_ERRORS)
def test_errors_that_do_not_hold_are_refused(name, both, crossed):
    vcov, message = REFUSED_ERRORS[name]
    for call in (
        lambda: both.with_vcov(vcov, crossed),
        lambda: bip.mixed_logit("y ~ x", crossed, vcov=vcov, **CROSSED),
    ):
        with pytest.raises(bip.ModelError, match=message):
            call()


def test_bootstrap_test_does_not_depend_on_the_number_of_workers(cbpp, herds):
    one, other = (herds.boundary_test(cbpp, draws=19, rng=1, jobs=jobs, progress=False) for jobs in (1, 2))
    assert (one.simulated == other.simulated).all() and len(one.simulated) + one.n_lost == 19
    assert_allclose(one.statistic, herds.random["statistic"][0], rtol=1e-8)
    assert one.p_value == 0.05 and list(one.table) == ["group", "statistic", "p_value", "mc_error", "draws"]
    assert "no random intercepts for herd" in str(one) and "<table" in one._repr_html_()
    assert one.plot().get_xlabel() == "Likelihood ratio" and len(one.plot_data()) == len(one.simulated)


def test_bootstrap_of_some_of_several():
    rows = grouped(11, n=300, sizes=(20, 6), sds=(0.0, 0.9))
    fit = bip.mixed_logit("y ~ x", rows, random=["a", "b"])
    test = fit.boundary_test(rows, "a", draws=39, rng=2, progress=False)
    assert test.columns == ("a",) and test.p_value > 0.05
    # half chi2(0), half chi2(1): about half of the statistics are zero
    assert 0.25 < (test.simulated < 1e-6).mean() < 0.85
    with pytest.raises(bip.OptionError, match="drop='c' is not among"):
        fit.boundary_test(rows, "c")
    with pytest.raises(bip.OptionError, match="draws=3 is not"):
        fit.boundary_test(rows, draws=3)


def test_results_travel_and_do_not_grow(both, crossed):
    again = bip.read_result(both.to_json())
    assert repr(again) == repr(both)
    assert_allclose(again.with_vcov("model", crossed).cov, both.cov, rtol=1e-12)
    twice = pd.concat([crossed, crossed.assign(client=crossed["client"] + 1000)])
    sizes = [len(pickle.dumps(bip.mixed_logit("y ~ x + sex", rows, **CROSSED))) for rows in (crossed, twice)]
    assert abs(sizes[0] - sizes[1]) < 100
    assert "random intercepts for client and caseworker" in both.methods_text()
    assert (
        "Laplace's approximation" in both.methods_text() and "Computed with bipstats" in both.methods_text()
    )


def test_neighbours_say_what_they_cannot_do(both, crossed):
    with pytest.raises(bip.ModelError, match=r"standard deviations too.*predict\(\)"):
        bip.margins(both, crossed, "x")
    smaller = bip.mixed_logit("y ~ x", crossed, **CROSSED)
    assert_allclose(bip.lr_test(smaller, both).statistic, 2 * (both.loglik - smaller.loglik))
    herd = bip.mixed_logit("y ~ x", crossed, random="client", method="agq")
    with pytest.raises(bip.ModelError, match="integrated out"):
        bip.lr_test(herd, bip.mixed_logit("y ~ x + sex", crossed, random="client"))


def absorbing():
    """Single spells: at most one event, the last row."""
    draw = np.random.default_rng(0)
    spell = np.repeat(np.arange(80), 6)
    event = draw.random(480) < 0.1
    before = pd.Series(event).groupby(spell).cumsum() - event
    return pd.DataFrame({"client": spell, "x": draw.normal(size=480), "y": event.astype(int)})[before == 0]


def _tiny(**columns):
    rows = grouped(1, n=120, sizes=(12, 5))
    return rows.assign(**columns)


REFUSED = {
    "absorbing": (lambda: ("y ~ x", absorbing(), "client"), "at most one event in each of its 80 groups"),
    "absorbing nots": (
        lambda: ("y ~ x", absorbing().assign(y=lambda d: 1 - d["y"]), "client"),
        "at most one row without the event",
    ),
    "one group": (lambda: ("y ~ x", _tiny(a=1), "a"), "random='a' has one group only"),
    "single rows": (lambda: ("y ~ x", _tiny(a=range(120)), "a"), "120 groups of one row each"),
    "constant": (
        lambda: ("y ~ x", _tiny(y=lambda d: (d["a"] % 3 == 0).astype(int)), "a"),
        "the same in all rows of every one of the 12 groups",
    ),
    "same groups": (
        lambda: ("y ~ x", _tiny(b=lambda d: "g" + d["a"].astype(str)), ["a", "b"]),
        "whose 12 groups are the same",
    ),
    "missing ids": (
        lambda: ("y ~ x", _tiny(a=lambda d: d["a"].where(d["x"] > 0)), "a"),
        r"\d+ of 120 rows have missing values: a",
    ),
    "nearly constant": (
        lambda: ("y ~ x", _tiny(y=lambda d: ((d["a"] % 2 == 0) ^ (d.index == 70)).astype(int)), "a"),
        "rises as the standard deviation of a grows beyond 30",
    ),
    "all events": (lambda: ("y ~ x", _tiny(y=1), "a"), "is 1 in all 120 rows"),
    "separated": (lambda: ("y ~ s", _tiny(s=lambda d: d["y"]), "a"), "separation"),
    "unknown": (lambda: ("y ~ x", _tiny(), "herd"), "no column 'herd'"),
    "number": (lambda: ("y ~ x", _tiny(), 3), "random=3 is neither"),
    "twice": (lambda: ("y ~ x", _tiny(), ["a", "a"]), "different columns"),
    "none": (lambda: ("y ~ x", _tiny(), []), "neither a column nor"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_cannot_be_estimated_is_refused(name):
    make, message = REFUSED[name]
    formula, rows, random = make()
    with pytest.raises(bip.BipstatsError, match=message):
        bip.mixed_logit(formula, rows, random=random)


def test_options_are_checked():
    rows = _tiny()
    with pytest.raises(bip.ModelError, match="integrates over one random intercept"):
        bip.mixed_logit("y ~ x", rows, random=["a", "b"], method="agq")
    for nodes in (1, 101, True, 2.5):
        with pytest.raises(bip.OptionError, match="nodes="):
            bip.mixed_logit("y ~ x", rows, random="a", nodes=nodes)
    with pytest.raises(bip.OptionError, match="method='pql' is not an option"):
        bip.mixed_logit("y ~ x", rows, random="a", method="pql")


def test_missing_groups_are_dropped_and_counted():
    rows = _tiny(a=lambda d: d["a"].astype(float).where(d.index >= 5))
    fit = bip.mixed_logit("y ~ x", rows, random="a", missing="drop")
    assert ("with missing values", 5) in fit.fit.flow and fit.nobs == 115


def test_known_standard_deviations_are_found():
    """One large draw: within three of the reported errors."""
    rows = grouped(17, n=12_000, sizes=(400, 60), sds=(0.9, 0.6))
    fit = bip.mixed_logit("y ~ x + z", rows, random=["a", "b"], method="laplace")
    truth = np.log([0.9, 0.6])
    assert (np.abs(np.log(fit.random["sd"]) - truth) < 3 * fit.intercepts.log_sd_error).all()
    assert (np.abs(fit.params - [-1, 0.4, -0.3]) < 3 * fit.bse).all()
