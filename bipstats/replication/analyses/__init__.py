"""The reference analyses: each takes the prepared frames and gives named estimates.

An analysis that cannot run on a study says why in place of its estimates and leaves the others alone.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from bipstats.errors import BipstatsError
from bipstats.replication.analyses import (
    background,
    belief,
    caseworkers,
    first_year,
    interventions,
    orientation,
    prediction,
    progression,
    switches,
)
from bipstats.replication.estimate import Quantities, Unavailable, reason
from bipstats.replication.frames import Prepared

Analysis = Callable[[Prepared], Quantities]

ANALYSES: dict[Analysis, tuple[str, ...]] = {
    belief.carried: ("belief carried",),
    belief.fresh: ("belief fresh",),
    belief.one_year: ("belief odds ratio", "belief risk ratio"),
    belief.change_since_first: ("belief change",),
    orientation.all_dates: ("orientation",),
    orientation.pre_dated: ("orientation pre-dated",),
    switches.effect: ("switch",),
    switches.ever_against_never: ("switch ever",),
    switches.shares: switches.SHARES,
    first_year.in_job: first_year.IN_JOB,
    first_year.answers: first_year.ANSWERS,
    caseworkers.actual: caseworkers.ACTUAL,
    caseworkers.naive: caseworkers.NAIVE,
    caseworkers.adjusted: caseworkers.ADJUSTED,
    caseworkers.adjusted_by_answers: caseworkers.ADJUSTED_BY_ANSWERS,
    caseworkers.feasible: caseworkers.FEASIBLE,
    interventions.by_window: interventions.BY_WINDOW,
    interventions.by_client: interventions.BY_CLIENT,
    progression.reference: progression.REFERENCE,
    progression.all_pairs: progression.ALL_PAIRS,
    progression.client_items: progression.CLIENT_ITEMS,
    progression.caseworker_items: progression.CASEWORKER_ITEMS,
    progression.adjusted: progression.ADJUSTED,
    progression.composite: progression.COMPOSITE,
    prediction.auc: prediction.AUC,
    background.shares: background.SHARES,
}
"""Analysis -> the names of the quantities that it gives."""


def estimate(prepared: Prepared) -> Iterator[Quantities]:
    """Run the analyses one by one; each step gives the quantities of one of them."""
    for analysis, names in ANALYSES.items():
        try:
            yield {name: made for name, made in analysis(prepared).items() if name in names}
        except BipstatsError as problem:  # anything else is an error of ours and must be seen
            yield {name: Unavailable(reason(problem)) for name in names}
