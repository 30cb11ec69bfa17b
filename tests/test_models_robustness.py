"""Numbers far apart, odd data and odd arguments: the same answer as in plain form, or a refusal that names them."""

import pickle

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose

import bipstats as bip
from bipstats.core.estimates import Estimates

N = 1500


@pytest.fixture
def rows():
    draw = np.random.default_rng(0)
    e, s = draw.normal(size=N), draw.integers(0, 4, N)
    stop = np.ceil(20 * draw.exponential(np.exp(-0.9 * e)))
    frame = pd.DataFrame({"client": np.arange(N), "stop": stop, "event": 1, "e": e, "s": s})
    return frame.assign(
        g=draw.integers(0, 40, N), age=draw.integers(20, 60, N), year=draw.integers(2010, 2017, N)
    )


def same(first, second, rtol=1e-7):
    assert_allclose(first.params, second.params, rtol=rtol)
    assert_allclose(first.bse, second.bse, rtol=rtol)


@pytest.mark.parametrize("vcov", ["model", bip.cluster("g")])
@pytest.mark.parametrize("shift", [10, 18, 60])
def test_strata_may_differ_by_any_level_of_risk(rows, vcov, shift):
    plain = bip.cox("e", rows, start=None, strata="s", vcov=vcov)
    moved = rows.assign(x=rows["e"] + shift * rows["s"], o=shift * rows["s"].astype(float))
    by_covariate = bip.cox("x", moved, start=None, strata="s", vcov=vcov)
    assert_allclose(by_covariate.params["x"], plain.params["e"], rtol=1e-7)
    assert_allclose(by_covariate.bse["x"], plain.bse["e"], rtol=1e-7)
    same(bip.cox("e", moved, start=None, strata="s", offset="o", vcov=vcov), plain)


@pytest.mark.parametrize("vcov", ["model", bip.cluster("g")])
def test_an_early_cohort_of_tiny_risk_does_not_swamp_a_late_one(rows, vcov):
    """Two cohorts whose times do not overlap: one baseline is as good as one for each."""
    late = (rows["s"] > 1).to_numpy()
    cohorts = rows.assign(start=np.where(late, 1e4, 0.0), late=late, o=np.where(late, 0.0, -18.0))
    cohorts["stop"] = cohorts["start"] + rows["stop"]
    one = bip.cox("e", cohorts, offset="o", vcov=vcov)
    same(one, bip.cox("e", cohorts, offset="o", strata="late", vcov=vcov))


def test_an_uncentred_year_gives_the_survival_of_a_centred_one(rows):
    rows["stop"] = np.ceil(rows["stop"] * np.exp(0.5 * (rows["year"] - 2013)))
    centred = rows.assign(year=rows["year"] - 2013)
    new, new_centred = rows.head(5), centred.head(5)
    fit, plain = bip.cox("year", rows, start=None), bip.cox("year", centred, start=None)
    assert_allclose(fit.predict(new, "survival", 5), plain.predict(new_centred, "survival", 5), rtol=1e-9)
    ways = rows.assign(exit="job"), centred.assign(exit="job")
    risks = [
        bip.risk({"job": bip.cox("year", way, start=None, event="exit == job")}, way, horizon=20).table
        for way in ways
    ]
    assert_allclose(risks[0].iloc[:, 2:], risks[1].iloc[:, 2:], rtol=1e-7)
    steep = bip.cox("year", rows.assign(year=rows["year"] * 1.0), start=None)
    far = new.assign(year=-1e5)
    with pytest.raises(bip.ModelError, match="out of a number's range"):
        steep.predict(far)


def test_long_identifiers_are_not_merged(rows):
    pieces = pd.concat(
        [
            rows.assign(start=0, stop=1, event=0, cw=rows["g"]),
            rows.assign(start=1, stop=rows["stop"] + 1, cw=rows["s"]),
        ]
    )
    pieces["big"] = pieces["cw"] + 2**60
    fits = [bip.cox("e", pieces, vcov=bip.cluster(name)) for name in ("cw", "big")]
    same(*fits)
    assert fits[0].fit.flow == fits[1].fit.flow


def test_an_offset_counts_in_predictions_and_risks(rows):
    """A constant offset changes the baseline only."""
    data = rows.assign(exit="job", o=3.0)
    plain, moved = (bip.cox("e", data, start=None, event="exit == job", offset=o) for o in (None, "o"))
    tables = [bip.risk({"job": fit}, data, horizon=20).table["estimate"] for fit in (plain, moved)]
    assert_allclose(*tables, rtol=1e-9)
    assert_allclose(
        plain.predict(data.head(), "survival", [3, 9]),
        moved.predict(data.head(), "survival", [3, 9]),
        rtol=1e-9,
    )
    with pytest.raises(bip.ModelError, match="no column 'o', which offset= names"):
        moved.predict(data.drop(columns="o").head())


def test_times_that_differ_by_rounding_are_tied(rows):
    whole = rows.assign(stop=np.minimum(rows["stop"], 25))
    summed = whole.assign(stop=[sum([0.1] * int(k)) for k in whole["stop"]])
    assert summed["stop"].nunique() <= 25 and (summed["stop"] != whole["stop"] / 10).any()
    halves = [summed.iloc[::2], whole.assign(stop=whole["stop"] / 10).iloc[1::2]]
    same(bip.cox("e", pd.concat(halves), start=None), bip.cox("e", whole, start=None), rtol=1e-12)


def test_periods_keep_the_order_of_their_categories(rows):
    data = rows.assign(p=rows["age"] // 10, y=(rows["e"] > 0.5).astype(int))
    named = data.assign(
        p=pd.Categorical("q" + (data["p"] * 5).astype(str), [f"q{5 * k}" for k in range(2, 6)])
    )
    fit, plain = (
        bip.hazard("year", named, event="y", period="p"),
        bip.hazard("year", data, event="y", period="p"),
    )
    assert list(fit.baseline().index) == ["q10", "q15", "q20", "q25"]
    assert_allclose(
        fit.predict(named.head(3), "survival"), plain.predict(data.head(3), "survival"), rtol=1e-12
    )
    with pytest.raises(bip.ModelError, match="holds text, which has no order in time"):
        bip.hazard("year", named.astype({"p": str}), event="y", period="p")


def test_stacked_causes_of_one_client_are_no_overlap(rows):
    stacked = pd.concat([rows.assign(cause=cause, event=(rows["s"] < 2) == (cause == "a")) for cause in "ab"])
    fit = bip.cox("e", stacked, start=None, strata="cause", vcov=bip.cluster("client"))
    crossed = bip.cox("e", stacked, start=None, strata=["cause", "s"])
    assert fit.n_clusters == N and len(crossed.strata_levels) == 8
    assert crossed.predict(stacked.head(2), "survival", [5.0]).shape == (2, 1)


@pytest.mark.parametrize("outlier", [-1e3, -1e5])
def test_an_outlier_is_no_separation(outlier):
    """glm and coxph fit it; the point alone has nearly no leverage on the other 1,999 outcomes."""
    draw = np.random.default_rng(3)
    x = draw.normal(size=2000)
    y = (draw.random(2000) < 1 / (1 + np.exp(-0.5 * x))).astype(int)
    x[0], y[0] = outlier, 0
    fit = bip.logit("y ~ x", pd.DataFrame({"x": x, "y": y}))
    without = bip.logit("y ~ x", pd.DataFrame({"x": x[1:], "y": y[1:]}))
    same(fit, without)


def test_weights_of_any_size_and_nearly_collinear_columns_are_fitted(rows):
    draw = np.random.default_rng(5)
    data = rows.assign(
        y=(rows["e"] + draw.normal(size=N) > 0).astype(int),
        w=1.0 / N,
        near=rows["e"] + 1e-4 * draw.normal(size=N),
    )
    assert_allclose(bip.logit("y ~ e", data, weights="w").params, bip.logit("y ~ e", data).params, rtol=1e-8)
    assert bip.logit("y ~ e + near", data).bse["near"] > 100


def test_a_covariate_that_is_time_itself_is_refused(rows):
    with pytest.raises(bip.ModelError, match="stop is lowest of all rows at risk"):
        bip.cox("age + stop", rows, start=None)


def test_separation_by_a_score_is_named_among_many_terms(rows):
    """Belief 5 for all who enter and 1 for the rest: no dummy separates, the score does."""
    draw = np.random.default_rng(8)
    data = rows.assign(
        y=(draw.random(N) < 0.1).astype(int), **{f"z{k}": draw.normal(size=N) for k in range(8)}
    )
    data["belief"] = np.where(data["y"] == 1, 5, 1)
    formula = "age + belief + " + " + ".join(f"z{k}" for k in range(8))
    with pytest.raises(bip.ModelError, match="belief"):
        bip.logit(f"y ~ {formula}", data)
    with pytest.raises(bip.ModelError, match="belief"):
        bip.cox(formula, data.assign(event=data["y"]), start=None)


def test_levels_of_a_column_that_names_persons_are_not_listed(rows):
    data = rows.assign(person="C" + rows["client"].astype(str), event=(rows["e"] > 0).astype(int))
    fit = bip.logit("event ~ C(g)", data)
    calls = (
        lambda: bip.cox("person", data.head(300), start=None),
        lambda: bip.cox("e", data, start=None, stop="person"),
        lambda: bip.cox("log(person)", data, start=None),
        lambda: fit.predict(data.head().assign(g=[f"C{k}" for k in range(5)])),
    )
    for call in calls:
        with pytest.raises(bip.ModelError) as caught:
            call()
        assert not any(f"C{k}" in str(caught.value) for k in range(300))


def test_numbers_as_text_are_refused_unless_they_are_called_labels(rows):
    for text in (rows["age"].astype(str), rows["e"].round(1).astype(str).str.replace(".", ",")):
        with pytest.raises(bip.ModelError, match="numbers as text"):
            bip.cox("z", rows.assign(z=text), start=None)
    assert bip.cox("C(z)", rows.assign(z=rows["s"].astype(str)), start=None).params.index[0] == "z[1]"


def test_a_change_out_of_the_observed_range_is_said(rows):
    data = rows.assign(exit="job", belief=rows["s"] + 1, flag=rows["s"] % 2)
    fits = {"job": bip.cox("belief + flag", data, start=None, event="exit == job")}
    found = bip.risk(fits, data, horizon=20, at={"belief": "+1"})
    top = int((data["belief"] == 4).sum())
    assert f"{top:,} of {N:,} rows leave the observed range 1 to 4" in str(found.summary())
    with pytest.raises(bip.ModelError, match="holds 0 and 1 only"):
        bip.risk(fits, data, horizon=20, at={"flag": "+1"})
    with pytest.raises(bip.OptionError, match="fits is no dict"):
        bip.risk(fits["job"], data)


def test_the_summary_says_how_many_rows_are_left_after_merging(rows):
    halves = pd.concat([rows.assign(start=0.0, stop=0.5, event=0), rows.assign(start=0.5)])
    assert f"used            {2 * N:,} rows, {N:,} ids, {N:,} events, in {N:,} after merging" in str(
        bip.cox("e", halves)
    )


def test_wald_on_terms_of_any_scale_and_name(rows):
    data = rows.assign(y=(rows["e"] > 0.3).astype(int), kroner=rows["age"] * 1e6, share=rows["year"] / 1e6)
    fit = bip.logit("y ~ kroner + share + I(age >= 40)", data)
    assert fit.wald("kroner = 0, share = 0").df == 2
    assert_allclose(fit.wald("I(age >= 40) = 0").p_value, fit.pvalues["I(age >= 40)"], rtol=1e-8)
    indefinite = Estimates(("a", "b"), np.ones(2), np.array([[1.0, 2.0], [2.0, 1.0]]), "")
    for words, estimates in (
        ("x = 0", Estimates(("x",), np.ones(1), np.array([[-0.04]]), "")),
        ("a = 0, b = 0", indefinite),
    ):
        with pytest.raises(bip.ModelError, match="not positive definite"):
            estimates.wald(words)


@pytest.mark.parametrize(
    "formula", ["I(age + 2 * e)", "I(age ** 2 + e)", "I(e * 2 + 1)", "bs(age, df=5) + cr(year, df=3)"]
)
def test_numbers_inside_brackets_are_arithmetic(rows, formula):
    assert bip.cox(formula, rows, start=None).params.notna().all()


REFUSED = {
    "dot": (lambda d: bip.cox(".", d, start=None), "uses '.'"),
    "constant": (lambda d: bip.cox("I(3)", d, start=None), "names no column"),
    "spline option": (lambda d: bip.cox("bs(age, foo=3)", d, start=None), "takes one column and df"),
    "spline of two": (lambda d: bip.cox("bs(e, age)", d, start=None), "takes one column"),
    "spline without df": (lambda d: bip.cox("bs(age, df=2)", d, start=None), "cannot be made"),
    "beyond the knots": (
        lambda d: bip.cox("bs(age, df=4)", d, start=None).predict(d.head().assign(age=99)),
        "do not reach beyond the data",
    ),
    "complex": (lambda d: bip.cox("z", d.assign(z=d["e"] + 1j), start=None), "holds complex128"),
    "dates": (
        lambda d: bip.cox("z", d.assign(z=pd.Timestamp("2014-01-01")), start=None),
        "convert it to numbers",
    ),
    "lists": (lambda d: bip.cox("z", d.assign(z=[[1]] * N), start=None), "no labels"),
    "look-alikes": (
        lambda d: bip.cox(
            "z", d.assign(z=pd.Categorical(["0", 1, "1"] * (N // 3), ["0", 1, "1"])), start=None
        ),
        "look alike",
    ),
    "levels above": (
        lambda d: bip.cox("e", pd.concat([d], axis=1, keys=["a"]), start=None),
        "several levels",
    ),
    "event is True": (lambda d: bip.cox("e", d, start=None, event=True), "event=True is not the name"),
    "stop is None": (lambda d: bip.cox("e", d, start=None, stop=None), "stop=None is not the name"),
    "cluster of a list": (lambda d: bip.cluster(["g"]), "one or two different columns"),
    "numeric level": (
        lambda d: bip.cox("e", d, start=None, event="event == nine"),
        "holds numbers; 'nine' is none",
    ),
    "confidence level": (lambda d: bip.cox("e", d, start=None).tidy("a"), "not a confidence level"),
    "times": (lambda d: bip.cox("e", d, start=None).predict(d, "survival", "soon"), "neither a time"),
    "no hypothesis": (lambda d: bip.cox("e", d, start=None).wald(None), "a hypothesis reads"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_makes_no_sense_is_refused_by_name(rows, name):
    call, message = REFUSED[name]
    with pytest.raises(bip.BipstatsError, match=message):
        call(rows)


def test_numeric_event_levels_and_odd_column_names(rows):
    same(
        bip.cox("e", rows.assign(ut=rows["s"] * 1.0), start=None, event="ut == 1"),
        bip.cox("e", rows.assign(ut=rows["s"] == 1), start=None, event="ut"),
    )
    odd = rows.rename(columns={"event": "my exit"})
    same(bip.cox("e", odd, start=None, event="my exit == 1"), bip.cox("e", rows, start=None))


def test_bins_as_levels_give_no_warning(rows):
    fit = bip.cox("band", rows.assign(band=pd.cut(rows["age"], [0, 30, 45, 99])), start=None)
    assert list(fit.params.index) == ["band[(30, 45]]", "band[(45, 99]]"]


def test_a_stratum_without_rows_at_risk_gives_no_warning(rows):
    data = rows.assign(start=0)
    data.loc[data["s"] == 3, "event"] = 0
    same(bip.cox("e", data, strata="s"), bip.cox("e", data[data["s"] != 3], strata="s"), rtol=1e-10)


def test_results_can_be_compared_hashed_and_pickled(rows):
    fit = bip.cox("e + bs(age, df=4)", rows, start=None)
    again = pickle.loads(pickle.dumps(fit))
    assert fit == fit and fit != again and isinstance(hash(fit), int)
    pd.testing.assert_series_equal(again.params, fit.params)


def stepwise(seed):
    """Rows of one period each: whoever is at risk at an event is in the same period."""
    rng = np.random.default_rng(seed)
    n = 60
    rows = pd.DataFrame(
        {"x": rng.normal(size=n), "start": rng.integers(0, 5, n), "event": rng.integers(0, 2, n)}
    )
    season = rng.normal(size=5)[rows["start"]]
    return rows.assign(stop=rows["start"] + 1, season=season, both=rows["x"] * rng.normal() + season)


@pytest.mark.parametrize("seed", range(40))
def test_what_does_not_vary_within_risk_sets_is_named_and_never_fitted(seed):
    """R's coxph gives NA; by rounding alone a Newton search gives some number with an error of millions."""
    rows = stepwise(seed)
    with pytest.raises(bip.ModelError, match="no variation in season among those at risk at the same event"):
        bip.cox("x + season", rows)
    with pytest.raises(
        bip.ModelError, match="x, both do not vary apart from one another among those at risk"
    ):
        bip.cox("x + both", rows)


def test_some_variation_within_risk_sets_is_enough_and_very_little_is_said_to_be_too_little():
    rows = stepwise(1)
    plain = bip.cox("x", rows)
    some = bip.cox("mixed", rows.assign(mixed=rows["season"] + 0.1 * rows["x"]))
    assert_allclose(some.params["mixed"] * 0.1, plain.params["x"], rtol=1e-8)
    assert_allclose(some.loglik, plain.loglik, rtol=1e-10)
    with pytest.raises(
        bip.ModelError, match="far more from one time to another than among those at risk together"
    ):
        bip.cox("mixed", rows.assign(mixed=rows["season"] + 1e-4 * rows["x"]))
