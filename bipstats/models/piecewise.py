"""Hazards that are constant between cuts, with or without a discrete law of the intercept among persons."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import ClassVar, Literal

import numpy as np
import pandas as pd

from bipstats.core.columns import Floats, Missing, require_frame
from bipstats.core.covariance import Vcov
from bipstats.core.design import split_formula
from bipstats.core.result import Fit, with_covariance
from bipstats.errors import OptionError, check_option
from bipstats.models.inputs import check_names, default_id
from bipstats.models.kernels.mixture import Law, evaluate, log_likelihood
from bipstats.models.mixture_fit import (
    MassPoints,
    MixtureRows,
    OnePoint,
    check_mass_points,
    fit_mixture,
    refit_covariance,
)
from bipstats.models.mixture_result import MixtureResult, chosen_by, mixture_fields
from bipstats.models.mixture_rows import DelayedEntry, find_id
from bipstats.models.mixtures import check_mixture_vcov
from bipstats.models.piecewise_rows import (
    PiecewiseSpecification,
    checked_times,
    longest_time,
    prepare_piecewise,
    read_cuts,
)
from bipstats.models.search import find_maximum


@dataclass(frozen=True, repr=False, eq=False)
class PiecewiseResult(MixtureResult):
    """A fitted piecewise exponential hazard.

    Attributes
    ----------
    specification : PiecewiseSpecification
    pieces : tuple of int
        Pieces with events, in order; the first is the reference.
    longest : float
        Last time at risk.

    Examples
    --------
    >>> import pandas as pd, bipstats as bip
    >>> rows = pd.DataFrame({"stop": [2.0, 3.5, 5.0, 6.0, 8.0, 9.0], "event": [1, 0, 1, 1, 0, 1],
    ...                      "x": [1, 0, 0, 1, 0, 1]})
    >>> fit = bip.piecewise_exponential("x", rows, start=None, cuts=[4])
    >>> fit.params.index.tolist()
    ['Intercept', 'time[4+]', 'x']
    >>> fit.pieces, fit.longest
    ((0, 1), 9.0)
    """

    specification: PiecewiseSpecification | None = None
    pieces: tuple[int, ...] = ()
    longest: float = np.inf

    title: ClassVar[str] = "Piecewise exponential hazard"
    ratio: ClassVar[str | None] = "hazard ratio"

    @property
    def _spec(self) -> PiecewiseSpecification:
        assert self.specification is not None
        return self.specification

    def baseline(self) -> pd.DataFrame:
        """Log hazard in each piece at covariates zero, one column per point; minus infinity where nothing happened."""
        values = self._effects()[:, None] + self._law.locations[:, 0]
        columns = pd.Index(range(1, self.n_points + 1), name="point")
        return pd.DataFrame(values, index=list(self._spec.labels), columns=columns)

    def _effects(self) -> Floats:
        effects = np.full(len(self._spec.labels), -np.inf)
        names = [f"time[{self._spec.labels[piece]}]" for piece in self.pieces[1:]]
        effects[list(self.pieces)] = [0.0, *self.params.loc[names]]
        return effects

    def predict(
        self,
        new: pd.DataFrame,
        kind: Literal["relative_risk", "survival"] = "relative_risk",
        *,
        times: float | Sequence[float] | None = None,
    ) -> pd.Series | pd.DataFrame:
        r"""Predict for new rows.

        Parameters
        ----------
        new : pandas.DataFrame
            Rows with the formula's columns.
        kind : {"relative_risk", "survival"}
            Hazard against that of a person of the same type with covariates zero; or survival, averaged over the
            points, with covariates held as they are from time zero.
        times : float or sequence of float, optional
            For survival; the cuts and the last time at risk by default.

        Returns
        -------
        pandas.Series or pandas.DataFrame
            By row; for survival one column per time: :math:`S(t) = \sum_k \pi_k S_k(t)`.
        """
        check_option("kind", kind, ("relative_risk", "survival"))
        relative = self._relative_risk(new)
        if kind == "relative_risk":
            if times is not None:
                raise OptionError('times= is for kind="survival"; a relative risk is the same at every time.')
            return pd.Series(relative, index=new.index, name="relative_risk")
        grid = self._times(times)
        total = sum(share for share, _ in self._survival(relative, grid))
        return pd.DataFrame(total, index=new.index, columns=grid)

    def hazard_at(self, new: pd.DataFrame, times: float | Sequence[float] | None = None) -> pd.DataFrame:
        r"""Hazard of those who are left, averaged over the points, with covariates held as they are from time zero.

        Parameters
        ----------
        new : pandas.DataFrame
            Rows with the formula's columns.
        times : float or sequence of float, optional
            The cuts and the last time at risk by default; at a cut the hazard is that of the piece that ends there.

        Returns
        -------
        pandas.DataFrame
            One column per time: :math:`\sum_k \pi_k S_k(t) h_k(t) / S(t)`.
        """
        grid, relative = self._times(times), self._relative_risk(new)
        edges = self._spec.edges
        here = np.exp(self._effects())[np.clip(np.searchsorted(edges, grid, side="left") - 1, 0, None)]
        parts = list(self._survival(relative, grid))
        events = sum(left * np.multiply.outer(relative * level, here) for left, level in parts)
        return pd.DataFrame(events / sum(left for left, _ in parts), index=new.index, columns=grid)

    def _relative_risk(self, new: pd.DataFrame) -> Floats:
        slopes = self.params.loc[list(self.design.names)].to_numpy()
        return np.exp(self.design.matrix(new) @ slopes)

    def _times(self, times: float | Sequence[float] | None) -> Floats:
        if times is None:
            return np.array([*(cut for cut in self._spec.cuts if cut < self.longest), self.longest])
        return checked_times(times, self.longest)

    def _survival(self, relative: Floats, grid: Floats) -> Iterator[tuple[Floats, float]]:
        """By point: probability times survival (rows, times), and the point's factor on the hazard."""
        edges = self._spec.edges
        spent = np.clip(grid[:, None] - edges[:-1], 0.0, np.diff(edges))
        cumulative = spent @ np.exp(self._effects())
        for share, location in zip(self._law.probabilities, self._law.locations[:, 0], strict=True):
            level = float(np.exp(location))
            yield share * np.exp(-np.multiply.outer(relative * level, cumulative)), level

    def with_vcov(self, vcov: Vcov, data: pd.DataFrame) -> PiecewiseResult:
        """Give the same fit with another covariance; `data` must be the fitted data."""
        check_mixture_vcov(vcov)
        found = prepare_piecewise(self._spec, require_frame(data), vcov, self.design, mixed=self.n_points > 1)
        made, transform = refit_covariance(found.rows, self._law, self.estimates.values, self.loglik, vcov)
        fit = replace(self.fit, flow=found.rows.flow)
        return replace(self, fit=fit, **with_covariance(self, made, transform))

    def methods_text(self) -> str:
        """One paragraph for a methods section."""
        law = (
            ""
            if self.n_points == 1
            else f", whose intercept has a discrete distribution over {self._n_units:,} values of {self._spec.id} with "
            f"{self.n_points} mass points ({chosen_by(self.asked)})"
        )
        return (
            f"We estimated a piecewise exponential hazard model with {len(self.pieces)} pieces{law}, by maximum "
            f"likelihood on {self.nobs:,} rows with {self.n_events:,} events; {self._errors_and_software()}"
        )

    def _facts(self) -> dict[str, str]:
        facts = {**super()._facts(), "pieces": ", ".join(self._spec.labels)}
        empty = [label for j, label in enumerate(self._spec.labels) if j not in self.pieces]
        if empty:
            facts["pieces without events"] = f"{', '.join(empty)} (hazard estimated as zero)"
        if self.n_points > 1 and self._spec.delayed_entry != "raise":
            facts["delayed entry"] = {
                "condition": "conditional on survival until entry, with covariates as in the first row",
                "ignore": "not accounted for: the law is taken as that at entry",
            }[self._spec.delayed_entry]
        return facts


def piecewise_exponential(
    formula: str,
    data: pd.DataFrame,
    *,
    cuts: Sequence[float],
    start: str | None = "start",
    stop: str = "stop",
    event: str = "event",
    id: str | None = None,
    mass_points: MassPoints = 1,
    delayed_entry: DelayedEntry = "raise",
    vcov: Vcov = "model",
    missing: Missing = "raise",
) -> PiecewiseResult:
    r"""Fit a proportional hazard that is constant between cuts to rows (start, stop], with mass points on request.

    Parameters
    ----------
    formula : str
        Right-hand side; the baseline needs no term.
    data : pandas.DataFrame
        Rows as `bip.spells` gives, times from zero.
    cuts : sequence of float
        Ascending times between 0 and the longest at which the baseline may change.
    start : str or None, default "start"
        None: all rows begin at zero.
    stop : str, default "stop"
    event : str, default "event"
        Column of 0/1, or ``"exit == job"``: that level of a column, all others censored.
    id : str, optional
        Column of persons, who share an intercept; ``client`` where there is one.
    mass_points : int, "aic" or "bic", default 1
        Number of points of the law of the intercept (1: no heterogeneity), or the best of one to five.
    delayed_entry : {"raise", "condition", "ignore"}
        What becomes of mass points where persons enter after zero: refuse; divide by the chance of survival to entry,
        with covariates as in the first row; or take the law as that at entry.
    vcov : {"model", "robust"} or bip.cluster(...), default "model"
        Observed information; sandwich with one unit per `id`; cluster-robust, clusters of whole ids.
    missing : {"raise", "drop"}

    Returns
    -------
    PiecewiseResult
        Terms: ``Intercept`` (or ``point[1]``, ``point[2]``, ...), the pieces against the first, the formula's, and
        ``log odds[2]``, ... of the points.

    Raises
    ------
    ModelError
        The data cannot be used, or do not carry so many points; the message says why.

    Notes
    -----
    With :math:`\lambda_j` the baseline of piece j and :math:`t_{ij}` the time at risk in it,

    .. math:: L_i = \sum_k \pi_k \prod_j \left(\lambda_j e^{x'\beta + v_k}\right)^{d_{ij}}
        \exp\left(-t_{ij} \lambda_j e^{x'\beta + v_k}\right).

    Pieces without events have hazard zero; their time at risk is left out. How points are found, and what may be said
    of them, is in `bip.hazard`.

    References
    ----------
    Heckman, J. & Singer, B. (1984). A method for minimizing the impact of distributional assumptions in econometric
    models for duration data. *Econometrica*.
    Gaure, S., Røed, K. & Zhang, T. (2007). Time and causality: A Monte Carlo assessment of the timing-of-events
    approach. *Journal of Econometrics*.

    Examples
    --------
    >>> import pandas as pd, bipstats as bip
    >>> rows = pd.DataFrame({"stop": [2, 3, 5, 6, 7, 9], "event": [1, 0, 1, 1, 0, 1], "x": [1, 0, 1, 0, 1, 0]})
    >>> bip.piecewise_exponential("x", rows, cuts=[4], start=None).params.index.tolist()
    ['Intercept', 'time[4+]', 'x']
    """
    check_mass_points(mass_points)
    check_option("delayed_entry", delayed_entry, ("raise", "condition", "ignore"))
    check_mixture_vcov(vcov)
    check_names({"stop": stop, "event": event}, {"start": start, "id": id})
    require_frame(data)
    rhs = split_formula(formula, two_sided=False)[1]
    mixed = mass_points != 1
    unit = find_id(data, id) if mixed else default_id(data, id)
    spec = PiecewiseSpecification(rhs, read_cuts(cuts), start, stop, event, unit, missing, delayed_entry)  # type: ignore[arg-type]
    found = prepare_piecewise(spec, data, vcov, None, mixed=mixed)
    rows = found.rows
    fitted = fit_mixture(rows, _first(rows), mass_points, vcov)
    best = fitted.chosen.found
    return PiecewiseResult(
        fitted.estimates,
        found.design,
        Fit(best.at.loglik, rows.n_rows, rows.n_events, len(rows.units), best.iterations, rows.flow),
        fitted.made.clusters,
        **mixture_fields(fitted, mass_points),
        specification=replace(spec, points=len(fitted.law.log_odds)),
        pieces=found.pieces,
        longest=longest_time(data, stop),
    )


def _first(rows: MixtureRows) -> OnePoint:
    """The maximum without heterogeneity."""
    [own] = rows.problem.channels
    problem = rows.problem
    crude = np.log(own.events.sum() / own.trials.sum())
    start = Law(np.zeros(own.n_structural), np.array([[crude]]), np.zeros(1))
    best = find_maximum(
        lambda params: evaluate(start.unpack(params), problem),
        lambda params: log_likelihood(start.unpack(params), problem),
        start.pack(),
        names=(*rows.terms[0].names, "Intercept"),
        n_events=rows.n_events,
        explain=lambda: None,
    )
    return OnePoint(start.unpack(best.params), best.iterations)
