"""The baseline of a discrete-time hazard's result: an effect per period, or a spline."""

from __future__ import annotations

import numpy as np
import pandas as pd

from bipstats.core.columns import Floats, Ints, require_columns
from bipstats.core.design import Design
from bipstats.core.estimates import Estimates
from bipstats.core.result import used_columns
from bipstats.errors import ModelError
from bipstats.models.hazard_rows import HazardSpecification, log_exposure, natural_spline


class Periods:
    """What results of models on person-periods share; they hold the attributes named here."""

    estimates: Estimates
    design: Design
    specification: HazardSpecification | None
    levels: tuple[object, ...]
    periods: tuple[object, ...]
    knots: tuple[float, ...]

    @property
    def ratio(self) -> str:
        """What an exponentiated slope is."""
        return "hazard ratio" if self._spec.link == "cloglog" else "odds ratio"

    @property
    def inputs(self) -> tuple[str, ...]:
        """Columns that `linear` reads: covariates, period and exposure."""
        exposure = () if self._spec.exposure is None else (self._spec.exposure,)
        return (*self.design.columns, self._spec.period, *exposure)

    @property
    def _spec(self) -> HazardSpecification:
        assert self.specification is not None
        return self.specification

    def positions(self, new: pd.DataFrame) -> Ints:
        """Position of each row's period among the levels."""
        require_columns(new, [self._spec.period], "period=")
        position = pd.Index(list(self.levels)).get_indexer(pd.Index(new[self._spec.period]))
        unknown = int((position < 0).sum())
        if unknown:
            raise ModelError(f"{unknown:,} rows lie in periods that the fit has not seen.")
        return position.astype(np.int64)

    def floor(self) -> Floats:
        """Minus infinity for periods where nothing happened and no spline says otherwise, else zero: by level."""
        nothing = [not self.knots and level not in self.periods for level in self.levels]
        return np.where(nothing, -np.inf, 0.0)

    @property
    def eventless(self) -> tuple[object, ...]:
        """Periods without events: their hazard is zero, or what the spline says."""
        return tuple(level for level in self.levels if level not in self.periods)

    def baseline_columns(self) -> Floats:
        """Derivatives of each period's linear predictor in the parameters before the slopes, (levels, q)."""
        first = np.ones((len(self.levels), 1))
        if self.knots:
            return np.hstack([first, natural_spline(np.array(self.levels, float), self.knots)])
        own = [[level == period for period in self.periods[1:]] for level in self.levels]
        return np.hstack([first, np.array(own, float).reshape(len(self.levels), -1)])

    def baseline_words(self) -> str:
        """The baseline in words, for a methods section."""
        if not self.knots:
            return "one effect per period"
        return f"a natural cubic spline of the period with {len(self.knots) - 1} degrees of freedom"

    def baseline_facts(self) -> dict[str, str]:
        """Link, exposure, knots or periods without events, for a summary."""
        facts = {"link": self._spec.link, **used_columns(exposure=self._spec.exposure)}
        if self.knots:
            knots = ", ".join(f"{knot:g}" for knot in self.knots)
            facts["baseline"] = f"natural cubic spline of {self._spec.period}, knots {knots}"
        elif self.eventless:
            facts["periods without events"] = (
                f"{', '.join(map(str, self.eventless))} (hazard estimated as zero)"
            )
        return facts


class PeriodBaseline(Periods):
    """A baseline with one intercept: its parameters come first."""

    @property
    def n_baseline(self) -> int:
        """Parameters before the slopes: intercept and periods, or columns of the spline."""
        return len(self.estimates.names) - len(self.design.names)

    def baseline(self) -> pd.Series:
        """Linear predictor of each period at covariates zero; minus infinity where nothing happened."""
        values = self.baseline_columns() @ self.estimates.values[: self.n_baseline] + self.floor()
        return pd.Series(values, index=list(self.levels), name="baseline")

    def every_period(self, new: pd.DataFrame) -> Floats:
        """Linear predictor of rows in every whole period, (n, levels)."""
        slopes = self.design.matrix(new) @ self.estimates.values[self.n_baseline :]
        return slopes[:, None] + self.baseline().to_numpy()

    def fixed_predictor(self, new: pd.DataFrame) -> Floats:
        """Linear predictor of person-periods, (n,); minus infinity in periods where nothing happened."""
        slopes = self.design.matrix(new) @ self.estimates.values[self.n_baseline :]
        own = self.baseline().to_numpy()[self.positions(new)]
        return slopes + own + log_exposure(new, self._spec.exposure)
