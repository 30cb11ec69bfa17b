"""Two raters: kappa and intraclass correlations against R and by hand, tables against pairs, the simulator."""

from __future__ import annotations

import json
from dataclasses import replace
from functools import cache
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose
from scipy import stats
from tiny import tiny_study

import bipstats as bip
from bipstats.progression.beliefs import Beliefs
from bipstats.progression.pairs import STATISTICS, Pairs, jackknife_errors, statistics, suppressed, tables

REFERENCE = json.loads((Path(__file__).parent / "reference" / "agreement.json").read_text())


@cache
def simulated(**answers):
    truth = bip.Truth()
    truth = replace(truth, answers=replace(truth.answers, **answers))
    return bip.simulate(truth, clients=2000, rng=5)


@pytest.mark.parametrize("case", REFERENCE["kappa"], ids=lambda case: case["name"])
def test_kappa_agrees_with_psych_and_its_error_with_vcd(case):
    found = bip.progression.weighted_kappa(*REFERENCE["pairs"].values(), weights=case["name"])
    assert_allclose(found.estimate, case["estimate"], rtol=1e-12)
    assert_allclose(found.estimate, case["estimate_vcd"], rtol=1e-12)
    assert_allclose(found.std_error, case["std_error"], rtol=1e-10)


@pytest.mark.parametrize("case", REFERENCE["icc"], ids=lambda case: case["name"])
def test_intraclass_correlations_agree_with_psych(case):
    found = bip.progression.icc(case["table"])
    for ours, theirs in [
        ("estimate", "estimate"), ("conf_low", "low"), ("conf_high", "high"), ("f", "f"), ("df1", "df1"),
        ("df2", "df2"), ("p_value", "p"),
    ]:  # fmt: skip
        assert_allclose(found[ours], case[theirs], rtol=1e-8)


def test_kappa_by_hand():
    """p_o = 3/4, p_e = 1/2; g = 5/8, -3/8, 3/8, 3/8: mean 1/4, variance 9/64, over n (1 - p_e)^2 = 1."""
    found = bip.progression.weighted_kappa([1, 1, 2, 2], [1, 2, 2, 2], weights="none")
    assert (found.observed, found.expected, found.estimate) == (0.75, 0.5, 0.5)
    assert found.std_error == pytest.approx(np.sqrt(9 / 64), rel=1e-14)


def test_kappa_of_independent_raters_is_zero_and_its_null_error_is_its_error():
    row, column = np.array([10, 20, 30]), np.array([1, 2, 3])
    a, b = np.repeat([1, 2, 3], row * 6), np.tile(np.repeat([1, 2, 3], column), 60)
    for weights in ("none", "linear", "quadratic"):
        found = bip.progression.weighted_kappa(a, b, weights=weights)
        assert abs(found.estimate) < 1e-14
        assert found.std_error == pytest.approx(found.std_error_null, rel=1e-10)


def test_kappa_of_equal_answers_is_one():
    found = bip.progression.weighted_kappa([1, 2, 3, 3], [1, 2, 3, 3])
    assert (found.estimate, found.std_error) == (1.0, 0.0)


def test_repeating_every_pair_changes_no_clustered_error():
    a, b = (np.array(answers) for answers in REFERENCE["pairs"].values())
    once = bip.progression.weighted_kappa(a, b)
    twice = bip.progression.weighted_kappa(
        np.tile(a, 2), np.tile(b, 2), clusters=np.tile(np.arange(len(a)), 2)
    )
    assert twice.std_error == pytest.approx(once.std_error, rel=1e-12)


answers = st.lists(st.tuples(st.integers(1, 5), st.integers(1, 5)), min_size=4, max_size=40)


@given(answers)
@settings(deadline=None, max_examples=25)
def test_a_table_says_what_its_pairs_say(pairs):
    a, b = np.array(pairs, dtype=np.int8).T
    if len(set(a)) < 2 or len(set(b)) < 2:
        return
    table = tables(a, b, np.zeros(len(a), np.int64), 1)
    with np.errstate(invalid="ignore", divide="ignore"):
        found = dict(zip(STATISTICS, statistics(table)[0], strict=True))
    for weights, name in (("none", "kappa"), ("linear", "kappa, linear"), ("quadratic", "kappa, quadratic")):
        kappa = bip.progression.weighted_kappa(a, b, weights=weights, levels=(1, 2, 3, 4, 5))
        assert found[name] == pytest.approx(kappa.estimate, abs=1e-12)
    icc = bip.progression.icc(np.column_stack([a, b])).set_index("type")["estimate"]
    for name in ("ICC(1)", "ICC(A,1)", "ICC(C,1)"):
        assert found[name] == pytest.approx(icc[name], abs=1e-10)
    gap = b.astype(float) - a
    assert found["bias"] == pytest.approx(gap.mean(), abs=1e-12)
    half = (found["upper limit of agreement"] - found["lower limit of agreement"]) / 2
    assert half == pytest.approx(stats.norm.ppf(0.975) * gap.std(ddof=1), abs=1e-7)
    assert found["exact agreement"] == pytest.approx((gap == 0).mean())


@given(answers)
@settings(deadline=None, max_examples=25)
def test_quadratic_kappa_is_a_concordance_correlation(pairs):
    """2 s_ab / (s_a^2 + s_b^2 + (a - b)^2) with moments over n (Fleiss & Cohen 1973; Lin 1989)."""
    a, b = np.array(pairs, dtype=float).T
    if len(set(a)) < 2 or len(set(b)) < 2:
        return
    lin = 2 * np.cov(a, b, ddof=0)[0, 1] / (a.var() + b.var() + (a.mean() - b.mean()) ** 2)
    assert bip.progression.weighted_kappa(a, b).estimate == pytest.approx(lin, abs=1e-12)


def test_leaving_out_clients_gives_the_clustered_error_of_kappa():
    pairs = Pairs.of(simulated(), ("network",))
    a, b = pairs.first[:, 0], pairs.second[:, 0]
    kept = (a > 0) & (b > 0)
    kappa = bip.progression.weighted_kappa(a[kept], b[kept], clusters=pairs.client[kept])
    parts = tables(a, b, np.unique(pairs.client, return_inverse=True)[1], 2000)
    errors = dict(zip(STATISTICS, jackknife_errors(parts), strict=True))
    assert errors["kappa, quadratic"] == pytest.approx(kappa.std_error, rel=0.02)


def test_the_simulators_reliability_is_recovered():
    """Both answers are cut from normals with the true score in common: expected tables in closed form."""
    study = simulated(halo=0.0, halo_noise=0.0)
    law = bip.Truth().answers
    pairs = Pairs.of(study)
    first = pairs.measurement == 1
    order = [key for key in bip.codebook.INDICATORS if key != "caseworker_belief"]
    cuts = stats.norm.ppf(law.cumulative)
    for item, key in enumerate(pairs.items):
        rel = law.reliability[order.index(key)]
        sd = np.sqrt([1 + law.client_style**2, 1 + law.caseworker_leniency**2])
        corner = _joint(cuts / sd[0], cuts / sd[1], rel / sd.prod())
        truth = dict(zip(STATISTICS, statistics(corner * 1e9), strict=True))
        size = int(first.sum())
        parts = tables(pairs.first[first, item], pairs.second[first, item], np.arange(size), size)
        found = statistics(parts.sum(axis=0))
        for name, value, error in zip(STATISTICS, found, jackknife_errors(parts), strict=True):
            if name not in ("bias", "lower limit of agreement", "upper limit of agreement"):
                assert abs(value - truth[name]) < 4 * error + 0.01, (key, name)


def _joint(first, second, correlation):
    """Probabilities of the 25 cells of a bivariate normal cut twice."""
    law = stats.multivariate_normal(cov=[[1, correlation], [correlation, 1]])
    rows, columns = np.concatenate([[-9], first, [9]]), np.concatenate([[-9], second, [9]])
    below = np.array([[law.cdf([x, y]) for y in columns] for x in rows])
    return np.diff(np.diff(below, axis=0), axis=1)


@pytest.mark.parametrize("leniency", [0.0, 0.6])
def test_the_spread_of_the_caseworkers_levels_is_recovered(leniency):
    """Leniency moves the mean answer by about 1 / 0.9 steps per unit; without it there is none beyond chance."""
    study = simulated(halo=0.0, halo_noise=0.0, caseworker_leniency=leniency)
    sd, error, size = bip.progression.agreement(study).caseworkers
    step = stats.norm.pdf(stats.norm.ppf(bip.Truth().answers.cumulative) / np.hypot(1, leniency)).sum()
    truth = leniency * step / np.hypot(1, leniency)
    assert size > 100
    assert abs(sd - truth) < 3 * error + 0.03 if leniency else sd < 0.08


def test_beliefs_follow_each_other_by_client_and_date():
    found = Beliefs.of(tiny_study())
    table = tiny_study().responses.query("respondent == 'caseworker'").sort_values(["client", "date"])
    table = table[table["caseworker_belief"].notna()]
    expected = table.assign(
        before=table.groupby("client")["caseworker_belief"].shift(),
        by=table.groupby("client")["caseworker"].shift(),
    ).dropna(subset=["before"])
    assert found.first.tolist() == expected["before"].tolist()
    assert found.second.tolist() == expected["caseworker_belief"].tolist()
    assert found.same.tolist() == (expected["by"] == expected["caseworker"]).tolist()


def test_a_new_caseworker_repeats_the_belief_less_than_the_same_one():
    frame = bip.progression.agreement(simulated()).stability
    kappa = frame[frame["statistic"] == "kappa, quadratic"].set_index(["caseworker", "weeks"])
    same, new = kappa.loc[("same", "1-19")], kappa.loc[("new", "1-19")]
    assert same["estimate"] - new["estimate"] > 2 * np.hypot(same["std_error"], new["std_error"])


def test_draws_of_clients_give_the_jackknifes_errors_and_repeat():
    study = simulated()
    plain = bip.progression.agreement(study, items="network").table
    drawn = bip.progression.agreement(study, items="network", draws=300, rng=1, progress=False).table
    again = bip.progression.agreement(study, items="network", draws=300, rng=1, progress=False).table
    pd.testing.assert_frame_equal(drawn, again)
    assert_allclose(drawn["std_error"], plain["std_error"], rtol=0.2)
    assert_allclose(drawn["estimate"], plain["estimate"], rtol=1e-12)


def test_bias_does_not_drift_in_the_simulated_world():
    slope, error = bip.progression.agreement(simulated()).slope
    assert abs(slope) < 4 * error


def test_small_cells_are_hidden_and_one_alone_takes_another_with_it():
    assert pd.isna(suppressed(np.array([0, 3, 4, 9, 9]), 5)).tolist() == [False, True, True, False, False]
    assert pd.isna(suppressed(np.array([0, 3, 20, 9, 30]), 5)).tolist() == [False, True, False, True, False]
    found = bip.progression.agreement(bip.simulate(clients=100, rng=2))
    shown = found.persistence["n"].dropna()
    assert ((shown == 0) | (shown >= 5)).all() and found.persistence["n"].isna().any()
    cells = found.cells("network")["n"].dropna()
    assert ((cells == 0) | (cells >= 5)).all()


def test_the_paragraph_and_the_plot_of_an_item():
    found = bip.progression.agreement(simulated())
    assert "misleads" in found.paragraph and found.paragraph in str(found.summary())
    assert found.plot_item("network").has_data()
    with pytest.raises(bip.ModelError, match="'belief' is no item of this result"):
        found.plot_item("belief")


def test_what_cannot_be_compared_is_refused_with_counts():
    study = simulated()
    alone = replace(
        study, responses=study.responses[study.responses["respondent"] == "client"].reset_index(drop=True)
    )
    with pytest.raises(bip.ModelError, match=r"no measurement has answers of both raters \(6,750 have one"):
        bip.progression.agreement(alone)
    never = replace(study, responses=study.responses.assign(network=pd.array([pd.NA] * 13500, dtype="Int8")))
    with pytest.raises(bip.ModelError, match="network never has answers of both raters"):
        bip.progression.agreement(never)
    same = replace(study, responses=study.responses.assign(network=pd.array([3] * 13500, dtype="Int8")))
    with pytest.raises(bip.ModelError, match="network does not vary over its 6,750 pairs"):
        bip.progression.agreement(same)
    with pytest.raises(bip.OptionError, match="items='caseworker_belief'"):
        bip.progression.agreement(study, items="caseworker_belief")
    with pytest.raises(bip.OptionError, match="draws=5"):
        bip.progression.agreement(study, draws=5)


@pytest.mark.parametrize(
    ("a", "b", "why"),
    [
        ([1, 2], [1], "answers pair by pair"),
        ([1, np.nan], [1, 2], "1 of 2 pairs lack an answer"),
        ([1, 1.5], [1, 2], "whole numbers"),
        ([3, 3], [3, 3], "one and the same answer in all 2 pairs"),
        ([], [], "answers pair by pair"),
    ],
)
def test_kappa_refuses_what_it_cannot_read(a, b, why):
    with pytest.raises(bip.ModelError, match=why):
        bip.progression.weighted_kappa(a, b)


def test_kappa_refuses_levels_off_the_scale_and_clusters_of_another_length():
    with pytest.raises(bip.ModelError, match="1 answers are not on the scale"):
        bip.progression.weighted_kappa([1, 6], [1, 2], levels=(1, 2, 3, 4, 5))
    with pytest.raises(bip.ModelError, match="clusters has 1 values for 2 pairs"):
        bip.progression.weighted_kappa([1, 2], [1, 2], clusters=[1])


@pytest.mark.parametrize(
    ("table", "why"),
    [
        ([[1, 2]], "two persons"),
        ([[1, np.nan], [1, 2]], "1 of 2 rows lack"),
        ([[2, 2], [2, 2]], "all 4 scores"),
    ],
)
def test_icc_refuses_what_it_cannot_read(table, why):
    with pytest.raises(bip.ModelError, match=why):
        bip.progression.icc(table)


def test_complete_agreement_has_correlations_of_one():
    found = bip.progression.icc([[1, 1], [2, 2], [4, 4]])
    assert_allclose(found[["estimate", "conf_low", "conf_high"]], 1.0)
