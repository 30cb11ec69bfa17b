"""What the discrete-time hazard and the logit share: one fit on arrays, one way back to named terms."""

from __future__ import annotations

from dataclasses import dataclass
from types import ModuleType

import numpy as np
import pandas as pd

from bipstats.core.columns import Floats, Ints, group_codes
from bipstats.core.covariance import Covariance, Vcov, covariance, invert
from bipstats.core.design import Design
from bipstats.core.estimates import Estimates
from bipstats.core.few_clusters import Refits
from bipstats.core.result import Result, report
from bipstats.errors import ModelError
from bipstats.models.absorbed import NOTHING_ABSORBED, Absorbed, absorb_factors
from bipstats.models.binomial_rows import CountedRows, Flags
from bipstats.models.identify import require_same_fit, require_same_maximum, standardise
from bipstats.models.kernels import absorb, binomial
from bipstats.models.kernels.absorb import AbsorbedProblem
from bipstats.models.kernels.binomial import BinomialProblem, Link, binomial_problem
from bipstats.models.kernels.newton import Evaluation, Optimum
from bipstats.models.kernels.profile import Objective
from bipstats.models.refits import binomial_refits
from bipstats.models.search import find_maximum
from bipstats.models.separation import MERGE, PENALISE, refuse_separation, separated_sides
from bipstats.threads import one_thread

Flow = tuple[tuple[str, int], ...]


@dataclass(frozen=True, repr=False, eq=False)
class BinomialResult(Result):
    """A fit on counts of equal rows, perhaps with absorbed factors.

    Attributes
    ----------
    absorbed : Absorbed
    """

    absorbed: Absorbed = NOTHING_ABSORBED

    @property
    def n_params(self) -> int:
        """Parameters estimated, those of absorbed factors included."""
        return len(self.estimates.names) + self.absorbed.n_params

    @property
    def with_effects(self) -> str:
        """Words on absorbed factors for a methods section."""
        columns = " and ".join(name for name, _ in self.absorbed.levels)
        return f", with fixed effects of {columns}" if columns else ""

    def refuse_absorbed(self, what: str) -> None:
        """Raise if there are absorbed effects, which `what` would need."""
        if self.absorbed:
            names = [name for name, _ in self.absorbed.levels]
            raise ModelError(
                f"{what} needs the effects of {' and '.join(names)}, which were absorbed and are not kept. Put "
                f"{' + '.join(f'C({name})' for name in names)} into the formula instead of absorb=."
            )

    def _facts(self) -> dict[str, str]:
        left = sum(count if what == "given" else -count for what, count in self.fit.flow)
        facts = super()._facts()
        facts["used"] += f", in {left:,} after collapsing" if left < self.nobs else ""
        if self.absorbed:
            facts["absorbed"] = f"{self.absorbed}, {self.absorbed.n_params:,} effects"
        return facts


@dataclass(frozen=True, slots=True)
class BinomialRows:
    """Rows ready for the kernel.

    Attributes
    ----------
    problem : BinomialProblem or AbsorbedProblem
        In centred and scaled covariates, one effect per level.
    names : tuple of str
        Reported terms: intercept, levels against the first, slopes.
    working : tuple of str
        Names of the parameters that the information is of.
    transform : (k, m) array
        Maps working parameters (the last m of the problem's) to reported ones.
    design : Design
    data : pandas.DataFrame
        The rows of the problem, for identifiers of clusters.
    count : (n,) integer array
        How many equal rows each stands for.
    within : str
        What the levels of the factor with the most levels are called.
    unit : str or None
        Column whose rows are one unit for robust errors.
    flow : tuple of (str, int)
    n_rows, n_events : int
        Before collapsing.
    absorbed : Absorbed
    """

    problem: BinomialProblem | AbsorbedProblem
    names: tuple[str, ...]
    working: tuple[str, ...]
    transform: Floats
    design: Design
    data: pd.DataFrame
    count: Ints
    within: str
    unit: str | None
    flow: Flow
    n_rows: int
    n_events: int
    absorbed: Absorbed


@dataclass(frozen=True, slots=True)
class Baseline:
    """What a model has beside its slopes.

    Attributes
    ----------
    level : (n,) integer array
        Codes 0..K-1 of levels with an effect each; zeros for an intercept.
    level_names : tuple of str
        Terms of the levels but the first.
    within : str
        What the levels are called, for messages.
    x : (n, q) array
        Columns of a smooth baseline.
    names : tuple of str
        Their terms.
    """

    level: Ints
    level_names: tuple[str, ...]
    within: str
    x: Floats
    names: tuple[str, ...]


def intercept(n: int) -> Baseline:
    """One effect for all of n rows."""
    return Baseline(np.zeros(n, np.int64), (), "row", np.empty((n, 0)), ())


def cure_of(link: Link, absorbed: bool) -> str:
    """How to mend separation: what is absorbed cannot be penalised."""
    return PENALISE if link == "logit" and not absorbed else MERGE


def binomial_rows(
    matrix: Floats,
    design: Design,
    rows: CountedRows,
    event: Flags,
    baseline: Baseline,
    factors: dict[str, Ints],
    *,
    offset: Floats,
    link: Link,
    unit: str | None,
    flow: Flow,
    penalised: bool = False,
) -> BinomialRows:
    """Check that the coefficients exist, then centre and scale.

    Parameters
    ----------
    matrix : (n, p) array
        Overwritten.
    design : Design
    rows : CountedRows
    event : (n,) boolean array
    baseline : Baseline
    factors : dict of str to (n,) integer array
        Codes of absorbed columns.
    offset : (n,) array
    link : {"logit", "cloglog"}
    unit : str or None
    flow : tuple of (str, int)
    penalised : bool, default False
        Whether a penalty makes coefficients finite that have no finite estimate without.
    """
    successes = rows.weight * event
    within, level = baseline.within, baseline.level
    if factors:  # what separates within the levels of one factor does so beside all
        within = max(factors, key=lambda name: factors[name].max())
        level = factors[within]
    if not penalised:
        refuse_separation(
            matrix, design.names, successes, rows.weight, level=level, within=within,
            references=design.references, cure=cure_of(link, bool(factors)),
        )  # fmt: skip
    x = np.hstack([baseline.x, matrix]) if baseline.names else matrix
    slopes = (*baseline.names, *design.names)
    n_rows, n_events = int(rows.count.sum()), int(rows.count[event].sum())
    counted = tuple((what, count) for what, count in flow if count)
    if n_rows > len(rows.data):
        counted += (("collapsed into an equal row", n_rows - len(rows.data)),)
    counts = (successes, rows.weight, offset, link)
    made = (rows.data, rows.count, within, unit, counted, n_rows, n_events)
    if factors:
        found = absorb_factors(
            x, slopes, baseline.level, baseline.level_names, baseline.within, factors, counts
        )
        names = (*baseline.level_names, *slopes)
        return BinomialRows(
            found.problem, names, found.working, found.transform, design, *made, found.absorbed
        )
    names = ("Intercept", *baseline.level_names, *slopes)
    covariate = standardise(x, slopes, baseline.level, baseline.within)
    problem = binomial_problem(covariate.x, baseline.level, *counts)
    transform = level_transform(len(baseline.level_names) + 1, covariate.centre, covariate.scale)
    return BinomialRows(problem, names, names, transform, design, *made, NOTHING_ABSORBED)


def level_transform(n_levels: int, centre: Floats, scale: Floats) -> Floats:
    """Level effects and scaled slopes to intercept, contrasts with the first level, and slopes."""
    size = n_levels + len(scale)
    transform = np.eye(size)
    transform[1:n_levels, 0] = -1.0
    transform[0, n_levels:] = -centre / scale
    transform[n_levels:, n_levels:] = np.diag(1 / scale)
    return transform


@dataclass(frozen=True, slots=True)
class BinomialFit:
    """Where the search ended, with the covariance asked for."""

    estimates: Estimates
    made: Covariance
    best: Optimum


def fit_binomial(rows: BinomialRows, vcov: Vcov) -> BinomialFit:
    """Maximise the likelihood by Newton's method and make the covariance."""
    with one_thread():
        best = maximum(rows)
        at = _kernel(rows).evaluate(best.params, rows.problem)  # expected information, for the covariance
        made = _covariance(vcov, rows, best.params, at)
    return BinomialFit(report(rows.names, _reported(rows, best.params), made, rows.transform), made, best)


def maximum(rows: BinomialRows) -> Optimum:
    """Maximise the likelihood of the problem's own parameters, or say what separates."""
    objective = binomial_objective(rows, _kernel(rows).starting_values(rows.problem))
    return find_maximum(
        objective.evaluate,
        objective.loglik,
        objective.best,
        names=rows.working,
        n_events=rows.n_events,
        explain=lambda: _separated(rows),
        solve=absorb.solve if rows.absorbed else None,
    )


def binomial_objective(rows: BinomialRows, best: Floats) -> Objective:
    """Likelihood in working parameters with the observed information, and its maximum (or a place to start)."""
    problem, kernel = rows.problem, _kernel(rows)
    return Objective(
        lambda params: kernel.evaluate(params, problem, observed=True),
        lambda params: kernel.log_likelihood(params, problem),
        best,
        concave=True,
    )


def _separated(rows: BinomialRows) -> ModelError | None:
    """Look for a combination of slopes that separates, within the levels of one factor."""
    problem = rows.problem
    level = problem.group if isinstance(problem, AbsorbedProblem) else problem.level
    names = rows.names[len(rows.names) - problem.x.shape[1] :]
    return separated_sides(
        problem.x, names, level, problem.successes, problem.trials,
        within=rows.within, cure=cure_of(problem.link, bool(rows.absorbed)),
    )  # fmt: skip


def _kernel(rows: BinomialRows) -> ModuleType:
    return absorb if isinstance(rows.problem, AbsorbedProblem) else binomial


def _reported(rows: BinomialRows, params: Floats) -> Floats:
    return rows.transform @ params[-rows.transform.shape[1] :]


def refit_covariance(rows: BinomialRows, vcov: Vcov, values: Floats, loglik: float) -> Covariance:
    """Make another covariance for a fit; refuse data on which the fit does not recur."""
    with one_thread():
        return _covariance(vcov, rows, *_recurring(rows, values, loglik))


def _recurring(rows: BinomialRows, values: Floats, loglik: float) -> tuple[Floats, Evaluation]:
    """Working parameters of a fit with the expected information there, on the data of the fit."""
    if isinstance(
        rows.problem, AbsorbedProblem
    ):  # no result keeps the effects that were absorbed: they are found anew
        working = maximum(rows).params
        found = absorb.evaluate(working, rows.problem)
        covariances = rows.transform @ invert(found.information) @ rows.transform.T
        moved = (_reported(rows, working) - values) / np.sqrt(np.diag(covariances))
        require_same_maximum(found, loglik, moved)
        return working, found
    working = np.linalg.solve(rows.transform, values).astype(float)
    at = binomial.evaluate(working, rows.problem)
    require_same_fit(at, loglik)
    return working, at


def _covariance(vcov: Vcov, rows: BinomialRows, working: Floats, at: Evaluation) -> Covariance:
    n_reported, n_working = rows.transform.shape
    n_eliminated = rows.absorbed.n_params - (n_working - n_reported)
    single = vcov == "robust" and rows.unit is None

    def score_sums(group: Ints) -> Floats:
        sums = _kernel(rows).score_sums(working, rows.problem, group)
        # n equal rows s are one row n s here, and n s s' in a sandwich of single rows.
        return sums / np.sqrt(rows.count)[:, None] if single else sums

    return covariance(
        vcov,
        at.information,
        score_sums,
        codes=lambda name: group_codes(rows.data, name, "vcov="),
        unit=rows.unit,
        n_rows=len(rows.data) if single else rows.n_rows,
        n_absorbed=n_eliminated,
        refits=_refits(rows, working, at.information),
    )


def _refits(rows: BinomialRows, working: Floats, information: Floats) -> Refits | None:
    """What the methods for few clusters need; they have none of it where effects are absorbed."""
    if isinstance(rows.problem, AbsorbedProblem):
        return None
    return binomial_refits(rows.problem, working, information, rows.transform)
