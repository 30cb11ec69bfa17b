"""Discrete-time hazard: complementary log-log or logit on person-periods."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import ClassVar, Literal

import numpy as np
import pandas as pd

from bipstats.core.columns import (
    Floats,
    Ints,
    Missing,
    complete_rows,
    is_categorical,
    labels,
    numbers,
    require_columns,
    require_frame,
)
from bipstats.core.covariance import Vcov, check_vcov
from bipstats.core.design import Design, fit_design, formula_columns, split_formula
from bipstats.core.result import Fit, Linear, Result, with_covariance
from bipstats.errors import ModelError, check_option
from bipstats.models.binomial import BinomialRows, binomial_rows, fit_binomial, refit_covariance
from bipstats.models.inputs import check_names, event_column, event_indicator
from bipstats.models.kernels.binomial import Link, mean


@dataclass(frozen=True, slots=True)
class HazardSpecification:
    """What was asked for; enough to prepare the same rows again."""

    formula: str
    event: str
    period: str
    exposure: str | None
    link: Link
    missing: Missing

    @property
    def columns(self) -> list[str]:
        """Columns besides the covariates."""
        exposure = [] if self.exposure is None else [self.exposure]
        return [event_column(self.event), self.period, *exposure]


@dataclass(frozen=True, repr=False, eq=False)
class HazardResult(Result):
    """A fitted discrete-time hazard.

    Attributes
    ----------
    specification : HazardSpecification
    levels : tuple
        All periods of the data, in order.
    periods : tuple
        Those with events; the first is the reference.
    """

    specification: HazardSpecification | None = None
    levels: tuple[object, ...] = ()
    periods: tuple[object, ...] = ()

    title: ClassVar[str] = "Discrete-time hazard"

    @property
    def ratio(self) -> str:  # type: ignore[override]
        """What an exponentiated slope is."""
        return "hazard ratio" if self._spec.link == "cloglog" else "odds ratio"

    @property
    def link(self) -> Link:  # type: ignore[override]
        """Link of the discrete hazard."""
        return self._spec.link

    @property
    def inputs(self) -> tuple[str, ...]:
        """Columns that `linear` reads: covariates, period and exposure."""
        exposure = () if self._spec.exposure is None else (self._spec.exposure,)
        return (*self.design.columns, self._spec.period, *exposure)

    def linear(self, new: pd.DataFrame) -> Linear:
        """Linear predictor of person-periods, as a function of the parameters."""
        x = self.design.matrix(new)
        position = self._positions(new)
        levels, floor = self._baseline_rows()
        offset = floor[position] + _offset(new, self._spec.exposure)
        return Linear(np.hstack([levels[position], x]), offset)

    def _positions(self, new: pd.DataFrame) -> Ints:
        """Position of each row's period among the levels."""
        require_columns(new, [self._spec.period], "period=")
        position = pd.Index(list(self.levels)).get_indexer(pd.Index(new[self._spec.period]))
        unknown = int((position < 0).sum())
        if unknown:
            raise ModelError(f"{unknown:,} rows lie in periods that the fit has not seen.")
        return position.astype(np.int64)

    def _baseline_rows(self) -> tuple[Floats, Floats]:
        """Baseline by period as a linear function of the parameters before the slopes: rows and constants."""

        def baseline(params: Floats) -> Floats:
            at = replace(self, estimates=replace(self.estimates, values=params))
            return at.baseline().to_numpy()

        size = len(self.estimates.names)
        floor = baseline(np.zeros(size))
        known = np.isfinite(floor)  # minus infinity where nothing happened, whatever the parameters
        rows = np.zeros((len(floor), size - len(self.design.names)))
        for column, unit in enumerate(np.eye(size)[: rows.shape[1]]):
            rows[known, column] = baseline(unit)[known] - floor[known]
        return rows, floor

    @property
    def _spec(self) -> HazardSpecification:
        assert self.specification is not None
        return self.specification

    @property
    def eventless(self) -> tuple[object, ...]:
        """Periods without events: their hazard is estimated as zero."""
        return tuple(level for level in self.levels if level not in self.periods)

    def baseline(self) -> pd.Series:
        """Linear predictor of each period at covariates zero; minus infinity where nothing happened."""
        values = self.estimates.values[: len(self.periods)].copy()
        values[1:] += values[0]
        known = dict(zip(self.periods, values, strict=True))
        return pd.Series(
            [known.get(period, -np.inf) for period in self.levels], index=list(self.levels), name="baseline"
        )

    def predict(
        self, new: pd.DataFrame, kind: Literal["hazard", "survival"] = "hazard"
    ) -> pd.Series | pd.DataFrame:
        """Predict for new rows.

        Parameters
        ----------
        new : pandas.DataFrame
            Rows with the formula's columns; for ``"hazard"`` also the period (and the exposure, if the
            model has one).
        kind : {"hazard", "survival"}
            Probability of the event in the row's period; or survival to the end of every period with
            covariates as they are.

        Returns
        -------
        pandas.Series or pandas.DataFrame
            By row; for survival one column per period.
        """
        check_option("kind", kind, ("hazard", "survival"))
        slopes = self.design.matrix(new) @ self.estimates.values[len(self.periods) :]
        baseline = self.baseline()
        if kind == "survival":
            hazards = mean(slopes[:, None] + baseline.to_numpy(), self._spec.link)
            return pd.DataFrame(np.cumprod(1 - hazards, axis=1), index=new.index, columns=baseline.index)
        eta = slopes + baseline.to_numpy()[self._positions(new)] + _offset(new, self._spec.exposure)
        return pd.Series(mean(eta, self._spec.link), index=new.index, name="hazard")

    def with_vcov(self, vcov: Vcov, data: pd.DataFrame) -> HazardResult:
        """Give the same fit with another covariance; `data` must be the fitted data."""
        check_vcov(vcov)
        rows, _, _ = _prepare(self._spec, require_frame(data), self.design)
        made = refit_covariance(rows, vcov, self.estimates.values, self.loglik)
        return replace(self, **with_covariance(self, made, rows.transform))

    def methods_text(self) -> str:
        """One paragraph for a methods section."""
        exposure = ", part-periods by their exposure" if self._spec.exposure else ""
        return (
            f"We estimated a discrete-time hazard model ({self._spec.link} link, one effect per period{exposure}) "
            f"on {self.nobs:,} person-period rows with {self.n_events:,} events; {self._errors_and_software()}"
        )

    def _facts(self) -> dict[str, str]:
        facts = {**super()._facts(), "link": self._spec.link}
        if self.eventless:
            facts["periods without events"] = (
                f"{', '.join(map(str, self.eventless))} (hazard estimated as zero)"
            )
        return facts


def hazard(
    formula: str,
    data: pd.DataFrame,
    *,
    event: str = "event",
    period: str = "period",
    exposure: str | None = None,
    link: Link = "cloglog",
    vcov: Vcov = "model",
    missing: Missing = "raise",
) -> HazardResult:
    r"""Fit a discrete-time hazard model to person-periods.

    Parameters
    ----------
    formula : str
        Right-hand side; the baseline has one effect per period and needs no term.
    data : pandas.DataFrame
        One row per period (or piece of a period) at risk, as `bip.person_periods` gives.
    event : str, default "event"
        Column of 0/1, or ``"exit == job"``: that level of a column, all others censored.
    period : str, default "period"
    exposure : str, optional
        Column with the share of the period at risk, in (0, 1]; its logarithm is an offset. With the
        complementary log-log link only.
    link : {"cloglog", "logit"}
        Slopes are log hazard ratios of grouped continuous time, or log odds ratios.
    vcov : {"model", "robust"} or bip.cluster(...), default "model"
        Expected information; sandwich with one unit per client (where there is such a column, else per
        row); cluster-robust.
    missing : {"raise", "drop"}

    Returns
    -------
    HazardResult
        Terms: ``Intercept``, the periods against the first, then the formula's.

    Raises
    ------
    ModelError
        The data cannot be used or the model not be estimated; the message says which column and rows.

    Notes
    -----
    With cloglog and an exposure :math:`e`, :math:`P(\text{event}) = 1 - \exp(-e\,\exp(\gamma_t + x'\beta))`:
    a proportional hazard constant within periods. Rows in periods without any event say nothing about the
    slopes; they are left out and counted, and their hazard is zero.

    References
    ----------
    Prentice, R. & Gloeckler, L. (1978). Regression analysis of grouped survival data. *Biometrics*.

    Examples
    --------
    >>> import pandas as pd, bipstats as bip
    >>> rows = pd.DataFrame({"period": [0, 0, 0, 0, 1, 1, 1], "event": [1, 0, 1, 0, 1, 0, 1],
    ...                      "x": [2, 1, 0, 2, 1, 0, 2]})
    >>> bip.hazard("x", rows).params.index.tolist()
    ['Intercept', 'period[1]', 'x']
    """
    check_option("link", link, ("cloglog", "logit"))
    check_vcov(vcov)
    check_names({"event": event, "period": period}, {"exposure": exposure})
    require_frame(data)
    if link == "logit" and exposure is not None:
        raise ModelError(
            "exposure= has no meaning with the logit link: odds do not scale with time at risk. "
            'Use link="cloglog", or whole periods.'
        )
    spec = HazardSpecification(
        split_formula(formula, two_sided=False)[1], event, period, exposure, link, missing
    )
    rows, levels, periods = _prepare(spec, data, None)
    fitted = fit_binomial(rows, vcov)
    units = None if rows.unit is None else int(rows.data[rows.unit].nunique())
    n_events = int(rows.problem.successes.sum())
    fit = Fit(fitted.best.at.loglik, len(rows.data), n_events, units, fitted.best.iterations, rows.flow)
    return HazardResult(fitted.estimates, rows.design, fit, fitted.made.clusters, spec, levels, periods)


def _prepare(
    spec: HazardSpecification, data: pd.DataFrame, design: Design | None
) -> tuple[BinomialRows, tuple[object, ...], tuple[object, ...]]:
    """Check the rows, leave out periods without events, and build the design (or reuse one)."""
    covariates = formula_columns(spec.formula)
    require_columns(data, covariates)
    require_columns(data, spec.columns, "an argument")
    complete, n_missing = complete_rows(data, [*covariates, *spec.columns], spec.missing)
    event = event_indicator(complete, spec.event)
    codes, levels = _periods(complete[spec.period])
    events, total = np.bincount(codes, event, len(levels)), np.bincount(codes, minlength=len(levels))
    if (events == total).any():
        full = [str(level) for level, all_events in zip(levels, events == total, strict=True) if all_events]
        raise ModelError(
            f"every row of period {', '.join(full)} is an event; merge it with the period before."
        )
    used = events[codes] > 0
    rows, event = complete[used], event[used]
    level = np.cumsum(events > 0)[codes[used]].astype(np.int64) - 1
    if design is None:
        design, matrix = fit_design(spec.formula, rows)
    else:
        matrix = design.matrix(rows)
    periods = tuple(level for level, count in zip(levels, events, strict=True) if count)
    flow = (
        ("given", len(data)),
        ("with missing values", n_missing),
        ("in periods without events", int((~used).sum())),
    )
    prepared = binomial_rows(
        matrix,
        design,
        rows,
        level=level,
        level_names=tuple(f"{spec.period}[{name}]" for name in periods[1:]),
        within=spec.period,
        successes=event.astype(float),
        trials=np.ones(len(rows)),
        offset=_offset(rows, spec.exposure),
        link=spec.link,
        unit="client" if "client" in rows.columns else None,
        flow=tuple((what, count) for what, count in flow if count),
    )
    return prepared, levels, periods


def _periods(column: pd.Series) -> tuple[Ints, tuple[object, ...]]:
    """Codes and levels of the periods in their order in time, which text does not have."""
    if is_categorical(column) and not isinstance(column.dtype, pd.CategoricalDtype):
        raise ModelError(
            f"column {column.name!r} holds text, which has no order in time; use numbers or a category whose "
            "categories are in order."
        )
    found = labels(column)
    return found.codes, tuple(pd.Index(list(found.levels)).tolist())


def _offset(rows: pd.DataFrame, exposure: str | None) -> Floats:
    """Logarithm of the share of the period at risk."""
    if exposure is None:
        return np.zeros(len(rows))
    require_columns(rows, [exposure], "exposure=")
    values = numbers(rows[exposure])
    wrong = int((~((values > 0) & (values <= 1))).sum())
    if wrong:
        raise ModelError(f"column {exposure!r} must lie in (0, 1]; {wrong:,} rows do not.")
    return np.log(values)
