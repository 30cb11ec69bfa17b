"""Concordance against R's, a double loop over all pairs, and its own laws."""

import numpy as np
import pandas as pd
import pytest
from cox_cases import CASES, fitted, r_numbers, spells
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose

import bipstats as bip
from bipstats.models.kernels.concordance import count_pairs
from bipstats.models.kernels.cox import cox_problem, risk_sets


@pytest.mark.parametrize("name", CASES)
def test_concordance_agrees_with_r(name):
    fit, data = fitted(name)
    for how, cluster in (("rows", None), ("clustered", None if name == "veteran" else "id")):
        expected, found = (
            r_numbers("diagnostics")[name]["concordance"][how],
            fit.concordance(data, cluster=cluster),
        )
        assert_allclose(found.concordance, expected["concordance"], rtol=1e-10)
        assert_allclose(found.std_error, expected["std_error"], rtol=1e-8)
        pairs = [found.concordant, found.discordant, found.tied_risk, found.tied_time, found.tied_both]
        assert_allclose(pairs, expected["counts"], rtol=1e-10)


def test_rows_of_the_fits_id_are_one_unit():
    by_id, data = fitted("heart", "id")
    plain, _ = fitted("heart")
    assert by_id.concordance(data) == plain.concordance(data, cluster="id")
    assert by_id.concordance(data).std_error != plain.concordance(data).std_error
    with pytest.raises(bip.ModelError, match="no column 'site'"):
        plain.concordance(data, cluster="site")


def _problem(rows: pd.DataFrame):
    start, stop, event = (
        rows["start"].to_numpy(float),
        rows["stop"].to_numpy(float),
        rows["event"].to_numpy() == 1,
    )
    sets = risk_sets(start, stop, event, rows["s"].to_numpy())
    used = np.flatnonzero(sets.last > sets.first)
    n = len(used)
    weight = rows["w"].to_numpy()[used]
    return used, cox_problem(np.zeros((n, 1)), sets.take(used), event[used], weight, np.zeros(n), efron=True)


def _double_loop(rows: pd.DataFrame, score: np.ndarray):
    """Counts, and each row's weight of partners, by comparing everyone with everyone."""
    a = rows.reset_index(drop=True)
    counts, influence = np.zeros(5), np.zeros((len(a), 3))
    for i, dead in a[a["event"] == 1].iterrows():
        for j, other in a.iterrows():
            if i == j or other["s"] != dead["s"] or not other["start"] < dead["stop"] <= other["stop"]:
                continue
            pair = dead["w"] * other["w"]
            if other["event"] == 1 and other["stop"] == dead["stop"]:
                counts[3 + (score[i] == score[j])] += pair / 2  # met twice
                continue
            kind = 0 if score[i] > score[j] else 1 if score[i] < score[j] else 2
            counts[kind] += pair
            influence[i, kind] += other["w"]
            influence[j, kind] += dead["w"]
    return counts, influence


@given(st.integers(0, 10_000), st.booleans(), st.integers(2, 9))
@settings(max_examples=10, deadline=None)
def test_pairs_are_those_of_a_double_loop(seed, ties, n_clients):
    rows = spells(seed, n_clients, ties=ties)
    score = np.random.default_rng(seed).integers(0, 6, len(rows)) / 3
    used, problem = _problem(rows)
    found = count_pairs(score[used], problem)
    counts, influence = _double_loop(rows, score)
    own = [found.concordant, found.discordant, found.tied_score, found.tied_time, found.tied_both]
    assert_allclose(own, counts, atol=1e-10)
    assert_allclose(found.influence, influence[used], atol=1e-10)
    rest = np.delete(influence, used, axis=0)
    assert (rest == 0).all()


def test_a_perfect_and_a_constant_score():
    rows = spells(1, 40)
    used, problem = _problem(rows)
    stop = rows["stop"].to_numpy(float)[used]
    # Rows of one client follow one another, so who dies first has the lowest stop among those at risk.
    perfect, reverse, constant = (
        count_pairs(score, problem) for score in (-stop, stop, np.full(len(stop), 0.3))
    )
    assert perfect.discordant == 0 and perfect.concordant > 0
    assert_allclose([reverse.concordant, constant.concordant, constant.discordant], 0, atol=1e-10)
    assert_allclose(reverse.discordant, perfect.concordant)
    assert_allclose(constant.tied_score, perfect.concordant + perfect.tied_score)
    rounded = count_pairs(0.3 + 1e-16 * stop, problem)  # differences by rounding are none
    assert rounded.tied_score == constant.tied_score


@given(st.integers(0, 10_000))
@settings(max_examples=10, deadline=None)
def test_row_order_and_splits_do_not_matter(seed):
    rows = spells(seed)
    expected = bip.cox("x + z", rows, weights="w").concordance(rows)
    middle = (rows["start"] + rows["stop"]) / 2
    halves = pd.concat([rows.assign(stop=middle, event=0), rows.assign(start=middle)])
    for other in (rows.sample(frac=1, random_state=seed + 1), halves):
        found = bip.cox("x + z", other, weights="w").concordance(other)
        assert_allclose(found.concordance, expected.concordance, rtol=1e-9)
        assert_allclose(found.std_error, expected.std_error, rtol=1e-8)


def test_nobody_to_compare_is_refused():
    rows = spells(2).assign(client=lambda d: range(len(d)), start=0.0, stop=1.0, event=1)
    with pytest.raises(bip.ModelError, match="no two rows can be compared"):
        bip.cox("z", rows, ties="breslow").concordance(rows)


def test_concordance_says_what_it_is():
    fit, data = fitted("veteran")
    found = fit.concordance(data)
    low, high = found.conf_int(0.9)
    assert_allclose(
        [low + high, high - low], [2 * found.concordance, 2 * 1.6448536269514722 * found.std_error]
    )
    assert "one unit per row" in repr(found) and "5,783 concordant" in repr(found)
    with pytest.raises(bip.OptionError, match="level"):
        found.conf_int(95)
