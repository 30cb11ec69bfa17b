"""Residuals and the test of proportional hazards against R's residuals.coxph and cox.zph, and their own laws."""

import pickle

import numpy as np
import pandas as pd
import pytest
from cox_cases import CASES, fitted, floats, made, r_numbers, spells
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose

import bipstats as bip

KINDS = ("martingale", "deviance", "score", "dfbeta", "schoenfeld", "scaled_schoenfeld")


@pytest.mark.parametrize("id", [None, "id"])
@pytest.mark.parametrize("name", CASES)
def test_residuals_agree_with_r_row_by_row(name, id):
    """Also where the fit merged rows: residuals are of the rows as given."""
    if name == "veteran" or (id and name != "heart"):
        id = None
    fit, data = fitted(name, id)
    expected = r_numbers("diagnostics")[name]["rows"]
    for kind in KINDS:
        found = fit.residuals(data, kind)
        wanted = floats(expected[kind]).reshape(found.shape)
        assert_allclose(found, wanted, rtol=1e-8, atol=1e-10, err_msg=kind)
    index = fit.residuals(data, "schoenfeld").index
    assert_allclose(index.get_level_values("time").astype(float), floats(expected["time"]))


@pytest.mark.parametrize("ties", ["efron", "breslow"])
def test_seven_rows_by_hand(ties):
    """Deaths at 1 (x=1), 2 (x=1 and 0, tied), 3 (x=2), 4 (x=0)."""
    rows = pd.DataFrame(
        {"stop": [4, 3, 1, 1, 2, 2, 3], "event": [1, 1, 1, 0, 1, 1, 0], "x": [0, 2, 1, 1, 1, 0, 0]}
    )
    fit = bip.cox("x", rows, start=None, ties=ties)
    r = np.exp(fit.params["x"])
    late = (1 if ties == "breslow" else 0.5) * (r + 1)  # what of the two tied deaths is left for the second
    hazard = [1 / (3 + 3 * r + r**2), 1 / (3 + r + r**2), 1 / (2 + r**2 + late), 1 / (2 + r**2), 1]
    tied = hazard[1] + (1 if ties == "breslow" else 0.5) * hazard[2]  # the dead count half at the second
    all_of_it = hazard[0] + hazard[1] + hazard[2]
    expected = [
        1 - (all_of_it + hazard[3] + hazard[4]),
        1 - r**2 * (all_of_it + hazard[3]),
        1 - r * hazard[0],
        -r * hazard[0],
        1 - r * (hazard[0] + tied),
        1 - (hazard[0] + tied),
        -(all_of_it + hazard[3]),
    ]
    assert_allclose(fit.residuals(rows), expected, rtol=1e-12)


@given(st.integers(0, 10_000), st.sampled_from(["efron", "breslow"]))
@settings(max_examples=15, deadline=None)
def test_weighted_residuals_sum_to_nothing_and_pieces_to_the_whole(seed, ties):
    rows = spells(seed)
    fit = bip.cox("x + z", rows, weights="w", strata="s", ties=ties)
    martingale, score = fit.residuals(rows), fit.residuals(rows, "score")
    assert_allclose((rows["w"] * martingale).groupby(rows["s"]).sum(), 0, atol=1e-9)
    assert_allclose(score.mul(rows["w"], axis=0).sum(), 0, atol=1e-8)
    assert_allclose(fit.residuals(rows, "dfbeta").sum(), 0, atol=1e-8)
    middle = (rows["start"] + rows["stop"]) / 2
    halves = pd.concat([rows.assign(stop=middle, event=0), rows.assign(start=middle)])
    again = bip.cox("x + z", halves, weights="w", strata="s", ties=ties)
    for kind, whole in (("martingale", martingale), ("score", score)):
        pieces = again.residuals(halves, kind)
        assert_allclose(pieces.groupby(level=0).sum().loc[rows.index], whole, atol=1e-7)


@given(st.integers(0, 10_000))
@settings(max_examples=10, deadline=None)
def test_row_order_does_not_matter(seed):
    rows = spells(seed)
    shuffled = rows.sample(frac=1, random_state=seed + 1)
    fit, other = bip.cox("x + z", rows), bip.cox("x + z", shuffled)
    for kind in KINDS[:4]:
        assert_allclose(other.residuals(shuffled, kind).loc[rows.index], fit.residuals(rows, kind), atol=1e-8)
    first, second = fit.ph_test(rows), other.ph_test(shuffled)
    assert_allclose(second.table["chi2"], first.table["chi2"], rtol=1e-6)
    columns = ["x", "time", "estimate", "events"]
    assert_allclose(second.curves[columns], first.curves[columns], rtol=1e-5, atol=1e-7)


def test_cluster_sums_of_dfbeta_make_the_robust_covariance():
    fit, data = fitted("heart", "id")
    by_id = fit.residuals(data, "dfbeta").groupby(data["id"]).sum()
    robust = fit.with_vcov("robust", data)
    assert_allclose(by_id.T @ by_id, robust.cov, rtol=1e-9)
    assert_allclose(robust.residuals(data, "dfbeta"), fit.residuals(data, "dfbeta"))


def test_index_idle_rows_and_missing_values_are_kept():
    data = made("heart")
    idle = data.iloc[[0]].assign(start=5000.0, stop=6000.0, event=0, id=999)
    lost = data.iloc[[1]].assign(age=np.nan, id=998)
    rows = pd.concat([data, idle, lost])  # labels 0 and 1 occur twice
    fit = bip.cox("age + surgery", rows, missing="drop")
    for kind in ("martingale", "deviance", "score", "dfbeta"):
        found = fit.residuals(rows, kind)
        assert found.index.equals(rows.index)
        assert (found.iloc[len(data)] == 0).all() and found.iloc[len(data) + 1 :].isna().all(axis=None)
        assert not found.iloc[: len(data)].isna().any(axis=None)
    assert fit.residuals(rows, "schoenfeld").shape == (fit.n_events, 2)


def test_other_data_and_unknown_options_are_refused():
    fit, data = fitted("heart")
    for ask in (fit.residuals, fit.ph_test, fit.concordance):
        with pytest.raises(bip.ModelError, match="not the data of the fit"):
            ask(data.assign(age=data["age"] + data["surgery"]))
        with pytest.raises(bip.ModelError, match="no column 'age'"):
            ask(data.drop(columns="age"))
    with pytest.raises(bip.OptionError, match="kind='raw' is not an option"):
        fit.residuals(data, "raw")
    with pytest.raises(bip.OptionError, match="transform='g' is not an option"):
        fit.ph_test(data, "g")


@pytest.mark.parametrize("transform", ["km", "rank", "identity", "log"])
@pytest.mark.parametrize("name", CASES)
def test_proportional_hazards_test_agrees_with_r(name, transform):
    fit, data = fitted(name)
    expected = r_numbers("diagnostics")[name]["ph"][transform]
    table = fit.ph_test(data, transform).table.set_index("term")
    own = table.loc[[*fit.params.index, "GLOBAL"]]
    assert_allclose(
        own[["chi2", "df"]].T, [expected["coefficients"][key] for key in ("chi2", "df")], rtol=1e-8
    )
    assert_allclose(own["p_value"], expected["coefficients"]["p"], rtol=1e-8)
    if name == "veteran":  # a term of three coefficients, tested jointly
        place = expected["terms"]["term"].index("celltype")
        joint = [expected["terms"][key][place] for key in ("chi2", "df", "p")]
        assert_allclose(table.loc["celltype"].astype(float), joint, rtol=1e-8)


@pytest.mark.parametrize("name", CASES)
def test_smooth_of_the_plot_is_that_of_r(name):
    """One hospital in which a covariate does not vary has no residual there."""
    fit, data = fitted(name)
    curves = fit.ph_test(data).plot_data()
    smooth = curves[curves["part"] == "smooth"]
    for term, expected in zip(fit.params.index, r_numbers("diagnostics")[name]["ph"]["smooth"], strict=True):
        own = smooth[smooth["term"] == term]
        for key in ("x", "estimate", "std_error"):
            assert_allclose(own[key], expected[key], rtol=1e-8, atol=1e-10, err_msg=f"{term} {key}")


def test_proportional_hazards_result_holds_no_rows_and_draws():
    data = made("veteran")
    fit = bip.cox("celltype + karno", data, start=None, stop="time", event="status")
    found = fit.ph_test(data)
    bins = found.curves[found.curves["part"] == "means"]
    assert bins["events"].min() >= 5 and bins.groupby("term")["events"].sum().eq(fit.n_events).all()
    many = pd.concat([data.assign(time=data["time"] + k / 10) for k in range(10)], ignore_index=True)
    large = bip.cox("celltype + karno", many, start=None, stop="time", event="status").ph_test(many)
    assert len(pickle.dumps(large)) < 1.2 * len(pickle.dumps(found))
    assert found.plot().get_ylabel() == "Coefficient: karno"  # the smallest p-value
    assert found.plot(term="celltype[large]").get_ylabel() == "Coefficient: celltype: large"
    with pytest.raises(bip.OptionError, match="term='celltype' is not an option"):
        found.plot(term="celltype")
    assert "GLOBAL" in str(found) and "<table>" in found._repr_html_()
    clustered = fit.with_vcov(bip.cluster("trt"), data).ph_test(data)
    assert_allclose(clustered.table["chi2"], found.table["chi2"])
    assert "clustered by trt" in str(clustered) and "clustered" not in str(found)


def test_a_trend_that_cannot_be_seen_is_refused():
    rows = spells(3).assign(
        start=0.0, stop=lambda d: np.where(d["event"] == 1, 2.0, 3.0), client=range(len(spells(3)))
    )
    fit = bip.cox("x + z", rows)
    with pytest.raises(bip.ModelError, match="all events happen at one time"):
        fit.ph_test(rows)
    early = rows.assign(start=-2.0, stop=rows["stop"] - 2 - rows["x"] / 10)
    with pytest.raises(bip.ModelError, match="not after time 0"):
        bip.cox("z", early).ph_test(early, "log")


def test_few_event_times_get_a_plainer_smooth():
    rows = spells(4, 60).assign(
        start=0.0, stop=lambda d: 1.0 + d["client"] % 2, client=lambda d: range(len(d))
    )
    found = bip.cox("z", rows).ph_test(rows)
    smooth = found.curves[found.curves["part"] == "smooth"]
    assert_allclose(np.diff(smooth["estimate"], 2), 0, atol=1e-10)  # two times: a straight line


def test_events_at_two_times_by_hand():
    """With two event times the test of a trend is that of equal slopes: (I1 + I2) / (I1 I2) times the score squared."""
    rows = spells(5, 60).assign(
        start=0.0, stop=lambda d: 1.0 + d["client"] % 2, client=lambda d: range(len(d))
    )
    fit = bip.cox("z", rows, ties="breslow")
    b = fit.params["z"]
    pieces = []
    for time in (1.0, 2.0):
        risk = rows[rows["stop"] >= time]
        weight = np.exp(b * risk["z"]) / np.exp(b * risk["z"]).sum()
        mean = (weight * risk["z"]).sum()
        died = rows[(rows["stop"] == time) & (rows["event"] == 1)]["z"]
        pieces.append(((died - mean).sum(), len(died) * ((weight * risk["z"] ** 2).sum() - mean**2)))
    (first, i1), (second, i2) = pieces
    assert_allclose(first, -second, rtol=1e-9)
    by_hand = first**2 * (i1 + i2) / (i1 * i2)
    assert_allclose(fit.ph_test(rows).table["chi2"], [by_hand, by_hand], rtol=1e-9)
