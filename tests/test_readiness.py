"""One factor, the index of readiness, and what follows a measurement."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import bipstats as bip
from bipstats.models.kernels.factor import one_factor
from bipstats.progression.index import ITEMS, folds_of
from bipstats.study.study import Study

REFERENCE = json.loads((Path(__file__).parent / "reference" / "factor.json").read_text())


@pytest.fixture(scope="module")
def study() -> Study:
    return bip.simulate(clients=600, rng=5, latent=True)


@pytest.mark.parametrize("name", ["ability", "harman"])
def test_one_factor_is_that_of_factanal(name: str) -> None:
    """To 1e-5: R stops its search by the change of the objective."""
    known = REFERENCE[name]
    found = one_factor(np.array(known["correlation"]))
    sign = np.sign(np.sum(known["loadings"]))
    np.testing.assert_allclose(found.loadings, sign * np.array(known["loadings"]), atol=1e-5)
    np.testing.assert_allclose(found.unique, known["unique"], atol=1e-5)
    assert found.discrepancy == pytest.approx(known["discrepancy"], rel=1e-8)
    assert found.df == known["df"]


def test_an_exact_factor_is_found_exactly() -> None:
    loadings = np.array([0.9, 0.7, 0.5, 0.6])
    correlation = np.outer(loadings, loadings) + np.diag(1 - loadings**2)
    found = one_factor(correlation)
    np.testing.assert_allclose(found.loadings, loadings, atol=1e-6)
    assert found.discrepancy == pytest.approx(0, abs=1e-10)
    assert found.omega == pytest.approx(loadings.sum() ** 2 / correlation.sum(), rel=1e-6)
    by_hand = np.linalg.inv(correlation) @ loadings
    np.testing.assert_allclose(found.score_weights, by_hand, atol=1e-5)
    assert not found.at_bound


def test_an_item_that_is_the_factor_is_at_the_bound() -> None:
    loadings = np.array([1.0, 0.7, 0.5, 0.6])
    found = one_factor(np.outer(loadings, loadings) + np.diag(1 - loadings**2) + 1e-9 * np.eye(4))
    assert found.at_bound


@pytest.mark.parametrize("version", ["mean", "factor", "job model"])
def test_an_index_has_mean_zero_and_sd_one_at_the_first_measurement(study: Study, version: str) -> None:
    index = bip.progression.readiness(study, version=version)
    rows = bip.measurements(study)
    first = rows[rows["measurement"] == 1]
    score = index.score(first)
    assert score.isna().sum() == first[list(index.items)].isna().any(axis=1).sum()
    assert abs(score.mean()) < 0.15 and abs(score.std() - 1) < 0.1  # some first measurements are not at risk


@pytest.mark.parametrize("version", ["mean", "factor", "job model"])
def test_every_version_follows_latent_readiness(study: Study, version: str) -> None:
    """Correlation with the truth of the generator at the first measurement."""
    index = bip.progression.readiness(study, version=version)
    first = bip.measurements(study).query("measurement == 1")
    truth = study.latent.query("quarter == 0").set_index("client")["readiness"]
    joined = pd.DataFrame(
        {"index": index.score(first).to_numpy(), "truth": truth.reindex(first["client"]).to_numpy()}
    )
    assert joined.corr().iloc[0, 1] > 0.6


def test_the_change_of_the_index_is_the_difference_of_its_levels(study: Study) -> None:
    for version in ("mean", "job model"):
        index = bip.progression.readiness(study, version=version)
        pairs = bip.transitions(study)
        later = pairs.copy()
        for item in index.items:
            later[item] = pairs[item] + pairs[f"change_{item}"]
        np.testing.assert_allclose(
            index.change(pairs).to_numpy(),
            (index.score(later) - index.score(pairs)).to_numpy(),
            atol=1e-12,
        )


def test_clients_weights_come_from_other_clients(study: Study) -> None:
    """Without one client, the weights of that client's own fold do not move."""
    index = bip.progression.readiness(study, version="job model")
    someone = bip.spells(study)["client"].iloc[0]
    rest = study.subset(clients=[name for name in study.clients["client"] if name != someone])
    without = bip.progression.readiness(rest, version="job model")
    fold = folds_of(pd.Series([someone]), 5, 1)[0]
    np.testing.assert_allclose(index.weights[fold], without.weights[fold], rtol=1e-9)
    others = [one for one in range(5) if one != fold]
    assert (index.weights[others] != without.weights[others]).any(axis=1).all()


def test_the_folds_are_of_like_size_and_depend_on_names_only() -> None:
    names = pd.Series([f"C{i:05d}" for i in range(5000)])
    fold = folds_of(names, 5, 1)
    assert np.bincount(fold).min() > 850
    np.testing.assert_array_equal(fold[::-1], folds_of(names[::-1], 5, 1))
    assert (fold != folds_of(names, 5, 2)).any()


def test_items_by_one_rater_alone(study: Study) -> None:
    for rater, number in (("client", 7), ("caseworker", 9)):
        index = bip.progression.readiness(study, items=rater)
        assert len(index.items) == number == len(ITEMS[rater])
        assert all(item.endswith(rater) for item in index.items)


def test_the_plain_mean_is_one(study: Study) -> None:
    index = bip.progression.readiness(study)
    rows = bip.measurements(study).dropna(subset=list(index.items))
    plain = rows[list(index.items)].to_numpy(float).mean(axis=1)
    score = index.score(rows)
    assert np.corrcoef(plain, score)[0, 1] == pytest.approx(1)


def test_wrong_items_are_named(study: Study) -> None:
    for items in (
        ["no_such", "network_client", "cooperation_client"],
        ["network_client"],
        ["network_client"] * 3,
    ):
        with pytest.raises(bip.OptionError, match="items="):
            bip.progression.readiness(study, items=items)


def test_an_item_never_answered_is_named(study: Study) -> None:
    responses = study.responses.assign(
        network=study.responses["network"].mask(study.responses["network"].notna())
    )
    silent = Study(study.clients, responses, study.assignments, study.interventions, study.register)
    with pytest.raises(bip.ModelError, match="network_client is never answered"):
        bip.progression.readiness(silent, items=["network_client", "cooperation_client", "job_search_client"])


def test_measurements_agree_with_transitions_where_the_client_was_measured_again(study: Study) -> None:
    rows = bip.measurements(study).query("followed == 'measured again'")
    pairs = bip.transitions(study).merge(
        rows[["client", "measurement", "weeks", "change_job_search_client"]], on=["client", "measurement"]
    )
    assert len(pairs) == len(rows)
    assert (pairs["weeks_x"] == pairs["weeks_y"]).all() and (pairs["weeks_x"] <= 16).all()
    assert pairs["change_job_search_client_x"].equals(pairs["change_job_search_client_y"])


def test_what_follows_a_measurement_agrees_with_the_register(study: Study) -> None:
    from bipstats.register.outcomes import outcomes

    rows = bip.measurements(study).merge(outcomes(study), on="client", suffixes=("_measured", ""))
    left = rows["week"] - rows["week_measured"]
    entered, other = (rows["followed"] == name for name in ("entered", "other exit"))
    assert (rows.loc[entered, "event"] == 1).all() and (left[entered] <= 16).all()
    assert (rows.loc[other, "event"] == 0).all() and (rows.loc[other, "exit"] != "censored").all()
    ended = rows["followed"] == "data end"
    assert (rows.loc[ended, "data_end"] - rows.loc[ended, "week_measured"] < 16).all()
    dropped = rows["followed"] == "not measured again"
    assert (left[dropped] >= 16).all()
    assert (rows["week_measured"] < rows["week"]).all() and (
        rows["week_measured"] >= rows["risk_start"]
    ).all()


def test_changes_are_seen_among_those_measured_again_only(study: Study) -> None:
    rows = bip.measurements(study)
    again = rows["followed"] == "measured again"
    assert rows.loc[~again, ["weeks", "change_network_client"]].isna().all().all()
    assert rows.loc[again, "weeks"].notna().all()
