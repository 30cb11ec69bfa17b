"""Client and caseworker on the same items at the same measurement."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from scipy import stats

from bipstats.codebook import CLIENT_ITEMS
from bipstats.core.columns import Floats, Ints, listed
from bipstats.core.estimates import check_level
from bipstats.errors import ModelError, OptionError
from bipstats.progression.agreement_result import Agreement
from bipstats.progression.beliefs import Beliefs, persistence, stability
from bipstats.progression.pairs import (
    SHARES,
    STATISTICS,
    Pairs,
    bootstrap,
    jackknife_errors,
    statistics,
    tables,
)
from bipstats.register.outcomes import check_weeks
from bipstats.timeline.clock import Clock
from bipstats.timeline.covariates import Assignments

if TYPE_CHECKING:
    from bipstats.study.study import Study

FEWEST = 5


def agreement(
    study: Study,
    *,
    items: str | Sequence[str] | None = None,
    pair_weeks: int = 6,
    draws: int = 0,
    level: float = 0.95,
    rng: int | None = None,
    jobs: int | None = None,
    progress: bool | None = None,
) -> Agreement:
    r"""Compare the client's and the caseworker's answers to the same items at the same measurement.

    Parameters
    ----------
    study : Study
    items : str or list of str, optional
        Items that both answer; all nine if not given.
    pair_weeks : int
        How many weeks apart the two questionnaires may be, as in `bip.transitions`.
    draws : int
        Bootstrap draws of clients for the intervals of the table; 0: by the jackknife's errors.
    level : float, default 0.95
    rng : int, optional
    jobs : int, optional
        Workers for the draws; the numbers do not depend on it.
    progress : bool, optional

    Returns
    -------
    Agreement

    Raises
    ------
    ModelError
        No measurement has both raters' answers, or an item never has or never varies.
    OptionError
        An argument is not among its choices.

    Notes
    -----
    By item: shares of equal answers and of those within one step, Cohen's kappa (plain, with linear and with quadratic
    weights), intraclass correlations (each rater drawn anew, absolute agreement, consistency), bias (caseworker less
    client) and Bland and Altman's limits, which hold 95 % of the differences if these are normal. Errors leave out one
    client at a time with all of that client's pairs (jackknife); `draws` gives percentile intervals of a bootstrap of
    clients instead.

    Caseworkers' own levels: with the mean difference :math:`\bar d_c` of caseworker c over :math:`n_c` clients and the
    variance within caseworkers :math:`s^2`, the variance between them is the method-of-moments estimate
    :math:`\{\sum n_c (\bar d_c - \bar d)^2 - (C - 1) s^2\} / \{N - \sum n_c^2 / N\}`.

    References
    ----------
    Bland, J. M. & Altman, D. (1986). Statistical methods for assessing agreement between two methods of clinical
    measurement. *Lancet*.
    Cohen, J. (1968). Weighted kappa. *Psychological Bulletin*.
    McGraw, K. & Wong, S. (1996). Forming inferences about some intraclass correlation coefficients. *Psychological
    Methods*.

    Examples
    --------
    >>> import bipstats as bip
    >>> found = bip.progression.agreement(bip.simulate(clients=300, rng=1), items=["network", "cooperation"])
    >>> found.wide()["item"].tolist()
    ['network', 'cooperation']
    """
    check_level(level)
    check_weeks("pair_weeks", pair_weeks, least=0)
    _check_draws(draws)
    pairs = Pairs.of(study, _items(items), pair_weeks)
    beliefs = Beliefs.of(study)
    parts = _by_client(pairs)
    table, how = _table(pairs, parts, level, draws, rng, jobs, progress)
    caseworker = _caseworkers(study, pairs)
    flow = {
        "pairs of questionnaires": len(pairs.client),
        "clients": len(np.unique(pairs.client)),
        "measurements by one rater only, left out": pairs.alone,
        "pairs of beliefs": len(beliefs.client),
        "pairs of beliefs without a caseworker's id, left out": beliefs.unknown,
    }
    return Agreement(
        table,
        _drift(pairs, level),
        _slope(pairs),
        _centres(study, pairs),
        _spread(pairs, caseworker),
        stability(beliefs, FEWEST),
        persistence(beliefs, FEWEST),
        parts.sum(axis=0),
        pairs.items,
        flow,
        level,
        how,
        FEWEST,
    )


def _items(items: str | Sequence[str] | None) -> tuple[str, ...]:
    if items is None:
        return CLIENT_ITEMS
    chosen = (items,) if isinstance(items, str) else tuple(items)
    unknown = [str(key) for key in chosen if key not in CLIENT_ITEMS]
    if unknown or not chosen or len(set(chosen)) < len(chosen):
        raise OptionError(
            f"items={items!r}: both raters answer {listed(list(CLIENT_ITEMS))}; name each once."
        )
    return chosen


def _check_draws(draws: object) -> None:
    if isinstance(draws, bool) or not isinstance(draws, int | np.integer) or draws < 0 or 0 < draws < 100:
        raise OptionError(f"draws={draws!r}: give 0, or a whole number of at least 100 for percentiles.")


def _by_client(pairs: Pairs) -> Floats:
    """Tables of each client's pairs, (G, k, 5, 5); refuses items that say nothing."""
    if not len(pairs.client):
        raise ModelError(
            f"no measurement has answers of both raters ({pairs.alone:,} have one rater's). Look at "
            "study.responses['respondent'], or give pair_weeks= more weeks."
        )
    client = np.unique(pairs.client, return_inverse=True)[1]
    size = int(client.max()) + 1
    if size < FEWEST:
        raise ModelError(
            f"{size} clients have answers of both raters; {FEWEST} are needed, for their privacy too."
        )
    columns = [tables(a, b, client, size) for a, b in zip(pairs.first.T, pairs.second.T, strict=True)]
    parts = np.stack(columns, axis=1)
    total = parts.sum(axis=0)
    for key, counts in zip(pairs.items, total, strict=True):
        if not counts.any():
            raise ModelError(f"{key} never has answers of both raters; leave it out by items=.")
        if (counts > 0).sum() == 1 or (parts[:, pairs.items.index(key)].sum(axis=(1, 2)) > 0).sum() < 2:
            raise ModelError(
                f"{key} does not vary over its {int(counts.sum()):,} pairs; leave it out by items=."
            )
    return parts


def _table(
    pairs: Pairs,
    parts: Floats,
    level: float,
    draws: int,
    rng: int | None,
    jobs: int | None,
    shown: bool | None,
) -> tuple[pd.DataFrame, str]:
    """All statistics of all items with errors and intervals."""
    values = statistics(parts.sum(axis=0))
    errors = np.stack([jackknife_errors(parts[:, item]) for item in range(len(pairs.items))])
    if draws:
        drawn = bootstrap(parts, int(draws), rng, jobs, shown)
        errors = drawn.std(axis=0, ddof=1)
        low, high = np.quantile(drawn, [(1 - level) / 2, (1 + level) / 2], axis=0)
        how = f"bootstrap of clients, {draws:,} draws, percentile intervals at {level:.0%}"
    else:
        half = stats.norm.ppf(0.5 + level / 2) * errors
        low, high = values - half, values + half
        how = f"jackknife over clients, normal intervals at {level:.0%}"
    shares = np.isin(STATISTICS, SHARES)
    low, high = np.where(shares, np.maximum(low, 0), low), np.where(shares, np.minimum(high, 1), high)
    size = len(STATISTICS)
    answered = pairs.answered
    clients = [len(np.unique(pairs.client[column])) for column in answered.T]
    frame = pd.DataFrame(
        {
            "item": np.repeat(pairs.items, size),
            "statistic": np.tile(STATISTICS, len(pairs.items)),
            "estimate": values.ravel(),
            "std_error": errors.ravel(),
            "conf_low": low.ravel(),
            "conf_high": high.ravel(),
            "n_pairs": np.repeat(answered.sum(axis=0), size),
            "n_clients": np.repeat(clients, size),
        }
    )
    return frame, how


def _gap(pairs: Pairs) -> Floats:
    """Mean difference over the items of each pair, (m,); NaN where no item has both answers."""
    known = pairs.answered.sum(axis=1)
    total = np.nansum(pairs.difference(), axis=1)
    return np.divide(total, known, out=np.full(len(total), np.nan), where=known > 0)


def _mean(values: Floats, client: Ints) -> tuple[float, float]:
    """Mean and its error, clustered by client."""
    parts = np.bincount(np.unique(client, return_inverse=True)[1], values - values.mean())
    return float(values.mean()), float(np.sqrt((parts**2).sum()) / len(values))


def _kappa(pairs: Pairs, rows: np.ndarray) -> float:
    """Quadratic kappa of some pairs, mean over the items."""
    zeros = np.zeros(int(rows.sum()), np.int64)
    counts = [
        tables(a, b, zeros, 1)[0] for a, b in zip(pairs.first[rows].T, pairs.second[rows].T, strict=True)
    ]
    with np.errstate(invalid="ignore", divide="ignore"):
        found = statistics(np.stack(counts))[:, STATISTICS.index("kappa, quadratic")]
    return float(np.nanmean(found)) if np.isfinite(found).any() else float("nan")


def _drift(pairs: Pairs, level: float) -> pd.DataFrame:
    """Bias and agreement by number of the measurement."""
    gap, reach = _gap(pairs), float(stats.norm.ppf(0.5 + level / 2))
    rows = []
    for number in np.unique(pairs.measurement):
        chosen = (pairs.measurement == number) & np.isfinite(gap)
        if chosen.sum() < FEWEST:
            continue
        mean, error = _mean(gap[chosen], pairs.client[chosen])
        low, high = mean - reach * error, mean + reach * error
        rows.append((int(number), mean, error, low, high, _kappa(pairs, chosen), int(chosen.sum())))
    columns = ["measurement", "bias", "std_error", "conf_low", "conf_high", "kappa_quadratic", "n_pairs"]
    return pd.DataFrame(rows, columns=columns)


def _slope(pairs: Pairs) -> tuple[float, float]:
    """Change of the bias per measurement by least squares, with errors clustered by client."""
    gap = _gap(pairs)
    known = np.isfinite(gap)
    number, y = pairs.measurement[known].astype(float), gap[known]
    x = number - number.mean()
    if not x.any():
        return float("nan"), float("nan")
    slope = float(x @ y / (x @ x))
    rest = (y - y.mean() - slope * x) * x
    parts = np.bincount(np.unique(pairs.client[known], return_inverse=True)[1], rest)
    return slope, float(np.sqrt((parts**2).sum()) / (x @ x))


def _centres(study: Study, pairs: Pairs) -> pd.DataFrame:
    """Bias and agreement by job centre."""
    gap = _gap(pairs)
    centre = study.clients["jobcentre"].to_numpy(dtype=object)[pairs.client]
    rows = []
    for name in sorted(set(centre)):
        chosen = (centre == name) & np.isfinite(gap)
        clients = len(np.unique(pairs.client[chosen]))
        if clients >= FEWEST:
            rows.append((name, *_mean(gap[chosen], pairs.client[chosen]), _kappa(pairs, chosen), clients))
    return pd.DataFrame(rows, columns=["jobcentre", "bias", "std_error", "kappa_quadratic", "n_clients"])


def _caseworkers(study: Study, pairs: Pairs) -> Ints:
    """Caseworker in charge at each pair, -1 if none is known."""
    known = study.assignments["caseworker"].notna()
    if not known.any():
        return np.full(len(pairs.client), -1)
    return Assignments.of(study, Clock.of(study)).at(pairs.client, pairs.week)[0]


def _spread(pairs: Pairs, caseworker: Ints) -> tuple[float, float, int]:
    """Standard deviation of the caseworkers' biases net of noise, its jackknife error, and their number.

    A client counts once under each caseworker, with the mean over measurements.
    """
    gap = _gap(pairs)
    known = np.isfinite(gap) & (caseworker >= 0)
    frame = pd.DataFrame({"g": gap[known], "w": caseworker[known], "i": pairs.client[known]})
    own = frame.groupby(["w", "i"])["g"].mean()
    groups = own.groupby(level="w").agg(["size", "mean", "var"])
    groups = groups[groups["size"] > 1]
    if len(groups) < FEWEST:
        return float("nan"), float("nan"), len(groups)
    n, mean, within = (groups[name].to_numpy(dtype=float) for name in ("size", "mean", "var"))
    whole = _between(
        n.sum(), (n**2).sum(), (n * mean).sum(), (n * mean**2).sum(), ((n - 1) * within).sum(), len(n)
    )
    left = _between(
        n.sum() - n, (n**2).sum() - n**2, (n * mean).sum() - n * mean, (n * mean**2).sum() - n * mean**2,
        ((n - 1) * within).sum() - (n - 1) * within, len(n) - 1,
    )  # fmt: skip
    variance = max(float(whole), 0.0)
    error = float(np.sqrt((len(n) - 1) / len(n) * ((left - left.mean()) ** 2).sum()))
    sd = float(np.sqrt(variance))
    return sd, error / (2 * sd) if sd > 0 else float("nan"), len(n)


def _between(n: Floats, squares: Floats, first: Floats, second: Floats, within: Floats, size: int) -> Floats:
    """Method-of-moments variance between groups from sums over them: n, n^2, n m, n m^2 and within-group squares."""
    noise = within / (n - size)
    return (second - first**2 / n - (size - 1) * noise) / (n - squares / n)
