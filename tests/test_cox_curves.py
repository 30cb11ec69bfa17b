"""Baseline hazard, survival curves and survival along a path against R's survfit, lifelines and finite differences."""

import numpy as np
import pandas as pd
import pytest
from cox_cases import fitted, made, r_numbers, spells
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose

import bipstats as bip
from bipstats.models.cox_residuals import fitted_rows
from bipstats.models.kernels.cox import baseline_hazard, risk_sums

ZERO = pd.DataFrame({"age": [0.0], "year": 0, "surgery": 0, "transplant": 0})
SOMEONE = pd.DataFrame({"age": [-10.0], "year": 3, "surgery": 1, "transplant": 0})
PATH = pd.DataFrame(
    {
        "start": [0, 30, 200],
        "stop": [30, 200, 900],
        "age": [5, 5, 6],
        "year": 2,
        "surgery": 0,
        "transplant": [0, 1, 1],
    }
)
GIRL = pd.DataFrame({"treat": ["treated"], "height": 140, "sex": "female"})


def _stratified():
    data = made("cgd")
    return bip.cox(
        "treat + height", data, strata="sex", weights="wt", start="begin", stop="end", event="status"
    )


CURVES = {
    "zero": lambda: fitted("heart")[0].survival_curve(ZERO),
    "someone": lambda: fitted("heart")[0].survival_curve(SOMEONE),
    "robust": lambda: fitted("heart")[0].with_vcov(bip.cluster("id"), made("heart")).survival_curve(SOMEONE),
    "tied": lambda: fitted("heart tied")[0].survival_curve(SOMEONE),
    "breslow": lambda: fitted("heart breslow")[0].survival_curve(SOMEONE),
    "strata": lambda: _stratified().survival_curve(GIRL),
    "path": lambda: fitted("heart")[0].survival_along(PATH),
    "still": lambda: fitted("heart")[0].survival_along(PATH.assign(age=5, transplant=1)),
}


@pytest.mark.parametrize("name", CURVES)
def test_curves_and_errors_agree_with_r(name):
    expected, table = r_numbers("curves")[name], CURVES[name]().table
    assert_allclose(table["time"], expected["time"])
    assert_allclose(table["estimate"], expected["survival"], rtol=1e-9)
    for key in ("std_error", "conf_low", "conf_high"):
        if key in expected:  # the script adds up the path's own error without an interval
            assert_allclose(table[key], expected[key], rtol=1e-8)


def test_along_a_path_that_changes_r_has_the_same_survival_and_another_error():
    expected, table = r_numbers("curves")["path_r"], CURVES["path"]().table
    assert_allclose(table["estimate"], expected["survival"], rtol=1e-9)
    assert np.abs(table["std_error"] / expected["std_error"] - 1).max() > 0.05
    first = table["time"] <= 30  # before anything changes they agree
    assert_allclose(table["std_error"][first], np.array(expected["std_error"])[first], rtol=1e-8)


def test_the_error_along_a_path_is_the_delta_methods():
    """The derivative of the cumulative hazard in the coefficients, by finite differences of the baseline."""
    fit, data = fitted("heart")
    found = fitted_rows(fit, data)
    rows = found.rows
    x = (fit.design.matrix(PATH) - rows.centre) / rows.scale
    beta = fit.estimates.values * rows.scale

    def hazard(b: np.ndarray, power: int = 1) -> float:
        base = baseline_hazard(risk_sums(b, rows.problem), rows.problem)
        step = base.increment if power == 1 else base.variance
        inside = [
            (base.times > s) & (base.times <= e) for s, e in zip(PATH["start"], PATH["stop"], strict=True)
        ]
        return sum(np.exp(power * (row @ b)) * step[own].sum() for row, own in zip(x, inside, strict=True))

    h = 1e-5 * np.eye(len(beta))
    slope = np.array([(hazard(beta + step) - hazard(beta - step)) / 2e-5 for step in h])
    variance = hazard(beta, 2) + slope @ np.linalg.solve(found.information, slope)
    last = fit.survival_along(PATH).table.iloc[-1]
    assert_allclose(last["estimate"], np.exp(-hazard(beta)), rtol=1e-10)
    assert_allclose(last["std_error"] / last["estimate"], np.sqrt(variance), rtol=1e-7)


def test_baseline_hazard_agrees_with_r():
    fit, _ = fitted("heart")
    expected, base = r_numbers("curves")["zero"], fit.baseline_hazard()
    assert_allclose(base["cumulative_hazard"], expected["cumulative_hazard"], rtol=1e-9)
    assert_allclose(base["survival"] * base["std_error"], expected["std_error"], rtol=1e-8)
    assert_allclose(base["hazard"].cumsum(), base["cumulative_hazard"], rtol=1e-12)
    mean = fit.baseline_hazard("means")
    assert_allclose(mean["hazard"], base["hazard"] * np.exp(fit.baseline.centre @ fit.params), rtol=1e-12)
    by_sex = _stratified().baseline_hazard()
    assert by_sex.columns[0] == "sex" and list(by_sex["sex"].unique()) == ["male", "female"]
    crossed = bip.cox("z", spells(6, 60), strata=["s", "x"]).baseline_hazard()
    assert list(crossed.columns[:3]) == ["s", "x", "time"]


def test_baseline_hazard_agrees_with_lifelines():
    """No ties in ovarian, and everyone is at risk at the first event: both are at the means of all rows."""
    from lifelines import CoxPHFitter

    data = made("ovarian")
    columns = ["age", "rx", "ecog_ps"]
    tight = {"precision": 1e-13, "r_precision": 1e-15}
    other = CoxPHFitter().fit(data[["futime", "fustat", *columns]], "futime", "fustat", fit_options=tight)
    fit = bip.cox(" + ".join(columns), data, start=None, stop="futime", event="fustat")
    base = fit.baseline_hazard("means").set_index("time")
    theirs = other.baseline_cumulative_hazard_["baseline cumulative hazard"].loc[base.index]
    assert_allclose(base["cumulative_hazard"], theirs, rtol=1e-8)


@given(st.integers(0, 10_000))
@settings(max_examples=10, deadline=None)
def test_a_path_that_stays_is_a_prediction(seed):
    rows = spells(seed)
    fit = bip.cox("x + z", rows)
    end = fit.followed_to
    new = pd.DataFrame(
        {"x": [1, 1, 1], "z": 0.4, "start": [0, end / 3, end / 2], "stop": [end / 3, end / 2, end]}
    )
    along = fit.survival_along(new.sample(frac=1, random_state=seed)).table.set_index("time")
    constant = fit.survival_curve(new.head(1)).table.set_index("time")
    predicted = fit.predict(new.head(1), kind="survival").iloc[0]
    assert_allclose(along["estimate"], predicted.loc[along.index], rtol=1e-10)
    assert_allclose(along, constant, rtol=1e-9)


def test_several_curves_have_labels_and_draw():
    fit, _ = fitted("heart")
    both = fit.survival_curve(pd.concat([ZERO, SOMEONE], keys=["zero", "someone"]).droplevel(1), level=0.9)
    assert both.table["row"].unique().tolist() == ["zero", "someone"]
    assert len(both.plot().lines) == 2 and both.plot_data()["time"].min() == 0
    assert "90%" in str(both) and "<table>" in both._repr_html_()
    one = fit.survival_along(PATH.iloc[1:])
    assert one.plot_data().iloc[0][["time", "estimate"]].tolist() == [30.0, 1.0]
    assert one.plot().get_ylabel() == "Survival, 95% CI"


def test_beyond_4096_event_times_the_data_are_needed():
    rng = np.random.default_rng(0)
    x = rng.integers(0, 2, 5000)
    rows = pd.DataFrame({"x": x, "event": 1, "stop": rng.exponential(np.exp(-x / 2))})
    fit = bip.cox("x", rows, start=None)
    new = pd.DataFrame({"x": [0], "start": 0.0, "stop": 1.0})
    path = new.assign(start=0.0, stop=float(rows["stop"].median()))
    path_fit = bip.cox("x", rows.assign(start=0.0), start="start")
    for ask in (fit.survival_curve, lambda n, **k: fit.predict(n, kind="survival", **k)):
        with pytest.raises(bip.ModelError, match="give the fitted data: data="):
            ask(new)
    table = fit.survival_curve(new, data=rows).table.set_index("time")
    assert_allclose(fit.baseline_hazard(data=rows)["survival"], table["estimate"], rtol=1e-10)
    predicted = fit.predict(new, kind="survival", times=[1.0], data=rows).iloc[0, 0]
    assert_allclose(predicted, table["estimate"][table.index <= 1].iloc[-1], rtol=1e-10)
    along = path_fit.survival_along(path, data=rows.assign(start=0.0)).table
    assert_allclose(along["estimate"].iloc[-1], table["estimate"].loc[along["time"].iloc[-1]], rtol=1e-10)
    with pytest.raises(bip.ModelError, match="belong to kind='survival'"):
        fit.predict(new, data=rows)


BAD_PATHS = {
    "gap": (lambda p: p.assign(start=[0, 40, 200]), "do not join: a gap between 30 and 40"),
    "overlap": (
        lambda p: p.assign(start=[0, 20, 190]),
        "an overlap between 20 and 30, an overlap between 190",
    ),
    "empty piece": (lambda p: p.assign(stop=[30, 30, 900]), "end no later than they start"),
    "too long": (lambda p: p.assign(stop=[30, 200, 9000]), "nobody was followed beyond 1800"),
    "no start": (lambda p: p.drop(columns="start"), "no column 'start'"),
    "missing": (lambda p: p.assign(age=[5, np.nan, 6]), "missing values"),
    "missing time": (lambda p: p.assign(stop=[30, np.nan, 900]), "missing values: stop"),
    "no event time": (lambda p: p.head(1).assign(start=28.5, stop=28.6), "survival stays at one"),
}


@pytest.mark.parametrize("name", BAD_PATHS)
def test_bad_paths_are_named(name):
    spoil, message = BAD_PATHS[name]
    with pytest.raises(bip.ModelError, match=message):
        fitted("heart")[0].survival_along(spoil(PATH))


def test_bad_requests_are_named():
    fit, data = fitted("heart")
    with pytest.raises(bip.ModelError, match="31 curves are too many"):
        fit.survival_curve(pd.concat([ZERO] * 31))
    with pytest.raises(bip.OptionError, match="level=95"):
        fit.survival_curve(ZERO, level=95)
    with pytest.raises(bip.OptionError, match="at='mean' is not an option"):
        fit.baseline_hazard("mean")
    with pytest.raises(bip.ModelError, match="levels that the fit has not seen"):
        _stratified().survival_curve(GIRL.assign(sex="other"))
    far = bip.cox("year", data.assign(year=data["year"] * 1e4 + 1e9))
    with pytest.raises(bip.ModelError, match="zero lie too far from the data"):
        far.baseline_hazard()
    assert np.isfinite(far.baseline_hazard("means")["cumulative_hazard"]).all()


def test_survival_is_predicted_up_to_the_end_of_follow_up_and_at_no_missing_time():
    rows = pd.DataFrame(
        {"stop": [4, 3, 1, 1, 2, 2, 3], "event": [1, 1, 1, 0, 1, 1, 0], "x": [0, 2, 1, 1, 1, 0, 0]}
    )
    fit = bip.cox("x", rows, start=None)
    assert fit.predict(rows, "survival", [0, 4]).iloc[:, 0].tolist() == [1.0] * 7
    with pytest.raises(bip.ModelError, match="beyond 4, the end of follow-up"):
        fit.predict(rows, "survival", [4, 5])
    with pytest.raises(bip.ModelError, match="1 of the 2 times are missing"):
        fit.predict(rows, "survival", [1, np.nan])
