"""The score wild bootstrap over clusters, with the null imposed."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product

import numpy as np
from numpy.typing import NDArray

from bipstats.core.columns import Floats, Ints
from bipstats.core.estimates import AcceptedValues
from bipstats.core.few_clusters import Refits
from bipstats.errors import OptionError
from bipstats.seeds import check_rng, generator

_STEPS = (0.5, 1.0, 1.5, 2.0, 2.5, 3.0, 4.0, 5.0, 6.0, 8.0, 11.0, 15.0, 20.0)  # in standard errors
_APART = 0.1
_ZERO = 1e-10  # share of the clusters' absolute scores that counts as none
_HALVINGS = 60
_STENCIL = 10  # nodes that a polynomial between two of them passes through


@dataclass(frozen=True, slots=True, eq=False)
class ScoreBootstrap:
    """A request for the score bootstrap; made by `score_bootstrap`."""

    columns: tuple[str, ...]
    draws: int
    rng: int | np.random.Generator | None


def score_bootstrap(
    column: str, *, draws: int = 999, rng: int | np.random.Generator | None = None
) -> ScoreBootstrap:
    r"""Ask for p-values and intervals by the score wild bootstrap over clusters.

    Parameters
    ----------
    column : str
        Column whose values name the clusters.
    draws : int, default 999
        Draws of one sign per cluster. Where no more than `draws` patterns of signs differ (up to 10 clusters by
        default), all of them are used, each once, and `rng` does not matter.
    rng : None, int or numpy.random.Generator
        Clusters are taken in the order of their sorted names, so the order of the rows does not matter.

    Returns
    -------
    ScoreBootstrap
        To be given as ``vcov=`` to a model.

    Raises
    ------
    OptionError
        `column` is no name, `draws` no number of at least 99, or `rng` none of its choices.

    Notes
    -----
    For a null value b of coefficient j the model is fitted again with :math:`\beta_j = b`. At that estimate cluster g
    has the score :math:`u_g` and the influence :math:`q_g = e_j' I^{-1} u_g`. The statistic
    :math:`T = |\sum_g q_g|` is compared with :math:`T^* = |\sum_g w_g q_g|`, the :math:`w_g` being independent signs
    of equal probability (Rademacher): a score test of Kline & Santos with the null imposed. Dividing by
    :math:`(\sum_g (w_g q_g)^2)^{1/2}`, which signs leave alone, or by the centred sum, changes no comparison. The
    p-value is the share of draws, the data's own among them, with :math:`T^* \ge T`.

    An interval holds the values b with a p-value above one minus its level. :math:`T^* \ge T` holds while the
    clusters with sign +1 and those with -1 pull in opposite directions, so each draw accepts an interval of
    values, and quantiles of their ends are the limits. With G clusters no p-value is below
    :math:`2^{1-G}`: with five or fewer the 95 % interval is the whole line. A limit is infinite where no value is
    rejected, or none within 20 standard errors. Restricted fits are made at up to thirteen values on either side
    and influences interpolated between them, which is good to a hundred-thousandth of a standard error.

    The null is imposed because scores at the unrestricted estimate sum to zero, which makes the bootstrap's
    statistic too small when clusters are few. Webb's six-point weights, which make more patterns of few clusters,
    are not used: a test by signs is right for few clusters because signs leave symmetric scores' distribution as
    it is (Canay, Santos & Shaikh 2021), and Webb's weights do not.

    The covariance is that of the perturbed estimates :math:`\hat\beta + I^{-1} \sum_g w_g u_g`, which is the
    cluster sandwich without a factor; standard errors are its. They are not what p-values and intervals are made of.

    References
    ----------
    Kline, P. & Santos, A. (2012). A score based approach to wild bootstrap inference. *Journal of Econometric Methods*.
    Canay, I., Santos, A. & Shaikh, A. (2021). The wild bootstrap with a "small" number of "large" clusters. *REStat*.

    Examples
    --------
    >>> import bipstats as bip
    >>> request = bip.score_bootstrap("jobcentre", rng=1)
    >>> request.columns, request.draws
    (('jobcentre',), 999)
    """
    if not isinstance(column, str):
        raise OptionError(f"score_bootstrap() takes one column's name; received {column!r}.")
    if isinstance(draws, bool) or not isinstance(draws, int | np.integer) or draws < 99:
        raise OptionError(f"draws={draws!r} is not a number of draws; give a whole number of at least 99.")
    check_rng(rng)
    return ScoreBootstrap((column,), int(draws), rng)


def sign_patterns(n_clusters: int, draws: int, rng: int | np.random.Generator | None) -> Floats:
    """Signs (B, G), the data's own first: every pattern once (a pattern and its opposite are one), or random."""
    if n_clusters - 1 <= np.log2(draws):
        rest = np.array(list(product((1.0, -1.0), repeat=n_clusters - 1))).reshape(-1, n_clusters - 1)
        return np.hstack([np.ones((len(rest), 1)), rest])
    random = generator(rng).integers(0, 2, (draws, n_clusters)) * 2.0 - 1.0
    return np.vstack([np.ones(n_clusters), random])


def accepted_values(refits: Refits, group: Ints, signs: Floats, unit: Floats) -> AcceptedValues:
    """For each reported coefficient and pattern of signs, the values at which the pattern's statistic is no smaller.

    Parameters
    ----------
    refits : Refits
    group : (n,) integer array
        Codes 0..G-1.
    signs : (B, G) array
    unit : (k,) array
        Length of a step along each coefficient: its standard error.
    """
    ends = [_ends(refits, group, signs, j, unit[j]) for j in range(len(unit))]
    low, high = (np.sort(np.column_stack(side), axis=0) for side in zip(*ends, strict=True))
    return AcceptedValues(low, high)


@dataclass(slots=True)
class _Walk:
    """Restricted fits of one coefficient away from its estimate: values (m,) and influences (m, G)."""

    values: list[float]
    influences: list[Floats]


def _ends(refits: Refits, group: Ints, signs: Floats, j: int, unit: float) -> tuple[Floats, Floats]:
    """Lower and upper end of what each pattern accepts for coefficient j: (B,) and (B,)."""
    estimate = float(refits.transform[j] @ refits.params)
    here = refits.influence(refits.params, group) @ refits.transform[j]
    down, up = (_walk(refits, group, signs, j, side * unit) for side in (-1.0, 1.0))
    values = np.array([*down.values[::-1], estimate, *up.values])
    influences = np.array([*down.influences[::-1], here, *up.influences])
    if abs(estimate) <= _ZERO * unit:  # zero but for rounding: every pattern accepts it
        values[len(down.values)] = 0.0
    centre = len(down.values)
    low = _end(values, influences, signs, np.arange(centre, -1, -1), -1.0)
    return low, _end(values, influences, signs, np.arange(centre, len(values)), 1.0)


def _walk(refits: Refits, group: Ints, signs: Floats, j: int, step: float) -> _Walk:
    """Fit with the coefficient held ever further away, until every pattern but the data's own rejects."""
    row, walk = refits.transform[j], _Walk([], [])
    estimate = float(row @ refits.params)
    to_zero = -estimate / step
    steps = _steps(to_zero)
    last = refits.params, 0.0
    before = last
    accepts = np.ones(len(signs), bool)
    for size in steps:
        value = 0.0 if size == to_zero else estimate + size * step  # the p-value's null is one of the values
        stretch = (size - last[1]) / (last[1] - before[1]) if last[1] > before[1] else 0.0
        found = refits.restricted(row, value, last[0] + stretch * (last[0] - before[0]))
        if found is None:
            break
        walk.values.append(value)
        walk.influences.append(refits.influence(found, group) @ row)
        before, last = last, (found, size)
        accepts &= _accepting(_pulls(walk.influences[-1], signs, np.sign(step)), walk.influences[-1])
        if not accepts[1:].any():
            break
    return walk


def _steps(to_zero: float) -> list[float]:
    """Steps at which to fit, the p-value's null among them; none close to another, where rounding would tell."""
    if not _APART < to_zero < _STEPS[-1]:
        return list(_STEPS)
    return sorted([to_zero, *(step for step in _STEPS if abs(step - to_zero) > _APART)])


def _pulls(influences: Floats, signs: Floats, side: float) -> Floats:
    """The larger of the two pulls outwards of the clusters with either sign, (..., B)."""
    return np.maximum(side * influences @ ((1 + signs.T) / 2), side * influences @ ((1 - signs.T) / 2))


def _accepting(pulls: Floats, influences: Floats) -> NDArray[np.bool_]:
    """Whether one sign's clusters pull outwards, or not at all but for rounding."""
    return pulls >= -_ZERO * np.abs(influences).sum(axis=-1, keepdims=influences.ndim > 1)


def _end(values: Floats, influences: Floats, signs: Floats, nodes: Ints, side: float) -> Floats:
    """Outermost value that each pattern accepts, going outwards along `nodes`; infinite if none rejects, (B,).

    Between two nodes influences are interpolated by a polynomial through the nearest ones.
    """
    accepts = _accepting(_pulls(influences[nodes], signs, side), influences[nodes])
    rejected = np.flatnonzero(~accepts.all(axis=0))
    ends = np.full(len(signs), side * np.inf)
    if not len(rejected):
        return ends
    first = np.argmin(accepts[:, rejected], axis=0)
    inside, outside = values[nodes[first - 1]], values[nodes[first]]
    width = min(_STENCIL, len(values))
    opening = np.minimum(nodes[first - 1], nodes[first]) + 1 - width // 2
    stencil = np.clip(opening, 0, len(values) - width)[:, None] + np.arange(width)  # (rejected, width)
    plus = np.einsum("bwg,bg->bw", influences[stencil], (1 + signs[rejected]) / 2)
    minus = np.einsum("bwg,bg->bw", influences[stencil], (1 - signs[rejected]) / 2)
    for _ in range(_HALVINGS):
        middle = (inside + outside) / 2
        pulls = [side * _interpolated(values[stencil], sums, middle) for sums in (plus, minus)]
        accepted = np.maximum(*pulls) >= 0
        inside, outside = np.where(accepted, middle, inside), np.where(accepted, outside, middle)
    ends[rejected] = inside
    return ends


def _interpolated(nodes: Floats, values: Floats, at: Floats) -> Floats:
    """Polynomial through the nodes of each row (B, w), at one point each, by Neville's recursion."""
    table = values
    for order in range(1, nodes.shape[1]):
        left, right = nodes[:, :-order], nodes[:, order:]
        table = ((at[:, None] - left) * table[:, 1:] + (right - at[:, None]) * table[:, :-1]) / (right - left)
    return table[:, 0]
