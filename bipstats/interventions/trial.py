"""Incidence after a start and after waiting, from client sums of weighted numbers at risk. Arrays only."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

ENTRY, OTHER = 1, 2


@dataclass(frozen=True, slots=True)
class TrialRows:
    """One row per client and week in which the client could have begun.

    Attributes
    ----------
    client : (n,) integer array
        Codes 0..C-1.
    week : (n,) integer array
        Week before the one in which the start could have been: time zero.
    began : (n,) boolean array
        Whether the start was then.
    end : (n,) integer array
        Weeks from time zero to the end of follow-up.
    exit : (n,) integer array
        How it ended: 0 followed to the end, 1 entry, 2 other.
    later : (n,) integer array
        Weeks from time zero to the client's own start, if it came later; a large number if it never did.
    """

    client: Ints
    week: Ints
    began: NDArray[np.bool_]
    end: Ints
    exit: Ints
    later: Ints


@dataclass(frozen=True, slots=True)
class Sums:
    """Weighted numbers by client and week since time zero.

    Attributes
    ----------
    values : (C, 2, H, 3) array
        At risk, entries and other exits, of those who waited and those who began.
    """

    values: Floats

    def incidence(self, count: Floats | None = None) -> Floats:
        r"""Cumulative incidence of entry, other exits competing, (..., 2, H).

        Parameters
        ----------
        count : (B, C) array, optional
            How often each client counts, for every draw.

        Notes
        -----
        Aalen-Johansen: :math:`F(u) = \sum_{v \le u} S(v-) d_v / r_v` with :math:`S(u) = \prod (1 - (d_v + c_v)/r_v)`.
        """
        flat = self.values.reshape(len(self.values), -1)
        total = flat.sum(axis=0) if count is None else count @ flat
        total = total.reshape(*total.shape[:-1], *self.values.shape[1:])
        risk, entry, other = total[..., 0], total[..., 1], total[..., 2]
        with np.errstate(invalid="ignore", divide="ignore"):
            hazard = np.where(risk > 0, entry / risk, 0.0)
            leaving = np.where(risk > 0, (entry + other) / risk, 0.0)
        stay = np.cumprod(1 - leaving, axis=-1)
        before = np.concatenate([np.ones_like(stay[..., :1]), stay[..., :-1]], axis=-1)
        return np.cumsum(before * hazard, axis=-1)


def client_sums(rows: TrialRows, chance: Floats, horizon: int, *, censored_at_start: bool) -> Sums:
    r"""Weighted sums of those who began, and of those who did not, weighted to look like them.

    Parameters
    ----------
    rows : TrialRows
        Sorted by client and week.
    chance : (n,) array
        Chance of beginning in the row's week.
    horizon : int
    censored_at_start : bool
        Follow those who waited until they begin themselves, and stand in for those who did by those who did not;
        otherwise follow them whatever they do later.

    Notes
    -----
    Weights: 1 for those who began, the odds :math:`e/(1 - e)` for the others, which gives them the covariates of the
    former. With censoring also :math:`\prod (1 - e_v)^{-1}` over the weeks since, where e is the client's chance in
    each of them.
    """
    n_clients = int(rows.client.max()) + 1
    values = np.zeros((n_clients, 2, horizon, 3))
    weight = np.where(rows.began, 1.0, chance / (1 - chance))
    arm = rows.began.astype(np.int64)
    passed = np.cumsum(np.log1p(-chance))  # differences within a client are what is used
    last = np.searchsorted(rows.client, rows.client, side="right") - 1
    place = np.arange(len(rows.client))
    for u in range(1, horizon + 1):
        here = rows.end >= u
        current = weight
        if censored_at_start:
            here = here & (rows.began | (rows.later > u))
            # Row of the same client u - 1 weeks on: by then the client has let u - 1 further chances pass.
            ahead = np.minimum(place + u - 1, last)
            current = np.where(rows.began, weight, weight * np.exp(passed[place] - passed[ahead]))
        leaves = here & (rows.end == u)
        for kind, chosen in enumerate((here, leaves & (rows.exit == ENTRY), leaves & (rows.exit == OTHER))):
            where = rows.client[chosen] * 2 + arm[chosen]
            sums = np.bincount(where, current[chosen], 2 * n_clients)
            values[:, :, u - 1, kind] = sums.reshape(n_clients, 2)
    return Sums(values)
