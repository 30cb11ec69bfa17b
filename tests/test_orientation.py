"""Orientation and its effect: against brute force, regressions written out, and planted truths."""

from __future__ import annotations

from functools import cache

import joblib
import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose

import bipstats as bip
from bipstats.caseworkers.first_answers import earlier, first_answers
from bipstats.caseworkers.netting import Layout, net
from bipstats.caseworkers.outlook import read_outlook
from bipstats.caseworkers.outlook_estimates import Exposed, Incidence
from bipstats.caseworkers.outlook_rows import clients, person_quarters, quarters
from bipstats.codebook import BACKGROUND, CLIENT_ITEMS
from bipstats.errors import ModelError
from bipstats.study.study import Study

TABLES = ("clients", "responses", "assignments", "interventions", "register")


@cache
def study(n: int = 700, seed: int = 3) -> Study:
    return bip.simulate(clients=n, rng=seed)


def changed(**tables: pd.DataFrame) -> Study:
    return Study(**{name: tables.get(name, getattr(study(), name)) for name in TABLES})


@cache
def effect(split: str = "median"):
    return bip.caseworkers.orientation_effect(study(), split=split, draws=20, rng=1, progress=False)


def test_earlier_others_are_first_answers_on_other_clients_before_the_assignment() -> None:
    answers = first_answers(study())
    before = earlier(answers, study().assignments)
    found = before.means(answers.belief)
    given = study().responses.query("respondent == 'caseworker'").dropna(subset=["caseworker_belief"])
    first = given.sort_values("date", kind="stable").drop_duplicates(["client", "caseworker"])
    begun = study().assignments.sort_values("start").drop_duplicates(["client", "caseworker"])
    begun = begun.set_index(["client", "caseworker"])["start"]
    for place in np.random.default_rng(1).choice(len(found), 60, replace=False):
        client, caseworker = before.pairs[place]
        others = first[
            (first["caseworker"] == caseworker)
            & (first["client"] != client)
            & (first["date"] < begun[client, caseworker])
        ]
        assert before.count[place] == len(others)
        assert_allclose(found[place], others["caseworker_belief"].astype(float).mean())


def test_neither_the_clients_own_answer_nor_a_later_one_is_in_the_mean() -> None:
    answers = first_answers(study())
    before = earlier(answers, study().assignments)
    here = before.means(answers.belief)
    for place in range(0, len(here), 40):
        client, caseworker = before.pairs[place]
        together = (study().assignments["client"] == client) & (
            study().assignments["caseworker"] == caseworker
        )
        start = study().assignments.loc[together, "start"].min()
        own = (answers.rows["client"] == client).to_numpy() | (answers.rows["date"] >= start).to_numpy()
        assert_allclose(before.means(np.where(own, 1e6, answers.belief))[place], here[place])


def test_netting_is_a_regression_with_an_effect_for_each_caseworker() -> None:
    answers = first_answers(study())
    layout = Layout.for_netting(answers, "background and answers")
    weight = np.random.default_rng(2).exponential(size=len(answers.caseworkers))
    found = net(layout, weight)
    x = np.hstack([answers.x, np.eye(len(answers.caseworkers))[answers.caseworker]])
    root = np.sqrt(weight[answers.caseworker])
    slopes = np.linalg.lstsq(x * root[:, None], answers.belief * root, rcond=None)[0][: answers.x.shape[1]]
    assert_allclose(found.slopes, slopes, atol=1e-8)
    left = pd.Series(answers.belief - answers.x @ slopes)
    level = (left * root**2).groupby(answers.centre).sum() / pd.Series(root**2).groupby(answers.centre).sum()
    assert_allclose(found.residual, left - level.to_numpy()[answers.centre], atol=1e-8)


def test_variances_of_a_balanced_layout_are_those_of_the_analysis_of_variance() -> None:
    rng = np.random.default_rng(4)
    caseworker = np.repeat(np.arange(20), 5)
    centre = caseworker // 10
    y = rng.normal(size=20)[caseworker] + rng.normal(size=100)
    found = net(Layout.of(np.zeros((100, 1)), y, caseworker, centre))
    means = y.reshape(20, 5).mean(axis=1).reshape(2, 10)
    within = np.sum((y.reshape(20, 5) - means.reshape(20, 1)) ** 2) / 80
    between = 5 * np.sum((means - means.mean(axis=1, keepdims=True)) ** 2) / 18
    assert_allclose([found.noise, found.signal], [within, (between - within) / 5])
    assert_allclose(
        found.shrinkage(np.array([5])), 1 - within / between
    )  # James-Stein with known degrees of freedom


def test_the_spread_is_recovered_without_bias_from_unequal_caseloads_and_with_weights() -> None:
    """Mean over 300 layouts, two centres of unequal size: signal .5, noise 1.5."""
    rng = np.random.default_rng(5)
    counts = rng.integers(1, 12, size=30)
    caseworker = np.repeat(np.arange(30), counts)
    centre = (caseworker > 7).astype(int)
    found = []
    for _ in range(300):
        y = np.sqrt(0.5) * rng.normal(size=30)[caseworker] + np.sqrt(1.5) * rng.normal(size=len(caseworker))
        one = net(Layout.of(np.zeros((len(y), 1)), y, caseworker, centre), rng.uniform(0.5, 1.5, size=30))
        found.append((one.signal, one.noise))
    mean, error = np.mean(found, axis=0), np.std(found, axis=0) / np.sqrt(300)
    assert (np.abs(mean - [0.5, 1.5]) < 3.5 * error).all()


def test_scores_by_assignment_are_given_on_request_and_not_for_another_study() -> None:
    found = bip.caseworkers.orientation(study())
    rows = found.by_assignment(study())
    assert rows["others"].eq(0).equals(rows["answers_mean"].isna())
    assert_allclose(rows["answers_shrunken"], rows["answers_mean"] * rows["answers_reliability"])
    spread = found.spread.set_index("netting").loc["background and answers"]
    signal, noise = spread["signal_sd"] ** 2, spread["noise_sd"] ** 2
    known = rows[rows["others"] > 0]
    assert_allclose(known["answers_reliability"], signal / (signal + noise / known["others"]))
    assert found.spread["without_others"].tolist() == [int((rows["others"] == 0).sum())] * 2
    with pytest.raises(ModelError, match="not the study the result is from"):
        found.by_assignment(study(600, 4))


def test_shrunken_orientation_foretells_belief_one_for_one() -> None:
    """In 2,000 clients: slope of the answer on the shrunken mean of earlier others, given all else, is one."""
    found = bip.caseworkers.orientation_effect(study(2000, 1), outcome="job", draws=2, rng=1, progress=False)
    first = found.instrument[found.instrument["method"] == "first stage"]
    assert (np.abs(first["estimate"] - 1) < 3 * first["std_error"]).all()


def test_the_hazards_step_stays_where_the_fit_is() -> None:
    found = read_outlook(study())
    sample = person_quarters(study(), found, "job_or_education")
    high = np.nan_to_num(found.nets[1].scores(found.before) > 0).astype(float)[:, None]
    made = quarters(sample.rows, sample.terms(1), high, found)
    step = made.step(high[made.pair], np.ones(len(found.answers.caseworkers)))
    assert_allclose(step, made.fit.params["exposed_0"], rtol=1e-7)
    rows = sample.rows.assign(high=high[sample.rows["pair"], 0])
    again = bip.hazard(" + ".join(["high", *sample.terms(1)]), rows, exposure="exposure")
    assert_allclose(step, again.params["high"], rtol=1e-7)


def test_incidences_are_those_of_a_logit_and_its_margins() -> None:
    found = read_outlook(study())
    rows = clients(study(), found, "job", 52)
    own = found.nets[1].scores(found.before)[rows.pair]
    incidence, ones = Incidence.of(rows, 1), np.ones(len(own))
    exposed = Exposed.of("median", own, ones, 1.0).columns(own)
    params = incidence.fit(exposed, ones)
    low, high, difference, ratio = incidence.standardised(params, exposed, ones, "median")[0]
    frame = bip.landmarks(study(), at="first", outcome="job").set_index("client").loc[rows.ids].reset_index()
    frame = frame.assign(high=exposed[:, 0], entered=frame["entered"].astype(int))
    names = [*BACKGROUND, *(f"{key}_client" for key in CLIENT_ITEMS)]
    names = [name for name in names if frame[name].nunique() > 1]
    fit = bip.logit(" + ".join(["entered ~ high", *names, "C(jobcentre)"]), frame)
    assert_allclose(
        ratio, np.log(bip.margins(fit, frame, "high", scale="risk_ratio").table["estimate"].item()), rtol=1e-7
    )
    assert_allclose(difference, bip.margins(fit, frame, "high").table["estimate"].item(), rtol=1e-7)
    assert_allclose(low, fit.predict(frame.assign(high=0.0)).mean(), rtol=1e-7)
    assert_allclose(high - low, difference)


def test_cuts_lie_at_weighted_quantiles() -> None:
    scores, weight = np.array([3.0, 1.0, 2.0, 4.0]), np.array([1.0, 1.0, 1.0, 5.0])
    assert Exposed.of("median", scores, np.ones(4), 1.0).columns(scores)[:, 0].tolist() == [1, 0, 0, 1]
    assert Exposed.of("median", scores, weight, 1.0).cuts.tolist() == [4.0]
    thirds = Exposed.of("tertiles", np.arange(9.0), np.ones(9), 1.0).columns(np.arange(9.0))
    assert thirds.sum(axis=0).tolist() == [3, 3]
    assert Exposed.of("continuous", scores, weight, 2.0).columns(scores)[:, 0].tolist() == [
        1.5,
        0.5,
        1.0,
        2.0,
    ]


def test_numbers_do_not_depend_on_the_workers() -> None:
    with joblib.parallel_config("threading"):
        again = bip.caseworkers.orientation_effect(study(), draws=20, rng=1, jobs=2, progress=False)
    pd.testing.assert_frame_equal(again.table, effect().table, check_exact=True)
    pd.testing.assert_frame_equal(again.balance, effect().balance, check_exact=True)


@pytest.mark.parametrize("split", ["tertiles", "continuous"])
def test_other_splits(split: str) -> None:
    table = effect(split).table
    assert (
        table["contrast"].unique().tolist()
        == {
            "tertiles": ["middle against low", "high against low"],
            "continuous": ["one sd more"],
        }[split]
    )
    wide = table.pivot(index=["netting", "outcome", "contrast"], columns="quantity", values="estimate")
    assert_allclose(wide["incidence ratio"], wide["incidence, high"] / wide["incidence, low"])
    assert_allclose(
        wide["incidence difference"], wide["incidence, high"] - wide["incidence, low"], atol=1e-12
    )


def test_one_outcome_alone_gives_the_numbers_it_has_beside_the_other() -> None:
    alone = bip.caseworkers.orientation_effect(study(), outcome="job", draws=2, rng=1, progress=False).table
    both = effect().table.query("outcome == 'job'")
    assert_allclose(alone["estimate"], both["estimate"])


def test_a_planted_imbalance_is_found_and_nothing_else() -> None:
    """Clients of optimistic caseworkers made ten years older than they are."""
    scores = bip.caseworkers.orientation(study()).by_assignment(study())
    first = study().assignments.sort_values("start").drop_duplicates("client")[["client", "caseworker"]]
    met = first.astype(str).merge(scores, on=["client", "caseworker"]).set_index("client")["answers_mean"]
    clients_table = study().clients.copy()
    high = clients_table["client"].astype(str).map(met).gt(0).to_numpy()
    clients_table.loc[high, "birth_year"] = clients_table.loc[high, "birth_year"] - 10
    found = bip.caseworkers.orientation_effect(
        changed(clients=clients_table), draws=60, rng=2, progress=False, outcome="job_or_education"
    )
    p = found.balance[found.balance["netting"] == "background and answers"].set_index("characteristic")[
        "p_value"
    ]
    assert p["age"] == 1 / 61
    assert (p.drop("age") < 0.05).sum() <= 3
    assert dict(found.joint_p)["background and answers"] <= 3 / 61
    assert "differ by orientation" in found.paragraph and "do not differ" not in found.paragraph


def test_the_paragraphs_name_what_they_rest_on_and_when_they_mislead() -> None:
    for text in (effect().paragraph, bip.caseworkers.orientation(study()).paragraph):
        assert "This rests on" in text and "misleads where" in text and "scenario S" in text
    assert "through the belief in this client alone" in effect().paragraph


def test_answers_without_variation_are_refused_with_counts() -> None:
    responses = study().responses.copy()
    by_caseworker = responses["respondent"] == "caseworker"
    level = responses["caseworker"].astype(str).map(lambda name: 1 + int(name[-1]) % 5)
    responses.loc[by_caseworker, "caseworker_belief"] = level[by_caseworker].astype("Int8")
    with pytest.raises(ModelError, match=r"do not vary within any of \d+ caseworkers"):
        bip.caseworkers.orientation(changed(responses=responses))


def test_no_answers_are_refused_with_counts() -> None:
    responses = study().responses.copy()
    responses["caseworker_belief"] = responses["caseworker_belief"].where(np.arange(len(responses)) < 40)
    with pytest.raises(
        ModelError, match=r"complete first answers of \d+ caseworkers .*\(first answers on belief: \d+"
    ):
        bip.caseworkers.orientation(changed(responses=responses))


def test_missing_answers_and_single_caseworkers_are_counted_and_the_rest_is_used() -> None:
    responses = study().responses.copy()
    by_client = np.flatnonzero(responses["respondent"] == "client")[::7]
    responses.loc[responses.index[by_client], "network"] = pd.NA
    alone = study().clients["jobcentre"].astype(str) == "Aarhus"
    ids = study().clients.loc[alone, "client"]
    responses["caseworker"] = responses["caseworker"].astype(str).mask(responses["client"].isin(ids), "only")
    assignments = study().assignments.copy()
    assignments["caseworker"] = (
        assignments["caseworker"].astype(str).mask(assignments["client"].isin(ids), "only")
    )
    found = bip.caseworkers.orientation(changed(responses=responses, assignments=assignments))
    counts = dict(found.counts)
    assert counts["left out: client's own answers not within six weeks, or background missing"] > 20
    assert counts["of them with one caseworker, who cannot be compared"] == 1
    only = found.table[found.table["caseworker"] == "only"]
    assert_allclose(only["mean"], 0, atol=1e-9)


def test_caseworkers_who_are_alone_in_their_job_centre_cannot_be_compared() -> None:
    centre = study().clients.set_index("client")["jobcentre"].astype(str)
    tables = {}
    for name in ("responses", "assignments"):
        table = getattr(study(), name).copy()
        table["caseworker"] = "of " + table["client"].map(centre).astype(str)
        tables[name] = table
    same = changed(**tables)
    assert bip.caseworkers.orientation(same).spread["signal_sd"].eq(0).all()
    with pytest.raises(ModelError, match=r"do not differ in their answers beyond noise \(\d+ caseworkers"):
        bip.caseworkers.orientation_effect(same, draws=2, rng=1)


def test_assignments_without_earlier_answers_are_refused_with_their_number() -> None:
    assignments = study().assignments.copy()
    assignments["start"] = assignments["start"].min()
    with pytest.raises(ModelError, match=r"none of [\d,]+ assignments has earlier first answers"):
        bip.caseworkers.orientation_effect(changed(assignments=assignments), draws=2, rng=1)


def test_one_draw_has_no_spread() -> None:
    with pytest.raises(bip.OptionError, match=r"^draws=1 is not a whole number of at least 2"):
        bip.caseworkers.orientation_effect(study(), draws=1)
