"""E23-E26: change of the index between measurements, by what was done in between."""

from __future__ import annotations

import numpy as np

from bipstats.codebook import CLASSES, REFERENCE_RATER
from bipstats.core.estimates import Estimates
from bipstats.effects.average_result import AverageEffects
from bipstats.effects.multiplicity import max_t
from bipstats.interventions.composite import composite as composite_means
from bipstats.interventions.designs import weighted
from bipstats.interventions.pairs import pairs
from bipstats.progression.index import readiness
from bipstats.replication.estimate import Estimate, Quantities, Unavailable
from bipstats.replication.frames import SIGNIFICANT, Prepared
from bipstats.replication.wording import counted

LONGEST_GAP = 16
"""Weeks between two measurements; over a longer gap the class would join different three-month periods."""

NAMES = (*CLASSES, "both less next")
ALL_PAIRS = tuple(f"progression, {name}, all pairs" for name in NAMES)
REFERENCE = tuple(f"progression, {name}" for name in NAMES)
CLIENT_ITEMS = tuple(f"progression, {name}, client items" for name in NAMES)
CASEWORKER_ITEMS = tuple(f"progression, {name}, caseworker items" for name in NAMES)
ADJUSTED = tuple(f"progression, {name}, adjusted" for name in NAMES)
COMPOSITE = tuple(f"doing better, {name}" for name in NAMES)

_ANY_GAP = 10_000
_SEED = 23
_ITEMS = tuple(f"{key}_{REFERENCE_RATER[key]}" for key in SIGNIFICANT)


def reference(prepared: Prepared) -> Quantities:
    """The nine indicators, each by its reference rater; observed means."""
    return _named(REFERENCE, *_means(prepared, _ITEMS, LONGEST_GAP))


def all_pairs(prepared: Prepared) -> Quantities:
    """The same over gaps of any length, with the class over the whole gap."""
    return _named(ALL_PAIRS, *_means(prepared, _ITEMS, _ANY_GAP))


def client_items(prepared: Prepared) -> Quantities:
    """Those of the nine that the client answers."""
    items = tuple(item for item in _ITEMS if item.endswith("_client"))
    return _named(CLIENT_ITEMS, *_means(prepared, items, LONGEST_GAP))


def caseworker_items(prepared: Prepared) -> Quantities:
    """Those of the nine that the caseworker answers."""
    items = tuple(item for item in _ITEMS if item.endswith("_caseworker"))
    return _named(CASEWORKER_ITEMS, *_means(prepared, items, LONGEST_GAP))


def adjusted(prepared: Prepared) -> Quantities:
    """Means had everybody been in the class, given index and background before (doubly robust)."""
    found = pairs(prepared.study, readiness(prepared.study), LONGEST_GAP)
    return _named(ADJUSTED, weighted(found, "aipw", _SEED), _left_out(found.flow))


def composite(prepared: Prepared) -> Quantities:
    """Chance of doing better than a client drawn from all, less one half; entry ranks above every change."""
    found = composite_means(prepared.study, readiness(prepared.study), LONGEST_GAP, "aipw", _SEED)
    weighted_for = found.flow["not measured again, weighted for"]
    note = f"{counted(weighted_for, 'measurement')} without a next one weighted for" if weighted_for else ""
    return _named(COMPOSITE, found.means, note, null=0.5)


def _means(prepared: Prepared, items: tuple[str, ...], longest_gap: int) -> tuple[AverageEffects, str]:
    """Observed means by class, and what was left out."""
    found = pairs(prepared.study, readiness(prepared.study, items=items), longest_gap)
    return weighted(found, "raw", None), _left_out(found.flow)


def _left_out(flow: dict[str, int]) -> str:
    missing = flow["with missing answers or background"]
    return f"{counted(missing, 'pair')} with missing answers or background left out" if missing else ""


def _named(names: tuple[str, ...], means: AverageEffects, note: str, null: float = 0.0) -> Quantities:
    """Name the means of the classes and the least contrast of job + other with another class.

    Notes
    -----
    The intervals of the means and of the contrasts hold at once. "both less next" is the contrast whose interval
    reaches lowest: if it lies above zero, job + other is the largest of all.
    """
    estimates, present = means.estimates, means.estimates.names
    last = CLASSES[-1]
    others = [name for name in present if name != last] if last in present else []
    rows = np.vstack([np.eye(len(present)), *(_difference(present, last, other) for other in others)])
    family = Estimates((), rows @ estimates.values, estimates.covariance_of(rows), "")
    errors = family.std_errors
    critical = max_t(family.values, family.covariance, rng=_SEED).critical
    counts = dict(zip(present, means.counts, strict=True))

    def one(place: int, n: int, zero: float) -> Estimate:
        value = float(family.values[place]) - zero
        return Estimate(value, float(errors[place]), n, "difference", "pairs of measurements", note, critical)

    made: Quantities = {
        name: one(present.index(klass), counts[klass], null)
        if klass in present
        else Unavailable(f"too few pairs of measurements in the class {klass!r}")
        for name, klass in zip(names, CLASSES, strict=False)
    }
    made[names[-1]] = Unavailable("some class has too few pairs of measurements")
    if len(others) == len(CLASSES) - 1:
        lower = family.values[len(present) :] - critical * errors[len(present) :]
        i = int(np.argmin(lower))
        against = f"{last} less {others[i]}, the contrast whose interval reaches lowest"
        made[names[-1]] = one(len(present) + i, counts[last] + counts[others[i]], 0.0).with_note(against)
    return made


def _difference(present: tuple[str, ...], one: str, other: str) -> np.ndarray:
    row = np.zeros((1, len(present)))
    row[0, present.index(one)], row[0, present.index(other)] = 1.0, -1.0
    return row
