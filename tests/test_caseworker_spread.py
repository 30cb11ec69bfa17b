"""Spread net of noise, ranks, forecasts and picking: by hand, against R, and by what must hold."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose

from bipstats.caseworkers.caseload import Caseload, caseload
from bipstats.caseworkers.expected_share import _incidence
from bipstats.caseworkers.exposure import Exposure
from bipstats.caseworkers.movers import forecasts, moves
from bipstats.caseworkers.ranks import critical_value, rank_sets
from bipstats.caseworkers.spread import (
    Rows,
    Spread,
    gamma_poisson,
    permuted_moment,
    shrunken,
    split,
    split_variance,
)
from bipstats.caseworkers.thought_experiment import Picking

R: dict[str, Any] = json.loads((Path(__file__).parent / "reference" / "caseworkers.json").read_text())


def rows_of(client: Any, caseworker: Any, excess: Any, expected: Any) -> Rows:
    """Without covariates: halves keep the common model."""
    return Rows(
        np.array(client), np.array(caseworker), np.array(excess, float), np.array(expected, float),
        np.zeros((len(client), 1)),
    )  # fmt: skip


def test_random_intercepts_are_those_of_glmmTMB():
    rows = pd.DataFrame(R["rows"]).assign(
        start=lambda data: 13 * data["period"], stop=lambda data: 13 * data["period"] + 13, data_end=65,
        exit=lambda data: np.where(data["event"] == 1, "job", "censored"), share_before=0.1,
    ).drop(columns="period")  # fmt: skip
    found = caseload(Exposure(rows, ("age", "switched"), (), ()))
    assert found.fit.random["sd"].iloc[0] == pytest.approx(R["sd"], rel=1e-5)
    assert found.names.tolist() == R["names"]
    # glmmTMB stops where its gradient is some 1e-5.
    assert_allclose(found.effects, R["effects"], atol=2e-5)
    assert found.observed.sum() == pytest.approx(found.predicted.sum(), rel=1e-12)


def test_the_variance_of_gamma_multipliers_is_that_of_MASS():
    found = gamma_poisson(np.array(R["observed"], float), np.array(R["expected"], float), 0.95)
    assert found.variance == pytest.approx(R["variance"], rel=1e-5)  # xatol of the search
    assert found.low < found.variance < found.high


def test_counts_that_vary_less_than_poisson_have_no_variance():
    expected = np.full(20, 3.0)
    found = gamma_poisson(np.full(20, 3.0), expected, 0.95)
    assert (found.variance, found.low) == (0.0, 0.0) and found.high > 0
    assert_allclose(shrunken(np.full(20, 3.0), expected, 0.0), 1.0)


def test_the_scale_of_all_ways_is_the_log_hazard():
    assert Spread(np.expm1(0.49), -1.0, np.inf).log_sd() == pytest.approx((0.7, 0.0, np.inf))


def test_products_of_halves_by_hand():
    """Two clients each: every split puts them apart, so the variance is the sum of products over those expected."""
    rows = rows_of([0, 1], [0, 0], [0.5, 0.25], [0.5, 0.75])
    halves = [split(rows, np.random.default_rng(seed)) for seed in range(3)]
    spread, _ = split_variance(halves, 0.95)
    assert spread.variance == pytest.approx(0.5 * 0.25 / (0.5 * 0.75), rel=1e-12)


def test_products_of_halves_over_all_splits_are_those_of_different_clients():
    draw = np.random.default_rng(2)
    excess, caseworker = draw.normal(size=4), np.array([0, 0, 1, 1])
    rows = rows_of(range(4), caseworker, excess, np.ones(4))
    found = split_variance([split(rows, np.random.default_rng(seed)) for seed in range(3000)], 0.95)[0]
    exact = (excess[0] * excess[1] + excess[2] * excess[3]) / 2
    assert found.variance == pytest.approx(exact, rel=0.08)


def test_a_half_has_a_model_of_its_own():
    """What a covariate explains of the excess in a half is taken out there."""
    draw = np.random.default_rng(3)
    x = draw.normal(size=(40, 2))
    rows = Rows(np.arange(40), np.arange(40) % 4, x @ (0.3, -0.2), np.ones(40), x)
    assert np.abs(split(rows, draw).excess).max() < 1e-10


def test_permutations_stay_within_strata():
    rows = rows_of(range(6), [0, 0, 0, 1, 1, 1], [1, 2, 3, -1, -2, -3], np.ones(6))
    own = np.repeat([0, 1], 3)
    assert all(permuted_moment(rows, own, np.random.default_rng(seed)) == 72.0 for seed in range(5))
    mixed = [permuted_moment(rows, np.zeros(6, int), np.random.default_rng(seed)) for seed in range(20)]
    assert set(mixed) <= {2.0 * total**2 for total in range(7)} and len(set(mixed)) > 1


def test_rank_sets_by_hand():
    """Differences 1, 4 and 5 with half-widths 2 sqrt 2: the first two cannot be told apart, the third is last."""
    low, high = rank_sets(np.array([5.0, 4.0, 0.0]), np.ones(3), 2.0)
    assert (low.tolist(), high.tolist()) == ([1, 1, 3], [2, 2, 3])


def test_the_critical_value_of_one_difference_is_the_normal_one():
    deviation = np.random.default_rng(1).normal(size=(200_000, 2)) * (1.0, 3.0)
    assert critical_value(deviation, np.array([1.0, 3.0]), 0.95) == pytest.approx(1.96, abs=0.015)


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 10_000), m=st.integers(2, 12))
def test_rank_sets_hold_the_true_ranks_where_all_differences_are_within_the_critical_value(seed, m):
    draw = np.random.default_rng(seed)
    truth, error = draw.normal(size=m), draw.uniform(0.1, 1.0, m)
    estimate = truth + error * draw.normal(size=m)
    largest = critical_value((estimate - truth)[None], error, 0.95)
    low, high = rank_sets(estimate, error, largest)
    rank = 1 + (truth[None] > truth[:, None]).sum(axis=1)
    assert ((low <= rank) & (rank <= high)).all()


def _small(entries: Any, expected: Any, caseworker: Any, client: Any, later: Any) -> Caseload:
    n, m = len(entries), int(np.max(caseworker)) + 1
    return Caseload(
        pd.Index([f"k{c}" for c in range(m)]), np.zeros(m, int), pd.Index(["Faxe"]), np.array(client),
        np.array(caseworker), np.array(later, bool), np.array(entries, float), np.array(expected, float), np.ones(n),
        np.ones((n, 1)), 1, np.linspace(0, 1, n), 1.0, None,  # type: ignore[arg-type]
    )  # fmt: skip


def test_what_is_foretold_for_a_client_is_told_by_the_others():
    """Client 1 moves from k0 to k1; with a relative variance of 1 the multiplier is (O + 1) / (E + 1)."""
    found = _small([1, 0, 1, 2], [0.5, 0.4, 0.8, 1.0], [0, 0, 1, 1], [0, 1, 1, 2], [0, 0, 1, 0])
    row = moves(found, 1.0).iloc[0]
    former, new = (1 + 1) / (0.5 + 1), (2 + 1) / (1.0 + 1)
    assert row["former"] == pytest.approx(former) and row["change"] == pytest.approx(new - former)
    assert row["outcome"] == pytest.approx(1 / 0.8 - 1) and row["weight"] == 0.8
    assert (row["caseworker"], row["jobcentre"]) == ("k1", "Faxe")


def test_a_forecast_that_comes_true_has_slope_one():
    draw = np.random.default_rng(4)
    rows = pd.DataFrame({"change": draw.normal(size=80), "former": draw.normal(size=80)}).assign(
        weight=1.0, caseworker=np.repeat([f"k{i}" for i in range(20)], 4), jobcentre="Faxe",
        before=draw.normal(size=80),
    )  # fmt: skip
    noise = np.tile([1e-6, -1e-6], 40)
    outcome, _ = forecasts(rows.assign(outcome=rows["change"] + rows["former"] + noise))
    assert outcome.values[outcome.names.index("change")] == pytest.approx(1.0, abs=1e-5)


def _picking(parts: tuple[float, ...] = (0.25,), clients: int = 400, m: int = 8) -> Picking:
    client = np.arange(clients)
    return Picking(client, client % m, np.full(clients, 0.5), np.ones(m, bool), 0.5, parts)


def test_without_noise_those_picked_have_the_best_multipliers():
    picking, multiplier = _picking((0.25, 0.5)), np.linspace(0.5, 1.9, 8)
    entries = picking.expected * multiplier[picking.caseworker]
    read, true = picking.read(entries, entries, np.random.default_rng(1))
    assert_allclose(
        read, [multiplier[-2:].mean(), multiplier[-4:].mean()], rtol=0.02
    )  # folds are not quite even
    assert_allclose(read, true)


def test_with_noise_alone_what_is_read_of_those_picked_is_one_on_average():
    """The same entries picked and read together would give far more."""
    picking = _picking(clients=160)
    draw = np.random.default_rng(2)
    read, together = [], []
    for _ in range(300):
        entries = draw.poisson(picking.expected).astype(float)
        read.append(picking.read(entries, picking.expected, draw)[0][0])
        share = np.bincount(picking.caseworker, entries) / np.bincount(picking.caseworker, picking.expected)
        together.append(np.sort(share)[-2:].mean())
    assert abs(np.mean(read) - 1) < 3 * np.std(read) / np.sqrt(300)
    assert np.mean(together) > 1.3


def test_the_ineligible_are_never_picked():
    picking = _picking()
    few = Picking(picking.client, picking.caseworker, picking.expected, np.arange(8) < 4, 0.5, (0.25,))
    entries = np.where(picking.caseworker >= 4, 5.0, 0.1)
    read, _ = few.read(entries, entries, np.random.default_rng(1))
    assert read[0] == pytest.approx(0.2)


def test_incidence_with_constant_hazards_has_a_closed_form():
    h, k, periods = 0.05, 0.03, 7
    found = _incidence(np.full((1, periods), h), np.full((1, periods), k))
    assert found == pytest.approx(h / (h + k) * -np.expm1(-periods * (h + k)), rel=1e-12)
