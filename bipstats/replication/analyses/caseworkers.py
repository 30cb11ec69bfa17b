"""E11-E15: shares in job or education by caseworker, by a rule that noise alone satisfies."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from bipstats.codebook import BACKGROUND, REFERENCE_RATER
from bipstats.errors import ModelError
from bipstats.models.logit import logit
from bipstats.register.outcomes import Outcome
from bipstats.replication.estimate import Estimate, Quantities, Scale, share
from bipstats.replication.frames import SIGNIFICANT, Prepared, complete, terms, with_entries
from bipstats.replication.wording import counted

Floats = NDArray[np.float64]

LEAST_CLIENTS = 6
"""m: caseworkers with fewer clients are left out of the naive rule."""

HORIZONS: dict[str, int | None] = {"52 weeks": 52, "104 weeks": 104, "156 weeks": 156, "follow-up": None}
GROUPS: dict[str, float] = {"half": 1 / 2, "third": 1 / 3, "quarter": 1 / 4, "decile": 1 / 10}
OUTCOMES: dict[str, Outcome] = {"job or education": "job_or_education", "job": "job"}

ACTUAL = tuple(f"share in {outcome}, {horizon}" for outcome in OUTCOMES for horizon in HORIZONS)
NAIVE = (
    *(f"top {group}, {horizon}" for group in GROUPS for horizon in HORIZONS),
    *(f"ratio of top {group}, {horizon}" for group in GROUPS for horizon in HORIZONS),
    "bottom half, follow-up",
    "gap of halves",
)
ADJUSTED = ("adjusted top half", "adjusted bottom half", "adjusted less raw gap")
ADJUSTED_BY_ANSWERS = tuple(f"{name}, with answers" for name in ADJUSTED)

_DRAWS = 500
_SEED = 15


def actual(prepared: Prepared) -> Quantities:
    """Share of clients with an entry by each horizon after enrolment."""
    made: Quantities = {}
    for name, outcome in OUTCOMES.items():
        ends = prepared.entry_ends if outcome == "job_or_education" else prepared.ends(outcome)
        for horizon, weeks in HORIZONS.items():
            flags, known = _entered(ends, weeks)
            made[f"share in {name}, {horizon}"] = share(flags[known], what=f"none followed for {horizon}")
    return made


def naive(prepared: Prepared) -> Quantities:
    """Mean of the best caseworkers' raw shares, unweighted; the ratio to the clients' own share; halves.

    Caseworkers are those at enrolment with at least six clients. Errors by resampling caseworkers, with
    their clients' outcomes fixed.
    """
    made: Quantities = {}
    for horizon, weeks in HORIZONS.items():
        group = _Caseworkers.of(prepared.entry_ends, weeks)
        for name, part in GROUPS.items():
            made[f"top {name}, {horizon}"] = _bootstrap(group, partial(_Caseworkers.top, part=part))
            made[f"ratio of top {name}, {horizon}"] = _bootstrap(
                group, partial(_log_ratio, part=part), "ratio"
            )
    group = _Caseworkers.of(prepared.entry_ends, None)
    made["bottom half, follow-up"] = _bootstrap(group, lambda g: g.bottom(1 / 2))
    made["gap of halves"] = _bootstrap(group, lambda g: g.top(1 / 2) - g.bottom(1 / 2), "difference")
    return made


def adjusted(prepared: Prepared) -> Quantities:
    """The gap of halves after adjustment for the clients' characteristics, less the raw gap.

    Adjusted share: observed over expected entries, times the mean; expected ones from a logit of entry by
    the end of follow-up on background and job centre (beside it: and the client's own first answers),
    without caseworkers (held fixed in the resampling). The caseworker's answers are part of what is measured
    and are not adjusted for.
    """
    return dict(zip(ADJUSTED, _adjusted(prepared), strict=True))


def adjusted_by_answers(prepared: Prepared) -> Quantities:
    """The same with the client's own first answers among the adjusters."""
    own = [key for key in SIGNIFICANT if REFERENCE_RATER[key] == "client"]
    return dict(zip(ADJUSTED_BY_ANSWERS, _adjusted(prepared, *own), strict=True))


def _adjusted(prepared: Prepared, *answers: str) -> list[Estimate]:
    """Adjusted halves and the difference of the gaps, given background, job centre and some answers."""
    ends = prepared.entry_ends
    flags, _ = _entered(ends, None)
    clients = prepared.first_entry.merge(
        ends.assign(entry=flags.astype(float))[["client", "entry", "entry_caseworker"]], on="client"
    )
    unmeasured = len(ends) - len(clients)
    clients, lost = with_entries(
        clients, "entry", lambda: prepared.entries("job_or_education"), "after a first measurement"
    )
    right, note = terms(clients, *answers, *BACKGROUND, "C(jobcentre)")
    rows = complete(clients, right, "entry_caseworker")
    missing = len(clients) - len(rows)
    left_out = (
        f"{counted(unmeasured, 'client')} without a measurement while at risk left out" if unmeasured else "",
        f"{counted(missing, 'client')} with missing answers left out" if missing else "",
    )
    expected = logit(f"entry ~ {right}", rows).predict(rows).to_numpy()
    group = _Caseworkers.from_clients(rows["entry_caseworker"], rows["entry"].to_numpy(), expected)
    made = [
        _bootstrap(group, lambda g: g.adjusted().top(1 / 2)),
        _bootstrap(group, lambda g: g.adjusted().bottom(1 / 2)),
        _bootstrap(group, lambda g: g.adjusted().gap() - g.gap(), "difference"),
    ]
    return [estimate.with_note(*left_out, lost, note) for estimate in made]


def _log_ratio(group: _Caseworkers, part: float) -> Floats:
    """Logarithm of the best caseworkers' mean share over the share of all their clients."""
    return np.asarray(np.log(group.top(part) / group.overall()))


def _entered(ends: pd.DataFrame, weeks: int | None) -> tuple[np.ndarray, np.ndarray]:
    """Whether each client had entered, and whether that is known."""
    week = ends["week"].to_numpy()
    event = ends["event"].to_numpy() == 1
    if weeks is None:
        return event, np.ones(len(ends), dtype=bool)
    # Known for those who could be followed that long, whatever became of them: to keep early leavers among
    # the others would select on the outcome.
    return event & (week <= weeks), ends["data_end"].to_numpy() >= weeks


@dataclass(frozen=True, slots=True)
class _Caseworkers:
    """Entries, clients and expected entries of caseworkers; (..., C) arrays, draws in front."""

    entries: Floats
    clients: Floats
    expected: Floats
    shares: Floats

    @classmethod
    def of(cls, ends: pd.DataFrame, weeks: int | None) -> _Caseworkers:
        """Count by the caseworker at enrolment."""
        flags, known = _entered(ends, weeks)
        known = known & ends["entry_caseworker"].notna().to_numpy()
        return cls.from_clients(ends.loc[known, "entry_caseworker"], flags[known].astype(float), None)

    @classmethod
    def from_clients(cls, caseworker: pd.Series, entry: Floats, expected: Floats | None) -> _Caseworkers:
        """Count by caseworker; refuse where the rule has nobody to rank."""
        code = pd.factorize(caseworker)[0]
        clients = np.bincount(code).astype(float)
        kept = clients >= LEAST_CLIENTS
        if kept.sum() < 10:
            raise ModelError(
                f"caseworkers with at least {LEAST_CLIENTS} clients: {int(kept.sum())}; the rule needs 10 or more."
            )
        if not entry.any():
            raise ModelError("no client entered a job or education.")
        entries = np.bincount(code, entry)[kept].astype(float)
        wanted = entry if expected is None else expected
        expected_entries = np.bincount(code, wanted)[kept].astype(float)
        return cls(entries, clients[kept], expected_entries, entries / clients[kept])

    def drawn(self, rows: NDArray[np.int64]) -> _Caseworkers:
        """Resampled caseworkers, one draw a row."""
        return _Caseworkers(self.entries[rows], self.clients[rows], self.expected[rows], self.shares[rows])

    def overall(self) -> Floats:
        """Share of the clients."""
        return self.entries.sum(axis=-1) / self.clients.sum(axis=-1)

    def adjusted(self) -> _Caseworkers:
        """Observed over expected, times the mean share, in place of the raw shares."""
        shares = self.entries / self.expected * self.overall()[..., None]
        return _Caseworkers(self.entries, self.clients, self.expected, shares)

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


def _bootstrap(
    group: _Caseworkers, statistic: Callable[[_Caseworkers], Floats], scale: Scale = "share"
) -> Estimate:
    """A statistic of the caseworkers with its error from resampling them."""
    n = len(group.clients)
    draws = np.random.default_rng(_SEED).integers(n, size=(_DRAWS, n))
    value = float(statistic(group))
    error = float(np.std(statistic(group.drawn(draws)), ddof=1))
    note = f"caseworkers with at least {LEAST_CLIENTS} clients"
    return Estimate(value, error, n, scale, "caseworkers", note)
