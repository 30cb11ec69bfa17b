"""Standard deviations and steps that follow from a truth, computed and not simulated."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from scipy.special import ndtr, ndtri

from bipstats.synthetic.background import TRAITS, job_share, trait_share
from bipstats.synthetic.truth import Truth


@dataclass(frozen=True, slots=True)
class Moments:
    """Constants of a world.

    Attributes
    ----------
    item_step : float
        Shift of a latent answer that moves the mean answer by one level.
    belief_step : float
        The same for the latent belief.
    readiness_sd, prospects_sd : float
        Standard deviations, at enrolment, of readiness and of background in log hazard.
    total_sd : float
        Of their sum, which the sorting of clients follows.
    """

    item_step: float
    belief_step: float
    readiness_sd: float
    prospects_sd: float
    total_sd: float


@lru_cache(maxsize=64)
def moments(truth: Truth) -> Moments:
    """Compute the constants of a world.

    Notes
    -----
    Given vulnerability v, the parts of the background are independent, so that
    ``Var(X delta) = Var E(X delta | v) + E Var(X delta | v)``; both are Gauss-Hermite sums over v. A shift d
    moves the mean of an answer cut at c_1..c_4 from a latent with standard deviation s by about
    ``d * sum(phi(c_j / s)) / s``, so one level is ``s / sum(phi(c_j / s))``.
    """
    item_step = step(ndtri(np.asarray(truth.answers.cumulative)), 1.0)
    nodes, weights = np.polynomial.hermite_e.hermegauss(60)
    weights = weights / weights.sum()
    mean, spread = _background(truth, nodes)
    prospects = float(weights @ (mean - weights @ mean) ** 2 + weights @ spread)
    slope = truth.readiness.on_vulnerability
    entry = slope**2 + truth.readiness.entry_sd**2
    loading, variance = _items(truth, item_step, entry)
    shared = loading * slope * float(weights @ (nodes * mean))
    law, readiness_sd, prospects_sd = truth.belief, float(np.sqrt(variance)), float(np.sqrt(prospects))
    latent = law.from_readiness**2 + law.from_background**2 + law.orientation**2 + law.private_view**2
    latent += 2 * law.from_readiness * law.from_background * shared / (readiness_sd * prospects_sd)
    latent += 2 * law.orientation * law.private_view * law.private_sorting
    return Moments(
        item_step=item_step,
        belief_step=step(np.asarray(law.cuts), float(np.sqrt(latent + law.answer_noise**2))),
        readiness_sd=readiness_sd,
        prospects_sd=prospects_sd,
        total_sd=float(np.sqrt(variance + prospects + 2 * shared)),
    )


def step(cuts: np.ndarray, sd: float) -> float:
    """Shift of a normal latent that moves the mean of its cut answer by one level."""
    return float(sd * np.sqrt(2 * np.pi) / np.exp(-0.5 * (cuts / sd) ** 2).sum())


def _items(truth: Truth, item_step: float, entry: float) -> tuple[float, float]:
    """Give the slope of the item sum on readiness, and its variance, in log hazard."""
    law = truth.answers
    weight = truth.hazard.item_scale / item_step * np.asarray(truth.hazard.item_weights)
    weight = weight * np.sqrt(law.reliability)
    passing = 1 - law.readiness_share - law.trait_share
    own = law.trait_share + passing * (1 - law.passing_common)
    common = law.readiness_share * entry + passing * law.passing_common
    variance = common * weight.sum() ** 2 + own * (weight**2).sum()
    return float(np.sqrt(law.readiness_share) * weight.sum()), float(variance)


def _background(truth: Truth, v: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Give mean and variance of the background's log hazard given vulnerability v."""
    law = truth.background
    mean = np.zeros_like(v)
    variance = np.full_like(v, law.effect_female**2 * law.female * (1 - law.female))
    first, second = law.age_shape
    age = law.age_range**2 * first * second / ((first + second) ** 2 * (first + second + 1))
    variance += law.effect_age**2 * age
    women = np.array([law.female, 1 - law.female])
    for name in TRAITS:
        loading, effect = getattr(law, f"loading_{name}"), getattr(law, f"effect_{name}")
        share = np.broadcast_to(trait_share(law, name, np.array([True, False])), 2)
        by_sex = ndtr((loading * v[:, None] + ndtri(share)) / np.sqrt(1 - loading**2))
        probability = by_sex @ women
        mean += effect * probability
        variance += effect**2 * probability * (1 - probability)
        if name == "convicted":  # the only trait that depends on sex
            variance += 2 * effect * law.effect_female * law.female * (by_sex[:, 0] - probability)
    return _add_job_share(truth, v, mean, variance)


def _add_job_share(
    truth: Truth, v: np.ndarray, mean: np.ndarray, variance: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Add the share of time in job or education, whose law given v is a quadrature over its own part."""
    law = truth.background
    own = ndtri((np.arange(2000) + 0.5) / 2000)
    loading = law.loading_job_share
    share = job_share(law, ndtr(loading * v[:, None] + np.sqrt(1 - loading**2) * own))
    effect = law.effect_job_share
    return mean + effect * share.mean(axis=1), variance + effect**2 * share.var(axis=1)
