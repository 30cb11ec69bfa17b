"""Kaplan-Meier and Aalen-Johansen against R's survfit, a hand computation and their own invariances."""

import json

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose
from references import FOLDER, frame

import bipstats as bip

R = json.loads((FOLDER / "curves.json").read_text())
QUANTILES = json.loads((FOLDER / "logrank.json").read_text())
NUMBERS = ["time", "estimate", "std_error", "conf_low", "conf_high", "at_risk"]
COLUMNS = [*NUMBERS, "events"]


def expected(name):
    return {key: np.array(value, dtype=float) for key, value in R[name].items()}


def veteran():
    data = frame("veteran")
    return data.assign(half=data["w"] / 3)


KAPLAN_MEIER = {
    "heart": lambda: bip.survival_curve(frame("heart"), start="start", stop="stop", event="event"),
    "veteran trt 2": lambda: bip.survival_curve(
        veteran().query("trt == 2"), start=None, stop="time", event="status"
    ),
    "veteran weights": lambda: bip.survival_curve(
        veteran(), start=None, stop="time", event="status", weights="w"
    ),
    "veteran fractions": lambda: bip.survival_curve(
        veteran(), start=None, stop="time", event="status", weights="half"
    ),
}


@pytest.mark.parametrize("name", KAPLAN_MEIER)
def test_kaplan_meier_agrees_with_survfit(name):
    table, r = KAPLAN_MEIER[name]().table, expected(name)
    assert list(table.columns) == COLUMNS
    for column in NUMBERS:  # once nobody is left R gives no interval, nor do we
        known = np.isfinite(r[column]) & (r["estimate"] > 1e-12)
        assert_allclose(table.loc[known, column], r[column][known], rtol=1e-10)
    assert_allclose(table["estimate"], r["estimate"], rtol=1e-10, atol=1e-14)
    assert (table.loc[r["estimate"] < 1e-12, "conf_low"].isna()).all()


@pytest.mark.parametrize(
    ("name", "arguments"), [("mgus2", {}), ("mgus2 weights", {"weights": "w"}), ("mgus2 F", {"by": "sex"})]
)
def test_aalen_johansen_agrees_with_survfit(name, arguments):
    curve = bip.cumulative_incidence(
        frame("mgus2"), start="start", stop="stop", exit="exit", id="id", **arguments
    )
    table, r = curve.table, expected(name)
    if "by" in arguments:
        table = table[table["sex"] == "F"]
    assert set(table["exit"]) == {"pcm", "death"}
    for kind in ("pcm", "death"):
        own = table[table["exit"] == kind].reset_index(drop=True)
        assert_allclose(own["time"], r["time"])
        assert_allclose(own["estimate"], r[kind], rtol=1e-10, atol=1e-14)
        assert_allclose(own["std_error"], r[f"{kind}_error"], rtol=1e-10, atol=1e-14)
        if "weights" not in arguments:  # survfit counts heads here, weights in Kaplan-Meier; we weigh in both
            assert_allclose(own["at_risk"], r["at_risk"], rtol=1e-12)
    seen = own["estimate"] > 0
    assert_allclose(own.loc[seen, "conf_low"], r["death_low"][seen], rtol=1e-10)
    assert_allclose(own.loc[seen, "conf_high"], r["death_high"][seen], rtol=1e-10)


def test_seven_rows_by_hand():
    """Delayed entry, a tie of exit and censoring: at 2 three of four at risk stay, at 3 one of three leaves."""
    rows = pd.DataFrame(
        {
            "start": [0, 0, 0, 1, 2],
            "stop": [2, 2, 4, 3, 4],
            "exit": ["job", "censored", "censored", "pension", "job"],
        }
    )
    table = bip.cumulative_incidence(rows, start="start", stop="stop", exit="exit").table
    job = table[table["exit"] == "job"]
    assert job["time"].tolist() == [2, 3, 4] and job["at_risk"].tolist() == [4, 3, 2]
    assert_allclose(job["estimate"], [1 / 4, 1 / 4, 1 / 4 + (3 / 4) * (2 / 3) * (1 / 2)])
    assert_allclose(table[table["exit"] == "pension"]["estimate"], [0, 3 / 4 / 3, 3 / 4 / 3])


def test_five_rows_by_hand():
    """F(1) = 1/5; S(1) = 4/5; S(2) = 4/5 * 3/4 = 3/5; F(4) = 1/5 + 3/5 * 1/2 = 1/2."""
    rows = pd.DataFrame({"weeks": [1, 2, 2, 4, 5], "exit": ["job", "other", "censored", "job", "censored"]})
    table = bip.cumulative_incidence(rows, start=None, stop="weeks", exit="exit").table
    job = table[table["exit"] == "job"]
    assert_allclose(job["estimate"], [0.2, 0.2, 0.5, 0.5])
    assert job["at_risk"].tolist() == [5, 4, 2, 1]


def test_incidences_and_survival_of_any_exit_add_to_one():
    rows = frame("mgus2").assign(any=lambda d: (d["exit"] != "censored").astype(int))
    total = bip.cumulative_incidence(rows, start="start", stop="stop", exit="exit", id="id").table
    survival = bip.survival_curve(rows, start="start", stop="stop", event="any").table
    assert_allclose(total.groupby("time")["estimate"].sum(), 1 - survival["estimate"], atol=1e-12)


def test_one_kind_of_exit_is_one_minus_kaplan_meier_and_rows_may_be_split_or_shuffled():
    rows = frame("mgus2").assign(exit=lambda d: d["exit"].replace("pcm", "death"), client=lambda d: d["id"])
    whole = rows.groupby("id", as_index=False).agg(
        start=("start", "min"), stop=("stop", "max"), exit=("exit", "last")
    )
    arguments = dict(start="start", stop="stop", exit="exit")
    split = bip.cumulative_incidence(rows.sample(frac=1, random_state=1), **arguments).table
    joined = bip.cumulative_incidence(whole, id="id", **arguments).table
    at = split["time"].isin(joined["time"])
    assert_allclose(split.loc[at, "estimate"], joined["estimate"], rtol=1e-10)
    assert_allclose(split.loc[at, "std_error"], joined["std_error"], rtol=1e-8)
    survival = bip.survival_curve(whole, start="start", stop="stop", event="exit == death").table
    assert_allclose(joined["estimate"], 1 - survival["estimate"], atol=1e-12)


def test_curves_of_groups_plot_and_print():
    curve = bip.survival_curve(veteran(), start=None, stop="time", event="status", by="celltype")
    assert list(curve.table.columns) == ["celltype", *COLUMNS]
    data = curve.plot_data()
    assert (data.groupby("curve")["estimate"].first() == 1).all()
    assert len(curve.plot().get_legend().get_texts()) == 4
    assert "Kaplan-Meier" in str(curve) and "squamous" in curve._repr_html_()
    assert bip.survival_curve(veteran(), start=None, stop="time", event="status").plot().get_legend() is None


FLAT = pd.DataFrame({"time": np.arange(1, 9), "status": [1, 1, 1, 1, 0, 1, 0, 1]})  # at 0.5 from 4 to 6
QUANTILE_CASES = {
    "veteran": (veteran, {}),
    "veteran 90": (veteran, dict(level=0.9)),
    "veteran weights": (veteran, dict(weights="w")),
    "heart": (lambda: frame("heart"), dict(start="start", stop="stop", event="event")),
    "flat": (lambda: FLAT, {}),
}


@pytest.mark.parametrize("name", QUANTILE_CASES)
def test_quantiles_and_restricted_means_agree_with_survfit(name):
    data, arguments = QUANTILE_CASES[name]
    curve = bip.survival_curve(data(), **dict(start=None, stop="time", event="status") | arguments)
    r = {key: np.array(value, dtype=float) for key, value in QUANTILES["quantiles"][name].items()}
    found = curve.quantile([0.25, 0.5, 0.75, 0.9])
    for column in ("estimate", "conf_low", "conf_high"):
        assert_allclose(found[column], r[column], rtol=1e-12)
    median = curve.quantile().iloc[0]
    assert_allclose(
        median[["estimate", "conf_low", "conf_high"]].astype(float),
        [r["median"], r["median_low"], r["median_high"]],
    )
    mean = curve.restricted_mean(100 if name != "flat" else 8).iloc[0]  # beyond 8 there is no area
    assert_allclose(mean[["estimate", "std_error"]].astype(float), [r["mean"], r["mean_error"]], rtol=1e-10)


def test_estimates_at_chosen_times_agree_with_survfit():
    curve = bip.survival_curve(veteran(), start=None, stop="time", event="status")
    r = QUANTILES["at"]["veteran"]
    found = curve.at(r["times"])
    assert list(found.columns) == NUMBERS
    for column in NUMBERS[1:]:
        assert_allclose(found[column], r[column], rtol=1e-10, err_msg=column)
    with pytest.raises(bip.ModelError, match="not go beyond 999, where a curve ends"):
        curve.at(1000)


def test_numbers_at_risk_count_late_entries_between_ends():
    """At 1.5 only those who came by then: survfit would give the four of the next end, at 2."""
    rows = pd.DataFrame({"start": [0, 0, 1.7, 4], "stop": [1, 5, 5, 6], "event": [1, 1, 0, 1]})
    curve = bip.survival_curve(rows, start="start", stop="stop", event="event")
    times = [-1, 0, 0.5, 1, 1.5, 1.7, 2, 4, 4.5, 5, 6, 7]
    assert curve.at_risk(times)["at_risk"].tolist() == [0, 2, 2, 2, 1, 1, 2, 2, 3, 3, 1, 0]
    assert_allclose(curve.at_risk(curve.table["time"])["at_risk"], curve.table["at_risk"])


def test_at_risk_and_at_by_group():
    curve = bip.survival_curve(veteran(), start=None, stop="time", event="status", by="trt", weights="w")
    alone = bip.survival_curve(
        veteran().query("trt == 2"), start=None, stop="time", event="status", weights="w"
    )
    both = curve.at([50, 0, 200])
    assert_allclose(both[both["trt"] == 2][NUMBERS], alone.at([50, 0, 200]))
    assert_allclose(curve.at_risk(0)["at_risk"], veteran().groupby("trt")["w"].sum())
    assert curve.at_risk([10, 20]).shape == (4, 3) and curve.quantile([0.2, 0.5]).shape == (4, 5)
    with pytest.raises(bip.ModelError, match="553, where a curve ends; they go beyond those of 1"):
        curve.at(600)
    incidence = bip.cumulative_incidence(
        frame("mgus2"), start="start", stop="stop", exit="exit", by="sex", id="id"
    )
    assert list(incidence.at(60).columns) == ["sex", "exit", *NUMBERS] and len(incidence.at(60)) == 4
    rows = frame("mgus2")
    there = rows[(rows["start"] < 60) & (rows["stop"] >= 60)].groupby("sex").size()
    assert_allclose(incidence.at_risk(60)["at_risk"], there)
    assert "quantile" not in dir(incidence)


def test_weight_two_is_two_copies():
    data = veteran()
    copies = data.loc[data.index.repeat(data["w"])]
    arguments = dict(start=None, stop="time", event="status", level=0.8)
    weighted = bip.survival_curve(data, weights="w", **arguments)
    copied = bip.survival_curve(copies, **arguments)
    assert_allclose(weighted.table, copied.table, rtol=1e-12)
    assert_allclose(weighted.restricted_mean(90).iloc[0], copied.restricted_mean(90).iloc[0], rtol=1e-12)


@given(st.integers(0, 2**32 - 1))
@settings(max_examples=10, deadline=None)
def test_order_splits_and_names_of_groups_do_not_matter(seed):
    draw = np.random.default_rng(seed)
    start = draw.integers(0, 4, 40)
    rows = pd.DataFrame(
        {"start": start, "stop": start + draw.integers(1, 6, 40), "event": draw.integers(0, 2, 40)}
    )
    rows.loc[0, ["stop", "event"]] = [12, 1]
    rows["group"] = draw.choice(["a", "b"], 40)
    arguments = dict(start="start", stop="stop", event="event", by="group")
    curve = bip.survival_curve(rows, **arguments)
    middle = (rows["start"] + rows["stop"]) / 2
    halves = pd.concat([rows.assign(stop=middle, event=0), rows.assign(start=middle)])
    other = halves.sample(frac=1, random_state=seed % 1000).replace({"group": {"a": "z", "b": "y"}})
    split = bip.survival_curve(other, **arguments)
    grid = np.unique(rows["stop"])
    numbers = [
        part.at_risk(grid).pivot(index="time", columns="group", values="at_risk") for part in (curve, split)
    ]
    assert_allclose(numbers[0][["a", "b"]], numbers[1][["z", "y"]])
    for before, after in (("a", "z"), ("b", "y")):
        one = curve.table[curve.table["group"] == before]
        two = split.table[split.table["group"] == after]
        two = two[two["time"].isin(one["time"])]
        assert_allclose(one[COLUMNS], two[COLUMNS], rtol=1e-10)


def test_level_and_events():
    curve = bip.survival_curve(veteran(), start=None, stop="time", event="status", level=0.5)
    table = curve.table[:-1]
    half = 0.6744897501960817 * table["std_error"] / table["estimate"]  # the normal quartile
    assert_allclose(np.log(table["estimate"] / table["conf_low"]), half)
    assert curve.table["events"].sum() == veteran()["status"].sum() and "50%" in str(curve)
    with pytest.raises(bip.OptionError, match="not a confidence level"):
        bip.survival_curve(veteran(), start=None, stop="time", event="status", level=95)


def test_a_plot_with_numbers_at_risk_beneath():
    curve = bip.survival_curve(veteran(), start=None, stop="time", event="status", by="celltype")
    axes = curve.plot(at_risk=True)
    written = [text.get_text() for text in axes.texts]
    ticks = axes.get_xticks()
    numbers = curve.at_risk(ticks)
    assert written[0] == "At risk" and len(written) == 1 + 4 * (len(ticks) + 1)
    adeno = numbers[numbers["celltype"] == "adeno"]["at_risk"]
    assert written[1 : 2 + len(ticks)] == ["adeno", *(f"{number:.0f}" for number in adeno)]
    axes.figure.canvas.draw()
    lowest = min(text.get_window_extent().y0 for text in axes.texts)
    assert lowest >= 0  # the layout makes room


def test_what_cannot_be_read_off_a_curve_is_named():
    curve = bip.survival_curve(frame("heart"), start="start", stop="stop", event="event")
    with pytest.raises(bip.OptionError, match="no share between 0 and 1"):
        curve.quantile(50)
    with pytest.raises(bip.ModelError, match="where the curve ends"):
        curve.restricted_mean(5000)
    assert curve.quantile(0.95)["estimate"].isna().all()
    fractions = bip.survival_curve(veteran(), start=None, stop="time", event="status", weights="half")
    with pytest.raises(bip.ModelError, match="not whole numbers"):
        fractions.restricted_mean(50)


BAD = {
    "no exit": (
        lambda d: bip.cumulative_incidence(
            d.assign(exit="censored"), start="start", stop="stop", exit="exit"
        ),
        "has no exit",
    ),
    "missing": (
        lambda d: bip.cumulative_incidence(d.assign(exit=None), start="start", stop="stop", exit="exit"),
        "missing values: exit",
    ),
    "no column": (
        lambda d: bip.survival_curve(d, start="start", stop="stop", event="died"),
        "no column 'died'",
    ),
    "weights": (
        lambda d: bip.survival_curve(
            d.assign(w=-1), start="start", stop="stop", event="exit == pcm", weights="w"
        ),
        "zero or negative",
    ),
    "list": (
        lambda d: bip.survival_curve(d, start="start", stop="stop", event="exit == pcm", by=["sex"]),
        "by=",
    ),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_input_is_named(name):
    call, message = BAD[name]
    with pytest.raises(bip.BipstatsError, match=message):
        call(frame("mgus2"))
