"""Landmarks, transitions and windows of interventions; every expectation is worked out by hand."""

from __future__ import annotations

import dataclasses

import numpy as np
import pandas as pd
import pytest
from timelines import Person, make

import bipstats as bip
from bipstats.codebook import BACKGROUND, CASEWORKER_ITEMS, CLIENT_ITEMS
from bipstats.interventions import classify

DATA_END = 204  # tests/test_register.py


def plain(frame: pd.DataFrame, *columns: str) -> list[list]:
    found = frame[list(columns)].astype(object)
    return found.where(found.notna(), None).values.tolist()


# --- landmarks ---


def landmark(person: Person, **options: object) -> list[list]:
    return plain(bip.landmarks(make({"a": person}), **options), "network", "entered", "weeks", "exit")


def test_entry_within_the_horizon() -> None:
    person = Person(states={(40, 43): "job"}, answers=[(0, "client", 2), (10, "client", 4)])
    assert landmark(person) == [[2, 1, 40, "job"]]
    assert landmark(person, at=10) == [[4, 1, 30, "job"]]  # an answer of the landmark's own week counts
    assert landmark(person, at=9, horizon=31) == [[2, 1, 31, "job"]]
    assert landmark(person, at=9, horizon=30) == [[2, 0, 30, "censored"]]
    assert landmark(person, at=39) == [[4, 1, 1, "job"]]
    assert landmark(person, at=40) == []  # the event week itself is no longer at risk


def test_a_competing_exit_is_no_entry_and_short_follow_up_is_unknown() -> None:
    answers = [(0, "client", 2), (190, "client", 2)]
    assert landmark(Person(states={(20, 207): "pension"}, answers=answers)) == [[2, 0, 20, "pension"]]
    late = Person(answers=answers)
    assert landmark(late, at=190, horizon=14) == [[2, 0, 14, "censored"]]  # followed to DATA_END = 204
    assert landmark(late, at=190, horizon=15) == [[2, None, 14, "censored"]]
    assert landmark(Person(states={(200, 207): "job"}, answers=answers), at=190) == [[2, 1, 10, "job"]]
    assert landmark(Person(states={(200, 207): "dead"}, answers=answers), at=190) == [[2, 0, 10, "death"]]


def test_the_first_answer_as_time_zero() -> None:
    people = {
        "a": Person(answers=[(3, "caseworker", 4)], states={(40, 43): "job"}),
        "b": Person(answers=[(0, "client", {}), (9, "client", 1)]),
        "silent": Person(),
        "in a job": Person(answers=[(0, "client", 5)], states={(-3, 12): "job", (30, 33): "job"}),
        "gone": Person(answers=[(5, "client", 5)], states={(5, 9): "job"}),
    }
    frame = bip.landmarks(make(people), at="first")
    assert plain(frame, "client", "landmark", "entered", "weeks", "age_weeks_network") == [
        ["a", 3, 1, 37, 0],
        ["b", 9, 0, 52, 0],
        ["in a job", 12, 1, 18, 12],
    ]
    assert frame.attrs["flow"]["clients_not_at_risk_at_landmark"] == 2


def test_expired_answers_leave_the_client_out_and_are_counted() -> None:
    study = make({"a": Person(answers=[(0, "client", 2)]), "b": Person(answers=[(1, "client", 2)])})
    frame = bip.landmarks(study, at=26, carry_weeks=26)
    assert plain(frame, "client", "network") == [["b", 2]]
    flow = frame.attrs["flow"]
    assert (flow["clients"], flow["clients_at_risk"], flow["clients_without_usable_answer"]) == (2, 1, 1)


def test_landmark_columns() -> None:
    frame = bip.landmarks(make({"a": Person(answers=[(0, "client")])}))
    result = ["entered", "weeks", "exit", "full_horizon"]
    leading = ["client", "caseworker", "jobcentre", "landmark", *result, *BACKGROUND]
    assert list(frame.columns[: len(leading)]) == leading
    assert str(frame["entered"].dtype) == "Int8"


@pytest.mark.parametrize("at", [-1, 2.5, "last", True, None])
def test_a_landmark_is_a_week(at: object) -> None:
    with pytest.raises(bip.OptionError, match="is no landmark"):
        bip.landmarks(make({"a": Person()}), at=at)


# --- transitions ---


def rounds(answers: list[tuple], **options: object) -> list[list]:
    frame = bip.transitions(make({"a": Person(answers=answers)}), **options)
    return plain(frame, "measurement", "start_week", "stop_week", "network_client", "network_caseworker")


def test_two_raters_within_six_weeks_are_one_measurement() -> None:
    answers = [
        (0, "client", 2),
        (6, "caseworker", 3),
        (13, "caseworker", 4),
        (15, "client", 5),
        (26, "client", 1),
    ]
    assert rounds(answers) == [[1, 0, 13, 2, 3], [2, 13, 26, 5, 4]]
    assert rounds(answers, pair_weeks=5) == [[1, 0, 6, 2, None], [2, 6, 13, None, 3], [3, 13, 26, 5, 4]]


def test_a_round_begins_when_the_same_respondent_answers_again() -> None:
    assert rounds([(0, "client", 2), (1, "client", 3), (2, "caseworker", 4), (3, "client", 5)]) == [
        [1, 0, 1, 2, None],
        [2, 1, 3, 3, 4],
    ]


def test_rounds_of_one_client_do_not_take_in_another() -> None:
    people = {
        "a": Person(answers=[(0, "client", 2)]),
        "b": Person(answers=[(0, "caseworker", 3), (9, "client", 4)]),
    }
    frame = bip.transitions(make(people))
    assert plain(frame, "client", "measurement", "start_week", "weeks") == [["b", 1, 0, 9]]


def test_changes_need_an_answer_both_times() -> None:
    answers = [
        (0, "client", {"network": 2, "job_search": 4}),
        (0, "caseworker", {"network": 5, "goal_directed": 1}),
        (13, "client", {"network": 5}),
        (13, "caseworker", {"network": 1, "goal_directed": 1}),
    ]
    frame = bip.transitions(make({"a": Person(answers=answers)}))
    keys = ("network_client", "job_search_client", "network_caseworker", "goal_directed_caseworker")
    assert plain(frame, *keys) == [[2, 4, 5, 1]]
    assert plain(frame, *(f"change_{key}" for key in keys)) == [[3, None, -4, 0]]
    levels = {f"{key}_client" for key in CLIENT_ITEMS} | {f"{key}_caseworker" for key in CASEWORKER_ITEMS}
    assert levels | {f"change_{name}" for name in levels} <= set(frame.columns)
    assert str(frame["change_network_client"].dtype) == "Int8"


@pytest.mark.parametrize(
    ("records", "expected"),
    [
        ([], "none"),
        ([(1, 14, 20)], "none"),  # begins after the second measurement
        ([(1, -10, 0)], "none"),  # ends in the week of the first
        ([(1, -10, 1)], "job only"),
        ([(10, 13, 13)], "other only"),
        ([(9, 3, 4), (21, 5, None)], "job + other"),
    ],
)
def test_the_class_between_two_measurements(records: list[tuple], expected: str) -> None:
    person = Person(answers=[(0, "client", 3), (13, "client", 3)], interventions=records)
    assert bip.transitions(make({"a": person}))["intervention_class"].tolist() == [expected]


def test_the_caseworker_is_that_at_the_start() -> None:
    person = Person(
        answers=[(0, "client"), (13, "client"), (26, "client")], caseworkers=[("K1", 0, 12), ("K2", 13, None)]
    )
    assert bip.transitions(make({"a": person}))["caseworker"].tolist() == ["K1", "K2"]


# --- interventions ---


def test_windows_while_at_risk() -> None:
    person = Person(
        states={(30, 33): "job"},
        interventions=[(1, 2, 5), (2, 4, 8), (14, 13, 14), (18, 14, 14), (10, 27, None)],
    )
    frame = classify(make({"a": person}))
    assert plain(frame, "window", "start_week", "stop_week", "types", "n_types", "intervention_class") == [
        [0, 0, 13, "job+social", 2, "job + other"],
        [1, 13, 26, "social+health", 2, "other only"],
        [2, 26, 30, "upgrading", 1, "other only"],
    ]
    # Job records cover weeks 2-8 once; social 13-14, health 14, upgrading 27-30.
    assert plain(frame, "weeks_job", "weeks_other") == [[7, 1], [0, 1], [0, 4]]


def test_windows_of_another_width_and_late_risk() -> None:
    person = Person(states={(-2, 6): "job", (12, 15): "job"}, interventions=[(1, -30, 8)])
    frame = classify(make({"a": person, "b": Person(states={(0, 207): "pension"})}), window=4)
    assert plain(frame, "client", "window", "start_week", "stop_week", "types", "weeks_job") == [
        ["a", 1, 6, 8, "job", 2],
        ["a", 2, 8, 12, "none", 0],
    ]


def test_windows_add_up_to_the_time_at_risk() -> None:
    frame = classify(make({"a": Person()}), window=10)
    assert (frame["stop_week"] - frame["start_week"]).sum() == DATA_END
    assert np.array_equal(frame["start_week"].iloc[1:], frame["stop_week"].iloc[:-1])


def test_unknown_codes_dates_and_clients_are_refused() -> None:
    person = Person(interventions=[(1, 0, 5), (22, 0, 5)])
    with pytest.raises(bip.DataProblems, match=r"1 code is not among the 21 of the codebook \(line 3\)"):
        classify(make({"a": person}))
    study = make({"a": Person(answers=[(0, "client")])})
    stranger = dataclasses.replace(
        study, clients=study.clients.assign(client="b"), register=study.register.assign(client="b")
    )
    with pytest.raises(bip.DataProblems, match="1 row belongs to a client who is not in clients"):
        bip.spells(stranger)
    undated = study.responses.assign(date=pd.NaT)
    with pytest.raises(bip.DataProblems, match="1 date is missing"):
        bip.spells(dataclasses.replace(study, responses=undated))


def test_entries_of_clients_whose_data_end_within_the_horizon_are_marked():
    """Known of early leavers only: a share among them would be a share of those who left."""
    study = bip.simulate(clients=300, rng=2)
    rows = bip.landmarks(study, at=0, horizon=170)
    enrolled = study.clients.set_index("client").loc[rows["client"], "enrolled"]
    last_monday = pd.Timestamp("2016-12-26")
    reach = (last_monday - (enrolled - pd.to_timedelta(enrolled.dt.day_of_week, unit="D"))).dt.days // 7 - 3
    assert (rows["full_horizon"].to_numpy() == (reach >= 170).to_numpy()).all()
    assert rows.loc[~rows["full_horizon"], "entered"].eq(1).any() and not rows["full_horizon"].all()


def test_shares_in_a_job_do_not_fall_with_the_horizon():
    study = bip.simulate(clients=1500, rng=3)
    followed = set(bip.landmarks(study, at=0, horizon=150).query("full_horizon")["client"])
    shares = []
    for horizon in (26, 52, 104, 150):
        rows = bip.landmarks(study, at=0, horizon=horizon)
        shares.append(rows.loc[rows["client"].isin(followed), "entered"].astype(float).mean())
    assert shares == sorted(shares) and shares[-1] < 0.2
