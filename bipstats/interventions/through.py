"""How much of a difference in entry goes through a change measured in between. Arrays only."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray
from scipy.special import expit

from bipstats.models.kernels import binomial
from bipstats.models.kernels.binomial import binomial_problem
from bipstats.models.kernels.newton import NoMaximum, maximise
from bipstats.threads import one_thread

Floats = NDArray[np.float64]

_NODES, _WEIGHTS = np.polynomial.hermite_e.hermegauss(15)
_WEIGHTS = _WEIGHTS / _WEIGHTS.sum()


@dataclass(frozen=True, slots=True)
class Between:
    """Clients at a landmark.

    Attributes
    ----------
    exposed : (n,) array
        0 or 1.
    between : (n,) array
        What was measured at the landmark.
    entered : (n,) array
        0 or 1, after it.
    x : (n, p) array
        Known before the exposure; without the column of ones.
    """

    exposed: Floats
    between: Floats
    entered: Floats
    x: Floats


def decompose(rows: Between, count: Floats) -> Floats:
    r"""Risks under exposure and what lies between: (direct, through, total).

    Parameters
    ----------
    rows : Between
    count : (n,) array
        How often each row counts.

    Notes
    -----
    With M given (a, x) normal around least squares and P(Y = 1) a logit of (a, m, x), the risk with exposure a and what
    lies between as under a* is :math:`\theta(a, a^*) = E_x \int p(a, m, x)\, dF(m \mid a^*, x)`, by 15 Gauss-Hermite
    nodes. Direct: :math:`\theta(1, 0) - \theta(0, 0)`; through: :math:`\theta(1, 1) - \theta(1, 0)`. NaN where the
    logit has no maximum.
    """
    n = len(rows.entered)
    first = np.column_stack([np.ones(n), rows.exposed, rows.x])
    weighted = first * count[:, None]
    slope = np.linalg.lstsq(weighted.T @ first, weighted.T @ rows.between, rcond=None)[0]
    fitted = first @ slope
    spread = np.sqrt(count @ (rows.between - fitted) ** 2 / (count.sum() - first.shape[1]))
    second = np.column_stack([rows.exposed, rows.between, rows.x])
    problem = binomial_problem(
        second, np.zeros(n, np.int64), rows.entered * count, count, np.zeros(n), "logit"
    )
    try:
        with one_thread():
            best = maximise(
                lambda b: binomial.evaluate(b, problem),
                lambda b: binomial.log_likelihood(b, problem),
                binomial.starting_values(problem),
            ).params
    except NoMaximum:
        return np.full(3, np.nan)
    rest = best[0] + rows.x @ best[3:]
    without = fitted - slope[1] * rows.exposed

    def risk(exposed: float, as_under: float) -> float:
        centre = without + slope[1] * as_under
        eta = rest + best[1] * exposed + best[2] * centre
        return float(count @ (expit(eta[:, None] + best[2] * spread * _NODES) @ _WEIGHTS) / count.sum())

    neither, direct, both = risk(0, 0), risk(1, 0), risk(1, 1)
    return np.array([direct - neither, both - direct, both - neither])


def resampled(rng: Generator, rows: Between) -> list[float]:
    """Decompose a bootstrap sample of the rows."""
    n = len(rows.entered)
    return decompose(rows, rng.multinomial(n, np.full(n, 1 / n)).astype(float)).tolist()
