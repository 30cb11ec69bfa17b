"""Intraclass correlations of any number of raters: arrays in, numbers out."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike
from scipy import stats

from bipstats.core.columns import Floats
from bipstats.core.estimates import check_level
from bipstats.errors import ModelError


@dataclass(frozen=True, slots=True)
class MeanSquares:
    """Two-way analysis of variance without replication.

    Attributes
    ----------
    rows, columns, error, within : float
        Mean squares: between those rated, between raters, of the rest, and within those rated.
    n, k : int
        Rated, raters.
    """

    rows: float
    columns: float
    error: float
    within: float
    n: int
    k: int


def icc(table: ArrayLike, *, level: float = 0.95) -> pd.DataFrame:
    r"""Estimate intraclass correlations.

    Parameters
    ----------
    table : (n, k) array
        Scores of n persons by k raters; none missing.
    level : float, default 0.95

    Returns
    -------
    pandas.DataFrame
        ``type, estimate, conf_low, conf_high, f, df1, df2, p_value``. Types after McGraw & Wong, with Shrout & Fleiss's
        names: ``ICC(1)`` (raters differ from person to person), ``ICC(A,1)`` = ICC(2,1) (the same raters, absolute
        agreement), ``ICC(C,1)`` = ICC(3,1) (consistency: raters' levels are left out), and ``ICC(k)``, ``ICC(A,k)``,
        ``ICC(C,k)`` of the mean over the raters.

    Raises
    ------
    ModelError
        Fewer than two persons or raters, missing scores, or scores that never vary.

    Notes
    -----
    With the mean squares of persons R, raters C, rest E and within persons W,
    :math:`\text{ICC}(1) = (R - W) / (R + (k - 1) W)`,
    :math:`\text{ICC}(A,1) = (R - E) / (R + (k - 1) E + k (C - E) / n)`,
    :math:`\text{ICC}(C,1) = (R - E) / (R + (k - 1) E)`. Intervals by F (Satterthwaite's degrees of freedom for A); they
    take persons as independent and scores as normal.

    References
    ----------
    Shrout, P. & Fleiss, J. (1979). Intraclass correlations: uses in assessing rater reliability. *Psychological
    Bulletin*.
    McGraw, K. & Wong, S. (1996). Forming inferences about some intraclass correlation coefficients. *Psychological
    Methods*.

    Examples
    --------
    >>> from bipstats.progression import icc
    >>> found = icc([[1, 2], [3, 3], [5, 4], [2, 2]])
    >>> found["estimate"].round(3).tolist()[:3]
    [0.867, 0.864, 0.826]
    """
    check_level(level)
    found = mean_squares(table)
    rows = [*_one_way(found, level), *_absolute(found, level), *_consistent(found, level)]
    order = ["ICC(1)", "ICC(A,1)", "ICC(C,1)", "ICC(k)", "ICC(A,k)", "ICC(C,k)"]
    columns = ["type", "estimate", "conf_low", "conf_high", "f", "df1", "df2", "p_value"]
    return pd.DataFrame(rows, columns=columns).set_index("type").loc[order].reset_index()


def mean_squares(table: ArrayLike) -> MeanSquares:
    """Mean squares of an (n, k) table of scores."""
    scores = np.asarray(table, dtype=float)
    if scores.ndim != 2 or min(scores.shape) < 2:
        raise ModelError(
            f"table has the shape {scores.shape}; two persons (rows) and two raters (columns) are needed."
        )
    missing = int(np.isnan(scores).any(axis=1).sum())
    if missing:
        raise ModelError(f"{missing:,} of {len(scores):,} rows lack a score; leave them out.")
    n, k = scores.shape
    by_row, by_column, mean = scores.mean(axis=1), scores.mean(axis=0), scores.mean()
    rest = scores - by_row[:, None] - by_column[None, :] + mean
    rows = k * ((by_row - mean) ** 2).sum() / (n - 1)
    columns = n * ((by_column - mean) ** 2).sum() / (k - 1)
    within = ((scores - by_row[:, None]) ** 2).sum() / (n * (k - 1))
    if rows + within == 0:
        raise ModelError(f"all {n * k:,} scores are the same.")
    return MeanSquares(rows, columns, (rest**2).sum() / ((n - 1) * (k - 1)), within, n, k)


Row = tuple[str, float, float, float, float, float, float, float]


def _one_way(found: MeanSquares, level: float) -> list[Row]:
    df1, df2 = found.n - 1, found.n * (found.k - 1)
    return _by_ratio(("ICC(1)", "ICC(k)"), found.rows, found.within, found.k, df1, df2, level)


def _consistent(found: MeanSquares, level: float) -> list[Row]:
    df1 = found.n - 1
    return _by_ratio(
        ("ICC(C,1)", "ICC(C,k)"), found.rows, found.error, found.k, df1, df1 * (found.k - 1), level
    )


def _by_ratio(
    names: tuple[str, str], above: float, below: float, k: int, df1: int, df2: int, level: float
) -> list[Row]:
    """Single and mean of k, by one F ratio."""
    upper = 0.5 + level / 2
    with np.errstate(divide="ignore"):
        f = float(np.divide(above, below))
    low, high = f / stats.f.ppf(upper, df1, df2), f * stats.f.ppf(upper, df2, df1)
    test = (f, float(df1), float(df2), float(stats.f.sf(f, df1, df2)))
    ratios = np.array([f, low, high])
    with np.errstate(divide="ignore", invalid="ignore"):
        single = np.where(np.isinf(ratios), 1.0, (ratios - 1) / (ratios + k - 1))
        mean = 1 - 1 / ratios  # minus infinity where persons do not differ at all
    return [_row(names[0], single, test), _row(names[1], mean, test)]


def _row(name: str, values: Floats, test: tuple[float, float, float, float]) -> Row:
    """Estimate with interval, and the F test."""
    estimate, low, high = values.tolist()
    return (name, estimate, low, high, *test)


def _absolute(found: MeanSquares, level: float) -> list[Row]:
    """Absolute agreement of the same raters, whose levels count."""
    rows, columns, error, n, k = found.rows, found.columns, found.error, found.n, found.k
    upper, rest = 0.5 + level / 2, k * columns + (k * n - k - n) * error
    single = n * (rows - error) / (rest + n * rows)
    with np.errstate(divide="ignore", invalid="ignore"):
        a, b = k * single / (n * (1 - single)), 1 + k * single * (n - 1) / (n * (1 - single))
        top = (a * columns + b * error) ** 2
        v = np.divide(top, (a * columns) ** 2 / (k - 1) + (b * error) ** 2 / ((n - 1) * (k - 1)))
        f = float(np.divide(rows, error))
    if not np.isfinite(v):  # complete agreement
        low = high = single
    else:
        first, second = stats.f.ppf(upper, n - 1, v), stats.f.ppf(upper, v, n - 1)
        low = n * (rows - first * error) / (first * rest + n * rows)
        high = n * (second * rows - error) / (rest + n * second * rows)
    df1 = n - 1
    test = (f, float(df1), float(df1 * (k - 1)), float(stats.f.sf(f, df1, df1 * (k - 1))))
    values = np.array([single, low, high])
    with np.errstate(divide="ignore"):
        mean = k * values / (1 + (k - 1) * values)
    return [_row("ICC(A,1)", values, test), _row("ICC(A,k)", mean, test)]
