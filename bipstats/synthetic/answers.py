"""Answers from 1 to 5: true scores, the rater's use of the scale, noise, cuts."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray
from scipy.special import ndtri

from bipstats.codebook import CLIENT_ITEMS, INDICATORS
from bipstats.synthetic.background import People
from bipstats.synthetic.caseworkers import Staff
from bipstats.synthetic.histories import ITEMS, Paths
from bipstats.synthetic.measurement import Pairs
from bipstats.synthetic.moments import Moments
from bipstats.synthetic.training import Trial
from bipstats.synthetic.truth import Truth

Floats = NDArray[np.float64]
Scores = NDArray[np.int8]

BELIEF = "caseworker_belief"
OTHERS = tuple(key for key in INDICATORS if key != BELIEF)
NOISES = 2 * ITEMS + 2  # ten items by two raters, halo, belief


@dataclass(frozen=True, slots=True)
class Answers:
    """Scores of the pairs; (m, 11) arrays in the codebook's order, 0 where not asked."""

    client: Scores
    caseworker: Scores


def answers(
    truth: Truth, persons: People, team: Staff, path: Paths, faith: Floats, chosen: Pairs, rng: Generator
) -> Answers:
    """Turn latent scores into both raters' answers.

    Parameters
    ----------
    faith : (m,) array
        Latent belief of each pair's caseworker (`latent_beliefs`).

    Notes
    -----
    A client answers true score + style + noise, a caseworker true score + leniency + halo + noise, where noise
    has variance 1 - reliability; style, leniency and halo come on top. The halo is the part of the belief
    that does not come from readiness, background or training. A new version of the questionnaire moves every
    score and changes the noise.
    """
    law, who, when = truth.answers, chosen.client, chosen.quarter
    style = law.client_style * rng.standard_normal(len(persons))
    noise = _noise(len(persons), path.before.shape[1], chosen, rng)
    new = persons.entry[who] + chosen.week >= truth.instrument.week
    noise[:, [*range(2 * ITEMS), -1]] *= np.where(new, truth.instrument.noise, 1.0)[:, None]
    score = path.items[:, who, when].T + (truth.instrument.shift * new)[:, None]
    cuts = ndtri(np.asarray(law.cumulative))
    beyond, spread = _beyond_readiness(truth, team, path, chosen)
    halo = law.halo * beyond / spread if spread > 0 else np.zeros(len(who))
    halo = halo + law.halo_noise * noise[:, 2 * ITEMS]
    noise_sd = np.sqrt(1 - np.asarray(law.reliability))
    own = score + style[who, None] + noise_sd * noise[:, :ITEMS]
    theirs = score + (team.leniency[chosen.caseworker] + halo)[:, None]
    theirs += noise_sd * noise[:, ITEMS : 2 * ITEMS]
    answered = faith + truth.instrument.shift * new + truth.belief.answer_noise * noise[:, -1]
    return Answers(
        client=_sheet(_cut(own, cuts), None),
        caseworker=_sheet(_cut(theirs, cuts), _cut(answered, np.asarray(truth.belief.cuts))),
    )


def latent_beliefs(
    truth: Truth, scale: Moments, persons: People, team: Staff, latent: Floats, drawn: Trial, chosen: Pairs
) -> Floats:
    """Give the latent belief behind each pair; (m,).

    Parameters
    ----------
    latent : (n, T) array
        Belief without the caseworker's orientation and training (`exits.belief`).
    """
    who, by = chosen.client, chosen.caseworker
    faith = latent[who, chosen.quarter] + truth.belief.orientation * team.orientation[by]
    if not truth.training.takes_place:
        return faith
    since = persons.entry[who] + chosen.week >= truth.training.week
    trained = since & (drawn.caseworker[by] | drawn.client[who])
    return faith + truth.training.steps * scale.belief_step * trained


def _noise(n: int, length: int, chosen: Pairs, rng: Generator) -> Floats:
    """Draw the noise of every client-quarter and keep that of the pairs.

    A quarter's numbers do not depend on which quarters are measured.
    """
    kept = np.empty((len(chosen.client), NOISES))
    for t in range(length):
        drawn = rng.standard_normal((n, NOISES))
        rows = chosen.quarter == t
        kept[rows] = drawn[chosen.client[rows]]
    return kept


def _beyond_readiness(truth: Truth, team: Staff, path: Paths, chosen: Pairs) -> tuple[Floats, float]:
    """Give orientation and private view in the belief, and the standard deviation of their sum."""
    law = truth.belief
    view = path.private_view[chosen.client, chosen.quarter]
    part = law.orientation * team.orientation[chosen.caseworker] + law.private_view * view
    variance = law.orientation**2 + law.private_view**2
    variance += 2 * law.orientation * law.private_view * law.private_sorting
    return part, float(np.sqrt(variance))


def _cut(latent: Floats, cuts: Floats) -> Scores:
    """Give 1 + the number of cuts below each value."""
    return (1 + np.searchsorted(cuts, latent)).astype(np.int8)


def _sheet(items: Scores, belief: Scores | None) -> Scores:
    """Lay the answers out in the codebook's order, leaving out what a questionnaire does not ask."""
    sheet = np.zeros((len(items), len(INDICATORS)), dtype=np.int8)
    for column, key in enumerate(INDICATORS):
        if key == BELIEF:
            sheet[:, column] = 0 if belief is None else belief
        elif belief is not None or key in CLIENT_ITEMS:
            sheet[:, column] = items[:, OTHERS.index(key)]
    return sheet
