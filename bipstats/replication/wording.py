"""Numbers and rows as text."""

from __future__ import annotations

import pandas as pd

from bipstats.tables import counted as counted

_PER_CENT = ("share of", "mean of shares")


def number(value: float, scale: str) -> str:
    """Format a number on its scale: a share in per cent, a ratio or difference with two or three digits.

    Examples
    --------
    >>> from bipstats.replication.wording import number
    >>> number(0.1476, "share of clients"), number(1.328, "hazard ratio"), number(float("nan"), "hazard ratio")
    ('14.8 %', '1.33', '')
    """
    if value is None or pd.isna(value):
        return ""
    if scale.startswith(_PER_CENT):
        return f"{100 * value:.1f} %"
    if scale.startswith(("sd of", "difference", "share difference")):
        return f"{value:+.3f}"
    return f"{value:.2f}"


def published_text(value: float, scale: str) -> str:
    """Format a published number as it is printed, without digits that no source gives.

    Examples
    --------
    >>> from bipstats.replication.wording import published_text
    >>> published_text(0.06, "share of clients"), published_text(0.1476, "share of clients")
    ('6 %', '14.76 %')
    """
    if pd.isna(value):
        return ""
    if scale.startswith((*_PER_CENT, "share difference", "relative reduction")):
        return f"{100 * value:.10g} %"
    return f"{value:.2f}"


def range_text(interval: object, scale: str) -> str:
    """Format an interval on its scale; empty where there is none.

    Examples
    --------
    >>> import pandas as pd
    >>> from bipstats.replication.wording import range_text
    >>> range_text(pd.Interval(0.01, 0.0249, closed="both"), "share of clients")
    '1.0 to 2.5 %'
    """
    if not isinstance(interval, pd.Interval):
        return ""
    low, high = number(interval.left, scale), number(interval.right, scale)
    return f"{low.removesuffix(' %')} to {high}"


def line(row: pd.Series) -> str:
    """One row of the ledger on one line."""
    scale = row["scale"]
    told = published_text(row["published"], scale) or "in words"
    found = number(row["estimate"], scale)
    interval = range_text(row["interval"], scale)
    estimate = f"{found} ({interval})" if interval else found or "no estimate"
    return (
        f"{row['id']:<20} {row['verdict']:<34} published {told:<9} estimate {estimate:<28} {row['statement']}"
    )
