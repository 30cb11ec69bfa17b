"""The caseworkers: effects, orientations, caseloads, departures, and who gets which client."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray
from scipy.special import ndtri

from bipstats.synthetic.background import People
from bipstats.synthetic.counts import allocate, caseworker_count
from bipstats.synthetic.moments import Moments
from bipstats.synthetic.truth import Truth

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

NEVER = 2**31 - 1  # calendar week of a departure that does not happen


@dataclass(frozen=True, slots=True)
class Staff:
    """The caseworkers, ordered by job centre and from most to least effective; arrays of length m.

    Attributes
    ----------
    centre : 0..9
    effect : own effect on the log hazard
    orientation : job orientation, N(0, 1)
    leniency : own use of the answer scale
    caseload : relative weight
    turnover : relative rate of switches, mean 1
    departs : first calendar week without this caseworker, or `NEVER`
    number : place in the caseworkers' identifiers
    """

    centre: Ints
    effect: Floats
    orientation: Floats
    leniency: Floats
    caseload: Floats
    turnover: Floats
    departs: Ints
    number: Ints


def top_effect(team: Staff) -> float:
    """Mean own effect of the tenth of caseworkers with the largest."""
    return float(team.effect[by_effect(team)[: tenth(team)]].mean())


def by_effect(team: Staff) -> Ints:
    """Rows of the caseworkers from most to least effective."""
    return np.argsort(-team.effect, kind="stable")


def tenth(team: Staff) -> int:
    """Size of a decile of caseworkers, at least one."""
    return max(1, round(0.1 * len(team.effect)))


def staff_counts(truth: Truth, clients: int) -> Ints:
    """Caseworkers per job centre, at least one each."""
    shares = truth.centres.shares
    return allocate(caseworker_count(clients, truth), shares, np.ones(len(shares), dtype=np.int64))


def staff(truth: Truth, counts: Ints, rng: Generator) -> Staff:
    """Draw the caseworkers; one per centre stays to the end, so that no client is ever without one."""
    size = int(counts.sum())
    effect, orientation = _scores(truth, size, rng), _scores(truth, size, rng)
    centre = np.repeat(np.arange(len(counts)), counts)
    leniency = truth.answers.caseworker_leniency * rng.standard_normal(size)
    caseload = rng.gamma(truth.caseworkers.caseload_shape, size=size)
    variance = truth.switches.turnover_variance
    turnover = variance * rng.gamma(1 / variance, size=size)
    waiting, number = rng.exponential(size=size), rng.permutation(size)
    order = np.lexsort((-effect, centre))
    leaving = truth.switches.rate * truth.switches.departure_share * turnover / 13
    weeks = np.divide(waiting, leaving, out=np.full(size, np.inf), where=leaving > 0)
    departs = np.where(weeks < truth.calendar.weeks, np.ceil(weeks), NEVER).astype(np.int64)
    departs[np.cumsum(counts) - 1] = NEVER
    return Staff(
        centre=centre,
        effect=(truth.caseworkers.effect_sd * tilted(effect, truth.caseworkers.effect_tilt))[order],
        orientation=orientation[order],
        leniency=leniency[order],
        caseload=caseload[order],
        turnover=turnover[order],
        departs=departs[order],
        number=number[order],
    )


def tilted(scores: Floats, tilt: float) -> Floats:
    """Widen N(0, 1) scores below zero by ``exp(tilt)``, narrow those above as much; mean 0 and variance 1 again.

    No shape of the effects is published. With this one the shares of the most and of the least effective (E15) can
    both hold beside the mean of the most effective (E12), for which a normal law has one number too few.
    """
    halves = scores * np.where(scores < 0, np.exp(tilt), np.exp(-tilt))
    mean = -np.sqrt(2 / np.pi) * np.sinh(tilt)
    variance = np.cosh(2 * tilt) - mean**2
    return (halves - mean) / np.sqrt(variance)


def _scores(truth: Truth, size: int, rng: Generator) -> Floats:
    """Draw N(0, 1) scores, or the normal scores themselves in random order."""
    draws = rng.standard_normal(size)
    if not truth.caseworkers.balanced:
        return draws
    return ndtri((np.argsort(np.argsort(draws)) + 0.5) / size)


@dataclass(frozen=True, slots=True)
class Desk:
    """Who is in post in each calendar week, as one long cumulative sum of caseloads.

    Attributes
    ----------
    cumulative : (weeks * m + 1,) caseloads in post, week by week, in the order of `Staff`
    first, last : (10,) rows of the first and one past the last caseworker of each centre
    """

    cumulative: Floats
    first: Ints
    last: Ints

    @classmethod
    def of(cls, staff: Staff, weeks: int) -> Desk:
        """Lay out the weeks 0 to `weeks`."""
        in_post = staff.departs > np.arange(weeks + 1)[:, None]
        cumulative = np.concatenate([[0.0], np.cumsum(np.where(in_post, staff.caseload, 0.0).ravel())])
        centres = np.arange(staff.centre[-1] + 1)
        return cls(
            cumulative,
            np.searchsorted(staff.centre, centres),
            np.searchsorted(staff.centre, centres, side="right"),
        )

    def pick(self, position: Floats, centre: Ints, week: Ints, without: Ints | None = None) -> Ints:
        """Give the caseworker at a position between 0 (most effective) and 1 of those in post.

        Parameters
        ----------
        position : (k,) in (0, 1)
        centre, week : (k,)
        without : (k,), optional
            A caseworker each who must not be picked.

        Returns
        -------
        (k,) rows of `Staff`; -1 where nobody else is in post
        """
        size = self.last[-1]
        total = self.cumulative
        row = np.minimum(week, (len(total) - 1) // size - 1) * size
        begin, end = row + self.first[centre], row + self.last[centre]
        below, own = np.zeros(len(row)), np.zeros(len(row))
        if without is not None:
            below = total[row + without] - total[begin]
            own = total[row + without + 1] - total[row + without]
        available = total[end] - total[begin] - own
        point = available * np.clip(position, 1e-9, 1 - 1e-9)
        point = point + np.where(point >= below, own, 0.0)
        found = np.searchsorted(total, total[begin] + point, side="right") - 1
        picked = np.clip(found, begin, end - 1) - row
        return np.where(available > 1e-9, picked, -1)


def position(truth: Truth, prospects: Floats, noise: Floats, weight: float = 1.0) -> Floats:
    """Give each client's place in the order of prospects, as a normal variable.

    ``r d + sqrt(1 - r**2) N(0, 1)`` with standardised true prospects d: poor prospects come first, to the
    most effective caseworkers.
    """
    r = truth.caseworkers.sorting * weight
    return r * prospects + np.sqrt(1 - r**2) * noise


def first_caseworkers(
    truth: Truth, persons: People, team: Staff, readiness: Floats, scale: Moments, rng: Generator
) -> tuple[Staff, Ints]:
    """Give every client the caseworker of enrolment, and every caseworker at least one client.

    Parameters
    ----------
    readiness : (n,)
        True readiness at enrolment, in log hazard.

    Returns
    -------
    Staff, (n,) rows of it
        A caseworker who would have left before any client of the centre enrolled leaves later.
    """
    key = position(truth, (readiness + persons.prospects) / scale.total_sd, rng.standard_normal(len(persons)))
    if truth.caseworkers.assignment == "round robin":
        return _nobody_idle(persons, team, _in_turn(persons, team, key))
    order = np.lexsort((key, persons.centre))
    size = np.bincount(persons.centre, minlength=10)
    begin = np.concatenate([[0], np.cumsum(size)[:-1]])
    place = np.empty(len(persons))
    place[order] = np.arange(len(persons)) - np.repeat(begin, size) + 0.5
    desk = Desk.of(team, truth.calendar.weeks)
    caseworker = desk.pick(place / size[persons.centre], persons.centre, persons.entry)
    return _nobody_idle(persons, team, caseworker)


def _in_turn(persons: People, team: Staff, lot: Floats) -> Ints:
    """Give the clients of each centre, in the order of enrolment, to its caseworkers in turn.

    Who has departed is passed over; clients of one week come in the order of `lot`.
    """
    order = np.lexsort((lot, persons.entry, persons.centre))
    size, staffed = np.bincount(persons.centre, minlength=10), np.bincount(team.centre, minlength=10)
    begin = np.concatenate([[0], np.cumsum(size)[:-1]])
    first = np.concatenate([[0], np.cumsum(staffed)[:-1]])
    turn = np.empty(len(persons), dtype=np.int64)
    turn[order] = np.arange(len(persons)) - np.repeat(begin, size)
    many, start = staffed[persons.centre], first[persons.centre]
    caseworker = start + turn % many
    waiting = np.flatnonzero(team.departs[caseworker] <= persons.entry)
    while len(waiting):  # one caseworker per centre never departs
        turn[waiting] += 1
        caseworker[waiting] = start[waiting] + turn[waiting] % many[waiting]
        waiting = waiting[team.departs[caseworker[waiting]] <= persons.entry[waiting]]
    return caseworker


def _nobody_idle(persons: People, team: Staff, caseworker: Ints) -> tuple[Staff, Ints]:
    """Hand one early client to each caseworker who got none."""
    load = np.bincount(caseworker, minlength=len(team.centre))
    departs = team.departs.copy()
    early = np.argsort(persons.entry, kind="stable")
    for idle in np.flatnonzero(load == 0):
        mine = early[persons.centre[early] == team.centre[idle]]
        client = mine[load[caseworker[mine]] > 1][0]
        load[caseworker[client]] -= 1
        load[idle] = 1
        caseworker[client] = idle
        departs[idle] = max(departs[idle], persons.entry[client] + 1)
    return replace(team, departs=departs), caseworker
