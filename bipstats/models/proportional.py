"""What fits of proportional hazards have in common, whatever else is in them."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from typing import ClassVar, Literal

import numpy as np
import pandas as pd

from bipstats.core.columns import Floats, Ints, codes_for, numbers, require_columns
from bipstats.core.result import Result, used_columns
from bipstats.errors import ModelError
from bipstats.models.cox_rows import CoxRows, CoxSpecification
from bipstats.models.inputs import read_grid
from bipstats.models.kernels.cox import BaselineHazard, RiskSums, baseline_hazard

BASELINE_TIMES = 4096
"""Event times up to which a fit keeps its baseline hazard."""
_FEWER = {
    "merged into the row before": "merging",
    "never at risk": "leaving out those at risk at no event",
}


@dataclass(frozen=True, repr=False, eq=False)
class ProportionalHazards(Result):
    """Base of the results on (start, stop] rows: relative hazards, and a baseline hazard in each stratum.

    Attributes
    ----------
    specification : CoxSpecification
    baseline : BaselineHazard or None
        Baseline hazard at the covariates' means; None beyond 4,096 event times.
    strata_levels : tuple
        Strata in the order of ``baseline.stratum``.
    followed_to : float
        Last time at which anyone was at risk.
    """

    specification: CoxSpecification | None = None
    baseline: BaselineHazard | None = None
    strata_levels: tuple[object, ...] = ()
    followed_to: float = np.inf

    ratio: ClassVar[str] = "hazard ratio"
    link: ClassVar[Literal["log"]] = "log"

    @property
    def inputs(self) -> tuple[str, ...]:
        """Covariates, and the offset where there is one."""
        return (*self.design.columns, *([] if self._spec.offset is None else [self._spec.offset]))

    @property
    def _spec(self) -> CoxSpecification:
        assert self.specification is not None
        return self.specification

    def relative(self, new: pd.DataFrame, centre: Floats | float) -> Floats:
        """Hazard of each row relative to that at covariates `centre` and offset zero, (n,)."""
        offset = self._spec.offset
        eta = (self.design.matrix(new) - centre) @ self.estimates.values
        if offset is not None:
            require_columns(new, [offset], "offset=")
            eta = eta + numbers(new[offset])
        with np.errstate(over="ignore"):
            risk = np.exp(eta)
        if not np.isfinite(risk).all():
            raise ModelError(
                "relative risks are out of a number's range: some covariate lies far from zero (a year?). "
                "Centre it, e.g. I(year - 2013)."
            )
        return risk

    def stratum_codes(self, new: pd.DataFrame) -> Ints:
        """Stratum of each row as its place in `strata_levels`, (n,)."""
        return level_codes(new, self._spec.strata_columns, "strata=", self.strata_levels)

    def _survival(
        self,
        new: pd.DataFrame,
        times: float | Iterable[float] | None,
        base: BaselineHazard,
        of: Callable[[Floats], Floats],
    ) -> pd.DataFrame:
        """Survival along constant covariates, made `of` cumulative hazards; a column per time."""
        risk = self.relative(new, base.centre)
        grid = np.unique(base.times) if times is None else read_grid(times, self.followed_to)
        stratum = self.stratum_codes(new)
        table = np.empty((len(self.strata_levels), len(grid)))
        for code in range(len(self.strata_levels)):
            own = base.stratum == code
            hazard = np.concatenate([[0.0], np.cumsum(base.increment[own])])
            table[code] = hazard[np.searchsorted(base.times[own], grid, side="right")]
        return pd.DataFrame(of(risk[:, None] * table[stratum]), index=new.index, columns=grid)

    def _rows_words(self) -> str:
        """Say for a methods section what the fit rests on and how ties were handled."""
        spec = self._spec
        strata = f", stratified by {' and '.join(spec.strata_columns)}" if spec.strata else ""
        units = "" if self.fit.n_units is None else f" of {self.fit.n_units:,} ids"
        weights = "" if spec.weights is None else f", weighted by {spec.weights}"
        offset = "" if spec.offset is None else f", with {spec.offset} as an offset"
        return (
            f"{self.nobs:,} counting-process rows{units} with {self.n_events:,} events ({spec.ties.capitalize()} "
            f"handling of ties{strata}{weights}{offset})"
        )

    def _facts(self) -> dict[str, str]:
        columns = self._spec.strata_columns
        strata = f", strata {' x '.join(columns)} ({len(self.strata_levels)})" if columns else ""
        left = sum(count if what == "given" else -count for what, count in self.fit.flow)
        facts = super()._facts()
        if left < self.nobs:
            steps = [words for what, words in _FEWER.items() if what in dict(self.fit.flow)]
            facts["used"] += f", in {left:,} after {' and '.join(steps)}"
        used = used_columns(weights=self._spec.weights, offset=self._spec.offset)
        return {**facts, **used, "ties": self._spec.ties + strata}


def kept_baseline(sums: RiskSums, rows: CoxRows) -> BaselineHazard | None:
    """Baseline hazard at the means of the data's covariates, if it is small enough to keep."""
    if len(rows.problem.sets.times) > BASELINE_TIMES:
        return None
    base = baseline_hazard(sums, rows.problem)
    return replace(base, centre=rows.centre, mean=rows.scale * base.mean)


def level_codes(new: pd.DataFrame, columns: list[str], role: str, levels: tuple[object, ...]) -> Ints:
    """Place of each row's level, of one column or of several crossed, among those of the fit: (n,)."""
    if not columns:
        return np.zeros(len(new), np.int64)
    require_columns(new, columns, role)
    crossed = (
        new[columns[0]]
        if len(columns) == 1
        else pd.Series(list(new[columns].itertuples(index=False, name=None)))
    )
    return codes_for(crossed.rename(" x ".join(columns)), levels)
