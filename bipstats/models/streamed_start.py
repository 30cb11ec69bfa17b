"""Where the search on streamed rows begins: the fit of a sample, and what of it must be looked at in all rows."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from bipstats.core.columns import Floats, Ints
from bipstats.core.design import Design, formula_columns, learn_design
from bipstats.models.identify import between, centre_and_scale, cross_product, moments
from bipstats.models.kernels import binomial
from bipstats.models.kernels.binomial import BinomialProblem, binomial_problem
from bipstats.models.kernels.newton import NoMaximum, maximise
from bipstats.models.kernels.separation import Sides, separating_columns
from bipstats.models.search import LONG, SUSPECT, growth
from bipstats.models.separation import Columns
from bipstats.models.streamed_rows import Layout, block
from bipstats.models.streamed_scan import Sample, Scan

_SAFE = 1e-6  # variance and smallest eigenvalue of correlations above which all rows need no look


@dataclass(frozen=True, slots=True)
class Start:
    """The sample's fit.

    Attributes
    ----------
    centre, scale : (p,) arrays
        Of the sample's columns.
    levels : (K,) array
        Effects at the centres.
    slopes : (p,) array
        Of the columns as they stand.
    doubtful : tuple of tuple of int, or None
        Sets of columns of which the sample cannot tell that they have a finite coefficient; None if it can tell that
        all have, and that all can be told apart.
    fitted : bool
        Whether the sample's fit was found; else slopes are zero.
    """

    centre: Floats
    scale: Floats
    levels: Floats
    slopes: Floats
    doubtful: tuple[tuple[int, ...], ...] | None
    fitted: bool

    def params(self, centre: Floats, scale: Floats) -> Floats:
        """Working parameters for other centres and scales."""
        return np.concatenate([self.levels + (centre - self.centre) @ self.slopes, self.slopes * scale])


def known_design(formula: str, scan: Scan, used: NDArray[np.bool_]) -> Design:
    """Learn the design from what the scan has seen in the rows used."""
    columns: dict[str, Any] = {}
    for name in formula_columns(formula):
        if name in scan.levels:
            known = scan.levels[name]
            values = known.values[np.flatnonzero(scan.present[name][used].any(axis=0))]
            own = known.order != "values"
            columns[name] = pd.Categorical(values, categories=values) if own else values
        elif name in scan.spans:
            low, high = scan.spans[name][used].T
            columns[name] = np.array([low.min(), high.max()])
        else:
            columns[name] = np.zeros(1)
    n = max(len(values) for values in columns.values())
    made = {
        name: pd.Series(values).take(np.resize(np.arange(len(values)), n)).array
        for name, values in columns.items()
    }
    return learn_design(formula, pd.DataFrame(made))


def start(sample: Sample, layout: Layout, rows: Ints, events: Ints, *, fitted: bool) -> Start:
    """Fit the sample, where that is wanted.

    Parameters
    ----------
    sample : Sample
    layout : Layout
        With centres of zero and scales of one.
    rows, events : (K,) integer arrays
        Of all data, by level.
    fitted : bool
        Else slopes are zero.
    """
    problem = _weighted(sample, layout)
    centre, spread = moments(problem.x)
    usable = np.isfinite(spread) & (spread > 1e-10 * np.abs(centre))
    centre, scale = np.where(np.isfinite(centre), centre, 0.0), np.where(usable, spread, 1.0)
    bad = _separated(problem, layout) if fitted else ()
    centre_and_scale(problem.x, centre, scale)
    levels, slopes = _crude(rows, events, problem), np.zeros(len(centre))
    if not fitted:
        return Start(centre, scale, levels, slopes, None, False)
    flat, alike = _flat(problem, usable)
    good = np.flatnonzero(~flat & ~np.isin(np.arange(len(flat)), [j for places in bad for j in places]))
    found = None if alike else _fit(problem, good)
    if found is not None:
        there, own, slopes[good] = found
        levels = levels + np.mean(own - levels[there])
        levels[there] = own
    sets = _sets(layout)
    doubtful = tuple(dict.fromkeys([*bad, *(sets[j] for j in np.flatnonzero(flat))]))
    sure = not doubtful and not alike
    return Start(centre, scale, levels, slopes / scale, None if sure else doubtful, found is not None)


def _weighted(sample: Sample, layout: Layout) -> BinomialProblem:
    """The sample's rows that are used, each as many as it stands for."""
    made = block(sample.rows.reset_index(drop=True), layout)
    weight = sample.weight[made.rows.data.index]
    return replace(
        made.problem, successes=made.problem.successes * weight, trials=made.problem.trials * weight
    )


def _crude(rows: Ints, events: Ints, problem: BinomialProblem) -> Floats:
    """Level effects from the crude rates."""
    rate = (events + 0.5) / (rows + 1.0)
    return np.log(rate / (1 - rate)) if problem.link == "logit" else np.log(-np.log1p(-rate))


def _separated(problem: BinomialProblem, layout: Layout) -> tuple[tuple[int, ...], ...]:
    """Columns of the design that separate the sample, those of a whole factor where its reference level does."""
    if not len(problem.x):
        return ()
    before, sets = layout.n_baseline, _sets(layout)
    columns = Columns.of(problem.x[:, before:], layout.design.names, layout.design.references)
    sides = Sides(problem.x, problem.level, problem.successes > 0, problem.trials > problem.successes)
    signs = separating_columns(columns.values, len(columns.names), sides)
    p = len(layout.design.names)
    firsts = [int(j) if j < p else columns.factors[j - p][0] for j in np.flatnonzero(signs)]
    return tuple(dict.fromkeys(sets[before + j] for j in firsts))


def _sets(layout: Layout) -> list[tuple[int, ...]]:
    """For each column, those it is looked at with: all levels of a factor, else itself."""
    before, names = layout.n_baseline, layout.design.names
    whole = {
        text: tuple(before + place for place in places)
        for text, places in layout.design.places.items()
        if text in layout.design.factors and layout.design.factors[text].kind == "categorical"
    }
    found: list[tuple[int, ...]] = [(j,) for j in range(before + len(names))]
    for places in whole.values():
        for j in places:
            found[j] = places
    return found


def _flat(problem: BinomialProblem, usable: NDArray[np.bool_]) -> tuple[NDArray[np.bool_], bool]:
    """Columns with hardly any variation within levels, and whether others can hardly be told apart."""
    n = max(len(problem.x), 1)
    cross = (cross_product(problem.x) - between(problem.x, problem.level)) / n
    variance = np.diag(cross)
    flat = ~usable | (variance < _SAFE)
    kept = np.flatnonzero(~flat)
    size = np.sqrt(variance[kept])
    correlation = cross[np.ix_(kept, kept)] / np.outer(size, size)
    return flat, bool(np.linalg.eigvalsh(correlation)[:1].sum() < _SAFE) if len(kept) else False


def _fit(problem: BinomialProblem, good: Ints) -> tuple[Ints, Floats, Floats] | None:
    """Levels with both outcomes, their effects, and the slopes of some columns; None if there is no maximum."""
    size = problem.by_level.shape[0]
    hit = np.bincount(problem.level, problem.successes > 0, size)
    missed = np.bincount(problem.level, problem.trials > problem.successes, size)
    there = np.flatnonzero((hit > 0) & (missed > 0))
    if not len(there):
        return None
    place = np.full(size, -1)
    place[there] = np.arange(len(there))
    level = place[problem.level]
    kept = level >= 0
    own = binomial_problem(
        problem.x[np.ix_(kept, good)], level[kept], problem.successes[kept], problem.trials[kept],
        problem.offset[kept], problem.link,
    )  # fmt: skip
    try:
        best = maximise(
            lambda params: binomial.evaluate(params, own, observed=True),
            lambda params: binomial.log_likelihood(params, own),
            binomial.starting_values(own),
            tolerance=1e-8,
        )
    except NoMaximum:
        return None
    if best.iterations > LONG or not (growth(best) < SUSPECT).all():
        return None  # it runs off: all rows are climbed from the foot, where that can be seen
    return there, best.params[: len(there)], best.params[len(there) :]
