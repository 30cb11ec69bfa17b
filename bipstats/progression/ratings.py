"""Ratings of an instrument, from a study or from a frame, and how much of a change in them is noise."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from bipstats.core.columns import listed, require_columns, require_frame
from bipstats.errors import ModelError, OptionError
from bipstats.progression.instruments import RATERS, Instrument
from bipstats.progression.three_waves import heise

if TYPE_CHECKING:
    from bipstats.study.study import Study

_Z = 1.959964
_FEWEST = 30


@dataclass(frozen=True, slots=True)
class Limit:
    """What change of one item by one rater is more than noise.

    Attributes
    ----------
    steps : float
        Smallest whole number of steps; NaN where it cannot be had.
    reliability : float
    how : str
        ``three waves``, ``two waves (a lower bound)``, ``given`` or why there is none.
    """

    steps: float
    reliability: float
    how: str


def read_ratings(data: Study | pd.DataFrame, form: Instrument) -> pd.DataFrame:
    """Ratings as ``client, date, respondent`` and the items, sorted; all defects are named at once."""
    frame = data if isinstance(data, pd.DataFrame) else data.responses
    require_frame(frame)
    require_columns(frame, ["client", "date", "respondent"], "the data")
    require_columns(frame, form.keys, f"the instrument {form.key}")
    present = list(form.keys)
    rows = frame[["client", "date", "respondent", *present]].copy()
    rows["date"] = pd.to_datetime(rows["date"], errors="coerce")
    values = rows[present].apply(pd.to_numeric, errors="coerce").astype(float)
    given = rows[present].notna()
    outside = given & (values.isna() | (values < form.low) | (values > form.high) | (values % 1 != 0))
    columns = [key for key in present if outside[key].any()]
    again = rows.duplicated(["client", "date", "respondent"])
    counts = {
        f"rating(s) in {listed(columns)} that are no whole numbers from {form.low} to {form.high} (declare "
        f"another scale in "
        "the instrument; nothing is recoded)": int(outside.to_numpy().sum()),
        "date(s) missing or unreadable": int(rows["date"].isna().sum()),
        f"respondent(s) not {' or '.join(RATERS)}": int((~rows["respondent"].isin(RATERS)).sum()),
        "row(s) without a client": int(rows["client"].isna().sum()),
        "row(s) that repeat a client, date and respondent": int(again.sum()),
    }
    found = [f"{count:,} {what}" for what, count in counts.items() if count]
    if found:
        raise ModelError("the ratings cannot be used: " + "; ".join(found) + ".")
    rows[present] = values
    rows["respondent"] = rows["respondent"].astype(str)
    return rows.sort_values(["client", "respondent", "date"], kind="stable").reset_index(drop=True)


def limits(
    rows: pd.DataFrame, form: Instrument, given: float | Mapping[str, float] | None
) -> dict[tuple[str, str], Limit]:
    r"""Reliable change of every item and rater.

    Notes
    -----
    :math:`1.96\sqrt2\,s\sqrt{1 - \rho}` (Jacobson & Truax 1991), rounded up to whole steps, with the standard
    deviation s at first and the reliability :math:`\rho` of the answers over three measurements (Heise 1969), or
    over two, which takes change for noise and so errs towards marking too little.
    """
    unknown = [key for key in given if key not in form.keys] if isinstance(given, Mapping) else []
    if unknown:
        raise OptionError(
            f"reliability= names {listed(unknown)}, no items of {form.key}: {listed(list(form.keys))}."
        )
    found = {}
    for rater in RATERS:
        own = rows[rows["respondent"] == rater]
        number = own.groupby("client").cumcount()
        for item in form.items:
            if rater in item.raters:
                found[rater, item.key] = _limit(own, number, item.key, given)
    return found


def _limit(
    own: pd.DataFrame, number: pd.Series, key: str, given: float | Mapping[str, float] | None
) -> Limit:
    waves = own.assign(number=number)[number < 3].pivot(index="client", columns="number", values=key)
    first = waves[0].dropna() if 0 in waves else pd.Series(dtype=float)
    spread = float(first.std(ddof=1)) if len(first) > 1 else 0.0
    value, how = _reliability(waves, key, given)
    if np.isnan(value):
        return Limit(np.nan, np.nan, how)
    if not spread > 0:
        return Limit(np.nan, value, "the first ratings do not vary")
    return Limit(float(np.ceil(_Z * np.sqrt(2) * spread * np.sqrt(1 - value) - 1e-9)), value, how)


def _reliability(
    waves: pd.DataFrame, key: str, given: float | Mapping[str, float] | None
) -> tuple[float, str]:
    if given is not None:
        value = given.get(key, np.nan) if isinstance(given, Mapping) else given
        if not isinstance(value, int | float) or (not np.isnan(value) and not 0 <= value < 1):
            raise OptionError(f"reliability={value!r} of {key} is no number from 0 to below 1.")
        return float(value), "given" if not np.isnan(value) else "not given"
    complete = waves.dropna()
    if waves.shape[1] == 3 and len(complete) >= _FEWEST:
        try:
            return heise(complete.to_numpy(float)).reliability, "three waves"
        except ModelError:  # correlations that no reliability fits: two waves are left
            pass
    two = waves[[0, 1]].dropna() if {0, 1} <= set(waves.columns) else pd.DataFrame()
    if len(two) < _FEWEST or (two.nunique() < 2).any():
        return np.nan, f"fewer than {_FEWEST} clients were rated twice"
    value = float(np.corrcoef(two.to_numpy(float), rowvar=False)[0, 1])
    return (
        (value, "two waves (a lower bound)")
        if 0 <= value < 1
        else (np.nan, "first and second ratings go apart")
    )
