"""The published figures as the reference analyses see them, on arrays and without standard errors.

The definitions are those of `bipstats.replication.analyses`, which make tables and errors that a calibration does not
need and would take five times as long; a test holds the two together on one study.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.random import PCG64, Generator
from numpy.typing import NDArray

from bipstats.calibration.seen import Bools, Floats, Ints, Periods, Seen, periods
from bipstats.codebook import CLASSES, INDICATORS, indicators
from bipstats.models.kernels.binomial import (
    binomial_problem,
    evaluate,
    log_likelihood,
    starting_values,
)
from bipstats.models.kernels.newton import maximise
from bipstats.replication.analyses.caseworkers import LEAST_CLIENTS
from bipstats.replication.frames import SIGNIFICANT
from bipstats.synthetic.exits import expected_entry
from bipstats.synthetic.quantities import last_caseworker
from bipstats.synthetic.world import World

Columns = Callable[[Ints], NDArray[Any]]

CARRY = 52
YEAR = 52
BELIEF = INDICATORS.index("caseworker_belief")
_NINE = [INDICATORS.index(key) for key in SIGNIFICANT]
_NULL = [INDICATORS.index(key) for key in indicators(significant=False)["key"]]
_SEED = 33


def reference(world: World, study: Seen, controls: float = 1.0) -> dict[str, float]:
    """Give every quantity of the targets on one simulated study; hazard ratios as logarithms.

    Parameters
    ----------
    controls : float
        Share of the rows without an event that the hazard models use, with weights 1/share. The limit is the same;
        with a fifth the variance grows by some percent and the time falls to a third.
    """
    return {
        **belief_effect(study, controls),
        **job_effects(study, controls),
        **first_year(study),
        **histories(study, world.truth.interventions.second_other),
        **progression(study),
        **caseworkers(world),
        **naive(study),
    }


def belief_effect(study: Seen, controls: float = 1.0) -> dict[str, float]:
    """E02 and the items: log hazard ratios of job or education per step, answers carried for a year."""
    events = study.measured
    until = events.week + CARRY
    expires = events.last(events.client, until) == np.arange(len(until))  # no later answer has taken over
    among, when = study.class_changes
    client = np.concatenate([events.client, events.client[expires], study.changed.client, among])
    week = np.concatenate([events.week, until[expires], study.changed.week, when])
    rows = periods(study, (study.kind == 1) | (study.kind == 2), client, week)
    place = events.last(rows.client, rows.start)
    in_force = rows.start - events.week[place] < CARRY
    rows, place = rows.take(in_force), place[in_force]
    slopes = _hazard(study, rows, lambda kept: study.scores[place[kept]], controls)
    significant = [slopes[k] for k in _NINE if k != BELIEF]
    return {
        "belief": float(slopes[BELIEF]),
        "weakest item": float(min(significant)),
        "strongest null item": float(max(abs(slopes[k]) for k in _NULL)),
    }


def job_effects(study: Seen, controls: float = 1.0) -> dict[str, float]:
    """E01 and E03: log hazard ratios of a job, for high orientation and after a change of caseworker."""
    rows = periods(study, study.kind == 1, study.changed.client, study.changed.week)
    caseworker, switched = study.caseworker(rows.client, rows.start)
    first = study.first()
    answers = study.scores[first]
    switch = _hazard(
        study, rows, lambda kept: np.column_stack([switched[kept], answers[rows.client[kept]]]), controls
    )
    mean = leave_out_mean(study, rows.client, caseworker)
    known = ~np.isnan(mean)
    high = mean > np.median(mean[known])
    rows, high, switched = rows.take(known), high[known], switched[known]
    own = study.own[first]
    oriented = _hazard(
        study,
        rows,
        lambda kept: np.column_stack([high[kept], switched[kept], own[rows.client[kept]]]),
        controls,
    )
    return {"orientation": float(oriented[0]), "switch": float(switch[0])}


def leave_out_mean(study: Seen, client: Ints, caseworker: Ints) -> Floats:
    """Mean belief of caseworkers in clients other than the row's, net of what is known of these.

    Answers on belief less their projection on background, job centre and the client's own six answers of the same
    measurement; NaN where a caseworker has answered on nobody else.
    """
    about = study.measured.client
    x = np.column_stack([_fixed(study)[about], study.own, np.ones(len(about))]).astype(float)
    belief = study.scores[:, BELIEF].astype(float)
    net = belief - x @ np.linalg.solve(x.T @ x, x.T @ belief)
    size = int(max(study.rater.max(), caseworker.max())) + 1
    pair, where = np.unique(about * size + study.rater, return_inverse=True)
    own_sum, own_count = np.bincount(where, net), np.bincount(where)
    asked = client * size + caseworker
    at = np.minimum(np.searchsorted(pair, asked), len(pair) - 1)
    met = pair[at] == asked
    total = np.bincount(study.rater, net, size)[caseworker] - np.where(met, own_sum[at], 0.0)
    count = np.bincount(study.rater, minlength=size)[caseworker] - np.where(met, own_count[at], 0)
    return np.where(count > 0, total / np.maximum(count, 1), np.nan)


def _fixed(study: Seen) -> Floats:
    """Background and nine dummies of the job centres, by client."""
    return np.hstack([study.background, study.centre[:, None] == np.arange(1, 10)])


def _hazard(study: Seen, rows: Periods, columns: Columns, controls: float) -> Floats:
    """Slopes of a complementary log-log on `columns`, background and job centre, with effects of periods."""
    kept = np.flatnonzero(_sampled(study, rows, controls))
    rows = rows.take(kept)
    x = np.hstack([columns(kept), _fixed(study)[rows.client]]).astype(float)
    weight = np.where(rows.event, 1.0, 1 / controls)
    level = np.unique(rows.period, return_inverse=True)[1]
    problem = binomial_problem(
        x - x.mean(axis=0), level, weight * rows.event, weight, np.log(rows.exposure), "cloglog"
    )
    found = maximise(
        lambda params: evaluate(params, problem),
        lambda params: log_likelihood(params, problem),
        starting_values(problem),
        tolerance=1e-11,
    )
    return found.params[level.max() + 1 :]


def _sampled(study: Seen, rows: Periods, controls: float) -> Bools:
    """Rows of periods with events: all with an event, and a share of the others, always of the same clients."""
    with_events = np.bincount(rows.period, rows.event) > 0
    kept = with_events[rows.period]
    if controls == 1.0:
        return kept
    length = int(rows.period.max()) + 1
    chance = Generator(PCG64(_SEED)).random((len(study.week), length))
    return kept & (rows.event | (chance[rows.client, rows.period] < controls))


def first_year(study: Seen) -> dict[str, float]:
    """E05-E10: the first answer on belief, and a job within a year of it."""
    answer = study.scores[study.first(), BELIEF]
    known = study.data_end >= YEAR
    entered = (study.kind == 1) & (study.week <= YEAR)
    made = {f"belief {k}": float(np.mean(answer == k)) for k in (1, 3, 4, 5)}
    made["belief 1-2"] = float(np.mean(answer <= 2))
    made["in job"] = float(entered[known].mean())
    for k in (1, 5):
        made[f"in job, belief {k}"] = float(entered[known & (answer == k)].mean())
    return made


def histories(study: Seen, second_other: float) -> dict[str, float]:
    """E04, E16-E22 and E32-E34b: changes of caseworker, intervention classes and types, background.

    `second_other` is the probability that a quarter with another type has a second one: the share of quarters with
    one type is its expectation.
    """
    first = np.full(len(study.week), np.iinfo(np.int64).max)
    np.minimum.at(first, study.changed.client, study.changed.week)
    made = {"switched": float(np.mean(first <= study.week))}
    whole = 13 * (np.arange(study.classes.shape[1]) + 1) <= study.week[:, None]
    count = np.bincount(study.classes[whole], minlength=len(CLASSES)) / whole.sum()
    made |= {f"class {name}": float(share) for name, share in zip(CLASSES, count, strict=True)}
    made["without job"] = float(count[0] + count[1])
    made["one type"] = float(count[1] * (1 - second_other) + count[2])
    made["two or more types"] = float(count[1] * second_other + count[3])
    x = study.background
    shares = {"job share": x[:, 8], "long support": x[:, 9] >= 0.8, "no qualification": x[:, 4]}
    shares |= {"mental diagnosis": x[:, 5], "musculoskeletal diagnosis": x[:, 6]}
    made |= {name: float(column.mean()) for name, column in shares.items()}
    made["men convicted"] = float(x[x[:, 0] == 0, 7].mean())
    return made


def progression(study: Seen) -> dict[str, float]:
    """E23-E26: change of the index per quarter between measurements a quarter apart, by class, in sd."""
    client, quarter, week = study.measured.client, study.quarter, study.measured.week
    near = (client[1:] == client[:-1]) & (quarter[1:] == quarter[:-1] + 1)
    at = np.flatnonzero(near)
    index = study.scores[:, _NINE].mean(axis=1)
    spread = index[study.first()].std(ddof=1)
    change = (index[at + 1] - index[at]) / (week[at + 1] - week[at]) * 13 / spread
    klass = study.classes[client[at], quarter[at]]
    return {f"progression {name}": float(change[klass == k].mean()) for k, name in enumerate(CLASSES)}


def caseworkers(world: World) -> dict[str, float]:
    """E11, E12, E15 by the simulator's own knowledge: expected shares, and those of true deciles."""
    order = np.argsort(-world.team.effect, kind="stable")
    size = max(1, round(0.1 * len(order)))
    top = float(world.team.effect[order[:size]].mean())
    last, entered = last_caseworker(world), np.isin(world.out.kind, (1, 2))
    return {
        "entry": float(expected_entry(world.rates(), world.out.followed).mean()),
        "entry, top decile": float(expected_entry(world.rates(effect=top), world.out.followed).mean()),
        "entry of top decile": float(entered[np.isin(last, order[:size])].mean()),
        "entry of bottom decile": float(entered[np.isin(last, order[-size:])].mean()),
    }


def naive(study: Seen) -> dict[str, float]:
    """E12 and E15 by the naive rule: raw shares of the caseworkers at enrolment, best quarter and halves."""
    entered = ((study.kind == 1) | (study.kind == 2)).astype(float)
    clients = np.bincount(study.first_caseworker)
    kept = clients >= LEAST_CLIENTS
    shares = np.sort(np.bincount(study.first_caseworker, entered)[kept] / clients[kept])
    half, quarter = max(1, round(len(shares) / 2)), max(1, round(len(shares) / 4))
    return {
        "naive top quarter": float(shares[-quarter:].mean()),
        "naive top half": float(shares[-half:].mean()),
        "naive bottom half": float(shares[:-half].mean()),
    }
