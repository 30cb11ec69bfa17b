"""Fine-Gray against R's finegray with coxph and crr, expanded rows, Aalen-Johansen and its own invariances."""

import json
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose
from references import FOLDER, frame

import bipstats as bip
from bipstats.models.fine_gray_rows import prepare
from bipstats.models.kernels.cox import baseline_hazard
from bipstats.models.kernels.fine_gray import (
    evaluate,
    fine_gray_problem,
    risk_sums,
    score_sums,
    weight_sums,
)

R = json.loads((FOLDER / "fine_gray.json").read_text())
NEW = pd.DataFrame({"sex": ["F", "M"], "age": [60, 75], "hgb": [14, 12]})
FINEGRAY = {
    "finegray efron": {},
    "finegray breslow": dict(ties="breslow"),
    "finegray deaths efron": dict(event="exit == death"),
    "finegray deaths breslow": dict(event="exit == death", ties="breslow"),
    "finegray late efron": dict(start="start"),
    "finegray late breslow": dict(start="start", ties="breslow"),
    "finegray copies breslow": dict(weights="w", ties="breslow"),
    "finegray late copies breslow": dict(start="start", weights="w", ties="breslow"),
}
CRR = {
    "crr": {},
    "crr deaths": dict(event="exit == death"),
    "crr untied": dict(stop="untied"),
}


def fit_case(arguments, data=None):
    data = frame("fine_gray") if data is None else data
    return bip.fine_gray(
        "sex + age + hgb", data, id="id", **{"start": None, "event": "exit == pcm"} | arguments
    )


def check_estimates(fit, r):
    assert_allclose(fit.params, r["coef"], rtol=1e-8)
    assert_allclose(fit.loglik, r["loglik"], rtol=1e-12)
    incidence = fit.predict(NEW)
    assert_allclose(incidence.columns, r["time"])
    assert_allclose(incidence.to_numpy(), [r["first"], r["second"]], rtol=1e-8)


@pytest.mark.parametrize("name", FINEGRAY)
def test_estimates_agree_with_finegray_and_coxph(name):
    fit = fit_case(FINEGRAY[name])
    check_estimates(fit, R[name])
    # Errors with the weights taken as known, which is what coxph can see.
    rows = prepare(fit.specification, frame("fine_gray"), "robust", fit.design)
    working = fit.estimates.values * rows.scale
    sums = risk_sums(working, rows.problem)
    bread = np.linalg.inv(evaluate(working, rows.problem).information)
    score = score_sums(sums, rows.problem, np.arange(len(rows.data))) @ bread
    assert_allclose(np.sqrt((score**2).sum(axis=0)) / rows.scale, R[name]["known_error"], rtol=1e-8)
    assert_allclose(np.sqrt(np.diag(bread)) / rows.scale, R[name]["model_error"], rtol=1e-8)


@pytest.mark.parametrize("name", CRR)
def test_estimates_and_errors_agree_with_crr(name):
    fit = fit_case(CRR[name] | dict(ties="breslow"))
    check_estimates(fit, R[name])
    assert_allclose(fit.bse, R[name]["error"], rtol=1e-8)


def test_five_rows_by_hand():
    """G(t-) is 1 until 2 and 2/3 after; who left at 1 counts 1 at time 2 and 2/3 at time 4.

    Rows (weeks, exit, x): (1, pension, 1), (2, job, 0), (2, censored, 1), (4, job, 1), (5, censored, 0).
    Censored at 2 is one of three, for the job at 2 comes first.
    """
    rows = pd.DataFrame(
        {
            "weeks": [1, 2, 2, 4, 5],
            "exit": ["pension", "job", "censored", "job", "censored"],
            "x": [1, 0, 1, 1, 0],
        }
    )
    fit = bip.fine_gray("x", rows, start=None, stop="weeks")
    r = np.exp(fit.params["x"])
    # risk at 2: 1 + r (pension) + 1 + r + r of the four still there; at 4: 2/3 r + r + 1
    by_hand = np.log(1 / (2 + 3 * r)) + np.log(r / (1 + 5 / 3 * r))
    assert_allclose(fit.loglik, by_hand, rtol=1e-12)
    assert_allclose(
        fit.params["x"], np.log(np.sqrt(2 / 5)), rtol=1e-10
    )  # 2 + 3r = r (5 + 5r): root of 5 r^2 = 2
    hazard = np.cumsum([1 / (2 + 3 * r), 1 / (1 + 5 / 3 * r)])
    assert_allclose(fit.predict(pd.DataFrame({"x": [0]}), times=[2, 4.5]), [1 - np.exp(-hazard)])


def _data(seed, n=60):
    draw = np.random.default_rng(seed)
    start = np.where(draw.random(n) < 0.5, 0, draw.integers(0, 6, n))
    return pd.DataFrame(
        {
            "client": np.arange(n),
            "start": start,
            "stop": start + draw.integers(1, 9, n),
            "exit": draw.choice(["censored", "job", "pension"], n, p=[0.3, 0.4, 0.3]),
            "x": draw.normal(size=n),
            "z": draw.integers(0, 3, n),
            "w": draw.integers(1, 4, n),
        }
    )


def _expanded(data):
    """A row for every later event time of those who left, weighted by products over single times."""

    def seen(t):
        before = [c for c in data.loc[data["exit"] == "censored", "stop"].unique() if c < t]
        later = [e for e in data["start"].unique() if e >= t]
        value = 1.0
        for c in before:
            there = (data["start"] < c) & (
                (data["stop"] > c) | ((data["stop"] == c) & (data["exit"] == "censored"))
            )
            gone = (data["stop"] == c) & (data["exit"] == "censored")
            value *= 1 - data.loc[gone, "w"].sum() / data.loc[there, "w"].sum()
        for e in later:
            there = (data["start"] <= e) & (data["stop"] > e)
            value *= 1 - data.loc[data["start"] == e, "w"].sum() / data.loc[there, "w"].sum()
        return value

    times = np.unique(data.loc[data["exit"] == "job", "stop"])
    left = data[data["exit"] == "pension"]
    known = {t: seen(t) for t in {*times, *left["stop"]}}
    pieces = [data.assign(event=(data["exit"] == "job").astype(int), weight=data["w"].astype(float))]
    for t in times:
        own = left[left["stop"] < t]
        share = known[t] / own["stop"].map(known)
        pieces.append(own.assign(start=t - 0.5, stop=t, event=0, weight=own["w"] * share))
    return pd.concat(pieces, ignore_index=True).drop(columns="client")


@given(st.integers(0, 2**32 - 1), st.sampled_from(["efron", "breslow"]))
@settings(max_examples=10, deadline=None)
def test_expanded_rows_give_the_same(seed, ties):
    data = _data(seed, 40)
    data.loc[:5, "start"] = 0  # someone is always there, so that every weight exists
    data.loc[0, ["stop", "exit"]] = [20, "censored"]
    fit = bip.fine_gray("x + z", data, start="start", weights="w", ties=ties)
    other = bip.cox("x + z", _expanded(data), weights="weight", ties=ties)
    assert_allclose(fit.params, other.params, rtol=1e-9, atol=1e-10)
    assert_allclose(fit.loglik, other.loglik, rtol=1e-10)


def _problem(data, weight=None, *, efron=False):
    code = data["exit"].map({"censored": 0, "job": 1, "pension": 2}).to_numpy()
    times = data["start"].to_numpy(float), data["stop"].to_numpy(float)
    weight = np.ones(len(data)) if weight is None else weight
    return fine_gray_problem(data[["x", "z"]].to_numpy(float), *times, code, weight, efron=efron)


@pytest.mark.parametrize("seed", [1, 2])
def test_without_covariates_the_product_limit_is_aalen_johansens(seed):
    """Geskus (2011): weighting for censoring and entry gives Aalen and Johansen's estimate."""
    data = _data(seed)
    problem = _problem(data)
    hazard = baseline_hazard(risk_sums(np.zeros(2), problem).at_events, problem.cox).increment
    curve = bip.cumulative_incidence(data, start="start", stop="stop", exit="exit").table
    job = curve[curve["exit"] == "job"].set_index("time")["estimate"]
    assert_allclose(1 - np.cumprod(1 - hazard), job[problem.cox.sets.times], rtol=1e-12)


@pytest.mark.parametrize("efron", [True, False])
def test_derivatives_agree_with_finite_differences(efron):
    problem, beta, step = _problem(_data(3), efron=efron), np.array([0.3, -0.2]), 1e-5
    at, shifts = evaluate(beta, problem), step * np.eye(2)
    pairs = [(evaluate(beta + s, problem), evaluate(beta - s, problem)) for s in shifts]
    assert_allclose(at.gradient, [(a.loglik - b.loglik) / (2 * step) for a, b in pairs], rtol=1e-7)
    assert_allclose(at.information, [(b.gradient - a.gradient) / (2 * step) for a, b in pairs], rtol=1e-7)


def test_influence_is_the_derivative_of_the_estimate_in_the_weights_of_rows():
    """Up to Fine & Gray's 1/n for a Kaplan-Meier factor's own 1/(n - d), which is put in here."""
    data = _data(4)
    problem, beta = _problem(data), np.array([0.2, 0.1])

    def exact(observation):
        left = np.where(observation.hazard < 1, observation.at_risk * (1 - observation.hazard), np.inf)
        return replace(observation, at_risk=left)

    sharp = replace(problem, censored=exact(problem.censored), entered=exact(problem.entered))
    rows, step = np.arange(len(data)), 1e-6
    ours = score_sums(risk_sums(beta, problem), problem, rows) + weight_sums(
        risk_sums(beta, sharp), sharp, rows
    )
    for i in range(0, len(data), 5):
        tilt = step * (rows == i)
        up, down = (evaluate(beta, _problem(data, 1 + s * tilt)).gradient for s in (1, -1))
        assert_allclose(ours[i], (up - down) / (2 * step), rtol=1e-6, atol=1e-7)
    groups = rows % 7
    by_group = weight_sums(risk_sums(beta, problem), problem, groups)
    by_row = weight_sums(risk_sums(beta, problem), problem, rows)
    assert_allclose(by_group, [by_row[groups == g].sum(axis=0) for g in range(7)], atol=1e-12)
    assert_allclose(by_row.sum(axis=0), 0, atol=1e-12)  # the martingales sum to zero at each time


def _same(first, second):
    assert_allclose(first.params, second.params, rtol=1e-8, atol=1e-10)
    assert_allclose(first.bse, second.bse, rtol=1e-8)


@pytest.mark.parametrize("ties", ["efron", "breslow"])
def test_without_competing_exits_it_is_cox(ties):
    data = _data(5).assign(exit=lambda d: d["exit"].replace("pension", "censored"))
    fit = bip.fine_gray("x + z", data, start="start", ties=ties)
    _same(fit, bip.cox("x + z", data, event="exit == job", vcov="robust", ties=ties))


@given(st.integers(0, 2**32 - 1))
@settings(max_examples=10, deadline=None)
def test_order_names_splits_and_copies_do_not_matter(seed):
    data = _data(seed, 80)
    data.loc[:5, "start"] = 0
    data.loc[0, ["stop", "exit"]] = [20, "censored"]
    arguments = dict(start="start", ties="breslow")
    fit = bip.fine_gray("x + z", data, weights="w", **arguments)
    middle = (data["start"] + data["stop"]) / 2
    halves = pd.concat([data.assign(stop=middle, exit="censored"), data.assign(start=middle)])
    renamed = halves.assign(client="c" + halves["client"].astype(str)).sample(
        frac=1, random_state=seed % 1000
    )
    split = bip.fine_gray("x + z", renamed, weights="w", **arguments)
    _same(fit, split)
    assert split.fit.n_units == 80 and ("joined to one row per id", 80) in split.fit.flow
    copies = data.loc[data.index.repeat(data["w"])].assign(
        client=lambda d: np.arange(len(d)), first=lambda d: d.index
    )
    copied = bip.fine_gray("x + z", copies, vcov=bip.cluster("first"), **arguments)
    _same(fit, copied)
    times_seven = data.assign(w=data["w"] * 7.3)
    _same(fit, bip.fine_gray("x + z", times_seven, weights="w", **arguments))


def test_with_vcov_clusters_the_influence():
    data = frame("fine_gray")
    fit = fit_case({})
    clustered = fit.with_vcov(bip.cluster("centre"), data)
    _same(clustered, fit_case(dict(vcov=bip.cluster("centre"))))
    assert clustered.n_clusters == 25 and "estimation of the weights included" in str(clustered)
    _same(fit, fit.with_vcov(bip.cluster("id"), data))
    with pytest.raises(bip.ModelError, match="not the data of the fit"):
        fit.with_vcov("robust", data.iloc[:-9])


def test_summary_counts_ends_and_late_entries():
    fit = fit_case(dict(start="start"))
    text = str(fit)
    assert "51 pcm, 410 death, 135 censored" in text and "137 enter late" in text
    assert "Geskus" in fit.methods_text() and "Geskus" not in fit_case({}).methods_text()
    assert "subdistribution hazard ratio" in text and fit.n_events == 51
    assert "0.9635" in fit._repr_html_()


def test_predictions():
    fit = fit_case({})
    relative = fit.predict(NEW, "relative_risk")
    assert_allclose(relative, np.exp(fit.design.matrix(NEW) @ fit.params))
    assert (fit.predict(NEW, times=0) == 0).all(axis=None)
    with pytest.raises(bip.ModelError, match="end of follow-up"):
        fit.predict(NEW, times=1e4)
    with pytest.raises(bip.ModelError, match="belongs to kind='incidence'"):
        fit.predict(NEW, "relative_risk", times=3)


def test_persons_with_a_missing_value_go_whole():
    data = frame("fine_gray").assign(start=0)
    half = np.ceil(data["stop"] / 2)
    long = data["stop"] > 1
    rows = pd.concat(
        [data.assign(stop=half, exit="censored")[long], data.assign(start=np.where(long, half, 0))]
    )
    rows = rows.reset_index(drop=True)
    rows.loc[0, "hgb"] = np.nan  # one of two rows
    fit = bip.fine_gray("hgb", rows, **LATE, missing="drop")
    _same(fit, bip.fine_gray("hgb", data[data["id"] != rows["id"][0]], start=None, event="exit == pcm"))
    assert ("with missing values", 2) in fit.fit.flow


def test_nobody_censored():
    data = _data(6).assign(exit=lambda d: d["exit"].replace("censored", "pension"))
    fit = bip.fine_gray("x", data, start=None, censored=None)
    never = data["stop"].where(
        data["exit"] == "job", 1e6
    )  # then those who left are simply never seen to enter
    event = (data["exit"] == "job").astype(int)
    _same(fit, bip.cox("x", data.assign(stop=never, event=event), start=None, vcov="robust"))


def _two(d, **change):
    """Every person's time in two rows, the second changed."""
    d = d[d["stop"] > 1]
    return pd.concat([d.assign(start=0, stop=1, exit="censored"), d.assign(start=1).assign(**change)])


LATE = dict(start="start", event="exit == pcm", id="id")
BAD = {
    "changing": (
        lambda d: bip.fine_gray("age", _two(d, age=lambda r: r["age"] + 1), **LATE),
        r"column 'age' changes within 581 of 581 'id'",
    ),
    "changing weight": (
        lambda d: bip.fine_gray("age", _two(d, w=9.5), **LATE, weights="w"),
        "column 'w' changes",
    ),
    "gap": (
        lambda d: bip.fine_gray("age", _two(d.query("stop > 2"), start=1.5), **LATE),
        "have a gap in time",
    ),
    "goes on": (
        lambda d: bip.fine_gray(
            "age", _two(d).assign(exit=lambda r: r["exit"].replace("censored", "pcm")), start="start",
            event="exit == pcm", id="id", censored=None,
        ),
        "go on after an exit",
    ),
    "overlap": (
        lambda d: bip.fine_gray("age", _two(d), start=None, event="exit == pcm", id="id"),
        "overlap an earlier row",
    ),
    "0/1": (lambda d: bip.fine_gray("age", d.assign(event=1), start=None, event="event"), "all ways out"),
    "no such censoring": (
        lambda d: bip.fine_gray("age", d, start=None, event="exit == pcm", censored="lost"),
        "censored='lost'.*has no level 'lost'",
    ),
    "event is censoring": (
        lambda d: bip.fine_gray("age", d, start=None, event="exit == pcm", censored="pcm"),
        "are the same level",
    ),
    "model errors": (
        lambda d: bip.fine_gray("age", d, start=None, event="exit == pcm", vcov="model"),
        "is no variance here",
    ),
    "all alone": (
        lambda d: bip.fine_gray(
            "age",
            pd.concat([d.head(9).assign(stop=2, exit="death"), d.tail(400).assign(start=5, stop=d["stop"] + 5)]),
            start="start", event="exit == pcm",
        ),
        "9 competing exits happen no later than 5",
    ),
    "no event": (lambda d: bip.fine_gray("age", d, start=None, event="exit == job"), "has no level 'job'"),
}  # fmt: skip


@pytest.mark.parametrize("name", BAD)
def test_bad_input_is_named(name):
    call, message = BAD[name]
    with pytest.raises(bip.BipstatsError, match=message):
        call(frame("fine_gray").assign(start=0))


def test_a_robust_variance_that_is_zero_but_for_rounding_is_not_laid_to_two_ways_of_clustering():
    data = pd.DataFrame(
        {
            "a": [1.0, 0, 0, 1, 0, 1, 0, 1, 0],
            "b": [0.0, 0, 0, 1, 0, 0, 0, 0, 0],
            "start": [3, 0, 0, 0, 0, 0, 2, 3, 0],
            "stop": [4, 1, 2, 1, 2, 1, 3, 4, 1],
            "exit": ["job", "job", "censored", "job", "job", "job", "job", "censored", "censored"],
        }
    )
    with pytest.warns(bip.ModelWarning) as caught:
        fit = bip.fine_gray("a + b", data)
    assert [str(one.message)[:47] for one in caught] == ["b: the variance is zero but for rounding: at th"]
    assert np.isnan(fit.bse["b"]) and fit.bse["a"] > 0
