"""Caseworkers' first answers about each client, beside what was known of the client, and who was earlier than whom."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from bipstats.codebook import BACKGROUND, CLIENT_ITEMS
from bipstats.core.columns import Floats, Ints, as_text, with_values
from bipstats.core.design import fit_design
from bipstats.errors import ModelError

if TYPE_CHECKING:
    from bipstats.study.study import Study

BELIEF = "caseworker_belief"
PAIR_DAYS = 42
"""A caseworker's and a client's questionnaire at most this far apart are of one measurement."""

_PAIR = ["client", "caseworker"]
_SPAN = 1_000_000  # days; keys of caseworker and day


@dataclass(frozen=True)
class FirstAnswers:
    """The first answer on belief of each caseworker about each client.

    Attributes
    ----------
    rows : pandas.DataFrame
        ``client, caseworker, date, belief, jobcentre``, background and ``own_<item>``, complete.
    x : (n, p) array
        Background, then the client's own answers beside the belief.
    n_background : int
        Columns of the background; they come first.
    names : tuple of str
        Of the p columns.
    caseworkers, centres : pandas.Index
    caseworker, centre : (n,) integer arrays
        Positions in these; a caseworker's centre is that of most of the clients.
    flow : tuple of (str, int)
        What was left out, and why.
    """

    rows: pd.DataFrame
    x: Floats
    n_background: int
    names: tuple[str, ...]
    caseworkers: pd.Index
    centres: pd.Index
    caseworker: Ints
    centre: Ints
    flow: tuple[tuple[str, int], ...]

    @property
    def belief(self) -> Floats:
        """The answers, (n,)."""
        return self.rows["belief"].to_numpy(dtype=float)


def first_answers(study: Study) -> FirstAnswers:
    """Read the first answers on belief from a study.

    Raises
    ------
    ModelError
        Too few answers, or answers that do not vary.
    """
    given = _given(study.responses)
    first = given.sort_values("date", kind="stable").drop_duplicates(_PAIR)
    beside = _beside(first, study.responses)
    known = beside.merge(_background(study.clients), on="client", how="left")
    own = [f"own_{key}" for key in CLIENT_ITEMS]
    background, empty = with_values(known, BACKGROUND)
    complete = known[[*background, *own]].notna().all(axis=1)
    rows = known[complete].reset_index(drop=True)
    flow = (
        ("first answers on belief", len(first)),
        (
            "left out: client's own answers not within six weeks, or background missing",
            int((~complete).sum()),
        ),
        *empty.items(),
    )
    terms = [name for name in (*BACKGROUND, *own) if rows[name].nunique() > 1]
    _check(rows, flow, len(terms))
    flags = rows.select_dtypes("boolean").columns
    rows = rows.astype(dict.fromkeys([*flags, *own], float))
    design, x = fit_design(" + ".join(terms), rows)
    n_own = sum(name.startswith("own_") for name in design.names)
    caseworker, caseworkers = pd.factorize(rows["caseworker"].astype(str), sort=True)
    label, centres = pd.factorize(rows["jobcentre"].astype(str), sort=True)
    clients = np.zeros((len(caseworkers), len(centres)))
    np.add.at(clients, (caseworker, label), 1)
    centre = clients.argmax(axis=1)[caseworker]
    parts = (pd.Index(caseworkers), pd.Index(centres), caseworker.astype(np.int64), centre.astype(np.int64))
    return FirstAnswers(rows, x, x.shape[1] - n_own, design.names, *parts, flow)


def _given(responses: pd.DataFrame) -> pd.DataFrame:
    """Caseworkers' answers on belief: ``client, caseworker, date, belief``."""
    chosen = (responses["respondent"] == "caseworker") & responses[BELIEF].notna()
    chosen &= responses["caseworker"].notna()
    return responses.loc[chosen, [*_PAIR, "date"]].assign(belief=responses.loc[chosen, BELIEF].astype(float))


def _beside(first: pd.DataFrame, responses: pd.DataFrame) -> pd.DataFrame:
    """Add the client's own answers of the nearest questionnaire within `PAIR_DAYS`, missing where there is none."""
    own = responses.loc[responses["respondent"] == "client", ["client", "date", *CLIENT_ITEMS]]
    own = own.rename(columns={key: f"own_{key}" for key in CLIENT_ITEMS})
    person, names = pd.factorize(pd.concat([first["client"], own["client"]]).astype(str))
    del names
    return pd.merge_asof(
        first.assign(person=person[: len(first)]).sort_values("date", kind="stable"),
        own.assign(person=person[len(first) :]).drop(columns="client").sort_values("date", kind="stable"),
        on="date",
        by="person",
        direction="nearest",
        tolerance=pd.Timedelta(days=PAIR_DAYS),
    ).drop(columns="person")


def _background(clients: pd.DataFrame) -> pd.DataFrame:
    age = clients["enrolled"].dt.year - clients["birth_year"].astype(float)
    return clients.assign(age=age)[["client", "jobcentre", *BACKGROUND]]


def _check(rows: pd.DataFrame, flow: tuple[tuple[str, int], ...], n_terms: int) -> None:
    told = as_text(dict(flow))
    n_caseworkers = rows["caseworker"].nunique()
    if len(rows) - n_caseworkers <= 2 * n_terms + 10:
        raise ModelError(
            f"{len(rows):,} complete first answers of {n_caseworkers:,} caseworkers on belief are too few to net them "
            f"of {n_terms} characteristics of the clients ({told})."
        )
    if rows.groupby("caseworker", observed=True)["belief"].nunique().max() < 2:
        raise ModelError(
            f"the answers on belief do not vary within any of {n_caseworkers:,} caseworkers: what is the caseworker's "
            "and what the client's cannot be told apart."
        )


@dataclass(frozen=True, slots=True)
class Earlier:
    """For each assignment, the caseworker's first answers on others that are dated before it.

    Attributes
    ----------
    pairs : pandas.MultiIndex
        Client and caseworker of the k assignments, the first of each pair.
    order : (n,) integer array
        First answers by caseworker and date.
    low, high : (k,) integer arrays
        The earlier ones are ``order[low:high]``.
    own : (k,) integer array
        The client's own answer among them, -1 if it is none of them.
    count : (k,) integer array
        Others.
    caseworker : (k,) integer array
        Position among the caseworkers of the first answers, -1 if there are none.
    """

    pairs: pd.MultiIndex
    order: Ints
    low: Ints
    high: Ints
    own: Ints
    count: Ints
    caseworker: Ints

    def means(self, values: Floats) -> Floats:
        """Mean of a value of first answers over the earlier others, NaN where there are none: (k,)."""
        running = np.append(0.0, np.cumsum(values[self.order]))
        total = running[self.high] - running[self.low] - np.where(self.own >= 0, values[self.own], 0.0)
        return np.where(self.count > 0, total / np.maximum(self.count, 1), np.nan)


def earlier(answers: FirstAnswers, assignments: pd.DataFrame) -> Earlier:
    """Find the first answers on others before each first assignment of a client to a caseworker."""
    known = assignments["caseworker"].notna()
    begun = assignments[known].sort_values("start", kind="stable").drop_duplicates(_PAIR)
    code = answers.caseworkers.get_indexer(pd.Index(begun["caseworker"].astype(str))).astype(np.int64)
    key = answers.caseworker * _SPAN + _days(answers.rows["date"])
    order = np.argsort(key, kind="stable")
    start = _days(begun["start"])
    low = np.searchsorted(key[order], code * _SPAN)
    high = np.searchsorted(key[order], code * _SPAN + start)
    low, high = (np.where(code >= 0, place, 0) for place in (low, high))
    pairs = _pairs(begun)
    own = _pairs(answers.rows).get_indexer(pairs)
    own = np.where((own >= 0) & (_days(answers.rows["date"])[own] < start), own, -1)
    return Earlier(pairs, order, low, high, own, high - low - (own >= 0), code)


def _pairs(rows: pd.DataFrame) -> pd.MultiIndex:
    return pd.MultiIndex.from_arrays(
        [rows[key].astype(str).to_numpy(dtype=object) for key in _PAIR], names=_PAIR
    )


def _days(dates: pd.Series) -> Ints:
    return np.asarray((dates - pd.Timestamp(0)).dt.days, dtype=np.int64)
