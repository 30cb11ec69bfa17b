"""Belief in this client: effects, calibration, prediction and changes of caseworker."""

from __future__ import annotations

from functools import cache

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose
from scipy import stats

import bipstats as bip
from bipstats.caseworkers.after_switch import _both_answers
from bipstats.caseworkers.beliefs import wilson
from bipstats.codebook import BACKGROUND, INDICATORS
from bipstats.errors import ModelError
from bipstats.models.kernels.roc import delong
from bipstats.study.study import Study

TABLES = ("clients", "responses", "assignments", "interventions", "register")


@cache
def study() -> Study:
    return bip.simulate(clients=1500, rng=5)


@cache
def found():
    return bip.caseworkers.belief(study())


def changed(**tables: pd.DataFrame) -> Study:
    return Study(**{name: tables.get(name, getattr(study(), name)) for name in TABLES})


def test_effects_are_those_of_the_models_written_out() -> None:
    rows = bip.person_periods(bip.spells(study()))
    rows = rows[rows["caseworker"].notna()]
    rows = rows[rows.groupby("jobcentre", observed=True)["event"].transform("max") == 1]
    right = " + ".join([*INDICATORS, *BACKGROUND, "C(jobcentre)"])
    arguments = dict(exposure="exposure", vcov=bip.cluster("caseworker"), missing="drop")
    fit = bip.hazard(right, rows, **arguments)
    table = found().table.set_index(["term", "scale"])
    row = table.loc[("one step more, answers carried for a year", "hazard ratio")]
    assert_allclose(np.log(row["estimate"]), fit.params["caseworker_belief"], rtol=1e-8)
    assert_allclose(row["std_error"], row["estimate"] * fit.bse["caseworker_belief"], rtol=1e-8)
    first = bip.landmarks(study(), at="first").set_index("client")["caseworker_belief"]
    rows = rows.assign(first=rows["client"].map(first))
    rows = rows.assign(change=rows["caseworker_belief"] - rows["first"])
    split = bip.hazard(right.replace("caseworker_belief", "first + change"), rows, **arguments)
    for term, name in (
        ("first answer, one step more", "first"),
        ("change since the first answer, one step more", "change"),
    ):
        row = table.loc[(term, "hazard ratio")]
        assert_allclose(np.log(row["estimate"]), split.params[name], rtol=1e-6)
        assert_allclose(row["std_error"] / row["estimate"], split.bse[name], rtol=1e-6)


def test_risk_ratio_and_difference_are_those_of_margins() -> None:
    rows = bip.landmarks(study(), at="first")
    rows = rows[rows["full_horizon"]]
    rows = rows[rows.groupby("jobcentre", observed=True)["entered"].transform("max") == 1].assign(
        entered=lambda data: data["entered"].astype(int)
    )
    right = " + ".join([*INDICATORS, *BACKGROUND, "C(jobcentre)"])
    fit = bip.logit(f"entered ~ {right}", rows, vcov=bip.cluster("caseworker"), missing="drop")
    table = found().tidy().set_index("term")
    for scale, name in (("risk_ratio", "risk ratio"), ("difference", "risk difference")):
        wanted = bip.margins(fit, rows, "caseworker_belief", scale=scale, missing="drop").tidy().iloc[0]
        row = table.loc[f"first answer, one step more, within 52 weeks: {name}"]
        assert_allclose(row["estimate"], wanted["estimate"], rtol=1e-8)
        assert_allclose(
            row[["conf_low", "conf_high"]].astype(float),
            wanted[["conf_low", "conf_high"]].astype(float),
            rtol=1e-6,
        )


def test_calibration_is_a_count_of_clients() -> None:
    rows = bip.landmarks(study(), at="first", outcome="job")
    rows = rows[rows["full_horizon"]]
    table = found().calibration.query("outcome == 'job'").set_index("belief")
    for level, own in rows.groupby("caseworker_belief"):
        assert table.loc[level, "clients"] == len(own)
        assert table.loc[level, "entered"] == own["entered"].sum()
        assert_allclose(table.loc[level, "share"], own["entered"].astype(float).mean())
    assert_allclose(table["answers"].sum(), 1)
    assert ((table["conf_low"] <= table["share"]) & (table["share"] <= table["conf_high"])).all()


def test_what_is_expected_without_the_answer_adds_up_but_is_less_steep() -> None:
    for _, table in found().calibration.groupby("outcome"):
        expected = table["expected"] @ table["clients"]
        assert abs(expected - table["entered"].sum()) < 0.1 * table["entered"].sum()
        assert table["expected"].is_monotonic_increasing
        assert np.ptp(table["expected"]) < np.ptp(table["share"])


def test_wilson_bounds_are_where_the_score_test_just_rejects() -> None:
    count, n = np.array([0.0, 3.0, 10.0, 0.0]), np.array([10.0, 12.0, 10.0, 0.0])
    low, high = wilson(count, n, 0.9)
    z = stats.norm.ppf(0.95)
    for bound, chosen in ((low, slice(1, 3)), (high, slice(0, 2))):
        k, m, end = count[chosen], n[chosen], bound[chosen]
        assert_allclose(np.abs(k / m - end) / np.sqrt(end * (1 - end) / m), z)
    assert low[0] == 0 and high[2] == 1 and np.isnan([low[3], high[3]]).all()


def test_areas_are_paired_on_the_same_clients() -> None:
    table = found().discrimination.query("outcome == 'job_or_education'").set_index("model")
    area = table["area"]
    gain = area["register and all answers"] - area["register and other answers"]
    assert_allclose(area["belief beyond register and other answers"], gain)
    assert area["register and other answers"] > area["register"] + 0.05
    error = table["std_error"]
    apart = np.hypot(error["register and all answers"], error["register and other answers"])
    assert error["belief beyond register and other answers"] < 0.6 * apart  # what they share cancels


def test_a_score_against_its_copy_has_no_difference() -> None:
    rng = np.random.default_rng(1)
    score = rng.normal(size=50)
    area, covariance = delong(rng.random(50) < 0.4, np.stack([score, score]))
    assert area[0] == area[1]
    assert_allclose(np.array([1, -1]) @ covariance @ np.array([1, -1]), 0, atol=1e-15)


def test_new_and_former_answers_are_those_of_the_caseworkers_before_and_after_the_change() -> None:
    rows = bip.spells(study(), carry_weeks=10_000)
    made = _both_answers(study(), rows)
    given = study().responses.query("respondent == 'caseworker'").dropna(subset=["caseworker_belief"])
    given = given.sort_values(["client", "date"], kind="stable")
    enrolled = study().clients.set_index("client")["enrolled"]
    monday = enrolled - pd.to_timedelta(enrolled.dt.day_of_week, unit="D")
    both = made[made["new_belief"].notna() & made["former_belief"].notna()]
    assert len(both) > 50
    for row in both.iloc[:: max(1, len(both) // 40)].itertuples():
        before = given[
            (given["client"] == row.client)
            & (given["date"] < monday[row.client] + pd.Timedelta(weeks=row.start + 1))
        ]
        own = before[before["caseworker"] == row.caseworker]
        assert own["caseworker_belief"].iloc[-1] == row.new_belief == row.caseworker_belief
        latest = before["caseworker"].ne(row.caseworker).to_numpy().nonzero()[0][-1]
        assert before["caseworker_belief"].iloc[latest] == row.former_belief


def test_too_few_changes_are_told_and_all_else_is_given() -> None:
    small = bip.caseworkers.belief(bip.simulate(clients=500, rng=2))
    assert any("entries after a change of caseworker" in note for note in small.notes)
    assert len(small.table) == 7 and str(small.summary())
    assert "After a change" not in small.paragraph or len(small.switches)


def test_belief_that_does_not_vary_is_refused() -> None:
    responses = study().responses.copy()
    responses["caseworker_belief"] = responses["caseworker_belief"].where(
        responses["caseworker_belief"].isna(), 3
    )
    with pytest.raises(ModelError, match="caseworker_belief does not vary"):
        bip.caseworkers.belief(changed(responses=responses))


def test_the_folds_follow_the_seed() -> None:
    again = bip.caseworkers.belief(study())
    pd.testing.assert_frame_equal(again.discrimination, found().discrimination, check_exact=True)
    other = bip.caseworkers.belief(study(), rng=1)
    assert not other.discrimination["area"].equals(found().discrimination["area"])


def test_the_paragraph_names_what_it_rests_on_and_when_it_misleads() -> None:
    assert "this rests on" in found().paragraph and "It misleads where" in found().paragraph
    assert "1.11" in found().paragraph and "scenario F" in found().paragraph
    axes = found().plot_effects()
    assert axes.has_data() and found().plot().get_ylim()[0] == 0
