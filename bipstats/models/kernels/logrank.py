"""K-sample log-rank tests for (start, stop] rows, with strata and Fleming-Harrington weights."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from bipstats.models.kernels.cox import risk_sets

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class LogRank:
    """Weighted sums over the event times.

    Attributes
    ----------
    observed, expected : (K,) arrays
        Events in each group, and those expected if all groups had one hazard.
    variance : (K, K) array
        Hypergeometric variance of their difference; its rows sum to zero.
    exhausted : bool
        Some stratum's survival is zero before its last event, so that later events have no weight.
    """

    observed: Floats
    expected: Floats
    variance: Floats
    exhausted: bool


def log_rank(
    start: Floats,
    stop: Floats,
    event: NDArray[np.bool_],
    group: Ints,
    stratum: Ints,
    copies: Floats,
    rho: float,
) -> LogRank:
    r"""Compare the groups' events with what their shares of the risk sets let expect.

    Parameters
    ----------
    start, stop : (n,) arrays
        Rows are at risk on (start, stop].
    event : (n,) boolean array
    group, stratum : (n,) integer arrays
        Codes 0..K-1 and 0..S-1.
    copies : (n,) array
        How many equal rows each row stands for; whole numbers.
    rho : float

    Notes
    -----
    With d events among n at risk at a time, of whom :math:`n_k` in group k, and :math:`p_k = n_k / n`: group k expects
    :math:`d p_k`, and the variance is :math:`d \frac{n - d}{n - 1} (\mathrm{diag}(p) - p p')`. Each time weighs
    :math:`S(t-)^\rho`, S the Kaplan-Meier estimate of its stratum (Harrington & Fleming 1982; R's survdiff).
    """
    sets = risk_sets(start, stop, event, stratum)
    n_times, n_groups = len(sets.times), int(group.max()) + 1
    # One place more than event times in every stratum, so that all who are at risk have left by its end.
    n_places = n_times + len(sets.blocks) - 1
    moved = np.zeros(n_groups * n_places)
    for sign, place in ((1.0, sets.first), (-1.0, sets.last)):
        moved += sign * np.bincount(group * n_places + place + stratum, copies, len(moved))
    behind = np.arange(n_times) + np.repeat(np.arange(len(sets.blocks) - 1), np.diff(sets.blocks))
    at_risk = np.cumsum(moved.reshape(n_groups, n_places), axis=1)[:, behind]
    place = group[event] * n_times + sets.last[event] - 1
    died = np.bincount(place, copies[event], n_groups * n_times).reshape(n_groups, n_times)
    n, d = at_risk.sum(axis=0), died.sum(axis=0)
    survival = _survival_before(d / n, sets.blocks)
    weight = survival**rho
    share = at_risk / n
    spread = weight**2 * d * (n - d) / np.maximum(n - 1.0, 1.0)
    variance = np.diag(share @ spread) - (share * spread) @ share.T
    return LogRank(died @ weight, share @ (weight * d), variance, bool((survival == 0).any()))


def _survival_before(hazard: Floats, blocks: Ints) -> Floats:
    """Kaplan-Meier estimate just before each event time of each stratum, (D,)."""
    out = np.ones(len(hazard))
    for low, high in pairwise(blocks):
        out[low + 1 : high] = np.cumprod(1.0 - hazard[low : high - 1])
    return out
