"""counts=: rows that stand for several give everything that the rows written out give."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose

import bipstats as bip


def _collapsed() -> pd.DataFrame:
    """Person-periods of twelve clusters with counts; equal rows occur more than once, some lack a value."""
    draw = np.random.default_rng(4)
    n = 420
    rows = pd.DataFrame(
        {
            "period": draw.integers(0, 4, n),
            "x": draw.normal(size=n).round(1),
            "g": pd.Categorical.from_codes(draw.integers(0, 3, n), ["a", "b", "c"]),
            "client": draw.integers(0, 90, n),
            "jobcentre": draw.integers(0, 12, n),
            "exposure": draw.choice([0.5, 1.0], n),
            "w": draw.choice([0.5, 1.25, 2.0], n),
            "n": draw.choice([1, 1, 2, 3, 7], n),
        }
    )
    chance = 1 / (1 + np.exp(-(rows["x"] + 0.3 * (rows["g"] == "b") - 0.5 - 0.2 * rows["period"])))
    rows["event"] = (draw.random(n) < chance).astype(np.int8)
    rows.loc[draw.choice(n, 9, replace=False), "x"] = np.nan
    return pd.concat([rows, rows.iloc[:40]], ignore_index=True)


ROWS = _collapsed()
WRITTEN_OUT = ROWS.loc[ROWS.index.repeat(ROWS["n"])].drop(columns="n").reset_index(drop=True)
BY_ROW = {"rows": ROWS.drop(columns="client"), "written": WRITTEN_OUT.drop(columns="client")}

VCOVS: dict[str, Any] = {
    "model": "model",
    "robust": "robust",
    "cluster": bip.cluster("jobcentre"),
    "two ways": bip.cluster("jobcentre", "client", small_sample="CR1S"),
    "CR2": bip.cluster("jobcentre", small_sample="CR2"),
    "jackknife": bip.cluster("jobcentre", small_sample="jackknife"),
    "bootstrap": bip.score_bootstrap("jobcentre", draws=99, rng=1),
}


def assert_same_fit(one: Any, other: Any) -> None:
    scale = np.sqrt(np.diag(other.estimates.covariance))
    assert_allclose(one.estimates.values / scale, other.estimates.values / scale, rtol=0, atol=1e-12)
    cov, expected = (fit.estimates.covariance / np.outer(scale, scale) for fit in (one, other))
    assert_allclose(cov, expected, rtol=0, atol=1e-12)
    table, expected = (
        fit.tidy().iloc[:, 1:].to_numpy(float) for fit in (one, other)
    )  # df, bootstrap p-values
    assert_allclose(table, expected, rtol=1e-10, atol=1e-12)
    assert one.loglik == pytest.approx(other.loglik, rel=1e-12)
    assert (one.nobs, one.n_events, one.n_params) == (other.nobs, other.n_events, other.n_params)
    assert dict(one.fit.flow).get("given") == dict(other.fit.flow)["given"] == len(WRITTEN_OUT)
    left_out = [
        {what: n for what, n in fit.fit.flow if not what.startswith("collapsed")} for fit in (one, other)
    ]
    assert left_out[0] == left_out[1]


@pytest.mark.parametrize("vcov", VCOVS.values(), ids=VCOVS)
@pytest.mark.parametrize("exposure", [None, "exposure"])
def test_a_hazard_of_counts_is_that_of_the_rows(vcov: Any, exposure: str | None) -> None:
    options: dict[str, Any] = {"exposure": exposure, "vcov": vcov, "missing": "drop"}
    one = bip.hazard("x + C(g)", ROWS, counts="n", **options)
    other = bip.hazard("x + C(g)", WRITTEN_OUT, **options)
    assert_same_fit(one, other)
    assert one.fit.n_units == other.fit.n_units
    assert one.clusters == other.clusters


@pytest.mark.parametrize("vcov", VCOVS.values(), ids=VCOVS)
@pytest.mark.parametrize("weights", [None, "w"])
def test_a_logit_of_counts_is_that_of_the_rows_weighted_or_not(vcov: Any, weights: str | None) -> None:
    options: dict[str, Any] = {"weights": weights, "vcov": vcov, "missing": "drop"}
    assert_same_fit(
        bip.logit("event ~ x + C(g)", ROWS, counts="n", **options),
        bip.logit("event ~ x + C(g)", WRITTEN_OUT, **options),
    )


def test_without_persons_each_row_written_out_is_a_unit_of_robust_errors() -> None:
    options: dict[str, Any] = {"vcov": "robust", "missing": "drop"}
    one = bip.hazard("x", BY_ROW["rows"], counts="n", **options)
    assert_same_fit(one, bip.hazard("x", BY_ROW["written"], **options))
    assert "one unit per row" in one.estimates.how


@pytest.mark.parametrize("vcov", ["model", "robust", VCOVS["cluster"]], ids=["model", "robust", "cluster"])
def test_absorbed_effects_of_counts_are_those_of_the_rows(vcov: Any) -> None:
    options: dict[str, Any] = {"absorb": "jobcentre", "vcov": vcov, "missing": "drop"}
    one = bip.logit("event ~ x", ROWS, counts="n", **options)
    other = bip.logit("event ~ x", WRITTEN_OUT, **options)
    assert_same_fit(one, other)
    assert one.absorbed == other.absorbed


def test_the_spline_and_the_penalty_count_rows_written_out() -> None:
    options: dict[str, Any] = {"missing": "drop"}
    assert_same_fit(
        bip.hazard("bs(x, df=4)", ROWS, counts="n", baseline=2, **options),
        bip.hazard("bs(x, df=4)", WRITTEN_OUT, baseline=2, **options),
    )
    assert_same_fit(
        bip.logit("event ~ x", ROWS, counts="n", penalty="firth", **options),
        bip.logit("event ~ x", WRITTEN_OUT, penalty="firth", **options),
    )


def test_another_covariance_and_a_profile_come_from_the_same_rows() -> None:
    fit = bip.logit("event ~ x", ROWS, counts="n", missing="drop")
    other = bip.logit("event ~ x", WRITTEN_OUT, missing="drop")
    for vcov in VCOVS.values():
        assert_same_fit(fit.with_vcov(vcov, ROWS), other.with_vcov(vcov, WRITTEN_OUT))
    one, two = fit.profile(ROWS).table, other.profile(WRITTEN_OUT).table
    assert_allclose(one.iloc[:, 1:].to_numpy(float), two.iloc[:, 1:].to_numpy(float), rtol=1e-8, atol=1e-12)
    with pytest.raises(bip.ModelError):
        fit.with_vcov("robust", ROWS.assign(n=1))


def test_the_result_names_the_column_and_comes_back_from_json() -> None:
    fit = bip.hazard("x", ROWS, counts="n", missing="drop")
    assert str(fit.summary()).count("counts") == 1
    again = bip.read_result(fit.to_json())
    assert again.with_vcov("robust", ROWS).nobs == fit.nobs


def test_groups_whose_only_event_stands_for_several_are_no_absorbing_outcome() -> None:
    rows = pd.DataFrame(
        {
            "who": [1, 1, 2, 2, 3, 3],
            "y": [0, 1, 0, 1, 0, 1],
            "x": [1.0, 2, 2, 1, 3, 1],
            "n": [2, 2, 3, 1, 2, 4],
        }
    )
    one = bip.logit("y ~ x", rows, counts="n", absorb="who")
    other = bip.logit("y ~ x", rows.loc[rows.index.repeat(rows["n"])], absorb="who")
    assert_allclose(one.params, other.params, rtol=1e-10)
    with pytest.raises(bip.ModelError, match="ends the time at risk"):
        bip.logit("y ~ x", rows.assign(n=[2, 1, 3, 1, 2, 1], y=[0, 1, 0, 1, 0, 0]), counts="n", absorb="who")


@pytest.mark.parametrize("bad", [0, -2, 1.5, np.nan, np.inf, 1e17])
def test_counts_that_are_no_counts_are_refused(bad: float) -> None:
    rows = ROWS.assign(n=ROWS["n"].astype(float)).dropna()
    rows.iloc[3, rows.columns.get_loc("n")] = bad
    with pytest.raises(bip.ModelError, match="'n'"):
        bip.logit("event ~ x", rows, counts="n")
    with pytest.raises(bip.ModelError, match="'n'"):
        bip.hazard("x", rows, counts="n")


def test_what_counts_cannot_mean_is_refused() -> None:
    rows = ROWS.dropna()
    with pytest.raises(bip.ModelError, match="'absent'"):
        bip.logit("event ~ x", rows, counts="absent")
    with pytest.raises(bip.OptionError, match="counts=7"):
        bip.hazard("x", rows, counts=7)  # type: ignore[arg-type]
    with pytest.raises(bip.OptionError, match="counts= does not go with"):
        bip.hazard("x", rows, counts="n", random="jobcentre")
    fit = bip.logit("event ~ x", rows, counts="n")
    with pytest.raises(bip.ModelError, match="stand for as many"):
        bip.margins(fit, rows, "x")
    written = rows.loc[rows.index.repeat(rows["n"])].drop(columns="n")
    assert bip.margins(fit, written, "x").table["estimate"].item() == pytest.approx(
        bip.margins(bip.logit("event ~ x", written), written, "x").table["estimate"].item(), rel=1e-10
    )
