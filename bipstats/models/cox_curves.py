"""Survival by a Cox fit, with its error, for given covariates or along a path of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from scipy import stats

from bipstats.core.columns import (
    MANY,
    Floats,
    Ints,
    complete_rows,
    listed,
    numbers,
    require_columns,
    require_frame,
)
from bipstats.core.estimates import check_level
from bipstats.errors import ModelError
from bipstats.figure_words import Language, axis_words, say
from bipstats.models.cox_baseline import baseline_of, hazard_along
from bipstats.models.kernels.cox import BaselineHazard
from bipstats.models.kernels.cox_survival import CumulativeHazard
from bipstats.plotting import steps
from bipstats.tables import Summary

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from bipstats.models.cox import CoxResult


@dataclass(frozen=True, repr=False, eq=False)
class SurvivalCurve:
    """Survival by a Cox fit; made by ``CoxResult.survival_curve`` and ``CoxResult.survival_along``.

    Attributes
    ----------
    table : pandas.DataFrame
        ``time, estimate, std_error, conf_low, conf_high`` at the event times; where several curves were asked
        for, also ``row``, the label of each.
    begin : float
        Time from which survival is counted.
    of : str
        Whose survival, in words.
    level : float
        Confidence level of the pointwise intervals.
    how : str
        Covariance of the coefficients, in words.

    Examples
    --------
    >>> import bipstats as bip
    >>> rows = bip.landmarks(bip.simulate(clients=600, rng=1), at="first")
    >>> fit = bip.cox("age", rows, start=None, stop="weeks", event="entered")
    >>> curve = fit.survival_curve(rows.head(1))
    >>> curve.table.columns.tolist()
    ['time', 'estimate', 'std_error', 'conf_low', 'conf_high']
    >>> bool(curve.table["estimate"].is_monotonic_decreasing)
    True
    """

    table: pd.DataFrame
    begin: float
    of: str
    level: float
    how: str

    @property
    def _by(self) -> str | None:
        return "row" if "row" in self.table else None

    def summary(self) -> Summary:
        """The last row of every curve."""
        last = self.table.groupby("row", sort=False).tail(1) if self._by else self.table.tail(1)
        notes = (
            f"Intervals: {self.level:.0%}, pointwise, on the log scale; coefficients' errors {self.how}.",
            "No probability where the covariates exist only while the person is at risk, or where others exit "
            "by competing ways: see bip.risk.",
        )
        facts = {"of": self.of, "from": f"{self.begin:g}"}
        return Summary("Survival by a Cox fit, at the end", last.reset_index(drop=True), facts, notes)

    def plot_data(self) -> pd.DataFrame:
        """Frame behind `plot`: the table with a row at the beginning of every curve."""
        parts = [part for _, part in self.table.groupby("row", sort=False)] if self._by else [self.table]
        begun = [
            pd.concat(
                [
                    part.head(1).assign(
                        time=self.begin, estimate=1.0, std_error=0.0, conf_low=1.0, conf_high=1.0
                    ),
                    part,
                ]
            )
            for part in parts
        ]
        return pd.concat(begun, ignore_index=True)

    def plot(self, ax: Axes | None = None, *, lang: Language = "en") -> Axes:
        """Draw the curves as steps with their intervals."""
        axes = steps(self.plot_data(), by=self._by, ax=ax, lang=lang)
        return axis_words(axes, x=say("time", lang), y=say("survival_axis", lang, level=self.level))

    def __repr__(self) -> str:
        return str(self.summary())

    def _repr_html_(self) -> str:
        return self.summary().as_html()


def survival_curve(
    fit: CoxResult, new: pd.DataFrame, *, level: float = 0.95, data: pd.DataFrame | None = None
) -> SurvivalCurve:
    r"""Survival for covariates that stay as they are, with pointwise errors.

    Parameters
    ----------
    new : pandas.DataFrame
        At most 30 rows, one curve each, with the formula's columns (and the strata's and the offset).
    level : float, default 0.95
        Confidence level.
    data : pandas.DataFrame, optional
        The fitted data; needed beyond 4,096 event times only.

    Returns
    -------
    SurvivalCurve
        From time 0.

    Raises
    ------
    ModelError
        The baseline was not kept, or `new` lacks a column, holds an unseen level or has more than 30 rows.

    Notes
    -----
    :math:`\exp(-H(t) e^{x'\beta})` with R's ``survfit`` standard errors (robust where the fit's are) and intervals
    on the log scale. With competing exits it is no probability: use `bip.risk`.

    Examples
    --------
    >>> import pandas as pd, bipstats as bip
    >>> rows = pd.DataFrame({"stop": [4, 3, 1, 1, 2, 2, 3], "event": [1, 1, 1, 0, 1, 1, 0],
    ...                      "x": [0, 2, 1, 1, 1, 0, 0]})
    >>> fit = bip.cox("x", rows, start=None)
    >>> fit.survival_curve(pd.DataFrame({"x": [1]})).table["estimate"].round(3).tolist()
    [0.857, 0.522, 0.367, 0.075]
    """
    check_level(level)
    base = baseline_of(fit, data)
    if len(require_frame(new)) > MANY:
        raise ModelError(
            f"{len(new):,} curves are too many; give up to {MANY} rows, or predict(kind='survival')."
        )
    relative, x, stratum = (
        fit.relative(new, base.centre),
        fit.design.matrix(new) - base.centre,
        fit.stratum_codes(new),
    )
    parts = []
    for place, label in enumerate(new.index):
        own = np.flatnonzero(base.stratum == stratum[place])
        if not len(own):
            raise ModelError(f"row {label!r} lies in a stratum without events: its survival stays at one.")
        found = hazard_along(
            fit, base, own, np.full(len(own), relative[place]), np.tile(x[place], (len(own), 1))
        )
        frame = _frame(base.times[own], found, level)
        if len(new) > 1:
            frame.insert(0, "row", [label] * len(frame))
        parts.append(frame)
    table = pd.concat(parts, ignore_index=True)
    return SurvivalCurve(table, 0.0, "covariates that stay as they are", level, fit.estimates.how)


def survival_along(
    fit: CoxResult, path: pd.DataFrame, *, level: float = 0.95, data: pd.DataFrame | None = None
) -> SurvivalCurve:
    r"""Survival of one hypothetical person along a stated path of covariates.

    Parameters
    ----------
    path : pandas.DataFrame
        Pieces (start, stop] in the fit's columns of times (``start`` where the fit has none), without gap or
        overlap, with the formula's columns (and the strata's and the offset) in each.
    level : float, default 0.95
        Confidence level.
    data : pandas.DataFrame, optional
        The fitted data; needed beyond 4,096 event times only.

    Returns
    -------
    SurvivalCurve
        From the beginning of the path, where it is one.

    Raises
    ------
    ModelError
        The pieces do not join, the path goes on after anyone was followed, or the baseline was not kept.

    Notes
    -----
    :math:`\exp(-\int e^{x(t)'\beta} dH(t))`. This is the probability of no event only if the path is given from
    outside. **It is no probability** if the covariates are internal, existing only while the person is at risk (a
    client's answers): that a path goes on says already that nothing has happened. Nor is one minus it a risk where
    there are competing exits. `bip.risk` gives risks from a landmark with the hazards of all exits.

    Estimates are those of R's ``survfit(fit, newdata=path, id=)``. The standard errors are, too, for a path that
    stays as it is from time 0; where covariates change, R's version 3.5 puts the present covariates in the place of
    the past ones, and the errors here follow the path.

    References
    ----------
    Andersen, P. & Gill, R. (1982). Cox's regression model for counting processes. *Annals of Statistics*.
    Kalbfleisch, J. & Prentice, R. (2002). *The Statistical Analysis of Failure Time Data*. Wiley, section 6.3.

    Examples
    --------
    >>> import pandas as pd, bipstats as bip
    >>> rows = pd.DataFrame({"stop": [4, 3, 1, 1, 2, 2, 3], "event": [1, 1, 1, 0, 1, 1, 0],
    ...                      "x": [0, 2, 1, 1, 1, 0, 0]})
    >>> fit = bip.cox("x", rows, start=None)
    >>> path = pd.DataFrame({"start": [0, 2], "stop": [2, 4], "x": [1, 0]})
    >>> fit.survival_along(path).table["estimate"].round(3).tolist()
    [0.857, 0.522, 0.418, 0.154]
    """
    check_level(level)
    base = baseline_of(fit, data)
    start, stop = _pieces(fit, require_frame(path))
    order = np.argsort(start)
    places, piece = _times_passed(base, fit.stratum_codes(path), start, stop, order)
    if not len(places):
        raise ModelError(f"no event time lies in ({start.min():g}, {stop.max():g}]: survival stays at one.")
    relative, x = fit.relative(path, base.centre), fit.design.matrix(path) - base.centre
    found = hazard_along(fit, base, places, relative[piece], x[piece])
    table = _frame(base.times[places], found, level)
    of = f"a path of {len(path):,} pieces"
    return SurvivalCurve(table, float(start.min()), of, level, fit.estimates.how)


def _frame(times: Floats, hazard: CumulativeHazard, level: float) -> pd.DataFrame:
    """Survival with intervals on the log scale, as R's default."""
    half = stats.norm.ppf(0.5 + level / 2) * hazard.std_error
    survival = np.exp(-hazard.value)
    return pd.DataFrame(
        {
            "time": times,
            "estimate": survival,
            "std_error": survival * hazard.std_error,
            "conf_low": np.exp(-hazard.value - half),
            "conf_high": np.minimum(np.exp(half - hazard.value), 1.0),
        }
    )


def _pieces(fit: CoxResult, path: pd.DataFrame) -> tuple[Floats, Floats]:
    """Times of a path's pieces, checked to join."""
    spec = fit.specification
    assert spec is not None
    names = ["start" if spec.start is None else spec.start, spec.stop]
    require_columns(path, names, "the path")
    complete_rows(path, names, None)
    start, stop = numbers(path[names[0]]), numbers(path[names[1]])
    empty = np.flatnonzero(~(start < stop))
    if len(empty):
        raise ModelError(
            f"{len(empty):,} pieces of the path end no later than they start (first at position {empty[0]})."
        )
    order = np.argsort(start)
    end, begin = stop[order][:-1], start[order][1:]
    problems = [
        f"{'a gap' if b > e else 'an overlap'} between {min(b, e):g} and {max(b, e):g}"
        for e, b in zip(end, begin, strict=True)
        if b != e
    ]
    if problems:
        raise ModelError(
            f"the path's pieces do not join: {listed(problems)}. One person, one piece at a time."
        )
    if stop.max() > fit.followed_to:
        raise ModelError(
            f"the path ends at {stop.max():g}, but nobody was followed beyond {fit.followed_to:g}; cut it there."
        )
    return start, stop


def _times_passed(
    base: BaselineHazard, stratum: Ints, start: Floats, stop: Floats, order: Ints
) -> tuple[Ints, Ints]:
    """Event times within a path's pieces, in order: their places in the baseline, and the piece of each."""
    inside = [
        np.flatnonzero((base.stratum == stratum[i]) & (base.times > start[i]) & (base.times <= stop[i]))
        for i in order
    ]
    return np.concatenate(inside), np.repeat(order, [len(own) for own in inside])
