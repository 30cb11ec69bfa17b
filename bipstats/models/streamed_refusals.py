"""What streamed data cannot be asked for, with what can."""

from __future__ import annotations

from bipstats.core.covariance import Vcov, needs_sums_only
from bipstats.core.design import spline_columns
from bipstats.errors import ModelError, OptionError

NEEDS_ALL_ROWS = (
    "needs all rows at once, and streamed data are never held. Put a column of few levels into the formula as C(x), or "
    "fit on a frame in memory (a sample, or counts of equal rows)."
)


def refuse_in_stream(given: dict[str, bool], vcov: Vcov, formula: str) -> None:
    """Refuse what needs all rows at once.

    Parameters
    ----------
    given : dict of str to bool
        Arguments that do, and whether they were given.
    vcov : Vcov
    formula : str
    """
    for name, there in given.items():
        if there:
            raise OptionError(f"{name}= {NEEDS_ALL_ROWS}")
    if not needs_sums_only(vcov):
        raise OptionError(
            "CR2, the jackknife and the score bootstrap need the rows of each cluster many times over, and streamed "
            "data are read a few times. Use bip.cluster(..., small_sample=None, 'CR1' or 'CR1S'): with as many rows "
            "the clusters are hardly few; if they are, fit on counts of equal rows in memory."
        )
    for text in spline_columns(formula, ("cr",)).values():
        raise ModelError(
            f"Formula: {text!r} needs means of all rows, which streamed data do not have before a fit. Use "
            "bs(x, knots=[...])."
        )
    for text in spline_columns(formula, ("bs",)).values():
        if "df" in text:
            raise ModelError(
                f"Formula: {text!r} needs quantiles of all rows, which streamed data do not have before a fit. Say "
                "where the knots lie: bs(x, knots=[...])."
            )


def refuse_without_stream(progress: bool | None, checkpoint: object) -> None:
    """Refuse arguments that streamed data alone have a use for."""
    if checkpoint is not None or progress:
        raise OptionError(
            "progress= and checkpoint= are of data that are streamed: a path, a pyarrow dataset or a dask data frame. "
            "A frame in memory is fitted at once."
        )
