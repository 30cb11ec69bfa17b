"""The generator: exact counts, coherent tables, and the truth that it says it has."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy.special import ndtri

import bipstats as bip
from bipstats.codebook import CLASSES, CLIENT_ITEMS, INDICATORS, INTERVENTION_TYPES, LEVELS, dream
from bipstats.synthetic import register
from bipstats.synthetic.caseworkers import NEVER, Desk, Staff, staff, staff_counts, tilted
from bipstats.synthetic.counts import allocate, caseworker_count, pair_count
from bipstats.synthetic.exits import Rates, expected_entry
from bipstats.synthetic.moments import moments, step
from bipstats.synthetic.quantities import last_caseworker
from bipstats.synthetic.streams import streams
from bipstats.synthetic.world import Action, World, make_world

DAY = np.timedelta64(1, "D")
DATA_END = np.datetime64("2017-01-01")  # the Sunday of the last week of 2016


@pytest.fixture(scope="module")
def study() -> bip.Study:
    return bip.simulate(clients=1500, rng=7, latent=True)


@pytest.fixture(scope="module")
def world() -> World:
    return make_world(bip.Truth(), 20_000, streams(11), Action())


def monday(dates: pd.Series) -> pd.Series:
    return dates - pd.to_timedelta(dates.dt.day_of_week, unit="D")


def weeks_since_enrolment(study: bip.Study, table: pd.DataFrame, column: str) -> pd.Series:
    enrolled = study.clients.set_index("client")["enrolled"].reindex(table["client"]).reset_index(drop=True)
    return (monday(table[column]) - monday(enrolled)).dt.days // 7


# Counts ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("clients", "pairs", "caseworkers"),
    [(10, 34, 10), (50, 169, 10), (400, 1350, 30), (4000, 13500, 300)],  # 33.75 and 168.75 are rounded
)
def test_counts_are_exact(clients, pairs, caseworkers):
    study = bip.simulate(clients=clients, rng=3)
    assert len(study.clients) == clients
    assert study.responses["respondent"].value_counts().to_dict() == {"client": pairs, "caseworker": pairs}
    assert study.assignments["caseworker"].nunique() == caseworkers
    assert study.clients["jobcentre"].nunique() == 10
    assert bip.check_study(study).empty


def test_shares_become_counts():
    shares = (0.5, 0.3, 0.2)
    assert allocate(10, shares, np.zeros(3, dtype=int)).tolist() == [5, 3, 2]
    # 3.5, 2.1, 1.4: the largest remainder is that of the first
    assert allocate(7, shares, np.zeros(3, dtype=int)).tolist() == [4, 2, 1]
    # the last gets its least count of 4, the others share 6 as 5 to 3: 3.75 and 2.25
    assert allocate(10, shares, np.array([1, 1, 4])).tolist() == [4, 2, 4]


@pytest.mark.parametrize("clients", [9, 1, 0, -5, 2.5, "100", True, None])
def test_impossible_sizes_are_refused(clients):
    with pytest.raises(bip.OptionError, match=r"clients=.*at least 10"):
        bip.simulate(clients=clients)


def test_more_caseworkers_than_clients_are_refused():
    truth = bip.Truth()
    crowded = replace(truth, caseworkers=replace(truth.caseworkers, per_client=0.9), centres=truth.centres)
    assert caseworker_count(20, crowded) == 18
    assert bip.simulate(crowded, clients=20, rng=1).assignments["caseworker"].nunique() == 18


@pytest.mark.parametrize("pairs_per_client", [1.0, 5.5])
def test_pairs_are_thinned_and_restored(pairs_per_client):
    """Fewer than fall out by themselves (3.45 per client), or more, missed and dropped ones restored."""
    truth = bip.Truth()
    truth = replace(truth, measurement=replace(truth.measurement, pairs_per_client=pairs_per_client))
    study = bip.simulate(truth, clients=300, rng=2)
    assert len(study.responses) == 2 * pair_count(300, truth) == 600 * pairs_per_client
    assert bip.check_study(study).empty
    first = study.responses.groupby("client")["date"].min()
    assert (monday(first) == monday(study.clients.set_index("client")["enrolled"])).all()


@pytest.mark.parametrize("pairs_per_client", [0.5, 17.0])
def test_fewer_pairs_than_clients_or_more_than_quarters_are_refused(pairs_per_client):
    with pytest.raises(bip.OptionError, match=r"between 1 .* and the quarters of the follow-up"):
        bip.Truth().replace({"measurement.pairs_per_client": pairs_per_client})


def test_more_pairs_than_there_are_before_the_exits_are_refused():
    truth = bip.Truth().replace({"measurement.pairs_per_client": 15.0})
    with pytest.raises(bip.OptionError, match=r"asks for 3000 pairs .* 200 clients can give 200 .* to \d+"):
        bip.simulate(truth, clients=200, rng=2)


# Seeds ----------------------------------------------------------------------------------------------------


def test_one_seed_one_study():
    assert bip.simulate(clients=120, rng=5) == bip.simulate(clients=120, rng=5)
    assert bip.simulate(clients=120, rng=5) != bip.simulate(clients=120, rng=6)
    generators = (np.random.default_rng(8), np.random.default_rng(8))
    assert bip.simulate(clients=120, rng=generators[0]) == bip.simulate(clients=120, rng=generators[1])
    assert bip.simulate(clients=120, rng=generators[0]) != bip.simulate(clients=120, rng=8)


@pytest.mark.parametrize("rng", [-1, 1.5, "1", True])
def test_impossible_seeds_are_refused(rng):
    with pytest.raises(bip.OptionError, match="rng="):
        bip.simulate(clients=50, rng=rng)


def test_truth_must_be_a_truth():
    with pytest.raises(bip.OptionError, match=r"bip\.scenarios"):
        bip.simulate("N2", clients=50)


# Tables ---------------------------------------------------------------------------------------------------


def test_calendar(study):
    enrolled = study.clients["enrolled"]
    assert (enrolled.dt.day_of_week < 5).all()
    assert enrolled.min() >= pd.Timestamp("2013-01-28")
    assert enrolled.max() <= pd.Timestamp("2014-07-18")
    assert study.register.columns[1] == "y_0802"  # 260 weeks before the first week of 2013
    assert list(study.register.columns).index("branche_2008_01") == 260 + 209 + 1
    assert study.register.columns[-1] == "branche_2016_12"


def test_questionnaires_come_in_pairs(study):
    answers = study.responses
    client = answers[answers["respondent"] == "client"].reset_index(drop=True)
    caseworker = answers[answers["respondent"] == "caseworker"].reset_index(drop=True)
    assert (client["client"] == caseworker["client"]).all()
    assert (client["caseworker"] == caseworker["caseworker"]).all()
    assert (monday(client["date"]) == monday(caseworker["date"])).all()
    apart = (client["date"] != caseworker["date"]).mean()
    assert 0.1 < apart < 0.2  # one in five draws its own of five days
    assert caseworker[list(INDICATORS)].notna().all(axis=None)
    assert client[list(CLIENT_ITEMS)].notna().all(axis=None)
    assert client[["caseworker_belief", "goal_directed"]].isna().all(axis=None)
    week = weeks_since_enrolment(study, client, "date")
    assert (week.groupby(client["client"]).min() == 0).all()
    assert set(week % 13) == {0, 1, 2, 3}
    assert not (week[week < 13] > 0).any()
    enrolled = study.clients.set_index("client")["enrolled"].reindex(answers["client"]).to_numpy()
    assert (answers["date"].to_numpy() >= enrolled).all()


def test_one_caseworker_at_a_time(study):
    rows = study.assignments
    same = (rows["client"] == rows["client"].shift()).to_numpy(dtype=bool, na_value=False)
    assert_array_equal(rows["start"].to_numpy()[same], (rows["end"].shift().to_numpy() + DAY)[same])
    assert (rows["caseworker"] != rows["caseworker"].shift())[same].all()
    assert (rows["start"].dt.day_of_week[same] == 0).all()
    assert (rows["end"].dropna().dt.day_of_week == 6).all()
    first = rows[~same].set_index("client")["start"]
    assert (first == study.clients.set_index("client")["enrolled"]).all()
    centre = study.clients.set_index("client")["jobcentre"].astype(str)
    centres = centre.reindex(rows["client"]).groupby(rows["caseworker"].to_numpy()).nunique()
    assert (centres == 1).all()


def test_answers_name_the_caseworker_in_charge(study):
    joined = study.responses.merge(study.assignments, on="client", suffixes=("", "_assigned"))
    within = (joined["start"] <= joined["date"]) & (joined["date"] <= joined["end"].fillna(DATA_END))
    assert within.sum() == len(study.responses)
    assert (joined["caseworker"] == joined["caseworker_assigned"])[within].all()


def test_register_shows_the_exit_in_its_week(study):
    """The first sustained run of each kind begins in the latent week of the exit; no other client has one."""
    latent = study.latent.drop_duplicates("client").set_index("client")
    runs = bip.register_states(study)
    runs = runs[runs["start_week"] > 0].assign(long=lambda r: r["end_week"] - r["start_week"] >= 3)
    last = runs.groupby("client")["end_week"].max()
    seen = 0
    for kind in ("job", "education", "flexjob", "self_support", "disability_pension", "dead", "emigrated"):
        absorbing = kind in ("disability_pension", "dead", "emigrated")
        first = (
            runs[(runs["state"] == kind) & (runs["long"] | absorbing)].groupby("client")["start_week"].min()
        )
        true = latent.loc[latent["exit"] == kind, "exit_week"]
        if not absorbing:  # a run must fit before the data end
            true = true[true <= last.reindex(true.index).fillna(-1) - 3]
        assert_array_equal(first.sort_index().index, true.sort_index().index)
        assert_array_equal(first.sort_index().to_numpy(), true.sort_index().to_numpy(dtype=int))
        seen += len(true)
    assert seen > 500


def test_everybody_is_on_benefit_until_the_exit(study):
    exit_week = study.latent.drop_duplicates("client").set_index("client")["exit_week"].fillna(10_000)
    runs = bip.register_states(study)
    risk = runs[(runs["end_week"] >= 0) & (runs["start_week"] < exit_week.reindex(runs["client"]).to_numpy())]
    assert set(risk["state"]) == {"social_assistance", "sickness_benefit"}


def test_shares_are_those_of_the_register(study):
    runs = bip.register_states(study)
    weeks = (np.minimum(runs["end_week"], -1) - np.maximum(runs["start_week"], -260) + 1).clip(lower=0)
    entered = runs["state"].isin(["job", "education"])
    client = study.clients.set_index("client")
    for rows, column in (
        (entered, "job_share_5y"),
        (~entered & (runs["state"] != "self_support"), "support_share_5y"),
    ):
        total = weeks[rows].groupby(runs["client"]).sum().reindex(client.index, fill_value=0)
        assert_allclose(client[column], total / 260, rtol=0, atol=1e-12)


def test_records_say_the_class_of_each_quarter(study):
    """Windows of 13 weeks since enrolment hold the types of the quarter's class, unless the client left in it."""
    latent = study.latent.copy()
    latent["follows"] = latent["client"] == latent["client"].shift(-1)
    rows = study.interventions
    first = weeks_since_enrolment(study, rows, "start")
    last = weeks_since_enrolment(study, rows, "end")
    held = pd.DataFrame({"client": rows["client"], "job": rows["code"].map(INTERVENTION_TYPES) == "job"})
    spans = [held.assign(quarter=q)[(first <= 13 * q + 13) & (last > 13 * q)] for q in range(16)]
    held = pd.concat(spans).drop_duplicates()
    kind = held.groupby(["client", "quarter"])["job"].agg(["max", "min"])
    code = pd.Series(2 * kind["max"] + ~kind["min"], name="seen").astype(int)
    latent = latent[latent["follows"]].join(code, on=["client", "quarter"])
    assert_array_equal(latent["intervention_class"].cat.codes, latent["seen"].fillna(0).astype(int))
    assert list(latent["intervention_class"].cat.categories) == list(CLASSES)


def test_interventions_end_before_the_exit_and_do_not_overlap(study):
    rows = study.interventions.sort_values(["client", "code", "start"])
    again = (rows["client"] == rows["client"].shift()) & (rows["code"] == rows["code"].shift())
    assert (rows["start"] > rows["end"].shift())[again].all()
    exit_week = study.latent.drop_duplicates("client").set_index("client")["exit_week"].fillna(10_000)
    left = exit_week.reindex(study.interventions["client"]).to_numpy(dtype=int)
    assert (weeks_since_enrolment(study, study.interventions, "end").to_numpy() < left).all()
    assert study.interventions["end"].max() <= pd.Timestamp("2016-12-31")


def test_register_codes_still_mean_what_they_are_used_for():
    states = dream().states
    assert states[register.SOCIAL_ASSISTANCE] == states[register.ACTIVATED] == "social_assistance"
    assert states[register.SICKNESS] == "sickness_benefit"
    assert {kind: states[code] for kind, code in register.EXIT_CODES.items()} == {
        kind: kind for kind in register.EXIT_CODES
    }


# Shares ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("trait", "share"),
    [
        ("unqualified", 0.70),
        ("mental", 0.46),
        ("musculoskeletal", 0.20),
        ("single", 0.68),
        ("non_western", 0.22),
    ],
)
def test_background_prevalences(world, trait, share):
    band = 4 * np.sqrt(share * (1 - share) / len(world.persons))  # four standard errors
    assert abs(world.persons.traits[trait].mean() - share) < band


def test_background_history(world):
    """E16: 14 % of the last five years in job or education; E32: 63 % on support 80 % of the time."""
    job = world.persons.job_weeks / 260
    support = 1 - job - world.persons.self_support_weeks / 260
    assert abs(job.mean() - 0.14) < 4 * job.std() / np.sqrt(len(job))
    assert abs((support >= 0.8).mean() - 0.63) < 0.02
    men = ~world.persons.female
    assert abs(world.persons.traits["convicted"][men].mean() - 0.25) < 4 * np.sqrt(0.25 * 0.75 / men.sum())


def test_published_shares_hold(world):
    """Bands: four sds between worlds of 20,000 clients, from worlds of 60,000, plus 2 % of the figure."""
    out = world.out
    entered = np.isin(out.kind, (1, 2))
    assert abs(((out.kind == 1) & (out.week <= 52)).mean() - 0.06) < 0.0075
    assert abs(entered.mean() - 0.1476) < 0.012
    begins = 13 * (np.arange(world.path.klass.shape[1]) + 1) < out.week[:, None]
    classes = np.bincount(world.path.klass[begins]) / begins.sum()
    assert_allclose(classes, [0.232, 0.343, 0.242, 0.182], atol=0.015)
    switched = (
        13 * np.arange(begins.shape[1]) + world.path.switch + 1
        <= out.week[:, None] - (out.kind == 0)[:, None]
    )
    switched = (switched & (world.path.switch < 13)).any(axis=1)
    assert abs(switched.mean() - 0.40) < 0.03


def test_belief_and_jobs_within_a_year():
    """E05-E09 at the first questionnaire: 6, 20, 24, 50 % and 27 against 1 % in a job after 52 weeks."""
    study = bip.simulate(clients=20_000, rng=12, latent=True)
    first = study.responses[study.responses["respondent"] == "caseworker"].drop_duplicates("client")
    belief = first.set_index("client")["caseworker_belief"].astype(int)
    share = belief.value_counts(normalize=True)
    assert_allclose([share[5], share[4], share[3], share[1] + share[2]], [0.06, 0.20, 0.24, 0.50], atol=0.02)
    latent = study.latent.drop_duplicates("client").set_index("client")
    job = (latent["exit"] == "job") & (latent["exit_week"] <= 52)
    rate = job.groupby(belief.reindex(job.index)).mean()
    assert 0.005 < rate[1] < 0.016
    assert 0.22 < rate[5] < 0.32
    assert (rate.diff().dropna() > 0).all()


# Truth ----------------------------------------------------------------------------------------------------


def test_expected_share_in_closed_form():
    """Constant hazards h and k per quarter over 26 weeks: h / (h + k) (1 - exp(-2 (h + k)))."""
    start = np.array([[0.0, 5.0, 13.0, 26.0]])
    length = np.array([[5.0, 8.0, 13.0, 0.0]])
    hazard = Rates(start, length, np.full((1, 4), 0.1), np.full((1, 4), 0.3))
    assert_allclose(expected_entry(hazard, 26), 0.25 * (1 - np.exp(-0.8)), rtol=1e-14)
    assert_allclose(expected_entry(hazard, 9), 0.25 * (1 - np.exp(-0.4 * 9 / 13)), rtol=1e-14)


def test_exits_follow_their_hazards(world):
    """Observed minus expected entries, a martingale: within four of its standard errors."""
    for horizon in (13, 52, 104):
        expected = expected_entry(world.hazards, horizon)
        entered = np.isin(world.out.kind, (1, 2)) & (world.out.week <= horizon)
        error = np.sqrt((expected * (1 - expected)).sum())
        assert abs(entered.sum() - expected.sum()) < 4 * error
    education = world.out.kind[np.isin(world.out.kind, (1, 2))] == 2
    assert abs(education.mean() - 0.15) < 4 * np.sqrt(0.15 * 0.85 / len(education))


def test_step_moves_the_mean_answer_by_one_level():
    cuts = ndtri([0.12, 0.36, 0.66, 0.90])
    assert_allclose(step(cuts, 1.0), 0.896, atol=5e-4)  # GENERATOR: 0.896
    latent = ndtri((np.arange(200_000) + 0.5) / 200_000)
    small = 0.01
    rise = np.searchsorted(cuts, latent + small).mean() - np.searchsorted(cuts, latent).mean()
    assert_allclose(small / rise, step(cuts, 1.0), rtol=2e-3)


def test_moments_agree_with_the_draws(world):
    scale = moments(world.truth)
    n = len(world.persons)
    readiness, background = world.path.prospects[:, 0], world.persons.prospects
    for values, sd in (
        (readiness, scale.readiness_sd),
        (background, scale.prospects_sd),
        (readiness + background, scale.total_sd),
    ):
        assert abs(values.std() / sd - 1) < 4 / np.sqrt(2 * n)
    assert abs(background.mean()) < 4 * scale.prospects_sd / np.sqrt(n)


def test_truth_frame_says_what_is_exact(study):
    truth = study.truth
    assert list(truth.columns) == ["quantity", "scale", "value", "mc_error", "how"]
    assert not truth.duplicated(["quantity", "scale"]).any()
    exact = truth["how"].str.endswith("exact")
    assert truth.loc[exact, "mc_error"].isna().all()
    assert (truth.loc[~exact, "mc_error"] > 0).all()
    assert truth["value"].notna().all()
    value = truth.set_index(["quantity", "scale"])["value"]
    assert value["belief_effect", "log hazard"] == bip.Truth().hazard.belief
    assert value["belief_effect", "risk ratio, 52 weeks"] == pytest.approx(1.34, abs=0.03)
    assert value["entry_share_top_decile", "share"] > 1.6 * value["entry_share", "share"]


def test_a_forecast_changes_nothing():
    value = bip.simulate(bip.scenarios()["F"], clients=100, rng=1).truth.set_index(["quantity", "scale"])[
        "value"
    ]
    assert value["belief_effect", "log hazard"] == 0
    assert value["belief_effect", "risk ratio, 52 weeks"] == 1
    assert value["belief_effect", "risk difference, follow-up"] == 0


def test_latent_is_kept_on_request_only(study):
    assert bip.simulate(clients=50, rng=1).latent is None
    assert study.latent.groupby("client").size().index.equals(study.clients.set_index("client").index)


# Caseworkers ----------------------------------------------------------------------------------------------


def team_of(caseload: list[float], departs: list[int]) -> Staff:
    size = len(caseload)
    zero = np.zeros(size)
    whole = np.zeros(size, dtype=np.int64)
    return Staff(whole, zero, zero, zero, np.array(caseload), zero, np.array(departs), whole)


def test_desk_gives_clients_by_caseload_to_those_in_post():
    desk = Desk.of(team_of([1.0, 2.0, 1.0], [NEVER, 5, NEVER]), 10)
    centre, place = np.zeros(4, dtype=int), np.array([0.1, 0.3, 0.7, 0.9])
    assert desk.pick(place, centre, np.full(4, 4)).tolist() == [0, 1, 1, 2]
    assert desk.pick(place, centre, np.full(4, 5)).tolist() == [0, 0, 2, 2]
    assert desk.pick(place, centre, np.full(4, 99)).tolist() == [0, 0, 2, 2]
    # without the first: caseloads 2 and 1, the border at two thirds
    assert desk.pick(place, centre, np.full(4, 4), without=np.zeros(4, dtype=int)).tolist() == [1, 1, 2, 2]
    alone = Desk.of(team_of([1.0, 2.0], [NEVER, 5]), 10)
    assert alone.pick(np.array([0.5]), np.array([0]), np.array([6]), without=np.array([0])).tolist() == [-1]


def test_nobody_works_after_leaving(world):
    path, team, persons = world.path, world.team, world.persons
    for t in range(path.before.shape[1]):
        week = persons.entry + 13 * t
        inside = week < world.truth.calendar.weeks
        assert (team.departs[path.before[:, t]] > week)[inside].all()
    moved = path.switch < 13
    assert (path.before[moved] != path.after[moved]).all()
    assert (path.before[~moved] == path.after[~moved]).all()
    assert (team.centre[path.after] == persons.centre[:, None]).all()


def test_poor_prospects_come_to_effective_caseworkers():
    truth = bip.Truth()
    sorted_truth = replace(truth, caseworkers=replace(truth.caseworkers, sorting=0.9))
    for given, low, high in ((truth, -0.2, 0.0), (sorted_truth, -1.0, -0.7)):
        drawn = make_world(given, 6000, streams(4), Action())
        prospects = drawn.path.prospects[:, 0] + drawn.persons.prospects
        assert low < np.corrcoef(prospects, drawn.team.effect[drawn.path.before[:, 0]])[0, 1] < high


def test_balanced_caseworkers_are_normal_scores():
    truth = bip.Truth()
    truth = replace(
        truth, caseworkers=replace(truth.caseworkers, balanced=True, effect_sd=1.0, effect_tilt=0.0)
    )
    team = staff(truth, staff_counts(truth, 4000), streams(1)["caseworkers"])
    scores = ndtri((np.arange(300) + 0.5) / 300)
    assert_allclose(np.sort(team.effect), scores, atol=1e-12)
    assert_allclose(np.sort(team.orientation), scores, atol=1e-12)
    assert abs(np.corrcoef(team.effect, team.orientation)[0, 1]) < 4 / np.sqrt(300)


@pytest.mark.parametrize("tilt", [-0.3, 0.1, 0.5])
def test_tilted_effects_keep_mean_spread_and_order(tilt):
    scores = ndtri((np.arange(200_000) + 0.5) / 200_000)
    effects = tilted(scores, tilt)
    assert effects.mean() == pytest.approx(0, abs=1e-6)
    assert effects.std() == pytest.approx(1, abs=1e-4)
    assert (np.diff(effects) > 0).all()
    middle = effects[100_000]
    below, above = middle - effects[20_000], effects[180_000] - middle
    assert below / above == pytest.approx(np.exp(2 * tilt), rel=1e-3)


def test_without_a_tilt_effects_are_the_scores():
    scores = np.random.default_rng(1).standard_normal(50)
    assert (tilted(scores, 0.0) == scores).all()


# Counterfactuals ------------------------------------------------------------------------------------------


def test_counterfactual_belief_has_common_random_numbers(world):
    moved = make_world(world.truth, 20_000, streams(11), Action(shift=1.0))
    assert_array_equal(moved.path.items, world.path.items)
    assert_array_equal(moved.path.before, world.path.before)
    entered, before = (np.isin(w.out.kind, (1, 2)) for w in (moved, world))
    assert (moved.out.week[entered & before] <= world.out.week[entered & before]).all()
    assert not (before & ~entered).any()  # nobody loses an entry by more belief
    true = expected_entry(moved.hazards, moved.out.followed) - expected_entry(
        world.hazards, world.out.followed
    )
    gain = entered.astype(float) - before
    assert abs(gain.mean() - true.mean()) < 4 * gain.std() / np.sqrt(len(gain))
    assert_allclose(moved.hazards.entry, world.hazards.entry * np.exp(bip.Truth().hazard.belief), rtol=1e-12)


def test_counterfactual_caseworkers_all_have_one_effect():
    study = bip.simulate(clients=60, rng=3, do={"caseworkers": 0.5}, latent=True)
    assert (study.latent["caseworker_effect"] == 0.5).all()


def test_counterfactual_without_switches():
    kept = bip.simulate(clients=300, rng=3, do={"switches": "none"})
    usual = bip.simulate(clients=300, rng=3)
    assert not kept.assignments["client"].duplicated().any()
    assert usual.assignments["client"].duplicated().any()
    first = usual.assignments.drop_duplicates("client").set_index("client")["caseworker"]
    assert (kept.assignments.set_index("client")["caseworker"] == first).all()
    assert bip.check_study(kept).empty


@pytest.mark.parametrize(
    ("do", "message"),
    [
        ({"beliefs": 1}, "belief"),
        ({"belief": "+1"}, "steps of latent belief"),
        ({"caseworkers": float("nan")}, "log hazard"),
        ({"switches": "all"}, "'none'"),
        ("belief", "mapping"),
    ],
)
def test_impossible_counterfactuals_are_refused(do, message):
    with pytest.raises(bip.OptionError, match=message):
        bip.simulate(clients=50, do=do)


def test_last_caseworker_is_that_of_the_last_week():
    drawn = make_world(bip.Truth(), 500, streams(9), Action())
    study = bip.simulate(clients=500, rng=9)
    last = study.assignments.drop_duplicates("client", keep="last")["caseworker"].str[1:].astype(int) - 1
    assert_array_equal(drawn.team.number[last_caseworker(drawn)], last.to_numpy())


def test_levels_are_the_codebooks(study):
    assert list(study.clients["jobcentre"].cat.categories) == list(LEVELS["jobcentre"])
