"""Relations between rows and between tables, as masks: repeated, absent, overlapping, before, after."""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from bipstats.codebook.calendar import parse_week_column, week_index
from bipstats.study.parse import Mask
from bipstats.study.rules.base import Sheets
from bipstats.study.rules.identifiers import zeros_differ
from bipstats.study.sheet import Sheet


def duplicated(sheet: Sheet, *key: str) -> Mask:
    """Rows that repeat the key of an earlier row; incomplete keys repeat nothing."""
    return sheet.frame.duplicated(list(key)).to_numpy(dtype=bool) & sheet.known(*key)


def absent(sheets: Sheets, table: str, other: str) -> Mask:
    """Rows of `table` whose client has no row in `other`, not even but for leading zeros."""
    client = sheets[table].frame["client"]
    there = client.isin(sheets[other].frame["client"].dropna())
    strange = (client.notna() & ~there).to_numpy(dtype=bool)
    return strange & ~zeros_differ(sheets[table], sheets[other])


def ends_early(sheet: Sheet) -> Mask:
    """Rows that end before they start."""
    return (sheet.frame["end"] < sheet.frame["start"]).to_numpy(dtype=bool)


def overlapping(sheet: Sheet, *key: str) -> Mask:
    """Rows that start while an earlier row with the same key still runs; both dates are inclusive."""
    unreadable_end = sheet.frame["end"].isna().to_numpy(dtype=bool) & ~sheet.empty("end")
    usable = sheet.known(*key, "start") & ~unreadable_end & ~ends_early(sheet)
    spans = sheet.frame.loc[usable, [*key, "start", "end"]]
    spans = spans.sort_values([*key, "start"], kind="stable")
    last = spans["end"].fillna(pd.Timestamp.max)
    keys = [spans[name] for name in key]
    so_far = last.groupby(keys, observed=True).cummax().groupby(keys, observed=True).shift()
    result = np.zeros(len(sheet.frame), dtype=bool)
    result[spans.index[(spans["start"] <= so_far).to_numpy(dtype=bool)]] = True
    return result


def enrolment(sheets: Sheets, client: pd.Series) -> pd.Series:
    """Date of enrolment of each client; missing where the client is unknown."""
    clients = sheets["clients"].frame
    usable = clients.loc[clients["client"].notna()].drop_duplicates("client")
    return looked_up(usable.set_index("client")["enrolled"], client)


def looked_up(values: pd.Series, client: pd.Series) -> pd.Series:
    """Value of each client, from a series by client; missing where it has none."""
    return values.reindex(pd.Index(client)).set_axis(client.index)


def before_enrolment(sheets: Sheets, table: str, date: str) -> Mask:
    """Rows dated before the client's enrolment."""
    frame = sheets[table].frame
    return (frame[date] < enrolment(sheets, frame["client"])).to_numpy(dtype=bool)


def register_weeks(sheets: Sheets) -> NDArray[np.int64]:
    """Absolute weeks that the register has, in order."""
    parsed = (parse_week_column(name) for name in sheets["register"].header)
    return np.unique([week for week in parsed if week is not None]).astype(np.int64)


def weeks_of(dates: pd.Series) -> NDArray[np.float64]:
    """Absolute week of each date, NaN where missing."""
    weeks = np.full(len(dates), np.nan)
    known = dates.notna().to_numpy(dtype=bool)
    weeks[known] = week_index(dates[known].to_numpy())
    return weeks


def weeks_covered(sheets: Sheets, table: str, date: str) -> Mask:
    """Rows dated within the register's weeks; all of them if it has none (another rule says so)."""
    weeks = register_weeks(sheets)
    if not weeks.size:
        return np.ones(len(sheets[table].frame), dtype=bool)
    week = weeks_of(sheets[table].frame[date])
    return (week >= weeks[0]) & (week <= weeks[-1])


def after_register(sheets: Sheets, table: str, date: str) -> Mask:
    """Rows dated after the register's last week."""
    weeks = register_weeks(sheets)
    last = weeks[-1] if weeks.size else np.inf
    return weeks_of(sheets[table].frame[date]) > last
