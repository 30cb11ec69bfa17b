"""Changes of caseworker: who moved and why, rows against a weekly count, models against the library's, bad input."""

from __future__ import annotations

from dataclasses import replace
from functools import cache

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose
from tiny import tiny_study

import bipstats as bip
from bipstats.caseworkers.moves import NEVER, moves
from bipstats.caseworkers.switch_draw import _counts, _variance, disruption_and_draw
from bipstats.caseworkers.switch_models import (
    FEWEST,
    ever_against_never,
    first_and_later,
    fit_exposures,
    time_varying,
)
from bipstats.caseworkers.switch_rows import LEADS, QUARTER, switch_rows
from bipstats.caseworkers.switching import CASEWORKER, unseen
from bipstats.codebook import BACKGROUND, INDICATORS
from bipstats.codebook.calendar import week_index
from bipstats.timeline.clock import Clock

TRUTH = bip.Truth()


@cache
def study():
    return bip.simulate(clients=1200, rng=3)


@cache
def rows():
    return switch_rows(study())


@cache
def effect():
    return bip.caseworkers.switch_effect(study())


def only(kind: str, clients: int = 600):
    """A study in which all changes are departures, or none is."""
    share = {"departures": 1.0, "individual": 0.0}[kind]
    return bip.simulate(
        replace(TRUTH, switches=replace(TRUTH.switches, departure_share=share)), clients=clients, rng=4
    )


def handed_over() -> pd.DataFrame:
    """Caseworker c1 leaves on 6 June 2014 with three clients; k4 changes alone; c2 keeps k5; k6 changes twice."""
    return pd.DataFrame(
        [
            ("k1", "c1", "2014-01-06", "2014-06-08"), ("k1", "c2", "2014-06-09", None),
            ("k2", "c1", "2014-02-03", "2014-06-08"), ("k2", "c3", "2014-06-09", None),
            ("k3", "c1", "2014-02-10", "2014-06-08"), ("k3", "c2", "2014-06-09", None),
            ("k4", "c2", "2014-03-05", "2014-06-08"), ("k4", "c3", "2014-06-09", None),
            ("k5", "c2", "2014-04-01", None),
            ("k6", "c3", "2014-05-15", "2014-07-06"), ("k6", "c2", "2014-07-07", "2014-08-03"),
            ("k6", "c3", "2014-08-04", None),
        ],
        columns=["client", "caseworker", "start", "end"],
    ).astype({"start": "datetime64[ns]", "end": "datetime64[ns]"})  # fmt: skip


def with_assignments(frame: pd.DataFrame):
    own = tiny_study()
    text = own.assignments.dtypes
    return replace(
        own, assignments=frame.astype({"client": text["client"], "caseworker": text["caseworker"]})
    )


def test_a_departure_hands_over_three_clients_in_the_caseworkers_last_week():
    own = with_assignments(handed_over())
    found = moves(own, Clock.of(own))
    assert found.client.tolist() == [0, 1, 2, 3, 5, 5]
    assert found.departure.tolist() == [True, True, True, False, False, False]
    assert [found.assignments.names[code] for code in found.new] == ["c2", "c3", "c2", "c3", "c2", "c3"]
    assert found.leaves.tolist() == [int(week_index("2014-06-09")), NEVER, NEVER]
    assert not moves(own, Clock.of(own), least=4).departure.any()


def test_who_takes_a_client_later_has_not_left():
    frame = handed_over()
    frame.loc[len(frame)] = ("k5", "c1", pd.Timestamp("2014-09-01"), pd.Timestamp("2015-01-04"))
    frame.loc[frame["client"].eq("k5") & frame["caseworker"].eq("c2"), "end"] = pd.Timestamp("2014-08-31")
    own = with_assignments(frame)
    assert not moves(own, Clock.of(own)).departure.any()


def test_dates_of_leaving_can_be_given():
    own = with_assignments(handed_over())
    found = moves(own, Clock.of(own), departures={"c2": "2014-06-11"})
    assert found.departure.tolist() == [False, False, False, True, False, False]
    with pytest.raises(bip.ModelError, match="departures= names 1 of 2 caseworkers without an assignment"):
        moves(own, Clock.of(own), departures={"c2": "2014-06-11", "c9": "2014-06-11"})


def test_given_dates_that_are_those_detected_change_nothing():
    found = rows().moves
    left = found.leaves < NEVER
    weeks = np.datetime64("1970-01-05") + 7 * found.leaves[left]
    again = switch_rows(study(), departures=dict(zip(found.assignments.names[left], weeks, strict=True)))
    pd.testing.assert_frame_equal(again.spells, rows().spells)


def test_rows_say_of_every_week_what_a_count_by_hand_says():
    spells, found = rows().spells, rows().moves
    enrolled = dict(
        zip(study().clients["client"], week_index(study().clients["enrolled"].to_numpy()), strict=True)
    )
    table = study().assignments.sort_values(["client", "start"])
    rng = np.random.default_rng(1)
    for place in rng.choice(len(spells), 150, replace=False):
        row = spells.iloc[place]
        own = table[table["client"] == row["client"]]
        begin = week_index(own["start"].to_numpy()) - enrolled[row["client"]]
        for week in range(row["start"], row["stop"]):  # state at the end of `week` governs week + 1
            number = int((begin <= week).sum()) - 1
            assert own["caseworker"].iloc[number] == row["caseworker"]
            assert row["moves"] == number and row["switched"] == (number > 0)
            since = week - begin[number] if number else -1
            assert since // QUARTER == row["since"] // QUARTER
            code = found.assignments.names.get_loc(row["caseworker"])
            ahead = found.leaves[code] - enrolled[row["client"]] - week
            lead = int(np.ceil(ahead / QUARTER)) if 0 < ahead <= LEADS * QUARTER else 0
            assert row["lead"] == lead


def test_one_permanent_step_is_the_hazard_on_the_librarys_own_spells():
    spells = bip.spells(study(), outcome="job", carry_weeks=10_000)
    first = (
        bip.landmarks(study(), at="first", outcome="job")
        .set_index("client")[list(INDICATORS)]
        .add_prefix("first_")
    )
    kept = [
        "client",
        "caseworker",
        "jobcentre",
        "start",
        "stop",
        "event",
        "data_end",
        "switched",
        *BACKGROUND,
    ]
    state = spells[["client", "caseworker", "switched"]].astype(str).agg("|".join, axis=1)
    run = (state != state.shift()).cumsum()
    joined = (
        spells[kept].groupby(run).agg({name: "last" for name in kept if name != "start"} | {"start": "first"})
    )
    periods = bip.person_periods(joined.reset_index(drop=True), 13).join(first, on="client")
    entered = periods.groupby("jobcentre", observed=True)["event"].transform("max") == 1
    right = " + ".join(["switched", *first.columns, *BACKGROUND, "C(jobcentre)"])
    fit = bip.hazard(
        right, periods[entered], exposure="exposure", vcov=bip.cluster("caseworker"), missing="drop"
    )
    part = time_varying(rows(), CASEWORKER)
    assert_allclose(part.estimates.values[0], fit.params["switched"], rtol=1e-8)
    assert_allclose(part.estimates.std_errors[0], fit.bse["switched"], rtol=1e-8)


def test_later_changes_are_told_from_first_ones():
    part = first_and_later(rows(), CASEWORKER)
    spells = rows().spells
    weeks = (spells["stop"] - spells["start"]).groupby(np.minimum(spells["moves"], 2)).sum()
    assert part.weeks[:2] == (weeks[1], weeks[2])
    values = part.estimates.values
    assert values[2] == pytest.approx(values[1] - values[0], rel=1e-12)


def test_ever_against_never_is_immortal_time():
    """Without any effect of a change the naive ratio is far below one, the time-varying one is not."""
    truth = replace(TRUTH, switches=replace(TRUTH.switches, effect=0.0))
    own = switch_rows(bip.simulate(truth, clients=2000, rng=6))
    naive, valid = (
        question(own, CASEWORKER).estimates.tidy().iloc[0] for question in (ever_against_never, time_varying)
    )
    assert naive["conf_high"] < 0 and naive["estimate"] < valid["estimate"] - 0.5
    assert abs(valid["estimate"]) < 3.5 * valid["std_error"]


def test_nobody_enters_before_an_individual_change_that_comes():
    spells = rows().spells
    waiting = (spells["ever"] == 1) & (spells["switched"] == 0)
    assert spells.loc[waiting, "event"].sum() == 0
    assert unseen(rows()) == (spells["stop"] - spells["start"])[waiting].sum()
    assert f"{unseen(rows()):,} weeks before changes that came nobody" in str(effect())


def test_entries_do_come_before_departures():
    spells = rows().spells
    assert spells.loc[spells["lead"] > 0, "event"].sum() >= FEWEST


def test_the_mean_over_the_weeks_is_that_of_the_quarters():
    part = next(one for one in effect().parts if one.name == "quarters since")
    weeks = np.array(part.weeks[:-1], dtype=float)
    values = part.estimates.values
    assert values[-1] == pytest.approx(np.average(values[:-1], weights=weeks), rel=1e-12)
    assert all(count >= FEWEST for count in part.entries[:-1])
    assert sum(part.weeks[:-1]) == effect().table.query("part == 'after a change'")["weeks"].iloc[0]


def test_effectiveness_is_read_from_the_other_clients():
    place = pd.Index(rows().first.index)
    counts = _counts(rows(), place)
    size = len(counts.totals)
    client, caseworker = counts.pairs // size, counts.pairs % size
    for number in (0, 7, 300):
        others = (caseworker == caseworker[number]) & (client != client[number])
        left = counts.of_others(client[[number]], caseworker[[number]])[0]
        assert_allclose(left, counts.parts[others].sum(axis=0), rtol=0, atol=1e-9)
    stranger = np.setdiff1d(np.arange(len(place)), client[caseworker == 0])[:1]
    assert_allclose(counts.of_others(stranger, np.array([0]))[0], counts.totals[0])
    assert counts.totals[:, 0].sum() == pytest.approx(
        counts.totals[:, 1].sum(), rel=0.01
    )  # equal for a logit only


def test_without_a_spread_there_is_nothing_to_draw():
    own = next(
        found
        for seed in range(20)
        if _variance(_counts(found := switch_rows(alike(seed)), pd.Index(found.first.index))) <= 0
    )
    part = disruption_and_draw(own, CASEWORKER)
    assert part.estimates.values == time_varying(own, CASEWORKER).estimates.values
    assert "differ by no more than chance would have it" in part.notes[0]


def alike(seed: int):
    truth = replace(
        TRUTH,
        caseworkers=replace(TRUTH.caseworkers, effect_sd=0.0),
        belief=replace(TRUTH.belief, orientation=0.0),
    )
    return bip.simulate(truth, clients=800, rng=seed)


def test_the_risk_counts_who_entered_after_a_recent_change():
    part = next(one for one in effect().parts if one.scale == "risk difference")
    first = study().assignments.groupby("client")["start"].rank(method="first")
    changes = study().assignments[first > 1]
    enrolled = study().clients.set_index("client")["enrolled"]
    week = week_index(changes["start"].to_numpy()) - week_index(enrolled.loc[changes["client"]].to_numpy())
    entered = 0
    for at in range(26, 131, 26):
        marks = bip.landmarks(study(), at, 52, "job", carry_weeks=10_000)
        marks = marks[marks["full_horizon"]]
        recent = set(changes["client"].to_numpy()[(week <= at) & (week > at - 26)])
        entered += int(marks.loc[marks["client"].isin(recent), "entered"].sum())
    assert part.entries == (entered,)


def test_table_tidy_and_shares():
    table = effect().table
    assert {"after a change", "first and later", "departures apart", "quarters since", "naive"} <= set(
        table["part"]
    )
    assert ((table["entries"].dropna() >= FEWEST) | (table["entries"].dropna() == 0)).all()
    wide = effect().tidy(level=0.99)
    assert (wide["conf_low"] < effect().tidy()["conf_low"]).all()
    assert effect().shares["window"].tolist()[:2] == ["while followed", "within 52 weeks"]


def test_the_paragraph_names_assumption_and_scenario():
    text = effect().paragraph
    assert "rests on" in text and "misleads where changes mark trouble" in text and "artefact" in text


def test_the_event_study_has_leads_for_departures_alone():
    frame = effect().plot_data()
    assert frame.loc[frame["quarter"] < 0, "series"].unique().tolist() == ["the caseworker left"]
    assert effect().plot().get_legend() is not None


def test_without_departures_the_rest_stands():
    found = bip.caseworkers.switch_effect(only("individual"))
    assert found.flow["changes because the caseworker left"] == 0
    assert {"after a change", "quarters since", "naive"} <= set(found.table["part"])
    assert "no time at risk is 'after the caseworker left'" in dict(found.without)["departures apart"]
    assert "departures apart: no time at risk" in str(found)


def test_with_departures_alone_the_rest_stands():
    own = only("departures")
    found = bip.caseworkers.switch_effect(own, departure_clients=1)
    assert found.flow["changes because the caseworker left"] == found.flow["changes of caseworker"] > 0
    assert "no time at risk is 'after an individual change'" in dict(found.without)["departures apart"]
    assert {"after a change", "quarters since", "naive"} <= set(found.table["part"])


def test_no_changes_are_refused_with_counts():
    still = bip.simulate(clients=300, rng=3, do={"switches": "none"})
    with pytest.raises(
        bip.ModelError, match=r"no client changes caseworker while at risk: 0 changes .* 300 clients"
    ):
        bip.caseworkers.switch_effect(still)


def test_one_caseworker_a_centre_is_refused_with_counts():
    own = study().clients.set_index("client")["jobcentre"].astype(str)
    names = own.loc[study().assignments["client"]].to_numpy()
    alone = replace(
        study(), assignments=study().assignments.assign(caseworker=pd.array(names, "string[pyarrow]"))
    )
    with pytest.raises(bip.ModelError, match="10 job centres with one caseworker"):
        bip.caseworkers.switch_effect(alone)


def test_assignments_without_an_id_are_left_out_with_a_warning():
    names = study().assignments["caseworker"].copy()
    names.iloc[::50] = pd.NA
    holes = replace(study(), assignments=study().assignments.assign(caseworker=names))
    with pytest.warns(
        bip.ModelWarning, match=rf"{names.isna().sum()} assignments name no caseworker .* weeks at risk"
    ):
        found = bip.caseworkers.switch_effect(holes)
    assert found.flow["weeks at risk without a caseworker, left out"] > 0
    assert abs(np.log(found.table["estimate"].iloc[0] / effect().table["estimate"].iloc[0])) < 0.2


@pytest.mark.parametrize(("argument", "value"), [("departure_clients", 0), ("horizon", 0), ("level", 1.0)])
def test_impossible_arguments_are_refused(argument, value):
    with pytest.raises(bip.OptionError, match=f"^{argument}="):
        bip.caseworkers.switch_effect(study(), **{argument: value})


def test_an_exposure_without_entries_is_refused_with_its_weeks():
    never = np.zeros(len(rows().spells), dtype=bool)
    quiet = np.flatnonzero(rows().spells["event"] == 0)[:3]
    never[quiet] = True
    with pytest.raises(bip.ModelError, match=r"nobody enters in .* weeks 'rare'"):
        fit_exposures(rows(), {"rare": never}, "model")


def test_a_study_without_assignments_or_entries_is_refused_with_counts():
    bare = replace(study(), assignments=study().assignments.iloc[:0])
    with pytest.raises(
        bip.ModelError, match="no client is at risk after a first answer under a known caseworker"
    ):
        bip.caseworkers.switch_effect(bare)
    register = study().register.copy()
    weeks = [name for name in register if name.startswith("y_")]
    register[weeks] = register[weeks].stack().mode().iloc[0]
    idle = replace(study(), register=register.astype(dict.fromkeys(weeks, "Int16")))
    with pytest.raises(bip.ModelError, match=r"no client entered in .* weeks at risk"):
        bip.caseworkers.switch_effect(idle)


def test_too_few_entries_for_quarters_leave_a_list_of_ratios():
    few = replace(effect(), parts=tuple(part for part in effect().parts if not part.at))
    frame = few.plot_data()
    assert frame["quarter"].isna().all() and "after a first change" in set(frame["term"])
    assert len(few.plot().get_yticklabels()) == len(frame)
    assert "A change to a caseworker" in few.paragraph
    alone = replace(effect(), parts=effect().parts[:1])
    assert " times ." not in alone.paragraph and "left and the whole" not in alone.paragraph


def test_entries_and_weeks_are_those_of_complete_rows():
    clients = study().clients.copy()
    clients.loc[clients.index[::10], "job_share_5y"] = np.nan
    own = switch_rows(replace(study(), clients=clients))
    part = time_varying(own, CASEWORKER)
    known = own.first["job_share_5y"].notna().reindex(own.spells["client"]).to_numpy()
    after = known & (own.spells["switched"] == 1).to_numpy()
    assert not known.all() and any("rows with missing answers left out" in note for note in part.notes)
    assert part.entries == (own.spells.loc[after, "event"].sum(),)
    assert part.weeks == ((own.spells["stop"] - own.spells["start"])[after].sum(),)
