"""How stable the caseworker's belief is from one questionnaire to the next, by the same caseworker and by a new one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from bipstats.core.columns import Ints
from bipstats.progression.pairs import LEVELS, STATISTICS, jackknife_errors, statistics, suppressed, tables
from bipstats.timeline.clock import Clock

if TYPE_CHECKING:
    from bipstats.study.study import Study

WINDOWS = ((1, 19), (20, 32), (33, 52))
"""Weeks between the two answers, first and last."""
_SHOWN = ("exact agreement", "agreement within one step", "kappa, quadratic", "ICC(C,1)", "bias")
_BELIEF = "caseworker_belief"


@dataclass(frozen=True, slots=True)
class Beliefs:
    """Consecutive answers about one client; m pairs.

    Attributes
    ----------
    client : (m,) integer array
    weeks : (m,) integer array
        Between them.
    same : (m,) bool array
        Whether one and the same caseworker gave both.
    first, second : (m,) int8 arrays
    unknown : int
        Pairs left out because an answer has no caseworker's id.
    """

    client: Ints
    weeks: Ints
    same: NDArray[np.bool_]
    first: NDArray[np.int8]
    second: NDArray[np.int8]
    unknown: int

    @classmethod
    def of(cls, study: Study) -> Beliefs:
        """Read them from a study."""
        clock = Clock.of(study)
        asked = (study.responses["respondent"] == "caseworker") & study.responses[_BELIEF].notna()
        client = clock.clients(study, "responses")[asked]
        week = clock.weeks(study, "responses", "date", clock.clients(study, "responses"))[asked]
        table = study.responses[asked]
        order = np.lexsort((table["date"].to_numpy(), client))
        client, week = client[order], week[order]
        answer = table[_BELIEF].to_numpy(dtype=np.int8)[order]
        who = pd.factorize(table["caseworker"])[0][order]
        start = np.flatnonzero(client[1:] == client[:-1])
        known = (who[start] >= 0) & (who[start + 1] >= 0)
        start, unknown = start[known], int((~known).sum())
        stop = start + 1
        return cls(
            client[start],
            week[stop] - week[start],
            who[start] == who[stop],
            answer[start],
            answer[stop],
            unknown,
        )

    def chosen(self, same: bool, window: tuple[int, int] | None = None) -> NDArray[np.bool_]:
        """Pairs by the same caseworker or by two, some weeks apart."""
        rows = self.same == same
        if window is not None:
            rows = rows & (self.weeks >= window[0]) & (self.weeks <= window[1])
        return rows


def stability(found: Beliefs, fewest: int) -> pd.DataFrame:
    """Frame ``caseworker, weeks, statistic, estimate, std_error, n_pairs, n_clients``; few clients are left out."""
    rows = []
    for same in (True, False):
        for window in WINDOWS:
            kept = found.chosen(same, window)
            client = np.unique(found.client[kept], return_inverse=True)[1]
            size = int(client.max()) + 1 if len(client) else 0
            if size < fewest:
                continue
            parts = tables(found.first[kept], found.second[kept], client, size)
            with np.errstate(invalid="ignore", divide="ignore"):
                values = statistics(parts.sum(axis=0))
            errors = jackknife_errors(parts)
            label = ("same" if same else "new", f"{window[0]}-{window[1]}")
            for name in _SHOWN:
                place = STATISTICS.index(name)
                rows.append((*label, name, float(values[place]), float(errors[place]), int(kept.sum()), size))
    columns = ["caseworker", "weeks", "statistic", "estimate", "std_error", "n_pairs", "n_clients"]
    return pd.DataFrame(rows, columns=columns)


def persistence(found: Beliefs, fewest: int) -> pd.DataFrame:
    """Frame ``caseworker, level, next, n, share``: answers that follow each answer; small cells are missing.

    Shares are of the cells shown, so that no total gives away what is not.
    """
    frames = []
    for same in (True, False):
        kept = found.chosen(same)
        counts = tables(found.first[kept], found.second[kept], np.zeros(int(kept.sum()), np.int64), 1)[0]
        for level, row in enumerate(counts, start=1):
            n = pd.Series(suppressed(row, fewest))
            frame = pd.DataFrame({"level": level, "next": np.arange(1, LEVELS + 1), "n": n})
            frame["share"] = n.astype(float) / max(float(n.sum()), 1.0)
            frame.insert(0, "caseworker", "same" if same else "new")
            frames.append(frame)
    return pd.concat(frames, ignore_index=True)
