"""Person-periods: exposure by hand, conservation on random spells, and refusals."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose
from pandas.testing import assert_frame_equal
from timelines import Person, make

import bipstats as bip


def frame(*rows: tuple, **columns: list) -> pd.DataFrame:
    plain = pd.DataFrame(rows, columns=["client", "start", "stop", "event"])
    return plain.assign(**columns)


def pieces(data: pd.DataFrame, *columns: str, **options: object) -> list[list]:
    found = bip.person_periods(data, **options)
    return found[["client", "period", "event", "exposure", *columns]].values.tolist()


def test_late_entry_and_censoring_shorten_the_exposure_and_an_event_does_not() -> None:
    data = frame(("a", 5, 20, 1), ("b", 0, 30, 0))
    assert pieces(data) == [
        ["a", 0, 0, 8 / 13],
        ["a", 1, 1, 1.0],  # from week 14 to the period's end in week 26, though entry came in week 20
        ["b", 0, 0, 1.0],
        ["b", 1, 0, 1.0],
        ["b", 2, 0, 4 / 13],
    ]


def test_an_event_counts_to_the_data_end_if_that_comes_first() -> None:
    data = frame(("a", 13, 20, 1), ("b", 13, 20, 0), ("c", 13, 24, 1), data_end=[24, 24, 24])
    assert pieces(data) == [["a", 1, 1, 11 / 13], ["b", 1, 0, 7 / 13], ["c", 1, 1, 11 / 13]]


def test_competing_exits_end_the_exposure_and_exit_is_on_the_last_piece() -> None:
    data = frame(("a", 0, 20, 0), ("b", 0, 15, 1), exit=["death", "job"])
    assert pieces(data, "exit") == [
        ["a", 0, 0, 1.0, "censored"],
        ["a", 1, 0, 7 / 13, "death"],
        ["b", 0, 0, 1.0, "censored"],
        ["b", 1, 1, 1.0, "job"],
    ]
    levels = bip.person_periods(data)["exit"].cat.categories
    assert set(levels) == {"censored", "death", "job"}


def test_a_border_belongs_to_the_earlier_period() -> None:
    assert pieces(frame(("a", 0, 13, 1))) == [["a", 0, 1, 1.0]]
    assert pieces(frame(("a", 13, 14, 0))) == [["a", 1, 0, 1 / 13]]


def test_changes_inside_a_period_are_split_or_taken_at_the_start() -> None:
    data = frame(
        ("a", 2, 6, 0),
        ("a", 6, 10, 0),
        ("a", 12, 18, 1),
        belief=[1, 2, 3],
        exit=["censored", "censored", "job"],
    )
    assert pieces(data, "belief", "exit") == [
        ["a", 0, 0, 4 / 13, 1, "censored"],
        ["a", 0, 0, 4 / 13, 2, "censored"],
        ["a", 0, 0, 1 / 13, 3, "censored"],
        ["a", 1, 1, 1.0, 3, "job"],
    ]
    assert pieces(data, "belief", "exit", "start", "stop", changes="start") == [
        ["a", 0, 0, 9 / 13, 1, "censored", 2, 13],
        ["a", 1, 1, 1.0, 3, "job", 13, 18],
    ]


def test_the_event_inside_a_period_with_changes_extends_its_own_piece_only() -> None:
    data = frame(("a", 0, 6, 0), ("a", 6, 9, 1))
    assert pieces(data) == [["a", 0, 0, 6 / 13], ["a", 0, 1, 7 / 13]]
    assert pieces(data, changes="start") == [["a", 0, 1, 1.0]]


def test_other_widths_and_the_order_of_clients() -> None:
    data = frame(("b", 0, 5, 0), ("a", 1, 4, 1))
    assert pieces(data, width=4) == [["b", 0, 0, 1.0], ["b", 1, 0, 0.25], ["a", 0, 1, 0.75]]


def test_times_need_not_be_whole() -> None:
    assert pieces(frame(("a", 0.5, 2.25, 0)), width=1) == [
        ["a", 0, 0, 0.5],
        ["a", 1, 0, 1.0],
        ["a", 2, 0, 0.25],
    ]


def test_columns_and_dtypes_are_kept_and_the_input_is_not_touched() -> None:
    answers = [(0, "client", 4), (20, "caseworker", 2)]
    spells = bip.spells(make({"a": Person(states={(40, 50): "job"}, answers=answers)}))
    before = spells.copy(deep=True)
    found = bip.person_periods(spells)
    assert list(found.columns[:4]) == ["client", "period", "event", "exposure"]
    assert set(found.columns) == {*spells.columns, "period", "exposure"}
    assert_frame_equal(spells, before)
    assert spells.attrs == before.attrs
    changed = {name for name in spells if found[name].dtype != spells[name].dtype}
    assert not changed
    assert found.attrs["flow"] == {"rows_in": 2, "rows_out": 5, "events": 1, "time_at_risk": 40.0}


def test_an_empty_frame_gives_an_empty_frame() -> None:
    spells = bip.spells(make({"a": Person()}))
    for changes in ("split", "start"):
        assert len(bip.person_periods(spells, changes=changes)) == 0


@st.composite
def spells(draw: st.DrawFn) -> pd.DataFrame:
    rows = []
    for client in range(draw(st.integers(1, 4))):
        bounds = sorted(draw(st.sets(st.integers(0, 90), min_size=2, max_size=8)))
        touching = list(pairwise(bounds))
        kept = [pair for pair in touching if draw(st.integers(0, 3))] or touching[:1]
        event = draw(st.integers(0, 1))
        rows += [(f"c{client}", a, b, event * (b == kept[-1][1])) for a, b in kept]
    data = frame(*rows)
    return data.assign(
        x=draw(st.lists(st.integers(0, 2), min_size=len(data), max_size=len(data))), data_end=95
    )


widths = st.integers(1, 30)


@settings(deadline=None)
@given(spells(), widths, st.sampled_from(["split", "start"]))
def test_exposure_is_the_share_of_weeks_at_risk(data: pd.DataFrame, width: int, changes: str) -> None:
    found = bip.person_periods(data, width, changes=changes)
    expected: dict[tuple[str, int], list[int]] = {}
    for client, start, stop, event in data[["client", "start", "stop", "event"]].values.tolist():
        for week in range(start + 1, stop + 1):
            expected.setdefault((client, (week - 1) // width), [0, 0])[0] += 1
        if event:
            period = (stop - 1) // width
            expected[client, period][0] += min(width * (period + 1), 95) - stop
            expected[client, period][1] += 1
    totals = found.groupby(["client", "period"])[["exposure", "event"]].sum()
    assert list(totals.index) == sorted(expected)
    weeks, events = np.array([expected[key] for key in totals.index]).T
    assert_allclose(totals["exposure"] * width, weeks, rtol=1e-12)
    assert totals["event"].tolist() == events.tolist()
    assert found["exposure"].between(0, 1, inclusive="right").all()
    assert found.attrs["flow"]["events"] == data["event"].sum()
    assert found.attrs["flow"]["time_at_risk"] == (data["stop"] - data["start"]).sum()
    if changes == "start":
        assert len(found) == len(expected)


@settings(deadline=None)
@given(spells(), widths, st.data())
def test_splitting_a_spell_in_two_leaves_the_totals(
    data: pd.DataFrame, width: int, draw: st.DataObject
) -> None:
    row = draw.draw(st.integers(0, len(data) - 1))
    start, stop = data.loc[row, "start"], data.loc[row, "stop"]
    cut = draw.draw(st.integers(start, stop))
    if start < cut < stop:
        halves = pd.concat([data.iloc[[row]].assign(stop=cut, event=0), data.iloc[[row]].assign(start=cut)])
        cut_data = pd.concat([data.drop(index=row), halves], ignore_index=True)
    else:
        cut_data = data
    by = ["client", "period"]
    whole, parts = (
        bip.person_periods(d, width).groupby(by)[["exposure", "event"]].sum() for d in (data, cut_data)
    )
    assert_frame_equal(whole, parts)
    one, two = (
        bip.person_periods(d, width, changes="start").sort_values(by, ignore_index=True)
        for d in (data, cut_data)
    )
    assert_frame_equal(one, two)


@settings(deadline=None)
@given(spells(), widths, st.randoms(use_true_random=False))
def test_the_order_of_rows_does_not_matter(data: pd.DataFrame, width: int, random: object) -> None:
    order = list(range(len(data)))
    random.shuffle(order)
    by = ["client", "start"]
    found = [
        bip.person_periods(d, width).sort_values(by, ignore_index=True) for d in (data, data.take(order))
    ]
    assert_frame_equal(*found)


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ([("a", 0, 5, 0), ("a", 4, 9, 0)], r"1 row\(s\) .* overlap the row before .* \(positions 1\)"),
        ([("a", 4, 9, 0), ("a", 0, 5, 0)], r"1 row\(s\) .* overlap the row before .* \(positions 0\)"),
        ([("a", 0, 0, 0), ("b", 3, 2, 0)], r"2 row\(s\) .* start >= stop \(positions 0, 1\)"),
        ([("a", 0, 5, 1), ("a", 5, 9, 0)], r"1 row\(s\) .* not on the client's last row \(positions 0\)"),
        ([("a", 0, 5, 2)], r"1 row\(s\) .* an event other than 0 and 1"),
        ([("a", 0, None, 0)], r"1 row\(s\) .* have no stop"),
        ([("a", 0, np.inf, 0)], r"1 row\(s\) .* infinite start or stop"),
        ([(None, 0, 1, 0)], r"1 row\(s\) .* have no client"),
    ],
)
def test_rows_that_are_no_partition_of_time_are_refused(rows: list[tuple], message: str) -> None:
    with pytest.raises(bip.ModelError, match=message):
        bip.person_periods(frame(*rows))


def test_other_refusals() -> None:
    data = frame(("a", 0, 5, 1))
    with pytest.raises(bip.ModelError, match="have an event after data_end"):
        bip.person_periods(data.assign(data_end=4))
    with pytest.raises(bip.ModelError, match=r"lack the column\(s\) event"):
        bip.person_periods(data.drop(columns="event"))
    with pytest.raises(bip.ModelError, match=r"already have the column\(s\) period"):
        bip.person_periods(data.assign(period=1))
    with pytest.raises(bip.ModelError, match="start has dtype"):
        bip.person_periods(data.assign(start="0"))
    with pytest.raises(bip.OptionError, match="width=0"):
        bip.person_periods(data, width=0)
    with pytest.raises(bip.OptionError, match="changes='middle'"):
        bip.person_periods(data, changes="middle")
