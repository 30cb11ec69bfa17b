"""Hazards, exits and expected shares: the part that a counterfactual changes.

Time runs in weeks from the end of week 0; an exit at time x happens in week floor(x) + 1. Each quarter has two
pieces, before and after its switch (the second is empty without one), and the hazard is constant in a piece. A
reform and a training that begin in a calendar week each cut every piece in two.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from bipstats.synthetic.actions import Action, caseworkers_under, paths_under
from bipstats.synthetic.background import People
from bipstats.synthetic.caseworkers import Staff
from bipstats.synthetic.histories import NO_SWITCH, Paths
from bipstats.synthetic.moments import Moments
from bipstats.synthetic.training import Trial
from bipstats.synthetic.truth import Truth

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

KINDS = ("censored", "job", "education", "disability_pension", "dead", "emigrated", "flexjob", "self_support")


@dataclass(frozen=True, slots=True)
class Rates:
    """Piecewise constant hazards of each client; (n, P) arrays, P = 2T without reform and training.

    Attributes
    ----------
    start, length : weeks
    entry : hazard of job or education, per quarter
    other : hazard of all other exits, per quarter
    """

    start: Floats
    length: Floats
    entry: Floats
    other: Floats


@dataclass(frozen=True, slots=True)
class Exits:
    """How each client leaves; arrays of length n.

    Attributes
    ----------
    followed : last week of the data, in weeks since enrolment
    week : week of the exit; ``followed + 1`` for those still in
    kind : place in `KINDS`
    """

    followed: Ints
    week: Ints
    kind: NDArray[np.int8]


def belief(truth: Truth, scale: Moments, persons: People, path: Paths, shift: float = 0.0) -> Floats:
    """Latent belief but for the caseworker's orientation; (n, T).

    ``B = c_R z(R) + c_X z(X delta) + orientation + s_f p``, shifted by `shift` steps.
    """
    law = truth.belief
    latent = law.from_readiness / scale.readiness_sd * path.prospects
    latent += (law.from_background / scale.prospects_sd * persons.prospects)[:, None]
    latent += law.private_view * path.private_view
    return latent + shift * scale.belief_step


def rates(
    truth: Truth,
    scale: Moments,
    persons: People,
    team: Staff,
    path: Paths,
    drawn: Trial,
    what: Action,
) -> Rates:
    """Give the hazards of a world's clients under a counterfactual.

    Switches are those of `path`: a counterfactual without them has paths of its own.
    """
    law = truth.hazard
    team, path = caseworkers_under(team, what), paths_under(truth, scale, path, what, items=False)
    per_latent = law.belief / scale.belief_step
    base = law.level + law.per_quarter * np.arange(path.before.shape[1]) + path.prospects
    base += (persons.prospects + persons.centre_effect)[:, None]
    base += (
        per_latent * belief(truth, scale, persons, path, what.shift) + law.private_view * path.private_view
    )
    base += _calendar(truth, persons, path) + truth.reactivity.search * path.asked
    own = team.effect + (per_latent * truth.belief.orientation + law.orientation) * team.orientation
    decay = truth.switches.effect * np.exp2(-since_switch(path) / truth.switches.half_life)
    log_entry = np.stack([base + own[path.before], base + own[path.after]], axis=2)
    log_entry += decay
    start, length = pieces(path)
    other = truth.exits.other_level + truth.exits.other_readiness * path.readiness
    other = np.exp(other + truth.exits.other_shock * path.shock)
    made = Rates(start, length, np.exp(log_entry).reshape(start.shape), np.repeat(other, 2, axis=1))
    if truth.training.takes_place:
        moved = per_latent * training_shift(truth, scale, path, drawn).reshape(start.shape)
        made = _from_then_on(made, truth.training.week - persons.entry, moved)
    if truth.period.reform_effect:
        moved = np.full(made.start.shape, truth.period.reform_effect)
        made = _from_then_on(made, truth.period.reform_week - persons.entry, moved)
    return made


def pieces(path: Paths) -> tuple[Floats, Floats]:
    """Give start and length in weeks of the pieces before and after each quarter's switch; (n, 2T)."""
    n, length = path.before.shape
    before = np.where(path.switch < NO_SWITCH, path.switch, 13).astype(float)
    weeks = np.stack([before, 13 - before], axis=2)
    begin = 13.0 * np.arange(length)[None, :, None] + np.stack([np.zeros_like(before), before], axis=2)
    return begin.reshape(n, -1), weeks.reshape(n, -1)


def training_shift(truth: Truth, scale: Moments, path: Paths, drawn: Trial) -> Floats:
    """Give the training's shift of the latent belief before and after each quarter's switch; (n, T, 2)."""
    trained = np.stack([drawn.caseworker[path.before], drawn.caseworker[path.after]], axis=2)
    trained |= drawn.client[:, None, None]
    return np.asarray(truth.training.steps * scale.belief_step * trained)


def _calendar(truth: Truth, persons: People, path: Paths) -> Floats:
    """Give the calendar's trend at the start of each quarter; (n, T)."""
    week = persons.entry[:, None] + 13.0 * np.arange(path.before.shape[1])
    return truth.period.trend * week / 52


def _from_then_on(made: Rates, week: Ints, moved: Floats) -> Rates:
    """Add to the log hazard of entry from a week since enrolment on, each piece being cut in two there."""
    n, count = made.start.shape
    first = np.clip(week[:, None] - 1.0 - made.start, 0.0, made.length)

    def both(before: Floats, after: Floats) -> Floats:
        return np.stack([before, after], axis=2).reshape(n, 2 * count)

    return Rates(
        start=both(made.start, made.start + first),
        length=both(first, made.length - first),
        entry=both(made.entry, made.entry * np.exp(moved)),
        other=both(made.other, made.other),
    )


def since_switch(path: Paths) -> Floats:
    """Quarters since the last switch at the start of each piece, infinite before the first; (n, T, 2)."""
    n, length = path.switch.shape
    quarter = np.arange(length)
    when = np.where(path.switch < NO_SWITCH, 13.0 * quarter + path.switch, -np.inf)
    last = np.maximum.accumulate(when, axis=1)
    earlier = np.concatenate([np.full((n, 1), -np.inf), last[:, :-1]], axis=1)
    return np.stack([(13.0 * quarter - earlier) / 13, np.where(np.isinf(when), np.inf, 0.0)], axis=2)


def leave(truth: Truth, persons: People, hazard: Rates, rng: Generator) -> Exits:
    """Draw the exits: the earlier of two times, each where its cumulative hazard passes an exponential."""
    n = len(persons)
    thresholds = rng.exponential(size=(2, n))
    is_education = rng.random(n) < truth.hazard.education_share
    which = np.searchsorted(np.cumsum(truth.exits.other_shares)[:-1], rng.random(n), side="right")
    entry = passing_time(hazard, hazard.entry, thresholds[0])
    other = passing_time(hazard, hazard.other, thresholds[1])
    followed = truth.calendar.weeks - 1 - persons.entry
    kind = np.where(entry <= other, np.where(is_education, 2, 1), 3 + which)
    time = np.minimum(entry, other)
    week = np.where(np.isfinite(time), np.floor(np.where(np.isfinite(time), time, 0.0)) + 1, 2**31 - 1)
    week = week.astype(np.int64)
    inside = week <= followed
    return Exits(followed, np.where(inside, week, followed + 1), np.where(inside, kind, 0).astype(np.int8))


def passing_time(hazard: Rates, rate: Floats, threshold: Floats) -> Floats:
    """Time at which each client's cumulative hazard passes a threshold; infinite if never."""
    cumulative = np.cumsum(rate * hazard.length / 13, axis=1)
    piece = (cumulative < threshold[:, None]).sum(axis=1)
    passed = piece < rate.shape[1]
    at = np.minimum(piece, rate.shape[1] - 1)[:, None]

    def pick(values: Floats) -> Floats:
        return np.take_along_axis(values, at, axis=1)[:, 0]

    before = pick(cumulative) - pick(rate * hazard.length / 13)
    time = pick(hazard.start) + 13 * (threshold - before) / pick(rate)
    # Rounding must not carry a time past the end of its piece.
    time = np.minimum(time, np.nextafter(pick(hazard.start) + pick(hazard.length), 0.0))
    return np.where(passed, time, np.inf)


def expected_entry(hazard: Rates, horizon: Ints | float) -> Floats:
    """Give each client's probability of job or education up to a horizon in weeks, other exits competing.

    Notes
    -----
    In a piece with hazards h of entry and k of other exits and length l,
    ``S h / (h + k) (1 - exp(-(h + k) l))``, where S is the probability of still being in at its start.
    """
    total, both, survival = _cumulated(hazard, horizon)
    return np.sum(survival * hazard.entry / both * -np.expm1(-total), axis=1)


def expected_time(hazard: Rates, horizon: Ints | float) -> Floats:
    """Give the expected time at risk in each piece up to a horizon in weeks, in quarters; (n, P)."""
    total, both, survival = _cumulated(hazard, horizon)
    return survival / both * -np.expm1(-total)


def _cumulated(hazard: Rates, horizon: Ints | float) -> tuple[Floats, Floats, Floats]:
    """Give each piece's cumulative hazard up to a horizon, its rate, and the survival at its start."""
    until = np.broadcast_to(np.asarray(horizon, dtype=float), (len(hazard.start),))[:, None]
    length = np.clip(until - hazard.start, 0.0, hazard.length) / 13
    both = hazard.entry + hazard.other
    total = both * length
    return total, both, np.exp(total - np.cumsum(total, axis=1))
