"""Test of proportional hazards after a Cox fit, and the picture of how its coefficients move with time."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, get_args

import numpy as np
import pandas as pd
from scipy import stats

from bipstats.core.columns import Floats, complete_rows
from bipstats.errors import ModelError, check_option
from bipstats.figure_words import Language, axis_words, say, terms
from bipstats.models.cox_residuals import FittedRows, fitted_rows
from bipstats.models.inputs import Times, read_times
from bipstats.models.kernels.residuals import (
    TimeTrendScore,
    scale_schoenfeld,
    schoenfeld_residuals,
    smooth,
    time_trend_score,
    trend_variance,
)
from bipstats.plotting import trend
from bipstats.tables import Summary, p_text

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from bipstats.models.cox import CoxResult

Transform = Literal["km", "rank", "identity", "log"]
_WORDS = {
    "km": "one minus the Kaplan-Meier curve just before",
    "rank": "ranks",
    "identity": "time itself",
    "log": "logarithm",
}
_GRID, _KNOTS = 40, 4  # as R's plot.cox.zph: points, degrees of freedom of the spline
_BINS, _FEWEST = 20, 5  # means of residuals: bins at most, events a bin at least


@dataclass(frozen=True, repr=False, eq=False)
class ProportionalHazardsTest:
    """A test of proportional hazards; made by ``CoxResult.ph_test``.

    Attributes
    ----------
    table : pandas.DataFrame
        ``term, chi2, df, p_value``: every coefficient, every term of several coefficients jointly, and ``GLOBAL``.
    curves : pandas.DataFrame
        Behind `plot`: ``term, part`` (``smooth`` or ``means``), ``x`` (transformed time), ``time, estimate, std_error,
        conf_low, conf_high, events, fitted``.
    transform : {"km", "rank", "identity", "log"}
    n_events : int
    errors : str or None
        The fit's own covariance in words, where that is not the model's, which the test uses.

    Examples
    --------
    >>> import bipstats as bip
    >>> rows = bip.spells(bip.simulate(clients=600, rng=1))
    >>> fit = bip.cox("caseworker_belief + sex", rows, missing="drop")
    >>> test = fit.ph_test(rows)
    >>> test.table["term"].tolist()
    ['caseworker_belief', 'sex[male]', 'GLOBAL']
    >>> test.transform
    'km'
    """

    table: pd.DataFrame
    curves: pd.DataFrame
    transform: Transform
    n_events: int
    errors: str | None

    def summary(self) -> Summary:
        """Table of the tests with what they test against."""
        shown = self.table.assign(p_value=[p_text(value) for value in self.table["p_value"]])
        facts = {
            "against": f"a trend of the coefficient in {_WORDS[self.transform]} ({self.transform})",
            "events": f"{self.n_events:,}",
        }
        notes = (
            "Score test with the model's information"
            + ("." if self.errors is None else f"; the fit's errors ({self.errors}) have no part in it."),
            "A small p-value: the hazard ratio changes with time. See plot().",
        )
        return Summary("Test of proportional hazards", shown, facts, notes)

    def plot_data(self) -> pd.DataFrame:
        """Frame behind `plot`: `curves`."""
        return self.curves.copy()

    def plot(self, ax: Axes | None = None, *, term: str | None = None, lang: Language = "en") -> Axes:
        """Draw how one coefficient moves with time: a smooth with its 95 % band, means of residuals, the fit's value.

        Parameters
        ----------
        ax : matplotlib axes, optional
        term : str, optional
            The coefficient; if not given, the one with the smallest p-value.
        lang : {"en", "sv", "da"}
        """
        drawn = list(dict.fromkeys(self.curves["term"]))
        if term is None:
            own = self.table[self.table["term"].isin(drawn)]
            term = str(own["term"].iloc[int(own["p_value"].to_numpy().argmin())])
        check_option("term", term, drawn)
        axes = trend(self.curves[self.curves["term"] == term], ax=ax, lang=lang)
        scale = "time" if self.transform == "identity" else "time_scale"
        named = say("coefficient_of", lang, term=terms([term], lang)[0])
        return axis_words(axes, x=say(scale, lang, scale=self.transform), y=named)

    def __repr__(self) -> str:
        return str(self.summary())

    def _repr_html_(self) -> str:
        return self.summary().as_html()


def ph_test(fit: CoxResult, data: pd.DataFrame, transform: Transform = "km") -> ProportionalHazardsTest:
    r"""Test whether hazards are proportional.

    Parameters
    ----------
    data : pandas.DataFrame
        The fitted data, unchanged.
    transform : {"km", "rank", "identity", "log"}
        Function :math:`g` of time in which a coefficient may move: one minus the Kaplan-Meier curve just before
        each time, the rank of the time among all rows' ends, time, or its logarithm.

    Returns
    -------
    ProportionalHazardsTest

    Raises
    ------
    ModelError
        These are not the data of the fit, or events at too few times say nothing about a trend.

    Notes
    -----
    Score test of :math:`\theta = 0` in :math:`\beta(t) = \beta + \theta\,(g(t) - \bar g)`, as R's ``cox.zph`` since
    version 3 of survival; not the correlation of scaled residuals with time that it was before. Terms of
    several coefficients are tested by coefficient and jointly. The model's information is used, also where the
    fit has cluster-robust errors, as in R. With many events small departures are significant: judge by `plot`,
    R's ``plot.cox.zph`` (a natural spline with 4 degrees of freedom) with residuals shown as means of at least 5
    events.

    References
    ----------
    Grambsch, P. & Therneau, T. (1994). Proportional hazards tests and diagnostics based on weighted residuals.
    *Biometrika*.

    Examples
    --------
    >>> import pandas as pd, bipstats as bip
    >>> rows = pd.DataFrame({"stop": [4, 3, 1, 1, 2, 2, 3], "event": [1, 1, 1, 0, 1, 1, 0],
    ...                      "x": [0, 2, 1, 1, 1, 0, 0]})
    >>> fit = bip.cox("x", rows, start=None)
    >>> fit.ph_test(rows).table["term"].tolist()
    ['x', 'GLOBAL']
    """
    check_option("transform", transform, get_args(Transform))
    found = fitted_rows(fit, data)
    problem = found.rows.problem
    time = problem.sets.times[problem.at]
    g = _transformed(transform, _all_times(found, data), time)
    if np.ptp(g) == 0:
        raise ModelError("all events happen at one time; nothing can be said about a trend.")
    trends = time_trend_score(found.sums, problem, found.information, g - g.mean())
    table = _table(fit, trends)
    curves = _curves(fit, found, g, time, transform)
    errors = None if fit.estimates.by_information else fit.estimates.how
    return ProportionalHazardsTest(table, curves, transform, len(problem.died), errors)


def _all_times(found: FittedRows, data: pd.DataFrame) -> Times:
    """Times of all complete rows, those that are never at risk included."""
    spec = found.spec
    complete, _ = complete_rows(data, [*found.rows.design.columns, *spec.columns], spec.missing)
    return read_times(complete, spec.start, spec.stop)


def _transformed(transform: Transform, rows: Times, time: Floats) -> Floats:
    """Transformed time of each event, (m,)."""
    if transform == "identity":
        return time
    if transform == "log":
        early = int((time <= 0).sum())
        if early:
            raise ModelError(
                f"{early:,} events are not after time 0, where a logarithm begins; use another transform."
            )
        return np.log(time)
    stops = np.sort(rows.stop)
    before, until = np.searchsorted(stops, time, side="left"), np.searchsorted(stops, time, side="right")
    if transform == "rank":
        return (before + until + 1) / 2
    distinct, where, died = np.unique(time, return_inverse=True, return_counts=True)
    at_risk = np.searchsorted(np.sort(rows.start), distinct, side="left") - np.searchsorted(stops, distinct)
    survival = np.cumprod(1 - died / at_risk)
    return 1 - np.concatenate([[1.0], survival[:-1]])[where]


def _table(fit: CoxResult, trends: TimeTrendScore) -> pd.DataFrame:
    names = fit.estimates.names
    sets = {name: np.array([place]) for place, name in enumerate(names)}
    for text, places in fit.design.places.items():
        if len(places) > 1:
            sets[text] = np.array(places)
    sets["GLOBAL"] = np.arange(len(names))
    chi2 = [_chi2(name, trends, places) for name, places in sets.items()]
    df = [len(places) for places in sets.values()]
    return pd.DataFrame({"term": list(sets), "chi2": chi2, "df": df, "p_value": stats.chi2.sf(chi2, df)})


def _chi2(name: str, trends: TimeTrendScore, places: np.ndarray) -> float:
    information = trends.information[np.ix_(places, places)]
    size = np.sqrt(np.abs(np.diag(information)))
    if not (size > 0).all() or np.linalg.eigvalsh(information / np.outer(size, size))[0] < 1e-12:
        raise ModelError(
            f"a trend of {name} cannot be told from its coefficient: its covariates differ within the risk sets of "
            "too few event times. Use fewer terms."
        )
    return float(trends.score[places] @ np.linalg.solve(information, trends.score[places]))


def _curves(fit: CoxResult, found: FittedRows, g: Floats, time: Floats, transform: Transform) -> pd.DataFrame:
    """Smooths and binned means of the scaled Schoenfeld residuals, as R's cox.zph scales them."""
    rows, problem = found.rows, found.rows.problem
    stratum, used = problem.sets.stratum[problem.died].astype(np.int64), _used(found)
    raw = schoenfeld_residuals(found.sums, problem)
    scaled = scale_schoenfeld(raw, found.information, stratum, used) / rows.scale + fit.estimates.values
    error = np.sqrt(trend_variance(found.information, used)) / rows.scale
    order = np.argsort(g, kind="stable")
    grid = np.linspace(g.min(), g.max(), _GRID)
    knots = np.quantile(np.concatenate([grid, g]), np.linspace(0, 1, _KNOTS))
    when = np.exp(grid) if transform == "log" else np.interp(grid, g[order], time[order])
    half = stats.norm.ppf(0.975)
    parts = []
    for place, name in enumerate(fit.estimates.names):
        kept = order[~np.isnan(scaled[order, place])]
        curve = smooth(g[kept], scaled[kept, place], grid, knots)
        spread = error[place] * curve.spread
        line = pd.DataFrame({"x": grid, "time": when, "estimate": curve.estimate, "std_error": spread})
        line = line.assign(
            conf_low=line["estimate"] - half * spread,
            conf_high=line["estimate"] + half * spread,
            part="smooth",
        )
        both = pd.concat([line, _means(g[kept], time[kept], scaled[kept, place])], ignore_index=True)
        parts.append(both.assign(term=name, fitted=fit.estimates.values[place]))
    first = ["term", "part"]
    table = pd.concat(parts, ignore_index=True)
    return table[[*first, *(name for name in table.columns if name not in first)]]


def _used(found: FittedRows) -> Floats:
    """Deaths of each stratum by covariate, zero where the covariate is constant in it, (S, p)."""
    problem = found.rows.problem
    n_strata = len(problem.sets.blocks) - 1
    deaths = np.bincount(problem.sets.stratum[problem.died], minlength=n_strata)
    order = np.argsort(problem.sets.stratum, kind="stable")
    filled, begin = np.unique(problem.sets.stratum[order], return_index=True)
    varies = np.zeros((n_strata, problem.x.shape[1]), bool)
    x = problem.x[order]
    varies[filled] = np.maximum.reduceat(x, begin) > np.minimum.reduceat(x, begin)
    return deaths[:, None] * varies.astype(float)


def _means(x: Floats, time: Floats, residual: Floats) -> pd.DataFrame:
    """Means over bins of about equally many events, in order of time; equal times share a bin."""
    size = max(_FEWEST, -(-len(x) // _BINS))
    bins, begin = [], 0
    while begin < len(x):
        end = int(np.searchsorted(x, x[min(begin + size, len(x)) - 1], side="right"))
        end = end if len(x) - end >= size else len(x)
        bins.append(slice(begin, end))
        begin = end
    columns = {"x": x, "time": time, "estimate": residual}
    frame = pd.DataFrame({name: [values[own].mean() for own in bins] for name, values in columns.items()})
    return frame.assign(events=[own.stop - own.start for own in bins], part="means")
