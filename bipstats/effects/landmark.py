"""Average risks at a horizon and the covariance of what is computed from them, by the delta method."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from bipstats.core.columns import Floats
from bipstats.core.result import Result
from bipstats.effects.fitted_hazards import Fits, FittedHazard, fitted_hazards
from bipstats.effects.incidence import Incidence, incidence
from bipstats.effects.means import Average
from bipstats.effects.scales import Scale, compare
from bipstats.errors import ModelError, OptionError
from bipstats.models.cox import CoxResult


@dataclass(frozen=True, slots=True)
class Gradient:
    """Derivative of one number, by cause: in the fit's parameters, and in its increments.

    Attributes
    ----------
    params : list of (p_k,) arrays
    increments : list of (d_k,) arrays
    """

    params: list[Floats]
    increments: list[Floats]

    def times(self, factor: float) -> Gradient:
        """Derivative of a multiple."""
        return Gradient([factor * g for g in self.params], [factor * g for g in self.increments])

    def plus(self, other: Gradient) -> Gradient:
        """Derivative of a sum."""
        return Gradient(
            [a + b for a, b in zip(self.params, other.params, strict=True)],
            [a + b for a, b in zip(self.increments, other.increments, strict=True)],
        )


class LandmarkRisks:
    """Risks of every cause from a landmark to a horizon, for any frame of covariates."""

    def __init__(
        self, fits: Fits, data: pd.DataFrame, horizon: float, landmark: float, width: float | None
    ) -> None:
        self._builders: list[FittedHazard] = fitted_hazards(fits, data, horizon, landmark, width)
        self.times: Floats = np.unique(np.concatenate([builder.times for builder in self._builders]))
        if not len(self.times):
            raise ModelError(
                f"no cause has an event between {landmark:g} and {landmark + horizon:g} on the fits' clock."
            )
        self._places = [np.searchsorted(self.times, builder.times) for builder in self._builders]

    def at(self, data: pd.DataFrame) -> Incidence:
        """Incidence of every cause, averaged over the rows."""
        return incidence([builder.hazard(data, self.times) for builder in self._builders])

    def gradient(self, found: Incidence, cause: int) -> Gradient:
        """Derivative of one cause's risk at the horizon."""
        params, increments = [], []
        for k, (builder, places) in enumerate(zip(self._builders, self._places, strict=True)):
            own = found.increment_gradient[cause, k, places]
            slopes = (own * builder.increments) @ builder.log_levels
            slopes[builder.n_levels :] += found.slope_gradient[k][cause]
            params.append(slopes)
            increments.append(own)
        return Gradient(params, increments)

    def compared(
        self, scale: Scale, before: Incidence, after: Incidence
    ) -> dict[int, tuple[float, Gradient]]:
        """Compare risks on a scale, by cause; a cause whose risk is zero has no ratio and is left out."""
        found = {}
        for cause in range(len(self._builders)):
            risks = float(before.curves[cause, -1]), float(after.curves[cause, -1])
            if scale == "difference" or all(0 < risk < 1 for risk in risks):
                one = compare(scale, *risks)
                at_before, at_after = self.gradient(before, cause), self.gradient(after, cause)
                gradient = at_before.times(one.by_before).plus(at_after.times(one.by_after))
                found[cause] = one.value, gradient
        return found

    def log_ratio(self, cause: int, ratio: Average) -> tuple[float, Gradient]:
        """A number that depends on one cause's parameters alone, as one among the others."""
        params = [np.zeros(len(builder.fit.estimates.names)) for builder in self._builders]
        params[cause] = ratio.gradient
        return ratio.value, Gradient(params, [np.zeros(len(builder.times)) for builder in self._builders])

    def covariance(self, gradients: Sequence[Gradient]) -> Floats:
        """Covariance of several numbers, causes taken as independent."""
        total = np.zeros((len(gradients), len(gradients)))
        for k, builder in enumerate(self._builders):
            by_params = np.array([gradient.params[k] for gradient in gradients])
            by_increments = np.array([gradient.increments[k] for gradient in gradients])
            total += builder.fit.estimates.covariance_of(by_params)
            total += (by_increments * builder.noise) @ by_increments.T
        return total

    def error(self, gradient: Gradient) -> float:
        """Standard error of one number."""
        return float(np.sqrt(self.covariance([gradient])[0, 0]))


def columns_of(fits: Fits) -> list[str]:
    """Columns that risks by these fits read, whatever the fits are."""
    found: list[str] = []
    for fit in fits.values():
        if isinstance(fit, Result):  # others are refused by name later
            found += fit.inputs if isinstance(fit, CoxResult) else fit.design.columns
    return list(dict.fromkeys(found))


def fewest_df(fits: Fits) -> float | None:
    """The fewest degrees of freedom of any coefficient; None where no fit has any."""
    all_df = [fit.estimates.df.min() for fit in fits.values() if fit.estimates.df is not None]
    return float(min(all_df)) if all_df else None


def errors_of(fits: Fits) -> str:
    """The fits' covariances in words."""
    how = {name: fit.estimates.how for name, fit in fits.items()}
    found = list(dict.fromkeys(how.values()))
    own = found[0] if len(found) == 1 else "; ".join(f"{name} {words}" for name, words in how.items())
    return f"{own}; causes taken as independent"


def check_fits(fits: Fits) -> None:
    """Raise unless `fits` is a mapping with fits."""
    if not isinstance(fits, Mapping):
        raise OptionError(
            "fits is no dict; give one cause-specific fit for every way out, {'job': fit, ...}."
        )
    if not fits:
        raise ModelError("fits is empty; give one cause-specific fit for every way out, {'job': fit, ...}.")


def check_time(name: str, value: object, *, zero: bool) -> None:
    """Raise unless `value` is a time above zero (or at it, where allowed)."""
    number = isinstance(value, int | float | np.number) and not isinstance(value, bool)
    if not number or not np.isfinite(value) or value < 0 or (value == 0 and not zero):  # type: ignore[call-overload, operator]
        raise OptionError(f"{name}={value!r} is not a time {'at or above' if zero else 'above'} zero.")
