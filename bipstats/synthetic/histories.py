"""What happens to the clients' latent variables, quarter by quarter.

Nothing here depends on whether a client has left, so the paths of a study and of its counterfactual are the
same; only the time of the exit differs (`exits.py`).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray
from scipy.special import expit, ndtr

from bipstats.synthetic.background import People
from bipstats.synthetic.caseworkers import Desk, Staff, first_caseworkers, position
from bipstats.synthetic.moments import Moments
from bipstats.synthetic.plan import Asked, Plan
from bipstats.synthetic.truth import Truth

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]

HEALTH_ITEM = 2  # health_coping
ITEMS = 10
NO_SWITCH = 13


@dataclass(frozen=True, slots=True)
class Paths:
    """Latent paths; (n, T) arrays by client and quarter, quarter t covering the weeks 13t+1 to 13t+13.

    Attributes
    ----------
    before, after : rows of `Staff`: in charge at the quarter's start and at its end
    switch : full weeks of the quarter under `before`; `NO_SWITCH` without a switch
    readiness : persistent readiness, lowered during a health shock
    shock : health shock
    passing : passing state shared by all items
    items : (10, n, T) true item scores
    prospects : true readiness for work in log hazard, the weighted items
    private_view : the caseworker's private view of the client, variance 1
    klass : intervention class 0..3 (none, other only, job only, job + other)
    asked : a questionnaire is due and neither missed nor after dropout
    """

    before: NDArray[np.int32]
    after: NDArray[np.int32]
    switch: NDArray[np.int8]
    readiness: Floats
    shock: Bools
    passing: Floats
    items: Floats
    prospects: Floats
    private_view: Floats
    klass: NDArray[np.int8]
    asked: Bools


def quarters(truth: Truth) -> int:
    """Quarters of the longest follow-up, the partial last one included."""
    return -(-(truth.calendar.weeks - 1 - truth.calendar.entry_first) // 13)


def item_weights(truth: Truth, scale: Moments) -> Floats:
    """Log hazard of one unit of each true item score; (10,)."""
    return truth.hazard.item_scale / scale.item_step * np.asarray(truth.hazard.item_weights)


def item_slopes(truth: Truth) -> Floats:
    """Slope of each true item score on readiness; (10,)."""
    return np.sqrt(np.asarray(truth.answers.reliability)) * np.sqrt(_readiness_shares(truth))


def _readiness_shares(truth: Truth) -> Floats:
    law, null = truth.answers, np.asarray(truth.hazard.item_weights) == 0
    return np.where(null, law.null_readiness_share, law.readiness_share)


def paths(
    truth: Truth, persons: People, team: Staff, scale: Moments, drawn: Plan, draws: Any, switching: bool
) -> tuple[Staff, Paths]:
    """Run the quarters; `switching=False` leaves every client with the first caseworker.

    Also gives the caseworkers, since who departs before any client comes must stay longer.
    """
    n, length = len(persons), quarters(truth)
    out = _empty(n, length)
    state = _Readiness(truth, persons, draws["readiness"])
    items = _Items(truth, scale, n, draws["items"])
    asked = Asked(truth, drawn)
    taste = draws["interventions"].standard_normal((2, n))
    for t in range(length):
        felt, shock = state.next()
        out.items[:, :, t] = items.next(felt, shock)
        out.shock[:, t], out.readiness[:, t], out.passing[:, t] = shock, felt, items.common
        out.prospects[:, t] = (items.weight * out.items[:, :, t]).sum(axis=0)
        if t == 0:
            first = (truth, persons, team, out.prospects[:, 0], scale, draws["assignment"])
            team, current = first_caseworkers(*first)
            desk = Desk.of(team, truth.calendar.weeks)
        out.before[:, t] = current
        outlook = (out.prospects[:, t] + persons.prospects) / scale.total_sd
        chance = _individual_switch(truth, team, current, outlook, items.common, shock)
        fate = (persons, team, desk, current, chance, outlook)
        weeks, after = _switch(truth, fate, t, draws["switches"])
        out.switch[:, t], current = (weeks, after) if switching else (NO_SWITCH, current)
        out.after[:, t] = current
        orientation = team.orientation[out.before[:, t]]
        klass = _classes(truth, felt, shock, items.common, orientation, taste, draws["interventions"])
        out.klass[:, t] = klass
        out.asked[:, t] = asked.next(t, felt, shock, items.common)
        state.drift(klass, out.asked[:, t])
    _private_views(truth, team.orientation[out.before[:, 0]], out.private_view, draws["private view"])
    return team, out


def _empty(n: int, length: int) -> Paths:
    def floats() -> Floats:
        return np.empty((n, length))

    return Paths(
        before=np.empty((n, length), dtype=np.int32),
        after=np.empty((n, length), dtype=np.int32),
        switch=np.empty((n, length), dtype=np.int8),
        readiness=floats(),
        shock=np.empty((n, length), dtype=bool),
        passing=floats(),
        items=np.empty((ITEMS, n, length)),
        prospects=floats(),
        private_view=floats(),
        klass=np.empty((n, length), dtype=np.int8),
        asked=np.empty((n, length), dtype=bool),
    )


class _Readiness:
    """Persistent readiness and health shocks, quarter by quarter."""

    def __init__(self, truth: Truth, persons: People, rng: Generator) -> None:
        self.law, self.rng, self.size = truth.readiness, rng, len(persons)
        self.reaction = truth.reactivity.readiness
        own = self.law.entry_sd * rng.standard_normal(self.size)
        self.level = self.law.on_vulnerability * persons.vulnerability + own
        self.shock = np.zeros(self.size, dtype=bool)

    def next(self) -> tuple[Floats, Bools]:
        """Give readiness as it is felt, lowered by a health shock, and the shock."""
        ends, begins = self.rng.random((2, self.size))
        self.shock = np.where(self.shock, ends >= self.law.shock_off, begins < self.law.shock_on)
        return self.level - self.law.shock_readiness * self.shock, self.shock

    def drift(self, klass: NDArray[np.int8], asked: Bools) -> None:
        """Move on to the next quarter."""
        change = self.law.quarterly_sd * self.rng.standard_normal(self.size)
        self.level = self.level + np.asarray(self.law.drift)[klass] + change + self.reaction * asked


class _Items:
    """True item scores, quarter by quarter.

    ``y_k = sqrt(rel_k) (l_k a + sqrt(trait_k) s_k + sqrt(passing) q_k)`` with variance ``rel_k`` at enrolment;
    q_k has a part shared by all items and one of its own, both autoregressive with variance 1.
    """

    def __init__(self, truth: Truth, scale: Moments, n: int, rng: Generator) -> None:
        law = truth.answers
        self.rng, self.rho = rng, law.passing_persistence
        self.root = np.sqrt(np.asarray(law.reliability))[:, None]
        null = np.asarray(truth.hazard.item_weights) == 0
        readiness = _readiness_shares(truth)
        passing = 1 - law.readiness_share - law.trait_share
        shared = law.passing_common * np.where(null, law.null_common, 1.0) ** 2
        self.loading = np.sqrt(readiness)[:, None]
        self.shared = np.sqrt(passing * shared)[:, None]
        self.own = np.sqrt(passing * (1 - shared))[:, None]
        self.trait = np.sqrt(1 - readiness - passing)[:, None] * rng.standard_normal((ITEMS, n))
        self.weight = item_weights(truth, scale)[:, None]
        self.fall = truth.readiness.shock_health
        self.common = np.empty(0)
        self.single = np.empty((0, 0))

    def next(self, felt: Floats, shock: Bools) -> Floats:
        """Give the (10, n) scores of the next quarter."""
        common, single = self.rng.standard_normal(felt.shape), self.rng.standard_normal(self.trait.shape)
        if len(self.common) == 0:
            self.common, self.single = common, single
        else:
            fresh = np.sqrt(1 - self.rho**2)
            self.common = self.rho * self.common + fresh * common
            self.single = self.rho * self.single + fresh * single
        latent = self.loading * felt + self.trait + self.shared * self.common + self.own * self.single
        latent[HEALTH_ITEM] -= self.fall * shock
        return self.root * latent


def _individual_switch(
    truth: Truth, team: Staff, current: Ints, outlook: Floats, passing: Floats, shock: Bools
) -> Floats:
    """Probability of a switch of the client's own in a quarter."""
    law = truth.switches
    pull = np.exp(law.on_prospects * outlook + law.on_passing * passing + law.on_shock * shock)
    return law.rate * (1 - law.departure_share) * team.turnover[current] * pull


def _switch(
    truth: Truth, fate: tuple[People, Staff, Desk, Ints, Floats, Floats], t: int, rng: Generator
) -> tuple[NDArray[np.int8], Ints]:
    """Give the full weeks before a switch in quarter t and the caseworker at its end.

    A client's own switch falls in any week of the quarter; when a caseworker departs, the whole caseload
    moves in that week. The new caseworker is in post to the end of the quarter at least.
    """
    persons, team, desk, current, chance, outlook = fate
    n = len(persons)
    lot, week, noise = rng.random(n), rng.integers(0, 13, n), rng.standard_normal(n)
    weeks = np.where(lot < chance, week, NO_SWITCH)
    leaving = team.departs[current] - persons.entry - 13 * t - 1
    weeks = np.minimum(weeks, np.where(leaving < NO_SWITCH, np.maximum(leaving, 0), NO_SWITCH))
    moved = np.flatnonzero(weeks < NO_SWITCH)
    key = position(truth, outlook[moved], noise[moved], truth.caseworkers.sorting_at_switch)
    until = persons.entry[moved] + 13 * (t + 1)
    picked = desk.pick(ndtr(key), persons.centre[moved], until, without=current[moved])
    weeks[moved[picked < 0]] = NO_SWITCH
    after = current.copy()
    after[moved] = np.where(picked < 0, current[moved], picked)
    return weeks.astype(np.int8), after


def _classes(
    truth: Truth,
    felt: Floats,
    shock: Bools,
    passing: Floats,
    orientation: Floats,
    taste: Floats,
    rng: Generator,
) -> NDArray[np.int8]:
    """Draw the intervention class of a quarter: first job-oriented or not, then other types or not."""
    law = truth.interventions
    job = law.job_level + law.job_readiness * felt + law.job_orientation * orientation
    job += law.job_taste * taste[0] + law.job_passing * passing + law.job_shock * shock
    has_job = rng.random(len(felt)) < expit(job)
    other = np.where(has_job, law.other_level_with_job, law.other_level_without_job)
    other += law.other_readiness * felt + law.other_taste * taste[1] + law.other_passing * passing
    has_other = rng.random(len(felt)) < expit(other)
    return (2 * has_job + has_other).astype(np.int8)


def _private_views(truth: Truth, orientation: Floats, out: Floats, rng: Generator) -> None:
    """Fill in the private views: sorted on the first caseworker's orientation, else autoregressive."""
    rho, sorting = truth.belief.private_persistence, truth.belief.private_sorting
    state = rng.standard_normal(len(out))
    for t in range(out.shape[1]):
        if t:
            state = rho * state + np.sqrt(1 - rho**2) * rng.standard_normal(len(out))
        out[:, t] = sorting * orientation + np.sqrt(1 - sorting**2) * state
