"""Prediction by few items: weighted areas, the choice of items, and the paired comparison with the registers."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import bipstats as bip
from bipstats.models.kernels.roc import delong, weighted_areas
from bipstats.progression.prediction import forward, predicted, stratified_folds
from bipstats.study.study import Study


@pytest.fixture(scope="module")
def study() -> Study:
    return bip.simulate(clients=2000, rng=21)


def test_areas_without_weights_are_delongs() -> None:
    """Their covariances divide by m where DeLong's divide by m - 1."""
    draw = np.random.default_rng(1)
    positive, scores = draw.random(300) < 0.2, draw.integers(0, 8, (3, 300)).astype(float)
    area, covariance = delong(positive, scores)
    ours, spread = weighted_areas(positive, scores, np.ones(300))
    np.testing.assert_allclose(ours, area, rtol=1e-12)
    np.testing.assert_allclose(spread, covariance, rtol=0.03)


def test_a_weight_of_two_is_two_rows_to_the_area() -> None:
    draw = np.random.default_rng(2)
    positive, scores = draw.random(80) < 0.4, draw.normal(size=(2, 80))
    twice = np.r_[np.arange(80), np.arange(20)]
    weighted = weighted_areas(positive, scores, np.where(np.arange(80) < 20, 2.0, 1.0))[0]
    np.testing.assert_allclose(weighted, delong(positive[twice], scores[:, twice])[0], rtol=1e-12)


def test_items_are_chosen_by_what_they_add() -> None:
    """Three items: the second repeats the first with noise, the third is new and weaker."""
    draw = np.random.default_rng(3)
    a, c = draw.normal(size=(2, 4000))
    items = np.stack([a, a + 0.3 * draw.normal(size=4000), c], axis=1)
    entered = draw.random(4000) < 1 / (1 + np.exp(2 - 1.2 * a - 0.5 * c))
    assert forward(items, entered, np.ones(4000)).tolist()[:2] == [0, 2]


def test_clients_are_predicted_by_models_that_have_not_seen_them() -> None:
    """Pure noise: in sample eleven items would seem to predict, here they do not."""
    draw = np.random.default_rng(4)
    items, entered = draw.normal(size=(600, 11)), draw.random(600) < 0.3
    fold = stratified_folds(entered, 5, draw)
    found = predicted(items, draw.normal(size=(600, 2)), entered, np.ones(600), fold)
    area, covariance = weighted_areas(entered, found.items, np.ones(600))
    assert (np.abs(area - 0.5) < 4 * np.sqrt(np.diag(covariance))).all()
    counts = np.bincount(fold, entered)
    assert counts.max() - counts.min() <= 1


def test_the_indicators_predict_better_than_the_registers_in_the_study(study: Study) -> None:
    found = bip.progression.short_scale(study)
    table = found.table.set_index("model")
    assert (
        table.loc["all items", "conf_low"] > 0
        and table.loc["all items", "brier"] < table.loc["register", "brier"]
    )
    assert (table["auc"].diff().iloc[2:12] > -0.03).all()  # no item makes it much worse
    same = bip.progression.short_scale(study)
    pd.testing.assert_frame_equal(found.table, same.table)
    assert sorted(found.order["place"]) == list(range(1, 12))


def test_those_not_followed_are_weighted_for(study: Study) -> None:
    """A longer horizon than the data reach for late entrants: weights are one or more, and their number is said."""
    found = bip.progression.short_scale(study, horizon=150, outcome="job_or_education")
    assert dict(found.flow)["not followed to the horizon, weighted for"] > 0


def test_too_few_entries_are_refused_with_their_number(study: Study) -> None:
    few = study.subset(clients=list(study.clients["client"][:150]))
    with pytest.raises(bip.ModelError, match="of 150 clients entered"):
        bip.progression.short_scale(few, outcome="education")
    with pytest.raises(bip.OptionError, match="folds=1"):
        bip.progression.short_scale(study, folds=1)
