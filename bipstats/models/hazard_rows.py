"""From person-periods to a binomial problem: periods, their baseline, exposure, and rows that say nothing."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from bipstats.core.columns import (
    Floats,
    Ints,
    Missing,
    is_categorical,
    labels,
    listed,
    numbers,
    require_columns,
)
from bipstats.core.covariance import Vcov
from bipstats.core.design import Design, fit_design, formula_columns
from bipstats.core.splines import natural
from bipstats.errors import ModelError, OptionError
from bipstats.models.binomial import Baseline, BinomialRows, binomial_rows
from bipstats.models.binomial_rows import Flags, counted_rows, identifiers, informative_rows
from bipstats.models.inputs import event_column, event_indicator
from bipstats.models.kernels.binomial import Link

BaselineKind = Literal["period"] | int


@dataclass(frozen=True, slots=True)
class HazardSpecification:
    """What was asked for; enough to prepare the same rows again."""

    formula: str
    event: str
    period: str
    exposure: str | None
    link: Link
    missing: Missing
    baseline: BaselineKind = "period"
    absorb: tuple[str, ...] = ()
    random: tuple[str, ...] = ()
    id: str | None = None
    counts: str | None = None

    @property
    def columns(self) -> list[str]:
        """Columns besides the covariates."""
        exposure = [] if self.exposure is None else [self.exposure]
        return [event_column(self.event), self.period, *exposure, *self.absorb, *self.random]


@dataclass(frozen=True, slots=True)
class HazardRows:
    """Person-periods ready for the kernel.

    Attributes
    ----------
    rows : BinomialRows
    n_units : int or None
    levels, periods : tuple
        All periods of the data; those with events among the rows used.
    knots : tuple of float
        Of a smooth baseline; empty with one effect per period.
    """

    rows: BinomialRows
    n_units: int | None
    levels: tuple[object, ...]
    periods: tuple[object, ...]
    knots: tuple[float, ...]


def check_baseline(baseline: object) -> None:
    """Raise `OptionError` unless `baseline` is ``"period"`` or a number of degrees of freedom."""
    whole = isinstance(baseline, int | np.integer) and not isinstance(baseline, bool)
    if baseline != "period" and not (whole and baseline >= 1):  # type: ignore[operator]
        raise OptionError(
            f"baseline={baseline!r} is not known; use 'period' or a whole number of degrees of freedom."
        )


def unit_of(columns: Iterable[str], id: str | None = None) -> str | None:
    """Column whose rows are one unit: as named, else ``client``, where there is one."""
    return id or ("client" if "client" in columns else None)


def prepare(
    spec: HazardSpecification, data: pd.DataFrame, vcov: Vcov, design: Design | None, *, collapse: bool
) -> HazardRows:
    """Check and collapse rows, leave out those that say nothing, and build the design (or reuse one)."""
    covariates, unit = formula_columns(spec.formula), unit_of(data.columns, spec.id)
    require_columns(data, covariates)
    require_columns(data, [*spec.columns, *([] if spec.counts is None else [spec.counts])], "an argument")
    kept_apart = identifiers(vcov, unit)
    require_columns(data, kept_apart, "vcov=")
    counted, n_missing = counted_rows(
        data,
        [*covariates, *spec.columns],
        kept_apart,
        None,
        spec.missing,
        collapse=collapse,
        counts=spec.counts,
    )
    event = event_indicator(counted.data, spec.event)
    codes, levels = period_codes(counted.data[spec.period])
    periods = (spec.period, codes) if spec.baseline == "period" else None
    if periods is not None:
        _refuse_full_periods(codes, event, counted.count, levels)
    found = informative_rows(counted, event, spec.absorb, periods)
    own = codes if found.kept.all() else codes[found.kept]
    if periods is not None:
        _refuse_full_periods(own, found.event, found.rows.count, levels)
    with_events = np.unique(own[found.event])
    seen = tuple(levels[code] for code in with_events)
    knots = () if spec.baseline == "period" else place_knots(seen, spec)
    rows = found.rows
    if design is None:
        design, matrix = fit_design(spec.formula, rows.data, rows.count)
    else:
        matrix = design.matrix(rows.data)
    prepared = binomial_rows(
        matrix,
        design,
        rows,
        found.event,
        baseline_of(spec, np.searchsorted(with_events, own), seen, rows.data, knots),
        {name: found.factors[name] for name in spec.absorb},
        offset=log_exposure(rows.data, spec.exposure),
        link=spec.link,
        unit=unit,
        flow=(("given", counted.given(n_missing)), ("with missing values", n_missing), *found.flow),
    )
    n_units = None if unit is None else int(rows.data[unit].nunique())
    return HazardRows(prepared, n_units, levels, seen, knots)


def period_codes(column: pd.Series) -> tuple[Ints, tuple[object, ...]]:
    """Codes and levels of the periods in their order in time, which text does not have."""
    require_order(column)
    found = labels(column)
    return found.codes, tuple(pd.Index(list(found.levels)).tolist())


def require_order(column: pd.Series) -> None:
    """Refuse periods that are text."""
    if is_categorical(column) and not isinstance(column.dtype, pd.CategoricalDtype):
        raise ModelError(
            f"column {column.name!r} holds text, which has no order in time; use numbers or a category whose "
            "categories are in order."
        )


def _refuse_full_periods(codes: Ints, event: Flags, count: Ints, levels: tuple[object, ...]) -> None:
    refuse_full_periods(
        np.bincount(codes, count, len(levels)), np.bincount(codes, count * event, len(levels)), levels
    )


def refuse_full_periods(rows: NDArray, events: NDArray, levels: tuple[object, ...]) -> None:
    """Refuse periods in which every row is an event: their effect is infinite; rows and events by level, (K,)."""
    full = (rows > 0) & (events == rows)
    if full.any() and full.sum() == (rows > 0).sum():
        raise ModelError(f"every one of the {int(rows.sum()):,} rows is an event; nothing can be estimated.")
    if full.any():
        names = listed([str(levels[code]) for code in np.flatnonzero(full)])
        raise ModelError(f"every row of period {names} is an event; merge it with the period before.")


def baseline_of(
    spec: HazardSpecification,
    level: Ints,
    seen: tuple[object, ...],
    rows: pd.DataFrame,
    knots: tuple[float, ...],
) -> Baseline:
    """One effect per period, or the columns of a spline."""
    if not knots:
        names = tuple(f"{spec.period}[{name}]" for name in seen[1:])
        return Baseline(level, names, spec.period, np.empty((len(level), 0)), ())
    names = tuple(f"{spec.period} spline[{j}]" for j in range(1, len(knots)))
    columns = natural_spline(numbers(rows[spec.period]), knots)
    return Baseline(np.zeros(len(rows), np.int64), (), "row", columns, names)


def place_knots(seen: tuple[object, ...], spec: HazardSpecification) -> tuple[float, ...]:
    """Evenly spaced quantiles of the periods with events, the first and the last of them included."""
    assert spec.baseline != "period"
    if not all(isinstance(period, int | float) for period in seen):
        raise ModelError(
            f"baseline={spec.baseline} needs periods that are numbers; {spec.period!r} holds labels. Use "
            'baseline="period".'
        )
    if len(seen) <= spec.baseline:
        raise ModelError(
            f"baseline={spec.baseline} has more degrees of freedom than {len(seen):,} periods with events can "
            f'tell; use {len(seen) - 1} or fewer, or baseline="period".'
        )
    return tuple(np.quantile(np.array(seen, float), np.linspace(0, 1, spec.baseline + 1)).tolist())


def natural_spline(values: Floats, knots: tuple[float, ...]) -> Floats:
    """Natural cubic splines, linear beyond the knots: column j is one at knot j + 1 and zero at the others.

    Parameters
    ----------
    values : (n,) array
    knots : k + 1 ascending numbers

    Returns
    -------
    (n, k) array
        A coefficient is the spline's value at its knot less that at the first.
    """
    return natural(values, np.array(knots))[:, 1:]


def log_exposure(rows: pd.DataFrame, exposure: str | None) -> Floats:
    """Logarithm of the share of the period at risk."""
    if exposure is None:
        return np.zeros(len(rows))
    require_columns(rows, [exposure], "exposure=")
    values = numbers(rows[exposure])
    wrong = int((~((values > 0) & (values <= 1))).sum())
    if wrong:
        raise ModelError(f"column {exposure!r} must lie in (0, 1]; {wrong:,} rows do not.")
    return np.log(values)
