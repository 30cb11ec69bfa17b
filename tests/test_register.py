"""Weekly codes to states, and states to the end of follow-up; every expectation is worked out by hand."""

from __future__ import annotations

import dataclasses
from datetime import date

import numpy as np
import pandas as pd
import pytest
from timelines import LAST, Person, make

import bipstats as bip
from bipstats.codebook import dream
from bipstats.register.outcomes import outcomes

# Enrolled in the week of 7 January 2013 (2013-W02); the register ends with the week of 26 December 2016
# (2016-W52). 2013 and 2014 have 52 ISO weeks, 2015 has 53: 51 + 52 + 53 + 52 - 1 = 207.
LAST_WEEK = 207
DATA_END = LAST_WEEK - 3  # the last week in which a run of four can begin


def end_of(states: dict, **options: object) -> tuple[int, int, str, int]:
    row = outcomes(make({"a": Person(states=states)}), **options).iloc[0]
    return int(row["risk_start"]), int(row["week"]), row["exit"], int(row["event"])


def test_blank_benefit_is_job_or_self_support_by_the_month_of_the_thursday() -> None:
    study = make({"a": Person()}, last=date(2014, 12, 29))
    register = study.register.copy()
    # Monday 31 March 2014 (2014-W14) belongs to April, its Thursday being 3 April; Monday 24 March (W13) to March.
    for week in ("y_1413", "y_1414"):
        register[week] = register[week].mask(np.array([True]))
    register["branche_2014_03"] = pd.array([620100], dtype="Int32")
    runs = bip.register_states(dataclasses.replace(study, register=register))
    found = runs[runs["state"] != "social_assistance"]
    # 2014-W13 is week 63 after 2013-W02: 51 weeks to 2014-W01, then 12.
    assert found[["start_week", "end_week", "state"]].values.tolist() == [
        [63, 63, "job"],
        [64, 64, "self_support"],
    ]


def test_a_benefit_wins_over_an_industry_code() -> None:
    study = make({"a": Person(states={(10, 11): "education"})})
    register = study.register.assign(branche_2013_03=pd.array([620100], dtype="Int32"))
    runs = bip.register_states(dataclasses.replace(study, register=register))
    assert set(runs["state"]) == {"social_assistance", "education"}


def test_runs_cover_every_week_once_and_2015_has_53() -> None:
    enrolled = date(2015, 12, 7)  # 2015-W50: week 3 is 2015-W53, week 4 is 2016-W01
    study = make({"a": Person(enrolled=enrolled, states={(3, 3): "education", (4, 5): "flexjob"})})
    assert study.register["y_1553"].item() == 651
    assert study.register["y_1601"].item() == 771
    runs = bip.register_states(study)
    expected = [
        [-52, 2, "social_assistance"],
        [3, 3, "education"],
        [4, 5, "flexjob"],
        [6, 55, "social_assistance"],
    ]
    assert runs[["start_week", "end_week", "state"]].values.tolist() == expected


@pytest.mark.parametrize(
    ("states", "expected"),
    [
        ({}, (0, DATA_END, "censored", 0)),
        ({(10, 12): "job"}, (0, DATA_END, "censored", 0)),  # three weeks are no entry
        ({(10, 13): "job"}, (0, 10, "job", 1)),
        ({(1, 4): "job"}, (0, 1, "job", 1)),
        ({(10, 11): "job", (12, 13): "education"}, (0, 10, "job", 1)),  # both count towards one run
        ({(10, 11): "education", (12, 13): "job"}, (0, 10, "education", 1)),
        ({(10, 12): "job", (14, 20): "education"}, (0, 14, "education", 1)),
        ({(DATA_END, LAST_WEEK): "job"}, (0, DATA_END, "job", 1)),  # completed in the very last week
        ({(DATA_END + 1, LAST_WEEK): "job"}, (0, DATA_END, "censored", 0)),
    ],
)
def test_a_run_of_k_weeks_is_an_entry_in_its_first_week(states: dict, expected: tuple) -> None:
    assert end_of(states) == expected


@pytest.mark.parametrize(
    ("states", "expected"),
    [
        ({(10, 10): "pension"}, (0, 10, "pension", 0)),  # absorbing from its first week
        ({(10, 11): "job", (12, LAST_WEEK): "dead"}, (0, 12, "death", 0)),  # death before the run completes
        ({(10, 13): "job", (14, LAST_WEEK): "dead"}, (0, 10, "job", 1)),
        ({(30, 33): "emigrated"}, (0, 30, "emigration", 0)),
        ({(10, 12): "flexjob"}, (0, DATA_END, "censored", 0)),
        ({(10, 13): "flexjob"}, (0, 10, "other", 0)),
        ({(10, 11): "flexjob", (12, 13): "self_support"}, (0, 10, "other", 0)),
        ({(10, 13): "flexjob", (20, 23): "job"}, (0, 10, "other", 0)),
        ({(20, 23): "job", (24, 60): "flexjob"}, (0, 20, "job", 1)),
        (
            {(DATA_END + 1, LAST_WEEK): "pension"},
            (0, DATA_END, "censored", 0),
        ),  # all are censored k - 1 weeks early
    ],
)
def test_competing_exits_end_follow_up(states: dict, expected: tuple) -> None:
    assert end_of(states) == expected


@pytest.mark.parametrize(
    ("outcome", "expected"),
    [
        ("job", (0, 10, "education", 0)),
        ("education", (0, 10, "education", 1)),
        ("job_or_education", (0, 10, "education", 1)),
    ],
)
def test_a_run_of_education_competes_with_a_job(outcome: str, expected: tuple) -> None:
    assert end_of({(10, 13): "education", (30, 40): "job"}, outcome=outcome) == expected


def test_a_mixed_run_is_no_entry_into_a_job() -> None:
    assert end_of({(10, 12): "job", (13, 15): "education"}, outcome="job") == (0, DATA_END, "censored", 0)


@pytest.mark.parametrize(
    ("states", "expected"),
    [
        ({(-5, 8): "job", (30, 40): "job"}, (8, 30, "job", 1)),  # not at risk until the first run ends
        ({(0, 0): "job", (30, 40): "job"}, (0, 30, "job", 1)),
        ({(-5, 8): "job", (9, 12): "education", (13, 30): "flexjob"}, (30, DATA_END, "censored", 0)),
        ({(-40, -30): "emigrated"}, (0, DATA_END, "censored", 0)),  # back before enrolment
        ({(-4, 12): "emigrated", (20, 23): "job"}, (12, 20, "job", 1)),
        ({(0, LAST_WEEK): "pension"}, (LAST_WEEK, DATA_END, "censored", 0)),  # never at risk
    ],
)
def test_who_is_in_an_exit_state_at_enrolment_is_at_risk_when_it_ends(states: dict, expected: tuple) -> None:
    assert end_of(states) == expected


@pytest.mark.parametrize(("k", "week"), [(1, 5), (2, 5), (3, 20), (6, 20), (7, DATA_END - 3)])
def test_the_length_of_the_run_is_the_users_choice(k: int, week: int) -> None:
    found = end_of({(5, 6): "job", (20, 25): "job"}, sustained_weeks=k)
    assert found[1] == week


def test_a_single_week_of_register_codes_can_be_mapped_by_the_user(tmp_path) -> None:
    study = make({"a": Person(states={(10, 13): "flexjob"})})
    ours = dream()
    text = ['status = "assumed"', 'source = "a test"']
    for state in ours.names:
        codes = sorted(code for code, name in ours.states.items() if name == state and code != 771)
        codes += [771] if state == "social_assistance" else []
        text += [f"[states.{state}]", f'exit = "{ours.exits[state]}"']
        text += [f"codes = {codes}"] if codes else ['rule = "blank benefit"']
    path = tmp_path / "codes.toml"
    path.write_text("\n".join(text), encoding="utf-8")
    assert outcomes(study)["exit"].item() == "other"
    assert outcomes(study, codes=path)["exit"].item() == "censored"
    assert outcomes(study, codes=dream(path))["exit"].item() == "censored"


def test_codes_without_a_state_are_named_and_counted() -> None:
    study = make({"a": Person()})
    codes = dream()
    known = {code: state for code, state in codes.states.items() if code != 130}
    with pytest.raises(bip.OptionError, match=r"1 benefit code\(s\) .* 130 \(260 weeks\)"):
        bip.register_states(study, codes=dataclasses.replace(codes, states=known))


def test_holes_in_the_register_are_refused() -> None:
    study = make({"a": Person(), "b": Person()})
    for column, what in (("y_1420", "1 week has no column"), ("branche_2014_05", "1 month has no column")):
        register = study.register.drop(columns=column)
        with pytest.raises(bip.DataProblems, match=what):
            bip.register_states(dataclasses.replace(study, register=register))
    short = study.register.drop(columns="branche_2016_12")
    with pytest.raises(bip.DataProblems, match="1 month of the weeks has no column"):
        bip.register_states(dataclasses.replace(study, register=short))
    with pytest.raises(bip.DataProblems, match="1 client has no row in the register \\(line 3\\)"):
        bip.register_states(dataclasses.replace(study, register=study.register.iloc[:1]))


def test_enrolment_before_the_register_is_refused() -> None:
    study = make({"a": Person()})
    early = study.clients.assign(enrolled=pd.Timestamp("2010-01-04"))
    with pytest.raises(bip.DataProblems, match="1 client was enrolled before the register's first week"):
        outcomes(dataclasses.replace(study, clients=early))


def test_the_data_end_is_on_the_clients_own_clock() -> None:
    people = {"a": Person(), "b": Person(enrolled=date(2013, 1, 13)), "c": Person(enrolled=date(2013, 1, 14))}
    ends = outcomes(make(people, last=LAST))
    assert ends["data_end"].tolist() == [
        DATA_END,
        DATA_END,
        DATA_END - 1,
    ]  # 13 January is the Sunday of week 0


@pytest.mark.parametrize(
    "options",
    [{"outcome": "work"}, {"sustained_weeks": 0}, {"sustained_weeks": 2.5}, {"sustained_weeks": 999}],
)
def test_options_are_checked(options: dict) -> None:
    with pytest.raises(bip.OptionError, match=next(iter(options))):
        outcomes(make({"a": Person()}), **options)


@pytest.mark.parametrize("call", [bip.spells, bip.landmarks, bip.register_states, bip.transitions])
@pytest.mark.parametrize("given", ["folder", pd.DataFrame({"client": ["a"]})], ids=["path", "frame"])
def test_whatever_is_no_study_is_refused_by_name(call, given) -> None:
    with pytest.raises(bip.OptionError, match=rf"must be a Study, not {type(given).__name__}.*read_study"):
        call(given)
