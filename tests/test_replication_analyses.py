"""The reference analyses' own arithmetic, against hand computation, brute force and statsmodels."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm
from numpy.testing import assert_allclose

from bipstats.caseworkers.exposure import without_breaks
from bipstats.caseworkers.raw_shares import RawShares
from bipstats.codebook import CLASSES
from bipstats.errors import ModelError
from bipstats.replication.analyses import interventions, orientation, prediction, progression
from bipstats.replication.estimate import Estimate, Unavailable, mean, share
from bipstats.replication.frames import require, terms


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
    area, matrix = prediction.delong(positive, scores)
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


def test_earlier_mean_uses_first_answers_on_others_before_the_assignment() -> None:
    answers = _answers()
    first = answers.sort_values("date", kind="stable").drop_duplicates(["client", "caseworker"])
    assignments = pd.DataFrame(
        {
            "client": ["a", "b", "c", "d", "e"],
            "caseworker": ["x", "y", "z", "x", "nobody"],
            "start": pd.to_datetime(["2013-06-01", "2014-01-15", "2013-01-01", "2015-12-31", "2014-01-01"]),
        }
    )
    found = orientation._earlier_mean(answers, assignments)
    assert ("e", "nobody") not in found.index
    for row in assignments.iloc[:4].itertuples():
        others = first[
            (first["caseworker"] == row.caseworker)
            & (first["client"] != row.client)
            & (first["date"] < row.start)
        ]
        assert_allclose(
            found[(row.client, row.caseworker)], others["belief"].mean()
        )  # NaN where none is earlier


def _pairs() -> tuple[pd.DataFrame, np.ndarray]:
    rng = np.random.default_rng(5)
    n = 300
    classes = pd.Categorical.from_codes(rng.integers(0, 4, n), dtype=pd.CategoricalDtype(list(CLASSES)))
    change = pd.array(rng.integers(-2, 3, n), dtype="Int8")
    level = pd.array(rng.integers(1, 6, n), dtype="Int8")
    frame = pd.DataFrame(
        {
            "client": rng.choice([f"c{i}" for i in range(90)], n),
            "weeks": rng.integers(10, 20, n),
            "measurement": np.where(np.arange(n) < 90, 1, 2),
            "intervention_class": classes,
            "change_cooperation_client": change,
            "cooperation_client": level,
        }
    )
    sd = frame.loc[frame["measurement"] == 1, "cooperation_client"].astype(float).std()
    return frame, frame["change_cooperation_client"].astype(float) / frame["weeks"] * 13 / sd


def test_progression_by_class_agrees_with_statsmodels() -> None:
    frame, y = _pairs()
    found = progression._by_class(frame, ("cooperation_client",))
    x = (frame["intervention_class"].cat.codes.to_numpy()[:, None] == np.arange(4)).astype(float)
    wanted = sm.OLS(y.to_numpy(), x).fit(
        cov_type="cluster",
        cov_kwds={"groups": pd.factorize(frame["client"])[0], "use_correction": False},
    )
    contrasts = wanted.t_test([[-1, 0, 0, 1], [0, -1, 0, 1], [0, 0, -1, 1]])
    errors_of = np.diag(contrasts.sd) if np.ndim(contrasts.sd) == 2 else contrasts.sd
    lowest = int(np.argmin(contrasts.effect - found["none"].critical * errors_of))
    estimates = [found[name].value for name in progression.NAMES]
    errors = [found[name].std_error for name in progression.NAMES]
    assert_allclose(estimates, [*wanted.params, contrasts.effect[lowest]], rtol=1e-10)
    assert_allclose(errors, [*wanted.bse, errors_of[lowest]], rtol=1e-10)
    assert f"job + other less {progression.CLASSES[lowest]}" in found["both less next"].note


def test_progression_is_judged_on_measurements_three_months_apart() -> None:
    frame, _ = _pairs()
    near = progression._near(frame)
    assert near["weeks"].max() == progression.LONGEST_GAP and len(near) < len(frame)


def test_simultaneous_intervals_are_wider() -> None:
    # One estimate: 1.96. Two independent ones: P(max |z| < c) = .95 at c = 2.2365. Perfectly correlated: 1.96.
    assert_allclose(progression._critical(np.array([[4.0]])), 1.95996, atol=0.02)
    assert_allclose(progression._critical(np.eye(2)), 2.2365, atol=0.02)
    assert_allclose(progression._critical(np.ones((2, 2))), 1.95996, atol=0.02)


def test_a_class_without_pairs_has_no_estimate() -> None:
    frame, _ = _pairs()
    found = progression._by_class(frame[frame["intervention_class"] != "job only"], ("cooperation_client",))
    assert isinstance(found["job only"], Unavailable)
    assert isinstance(found["both less next"], Unavailable)
    assert isinstance(found["none"], Estimate)


def test_error_of_a_share_of_rows_is_clustered() -> None:
    # Clients 0, 0, 1, 1; flags 1, 1, 0, 0: sums of residuals 1 and -1; se = sqrt(2) / 4
    made = interventions._clustered(np.array([True, True, False, False]), np.array([0, 0, 1, 1]))
    assert_allclose([made.value, made.std_error], [0.5, np.sqrt(2) / 4])


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
