"""Which of the simulated studies is released: the one that lies nearest to the published figures."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd

from bipstats.replication.estimate import Estimate
from bipstats.replication.targets import Target, figure_of, figures, targets
from bipstats.synthetic.release import SHOWN

UNSELECTED = (1, 2, 3, 4, 5)
"""Seeds shown beside the released study, which nobody chose."""

UNJUDGED = {"E04": 0.01, "E10": 0.01, "E11": 0.0001, "E32": 0.01}
"""Last printed digit of shares that the world has by the ledger's own definition; without a verdict in the ledger,
because the source's definition is not published."""

_HEAD = """\
# The released study: chosen among simulated studies of world E2 as the nearest to the published figures that the
# world was calibrated to. Distance: mean over the figures of the squared gap to what rounds to them, in the sampling
# errors of codebook/sampling_error.toml. So it agrees better with them than a study that nobody chose would: that is
# why it was chosen, and says nothing else.
# Made by: python -m bipstats.calibration.sampling_error --studies {studies}. Do not edit by hand.
"""


def judged() -> dict[str, tuple[float, float]]:
    """Ends of what rounds to the published number, on the working scale, of figures the world was calibrated to."""
    table = figures()
    return {
        row.quantity: _rounded(row, figure_of(row, table).value)
        for row in targets()
        if row.target and row.quantity and (row.judge in ("ratio", "share") or row.id in UNJUDGED)
    }


def _rounded(row: Target, value: float) -> tuple[float, float]:
    """Ratios are printed to the second digit, shares as the ledger says."""
    half = UNJUDGED.get(row.id, 0.01 if row.judge == "ratio" else row.printed) / 2
    ends = (value - half, value + half)
    return (float(np.log(ends[0])), float(np.log(ends[1]))) if row.judge == "ratio" else ends


def _gap(value: float, ends: tuple[float, float]) -> float:
    """How far a value lies outside."""
    return max(ends[0] - value, value - ends[1], 0.0)


def distances(results: Mapping[int, Mapping[str, Estimate]], spread: pd.DataFrame) -> pd.Series:
    """Mean squared gap to what rounds to the published figures, in sampling errors, by seed, ascending.

    Studies that lack one of the figures are left out.
    """
    wanted = judged()
    errors = spread.set_index("quantity")["sd"]
    found = {
        seed: float(
            np.mean([(_gap(made[name].value, ends) / errors[name]) ** 2 for name, ends in wanted.items()])
        )
        for seed, made in results.items()
        if set(wanted) <= set(made)
    }
    return pd.Series(found).sort_values()


def choice_toml(
    results: Mapping[int, Mapping[str, Estimate]],
    unselected: Mapping[int, Mapping[str, Estimate]],
    spread: pd.DataFrame,
) -> str:
    """Write seed, rank and figures of the chosen study and of those beside it."""
    ranked = distances(results, spread)
    chosen, others = int(ranked.index[0]), distances(unselected, spread)
    lines = [
        _HEAD.format(studies=len(results)),
        f"seed = {chosen}",
        f"among = {len(ranked)}",
        f"figures = {len(judged())}",
        f"distance = {ranked.iloc[0]:.4f}",
        f"median_distance = {ranked.median():.4f}",
        "",
    ]
    for seed, made in ((chosen, results[chosen]), *unselected.items()):
        away = ranked.iloc[0] if seed == chosen else others.get(seed, np.nan)
        lines += ["[[study]]", f"seed = {seed}", f"distance = {away:.4f}"]
        lines += [f'"{name}" = {made[name].shown:.4f}' for name in SHOWN if name in made] + [""]
    return "\n".join(lines)
