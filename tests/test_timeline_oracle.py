"""Spells against a week-by-week reading of the rules, and what must not depend on how a study is laid out."""

from __future__ import annotations

import dataclasses
from datetime import timedelta
from itertools import pairwise

import numpy as np
import pandas as pd
from hypothesis import given, settings
from hypothesis import strategies as st
from pandas.testing import assert_frame_equal
from timelines import ENROLLED, Person, make

import bipstats as bip
from bipstats.codebook import CASEWORKER_ITEMS, CLIENT_ITEMS, INDICATORS, INTERVENTION_TYPES, REFERENCE_RATER

WEEKS = 70  # last register week of a client enrolled in week 0
LAST = ENROLLED + timedelta(weeks=WEEKS)
REGISTER = {"last": LAST, "weeks_before": 5}
ITEMS = {"client": CLIENT_ITEMS, "caseworker": CASEWORKER_ITEMS}
EXIT = {"job": "job", "education": "education", "pension": "pension", "flexjob": "other", "dead": "death"}
ASKED = ("network", "goal_directed", "realistic_competences")  # asked of both, of one, other reference rater

week = st.integers(-4, WEEKS)


@st.composite
def persons(draw: st.DrawFn) -> Person:
    def spans(longest: int, most: int) -> list[tuple[int, int]]:
        pairs = st.tuples(week, st.integers(0, longest))
        return [(a, a + n) for a, n in draw(st.lists(pairs, max_size=most))]

    kinds = st.sampled_from(["job", "education", "flexjob", "benefit", "pension"])
    states = {span: draw(kinds) for span in spans(8, 5)}
    if draw(st.integers(0, 9)) == 0:
        states[(draw(st.integers(1, WEEKS)), WEEKS)] = "dead"
    score = st.fixed_dictionaries({}, optional={key: st.integers(1, 5) for key in ASKED})
    dated = st.tuples(week, st.sampled_from(["client", "caseworker"]))
    answers = draw(st.dictionaries(dated, score, max_size=7))
    bounds = sorted(draw(st.sets(week, max_size=4)))
    gap = st.integers(1, 3)  # 1: the next caseworker takes over at once
    ends = [None if after is None else after - draw(gap) for after in [*bounds, None][1:]]
    name = st.sampled_from(["K1", "K2"])
    caseworkers = [(draw(name), a, b) for a, b in zip(bounds, ends, strict=False) if b is None or b >= a]
    interventions = [(draw(st.integers(1, 21)), a, draw(st.sampled_from([b, None]))) for a, b in spans(15, 4)]
    asked = [
        (w, rater, {k: v for k, v in s.items() if k in ITEMS[rater]}) for (w, rater), s in answers.items()
    ]
    return Person(states, asked, caseworkers, interventions)


@st.composite
def studies(draw: st.DrawFn) -> dict[str, Person]:
    found = draw(st.lists(persons(), min_size=1, max_size=3))
    return {f"P{number}": person for number, person in enumerate(found)}


def state(person: Person, w: int) -> str:
    """Last span given wins, as in the builder."""
    return ([what for (a, b), what in person.states.items() if a <= w <= b] or ["benefit"])[-1]


def follow_up(person: Person, outcome: str, k: int) -> tuple[int, int, str]:
    """Weeks at risk are start + 1 to stop; read off the rules one week at a time."""
    entries = {"job_or_education": [{"job", "education"}], "job": [{"job"}, {"education"}]}[outcome]
    data_end = WEEKS - (k - 1)
    start = 0
    if state(person, 0) in EXIT:
        while start < WEEKS and state(person, start + 1) in EXIT:
            start += 1
    for w in range(start + 1, data_end + 1):
        now = state(person, w)
        if now in {"pension", "dead"}:
            return start, w, EXIT[now]
        for group in [*entries, {"flexjob"}]:
            run = all(state(person, v) in group for v in range(w, w + k))
            if run and state(person, w - 1) not in group:
                return start, w, EXIT[now]
    return start, data_end, "censored"


def in_force(person: Person, rater: str, key: str, s: int, carry: int) -> tuple[int, int] | None:
    """Answer that governs week s + 1, with the week it was dated."""
    found = [(w, a[key]) for w, r, a in person.answers if r == rater and key in a and w <= s]
    latest = max(found, default=None)
    return None if latest is None or s + 1 > latest[0] + carry else latest


def governing(person: Person, s: int, carry: int) -> dict[str, object] | None:
    """All covariates of a row that starts in week s."""
    asked = [(key, rater) for rater in ITEMS for key in ASKED if key in ITEMS[rater]]
    answer = {(key, rater): in_force(person, rater, key, s, carry) for key, rater in asked}
    if not any(answer.values()):
        return None
    values: dict[str, object] = {f"{key}_{rater}": a and a[1] for (key, rater), a in answer.items()}
    for key in ASKED:
        chosen = answer.get((key, REFERENCE_RATER[key])) or answer[key, "caseworker"]
        values[key] = chosen and chosen[1]
        values[f"dated_{key}"] = chosen and chosen[0]
    begun = sorted((a, c, b) for c, a, b in person.caseworkers if a <= s)
    values["caseworker"] = begun[-1][1] if begun and (begun[-1][2] is None or begun[-1][2] >= s) else None
    values["switched"] = int(any(x[1] != y[1] and y[0] > 0 for x, y in pairwise(begun)))
    types = {
        INTERVENTION_TYPES[c] == "job"
        for c, a, b in person.interventions
        if a <= s and (b is None or b >= s - 12)
    }
    names = {(): "none", (False,): "other only", (True,): "job only", (False, True): "job + other"}
    values["intervention_class"] = names[tuple(sorted(types))]
    return values


def weekly(frame: pd.DataFrame, client: str) -> dict[int, dict[str, object]]:
    """The covariates of every week at risk, by its week s (the row covers s + 1)."""
    result: dict[int, dict[str, object]] = {}
    rows = frame[frame["client"] == client].astype(object)
    for row in rows.where(rows.notna(), None).to_dict("records"):
        for key in ASKED:
            age = row[f"age_weeks_{key}"]
            row[f"dated_{key}"] = None if age is None else row["start"] - age
        for s in range(row["start"], row["stop"]):
            assert s not in result, "a week is at risk once"
            result[s] = row
    return result


@settings(max_examples=60, deadline=None)
@given(
    studies(), st.sampled_from(["job_or_education", "job"]), st.integers(1, 4), st.sampled_from([3, 13, 52])
)
def test_spells_are_the_rules_read_week_by_week(
    people: dict[str, Person], outcome: str, k: int, carry: int
) -> None:
    frame = bip.spells(make(people, **REGISTER), outcome=outcome, sustained_weeks=k, carry_weeks=carry)
    for client, person in people.items():
        start, stop, exit_ = follow_up(person, outcome, k)
        expected = {s: v for s in range(start, stop) if (v := governing(person, s, carry)) is not None}
        found = weekly(frame, client)
        assert found.keys() == expected.keys()
        for s, values in expected.items():
            assert {key: found[s][key] for key in values} == values
        rows = frame[frame["client"] == client]
        assert (rows["data_end"] == WEEKS - k + 1).all()
        seen = exit_ != "censored" and stop - 1 in expected
        assert rows["exit"].tolist()[-1:] == ([exit_ if seen else "censored"] if expected else [])
        assert (rows["exit"].iloc[:-1] == "censored").all()
        entry = exit_ in {"job", "education"} if outcome == "job_or_education" else exit_ == outcome
        assert rows["event"].sum() == (seen and entry)


@settings(max_examples=30, deadline=None)
@given(studies())
def test_rows_are_as_long_as_they_can_be(people: dict[str, Person]) -> None:
    frame = bip.spells(make(people, **REGISTER))
    dated = {key: frame["start"] - frame[f"age_weeks_{key}"] for key in INDICATORS}
    plain = frame.assign(**{f"age_weeks_{key}": value for key, value in dated.items()})
    same = plain["client"].eq(plain["client"].shift()) & plain["start"].eq(plain["stop"].shift())
    covariates = plain.drop(columns=["start", "stop", "event", "exit"]).astype(object)
    before = covariates.shift()
    equal = ((covariates == before) | (covariates.isna() & before.isna())).all(axis=1)
    # An equal answer renews what stands behind the client's own: its date is in no column, yet it splits.
    renewed = {(client, w) for client, person in people.items() for w, *_ in person.answers}
    for row in frame[(same & equal).to_numpy(dtype=bool)].itertuples():
        assert (row.client, row.start) in renewed


@settings(max_examples=30, deadline=None)
@given(studies(), st.integers(1, 60))
def test_shifting_all_dates_by_whole_weeks_changes_nothing(people: dict[str, Person], weeks: int) -> None:
    shift = timedelta(weeks=weeks)
    later = {name: dataclasses.replace(p, enrolled=p.enrolled + shift) for name, p in people.items()}
    before, after = make(people, **REGISTER), make(later, last=LAST + shift, weeks_before=5)
    years = after.clients["enrolled"].dt.year - before.clients["enrolled"].dt.year
    same_age = after.with_clients(after.clients.assign(birth_year=before.clients["birth_year"] + years))
    assert_frame_equal(bip.spells(before), bip.spells(same_age))
    assert_frame_equal(bip.transitions(before), bip.transitions(same_age))
    assert_frame_equal(bip.interventions.classify(before), bip.interventions.classify(same_age))


@settings(max_examples=30, deadline=None)
@given(studies(), st.integers(0, 2**32 - 1))
def test_the_order_of_rows_does_not_matter(people: dict[str, Person], seed: int) -> None:
    study = make(people, **REGISTER)
    rng = np.random.default_rng(seed)
    shuffled = dataclasses.replace(
        study,
        **{
            name: (table := getattr(study, name)).take(rng.permutation(len(table)))
            for name in ("responses", "assignments", "interventions", "register")
        },
    )
    assert_frame_equal(bip.spells(study), bip.spells(shuffled))
    assert_frame_equal(bip.landmarks(study, at=10), bip.landmarks(shuffled, at=10))
    assert_frame_equal(bip.transitions(study), bip.transitions(shuffled))
    assert_frame_equal(bip.interventions.classify(study), bip.interventions.classify(shuffled))


@settings(max_examples=30, deadline=None)
@given(studies(), st.randoms(use_true_random=False))
def test_the_order_of_clients_is_that_of_the_study(people: dict[str, Person], random: object) -> None:
    study = make(people, **REGISTER)
    names = list(people)
    random.shuffle(names)
    turned = bip.spells(make({name: people[name] for name in names}, **REGISTER))
    assert turned["client"].drop_duplicates().tolist() == [n for n in names if n in set(turned["client"])]
    expected = bip.spells(study)
    by = ["client", "start"]
    assert_frame_equal(turned.sort_values(by, ignore_index=True), expected.sort_values(by, ignore_index=True))


@settings(max_examples=30, deadline=None)
@given(studies(), st.integers(0, 40), st.integers(1, 60))
def test_a_landmark_is_the_spell_in_force(people: dict[str, Person], at: int, horizon: int) -> None:
    study = make(people, **REGISTER)
    spells, found = bip.spells(study), bip.landmarks(study, at=at, horizon=horizon)
    rows = spells[(spells["start"] <= at) & (spells["stop"] > at)]
    assert found["client"].tolist() == rows["client"].tolist()
    columns = [*ASKED, "network_client", "caseworker", "switched", "intervention_class", "age", "jobcentre"]
    assert_frame_equal(found[columns], rows[columns].reset_index(drop=True))
    for row in found.itertuples():
        _, stop, exit_ = follow_up(people[row.client], "job_or_education", 4)
        within = exit_ != "censored" and stop - at <= horizon
        assert row.weeks == min(stop - at, horizon)
        assert row.exit == (exit_ if within else "censored")
        if exit_ == "censored" and stop - at < horizon:
            assert row.entered is pd.NA
        else:
            assert row.entered == (within and exit_ in {"job", "education"})
