"""The calibration: its quantities are the ledger's, its solver finds its way back, its tables say what they are for."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose

import bipstats as bip
from bipstats.calibration import check, evaluate, targets
from bipstats.calibration.evaluate import Archive, Task, class_levels, mean_and_error
from bipstats.calibration.jacobian import Jacobian, jacobian
from bipstats.calibration.moments import achieved, moments, wanted
from bipstats.calibration.parameters import ANSWER_ONE, FREE, LEVEL, RATE, RELIABILITY, SOLVED, Point
from bipstats.calibration.reference import belief_effect, reference
from bipstats.calibration.showing import seen
from bipstats.calibration.solve import FLOOR, RIDGE, damped_updates, newton_step, own_slopes, settled, unlike
from bipstats.calibration.writing import (
    changes,
    jacobian_toml,
    read_jacobian,
    read_spread,
    rewrite,
    world_path,
)
from bipstats.replication import analyses
from bipstats.replication.frames import Prepared
from bipstats.synthetic.streams import streams
from bipstats.synthetic.truth import WORLDS
from bipstats.synthetic.world import Action, make_world

CLIENTS, SEED = 2000, 5
LEDGER = {
    "belief": "belief carried",
    "naive top quarter": "top quarter, follow-up",
    "naive top half": "top half, follow-up",
    "naive bottom half": "bottom half, follow-up",
}


@pytest.fixture(scope="module")
def world():
    return make_world(bip.Truth(), CLIENTS, streams(SEED), Action())


@pytest.fixture(scope="module")
def shown():
    draws = streams(SEED)
    return seen(make_world(bip.Truth(), CLIENTS, draws, Action()), draws)


@pytest.fixture(scope="module")
def quantities(world, shown):
    return reference(world, shown)


@pytest.fixture(scope="module")
def study():
    return bip.simulate(clients=CLIENTS, rng=SEED)


# Quantities ---------------------------------------------------------------------------------------------


def test_quantities_are_those_of_the_ledger(quantities, study):
    run = (
        analyses.belief.carried,
        analyses.orientation.all_dates,
        analyses.switches.effect,
        analyses.switches.shares,
        analyses.first_year.in_job,
        analyses.first_year.answers,
        analyses.caseworkers.naive,
        analyses.interventions.by_window,
        analyses.progression.reference,
        analyses.background.shares,
    )
    prepared = Prepared(study)
    ledger = {name: made.value for analysis in run for name, made in analysis(prepared).items()}
    compared = 0
    for name, value in quantities.items():
        kind = name.removeprefix("class ")
        theirs = {LEDGER.get(name, name), f"{kind}, by window", name.replace("progression ", "progression, ")}
        for other in theirs & set(ledger):
            if kind in ("one type", "two or more types"):  # an expectation here
                assert abs(value - ledger[other]) < 0.02
            else:
                assert_allclose(value, ledger[other], rtol=1e-6, err_msg=name)
            compared += 1
    assert compared == 32


def test_oracles_are_those_of_the_truth_table(quantities, study):
    truth = study.truth.set_index("quantity")["value"]
    for name, row in (
        ("entry", "entry_share"),
        ("entry, top decile", "entry_share_top_decile"),
        ("entry of top decile", "entry_share_of_top_decile"),
        ("entry of bottom decile", "entry_share_of_bottom_decile"),
    ):
        assert_allclose(quantities[name], truth[row], rtol=1e-5)


def test_a_sample_of_the_rows_without_event_gives_nearly_the_same(shown, quantities):
    sampled = belief_effect(shown, controls=0.5)["belief"]
    assert 0 < abs(sampled - quantities["belief"]) < 0.05  # its own standard error is near .08


def test_every_target_has_its_quantity_and_a_published_value(quantities):
    for target in targets.TARGETS:
        assert target.quantity in quantities
        assert 0 < target.value < 2
    assert [target.quantity for target in targets.targets("N2") if target.naive] == [
        "naive top quarter",
        "naive top half",
        "naive bottom half",
    ]


# Parameters ---------------------------------------------------------------------------------------------


def test_a_point_moves_and_stops_at_the_borders():
    point = Point(bip.Truth(), 0.4).moved({LEVEL: 0.25, RATE: -1.0, ANSWER_ONE: 0.05, RELIABILITY: 0.5})
    assert point.truth.hazard.level == pytest.approx(bip.Truth().hazard.level + 0.25)
    assert point.truth.switches.rate == 0.001
    assert point.answer_one == pytest.approx(0.45)
    assert set(point.truth.answers.reliability) == {0.95}


def test_each_world_has_as_many_parameters_as_moments():
    for name, parameters in SOLVED.items():
        assert len(parameters) == len(moments(name)) == len(wanted(name))
    assert wanted("E2")[4] == pytest.approx(np.log(1.33))


def test_cuts_give_the_shares_asked_for():
    result = evaluate.evaluate(Task(Point(bip.Truth(), 0.3), 3000, 2, 0.2))
    assert result["belief 1"] == pytest.approx(
        0.3, abs=0.035
    )  # three binomial errors, of cuts and of answers
    assert result["belief 5"] == pytest.approx(0.06, abs=0.01)
    assert result["cut 1"] < result["cut 2"] < result["cut 3"] < result["cut 4"]


def test_class_levels_come_back_from_elsewhere():
    truth = bip.Truth()
    away = replace(truth, interventions=replace(truth.interventions, job_level=0.3))
    made = make_world(away, 3000, (draws := streams(4)), Action())
    back = class_levels(away, reference(made, seen(made, draws), 0.2))
    assert back.interventions.job_level == pytest.approx(truth.interventions.job_level, abs=0.08)
    assert back.interventions.other_level_with_job == pytest.approx(
        truth.interventions.other_level_with_job, abs=0.12
    )


# Solver -------------------------------------------------------------------------------------------------


def test_a_perturbed_level_is_found_again():
    truth = bip.Truth()
    start = Point(replace(truth, hazard=replace(truth.hazard, level=truth.hazard.level + 0.4)))
    found = damped_updates("E2", start, {LEVEL: 0.9}, Archive(), rounds=6, clients=2000, seed=40)
    # One year's jobs of 2,000 clients: 120, so log E10 has a standard error near .09; five rounds are averaged.
    assert found.truth.hazard.level == pytest.approx(truth.hazard.level, abs=0.1)
    assert found.truth.hazard.belief == truth.hazard.belief


def test_no_rounds_leave_the_point():
    point = Point(bip.Truth(), 0.4)
    assert damped_updates("E2", point, {LEVEL: 1.0}, Archive(), rounds=0, clients=10, seed=1) == point


def test_the_newton_step_is_the_ridge_estimate(quantities):
    value = {target.quantity: target.value for target in targets.targets("E2")}
    at_target = {**quantities, **value, **{key: float(np.log(value[key])) for key in targets.RATIOS}}
    results = [at_target | {"switched": share} for share in (0.36, 0.37)]
    step = newton_step("E2", Point(bip.Truth(), 0.4), results, np.eye(11) * 3.0)
    found, error = achieved("E2", results)
    gap, j = wanted("E2")[7] - found[7], SOLVED["E2"].index(RATE)
    weight = 1 / max(error[7], FLOOR)
    change = weight**2 * 3 * gap / (9 * weight**2 + 1 / (RIDGE * RATE.step) ** 2)
    assert j == 7
    assert step.get(RATE) - bip.Truth().switches.rate == pytest.approx(change, rel=1e-9)
    assert step.get(LEVEL) == pytest.approx(bip.Truth().hazard.level, abs=1e-12)


# Jacobian -----------------------------------------------------------------------------------------------


def test_derivatives_have_the_size_that_the_equations_give(tmp_path):
    archive, n2 = Archive(tmp_path / "worlds.jsonl"), bip.scenarios()["N2"]
    found = jacobian("N2", Point(n2, 0.4), archive, clients=4000, seeds=(1,), parameters=(LEVEL, RATE))
    slopes = found.slopes
    # One year's share of a rare event moves nearly in proportion to the hazard; 24 of its 240 jobs make .1, +-.02.
    assert slopes[found.moments.index("log E10"), 0] == pytest.approx(0.85, abs=0.3)
    # The share that switches is 1 - exp(-rate x): d logit / d log rate = -log(1 - p) / p = 1.28 without other exits.
    assert slopes[found.moments.index("logit E04"), 1] * n2.switches.rate == pytest.approx(1.28, abs=0.3)
    # More switches, fewer jobs: their effect is negative.
    assert slopes[found.moments.index("log E11/E10"), 1] < 0
    assert found.solved == 2
    assert len((tmp_path / "worlds.jsonl").read_text(encoding="utf-8").splitlines()) == 4


def made_up() -> Jacobian:
    slopes = np.array([[2.0, 0.0, 1.0], [1.0, 0.5, 3.0]])
    return Jacobian("E2", ("a", "b"), ("x", "y", "z"), np.array([1.0, 2.0, 0.1]), slopes, slopes / 10, 2)


def test_ridges_keep_all_moments():
    found = made_up()
    move = found.ridges().iloc[0]
    total = found.slopes @ np.array([move["x"], move["y"], move["raised by"]])
    assert_allclose(total, 0, atol=1e-12)
    # x must make up for .1 in the first moment, y for .3 - .05 in the second
    assert_allclose([move["x"], move["y"]], [-0.05, -0.5])


def test_columns_of_parameters_that_the_other_world_leaves_alone_are_the_worlds_own():
    names = tuple(moment.name for moment in moments("E2"))
    paths = tuple(parameter.path for parameter in (*SOLVED["E2"], *FREE))
    slopes = np.arange(176.0).reshape(11, 16)
    found = Jacobian("E2", names, paths, np.ones(16), slopes, slopes, 11)
    others = unlike("S", found)
    assert [parameter.path for parameter in others] == ["hazard.private_view", "belief.private_sorting"]
    assert unlike("N2", found) == ()
    assert_allclose(own_slopes("N2", found), slopes[:8, :8])
    own = Jacobian(
        "S", names, tuple(p.path for p in others), np.ones(2), -np.ones((11, 2)), np.ones((11, 2)), 2
    )
    mixed = own_slopes("S", found, own)
    assert_allclose(mixed[:, 4:6], -1)
    assert_allclose(mixed[:, 6:], slopes[:, 6:11])


def test_errors_of_ridges_are_those_of_redrawn_derivatives():
    found, rng = made_up(), np.random.default_rng(1)
    small = replace(found, errors=found.errors / 100)
    drawn = [
        replace(small, slopes=small.slopes + small.errors * rng.standard_normal((2, 3))).ridges()[["x", "y"]]
        for _ in range(500)
    ]
    redrawn = np.std([frame.to_numpy()[0] for frame in drawn], axis=0)
    assert_allclose(small.ridge_errors()[["x", "y"]].to_numpy()[0], redrawn, rtol=0.12)  # 500 draws: 3.2 %


def test_spread_is_the_moments_spread_through_the_inverse(quantities):
    names = tuple(moment.name for moment in moments("E2"))
    found = Jacobian("E2", names, names, np.ones(11), np.eye(11) * 2, np.zeros((11, 11)), 11)
    spread = found.spread([quantities | {"belief": value} for value in (0.1, 0.3)])
    assert spread["log E02"] == pytest.approx(np.sqrt(0.02) / 2)
    assert spread.drop("log E02").max() == pytest.approx(0, abs=1e-12)


def test_singular_values_and_conditions():
    found = made_up()
    frame = found.singular()
    assert frame["singular value"].prod() == pytest.approx(2.0)  # |det| of [[2, 0], [1, 1]]
    assert found.conditions()["raw"] == pytest.approx(np.linalg.cond([[2.0, 0.0], [1.0, 0.5]]))


def test_a_jacobian_survives_its_file(tmp_path):
    path = tmp_path / "j.toml"
    found = made_up()
    spread = pd.Series([0.1 * (1 + k) for k in range(found.solved)], found.parameters[: found.solved])
    path.write_text(jacobian_toml(found, spread, 100, 1), encoding="utf-8")
    pd.testing.assert_series_equal(read_spread(path), spread)
    again = read_jacobian(path)
    assert again.parameters == ("x", "y", "z")
    assert_allclose(again.slopes, made_up().slopes)


# Archive, verdicts, fingerprint, files ------------------------------------------------------------------


def test_known_worlds_are_not_simulated_again(tmp_path, monkeypatch):
    path, task = tmp_path / "worlds.jsonl", Task(Point(bip.Truth()), 300, 1)
    monkeypatch.setattr(evaluate, "evaluate", lambda task: {"seed": float(task.seed)})
    assert Archive(path).all([task, task]) == [{"seed": 1.0}] * 2

    def refuse(task):
        raise AssertionError("simulated again")

    monkeypatch.setattr(evaluate, "evaluate", refuse)
    assert Archive(path).all([task]) == [{"seed": 1.0}]
    with pytest.raises(AssertionError):
        Archive(path).all([replace(task, seed=2)])


def test_keys_tell_truths_apart():
    point = Point(bip.Truth())
    assert Task(point, 100, 1).key() != Task(point.moved({LEVEL: 0.01}), 100, 1).key()


@pytest.mark.parametrize(
    ("figure", "achieved_value", "error", "said"),
    [
        ("E02", np.log(1.35), 0.001, "within 2 %"),  # 1.5 % above
        ("E05", 0.0104, 0.0001, "within rounding"),  # prints as .01
        ("E03", np.log(0.74), 0.03, "within Monte Carlo error"),  # 5 % below, 1.76 errors
        ("E03", np.log(0.74), 0.01, "missed"),
        ("E11", 0.1520, 0.0001, "missed"),
    ],
)
def test_verdicts(figure, achieved_value, error, said):
    target = next(target for target in targets.TARGETS if target.figure == figure)
    assert targets.verdict(target, achieved_value, error) == said


def test_mean_and_error():
    assert mean_and_error([{"x": 1.0}, {"x": 3.0}], "x") == (2.0, 1.0)
    assert np.isnan(mean_and_error([{"x": 1.0}], "x")[1])


def test_the_fingerprint_follows_targets_and_code(monkeypatch):
    now = targets.fingerprint()
    changed = (replace(targets.TARGETS[0], digit=0.1), *targets.TARGETS[1:])
    monkeypatch.setattr(targets, "TARGETS", changed)
    targets.fingerprint.cache_clear()
    assert targets.fingerprint() != now
    monkeypatch.undo()
    targets.fingerprint.cache_clear()
    assert targets.fingerprint() == now
    code = 'def f(x):\n    """Say one thing."""\n    return x + 1\n'
    assert targets._logic(code) == targets._logic(code.replace("one thing", "another") + "# a comment\n")
    assert targets._logic(code) != targets._logic(code.replace("+ 1", "+ 2"))


def test_a_check_of_one_small_world_is_a_table():
    table = check.check(["N2"], Archive(), clients=600, seeds=2, controls=0.5)
    assert tuple(table.columns) == check.COLUMNS
    assert set(table["world"]) == {"N2"}
    text = check.as_toml(table, 600, 2)
    assert text.count("[[row]]") == len(table)
    assert targets.fingerprint() in text


def test_a_stored_table_says_what_has_changed_since():
    parameters = {
        name: check.parameters_digest(truth) for name, truth in bip.scenarios().items() if name in WORLDS
    }
    stored = {"fingerprint": targets.fingerprint(), "parameters": parameters}
    assert check.outdated(stored) == []  # scenarios that are not solved have no line
    assert check.outdated(stored | {"fingerprint": "x"}) == ["a target or the definition of a quantity"]
    assert check.outdated(stored | {"parameters": parameters | {"F": "x"}}) == ["the parameters of world F"]


@pytest.mark.parametrize("world", ["E2", "N2"])
def test_solved_parameters_are_written_into_their_file(world):
    before = bip.scenarios()[world]
    point = Point(before, 0.4).moved({parameter: 0.01 for parameter in (*SOLVED[world], *FREE[:1])})
    after = settled(point, [{f"cut {k}": cut for k, cut in enumerate((-0.5, 0.0, 0.7, 1.6), start=1)}])
    changed = changes(before, after)
    assert changed["belief", "cuts"] == (-0.5, 0.0, 0.7, 1.6)
    text = world_path(world).read_text(encoding="utf-8")
    written = rewrite(text, world, changed)
    if world == "E2":
        assert f"level: float = par({after.hazard.level!r}, " in written
        assert "(-0.5, 0.0, 0.7, 1.6)," in written
        assert len(written.splitlines()) == len(text.splitlines())
        compile(written, "sections.py", "exec")


def test_a_written_world_reads_back(tmp_path):
    before = bip.scenarios()["N2"]
    after = Point(before).moved({SOLVED["N2"][0]: 0.0123, SOLVED["E2"][8]: 0.1}).truth
    after = replace(after, measurement=replace(after.measurement, missed=0.2))
    path = tmp_path / "N2.toml"
    text = world_path("N2").read_text(encoding="utf-8")
    path.write_text(rewrite(text, "N2", changes(before, after)), encoding="utf-8")
    assert bip.Truth.from_toml(path).sections() == after.sections()
