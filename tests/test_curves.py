"""Kaplan-Meier and Aalen-Johansen against R's survfit, a hand computation and their own invariances."""

import json

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose
from references import FOLDER, frame

import bipstats as bip

R = json.loads((FOLDER / "curves.json").read_text())
COLUMNS = ["time", "estimate", "std_error", "conf_low", "conf_high", "at_risk"]


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
    alive = table["estimate"] > 1e-12  # R gives no error once nobody is left
    for column in ("time", "estimate", "at_risk"):
        assert_allclose(table[column], r[column], rtol=1e-10, atol=1e-12)
    for column in ("std_error", "conf_low", "conf_high"):
        assert_allclose(table.loc[alive, column], r[column][alive], rtol=1e-8)


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
        assert_allclose(own["estimate"], r[kind], rtol=1e-9, atol=1e-14)
        assert_allclose(own["std_error"], r[f"{kind}_error"], rtol=1e-7, atol=1e-12)
        if "weights" not in arguments:  # survfit counts heads here, weights in Kaplan-Meier; we weigh in both
            assert_allclose(own["at_risk"], r["at_risk"], rtol=1e-12)
    seen = own["estimate"] > 0
    assert_allclose(own.loc[seen, "conf_low"], r["death_low"][seen], rtol=1e-7)
    assert_allclose(own.loc[seen, "conf_high"], r["death_high"][seen], rtol=1e-7)


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
