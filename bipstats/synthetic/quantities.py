"""What is true in one simulated study: parameters, and shares computed on its own clients."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from bipstats.codebook import CLASSES
from bipstats.synthetic.caseworkers import by_effect, tenth, top_effect
from bipstats.synthetic.effects import COLUMNS, HORIZON, contrasts, log_ratio, mean_log_ratio
from bipstats.synthetic.exits import Rates, expected_entry, pieces, since_switch
from bipstats.synthetic.histories import NO_SWITCH
from bipstats.synthetic.truth import WORLDS, scenarios
from bipstats.synthetic.world import Action, World

Floats = NDArray[np.float64]
Row = tuple[str, str, float, float, str]

EXACT = float("nan")  # no Monte Carlo error
_PARAMETER = "a parameter of the truth; exact"
_DERIVED = "follows from the parameters; exact"
_OWN = "this study's caseworkers; exact"


def quantities(world: World) -> pd.DataFrame:
    """Give the truth of a study as a frame ``quantity, scale, value, mc_error, how``.

    Parameters
    ----------
    world : World

    Returns
    -------
    pandas.DataFrame
        ``mc_error`` is the Monte Carlo error over the study's clients; it is missing where the value is exact
        by construction, and ``how`` says so. The row ``calibrated_world`` has the value 1 if the parameters
        are those of a packaged world and nothing is intervened on, else 0.
    """
    rows = [
        _calibration(world),
        *_parameters(world),
        *_belief(world),
        *_caseworkers(world),
        *_switches(world),
        *_effects(world),
    ]
    frame = pd.DataFrame([_rounded(row) for row in rows], columns=list(COLUMNS))
    return frame.astype(dict.fromkeys(("quantity", "scale", "how"), pd.StringDtype("pyarrow")))


def _rounded(row: Row) -> Row:
    """Six digits of what is computed: beyond them machines may differ."""
    quantity, scale, value, error, how = row
    if how.endswith(_PARAMETER):
        return row
    return quantity, scale, float(f"{value:.6g}"), float(f"{error:.6g}"), how


def _calibration(world: World) -> Row:
    """Whether the published figures were what the parameters were chosen for."""
    sections = world.truth.sections()
    name = next((name for name in WORLDS if scenarios()[name].sections() == sections), "")
    intervened = world.action != Action()
    if name:
        how = f"parameters of the packaged world {name}, " + (
            "with an intervention (do=)" if intervened else "nothing intervened on"
        )
    else:
        how = "parameters of no packaged world" + (", with an intervention (do=)" if intervened else "")
    return "calibrated_world", "1 yes, 0 no", float(bool(name) and not intervened), EXACT, f"{how}; exact"


def _parameters(world: World) -> Iterator[Row]:
    truth, step = world.truth, world.scale.belief_step
    effect = truth.hazard.belief
    yield "belief_effect", "log hazard", effect, EXACT, f"per step of latent belief; {_PARAMETER}"
    yield "belief_effect", "hazard ratio", float(np.exp(effect)), EXACT, f"per step; {_DERIVED}"
    yield "belief_step", "latent", step, EXACT, f"moves the mean answer by one level; {_DERIVED}"
    reach = _reach(world)
    through = "through belief and by other ways"
    yield "orientation_effect", "log hazard", reach, EXACT, f"per sd, {through}; {_DERIVED}"
    direct = truth.hazard.orientation
    yield (
        "orientation_direct_effect",
        "log hazard",
        direct,
        EXACT,
        f"per sd, not through belief; {_PARAMETER}",
    )
    view = truth.hazard.private_view
    yield "private_view_effect", "log hazard", view, EXACT, f"per sd, not through belief; {_PARAMETER}"
    yield "caseworker_sd", "log hazard", truth.caseworkers.effect_sd, EXACT, f"own effects; {_PARAMETER}"
    total = float(np.hypot(truth.caseworkers.effect_sd, reach))
    yield "caseworker_total_sd", "log hazard", total, EXACT, f"own effect and orientation; {_DERIVED}"
    yield "sorting", "rank correlation", truth.caseworkers.sorting, EXACT, _PARAMETER
    for name, drift in zip(CLASSES, truth.readiness.drift, strict=True):
        yield (
            f"drift_{_plain(name)}",
            "sd per quarter",
            drift,
            EXACT,
            _PARAMETER,
        )


def _mean(values: Floats) -> tuple[float, float]:
    """Mean and its Monte Carlo error."""
    return float(values.mean()), float(values.std(ddof=1) / np.sqrt(len(values)))


def _belief(world: World) -> Iterator[Row]:
    """One step more of latent belief at all times, by expected shares of the study's clients."""
    yield from _shares("belief_effect", "do(belief + 1)", world, world.rates(), world.rates(shift=1.0))


def _shares(quantity: str, action: str, world: World, base: Rates, moved: Rates) -> Iterator[Row]:
    """What an action does to the expected shares of the study's clients."""
    how = f"{action}, job or education; expected shares of this study's clients"
    for horizon, label in ((HORIZON, f"{HORIZON} weeks"), (world.out.followed, "follow-up")):
        before, after = expected_entry(base, horizon), expected_entry(moved, horizon)
        for scale, value, error in contrasts(before, after, label):
            yield quantity, scale, value, error, how


def _hazards(quantity: str, action: str, world: World, base: Rates, moved: Rates) -> Iterator[Row]:
    """What an action does to the log hazard, on average over the expected time at risk."""
    how = f"{action}, job or education; mean over the expected time at risk of this study's clients"
    for scale, value, error in mean_log_ratio(*log_ratio(base, moved, world.out.followed), "log hazard"):
        yield quantity, scale, value, error, how


def _effects(world: World) -> Iterator[Row]:
    """The other counterfactuals of `simulate`, one at a time."""
    base, team = world.rates(), "effective_caseworkers_effect"
    for rows in (_hazards, _shares):
        yield from rows(team, "do(caseworkers = effective)", world, base, world.rates(effect="effective"))
    kept = world.rates_without_switches()
    yield from _shares("no_switches_effect", "do(switches = none)", world, base, kept)
    none = world.rates(klass=0)
    drift = world.truth.readiness.drift
    for klass, name in enumerate(CLASSES[1:], 1):
        quantity, action = f"class_{_plain(name)}_effect", f"do(interventions = {name}) against none"
        gain = f"readiness, {action}; {_DERIVED}"
        yield quantity, "sd per quarter", drift[klass] - drift[0], EXACT, gain
        for rows in (_hazards, _shares):
            yield from rows(quantity, action, world, none, world.rates(klass=klass))
    reach = _reach(world)
    yield "orientation_effect", "hazard ratio", float(np.exp(reach)), EXACT, f"per sd; {_DERIVED}"
    yield from _shares("orientation_effect", "do(orientation + 1)", world, base, world.rates(orientation=1.0))
    halves = (world.rates(orientation="low"), world.rates(orientation="high"))
    for rows in (_hazards, _shares):
        yield from rows("high_orientation_effect", "upper half against lower half", world, *halves)
    if world.truth.training.takes_place:
        arms = (world.rates(training=False), world.rates(training=True))
        yield from _shares("training_effect", "all trained against nobody", world, *arms)


def _plain(name: str) -> str:
    return name.replace(" + ", "_and_").replace(" ", "_")


def _reach(world: World) -> float:
    """Log hazard of one sd of orientation, through belief and directly."""
    law = world.truth.hazard
    return law.belief / world.scale.belief_step * world.truth.belief.orientation + law.orientation


def _caseworkers(world: World) -> Iterator[Row]:
    """Shares in job or education by the end of follow-up, as it is and with effective caseworkers."""
    order, size = by_effect(world.team), tenth(world.team)
    best, worst, top = order[:size], order[-size:], top_effect(world.team)
    yield "top_decile_effect", "log hazard", top, EXACT, f"mean own effect of the top decile; {_OWN}"
    expected = "by the end of follow-up; expected share of this study's clients"
    base = expected_entry(world.rates(), world.out.followed)
    yield "entry_share", "share", *_mean(base), f"job or education {expected}"
    counterfactual = expected_entry(world.rates(effect=top), world.out.followed)
    yield (
        "entry_share_top_decile",
        "share",
        *_mean(counterfactual),
        (f"all caseworkers at the mean true effect of the top decile, {expected}"),
    )
    last, entered = last_caseworker(world), np.isin(world.out.kind, (1, 2)).astype(float)
    for name, group in (("top", best), ("bottom", worst)):
        own = entered[np.isin(last, group)]
        how = f"observed among clients whose last caseworker is in the {name} decile of true effects"
        value, error = _mean(own) if len(own) > 1 else (EXACT, EXACT)
        how += "" if len(own) > 1 else "; no value: fewer than two such clients"
        yield f"entry_share_of_{name}_decile", "share", value, error, how


def last_caseworker(world: World) -> NDArray[np.int64]:
    """Row of the caseworker in charge in the week of the exit, or at the data end."""
    last = np.minimum(world.out.week, world.out.followed)
    quarter = (last - 1) // 13
    rows = np.arange(len(last))
    moved = last - 13 * quarter > world.path.switch[rows, quarter]
    return np.where(moved, world.path.after[rows, quarter], world.path.before[rows, quarter]).astype(np.int64)


def _switches(world: World) -> Iterator[Row]:
    law = world.truth.switches
    yield "switch_effect", "log hazard", law.effect, EXACT, f"right after a switch; {_PARAMETER}"
    yield "switch_effect_half_life", "quarters", law.half_life, EXACT, _PARAMETER
    path, out = world.path, world.out
    start, length = pieces(path)
    risk = np.clip(np.minimum(out.week - 1, out.followed)[:, None] - start, 0, length)
    since = since_switch(path).reshape(length.shape)
    after = np.isfinite(since)
    weight = np.where(after, risk, 0.0).sum(axis=1)
    effect = np.where(after, risk * law.effect * np.exp2(-np.where(after, since, 0) / law.half_life), 0.0)
    sums = effect.sum(axis=1)
    how = "mean over the weeks at risk after a first switch, this study's clients"
    if weight.sum() > 0:
        value = float(sums.sum() / weight.sum())
        spread = (sums - value * weight) / weight.mean()
        yield "switch_effect_mean", "log hazard", value, float(spread.std(ddof=1) / np.sqrt(len(sums))), how
    switch_week = np.where(
        path.switch < NO_SWITCH, 13 * np.arange(path.switch.shape[1]) + path.switch + 1, 2**31
    )
    ever = switch_week.min(axis=1) <= np.minimum(out.week, out.followed)
    yield (
        "switched_share",
        "share",
        *_mean(ever.astype(float)),
        "observed: clients with a switch before they left",
    )
