"""Reliability, one factor, invariance, reliable change: against psych and lavaan, closed forms and the generator."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy import stats
from statsmodels.miscmodels.ordinal_model import OrderedModel

import bipstats as bip
from bipstats.models.kernels import ordinal
from bipstats.models.kernels.factor_groups import Moments, _group, fit_groups, independence
from bipstats.models.kernels.ordinal import OrdinalProblem
from bipstats.models.kernels.polychoric import normal_orthant, polychoric, polychoric_matrix
from bipstats.progression.changes import later_odds, reliability_of_levels, unchanged
from bipstats.progression.scale import cronbach, fit_measures
from bipstats.study.study import Study

FOLDER = Path(__file__).parent / "reference"
KNOWN = json.loads((FOLDER / "psychometrics.json").read_text())
DATA = pd.read_csv(FOLDER / "answers.csv")
ANSWERS = DATA.iloc[:, :6].to_numpy()


@pytest.fixture(scope="module")
def study() -> Study:
    return bip.simulate(clients=1500, rng=11)


# --- against psych and lavaan


def test_alpha_and_item_rest_correlations_are_those_of_psych() -> None:
    assert cronbach(ANSWERS.astype(float)).alpha == pytest.approx(KNOWN["alpha"], rel=1e-10)
    rest = ANSWERS.sum(axis=1, keepdims=True) - ANSWERS
    found = [np.corrcoef(ANSWERS[:, j], rest[:, j])[0, 1] for j in range(6)]
    np.testing.assert_allclose(found, KNOWN["item_rest"], rtol=1e-10)


def test_polychoric_correlations_are_those_of_psych() -> None:
    """To 5e-5: psych stops its search at a tolerance of that size."""
    np.testing.assert_allclose(polychoric_matrix(ANSWERS - 1), KNOWN["polychoric"], atol=5e-5)


def test_one_factor_fits_as_in_lavaan() -> None:
    moments = [Moments.of(ANSWERS.astype(float))]
    fit, known = fit_groups(moments, "nothing"), KNOWN["one"]
    measures = fit_measures(fit, independence(moments), len(ANSWERS), 1)
    np.testing.assert_allclose(
        [measures[name] for name in ("chi2", "df", "rmsea", "cfi")],
        [known[name] for name in ("chisq", "df", "rmsea", "cfi")],
        rtol=1e-7,
    )
    assert fit.srmr == pytest.approx(known["srmr"], abs=1e-7)
    np.testing.assert_allclose(fit.loadings[0], known["loadings"], atol=2e-6)


@pytest.mark.parametrize("equal", ["nothing", "loadings", "loadings and intercepts"])
def test_factors_in_groups_fit_as_in_lavaan(equal: str) -> None:
    groups = [Moments.of(ANSWERS[DATA["group"] == name].astype(float)) for name in ("da", "sv")]
    fit, known = fit_groups(groups, equal), KNOWN["groups"][equal]
    measures = fit_measures(fit, independence(groups), len(ANSWERS), 2)
    np.testing.assert_allclose(
        [measures[name] for name in ("chi2", "df", "rmsea", "cfi")],
        [known[name] for name in ("chisq", "df", "rmsea", "cfi")],
        rtol=1e-7,
    )
    assert fit.srmr == pytest.approx(known["srmr"], abs=1e-6)
    if equal == "loadings and intercepts":
        assert fit.factor_mean[1] == pytest.approx(KNOWN["factor_mean"], abs=1e-5)
        assert fit.factor_variance[1] == pytest.approx(KNOWN["factor_variance"], abs=1e-4)


# --- kernels


def test_derivatives_of_a_group_are_right() -> None:
    draw = np.random.default_rng(1)
    group = Moments.of(ANSWERS.astype(float))
    at = [draw.uniform(0.5, 1, 6), group.mean + 0.1, draw.uniform(0.3, 1, 6), 0.2, 1.3]
    _, slopes = _group(group, *at)
    for place, slope in enumerate(slopes):
        flat = np.atleast_1d(slope)
        for j in range(len(flat)):
            ends = []
            for sign in (1, -1):
                moved = [np.array(part, float) for part in at]
                target = moved[place].reshape(-1)
                target[j] += sign * 1e-6
                moved[place] = target.reshape(np.shape(at[place]))
                ends.append(_group(group, *moved[:3], float(moved[3]), float(moved[4]))[0])
            assert flat[j] == pytest.approx((ends[0] - ends[1]) / 2e-6, rel=1e-5, abs=1e-7)


@pytest.mark.parametrize("rho", [-0.9, -0.3, 0.0, 0.5, 0.95])
def test_the_bivariate_normal_is_scipys(rho: float) -> None:
    law = stats.multivariate_normal(cov=[[1, rho], [rho, 1]])
    for a, b in ((-1.2, 0.3), (0.0, 0.0), (1.5, 2.0), (-2.0, -2.5)):
        assert normal_orthant(np.array(a), np.array(b), rho) == pytest.approx(law.cdf([a, b]), abs=1e-7)
    assert normal_orthant(np.array(np.inf), np.array(0.4), rho) == pytest.approx(stats.norm.cdf(0.4))
    assert normal_orthant(np.array(-np.inf), np.array(0.4), rho) == 0


def test_a_two_by_two_table_has_a_tetrachoric_correlation_in_closed_form() -> None:
    """Cut at the medians: P(both below) = 1/4 + arcsin(rho) / 2 pi."""
    rho = 0.6
    both = 0.25 + np.arcsin(rho) / (2 * np.pi)
    counts = np.round(np.array([both, 0.5 - both, 0.5 - both, both]) * 1e6).astype(int)
    first, second = np.repeat([0, 0, 1, 1], counts), np.repeat([0, 1, 0, 1], counts)
    assert polychoric(first, second) == pytest.approx(rho, abs=1e-5)


def test_proportional_odds_are_statsmodels() -> None:
    draw = np.random.default_rng(2)
    x = draw.normal(size=(500, 2))
    level = np.digitize(x @ [0.7, -0.4] + draw.logistic(size=500), [-1.5, -0.3, 0.6, 2])
    problem = OrdinalProblem(x, level, np.ones(500), 5)
    found = ordinal.fit(problem)
    theirs = OrderedModel(level, x, distr="logit").loglike
    parameters = np.concatenate([found.params[4:], found.params[:4]])
    assert found.at.loglik == pytest.approx(float(theirs(parameters)), rel=1e-10)
    for direction in np.eye(6) * 0.01:  # it is a maximum of theirs
        assert theirs(parameters + direction) < theirs(parameters) > theirs(parameters - direction)


def test_proportional_odds_have_right_derivatives() -> None:
    draw = np.random.default_rng(3)
    problem = OrdinalProblem(draw.normal(size=(80, 2)), draw.integers(0, 4, 80), draw.uniform(0.5, 2, 80), 4)
    at, step = np.array([-1.0, 0.2, -0.1, 0.3, -0.2]), 1e-6
    found = ordinal.evaluate(at, problem)
    ends = [[ordinal.evaluate(at + sign * step * v, problem) for sign in (1, -1)] for v in np.eye(5)]
    np.testing.assert_allclose(
        found.gradient, [(a.loglik - b.loglik) / (2 * step) for a, b in ends], atol=1e-6
    )
    np.testing.assert_allclose(
        found.information, [-(a.gradient - b.gradient) / (2 * step) for a, b in ends], atol=1e-6
    )
    np.testing.assert_allclose(ordinal.scores(at, problem).sum(axis=0), found.gradient, atol=1e-10)
    assert ordinal.log_likelihood(at, problem) == pytest.approx(found.loglik)


# --- alpha's interval, noise without change


def test_feldts_interval_covers() -> None:
    """Parallel items of reliability .5 each: alpha 8/(1 + 7/2 + ...) in closed form; 500 samples, band of 4 errors."""
    draw = np.random.default_rng(4)
    truth = 6 * 0.5 / (1 + 5 * 0.5)
    covered = 0
    for _ in range(500):
        answers = draw.normal(size=(60, 1)) + draw.normal(size=(60, 6))
        made = cronbach(answers)
        covered += made.low <= truth <= made.high
    assert abs(covered / 500 - 0.95) < 4 * np.sqrt(0.95 * 0.05 / 500)


def test_unchanged_clients_reach_the_limit_as_often_as_is_said() -> None:
    """Two answers cut from the same true score with new noise: shares of pairs beyond the limit, n = 200,000."""
    draw = np.random.default_rng(5)
    reliability, cuts = 0.7, [-1.2, -0.4, 0.4, 1.2]
    truth = np.sqrt(reliability) * draw.normal(size=200_000)
    waves = np.stack([truth + np.sqrt(1 - reliability) * draw.normal(size=200_000) for _ in range(3)], axis=1)
    answers = np.digitize(waves, cuts) + 1.0
    assert reliability_of_levels(answers) == pytest.approx(reliability, abs=0.01)
    made = unchanged(answers[:, 0], reliability, 0.95)
    gap = answers[:, 1] - answers[:, 0]
    assert (gap >= made["steps"]).mean() == pytest.approx(made["up"], abs=0.0015)
    assert (gap <= -made["steps"]).mean() == pytest.approx(made["down"], abs=0.0015)
    assert made["up"] + made["down"] <= 0.05 < (np.abs(gap) >= made["steps"] - 1).mean()
    assert made["steps"] >= 2  # one step on one item is not reliable


def test_the_ordinal_error_is_clustered_by_client() -> None:
    """500 samples of 200 pairs without change: the share of |z| above 1.96, band of 4 Monte Carlo errors."""
    draw = np.random.default_rng(6)
    beyond = 0
    for _ in range(500):
        truth = draw.normal(size=(200, 1))
        pairs = np.digitize(truth + draw.normal(size=(200, 2)), [-1.5, -0.5, 0.5, 1.5]) + 1.0
        value, error = later_odds(pairs[:, 0], pairs[:, 1])
        beyond += abs(value) > 1.96 * error
    assert abs(beyond / 500 - 0.05) < 4 * np.sqrt(0.05 * 0.95 / 500)


# --- the study


def test_known_reliability_of_the_generator_is_recovered() -> None:
    """An answer is cut from true score, the rater's style and noise; polychoric three waves see true score and style.

    The passing part of the true score fades between waves and is lost to a lasting one only in part, so that the
    three-wave figure lies a little below the variance that is no noise.
    """
    truth = bip.Truth()
    study = bip.simulate(truth, clients=20_000, rng=3)
    found = bip.progression.change(study, rater="client").table.set_index("item")["reliability"]
    law = truth.answers
    order = [key for key in bip.codebook.INDICATORS if key != "caseworker_belief"]
    lasting = np.array(law.reliability) + law.client_style**2
    expected = pd.Series(lasting / (1 + law.client_style**2), order)
    gap = (found - expected.loc[found.index]).to_numpy()
    assert (np.abs(gap) < 0.05).all()


def test_the_reliability_of_a_study(study: Study) -> None:
    found = bip.progression.reliability(study)
    table = found.table.set_index("item")
    assert (
        len(table) == 9
        and 0.7 < found.alpha.alpha < 0.9
        and found.alpha.low < found.alpha.alpha < found.alpha.high
    )
    assert (
        table.loc[["everyday_coping", "network"], "loading"].max()
        < table["loading"].drop(["everyday_coping", "network"]).min()
    )
    assert table["other_rater"].between(0.4, 0.8).all()
    np.testing.assert_allclose(found.correlations, found.correlations.T)
    caseworker = bip.progression.reliability(study, rater="caseworker").table.set_index("item")
    assert caseworker["other_rater"].isna().to_dict() == {
        key: key in ("caseworker_belief", "goal_directed") for key in caseworker.index
    }


def test_groups_with_another_use_of_an_item_are_told(study: Study) -> None:
    answers = study.responses.copy()
    lowered = answers["network"] - 1
    answers["network"] = answers["network"].mask(lowered >= 1, lowered)
    other = Study(study.clients, answers, study.assignments, study.interventions, study.register)
    found = bip.progression.invariance({"da": study, "sv": other})
    falls = found.table["cfi_less"].to_numpy()
    assert falls[1] < 0.01 < falls[2]
    assert "means between groups may not" in found.paragraph
    same = bip.progression.invariance({"da": study, "sv": bip.simulate(clients=1500, rng=12)})
    assert "may be compared between the groups" in same.paragraph


def test_measurements_are_compared_by_independent_clients(study: Study) -> None:
    one, same = (bip.progression.invariance(study, by="measurement", rng=3) for _ in range(2))
    pd.testing.assert_frame_equal(one.table, same.table)
    assert one.groups["n"].sum() <= len(study.clients)


def test_shares_that_changed_stand_beside_those_by_noise(study: Study) -> None:
    found = bip.progression.change(study)
    known = found.table.dropna(subset=["steps"])
    np.testing.assert_allclose(known[["improved", "unchanged", "declined"]].sum(axis=1), 1)
    assert (known["improved_by_noise"] + known["declined_by_noise"] <= 0.05).all()
    linear = np.sign(found.table["mean_change"]) == np.sign(found.table["log_odds"])
    clear = found.table["mean_change"].abs() > 2 * found.table["std_error"]
    assert linear[clear].all()


# --- bad input


def test_one_measurement_only_is_said(study: Study) -> None:
    first = study.responses.sort_values("date").drop_duplicates(["client", "respondent"])
    once = Study(study.clients, first, study.assignments, study.interventions, study.register)
    with pytest.raises(bip.ModelError, match="0 clients have two complete measurements"):
        bip.progression.change(once)
    assert bip.progression.reliability(once).table["three_waves"].isna().all()


def test_one_rater_only_is_said(study: Study) -> None:
    alone = study.responses[study.responses["respondent"] == "caseworker"]
    quiet = Study(study.clients, alone, study.assignments, study.interventions, study.register)
    with pytest.raises(bip.ModelError, match="the client never answered"):
        bip.progression.reliability(quiet)
    assert bip.progression.reliability(quiet, rater="caseworker").table["other_rater"].isna().all()


def test_an_item_without_answers_or_variation_is_named(study: Study) -> None:
    column = study.responses["network"]
    for change, said in (
        (column.mask(column > 0), "network is never answered"),
        (column.mask(column > 0, 3), "network has"),
    ):
        answers = study.responses.assign(network=change)
        broken = Study(study.clients, answers, study.assignments, study.interventions, study.register)
        with pytest.raises(bip.ModelError, match=said):
            bip.progression.reliability(broken)


@pytest.mark.parametrize(
    ("call", "change", "said"),
    [
        ("reliability", {"items": ["network"]}, "items="),
        ("reliability", {"items": ["goal_directed", "network", "cooperation"]}, "items="),
        ("reliability", {"rater": "boss"}, "rater="),
        ("invariance", {}, "by= is missing"),
        ("invariance", {"by": "shoe size"}, "by="),
        ("change", {"level": 95}, "level="),
    ],
)
def test_wrong_arguments_are_named(study: Study, call: str, change: dict[str, object], said: str) -> None:
    with pytest.raises(bip.OptionError, match=said):
        getattr(bip.progression, call)(study, **change)


def test_small_groups_are_named_with_their_number(study: Study) -> None:
    few = study.subset(clients=list(study.clients["client"][:80]))
    with pytest.raises(bip.ModelError, match="clients with all items answered; 50 are needed"):
        bip.progression.invariance({"a": study, "b": few.subset(clients=list(few.clients["client"][:20]))})
    with pytest.raises(bip.OptionError, match="two studies or more"):
        bip.progression.invariance({"a": study})


def test_noise_of_another_size_moves_the_reliability() -> None:
    truth = bip.Truth()
    noisy = replace(truth, answers=replace(truth.answers, reliability=(0.45,) * 10))
    low, high = (
        bip.progression.change(bip.simulate(one, clients=3000, rng=4)).table["reliability"].mean()
        for one in (noisy, truth)
    )
    assert low < high - 0.15
