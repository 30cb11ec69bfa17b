"""The same comparison of classes by several designs, which err in different directions."""

from __future__ import annotations

from collections.abc import Iterator
from typing import get_args

import numpy as np
import pandas as pd

from bipstats.core.columns import Floats
from bipstats.core.covariance import cluster, group_sums
from bipstats.core.design import fit_design
from bipstats.core.estimates import Estimates
from bipstats.effects.average_effects import Method, average_effects
from bipstats.effects.average_result import AverageEffects
from bipstats.errors import ModelError
from bipstats.interventions.lagged import errors_in_lag
from bipstats.interventions.pairs import EXPOSURE, QUARTER, Pairs
from bipstats.models.ols import OLSResult, ols

COLUMNS = ["design", "term", "estimate", "std_error", "conf_low", "conf_high", "n"]
ADJUSTED: tuple[Method, ...] = tuple(get_args(Method))

NAMES: dict[str, str] = {
    "raw": "observed means",
    "regression": "regression on the level before",
    "ipw": "inverse-probability weights",
    "overlap": "overlap weights",
    "aipw": "doubly robust",
}


def weighted(found: Pairs, method: Method, rng: int | np.random.Generator | None) -> AverageEffects:
    """Mean change by class, given the index at the start and the background."""
    right = " + ".join(filter(None, ["start", found.covariates]))
    return average_effects(f"change ~ {right}", found.rows, exposure=EXPOSURE, method=method, rng=rng)


def against_first(means: AverageEffects) -> Estimates:
    """Differences from the first level."""
    names = means.estimates.names
    rows = np.eye(len(names))[1:] - np.eye(len(names))[0]
    labels = tuple(f"{name} - {names[0]}" for name in names[1:])
    return Estimates(
        labels, rows @ means.estimates.values, means.estimates.covariance_of(rows), means.estimates.how
    )


def class_terms(estimates: Estimates, rows: pd.DataFrame) -> Estimates:
    """Differences of the classes from the first among the coefficients of a regression."""
    levels = list(rows[EXPOSURE].cat.categories)
    chosen = [estimates.names.index(f"{EXPOSURE}[{level}]") for level in levels[1:]]
    labels = tuple(f"{level} - {levels[0]}" for level in levels[1:])
    return Estimates(
        labels, estimates.values[chosen], estimates.covariance[np.ix_(chosen, chosen)], estimates.how
    )


def lagged(found: Pairs, reliability: float | None) -> Estimates:
    """Difference of each class from the first by least squares given the level before, corrected for its noise."""
    rows = found.rows
    right = " + ".join(filter(None, [f"C({EXPOSURE})", "start", found.covariates]))
    design, x = fit_design(right, rows)
    x = np.hstack([np.ones((len(x), 1)), x])
    names = ("Intercept", *design.names)
    start = rows["start"].to_numpy(float)
    noise = 0.0 if reliability is None else (1 - reliability) * float(start.var(ddof=1))
    speed = QUARTER / rows["weeks"].to_numpy(float)
    solved = errors_in_lag(x, rows["change"].to_numpy(float), names.index("start"), noise, speed)
    sums = group_sums(solved.influence, pd.factorize(rows["client"])[0])
    return class_terms(Estimates(names, solved.values, sums.T @ sums, "clustered by client"), rows)


def within_client(found: Pairs) -> tuple[Estimates, int]:
    """Difference of each class from the first, within clients, without the level before; and the pairs that tell."""
    rows = found.rows
    several = rows.groupby("client", sort=False)[EXPOSURE].transform("nunique") > 1
    round_terms = " + C(round)" if rows["round"].nunique() > 1 else ""
    fit = ols(f"change ~ C({EXPOSURE}){round_terms}", rows, absorb="client", vcov=cluster("client"))
    return class_terms(fit.estimates, rows), int(several.sum())


def frame_of(design: str, estimates: Estimates, n: int, level: float) -> pd.DataFrame:
    """One row a term."""
    made = estimates.tidy(level)[["term", "estimate", "std_error", "conf_low", "conf_high"]]
    return made.assign(design=design, n=n)[COLUMNS]


def side_by_side(
    found: Pairs, reliability: float | None, level: float, rng: int | np.random.Generator | None
) -> pd.DataFrame:
    """Every design on the pairs that were measured again.

    Notes
    -----
    Regression on the level before and effects within clients bracket the truth where classes follow either passing lows
    or lasting differences (Angrist & Pischke 2009); the two are never combined (Nickell 1981).
    """
    return pd.concat(list(_designs(found, reliability, level, rng)), ignore_index=True)


def _designs(
    found: Pairs, reliability: float | None, level: float, rng: int | np.random.Generator | None
) -> Iterator[pd.DataFrame]:
    n = len(found.rows)
    yield frame_of(NAMES["raw"], against_first(weighted(found, "raw", rng)), n, level)
    yield frame_of("level before, as measured", lagged(found, None), n, level)
    if reliability is not None:
        yield frame_of("level before, noise taken out", lagged(found, reliability), n, level)
    try:
        inside, telling = within_client(found)
        yield frame_of("within clients, without it", inside, telling, level)
    except ModelError:  # too few clients with two classes: the other designs stand
        pass
    for method in ("overlap", "ipw", "aipw"):
        yield frame_of(NAMES[method], against_first(weighted(found, method, rng)), n, level)


def placebo(found: Pairs, level: float) -> pd.DataFrame:
    """The class of a pair on the change over the pair before it, which it cannot have caused."""
    rows = found.rows[found.rows["before"].notna()].reset_index(drop=True)
    counts = rows[EXPOSURE].value_counts()
    if len(rows) == 0 or counts.min() < 2:
        return pd.DataFrame(columns=COLUMNS)
    fit = ols(f"before ~ C({EXPOSURE})", rows, vcov=cluster("client"))
    return frame_of(
        "class of a quarter on the change before it", class_terms(fit.estimates, rows), len(rows), level
    )


def by_start(found: Pairs, level: float) -> pd.DataFrame:
    """Differences within thirds of the index at the start, given that index within the third."""
    third = pd.qcut(
        found.rows["start"].rank(method="first"), 3, labels=["lowest third", "middle third", "highest third"]
    )
    pieces = []
    for name in third.cat.categories:
        rows = found.rows[third == name]
        few = rows[EXPOSURE].value_counts().min()
        if few < 10:
            continue
        fit = ols(f"change ~ C({EXPOSURE}) + start", rows, vcov=cluster("client"))
        made = frame_of(str(name), class_terms(fit.estimates, rows), len(rows), level)
        pieces.append(made.rename(columns={"design": "start"}))
    return pd.concat(pieces, ignore_index=True) if pieces else pd.DataFrame(columns=["start", *COLUMNS[1:]])


def sensitivity(found: Pairs, strengths: Floats) -> pd.DataFrame:
    r"""How far private information of a given strength could have moved each difference.

    Parameters
    ----------
    found : Pairs
    strengths : (m,) array
        Share of what is left of the change, and of the class, that something unobserved explains.

    Returns
    -------
    pandas.DataFrame
        ``term, strength, low, high``, and the strength of the index at the start, for comparison, as
        ``benchmark_class, benchmark_change``.

    Notes
    -----
    With partial :math:`R^2` of s for both, least squares given the observed is off by at most
    :math:`\operatorname{se} \sqrt{df}\, s / \sqrt{1 - s}` (Cinelli & Hazlett 2020).
    """
    rows, strength = found.rows, np.asarray(strengths, float)
    levels = list(rows[EXPOSURE].cat.categories)
    right = " + ".join(filter(None, [f"C({EXPOSURE})", "start", found.covariates]))
    fit = ols(f"change ~ {right}", rows)
    made = class_terms(fit.estimates, rows)
    pieces = []
    for place, one in enumerate(levels[1:]):
        bias = made.std_errors[place] * np.sqrt(fit.df_residual) * strength / np.sqrt(1 - strength)
        two = rows[rows[EXPOSURE].isin([levels[0], one])]
        right = " + ".join(filter(None, ["start", found.covariates]))
        had = ols(f"had ~ {right}", two.assign(had=(two[EXPOSURE] == one) * 1.0))
        columns = {
            "term": made.names[place],
            "strength": strength,
            "low": made.values[place] - bias,
            "high": made.values[place] + bias,
            "benchmark_class": _partial(had),
            "benchmark_change": _partial(fit),
        }
        pieces.append(pd.DataFrame(columns))
    return pd.concat(pieces, ignore_index=True)


def _partial(fit: OLSResult) -> float:
    """Share of what the other covariates leave that the index at the start explains."""
    place = fit.estimates.names.index("start")
    t = fit.estimates.values[place] / fit.estimates.std_errors[place]
    return float(t**2 / (t**2 + fit.df_residual))
