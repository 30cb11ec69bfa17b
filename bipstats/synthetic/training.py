"""A randomised training: whose belief is moved."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from bipstats.synthetic.background import People
from bipstats.synthetic.caseworkers import Staff
from bipstats.synthetic.histories import Paths
from bipstats.synthetic.truth import Truth

Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Trial:
    """Who was drawn.

    Attributes
    ----------
    caseworker : (m,) drawn caseworkers
    client : (n,) drawn clients
    """

    caseworker: Bools
    client: Bools

    def arm(self, path: Paths) -> Bools:
        """Tell the (n,) clients who were drawn, or whose caseworker of enrolment was."""
        return self.client | self.caseworker[path.before[:, 0]]


def trial(truth: Truth, persons: People, team: Staff, rng: Generator) -> Trial:
    """Draw caseworkers or clients, in each job centre the share asked for (a half of one by lot)."""
    law = truth.training
    return Trial(
        caseworker=_drawn(team.centre, law.caseworkers, rng), client=_drawn(persons.centre, law.clients, rng)
    )


def _drawn(centre: Ints, share: float, rng: Generator) -> Bools:
    """Draw a share of each centre's."""
    lot, half = rng.random(len(centre)), rng.random(len(np.bincount(centre)))
    order = np.lexsort((lot, centre))
    size = np.bincount(centre)
    begin = np.concatenate([[0], np.cumsum(size)[:-1]])
    place = np.empty(len(centre), dtype=np.int64)
    place[order] = np.arange(len(centre)) - np.repeat(begin, size)
    return np.asarray(place < np.floor(share * size + half)[centre], dtype=bool)
