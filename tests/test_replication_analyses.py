"""The reference analyses' own arithmetic, against hand computation, brute force and statsmodels."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm
from numpy.testing import assert_allclose

import bipstats as bip
from bipstats.caseworkers.exposure import without_breaks
from bipstats.caseworkers.raw_shares import RawShares
from bipstats.errors import ModelError
from bipstats.interventions.counts import count_kinds
from bipstats.models.kernels.roc import delong
from bipstats.replication.analyses import orientation, progression
from bipstats.replication.estimate import Estimate, Unavailable, mean, share
from bipstats.replication.frames import Prepared, require, terms
from bipstats.study.study import Study


def test_wilson_interval_by_hand() -> None:
    # 0 of 10: z^2 / (n + z^2) with z^2 = 3.841459: 3.841459 / 13.841459
    low, high = share(np.zeros(10, dtype=bool), what="").interval()
    assert low == 0.0
    assert_allclose(high, 0.2775328, atol=1e-7)
    # 5 of 10, symmetric about one half: z / (2 sqrt(n + z^2)) = .263407
    low, high = share(np.arange(10) < 5, what="").interval()
    assert_allclose([low, high], [0.5 - 0.2634069, 0.5 + 0.2634069], atol=1e-7)


def test_shares_and_means_of_nobody_say_so() -> None:
    assert share(np.zeros(0, dtype=bool), what="none has level 5") == Unavailable(
        "no clients: none has level 5"
    )
    assert isinstance(mean(np.array([0.2]), what="x"), Unavailable)


def test_intervals_are_on_the_printed_scale() -> None:
    # exp(.2 -+ 1.959964 * .1)
    made = Estimate(0.2, 0.1, 5, "ratio")
    assert_allclose(made.interval(), (1.0040, 1.4859), atol=1e-4)
    assert_allclose(made.shown, 1.221403, atol=1e-6)
    wider = Estimate(0.2, 0.1, 5, "difference", critical=3.0)
    assert_allclose(wider.interval(), (-0.1, 0.5))
    assert_allclose(wider.interval(0.90), (0.2 - 0.1644854, 0.2 + 0.1644854), atol=1e-7)


def test_area_under_the_curve_counts_pairs() -> None:
    rng = np.random.default_rng(7)
    positive = rng.random(60) < 0.3
    scores = np.round(rng.normal(size=(2, 60)) + positive, 1)  # rounded: with ties
    area, matrix = delong(positive, scores)
    above, below = [], []
    for row in scores:
        pairs = row[positive][:, None] - row[~positive][None, :]
        psi = (pairs > 0) + 0.5 * (pairs == 0)  # DeLong, DeLong & Clarke-Pearson (1988)
        above.append(psi.mean(axis=1))
        below.append(psi.mean(axis=0))
    assert_allclose(area, [part.mean() for part in above])
    wanted = np.cov(above) / positive.sum() + np.cov(below) / (~positive).sum()
    assert_allclose(matrix, wanted, rtol=1e-12)


def _ends(entries: list[int], clients: int) -> tuple[pd.Series, np.ndarray]:
    """Clients of caseworkers 0, 1, ...: so many of each enter."""
    names = np.repeat(np.arange(len(entries)), clients)
    flags = np.concatenate([np.arange(clients) < count for count in entries]).astype(float)
    return pd.Series(names), flags


def test_naive_rule_by_hand() -> None:
    # Ten caseworkers with ten clients: 0, 0, 0, 1, 1 | 1, 2, 2, 4, 6 of them enter.
    names, flags = _ends([0, 0, 0, 1, 1, 1, 2, 2, 4, 6], 10)
    group = RawShares.from_clients(names, flags, None, 6)
    assert_allclose(group.top(1 / 2), (0.1 + 0.2 + 0.2 + 0.4 + 0.6) / 5)
    assert_allclose(group.bottom(1 / 2), (0.1 + 0.1) / 5)
    assert_allclose(group.top(1 / 10), 0.6)
    assert_allclose(group.overall(), 0.17)


def test_naive_rule_leaves_small_caseworkers_out() -> None:
    names, flags = _ends([1] * 10, 6)
    small = pd.concat([names, pd.Series([99] * 5)], ignore_index=True)
    group = RawShares.from_clients(small, np.append(flags, np.ones(5)), None, 6)
    assert len(group.clients) == 10
    with pytest.raises(ModelError, match="caseworkers with at least 6 clients: 9"):
        RawShares.from_clients(*_ends([1] * 9, 6), None, 6)


def test_adjusted_shares_are_observed_over_expected() -> None:
    names, flags = _ends([1, 2] * 5, 10)
    expected = np.repeat([0.1, 0.2] * 5, 10)  # every caseworker has exactly what was expected
    adjusted = RawShares.from_clients(names, flags, expected, 6).adjusted()
    assert_allclose(adjusted.shares, 0.15)
    assert_allclose(adjusted.gap(), 0, atol=1e-12)


def _answers() -> pd.DataFrame:
    rng = np.random.default_rng(3)
    n = 120
    return pd.DataFrame(
        {
            "client": rng.choice(list("abcdefgh"), n),
            "caseworker": rng.choice(["x", "y", "z"], n),
            "date": pd.Timestamp("2013-01-01") + pd.to_timedelta(rng.integers(0, 900, n), unit="D"),
            "belief": rng.normal(size=n),
        }
    )


def test_leave_out_mean_uses_other_clients_only() -> None:
    answers = _answers()
    rows = pd.DataFrame({"client": list("abcq"), "caseworker": ["x", "y", "z", "x"]})
    found = orientation._leave_out_mean(answers, rows)
    for value, client, caseworker in zip(found, rows["client"], rows["caseworker"], strict=True):
        others = answers[(answers["caseworker"] == caseworker) & (answers["client"] != client)]
        assert_allclose(value, others["belief"].mean())
    alone = answers[answers["client"] == "a"]
    assert np.isnan(orientation._leave_out_mean(alone, rows)[0])


def test_progression_by_class_agrees_with_statsmodels() -> None:
    """Mean change of the index by class, and job + other against the others, with errors clustered by client."""
    study = bip.simulate(clients=500, rng=8)
    found = progression.reference(Prepared(study))
    index = bip.progression.readiness(study)
    frame = bip.transitions(study).query("weeks <= 16")
    y = (index.change(frame) / frame["weeks"] * 13).to_numpy()
    x = (frame["intervention_class"].cat.codes.to_numpy()[:, None] == np.arange(4)).astype(float)
    wanted = sm.OLS(y, x).fit(
        cov_type="cluster",
        cov_kwds={"groups": pd.factorize(frame["client"])[0], "use_correction": False},
    )
    contrasts = wanted.t_test([[-1, 0, 0, 1], [0, -1, 0, 1], [0, 0, -1, 1]])
    errors_of = np.diag(contrasts.sd) if np.ndim(contrasts.sd) == 2 else contrasts.sd
    made = [found[name] for name in progression.REFERENCE]
    lowest = int(np.argmin(contrasts.effect - made[0].critical * errors_of))
    assert_allclose([one.value for one in made], [*wanted.params, contrasts.effect[lowest]], rtol=1e-9)
    assert_allclose([one.std_error for one in made], [*wanted.bse, errors_of[lowest]], rtol=1e-9)
    assert f"job + other less {progression.CLASSES[lowest]}" in made[-1].note
    assert (
        2.2 < made[0].critical < 2.8
    )  # seven estimates at once, correlated: between 1.96 and Bonferroni's 2.69


def test_progression_is_judged_on_measurements_three_months_apart() -> None:
    study = bip.simulate(clients=500, rng=8)
    near, every = progression.reference(Prepared(study)), progression.all_pairs(Prepared(study))
    pairs = bip.transitions(study)
    counted = [sum(made[name].n for name in names[:4]) for made, names in (
        (near, progression.REFERENCE), (every, progression.ALL_PAIRS)
    )]  # fmt: skip
    assert counted == [int((pairs["weeks"] <= progression.LONGEST_GAP).sum()), len(pairs)]


def test_a_class_without_pairs_has_no_estimate() -> None:
    study = bip.simulate(clients=500, rng=8)
    codes = bip.codebook.interventions().query("type == 'job'")["code"]
    job = study.interventions["code"].isin(codes)
    alone = study.interventions[~job]
    without = Study(study.clients, study.responses, study.assignments, alone, study.register)
    found = progression.reference(Prepared(without))
    assert isinstance(found["progression, job only"], Unavailable)
    assert isinstance(found["progression, both less next"], Unavailable)
    assert isinstance(found["progression, none"], Estimate)


def test_the_composite_and_the_adjusted_means_are_named_as_the_observed_ones() -> None:
    prepared = Prepared(bip.simulate(clients=1000, rng=8))
    adjusted, composite = progression.adjusted(prepared), progression.composite(prepared)
    assert tuple(adjusted) == progression.ADJUSTED and tuple(composite) == progression.COMPOSITE
    better = [composite[name].value for name in progression.COMPOSITE[:4]]
    assert min(better) < 0 < max(better)  # against a client drawn from all, less one half


def test_error_of_a_share_of_rows_is_clustered() -> None:
    # Clients 0, 0, 1, 1; flags 1, 1, 0, 0: sums of residuals 1 and -1; se = sqrt(2) / 4
    rows = pd.DataFrame(
        {
            "client": ["a", "a", "b", "b"],
            "intervention_class": ["none"] * 2 + ["job only"] * 2,
            "n_types": [0, 0, 1, 1],
        }
    )
    made = count_kinds(rows).set_index("kind").loc["none"]
    assert_allclose([made["by_window"], made["window_error"]], [0.5, np.sqrt(2) / 4])
    assert_allclose([made["by_client"], made["client_error"]], [0.5, 0.5])


def test_rows_that_differ_in_time_only_are_joined() -> None:
    rows = pd.DataFrame(
        {
            "client": ["a", "a", "a", "a", "b"],
            "caseworker": pd.array(["x", "x", "y", "y", "y"], dtype=pd.StringDtype("pyarrow")),
            "switched": [0, 0, 1, 1, 0],
            "start": [0, 4, 9, 20, 9],
            "stop": [4, 9, 15, 30, 12],
            "event": [0, 0, 0, 1, 0],
        }
    )
    joined = without_breaks(rows)
    assert joined[["client", "start", "stop", "event"]].values.tolist() == [
        ["a", 0, 9, 0],
        ["a", 9, 15, 0],
        ["a", 20, 30, 1],  # a gap is kept
        ["b", 9, 12, 0],
    ]


def test_constant_terms_are_left_out_and_named() -> None:
    rows = pd.DataFrame({"age": [30, 40], "sex": ["female", "female"], "jobcentre": ["Faxe", "Faxe"]})
    assert terms(rows, "age", "sex", "C(jobcentre)") == (
        "age",
        "without variation and left out: sex, jobcentre",
    )
    empty = rows.assign(convicted=pd.array([pd.NA, pd.NA], dtype="boolean"))
    assert terms(empty, "age", "sex", "convicted")[1] == (
        "without a value and left out: convicted; without variation and left out: sex"
    )
    with pytest.raises(ModelError, match="convicted was never answered"):
        require(empty, "convicted")
    with pytest.raises(ModelError, match="sex does not vary"):
        require(empty, "sex")
    with pytest.raises(ModelError, match="no covariate varies"):
        terms(rows, "sex")
