"""Step functions on each client's own clock, and the one way in which rows of time are split.

Everything rests on one number per (client, week): sorted by it, the events of all clients are one array, and
"the last event of this client up to this week" is one binary search.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]

FOREVER = 1 << 20
"""A week after every other."""

_SPAN = 4 * FOREVER


def keys(client: ArrayLike, week: ArrayLike) -> Ints:
    """Give one number per (client, week) that sorts by client, then week."""
    weeks = np.clip(np.asarray(week, dtype=np.int64), -FOREVER, FOREVER)
    return np.asarray(client, dtype=np.int64) * _SPAN + weeks + 2 * FOREVER


@dataclass(frozen=True, slots=True)
class Events:
    """Dated events of all clients, sorted by client and week.

    Attributes
    ----------
    client, week : (m,) integer arrays
    """

    client: Ints
    week: Ints

    def last(self, client: Ints, week: Ints) -> Ints:
        """Position of each client's last event in or before each week, -1 if there is none."""
        place = np.searchsorted(keys(self.client, self.week), keys(client, week), side="right") - 1
        found = place >= 0
        found[found] = self.client[place[found]] == client[found]
        return np.where(found, place, -1)


@dataclass(frozen=True, slots=True)
class Intervals:
    """Stretches of weeks of all clients; they may overlap.

    Attributes
    ----------
    starts, ends : (m,) integer arrays
        Sorted keys (`keys`) of the first and of the last weeks.
    """

    starts: Ints
    ends: Ints

    @classmethod
    def of(cls, client: Ints, first: Ints, last: Ints) -> Intervals:
        """Collect intervals given by client, first and last week (both inclusive)."""
        return cls(np.sort(keys(client, first)), np.sort(keys(client, last)))

    def overlapping(self, client: Ints, first: Ints, last: Ints) -> Ints:
        """Count the client's intervals that share a week with ``first..last``.

        Notes
        -----
        Those begun by `last` less those ended before `first`; intervals of the clients before are in both
        counts. An empty window (``last < first``) overlaps nothing.
        """
        begun = np.searchsorted(self.starts, keys(client, last), side="right")
        ended = np.searchsorted(self.ends, keys(client, first), side="left")
        return np.where(last >= first, begun - ended, 0)


def cut(start: Ints, stop: Ints, client: Ints, points: Ints) -> tuple[Ints, Ints, Ints]:
    """Split rows ``(start, stop]`` at change points.

    Parameters
    ----------
    start, stop : (n,) integer arrays
        One row at most for each client 0..n-1; ``start >= stop`` means none.
    client, points : (m,) integer arrays
        Client and week of each point, in any order; those outside a row, and repeats, do nothing.

    Returns
    -------
    client, start, stop : (r,) integer arrays
        The pieces, sorted; those of one client touch and cover its row.
    """
    inside = (points > start[client]) & (points < stop[client])
    rows = np.flatnonzero(start < stop)
    owner = np.concatenate([rows, client[inside]])
    begin = np.concatenate([start[rows], points[inside]])
    _, order = np.unique(keys(owner, begin), return_index=True)
    owner, begin = owner[order], begin[order]
    end = np.append(begin[1:], 0)
    final = np.append(owner[1:] != owner[:-1], True)[: len(owner)]
    end = np.where(final, stop[owner], end[: len(owner)])
    return owner, begin, end
