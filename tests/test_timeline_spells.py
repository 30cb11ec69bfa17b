"""The clock: who is at risk in which week, and what governs it; every expectation is worked out by hand."""

from __future__ import annotations

import pandas as pd
import pytest
from timelines import Person, make

import bipstats as bip
from bipstats.codebook import BACKGROUND, CASEWORKER_ITEMS, CLIENT_ITEMS, INDICATORS

DATA_END = 204  # tests/test_register.py


def rows(person: Person, *columns: str, **options: object) -> list[list]:
    frame = bip.spells(make({"a": person}), **options)
    return frame[["start", "stop", *columns]].astype(object).where(lambda x: x.notna(), None).values.tolist()


def test_columns_are_those_of_the_contract() -> None:
    frame = bip.spells(make({"a": Person(answers=[(0, "client")])}))
    assert list(frame.columns) == [
        *("client", "caseworker", "jobcentre", "start", "stop", "event", "exit", "data_end"),
        *BACKGROUND,
        *INDICATORS,
        *(f"{key}_client" for key in CLIENT_ITEMS),
        *(f"{key}_caseworker" for key in CASEWORKER_ITEMS),
        *(f"age_weeks_{key}" for key in INDICATORS),
        *("switched", "intervention_class"),
    ]
    types = {"start": "int32", "stop": "int32", "event": "int8", "data_end": "int32", "age": "int16"}
    types |= {
        "network": "Int8",
        "network_caseworker": "Int8",
        "age_weeks_network": "Int16",
        "switched": "int8",
    }
    assert {name: str(frame[name].dtype) for name in types} == types
    assert frame["age"].item() == 2013 - 1970


def test_an_answer_in_week_w_governs_from_w_plus_1_for_carry_weeks() -> None:
    person = Person(answers=[(2, "client", 4, 6)])  # the Sunday of week 2
    assert rows(person, "network") == [[2, 54, 4]]
    assert rows(person, "network", carry_weeks=10) == [[2, 12, 4]]


def test_items_are_carried_one_by_one() -> None:
    answers = [
        (0, "client", {"network": 2, "job_search": 5}),
        (3, "client", {"network": 3}),
        (5, "caseworker", 1),
    ]
    found = rows(Person(answers=answers), "network", "job_search", "goal_directed", carry_weeks=10)
    assert found == [
        [0, 3, 2, 5, None],
        [3, 5, 3, 5, None],
        [5, 10, 3, 5, 1],
        [10, 13, 3, 1, 1],  # the client's answer on job_search has expired: the caseworker's stands in
        [13, 15, 1, 1, 1],
    ]


def test_the_reference_rater_and_the_age_of_the_answer() -> None:
    answers = [(0, "caseworker", 2), (4, "client", 5), (6, "caseworker", 3)]
    columns = ("realistic_competences", "network", "age_weeks_realistic_competences", "age_weeks_network")
    assert rows(Person(answers=answers), *columns, carry_weeks=8) == [
        [0, 4, 2, 2, 0, 0],
        [4, 6, 2, 5, 4, 0],
        [6, 12, 3, 5, 0, 2],  # realistic_competences is the caseworker's, network the client's
        [12, 14, 3, 3, 6, 6],
    ]


def test_an_equal_answer_renews_the_carrying_and_the_age() -> None:
    answers = [(0, "client", 4), (13, "client", 4)]
    assert rows(Person(answers=answers), "network", "age_weeks_network", carry_weeks=20) == [
        [0, 13, 4, 0],
        [13, 33, 4, 0],
    ]


def test_a_questionnaire_without_answers_changes_nothing() -> None:
    answers = [(0, "client", 4), (5, "client", {}), (5, "caseworker", {})]
    assert rows(Person(answers=answers), carry_weeks=20) == [[0, 20]]


def test_the_later_of_two_answers_in_a_week_governs() -> None:
    answers = [(1, "client", 5, 4), (1, "client", 2, 1)]
    assert rows(Person(answers=answers), "network", carry_weeks=5) == [[1, 6, 5]]


def test_an_answer_in_the_event_week_does_not_govern_the_event() -> None:
    person = Person(states={(10, 13): "job"}, answers=[(0, "client", 2), (10, "client", 5)])
    assert rows(person, "network", "event", "exit") == [[0, 10, 2, 1, "job"]]


def test_an_event_in_the_week_of_the_first_answer_leaves_no_row() -> None:
    study = make({"a": Person(states={(10, 13): "job"}, answers=[(10, "client", 5)])})
    frame = bip.spells(study)
    flow = frame.attrs["flow"]
    assert len(frame) == 0
    assert flow["clients_gone_before_first_answer"] == flow["events_before_first_answer"] == 1
    assert flow["weeks_before_first_answer"] == flow["weeks_in_register"] == 10


def test_time_after_the_last_answer_has_expired_is_left_out_and_counted() -> None:
    person = Person(states={(60, 63): "job"}, answers=[(0, "client", 2), (30, "client", 3)])
    frame = bip.spells(make({"a": person}), carry_weeks=20)
    assert frame[["start", "stop", "event", "exit"]].values.tolist() == [
        [0, 20, 0, "censored"],
        [30, 50, 0, "censored"],
    ]
    flow = frame.attrs["flow"]
    assert (flow["weeks_at_risk"], flow["weeks_without_usable_answer"], flow["weeks_in_register"]) == (
        40,
        20,
        60,
    )
    assert (flow["events_in_register"], flow["events_without_usable_answer"], flow["events"]) == (1, 1, 0)


def test_a_switch_in_week_w_governs_from_w_plus_1() -> None:
    person = Person(answers=[(0, "client")], caseworkers=[("K1", 0, 7), ("K2", 8, 20), ("K1", 21, None)])
    assert rows(person, "caseworker", "switched") == [
        [0, 8, "K1", 0],
        [8, 21, "K2", 1],
        [21, 52, "K1", 1],
    ]


def test_a_new_assignment_of_the_same_caseworker_is_no_switch() -> None:
    person = Person(answers=[(0, "client")], caseworkers=[("K1", 0, 7), ("K1", 8, None)])
    assert rows(person, "caseworker", "switched") == [[0, 52, "K1", 0]]


def test_a_change_up_to_the_week_of_enrolment_is_no_switch() -> None:
    person = Person(answers=[(0, "client")], caseworkers=[("K0", -30, -1), ("K1", 0, None)])
    assert rows(person, "caseworker", "switched") == [[0, 52, "K1", 0]]


def test_weeks_outside_every_assignment_have_no_caseworker() -> None:
    person = Person(answers=[(0, "client")], caseworkers=[("K1", 3, 7), ("K2", 10, 19)])
    study = make({"a": person})
    assert rows(person, "caseworker") == [
        [0, 3, None],
        [3, 8, "K1"],  # what is in force at the end of week 7 governs week 8
        [8, 10, None],
        [10, 20, "K2"],
        [20, 52, None],
    ]
    assert bip.spells(study).attrs["flow"]["weeks_without_caseworker"] == 3 + 2 + 32


def test_a_row_that_starts_in_the_last_week_of_an_assignment_still_has_its_caseworker() -> None:
    person = Person(answers=[(7, "client")], caseworkers=[("K1", 0, 7)])
    assert rows(person, "caseworker") == [[7, 8, "K1"], [8, 59, None]]


def test_nothing_passes_from_one_client_to_the_next() -> None:
    people = {
        "a": Person(
            answers=[(0, "client", 4)],
            caseworkers=[("K1", 0, 9), ("K2", 10, None)],
            interventions=[(1, 0, None)],
        ),
        "b": Person(answers=[(5, "client", {}), (6, "caseworker", 2)], caseworkers=[("K3", 20, None)]),
    }
    frame = bip.spells(make(people))
    columns = ["start", "stop", "network_client", "caseworker", "switched", "intervention_class"]
    found = frame.loc[frame["client"] == "b", columns].astype(object)
    assert found.where(found.notna(), None).values.tolist() == [
        [6, 20, None, None, 0, "none"],
        [20, 58, None, "K3", 0, "none"],
    ]


def test_the_class_looks_back_13_weeks_the_start_included() -> None:
    # A job record in weeks 5-6 is in the window of rows that start in 5, ..., 6 + 12; a social one in weeks 10-20.
    person = Person(answers=[(0, "client")], interventions=[(1, 5, 6), (15, 10, 20)])
    assert rows(person, "intervention_class") == [
        [0, 5, "none"],
        [5, 10, "job only"],
        [10, 19, "job + other"],
        [19, 33, "other only"],
        [33, 52, "none"],
    ]


def test_a_record_without_end_runs_on_and_overlapping_ones_count_once() -> None:
    person = Person(
        answers=[(0, "client")], interventions=[(3, 2, 10), (9, 4, 12), (3, 30, None), (3, -40, -14)]
    )
    assert rows(person, "intervention_class") == [
        [0, 2, "none"],
        [2, 25, "job only"],
        [25, 30, "none"],
        [30, 52, "job only"],
    ]


def test_a_record_before_enrolment_still_counts_in_its_13_weeks() -> None:
    person = Person(answers=[(0, "client")], interventions=[(20, -20, -10)])
    assert rows(person, "intervention_class") == [[0, 3, "other only"], [3, 52, "none"]]


def test_risk_begins_after_a_job_in_progress_and_with_the_first_answer() -> None:
    person = Person(states={(-5, 8): "job", (30, 40): "job"}, answers=[(0, "client", 2), (20, "client", 3)])
    assert rows(person, "network", "event") == [[8, 20, 2, 0], [20, 30, 3, 1]]


def test_answers_before_enrolment_are_carried() -> None:
    assert rows(Person(answers=[(-4, "client", 2)]), "age_weeks_network", carry_weeks=10) == [[0, 6, 4]]


@pytest.mark.parametrize(
    ("state", "exit_"), [("pension", "pension"), ("dead", "death"), ("emigrated", "emigration")]
)
def test_competing_exits_are_on_the_last_row_only(state: str, exit_: str) -> None:
    person = Person(states={(20, 207): state}, answers=[(0, "client", 2), (10, "client", 2)])
    assert rows(person, "event", "exit") == [[0, 10, 0, "censored"], [10, 20, 0, exit_]]


def test_everyone_is_censored_at_the_data_end() -> None:
    person = Person(states={(DATA_END + 1, 207): "job"}, answers=[(180, "client")])
    assert rows(person, "event", "exit", "data_end") == [[180, DATA_END, 0, "censored", DATA_END]]
    person = Person(states={(DATA_END, 207): "job"}, answers=[(180, "client")])
    assert rows(person, "event", "exit", "data_end") == [[180, DATA_END, 1, "job", DATA_END]]


def test_the_flow_says_why_clients_have_no_rows() -> None:
    people = {
        "seen": Person(answers=[(0, "client")]),
        "silent": Person(),
        "empty": Person(answers=[(0, "client", {})]),
        "pensioner": Person(states={(0, 207): "pension"}, answers=[(0, "client")]),
        "early": Person(states={(3, 8): "job"}, answers=[(5, "client")]),
        "expired": Person(states={(-5, 80): "job"}, answers=[(0, "client")]),
    }
    frame = bip.spells(make(people))
    flow = frame.attrs["flow"]
    assert frame["client"].tolist() == ["seen"]
    assert {key: flow[key] for key in flow if key.startswith("clients")} == {
        "clients": 6,
        "clients_never_at_risk_in_register": 1,
        "clients_without_answer": 2,
        "clients_gone_before_first_answer": 1,
        "clients_with_expired_answers_only": 1,
        "clients_at_risk": 1,
        "clients_in_exit_state_at_enrolment": 2,
    }


def test_lost_time_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    from bipstats.timeline import spells as module

    original = module._merge
    monkeypatch.setattr(module, "_merge", lambda pieces, stop: original(pieces, stop - 1))
    with pytest.raises(RuntimeError, match="weeks_in_register is 204, but its parts are"):
        bip.spells(make({"a": Person(answers=[(0, "client")])}))


def test_study_without_answers_assignments_or_interventions_gives_no_rows() -> None:
    frame = bip.spells(make({"a": Person(caseworkers=[])}))
    assert len(frame) == 0
    assert frame["intervention_class"].cat.categories.tolist() == [
        "none",
        "other only",
        "job only",
        "job + other",
    ]
    assert isinstance(frame["caseworker"].dtype, pd.StringDtype)


def test_options_are_checked() -> None:
    study = make({"a": Person()})
    with pytest.raises(bip.OptionError, match="carry_weeks=0"):
        bip.spells(study, carry_weeks=0)
    with pytest.raises(bip.OptionError, match="outcome='benefit'"):
        bip.spells(study, outcome="benefit")
