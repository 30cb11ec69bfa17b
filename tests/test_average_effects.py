"""Potential means: against other packages, closed forms, and simulated truth."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm

import bipstats as bip
from bipstats.effects import potential_means as estimators
from bipstats.effects.potential_means import Exposed
from bipstats.models.kernels import multinomial
from bipstats.models.kernels.multinomial import MultinomialProblem

LEVELS = ["none", "other", "job", "both"]


def population(seed: int, n: int = 1500, confounding: float = 1.0) -> pd.DataFrame:
    """Clients with three rows each; effects 0, 0.1, 0.2, 0.3 given x."""
    draw = np.random.default_rng(seed)
    client = np.repeat(np.arange(n // 3), 3)
    x = draw.normal(size=(n, 3))
    eta = confounding * np.c_[np.zeros(n), 0.5 * x[:, 0], 0.3 * x[:, 1] - 0.4 * x[:, 0], 0.4 * x[:, 1]]
    chance = np.exp(eta) / np.exp(eta).sum(axis=1, keepdims=True)
    level = (draw.random(n)[:, None] > chance.cumsum(axis=1)).sum(axis=1)
    effect = np.array([0.0, 0.1, 0.2, 0.3])[level]
    y = x[:, 0] + 0.5 * x[:, 1] + effect + draw.normal(size=n // 3)[client] * 0.5 + draw.normal(size=n)
    exposure = pd.Categorical.from_codes(level, LEVELS)
    return pd.DataFrame(
        {"y": y, "exposure": exposure, "x0": x[:, 0], "x1": x[:, 1], "x2": x[:, 2], "client": client}
    )


FORMULA = "y ~ x0 + x1 + x2"


def arrays(data: pd.DataFrame) -> Exposed:
    x = np.c_[np.ones(len(data)), data[["x0", "x1", "x2"]]]
    weight = np.random.default_rng(0).uniform(0.5, 2, len(data))
    return Exposed(data["y"].to_numpy(), data["exposure"].cat.codes.to_numpy(np.int64), x, weight, 4)


def test_the_multinomial_logit_is_statsmodels() -> None:
    rows = arrays(population(1))
    ours = multinomial.fit(MultinomialProblem(rows.x, rows.level, np.ones(len(rows.y)), 4))
    theirs = sm.MNLogit(rows.level, rows.x).fit(disp=0, method="newton", tol=1e-12)
    np.testing.assert_allclose(ours.params.reshape(3, 4), theirs.params.T, rtol=1e-8)
    errors = np.sqrt(np.diag(np.linalg.inv(ours.at.information))).reshape(3, 4)
    np.testing.assert_allclose(errors, theirs.bse.T, rtol=1e-7)
    np.testing.assert_allclose(ours.at.loglik, theirs.llf, rtol=1e-12)


def test_a_weight_of_two_is_two_rows_to_the_multinomial_logit() -> None:
    rows = arrays(population(2, 300))
    twice = np.r_[np.arange(300), np.arange(40)]
    weight = np.where(np.arange(300) < 40, 2.0, 1.0)
    weighted = multinomial.fit(MultinomialProblem(rows.x, rows.level, weight, 4))
    copied = multinomial.fit(MultinomialProblem(rows.x[twice], rows.level[twice], np.ones(340), 4))
    np.testing.assert_allclose(weighted.params, copied.params, atol=1e-10)


def test_the_multinomial_gradient_and_information_are_derivatives() -> None:
    rows = arrays(population(3, 150))
    at = np.random.default_rng(1).normal(size=12) * 0.3
    found, step = multinomial.evaluate(at, rows.choice), 1e-6
    shifted = [
        [multinomial.evaluate(at + sign * step * np.eye(12)[j], rows.choice) for sign in (1, -1)]
        for j in range(12)
    ]
    slopes = np.array([(up.loglik - down.loglik) / (2 * step) for up, down in shifted])
    bends = np.array([(up.gradient - down.gradient) / (2 * step) for up, down in shifted])
    np.testing.assert_allclose(found.gradient, slopes, rtol=1e-6, atol=1e-6)
    np.testing.assert_allclose(found.information, -bends, rtol=1e-6, atol=1e-5)
    np.testing.assert_allclose(multinomial.scores(at, rows.choice).sum(axis=0), found.gradient, atol=1e-10)


def test_outcome_regression_is_the_average_prediction_of_separate_least_squares() -> None:
    data = population(4)
    means = bip.average_effects(FORMULA, data, exposure="exposure", method="regression")
    x = sm.add_constant(data[["x0", "x1", "x2"]])
    for level in LEVELS:
        own = (data["exposure"] == level).to_numpy()
        expected = sm.OLS(data["y"][own], x[own]).fit().predict(x).mean()
        assert means.estimates.values[LEVELS.index(level)] == pytest.approx(expected, rel=1e-10)


def test_raw_means_have_the_cluster_robust_errors_of_least_squares_on_dummies() -> None:
    data = population(5)
    found = bip.average_effects(FORMULA, data, exposure="exposure", method="raw")
    dummies = pd.get_dummies(data["exposure"]).astype(float)
    fit = sm.OLS(data["y"], dummies).fit(
        cov_type="cluster", cov_kwds={"groups": data["client"], "use_correction": False}
    )
    np.testing.assert_allclose(found.estimates.values, fit.params, rtol=1e-10)
    np.testing.assert_allclose(found.estimates.covariance, fit.cov_params(), rtol=1e-8, atol=1e-12)


@pytest.mark.parametrize("overlap", [False, True])
def test_influences_of_weighting_are_what_leaving_out_a_row_changes(overlap: bool) -> None:
    rows = arrays(population(6, 900))
    found = estimators.inverse_probability(rows, overlap=overlap)
    for row in (3, 200, 512):
        less = rows.weight.copy()
        less[row] -= 1e-4 * rows.weight[row]
        moved = estimators.inverse_probability(Exposed(rows.y, rows.level, rows.x, less, 4), overlap=overlap)
        np.testing.assert_allclose(
            (found.means - moved.means) / 1e-4, found.influence[row], rtol=2e-3, atol=1e-7
        )


def test_influences_of_outcome_regression_are_what_leaving_out_a_row_changes() -> None:
    rows = arrays(population(7, 900))
    found = estimators.outcome_regression(rows)
    less = rows.weight.copy()
    less[11] *= 1 - 1e-5
    moved = estimators.outcome_regression(Exposed(rows.y, rows.level, rows.x, less, 4))
    np.testing.assert_allclose((found.means - moved.means) / 1e-5, found.influence[11], rtol=1e-3, atol=1e-8)


def test_overlap_weights_balance_the_covariates_of_two_exposures_exactly() -> None:
    """Li, Morgan & Zaslavsky (2018): with a logit for two exposures the weighted means are equal."""
    data = population(8)
    data = data[data["exposure"].isin(["none", "job"])].assign(
        exposure=lambda d: d["exposure"].cat.remove_unused_categories()
    )
    found = bip.average_effects(FORMULA, data, exposure="exposure", method="overlap")
    assert found.balance["before"].abs().max() > 0.1
    none, job = (
        found.balance.loc[found.balance["level"] == level, "after"].to_numpy() for level in ("none", "job")
    )
    np.testing.assert_allclose(none, job, atol=1e-8)


@pytest.mark.parametrize("method", ["regression", "ipw", "overlap", "aipw"])
def test_adjusted_methods_recover_the_effect_and_their_errors_cover_it(method: str) -> None:
    """60 samples: bias within 4 Monte Carlo errors, errors within 30 % of the spread (7 Monte Carlo errors)."""
    contrast = np.array([[-1.0, 0, 0, 1]])
    found = [
        bip.average_effects(FORMULA, population(s, 900), exposure="exposure", method=method, rng=s).estimates
        for s in range(60)
    ]
    values = np.array([(contrast @ one.values).item() for one in found])
    errors = np.array([one.covariance_of(contrast).item() ** 0.5 for one in found])
    assert abs(values.mean() - 0.3) < 4 * values.std() / np.sqrt(60)
    assert abs(np.log(errors.mean() / values.std())) < 0.3


def test_unadjusted_means_are_biased_where_exposures_follow_covariates() -> None:
    values = [
        bip.average_effects(FORMULA, population(s, 900), exposure="exposure", method="raw") for s in range(20)
    ]
    gap = np.mean([one.estimates.values[3] - one.estimates.values[0] for one in values])
    assert gap > 0.4  # the effect is 0.3


def test_comparisons_are_simultaneous_and_refer_to_the_level_asked_for() -> None:
    found = bip.average_effects(FORMULA, population(9), exposure="exposure", method="ipw")
    against = found.compare("both", rng=1)
    assert against.table["term"].tolist() == ["none - both", "other - both", "job - both"]
    assert against.critical > 1.96
    values = found.estimates.values
    np.testing.assert_allclose(against.estimates.values, values[:3] - values[3])


def test_trimming_leaves_out_rows_and_counts_them() -> None:
    data = population(10, confounding=2.0)
    found = bip.average_effects(FORMULA, data, exposure="exposure", method="ipw", trim=0.05)
    flow = dict(found.flow)
    assert 0 < flow["with a chance below 0.05"] < 700
    assert sum(found.counts) == len(data) - flow["with a chance below 0.05"]
    assert "trimmed" in found.target


def test_the_folds_follow_the_units_and_the_seed() -> None:
    data = population(11)
    one, same, other = (
        bip.average_effects(FORMULA, data, exposure="exposure", rng=seed).estimates.values
        for seed in (1, 1, 2)
    )
    np.testing.assert_array_equal(one, same)
    assert (one != other).all()
    shuffled = data.sample(frac=1, random_state=1)
    np.testing.assert_allclose(
        one, bip.average_effects(FORMULA, shuffled, exposure="exposure", rng=1).estimates.values, rtol=1e-10
    )


def test_no_overlap_is_refused_with_the_reason() -> None:
    data = population(12, 300).assign(x2=lambda d: (d["exposure"] == "job") * 1.0 + 0.001 * d["x0"])
    with pytest.raises(bip.ModelError, match="no overlap"):
        bip.average_effects(FORMULA, data, exposure="exposure", method="ipw")


@pytest.mark.parametrize("method", ["aipw", "regression"])
@pytest.mark.parametrize("seed", range(4))
def test_a_covariate_that_follows_from_others_within_an_exposure_is_refused(method: str, seed: int) -> None:
    """Rounding makes such normal equations solvable, to numbers like 1e17."""
    data = population(seed, 600)
    within = data["exposure"] == "job"
    data["x2"] = data["x2"].where(~within, (data["x0"] + data["x1"]) / 3 + 0.1)
    with pytest.raises(bip.ModelError, match="follows from the others"):
        bip.average_effects(FORMULA, data, exposure="exposure", method=method, rng=seed)


def test_an_exposure_with_three_rows_is_refused_by_name_and_number() -> None:
    data = population(13, 300)
    few = data[data["exposure"] == "both"].index[3:]
    with pytest.raises(bip.ModelError, match=r"exposure = both \(3\)"):
        bip.average_effects(FORMULA, data.drop(index=few), exposure="exposure")


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"folds": 1}, "folds=1"),
        ({"trim": 0.7}, "trim=0.7"),
        ({"method": "magic"}, "method='magic'"),
        ({"id": 3}, "id=3"),
    ],
)
def test_wrong_arguments_are_named(change: dict[str, object], said: str) -> None:
    with pytest.raises(bip.OptionError, match=said):
        bip.average_effects(FORMULA, population(1, 300), **{"exposure": "exposure", **change})


def test_the_exposure_cannot_be_a_covariate_and_needs_two_levels() -> None:
    data = population(1, 300)
    with pytest.raises(bip.ModelError, match="cannot be a covariate"):
        bip.average_effects("y ~ x0 + exposure", data, exposure="exposure")
    with pytest.raises(bip.ModelError, match="one level"):
        bip.average_effects(FORMULA, data[data["exposure"] == "job"], exposure="exposure")


def test_missing_values_raise_or_are_dropped_and_counted() -> None:
    data = population(14)
    data.loc[:9, "x0"] = np.nan
    with pytest.raises(bip.ModelError, match="10 of 1,500"):
        bip.average_effects(FORMULA, data, exposure="exposure")
    found = bip.average_effects(FORMULA, data, exposure="exposure", missing="drop", method="raw")
    assert dict(found.flow)["with missing values"] == 10


def test_equivalence_is_the_larger_of_two_one_sided_tests() -> None:
    found = bip.average_effects(FORMULA, population(15), exposure="exposure", method="ipw").compare(rng=1)
    tested = bip.equivalence(found, 0.3)
    error = found.estimates.std_errors
    from scipy.stats import norm

    by_hand = np.maximum(
        norm.sf((found.estimates.values + 0.3) / error), norm.cdf((found.estimates.values - 0.3) / error)
    )
    np.testing.assert_allclose(tested.p_values, by_hand, rtol=1e-10)
    inside = (tested.table["conf_low"] > -0.3) & (tested.table["conf_high"] < 0.3)
    np.testing.assert_array_equal(inside, tested.p_values < 0.05)
    assert (tested.adjusted >= tested.p_values).all()


def test_equivalence_needs_a_margin() -> None:
    found = bip.average_effects(FORMULA, population(15, 300), exposure="exposure", method="raw")
    for margin in (0, -1, True, "small", np.inf):
        with pytest.raises(bip.OptionError, match="margin="):
            bip.equivalence(found, margin)
