"""The share in job if all caseworkers were as effective as the best: naive, feasible, and the truth if known."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from numpy.random import Generator
from scipy import stats

from bipstats.caseworkers.caseload import Caseload, caseload
from bipstats.caseworkers.effectiveness import check_count
from bipstats.caseworkers.expected_share import ExpectedShare, expected_share
from bipstats.caseworkers.exposure import ADJUST_WORDS, Adjust, exposure
from bipstats.caseworkers.raw_shares import RawShares, with_first_caseworker
from bipstats.caseworkers.scenario import Counterfactual
from bipstats.caseworkers.spread import gamma_poisson
from bipstats.core.columns import Floats, Ints
from bipstats.core.estimates import check_level
from bipstats.core.resample import draws as run_draws
from bipstats.errors import OptionError, check_option
from bipstats.register.outcomes import outcomes
from bipstats.seeds import seed_sequence

if TYPE_CHECKING:
    from bipstats.register.outcomes import Outcome
    from bipstats.study.study import Study

QUANTILES = {"top half": 1 / 2, "top third": 1 / 3, "top quarter": 1 / 4, "top decile": 1 / 10}
_FOLDS, _PARTITIONS, _DEALS_EACH = 10, 20, 4
_WEAKEST = 1e-6  # relative variance that orders caseworkers where there is none
_ORACLE = "entry_share_top_decile"


def counterfactual(
    study: Study,
    *,
    to: str | float = "top decile",
    outcome: Outcome = "job_or_education",
    horizon: int | None = None,
    min_clients: int = 6,
    adjust: Adjust = "answers",
    level: float = 0.95,
    draws: int = 500,
    rng: int | Generator | None = None,
    jobs: int | None = None,
    progress: bool | None = None,
) -> Counterfactual:
    r"""Share of clients who would enter if all caseworkers were as effective as the best.

    Parameters
    ----------
    study : Study
    to : {"top half", "top third", "top quarter", "top decile"} or float, default "top decile"
        Which caseworkers are the measure; a float is their share of the ranked ones. The named ones are all in the
        table.
    outcome : {"job_or_education", "job", "education"}
    horizon : int, optional
        Weeks from enrolment; the whole follow-up if not given.
    min_clients : int, default 6
        Caseworkers with fewer clients cannot be picked.
    adjust : {"answers", "background", "centre"}
        What clients are compared on, as in `value_added`.
    level : float, default 0.95
    draws : int, default 500
        Of the intervals.
    rng : None, int or numpy.random.Generator
    jobs : int, optional
        Workers for the draws; the numbers do not depend on it.
    progress : bool, optional

    Returns
    -------
    Counterfactual

    Raises
    ------
    ModelError
        Nothing is left to compare, or fewer than ten caseworkers have `min_clients`.
    OptionError
        An argument has no meaning.

    Notes
    -----
    - ``naive``: the mean raw share of the best caseworkers at enrolment by their raw share. What is picked for being
      high is high by chance too; with no differences at all it is far above the mean. Interval: caseworkers resampled.
    - ``feasible``: clients are dealt into ten folds; from nine of them caseworkers are picked by their shrunken
      multiplier, in the tenth the picked ones' entries over expected ones, :math:`m = \sum O / \sum E`, are read. All
      folds are pooled and 20 deals averaged. Every client's hazard is then multiplied by m and followed to the end,
      other exits competing. With no differences m is about one. Interval: multipliers redrawn from the gamma law of the
      estimated variance and entries from Poisson laws, then picked and read again and held against the multipliers of
      those picked; expectations and the function from m to the share are held fixed.
    - ``oracle``: what is true, on simulated studies only, for the top decile over the whole follow-up.

    Resampling clients or caseworkers would put copies of one client into both the picking and the reading folds.

    References
    ----------
    Andrews, I., Kitagawa, T. & McCloskey, A. (2024). Inference on winners. *Quarterly Journal of Economics*.
    Gilraine, M., Gu, J. & McMillan, R. (2020). A new method for estimating teacher value-added. *NBER working paper*.

    Examples
    --------
    >>> import bipstats as bip
    >>> study = bip.simulate(clients=600, rng=1)
    >>> found = bip.caseworkers.counterfactual(study, to="top quarter", adjust="centre", draws=20, rng=1)
    >>> sorted(set(found.table["kind"]))
    ['actual', 'feasible', 'naive', 'oracle']
    """
    check_level(level)
    check_count("min_clients", min_clients)
    check_count("draws", draws)
    groups = _groups(to)
    deals, redraws, resamples = (np.random.default_rng(seed) for seed in seed_sequence(rng).spawn(3))
    time = exposure(study, outcome, horizon, adjust)
    found = caseload(time)
    spread = gamma_poisson(found.observed, found.predicted, level)
    parts = tuple(groups.values())
    picking = Picking(
        found.client, found.caseworker, found.expected, found.clients >= min_clients, spread.variance, parts
    )
    ends = with_first_caseworker(outcomes(study, outcome), study.assignments)
    naive = RawShares.of(ends, horizon, min_clients)
    share = expected_share(time, found.fit, found.average)
    read = np.mean(
        run_draws(_picked, _PARTITIONS, picking, found.entries, rng=deals, jobs=1, shown=False), axis=0
    )
    off = np.array(
        run_draws(_miss, draws, picking, rng=redraws, jobs=jobs, shown=progress, label="counterfactual")
    )
    limits = [0.5 - level / 2, 0.5 + level / 2]
    rows: list[tuple[str, str, float, float, float, float]] = [_actual(found, share, level)]
    for place, (name, part) in enumerate(groups.items()):
        value, again = naive.resampled(partial(RawShares.top, part=part), draws, resamples)
        rows.append((name, "naive", np.nan, value, *np.quantile(again, limits)))
        high, low = read[place] - np.quantile(off[:, place], limits)
        m = np.array([read[place], low, high])
        rows.append((name, "feasible", m[0], *share.at(np.maximum(m, 0.0))))
        rows += _oracle(study, name, horizon, outcome)
    table = pd.DataFrame(rows, columns=["group", "kind", "multiplier", "share", "conf_low", "conf_high"])
    table["gain"] = table["share"] - table["share"].iloc[0]
    headline = next(name for name in groups if to in (name, groups[name]))
    return Counterfactual(
        table, headline, ADJUST_WORDS[adjust], level, draws, spread.log_sd()[0], len(np.unique(found.client)),
        _facts(found, naive, picking, min_clients), time.notes,
    )  # fmt: skip


@dataclass(frozen=True, slots=True)
class Picking:
    """Clients under caseworkers, and who may be picked.

    Attributes
    ----------
    client, caseworker : (n,) integer arrays
    expected : (n,) array
        Entries expected under an average caseworker.
    eligible : (m,) bool array
    variance : float
        Relative variance of the multipliers.
    parts : tuple of float
        Shares of the eligible caseworkers that are picked.
    """

    client: Ints
    caseworker: Ints
    expected: Floats
    eligible: np.ndarray
    variance: float
    parts: tuple[float, ...]

    def by_fold(self, fold: Ints, values: Floats) -> Floats:
        """Sums by fold of the client and caseworker, (folds, m)."""
        m = len(self.eligible)
        sums: Floats = np.bincount(fold[self.client] * m + self.caseworker, values, _FOLDS * m).astype(float)
        return sums.reshape(_FOLDS, m)

    def read(self, entries: Floats, mean: Floats, rng: Generator) -> tuple[Floats, Floats]:
        """Deal clients into folds, pick without and read within each: multipliers by `entries` and by `mean`."""
        fold = rng.permutation(int(self.client.max()) + 1) % _FOLDS
        observed, expected = self.by_fold(fold, entries), self.by_fold(fold, self.expected)
        known, weight = observed.sum(axis=0) - observed, expected.sum(axis=0) - expected
        score = (known - weight) / (weight + 1 / max(self.variance, _WEAKEST))
        order = np.argsort(np.where(self.eligible, -score, np.inf), axis=1, kind="stable")
        true = self.by_fold(fold, mean)
        sizes = [max(1, round(part * int(self.eligible.sum()))) for part in self.parts]
        found = [[np.take_along_axis(one, order[:, :size], axis=1).sum() for one in (observed, true, expected)]
                 for size in sizes]  # fmt: skip
        top, among, below = np.array(found).T
        return top / below, among / below


def _picked(rng: Generator, picking: Picking, entries: Floats) -> Floats:
    """Multipliers of the picked caseworkers by one deal, one for each share."""
    return picking.read(entries, entries, rng)[0]


def _miss(rng: Generator, picking: Picking) -> Floats:
    """What is read of redrawn caseworkers less what is true of those picked, averaged over a few deals."""
    m, v = len(picking.eligible), picking.variance
    multiplier = rng.gamma(1 / v, v, size=m) if v > 0 else np.ones(m)
    mean = picking.expected * multiplier[picking.caseworker]
    entries = rng.poisson(mean).astype(float)
    found = np.array([picking.read(entries, mean, rng) for _ in range(_DEALS_EACH)])
    return (found[:, 0] - found[:, 1]).mean(axis=0)


def _groups(to: str | float) -> dict[str, float]:
    """Name and share of the ranked caseworkers of every group in the table."""
    if isinstance(to, str):
        check_option("to", to, tuple(QUANTILES))
        return dict(QUANTILES)
    if isinstance(to, bool) or not isinstance(to, int | float | np.number) or not 0 < to < 1:
        raise OptionError(f"to={to!r} is no share between 0 and 1 and none of {', '.join(QUANTILES)}.")
    return {**QUANTILES, f"top {to:.4g}": float(to)}


def _actual(
    found: Caseload, share: ExpectedShare, level: float
) -> tuple[str, str, float, float, float, float]:
    """Share of the clients who entered, with a binomial interval."""
    n = int(found.client.max()) + 1
    value = float(found.entries.sum()) / n
    half = float(stats.norm.ppf(0.5 + level / 2)) * np.sqrt(value * (1 - value) / n)
    return "", "actual", 1.0, value, value - half, value + half


def _oracle(
    study: Study, name: str, horizon: int | None, outcome: Outcome
) -> list[tuple[str, str, float, float, float, float]]:
    """What is true in a simulated study; no row where it is not known."""
    if study.truth is None or name != "top decile" or horizon is not None or outcome != "job_or_education":
        return []
    known = study.truth.loc[study.truth["quantity"] == _ORACLE, "value"]
    return [(name, "oracle", np.nan, float(value), np.nan, np.nan) for value in known]


def _facts(found: Caseload, naive: RawShares, picking: Picking, min_clients: int) -> dict[str, str]:
    return {
        "clients": f"{int(found.client.max()) + 1:,} under {len(found.names):,} caseworkers; "
        f"{int(found.entries.sum()):,} entries",
        "caseworkers who can be picked": f"{int(picking.eligible.sum()):,} with at least {min_clients} clients over "
        f"time (naive: {len(naive.clients):,} with as many at enrolment)",
    }
