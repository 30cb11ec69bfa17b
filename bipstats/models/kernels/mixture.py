r"""Hazards with a discrete law of the intercept: likelihood, score, and information by Louis's identity.

A unit g has point k with probability :math:`\pi_k`; at point k its hazards (one or several channels) have the
intercepts :math:`v_{k1}, v_{k2}, ...`, so that :math:`L_g = \sum_k \pi_k \prod_c \prod_{i \in g} p_{ic}(v_{kc})`.
With the posterior :math:`w_{gk}` and complete-data scores :math:`s_{gk}`, the score is :math:`s_g = \sum_k w_{gk}
s_{gk}` and minus the second derivative

.. math:: \sum_g \Bigl( \sum_k w_{gk} I_{gk} - \sum_k w_{gk} s_{gk} s_{gk}' + s_g s_g' \Bigr),

the complete information less the missing one (Louis 1982). Units that enter late contribute :math:`\log L_g` of all
rows less that of the time before entry, which is of the same form.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import accumulate, pairwise

import numpy as np
from numpy.typing import NDArray
from scipy.special import log_softmax, logsumexp

from bipstats.models.kernels.cox import sum_by, weighted_cross_product
from bipstats.models.kernels.mixture_rows import (
    Channel,
    Floats,
    RowTerms,
    predictor,
    row_terms,
    unit_scores,
)
from bipstats.models.kernels.newton import Evaluation

Flags = NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class MixtureProblem:
    """Rows of units in one or several channels.

    Attributes
    ----------
    channels : tuple of C Channel
    before : tuple of Channel
        Time before entry, by channel, on whose survival the likelihood conditions; empty where all enter at zero.
    n_units : int
    """

    channels: tuple[Channel, ...]
    before: tuple[Channel, ...]
    n_units: int

    @property
    def n_structural(self) -> int:
        """Parameters before the mixing law."""
        return sum(rows.n_structural for rows in self.channels)


@dataclass(frozen=True, slots=True)
class Law:
    """A mixing law with the parameters beside it.

    Attributes
    ----------
    structural : (q,) array
        By channel: effects of the levels but the first, then slopes.
    locations : (K, C) array
        Intercepts; minus infinity is a hazard of zero, infinity an event at once, and neither is a parameter.
    log_odds : (K,) array
        Of the points against the first.
    """

    structural: Floats
    locations: Floats
    log_odds: Floats

    @property
    def finite(self) -> Flags:
        """Which locations are parameters, (K, C)."""
        return np.isfinite(self.locations)

    @property
    def probabilities(self) -> Floats:
        """Probabilities of the points, (K,)."""
        return np.exp(log_softmax(self.log_odds))

    def pack(self) -> Floats:
        """Parameters: structural ones, finite locations by channel, log odds of the second point and on."""
        return np.concatenate([self.structural, self.locations.T[self.finite.T], self.log_odds[1:]])

    def unpack(self, params: Floats) -> Law:
        """Undo `pack` for parameters of a law with the same infinite locations."""
        q, finite = len(self.structural), self.finite
        n = int(finite.sum())
        locations = self.locations.T.copy()
        locations[finite.T] = params[q : q + n]
        return Law(params[:q], locations.T, np.concatenate([[0.0], params[q + n :]]))


@dataclass(frozen=True, slots=True)
class MixtureEvaluation(Evaluation):
    """Log-likelihood with its derivatives and what a search of the law looks at.

    Attributes
    ----------
    law : Law
    complete : (p, p) array
        Information if the points of the units were known: that of the EM algorithm's M step.
    scores : (G, p) array
        By unit.
    weights : (G, K) array
        Posterior probabilities of the points.
    """

    law: Law
    complete: Floats
    scores: Floats
    weights: Floats


Terms = list[list[RowTerms]]


def _terms(law: Law, channels: tuple[Channel, ...]) -> Terms:
    """Rows' terms by point and channel."""
    predicted = predictors(law, channels)
    return [
        [
            row_terms(predicted[c], location, rows)
            for c, (location, rows) in enumerate(zip(point, channels, strict=True))
        ]
        for point in law.locations
    ]


def predictors(law: Law, channels: tuple[Channel, ...]) -> list[Floats]:
    """Linear predictors without the intercepts, by channel."""
    places = structural_places(channels)
    return [predictor(law.structural[place], rows) for place, rows in zip(places, channels, strict=True)]


def structural_places(channels: tuple[Channel, ...]) -> list[slice]:
    """Where each channel's structural parameters stand."""
    ends = accumulate((rows.n_structural for rows in channels), initial=0)
    return [slice(low, high) for low, high in pairwise(ends)]


def _joint(law: Law, terms: Terms, channels: tuple[Channel, ...]) -> Floats:
    """Log pi_k + log-likelihood of the unit at point k, (G, K)."""
    by_point = [
        sum(rows.by_unit @ term.loglik for rows, term in zip(channels, point, strict=True)) for point in terms
    ]
    return log_softmax(law.log_odds) + np.column_stack(by_point)


def log_likelihood(law: Law, problem: MixtureProblem) -> float:
    """Marginal log-likelihood."""
    return float(marginal(law, problem.channels).sum() - marginal(law, problem.before).sum())


def marginal(law: Law, channels: tuple[Channel, ...]) -> Floats:
    """Log L_g, (G,)."""
    if not channels:
        return np.zeros(1)
    joint = _joint(law, _terms(law, channels), channels)
    return logsumexp(joint, axis=1)


def evaluate(law: Law, problem: MixtureProblem) -> MixtureEvaluation:
    """Log-likelihood, score and observed information in the parameters that `Law.pack` lays out."""
    whole = _evaluate(law, problem.channels)
    if not problem.before:
        return whole
    early = _evaluate(law, problem.before)
    return MixtureEvaluation(
        whole.loglik - early.loglik,
        whole.gradient - early.gradient,
        whole.information - early.information,
        law,
        whole.complete,
        whole.scores - early.scores,
        whole.weights,
    )


def _evaluate(law: Law, channels: tuple[Channel, ...]) -> MixtureEvaluation:
    terms = _terms(law, channels)
    joint = _joint(law, terms, channels)
    log_units = logsumexp(joint, axis=1)
    weights = np.exp(joint - log_units[:, None])
    places = _Places(law, channels)
    scores, outer = np.zeros((len(weights), places.size)), np.zeros((places.size, places.size))
    for k, point in enumerate(terms):
        at_point = places.scores(k, point)
        weighted = at_point * weights[:, k, None]
        scores += weighted
        outer += at_point.T @ weighted
    complete = places.complete(terms, weights)
    missing = outer - scores.T @ scores if len(terms) > 1 else 0.0  # of one point nothing is unknown
    information = complete - missing
    return MixtureEvaluation(
        float(log_units.sum()),
        scores.sum(axis=0),
        (information + information.T) / 2,
        law,
        complete,
        scores,
        weights,
    )


class _Places:
    """Where parameters stand, and the pieces of score and information that belong there."""

    def __init__(self, law: Law, channels: tuple[Channel, ...]) -> None:
        self._law, self._channels = law, channels
        self._structural = structural_places(channels)
        q, finite = len(law.structural), law.finite
        self._location = np.full(finite.shape, -1)
        self._location.T[finite.T] = q + np.arange(finite.sum())
        self._odds = q + int(finite.sum())
        self.size = self._odds + len(law.log_odds) - 1

    def scores(self, k: int, point: list[RowTerms]) -> Floats:
        """Complete-data scores of the units at point k, (G, p)."""
        rows = self._channels[0]
        scores = np.zeros((rows.by_unit.shape[0], self.size))
        for c, (rows, term) in enumerate(zip(self._channels, point, strict=True)):
            if self._location[k, c] >= 0:
                scores[:, self._structural[c]] = unit_scores(term.residual, rows)
                scores[:, self._location[k, c]] = rows.by_unit @ term.residual
        scores[:, self._odds :] = (np.arange(len(self._law.log_odds)) == k)[1:] - self._law.probabilities[1:]
        return scores

    def complete(self, terms: Terms, weights: Floats) -> Floats:
        """Information if every unit's point were known, (p, p)."""
        total = np.zeros((self.size, self.size))
        for c, rows in enumerate(self._channels):
            own = self._structural[c]
            summed = np.zeros(len(rows.level))
            for k, point in enumerate(terms):
                place = self._location[k, c]
                if place < 0:
                    continue
                weight = weights[rows.unit, k] * point[c].curvature
                summed += weight
                by_level = np.bincount(rows.level, weight, rows.n_levels)
                cross = np.concatenate([by_level[1:], weight @ rows.x])
                total[place, place] = by_level.sum()
                total[own, place] = total[place, own] = cross
            total[own, own] = _structural_information(summed, rows)
        pi = self._law.probabilities[1:]
        total[self._odds :, self._odds :] = len(weights) * (np.diag(pi) - np.outer(pi, pi))
        return total


def _structural_information(weight: Floats, rows: Channel) -> Floats:
    """Weighted cross-product of the levels' dummies and the covariates."""
    n = rows.n_levels - 1
    total = np.empty((rows.n_structural, rows.n_structural))
    total[:n, :n] = np.diag(np.bincount(rows.level, weight, rows.n_levels)[1:])
    total[:n, n:] = sum_by(weight, rows.level, rows.n_levels, rows.x)[1:]
    total[n:, :n] = total[:n, n:].T
    total[n:, n:] = weighted_cross_product(rows.x, weight)
    return total
