"""Cox against R's coxph, a hand computation, finite differences and its own invariances."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose
from references import frame, r_numbers

import bipstats as bip
from bipstats.models.kernels.cox import (
    cox_problem,
    evaluate,
    log_likelihood,
    risk_sets,
    risk_sums,
    score_sums,
)

HEART = dict(formula="age + year + surgery + transplant", data="heart")
CGD = dict(
    formula="treat + sex + age + height + weight + inherit",
    data="cgd",
    start="tstart",
    stop="tstop",
    event="status",
)
VETERAN = dict(data="veteran", start=None, stop="time", event="status")
CASES = {
    "heart efron": HEART,
    "heart breslow": HEART | dict(ties="breslow"),
    "heart robust": HEART | dict(id="id", vcov="robust"),
    "cgd efron": CGD,
    "cgd cluster center": CGD | dict(vcov=bip.cluster("center")),
    "cgd weights cluster id": CGD | dict(weights="wt", vcov=bip.cluster("id")),
    "cgd strata": CGD | dict(formula="treat + age + height + weight + inherit", strata="sex"),
    "cgd strata cluster id": CGD
    | dict(formula="treat + age + height + weight + inherit", strata="sex", vcov=bip.cluster("id")),
    "cgd offset": CGD | dict(formula="treat + sex + height + weight + inherit", offset="age_20"),
    "veteran ties": VETERAN | dict(formula="trt + celltype + karno + age"),
    "veteran ties weights": VETERAN | dict(formula="trt + karno + age", weights="w"),
}


def fit_case(case: dict) -> bip.cox:
    arguments = dict(case)
    data = frame(arguments.pop("data"))
    if "age" in data:
        data["age_20"] = data["age"] / 20
    if "inherit" in data:
        data["sex"] = pd.Categorical(data["sex"], ["male", "female"])
        data["inherit"] = pd.Categorical(data["inherit"], ["X-linked", "autosomal"])
    if "celltype" in data:  # R's factor levels, in its order
        data["celltype"] = pd.Categorical(data["celltype"], ["squamous", "smallcell", "adeno", "large"])
    return bip.cox(arguments.pop("formula"), data, **arguments)


@pytest.mark.parametrize("name", CASES)
def test_estimates_and_errors_agree_with_r(name):
    expected, fit = r_numbers("cox")[name], fit_case(CASES[name])
    assert_allclose(fit.params, expected["coef"], rtol=1e-8, atol=1e-10)
    assert_allclose(fit.bse, expected["std_error"], rtol=1e-8)
    assert_allclose(fit.loglik, expected["loglik"], rtol=1e-12)


@pytest.mark.parametrize(
    "name", ["heart efron", "heart breslow", "cgd efron", "cgd weights cluster id", "veteran ties"]
)
def test_baseline_hazard_agrees_with_r(name):
    expected, fit = r_numbers("cox")[name], fit_case(CASES[name])
    ours = np.interp(  # R lists censoring times too; the hazard is a step function
        np.searchsorted(fit.baseline.times, expected["time"], side="right"),
        np.arange(len(fit.baseline.times) + 1),
        np.concatenate([[0.0], np.cumsum(fit.baseline.increment)]),
    )
    ours *= np.exp(-fit.baseline.centre @ fit.params)  # R's is at covariates zero
    assert_allclose(ours, expected["hazard"], rtol=1e-7)


def test_seven_rows_by_hand():
    """Deaths at 1 (x=1), 2 (x=1 and 0, tied), 3 (x=2), 4 (x=0); Breslow log-likelihood written out."""
    rows = pd.DataFrame(
        {"stop": [4, 3, 1, 1, 2, 2, 3], "event": [1, 1, 1, 0, 1, 1, 0], "x": [0, 2, 1, 1, 1, 0, 0]}
    )
    fit = bip.cox("x", rows, start=None, ties="breslow")
    r = np.exp(fit.params["x"])
    denominators = [3 + 3 * r + r**2, 3 + r + r**2, 3 + r + r**2, 2 + r**2, 1]
    by_hand = np.log(r * r * r**2 / np.prod(denominators))
    assert_allclose(fit.loglik, by_hand, rtol=1e-12)
    assert fit.n_events == 5 and fit.nobs == 7


def test_two_rows_closed_form():
    """One death in each of two pairs with x = 0 and 1, once each way and once more: b = log(2)."""
    rows = pd.DataFrame(
        {
            "stop": [1, 2] * 3,
            "event": [1, 0] * 3,
            "x": [1, 0, 1, 0, 0, 1],
            "pair": [1, 1, 2, 2, 3, 3],
        }
    )
    fit = bip.cox("x", rows, start=None, strata="pair")
    assert_allclose(fit.params["x"], np.log(2), rtol=1e-12)
    assert_allclose(fit.bse["x"], np.sqrt(1 / 2 + 1), rtol=1e-10)


def _problem(seed: int, *, efron: bool, n: int = 60):
    draw = np.random.default_rng(seed)
    start = draw.integers(0, 6, n).astype(float)
    stop = start + draw.integers(1, 6, n)
    event = draw.random(n) < 0.5
    stratum = draw.integers(0, 2, n)
    sets = risk_sets(start, stop, event, stratum)
    used = sets.last > sets.first
    sets = sets.take(np.flatnonzero(used))
    x, weight, offset = (
        draw.normal(size=(used.sum(), 3)),
        0.5 + draw.random(used.sum()),
        draw.normal(size=used.sum()),
    )
    return cox_problem(x, sets, event[used], weight, offset, efron=efron)


@pytest.mark.parametrize("efron", [True, False])
def test_derivatives_agree_with_finite_differences(efron):
    problem, beta, step = _problem(1, efron=efron), np.array([0.3, -0.2, 0.5]), 1e-5
    at = evaluate(beta, problem)
    shifts = step * np.eye(3)
    gradient = [
        (log_likelihood(beta + s, problem) - log_likelihood(beta - s, problem)) / (2 * step) for s in shifts
    ]
    curvature = [
        (evaluate(beta - s, problem).gradient - evaluate(beta + s, problem).gradient) / (2 * step)
        for s in shifts
    ]
    assert_allclose(at.loglik, log_likelihood(beta, problem), rtol=1e-13)
    assert_allclose(at.gradient, gradient, rtol=1e-7)
    assert_allclose(at.information, curvature, rtol=1e-7)


@pytest.mark.parametrize("efron", [True, False])
def test_scores_of_any_groups_sum_to_the_gradient(efron):
    problem, beta = _problem(2, efron=efron), np.array([0.1, 0.4, -0.3])
    sums, n = risk_sums(beta, problem), len(problem.x)
    by_row = score_sums(sums, problem, np.arange(n))
    assert_allclose(by_row.sum(axis=0), evaluate(beta, problem).gradient, atol=1e-10)
    group = np.arange(n) % 7
    expected = [by_row[group == g].sum(axis=0) for g in range(7)]
    assert_allclose(score_sums(sums, problem, group), expected, atol=1e-10)


@st.composite
def spell_frames(draw):
    """Clients with one to four touching rows, whole weeks, one covariate that may repeat."""
    seed = draw(st.integers(0, 2**32 - 1))
    rng = np.random.default_rng(seed)
    pieces = []
    for client in range(draw(st.integers(25, 40))):
        cuts = np.cumsum(rng.integers(1, 8, rng.integers(2, 6)))
        x = rng.integers(0, 3, len(cuts) - 1)
        event = np.r_[np.zeros(len(cuts) - 2, int), rng.integers(0, 2)]
        pieces.append(
            pd.DataFrame({"client": client, "start": cuts[:-1], "stop": cuts[1:], "event": event, "x": x})
        )
    rows = pd.concat(pieces, ignore_index=True)
    rows["z"] = rng.normal(size=len(rows))
    rows.loc[rows.index[::5], "z"] = 0.5
    return rows


def _same(first, second):
    assert_allclose(first.params, second.params, rtol=1e-7, atol=1e-9)
    assert_allclose(first.bse, second.bse, rtol=1e-7)


@given(spell_frames(), st.integers(0, 1000))
@settings(max_examples=25, deadline=None)
def test_row_order_shifts_names_and_splits_do_not_matter(rows, seed):
    fit = bip.cox("x + z", rows, vcov=bip.cluster("client"))
    shuffled = rows.sample(frac=1, random_state=seed)
    _same(fit, bip.cox("x + z", shuffled, vcov=bip.cluster("client")))
    shifted = rows.assign(
        start=rows["start"] + 17, stop=rows["stop"] + 17, client="c" + rows["client"].astype(str)
    )
    _same(fit, bip.cox("x + z", shifted, vcov=bip.cluster("client")))
    middle = (rows["start"] + rows["stop"]) / 2
    halves = pd.concat([rows.assign(stop=middle, event=0), rows.assign(start=middle)], ignore_index=True)
    split = bip.cox("x + z", halves, vcov=bip.cluster("client"))
    _same(fit, split)
    assert ("merged into the row before", -1) not in split.fit.flow and split.nobs == 2 * len(rows)
    unmerged = rows.assign(row=np.arange(len(rows)))
    _same(bip.cox("x + z", rows), bip.cox("x + z", unmerged, id="row"))


@given(spell_frames())
@settings(max_examples=15, deadline=None)
def test_weights(rows):
    """Breslow: weight 2 is two copies. Efron: doubling every weight keeps the estimates, halves the variance."""
    rows = rows.assign(w=np.where(rows["client"] % 2, 2.0, 1.0), two=2.0)
    copies = pd.concat([rows, rows[rows["w"] == 2].assign(client=lambda r: r["client"] + 1000)])
    weighted = bip.cox("x + z", rows, weights="w", ties="breslow")
    _same(weighted, bip.cox("x + z", copies, ties="breslow"))
    plain, doubled = bip.cox("x + z", rows), bip.cox("x + z", rows, weights="two")
    assert_allclose(doubled.params, plain.params, rtol=1e-7, atol=1e-9)
    assert_allclose(doubled.bse**2, plain.bse**2 / 2, rtol=1e-7)


def test_scaling_a_covariate_by_a_hundred_million():
    data = frame("heart")
    plain = bip.cox("age + transplant", data)
    scaled = bip.cox(
        "age + transplant", data.assign(age=data["age"] * 1e8, transplant=data["transplant"] * 1e-12)
    )
    assert_allclose(scaled.params * [1e8, 1e-12], plain.params, rtol=1e-9)
    assert_allclose(scaled.bse * [1e8, 1e-12], plain.bse, rtol=1e-9)


def test_event_by_level_of_a_column():
    data = frame("heart").assign(exit=lambda d: np.where(d["event"] == 1, "job", "censored"))
    _same(bip.cox("age", data, event="exit == job"), bip.cox("age", data))


def test_survival_prediction_is_exp_of_minus_the_cumulative_hazard():
    fit = fit_case(HEART)
    new = pd.DataFrame({"age": [0.0, 3.0], "year": [0.0, 2.0], "surgery": 0, "transplant": [0, 1]})
    relative = np.exp((new.to_numpy() - fit.baseline.centre) @ fit.params)
    expected = np.exp(-np.outer(relative, np.cumsum(fit.baseline.increment)))
    assert_allclose(fit.predict(new, "survival"), expected, rtol=1e-12)
    assert_allclose(fit.predict(new), np.exp(new.to_numpy() @ fit.params), rtol=1e-12)


def test_with_vcov_equals_asking_at_once_and_refuses_other_data():
    data = frame("cgd")
    arguments = dict(start="tstart", stop="tstop", event="status")
    fit = bip.cox("treat + age", data, **arguments)
    again = fit.with_vcov(bip.cluster("center"), data)
    _same(again, bip.cox("treat + age", data, vcov=bip.cluster("center"), **arguments))
    assert again.n_clusters == data["center"].nunique() and fit.n_clusters is None
    with pytest.raises(bip.ModelError, match="not the data of the fit"):
        fit.with_vcov("robust", data.iloc[:-5])


BAD = {
    "no event": (lambda d: d.assign(event=0), "no events"),
    "event not 0/1": (lambda d: d.assign(event=d["event"] * 2), "must hold 0 and 1"),
    "start after stop": (lambda d: d.assign(start=d["stop"]), "end no later than they start"),
    "missing": (lambda d: d.assign(age=d["age"].where(d["id"] > 3)), "rows have missing values: age"),
    "infinite": (lambda d: d.assign(age=np.where(d["id"] == 3, np.inf, d["age"])), "infinite values"),
    "constant": (lambda d: d.assign(age=4.0), "no variation in age"),
    "collinear": (lambda d: d.assign(age=2 * d["surgery"] + 1), "collinear columns"),
    "separated": (
        lambda d: d.assign(surgery=(1 - d["event"]) * (d["id"] % 2)),
        "surgery = 1 has no events in",
    ),
    "empty": (lambda d: d.iloc[:0], "data has no rows"),
    "no column": (lambda d: d.drop(columns="age"), "no column 'age'"),
    "twice": (lambda d: pd.concat([d, d[["age"]]], axis=1), "columns of the same name: age"),
    "overlap": (lambda d: d.assign(client=1), "rows overlap an earlier row of the same 'client'"),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_data_is_named(name):
    spoil, message = BAD[name]
    with pytest.raises(bip.ModelError, match=message):
        bip.cox("age + surgery", spoil(frame("heart")))


def test_bad_arguments_are_named():
    data = frame("heart")
    with pytest.raises(
        bip.OptionError, match=r"ties='exact' is not an option; choose one of 'efron', 'breslow'"
    ):
        bip.cox("age", data, ties="exact")
    with pytest.raises(bip.ModelError, match="right-hand side only"):
        bip.cox("event ~ age", data)
    with pytest.raises(TypeError, match="robust"):
        bip.cox("age", data, robust=True)
    with pytest.raises(bip.ModelError, match="did you mean 'surgery'"):
        bip.cox("surgry", data)


def test_one_event_cannot_tell_four_terms_apart():
    data = frame("heart").assign(
        event=lambda d: (np.arange(len(d)) == d["event"].to_numpy().argmax()).astype(int)
    )
    with pytest.raises(bip.ModelError):
        bip.cox("age + year + transplant", data)


def test_monotone_likelihood_in_a_continuous_covariate_is_refused():
    rows = pd.DataFrame({"stop": np.arange(1, 21), "event": 1, "x": -np.arange(20.0)})
    with pytest.raises(bip.ModelError, match=r"x is highest of all rows at risk .* at each of the 20 events"):
        bip.cox("x", rows, start=None)


def test_missing_values_dropped_are_counted():
    data = frame("heart")
    data.loc[:4, "age"] = np.nan
    fit = bip.cox("age", data, missing="drop")
    assert ("with missing values", 5) in fit.fit.flow
    assert "with missing values 5" in str(fit)


def test_lifelines_agrees():
    """A second opinion on start-stop data; lifelines stops at a gradient of 1e-7 or so."""
    from lifelines import CoxTimeVaryingFitter, KaplanMeierFitter

    rows = frame("heart")[["id", "start", "stop", "event", "age", "surgery", "transplant"]]
    other = CoxTimeVaryingFitter().fit(
        rows, id_col="id", event_col="event", start_col="start", stop_col="stop"
    )
    fit = bip.cox("age + surgery + transplant", rows, id="id")
    assert_allclose(fit.params, other.params_[fit.params.index], rtol=1e-5)
    assert_allclose(fit.bse, other.standard_errors_[fit.bse.index], rtol=1e-5)
    veteran = frame("veteran")
    curve = bip.survival_curve(veteran, start=None, stop="time", event="status").table
    km = KaplanMeierFitter().fit(veteran["time"], veteran["status"])
    assert_allclose(curve["estimate"], km.survival_function_["KM_estimate"].iloc[1:], rtol=1e-10)
