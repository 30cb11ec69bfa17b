"""Pairs of measurements ready for a comparison of classes: the index, its change, and what is adjusted for."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from bipstats.codebook import BACKGROUND
from bipstats.core.columns import as_text, with_values
from bipstats.errors import ModelError
from bipstats.progression.index import Readiness
from bipstats.timeline.transitions import transitions

if TYPE_CHECKING:
    from bipstats.interventions.channels import Channels
    from bipstats.study.study import Study

QUARTER = 13
"""Weeks that a change is expressed per."""
EXPOSURE = "intervention_class"
FEWEST = 60
"""Pairs that a class needs to be compared: two for each of the covariates, and some."""


@dataclass(frozen=True, slots=True)
class Pairs:
    """Pairs of measurements of clients who were measured again.

    Attributes
    ----------
    rows : pandas.DataFrame
        ``client, jobcentre, measurement, weeks, intervention_class``, the background, and ``start`` (index at the first
        of the two), ``change`` (per 13 weeks), ``before`` (change over the pair before; NA for a client's first) and
        ``after_class`` (class of the next pair; NA for the last).
    flow : dict of str to int
        Pairs given and left out.
    """

    rows: pd.DataFrame
    flow: dict[str, int]

    @property
    def covariates(self) -> str:
        """Right-hand side of everything adjusted for but the index at the start, constant columns left out."""
        rows = self.rows
        names = [name for name in BACKGROUND if rows[name].nunique() > 1]
        centres = ["C(jobcentre)"] if rows["jobcentre"].nunique() > 1 else []
        number = ["C(round)"] if rows["round"].nunique() > 1 else []
        return " + ".join([*names, *centres, *number])


def pairs(study: Study, index: Readiness, longest_gap: int, channels: Channels | None = None) -> Pairs:
    """Read the pairs of a study.

    Parameters
    ----------
    study : Study
    index : Readiness
    longest_gap : int
        Weeks between two measurements beyond which a pair is left out: its class would join several quarters.
    channels : Channels, optional
        What makes the classes, in the place of the interventions.
    """
    every = transitions(study)
    if every.empty:
        raise ModelError("no client has two measurements; progression needs two.")
    every = every.assign(
        start=index.score(every),
        change=index.change(every) * QUARTER / every["weeks"],
        round=np.minimum(every["measurement"], 4),
    )
    if channels is not None:
        window = (every["start_week"].to_numpy(np.int64) + 1, every["stop_week"].to_numpy(np.int64))
        every[EXPOSURE] = channels.classes(every["client"], *window)
    same = every["client"].eq(every["client"].shift()) & every["measurement"].eq(
        every["measurement"].shift() + 1
    )
    every["before"] = every["change"].shift().where(same)
    every["after_class"] = every[EXPOSURE].shift(-1).where(same.shift(-1, fill_value=False))
    long = every["weeks"] > longest_gap
    background, empty = with_values(every, BACKGROUND)
    holes = ~long & every[["change", "start", *background]].isna().any(axis=1)
    kept = every[~long & ~holes]
    flow = {
        "pairs of measurements": len(every),
        f"more than {longest_gap} weeks apart": int(long.sum()),
        "with missing answers or background": int(holes.sum()),
        **empty,
    }
    if kept.empty:
        raise ModelError(
            f"no pair of measurements is complete and at most {longest_gap} weeks apart: {as_text(flow)}."
        )
    return _without_small_classes(kept, flow)


def _without_small_classes(kept: pd.DataFrame, flow: dict[str, int]) -> Pairs:
    """Leave out classes with too few pairs to be compared, by name and number."""
    rows, small = large_classes(kept, "pairs of measurements")
    return Pairs(rows, flow | small)


def large_classes(rows: pd.DataFrame, what: str) -> tuple[pd.DataFrame, dict[str, int]]:
    """Rows of the classes that are large enough to be compared, and the others counted."""
    counts = rows[EXPOSURE].value_counts(sort=False)
    small = [str(name) for name in counts.index if 0 < counts[name] < FEWEST]
    kept = rows[~rows[EXPOSURE].isin(small)].reset_index(drop=True)
    kept[EXPOSURE] = kept[EXPOSURE].cat.remove_unused_categories()
    if kept[EXPOSURE].nunique() < 2:
        found = ", ".join(f"{name} ({count:,})" for name, count in counts.items())
        raise ModelError(f"fewer than two classes have {FEWEST} {what}: {found}.")
    return kept, {f"in the class {name!r}, too few to compare": int(counts[name]) for name in small}


def record_facts(study: Study) -> dict[str, int]:
    """Count what is odd about the intervention records; all of them are used as they are."""
    records = study.interventions
    own = records.sort_values(["client", "code", "start"])
    same = own["client"].eq(own["client"].shift()) & own["code"].eq(own["code"].shift())
    enrolled = study.clients.set_index("client")["enrolled"].reindex(records["client"]).to_numpy()
    counts = {
        "without an end, taken to run on": records["end"].isna().sum(),
        "overlapping an earlier one of the same code": (same & (own["start"] <= own["end"].shift())).sum(),
        "begun before enrolment": (records["start"].to_numpy() < enrolled).sum(),
    }
    return {what: int(count) for what, count in counts.items() if count}
