"""The register's calendar against the standard library's ISO weeks and against weeks counted by hand."""

from __future__ import annotations

from datetime import date, timedelta

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bipstats.codebook import calendar

# Two-digit years name 1990 to 2089.
FIRST_WEEK, LAST_WEEK = (
    int(calendar.week_index(np.datetime64(date.fromisocalendar(year, week, 1))))
    for year, week in [(1990, 1), (2089, 52)]
)
weeks = st.integers(FIRST_WEEK, LAST_WEEK)
days = st.dates(date(1990, 1, 1), date(2089, 12, 25))


@given(weeks)
def test_a_week_column_names_its_week(week):
    assert calendar.parse_week_column(calendar.week_column(week)) == week


@given(st.integers(12 * 20, 12 * 120 - 1))
def test_a_month_column_names_its_month(month):
    name = calendar.month_column(month)
    assert calendar.parse_month_column(name) == month
    assert calendar.parse_month_column(name.replace("branche_", "br_")) == month


@given(days)
def test_the_column_of_a_day_is_its_iso_week(day):
    year, week, _ = day.isocalendar()
    index = int(calendar.week_index(np.datetime64(day)))
    assert calendar.week_column(index) == f"y_{year % 100:02d}{week:02d}"


@given(days)
def test_weeks_run_from_monday_to_sunday(day):
    index = calendar.week_index(np.datetime64(day))
    monday = day - timedelta(days=day.weekday())
    assert calendar.monday(index) == np.datetime64(monday)
    assert calendar.week_index(np.datetime64(monday + timedelta(days=6))) == index
    assert calendar.week_index(np.datetime64(monday + timedelta(days=7))) == index + 1


@given(days)
def test_a_week_belongs_to_the_month_of_its_thursday(day):
    index = calendar.week_index(np.datetime64(day))
    thursday = day - timedelta(days=day.weekday()) + timedelta(days=3)
    assert calendar.month_of_week(index) == 12 * (thursday.year - 1970) + thursday.month - 1


@pytest.mark.parametrize(
    ("day", "column", "month"),
    [
        ("2013-12-30", "y_1401", "branche_2014_01"),  # Monday; its Thursday is 2 January 2014
        ("2015-12-31", "y_1553", "branche_2015_12"),  # the Thursday itself
        ("2016-01-03", "y_1553", "branche_2015_12"),  # Sunday of the same week
        ("2016-01-04", "y_1601", "branche_2016_01"),
        ("2013-05-01", "y_1318", "branche_2013_05"),  # Wednesday; Thursday 2 May
        ("2013-04-29", "y_1318", "branche_2013_05"),  # Monday in April, Thursday in May
        ("1970-01-05", "y_7002", "branche_1970_01"),  # week 0
    ],
)
def test_weeks_counted_by_hand(day, column, month):
    week = int(calendar.week_index(np.datetime64(day)))
    assert calendar.week_column(week) == column
    assert calendar.month_column(int(calendar.month_of_week(week))) == month


def test_only_long_years_have_a_week_53():
    """2009, 2015 and 2020 have 53 ISO weeks."""
    long = [
        year for year in range(2008, 2022) if calendar.parse_week_column(f"y_{year % 100:02d}53") is not None
    ]
    assert long == [2009, 2015, 2020]
    assert calendar.parse_week_column("y_1601") == calendar.parse_week_column("y_1553") + 1
    assert calendar.parse_week_column("y_1501") == calendar.parse_week_column("y_1452") + 1


def test_short_years_turn_at_ninety():
    assert calendar.parse_week_column("y_9001") == FIRST_WEEK
    assert calendar.parse_week_column("y_8952") == LAST_WEEK


@pytest.mark.parametrize(
    "name", ["y_1453", "y_1300", "y_1354", "y_131", "y_13010", "Y_1301", "x_1301", " y_1301"]
)
def test_what_names_no_week(name):
    assert calendar.parse_week_column(name) is None


@pytest.mark.parametrize(
    "name", ["branche_2013_13", "branche_2013_00", "br_13_01", "branche_2013_1", "branch_2013_01"]
)
def test_what_names_no_month(name):
    assert calendar.parse_month_column(name) is None


def test_arrays_go_through_whole():
    dates = np.array([["2013-01-07", "2013-01-14"], ["2013-01-13", "2013-01-20"]], dtype="datetime64[ns]")
    index = calendar.week_index(dates)
    assert index.shape == (2, 2)
    assert (index[0] == index[1]).all()
    assert (np.diff(index[0]) == 1).all()


def test_a_missing_date_is_refused():
    with pytest.raises(ValueError, match="without missing"):
        calendar.week_index(np.array(["2013-01-07", "NaT"], dtype="datetime64[D]"))
