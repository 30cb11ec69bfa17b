"""Separation is always refused, never where there is none, and named: which term, which level, how many rows."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import linprog

import bipstats as bip
from bipstats.models.kernels.binomial import binomial_problem, evaluate
from bipstats.models.kernels.cox import risk_sets
from bipstats.models.kernels.separation import (
    Risks,
    Sides,
    monotone_columns,
    risk_contrast,
    risk_cuts,
    separating_columns,
    separating_direction,
    side_contrast,
    side_cuts,
)

N = 120


@pytest.fixture
def rows():
    draw = np.random.default_rng(4)
    frame = pd.DataFrame(
        {
            "y": draw.integers(0, 2, N),
            "age": draw.integers(20, 60, N),
            "belief": draw.integers(1, 6, N),
            "kind": draw.choice(["a", "b", "c"], N),
            "sex": draw.choice(["female", "male"], N),
            "period": draw.integers(0, 3, N),
            "stop": draw.integers(1, 30, N),
        }
    )
    return frame


def calls(formula):
    """The same question to every model."""
    return {
        "logit": lambda d: bip.logit(f"y ~ {formula}", d),
        "hazard": lambda d: bip.hazard(formula, d, event="y"),
        "hazard logit": lambda d: bip.hazard(formula, d, event="y", link="logit"),
        "cox": lambda d: bip.cox(formula, d, start=None, event="y"),
    }


MODELS = list(calls(""))


def refusal(call, data) -> str:
    with pytest.raises(bip.ModelError) as caught:
        call(data)
    return str(caught.value)


@pytest.mark.parametrize("model", MODELS)
def test_a_level_without_events_is_named_with_its_rows(rows, model):
    data = rows.assign(y=np.where(rows["kind"] == "b", 0, rows["y"]))
    message = refusal(calls("age + kind")[model], data)
    assert f"kind[b] = 1 has no events in {(rows['kind'] == 'b').sum()} rows" in message
    assert "Merge levels" in message and ('penalty="firth"' in message) == ("logit" in model)


@pytest.mark.parametrize("model", MODELS)
def test_the_reference_level_is_named_too(rows, model):
    data = rows.assign(y=np.where(rows["kind"] == "a", 0, rows["y"]))
    message = refusal(calls("age + kind")[model], data)
    assert f"kind[a] = 1 has no events in {(rows['kind'] == 'a').sum()} rows" in message


@pytest.mark.parametrize("model", MODELS)
def test_an_interaction_without_events_is_named(rows, model):
    cell = (rows["kind"] == "b") & (rows["sex"] == "male")
    data = rows.assign(y=np.where(cell, 0, rows["y"]))
    message = refusal(calls("kind * sex")[model], data)
    assert f"kind[b]:sex[male] = 1 has no events in {cell.sum()} rows" in message


@pytest.mark.parametrize("model", ["logit", "hazard", "hazard logit"])
def test_a_level_with_only_events_separates_binary_outcomes(rows, model):
    data = rows.assign(y=np.where(rows["kind"] == "b", 1, rows["y"]))
    message = refusal(calls("age + kind")[model], data)
    assert f"kind[b] = 1 has only events in {(rows['kind'] == 'b').sum()} rows" in message
    assert bip.cox("age + kind", data, start=None, event="y").bse.max() < 5  # and no hazard of a Cox model


@pytest.mark.parametrize("model", ["logit", "hazard", "hazard logit"])
def test_a_threshold_is_named_with_its_value(rows, model):
    perfect = rows.assign(y=(rows["age"] >= 41).astype(int))
    above, below = perfect[perfect["age"] >= 41], perfect[perfect["age"] < 41]
    message = refusal(calls("age + belief")[model], perfect)
    assert f"age >= {above['age'].min()} has only events in {len(above)} rows" in message
    assert f"age <= {below['age'].max()} has no events in {len(below)} rows" in message
    quasi = rows.assign(y=np.where(rows["belief"] < 3, 1, np.where(rows["belief"] > 3, 0, rows["y"])))
    message = refusal(calls("age + belief")[model], quasi)
    assert f"belief < 3 has only events in {(rows['belief'] < 3).sum()} rows" in message
    assert f"belief > 3 has no events in {(rows['belief'] > 3).sum()} rows" in message


@pytest.mark.parametrize("link", ["cloglog", "logit"])
def test_a_threshold_that_moves_with_the_period_is_found(rows, link):
    data = rows.assign(age=rows["age"] + 100 * rows["period"])
    data["y"] = (rows["age"] > 35 + 5 * rows["period"]).astype(int)
    message = refusal(lambda d: bip.hazard("age", d, event="y", link=link), data)
    assert (
        f"within every period, age is never lower in a row with the event than in one without ({N} rows"
        in message
    )


@pytest.mark.parametrize("model", ["logit", "hazard", "hazard logit"])
def test_a_combination_is_named_with_its_rows(rows, model):
    score = rows["age"] + 10 * rows["belief"]
    data = rows.assign(y=(score > score.median()).astype(int), noise=np.sin(np.arange(N)))
    message = refusal(calls("noise + age + belief + sex")[model], data)
    told = int(message.partition(" and tells ")[2].partition(f" of {N} rows apart perfectly")[0])
    assert told > 0.9 * N  # all rows but the few that lie on the edge of the combination named
    named = message.partition("a combination of ")[2].partition(" is never")[0]
    assert {"age", "belief"} <= set(named.split(", "))


@pytest.mark.parametrize("far", [10.0, 300.0, 450.0, 1e4])
def test_an_event_that_is_certain_says_nothing_however_far_off_its_predictor(far):
    """Out of range, its information would be 1e80 and a search that runs off would seem to have converged."""
    x = np.array([[1.0], [0.0], [0.0]])
    problem = binomial_problem(
        x, np.zeros(3, np.int64), np.array([1.0, 1, 0]), np.ones(3), np.zeros(3), "cloglog"
    )
    for observed in (True, False):
        at = evaluate(np.array([-0.3, far]), problem, observed=observed)
        assert abs(at.information[1, 1]) < 1e-100 and abs(at.gradient[1]) < 1e-100


def test_a_combination_that_tells_some_rows_apart_is_counted(rows):
    """Two numbers that sum to five or more have the event always, to three or less never; to four it is open."""
    draw = np.random.default_rng(1)
    data = pd.DataFrame({"a": draw.integers(0, 5, 200), "b": draw.integers(0, 5, 200)})
    total = data["a"] + data["b"]
    data["y"] = np.where(total > 4, 1, np.where(total < 4, 0, draw.integers(0, 2, 200)))
    message = refusal(lambda d: bip.logit("y ~ a + b", d), data)
    assert "a combination of a, b" in message or "a combination of b, a" in message
    assert f"tells {(total != 4).sum()} of 200 rows apart" in message


def test_cox_names_what_is_monotone(rows):
    data = rows.sort_values("stop").assign(stop=np.arange(1, N + 1))
    climbing = data.assign(age=-data["stop"])
    n_events = data["y"].sum()
    message = refusal(calls("age + belief")["cox"], climbing)
    assert (
        f"age is highest of all rows at risk for the row that has the event, at each of the {n_events} ev"
        in message
    )
    mixed = data.assign(age=data["stop"] * 1.0 + 50 * data["belief"])
    message = refusal(calls("belief + age + sex")["cox"], mixed)
    assert "a combination of " in message and f"at each of the {n_events} events" in message
    named = message.partition("a combination of ")[2].partition(" is highest")[0]
    assert set(named.split(", ")) == {"age", "belief"}


def test_fine_gray_names_what_is_monotone(rows):
    """Who leaves by a competing exit stays at risk: ages that order the events among the others do not suffice."""
    data = rows.sort_values("stop").assign(stop=np.arange(1, N + 1))
    data["exit"] = np.where(data["y"] == 1, "job", np.where(data["age"] > 40, "pension", "censored"))
    fit = lambda formula: lambda d: bip.fine_gray(formula, d, start=None)  # noqa: E731
    message = refusal(
        fit("age + kind"), data.assign(exit=data["exit"].where(data["kind"] != "b", "censored"))
    )
    assert f"kind[b] = 1 has no events in {(data['kind'] == 'b').sum()} rows" in message
    falling = np.where(data["exit"] == "pension", 200.0, -data["stop"])
    assert np.isfinite(fit("x")(data.assign(x=falling)).params["x"])
    falling = np.where(data["exit"] == "pension", -200.0, -data["stop"])
    assert "x is highest of all rows at risk" in refusal(fit("x"), data.assign(x=falling))
    assert "combination of " in refusal(fit("x + belief"), data.assign(x=falling + 50 * data["belief"]))


def test_monotone_within_strata_only(rows):
    """Ages of the strata do not overlap: over all rows they do not order the events, within strata they do."""
    data = rows.sort_values("stop").assign(stop=np.arange(1, N + 1))
    data["age"] = 1000 * (data["kind"] == "b") - data["stop"]
    arguments = dict(start=None, event="y", strata="kind")
    assert "age is highest" in refusal(lambda d: bip.cox("age", d, **arguments), data)
    assert np.isfinite(bip.cox("age", data, start=None, event="y").params["age"])


def test_a_level_never_at_risk_when_an_event_happens_is_named(rows):
    early = (rows["kind"] == "c").to_numpy()
    data = rows.assign(stop=np.where(early, 0.5, rows["stop"]), y=np.where(early, 0, rows["y"]))
    message = refusal(lambda d: bip.cox("age + kind", d, start=None, event="y"), data)
    assert f"kind[c] = 1 is never at risk when an event happens ({early.sum()} rows)" in message


@pytest.mark.parametrize("model", MODELS)
def test_levels_of_a_column_with_many_are_counted_not_named(model):
    draw = np.random.default_rng(0)
    data = pd.DataFrame({"person": [f"P{k}" for k in range(40)] * 10, "stop": draw.integers(1, 20, 400)})
    data = data.assign(y=draw.integers(0, 2, 400), period=0, age=draw.normal(size=400))
    silent = data["person"].isin(["P3", "P17"])
    message = refusal(calls("age + person")[model], data.assign(y=np.where(silent, 0, data["y"])))
    assert "person: 2 of 39 levels have no events (20 rows)" in message
    assert not any(f"P{k}" in message for k in range(40))


def test_weighted_rows_are_said_to_be(rows):
    data = rows.assign(y=np.where(rows["kind"] == "b", 0, rows["y"]), w=0.3)
    message = refusal(lambda d: bip.logit("y ~ kind", d, weights="w"), data)
    assert f"no events in rows of weight {0.3 * (rows['kind'] == 'b').sum():.4g}" in message


def separated(x: np.ndarray, pairs: np.ndarray) -> bool:
    """Whether a direction raises no pair difference below zero and some above: one plain linear programme."""
    differences = x[pairs[:, 0]] - x[pairs[:, 1]]
    found = linprog(
        -differences.sum(axis=0), A_ub=-differences, b_ub=np.zeros(len(differences)), bounds=(-1, 1)
    )
    return -found.fun > 1e-6


def small_data(seed: int) -> pd.DataFrame:
    draw = np.random.default_rng(seed)
    n = int(draw.integers(8, 22))
    frame = pd.DataFrame(
        {
            "a": draw.integers(0, 4, n),
            "b": draw.integers(0, 4, n),
            "period": draw.integers(0, 2, n),
            "stop": draw.integers(1, 8, n),
        }
    )
    lean = 0.8 * draw.normal() * (frame["a"] - 1.5) + draw.normal() * (frame["b"] - 1.5)
    return frame.assign(y=(lean + draw.logistic(size=n) > 0).astype(int))


def full_rank(x: np.ndarray, group: np.ndarray) -> bool:
    means = np.array([x[group == g].mean(axis=0) for g in group])
    return np.linalg.matrix_rank(x - means) == x.shape[1]


def agrees(call, data, expected: bool) -> None:
    """A fit without separation has finite errors; one with separation is refused as such."""
    if expected:
        assert refusal(call, data).startswith("separation: ")
    else:
        assert call(data).bse.max() < 1e3


@given(st.integers(0, 2**32 - 1))
@settings(max_examples=80, deadline=None)
def test_small_binary_data_are_refused_if_and_only_if_they_are_separated(seed):
    data = small_data(seed)
    x, y = data[["a", "b"]].to_numpy(float), data["y"].to_numpy()
    if 0 < y.sum() < len(y) and full_rank(x, np.zeros(len(y))):
        pairs = np.array([(i, j) for i in np.flatnonzero(y) for j in np.flatnonzero(y == 0)])
        agrees(lambda d: bip.logit("y ~ a + b", d), data, separated(x, pairs))
    period = data["period"].to_numpy()
    counts = [y[period == p] for p in (0, 1)]
    if all(len(part) and 0 < part.sum() < len(part) for part in counts) and full_rank(x, period):
        pairs = np.array(
            [(i, j) for i in np.flatnonzero(y) for j in np.flatnonzero(y == 0) if period[i] == period[j]]
        )
        for link in ("cloglog", "logit"):
            agrees(
                lambda d, link=link: bip.hazard("a + b", d, event="y", link=link), data, separated(x, pairs)
            )
        agrees(
            lambda d: bip.conditional_logit("y ~ a + b", d.assign(stop=0), groups="period"),
            data,
            separated(x, pairs),
        )


@given(st.integers(0, 2**32 - 1))
@settings(max_examples=60, deadline=None)
def test_small_duration_data_are_refused_if_and_only_if_they_are_monotone(seed):
    data = small_data(seed)
    x, y, stop = data[["a", "b"]].to_numpy(float), data["y"].to_numpy(), data["stop"].to_numpy()
    if not y.any():
        return
    pairs = np.array([(i, j) for i in np.flatnonzero(y) for j in np.flatnonzero(stop >= stop[i])])
    at_risk = stop >= stop[y == 1].min()
    differences = x[pairs[:, 0]] - x[pairs[:, 1]]
    if not full_rank(x[at_risk], np.zeros(at_risk.sum())) or np.linalg.matrix_rank(differences) < 2:
        return  # refused for another reason
    for ties in ("efron", "breslow"):
        agrees(
            lambda d, ties=ties: bip.cox("a + b", d, start=None, event="y", ties=ties),
            data,
            separated(x, pairs),
        )


@given(st.integers(0, 2**32 - 1))
@settings(max_examples=60, deadline=None)
def test_directions_found_separate_and_none_is_missed(seed):
    """The kernel against the plain programme, three covariates and levels of their own."""
    draw = np.random.default_rng(seed)
    n = int(draw.integers(6, 25))
    x, level = draw.normal(size=(n, 3)).round(1), draw.integers(0, 3, n)
    y = draw.random(n) < 1 / (1 + np.exp(-4 * x @ draw.normal(size=3)))
    pairs = np.array(
        [(i, j) for i in np.flatnonzero(y) for j in np.flatnonzero(~y) if level[i] == level[j]]
    ).reshape(-1, 2)
    sides = Sides(x, level, y, ~y)
    if len(pairs) and np.linalg.matrix_rank(x[pairs[:, 0]] - x[pairs[:, 1]]) == 3:
        direction = separating_direction(side_contrast(sides), side_cuts(sides))
        assert (direction is not None) == separated(x, pairs)
        if direction is not None:
            margins = (x[pairs[:, 0]] - x[pairs[:, 1]]) @ direction
            assert margins.min() > -1e-7 and margins.max() > 1e-4
        signs = separating_columns(lambda j, rows: x[rows, j], 3, sides)
        for j in range(3):
            margins = x[pairs[:, 0], j] - x[pairs[:, 1], j]
            assert signs[j] == int(margins.min() >= 0) - int(margins.max() <= 0)
    start, stop = draw.integers(0, 5, n).astype(float), draw.integers(5, 12, n).astype(float)
    sets = risk_sets(start, stop, y, level)
    risks = Risks(x, sets, np.flatnonzero(y))
    pairs = np.array(
        [
            (i, j)
            for i in np.flatnonzero(y)
            for j in range(n)
            if level[i] == level[j] and start[j] < stop[i] <= stop[j] and i != j
        ]
    ).reshape(-1, 2)
    if len(pairs) and np.linalg.matrix_rank(x[pairs[:, 0]] - x[pairs[:, 1]]) == 3:
        direction = separating_direction(risk_contrast(risks), risk_cuts(risks))
        assert (direction is not None) == separated(x, pairs)
        signs = monotone_columns(lambda j, rows: x[rows, j], 3, risks)
        for j in range(3):
            margins = x[pairs[:, 0], j] - x[pairs[:, 1], j]
            assert signs[j] == int(margins.min() >= 0) - int(margins.max() <= 0)


def test_a_cox_search_that_runs_off_in_a_combination_is_no_maximum():
    """Found at random: a rises as b falls; at the end the information was rounding, of ordinary size."""
    data = pd.DataFrame(
        {
            "a": [1, 0, 1, 1, 1, 1, 0, 1, 0, 1, 1],
            "b": [1, 0, 1, 1, 1, 1, 1, 0, 0, 1, 1],
            "start": [4, 1, 1, 0, 2, 0, 2, 2, 0, 0, 0],
            "stop": [5, 3, 4, 1, 4, 2, 5, 3, 1, 2, 1],
            "event": [0, 0, 0, 0, 1, 1, 0, 1, 1, 1, 0],
        }
    )
    with pytest.raises(bip.ModelError, match="separation: a combination of a, b"):
        bip.cox("a + b", data, ties="breslow")
