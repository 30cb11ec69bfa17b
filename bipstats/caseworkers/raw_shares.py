"""Shares in job or education by the caseworker at enrolment: a rule that noise alone satisfies."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from bipstats.core.columns import Floats
from bipstats.errors import ModelError

FEWEST = 10
"""Caseworkers without whom there is nothing to rank."""


@dataclass(frozen=True, slots=True)
class RawShares:
    """Entries, clients and expected entries of caseworkers; (..., C) arrays, draws in front."""

    entries: Floats
    clients: Floats
    expected: Floats
    shares: Floats

    @classmethod
    def of(cls, ends: pd.DataFrame, weeks: int | None, min_clients: int) -> RawShares:
        """Count by the caseworker at enrolment, ``entry_caseworker``."""
        flags, known = entered(ends, weeks)
        known = known & ends["entry_caseworker"].notna().to_numpy()
        return cls.from_clients(
            ends.loc[known, "entry_caseworker"], flags[known].astype(float), None, min_clients
        )

    @classmethod
    def from_clients(
        cls, caseworker: pd.Series, entry: Floats, expected: Floats | None, min_clients: int
    ) -> RawShares:
        """Count by caseworker; refuse where the rule has nobody to rank."""
        code = pd.factorize(caseworker)[0]
        clients = np.bincount(code).astype(float)
        kept = clients >= min_clients
        if kept.sum() < FEWEST:
            raise ModelError(
                f"caseworkers with at least {min_clients} clients: {int(kept.sum())}; the rule needs {FEWEST} or more."
            )
        if not entry.any():
            raise ModelError("no client entered a job or education.")
        entries = np.bincount(code, entry)[kept].astype(float)
        wanted = entry if expected is None else expected
        expected_entries = np.bincount(code, wanted)[kept].astype(float)
        return cls(entries, clients[kept], expected_entries, entries / clients[kept])

    def drawn(self, rows: NDArray[np.int64]) -> RawShares:
        """Resampled caseworkers, one draw a row."""
        return RawShares(self.entries[rows], self.clients[rows], self.expected[rows], self.shares[rows])

    def overall(self) -> Floats:
        """Share of the clients."""
        return self.entries.sum(axis=-1) / self.clients.sum(axis=-1)

    def adjusted(self) -> RawShares:
        """Observed over expected, times the mean share, in place of the raw shares."""
        shares = self.entries / self.expected * self.overall()[..., None]
        return RawShares(self.entries, self.clients, self.expected, shares)

    def top(self, part: float) -> Floats:
        """Mean share of the best `part` of the caseworkers."""
        size = max(1, round(part * self.shares.shape[-1]))
        return np.sort(self.shares, axis=-1)[..., -size:].mean(axis=-1)

    def bottom(self, part: float) -> Floats:
        """Mean share of the worst `part` of the caseworkers."""
        size = self.shares.shape[-1] - max(1, round((1 - part) * self.shares.shape[-1]))
        return np.sort(self.shares, axis=-1)[..., :size].mean(axis=-1)

    def gap(self) -> Floats:
        """Best half less worst half."""
        return self.top(1 / 2) - self.bottom(1 / 2)

    def resampled(
        self, statistic: Callable[[RawShares], Floats], draws: int, rng: np.random.Generator
    ) -> tuple[float, Floats]:
        """A statistic of the caseworkers, and what it is when they are resampled with their clients' outcomes."""
        rows = rng.integers(len(self.clients), size=(draws, len(self.clients)))
        return float(statistic(self)), statistic(self.drawn(rows))


def entered(ends: pd.DataFrame, weeks: int | None) -> tuple[np.ndarray, np.ndarray]:
    """Whether each client had entered within so many weeks, and whether that is known."""
    week = ends["week"].to_numpy()
    event = ends["event"].to_numpy() == 1
    if weeks is None:
        return event, np.ones(len(ends), dtype=bool)
    # Known for those who could be followed that long, whatever became of them: to keep early leavers among
    # the others would select on the outcome.
    return event & (week <= weeks), ends["data_end"].to_numpy() >= weeks


def with_first_caseworker(ends: pd.DataFrame, assignments: pd.DataFrame) -> pd.DataFrame:
    """Add ``entry_caseworker``, the first of each client."""
    table = assignments.sort_values(["client", "start"], kind="stable")
    first = table.drop_duplicates("client").set_index("client")["caseworker"]
    return ends.assign(entry_caseworker=ends["client"].map(first))
