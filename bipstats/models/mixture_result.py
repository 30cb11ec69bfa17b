"""What results with mass points share: the points, how many were tried, and what may be said of them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, ClassVar

import numpy as np
import pandas as pd

from bipstats.core.columns import Floats
from bipstats.core.result import Linear, Result
from bipstats.errors import ModelError
from bipstats.models.mixture_fit import Criterion, MassPoints, MixingLaw, MixtureFit, Tried
from bipstats.tables import Summary

NUISANCE = (
    "The mixing law is a nuisance and is not interpreted: its points and probabilities are weakly identified, and "
    "many laws fit about as well (Baker & Melino 2000; Gaure, Røed & Zhang 2007). Errors are conditional on the "
    "number of points."
)
STOCK = (
    "Unobserved types are assumed independent of the covariates at time zero. In a stock sample, where people are "
    "enrolled after years of survival in the state, they are not (Ridder 1984)."
)
_EDGE = {-np.inf: "never", np.inf: "at once"}


@dataclass(frozen=True, repr=False, eq=False)
class MixtureResult(Result):
    """A fit with a discrete law of the intercepts.

    Attributes
    ----------
    law : MixingLaw or None
    tried : tuple of Tried
        The best law with each number of points.
    asked : int or str
        Number of points asked for, or the criterion.
    end : str
        Why no more points were tried than are in `tried`; empty if none were wanted.
    """

    law: MixingLaw | None = None
    tried: tuple[Tried, ...] = ()
    asked: MassPoints = 1
    end: str = ""

    no_mean: ClassVar[str] = (
        "it averages over types. Read its coefficients, or compare what predict() gives on changed data."
    )
    hazards: ClassVar[tuple[str, ...]] = ("",)
    """Prefixes of the hazards' terms."""

    @property
    def _law(self) -> MixingLaw:
        assert self.law is not None
        return self.law

    @property
    def n_points(self) -> int:
        """Points of the mixing law."""
        return len(self._law.log_odds)

    @property
    def n_params(self) -> int:
        """Parameters, both numbers of every point counted, also of those at the edge."""
        return self.tried[self.n_points - 1].n_params

    @property
    def _n_units(self) -> int:
        assert self.fit.n_units is not None
        return self.fit.n_units

    @property
    def mixing_terms(self) -> tuple[str, ...]:
        """Terms of the mixing law among the parameters."""
        if self.n_points == 1:
            return ()
        starts = (*(f"{prefix}point[" for prefix in self.hazards), "log odds[")
        return tuple(name for name in self.estimates.names if name.startswith(starts))

    @property
    def points(self) -> pd.DataFrame:
        """One row a point: ``point``, locations and the probability with their errors.

        A location at the edge is no estimate with an error: minus infinity is a hazard of zero ("never"), infinity
        an event in the first period ("at once"); its error is missing.
        """
        columns: dict[str, Any] = {"point": np.arange(1, self.n_points + 1)}
        errors = self.bse
        for c, prefix in enumerate(self.hazards):
            label = f"{prefix.rstrip(':')}_" if prefix else ""
            names = [
                f"{prefix}Intercept" if self.n_points == 1 else f"{prefix}point[{k}]"
                for k in columns["point"]
            ]
            columns[f"{label}location"] = self._law.locations[:, c]
            columns[f"{label}location_std_error"] = [errors.get(name, np.nan) for name in names]
        columns["probability"] = self._law.probabilities
        columns["probability_std_error"] = self._probability_errors()
        return pd.DataFrame(columns)

    def _probability_errors(self) -> Floats:
        """Delta method from the log odds."""
        pi = self._law.probabilities
        jacobian = np.diag(pi) - np.outer(pi, pi)
        places = [name.startswith("log odds[") for name in self.estimates.names]
        own = self.estimates.covariance[np.ix_(places, places)]
        return np.sqrt(np.maximum(np.diag(jacobian[:, 1:] @ own @ jacobian[:, 1:].T), 0.0))

    @property
    def selection(self) -> pd.DataFrame:
        """One row a number of points tried: log-likelihood, parameters, AIC, BIC, searches, and which was chosen."""
        return pd.DataFrame(
            {
                "mass_points": [one.points for one in self.tried],
                "loglik": [one.loglik for one in self.tried],
                "n_params": [one.n_params for one in self.tried],
                "aic": [one.criterion("aic", self._n_units) for one in self.tried],
                "bic": [one.criterion("bic", self._n_units) for one in self.tried],
                "starts": [one.starts for one in self.tried],
                "reached": [one.reached for one in self.tried],
                "chosen": [one.points == self.n_points for one in self.tried],
            }
        )

    def linear(self, new: pd.DataFrame) -> Linear:
        """Refuse: no single linear predictor belongs to a person whose type is unknown."""
        raise ModelError(
            f"{self.title} has no linear predictor of its own: the intercept is drawn from {self.n_points} points. "
            "Averages over the points are what predict() gives."
        )

    def glance(self) -> pd.DataFrame:
        """One row on the whole fit, with BIC and the number of points."""
        frame = super().glance()
        own = self.tried[self.n_points - 1]
        frame.insert(list(frame.columns).index("aic") + 1, "bic", [own.criterion("bic", self._n_units)])
        frame["mass_points"] = self.n_points
        return frame

    def summary(self, level: float = 0.95) -> Summary:
        """Table of all terms, with what may be said of the points below."""
        made = super().summary(level)
        return replace(made, notes=(*made.notes, *self._words()))

    def _words(self) -> tuple[str, ...]:
        """Notes below the table."""
        if self.n_points == 1:
            return ("One mass point: no unobserved heterogeneity in this fit.",)
        return (
            f"A {self.ratio} compares persons of one type; averages over the types are nearer to one.",
            NUISANCE,
            STOCK,
        )

    def _facts(self) -> dict[str, str]:
        facts = super()._facts()
        facts["mass points"] = self._points_text()
        if len(self.tried) > 1:
            own = self.tried[self.n_points - 1]
            by = (
                f"by {self.asked.upper()} of 1 to {len(self.tried)}"
                if isinstance(self.asked, str)
                else "given"
            )
            facts["number of points"] = (
                f"{self.n_points}, {by}; {own.reached} of {own.starts} searches ended at this maximum"
            )
        if self.end and isinstance(self.asked, str):
            facts["no more points"] = self.end
        return facts

    def _points_text(self) -> str:
        """Locations with probabilities in words."""
        rows = []
        for locations, probability in zip(self._law.locations, self._law.probabilities, strict=True):
            places = [_EDGE.get(float(value), f"{value:.4g}") for value in locations]
            place = places[0] if len(places) == 1 else f"({', '.join(places)})"
            rows.append(f"{place} with probability {probability:.3g}")
        return "; ".join(rows)


def mixture_fields(fitted: MixtureFit, asked: MassPoints) -> dict[str, Any]:
    """Fields of a result that come from the search."""
    return {"law": fitted.law, "tried": fitted.tried, "asked": asked, "end": fitted.end}


def chosen_by(asked: MassPoints) -> str:
    """Words on the number of points for a methods section."""
    known: dict[Criterion, str] = {"aic": "chosen by AIC", "bic": "chosen by BIC"}
    return known[asked] if isinstance(asked, str) else "as given"
