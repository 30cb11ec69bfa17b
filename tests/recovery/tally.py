"""Sums over studies, from which every statistic of a row comes; sums of two runs add."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields

import numpy as np
from scipy.stats import norm

from .row import Found

Z = float(norm.ppf(0.975))
KNOWN = 5.0
"""Monte Carlo errors that a truth from a few large studies lies from zero if its sign is known."""


@dataclass(slots=True)
class Tally:
    """What has been seen of one quantity.

    Attributes
    ----------
    through : number of the last study that was tried
    n, failed : studies with and without an estimate
    why : reason -> failed studies
    error, error2 : sums of the estimate less the limit, and of its square
    variance, variance2 : sums of the squared standard error, and of its square
    in_limit, in_causal : intervals that hold the limit, and the causal truth
    significant : intervals without zero
    wrong_sign : of these, estimates on the other side of zero than the causal truth
    size, size2 : sums over these of the estimate's size, and of its square
    """

    through: int = 0
    n: int = 0
    failed: int = 0
    error: float = 0.0
    error2: float = 0.0
    variance: float = 0.0
    variance2: float = 0.0
    in_limit: int = 0
    in_causal: int = 0
    significant: int = 0
    wrong_sign: int = 0
    size: float = 0.0
    size2: float = 0.0
    why: dict[str, int] = field(default_factory=dict)

    def add(self, number: int, found: Found | str, limit: float, causal: float | None) -> None:
        """Add study `number`."""
        self.through = number
        if isinstance(found, str):
            self.failed += 1
            self.why[found] = self.why.get(found, 0) + 1
            return
        error, variance = found.estimate - limit, found.std_error**2
        self.n += 1
        self.error += error
        self.error2 += error**2
        self.variance += variance
        self.variance2 += variance**2
        self.in_limit += found.conf_low <= limit <= found.conf_high
        if causal is not None:
            self.in_causal += found.conf_low <= causal <= found.conf_high
        if not found.conf_low <= 0 <= found.conf_high:
            self.significant += 1
            self.wrong_sign += causal is not None and found.estimate * causal < 0
            self.size += abs(found.estimate)
            self.size2 += found.estimate**2

    @classmethod
    def numbers(cls) -> tuple[str, ...]:
        """Names of the sums."""
        return tuple(item.name for item in fields(cls) if item.name != "why")


@dataclass(frozen=True, slots=True)
class Number:
    """A statistic and its Monte Carlo error."""

    value: float
    mc_error: float


def performance(
    tally: Tally, limit: Number, causal: Number | None, *, tested: bool = True
) -> Mapping[str, Number]:
    r"""Statistics of a row with their Monte Carlo errors (Morris, White & Crowther 2019).

    Notes
    -----
    With n estimates of standard deviation s: bias :math:`s/\sqrt n` (and the truth's own error), empirical error
    :math:`s/\sqrt{2(n-1)}`, reported error (root mean variance V) :math:`sd(V) / (2 \sqrt{n \bar V})`. Shares
    (coverage, power, type S) have half of Wilson's interval over 1.96, which is not zero where all or none are
    counted. Type M is the mean size of significant estimates over the causal truth; it and type S are given where
    that truth is known not to be zero.
    """
    n = tally.n
    if n < 2:
        return {}
    mean = tally.error / n
    sd = _sd(tally.error, tally.error2, n)
    reported = float(np.sqrt(tally.variance / n))
    spread = _sd(tally.variance, tally.variance2, n)
    found = {
        "bias, limit": Number(mean, float(np.hypot(sd / np.sqrt(n), limit.mc_error))),
        "empirical error": Number(sd, sd / float(np.sqrt(2 * (n - 1)))),
        "reported error": Number(reported, spread / (2 * float(np.sqrt(n)) * reported) if reported else 0.0),
        "coverage, limit": share(tally.in_limit, n),
    }
    if tested:
        found["power"] = share(tally.significant, n)
    if causal is None:
        return found
    against = mean + limit.value - causal.value
    found["bias, causal"] = Number(against, float(np.hypot(sd / np.sqrt(n), causal.mc_error)))
    found["coverage, causal"] = share(tally.in_causal, n)
    k = tally.significant
    if tested and k > 1 and causal.value and abs(causal.value) > KNOWN * causal.mc_error:
        found["type S"] = share(tally.wrong_sign, k)
        scale = abs(causal.value)
        found["type M"] = Number(
            tally.size / k / scale, _sd(tally.size, tally.size2, k) / float(np.sqrt(k)) / scale
        )
    return found


def share(k: int, n: int) -> Number:
    """k of n, with half of Wilson's interval over 1.96."""
    p = k / n
    half = Z / (1 + Z**2 / n) * np.sqrt(p * (1 - p) / n + Z**2 / (4 * n**2))
    return Number(p, float(half / Z))


def _sd(total: float, squares: float, n: int) -> float:
    return float(np.sqrt(max(squares - total**2 / n, 0.0) / (n - 1)))
