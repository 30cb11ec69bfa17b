"""True effects: the truth table, `true_effect` and the studies that `simulate(do=)` draws agree."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose, assert_array_equal

import bipstats as bip
from bipstats.codebook import CLASSES
from bipstats.synthetic.actions import caseworkers_under, paths_under
from bipstats.synthetic.exits import expected_entry, expected_time
from bipstats.synthetic.streams import streams
from bipstats.synthetic.world import Action, World, make_world

SIZE = 8000


@pytest.fixture(scope="module")
def world() -> World:
    return make_world(bip.Truth(), SIZE, streams(31), Action())


@pytest.fixture(scope="module")
def truth() -> pd.DataFrame:
    return bip.simulate(clients=1500, rng=7).truth.set_index(["quantity", "scale"])


ACTIONS = {
    "belief": ({"belief": 1}, Action(shift=1.0)),
    "number": ({"caseworkers": 0.4}, Action(effect=0.4)),
    "effective": ({"caseworkers": "effective"}, Action(effect="effective")),
    "switches": ({"switches": "none"}, Action(switching=False)),
    "class": ({"interventions": "job + other"}, Action(klass=3)),
    "orientation": ({"orientation": 1}, Action(orientation=1.0)),
    "high": ({"orientation": "high"}, Action(orientation="high")),
}


@pytest.mark.parametrize("name", ACTIONS)
def test_an_action_does_in_a_study_what_the_truth_table_computes(world, name):
    what = ACTIONS[name][1]
    acted = make_world(world.truth, SIZE, streams(31), what)
    if what.switching:
        fields = {
            "shift": what.shift,
            "effect": what.effect,
            "klass": what.klass,
            "orientation": what.orientation,
        }
        computed = world.rates(**fields)
    else:
        computed = world.rates_without_switches()
    assert_array_equal(acted.hazards.entry, computed.entry)
    assert_array_equal(acted.hazards.other, computed.other)
    gain = np.isin(acted.out.kind, (1, 2)) * 1.0 - np.isin(world.out.kind, (1, 2))
    expected = expected_entry(acted.hazards, world.out.followed) - expected_entry(
        world.hazards, world.out.followed
    )
    assert abs(gain.mean() - expected.mean()) < 4 * gain.std() / np.sqrt(SIZE)


def test_effective_caseworkers_have_the_mean_effect_of_the_best_tenth(world):
    best = np.sort(world.team.effect)[-60:]
    assert_allclose(caseworkers_under(world.team, Action(effect="effective")).effect, best.mean(), rtol=1e-12)


def test_a_class_for_all_changes_readiness_by_its_drift(world):
    drift = np.array(world.truth.readiness.drift)
    for klass in range(4):
        path = paths_under(world.truth, world.scale, world.path, Action(klass=klass))
        change = np.diff(path.readiness - world.path.readiness, axis=1)
        assert_allclose(change, drift[klass] - drift[world.path.klass[:, :-1]], atol=1e-12)
        assert (path.klass == klass).all()
        assert_array_equal(path.readiness[:, 0], world.path.readiness[:, 0])
        # true scores and the log hazard follow readiness: the weighted items are the prospects still
        weight = (
            world.truth.hazard.item_scale / world.scale.item_step * np.array(world.truth.hazard.item_weights)
        )
        assert_allclose(np.tensordot(weight, path.items, axes=1), path.prospects, atol=1e-10)


def test_a_study_of_one_class_has_no_other():
    for name in ("none", "job only"):
        study = bip.simulate(clients=300, rng=3, do={"interventions": name}, latent=True)
        assert set(study.latent["intervention_class"]) == {name}
        assert (len(study.interventions) == 0) == (name == "none")
        assert "error" not in set(bip.check_study(study)["severity"])  # no intervention at all is a warning


def test_high_orientation_is_the_upper_half_of_the_population(world):
    high = caseworkers_under(world.team, Action(orientation="high")).orientation
    low = caseworkers_under(world.team, Action(orientation="low")).orientation
    assert_array_equal(high, np.abs(world.team.orientation))
    assert_array_equal(low, -high)


def test_the_truth_table_has_every_counterfactual_on_every_scale(truth):
    scales = {
        f"{scale}, {until}"
        for scale in ("risk ratio", "odds ratio", "risk difference")
        for until in ("52 weeks", "follow-up")
    }
    log = {"log hazard", "hazard ratio"}
    classes = [f"class_{name}_effect" for name in ("other_only", "job_only", "job_and_other")]
    for quantity, more in {
        "belief_effect": log,
        "effective_caseworkers_effect": log,
        "no_switches_effect": set(),
        "orientation_effect": log,
        "high_orientation_effect": log,
        **{name: {*log, "sd per quarter"} for name in classes},
    }.items():
        assert scales | more == set(truth.loc[quantity].index), quantity
    value = truth["value"]
    assert value["class_job_only_effect", "sd per quarter"] == pytest.approx(0.095)
    ratios = [value[name, "risk ratio, follow-up"] for name in classes]
    assert 1 < ratios[0] < ratios[1] < ratios[2]
    reach = value["orientation_effect", "log hazard"]
    gap, error = truth.loc[("high_orientation_effect", "log hazard"), ["value", "mc_error"]]
    assert (
        abs(gap - 2 * np.sqrt(2 / np.pi) * reach) < 0.15 * gap
    )  # the mean of |N(0, 1)| among 112 caseworkers
    assert error > 0
    shares = value["entry_share_top_decile", "share"] / value["entry_share", "share"]
    assert value["effective_caseworkers_effect", "risk ratio, follow-up"] == pytest.approx(shares, rel=1e-4)


def test_interventions_without_effect_have_none():
    truth = bip.simulate(bip.scenarios()["RTM"], clients=100, rng=1).truth.set_index(["quantity", "scale"])[
        "value"
    ]
    assert truth["class_job_only_effect", "risk ratio, follow-up"] == 1
    assert truth["class_job_only_effect", "log hazard"] == 0
    assert truth["class_job_only_effect", "sd per quarter"] == 0


def test_expected_time_at_risk_in_closed_form(world):
    """Constant hazards: (1 - exp(-(h + k) t)) / (h + k); and h times the time is the probability of entry."""
    time = expected_time(world.hazards, 52)
    assert_allclose((time * world.hazards.entry).sum(axis=1), expected_entry(world.hazards, 52), rtol=1e-12)
    assert (time <= world.hazards.length / 13 + 1e-12).all()


# true_effect ----------------------------------------------------------------------------------------------


def test_true_effects_come_from_independent_worlds_with_common_random_numbers():
    effect = bip.true_effect(do={"belief": 1}, clients=1000, worlds=8, rng=1).set_index("scale")
    again = bip.true_effect(do={"belief": 1}, clients=1000, worlds=8, rng=1).set_index("scale")
    assert effect.equals(again)
    assert effect.loc["log hazard ratio", "value"] == bip.Truth().hazard.belief
    assert effect.loc["log hazard ratio", "mc_error"] < 1e-12
    value, error = effect["value"], effect["mc_error"]
    ratio = value["share with, 52 weeks"] / value["share without, 52 weeks"]
    assert value["risk ratio, 52 weeks"] == pytest.approx(ratio, rel=1e-5)
    difference = value["share with, follow-up"] - value["share without, follow-up"]
    assert value["risk difference, follow-up"] == pytest.approx(difference, abs=1e-6)
    # common random numbers: far less error than two samples would have
    assert error["risk difference, 52 weeks"] < 0.4 * error["share without, 52 weeks"]
    big = bip.simulate(clients=8000, rng=9).truth.set_index(["quantity", "scale"])
    for scale in ("risk ratio, 52 weeks", "odds ratio, follow-up"):
        other, its_error = big.loc[("belief_effect", scale), ["value", "mc_error"]]
        assert abs(other - value[scale]) < 4 * np.hypot(error[scale], its_error)


def test_a_forecast_has_no_true_effect_and_actions_can_be_compared():
    forecast = bip.true_effect(bip.scenarios()["F"], do={"belief": 1}, clients=100, worlds=2, rng=1)
    assert (forecast.set_index("scale")["value"].filter(like="ratio,") == 1).all()
    both = {"do": {"interventions": "job + other"}, "against": {"interventions": "none"}}
    effect = bip.true_effect(**both, clients=1000, worlds=4, rng=2).set_index("scale")["value"]
    assert effect["risk ratio, follow-up"] > 1.5
    kept = bip.true_effect(do={"switches": "none"}, clients=400, worlds=2, rng=3, horizon=26)
    assert "log hazard ratio" not in set(kept["scale"])
    assert "risk ratio, 26 weeks" in set(kept["scale"])
    assert list(kept.columns) == ["quantity", "scale", "value", "mc_error", "how"]


def test_its_errors_are_those_between_draws():
    """Twenty estimates from 4 worlds each scatter as they say (effective caseworkers vary between worlds)."""
    made = [
        bip.true_effect(do={"caseworkers": "effective"}, clients=150, worlds=4, rng=seed).set_index("scale")
        for seed in range(20)
    ]
    values = np.array([m.loc["risk difference, follow-up", "value"] for m in made])
    errors = np.array([m.loc["risk difference, follow-up", "mc_error"] for m in made])
    assert 0.6 < values.std(ddof=1) / np.sqrt((errors**2).mean()) < 1.6


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"truth": "F"}, r"bip\.scenarios"),
        ({"do": {"beliefs": 1}}, "belief"),
        ({"against": {"interventions": "everything"}}, "job \\+ other"),
        ({"horizon": 0}, "from 1 to 208"),
        ({"horizon": 500}, "from 1 to 208"),
        ({"worlds": 1}, "at least 2"),
        ({"clients": 5}, "at least 10"),
        ({"rng": "1"}, "rng="),
    ],
)
def test_impossible_questions_are_refused(arguments, message):
    with pytest.raises(bip.OptionError, match=message):
        bip.true_effect(**{"do": {"belief": 1}, **arguments})


@pytest.mark.parametrize(
    ("do", "message"),
    [
        ({"interventions": 3}, "job \\+ other"),
        ({"interventions": list(CLASSES)}, "job \\+ other"),
        ({"caseworkers": "best"}, "effective"),
        ({"orientation": "middle"}, '"high" or "low"'),
        ({"orientation": True}, '"high" or "low"'),
    ],
)
def test_impossible_actions_are_refused(do, message):
    with pytest.raises(bip.OptionError, match=message):
        bip.simulate(clients=50, do=do)
