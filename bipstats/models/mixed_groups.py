"""Grouping columns of random intercepts: read, coded, and refused where no standard deviation can be told."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from bipstats.core.columns import Floats, Ints, labels, listed
from bipstats.core.covariance import Cluster, Vcov
from bipstats.core.score_bootstrap import ScoreBootstrap
from bipstats.errors import ModelError, OptionError


@dataclass(frozen=True, slots=True)
class Groups:
    """Groups of the rows, one column a random intercept.

    Attributes
    ----------
    columns : tuple of str
        In descending order of their numbers of groups.
    codes : tuple of (n,) integer arrays
        0..G-1.
    levels : tuple of tuple
        What the groups are called.
    """

    columns: tuple[str, ...]
    codes: tuple[Ints, ...]
    levels: tuple[tuple[object, ...], ...]

    @property
    def sizes(self) -> tuple[int, ...]:
        """Groups by column."""
        return tuple(len(own) for own in self.levels)


def read_random(random: str | Sequence[str]) -> tuple[str, ...]:
    """Names of the grouping columns, or an `OptionError`."""
    names = tuple(random) if isinstance(random, list | tuple) else (random,)
    if not names or not all(isinstance(name, str) for name in names) or len(set(names)) != len(names):
        raise OptionError(f"random={random!r} is neither a column nor a list of different columns.")
    return names  # type: ignore[return-value]


def find_groups(rows: pd.DataFrame, columns: Sequence[str]) -> Groups:
    """Code the columns; that with the most groups comes first."""
    found = [(name, labels(rows[name])) for name in columns]
    found.sort(key=lambda one: -len(one[1].levels))
    return Groups(
        tuple(name for name, _ in found),
        tuple(own.codes for _, own in found),
        tuple(own.levels for _, own in found),
    )


def refuse_degenerate(groups: Groups, successes: Floats, trials: Floats) -> None:
    """Refuse columns whose standard deviation has no finite or no unique estimate.

    Parameters
    ----------
    groups : Groups
    successes, trials : (n,) arrays
        Counts of each row.
    """
    # Whole numbers are copies of the row; with other weights rows are counted.
    whole = bool((trials == np.round(trials)).all())
    rows = trials if whole else np.ones(len(trials))
    events = successes if whole else (successes > 0).astype(float)
    for name, codes in zip(groups.columns, groups.codes, strict=True):
        _refuse_column(name, np.bincount(codes, events).astype(float), np.bincount(codes, rows).astype(float))
    for k, name in enumerate(groups.columns):
        for j in range(k):
            _refuse_equal(groups.columns[j], name, groups.codes[j], groups.codes[k])


def _refuse_column(name: str, events: Floats, rows: Floats) -> None:
    n_groups = len(rows)
    if n_groups < 2:
        raise ModelError(
            f"random={name!r} has one group only; a standard deviation needs several. Leave it out."
        )
    if rows.max() <= 1:
        raise ModelError(
            f"random={name!r} has {n_groups:,} groups of one row each: nothing tells their intercepts from the "
            "outcome's own variation. Use a column whose groups have several rows, or bip.logit or bip.hazard."
        )
    if ((events == 0) | (events == rows)).all():
        raise ModelError(
            f"the outcome is the same in all rows of every one of the {n_groups:,} groups of {name!r}: the standard "
            "deviation of their intercepts has no finite estimate. Collapse the data to one row per group."
        )
    for what, most in (("event", events.max()), ("row without the event", (rows - events).max())):
        if most <= 1:
            raise ModelError(
                f"random={name!r} has at most one {what} in each of its {n_groups:,} groups: what differs between "
                "groups cannot be told from how the\n  hazard changes with time, and the likelihood has no finite "
                "maximum (Laplace's approximation runs off).\n"
                "  If the event ends the time at risk, use a coarser group (the caseworker), or clustered errors; "
                "intercepts for clients need a recurrent outcome."
            )


def _refuse_equal(name: str, other: str, first: Ints, second: Ints) -> None:
    n_groups = int(first.max()) + 1
    if n_groups == int(second.max()) + 1 == len(np.unique(first * n_groups + second)):
        raise ModelError(
            f"random= names {name!r} and {other!r}, whose {n_groups:,} groups are the same: their standard deviations "
            "cannot be told apart. Name one of them."
        )


def check_mixed_vcov(vcov: Vcov) -> None:
    """Refuse the methods for few clusters, which random intercepts have none of."""
    small = vcov.small_sample if isinstance(vcov, Cluster) else None
    if isinstance(vcov, ScoreBootstrap) or small in ("CR2", "jackknife"):
        raise ModelError(
            "a model with random intercepts has no errors for few clusters; use vcov='model', or bip.cluster(...) with "
            "small_sample=None, 'CR1' or 'CR1S'."
        )


def independent_unit(groups: Groups, vcov: Vcov) -> str | None:
    """Column whose groups are independent of each other, for ``vcov="robust"``."""
    if vcov != "robust":
        return None
    last = len(groups.columns) - 1  # the fewest groups
    if all(_split_groups(codes, groups.codes[last]) == 0 for codes in groups.codes[:last]):
        return groups.columns[last]
    raise ModelError(
        f"vcov='robust' needs independent groups, and those of {' and '.join(groups.columns)} cross: rows hang "
        "together through both. Use vcov='model', or bip.cluster() of a column that holds the groups of all of them "
        "whole."
    )


def refuse_split_groups(groups: Groups, column: str, cluster: Ints) -> None:
    """Refuse clusters that cut through groups: their scores are not independent."""
    split = {
        name: _split_groups(codes, cluster) for name, codes in zip(groups.columns, groups.codes, strict=True)
    }
    words = [
        f"{count:,} of {size:,} groups of {name}"
        for (name, count), size in zip(split.items(), groups.sizes, strict=True)
        if count
    ]
    if words:
        raise ModelError(
            f"clusters of {column!r} must hold the groups of the random intercepts whole: {listed(words)} lie in "
            "several clusters, whose scores are then not independent. Cluster by a coarser column, or use vcov='model'."
        )


def _split_groups(codes: Ints, coarser: Ints) -> int:
    """Number of groups that lie in several of the coarser ones."""
    pairs = np.unique(codes * (int(coarser.max()) + 1) + coarser) // (int(coarser.max()) + 1)
    return int((np.bincount(pairs) > 1).sum())
