"""Covariance of maximum-likelihood estimates: one set of functions for every model."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from bipstats.core.columns import Floats
from bipstats.core.cr2 import cr2
from bipstats.core.estimates import AcceptedValues
from bipstats.core.few_clusters import Refits, jackknife
from bipstats.core.score_bootstrap import ScoreBootstrap, accepted_values, sign_patterns
from bipstats.errors import ModelError, OptionError, check_option
from bipstats.threads import one_thread

Ints = NDArray[np.int64]
SmallSample = Literal["CR1", "CR1S", "CR2", "jackknife"]
_CHOICES = (None, "CR1", "CR1S", "CR2", "jackknife")


@dataclass(frozen=True, slots=True)
class Cluster:
    """A request for cluster-robust errors; made by `cluster`."""

    columns: tuple[str, ...]
    small_sample: SmallSample | None = None


Vcov = Literal["model", "robust"] | Cluster | ScoreBootstrap


def cluster(*columns: str, small_sample: SmallSample | None = None) -> Cluster:
    r"""Ask for cluster-robust (sandwich) standard errors.

    Parameters
    ----------
    *columns : str
        One or two columns of the data whose values name the clusters.
    small_sample : {None, "CR1", "CR1S", "CR2", "jackknife"}, default None
        None: the sandwich as it is. A factor on it: ``"CR1"`` is G/(G-1), ``"CR1S"`` G/(G-1) (N-1)/(N-k) with G
        clusters, N rows (for Cox those that are left after merging and at risk at an event), k parameters. For
        few clusters, in one column: ``"CR2"`` (OLS, logit, discrete-time hazard) adjusts the residuals and gives t
        with Satterthwaite degrees of freedom; ``"jackknife"`` (these, Cox and conditional logit) leaves out one
        cluster at a time and gives t with G-1.

    Returns
    -------
    Cluster
        To be given as ``vcov=`` to a model.

    Raises
    ------
    OptionError
        No column, more than two, an unknown choice, or two columns with a choice for one.

    Notes
    -----
    With bread :math:`A = I^{-1}` and cluster sums :math:`u_g = \sum_{i \in g} s_i` of the scores,
    :math:`V = A (\sum_g u_g u_g') A`; two ways: :math:`V_1 + V_2 - V_{12}`.

    CR2 multiplies the residuals of a cluster by a matrix :math:`A_g` that makes V unbiased under the working model:
    equal variances for OLS (with weights too), the binomial variance of the outcome for logit and cloglog, on the
    scale of the outcome as R's clubSandwich does. Degrees of freedom are those of each reported coefficient.

    The jackknife is :math:`V = \frac{G-1}{G} \sum_g (\hat\beta_{(g)} - \hat\beta)(\hat\beta_{(g)} - \hat\beta)'`
    with exact refits, centred at the full estimate (also called CR3 or CV3).

    References
    ----------
    Liang, K.-Y. & Zeger, S. (1986). Longitudinal data analysis using generalized linear models. *Biometrika*.
    Cameron, A. C., Gelbach, J. & Miller, D. (2011). Robust inference with multiway clustering. *JBES*.
    Bell, R. & McCaffrey, D. (2002). Bias reduction in standard errors for linear regression with multi-stage samples.
    *Survey Methodology*.
    Pustejovsky, J. & Tipton, E. (2018). Small-sample methods for cluster-robust variance estimation and hypothesis
    testing in fixed effects models. *JBES*.
    MacKinnon, J., Nielsen, M. & Webb, M. (2023). Fast and reliable jackknife and bootstrap methods for cluster-robust
    inference. *Journal of Applied Econometrics*.

    Examples
    --------
    >>> import bipstats as bip
    >>> bip.cluster("caseworker")
    Cluster(columns=('caseworker',), small_sample=None)
    """
    names = all(isinstance(column, str) for column in columns)
    if not names or not 1 <= len(columns) <= 2 or len(set(columns)) != len(columns):
        raise OptionError(f"cluster() takes one or two different columns; received {columns!r}.")
    check_option("small_sample", small_sample, _CHOICES)
    if len(columns) == 2 and small_sample in ("CR2", "jackknife"):
        raise OptionError(
            f"small_sample={small_sample!r} is defined for one column of clusters; received {columns!r}. Take the "
            "column with fewer clusters, or 'CR1' or 'CR1S' with both."
        )
    return Cluster(columns, small_sample)


def check_vcov(vcov: object) -> None:
    """Raise `OptionError` unless `vcov` is one of the known requests."""
    if not isinstance(vcov, Cluster | ScoreBootstrap) and vcov not in ("model", "robust"):
        raise OptionError(
            f"vcov={vcov!r} is not an option; choose 'model', 'robust', bip.cluster(...) or bip.score_bootstrap(...)."
        )


def cluster_columns(vcov: Vcov) -> list[str]:
    """Columns whose values the request needs row by row."""
    return list(vcov.columns) if isinstance(vcov, Cluster | ScoreBootstrap) else []


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
    df : (k,) array or None
        Degrees of freedom of each estimate's t distribution, in the order reported; None: normal.
    accepted : AcceptedValues or None
        Bootstrap p-values and intervals, in the order reported.
    lost : (k,) boolean array or None
        Estimates, in the order reported, that have no variance: without some cluster there is none of them.
    bread : (p, p) array or None
        Of a sandwich: the inverse information, which tells a variance from rounding.
    """

    matrix: Floats
    how: str
    clusters: dict[str, int]
    df: Floats | None = None
    accepted: AcceptedValues | None = None
    lost: NDArray[np.bool_] | None = None
    bread: Floats | None = None


def covariance(
    vcov: Vcov,
    information: Floats,
    score_sums: Callable[[Ints], Floats],
    codes: Callable[[str | Sequence[str]], Ints],
    unit: str | Sequence[str] | None,
    n_rows: int,
    refits: Refits | None = None,
    n_absorbed: int = 0,
) -> Covariance:
    """Make the covariance that `vcov` asks for.

    Parameters
    ----------
    vcov : {"model", "robust"}, Cluster or ScoreBootstrap
    information : (p, p) array
        Information at the estimate (expected for GLMs, observed for Cox).
    score_sums : callable
        Codes (n,) of groups 0..G-1 to the (G, p) sums of the rows' scores at the estimate.
    codes : callable
        Column name to (n,) codes 0..G-1, in the order of the sorted names.
    unit : str, list of str or None
        Column whose rows are one unit for ``"robust"``; None: each row is its own.
    n_rows : int
    refits : Refits, optional
        What the methods for few clusters need.
    n_absorbed : int, default 0
        Parameters that were eliminated from the information; the k of CR1S counts them.
    """

    def meat(group: Ints) -> Meat:
        sums = score_sums(group)
        return Meat(sums.T @ sums, len(sums))

    bread = invert(information)
    if vcov == "model":
        return sandwich(vcov, bread, {}, unit, n_rows)
    if vcov == "robust":
        group = np.arange(n_rows) if unit is None else codes(unit)
        return sandwich(vcov, bread, {(): meat(group)}, unit, n_rows)
    assert isinstance(vcov, Cluster | ScoreBootstrap)
    groups = {name: codes(name) for name in vcov.columns}
    counts = _counts({name: int(group.max()) + 1 for name, group in groups.items()})
    if needs_sums_only(vcov):
        meats: dict[tuple[str, ...], Meat] = {(name,): meat(group) for name, group in groups.items()}
        if len(groups) == 2:
            first, second = groups.values()
            both = np.unique(first * (second.max() + 1) + second, return_inverse=True)[1]
            meats[vcov.columns] = meat(both)
        return sandwich(vcov, bread, meats, unit, n_rows, n_absorbed)
    if refits is None:
        raise ModelError(
            "this model has no covariance for few clusters (Fine-Gray, whose weights are estimated; a logit or hazard "
            "with absorbed effects: put them into the formula as C(...) instead); else give small_sample=None, 'CR1' "
            "or 'CR1S'."
        )
    with one_thread():  # small products: threads would wait for each other
        return _for_few_clusters(vcov, bread, score_sums, groups, counts, refits)


def _for_few_clusters(
    vcov: Cluster | ScoreBootstrap,
    bread: Floats,
    score_sums: Callable[[Ints], Floats],
    groups: dict[str, Ints],
    counts: dict[str, int],
    refits: Refits,
) -> Covariance:
    [(column, group)] = groups.items()
    words = f"{column} ({counts[column]:,} clusters)"
    if isinstance(vcov, ScoreBootstrap):
        return _bootstrapped(vcov, bread, score_sums(group), group, refits, words, counts)
    if vcov.small_sample == "CR2":
        made = cr2(refits.working(), group, refits.transform)
        return Covariance(made.matrix, f"clustered by {words}, CR2 (bias-reduced)", counts, made.df)
    matrix, lost = jackknife(refits, group, column, bread)
    df = np.full(len(lost), counts[column] - 1.0)
    how = f"jackknife over {words}, centred at the full estimate"
    return Covariance(matrix, how, counts, df, lost=lost if lost.any() else None)


def _bootstrapped(
    vcov: ScoreBootstrap,
    bread: Floats,
    scores: Floats,
    group: Ints,
    refits: Refits,
    words: str,
    counts: dict[str, int],
) -> Covariance:
    signs = sign_patterns(len(scores), vcov.draws, vcov.rng)
    matrix = _sandwich(bread, scores.T @ scores)
    larger = np.maximum(np.diag(refits.transform @ matrix @ refits.transform.T), 0.0)
    larger = np.maximum(larger, np.diag(refits.transform @ bread @ refits.transform.T))
    accepted = accepted_values(refits, group, signs, np.sqrt(larger))
    drawn = f"{vcov.draws:,} draws" if len(signs) == vcov.draws + 1 else f"all {len(signs):,} patterns"
    how = f"clustered by {words}, score bootstrap under the null ({drawn} of Rademacher signs)"
    return Covariance(matrix, how, counts, accepted=accepted)


def _words(unit: str | Sequence[str] | None) -> str:
    return "row" if unit is None else unit if isinstance(unit, str) else " and ".join(unit)


def _counts(counts: dict[str, int]) -> dict[str, int]:
    for name, count in counts.items():
        if count < 2:
            raise ModelError(f"cluster-robust errors need two clusters or more; column {name!r} has {count}.")
    return counts


@dataclass(frozen=True, slots=True)
class Meat:
    """Squared score sums of all clusters.

    Attributes
    ----------
    matrix : (p, p) array
    n : int
        Clusters.
    """

    matrix: Floats
    n: int


def needs_sums_only(vcov: Vcov) -> bool:
    """Whether a covariance is made of score sums by cluster, without anything else of the rows."""
    return vcov in ("model", "robust") or (
        isinstance(vcov, Cluster) and vcov.small_sample in (None, "CR1", "CR1S")
    )


def sandwich(
    vcov: Vcov,
    bread: Floats,
    meats: dict[tuple[str, ...], Meat],
    unit: str | Sequence[str] | None,
    n_rows: int,
    n_absorbed: int = 0,
) -> Covariance:
    """Make a covariance of score sums by cluster.

    Parameters
    ----------
    vcov : {"model", "robust"} or Cluster
        Without adjustment for few clusters, except by a factor.
    bread : (p, p) array
        Inverse information.
    meats : dict of tuple of str to Meat
        By the columns whose values name the clusters, both together included; ``()``: by unit.
    unit, n_rows, n_absorbed
        As for `covariance`.
    """
    if vcov == "model":
        return Covariance(bread, "from the model's information", {})
    if vcov == "robust":
        how = f"robust (HC0), one unit per {_words(unit)}"
        return Covariance(_sandwich(bread, meats[()].matrix), how, {}, bread=bread)
    assert isinstance(vcov, Cluster)
    scale = _factor(vcov.small_sample, n_rows, len(bread) + n_absorbed)
    counts = _counts({name: meats[(name,)].n for name in vcov.columns})
    total = sum((scale(meats[(name,)].n) * meats[(name,)].matrix for name in counts), np.zeros_like(bread))
    if len(counts) == 2:
        both = meats[vcov.columns]
        total = total - scale(both.n) * both.matrix
    words = " and ".join(f"{name} ({count:,} clusters)" for name, count in counts.items())
    how = f"clustered by {words}, {vcov.small_sample or 'no small-sample factor'}"
    return Covariance(_sandwich(bread, total), how, counts, bread=bread)


def _factor(small_sample: SmallSample | None, n_rows: int, n_params: int) -> Callable[[int], float]:
    """Factor on the sandwich as a function of the number of clusters."""
    if small_sample is None:
        return lambda n_clusters: 1.0
    rest = 1.0 if small_sample == "CR1" else (n_rows - 1) / (n_rows - n_params)
    return lambda n_clusters: n_clusters / (n_clusters - 1) * rest


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
