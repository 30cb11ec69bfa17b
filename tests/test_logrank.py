"""Log-rank tests against R's survdiff, score tests of coxph, a hand computation, lifelines and invariances."""

import json

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose
from references import FOLDER, frame
from scipy import stats

import bipstats as bip
from bipstats.models.kernels.cox import cox_problem, evaluate, risk_sets

R = json.loads((FOLDER / "logrank.json").read_text())
VETERAN = dict(data="veteran", by="celltype", stop="time", event="status")
LUNG = dict(data="logrank", by="sex", stop="time", event="status", strata="ecog")
CASES = {
    "veteran trt": VETERAN | dict(by="trt"),
    "veteran celltype": VETERAN,
    "veteran celltype peto": VETERAN | dict(rho=1),
    "veteran celltype half": VETERAN | dict(rho=0.5),
    "veteran copies": VETERAN | dict(weights="w"),
    "lung strata": LUNG,
    "lung strata peto": LUNG | dict(rho=1),
    "lung two strata": LUNG | dict(by="ecog", strata=["sex", "inst"]),
}
HEART = dict(data="heart", by="transplant", start="start", stop="stop", event="event")
LATE = {
    "heart late": HEART,
    "heart late strata": HEART | dict(strata="surgery"),
    "cgd late": dict(data="cgd", by="group", start="tstart", stop="tstop", event="status"),
}


def run(case):
    arguments = dict(case)
    data = frame(arguments.pop("data"))
    if "inherit" in data:
        data["group"] = data["treat"] + data["inherit"]
    return bip.logrank(data, **arguments)


@pytest.mark.parametrize("name", CASES)
def test_agrees_with_survdiff(name):
    test, r = run(CASES[name]), R[name]
    for column in ("observed", "expected"):
        assert_allclose(test.table[column], r[column], rtol=1e-10)
    assert_allclose(test.variance, r["variance"], rtol=1e-9, atol=1e-12)
    assert_allclose(test.statistic, r["statistic"], rtol=1e-9)
    assert test.df == r["df"]
    assert_allclose(test.p_value, r["p_value"], rtol=1e-8)


@pytest.mark.parametrize("name", LATE)
def test_delayed_entry_agrees_with_the_score_test_of_the_exact_partial_likelihood(name):
    assert_allclose(run(LATE[name]).statistic, R[name], rtol=1e-9)


def test_five_rows_by_hand():
    """At 1: one of five leaves (a); at 3, tied: two of three, one of a's one, one of b's two."""
    rows = pd.DataFrame({"t": [1, 2, 3, 3, 4], "e": [1, 0, 1, 1, 0], "g": list("abaab")})
    rows.loc[3, "g"] = "b"
    test = bip.logrank(rows, by="g", stop="t", event="e")
    expected = 2 / 5 + 2 * 1 / 3  # a has two of five, then one of three
    variance = (2 / 5) * (3 / 5) + 2 * (1 / 2) * (1 / 3) * (2 / 3)
    assert_allclose(test.table["expected"], [expected, 3 - expected])
    assert test.table["observed"].tolist() == [2, 1] and test.table["n"].tolist() == [2, 3]
    assert_allclose(test.statistic, (2 - expected) ** 2 / variance)


def _rows(seed, n=70, ties=True):
    draw = np.random.default_rng(seed)
    start = draw.integers(0, 5, n).astype(float)
    stop = start + draw.integers(1, 9, n)
    return pd.DataFrame(
        {
            "start": start,
            "stop": stop if ties else stop + draw.random(n) / 2,
            "event": draw.integers(0, 2, n),
            "group": draw.choice(list("abc"), n),
            "site": draw.integers(0, 2, n),
            "w": draw.integers(1, 4, n),
        }
    )


def _score_test(rows):
    """Score test of a Breslow Cox model with an indicator of every group but the first."""
    event = rows["event"].to_numpy(bool)
    sets = risk_sets(rows["start"].to_numpy(), rows["stop"].to_numpy(), event, rows["site"].to_numpy())
    used = np.flatnonzero(sets.last > sets.first)
    x = np.column_stack([rows["group"] == g for g in "bc"]).astype(float)[used]
    at = evaluate(
        np.zeros(2),
        cox_problem(x, sets.take(used), event[used], np.ones(len(used)), np.zeros(len(used)), efron=False),
    )
    return at.gradient @ np.linalg.solve(at.information, at.gradient)


LATE_ROWS = dict(by="group", start="start", stop="stop", event="event", strata="site")


def test_without_ties_it_is_the_score_test_of_cox():
    rows = _rows(1, ties=False)
    assert_allclose(bip.logrank(rows, **LATE_ROWS).statistic, _score_test(rows), rtol=1e-10)


def test_breslows_score_test_is_the_smaller_one_at_ties():
    rows = _rows(1)
    assert 0.5 < _score_test(rows) / bip.logrank(rows, **LATE_ROWS).statistic < 1


@given(st.integers(0, 2**32 - 1), st.sampled_from([0, 0.5, 1]))
@settings(max_examples=15, deadline=None)
def test_order_names_splits_copies_and_the_reference_do_not_matter(seed, rho):
    rows = pd.concat([_rows(seed), _rows(7).assign(start=0.0)])  # someone is there from the start
    test = bip.logrank(rows, rho=rho, weights="w", **LATE_ROWS)
    middle = (rows["start"] + rows["stop"]) / 2
    halves = pd.concat([rows.assign(stop=middle, event=0), rows.assign(start=middle)])
    renamed = halves.assign(group=halves["group"].map({"a": "z", "b": "y", "c": "x"}))
    other = bip.logrank(renamed.sample(frac=1, random_state=seed % 1000), rho=rho, weights="w", **LATE_ROWS)
    assert_allclose(other.statistic, test.statistic, rtol=1e-8, atol=1e-12)
    assert_allclose(other.table["expected"][::-1], test.table["expected"], rtol=1e-10)
    copies = rows.iloc[np.repeat(np.arange(len(rows)), rows["w"])]
    assert_allclose(
        bip.logrank(copies, rho=rho, **LATE_ROWS).statistic, test.statistic, rtol=1e-10, atol=1e-12
    )


def test_lifelines_agrees():
    from lifelines.statistics import multivariate_logrank_test

    data = frame("veteran")
    other = multivariate_logrank_test(data["time"], data["celltype"], data["status"])
    assert_allclose(run(VETERAN).statistic, other.test_statistic, rtol=1e-8)
    assert_allclose(run(VETERAN).p_value, stats.chi2.sf(other.test_statistic, 3), rtol=1e-7)


def test_summary_and_plot():
    data = frame("logrank").assign(ecog=lambda d: d["ecog"].where(d.index > 4))
    with pytest.raises(bip.ModelError, match="5 of 226 rows have missing values: ecog"):
        bip.logrank(data, by="sex", stop="time", event="status", strata="ecog")
    test = bip.logrank(data, by="sex", stop="time", event="status", strata="ecog", rho=1, missing="drop")
    text = str(test)
    assert "with missing values 5" in text and "in 4 strata" in text and "survival to the power 1" in text
    assert f"chi2(1) = {test.statistic:.4g}, p < 0.001" in text and "Log-rank" in test._repr_html_()
    axes = test.plot()
    drawn = np.sort(np.concatenate([line.get_xdata() for line in axes.lines if line.get_marker() == "o"]))
    assert_allclose(drawn, np.sort(test.plot_data()["ratio"]))
    assert_allclose(test.table["ratio"], test.table["observed"] / test.table["expected"])


ROWS = dict(by="g", stop="t", event="e")
BAD = {
    "one group": (lambda d: bip.logrank(d.assign(g="a"), **ROWS), "one group only, 'a'"),
    "idle": (
        lambda d: bip.logrank(pd.concat([d, pd.DataFrame({"t": [0.5], "e": [0], "g": ["c"]})]), **ROWS),
        "c had nobody at risk at any event",
    ),
    "confounded": (lambda d: bip.logrank(d, strata="g", **ROWS), "never at risk together"),
    "fractions": (
        lambda d: bip.logrank(d.assign(w=1.5), weights="w", **ROWS),
        "6 weights are no whole numbers",
    ),
    "rho": (lambda d: bip.logrank(d, rho=-1, **ROWS), "rho=-1 is not a power"),
    "exhausted": (
        lambda d: bip.logrank(d.assign(s=np.minimum(d["t"] - 1, 1)), start="s", rho=1, **ROWS),
        "later events weigh nothing",
    ),
    "no event": (lambda d: bip.logrank(d.assign(e=0), **ROWS), "no events"),
    "no column": (lambda d: bip.logrank(d.drop(columns="g"), **ROWS), "no column 'g'"),
    "by list": (lambda d: bip.logrank(d, **ROWS | dict(by=["g"])), "by="),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_input_is_named(name):
    call, message = BAD[name]
    with pytest.raises(bip.BipstatsError, match=message):
        call(pd.DataFrame({"t": [1.0, 2, 3, 4, 5, 6], "e": [1, 1, 1, 0, 1, 1], "g": list("aababb")}))
