"""Intervention records with dates that say again, window by window, what class a quarter was in."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from bipstats.codebook import INTERVENTION_TYPES
from bipstats.synthetic.background import People
from bipstats.synthetic.exits import Exits
from bipstats.synthetic.histories import Paths
from bipstats.synthetic.truth import Truth

Ints = NDArray[np.int64]

_TYPES = ("job", "upgrading", "social", "health")
_FIRST = np.array([min(c for c, kind in INTERVENTION_TYPES.items() if kind == name) for name in _TYPES])
_SIZE = np.array([sum(kind == name for kind in INTERVENTION_TYPES.values()) for name in _TYPES])


@dataclass(frozen=True, slots=True)
class Records:
    """Intervention records; arrays of length m, by client and start.

    Attributes
    ----------
    client : row of the client
    code : 1..21
    first, last : first and last day, counted from the Monday of calendar week 0
    """

    client: Ints
    code: Ints
    first: Ints
    last: Ints


def records(truth: Truth, persons: People, path: Paths, out: Exits, rng: Generator) -> Records:
    """Write the classes as dated records of the 21 codes.

    Notes
    -----
    A record of quarter t begins in week 13t + 4 or 13t + 5 and ends in week 13t + 11 to 13t + 13, so that the 13
    weeks up to a measurement (due in week 13t + 13, at most three weeks late) hold just that quarter's
    records. The same code in neighbouring quarters is one record. Records end before the week of the exit
    and with the data.
    """
    usual = np.floor(rng.random((len(persons), 4)) * _SIZE).astype(np.int64)
    favourite = rng.integers(0, 3, len(persons))
    rows = [_quarter(truth, t, path.klass[:, t], usual, favourite, rng) for t in range(path.klass.shape[1])]
    client, code, quarter, first, last = (np.concatenate(column) for column in zip(*rows, strict=True))
    order = np.lexsort((quarter, code, client))
    client, code, quarter, first, last = (x[order] for x in (client, code, quarter, first, last))
    new = np.ones(len(client), dtype=bool)
    new[1:] = (client[1:] != client[:-1]) | (code[1:] != code[:-1]) | (quarter[1:] != quarter[:-1] + 1)
    last_of_run = np.ones_like(new)
    last_of_run[:-1] = new[1:]
    heads, tails = np.flatnonzero(new), np.flatnonzero(last_of_run)
    client, code = client[heads], code[heads]
    begin = 7 * persons.entry[client] + first[heads]
    end = 7 * persons.entry[client] + last[tails]
    limit = 7 * (persons.entry[client] + out.week[client]) - 1
    limit = np.minimum(limit, 7 * truth.calendar.weeks - 2)  # the last day of 2016
    kept = begin <= np.minimum(end, limit)
    begin, end, client, code = begin[kept], np.minimum(end, limit)[kept], client[kept], code[kept]
    order = np.lexsort((code, begin, client))
    return Records(client[order], code[order], begin[order], end[order])


def _quarter(
    truth: Truth, t: int, klass: NDArray[np.int8], usual: Ints, favourite: Ints, rng: Generator
) -> tuple[Ints, Ints, Ints, Ints, Ints]:
    """Give client, code, quarter, first and last day since enrolment's Monday of one quarter's records."""
    law, n = truth.interventions, len(klass)
    kinds = np.empty((n, 3), dtype=np.int64)  # job-oriented, another type, a second other type
    kinds[:, 0] = 0
    kinds[:, 1] = 1 + np.where(rng.random(n) < law.same_code, favourite, rng.integers(0, 3, n))
    kinds[:, 2] = 1 + (kinds[:, 1] + rng.integers(0, 2, n)) % 3
    has = np.stack(
        [klass >= 2, klass % 2 == 1, (klass % 2 == 1) & (rng.random(n) < law.second_other)], axis=1
    )
    fresh = np.floor(rng.random((n, 3)) * _SIZE[kinds]).astype(np.int64)
    same = rng.random((n, 3)) < law.same_code
    codes = _FIRST[kinds] + np.where(same, np.take_along_axis(usual, kinds, axis=1), fresh)
    first = 7 * (13 * t + 4) + rng.integers(0, 12, (n, 3))
    last = 7 * (13 * t + 11) + rng.integers(0, 19, (n, 3))
    client = np.broadcast_to(np.arange(n)[:, None], (n, 3))
    quarter = np.full((n, 3), t)
    return client[has], codes[has], quarter[has], first[has], last[has]
