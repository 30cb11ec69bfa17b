"""From a mixture problem to named estimates: how many points, which covariance, what is reported."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import pandas as pd
from scipy.linalg import block_diag

from bipstats.core.columns import Floats, Ints, group_codes
from bipstats.core.covariance import Covariance, Vcov, cluster_columns, covariance, group_sums
from bipstats.core.estimates import Estimates
from bipstats.core.few_clusters import Refits
from bipstats.core.result import report
from bipstats.errors import ModelError, OptionError
from bipstats.models.identify import require_same_fit
from bipstats.models.kernels.mixture import Law, MixtureEvaluation, MixtureProblem, evaluate
from bipstats.models.kernels.mixture_search import GAIN, Path, Stage, build_up
from bipstats.threads import one_thread

Criterion = Literal["aic", "bic"]
MassPoints = int | Criterion
MOST = 5
_ALLOWED = 10


def check_mass_points(mass_points: object) -> None:
    """Raise `OptionError` unless `mass_points` is a number of points or a criterion."""
    whole = isinstance(mass_points, int | np.integer) and not isinstance(mass_points, bool)
    if mass_points in ("aic", "bic") or (whole and 1 <= mass_points <= _ALLOWED):  # type: ignore[operator]
        return
    raise OptionError(
        f"mass_points={mass_points!r} is no number of points; give 1 to {_ALLOWED}, or 'aic' or 'bic' for the best of "
        f"1 to {MOST}."
    )


@dataclass(frozen=True, slots=True)
class ChannelTerms:
    """Reported terms of one hazard.

    Attributes
    ----------
    prefix : str
        Before every term; empty with one hazard.
    names : tuple of str
        Effects of the baseline's levels but the first, then slopes.
    shift, scale : (p,) arrays
        What a slope in the kernel's covariates adds to the intercept, and its factor.
    """

    prefix: str
    names: tuple[str, ...]
    shift: Floats
    scale: Floats


@dataclass(frozen=True, slots=True)
class MixtureRows:
    """Rows ready for the search.

    Attributes
    ----------
    problem : MixtureProblem
    terms : tuple of ChannelTerms
    units : pandas.DataFrame
        One row a unit: its id and clusters.
    id : str
    n_rows, n_events : int
    flow : tuple of (str, int)
    """

    problem: MixtureProblem
    terms: tuple[ChannelTerms, ...]
    units: pd.DataFrame
    id: str
    n_rows: int
    n_events: int
    flow: tuple[tuple[str, int], ...]


@dataclass(frozen=True, slots=True)
class Tried:
    """The best law with one number of points.

    Attributes
    ----------
    points : int
    loglik : float
    n_params : int
        Both numbers of every point counted, also of those at the edge.
    starts, reached : int
        Searches made, and those that ended there.

    Examples
    --------
    >>> import pandas as pd, bipstats as bip
    >>> rows = pd.DataFrame({"stop": [2.0, 3.5, 5.0, 6.0, 8.0, 9.0], "event": [1, 0, 1, 1, 0, 1],
    ...                      "x": [1, 0, 0, 1, 0, 1]})
    >>> fit = bip.piecewise_exponential("x", rows, start=None, cuts=[4], mass_points=1)
    >>> [one.points for one in fit.tried]
    [1]
    """

    points: int
    loglik: float
    n_params: int
    starts: int
    reached: int

    def criterion(self, by: Criterion, n_units: int) -> float:
        """AIC; or BIC, with the logarithm of the number of units."""
        factor = 2.0 if by == "aic" else float(np.log(n_units))
        return factor * self.n_params - 2.0 * self.loglik


@dataclass(frozen=True, slots=True, eq=False)
class MixingLaw:
    """A discrete law of intercepts.

    Attributes
    ----------
    locations : (K, C) array
        Intercepts of C hazards; minus infinity where one is zero, infinity where the event is sure.
    log_odds : (K,) array
        Of the points against the first.

    Examples
    --------
    >>> import pandas as pd, bipstats as bip
    >>> rows = pd.DataFrame({"stop": [2.0, 3.5, 5.0, 6.0, 8.0, 9.0], "event": [1, 0, 1, 1, 0, 1],
    ...                      "x": [1, 0, 0, 1, 0, 1]})
    >>> law = bip.piecewise_exponential("x", rows, start=None, cuts=[4], mass_points=1).law
    >>> law.locations.shape, law.log_odds.tolist()
    ((1, 1), [0.0])
    """

    locations: Floats
    log_odds: Floats

    @property
    def probabilities(self) -> Floats:
        """Probabilities of the points, (K,)."""
        odds = np.exp(self.log_odds - self.log_odds.max())
        return odds / odds.sum()


@dataclass(frozen=True, slots=True)
class MixtureFit:
    """What a result is made of.

    Attributes
    ----------
    estimates : Estimates
    made : Covariance
    law : MixingLaw
        In the covariates as given.
    tried : tuple of Tried
    end : str
        Why there are no more; empty if none were wanted.
    stages : tuple of Stage
    chosen : Stage
    """

    estimates: Estimates
    made: Covariance
    law: MixingLaw
    tried: tuple[Tried, ...]
    end: str
    stages: tuple[Stage, ...]
    chosen: Stage


@dataclass(frozen=True, slots=True)
class OnePoint:
    """The maximum without heterogeneity.

    Attributes
    ----------
    law : Law
    iterations : int
    """

    law: Law
    iterations: int


def fit_mixture(rows: MixtureRows, first: OnePoint, mass_points: MassPoints, vcov: Vcov) -> MixtureFit:
    """Fit laws of one point and more, choose, and report.

    Parameters
    ----------
    rows : MixtureRows
    first : OnePoint
    mass_points : int or {"aic", "bic"}
    vcov
        As given by the user.
    """
    with one_thread():
        most = MOST if isinstance(mass_points, str) else int(mass_points)
        path = build_up(rows.problem, first.law, first.iterations, most)
    tried = tuple(
        Tried(k, stage.found.at.loglik, n_params(rows.terms, k), stage.n_starts, stage.n_reached)
        for k, stage in enumerate(path.stages, start=1)
    )
    if not isinstance(mass_points, str):
        if len(tried) < most:
            raise _too_many(most, path, tried)
        chosen = path.stages[-1]
    else:
        chosen = path.stages[chosen_points(tried, mass_points, rows.problem.n_units) - 1]
    made, estimates = reported(rows, chosen.found.at, vcov)
    law = reported_law(rows.terms, chosen.found.law)
    return MixtureFit(estimates, made, law, tried, path.end, path.stages, chosen)


def n_params(terms: Sequence[ChannelTerms], points: int) -> int:
    """Parameters of a law with so many points, those at the edge counted, and of all else."""
    return sum(len(own.names) for own in terms) + len(terms) * points + points - 1


def chosen_points(tried: Sequence[Tried], by: Criterion, n_units: int) -> int:
    """Number of points with the smallest criterion."""
    return min(tried, key=lambda one: (one.criterion(by, n_units), one.points)).points


def _too_many(asked: int, path: Path, tried: Sequence[Tried]) -> ModelError:
    carried = len(tried)
    more = (
        f"a further point would raise the log-likelihood of {tried[-1].loglik:.4f} by less than {GAIN:g} wherever it "
        "is put"
        if path.bound < GAIN
        else f"no search found a better law with one point more: {path.end}"
    )
    return ModelError(
        f"mass_points={asked} are more than the data carry, which is {carried}: {more}. Use mass_points={carried}, or "
        '"aic" or "bic".'
    )


def term_map(terms: Sequence[ChannelTerms], law: Law) -> tuple[tuple[str, ...], Floats]:
    """Names of the reported parameters and the matrix that makes them of the kernel's.

    Reported are by channel the finite locations, the levels' effects and the slopes; then the log odds.
    """
    names: list[str] = []
    blocks, order, place = [], [], 0
    n_points, n_structural = len(law.locations), len(law.structural)
    location = n_structural
    for c, own in enumerate(terms):
        points = np.flatnonzero(np.isfinite(law.locations[:, c]))
        intercepts = ["Intercept"] if n_points == 1 else [f"point[{k + 1}]" for k in points]
        names += [own.prefix + name for name in (*intercepts, *own.names)]
        n_levels = len(own.names) - len(own.scale)
        shift = np.concatenate([np.zeros(n_levels), own.shift])
        scale = np.concatenate([np.ones(n_levels), own.scale])
        n = len(points)
        blocks.append(
            np.block([[np.eye(n), np.tile(shift, (n, 1))], [np.zeros((len(scale), n)), np.diag(scale)]])
        )
        order += [*range(location, location + n), *range(place, place + len(scale))]
        location, place = location + n, place + len(scale)
    names += [f"log odds[{k + 1}]" for k in range(1, n_points)]
    blocks.append(np.eye(n_points - 1))
    order += range(location, location + n_points - 1)
    matrix = block_diag(*blocks)
    transform = np.empty_like(matrix)
    transform[:, order] = matrix
    return tuple(names), transform


def reported_law(terms: Sequence[ChannelTerms], law: Law) -> MixingLaw:
    """Intercepts at covariates of zero, as given."""
    place, shifts = 0, []
    for own in terms:
        end = place + len(own.names)
        shifts.append(own.shift @ law.structural[end - len(own.scale) : end])
        place = end
    return MixingLaw(law.locations + np.array(shifts), law.log_odds)


def reported(rows: MixtureRows, at: MixtureEvaluation, vcov: Vcov) -> tuple[Covariance, Estimates]:
    """Covariance of the kernel's parameters, and the estimates that are shown."""
    names, transform = term_map(rows.terms, at.law)
    made = _covariance(rows, at, vcov)
    return made, report(names, transform @ at.law.pack(), made, transform)


def refit_covariance(
    rows: MixtureRows, law: MixingLaw, values: Floats, loglik: float, vcov: Vcov
) -> tuple[Covariance, Floats]:
    """Make another covariance for a fit; refuse data on which the fit does not recur.

    Parameters
    ----------
    rows : MixtureRows
    law : MixingLaw
        Reported.
    values : (p,) array
        Reported.
    loglik : float
    vcov
        As given by the user.

    Returns
    -------
    Covariance
    (p, p) array
        From the kernel's parameters to the reported ones.
    """
    template = Law(np.zeros(rows.problem.n_structural), law.locations, law.log_odds)
    _, transform = term_map(rows.terms, template)
    if len(values) != len(transform):
        raise ModelError("these are not the data of the fit: their periods or levels differ.")
    at = evaluate(template.unpack(np.linalg.solve(transform, values).astype(float)), rows.problem)
    require_same_fit(at, loglik)
    return _covariance(rows, at, vcov), transform


def _covariance(rows: MixtureRows, at: MixtureEvaluation, vcov: Vcov) -> Covariance:
    refits: Refits | None = None
    return covariance(
        vcov,
        at.information,
        score_sums=lambda group: group_sums(at.scores, group),
        codes=lambda name: group_codes(rows.units, name, "vcov="),
        unit=rows.id,
        n_rows=rows.n_rows,
        refits=refits,
    )


def unit_frame(data: pd.DataFrame, id: str, vcov: Vcov, first: Ints) -> pd.DataFrame:
    """One row a unit with its clusters; clusters that divide a unit are refused.

    Parameters
    ----------
    data : pandas.DataFrame
    id : str
        Column without missing values.
    vcov
        As given by the user.
    first : (G,) integer array
        A row of each unit.
    """
    columns = list(dict.fromkeys([id, *cluster_columns(vcov)]))
    units = data[columns].iloc[first].reset_index(drop=True)
    for name in columns[1:]:
        pairs = int((~data[[id, name]].duplicated()).sum())
        divided = pairs - len(units)
        if divided > 0:
            raise ModelError(
                f"clusters must hold whole units, whose rows share one intercept; column {name!r} changes within "
                f"{divided:,} or fewer of {len(units):,} values of {id!r}. Cluster by a column that does not change."
            )
    return units
