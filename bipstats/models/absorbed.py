"""Absorbed factors: which levels can be told apart, what the slopes still vary by, and how it is reported."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import sparse

from bipstats.core.columns import Floats, Ints, listed
from bipstats.errors import ModelError
from bipstats.models.identify import cross_product, refuse_dependent, scale_in_place
from bipstats.models.kernels.absorb import (
    AbsorbedProblem,
    demean,
    explained,
    incidence,
    independent_levels,
)
from bipstats.models.kernels.binomial import Link
from bipstats.models.separation import presentable


@dataclass(frozen=True, slots=True)
class Absorbed:
    """Factors with effects that are estimated and not reported.

    Attributes
    ----------
    levels : tuple of (str, int)
        Columns, and how many of their levels are in the rows used.
    n_params : int
        Effects estimated for them, those left out that others imply.
    """

    levels: tuple[tuple[str, int], ...] = ()
    n_params: int = 0

    def __bool__(self) -> bool:
        return bool(self.levels)

    def __str__(self) -> str:
        return ", ".join(f"{name} ({count:,} levels)" for name, count in self.levels)


NOTHING_ABSORBED = Absorbed()


@dataclass(frozen=True, slots=True)
class AbsorbedRows:
    """A problem with its factors absorbed.

    Attributes
    ----------
    problem : AbsorbedProblem
    working : tuple of str
        Names of the m parameters that are not eliminated.
    transform : (k, m) array
        Maps them to those reported: levels against the first, and slopes.
    absorbed : Absorbed
    """

    problem: AbsorbedProblem
    working: tuple[str, ...]
    transform: Floats
    absorbed: Absorbed


def absorb_factors(
    x: Floats,
    names: tuple[str, ...],
    level: Ints,
    level_names: tuple[str, ...],
    within: str,
    factors: dict[str, Ints],
    counts: tuple[Floats, Floats, Floats, Link],
) -> AbsorbedRows:
    """Eliminate the factor with the most levels, and leave out levels that others imply.

    Parameters
    ----------
    x : (n, p) array
        Overwritten.
    names : tuple of str
        Of the columns of x.
    level : (n,) integer array
        A factor that is reported; zeros if there is none.
    level_names : tuple of str
        Terms of its levels but the first.
    within : str
        What it is called.
    factors : dict of str to (n,) integer array
        Codes 0..L-1 of the absorbed columns.
    counts : tuple
        Successes, trials and offset, (n,) each, and the link.

    Raises
    ------
    ModelError
        A level that is reported, or a column, does not vary beyond the absorbed effects.
    """
    largest = max(factors, key=lambda name: factors[name].max())
    by_group = incidence(factors[largest])
    others = [incidence(codes) for name, codes in factors.items() if name != largest]
    # Reported levels come last: what they share with absorbed ones is theirs to lose, and then refused.
    stacked = sparse.csr_array(sparse.vstack([*others, incidence(level)[1:]], format="csr"))
    free = independent_levels(by_group, stacked)
    n_others = sum(block.shape[0] for block in others)
    lost = [name for name, kept in zip(level_names, free[n_others:], strict=True) if not kept]
    if lost:
        raise ModelError(
            f"{listed(presentable(lost, level_names))} cannot be told from the effects of {' and '.join(factors)}: "
            f"the rows fall into sets without a common level. Merge levels of {within}, or absorb less."
        )
    kept_factors = sparse.csr_array(stacked[np.flatnonzero(free)])
    scale = _centre_by_group(
        x, names, factors[largest], by_group, kept_factors, [*factors, *([within] if level_names else [])]
    )
    owner = np.repeat([name for name in factors if name != largest], [block.shape[0] for block in others])
    nuisance = tuple(f"an effect of {name}" for name in owner[free[:n_others]])
    reported = np.concatenate([np.ones(len(level_names)), 1 / scale])
    return AbsorbedRows(
        AbsorbedProblem(x, factors[largest], by_group, kept_factors, *counts),
        (*nuisance, *level_names, *names),
        np.hstack([np.zeros((len(reported), len(nuisance))), np.diag(reported)]),
        Absorbed(
            tuple((name, int(codes.max()) + 1) for name, codes in factors.items()),
            by_group.shape[0] + len(nuisance),
        ),
    )


def _centre_by_group(
    x: Floats,
    names: tuple[str, ...],
    group: Ints,
    by_group: sparse.csr_array,
    factors: sparse.csr_array,
    beyond: list[str],
) -> Floats:
    """Scale the columns in place and centre them by group: the group's effects take that up, and slopes stay.

    Columns that the factors explain, or other columns with them, are refused. Gives the scales, (p,).
    """
    _, scale, constant = scale_in_place(x, names)
    demean(x, group, by_group)
    effects = explained(x, by_group, factors)

    def own(columns: Ints) -> Floats:
        left = x[:, columns] - factors.T @ effects[:, columns]
        demean(left, group, by_group)
        return left

    cross = cross_product(x) - (factors @ x).T @ effects
    where = f" beyond the effects of {' and '.join(beyond)}"
    refuse_dependent(cross, own, len(x), names, constant, where)
    return scale
