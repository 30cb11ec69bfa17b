r"""The search for a mixing law: point by point, each where the likelihood asks for it.

Mixing a law with a point v changes the log-likelihood at the rate :math:`D(v) = \sum_g L_g(v)/L_g - G` (Lindsay
1983). The next point is put where D is largest, and the law is fitted anew (Heckman & Singer 1984; Gaure, Røed &
Zhang 2007). The log-likelihood is concave in the law (where nobody enters late), so with the other parameters held no
further points gain more than the largest D: where it is zero, the data carry no more points.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from bipstats.models.kernels.mixture import (
    Law,
    MixtureProblem,
    evaluate,
    log_likelihood,
    marginal,
    predictors,
)
from bipstats.models.kernels.mixture_climb import Found, Lost, climb
from bipstats.models.kernels.mixture_rows import Channel, Floats, Ints, unit_loglik

GAIN = 1e-4
"""Rise of the log-likelihood below which a further point is none."""

_REACH = (8.0, 6.0, 0.25)  # below and above the locations, and the width of the grid
_MOST_STARTS = 4


@dataclass(frozen=True, slots=True)
class Directions:
    """What one more point would do.

    Attributes
    ----------
    locations : (m, C) array
        Places tried, hazards of zero included.
    slope : (m,) array
        D at each.
    peaks : (s,) integer array
        Local maxima that promise a gain, the highest first.
    """

    locations: Floats
    slope: Floats
    peaks: Ints

    @property
    def largest(self) -> float:
        """Bound on what further points gain, the other parameters held."""
        return float(self.slope.max())


def directions(law: Law, problem: MixtureProblem) -> Directions:
    """Evaluate D on a grid of locations (of pairs, for two channels)."""
    below, above, width = _REACH
    axes = []
    for c in range(law.locations.shape[1]):
        known = law.locations[np.isfinite(law.locations[:, c]), c]
        steps = np.arange(known.min() - below, known.max() + above, width)
        axes.append(np.concatenate([[-np.inf], steps, [np.inf]]))
    slope = _ratio_sums(law, problem.channels, axes)
    slope -= _ratio_sums(law, problem.before, axes) if problem.before else problem.n_units
    grid = np.stack(np.meshgrid(*axes, indexing="ij"), axis=-1).reshape(-1, len(axes))
    peaks = _peaks(slope)
    return Directions(grid, slope.ravel(), peaks)


def _ratio_sums(law: Law, channels: tuple[Channel, ...], axes: list[Floats]) -> Floats:
    """Sum over units of L_g(v) / L_g on the grid."""
    log_unit = marginal(law, channels)
    by_axis = [
        np.column_stack([unit_loglik(predicted, v, rows) for v in axis])
        for predicted, rows, axis in zip(predictors(law, channels), channels, axes, strict=True)
    ]
    if len(by_axis) == 1:
        return np.exp(by_axis[0] - log_unit[:, None]).sum(axis=0)
    first, second = by_axis
    top = first.max(axis=1)
    return np.exp(first - top[:, None]).T @ np.exp(second - (log_unit - top)[:, None])


def _peaks(slope: Floats) -> Ints:
    """Places of the local maxima of an array of one or two axes that exceed `GAIN`, the highest first."""
    padded = np.pad(slope, 1, constant_values=-np.inf)
    inner = tuple(slice(1, -1) for _ in slope.shape)
    highest = np.ones(slope.shape, bool)
    for axis in range(slope.ndim):
        for shift in (-1, 1):
            highest &= slope >= np.roll(padded, shift, axis)[inner]
    found = np.flatnonzero(highest & (slope > GAIN))
    return found[np.argsort(-slope.ravel()[found], kind="stable")]


def starts(law: Law, problem: MixtureProblem, ahead: Directions) -> list[Law]:
    """Laws with one point more: at the highest peaks of D, and spread out evenly."""
    made = [_with_point(law, ahead.locations[peak], problem) for peak in ahead.peaks[:_MOST_STARTS]]
    return made + [_spread(law, np.array(sign)) for sign in _signs(law.locations.shape[1])]


def _signs(n_channels: int) -> list[tuple[float, ...]]:
    return [(1.0,), (2.0,)] if n_channels == 1 else [(1.0, 1.0), (1.0, -1.0)]


def _with_point(law: Law, location: Floats, problem: MixtureProblem) -> Law:
    """Add a point with the best of a few probabilities."""
    made = []
    for share in (0.02, 0.05, 0.1, 0.2, 0.3, 0.5):
        odds = np.append(np.log(law.probabilities * (1.0 - share)), np.log(share))
        more = Law(law.structural, np.vstack([law.locations, location]), odds - odds[0])
        made.append((log_likelihood(more, problem), share, more))
    return max(made, key=lambda item: item[:2])[2]


def _spread(law: Law, scale: Floats) -> Law:
    """One point more, evenly spread about the middle of the law."""
    n = len(law.locations) + 1
    known = np.where(law.finite, law.locations, np.nan)
    middle = np.nanmedian(known, axis=0)
    steps = np.linspace(-1.5, 1.5, n)[:, None] * scale
    return Law(law.structural, middle + steps, np.zeros(n))


@dataclass(frozen=True, slots=True)
class Stage:
    """The best law with one number of points.

    Attributes
    ----------
    found : Found
    n_starts, n_reached : int
        Searches, and those that ended at this maximum.
    """

    found: Found
    n_starts: int
    n_reached: int


@dataclass(frozen=True, slots=True)
class Path:
    """Laws with 1, 2, ... points.

    Attributes
    ----------
    stages : tuple of Stage
    bound : float
        Largest D after the last stage.
    end : str
        Why there are no more stages than asked for; empty where there are as many.
    """

    stages: tuple[Stage, ...]
    bound: float
    end: str


def build_up(problem: MixtureProblem, first: Law, iterations: int, most: int) -> Path:
    """Fit laws of one to `most` points.

    Parameters
    ----------
    problem : MixtureProblem
    first : Law
        With one point, where its likelihood is largest.
    iterations : int
        That it took to find it.
    most : int
    """
    at = evaluate(first, problem)
    stages = [Stage(Found(first, at, iterations), 1, 1)]
    while True:
        law = stages[-1].found.law
        ahead = directions(law, problem)
        if len(stages) == most:
            return Path(tuple(stages), ahead.largest, "")
        if ahead.largest < GAIN:
            return Path(tuple(stages), ahead.largest, "no further point raises the log-likelihood")
        ends = [climb(problem, start) for start in starts(law, problem, ahead)]
        better = [
            end
            for end in ends
            if isinstance(end, Found) and end.at.loglik > stages[-1].found.at.loglik + GAIN
        ]
        if not better:
            return Path(tuple(stages), ahead.largest, _reasons(ends))
        best = max(better, key=lambda end: end.at.loglik)
        reached = sum(abs(end.at.loglik - best.at.loglik) < GAIN for end in better)
        stages.append(Stage(best, len(ends), reached))


def _reasons(ends: list[Found | Lost]) -> str:
    """Why no search ended in a better law, in the order of frequency."""
    reasons = [end.why if isinstance(end, Lost) else "no rise of the log-likelihood" for end in ends]
    counted = sorted(set(reasons), key=lambda why: (-reasons.count(why), why))
    return "; ".join(f"{why} ({reasons.count(why)} of {len(ends)} searches)" for why in counted)
