"""The rows on which the effect of orientation is estimated: clients from a landmark, and person-quarters."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from bipstats.caseworkers.exposure import exposure
from bipstats.caseworkers.first_answers import BELIEF
from bipstats.caseworkers.netting import by_group, group_totals
from bipstats.caseworkers.outlook import Outlook
from bipstats.codebook import BACKGROUND, CLIENT_ITEMS
from bipstats.core import covariance
from bipstats.core.columns import Floats, Ints, as_text, with_values
from bipstats.core.design import fit_design
from bipstats.errors import ModelError
from bipstats.models.hazard import HazardResult, hazard
from bipstats.models.kernels.binomial import Link, working
from bipstats.register.outcomes import Outcome
from bipstats.timeline.landmarks import landmarks

if TYPE_CHECKING:
    from bipstats.study.study import Study

FEWEST_ENTRIES = 10


@dataclass(frozen=True)
class Clients:
    """Clients at their first measurement, with the caseworker they had and what came of them.

    Attributes
    ----------
    entered : (n,) array
        0/1, within the horizon.
    belief : (n,) array
        The caseworker's answer on this client, NaN where there is none.
    pair : (n,) integer array
        Assignment, a position in `Earlier`.
    caseworker, centre : (n,) integer arrays
    ids : (n,) array
        The clients, for matching.
    x : (n, p) array
        Background, then the client's own answers.
    n_background : int
    names : tuple of str
        Of the p columns.
    flow : tuple of (str, int)
    """

    entered: Floats
    belief: Floats
    pair: Ints
    caseworker: Ints
    centre: Ints
    ids: np.ndarray
    x: Floats
    n_background: int
    names: tuple[str, ...]
    flow: tuple[tuple[str, int], ...]

    def adjusters(self, place: int) -> Floats:
        """Covariates that go with a netting: background, or background and answers."""
        return self.x[:, : self.n_background] if place == 0 else self.x


def clients(study: Study, found: Outlook, outcome: Outcome, horizon: int) -> Clients:
    """Read the clients whose caseworker's orientation is known and who were followed over the horizon.

    Raises
    ------
    ModelError
        Too few entries are left.
    """
    rows = landmarks(study, at="first", horizon=horizon, outcome=outcome)
    flow = [("clients at risk at their first measurement", len(rows))]
    own = [f"{key}_client" for key in CLIENT_ITEMS]
    pairs = pd.MultiIndex.from_arrays(
        [rows[key].astype(str).to_numpy(object) for key in ("client", "caseworker")]
    )
    pair = found.before.pairs.get_indexer(pairs)
    others = np.where(pair >= 0, found.before.count[pair], 0)
    rows = rows.assign(pair=pair, others=others)
    background, empty = with_values(rows, BACKGROUND)
    flow += empty.items()
    for why, kept in (
        ("not followed over the horizon", rows["full_horizon"]),
        ("no caseworker then", rows["caseworker"].notna()),
        ("caseworker without earlier answers on others", rows["others"] > 0),
        ("background or own answers missing", rows[[*background, *own]].notna().all(axis=1)),
    ):
        lost = ~kept.reindex(rows.index)
        flow.append((f"left out: {why}", int(lost.sum())))
        rows = rows[~lost]
    came = rows.groupby("jobcentre", observed=True)["entered"].transform("max") == 1
    flow.append(("left out: of a job centre in which nobody entered", int((~came).sum())))
    rows = rows[came].reset_index(drop=True)
    entered = rows["entered"].to_numpy(dtype=float)
    if entered.sum() < FEWEST_ENTRIES or rows["caseworker"].nunique() < 2:
        told = as_text(dict(flow))
        raise ModelError(
            f"{int(entered.sum()):,} entries of clients of {rows['caseworker'].nunique():,} caseworkers are left; the "
            f"effect of orientation needs {FEWEST_ENTRIES} entries and 2 caseworkers ({told})."
        )
    terms = [name for name in (*BACKGROUND, *own) if rows[name].nunique() > 1]
    flags = rows[terms].select_dtypes("boolean").columns
    numeric = rows.astype(dict.fromkeys([*flags, *own], float))
    design, x = fit_design(" + ".join(terms), numeric)
    return Clients(
        entered,
        rows[BELIEF].to_numpy(dtype=float, na_value=np.nan),
        rows["pair"].to_numpy(dtype=np.int64),
        found.before.caseworker[rows["pair"]],
        pd.factorize(rows["jobcentre"].astype(str), sort=True)[0].astype(np.int64),
        rows["client"].astype(str).to_numpy(object),
        x,
        x.shape[1] - sum(name in own for name in design.names),
        design.names,
        tuple(flow),
    )


@dataclass(frozen=True, slots=True)
class Quarters:
    """Person-quarters under the caseworker of the time, and their sums for one step of the hazard's likelihood.

    A step of iteratively reweighted least squares needs, for any exposure of pairs of client and caseworker, only sums
    by pair of weights W, working responses and weighted covariates.

    Attributes
    ----------
    pair : (k,) integer array
        Assignments that occur.
    cluster : (k,) integer array
        Caseworker of each.
    weight, response : (k,) arrays
        Sums of W and of W times the working response.
    crossed : (k, p) array
        Sums of W times the covariates, periods among them.
    information, moment : (m, p, p) and (m, p) arrays
        By caseworker, of covariates with covariates and with the response.
    fit : HazardResult
    entries : int
    """

    pair: Ints
    cluster: Ints
    weight: Floats
    response: Floats
    crossed: Floats
    information: Floats
    moment: Floats
    fit: HazardResult
    entries: int

    def step(self, exposed: Floats, weight: Floats) -> Floats:
        """Slopes of exposures of the pairs, (q,), after one step from the fit.

        Parameters
        ----------
        exposed : (k, q) array
        weight : (m,) array
            Of the caseworkers.
        """
        own = weight[self.cluster]
        heavy = exposed * own[:, None]
        q = exposed.shape[1]
        cross = np.empty((q + self.crossed.shape[1],) * 2)
        cross[:q, :q] = heavy.T @ (exposed * self.weight[:, None])
        cross[:q, q:] = heavy.T @ self.crossed
        cross[q:, :q] = cross[:q, q:].T
        cross[q:, q:] = np.tensordot(weight, self.information, 1)
        moment = np.concatenate([heavy.T @ self.response, weight @ self.moment])
        return np.linalg.solve(cross, moment)[:q]


@dataclass(frozen=True)
class PersonQuarters:
    """Person-quarters whose caseworker's orientation is known, and the terms to adjust for."""

    rows: pd.DataFrame
    without_orientation: int
    background: tuple[str, ...]
    own: tuple[str, ...]

    def terms(self, place: int) -> tuple[str, ...]:
        """Terms that go with a netting."""
        return self.background + (self.own if place else ())


def person_quarters(study: Study, found: Outlook, outcome: Outcome) -> PersonQuarters:
    """Read the person-quarters from a study; ``pair`` is the assignment."""
    read = exposure(study, outcome, None, "answers")
    rows = read.periods()
    keys = [rows[key].astype(str).to_numpy(object) for key in ("client", "caseworker")]
    pair = found.before.pairs.get_indexer(pd.MultiIndex.from_arrays(keys))
    known = (pair >= 0) & (found.before.count[pair] > 0)
    unknown = int((~known).sum())
    rows = rows.assign(pair=pair)[known]
    came = rows.groupby("jobcentre", observed=True)["event"].transform("max") == 1
    rows = rows[came].reset_index(drop=True)
    own = tuple(term for term in read.terms if term.endswith("_client"))
    centre = ("C(jobcentre)",) if rows["jobcentre"].nunique() > 1 else ()
    return PersonQuarters(rows, unknown, tuple(term for term in read.terms if term not in own) + centre, own)


def quarters(rows: pd.DataFrame, terms: tuple[str, ...], exposed: Floats, found: Outlook) -> Quarters:
    """Fit the hazard with exposures of the pairs, and sum what a further step needs.

    Parameters
    ----------
    rows : pandas.DataFrame
        From `person_quarters`.
    terms : tuple of str
    exposed : (assignments, q) array
        Exposure of every assignment.
    found : Outlook
    """
    names = [f"exposed_{column}" for column in range(exposed.shape[1])]
    own = exposed[rows["pair"].to_numpy()]
    data = rows.assign(**dict(zip(names, own.T, strict=True)))
    varying = [term for term in terms if data[_column(term)].nunique() > 1]
    right = " + ".join([*names, *varying])
    fit = hazard(right, data, exposure="exposure", vcov=covariance.cluster("caseworker"))
    assert isinstance(fit, HazardResult)
    linear = fit.linear(data)
    seen = np.isfinite(linear.offset)  # a period in which nobody entered says nothing
    pair, place = np.unique(data["pair"].to_numpy()[seen], return_inverse=True)
    cluster = found.before.caseworker[pair]
    matrix, offset = linear.matrix[seen], linear.offset[seen]
    eta = matrix @ fit.estimates.values + offset
    first = matrix.shape[1] - len(fit.design.names)
    x = np.delete(matrix, np.arange(first, first + len(names)), axis=1)
    here = working(eta, _Counts(data["event"].to_numpy(dtype=float)[seen]))
    weight, response = here.expected, (eta - offset) * here.expected + here.residual
    m = len(found.answers.caseworkers)
    row_cluster = cluster[place]
    order = np.argsort(row_cluster, kind="stable")
    edges = np.searchsorted(row_cluster[order], np.arange(m + 1))
    parts = np.split(order, edges[1:-1])
    return Quarters(
        pair,
        cluster,
        group_totals(place, weight, len(pair)),
        group_totals(place, response, len(pair)),
        by_group(x * weight[:, None], place, len(pair)),
        np.stack([x[part].T @ (x[part] * weight[part, None]) for part in parts]),
        np.stack([response[part] @ x[part] for part in parts]),
        fit,
        int(data["event"].sum()),
    )


@dataclass(frozen=True, slots=True)
class _Counts:
    """Whether each person-quarter ends in an entry."""

    successes: Floats
    link: Link = "cloglog"

    @property
    def trials(self) -> Floats:
        """One each."""
        return np.ones(len(self.successes))


def _column(term: str) -> str:
    return term.removeprefix("C(").removesuffix(")")
