"""The first job-oriented intervention as a trial that starts anew every week."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import numpy as np
import pandas as pd

from bipstats.codebook import BACKGROUND, INDICATORS
from bipstats.core.columns import Floats, with_values
from bipstats.core.estimates import check_level
from bipstats.errors import ModelError, OptionError, check_option
from bipstats.interventions.trial import ENTRY, OTHER, TrialRows, client_sums
from bipstats.interventions.trial_result import FirstStart
from bipstats.models.logit import logit
from bipstats.register.outcomes import Outcome, check_weeks, outcomes
from bipstats.seeds import generator
from bipstats.timeline.covariates import Covariates
from bipstats.timeline.steps import FOREVER, Ints

if TYPE_CHECKING:
    from bipstats.register.weeks import Codes
    from bipstats.study.study import Study

_ITEMS = tuple(INDICATORS)


def first_start_effect(
    study: Study,
    *,
    against: Literal["waiting", "never"] = "waiting",
    outcome: Outcome = "job_or_education",
    sustained_weeks: int = 4,
    codes: Codes = None,
    horizon: int = 52,
    carry_weeks: int = 26,
    draws: int = 500,
    level: float = 0.95,
    rng: int | np.random.Generator | None = None,
) -> FirstStart:
    r"""Estimate what beginning a first job-oriented intervention does to entry, among those who began.

    Parameters
    ----------
    study : Study
    against : {"waiting", "never"}
        Not beginning now, whatever is begun later (dynamic assignment); or not beginning at all within the horizon,
        with those who begin later censored then and stood in for by those who do not.
    outcome, sustained_weeks, codes
        What counts as entry, as in `bip.spells`.
    horizon : int
        Weeks since the start.
    carry_weeks : int
        Weeks for which answers are carried; client-weeks without all answers in force are left out.
    draws : int
        Bootstrap draws of clients.
    level : float, default 0.95
    rng : None, int or numpy.random.Generator

    Returns
    -------
    FirstStart

    Raises
    ------
    ModelError
        Nobody could begin, or nobody did; the message says how many.

    Notes
    -----
    Every week of a client at risk, answered, without any job-oriented intervention so far, is a trial of its own: the
    intervention begins in the next week, or it does not. Time zero is that week for both, so that nobody has to survive
    to a start (no immortal time). The chance e of beginning is a logit on week, answers, background, other
    interventions and job centre; those who did not begin get the weight :math:`e/(1 - e)`, so that they are like
    those who did (the effect on the treated). Incidence by Aalen-Johansen, other exits competing; intervals by
    drawing clients, with the weights as they are. Clients with a job-oriented intervention at enrolment are left out.

    Given what is in the logit, beginning in a week must be as good as random. A short-run fall is lock-in: less search
    while taking part.

    References
    ----------
    Hernán, M. & Robins, J. (2016). Using big data to emulate a target trial when a randomized trial is not available.
    *American Journal of Epidemiology*.
    Sianesi, B. (2004). An evaluation of the Swedish system of active labor market programs in the 1990s. *REStat*.
    Vikström, J. (2017). Dynamic treatment assignment and evaluation of active labor market policies. *Labour
    Economics*.

    Examples
    --------
    >>> import bipstats as bip
    >>> found = bip.interventions.first_start_effect(bip.simulate(clients=800, rng=1), draws=50, rng=1)
    >>> found.table["weeks"].tolist()
    [13, 26, 39, 52]
    """
    check_option("against", against, ("waiting", "never"))
    check_weeks("horizon", horizon, least=4)
    check_weeks("carry_weeks", carry_weeks)
    check_level(level)
    if isinstance(draws, bool) or not isinstance(draws, int | np.integer) or draws < 20:
        raise OptionError(f"draws={draws!r} is not a whole number of at least 20.")
    covariates = Covariates.of(study, carry_weeks)
    ends = outcomes(study, outcome, sustained_weeks, codes)
    rows, data, flow = _trials(study, covariates, ends)
    chance, balance = _chances(data, rows)
    sums = client_sums(rows, chance, horizon, censored_at_start=against == "never")
    seed = generator(rng)
    n = len(sums.values)
    count = seed.multinomial(n, np.full(n, 1 / n), size=int(draws)).astype(float)
    found, drawn = sums.incidence(), sums.incidence(count)
    return FirstStart(
        incidence=found,
        covariances=_covariances(drawn),
        drawn_gap=np.quantile(drawn[:, 1] - drawn[:, 0], [(1 - level) / 2, (1 + level) / 2], axis=0),
        against=against,
        outcome=outcome,
        draws=int(draws),
        level=level,
        balance=balance,
        flow=tuple(flow.items()),
    )


def _covariances(drawn: Floats) -> Floats:
    """Covariance of (waited, began) at every week, (H, 2, 2)."""
    centred = drawn - drawn.mean(axis=0)
    return np.asarray(np.einsum("bih,bjh->hij", centred, centred) / (len(drawn) - 1))


def _first_job_week(covariates: Covariates, n: int) -> Ints:
    """Week in which each client's first job-oriented record begins."""
    records = covariates.records
    first = np.full(n, FOREVER, dtype=np.int64)
    job = records.kind == 0
    np.minimum.at(first, records.client[job], records.first[job])
    return first


def _trials(
    study: Study, covariates: Covariates, ends: pd.DataFrame
) -> tuple[TrialRows, pd.DataFrame, dict[str, int]]:
    """Client-weeks in which a first start could be, with what was known then."""
    risk_start, end = (ends[key].to_numpy(np.int64) for key in ("risk_start", "week"))
    started = _first_job_week(covariates, len(ends))
    begin = np.maximum(risk_start, covariates.first_answer(FOREVER))
    last = np.minimum(end, started) - 1
    able = (started > 0) & (begin <= last)
    count = np.where(able, last - begin + 1, 0)
    client = np.repeat(np.arange(len(ends)), count)
    week = begin[client] + np.arange(len(client)) - (np.cumsum(count) - count)[client]
    in_force = covariates.at(client, week)
    who, what = covariates.columns(study, in_force)
    data = pd.DataFrame({**who, **what, "week": week}, copy=False)
    background, empty = with_values(data, BACKGROUND)
    complete = data[[*_ITEMS, *background]].notna().all(axis=1).to_numpy()
    flow = {
        "clients": len(ends),
        "with a job-oriented intervention at enrolment": int((started <= 0).sum()),
        "client-weeks before a first start": len(data),
        "client-weeks without all answers in force": int((~complete).sum()),
        **empty,
    }
    client, week, data = client[complete], week[complete], data[complete].reset_index(drop=True)
    exit = np.where(ends["event"] == 1, ENTRY, np.where(ends["exit"] == "censored", 0, OTHER))[client]
    began = started[client] == week + 1
    codes = np.unique(client, return_inverse=True)[1]
    flow["first starts"] = int(began.sum())
    if began.sum() < 20 or (~began).sum() < 20:
        raise ModelError(
            f"{int(began.sum()):,} first job-oriented starts in {len(began):,} client-weeks in which there "
            f"could be one: "
            "too few to compare (20 of either are needed)."
        )
    rows = TrialRows(codes, week, began, end[client] - week, exit, started[client] - week)
    return rows, data, flow


def _chances(data: pd.DataFrame, rows: TrialRows) -> tuple[Floats, pd.DataFrame]:
    """Chance of beginning in each client-week, and how like the two groups are with the weights."""
    names = [name for name in (*_ITEMS, *BACKGROUND) if data[name].nunique() > 1]
    factors = [f"C({name})" for name in ("jobcentre", "intervention_class") if data[name].nunique() > 1]
    data = data.assign(
        began=rows.began.astype(float),
        intervention_class=data["intervention_class"].cat.remove_unused_categories(),
    )
    knots = "cr(week, df=4)" if data["week"].nunique() > 8 else "week"
    fit = logit("began ~ " + " + ".join([knots, *names, *factors]), data)
    chance = fit.predict(data).to_numpy()
    weight = np.where(rows.began, 1.0, chance / (1 - chance))
    x = fit.design.matrix(data)
    treated, others = x[rows.began], x[~rows.began]
    spread = treated.std(axis=0)
    spread = np.where(spread > 0, spread, 1.0)
    before = (treated.mean(axis=0) - others.mean(axis=0)) / spread
    weighted = np.average(others, axis=0, weights=weight[~rows.began])
    after = (treated.mean(axis=0) - weighted) / spread
    return chance, pd.DataFrame({"term": list(fit.design.names), "before": before, "after": after})
