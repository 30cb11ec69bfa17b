"""World E2 at 30,000 clients by the ledger's own units: shares that were calibrated agree with their targets.

Tolerances: half a printed digit, or three Monte Carlo standard errors over simulated worlds of this size
(measured over seeds: end share .002, switched .004, level 5 .008, one year .0015).
"""

import numpy as np
import pytest

import bipstats as bip
from bipstats.replication.analyses import interventions
from bipstats.replication.frames import Prepared


@pytest.fixture(scope="module")
def study():
    return bip.simulate(clients=30_000, rng=77)


@pytest.mark.slow
def test_intervention_classes(study):
    found = {name: made.value for name, made in interventions.by_window(Prepared(study)).items()}
    published = {"none": 0.23, "other only": 0.34, "job only": 0.24, "job + other": 0.18}
    for name, share in published.items():
        assert abs(found[f"{name}, by window"] - share / 0.99) < 0.006, name  # the printed shares sum to .99


@pytest.mark.slow
def test_first_year_and_follow_up(study):
    rows = bip.landmarks(study, at="first", horizon=52, outcome="job")
    entered, belief = rows["entered"].astype(float), rows["caseworker_belief"]
    assert abs(entered.mean() - 0.06) < 0.0045
    assert abs(entered[belief == 1].mean() - 0.0103) < 0.004
    assert abs(entered[belief == 5].mean() - 0.27) < 0.03
    truth = study.truth.set_index(["quantity", "scale"])["value"]
    assert abs(truth["entry_share", "share"] - 0.1476) < 0.006
    assert abs(truth["switched_share", "share"] - 0.40) < 0.015
    shares = belief.value_counts(normalize=True)
    for answers, share in (([5], 0.06), ([4], 0.20), ([3], 0.24), ([1, 2], 0.50)):
        assert abs(shares[answers].sum() - share) < 0.012, answers
    assert np.isfinite(truth["entry_share_top_decile", "share"])
