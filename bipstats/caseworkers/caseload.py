"""Entries observed and expected under each caseworker, client by client, and what is left when these are netted."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd
from scipy import sparse
from scipy.sparse import csgraph

from bipstats.caseworkers.exposure import Exposure
from bipstats.core.columns import Floats, Ints
from bipstats.core.design import fit_design
from bipstats.errors import ModelError
from bipstats.models.hazard import hazard
from bipstats.models.kernels.binomial import mean
from bipstats.models.mixed_hazard import MixedHazardResult

YEAR = 52.0
_FEWEST = 3


@dataclass(frozen=True)
class Caseload:
    """One row for each client under each caseworker, in the client's order of time; and the caseworkers.

    Attributes
    ----------
    names : pandas.Index
        The m caseworkers.
    centre : (m,) integer array
        Job centre of the caseworker: that of most of the time at risk.
    centres : pandas.Index
    client, caseworker : (n,) integer arrays
    later : (n,) bool array
        Not the client's first caseworker.
    entries, expected, years : (n,) arrays
        Entries; entries expected under an average caseworker; years at risk.
    covariates : (n, p) array
        What the expectation rests on; the job centres come last.
    n_centre_columns : int
    share_before : (n,) array
        The client's share of the five years before enrolment in a job, the placebo.
    average : float
        What all hazards of the model are multiplied by, so that as many entries are expected as there were.
    fit : MixedHazardResult
        The model behind the expectation, with a random intercept for caseworkers.
    """

    names: pd.Index
    centre: Ints
    centres: pd.Index
    client: Ints
    caseworker: Ints
    later: np.ndarray
    entries: Floats
    expected: Floats
    years: Floats
    covariates: Floats
    n_centre_columns: int
    share_before: Floats
    average: float
    fit: MixedHazardResult

    def sums(self, values: Floats) -> Floats:
        """Sum by caseworker, (m,)."""
        return np.bincount(self.caseworker, values, len(self.names)).astype(float)

    @cached_property
    def excess(self) -> Floats:
        """Entries observed less expected, (n,)."""
        return self.entries - self.expected

    @cached_property
    def clients(self) -> Ints:
        """Clients by caseworker, (m,)."""
        return np.bincount(self.caseworker, minlength=len(self.names))

    @cached_property
    def observed(self) -> Floats:
        """Entries by caseworker, (m,)."""
        return self.sums(self.entries)

    @cached_property
    def predicted(self) -> Floats:
        """Expected entries by caseworker, (m,)."""
        return self.sums(self.expected)

    @cached_property
    def effects(self) -> Floats:
        """Most likely log hazard ratios of the random-intercept model, (m,)."""
        found = self.fit.effects("caseworker").set_index("level")["estimate"]
        return found.reindex(self.names).fillna(0.0).to_numpy(dtype=float)

    @property
    def components(self) -> int:
        """Sets of clients and caseworkers that nobody links: parts of the bipartite graph."""
        m, n = len(self.names), int(self.client.max()) + 1
        links = sparse.coo_array(
            (np.ones(len(self.client)), (self.caseworker, m + self.client)), shape=(m + n, m + n)
        )
        return int(csgraph.connected_components(links, directed=False)[0])

    @property
    def rate(self) -> float:
        """Entries per client-year of all."""
        return float(self.entries.sum() / self.years.sum())

    @cached_property
    def alone(self) -> np.ndarray:
        """Caseworkers who are the only one of their job centre, (m,) bool."""
        return (np.bincount(self.centre) == 1)[self.centre]


def caseload(found: Exposure) -> Caseload:
    """Fit the model of the clients and sum over their time under each caseworker.

    Raises
    ------
    ModelError
        Fewer than three caseworkers, or a model that cannot be estimated.
    """
    periods = found.periods()
    n_caseworkers = periods["caseworker"].nunique()
    if n_caseworkers < _FEWEST:
        raise ModelError(
            f"{n_caseworkers} caseworker{'s have' if n_caseworkers != 1 else ' has'} clients at risk; how they differ "
            f"needs {_FEWEST} or more."
        )
    fit = hazard(found.formula, periods, exposure="exposure", random="caseworker")
    assert isinstance(fit, MixedHazardResult)
    expected = mean(fit.fixed_predictor(periods), "cloglog")
    average = float(periods["event"].sum() / expected.sum())
    periods = periods.assign(
        expected=expected * average,
        years=(periods["stop"] - periods["start"]) / YEAR,
        quarter=periods["period"],
    )
    rows = periods.groupby(["client", "caseworker"], sort=False, observed=True)
    firsts = rows.first().reset_index()
    totals = rows[["event", "expected", "years"]].sum().reset_index(drop=True)
    names = pd.Index(sorted(firsts["caseworker"].unique()))
    caseworker = names.get_indexer(pd.Index(firsts["caseworker"]))
    years = totals["years"].to_numpy(dtype=float)
    centre, centres = _centres(firsts["jobcentre"], caseworker, years)
    covariates, own = _covariates(found, firsts)
    client = pd.factorize(firsts["client"])[0]
    return Caseload(
        names,
        centre,
        centres,
        client,
        caseworker,
        np.append(False, client[1:] == client[:-1]),
        totals["event"].to_numpy(dtype=float),
        totals["expected"].to_numpy(dtype=float),
        years,
        covariates,
        own,
        firsts["share_before"].to_numpy(dtype=float),
        average,
        fit,
    )


def _centres(labels: pd.Series, caseworker: Ints, years: Floats) -> tuple[Ints, pd.Index]:
    """Job centre of each caseworker, by most of the time at risk."""
    code, centres = pd.factorize(labels.astype(str), sort=True)
    time = np.zeros((int(caseworker.max()) + 1, len(centres)))
    np.add.at(time, (caseworker, code), years)
    return time.argmax(axis=1), pd.Index(centres)


def _covariates(found: Exposure, rows: pd.DataFrame) -> tuple[Floats, int]:
    """Covariates with the quarter in which the time began, standardised; behind them indicators of job centres."""
    matrix = fit_design(" + ".join([*found.terms, "quarter"]), rows)[1]
    spread = matrix.std(axis=0)
    matrix = (matrix - matrix.mean(axis=0))[:, spread > 0] / spread[spread > 0]
    indicators = pd.get_dummies(rows["jobcentre"].astype(str)).to_numpy(dtype=float)
    return np.hstack([matrix, indicators]), indicators.shape[1]
