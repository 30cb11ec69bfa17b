"""Small studies with unobserved types, and their likelihoods by enumeration."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd


def typed_periods(seed=1, persons=400, periods=6, locations=(-2.8, -0.8), shares=(0.6, 0.4), slope=0.6):
    """Person-periods of persons with a type and one covariate."""
    draw = np.random.default_rng(seed)
    v = np.array(locations)[draw.choice(len(locations), persons, p=shares)]
    x = draw.normal(size=persons)
    hazard = -np.expm1(-np.exp((v + slope * x)[:, None] + 0.05 * np.arange(periods)))
    event = draw.random((persons, periods)) < hazard
    at_risk = np.cumsum(event, axis=1) - event == 0
    person, period = np.nonzero(at_risk)
    return pd.DataFrame(
        {"client": person, "period": period, "event": event[at_risk].astype(int), "x": x[person]}
    )


def treated_periods(seed=1, persons=500, periods=10, effect=0.5):
    """Person-periods with a treatment; those who leave fast are treated early."""
    draw = np.random.default_rng(seed)
    fast = draw.random(persons) < 0.4
    x = draw.normal(size=persons)
    start, gone, rows = np.full(persons, periods), np.zeros(persons, bool), []
    for period in range(periods):
        begins = (draw.random(persons) < -np.expm1(-np.exp(np.where(fast, -1.4, -3.2) + 0.4 * x))) & (
            period > 0
        )
        start[begins & (start == periods)] = period
        treated = start <= period
        event = draw.random(persons) < -np.expm1(
            -np.exp(np.where(fast, -1.4, -3.2) + 0.5 * x + effect * treated)
        )
        here = np.flatnonzero(~gone)
        rows.append(
            pd.DataFrame(
                {
                    "client": here,
                    "period": period,
                    "event": event[here].astype(int),
                    "treated": treated[here].astype(int),
                    "x": x[here],
                }
            )
        )
        gone |= event
    return pd.concat(rows, ignore_index=True)


def probability(eta, link):
    """Probability of the event in a row."""
    if eta == -math.inf:
        return 0.0
    if eta == math.inf:
        return 1.0
    return 1 / (1 + math.exp(-eta)) if link == "logit" else 1 - math.exp(-math.exp(eta))


def enumerated(law, problem):
    """Marginal log-likelihood by loops over units, points, hazards and rows."""

    def marginal(channels, unit):
        total, place = 0.0, [0]
        for rows in channels:
            place.append(place[-1] + rows.n_structural)
        for k, share in enumerate(law.probabilities):
            product = share
            for c, rows in enumerate(channels):
                own = law.structural[place[c] : place[c + 1]]
                effects = [0.0, *own[: rows.n_levels - 1]]
                for i in np.flatnonzero(rows.unit == unit):
                    eta = law.locations[k, c] + effects[rows.level[i]] + rows.x[i] @ own[rows.n_levels - 1 :]
                    product *= _row(eta + rows.offset[i], rows.events[i], rows.trials[i], rows.link)
            total += product
        return math.log(total)

    return sum(
        marginal(problem.channels, unit) - (marginal(problem.before, unit) if problem.before else 0.0)
        for unit in range(problem.n_units)
    )


def _row(eta, events, trials, link):
    if link == "log":
        rate = math.exp(eta)
        return rate**events * math.exp(-rate * trials)
    p = probability(eta, link)
    return p**events * (1 - p) ** (trials - events)
