"""Fits by `bip.cox` and `bip.hazard` seen alike: increments of a cumulative hazard and their covariance."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd

from bipstats.core.columns import Floats
from bipstats.effects.incidence import CauseHazard
from bipstats.errors import ModelError
from bipstats.models.cox import CoxResult
from bipstats.models.hazard import HazardResult

Fits = Mapping[str, CoxResult] | Mapping[str, HazardResult]


@dataclass(frozen=True, slots=True)
class FittedHazard:
    """A fit as increments of a cumulative hazard at covariates `centre`, with what their covariance needs.

    Attributes
    ----------
    fit : CoxResult or HazardResult
    centre : (p,) array
    times, increments : (d,) arrays
    log_levels : (d, k) array
        Derivatives of the log increments in the fit's k parameters.
    noise : (d,) array
        Extra independent variance of the increments (the Cox baseline's own).
    n_levels : int
        Parameters before the slopes.
    """

    fit: CoxResult | HazardResult
    centre: Floats
    times: Floats
    increments: Floats
    log_levels: Floats
    noise: Floats
    n_levels: int

    def hazard(self, data: pd.DataFrame, times: Floats) -> CauseHazard:
        """Hazards of the rows of `data` on a common grid of times."""
        if isinstance(self.fit, CoxResult):
            relative = self.fit.relative(data, self.centre)
        else:
            slopes = self.fit.estimates.values[self.n_levels :]
            relative = np.exp((self.fit.design.matrix(data) - self.centre) @ slopes)
        increment = np.zeros(len(times))
        increment[np.searchsorted(times, self.times)] = self.increments
        return CauseHazard(relative, increment, self.fit.design.matrix(data) - self.centre)


def fitted_hazards(
    fits: Fits, data: pd.DataFrame, horizon: float, landmark: float, width: float | None
) -> list[FittedHazard]:
    """Read the fits of all causes; refuse mixtures, other links and horizons beyond what was seen."""
    for name, fit in fits.items():
        if not isinstance(fit, CoxResult | HazardResult):
            raise ModelError(
                f"fits[{name!r}] must be a fit by bip.cox or bip.hazard, not {type(fit).__name__}."
            )
    if len({type(fit) for fit in fits.values()}) > 1:
        raise ModelError(
            "fits are partly by bip.cox and partly by bip.hazard; their clocks differ. Use one of them."
        )
    _refuse_twins(fits)
    until = landmark + horizon
    return [
        _from_cox(name, fit, landmark, until, width)
        if isinstance(fit, CoxResult)
        else _from_hazard(name, fit, data, landmark, until, width)
        for name, fit in fits.items()
    ]


def _refuse_twins(fits: Fits) -> None:
    """Refuse one cause's fit under two names: its hazard would count twice."""
    seen: dict[tuple[str, float], str] = {}
    for name, fit in fits.items():
        assert fit.specification is not None
        twin = seen.setdefault((fit.specification.event, fit.loglik), name)
        if twin != name:
            raise ModelError(
                f"fits[{twin!r}] and fits[{name!r}] are one fit of {fit.specification.event!r}; every way out needs "
                "its own."
            )


def _from_cox(name: str, fit: CoxResult, after: float, until: float, width: float | None) -> FittedHazard:
    base = fit.baseline
    if width is not None:
        raise ModelError("width= is for fits by bip.hazard; Cox fits have their own times.")
    if base is None:
        raise ModelError(f"fits[{name!r}] kept no baseline hazard (more than 4,096 event times).")
    if len(fit.strata_levels) > 1:
        raise ModelError(
            f"fits[{name!r}] is stratified; risks need one baseline. Put the strata into the formula."
        )
    if until > fit.followed_to:
        raise ModelError(
            f"the horizon ends at {until:g}, but fits[{name!r}] saw nobody after {fit.followed_to:g} on its clock."
        )
    own = (base.times > after) & (base.times <= until)
    return FittedHazard(
        fit, base.centre, base.times[own], base.increment[own], -base.mean[own], base.variance[own], 0
    )


def _from_hazard(
    name: str, fit: HazardResult, data: pd.DataFrame, after: float, until: float, width: float | None
) -> FittedHazard:
    spec = fit.specification
    assert spec is not None
    if spec.link != "cloglog":
        raise ModelError(
            f"fits[{name!r}] has the logit link; competing hazards are added up by cloglog fits only."
        )
    if not width or width < 0 or (until - after) % width or after % width:
        raise ModelError(
            "fits by bip.hazard need width= (weeks per period), and landmark and horizon must be multiples of it."
        )
    baseline = fit.baseline()
    if not pd.api.types.is_numeric_dtype(baseline.index):
        raise ModelError(f"fits[{name!r}] has periods that are no numbers; risks need to know when they end.")
    ends = (np.asarray(baseline.index, dtype=float) + 1) * width
    inside = (ends > after) & (ends <= until)
    if inside.sum() != round((until - after) / width):
        raise ModelError(f"fits[{name!r}] has no baseline for every period up to {until:g} weeks.")
    own = inside & np.isfinite(baseline.to_numpy())
    n_levels = fit.n_baseline
    # The covariates' means keep both factors of the hazard in a number's range.
    centre = fit.design.matrix(data).mean(axis=0)
    columns = fit.baseline_columns()[own]
    levels = np.hstack([columns, np.tile(centre, (len(columns), 1))])
    increments = np.exp(baseline[own].to_numpy() + centre @ fit.estimates.values[n_levels:])
    return FittedHazard(fit, centre, ends[own], increments, levels, np.zeros(len(columns)), n_levels)
