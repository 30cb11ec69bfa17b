"""Covariance of maximum-likelihood estimates: one set of functions for every model."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from bipstats.core.columns import Floats
from bipstats.errors import ModelError, OptionError, check_option

Ints = NDArray[np.int64]
SmallSample = Literal["CR1", "CR1S"]
_FACTORS = (None, "CR1", "CR1S")


@dataclass(frozen=True, slots=True)
class Cluster:
    """A request for cluster-robust errors; made by `cluster`."""

    columns: tuple[str, ...]
    small_sample: SmallSample | None = None


Vcov = Literal["model", "robust"] | Cluster


def cluster(*columns: str, small_sample: SmallSample | None = None) -> Cluster:
    r"""Ask for cluster-robust (sandwich) standard errors.

    Parameters
    ----------
    *columns : str
        One or two columns of the data whose values name the clusters.
    small_sample : {None, "CR1", "CR1S"}, default None
        Factor on the covariance: none; G/(G-1); G/(G-1) (N-1)/(N-k) with G clusters, N rows, k parameters.

    Returns
    -------
    Cluster
        To be given as ``vcov=`` to a model.

    Raises
    ------
    OptionError
        No column, more than two, or an unknown factor.

    Notes
    -----
    With bread :math:`A = I^{-1}` and cluster sums :math:`u_g = \sum_{i \in g} s_i` of the scores,
    :math:`V = A (\sum_g u_g u_g') A`; two ways: :math:`V_1 + V_2 - V_{12}`.

    References
    ----------
    Liang, K.-Y. & Zeger, S. (1986). Longitudinal data analysis using generalized linear models. *Biometrika*.
    Cameron, A. C., Gelbach, J. & Miller, D. (2011). Robust inference with multiway clustering. *JBES*.

    Examples
    --------
    >>> import bipstats as bip
    >>> bip.cluster("caseworker")
    Cluster(columns=('caseworker',), small_sample=None)
    """
    names = all(isinstance(column, str) for column in columns)
    if not names or not 1 <= len(columns) <= 2 or len(set(columns)) != len(columns):
        raise OptionError(f"cluster() takes one or two different columns; received {columns!r}.")
    check_option("small_sample", small_sample, _FACTORS)
    return Cluster(columns, small_sample)


def check_vcov(vcov: object) -> None:
    """Raise `OptionError` unless `vcov` is one of the known requests."""
    if not isinstance(vcov, Cluster):
        check_option("vcov", vcov, ("model", "robust"))


@dataclass(frozen=True, slots=True)
class Covariance:
    """A covariance matrix and how it was made.

    Attributes
    ----------
    matrix : (p, p) array
    how : str
        In words, for the summary.
    clusters : dict of str to int
        Number of clusters by column; empty unless clustered.
    df : (p,) array or None
        Degrees of freedom of each estimate's t distribution, in the order reported; None: normal.
    """

    matrix: Floats
    how: str
    clusters: dict[str, int]
    df: Floats | None = None


def covariance(
    vcov: Vcov,
    information: Floats,
    score_sums: Callable[[Ints], Floats],
    codes: Callable[[str | Sequence[str]], Ints],
    unit: str | Sequence[str] | None,
    n_rows: int,
    n_absorbed: int = 0,
) -> Covariance:
    """Make the covariance that `vcov` asks for.

    Parameters
    ----------
    vcov : {"model", "robust"} or Cluster
    information : (p, p) array
        Information at the estimate (expected for GLMs, observed for Cox).
    score_sums : callable
        Codes (n,) of groups 0..G-1 to the (G, p) sums of the rows' scores at the estimate.
    codes : callable
        Column name to (n,) codes 0..G-1.
    unit : str, list of str or None
        Column whose rows are one unit for ``"robust"``; None: each row is its own.
    n_rows : int
    n_absorbed : int, default 0
        Parameters that were eliminated from the information; the k of CR1S counts them.
    """
    bread = invert(information)
    if vcov == "model":
        return Covariance(bread, "from the model's information", {})
    if vcov == "robust":
        sums = score_sums(np.arange(n_rows) if unit is None else codes(unit))
        return Covariance(_sandwich(bread, sums.T @ sums), f"robust (HC0), one unit per {_words(unit)}", {})
    assert isinstance(vcov, Cluster)
    return _clustered(vcov, bread, score_sums, [codes(name) for name in vcov.columns], n_rows, n_absorbed)


def _words(unit: str | Sequence[str] | None) -> str:
    return "row" if unit is None else unit if isinstance(unit, str) else " and ".join(unit)


def _clustered(
    vcov: Cluster,
    bread: Floats,
    score_sums: Callable[[Ints], Floats],
    codes: list[Ints],
    n_rows: int,
    n_absorbed: int,
) -> Covariance:
    counts = {name: int(code.max()) + 1 for name, code in zip(vcov.columns, codes, strict=True)}
    for name, count in counts.items():
        if count < 2:
            raise ModelError(f"cluster-robust errors need two clusters or more; column {name!r} has {count}.")

    def meat(code: Ints) -> Floats:
        sums = score_sums(code)
        return _factor(vcov.small_sample, len(sums), len(bread) + n_absorbed, n_rows) * (sums.T @ sums)

    total = sum((meat(code) for code in codes), np.zeros_like(bread))
    if len(codes) == 2:
        total = total - meat(np.unique(codes[0] * (codes[1].max() + 1) + codes[1], return_inverse=True)[1])
    words = " and ".join(f"{name} ({count:,} clusters)" for name, count in counts.items())
    how = f"clustered by {words}, {vcov.small_sample or 'no small-sample factor'}"
    return Covariance(_sandwich(bread, total), how, counts)


def _factor(small_sample: SmallSample | None, n_clusters: int, n_params: int, n_rows: int) -> float:
    if small_sample is None:
        return 1.0
    scale = n_clusters / (n_clusters - 1)
    return scale if small_sample == "CR1" else scale * (n_rows - 1) / (n_rows - n_params)


def _sandwich(bread: Floats, meat: Floats) -> Floats:
    return bread @ meat @ bread


def group_sums(scores: Floats, group: Ints) -> Floats:
    """Sum the rows of each group coded 0..G-1, (G, p): `score_sums` for scores that are at hand row by row."""
    shape = (int(group.max()) + 1, len(group))
    return sparse.csr_array((np.ones(len(group)), (group, np.arange(len(group)))), shape=shape) @ scores


def invert(information: Floats) -> Floats:
    """Invert a symmetric positive definite matrix."""
    inverse = np.linalg.inv(information)
    return (inverse + inverse.T) / 2
