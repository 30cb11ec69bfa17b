"""The small version: a few new studies against what is committed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from scipy.stats import binom

from .results import Key, Line
from .row import Found, Row
from .run import study
from .tally import performance

SEED = 500_001
"""The first of the new studies: no study of the full version has it."""
FARTHEST = 4.0
"""Monte Carlo errors that the mean of the new studies may lie from the expected one."""
UNLIKELY = 1e-4
"""Probability of as few or fewer intervals with the limit in them, below which coverage is called broken."""
WIDEST = 1.6
"""Factor between reported errors, then and now, above which errors are called broken."""


def broken(world: str, rows: Sequence[Row], lines: Mapping[Key, Line], studies: int) -> list[str]:
    """Say which estimators no longer do what the committed results say of them."""
    made = [study(world, SEED + number, [row.name for row in rows]) for number in range(studies)]
    complaints = []
    for row in rows:
        for quantity in row.causal:
            line = lines[world, row.name, quantity]
            found = [one[row.name][quantity] for one in made]
            complaints += [f"{world}, {row.name}, {quantity}: {text}" for text in _judge(line, found)]
    return complaints


def _judge(line: Line, found: Sequence[Found | str]) -> list[str]:
    """Compare new estimates of a quantity with the committed ones."""
    usual = performance(line.tally, line.limit, line.causal)
    good = [one for one in found if isinstance(one, Found)]
    if len(good) < len(found):
        if line.tally.failed > 0.01 * line.tally.n:
            return []
        reasons = sorted({one for one in found if isinstance(one, str)})
        return [f"no estimate in {len(found) - len(good)} of {len(found)} studies: {'; '.join(reasons)}"]
    n = len(good)
    sd, bias = usual["empirical error"].value, usual["bias, limit"]
    away = float(np.mean([one.estimate for one in good])) - line.limit.value - bias.value
    z = away / float(np.hypot(sd / np.sqrt(n), bias.mc_error))
    said = []
    if abs(z) > FARTHEST:
        said.append(f"mean {away:+.4f} from where it was, {z:+.1f} Monte Carlo errors")
    covered = sum(one.conf_low <= line.limit.value <= one.conf_high for one in good)
    if binom.cdf(covered, n, usual["coverage, limit"].value) < UNLIKELY:
        said.append(f"{covered} of {n} intervals hold the limit")
    ratio = float(np.sqrt(np.mean([one.std_error**2 for one in good]))) / usual["reported error"].value
    if not 1 / WIDEST < ratio < WIDEST:
        said.append(f"reported errors {ratio:.2f} times what they were")
    return said
