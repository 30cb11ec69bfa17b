"""E11-E15: shares in job or education by caseworker, by a rule that noise alone satisfies."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import numpy as np
from numpy.typing import NDArray

from bipstats.caseworkers.raw_shares import RawShares, entered
from bipstats.codebook import BACKGROUND, REFERENCE_RATER
from bipstats.models.logit import logit
from bipstats.register.outcomes import Outcome
from bipstats.replication.estimate import Estimate, Quantities, Scale, share
from bipstats.replication.frames import SIGNIFICANT, Prepared, complete, terms, with_entries
from bipstats.replication.model_table import ModelTable
from bipstats.replication.wording import counted

Floats = NDArray[np.float64]

LEAST_CLIENTS = 6
"""m: caseworkers with fewer clients are left out of the naive rule."""

HORIZONS: dict[str, int | None] = {"52 weeks": 52, "104 weeks": 104, "156 weeks": 156, "follow-up": None}
GROUPS: dict[str, float] = {"half": 1 / 2, "third": 1 / 3, "quarter": 1 / 4, "decile": 1 / 10}
OUTCOMES: dict[str, Outcome] = {"job or education": "job_or_education", "job": "job"}

ACTUAL = tuple(f"share in {outcome}, {horizon}" for outcome in OUTCOMES for horizon in HORIZONS)
NAIVE = (
    *(f"top {group}, {horizon}" for group in GROUPS for horizon in HORIZONS),
    *(f"ratio of top {group}, {horizon}" for group in GROUPS for horizon in HORIZONS),
    "bottom half, follow-up",
    "gap of halves",
)
ADJUSTED = ("adjusted top half", "adjusted bottom half", "adjusted less raw gap")
FEASIBLE = ("feasible top quarter, follow-up", "feasible top decile, follow-up")
ADJUSTED_BY_ANSWERS = tuple(f"{name}, with answers" for name in ADJUSTED)


def actual(prepared: Prepared) -> Quantities:
    """Share of clients with an entry by each horizon after enrolment."""
    made: Quantities = {}
    for name, outcome in OUTCOMES.items():
        ends = prepared.entry_ends if outcome == "job_or_education" else prepared.ends(outcome)
        for horizon, weeks in HORIZONS.items():
            flags, known = entered(ends, weeks)
            made[f"share in {name}, {horizon}"] = share(flags[known], what=f"none followed for {horizon}")
    return made


def naive(prepared: Prepared) -> Quantities:
    """Mean of the best caseworkers' raw shares, unweighted; the ratio to the clients' own share; halves.

    Caseworkers are those at enrolment with at least six clients. Errors by resampling caseworkers, with
    their clients' outcomes fixed.
    """
    made: Quantities = {}
    for horizon, weeks in HORIZONS.items():
        group = RawShares.of(prepared.entry_ends, weeks, LEAST_CLIENTS)
        for name, part in GROUPS.items():
            made[f"top {name}, {horizon}"] = _bootstrap(prepared, group, partial(RawShares.top, part=part))
            made[f"ratio of top {name}, {horizon}"] = _bootstrap(
                prepared, group, partial(_log_ratio, part=part), "ratio"
            )
    group = RawShares.of(prepared.entry_ends, None, LEAST_CLIENTS)
    made["bottom half, follow-up"] = _bootstrap(prepared, group, lambda g: g.bottom(1 / 2))
    made["gap of halves"] = _bootstrap(
        prepared, group, lambda g: g.top(1 / 2) - g.bottom(1 / 2), "difference"
    )
    return made


def adjusted(prepared: Prepared) -> Quantities:
    """The gap of halves after adjustment for the clients' characteristics, less the raw gap.

    Adjusted share: observed over expected entries, times the mean; expected ones from a logit of entry by
    the end of follow-up on background and job centre (beside it: and the client's own first answers),
    without caseworkers (held fixed in the resampling). The caseworker's answers are part of what is measured
    and are not adjusted for.
    """
    return dict(zip(ADJUSTED, _adjusted(prepared), strict=True))


def adjusted_by_answers(prepared: Prepared) -> Quantities:
    """The same with the client's own first answers among the adjusters."""
    own = [key for key in SIGNIFICANT if REFERENCE_RATER[key] == "client"]
    return dict(zip(ADJUSTED_BY_ANSWERS, _adjusted(prepared, *own), strict=True))


def feasible(prepared: Prepared) -> Quantities:
    """Share if all were as effective as the best who can be picked, read on clients who took no part in picking.

    `bip.caseworkers.counterfactual` at its defaults; the error is a quarter of its 95 % interval.
    """
    found = prepared.counterfactual
    rows = found.table[found.table["kind"] == "feasible"].set_index("group")[
        ["share", "conf_low", "conf_high"]
    ]
    made: Quantities = {}
    for name in FEASIBLE:
        group = name.removeprefix("feasible ").removesuffix(", follow-up")
        value, low, high = rows.loc[group].to_numpy(dtype=float)
        note = f"caseworkers with at least {LEAST_CLIENTS} clients; ten folds"
        made[name] = Estimate(float(value), float(high - low) / 4, found.clients, "share", "clients", note)
    return made


def _adjusted(prepared: Prepared, *answers: str) -> list[Estimate]:
    """Adjusted halves and the difference of the gaps, given background, job centre and some answers."""
    ends = prepared.entry_ends
    flags, _ = entered(ends, None)
    clients = prepared.first_entry.merge(
        ends.assign(entry=flags.astype(float))[["client", "entry", "entry_caseworker"]], on="client"
    )
    unmeasured = len(ends) - len(clients)
    clients, lost = with_entries(
        clients, "entry", lambda: prepared.entries("job_or_education"), "after a first measurement"
    )
    right, note = terms(clients, *answers, *BACKGROUND, "C(jobcentre)")
    rows = complete(clients, right, "entry_caseworker")
    missing = len(clients) - len(rows)
    left_out = (
        f"{counted(unmeasured, 'client')} without a measurement while at risk left out" if unmeasured else "",
        f"{counted(missing, 'client')} with missing answers left out" if missing else "",
    )
    fit = logit(f"entry ~ {right}", rows)
    expected = fit.predict(rows).to_numpy()
    name = "adjusted less raw gap, with answers" if answers else "adjusted less raw gap"
    prepared.keep(name, ModelTable.of(fit, "", *left_out, lost, note))
    group = RawShares.from_clients(
        rows["entry_caseworker"], rows["entry"].to_numpy(), expected, LEAST_CLIENTS
    )
    made = [
        _bootstrap(prepared, group, lambda g: g.adjusted().top(1 / 2)),
        _bootstrap(prepared, group, lambda g: g.adjusted().bottom(1 / 2)),
        _bootstrap(prepared, group, lambda g: g.adjusted().gap() - g.gap(), "difference"),
    ]
    return [estimate.with_note(*left_out, lost, note) for estimate in made]


def _log_ratio(group: RawShares, part: float) -> Floats:
    """Logarithm of the best caseworkers' mean share over the share of all their clients."""
    return np.asarray(np.log(group.top(part) / group.overall()))


def _bootstrap(
    prepared: Prepared, group: RawShares, statistic: Callable[[RawShares], Floats], scale: Scale = "share"
) -> Estimate:
    """A statistic of the caseworkers with its error from resampling them."""
    value, again = group.resampled(statistic, prepared.draws, np.random.default_rng(prepared.seed))
    note = f"caseworkers with at least {LEAST_CLIENTS} clients"
    return Estimate(value, float(np.std(again, ddof=1)), len(group.clients), scale, "caseworkers", note)
