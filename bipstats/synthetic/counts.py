"""How many of everything: sizes checked before any work, and shares turned into exact counts."""

from __future__ import annotations

import math
from numbers import Integral

import numpy as np
from numpy.typing import NDArray

from bipstats.errors import OptionError
from bipstats.synthetic.truth import Truth


def check_size(clients: object, truth: Truth) -> int:
    """Give the number of clients as an int; refuse sizes that cannot make a study."""
    least = len(truth.centres.shares)
    if isinstance(clients, bool) or not isinstance(clients, Integral):
        raise OptionError(f"clients={clients!r} must be a whole number of at least {least}.")
    count = int(clients)
    needed = caseworker_count(max(count, 0), truth)
    if count < needed:
        raise OptionError(
            f"clients={count} is too few: there are {needed} caseworkers (at least one per job centre), and each "
            f"has a client. Ask for at least {least} clients."
        )
    return count


def caseworker_count(clients: int, truth: Truth) -> int:
    """Number of caseworkers: at least one per job centre."""
    return max(len(truth.centres.shares), round(truth.caseworkers.per_client * clients))


def pair_count(clients: int, truth: Truth) -> int:
    """Number of questionnaire pairs, exactly; a half is rounded to the even number."""
    return round(truth.measurement.pairs_per_client * clients)


def allocate(total: int, shares: tuple[float, ...], least: NDArray[np.int64]) -> NDArray[np.int64]:
    """Split a total by shares (largest remainders), giving each part at least its least count.

    Parts that would fall short get their least count; the others share the rest.
    """
    counts = np.zeros(len(shares), dtype=np.int64)
    free = np.ones(len(shares), dtype=bool)
    while True:
        rest = total - int(least[~free].sum())
        weight = np.where(free, shares, 0.0)
        exact = rest * weight / max(float(weight.sum()), math.ulp(1.0))
        short = free & (exact < least)
        if not short.any():
            break
        free &= ~short
    counts[:] = np.where(free, np.floor(exact), least)
    order = np.argsort(np.where(free, np.floor(exact) - exact, np.inf), kind="stable")
    counts[order[: total - int(counts.sum())]] += 1
    return counts
