"""How effective each caseworker is, and how much of what is seen is noise."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import numpy as np
import pandas as pd
from numpy.random import Generator

from bipstats.caseworkers.added import ValueAdded
from bipstats.caseworkers.caseload import Caseload, caseload
from bipstats.caseworkers.exposure import ADJUST_WORDS, Adjust, Exposure, exposure
from bipstats.caseworkers.linear import LinearEffects, linear_effects
from bipstats.caseworkers.movers import FEWEST, FORECAST, PLACEBO, forecasts, moves, of_change
from bipstats.caseworkers.ranks import critical_value, rank_sets
from bipstats.caseworkers.spread import (
    Halves,
    Rows,
    Spread,
    gamma_poisson,
    permuted_moment,
    shrunken,
    split,
    split_variance,
)
from bipstats.core.columns import Floats, Ints
from bipstats.core.estimates import check_level
from bipstats.core.resample import draws as run_draws
from bipstats.errors import ModelError, OptionError, check_option

if TYPE_CHECKING:
    from bipstats.register.outcomes import Outcome
    from bipstats.study.study import Study

Model = Literal["linear", "intercept", "hazard"]
MODELS: tuple[Model, ...] = ("linear", "intercept", "hazard")
SPLIT, LEAVE_OUT, GAMMA, INTERCEPT = (
    "split sample",
    "leave-out, linear",
    "likelihood, gamma-Poisson",
    "likelihood, random intercept",
)
_OF_MODEL = {"linear": LEAVE_OUT, "hazard": GAMMA, "intercept": INTERCEPT}
_LEAST = 0.05  # multiplier below which a linear effect is not taken for its error


def value_added(
    study: Study,
    *,
    outcome: Outcome = "job_or_education",
    horizon: int | None = None,
    model: Model = "intercept",
    min_clients: int = 6,
    adjust: Adjust = "answers",
    level: float = 0.95,
    draws: int = 500,
    rng: int | Generator | None = None,
    jobs: int | None = None,
    progress: bool | None = None,
) -> ValueAdded:
    r"""Effect of each caseworker on entry, and how much caseworkers differ net of noise.

    Parameters
    ----------
    study : Study
    outcome : {"job_or_education", "job", "education"}
    horizon : int, optional
        Weeks from enrolment after which nothing is counted; the whole follow-up if not given.
    model : {"linear", "intercept", "hazard"}
        What effects come from: probability of entry per quarter with fixed effects; hazard with a normal random
        intercept; entries observed over expected with gamma multipliers.
    min_clients : int, default 6
        Caseworkers with fewer clients are in every model but not listed and not ranked.
    adjust : {"answers", "background", "centre"}
        What clients are compared on: job centre, background and the client's own first answers; without the answers; or
        the job centre alone.
    level : float, default 0.95
        Of intervals and rank sets.
    draws : int, default 500
        Split samples, permutations, and redrawn entries for the rank sets.
    rng : None, int or numpy.random.Generator
    jobs : int, optional
        Workers for the draws; the numbers do not depend on it.
    progress : bool, optional
        None: only on a terminal or in a notebook.

    Returns
    -------
    ValueAdded

    Raises
    ------
    ModelError
        Nothing is left to compare: no entries, fewer than three caseworkers, or none with `min_clients`.
    OptionError
        An argument has no meaning.

    Notes
    -----
    A client's time counts for the caseworker of that time: raw shares by the caseworker at enrolment blur what they
    measure where clients change. With :math:`O_c` entries and :math:`E_c` expected ones, from a hazard model of the
    clients with a random intercept for caseworkers, the adjusted rate is :math:`\bar r\,O_c / E_c`. Effects are against
    the own job centre, whose effect is in the model.

    How much they differ is told in four ways, on one scale, the standard deviation of the log hazard (a relative
    variance v of the multipliers is :math:`\sqrt{\log(1 + v)}`): products of halves of the clients, each with a model
    of its own; leave-out (Kline, Saggio & Sølvsten 2020; clients are left out whole); maximum likelihood of gamma and
    of log-normal multipliers. Entry ends the time at risk, so unmeasured differences between clients deplete, and
    unmeasured sorting of hard cases to good caseworkers hides effects: all four are lower bounds where there is either.

    Rank sets are simultaneous (Mogstad, Romano, Shaikh & Wilhelm 2024): critical values from entries redrawn as Poisson
    about the shrunken rates, expectations held fixed, on roots of the rates. The permutation test deals clients out
    anew within job centre and order of caseworker. On clients who change caseworker the change foretold by the others'
    entries should come true one for one, and should not foretell the past (Chetty, Friedman & Rockoff 2014; Rothstein
    2017).

    References
    ----------
    Kline, P., Saggio, R. & Sølvsten, M. (2020). Leave-out estimation of variance components. *Econometrica*.
    Mogstad, M., Romano, J., Shaikh, A. & Wilhelm, D. (2024). Inference for ranks with applications to mobility across
    neighbourhoods and academic achievement across countries. *Review of Economic Studies*.
    Chetty, R., Friedman, J. & Rockoff, J. (2014). Measuring the impacts of teachers I. *American Economic Review*.
    Rothstein, J. (2017). Measuring the impacts of teachers: comment. *American Economic Review*.

    Examples
    --------
    >>> import bipstats as bip
    >>> study = bip.simulate(clients=600, rng=1)
    >>> found = bip.caseworkers.value_added(study, adjust="centre", draws=20, rng=1)
    >>> found.sd["method"].tolist()[0], bool((found.table["clients"] >= 6).all())
    ('split sample', True)
    """
    check_option("model", model, MODELS)
    check_level(level)
    check_count("min_clients", min_clients)
    check_count("draws", draws)
    time = exposure(study, outcome, horizon, adjust)
    found = caseload(time)
    rows = Rows(found.client, found.caseworker, found.excess, found.expected, found.covariates)
    linear = linear_effects(time.periods(), time.terms, found.names, found.centre, level)
    spreads = {
        LEAVE_OUT: linear.spread,
        GAMMA: gamma_poisson(found.observed, found.predicted, level),
        INTERCEPT: _intercept(found, time, level),
    }
    multiplier, shrunk, weight = _multipliers(model, found, linear, spreads)
    listed = _listed(found, multiplier, min_clients)
    stratum = 2 * found.centre[found.caseworker] + found.later
    made = run_draws(
        _draw, draws, rows, stratum, np.maximum(shrunk, _LEAST) * weight,
        rng=rng, jobs=jobs, shown=progress, label="value added",
    )  # fmt: skip
    spreads[SPLIT], halves = split_variance([one[0] for one in made], level)
    moment = float((found.sums(found.excess) ** 2).sum())
    p_value = (1 + sum(one[1] >= moment for one in made)) / (1 + draws)
    error = np.sqrt(np.maximum(shrunk, _LEAST) / weight)
    redrawn = np.array([one[2] for one in made])
    low, high = _rank_sets(multiplier[listed], shrunk[listed], weight[listed], redrawn[:, listed], level)
    table = _table(found, listed, multiplier, error, shrunk).assign(rank_low=low, rank_high=high)
    spread = spreads[_OF_MODEL[model]]
    signal = max(spread.variance, 0.0)
    effects, not_told = _movers(found, spreads[GAMMA], level)
    return ValueAdded(
        table.sort_values("rank", ignore_index=True),
        _sd_table(spreads),
        effects,
        signal / (signal + float(np.mean(error[listed] ** 2))),
        halves,
        p_value,
        found.rate,
        model,
        ADJUST_WORDS[adjust],
        level,
        draws,
        min_clients,
        _facts(time, found, linear, listed, min_clients),
        (*time.notes, *not_told),
    )


def check_count(name: str, value: object) -> None:
    """Raise unless `value` is a whole number of at least one."""
    if isinstance(value, bool) or not isinstance(value, int | np.integer) or value < 1:
        raise OptionError(f"{name}={value!r} is not a whole number of at least 1.")


def _draw(rng: Generator, rows: Rows, stratum: Ints, mean: Floats) -> tuple[Halves, float, Floats]:
    """One split, one permutation and one set of entries drawn anew."""
    return split(rows, rng), permuted_moment(rows, stratum, rng), rng.poisson(mean).astype(float)


def _intercept(found: Caseload, time: Exposure, level: float) -> Spread:
    """Relative variance of log-normal multipliers, with the profile interval."""
    row = found.fit.profile_sd(time.periods(), level).iloc[0]
    return Spread(*(float(np.expm1(row[name] ** 2)) for name in ("sd", "conf_low", "conf_high")))


def _multipliers(
    model: Model, found: Caseload, linear: LinearEffects, spreads: dict[str, Spread]
) -> tuple[Floats, Floats, Floats]:
    """Multipliers of the rate before and after shrinkage, and the entries at a multiplier of one, (m,) each."""
    if model == "linear":
        weight = found.sums(found.years) * found.rate
        variance = max(spreads[LEAVE_OUT].variance, 0.0)
        return (
            1 + linear.effect,
            1 + np.nan_to_num(linear.effect) * variance / (variance + 1 / weight),
            weight,
        )
    observed, weight = found.observed, found.predicted
    if model == "hazard":
        return observed / weight, shrunken(observed, weight, spreads[GAMMA].variance), weight
    raised = np.exp(found.effects)
    return observed / weight, raised * observed.sum() / (weight @ raised), weight


def _rank_sets(
    multiplier: Floats, shrunk: Floats, weight: Floats, redrawn: Floats, level: float
) -> tuple[Ints, Ints]:
    r"""Limits of the ranks, from roots of the multipliers: their errors hardly depend on the multipliers.

    Notes
    -----
    For a Poisson count O with mean m E the root :math:`\sqrt{(O + 3/8) / E}` has the error
    :math:`1 / (2 \sqrt{E})` (Anscombe 1948), also where nobody entered.
    """
    error = 0.5 / np.sqrt(weight)
    root = np.sqrt(np.maximum(multiplier, 0.0) + 0.375 / weight)
    deviation = np.sqrt((redrawn + 0.375) / weight) - np.sqrt(np.maximum(shrunk, _LEAST))
    return rank_sets(root, error, critical_value(deviation, error, level))


def _listed(found: Caseload, multiplier: Floats, min_clients: int) -> Ints:
    """Caseworkers who are ranked."""
    listed = np.flatnonzero((found.clients >= min_clients) & ~found.alone & np.isfinite(multiplier))
    if len(listed) < 2:
        raise ModelError(
            f"{len(listed)} of {len(found.names):,} caseworkers have at least {min_clients} clients and a colleague at "
            "their job centre; a ranking needs two. Lower min_clients="
        )
    return listed


def _table(found: Caseload, listed: Ints, multiplier: Floats, error: Floats, shrunk: Floats) -> pd.DataFrame:
    years = found.sums(found.years)
    frame = pd.DataFrame(
        {
            "caseworker": found.names,
            "jobcentre": found.centres[found.centre],
            "clients": found.clients,
            "years": years,
            "entries": found.observed.astype(np.int64),
            "raw": found.observed / years,
            "adjusted": found.rate * multiplier,
            "std_error": found.rate * error,
            "shrunken": found.rate * shrunk,
        }
    ).iloc[listed]
    rank = frame["shrunken"].rank(ascending=False, method="first").astype(np.int64)
    return frame.assign(rank=rank)


def _sd_table(spreads: dict[str, Spread]) -> pd.DataFrame:
    """Standard deviations of the log hazard, side by side."""
    methods = (SPLIT, LEAVE_OUT, GAMMA, INTERCEPT)
    rows = [(name, *spreads[name].log_sd(), spreads[name].variance) for name in methods]
    return pd.DataFrame(rows, columns=["method", "sd", "conf_low", "conf_high", "relative_variance"])


def _movers(found: Caseload, spread: Spread, level: float) -> tuple[pd.DataFrame, tuple[str, ...]]:
    """Forecast and placebo as a tidy frame, or why there is none."""
    rows = moves(found, spread.variance)
    if spread.variance <= 0:
        return of_change({}, level), (
            "no forecast for clients who change: caseworkers do not differ by likelihood",
        )
    if len(rows) < FEWEST:
        words = f"no forecast for clients who change: {len(rows):,} of them, {FEWEST} are needed"
        return of_change({}, level), (words,)
    outcome, before = forecasts(rows)
    return of_change({FORECAST: outcome, PLACEBO: before}, level), ()


def _facts(
    time: Exposure, found: Caseload, linear: LinearEffects, listed: Ints, min_clients: int
) -> dict[str, str]:
    """What was used, what was left out, and why."""
    few = int((found.clients < min_clients).sum())
    changed = int(found.later.sum())
    facts = {
        "clients": f"{int(found.client.max()) + 1:,} under {len(found.names):,} caseworkers at {len(found.centres)} "
        f"job centres; {changed:,} changes of caseworker",
        "entries": f"{int(found.entries.sum()):,} in {found.years.sum():,.0f} client-years",
        "caseworkers ranked": f"{len(listed):,}; not ranked: {few:,} with fewer than {min_clients} clients, "
        f"{int(found.alone.sum()):,} alone at their job centre",
        "leave-out": f"{linear.left_out:,} caseworkers with one client left out; clients and caseworkers fall into "
        f"{found.components:,} sets without a common client, compared by what was adjusted for",
    }
    facts |= {what: f"{count:,}" for what, count in time.flow[1:] if count}
    return facts
