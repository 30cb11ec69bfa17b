"""Who the clients are: enrolment, job centre, background, and five years of history in weeks."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray
from scipy.special import betaincinv, ndtr, ndtri

from bipstats.synthetic import sections
from bipstats.synthetic.counts import allocate
from bipstats.synthetic.truth import Truth

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]

TRAITS = ("single", "non_western", "unqualified", "mental", "musculoskeletal", "convicted")
BUFFER_WEEKS = 18  # weeks of benefit that every history keeps, 13 of them right before enrolment


@dataclass(frozen=True, slots=True)
class People:
    """The clients at enrolment; arrays of length n.

    Attributes
    ----------
    centre : job centre, 0..9
    entry : calendar week of enrolment, 0 = week of Monday 31 December 2012
    weekday : day of enrolment, 0 = Monday ... 4 = Friday
    vulnerability : latent, N(0, 1)
    female : bool
    traits : dict of str to bool arrays, keys `TRAITS`
    birth_year, age : age = year of enrolment - birth year
    job_weeks, self_support_weeks : of the history weeks before enrolment
    prospects : log hazard from background, centred
    centre_effect : log hazard of the job centre
    """

    centre: Ints
    entry: Ints
    weekday: Ints
    vulnerability: Floats
    female: Bools
    traits: dict[str, Bools]
    birth_year: Ints
    age: Ints
    job_weeks: Ints
    self_support_weeks: Ints
    prospects: Floats
    centre_effect: Floats

    def __len__(self) -> int:
        return len(self.centre)


def people(truth: Truth, clients: int, caseworkers: Ints, draws: Any) -> People:
    """Draw the clients; `caseworkers` is the number per centre, each of whom needs a client."""
    entry, weekday = _enrolment(truth.calendar, clients, draws["calendar"])
    rng: Generator = draws["background"]
    law = truth.background
    centre = rng.permutation(np.repeat(np.arange(10), allocate(clients, truth.centres.shares, caseworkers)))
    entry = entry + truth.calendar.centre_delay * centre
    vulnerability = rng.standard_normal(clients)
    female = rng.random(clients) < law.female
    traits = {name: _trait(law, name, vulnerability, female, rng) for name in TRAITS}
    age = np.floor(law.age_low + law.age_range * rng.beta(*law.age_shape, clients)).astype(np.int64)
    job_weeks, self_weeks = _history(truth, vulnerability, rng)
    return People(
        centre=centre,
        entry=entry,
        weekday=weekday,
        vulnerability=vulnerability,
        female=female,
        traits=traits,
        birth_year=_year(truth.calendar, entry, weekday) - age,
        age=age,
        job_weeks=job_weeks,
        self_support_weeks=self_weeks,
        prospects=_prospects(truth, female, traits, age, job_weeks),
        centre_effect=centre_effects(truth)[centre],
    )


def centre_effects(truth: Truth) -> Floats:
    """Log hazards of the job centres: normal scores of their ranks."""
    ranks = np.asarray(truth.centres.effect_ranks)
    return truth.centres.effect_sd * ndtri((ranks - 0.5) / len(ranks))


def trait_share(law: sections.Background, name: str, female: Any) -> Any:
    """Share of clients with a trait; convictions differ by sex."""
    if name == "convicted":
        return np.where(female, law.convicted_women, law.convicted_men)
    return getattr(law, name)


def mean_age(law: sections.Background) -> float:
    """Mean of the continuous law of age, half a year above that of whole years."""
    first, second = law.age_shape
    return law.age_low + law.age_range * first / (first + second)


def job_share(law: sections.Background, rank: Any) -> Any:
    """Quantile function of the share of time in job or education."""
    within = np.clip((rank - law.never_in_job) / (1 - law.never_in_job), 0.0, 1.0)
    return betaincinv(*law.job_share_shape, within)


def _enrolment(calendar: sections.Calendar, clients: int, rng: Generator) -> tuple[Ints, Ints]:
    """Draw calendar week and weekday of enrolment."""
    main = rng.integers(calendar.entry_first, calendar.entry_main, clients)
    late = rng.integers(calendar.entry_main, calendar.entry_last + 1, clients)
    entry = np.where(rng.random(clients) < calendar.main_share, main, late)
    return entry, rng.integers(0, 5, clients)


def _trait(
    law: sections.Background, name: str, vulnerability: Floats, female: Bools, rng: Generator
) -> Bools:
    loading = getattr(law, f"loading_{name}")
    own = rng.standard_normal(len(vulnerability))
    latent = loading * vulnerability + np.sqrt(1 - loading**2) * own
    return np.asarray(latent > -ndtri(trait_share(law, name, female)), dtype=bool)


def _history(truth: Truth, vulnerability: Floats, rng: Generator) -> tuple[Ints, Ints]:
    """Draw weeks in job or education, and in other self-support, before enrolment."""
    law, weeks = truth.background, truth.calendar.history_weeks
    loading = law.loading_job_share
    own = rng.standard_normal(len(vulnerability))
    share = job_share(law, ndtr(loading * vulnerability + np.sqrt(1 - loading**2) * own))
    other = (1 - share) * rng.beta(*law.self_support_shape, len(share))
    job = np.minimum(np.rint(weeks * share), weeks - BUFFER_WEEKS).astype(np.int64)
    return job, np.minimum(np.rint(weeks * other).astype(np.int64), weeks - BUFFER_WEEKS - job)


def _year(calendar: sections.Calendar, entry: Ints, weekday: Ints) -> Ints:
    """Calendar year of the day of enrolment."""
    days = np.datetime64(calendar.first_week, "D") + 7 * entry + weekday
    return days.astype("datetime64[Y]").astype(np.int64) + 1970


def _prospects(truth: Truth, female: Bools, traits: dict[str, Bools], age: Ints, job_weeks: Ints) -> Floats:
    """Background on the log hazard, centred at its expectation."""
    law = truth.background
    total = law.effect_female * (female - law.female)
    for name, has in traits.items():
        share = trait_share(law, name, np.array([True, False]))
        expected = np.dot([law.female, 1 - law.female], np.broadcast_to(share, 2))
        total = total + getattr(law, f"effect_{name}") * (has - expected)
    total = total + law.effect_age * (age + 0.5 - mean_age(law))
    shape = law.job_share_shape
    expected = (1 - law.never_in_job) * shape[0] / (shape[0] + shape[1])
    return total + law.effect_job_share * (job_weeks / truth.calendar.history_weeks - expected)
