"""Timing of events: its likelihood person by person, selection taken out of the effect, and histories it refuses."""

import numpy as np
import pandas as pd
import pytest
from mixtures import treated_periods
from numpy.testing import assert_allclose

import bipstats as bip


def fitted(rows, points=2, **arguments):
    return bip.timing_of_events("x", "x", rows, mass_points=points, **arguments)


@pytest.fixture(scope="module")
def rows():
    return treated_periods()


@pytest.fixture(scope="module")
def fit(rows):
    return fitted(rows)


def chance(eta, happens):
    rate = np.exp(eta)
    return np.where(happens, -np.expm1(-rate), np.exp(-rate))


def marginal(fit, rows, effect):
    """The likelihood of the reported numbers: treatment first, then the outcome, by person and point."""
    params, points, total = fit.params, fit.points, 0.0
    periods = range(rows["period"].max() + 1)
    alpha = np.array([params.get(f"outcome:period[{t}]", 0.0) for t in periods])
    gamma = np.array([params.get(f"treatment:period[{t}]", 0.0) for t in periods])
    person = rows["client"].to_numpy()
    before = rows.groupby("client")["treated"].shift(fill_value=0)
    waits = (before == 0) & (rows["period"] > 0)
    for point in points.itertuples():
        eta = point.outcome_location + alpha[rows["period"]] + params["outcome:x"] * rows["x"] + effect(rows)
        outcome = chance(eta, rows["event"] == 1)
        eta = point.treatment_location + gamma[rows["period"]] + params["treatment:x"] * rows["x"]
        treatment = np.where(waits, chance(eta, rows["treated"] == 1), 1.0)
        total = total + point.probability * pd.Series(outcome * treatment).groupby(person).prod()
    return np.log(total).sum()


def test_the_reported_numbers_have_the_reported_likelihood(fit, rows):
    expected = marginal(fit, rows, lambda d: fit.params["outcome:treated"] * d["treated"])
    assert_allclose(fit.loglik, expected, rtol=1e-12)


def test_an_effect_by_time_since_treatment_counts_periods_from_its_start(rows):
    fit = fitted(rows, effect=[0, 2, 4])
    assert fit.effect_terms == tuple(f"outcome:treated[{span}]" for span in ("0-1", "2-3", "4+"))
    size = fit.params.loc[list(fit.effect_terms)].to_numpy()

    def effect(d):
        since = d.groupby("client")["treated"].cumsum() - 1
        return np.where(since < 0, 0.0, size[np.clip(since // 2, 0, 2)])

    assert_allclose(fit.loglik, marginal(fit, rows, effect), rtol=1e-12)
    assert fit.loglik >= fitted(rows).loglik


def test_one_point_is_two_hazards_by_themselves(rows):
    fit = fitted(rows, 1)
    outcome = bip.hazard("x + treated", rows)
    waits = (rows.groupby("client")["treated"].shift(fill_value=0) == 0) & (rows["period"] > 0)
    treatment = bip.hazard("x", rows[waits], event="treated")
    assert_allclose(
        fit.params[[f"outcome:{name}" for name in outcome.params.index]], outcome.params, rtol=1e-9
    )
    assert_allclose(
        fit.params[[f"treatment:{name}" for name in treatment.params.index]], treatment.params, rtol=1e-9
    )
    assert_allclose(fit.loglik, outcome.loglik + treatment.loglik, rtol=1e-12)
    assert fit.correlation is None


def test_the_naive_effect_stands_beside(fit, rows):
    plain = bip.hazard("x + treated", rows)
    assert_allclose(fit.effects["naive"], plain.params["treated"], rtol=1e-9)
    frame = fit.summary().frame.set_index("term")
    assert_allclose(frame.loc["outcome:treated", "naive ratio"], np.exp(plain.params["treated"]), rtol=1e-9)


def test_selection_is_taken_out_of_the_effect():
    """Ten studies in which fast types are treated early: naive far above the truth, the joint estimate at it."""
    fits = [fitted(treated_periods(seed, persons=1500), baseline=2) for seed in range(10)]
    joint = np.array([one.params["outcome:treated"] for one in fits])
    naive = np.array([one.effects["naive"].item() for one in fits])
    assert (naive - 0.5).mean() > 8 * naive.std(ddof=1) / np.sqrt(10)
    assert abs(joint.mean() - 0.5) < 3 * joint.std(ddof=1) / np.sqrt(10)
    assert all(one.correlation == pytest.approx(1.0) for one in fits)  # two points: the sign is all there is


def test_errors_are_clustered_by_whole_persons(fit, rows):
    joined = rows.assign(office=rows["client"] // 20)
    clustered = fit.with_vcov(bip.cluster("office"), joined)
    again = fitted(joined, vcov=bip.cluster("office"))
    assert_allclose(clustered.bse, again.bse, rtol=1e-7)
    assert_allclose(clustered.effects["naive_std_error"], again.effects["naive_std_error"], rtol=1e-8)
    plain = bip.hazard("x + treated", joined, vcov="robust")
    robust = fit.with_vcov("robust", rows).effects["naive_std_error"].item()
    assert_allclose(
        robust, plain.bse["treated"], rtol=0.02
    )  # observed and expected information differ a little


def test_what_must_not_matter(fit, rows):
    other = rows.sample(frac=1, random_state=2).assign(x=lambda d: 3 - 2 * d["x"])
    other["client"] = "p" + other["client"].astype(str)
    moved = fitted(other)
    assert_allclose(moved.loglik, fit.loglik, rtol=1e-12)
    assert_allclose(moved.params["outcome:treated"], fit.params["outcome:treated"], rtol=1e-5)
    assert_allclose(-2 * moved.params["treatment:x"], fit.params["treatment:x"], rtol=1e-5)
    assert_allclose(moved.points["probability"], fit.points["probability"], rtol=1e-5)


def test_other_exits_censor(rows):
    """An exit to elsewhere ends the rows like the end of the study does."""
    ends = rows["event"] == 1
    elsewhere = ends & (rows["client"] % 6 == 0)
    named = rows.assign(exit=np.select([elsewhere, ends], ["elsewhere", "job"], "none"))
    by_level = fitted(named, event="exit == job")
    by_number = fitted(rows.assign(event=(ends & ~elsewhere).astype(int)))
    assert_allclose(by_level.params, by_number.params, rtol=1e-9)


def test_the_summary_says_what_is_assumed(fit):
    text = str(fit)
    for words in (
        "no anticipation",
        "Abbring & van den Berg 2003",
        "Treatment is taken to come before the outcome where both fall in one period",
        "have the outcome in the same period",
        "stock sample",
        "The mixing law is a nuisance",
        "two points: 1 or -1",
    ):
        assert words in text
    assert "effect of treatment that is constant" in fit.methods_text()


def treated_again(d):
    last = d.groupby("client").cumcount(ascending=False) == 0
    long = d.groupby("client")["treated"].transform("sum") > 1
    return d.assign(treated=d["treated"].where(~(last & long), 0))


BAD = {
    "treated at zero": (
        lambda d: d.assign(treated=((d["treated"] == 1) | (d["client"] < 7)).astype(int)),
        "7 of 500 values of 'client' are treated in their first row: at time zero",
    ),
    "treatment undone": (
        treated_again,
        "leave treatment again.*dynamic assignment .Sianesi 2004; Vikström 2017",
    ),
    "never treated": (
        lambda d: d.assign(treated=0),
        "nobody starts treatment: column 'treated' is 0 in every row",
    ),
    "always treated": (
        lambda d: d.assign(treated=1),
        "500 of 500 values of 'client' are treated in their first row",
    ),
    "a dose": (lambda d: d.assign(treated=d["treated"] * 0.5), "must hold 0 before and 1 from the start"),
    "a gap": (
        lambda d: d[(d["period"] != 2) | (d["client"] % 9 > 0)],
        "lack periods between their first and their last",
    ),
    "late entry": (
        lambda d: d[(d["period"] > 0) | (d.groupby("client")["treated"].transform("max") == 1)],
        "enter after the first period",
    ),
    "rows twice": (lambda d: pd.concat([d, d.head(30)]), "rows repeat a period of the same 'client'"),
    "rows after the outcome": (
        lambda d: pd.concat(
            [d, d[(d["event"] == 1) & (d["period"] < 9)].assign(period=lambda e: e["period"] + 1)]
        ),
        "have rows after the outcome",
    ),
    "missing period": (
        lambda d: d.assign(period=d["period"].where(d["client"] > 2)),
        "'period' is missing in",
    ),
    "missing covariate": (
        lambda d: d.assign(x=d["x"].where(d["client"] > 2)),
        "rows have missing values: x",
    ),
    "no outcome under treatment": (
        lambda d: d.assign(event=d["event"] * (1 - d["treated"])),
        "outcome hazard: .*treated = 1 has no events",
    ),
    "no outcome": (lambda d: d.assign(event=0), "no events: 'event' is never true"),
    "one person": (
        lambda d: d[d["client"] == d.loc[d["treated"] == 1, "client"].iloc[0]],
        "has one value only",
    ),
}


@pytest.mark.parametrize("name", BAD)
def test_histories_that_are_no_first_treatment_are_refused_by_name(rows, name):
    spoil, message = BAD[name]
    with pytest.raises(bip.ModelError, match=f"(?s){message}"):
        fitted(spoil(rows))


ARGUMENTS = {
    "effect from one": (dict(effect=[1, 3]), "begins with 0"),
    "effect descending": (dict(effect=[0, 5, 3]), "ascending list of whole periods"),
    "effect in words": (dict(effect="linear"), 'neither "constant" nor'),
    "points": (dict(points="hqic"), "mass_points='hqic' is no number of points"),
    "jackknife": (
        dict(vcov=bip.cluster("client", small_sample="jackknife")),
        "no covariance for few clusters",
    ),
    "baseline": (dict(baseline="smooth"), "baseline='smooth' is not known"),
}


@pytest.mark.parametrize("name", ARGUMENTS)
def test_arguments_are_checked(rows, name):
    arguments, message = ARGUMENTS[name]
    with pytest.raises(bip.OptionError, match=message):
        fitted(rows, **arguments)


def test_a_formula_with_the_treatment_in_it_is_refused(rows):
    with pytest.raises(bip.OptionError, match="outcome= names 'treated'"):
        bip.timing_of_events("x + treated", "x", rows, mass_points=1)
    with pytest.raises(bip.ModelError, match=r"nobody is seen at 50\+ periods since treatment"):
        fitted(rows, effect=[0, 50])
