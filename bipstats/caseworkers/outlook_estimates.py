"""Incidence and hazard of entry by orientation, with the scores estimated anew in every draw."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from bipstats.caseworkers.first_answers import Earlier
from bipstats.caseworkers.netting import Layout, net
from bipstats.caseworkers.outlook_rows import Clients, Quarters
from bipstats.core.columns import Floats, Ints
from bipstats.errors import ModelError
from bipstats.models.kernels.binomial import binomial_problem, evaluate, log_likelihood, mean, starting_values
from bipstats.models.kernels.newton import NoMaximum, maximise
from bipstats.threads import one_thread

Split = Literal["median", "tertiles", "continuous"]
CONTRASTS: dict[Split, tuple[str, ...]] = {
    "median": ("high against low",),
    "tertiles": ("middle against low", "high against low"),
    "continuous": ("one sd more",),
}
QUANTITIES = ("risk below", "risk", "difference", "log ratio")
"""Of the incidence: at the lower exposure, at the higher one, and how they compare."""


@dataclass(frozen=True, slots=True)
class Exposed:
    """What scores become in a split.

    Attributes
    ----------
    split : {"median", "tertiles", "continuous"}
    cuts : (q,) array
        Between the groups; for ``"continuous"`` the standard deviation that makes one unit.
    """

    split: Split
    cuts: Floats

    @classmethod
    def of(cls, split: Split, scores: Floats, weight: Floats, sd: float) -> Exposed:
        """Put the cuts at weighted quantiles of the clients' scores."""
        if split == "continuous":
            return cls(split, np.array([sd]))
        at = np.array([0.5]) if split == "median" else np.array([1 / 3, 2 / 3])
        order = np.argsort(scores, kind="stable")
        share = np.cumsum(weight[order]) / weight.sum()
        return cls(split, scores[order][np.searchsorted(share, at - 1e-12)])

    def columns(self, scores: Floats) -> Floats:
        """Exposure columns, (n, q): indicators against the lowest group, or units."""
        if self.split == "continuous":
            return scores[:, None] / self.cuts
        group = np.sum(scores[:, None] > self.cuts, axis=1)
        return (group[:, None] == np.arange(1, len(self.cuts) + 1)).astype(float)


@dataclass(frozen=True, slots=True)
class Incidence:
    """The logit of entry within the horizon, for any weights of the caseworkers.

    Attributes
    ----------
    entered : (n,) array
    pair, caseworker, centre : (n,) integer arrays
    x : (n, p) array
        Adjusters.
    """

    entered: Floats
    pair: Ints
    caseworker: Ints
    centre: Ints
    x: Floats

    @classmethod
    def of(cls, rows: Clients, place: int) -> Incidence:
        """Take the adjusters of a netting, standardised."""
        x = rows.adjusters(place)
        spread = x.std(axis=0)
        x = (x - x.mean(axis=0))[:, spread > 0] / spread[spread > 0]
        return cls(rows.entered, rows.pair, rows.caseworker, rows.centre, x)

    def fit(self, exposed: Floats, weight: Floats, start: Floats | None = None) -> Floats:
        """Coefficients: job centres, exposures, adjusters."""
        x = np.hstack([exposed, self.x])
        problem = binomial_problem(
            x, self.centre, self.entered * weight, weight, np.zeros(len(weight)), "logit"
        )
        try:
            best = maximise(
                lambda params: evaluate(params, problem),
                lambda params: log_likelihood(params, problem),
                starting_values(problem) if start is None else start,
                tolerance=1e-14 if start is None else 1e-10,
            )
        except NoMaximum:
            raise ModelError(
                f"the logit of entry within the horizon has no finite maximum: {int(self.entered.sum()):,} entries of "
                f"{len(self.entered):,} clients are told apart by {x.shape[1]:,} covariates."
            ) from None
        return best.params

    def standardised(self, params: Floats, exposed: Floats, weight: Floats, split: Split) -> Floats:
        """Risks averaged over all clients by exposure, and their comparisons: (q, 4) as in `QUANTITIES`."""
        n_centres, q = int(self.centre.max()) + 1, exposed.shape[1]
        slopes = params[n_centres : n_centres + q]
        rest = params[self.centre] + self.x @ params[n_centres + q :]
        if split == "continuous":
            worlds = [exposed[:, 0] * slopes[0], (exposed[:, 0] + 1) * slopes[0]]
        else:
            worlds = [np.zeros(len(rest)), *(np.full(len(rest), slope) for slope in slopes)]
        risks = [float(weight @ mean(rest + shift, "logit") / weight.sum()) for shift in worlds]
        low = risks[0]
        return np.array([[low, high, high - low, np.log(high / low)] for high in risks[1:]])


@dataclass(frozen=True, slots=True)
class Problem:
    """All that a draw needs for one netting.

    Attributes
    ----------
    layout : Layout
    before : Earlier
    split : {"median", "tertiles", "continuous"}
    incidences : tuple of Incidence
        By outcome; the cuts lie at quantiles of the first one's clients.
    starts : tuple of (p,) array
        Coefficients on the data.
    quarters : tuple of Quarters
        By outcome.
    """

    layout: Layout
    before: Earlier
    split: Split
    incidences: tuple[Incidence, ...]
    starts: tuple[Floats, ...]
    quarters: tuple[Quarters, ...]


def exposure_of_pairs(problem: Problem, weight: Floats) -> Floats:
    """Scores netted with weights of the caseworkers, cut at weighted quantiles: (assignments, q)."""
    found = net(problem.layout, weight)
    scores = found.scores(problem.before)
    first = problem.incidences[0]
    own = scores[first.pair]
    cuts = Exposed.of(problem.split, own, weight[first.caseworker], float(np.sqrt(found.signal)) or 1.0)
    return cuts.columns(np.where(np.isnan(scores), 0.0, scores))


def estimates(problem: Problem, weight: Floats) -> Floats:
    """Incidence quantities and log hazard ratios by outcome and contrast: (outcomes, q, 5)."""
    exposed = exposure_of_pairs(problem, weight)
    parts = []
    for place, incidence in enumerate(problem.incidences):
        own, mass = exposed[incidence.pair], weight[incidence.caseworker]
        params = incidence.fit(own, mass, problem.starts[place] if problem.starts else None)
        risks = incidence.standardised(params, own, mass, problem.split)
        hazards = problem.quarters[place].step(exposed[problem.quarters[place].pair], weight)
        parts.append(np.column_stack([risks, hazards]))
    return np.stack(parts)


def drawn(rng: np.random.Generator, problems: Sequence[Problem]) -> Floats:
    """Estimates with a random weight for every caseworker (Bayesian bootstrap): (nettings, outcomes, q, 5)."""
    m = len(problems[0].layout.counts)
    weight = rng.standard_exponential(m)
    weight *= m / weight.sum()
    with one_thread():
        return np.stack([estimates(problem, weight) for problem in problems])
