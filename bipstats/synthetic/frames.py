"""Arrays to the five tables of a study."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from bipstats.codebook import INDICATORS, LEVELS
from bipstats.codebook.calendar import month_column, week_column
from bipstats.synthetic.answers import Answers
from bipstats.synthetic.background import People
from bipstats.synthetic.caseworkers import Staff
from bipstats.synthetic.exits import Exits
from bipstats.synthetic.histories import NO_SWITCH, Paths
from bipstats.synthetic.interventions import Records
from bipstats.synthetic.measurement import Pairs
from bipstats.synthetic.register import Weeks
from bipstats.synthetic.training import Trial
from bipstats.synthetic.truth import Truth

TEXT = pd.StringDtype("pyarrow")


def client_ids(n: int) -> Any:
    """C00001, C00002, ..."""
    width = max(5, len(str(n)))
    return pd.array([f"C{number:0{width}d}" for number in range(1, n + 1)], dtype=TEXT)


def caseworker_ids(team: Staff) -> Any:
    """K001, K002, ...; the numbers say nothing about centre or effect."""
    width = max(3, len(str(len(team.number))))
    return pd.array([f"K{number + 1:0{width}d}" for number in team.number], dtype=TEXT)


def monday(truth: Truth, calendar_week: NDArray[np.int64]) -> NDArray[np.datetime64]:
    """Give the Monday of calendar weeks, counted from the truth's first week."""
    return np.datetime64(truth.calendar.first_week, "D") + 7 * calendar_week


def _dates(days: Any) -> NDArray[np.datetime64]:
    return days.astype("datetime64[ns]")


def clients(truth: Truth, persons: People, path: Paths, drawn: Trial, ids: Any) -> pd.DataFrame:
    """Make the table of clients; shares of time are those of the register before enrolment."""
    weeks = truth.calendar.history_weeks
    job, alone, has = persons.job_weeks, persons.self_support_weeks, persons.traits
    frame = pd.DataFrame(
        {
            "client": ids,
            "jobcentre": _category("jobcentre", persons.centre),
            "enrolled": _dates(monday(truth, persons.entry) + persons.weekday),
            "sex": _category("sex", ~persons.female),
            "birth_year": persons.birth_year.astype(np.int16),
            "civil_status": _category("civil_status", has["single"]),
            "origin": _category("origin", has["non_western"]),
            "vocational_qualification": pd.array(~has["unqualified"], dtype="boolean"),
            "mental_diagnosis": pd.array(has["mental"], dtype="boolean"),
            "musculoskeletal_diagnosis": pd.array(has["musculoskeletal"], dtype="boolean"),
            "convicted": pd.array(has["convicted"], dtype="boolean"),
            "job_share_5y": job / weeks,
            "support_share_5y": (weeks - job - alone) / weeks,
        }
    )
    if truth.training.takes_place:
        frame["trained"] = pd.array(drawn.arm(path), dtype="boolean")
    return frame


def _category(name: str, codes: Any) -> Any:
    """Make a category of the codebook's levels from their places."""
    dtype = pd.CategoricalDtype(list(LEVELS[name]))
    return pd.Categorical.from_codes(np.asarray(codes, dtype=np.int8), dtype=dtype)


def responses(chosen: Pairs, given: Answers, dates: tuple[Any, Any], ids: Any, names: Any) -> pd.DataFrame:
    """Make the table of questionnaires, two rows per pair: the client's, the caseworker's."""
    client, caseworker = np.repeat(chosen.client, 2), np.repeat(chosen.caseworker, 2)
    scores = np.stack([given.client, given.caseworker], axis=1).reshape(-1, len(INDICATORS))
    frame = {
        "client": ids.take(client),
        "caseworker": names.take(caseworker),
        "date": _dates(np.stack(dates, axis=1).ravel()),
        "respondent": _category("respondent", np.tile([0, 1], len(chosen.client))),
    }
    for column, key in enumerate(INDICATORS):
        values = scores[:, column]
        frame[key] = pd.arrays.IntegerArray(values.copy(), values == 0)
    return pd.DataFrame(frame)


def assignments(truth: Truth, persons: People, path: Paths, out: Exits, ids: Any, names: Any) -> pd.DataFrame:
    """Make the table of assignments: from enrolment or a Monday, to a Sunday or still running."""
    n, _length = path.before.shape
    client, quarter = np.nonzero(path.switch < NO_SWITCH)
    week = 13 * quarter + path.switch[client, quarter] + 1
    seen = week <= np.minimum(out.week, out.followed)[client]
    client, quarter, week = client[seen], quarter[seen], week[seen]
    who = np.concatenate([np.arange(n), client])
    caseworker = np.concatenate([path.before[:, 0], path.after[client, quarter]])
    start = np.concatenate([np.zeros(n, dtype=np.int64), week])
    order = np.lexsort((start, who))
    who, caseworker, start = who[order], caseworker[order], start[order]
    last = np.append(who[1:] != who[:-1], True)
    until = np.where(last, out.week[who], np.roll(start, -1) - 1)  # the week whose Sunday is the end
    first_day = monday(truth, persons.entry[who] + start) + np.where(start == 0, persons.weekday[who], 0)
    end = _dates(monday(truth, persons.entry[who] + until) + 6)
    running = last & (out.kind[who] == 0)
    return pd.DataFrame(
        {
            "client": ids.take(who),
            "caseworker": names.take(caseworker),
            "start": _dates(first_day),
            "end": np.where(running, np.datetime64("NaT", "ns"), end),
        }
    )


def interventions(truth: Truth, kept: Records, ids: Any) -> pd.DataFrame:
    """Make the table of interventions."""
    zero = np.datetime64(truth.calendar.first_week, "D")
    return pd.DataFrame(
        {
            "client": ids.take(kept.client),
            "code": pd.array(kept.code, dtype="Int16"),
            "start": _dates(zero + kept.first),
            "end": _dates(zero + kept.last),
        }
    )


def register(seen: Weeks, ids: Any) -> pd.DataFrame:
    """Make the wide register: client, weeks, months."""
    columns = {"client": ids}
    for offset, codes in enumerate(np.ascontiguousarray(seen.benefit.T)):
        columns[week_column(seen.first_week + offset)] = pd.arrays.IntegerArray(codes, codes == 0)
    for offset, codes in enumerate(np.ascontiguousarray(seen.industry.T)):
        columns[month_column(seen.first_month + offset)] = pd.arrays.IntegerArray(codes, codes == 0)
    return pd.DataFrame(columns, copy=False)
