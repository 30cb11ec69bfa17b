"""The frames that the report shows beside the ledger: caseworkers, the thought experiment, classes, indicators."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from scipy import stats

from bipstats.caseworkers.belief_models import entry_hazard
from bipstats.caseworkers.effectiveness import value_added
from bipstats.codebook import CLASSES, REFERENCE_RATER, published
from bipstats.core.progress import progress as bar
from bipstats.errors import BipstatsError, ModelError
from bipstats.replication.analyses import progression
from bipstats.replication.estimate import Estimate, Quantities, reason
from bipstats.replication.flow import client_flow
from bipstats.replication.frames import SIGNIFICANT, Prepared
from bipstats.replication.model_table import LEVEL

if TYPE_CHECKING:
    from bipstats.core.result import Result

Section = tuple[pd.DataFrame, str]
"""A frame, and what it says in plain words (empty where the frame speaks for itself)."""

CATERPILLAR = (
    "position", "adjusted", "conf_low", "conf_high", "shrunken", "rank", "rank_low", "rank_high", "overall"
)  # fmt: skip
THOUGHT_EXPERIMENT = ("group", "kind", "share", "conf_low", "conf_high", "gain")
SIGNS = dict(zip(CLASSES, ("negative", "about zero", "positive", "largest"), strict=True))
"""What E23, E26, E24 and E25 say of the classes."""
DESIGNS = {
    "observed": progression.REFERENCE,
    "adjusted": progression.ADJUSTED,
    "items of the client": progression.CLIENT_ITEMS,
    "items of the caseworker": progression.CASEWORKER_ITEMS,
}
_ACTUAL, _BEST = "E11", "E12"


def caterpillar(prepared: Prepared) -> Section:
    """Caseworkers without names or job centres, in the order of their shrunken rates."""
    found = value_added(
        prepared.study, draws=prepared.draws, rng=prepared.seed, jobs=prepared.jobs, progress=False
    )
    frame = found.plot_data().sort_values("rank", ascending=False, ignore_index=True)
    frame = frame.assign(position=np.arange(1, len(frame) + 1), overall=found.rate)
    return frame[list(CATERPILLAR)], found.paragraph


def thought_experiment(prepared: Prepared) -> Section:
    """The published counterfactual, and what the study gives by the naive and by the feasible rule."""
    found = prepared.counterfactual
    figures = published().set_index("id")["value"]
    actual, best = float(figures[_ACTUAL]), float(figures[_BEST])
    printed = pd.DataFrame(
        [
            ("", "published", actual, np.nan, np.nan, 0.0),
            ("not stated", "published", best, np.nan, np.nan, best - actual),
        ],
        columns=list(THOUGHT_EXPERIMENT),
    )
    return pd.concat([printed, found.table[list(THOUGHT_EXPERIMENT)]], ignore_index=True), found.paragraph


def classes(quantities: Quantities) -> Section:
    """Progression by class as the ledger's rows E23 to E26 have it, by four designs."""
    rows = []
    for design, quantity in DESIGNS.items():
        for name, own in zip(quantity, CLASSES, strict=False):
            made = quantities[name]
            if isinstance(made, Estimate):
                rows.append((own, SIGNS[own], design, made.value, *made.working_interval(), made.n))
    if not rows:
        why = quantities[progression.REFERENCE[0]]
        raise ModelError("no progression can be estimated" if isinstance(why, Estimate) else why.reason)
    names = ["class", "published", "design", "estimate", "conf_low", "conf_high", "n"]
    return pd.DataFrame(rows, columns=names), ""


def indicators(prepared: Prepared) -> Section:
    """The eleven answers in one hazard of a job, each per standard deviation at the first measurement."""
    fit, _ = entry_hazard(prepared.job_answers, lambda: prepared.entries("job"))
    return _ranked(fit, prepared.first_job), ""


def _ranked(fit: Result, first: pd.DataFrame) -> pd.DataFrame:
    """Hazard ratios per standard deviation, by the size of their logarithm."""
    z = float(stats.norm.ppf(0.5 + LEVEL / 2))
    rows = []
    for key, rater in REFERENCE_RATER.items():
        if key not in fit.params.index:
            continue
        sd = float(first[key].astype(float).std())
        value, error = float(fit.params[key]) * sd, float(fit.bse[key]) * sd
        ratio = np.exp([value, value - z * error, value + z * error])
        rows.append((key, rater, key in SIGNIFICANT, *ratio, float(fit.pvalues[key]), sd))
    names = ["indicator", "rater", "published", "estimate", "conf_low", "conf_high", "p_value", "sd"]
    frame = pd.DataFrame(rows, columns=names)
    order = np.log(frame["estimate"]).abs().sort_values(ascending=False, kind="stable").index
    frame = frame.loc[order].reset_index(drop=True)
    frame.insert(0, "rank", np.arange(1, len(frame) + 1))
    return frame


def sections(
    prepared: Prepared, quantities: Quantities, progress: bool | None = False
) -> tuple[dict[str, pd.DataFrame], dict[str, str], dict[str, str]]:
    """Make every frame; one that the study cannot give is empty.

    Parameters
    ----------
    prepared : Prepared
    quantities : dict of str to Estimate or Unavailable
    progress : bool, optional
        Draw a progress bar.

    Returns
    -------
    frames, readings, reasons : dict by the frames' names
        Readings of those that have words; reasons of those that are empty.
    """
    makers: dict[str, Callable[[], Section]] = {
        "flow": lambda: (client_flow(prepared), ""),
        "caterpillar": lambda: caterpillar(prepared),
        "thought_experiment": lambda: thought_experiment(prepared),
        "classes": lambda: classes(quantities),
        "indicators": lambda: indicators(prepared),
    }
    frames, readings, reasons = {}, {}, {}
    for name, make in bar(makers.items(), len(makers), "report", progress):
        try:
            frames[name], words = make()
        except BipstatsError as problem:
            frames[name], words = pd.DataFrame(), ""
            reasons[name] = reason(problem)
        if words:
            readings[name] = words
    return frames, readings, reasons
