"""Rows of a hazard whose intercept varies between units: log-likelihoods by row and by unit at one intercept."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from scipy.special import expit

from bipstats.models.kernels.binomial import weighted_sums

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Link = Literal["logit", "cloglog", "log"]


@dataclass(frozen=True, slots=True)
class Channel:
    """Rows of one hazard, with an effect per level and slopes; the intercept is the unit's.

    Attributes
    ----------
    x : (n, p) array
        Covariates, without intercept.
    level : (n,) integer array
        Level of the baseline, 0..L-1; the first has effect zero.
    n_levels : int
    events, trials : (n,) arrays
        Counts; for the log link the number of events and the time at risk.
    offset : (n,) array
    link : {"logit", "cloglog", "log"}
    unit : (n,) integer array
        Codes 0..G-1.
    by_unit : (G, n) sparse matrix
        One at (unit, row).
    hit : (h,) integer array
        Rows with events.
    """

    x: Floats
    level: Ints
    n_levels: int
    events: Floats
    trials: Floats
    offset: Floats
    link: Link
    unit: Ints
    by_unit: sparse.csr_array
    hit: Ints

    @property
    def n_structural(self) -> int:
        """Effects of levels but the first, and slopes."""
        return self.n_levels - 1 + self.x.shape[1]


def channel(
    x: Floats,
    level: Ints,
    events: Floats,
    trials: Floats,
    offset: Floats,
    link: Link,
    unit: Ints,
    *,
    n_levels: int,
    n_units: int,
) -> Channel:
    """Prepare what every evaluation needs."""
    by_unit = sparse.csr_array((np.ones(len(unit)), (unit, np.arange(len(unit)))), shape=(n_units, len(unit)))
    return Channel(
        np.ascontiguousarray(x),
        level,
        n_levels,
        events,
        trials,
        offset,
        link,
        unit,
        by_unit,
        np.flatnonzero(events > 0),
    )


def predictor(structural: Floats, rows: Channel) -> Floats:
    """Linear predictor without the intercept, (n,); effects of levels first, then slopes."""
    effects = np.concatenate([[0.0], structural[: rows.n_levels - 1]])
    return rows.x @ structural[rows.n_levels - 1 :] + effects[rows.level] + rows.offset


@dataclass(frozen=True, slots=True)
class RowTerms:
    """Log-likelihood of each row at one intercept and its derivatives in the predictor.

    Attributes
    ----------
    loglik, residual : (n,) arrays
    curvature : (n,) array
        Minus the second derivative; never negative.
    """

    loglik: Floats
    residual: Floats
    curvature: Floats


def row_terms(predicted: Floats, location: float, rows: Channel) -> RowTerms:
    """Evaluate rows at one intercept; minus infinity is a hazard of zero, infinity an event in every trial."""
    if not np.isfinite(location):
        possible = rows.events == (0.0 if location < 0 else rows.trials)
        nothing = np.zeros(len(predicted))
        return RowTerms(np.where(possible, 0.0, -np.inf), nothing, nothing)
    eta = predicted + location
    if rows.link == "logit":
        odds = expit(eta)
        loglik = rows.events * eta - rows.trials * np.logaddexp(0.0, eta)
        return RowTerms(loglik, rows.events - rows.trials * odds, rows.trials * odds * (1.0 - odds))
    hazard = np.exp(np.minimum(eta, 700.0))
    expected = (rows.trials - rows.events if rows.link == "cloglog" else rows.trials) * hazard
    loglik, residual, curvature = -expected, -expected, expected.copy()
    hit = rows.hit
    events = rows.events[hit]
    if rows.link == "log":
        loglik[hit] += events * eta[hit]
        residual[hit] += events
        return RowTerms(loglik, residual, curvature)
    log_p, ratio = _log_probability(eta[hit], hazard[hit])
    loglik[hit] += events * log_p
    residual[hit] += events * ratio
    curvature[hit] += events * ratio * (ratio + hazard[hit] - 1.0)
    return RowTerms(loglik, residual, curvature)


def _log_probability(eta: Floats, hazard: Floats) -> tuple[Floats, Floats]:
    """log(1 - exp(-hazard)) and its derivative in eta, where a tiny hazard is the probability."""
    tiny = hazard < 1e-10
    odds = np.where(tiny, 1.0, np.expm1(np.minimum(hazard, 700.0)))
    ratio = np.where(tiny, 1.0 - hazard / 2, hazard / odds)
    return np.where(tiny, eta - hazard / 2, -np.log1p(1 / odds)), ratio


def unit_loglik(predicted: Floats, location: float, rows: Channel) -> Floats:
    """Log-likelihood of each unit at one intercept, (G,)."""
    return rows.by_unit @ row_terms(predicted, location, rows).loglik


def unit_scores(residual: Floats, rows: Channel) -> Floats:
    """Sums by unit of the rows' scores in the effects of the levels and the slopes, (G, n_structural)."""
    shape = (rows.by_unit.shape[0], rows.n_levels)
    by_level = sparse.csr_array((residual, (rows.unit, rows.level)), shape=shape)
    return np.hstack([by_level.toarray()[:, 1:], weighted_sums(rows.by_unit, residual) @ rows.x])
